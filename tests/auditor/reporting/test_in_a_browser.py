"""A report in headless Chromium: its first screen, its digest on paper, in the dark, on a phone."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor.evidence.records import Report
from tests.auditor.reporting.example import EXAMPLES, in_html, report
from tests.auditor.reporting.test_render_html import crowd

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
MOST_PAGES = 6

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.timeout(400),
]


def weighed_crowd() -> Report:
    """Two hundred candidates, all of them weighed, each for a reason of its own."""
    made, one = crowd(200), report(calibrated=True).verdicts[1]
    told = tuple(
        one.model_copy(update={"candidate": c.name, "title": c.name, "reason": f"Reason {i}."})
        for i, c in enumerate(made.candidates)
    )
    return made.model_copy(update={"verdicts": told})


MADE = {**EXAMPLES, "crowd": lambda: crowd(200), "weighed crowd": weighed_crowd}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        found = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.mark.parametrize("name", MADE)
def test_the_digest_is_six_printed_pages_at_most(name: str, browser: Any, tmp_path: Path) -> None:
    place = tmp_path / "r.html"
    place.write_text(in_html(MADE[name]()), "utf-8")
    page = browser.new_page()
    page.goto(place.as_uri())
    printed = page.pdf(format="A4")
    page.close()
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= MOST_PAGES


@pytest.mark.parametrize(("width", "height"), [(1200, 900), (400, 900)])
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_three_answers_are_on_the_first_screen_and_nothing_is_cut(
    name: str, width: int, height: int, browser: Any, tmp_path: Path
) -> None:
    place = tmp_path / "r.html"
    place.write_text(in_html(EXAMPLES[name]()), "utf-8")
    page = browser.new_page(viewport={"width": width, "height": height})
    page.goto(place.as_uri())
    box = page.locator("dl.glance").bounding_box()
    assert box["y"] + box["height"] <= height
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def test_what_is_folded_opens_where_the_contents_lead_to_it(browser: Any, tmp_path: Path) -> None:
    place = tmp_path / "r.html"
    place.write_text(in_html(report(calibrated=True)), "utf-8")
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.goto(place.as_uri())
    assert not page.locator("#glossary").is_visible()
    page.locator(".contents a[href='#glossary']").click()
    page.locator("#glossary").wait_for(state="visible", timeout=60_000)
    page.close()


def test_drawings_have_ink_in_the_dark_and_on_paper(browser: Any, tmp_path: Path) -> None:
    place = tmp_path / "r.html"
    place.write_text(in_html(report(calibrated=True)), "utf-8")
    seen = {}
    for scheme, media in (("light", "screen"), ("dark", "screen"), ("light", "print")):
        page = browser.new_page(color_scheme=scheme)
        page.goto(place.as_uri())
        page.emulate_media(media=media, color_scheme=scheme)
        look = "e => [getComputedStyle(e).fill, getComputedStyle(document.body).backgroundColor]"
        for drawn in (".share", ".dot", ".bar"):
            ink, ground = page.locator(drawn).first.evaluate(look)
            assert ink not in (ground, "none", "rgba(0, 0, 0, 0)"), (scheme, media, drawn)
            seen[scheme, media, drawn] = ink
        page.close()
    assert seen["light", "screen", ".dot"] != seen["dark", "screen", ".dot"]
