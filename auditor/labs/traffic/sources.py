"""Settings become sources of traffic: who is in a log, and how much each is expected to send."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from auditor.labs.traffic.accounts import Accounts, ordinary
from auditor.labs.traffic.benign import OrdinaryTraffic
from auditor.labs.traffic.book import Book, load_book
from auditor.labs.traffic.campaigns import CampaignTraffic, steered
from auditor.labs.traffic.columns import Directory, named
from auditor.labs.traffic.mixing import fraction, mix
from auditor.labs.traffic.prompts import Writer
from auditor.labs.traffic.rhythm import DAY
from auditor.labs.traffic.settings import BenignGroup, BenignKind, Campaign, TrafficSettings
from auditor.labs.traffic.wording import Lexicon, load_wording

Source = OrdinaryTraffic | CampaignTraffic


@dataclass(frozen=True)
class Members:
    """The accounts of one kind or campaign; ``campaign`` is empty for ordinary ones. ``clients``:
    what their clients are called, ``system``: the share of them that sends a system prompt."""

    kind: str
    campaign: str
    clients: tuple[str, ...]
    system: float
    accounts: Accounts


@dataclass(frozen=True)
class Cast:
    """Everybody in a log: sources in their order, and their accounts, place by place."""

    settings: TrafficSettings
    seed: int
    wording: Lexicon
    sources: tuple[Source, ...]
    members: tuple[Members, ...]

    def n_accounts(self) -> int:
        """How many accounts there are."""
        return sum(len(m.accounts) for m in self.members)

    def directory(self, writer: Writer) -> Directory:
        """What the accounts are called and bring along."""
        seeds = np.concatenate([m.accounts.seed for m in self.members])
        style = fraction(mix(seeds, 82))
        systems = [
            text if has else None
            for m in self.members
            for text, has in zip(
                writer.systems(m.kind, mix(m.accounts.place, 81)),
                fraction(mix(m.accounts.seed, 83)) < m.system,
                strict=True,
            )
        ]
        clients = [m.clients[c] for m in self.members for c in m.accounts.client]
        return Directory(
            names=pa.array(named("acct-", mix(seeds, 84), 14)),
            systems=pa.array(systems, pa.string()),
            clients=pa.array(clients, pa.string()),
            keys=pa.array(named("sk-", self._all("key"), 8)),
            payments=pa.array(named("pay-", self._all("payment"), 12), pa.string()),
            styles=np.where(self._people(), np.searchsorted((0.55, 0.75, 0.9), style), 0),
        )

    def _all(self, column: str) -> NDArray[np.uint64]:
        return np.concatenate([getattr(m.accounts, column) for m in self.members])

    def _people(self) -> NDArray[np.bool_]:
        """Whose typing has a style of its own: people, not programs."""
        return np.concatenate(
            [np.full(len(m.accounts), m.kind in ("chat", "classroom")) for m in self.members]
        )


def cast_of(settings: TrafficSettings, seed: int) -> Cast:
    """Everybody in the log of settings. Deterministic by seed.

    Raises what `load_wording` and `load_book` raise.
    """
    wording, book = load_wording(settings.wording), load_book(settings.book)
    scene = _Scene(settings, seed, wording, book)
    for group in settings.benign:
        scene.add_ordinary(group)
    for campaign in settings.campaigns:
        scene.add_campaign(campaign)
    return Cast(settings, seed, wording, tuple(scene.sources), tuple(scene.members))


class _Scene:
    """Collects sources and gives each account its place."""

    def __init__(self, settings: TrafficSettings, seed: int, wording: Lexicon, book: Book) -> None:
        self.settings, self.seed, self.wording, self.book = settings, seed, wording, book
        self.sources: list[Source] = []
        self.members: list[Members] = []
        begins = settings.begins()
        self.span = (begins, begins + settings.days * DAY)

    def _next(self) -> int:
        return sum(len(m.accounts) for m in self.members)

    def _seeds(self) -> tuple[int, ...]:
        return (self.seed, len(self.sources))

    def _cover(self, campaign: Campaign) -> float:
        habit = self.book.campaigns[campaign.kind]
        return habit.cover if campaign.cover is None else campaign.cover

    def benign_rows(self) -> float:
        """Rows that are left for ordinary accounts."""
        used = 0.0
        for campaign in self.settings.campaigns:
            cover = self._cover(campaign)
            beside = cover / (1 - cover) * self.settings.days / campaign.days
            used += campaign.share * (1 + beside)
        return self.settings.rows * max(0.05, 1 - used)

    def add_ordinary(self, group: BenignGroup) -> None:
        """The accounts of one kind."""
        habit = self.book.kinds[group.kind]
        total = sum(other.share for other in self.settings.benign)
        expected = self.benign_rows() * group.share / total
        fair = expected / (habit.rows_per_day * self.settings.days)
        accounts = ordinary(
            np.random.default_rng([*self._seeds(), 0]),
            habit,
            self.book.zones,
            self.book.carrier,
            self.wording.language_weights,
            group.accounts or max(1, round(fair)),
            self._next(),
            self.span[0],
            self.settings.days,
        )
        self.sources.append(self._ordinary(group.kind, accounts, expected))
        self.members.append(Members(group.kind, "", tuple(habit.clients), habit.system, accounts))

    def _ordinary(self, kind: BenignKind, accounts: Accounts, expected: float) -> OrdinaryTraffic:
        return OrdinaryTraffic(
            kind,
            self.book.kinds[kind],
            self.book,
            self.wording,
            accounts,
            expected,
            self.span,
            self.settings.models,
            self._seeds(),
        )

    def add_campaign(self, campaign: Campaign) -> None:
        """The accounts of a campaign, with the other traffic that covers it."""
        habit = self.book.campaigns[campaign.kind]
        rng = np.random.default_rng([*self._seeds(), 0])
        accounts = steered(rng, campaign, habit, self.book, self._next())
        expected = self.settings.rows * campaign.share
        number = sum(1 for m in self.members if m.campaign)
        self.sources.append(
            CampaignTraffic(
                campaign,
                habit,
                self.book,
                self.wording,
                accounts,
                expected,
                self.span[0],
                self.settings.models,
                self._seeds(),
                number,
            )
        )
        cover = self._cover(campaign)
        if cover:
            beside = expected * cover / (1 - cover) * self.settings.days / campaign.days
            self.sources.append(self._ordinary(habit.cover_kind, accounts, beside))
        self.members.append(
            Members(campaign.kind, campaign.name, tuple(habit.clients), 0, accounts)
        )
