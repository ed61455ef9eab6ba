"""Calibration: fitted ratios, the population that they hold for, and how well they did on models
that were left out.

JSON, numbers only, never a pickle. Knows the file; fits nothing and judges nothing.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from auditor.calibration.migration import migrated
from auditor.calibration.rows import Level
from auditor.evidence.error_rates import OutcomeCounts
from detectors.stats.cohort_norm import CohortNumbers
from detectors.stats.fusion import FusedNumbers
from detectors.stats.log_lr import LogLrNumbers
from detectors.stats.lr_bounds import Bounds
from detectors.stats.lr_curves import EceCurve, TippettCurve
from fingerprints.durable import replacing
from fingerprints.record_files import RecordFile
from fingerprints.records import Record

SHIPPED = ("english-2023", "english-2024", "japanese-2025", "small-controls")
"""Names of the calibrations inside the package, in the order in which they are tried."""


class _Numbers(Record):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Range(_Numbers):
    """The span of a figure over the models that a calibration was fitted on, and its middle."""

    low: float
    middle: float
    high: float


class Population(_Numbers):
    """Which models the ratios were fitted on, in words and numbers: whoever is unlike them is
    outside.

    ``models`` and ``groups`` count models of known history and their independent lineages, under H1
    and without any teacher; ``stored`` and ``vendors`` the stored models that they were compared
    with. ``characters`` is the median answer's length. ``languages`` (ISO 639-1) and ``era`` say
    which answers they are; empty where nobody said.
    """

    about: str
    languages: tuple[str, ...] = ()
    era: str = ""
    models: int
    groups: int
    positives: int
    negatives: int
    teachers: tuple[str, ...]
    starts: tuple[str, ...]
    stored: int
    vendors: int
    characters: Range


class Figures(_Numbers):
    """How the ratios did on rows that were not learned from.

    ``scheme`` says what was left out as a whole, ``facet`` and ``of`` which rows under H1 are
    counted. Numbers are of independent groups. Intervals are 95 %: bootstrap over groups for Cllr
    and AUC, Clopper-Pearson for rates. ``untested`` counts rows whose left-out part left too little
    to learn from. ``outcomes`` count what verdicts would have said; None in calibrations of before
    they were counted.
    """

    scheme: str
    level: Level
    size: int
    facet: str = "all"
    of: str = ""
    n_h1: int
    n_h2: int
    rows: int
    untested: int = 0
    cllr: float
    cllr_interval: tuple[float, float]
    cllr_min: float
    auc: float
    auc_interval: tuple[float, float]
    tpr_at: tuple[tuple[float, float, float, float], ...] = ()
    false_support: float
    false_support_interval: tuple[float, float]
    outcomes: OutcomeCounts | None = None


class Curves(_Numbers):
    """Tippett and ECE curves of the held-out ratios, for one level at the largest number of
    prompts."""

    scheme: str
    level: Level
    size: int
    tippett: TippettCurve
    ece: EceCurve


class LineageOut(_Numbers):
    """What a fit is without one of the lineages that it was fitted on: each detector's intercept
    and slope, the fusion's coefficients as `FusedNumbers` has them (intercept, weights, abstained)
    and its bounds. ``bounds`` is None where too few lineages would be left for a fit.

    The scales of what unrelated suspects get and the coefficients' covariances stay those of all
    lineages: intervals are narrower by a twentieth with thirteen of them, and by less with more.
    """

    lineage: str
    maps: dict[str, tuple[float, Annotated[float, Field(ge=0)]]] = Field(default_factory=dict)
    fusion: tuple[float, ...] = ()
    bounds: Bounds | None = None

    def is_of(self, detectors: tuple[str, ...]) -> bool:
        """Whether it has the numbers that a fit of these detectors has, or none."""
        if self.bounds is None:
            return True
        n = len(detectors)
        weights = self.fusion[1 : 1 + n]
        whole = len(self.fusion) == 1 + 2 * n and min(weights, default=0.0) >= 0
        return whole and self.maps.keys() == set(detectors)


class Fitted(_Numbers):
    """The ratios of one level at one number of prompts.

    ``null`` are the held-out ratios of rows under H2 (before the bounds) with the number of their
    group: what a conformal p-value ranks a case among. ``metric_ids`` say what each detector must
    have measured; ``norms`` put values on the scale of what unrelated suspects get against the same
    candidate, for the detectors that gain by it. ``left_out`` has the fit without each lineage;
    empty in calibrations of before it was kept.
    """

    level: Level
    size: Annotated[int, Field(ge=1)]
    detectors: tuple[str, ...]
    metric_ids: dict[str, str]
    norms: dict[str, CohortNumbers]
    maps: dict[str, LogLrNumbers]
    fusion: FusedNumbers
    null: tuple[tuple[float, int], ...]
    left_out: tuple[LineageOut, ...] = ()

    @model_validator(mode="after")
    def _of_its_detectors(self) -> Self:
        if self.fusion.detectors != self.detectors or self.maps.keys() != set(self.detectors):
            raise ValueError("a fit needs a map for each of its detectors, and a fusion of them")
        if self.metric_ids.keys() != self.maps.keys() or not self.norms.keys() <= self.maps.keys():
            raise ValueError("a fit names the metric of each of its detectors, and scales no other")
        if len({o.lineage for o in self.left_out}) != len(self.left_out):
            raise ValueError("a lineage is left out twice")
        if not all(o.is_of(self.detectors) for o in self.left_out):
            raise ValueError("without a lineage a fit is one of the same detectors")
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without what a calibration of before does not hold: its digest stays what it was."""
        out: dict[str, Any] = dump(self)
        if not out.get("left_out"):
            out.pop("left_out", None)
        return out


