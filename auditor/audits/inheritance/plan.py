"""The plan of an ordinary audit: suspect, store, probe sets, detectors, sampling and seed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from auditor.audits.plan import BUNDLED, AskingOf, AuditPlan
from detectors.registry import detector_names, load_detector
from detectors.text.makers import MakerTable, read_makers, shipped_makers
from fingerprints.address import is_address, parts_of
from fingerprints.errors import MalformedInput, UsageProblem, printable
from fingerprints.probes import PRESETS, ProbeChoice
from fingerprints.records import ProbeSet, Sampling

DEFAULT_DETECTORS = ("self_identification", "stylistic_overlap", "shared_wording")
"""What runs where nobody chose: quick, from recorded answers alone."""
WITH_BASE = ("movement",)
"""What runs besides, where nobody chose and the suspect's base is known."""


class Plan(AuditPlan):
    """Everything that decides an audit, besides the models themselves.

    ``vendor`` is the suspect's maker where the user knows it; ``bases`` are candidates whose
    weights are compared with the suspect's (specs, or a folder of signatures); ``vendors`` is a
    file of further makers and names for them; ``teachers`` opens stored models by name for scoring
    (specs); ``scores`` is a file of scores recorded before. ``candidates`` are stored models, each
    of which stands for all models of its maker.
    """

    command: ClassVar[str] = "audit"

    format: Literal["plan/1"] = "plan/1"
    suspect: str
    vendor: str = ""
    base: str | None = None
    bases: tuple[str, ...] = ()
    teachers: dict[str, str] = Field(default_factory=dict)
    scores: str | None = None
    store: str = BUNDLED
    candidates: tuple[str, ...] = ()
    all_candidates: bool = False
    probes: tuple[ProbeChoice, ...] = PRESETS["standard"]
    detectors: tuple[str, ...] = DEFAULT_DETECTORS
    calibration: str = "shipped"
    vendors: str | None = None
    sequential: Annotated[float, Field(gt=0, lt=0.5)] | None = None
    sampling: Sampling = Sampling()

    @property
    def weighed_against(self) -> tuple[str, ...]:
        """Whose weights are compared with the suspect's: the base where it is named, then
        ``bases``."""
        return tuple(spec for spec in (self.base, *self.bases) if spec)

    @property
    def asks_inheritance(self) -> bool:
        """Whether any of its detectors measures inheritance: next words alone tell of lineage."""
        return any(load_detector(name).question == "inheritance" for name in self.detectors)

    def probe_sets(self) -> list[ProbeSet]:
        """The chosen probe sets, loaded."""
        return [choice.load() for choice in self.probes]

    def asking(self) -> tuple[AskingOf, ...]:
        """The suspect, and the base where the user names one."""
        sets = self.probe_sets()
        asked = (self.suspect, *([] if self.base is None else [self.base]))
        return tuple(AskingOf(spec, sets, self.sampling) for spec in asked)

    def makers(self) -> MakerTable:
        """The table that makers' names are looked up in: the shipped one, with what the file of
        ``vendors`` adds. Raises MalformedInput for a file that is none."""
        shipped = shipped_makers()
        return shipped if self.vendors is None else _extended(shipped, Path(self.vendors))

    def check(self) -> None:
        """Raises UsageProblem for a detector that there is not, and MalformedInput for a file of
        vendors that is none, and UsageProblem for a store's address that may hold credentials,
        before anybody is asked or anything written."""
        if is_address(self.store):
            parts_of(self.store)
        check_detectors(self.detectors)
        self.makers()


def check_detectors(names: tuple[str, ...]) -> None:
    """Raises UsageProblem for a name that no detector has."""
    unknown = [name for name in names if name not in detector_names()]
    if unknown:
        raise UsageProblem(
            f"no detector is called {printable(unknown[0], 60)!r}",
            where="--detectors",
            next_step=f"choose from {', '.join(detector_names())}",
        )


_LARGEST_TABLE = 4_000_000
"""Bytes of a file of vendors: a hundred times the shipped one."""


def _extended(table: MakerTable, path: Path) -> MakerTable:
    try:
        if path.stat().st_size > _LARGEST_TABLE:
            raise _no_table("larger than 4 MB", path)
        text = path.read_text("utf-8")
    except OSError as error:
        raise _no_table(f"can't be read: {error.strerror}", path) from error
    except UnicodeDecodeError as error:
        raise _no_table("not UTF-8", path) from error
    return read_makers(text, str(path), onto=table)


def _no_table(what: str, path: Path) -> MalformedInput:
    return MalformedInput(
        f"not a table of makers: {what}",
        where=printable(str(path), 200),
        next_step="docs/vendors.md shows one",
    )
