"""Markdown: a stranger's text becomes no markup in a real Markdown parser."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from auditor.reporting.markdown import code, fenced, inline, table
from auditor.reporting.text import one_line, visible
from tests.auditor.reporting.example import HOSTILE, report
from tests.auditor.reporting.example import in_markdown as render

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
FOREIGN = {"html_inline", "html_block", "image", "link_open", "em_open", "s_open"}


def tokens(text: str) -> list[Token]:
    """All tokens of a Markdown text, those within lines too."""
    return [t for block in PARSER.parse(text) for t in (block, *(block.children or ()))]


@pytest.mark.parametrize("calibrated", [False, True])
def test_the_report_holds_no_html_image_or_link(calibrated: bool) -> None:
    assert {t.type for t in tokens(render(report(calibrated=calibrated)))} & FOREIGN == set()


def test_tables_keep_their_columns_whatever_the_cells_hold() -> None:
    parsed = tokens(table(("a", "b"), [(code("x | y ` | z"), inline("p | q")), ("short",)]))
    assert [t.type for t in parsed].count("td_open") == 4


def test_exhibits_stand_in_a_fence_longer_than_any_in_them() -> None:
    blocks = [t.content for t in tokens(render(report())) if t.type == "fence"]
    assert visible(HOSTILE) + "\n" in blocks


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=100))
def test_any_text_in_a_fence_comes_out_as_one_code_block(text: str) -> None:
    parsed = tokens(f"before\n\n{fenced(text)}\n\nafter")
    assert [t.type for t in parsed].count("fence") == 1
    assert next(t.content for t in parsed if t.type == "fence") == visible(text) + "\n"


LIVELY = st.text(st.sampled_from(list("`*_[]()<>!|~#&;\\-+=1.:@/ \n\tahtpw$")), max_size=40)


@given(LIVELY)
def test_any_text_in_a_line_becomes_no_markup(text: str) -> None:
    allowed = {"paragraph_open", "paragraph_close", "inline", "text", "text_special", "code_inline"}
    assert {t.type for t in tokens(inline(text))} <= allowed


@given(LIVELY)
def test_any_text_as_a_code_span_is_read_back_as_itself(text: str) -> None:
    parsed = [t for t in tokens(code(text).replace("\\|", "|")) if t.type == "code_inline"]
    assert [t.content.strip() for t in parsed] == [one_line(text)]


def test_mentions_and_addresses_are_set_as_code() -> None:
    assert (
        inline("ask @everyone at http://x.example now")
        == "ask `@everyone` at `http://x.example` now"
    )
