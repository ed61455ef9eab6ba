"""How each kind of account behaves, in numbers: rhythm, lengths, networks, clients. YAML ↔ records.

The shapes are those of published traces: bursty gaps (gamma with shape below 1), daily and weekly
cycles, few clients that send most, log-normal lengths (BurstGPT, arXiv 2401.17644; ServeGen,
2505.09999; the Azure inference traces behind Splitwise, 2311.18677, and DynamoLLM, 2408.00741). The
numbers are invented; none is fitted to a trace.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from auditor.labs.traffic.settings import BenignKind, CampaignKind
from fingerprints.record_files import RecordFile
from fingerprints.records import Record

BOOKS = ("auditor", "labs", "traffic", "books")
Positive = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Weights = Annotated[dict[str, Positive], Field(min_length=1)]
NetworkKind = Literal["home", "office", "campus", "cloud", "residential"]


class Spread(Record):
    """A log-normal number: its median, the standard deviation of its logarithm, its largest."""

    median: Positive
    sigma: Annotated[float, Field(ge=0, le=3)] = 0.8
    most: Positive = 100_000


class Gap(Record):
    """Seconds between two requests of a session: gamma of this mean and shape (1 is Poisson,
    below it bursty, far above it regular), times a log-normal pace of each session."""

    mean: Positive
    shape: Positive = 0.8
    pace: Annotated[float, Field(ge=0, le=2)] = 0.3


class Pool(Record):
    """Prompts that come again: how many there are, whose they are, how many rows take a fresh one
    instead, and whether a session goes through them in order."""

    items: Annotated[int, Field(ge=1)]
    of: Literal["account", "group", "public"] = "account"
    fresh: Fraction = 0.3
    in_order: bool = False


class Sentences(Record):
    """What stands below a head: a register of the wording, and from how many sentences to how
    many; below it, in ``pasted`` of all rows, some of another register."""

    register_name: str
    least: Annotated[int, Field(ge=0, le=12)] = 1
    most: Annotated[int, Field(ge=0, le=12)] = 3
    pasted: Fraction = 0
    pasted_register: str = "prose"


class Habit(Record):
    """How one kind of ordinary account behaves.

    ``rows_per_day``: mean over accounts; ``tail``: Pareto exponent of what differs between them.
    ``starts``: sessions begin by chance within ``hours``, or on a timer. ``together``: members of a
    group begin together (lessons). ``heads``: how many of its kind's templates an account uses (0:
    none); ``house``: share of accounts whose templates begin with a line of their own.
    ``interests``: how many themes it comes back to; ``crowd``: its sessions are those of many
    users, with languages and themes of their own. ``context``: tokens beside the prompt;
    ``grows``: by which share with each turn. ``grouped``: share of accounts in groups that share
    payment and network. ``free``: without a payment. ``new``: share of accounts that begin during
    the log. ``adopts``: days until an account takes a new model; ``pinned`` never do.
    """

    rows_per_day: Positive
    tail: Annotated[float, Field(gt=1, le=10)] = 1.8
    session: Spread
    gap: Gap
    starts: Literal["chance", "timer"] = "chance"
    together: bool = False
    hours: str
    weekend: Fraction = 0.8
    heads: Annotated[int, Field(ge=0)] = 0
    house: Fraction = 0
    body: Sentences | None = None
    pool: Pool | None = None
    interests: Annotated[int, Field(ge=1)] = 8
    crowd: bool = False
    tokens_out: Spread
    context: Spread
    grows: Fraction = 0
    max_tokens: Weights
    temperature: Weights
    system: Fraction = 0
    network: NetworkKind
    grouped: Fraction = 0
    group_size: Annotated[float, Field(ge=1)] = 6
    group_network: NetworkKind = "office"
    free: Fraction = 0
    clients: Weights
    new: Fraction = 0.15
    adopts: Positive = 12
    pinned: Fraction = 0.3
    failures: Fraction = 0.01


class CampaignHabit(Record):
    """How one kind of campaign behaves. One dispatcher sends all of its requests.

    ``regularity``: shape of the gaps of the dispatcher (1 is chance, 20 a clock). ``shift`` hours
    at a time each account works with probability ``awake``. ``rotating``: an address an hour.
    ``cover``: share of other traffic, of the kind ``cover_kind``. ``switch``: days until all of it
    has moved to a new model. ``paraphrased``: share of prompts with a sentence before them.
    """

    hours: str = "flat"
    weekend: Fraction = 1
    regularity: Positive = 3
    shift: Positive = 4
    awake: Annotated[float, Field(gt=0, le=1)] = 1
    heads: Annotated[int, Field(ge=1)] = 4
    paraphrased: Fraction = 0
    tokens_out: Spread
    context: Spread
    max_tokens: Weights
    temperature: Weights
    network: NetworkKind = "cloud"
    rotating: bool = False
    per_network: Annotated[int, Field(ge=1)] = 8
    per_payment: Annotated[int, Field(ge=1)] = 10
    per_key: Annotated[int, Field(ge=1)] = 10
    clients: Weights
    cover: Fraction = 0
    cover_kind: BenignKind = "chat"
    switch: Positive = 10
    failures: Fraction = 0.02


class Book(Record):
    """All of it: the day by hours under each name (24 weights, local time), kinds, campaigns.

    ``carrier``: share of homes behind an address of a carrier that hundreds share. ``zones``:
    hours east of Greenwich, with weights.
    """

    format: Literal["traffic-book/1"] = "traffic-book/1"
    name: str
    hours: dict[str, Annotated[tuple[float, ...], Field(min_length=24, max_length=24)]]
    zones: Weights
    carrier: Fraction = 0.25
    kinds: dict[BenignKind, Habit]
    campaigns: dict[CampaignKind, CampaignHabit]

    @model_validator(mode="after")
    def _knows_its_hours(self) -> Book:
        used = {h.hours for h in self.kinds.values()} | {c.hours for c in self.campaigns.values()}
        if unknown := sorted(used - self.hours.keys()):
            raise ValueError(f"hours: no day is called {unknown[0]}")
        return self


def load_book(name_or_path: str) -> Book:
    """A bundled book by name, or one from a YAML file.

    Raises UsageProblem for an unknown name, MalformedInput for a file that is missing or none.
    """
    return _FILE.named(name_or_path, BOOKS, "no book is called", "book")


_FILE = RecordFile(Book, "no book of habits", "see docs/logs-simulate.md", form="yaml")
