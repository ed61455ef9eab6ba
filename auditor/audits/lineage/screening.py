"""A suspect against a store of signatures: thousands of bases without their weights, by what a
signature keeps of them.

The nearest are looked at, and nearness knows the order of units: p-values are raised for all stored
models, as if each one had been tested.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from auditor.audits.lineage.records import SIGNATURE, WeightComparison, WeightTest
from auditor.evidence.codes import ReasonCode
from detectors.lineage.independence import (
    FEWEST,
    Order,
    Ranked,
    bends,
    far,
    fisher,
    profile_order,
    ranked,
    sidak,
)
from fingerprints.weights.bases import BaseCandidate, BaseStore
from fingerprints.weights.signature import WeightSignature

LOOKED_AT = 25
"""Stored models that are looked at closely, the nearest by sorted values first."""

NO_SIZE = -34.0
"""Below this logarithm of its size a coordinate was set to zero."""

Mask = NDArray[np.bool_]
Looks = tuple[Ranked, Ranked, Ranked]
"""Ranks of profiles as they are, and free of trends by near and by far neighbours. Sorting leaves a
trend, and pruning two of every four weights a pattern: each of both is seen by one look less than
by the others."""


def screened(
    suspect: WeightSignature, store: BaseStore, alpha: float, skip: Sequence[str] = ()
) -> list[WeightComparison]:
    """The stored models nearest to a suspect, each with the exact tests of order,
    Bonferroni-corrected over all stored.

    ``skip`` names models that were compared by their weights. Raises StoreIntegrity for a damaged
    store.
    """
    found = [c for c in store.screen(suspect, LOOKED_AT) if c.name not in skip]
    mine, stored = LayerProfiles(suspect), len(store.names())
    return [_told(c, mine, stored, alpha) for c in found]


class LayerProfiles:
    """A model's profiles as the tests of order ask for them, as they are and free of trends: made
    when asked for, and once, for a suspect that is held against many."""

    def __init__(self, signature: WeightSignature) -> None:
        self.signature = signature
        self._layers: dict[int, Looks] = {}

    def layer(self, index: int, which: Mask | None = None) -> Looks:
        """Those of a layer's kept units, or of some of them alone."""
        if which is not None:
            return _looks(self._values(index)[which])
        if index not in self._layers:
            self._layers[index] = _looks(self._values(index))
        return self._layers[index]

    def live(self, index: int) -> Mask:
        """Which of a layer's kept units are no units of zeros, which have no cosine between what
        they read and write."""
        return np.asarray(self._values(index)[:, :2].all(axis=1))

    def _values(self, index: int) -> NDArray[np.float64]:
        return self.signature.layer(index).astype(np.float64).T

    def coordinates(self, which: Mask) -> Looks:
        """Those of some residual coordinates."""
        if not which.all():
            return _looks(self._profile[which])
        return self._all_coordinates

    @cached_property
    def _all_coordinates(self) -> Looks:
        return _looks(self._profile)

    @cached_property
    def _profile(self) -> NDArray[np.float64]:
        return _coordinates(self.signature)

    @cached_property
    def live_coordinates(self) -> Mask:
        """Which coordinates were not set to zero, in the embedding or in what is read."""
        mine = self.signature
        sizes = np.concatenate([mine.embedding[None], mine.ups])
        gains = np.concatenate([mine.gains, mine.last_gain[None]])
        return np.asarray((sizes > NO_SIZE).all(axis=0) & (gains != 0).all(axis=0))

    @cached_property
    def shape(self) -> tuple[int, int]:
        """Coordinates, and what is kept of each."""
        wide, deep = self._profile.shape
        return wide, deep


def _looks(profile: NDArray[np.float64]) -> Looks:
    return ranked(profile), ranked(bends(profile)), ranked(bends(profile, far(len(profile))))


def unit_order(one: LayerProfiles, other: LayerProfiles) -> tuple[list[Order], ...]:
    """The test of unit order for every layer that both can be compared in, as it is, and free of
    trends in two ways; empty where their layers have no equal widths, or too few units."""
    out: tuple[list[Order], ...] = ([], [], [])
    mine, theirs = one.signature.facts, other.signature.facts
    for layer, of in enumerate(layer_map(one.signature, other.signature)):
        if mine.units[layer] != theirs.units[of]:
            continue
        # Strangers that were pruned by one mask have their units of zeros at the same places.
        live = one.live(layer) & other.live(of)
        some = None if live.all() else live
        if live.sum() < 3 * FEWEST:
            continue
        profiles = one.layer(layer, some), other.layer(of, some)
        for orders, a, b in zip(out, *profiles, strict=True):
            orders.append(profile_order(a, b))
    return out


