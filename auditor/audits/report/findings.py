"""A finding as blocks of a document.

Knows measurements; knows no verdict, no kind of audit and no format.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from auditor.audits.report import view, wording
from auditor.evidence.exact import ExactTest
from auditor.evidence.records import Finding
from auditor.reporting import labels
from auditor.reporting.document import (
    DASH,
    Block,
    Bullets,
    Definitions,
    GridTable,
    Group,
    Paragraph,
    Stretch,
    Words,
    aside,
    code,
    name,
    runs,
    strong,
)
from auditor.reporting.text import cell, interval, number, percent, probability, signed
from detectors.measurement import Cell, Chart, HeatMap, Null, Table

MOST_BRIEF, OPEN_EXHIBITS, MOST_EXHIBITS, MOST_BARS = 8, 3, 4, 12
"""How much of a finding a report tells: the record has all of it, and `auditor serve` shows it."""
BRIEF_COLUMNS = ("candidate", "value", "n", "rank", "p (null)", "weight")


def finding(f: Finding, level: int) -> Group:
    """A finding whole: its figures, what they rest on, its drawings and its exhibits."""
    heading = (sentence(f.detector), " ", Stretch(f.question, "tag"), *_uncalibrated(f))
    blocks: list[Block] = [Paragraph(f.summary, "summary")] if f.summary else []
    blocks += [Definitions(tuple(_figures(f)), "figures"), Definitions(tuple(_basis(f)), "basis")]
    # Claims by system prompt stand where the reader looks for them: whom it says it is.
    elsewhere = f.candidate is None and f.detector == "self_identification"
    blocks += [] if elsewhere else [shortened(labels.chart(c)) for c in f.charts]
    blocks += [heat_map(h) for h in f.heat_maps]
    blocks += [table(t) for t in f.tables]
    if f.exhibits:
        shown, n = f.exhibits[:MOST_EXHIBITS], len(f.exhibits)
        of = f"{len(shown)} of {n}" if n > len(shown) else f"{n}"
        told = f"({of}, the most telling first; strangers' words, quoted as they were)"
        blocks.append(Group(shown, ("Exhibits ", aside(told)), "exhibits", n > OPEN_EXHIBITS))
    blocks += [Bullets(f.notes)] if f.notes else []
    return Group(tuple(blocks), heading, "finding", level=level)


def shortened(chart: Chart) -> Chart:
    """The chart with its first bars and those that stand out, in their order; its caption says how
    many are left to the record."""
    kept = [b for i, b in enumerate(chart.bars) if i < MOST_BARS or b.strong]
    left = len(chart.bars) - len(kept)
    if not left:
        return chart
    caption = f"{chart.caption} {left} more are in the record.".strip()
    return chart.model_copy(update={"bars": tuple(kept), "caption": caption})


def in_figures(f: Finding) -> Paragraph:
    """A finding in one line: its figures without what they rest on."""
    told: list[str | Stretch] = [strong(f"{sentence(f.detector)}: ")]
    for i, (label, value) in enumerate(_figures(f)):
        told += ["; " if i else "", *runs(label), " ", *runs(value)]
    return Paragraph((*told, ".", *_uncalibrated(f)))


def _uncalibrated(f: Finding) -> tuple[str | Stretch, ...]:
    return (" ", Stretch("uncalibrated", "badge", "uncalibrated")) if view.uncalibrated(f) else ()


def sentence(text: str) -> str:
    """A code in words, its first letter large."""
    words = text.replace("_", " ")
    return words[:1].upper() + words[1:]


def _figures(f: Finding) -> Iterator[tuple[Words, Words]]:
    bounds = (" ", aside(f"{interval(f.interval)} at {percent(f.level)}")) if f.interval else ()
    yield sentence(f.metric), (number(f.value), *bounds)
    yield "n", (f"{number(f.n)} ", aside(_unit(f)))
    if f.rank:
        yield "Rank", (f"{f.rank.position} ", aside(f"of {f.rank.of}"))
    if f.null:
        yield _null(f.null)
    if f.log10_lr is not None:
        cap = (
            (" ", aside(f"cap {signed(view.on_its_side(f.cap, f.log10_lr))}"))
            if f.cap is not None
            else ()
        )
        words = (" ", aside(f.words)) if f.words else ()
        yield "log10 LR", (signed(f.log10_lr), *cap, *words)
    elif f.calibration is not None and f.question == "inheritance":
        yield "log10 LR", aside(wording.WITH_ITS_MAKERS)
    if f.exact is not None:
        yield from _exact(f.exact)


def _exact(test: ExactTest) -> Iterator[tuple[Words, Words]]:
    least = aside(f"never below {probability(test.p_floor)} with {test.n:,} {test.unit}s")
    yield "Exact p", (probability(test.p_value), " ", least)
    looked = wording.ANYTIME if test.anytime else wording.ONE_LOOK
    yield "log10 e-value", (signed(test.log10_e), " ", aside(looked))
    yield "Design", wording.DESIGNS[test.design].label


def _unit(f: Finding) -> str:
    """What a finding's n counts; of one, without its plural."""
    return f.n_unit.removesuffix("s") if f.n == 1 else f.n_unit


