"""Who ran an audit, when and where, as given; and how it differs from the plan that was registered
before. Knows records only."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from fingerprints.records import Record

AskedWhen = Literal["after", "before", "unknown"]
"""Whether the suspect was asked after the plan was registered; ``unknown`` for answers that others
recorded."""


class Deviation(Record):
    """Something that is not as it was registered: a field of the plan, thresholds, the toolkit's
    code, a calibration, the store. Values as JSON; None where one side has none."""

    field: str
    registered: str | None
    run: str | None


class Registration(Record):
    """The registered plan: the digest of its statement, when and by whom it was registered as
    given, who signed that, and every deviation."""

    sha256: str
    registered: str
    by: str
    keys: tuple[str, ...]
    asked: AskedWhen
    deviations: tuple[Deviation, ...]


class Custody(Record):
    """Who ran the audit (as given), from when to when by this machine's clock, on which kind of
    machine (no host name), and against which registration (None: none). ``code`` has the digest of
    each package that ran it; empty in reports of before it was told."""

    operator: str = ""
    started: str
    finished: str
    place: str
    registration: Registration | None = None
    code: dict[str, str] = Field(default_factory=dict)
