"""What a simulated log holds: who is in it, how long, which campaigns. YAML ↔ records, and the
bundled ones by name. Knows what will be made; makes nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Literal

import yaml
from pydantic import Field, model_validator

from fingerprints.record_files import RecordFile, bundled_names
from fingerprints.records import Record

PRESETS = ("auditor", "labs", "traffic", "presets")
BenignKind = Literal[
    "chat",
    "agent",
    "ci",
    "rag",
    "evaluation",
    "translation",
    "classroom",
    "aggregator",
    "catalogue",
]
CampaignKind = Literal["single", "hydra", "drip", "proxy", "mixed", "switching"]
Answers = Literal["none", "lengths", "text"]
Form = Literal["parquet", "jsonl", "csv"]
"""Kinds of file that a log is written as."""
Share = Annotated[float, Field(gt=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]


class Model(Record):
    """A model that the API offers, from which day of the log on."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    day: Annotated[float, Field(ge=0)] = 0


class BenignGroup(Record):
    """Ordinary accounts of one kind. ``share``: of all benign rows, relative to the other groups.

    How many accounts there are follows from the kind's rows a day, unless ``accounts`` says it.
    """

    kind: BenignKind
    share: Share
    accounts: Annotated[int, Field(ge=1)] | None = None


class Campaign(Record):
    """Bulk generation by accounts that one hand steers.

    ``share``: its own rows (without the cover traffic of its accounts) of all rows of the log.
    ``from_day`` and ``days``: when it runs. ``accounts`` of one payment, network or key prefix:
    what the book says, unless it is told here. ``cover``: share of other traffic on its accounts
    while it runs, ``heads``: how many templates it uses. ``elicits``: whether its prompts ask for
    reasoning and long answers; else they are plain, and answers ``PLAIN`` times as long.
    """

    name: Name
    kind: CampaignKind
    share: Share
    accounts: Annotated[int, Field(ge=1, le=100_000)] = 1
    from_day: Annotated[float, Field(ge=0)] = 0
    days: Annotated[float, Field(gt=0)]
    per_network: Annotated[int, Field(ge=1)] | None = None
    per_payment: Annotated[int, Field(ge=1)] | None = None
    per_key: Annotated[int, Field(ge=1)] | None = None
    cover: Annotated[float, Field(ge=0, le=0.95)] | None = None
    heads: Annotated[int, Field(ge=1, le=64)] | None = None
    elicits: bool = True


class Faults(Record):
    """What is wrong with a real log, as shares of its rows: written twice, without an account, with
    a clock that jumped by up to three hours."""

    duplicates: Annotated[float, Field(ge=0, le=0.5)] = 0
    missing_accounts: Annotated[float, Field(ge=0, le=0.5)] = 0
    clock_jumps: Annotated[float, Field(ge=0, le=0.5)] = 0


class TrafficSettings(Record):
    """A log to simulate. ``rows`` is what is expected; chance decides the exact number.

    ``wording`` (what accounts say) and ``book`` (how they behave) are bundled names or paths of
    YAML files: ``first`` for choosing thresholds, ``second`` for judging them.
    """

    format: Literal["traffic/1"] = "traffic/1"
    name: Name
    about: str = ""
    start: date = date(2026, 3, 2)
    days: Annotated[float, Field(gt=0, le=400)] = 14
    rows: Annotated[int, Field(ge=100, le=1_000_000_000)] = 200_000
    wording: str = "first"
    book: str = "first"
    answers: Answers = "lengths"
    models: Annotated[tuple[Model, ...], Field(min_length=1)] = (Model(name="model-1"),)
    benign: Annotated[tuple[BenignGroup, ...], Field(min_length=1)]
    campaigns: tuple[Campaign, ...] = ()
    faults: Faults = Faults()

    @model_validator(mode="after")
    def _can_be_made(self) -> TrafficSettings:
        for names in ([c.name for c in self.campaigns], [b.kind for b in self.benign]):
            if len(set(names)) != len(names):
                raise ValueError("two campaigns or two benign groups have one name")
        if min(model.day for model in self.models) > 0:
            raise ValueError("models: one must be there from day 0")
        if sum(campaign.share for campaign in self.campaigns) > 0.9:
            raise ValueError("campaigns: their shares may add up to 0.9 at most")
        for campaign in self.campaigns:
            if campaign.from_day + campaign.days > self.days + 1e-9:
                raise ValueError(f"campaigns: {campaign.name} ends after the log")
        return self

    def begins(self) -> float:
        """The first moment of the log, in seconds since 1970 (UTC)."""
        return datetime(self.start.year, self.start.month, self.start.day, tzinfo=UTC).timestamp()

    def to_yaml(self) -> str:
        """The settings as a file that `load_settings` reads."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def bundled_settings() -> list[str]:
    """Names of the settings that ship with the package, in alphabetical order."""
    return bundled_names(*PRESETS)


def load_settings(name_or_path: str) -> TrafficSettings:
    """Bundled settings by name, or those of a YAML file.

    Raises UsageProblem for an unknown name, MalformedInput for a file that is missing or none.
    """
    return _FILE.named(name_or_path, PRESETS, "no settings are called", "--settings")


def with_length(settings: TrafficSettings, days: float) -> TrafficSettings:
    """The settings for another length of the log: models and campaigns keep their place in it."""
    ratio = days / settings.days
    moved = {
        "days": days,
        "models": [{**m.model_dump(), "day": m.day * ratio} for m in settings.models],
        "campaigns": [
            {**c.model_dump(), "from_day": c.from_day * ratio, "days": c.days * ratio}
            for c in settings.campaigns
        ],
    }
    return TrafficSettings.model_validate({**settings.model_dump(), **moved})


_FILE = RecordFile(
    TrafficSettings, "no settings of traffic", "see docs/logs-simulate.md", form="yaml"
)
