"""The record of a scan: scan.json. The page, the printed lines and the list of accounts are views
of it.

Knows no renderer and reads no file. Names, words and templates in it are a log's: hostile.
"""

from __future__ import annotations

from typing import Literal

from fingerprints.records import Record

FORMAT: Literal["log-scan/1"] = "log-scan/1"
Status = Literal["found", "noticed", "ordinary"]
CAUTION = (
    "Bulk programmatic generation is a kind of traffic, not an intention: evaluations, batch jobs,"
    " agents and research send it, too. What an account does with the answers, and whether the"
    " terms allow it, is not in a log."
)


class RowCounts(Record):
    """What became of a log's rows; each row is in exactly one of the first eight. ``bad_numbers``
    are usable rows with a count that is none; ``cut_files`` end in the middle of their packing."""

    usable: int
    unreadable: int
    without_time: int
    bad_clock: int
    without_account: int
    without_prompt: int
    failed_request: int
    duplicate: int
    bad_numbers: int
    cut_files: tuple[str, ...] = ()

    @property
    def read(self) -> int:
        """All rows."""
        skipped = self.unreadable + self.without_time + self.bad_clock + self.without_account
        return self.usable + skipped + self.without_prompt + self.failed_request + self.duplicate


class LogRead(Record):
    """A log as it was read: its files by name and size, the map, its span in UTC, its rows."""

    files: tuple[tuple[str, int], ...]
    preset: str | None
    columns: dict[str, str]
    first: str
    last: str
    rows: RowCounts
    n_accounts: int


class Loudness(Record):
    """One signal of a unit in its loudest window: its figure, and how far above benign traffic of
    like volume, in spreads; None where the log doesn't tell it."""

    signal: str
    figure: float | None
    above: float


class WindowScore(Record):
    """A unit in one window: requests, score, p among benign units' windows."""

    window: int
    n: int
    score: float
    p_value: float


class TieFound(Record):
    """What ties accounts of a unit: an attribute's value, and a template where ``template``.

    ``p_value`` is after correction for all groups looked at; None: tied by what one customer owns.
    """

    attribute: str
    value: str
    template: bool
    accounts: int
    overlap: float
    p_value: float | None


class TemplateFound(Record):
    """A template of a unit: the words that its prompts share, slots masked; how many of the sampled
    prompts are of it, and how many of these differ."""

    words: str
    n: int
    distinct: int


class UnitFound(Record):
    """An account, or accounts that are tied: how much it sent, its p, what stands out.

    ``p_value`` is over the whole log; ``status`` says what follows from it. ``accounts`` are the
    largest only, ``n_accounts`` counts all.
    """

    id: str
    status: Status
    p_value: float
    score: float
    n_accounts: int
    accounts: tuple[str, ...]
    n_requests: int
    tokens_out: float | None
    first: str
    last: str
    signals: tuple[Loudness, ...]
    windows: tuple[WindowScore, ...]
    ties: tuple[TieFound, ...] = ()
    templates: tuple[TemplateFound, ...] = ()
    daily: tuple[tuple[str, int], ...] = ()
    family: str = ""


class Family(Record):
    """Units told that use the same templates, directly or through others: likeness only, they are
    not tied. ``templates`` are the words of the first that they share."""

    id: str
    n_units: int
    n_accounts: int
    n_requests: int
    templates: tuple[str, ...]


class CalibrationUsed(Record):
    """What the scores were compared with; each signal's largest weight, per unit above benign
    traffic, in either direction that is looked for; signals that either side doesn't tell."""

    source: str
    simulated: bool
    created: str
    n_units: int
    n_fitted: int
    n_windows: int
    window_seconds: float
    floor: float
    weights: dict[str, float]
    absent: tuple[str, ...]


class LogScan(Record):
    """All of a scan, of the rows from ``judged_from`` to ``judged_until``.

    ``level`` bounds the share of false finds among accounts, ``noticed_at`` is the p-value at which
    a unit is noticed without correction.
    """

    format: Literal["log-scan/1"] = FORMAT
    tool: str
    created: str
    caution: str = CAUTION
    private: bool
    log: LogRead
    benign: LogRead | None
    calibration: CalibrationUsed
    level: float
    noticed_at: float
    judged_from: str
    judged_until: str
    n_units: int
    n_judged_units: int
    n_judged_accounts: int
    n_tied_accounts: int
    n_groups_tested: int
    n_found_accounts: int
    n_noticed_accounts: int
    n_found_units: int
    n_noticed_units: int
    units: tuple[UnitFound, ...]
    families: tuple[Family, ...]
    daily: tuple[tuple[str, int], ...]
    daily_found: tuple[tuple[str, int], ...]


class LogLook(Record):
    """What a scan would read, before it does: files by name and size, the map, signals that the log
    can't switch on and attributes that it can't tie by, how many of its first rows are usable."""

    files: tuple[tuple[str, int], ...]
    preset: str | None
    columns: dict[str, str]
    silent: tuple[str, ...]
    no_tie_by: tuple[str, ...]
    first_rows: int
    first_usable: int
    compared_with: str


class ListedAccount(Record):
    """An account of a unit that stands out: one line of accounts.jsonl, by which `auditor logs
    select` takes out what it was served. ``hashed``: the name is a salted hash."""

    unit: str
    family: str
    account: str
    hashed: bool = False
    status: Status
    n_requests: int