def _null(null: Null) -> tuple[Words, Words]:
    models = null.unit == "models"
    unit = "" if not models else "model" if null.n == 1 else "models"
    reached = f", {null.at_least} at or above" if null.n else ": nothing says what is usual"
    p = "" if null.p is None or not null.n else f"; p = {number(null.p)}"
    label = "Null cohort" if models else sentence(null.unit)
    return label, (f"{number(null.n)} ", aside(f"{unit}{reached}{p}"))


def _basis(f: Finding) -> Iterator[tuple[Words, Words]]:
    yield "Direction", f.direction
    null = f.null
    if null and null.population:
        told = null.population
        told += "" if null.mean is None else f"; mean {number(null.mean)}"
        told += "" if null.sd is None else f", standard deviation {number(null.sd)}"
        quantiles = ", ".join(f"{q}: {number(v)}" for q, v in null.quantiles)
        yield "Null cohort", told + (f"; quantiles {quantiles}" if quantiles else "")
    if f.calibration is not None:
        yield "Calibration", code(f.calibration)


def heat_map(h: HeatMap) -> GridTable:
    """A heat map as a table whose cells are shaded by their number."""
    spread = h.high - h.low

    def shade(value: float | None) -> float | None:
        """A number's place between the map's ends, 0 to 1; None where there is none."""
        if value is None or not math.isfinite(value):
            return None
        return (value - h.low) / spread if spread > 0 else 0.0

    return GridTable(
        h.title,
        (h.corner, *h.columns),
        tuple(
            (name(label), *(DASH if v is None else f"{v:.2f}" for v in cells))
            for label, cells in h.rows
        ),
        frozenset(range(1, len(h.columns) + 1)),
        caption=h.caption,
        look="heat",
        shades=tuple(tuple(map(shade, cells)) for _, cells in h.rows),
    )


def table(made: Table) -> GridTable:
    """A detector's table, its codes in words and its numbers with the decimals of their column."""
    t = labels.table(made)
    digits = dict(enumerate(labels.decimals(t)))
    rows = (tuple(_cell(v, digits.get(i)) for i, v in enumerate(row)) for row in t.rows)
    return GridTable(t.title, t.columns, tuple(rows), labels.numeric(t), False, t.caption)


def _cell(value: Cell, decimals: int | None) -> Words:
    strange = isinstance(value, str) and not isinstance(value, labels.Shown)
    return name(str(value)) if strange else cell(value, decimals)


