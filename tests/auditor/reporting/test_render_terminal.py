"""The terminal: any width, no stranger's control, colour only where it is wanted."""

from __future__ import annotations

import io
import re
import unicodedata

import pytest
from rich.cells import cell_len

from auditor.audits.report.document import next_steps, report_document
from auditor.reporting import terminal
from auditor.reporting.document import Document, GridTable, Paragraph, Section, aside, strong
from auditor.reporting.terminal import write
from tests.auditor.reporting.example import in_terminal as render
from tests.auditor.reporting.example import report
from tests.auditor.reporting.test_render_html import crowd

ANSI = re.compile(r"\x1b\[[0-9;]*m")


class Screen(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("width", [1, 20, 60, 80, 100, 5000])
@pytest.mark.parametrize("calibrated", [False, True])
def test_no_line_is_wider_than_the_terminal(width: int, calibrated: bool) -> None:
    lines = render(report(calibrated=calibrated, longest_word=1000), width=width).splitlines()
    assert max(cell_len(line) for line in lines) <= min(200, max(20, width))


@pytest.mark.parametrize("width", [20, 33, 60, 70, 80, 92, 100, 120, 200])
def test_every_figure_is_there_at_every_width(width: int) -> None:
    words = " ".join(render(report(calibrated=True), width=width).split())
    for expected in (
        "hill-7b",
        "0.683",
        "1 of 12",
        "+0.52",
        "supported",
        "0.083",
        "0.004",
        "466",
        "0.113",
    ):
        assert expected in words
    assert words.count("(11)") == 5


def test_the_answers_come_first_and_the_next_steps_last() -> None:
    text = render(report(), width=100)
    places = [
        text.index(w)
        for w in ("INHERITANCE", "LINEAGE", "SERVICE", "candidate  ", "Limits", "Next")
    ]
    assert places == sorted(places)


def test_answers_that_equal_the_suspects_word_for_word_are_told_before_any_figure() -> None:
    told = report()
    first = told.candidates[0]
    assert "very same words" not in render(told, width=100)
    equal = first.model_copy(update={"n_identical": first.n_shared})
    text = render(told.model_copy(update={"candidates": (equal,)}), width=100)
    assert (
        f"{first.name}: 471 of 471 shared prompts were answered in the very same words"
        in " ".join(text.split())
    )
    assert text.index("very same words") < text.index("INHERITANCE")


def test_a_makers_models_with_the_same_figures_are_one_row_and_what_is_one_for_all_one_line() -> (
    None
):
    made = report()
    style = next(f for f in made.findings if f.detector == "stylistic_overlap")
    first = made.candidates[0]
    models = (("a-1", "Acme", 2.5, 20), ("a-2", "Acme", 2.5, 24), ("b-1", "Bolt", 1.5, 20))

    def told(values: tuple[float, ...]) -> str:
        found = tuple(
            style.model_copy(update={"candidate": name, "value": value, "n": n, "rank": None})
            for (name, _, _, n), value in zip(models, values, strict=True)
        )
        stored = tuple(
            first.model_copy(update={"name": name, "vendor": maker, "same_weights": False})
            for name, maker, _, _ in models
        )
        shown = made.model_copy(update={"findings": found, "candidates": stored})
        return " ".join(render(shown, width=150).split())

    merged = told((2.5, 2.5, 1.5))
    assert "Acme (2 models) 2.500" in merged
    assert "20 to 24" in merged
    assert "Bolt 1.500" in merged
    assert "a-2" not in merged.split("Error rates")[0].split("Stylistic overlap")[1]
    same_n = tuple(f.model_copy(update={"n": 20, "value": 0.0, "rank": None}) for f in (style,) * 2)
    alike = made.model_copy(
        update={
            "findings": (same_n[0], same_n[1].model_copy(update={"candidate": "other"})),
        }
    )
    assert "The same for all 2 models: value 0.000" in " ".join(render(alike, width=150).split())


def test_no_control_character_of_a_stranger_reaches_the_terminal() -> None:
    text = ANSI.sub("", render(report(), width=100, colour=True))
    assert {c for c in text if unicodedata.category(c)[0] == "C"} == {"\n"}


def test_brackets_of_a_stranger_are_not_read_as_markup() -> None:
    made = report()
    odd = made.findings[0].model_copy(
        update={"candidate": "[red]a[/red] :smile: [link=x]", "exhibits": ()}
    )
    assert "[red]a[/red] :smile: [link=x]" in render(
        made.model_copy(update={"findings": (odd,)}), width=200
    )


def test_colour_is_used_on_a_terminal_only_and_never_against_no_color(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "90")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    screen, pipe, modest = Screen(), io.StringIO(), Screen()
    write(report_document(report()), screen)
    write(report_document(report()), pipe)
    monkeypatch.setenv("NO_COLOR", "1")
    write(report_document(report()), modest)
    assert ANSI.search(screen.getvalue())
    shown = [line.rstrip() for line in ANSI.sub("", screen.getvalue()).splitlines()]
    assert shown == pipe.getvalue().splitlines() == modest.getvalue().splitlines()
    assert "\x1b" not in modest.getvalue()


def test_a_terminal_that_knows_ascii_only_is_served() -> None:
    text = render(report(calibrated=True), width=100, encoding="ascii")
    assert text.isascii()
    assert "hill-7b" in text


def test_next_steps_say_to_resume_only_what_is_incomplete_and_to_calibrate_only_what_is_not() -> (
    None
):
    made = report(calibrated=True)
    whole = made.model_copy(
        update={"transcript": made.transcript.model_copy(update={"complete": True})}
    )
    assert "resumes" in next_steps(made)[0]
    assert not any("resumes" in s or "calibration" in s for s in next_steps(whole))
    assert any("calibration" in s for s in next_steps(report()))


def test_of_many_findings_eight_are_shown_by_rank_and_the_others_counted() -> None:
    text = render(crowd(34), width=100)
    shown = re.findall(r"^(model-\d\d) ", text, re.MULTILINE)
    assert shown == [f"model-{i}" for i in range(33, 25, -1)]
    assert "… and 26 more in report.html" in text
    assert "Not assessable for all 34 candidates. no calibration was given" in text
    assert len(text.splitlines()) < 75


def test_what_the_suspect_says_by_itself_comes_before_the_candidates_of_its_question() -> None:
    made = report()
    alone = made.findings[-1].model_copy(update={"question": "inheritance"})
    text = render(made.model_copy(update={"findings": (*made.findings, alone)}), width=100).split(
        "Inheritance ─"
    )[1]
    assert text.index("Answer drift, the suspect alone") < text.index(
        "Self identification: claim rate"
    )


def test_words_in_a_row_are_parted_on_a_terminal_as_on_a_page() -> None:
    part = Section("s", "S", (Paragraph((strong("one"), " ", aside("(two)"))),))
    document = Document("kicker", "title", "subject", (), (part,), dict)
    assert "one (two)" in terminal.render(document, width=80)


def test_a_wide_table_is_told_in_parts_that_each_name_their_rows() -> None:
    columns = ("level", "prompts", *(f"figure {i}" for i in range(8)))
    cells = [(a, n, *(f"{n}.{i} (0.00 to 9.99)" for i in range(8))) for a in "xy" for n in "12"]
    table = GridTable("Figures", columns, tuple(cells), frozenset(range(1, 10)))
    document = Document("kicker", "title", "subject", (), (Section("a", "A", (table,)),), dict)
    lines = terminal.render(document, width=80).splitlines()
    assert max(cell_len(line) for line in lines) <= 80
    for row in cells:
        for figure in row[2:]:
            (line,) = (x for x in lines if figure in x and x.startswith(row[0]))
            assert line.split()[:2] == list(row[:2])
    assert len([line for line in lines if line.startswith("level")]) == 3
    narrow = terminal.render(document, width=30).splitlines()
    assert not any(line.startswith("level") for line in narrow)
