"""The HTML page: nothing active, nothing remote, nothing that its own policy would refuse, and a
stranger's text stays text."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.evidence.records import Report
from auditor.reporting.text import visible
from detectors.base import Exhibit, Rank, Span
from fingerprints.records import Arm
from tests.auditor.reporting.example import HOSTILE, report
from tests.auditor.reporting.example import in_html as render
from tests.auditor.reporting.page import Page

ELEMENTS = set(
    """html head meta title style body div header p h1 h2 h3 h4 h5 bdi dl dt dd time code nav ol ul li a main section article
    span b details summary table caption colgroup col thead tbody tfoot tr th td sub svg defs g use line rect circle text
    figure figcaption blockquote mark pre footer""".split()  # noqa: SIM905
)
ATTRIBUTES = set(
    """lang charset http-equiv content name class id href aria-label aria-hidden focusable role tabindex scope colspan dir open
    datetime width height x y x1 x2 y1 y2 cx cy r text-anchor transform fill-opacity""".split()  # noqa: SIM905
)


def asserts_nothing_active(page: Page) -> None:
    assert page.elements <= ELEMENTS
    assert page.odd == []
    assert page.open == []
    for tag, name, value in page.attributes:
        assert name in ATTRIBUTES, (tag, name)
        assert not name.startswith("on")
        if name == "href":
            assert tag in ("a", "use")
            assert re.fullmatch(r"#[a-z0-9]+", value)
        elif name != "content":
            assert "://" not in value
            assert "javascript:" not in value


def with_exhibit(answer: str, spans: tuple[Span, ...] = ()) -> Report:
    made = report()
    exhibit = Exhibit(
        probe_id="p", arm=Arm.OWN, prompt="?", answer=answer, spans=spans, source="suspect"
    )
    first = made.findings[0].model_copy(update={"exhibits": (exhibit,), "summary": answer[:200]})
    bare = {k: () for k in ("candidates", "verdicts", "skipped", "answers")}
    return made.model_copy(
        update={"findings": (first.model_copy(update={"tables": (), "charts": ()}),), **bare}
    )


@pytest.mark.parametrize("calibrated", [False, True])
def test_the_page_holds_no_active_element_and_no_remote_address(calibrated: bool) -> None:
    asserts_nothing_active(Page(render(report(calibrated=calibrated))))


def test_the_policy_names_the_style_sheet_by_its_hash_and_forbids_the_rest() -> None:
    text = render(report())
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = next(v for _, n, v in Page(text).attributes if n == "content" and "default-src" in v)
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    assert not re.search(r"url\(|@import|expression|</", style[1])
    assert text.index("Content-Security-Policy") < text.index("<style>")


def test_a_strangers_text_is_there_in_full_and_only_as_text() -> None:
    page = Page(render(report()))
    assert any(visible(HOSTILE) in quote for quote in page.quotes)
    assert "49" not in "".join(q for q in page.quotes if "7*7" in q)


def test_no_control_bidi_or_zero_width_character_reaches_the_page() -> None:
    assert visible(render(report())) == render(report())


def test_highlights_stand_where_the_spans_say() -> None:
    made = with_exhibit(
        "I'm Hill, made by Hillside.", (Span(start=4, end=8, why="name"), Span(start=18, end=26))
    )
    assert "<mark>Hill</mark>, made by <mark>Hillside</mark>." in render(made)


def test_right_to_left_and_other_scripts_are_set_in_their_own_direction_and_language() -> None:
    text = render(report())
    assert '<blockquote class="quote" dir="auto" lang="ar">' in text
    assert text.count("<blockquote") == text.count('dir="auto"')
    assert 'lang="en&#34;' not in text


def test_a_word_of_a_megabyte_is_cut_and_its_length_is_told() -> None:
    text = render(report(longest_word=1_000_000))
    assert len(text) < len(render(report())) + 20_000
    assert "characters more]" in text


def test_an_answer_whose_telling_words_come_late_is_quoted_around_them() -> None:
    answer = "x " * 5000 + "HERE" + " y" * 5000
    text = render(with_exhibit(answer, (Span(start=10_000, end=10_004),)))
    assert "<mark>HERE</mark>" in text
    assert "characters before]" in text


def test_every_anchor_of_the_contents_exists_once() -> None:
    page = Page(render(report()))
    ids = [v for _, n, v in page.attributes if n == "id"]
    assert len(set(ids)) == len(ids)
    assert {v[1:] for _, n, v in page.attributes if n == "href"} <= set(ids)


def test_charts_show_their_numbers_as_text_beside_the_drawing() -> None:
    words = " ".join(Page(render(report())).words)
    for expected in ("Hillside", "(0.512 to 0.811)", "null mean", "(−1.500 to −0.700)"):
        assert expected in words


def test_every_finding_shows_its_n_and_the_missing_calibration() -> None:
    text = render(report())
    assert text.count("uncalibrated</span>") == len(
        [f for f in report().findings if f.question != "service"]
    )
    in_figures = len(re.findall(r"; n ", text))
    assert text.count("<dt>n</dt>") + in_figures == len(report().findings)
    assert in_figures  # of some models only the figures are told


def test_ten_thousand_table_rows_and_hundreds_of_exhibits_stay_under_five_megabytes() -> None:
    made = report()
    first = made.findings[0]
    table = first.tables[0].model_copy(update={"rows": first.tables[0].rows * 2500})
    exhibits = tuple(e.model_copy(update={"answer": "long " * 4000}) for e in first.exhibits) * 100
    big = made.model_copy(
        update={
            "findings": (first.model_copy(update={"tables": (table,), "exhibits": exhibits}),) * 8
        }
    )
    assert len(render(big)) < 5_000_000


def crowd(n: int, twin: int | None = None) -> Report:
    """The example with n candidates in alphabetical order, ranked the other way round; one may
    have the suspect's weights."""
    made = report()
    names = [f"model-{i:02d}" for i in range(n)]
    style = next(f for f in made.findings if f.detector == "stylistic_overlap")
    return made.model_copy(
        update={
            "candidates": tuple(
                made.candidates[0].model_copy(update={"name": name, "same_weights": i == twin})
                for i, name in enumerate(names)
            ),
            "findings": tuple(
                style.model_copy(
                    update={
                        "candidate": name,
                        "rank": Rank(position=n - i, of=n),
                        "value": float(i),
                    }
                )
                for i, name in enumerate(names)
                if i != twin
            ),
            "verdicts": tuple(
                made.verdicts[0].model_copy(update={"candidate": name}) for name in names
            ),
            "skipped": tuple(
                made.skipped[0].model_copy(update={"candidate": name}) for name in names
            ),
        }
    )


