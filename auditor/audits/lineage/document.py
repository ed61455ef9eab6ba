"""What a comparison of weights adds to a report's document: who hangs together, how alike the
matrices are, the weights, and what the suspect's files declare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditor.audits.lineage import map_of_parts
from auditor.audits.lineage.judge import WORDS
from auditor.audits.lineage.records import (
    RELATED,
    DeclaredOrigin,
    DeclaredPlace,
    DeclaredStatus,
    LineageSection,
    WeightComparison,
)
from auditor.audits.report.findings import heat_map
from auditor.evidence.records import Report
from auditor.reporting.charts import LeafName, TreeChart
from auditor.reporting.document import (
    DASH,
    Block,
    GridTable,
    Paragraph,
    Section,
    Stretch,
    full,
    name,
    pairs,
)
from detectors.stats.trees import Tree

MOST_LEAVES = 16
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
    blocks = (*_map(found), *_tree(report, found), *_heat(report, found), *_declared(found))
    return (Section("weights", "Weights and declarations", blocks),) if blocks else ()


def _map(found: LineageSection) -> Iterator[Block]:
    """Which part comes from which base."""
    yield from map_of_parts.blocks(found.origins, [c.base for c in found.comparisons])


def _declared(found: LineageSection) -> Iterator[Block]:
    declared = tuple((f"declared {label}", value) for label, value in found.declared.items())
    stored = (
        (("stored signatures looked through", f"{found.screened:,}"),) if found.screened else ()
    )
    told = (("declared against observed", found.declared_told),) if found.declared_told else ()
    licences = tuple((f"declared licence of {n}", said) for n, said in found.licences.items())
    rows = (*told, *(licences or declared), *found.weights.items(), *stored)
    if found.declarations:
        yield _table(found.declarations)
    if rows:
        yield pairs(rows)


STATUSES: dict[DeclaredStatus, tuple[str, str]] = {
    "borne_out": ("borne out", "supported"),
    "contradicted": ("contradicted", "not_supported"),
    "open": ("open", "inconclusive"),
    "not_compared": ("not compared", "not_examined"),
    "own_name": ("its own name", "not_examined"),
}


PLACES: dict[DeclaredPlace, str] = {
    "card": "model card",
    "adapter": "adapter and model card",
    "config": "config",
    "gguf": "GGUF metadata",
    "tokenizer": "tokenizer",
    "chat_template": "chat template",
    "commits": "commit history",
}


def _table(said: Sequence[DeclaredOrigin]) -> GridTable:
    """Declared against observed: a row a place."""
    rows = tuple(
        (
            PLACES[d.place],
            name(d.says),
            DASH if d.base is None else name(d.base),
            DASH if d.observed is None else WORDS[d.observed],
            Stretch(STATUSES[d.status][0], "badge", STATUSES[d.status][1]),
        )
        for d in said
    )
    return GridTable(
        "Declared against observed",
        ("Where", "It says", "Base compared", "The weights say", "Status"),
        tuple(tuple(cell if isinstance(cell, str) else (cell,) for cell in row) for row in rows),
        caption=(
            "A name is a claim. What a config, a tokenizer, a template or a commit mentions is no"
            " declaration of where weights come from, and is never called contradicted."
        ),
    )


def _tree(report: Report, found: LineageSection) -> Iterator[Block]:
    """Who hangs together with the suspect; nothing where nobody does. Whoever is open is left out
    and named: a place in the tree would be an answer."""
    related = [c for c in found.comparisons if c.relation in RELATED][: MOST_LEAVES // 2]
    if not related:
        return
    apart = [c for c in found.comparisons if c.relation == "independent"]
    apart = apart[: MOST_LEAVES - 1 - len(related)]
    open_ = [c.base for c in found.comparisons if c.relation in ("unclear", "none_found")]
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
