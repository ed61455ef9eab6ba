"""A comparison arranged as a document: its tree, its matrix, who is nearest to whom, and what that
doesn't say.

Knows the record; computes no figure and knows no format.
"""

from __future__ import annotations

from collections import Counter

from auditor.audits.compare.records import Comparison
from auditor.audits.compare.run import tree_of
from auditor.reporting.charts import Bounds, LeafName, MatrixChart, TreeChart
from auditor.reporting.document import (
    Block,
    Definitions,
    Document,
    GridTable,
    Group,
    Paragraph,
    Section,
    Stretch,
    Words,
    brief,
    full,
    grid,
    name,
    strong,
)
from auditor.reporting.text import interval, number

MOST_IN_TABLE, MOST_PAIRS = 16, 12
COLOURS, OTHER = 5, 6
METHODS = {"average": "average linkage (UPGMA)", "nj": "neighbour joining (Saitou and Nei 1987)"}
NEAR = "Near is not inherited: a common source makes models alike, too. This accuses nobody."


def comparison_document(found: Comparison) -> Document:
    """The whole comparison; the same record gives the same document."""
    n, tree = len(found.models), tree_chart(found)
    redrawn = f"{found.resamples} redrawn sets" if found.resamples else "not redrawn"
    drawn = {"nj": "neighbour joining", "average": "average"}[found.method]
    asked = f"{n} models on {number(found.n_prompts)} shared prompts"
    asked += f", {redrawn}" if found.resamples else ""
    return Document(
        kicker="Comparison of models",
        title=f"{n} models compared",
        subject=f"{n} models compared",
        meta=(
            ("Models", number(n)),
            ("Shared prompts", f"{number(found.n_prompts)}, {redrawn}"),
            ("Tree", "none of two models" if tree is None else drawn),
        ),
        about=(brief(Paragraph(asked)),),
        preface=(full(Paragraph(found.caution, "notice")),),
        sections=(
            *(() if tree is None else (Section("tree", "Tree", (*_tree_told(found), tree)),)),
            _matrix(found),
            _nearest(found),
            Section("pairs", "Nearest pairs", (_pairs(found), *_left_out(found), _last()), "brief"),
            Section("models", "Models", (_models(found), *_left_out(found)), "full"),
            Section("method", "Method", (_method(found),), "full"),
        ),
        record=lambda: found.model_dump(mode="json"),
        note="compare.json is the record; this page and its drawings are views of it.",
    )


def tree_chart(found: Comparison) -> TreeChart | None:
    """The tree to be drawn; None for two models."""
    held = tree_of(found)
    if held is None:
        return None
    return TreeChart(held[0], _leaves(found), found.order, held[1], _key(found))


def matrix_chart(found: Comparison) -> MatrixChart:
    """The distances in the order of the tree's leaves."""
    return MatrixChart(_leaves(found), found.order, found.matrix)


def vendors_of(found: Comparison) -> dict[str, int]:
    """The colour class of each vendor: the five with the most models have their own, the others
    share one."""
    counts = Counter(m.vendor for m in found.models if m.vendor)
    first = sorted(counts, key=lambda v: (-counts[v], v))
    return {vendor: i + 1 if i < COLOURS else OTHER for i, vendor in enumerate(first)}


def _leaves(found: Comparison) -> tuple[LeafName, ...]:
    colours = vendors_of(found)
    return tuple(LeafName(m.name, m.vendor, colours.get(m.vendor, OTHER)) for m in found.models)


def _key(found: Comparison) -> tuple[tuple[int, str], ...]:
    named = vendors_of(found)
    own = tuple((colour, vendor) for vendor, colour in named.items() if colour != OTHER)
    rest = any(c == OTHER for c in named.values()) or any(not m.vendor for m in found.models)
    return (*own, (OTHER, "others or unknown")) if own and rest else own


