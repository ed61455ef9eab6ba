"""`auditor control show`: a card and a cohort on terminals of any width, as JSON, and as a page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from auditor.commands.control import control
from auditor.controls.cards.card_document import card_document, write_card
from auditor.controls.cards.cohort_document import cohort_document
from auditor.controls.cards.cohort_view import overview
from auditor.controls.cohort import load_cohort
from auditor.reporting import terminal
from auditor.reporting.terminal import sparkline
from fingerprints.errors import MalformedInput
from tests.auditor.controls.cards.cards import card, cohort, courses


@pytest.fixture(scope="module")
def population(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cohort(tmp_path_factory.mktemp("population"))


def invoke(*argv: str) -> Any:
    return CliRunner().invoke(control, ["show", *argv], catch_exceptions=True)


@pytest.mark.parametrize("width", [20, 64, 120])
def test_a_card_fits_a_terminal_of_any_width(width: int) -> None:
    text = terminal.render(card_document(card(), courses()), width=width)
    assert max(len(line) for line in text.splitlines()) <= width
    squeezed = "".join(text.split())
    for told in ("0.900→0.700", "-0.200", "40inthepool", "Wh(estimate)"):
        assert told in squeezed
    assert "█" in text
    assert "\u202e" not in text


def test_a_terminal_without_blocks_gets_plain_characters() -> None:
    text = terminal.render(card_document(card(), courses()), width=80, encoding="ascii")
    assert text.isascii()
    assert "\\u258" not in text
    assert "0.900 to 0.700" in text


def test_a_sparkline_falls_as_its_values_do() -> None:
    assert sparkline([8, 6, 4, 1], 4) == "█▆▄▁"
    assert sparkline([1, 1, 5, 5], 2) == "▁█"
    assert sparkline([2, 2], 9) == "▁▁"
    assert sparkline([], 9) == ""


@pytest.mark.parametrize("width", [40, 64, 160])
def test_a_cohort_lists_every_control_with_its_changes_and_the_ledger_of_all(
    population: Path, width: int
) -> None:
    text = terminal.render(cohort_document(overview("x", load_cohort(population))), width=width)
    assert max(len(line) for line in text.splitlines()) <= width
    squeezed = "".join(text.split())
    assert "11controls,10withacard" in squeezed
    assert "foreign" in squeezed
    assert "1,205" in squeezed
    if width >= 64:
        assert (
            squeezed.index("none-dose000-seed1")
            < squeezed.index("t0-dose025-seed0")
            < squeezed.index("t1-dose100-seed1")
        )


def test_show_tells_a_card_and_a_cohort_as_json(population: Path) -> None:
    one = invoke(str(population / "t0-dose100-seed0"), "--json")
    assert json.loads(one.stdout)["format"] == "card/1"
    told = json.loads(invoke(str(population), "--json").stdout)
    assert len(told["members"]) == 11
    assert told["ledger"]["total"]["seconds"] == pytest.approx(1205)
    member = next(m for m in told["members"] if m["name"] == "t1-dose100-seed0")
    assert (member["role"], member["teachers"], member["dose"], member["seed"]) == (
        "positive",
        ["t1"],
        1.0,
        0,
    )
    assert member["change"]["bits"]["value"] == pytest.approx(-0.2)
    assert member["change"]["claims"]["name"] == "names acme"
    assert next(m for m in told["members"] if m["name"] == "foreign")["change"]["bits"] is None


def test_show_writes_the_page_of_a_card_and_of_a_cohort(population: Path, tmp_path: Path) -> None:
    for folder, words in (
        (population, "Cohort of control models"),
        (population / "t0-dose100-seed0", "data card"),
    ):
        done = invoke(str(folder), "--html", str(tmp_path / "page.html"))
        assert done.exit_code == 0, done.output
        assert "written:" in done.stderr
        assert words in (tmp_path / "page.html").read_text("utf-8")


def test_a_folder_without_controls_and_one_with_a_broken_journal_are_one_line(
    tmp_path: Path,
) -> None:
    empty = invoke(str(tmp_path))
    assert isinstance(empty.exception, MalformedInput)
    assert "auditor control train" in empty.exception.line()
    write_card(tmp_path, card())
    (tmp_path / "losses.jsonl").write_text("no journal\n")
    broken = invoke(str(tmp_path))
    assert isinstance(broken.exception, MalformedInput)
    assert "losses.jsonl" in broken.exception.line()
