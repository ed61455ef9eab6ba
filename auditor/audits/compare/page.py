"""A comparison as one HTML file, and its tree and matrix as SVG files: no script, no network, the
report's look and policy.

Knows the record and its drawings; computes no figure.
"""

from __future__ import annotations

from itertools import count
from typing import Any

from auditor.audits.compare.drawing import OTHER, draw_matrix, draw_tree, vendors_of
from auditor.audits.compare.records import Comparison
from auditor.reporting.html import environment, styled
from auditor.reporting.text import interval, number

SHEETS = ("style.css", "plots.css", "compare.css")
MOST_IN_TABLE = 16
WIDTH = 960


def comparison_page(found: Comparison) -> str:
    """The whole page as text: the same record gives the same bytes."""
    return (
        environment()
        .get_template("compare.html")
        .render(
            **styled(*SHEETS),
            found=found,
            meta=_meta(found),
            tree=draw_tree(found),
            matrix=draw_matrix(found),
            colours=_colours(found),
            distances=_distances(found),
            nearest=[
                (n.name, n.nearest, with_bounds(n.distance, n.interval), share(n.again))
                for n in found.nearest
            ],
            models=[
                (m.name, m.vendor or "–", m.source, number(m.n_answers), m.answers_sha256[:16])
                for m in found.models
            ],
            next_number=count(1).__next__,
        )
    )


def tree_svg(found: Comparison) -> str | None:
    """The tree as an SVG file's text; None for two models."""
    drawn = draw_tree(found)
    return (
        None
        if drawn is None
        else _svg("tree", drawn, drawn.height, f"Tree of {len(found.models)} models")
    )


def matrix_svg(found: Comparison) -> str:
    """The matrix as an SVG file's text."""
    drawn = draw_matrix(found)
    return _svg("matrix", drawn, drawn.height + 24, f"Distances of {len(found.models)} models")


def with_bounds(value: float, bounds: tuple[float, float] | None) -> str:
    """A distance with its interval, where there is one."""
    return number(value) if bounds is None else f"{number(value)} {interval(bounds)}"


def share(value: float | None) -> str:
    """A share in per cent, a dash for none."""
    return "–" if value is None else f"{100 * value:.0f} %"


def _svg(kind: str, drawing: Any, height: int, title: str) -> str:
    template = environment().get_template("drawing.svg.html")
    style = styled(*SHEETS)["style"]
    return template.render(
        kind=kind, drawing=drawing, style=style, width=WIDTH, height=height + 24, title=title
    ).lstrip()


def _meta(found: Comparison) -> list[tuple[str, str]]:
    redrawn = f"{found.resamples} redrawn sets" if found.resamples else "not redrawn"
    return [
        ("Models", number(len(found.models))),
        ("Shared prompts", f"{number(found.n_prompts)}, {redrawn}"),
        (
            "Tree",
            "none of two models"
            if found.newick is None
            else {"nj": "neighbour joining"}.get(found.method, found.method),
        ),
    ]


def _colours(found: Comparison) -> list[tuple[int, str]]:
    named = vendors_of(found)
    own = [(colour, vendor) for vendor, colour in named.items() if colour != OTHER]
    rest = any(c == OTHER for c in named.values()) or any(not m.vendor for m in found.models)
    return [*own, (OTHER, "others or unknown")] if own and rest else own


def _distances(found: Comparison) -> tuple[list[str], list[list[str]]] | None:
    if len(found.models) > MOST_IN_TABLE:
        return None
    names = [found.models[i].name for i in found.order]
    rows = [
        [found.models[i].name, *(number(found.matrix[i][j]) for j in found.order)]
        for i in found.order
    ]
    return ["model", *names], rows
