"""The same case with one piece left out: a detector that the calibration reads, or a lineage that
it was fitted on. Weighs what was measured; measures nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from auditor.calibration.apply import weighed
from auditor.calibration.record import Calibration, Fitted, LineageOut
from auditor.evidence.kinship import Kin
from auditor.evidence.records import Candidate, Finding, Verdict
from auditor.evidence.sensitivity import PieceKind, WithoutPiece
from detectors.prompts_shared import PromptsShared
from detectors.stats.fusion import FusedNumbers
from detectors.stats.log_lr import LogLrNumbers


@dataclass(frozen=True)
class Weighing:
    """The calibration that weighed a case, and all that it was weighed with but for the findings,
    so that it can be weighed again."""

    calibration: Calibration
    candidates: tuple[Candidate, ...]
    stored: Mapping[str, str]
    guests: tuple[str, ...] = ()
    passed_over: int = 0
    kin: Kin | None = None
    named: Collection[str] = ()

    @property
    def detectors(self) -> tuple[str, ...]:
        """The detectors that the calibration reads."""
        return tuple(sorted({d for f in self.calibration.fitted for d in f.detectors}))

    @property
    def lineages(self) -> tuple[str, ...]:
        """The lineages of which it holds what it would be without them."""
        return tuple(sorted({o.lineage for f in self.calibration.fitted for o in f.left_out}))

    def verdicts(
        self,
        findings: Sequence[Finding],
        calibration: Calibration | None = None,
        shared: PromptsShared | None = None,
    ) -> tuple[Verdict, ...]:
        """The verdicts on these findings, under another calibration where one is given."""
        return weighed(
            findings,
            self.candidates,
            calibration or self.calibration,
            self.stored,
            self.guests,
            self.passed_over,
            self.kin,
            self.named,
            shared,
        ).verdicts


def without_detectors(
    case: Weighing, findings: Sequence[Finding], verdicts: Sequence[Verdict]
) -> Iterator[WithoutPiece]:
    """Every weighed verdict without each detector that counted for any. Where one detector is
    left its own map weighs it; several are fused as they were, with the one as silent."""
    measured = {p.detector for v in verdicts for p in v.parts}
    for name in (d for d in case.detectors if d in measured):
        rest = [f for f in findings if f.detector != name]
        again = case.verdicts(rest, without_detector(case.calibration, name))
        yield from compared("detector", name, verdicts, again)


def without_lineages(
    case: Weighing, findings: Sequence[Finding], verdicts: Sequence[Verdict]
) -> Iterator[WithoutPiece]:
    """Every weighed verdict without each lineage: those rows that change an outcome, and for each
    verdict the lowest and the highest ratio."""
    rows: list[WithoutPiece] = []
    for name in case.lineages:
        again = case.verdicts(findings, without_lineage(case.calibration, name))
        for row in compared("lineage", name, verdicts, again):
            # That nothing could be fitted without it is all there is to say of the reason.
            rows.append(row.model_copy(update={"reason_code": None}))
    yield from telling(rows)


def telling(rows: Sequence[WithoutPiece]) -> Iterator[WithoutPiece]:
    """Of each verdict the rows that change its outcome, and those with the lowest and the highest
    ratio: all that is told where there are many pieces."""
    for candidate in dict.fromkeys(row.candidate for row in rows):
        found = [row for row in rows if row.candidate == candidate]
        weighed_rows = sorted(
            (r for r in found if r.log10_lr is not None), key=lambda r: r.log10_lr or 0.0
        )
        ends = {r.piece for r in (*weighed_rows[:1], *weighed_rows[-1:])}
        yield from (r for r in found if r.changes or r.piece in ends)


def compared(
    kind: PieceKind, piece: str, before: Sequence[Verdict], after: Sequence[Verdict]
) -> Iterator[WithoutPiece]:
    """A row for every verdict that was weighed with everything, as it is without a piece."""
    found = {v.candidate: v for v in after}
    for was in before:
        now = found.get(was.candidate)
        if not was.assessed or was.exact is not None or now is None:
            continue
        yield WithoutPiece(
            candidate=was.candidate,
            kind=kind,
            piece=piece,
            outcome=now.outcome,
            log10_lr=now.log10_lr,
            interval=now.interval,
            cap=now.cap,
            reason_code=now.reason_code,
            changes=now.outcome != was.outcome,
        )


def without_detector(calibration: Calibration, detector: str) -> Calibration:
    """The calibration for cases that the detector did not measure."""
    return _with_fits(calibration, (_alone(f, detector) for f in calibration.fitted))


def _alone(fit: Fitted, left_out: str) -> Fitted:
    """The fit as it is, or of the one detector that is left: its own ratio, in the fusion's place.
    The fusion's weight of it was learned beside the other, and would be too small."""
    rest = [d for d in fit.detectors if d != left_out]
    if len(rest) != 1 or len(rest) == len(fit.detectors):
        return fit
    (name,) = rest
    return fit.model_copy(
        update={
            "detectors": (name,),
            "metric_ids": {name: fit.metric_ids[name]},
            "norms": {d: n for d, n in fit.norms.items() if d == name},
            "maps": {name: fit.maps[name]},
            "fusion": _own(name, fit.maps[name]),
            "null": (),
            "left_out": (),
        }
    )


def _own(name: str, known: LogLrNumbers) -> FusedNumbers:
    """A fusion that hands on what one map says, with the map's own interval and bounds.

    The map's variance, var(a) + 2·z·cov + z²·var(b), is told in its log LR x = a + b·z.
    """
    a, b = known.intercept, known.slope
    var_a, cov, var_b = known.covariance
    ratio, square = (cov / b, var_b / b**2) if b else (0.0, 0.0)
    corner = var_a - 2 * a * ratio + a * a * square
    side = ratio - a * square
    return FusedNumbers(
        detectors=(name,),
        pseudo_models=known.pseudo_models,
        intercept=0.0,
        weights=(1.0,),
        abstained=(0.0,),
        covariance=((corner, side, 0.0), (side, square, 0.0), (0.0, 0.0, 0.0)),
        n_rows=known.n_rows,
        bounds=known.bounds,
    )


def without_lineage(calibration: Calibration, lineage: str) -> Calibration:
    """The calibration as it would be without one of its lineages; a fit for which too few would be
    left is gone."""
    fits = (
        _lacking(f, next((o for o in f.left_out if o.lineage == lineage), None))
        for f in calibration.fitted
    )
    return _with_fits(calibration, (f for f in fits if f is not None))


def _lacking(fit: Fitted, without: LineageOut | None) -> Fitted | None:
    if without is None:
        return fit
    if without.bounds is None:
        return None
    maps = {
        d: known.model_copy(update=dict(zip(("intercept", "slope"), without.maps[d], strict=True)))
        for d, known in fit.maps.items()
    }
    n = len(fit.detectors)
    fusion = fit.fusion.model_copy(
        update={
            "intercept": without.fusion[0],
            "weights": without.fusion[1 : 1 + n],
            "abstained": without.fusion[1 + n :],
            "bounds": without.bounds,
        }
    )
    return fit.model_copy(update={"maps": maps, "fusion": fusion, "null": (), "left_out": ()})


def _with_fits(calibration: Calibration, fits: Iterator[Fitted]) -> Calibration:
    return calibration.model_copy(update={"fitted": tuple(fits)})
