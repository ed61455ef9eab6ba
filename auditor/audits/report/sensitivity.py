"""How every verdict fares with one piece left out, arranged for readers: which single piece carries
it. Knows verdicts and rows; weighs nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditor.audits.report import view, wording
from auditor.evidence.records import Report, Verdict
from auditor.evidence.sensitivity import Sensitivity, WithoutPiece
from auditor.reporting import labels
from auditor.reporting.document import (
    DASH,
    Block,
    GridTable,
    Group,
    Paragraph,
    Section,
    Stretch,
    Words,
    aside,
    full,
    name,
)
from auditor.reporting.text import interval, signed
from detectors.measurement import Bar, Chart

TITLE = "Sensitivity"
ABOUT = (
    "Every verdict once more without one detector, one set of prompts or one lineage of the"
    " calibration: the same answers and the same calibration, nobody asked again. What a verdict"
    " would be with less is no verdict: whoever picks what to leave out picks the answer."
)
ABOUT_SHADOWS = (
    "Every verdict once more without the shadows of one seed, of one source or one set of prompts:"
    " the same answers, nobody asked or trained again, the ratio fitted anew on the shadows that"
    " are left. What a verdict would be with less is no verdict: whoever picks what to leave out"
    " picks the answer."
)
UNKEPT = (
    "The calibration does not keep what it would be without each of its lineages: whether one of"
    " them carries a verdict can't be told here. One that `auditor calibrate` fits anew keeps it."
)
ALONE = {
    "detector": "All of it rests on one detector, {piece}: without it nothing is left to weigh.",
    "prompts": "All of it rests on one set of prompts, {piece}: without it nothing is left to"
    " weigh.",
}
STANDS = "{whom}: {outcome}, and it stays so with any one of {what} left out."
UNTRIED = "{whom}: {outcome}; there is no second piece of any kind to leave out."
HANGS = "{whom}: {outcome}, and it hangs on one piece: "
HANG = "{whom}: {outcome}, and it hangs on each of {n} pieces: "
WITHOUT = "without {piece} it would be {outcome}"
NOTHING_LEFT = "without {piece} nothing would be left to weigh"
PIECES = {
    "detector": "the detector",
    "prompts": "the prompts",
    "lineage": "the lineage",
    "shadows": "the shadows",
}
OF = {
    "detector": "detectors",
    "prompts": "sets of prompts",
    "lineage": "lineages",
    "shadows": "groups of shadows",
}
MOST_NAMED, MOST_CHARTED = 4, 3
AT_CAP = 5e-5
"""Ratios and caps are kept with four digits."""


def sensitivity_section(report: Report) -> Iterator[Section]:
    """The section; none where no ratio was weighed."""
    found = report.sensitivity
    if found is None:
        return
    told = _decided(report.verdicts)
    yield Section(
        "sensitivity",
        TITLE,
        (
            full(Paragraph(ABOUT_SHADOWS if found.shadows else ABOUT, "lead")),
            *(Paragraph(sentence) for sentence in (*alone(found), *sentences(found, told))),
            *(() if found.lineages or found.shadows else (Paragraph(UNKEPT, "caption"),)),
            full(*_drawn(found, told)),
            full(*_tables(found, report.verdicts)),
        ),
    )


def hanging(report: Report) -> tuple[str, ...]:
    """The sentences on verdicts that hang on one piece, for a first look; nothing where none
    does."""
    found = report.sensitivity
    if found is None:
        return ()
    chosen = [v for v in _decided(report.verdicts) if _changing(found, v)]
    return tuple(_sentence(found, v) for v in chosen)


def alone(found: Sensitivity) -> tuple[str, ...]:
    """What everything rests on, where a kind of piece has only one: a sentence each."""
    sole = (("detector", found.detectors), ("prompts", found.prompts))
    return tuple(
        ALONE[kind].format(piece=pieces[0].replace("_", " "))
        for kind, pieces in sole
        if len(pieces) == 1
    )


def sentences(found: Sensitivity, told: Sequence[Verdict]) -> tuple[str, ...]:
    """What carries each verdict that was decided, a sentence each."""
    return tuple(_sentence(found, v) for v in told if found.of(v.candidate))


def _decided(told: Sequence[Verdict]) -> list[Verdict]:
    """Verdicts that say something either way, the heaviest first."""
    decided = [v for v in told if v.outcome in ("supported", "not_supported") and v.exact is None]
    return sorted(
        (v for v in decided if v.assessed), key=lambda v: (-(v.log10_lr or 0.0), view.called(v))
    )


def _changing(found: Sensitivity, v: Verdict) -> list[WithoutPiece]:
    """The rows that change a verdict's outcome, but for the only piece of its kind."""
    sole = {
        "detector": found.detectors,
        "prompts": found.prompts,
        "lineage": found.lineages,
        "shadows": found.shadows,
    }
    return [r for r in found.of(v.candidate) if r.changes and len(sole[r.kind]) > 1]