def coordinate_order(one: LayerProfiles, other: LayerProfiles) -> tuple[Order, ...] | None:
    """The test of the residual coordinates' order, as it is and free of trends in two ways: what
    units in another order leave as it was.

    None where the streams have other widths or too few coordinates, or other numbers of layers were
    kept. Coordinates that were set to zero in either are left out.
    """
    if one.shape != other.shape:
        return None
    live = one.live_coordinates & other.live_coordinates
    if live.sum() < 3 * FEWEST:
        return None
    profiles = one.coordinates(live), other.coordinates(live)
    return tuple(profile_order(a, b) for a, b in zip(*profiles, strict=True))


def _coordinates(signature: WeightSignature) -> NDArray[np.float64]:
    """What is kept of each coordinate: its size in the embedding and in units, and the norms'
    gains, (hidden, features)."""
    kept = (signature.embedding[None], signature.ups, signature.gains, signature.last_gain[None])
    return np.concatenate(kept).astype(np.float64).T


def layer_map(one: WeightSignature, other: WeightSignature) -> list[int]:
    """For each of the one model's layers, the nearest of the other's by sorted values; by number
    where both have as many."""
    if one.facts.layers == other.facts.layers:
        return list(range(one.facts.layers))
    a, b = (s.quantiles.astype(np.float64).reshape(s.facts.layers, -1) for s in (one, other))
    distance = ((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2)
    return [int(k) for k in distance.argmin(axis=1)]


def _told(
    candidate: BaseCandidate, suspect: LayerProfiles, stored: int, alpha: float
) -> WeightComparison:
    theirs = LayerProfiles(candidate.signature)
    tests = [t for t in (_by_units(suspect, theirs), _by_coordinates(suspect, theirs)) if t]
    facts = {"rank in the store": f"{candidate.rank} of {stored:,}"}
    bare = WeightComparison(
        base=candidate.name,
        spec=f"{SIGNATURE}{candidate.name}",
        relation="not_compared",
        facts=facts,
        reason=OTHER_WIDTHS,
        reason_code="other_widths",
    )
    if not tests:
        return bare
    # Both tests are independent under the null hypothesis, as those of the weights are.
    p = sidak([test.p for test, _ in tests])
    p_holm, trend = min(1.0, p * stored), min(1.0, sidak([trend for _, trend in tests]) * stored)
    kin = p_holm < alpha
    code: ReasonCode | None = None
    if not kin:
        code = "sorted_units" if trend < alpha else "no_common_order"
    return bare.model_copy(
        update={
            "relation": "common_origin" if kin else "unclear",
            "p": p,
            "p_holm": p_holm,
            "tests": tuple(test for test, _ in tests),
            "kinds": (BY_SIGNATURE,) if kin else (),
            "reason": "" if code is None else UNSEEN[code],
            "reason_code": code,
        }
    )


def _by_units(one: LayerProfiles, other: LayerProfiles) -> tuple[WeightTest, float] | None:
    looks = unit_order(one, other)
    orders = looks[0]
    if not orders:
        return None
    # The largest: sorting units by their size would give an order at large to strangers too.
    trend, *local = (fisher([o.p for o in look]) for look in looks)
    rho, n = float(np.mean([o.rho for o in orders])), sum(o.n for o in orders)
    return _test("hidden units", max(trend, *local), rho, n), trend


def _by_coordinates(one: LayerProfiles, other: LayerProfiles) -> tuple[WeightTest, float] | None:
    found = coordinate_order(one, other)
    if found is None:
        return None
    whole = found[0]
    return _test("coordinates", max(o.p for o in found), whole.rho, whole.n), whole.p


def _test(unit: str, p: float, rho: float, n: int) -> WeightTest:
    return WeightTest(
        name=f"order of {unit}, by signature",
        p=p,
        exact=True,
        effect=rho,
        effect_name="mean rank correlation of their values",
        n=n,
        n_unit=unit,
    )


OTHER_WIDTHS = "its layers have other widths: a signature can't be compared; give its weights"
BY_SIGNATURE = (
    "by signature alone: give its weights to learn whether the order was put there, and how one"
    " became the other"
)
UNSEEN: dict[ReasonCode, str] = {
    "sorted_units": (
        "an order was seen at large and not in the very places, as sorting units by a property"
        " leaves it: its weights see more"
    ),
    "no_common_order": (
        "no common order was seen by signature; units and coordinates in another order would hide"
        " one: its weights see more"
    ),
}
