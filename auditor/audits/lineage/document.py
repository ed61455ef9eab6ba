"""What a comparison of weights adds to a report's document: who hangs together, how alike the
matrices are, the weights, and what the suspect's files declare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditor.audits.lineage.records import LineageSection, WeightComparison
from auditor.audits.report.findings import heat_map
from auditor.evidence.records import Report
from auditor.reporting.charts import LeafName, TreeChart
from auditor.reporting.document import Block, Paragraph, Section, full, name, pairs
from detectors.stats.trees import Tree

MOST_LEAVES = 16
RELATED = ("derived", "common_origin")
HANGS = (
    "Models whose weights share an origin hang together, the longer their branches the less alike"
    " (1 where that was not measured); who came first is not known. Those whose weights are"
    " independent stand apart."
)
SUSPECT, BASE, APART = 1, 2, 6
"""Colour classes of the leaves."""


def sections(report: Report) -> tuple[Section, ...]:
    """The tree, the heat map, the suspect's weights and declarations; nothing where no weights were
    compared."""
    found = report.section(LineageSection)
    if found is None:
        return ()
    blocks = (*_tree(report, found), *_heat(report, found), *_declared(found))
    return (Section("weights", "Weights and declarations", blocks),) if blocks else ()


def _declared(found: LineageSection) -> Iterator[Block]:
    declared = tuple((f"declared {label}", value) for label, value in found.declared.items())
    stored = (
        (("stored signatures looked through", f"{found.screened:,}"),) if found.screened else ()
    )
    told = (("declared against observed", found.declared_told),) if found.declared_told else ()
    rows = (*told, *declared, *found.weights.items(), *stored)
    if rows:
        yield pairs(rows)


def _tree(report: Report, found: LineageSection) -> Iterator[Block]:
    """Who hangs together with the suspect; nothing where nobody does. Whoever is open is left out
    and named: a place in the tree would be an answer."""
    related = [c for c in found.comparisons if c.relation in RELATED][: MOST_LEAVES // 2]
    if not related:
        return
    apart = [c for c in found.comparisons if c.relation == "independent"]
    apart = apart[: MOST_LEAVES - 1 - len(related)]
    open_ = [c.base for c in found.comparisons if c.relation == "unclear"]
    yield Paragraph(HANGS, "caption")
    yield _chart(report.subject.identity.name, related, apart)
    if open_:
        yield Paragraph(("Open, and left out: ", name(", ".join(open_)), "."), "caption")


def _chart(
    suspect: str, related: Sequence[WeightComparison], apart: Sequence[WeightComparison]
) -> TreeChart:
    """A tree of the suspect, what shares its origin, and what does not: of the first an edge is as
    long as its least likeness is short of one."""
    n = 1 + len(related) + len(apart)
    origin, top = n, n + 1
    parents = (*([origin] * (1 + len(related))), *([top] * len(apart)), top, -1)
    edges = (1.0 - max(0.0, min(1.0, c.likeness or 0.0)) for c in related)
    lengths = (0.0, *(round(e, 4) for e in edges), *([1.0] * len(apart)), 1.0, 0.0)
    leaves = (
        LeafName(suspect, "the suspect", SUSPECT),
        *(LeafName(c.base, colour=BASE) for c in related),
        *(LeafName(c.base, colour=APART) for c in apart),
    )
    others = ((APART, "independent of it"),) if apart else ()
    key = ((SUSPECT, "the suspect"), (BASE, "shares an origin with it"), *others)
    return TreeChart(Tree(n, parents, lengths, rooted=False), leaves, tuple(range(n)), {}, key)


def _heat(report: Report, found: LineageSection) -> Iterator[Block]:
    """How alike the matrices of the suspect and of the first that shares its origin are."""
    related = [c.base for c in found.comparisons if c.relation in RELATED]
    maps = (h for f in report.findings if f.candidate in related[:1] for h in f.heat_maps if h.rows)
    yield from (full(heat_map(h)) for h in maps)