def test_candidates_stand_by_rank_with_the_suspects_own_weights_first_and_two_told_whole() -> None:
    text = render(crowd(34, twin=4))
    heads = re.findall(r'<details class="candidate"( open)?>\s*<summary><h4><bdi>([^<]*)', text)
    assert [name for _, name in heads][:4] == ["model-04", "model-33", "model-32", "model-31"]
    assert [bool(opened) for opened, _ in heads] == [True] * 3 + [False] * 31
    assert text.count('class="finding"') == 2
    assert re.findall(r'<th scope="row"><a href="#c\d+"><bdi>([^<]*)', text) == [
        name for _, name in heads
    ]
    assert text.split("</nav>")[0].count('href="#m') == 1
    asserts_nothing_active(Page(text))


def test_candidates_are_told_maker_by_maker_with_their_models_inside() -> None:
    made = crowd(34)
    vendors = [f"maker-{i % 12}" for i in range(34)]
    told = made.model_copy(
        update={
            "candidates": tuple(
                c.model_copy(update={"vendor": v})
                for c, v in zip(made.candidates, vendors, strict=True)
            )
        }
    )
    text = render(told)
    heads = re.findall(r"<h3><bdi>([^<]*)</bdi> ?<[^>]*> ?([^<]*models?)<", text)
    # The best of all is model-33, of maker-9, whose two others stand with it.
    assert heads[0] == ("maker-9", "3 models")
    assert len(heads) == 12
    order = re.findall(r'<details class="candidate"[^>]*>\s*<summary><h4><bdi>([^<]*)', text)
    assert order[:3] == ["model-33", "model-21", "model-09"]
    assert "and 2 more" in text.split("</nav>")[0]
    asserts_nothing_active(Page(text))


