"""How a comparison is drawn and printed: widths, order, shades and what must always be said."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.audits.compare.document import comparison_document, matrix_chart, tree_chart
from auditor.audits.compare.records import Comparison
from auditor.audits.compare.run import compare
from auditor.audits.compare.sources import ComparedSource, stored_sources
from auditor.reporting import html, terminal
from auditor.reporting.trees import ROW, draw_matrix, draw_tree
from fingerprints.store import FingerprintStore
from fingerprints.transcript import Transcript
from tests.recordings import HABITS, recorded


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Two runs of each of four invented models."""
    folder = tmp_path_factory.mktemp("compare")
    sources = [
        ComparedSource(
            f"{habit} run {seed} with a very long name indeed",
            habit,
            "test",
            recorded(folder, habit, seed),
        )
        for habit in HABITS
        for seed in (0, 1)
    ]
    return compare(sources, resamples=20)


def test_leaves_are_drawn_once_each_in_the_order_of_the_record(found: Comparison) -> None:
    chart = tree_chart(found)
    assert chart is not None
    drawn = draw_tree(chart)
    assert [leaf.number - 1 for leaf in drawn.leaves] == list(found.order)
    assert {b.y - a.y for a, b in zip(drawn.leaves, drawn.leaves[1:], strict=False)} == {ROW}
    assert sorted(found.order) == list(range(8))
    assert all(0 <= e.x1 <= 56 and 0 <= e.x2 <= 56 for e in drawn.edges)
    assert len(drawn.knots) == len(found.supports)
    runs = [leaf.vendor for leaf in drawn.leaves]
    assert all(runs[i] == runs[i + 1] for i in range(0, 8, 2))


def test_every_cell_but_the_diagonal_has_one_shade_and_the_nearest_pair_the_first(
    found: Comparison,
) -> None:
    drawn = draw_matrix(matrix_chart(found))
    cells = [cell for shade in drawn.shades for cell in shade.split("z") if cell]
    assert len(cells) == len(set(cells)) == 8 * 7
    pair = found.pairs[0]
    names = [found.models[i].name for i in found.order]
    assert f"M{names.index(pair.one)} {names.index(pair.other)}h" in drawn.shades[0]


@pytest.mark.parametrize(
    ("width", "encoding"), [(20, "utf-8"), (40, "ascii"), (80, "utf-8"), (200, "utf-8")]
)
def test_no_line_is_wider_than_the_terminal_and_every_model_has_its_line(
    found: Comparison, width: int, encoding: str
) -> None:
    told = terminal.render(comparison_document(found), width=width, encoding=encoding)
    assert max(len(line) for line in told.splitlines()) <= width
    tree = told.split("Nearest pairs")[0]
    assert (
        sum(line.lstrip(" │├└─|`-.").startswith(tuple(HABITS)) for line in tree.splitlines()) == 8
    )
    assert "accuses" in told
    assert "inherited" in told


def test_the_page_says_that_nearness_is_not_inheritance_and_how_often_the_tree_comes_again(
    found: Comparison,
) -> None:
    page = html.render(comparison_document(found))
    assert "Near is not inherited" in page
    assert "common source" in page
    assert "support 100 %" in page
    assert page == html.render(
        comparison_document(Comparison.model_validate_json(found.model_dump_json()))
    )


def test_a_stored_model_with_few_answers_is_left_out_and_named(tmp_path: Path) -> None:
    with FingerprintStore.create(tmp_path / "store") as store:
        for habit in HABITS:
            whole = recorded(tmp_path, habit)
            keep = 12 if habit == "delta" else 60
            store.add(Transcript(whole.header, whole.probes, whole.replies[:keep]), name=habit)
        kept, left = stored_sources(store)
    assert [s.name for s in kept] == ["alpha", "beta", "gamma"]
    assert [(x.name, x.reason) for x in left] == [("delta", "only 12 answers to compare")]


def test_models_that_say_the_same_are_drawn_too(tmp_path: Path) -> None:
    same = [ComparedSource(name, "", "test", recorded(tmp_path, "alpha")) for name in "abc"]
    alike = compare(same, resamples=3)
    assert {v for row in alike.matrix for v in row} == {0.0}
    assert "0.000" in html.render(comparison_document(alike))
    assert terminal.render(comparison_document(alike), width=30)
