"""Pages of cards and cohorts: nothing active, a stranger's text stays text, every number is
there, and the goldens hold."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest

from auditor.controls.cards import card_view
from auditor.controls.cards.card import PAGE, read_card
from auditor.controls.cards.card_document import card_document, write_card
from auditor.controls.cards.cohort_document import cohort_document, series
from auditor.controls.cards.cohort_view import overview
from auditor.controls.cards.courses import read_courses
from auditor.controls.cohort import load_cohort
from auditor.controls.evaluation.figure import BITS, RIGHT, THOUGHT
from auditor.controls.training.step_journal import LossJournal, LossRow
from auditor.reporting import html, terminal
from auditor.reporting.charts import Course, PanelValues, PlotValue
from auditor.reporting.plots import line, panel, shared_scale, stack
from auditor.reporting.text import visible
from tests.auditor.controls.cards.cards import HOSTILE, card, cohort, courses, figure
from tests.auditor.controls.cards.regenerate_cards import GOLDEN
from tests.auditor.reporting.page import Page


def card_page(*given: Any) -> str:
    return html.render(card_document(*given))


ELEMENTS = set(
    """html head meta title style body div header p h1 h2 h3 bdi dl dt dd nav ol ul li a main section span details summary
    table caption colgroup col thead tbody tfoot tr th td svg defs g use line rect circle polyline text figure figcaption pre
    footer""".split()  # noqa: SIM905
)
ATTRIBUTES = set(
    """lang charset http-equiv content name class id href aria-label aria-hidden role tabindex scope colspan dir open width
    height x y dx dy x1 x2 y1 y2 cx cy r text-anchor transform viewbox preserveaspectratio points""".split()  # noqa: SIM905
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = cohort(tmp_path_factory.mktemp("population"))
    found = overview("cohort", load_cohort(folder))
    return {"card": card_page(card(), courses()), "cohort": html.render(cohort_document(found))}


@pytest.mark.parametrize("name", ["card", "cohort"])
def test_a_page_holds_no_active_element_and_no_remote_address(
    pages: dict[str, str], name: str
) -> None:
    page = Page(pages[name])
    assert page.elements <= ELEMENTS
    assert page.odd == []
    assert page.open == []
    for tag, key, value in page.attributes:
        assert key in ATTRIBUTES, (tag, key)
        if key == "href":
            assert re.fullmatch(r"#[a-z0-9]+", value)
        elif key != "content":
            assert "://" not in value
    anchors = [value[1:] for _, key, value in page.attributes if key == "href"]
    ids = [value for _, key, value in page.attributes if key == "id"]
    assert set(anchors) <= set(ids)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", ["card", "cohort"])
def test_a_pages_policy_names_its_style_by_hash_and_forbids_the_rest(
    pages: dict[str, str], name: str
) -> None:
    style = re.search(r"<style>(.*?)</style>", pages[name], re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = next(
        v for _, n, v in Page(pages[name]).attributes if n == "content" and "default-src" in v
    )
    assert (
        policy
        == f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    assert not re.search(r"url\(|@import|expression|</", style[1])


@pytest.mark.parametrize("name", ["card", "cohort"])
def test_a_strangers_words_stay_words(pages: dict[str, str], name: str) -> None:
    assert visible(pages[name]) == pages[name]
    assert visible(HOSTILE) in " ".join(Page(pages[name]).words)
    assert "<script" not in pages[name]


@pytest.mark.parametrize("name", ["card", "cohort"])
def test_the_golden_pages_hold(pages: dict[str, str], name: str) -> None:
    wanted, made = (
        _without_records(text)
        for text in ((GOLDEN / f"{name}-1.html").read_text("utf-8"), pages[name])
    )
    assert made == wanted, (
        "run `python -m tests.auditor.controls.cards.regenerate_cards`, and look at the page"
    )


def _without_records(text: str) -> str:
    """A page without the recipe's text and without digests, which change with every new field of
    a record."""
    return re.sub(r"<pre.*?</pre>|\b[0-9a-f]{64}\b", "", text, flags=re.DOTALL)


def test_every_number_of_a_card_stands_on_its_page_as_text() -> None:
    words = " ".join("".join(Page(card_page(card(), courses())).words).split())
    for told in (
        "0.900 → 0.700",
        "−0.200 (−0.250 to −0.150)",
        "0.800 (0.700 to 0.900)",
        "12.50 (9.500 to 15.50)",
        "2.500 → 1.250",
    ):
        assert told in words


def test_figures_of_any_name_are_drawn_and_shares_share_an_axis() -> None:
    found = {g.title: g for g in card_view.groups(card())}
    assert list(found) == [
        card_view.TEACHER,
        card_view.RETENTION,
        card_view.CLAIMS,
        card_view.OTHER,
    ]
    assert len(found[card_view.RETENTION].charts) == 1
    assert len(found[card_view.RETENTION].changes) == 2
    assert HOSTILE in found[card_view.OTHER].changes[0].name


def test_figures_of_one_kind_that_are_no_shares_stand_on_one_axis() -> None:
    told = [figure(f"{THOUGHT}:{n}", "after", 40.0 + n, 2.0) for n in (0, 1)]
    (group,) = card_view.groups(card(figures=[*told, figure(f"{RIGHT}:0", "after", 0.5)]))
    assert group.title == card_view.BUDGET
    assert [len(chart) for chart in group.charts] == [2, 1]


def test_a_card_that_learned_by_rewards_tells_its_first_and_last_steps() -> None:
    def mean(value: float) -> dict[str, float]:
        return {"value": value, "low": value - 0.1, "high": value + 0.1, "tasks": 8, "answers": 64}

    rewards = {
        "puzzles": 90,
        "puzzles_sha256": "a" * 64,
        "held_out_sha256": "b" * 64,
        "answers": 640,
        "tokens": 9000,
        "warm_up": 0,
        "wait": 0.0,
        "warm_up_steps": 0,
        "first": {f"right {HOSTILE}": mean(0.2)},
        "last": {f"right {HOSTILE}": mean(0.7)},
        "curve": [],
    }
    text = card_page(card(rewards=rewards, sources=(), first_loss=None, last_loss=None))
    assert "0.200 → 0.700" in text
    assert "No teacher took part" in text
    assert "<script" not in text
    assert terminal.render(
        card_document(card(rewards=rewards, first_loss=None, last_loss=None)), width=64
    )


def test_a_card_without_figures_and_courses_says_so() -> None:
    text = card_page(card(figures=()))
    assert "Nothing could be measured." in text
    assert "No journal of the training" in text


def test_a_figure_of_one_question_has_no_whisker() -> None:
    text = card_page(card(figures=[figure(BITS, "before", 0.5, None, n=1)]))
    assert 'class="whisker' not in text
    assert "0.500" in text


def test_the_flow_of_prompts_and_answers_adds_up() -> None:
    steps = card_view.prompt_flow(card())
    assert [(s.label, s.count) for s in steps if s.kind != "loss"] == [
        ("in the pool", 40),
        ("curated", 20),
    ]
    assert sum(s.count for s in steps if s.kind == "loss") == 20
    answers = card_view.answer_flow(card())
    assert answers[0].count == 20 == sum(s.count for s in answers[1:])


def test_what_is_lost_by_a_reason_without_a_name_is_lost_otherwise() -> None:
    made = card()
    source = made.sources[0].model_copy(update={"unanswered": 0})
    steps = card_view.answer_flow(made.model_copy(update={"sources": (source, *made.sources[1:])}))
    assert ("lost otherwise", 2) in [(s.label, s.count) for s in steps]


def test_a_written_card_has_its_page_with_the_journals_course(tmp_path: Path) -> None:
    with LossJournal(tmp_path / "losses.jsonl") as journal:
        for step in (1, 2, 3):
            journal.add(LossRow(step=step, loss=3.0 / step, gradient=1.0, rate=1e-3, tokens=10))
    write_card(tmp_path, card())
    assert [c.label for c in read_courses(tmp_path)] == ["loss, nats a token", "learning rate"]
    assert (tmp_path / PAGE).read_text("utf-8").count("<polyline") == 3
    assert read_card(tmp_path) == card()


def test_a_smoothed_course_is_the_mean_by_tokens() -> None:
    course = Course("loss", (1, 2, 3), (0.0, 3.0, 6.0), (1.0, 1.0, 2.0))
    assert course.smoothed() == (1.5, 15 / 4, 5.0)
    assert Course("rate", (1, 2), (1.0, 2.0)).smoothed() == (1.0, 2.0)


def test_a_course_of_a_single_step_and_of_many_thousands_can_be_drawn() -> None:
    assert dict(line(Course("loss", (1,), (2.0,))).lines)["smooth"].startswith("500.0,")
    steps, values = tuple(range(1, 10_001)), (1.0,) * 9_999 + (5.0,)
    long = dict(line(Course("loss", steps, values, (1.0,) * 10_000)).lines)
    assert len(long["raw"].split()) <= 602
    assert long["raw"].split()[-1].startswith("1000.0,")


def test_points_of_a_panel_stand_in_the_slot_of_their_dose_and_rise_with_their_value() -> None:
    values = (
        PlotValue("0 %", 0.0, None, 6, "a"),
        PlotValue("100 %", 1.0, (0.5, 1.5), 1, "b"),
        PlotValue("100 %", 0.8, None, 1, "c"),
    )
    found = panel(PanelValues("t", ("0 %", "100 %"), values), shared_scale([0, 1.5], zero=True))
    low, high, other = found.dots
    assert low.x < 50 < high.x < other.x
    assert low.y > other.y > high.y
    assert high.low is not None
    assert high.high is not None
    assert high.low > high.y > high.high


def test_a_stack_leaves_out_what_is_nothing_and_fills_the_whole() -> None:
    found = stack([3, 0, 1])
    assert [(s.start, s.width, s.number) for s in found] == [(0.0, 75.0, 1), (75.0, 25.0, 3)]
    assert stack([0, 0]) == ()


def test_controls_without_a_teacher_stand_in_every_panel_of_their_base(tmp_path: Path) -> None:
    rows = overview("x", load_cohort(cohort(tmp_path))).rows
    found = series(rows)
    base = next(row.base for row in rows if "base" in row.base and not row.teachers)
    assert {key for key in found if key[0] == base} == {(base, "t0"), (base, "t1")}
    for key in ((base, "t0"), (base, "t1")):
        assert sum(not row.teachers for row in found[key]) == 2