def brief_group(
    group: view.FindingGroup,
    some_calibrated: bool,
    makers: Mapping[str, str],
    unweighed: Collection[str] = (),
) -> Group:
    """The findings of one detector for a brief reading: the first eight rows by rank, and how many
    more there are.

    ``makers`` has each model's: those of one maker with the same figures are one row, and what is
    the same for all models is one line. ``unweighed`` names the models whose verdict has no ratio.
    """
    sizes, units = {f.n for f in group.findings}, {f.n_unit for f in group.findings}
    unit = group.findings[0].n_unit if len(units) == 1 else ""
    same_n = bool(unit) and len(sizes) == 1
    size = f", n in {unit}" if unit else ""
    same_size = f", n = {number(group.findings[0].n)} {_unit(group.findings[0])}"
    about = f", {view.ALONE}" if group.alone else ""
    heading = f"{about}: {group.metric.replace('_', ' ')}{same_size if same_n else size}"
    rows = [_brief_row(f, some_calibrated, unit, same_n, unweighed) for f in group.findings]
    blocks: list[Block] = []
    if group.alone:
        for f, row in zip(group.findings[:MOST_BRIEF], rows, strict=False):
            blocks += [Paragraph(f.summary, "summary")] if f.summary else []
            blocks.append(Paragraph(_in_line(row), "says-not"))
        left = len(rows) - MOST_BRIEF
    elif len(rows) > 1 and len({row[1:] for row in rows}) == 1:
        told = f"The same for all {len(rows)} models: {_in_line(rows[0])}"
        blocks, left = [Paragraph(told, "says-not")], 0
    else:
        merged = _by_maker(group.findings, rows, makers)
        weights = {row[-1] for row in merged} - {DASH}
        once = next(iter(weights)) if len(weights) == 1 and len(merged) > 1 else ""
        cells: tuple[tuple[Words, ...], ...] = tuple(
            (name(r[0]), *r[1:-1], DASH if once else r[-1]) for r in merged
        )
        blocks.append(GridTable("", BRIEF_COLUMNS, cells[:MOST_BRIEF], look="quiet"))
        blocks += [Paragraph(f"{BRIEF_COLUMNS[-1]} of all: {once}", "caption")] if once else []
        left = len(merged) - MOST_BRIEF
    if left > 0:
        blocks.append(Paragraph(f"… and {left} more in report.html", "caption"))
    return Group(tuple(blocks), (strong(sentence(group.detector)), heading))


def _in_line(row: tuple[str, ...]) -> str:
    """A row's figures in one line, without its name."""
    known = zip(BRIEF_COLUMNS[1:], row[1:], strict=True)
    return "; ".join(f"{label} {text}" for label, text in known if text != DASH)


def _by_maker(
    found: Sequence[Finding], rows: Sequence[tuple[str, ...]], makers: Mapping[str, str]
) -> list[tuple[str, ...]]:
    """The rows in their order, a maker's models with the same figures as one of its name, on
    however many prompts each was compared."""
    gathered: dict[tuple[str, ...], list[int]] = {}
    for i, (model, value, _, *rest) in enumerate(rows):
        gathered.setdefault((makers.get(model) or model, value, *rest), []).append(i)
    out = []
    # Where makers are told, one of a single model is told by its maker, too.
    merged = any(len(places) > 1 for places in gathered.values())
    once = Counter(whose for whose, *_ in gathered)
    for (whose, value, *rest), places in gathered.items():
        sizes = sorted(found[i].n for i in places)
        told = f"{number(sizes[0])} to {number(sizes[-1])}"
        size = rows[places[0]][2] if sizes[0] == sizes[-1] else told
        alone = whose if merged and once[whose] == 1 else rows[places[0]][0]
        title = f"{whose} ({len(places)} models)" if len(places) > 1 else alone
        out.append((title, value, size, *rest))
    return out


def _brief_row(
    f: Finding, some_calibrated: bool, unit: str, same_n: bool, unweighed: Collection[str]
) -> tuple[str, ...]:
    bounds = f" {interval(f.interval)}" if f.interval else ""
    # Among no models nothing is rare: a p of them would be 1 whatever was measured.
    p = f"{number(f.null.p)} ({f.null.n})" if f.null is not None and f.null.n else DASH
    lr = "uncalibrated"
    if f.log10_lr is not None:
        lr = ", ".join(filter(None, (f"log10 LR {signed(f.log10_lr)}", f.words)))
    elif f.candidate in unweighed:
        lr = wording.NOT_WEIGHED
    elif f.calibration is not None:
        lr = wording.WITH_ITS_MAKERS
    elif f.exact is not None:
        lr = f"exact p {probability(f.exact.p_value)}, log10 e {signed(f.exact.log10_e)}"
    return (
        f.candidate or "suspect alone",
        number(f.value) + bounds,
        DASH if same_n else number(f.n) if unit else f"{number(f.n)} {_unit(f)}",
        f"{f.rank.position} of {f.rank.of}" if f.rank else DASH,
        p,
        lr if some_calibrated or f.exact is not None else DASH,
    )