class Calibration(_Numbers):
    """Everything that turns a case's measurements into ratios, and what is known of their errors.

    ``taught_share`` is what nine in ten taught lineages reach in the share of rival vendors below
    their teacher's (`detectors.style.likeness`), ``untaught_share`` what one in twenty models
    reaches for a vendor that did not teach it; None where fewer than five are known.
    ``least_familiar`` is the least wording that any of its models shares with the stored models at
    large (`SharedWording.familiarity`); None where that was not measured.
    """

    format: Literal["calibration/2"] = "calibration/2"
    name: str
    population: Population
    cohort_sha256: str
    created: str
    tool: str
    fitted: tuple[Fitted, ...]
    figures: tuple[Figures, ...] = ()
    curves: tuple[Curves, ...] = ()
    taught_share: float | None = None
    untaught_share: float | None = None
    least_familiar: float | None = None
    notes: tuple[str, ...] = ()

    def cost(self, fit: Fitted) -> float | None:
        """The Cllr of a fit's ratios on lineages that were left out, in bits: from 1 on they are no
        better than none. None where too few lineages could be left out."""
        found = (f for f in self.figures if (f.level, f.size) == (fit.level, fit.size))
        return next((f.cllr for f in found if f.scheme == "lineage" and f.facet == "all"), None)

    def at(self, level: Level, n: int) -> Fitted | None:
        """What was fitted at the largest number of prompts that ``n`` reaches; None where even
        the smallest is more."""
        fits = [f for f in self.fitted if f.level == level and f.size <= n]
        return max(fits, key=lambda f: f.size, default=None)


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Writes a calibration as JSON, whole or not at all."""
    text = json.dumps(
        calibration.model_dump(mode="json"), ensure_ascii=False, indent=1, allow_nan=False
    )
    with replacing(path) as file:
        file.write(text.encode("utf-8") + b"\n")


def read_calibration(path: Path) -> Calibration:
    """The calibration in a file. Raises MalformedInput where there is none or it is none."""
    return _FILE.read(path)


def shipped_calibrations() -> tuple[Calibration, ...]:
    """The calibrations inside the package, in the order in which they are tried."""
    folder = files("auditor.calibration") / "shipped"
    found = [(name, folder / f"{name}.json") for name in SHIPPED]
    return tuple(
        _FILE.parse(file.read_text("utf-8"), name) for name, file in found if file.is_file()
    )


_FILE = RecordFile(
    Calibration, "not a calibration", "make one with `auditor calibrate`", migrate=migrated
)