def _sentence(found: Sensitivity, v: Verdict) -> str:
    outcome, rows = wording.OUTCOMES[v.outcome], _changing(found, v)
    tried = _tried(found, v)
    if not tried:
        return UNTRIED.format(whom=view.called(v), outcome=outcome)
    if not rows:
        return STANDS.format(whom=view.called(v), outcome=outcome, what=tried)
    told = [_fate(row) for row in rows[:MOST_NAMED]]
    more = len(rows) - len(told)
    told += [f"and so for {more} more"] if more else []
    opening = HANGS if len(rows) == 1 else HANG
    return opening.format(whom=view.called(v), outcome=outcome, n=len(rows)) + "; ".join(told) + "."


def _fate(row: WithoutPiece) -> str:
    piece = f"{PIECES[row.kind]} {_piece(row)}"
    if row.outcome == "not_assessable":
        return NOTHING_LEFT.format(piece=piece)
    return WITHOUT.format(piece=piece, outcome=wording.OUTCOMES[row.outcome])


def _piece(row: WithoutPiece) -> str:
    return row.piece.replace("_", " ") if row.kind == "detector" else row.piece


def _tried(found: Sensitivity, v: Verdict) -> str:
    """How many pieces of which kinds were left out of a verdict in turn."""
    counts = (
        (len(found.detectors), OF["detector"]),
        (len(found.prompts), OF["prompts"]),
        (len(found.lineages), OF["lineage"]),
        (len(found.shadows_beside(v.candidate)), OF["shadows"]),
    )
    return " and ".join(f"{n:,} {what}" for n, what in counts if n > 1)


def _drawn(found: Sensitivity, told: Sequence[Verdict]) -> Iterator[Block]:
    """The heaviest decided verdicts, each whole and without every piece."""
    for v in told[:MOST_CHARTED]:
        rows = [row for row in found.of(v.candidate) if row.log10_lr is not None]
        if rows:
            yield labels.chart(_chart(v, rows))


def _chart(v: Verdict, rows: Sequence[WithoutPiece]) -> Chart:
    whole = _bar("everything", v.log10_lr, v.interval, True)
    bars = (_bar(f"without {_piece(r)}", r.log10_lr, r.interval, False) for r in rows)
    return Chart(
        kind="dots",
        title=f"{view.called(v)} with one piece left out",
        x_label="log10 likelihood ratio, capped",
        bars=(whole, *bars),
        reference=0.0,
        reference_label="even odds",
        caption="Of lineages and shadows only those without which the ratio is lowest and"
        " highest, and those that change the outcome.",
    )


def _bar(label: str, value: float | None, span: tuple[float, float] | None, whole: bool) -> Bar:
    low, high = span or (None, None)
    return Bar(label=label, value=value or 0.0, low=low, high=high, strong=whole)


def _tables(found: Sensitivity, told: Sequence[Verdict]) -> Iterator[Block]:
    """Every row, folded, by verdict."""
    rows = tuple(
        cells
        for v in told
        for row in found.of(v.candidate)
        if v.question == "inheritance"
        for cells in (_cells(v, row),)
    )
    heads = ("Candidate", "With everything", "Without", "Outcome", "log10 LR", "Cap")
    table = GridTable(TITLE, heads, rows, frozenset({4, 5}), look="quiet")
    yield Group(
        (table,),
        ("Every verdict with one piece left out ", aside(f"({len(rows)})")),
        "folded",
        True,
    )


def _cells(v: Verdict, row: WithoutPiece) -> tuple[Words, ...]:
    span = (" ", aside(interval(row.interval, sign=True))) if row.interval else ()
    return (
        name(view.called(v)),
        (_badge(v.outcome), " ", signed(v.log10_lr)),
        (f"{PIECES[row.kind]} ", name(_piece(row))),
        _badge(row.outcome),
        (signed(row.log10_lr), *span),
        _cap(row),
    )


def _cap(row: WithoutPiece) -> Words:
    if row.cap is None or row.log10_lr is None:
        return DASH
    reached = abs(row.log10_lr) >= row.cap - AT_CAP
    bound = signed(view.on_its_side(row.cap, row.log10_lr))
    return (bound, " ", aside("reached")) if reached else bound


def _badge(outcome: str) -> Stretch:
    return Stretch(wording.OUTCOMES[outcome], "badge", outcome)