def _tree_told(found: Comparison) -> tuple[Block, ...]:
    if found.method == "average":
        about = "Average linkage: two models meet at half their groups' mean distance."
    else:
        about = (
            "Neighbour joining: the length of the way between two models is about their distance."
            " It hangs from the middle of its longest path, which is no root."
        )
    if found.resamples:
        about += (
            " Numbers: in how many of 100 redrawn sets of prompts the models on one side stay"
            " together; a filled dot means 70 or more. They tell whether other prompts would give"
            " the same tree, not whether it is true."
        )
    told = "numbers: % of redrawn prompt sets that keep the group together"
    short = (Paragraph(told, "lead"),) if found.supports else ()
    return full(Paragraph(about, "lead")), brief(*short)


def _matrix(found: Comparison) -> Section:
    about = "Darker on a light page, lighter on a dark one: nearer. Rows and columns are in the"
    about += " tree's order."
    names = [found.models[i].name for i in found.order]
    rows = (
        (found.models[i].name, *(number(found.matrix[i][j]) for j in found.order))
        for i in found.order
    )
    rest: Block = Paragraph("All distances stand in compare.json.", "caption")
    if len(names) <= MOST_IN_TABLE:
        table = grid("Distances", ("model", *names), rows, range(1, len(names) + 1))
        rest = Group((table,), "Distances as numbers", folded=True)
    blocks = (Paragraph(about, "lead"), matrix_chart(found), rest)
    return Section("matrix", "Matrix", blocks, "full")


def _nearest(found: Comparison) -> Section:
    about = "Each model's nearest among those compared; somebody is always nearest."
    if found.resamples:
        about += f" Again: in what share of {found.resamples} redrawn sets of prompts it is the"
        about += " same one."
    rows = (
        (n.name, n.nearest, with_bounds(n.distance, n.interval), _share(n.again))
        for n in found.nearest
    )
    told = grid("Nearest models", ("model", "nearest", "distance", "again"), rows, (2, 3))
    return Section("nearest", "Nearest models", (Paragraph(about, "lead"), told), "full")


def _pairs(found: Comparison) -> GridTable:
    columns = ("distance (95 %)" if found.resamples else "distance", "models")
    rows: tuple[tuple[Words, ...], ...] = tuple(
        (strong(with_bounds(p.distance, p.interval)), (name(p.one), " and ", name(p.other)))
        for p in found.pairs[:MOST_PAIRS]
    )
    return GridTable("Nearest pairs", columns, rows, headed=False, look="quiet")


def _models(found: Comparison) -> GridTable:
    rows = (
        (m.name, m.vendor or "–", m.source, number(m.n_answers), m.answers_sha256[:16])
        for m in found.models
    )
    columns = ("model", "vendor", "from", "answers", "answers SHA-256")
    return grid("Models", columns, rows, (3,))


def _left_out(found: Comparison) -> tuple[Paragraph, ...]:
    if not found.left_out:
        return ()
    words: list[str | Stretch] = ["Left out: "]
    for i, x in enumerate(found.left_out):
        words += [", " if i else "", name(x.name), f" ({x.reason})"]
    return (Paragraph((*words, "."), "caption"),)


def _last() -> Paragraph:
    return Paragraph(NEAR, "notice")


def _method(found: Comparison) -> Definitions:
    asked = f"{number(found.n_prompts)} that all models answered, {number(found.n_clusters)}"
    return Definitions(
        (
            ("Distance", found.measure),
            ("Embedder", found.embedder),
            ("Prompts", f"{asked} questions"),
            ("Tree", METHODS[found.method]),
            (
                "Redrawn prompts",
                f"{found.resamples}, seed {found.seed} (Felsenstein 1985); intervals are 95 %"
                " percentiles",
            ),
            ("Made by", found.tool),
        )
    )


def with_bounds(value: float, bounds: Bounds | None) -> str:
    """A distance with its interval, where there is one."""
    return number(value) if bounds is None else f"{number(value)} {interval(bounds)}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"
