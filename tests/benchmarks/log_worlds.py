"""Simulated logs that the scan of logs is measured on, and what of their truth it found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from auditor.audits.logs.plan import LogInput, ScanPlan
from auditor.audits.logs.run import scan
from auditor.labs.traffic.settings import (
    BenignGroup,
    Campaign,
    TrafficSettings,
    load_settings,
    with_length,
)
from auditor.labs.traffic.simulate import MANIFEST, TRUTH, TruthRow, simulate

HARD = {
    "evaluation": 60,
    "translation": 50,
    "rag": 40,
    "ci": 150,
    "agent": 120,
    "aggregator": 25,
    "catalogue": 40,
    "classroom": 900,
}
"""Accounts of each hard kind for a million rows: more than their rows would make, so that a share
of them can be told with an interval. Each sends less than a usual one of its kind."""


def ordinary(name: str, rows: int, days: float = 14) -> TrafficSettings:
    """Bundled benign settings with more accounts of the hard kinds."""
    settings = with_length(load_settings(name), days)
    groups = tuple(
        BenignGroup(
            kind=g.kind,
            share=g.share,
            accounts=max(2, round(HARD[g.kind] * rows / 1e6)) if g.kind in HARD else None,
        )
        for g in settings.benign
    )
    return settings.model_copy(update={"rows": rows, "benign": groups})


def with_campaign(settings: TrafficSettings, campaign: Campaign) -> TrafficSettings:
    """The settings with one campaign."""
    return TrafficSettings.model_validate(
        {**settings.model_dump(), "campaigns": [campaign.model_dump()]}
    )


def made(settings: TrafficSettings, seed: int, folder: Path) -> Path:
    """The log of settings and a seed, made once."""
    if not (folder / MANIFEST).exists():
        simulate(settings, seed, folder)
    return folder / "log.parquet"


def truth(folder: Path) -> dict[str, TruthRow]:
    """Every account that sent anything, and what it is."""
    lines = (folder / TRUTH).read_text("utf-8").splitlines()
    rows = (TruthRow.model_validate_json(line) for line in lines)
    return {row.account: row for row in rows if row.rows}


@dataclass(frozen=True)
class Outcome:
    """What a scan says of a log of known truth: accounts by unit and status, all accounts."""

    truth: dict[str, TruthRow]
    found: dict[str, str]
    noticed: dict[str, str]
    judged: int

    def flagged(self, noticed: bool) -> dict[str, str]:
        """Accounts that stand out, with their unit; ``noticed`` counts those that are so only by
        their own p-value."""
        return {**self.noticed, **self.found} if noticed else self.found


def outcome(folder: Path, calibration: Path | None) -> Outcome:
    """Scans a log under a calibration; the shipped one for None."""
    scanned = scan(ScanPlan(log=LogInput((str(folder / "log.parquet"),)), calibration=calibration))
    by_status: dict[str, dict[str, str]] = {"found": {}, "noticed": {}}
    for listed in scanned.listed:
        by_status.setdefault(listed.status, {})[listed.account] = listed.unit
    return Outcome(
        truth(folder), by_status["found"], by_status["noticed"], scanned.record.n_judged_accounts
    )


@dataclass
class Tally:
    """Accounts flagged of all, by what they are."""

    all: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    noticed: Counter[str] = field(default_factory=Counter)

    def add(self, seen: Outcome) -> None:
        """Counts the ordinary accounts of one log."""
        for account, row in seen.truth.items():
            if row.campaign is None:
                self.all[row.kind] += 1
                self.found[row.kind] += account in seen.found
                self.noticed[row.kind] += account in seen.flagged(noticed=True)


@dataclass(frozen=True)
class CampaignFound:
    """How much of a campaign a scan found: shares of its accounts, of what stands out, and of the
    unit that holds most of it. NaN where nothing stands out."""

    accounts: int
    recall: float
    recall_noticed: float
    precision: float
    in_one_unit: float
    purity: float


def campaign_found(seen: Outcome) -> CampaignFound:
    """The figures of the one campaign of a log."""
    ours = {account for account, row in seen.truth.items() if row.campaign}
    found, flagged = seen.found, seen.flagged(noticed=True)
    units = Counter(flagged[a] for a in ours if a in flagged)
    largest = units.most_common(1)
    held = [a for a, unit in flagged.items() if largest and unit == largest[0][0]]
    nothing = float("nan")
    return CampaignFound(
        accounts=len(ours),
        recall=_share(ours, found),
        recall_noticed=_share(ours, flagged),
        precision=_share(found, ours) if found else nothing,
        in_one_unit=largest[0][1] / len(ours) if largest else 0.0,
        purity=_share(held, ours) if held else nothing,
    )


def _share(of: Iterable[str], within: Iterable[str]) -> float:
    every, wanted = list(of), set(within)
    return sum(a in wanted for a in every) / len(every) if every else float("nan")


def kinds_of(tally: Tally) -> list[str]:
    """The kinds of a tally, those with most accounts first."""
    return [kind for kind, _ in tally.all.most_common()]
