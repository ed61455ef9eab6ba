"""Accounts: who they are beside what they send. Everything that must stay the same over a log is
drawn here once, per source of traffic.

Addresses lie in 240.0.0.0/4, which is reserved and never routed: no simulated row names a network
of somebody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.labs.traffic.book import Habit, NetworkKind
from auditor.labs.traffic.mixing import Seeds, below, fraction, mix
from auditor.labs.traffic.rhythm import DAY, Seconds, volumes

# Places in 240.0.0.0/4, one a kind of network; a campaign's residential proxies are homes.
_SPACE: dict[NetworkKind, int] = {
    "home": 0xF0000000,
    "residential": 0xF0000000,
    "office": 0xF6000000,
    "campus": 0xF8000000,
    "cloud": 0xFA000000,
}
_CARRIERS = 0xF4000000
HOMES_BEHIND_A_CARRIER = 300
"""How many homes share one address of a carrier, on average."""
CLASSES_ON_A_CAMPUS = 6
PROVIDERS = 8


@dataclass(frozen=True)
class Accounts:
    """Columns, one value an account.

    ``zone``: seconds east of Greenwich; ``volume``: mean 1; ``born``: seconds since 1970;
    ``place``: what its address follows from; ``network``: which kind; ``carrier``: homes behind a
    carrier's address; ``payment`` and ``key``: equal where shared, payment 0 without one; ``lag``:
    seconds until it takes a new model, infinite where never; ``first``: its source's place in the
    directory.
    """

    first: int
    seed: Seeds
    zone: Seconds
    volume: Seconds
    born: Seconds
    group: NDArray[np.int64]
    place: Seeds
    network: NDArray[np.int16]
    carrier: NDArray[np.bool_]
    payment: Seeds
    key: Seeds
    client: NDArray[np.int16]
    language: NDArray[np.int16]
    lag: Seconds

    def __len__(self) -> int:
        """How many accounts."""
        return int(self.seed.size)


KINDS: tuple[NetworkKind, ...] = ("home", "office", "campus", "cloud", "residential")


def picked(seeds: Seeds, weights: Mapping[str, float] | tuple[float, ...]) -> NDArray[np.int16]:
    """The place of one of several choices a seed, as often as their weights say."""
    values = np.array(list(weights.values()) if isinstance(weights, Mapping) else weights, float)
    edges = np.cumsum(values / values.sum())[:-1]
    return np.searchsorted(edges, fraction(seeds), side="right").astype(np.int16)


def group_numbers(rng: np.random.Generator, n: int, share: float, size: float) -> NDArray[np.int64]:
    """The group of each of n accounts, or -1: groups of about ``size``, members side by side."""
    inside = round(n * share)
    sizes = np.maximum(rng.poisson(size, max(1, inside)), 2)
    numbers = np.repeat(np.arange(sizes.size), sizes)[:inside]
    return np.concatenate([numbers, np.full(n - inside, -1)]).astype(np.int64)


def ordinary(
    rng: np.random.Generator,
    habit: Habit,
    zones: Mapping[str, float],
    carrier: float,
    languages: tuple[float, ...],
    n: int,
    first: int,
    begins: float,
    days: float,
) -> Accounts:
    """n ordinary accounts of one kind."""
    seed = rng.integers(1, 2**63, n, dtype=np.uint64)
    group = group_numbers(rng, n, habit.grouped, habit.group_size)
    team = mix(int(seed[0]), np.maximum(group, 0))
    shared = group >= 0
    owner = np.where(shared, team, seed)
    born = np.where(rng.random(n) < habit.new, rng.random(n) * days * DAY, 0.0) + begins
    hours = np.array([float(z) for z in zones])
    network = np.where(shared, KINDS.index(habit.group_network), KINDS.index(habit.network)).astype(
        np.int16
    )
    paying = shared | (rng.random(n) >= habit.free)
    lag = np.where(rng.random(n) < habit.pinned, np.inf, rng.exponential(habit.adopts, n) * DAY)
    return Accounts(
        first=first,
        seed=seed,
        zone=hours[picked(mix(owner, 11), zones)] * 3600.0,
        volume=volumes(rng, habit.tail, n),
        born=born,
        group=group,
        place=owner,
        network=network,
        carrier=(fraction(mix(seed, 12)) < carrier) & (network == KINDS.index("home")),
        payment=np.where(paying, mix(owner, 13), np.uint64(0)),
        key=mix(seed, 14),
        client=picked(mix(seed, 15), habit.clients),
        language=picked(mix(owner, 16), languages),
        lag=lag,
    )


def addresses(accounts: Accounts, who: NDArray[np.int64], moment: Seeds) -> NDArray[np.uint32]:
    """The address that each row comes from. ``moment``: a seed that is equal where a session, or an
    hour, is the same."""
    kind, place = accounts.network[who], accounts.place[who]
    out = np.empty(who.size, np.uint32)
    for number, name in enumerate(KINDS):
        rows = np.flatnonzero(kind == number)
        if rows.size:
            offset = _offset(name, place[rows], moment[rows], accounts.group[who[rows]])
            out[rows] = _SPACE[name] + offset
    # One session in ten of a home is on the move, behind a carrier like those that always are.
    moving = (kind == 0) & (accounts.carrier[who] | (fraction(mix(moment, 21)) < 0.1))
    carriers = max(2, len(accounts) // HOMES_BEHIND_A_CARRIER)
    out[moving] = _CARRIERS + below(mix(place[moving], 22), carriers) * 256 + 1
    return out


def _offset(
    kind: NetworkKind, place: Seeds, moment: Seeds, group: NDArray[np.int64]
) -> NDArray[np.int64]:
    """An address within its kind's space."""
    if kind == "office":
        return below(mix(place, 23), 1 << 16) * 256 + 1 + below(mix(moment, 24), 2)
    if kind == "campus":
        campus = np.maximum(group, 0) // CLASSES_ON_A_CAMPUS
        return below(mix(campus, 25), 1 << 16) * 256 + 1 + below(mix(place, 26), 4)
    if kind == "cloud":
        provider = below(mix(place, 27), PROVIDERS)
        serverless = fraction(mix(place, 28)) < 0.3
        return provider * 65536 + below(mix(np.where(serverless, moment, place), 29), 65536)
    return below(mix(place, 30), 1 << 26)