def test_a_detector_that_gives_all_models_one_value_puts_nobody_first() -> None:
    made = crowd(4)
    alike = made.model_copy(
        update={"findings": tuple(f.model_copy(update={"value": 0.0}) for f in made.findings)}
    )
    glance = re.compile(r'<section id="glance">.*?</section>', re.DOTALL)
    assert "rank 1 of 4" in glance.findall(render(made))[0]
    assert "rank 1 of 4" not in glance.findall(render(alike))[0]


def test_what_the_suspect_says_by_itself_stands_before_the_candidates() -> None:
    text = render(report())
    assert text.index('<section id="alone">') < text.index('<section id="candidates">')


def test_verdicts_that_all_say_the_same_are_folded_and_told_once() -> None:
    text = render(crowd(34))
    assert "for all 34 candidates" in text
    assert '<details class="more folded">' in text
    assert text.count("no calibration was given") == 1
    assert "By candidate" not in render(report(calibrated=True))


def test_a_reason_that_holds_for_many_is_told_once_with_three_names() -> None:
    text = render(crowd(34)).split('<section id="skipped">')[1].split("</section>")[0]
    assert text.count("<tr>") == 2
    assert "34 candidates (model-00, model-01, model-02 and 31 more)" in text


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_words_and_drawings_have_the_contrast_of_wcag_aa_in_light_and_in_dark() -> None:
    style = files("auditor.reporting").joinpath("style.css").read_text(encoding="utf-8")
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", part))
        for part in style.split("* { box-sizing")[0].split("@media")
    )
    words = "ink/paper ink/card ink/faint soft/paper soft/card soft/faint accent/paper accent/card mark-ink/mark".split()  # noqa: SIM905
    words += [f"{name}/{name}-paper" for name in ("warn", "yes", "no", "open")]
    drawings = ["strong/card", "bar/card", "ink/strong", "ink/bar", "accent/card", "warn-rule/card"]
    for colours in (light, light | dark):
        for least, pairs in ((4.5, words), (3.0, drawings)):
            for pair in pairs:
                one, _, other = pair.partition("/")
                assert contrast(colours[one], colours[other]) >= least, (pair, colours is light)


@settings(max_examples=40, deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
    | st.lists(
        st.sampled_from(
            [
                "<",
                ">",
                "&",
                '"',
                "'",
                "</",
                "script",
                "]]>",
                "<!--",
                "-->",
                "{{",
                "%}",
                "\x00",
                "\u202e",
            ]
        )
    ).map("".join),
    st.lists(st.tuples(st.integers(-5, 90), st.integers(-5, 90)), max_size=4),
)
def test_any_text_with_any_spans_comes_out_as_the_same_text(
    answer: str, spans: list[tuple[int, int]]
) -> None:
    page = Page(render(with_exhibit(answer, tuple(Span(start=a, end=b) for a, b in spans))))
    asserts_nothing_active(page)
    # The parser, as a browser does, drops nothing but normalises no text either: \r is spelled out
    # before it gets here.
    if answer:
        assert "".join(page.quotes[1]).replace("\n", "") == visible_by_piece(answer, spans).replace(
            "\n", ""
        )


def visible_by_piece(answer: str, spans: list[tuple[int, int]]) -> str:
    """The visible text, made mark by mark as the page makes it (a highlight ends a pile of
    combining marks)."""
    from auditor.reporting.text import quote

    return "".join(
        visible(p.text) for p in quote(answer, [Span(start=a, end=b) for a, b in spans]).pieces
    )
