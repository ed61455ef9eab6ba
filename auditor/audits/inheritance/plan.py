"""The plan of an ordinary audit: suspect, store, probe sets, detectors, sampling and seed."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from auditor.audits.plan import BUNDLED, AuditPlan
from detectors.registry import detector_names, load_detector
from fingerprints.errors import UsageProblem, printable
from fingerprints.probes import PRESETS, ProbeChoice
from fingerprints.records import ProbeSet, Sampling

DEFAULT_DETECTORS = ("self_identification", "stylistic_overlap", "shared_wording")
"""What runs where nobody chose: quick, from recorded answers alone."""
WITH_BASE = ("movement",)
"""What runs besides, where nobody chose and the suspect's base is known."""


class Plan(AuditPlan):
    """Everything that decides an audit, besides the models themselves.

    ``vendor`` is the suspect's maker where the user knows it; ``bases`` are candidates whose
    weights are compared with the suspect's (specs, or a folder of signatures); ``teachers`` opens
    stored models by name for scoring (specs); ``scores`` is a file of scores recorded before.
    ``candidates`` are stored models, each of which stands for all models of its maker.
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

    def check(self) -> None:
        """Raises UsageProblem for a detector that there is not."""
        check_detectors(self.detectors)


def check_detectors(names: tuple[str, ...]) -> None:
    """Raises UsageProblem for a name that no detector has."""
    unknown = [name for name in names if name not in detector_names()]
    if unknown:
        raise UsageProblem(
            f"no detector is called {printable(unknown[0], 60)!r}",
            where="--detectors",
            next_step=f"choose from {', '.join(detector_names())}",
        )
