"""Campaigns: one dispatcher that spreads many prompts over its accounts, no prompt twice; and the
accounts it steers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auditor.labs.traffic.accounts import KINDS, Accounts, addresses, picked
from auditor.labs.traffic.benign import TimeStretch, failed, models_at, numbers_of
from auditor.labs.traffic.book import Book, CampaignHabit
from auditor.labs.traffic.mixing import below, fraction, mix
from auditor.labs.traffic.rhythm import DAY, Indices, Seconds, Week, spread_draws, volumes
from auditor.labs.traffic.rows import NONE, RequestRows
from auditor.labs.traffic.settings import Campaign, Model
from auditor.labs.traffic.wording import Lexicon

SPREAD_OVER_ACCOUNTS = 3.0
"""Pareto exponent of what a dispatcher sends through each account: it spreads the load."""


def steered(
    rng: np.random.Generator, campaign: Campaign, habit: CampaignHabit, book: Book, first: int
) -> Accounts:
    """The accounts of a campaign. What several share lies side by side; a new account of the log
    begins with the campaign."""
    n = campaign.accounts
    numbers = np.arange(n)
    own = int(rng.integers(1, 2**62))

    def shared(per: int, salt: int) -> NDArray[np.uint64]:
        """A draw for each account, (accounts,), the same for ``per`` neighbours."""
        return mix(own + salt, numbers // per)

    network = "residential" if habit.rotating else habit.network
    key = shared(campaign.per_key or habit.per_key, 3)
    zones = np.array([float(z) for z in book.zones])
    return Accounts(
        first=first,
        seed=mix(own, 1, numbers),
        zone=np.full(n, zones[picked(mix(np.array([own]), 2), book.zones)[0]] * 3600.0),
        volume=volumes(rng, SPREAD_OVER_ACCOUNTS, n),
        born=np.full(n, -np.inf),
        group=np.full(n, NONE, np.int64),
        place=shared(campaign.per_network or habit.per_network, 4),
        network=np.full(n, KINDS.index(network), np.int16),
        carrier=np.zeros(n, bool),
        payment=shared(campaign.per_payment or habit.per_payment, 5),
        key=key,
        client=picked(mix(key, 6), habit.clients),
        language=np.zeros(n, np.int16),
        lag=rng.random(n) * habit.switch * DAY,
    )


PLAIN = 0.3
"""How long answers are to prompts that don't ask for reasoning, against those to prompts that do:
about as long as those to people."""


class CampaignTraffic:
    """The rows of one campaign, stretch by stretch and in order: its prompts are counted through.

    ``expected``: its rows in all; ``number``: its place among the campaigns of the settings.
    """

    def __init__(
        self,
        campaign: Campaign,
        habit: CampaignHabit,
        book: Book,
        wording: Lexicon,
        accounts: Accounts,
        expected: float,
        begins: float,
        models: tuple[Model, ...],
        seed: tuple[int, ...],
        number: int,
    ) -> None:
        self.habit, self.accounts, self.models, self.begins = habit, accounts, models, begins
        self.expected, self.seed, self.number = expected, seed, number
        self.start = begins + campaign.from_day * DAY
        self.end = self.start + campaign.days * DAY
        self.week = Week.of(book.hours[habit.hours], habit.weekend)
        self.register = wording.place(
            "head.campaign" if campaign.elicits else "head.campaign-plain"
        )
        self.length = 1.0 if campaign.elicits else PLAIN
        self.heads = self._chosen_heads(campaign.heads or habit.heads, wording)
        self.opening = wording.place(f"open.{wording.languages[0]}")
        self.sent = 0

    def _chosen_heads(self, wanted: int, wording: Lexicon) -> NDArray[np.int16]:
        rng = np.random.default_rng([*self.seed, 1])
        order = rng.permutation(wording.size(self.register))
        return order[: min(wanted, order.size)].astype(np.int16)

    def rows(self, stretch: TimeStretch) -> RequestRows:
        """What it sends in a stretch. Deterministic where stretches come in order."""
        rng = np.random.default_rng([*self.seed, 2, stretch.number])
        time = self._times(rng, stretch)
        who = self._chosen_accounts(rng, time)
        count = self.sent + np.arange(time.size)
        self.sent += time.size
        return self._filled(rng, time, who, count)

    def _times(self, rng: np.random.Generator, stretch: TimeStretch) -> Seconds:
        """A renewal process in the dispatcher's own time, which runs as its hours do."""
        zone = float(self.accounts.zone[0])
        start, end = max(stretch.start, self.start), min(stretch.end, self.end)
        if start >= end:
            return np.empty(0)
        low, high, whole_low, whole_high = self.week.amount(
            np.array([start, end, self.start, self.end]) + zone
        )
        n = int(rng.poisson(self.expected * (high - low) / (whole_high - whole_low)))
        gaps = rng.gamma(self.habit.regularity, 1.0, n + 1)
        passed = np.cumsum(gaps)[:n] / gaps.sum() if n else np.empty(0)
        times = self.week.when(low + passed * (high - low)) - zone
        return np.clip(times, start, end - 1e-3)

    def _chosen_accounts(self, rng: np.random.Generator, time: Seconds) -> Indices:
        """Any account that is awake in its shift, those with more volume more often."""
        who = np.zeros(time.size, np.int64)
        shifts = (time // (self.habit.shift * 3600.0)).astype(np.int64)
        for shift in np.unique(shifts):
            rows = np.flatnonzero(shifts == shift)
            awake = np.flatnonzero(
                fraction(mix(self.accounts.seed, int(shift), 51)) < self.habit.awake
            )
            awake = awake if awake.size else np.arange(len(self.accounts))
            edges = np.cumsum(self.accounts.volume[awake])
            drawn = np.searchsorted(edges, rng.random(rows.size) * edges[-1], side="right")
            who[rows] = awake[np.minimum(drawn, awake.size - 1)]
        return who

    def _filled(
        self, rng: np.random.Generator, time: Seconds, who: Indices, count: Indices
    ) -> RequestRows:
        habit, n = self.habit, time.size
        none, nothing = np.full(n, NONE, np.int16), np.zeros(n, np.int16)
        ours = mix(np.full(n, self.seed[0]), self.seed[-1])
        moment = (time // 3600).astype(np.uint64) if habit.rotating else ours
        opened = rng.random(n) < habit.paraphrased
        return RequestRows(
            time=time,
            account=(self.accounts.first + who).astype(np.int32),
            seed=(count // self.heads.size).astype(np.uint64),
            theme=mix(ours, count),
            opening=np.where(opened, np.int16(self.opening), none),
            head_register=np.full(n, self.register, np.int16),
            head=self.heads[count % self.heads.size],
            body_register=none,
            bodies=nothing,
            paste_register=none,
            pastes=nothing,
            closing=none,
            wanted=(spread_draws(rng, habit.tokens_out, n) * self.length).astype(np.int32) + 1,
            context=spread_draws(rng, habit.context, n).astype(np.int32),
            cap=np.nan_to_num(numbers_of(habit.max_tokens, mix(ours, 1))).astype(np.int32),
            temperature=numbers_of(habit.temperature, mix(ours, 2)),
            network=self._networks(who, moment),
            model=models_at(time, self.accounts.lag[who], self.models, self.begins),
            status=failed(rng, habit.failures, n),
            campaign=np.full(n, self.number, np.int16),
        )

    def _networks(self, who: Indices, moment: NDArray[np.uint64]) -> NDArray[np.uint32]:
        if not self.habit.rotating:
            return addresses(self.accounts, who, moment)
        # A rotating proxy: another home every hour, whatever place the account has.
        homes = mix(self.accounts.place[who], moment, 52)
        return (0xF0000000 + below(homes, 1 << 26)).astype(np.uint32)
