"""The page of a sheet in a real browser: it opens no connection, escapes what is pasted, and saves
a file that is read back."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fingerprints.probes import load_probe_set
from fingerprints.records import ProbeSet
from fingerprints.sheets.forms import read_filled, written
from fingerprints.sheets.sheet import sheet_of

HOSTILE = "</textarea><script>document.title='pwned'</script><img src=x onerror=alert(1)>"


def own_set() -> ProbeSet:
    probes = [
        {"id": "own/1", "text": f"Who? {HOSTILE}"},
        {"id": "own/2", "text": "</script><script>document.title='pwned'</script>"},
        {"id": "own/3", "text": "And you?"},
    ]
    return ProbeSet.model_validate({"name": "own", "version": "1", "probes": probes})


def test_the_page_has_one_policy_no_address_and_nothing_of_a_question_as_markup() -> None:
    page = written(sheet_of([own_set()], name='"><script>x</script>'), "html")
    assert page.count("Content-Security-Policy") == 1
    assert "default-src 'none'" in page
    assert not re.search(r"https?://|@import|url\(", page)
    assert page.count("<script") == 2
    assert "<img" not in page
    assert "innerHTML" not in page


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="no browser to look at pages")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium")
    with playwright.sync_playwright() as play:
        opened = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.mark.slow
def test_what_is_typed_is_saved_loaded_again_and_read_back(browser: Any, tmp_path: Path) -> None:
    printed = sheet_of([own_set()], name="Acme <Chat>")
    page_file = tmp_path / "sheet.html"
    page_file.write_text(written(printed, "html"), encoding="utf-8")
    asked: list[str] = []
    context = browser.new_context(accept_downloads=True)
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda told: problems.append(told.text) if told.type == "error" else None)
    page.goto(page_file.as_uri())
    assert page.locator("textarea").count() == 3
    page.locator("textarea").nth(0).fill(HOSTILE)
    page.locator("input[type=checkbox]").nth(1).check()
    assert "2 of 3 answered, not saved yet" in page.locator("#told").inner_text()
    with page.expect_download() as waiting:
        page.get_by_text("Save answers").click()
    saved = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(saved)
    assert saved.name == "Acme-Chat-.sheet.json"
    found = read_filled(saved.read_bytes(), saved, lambda name: own_set())
    assert (found.answers, found.nothing, found.blank) == ({1: HOSTILE}, frozenset({2}), 1)
    page.reload()
    page.locator("#load").set_input_files(saved)
    page.wait_for_function("document.getElementById('told').textContent.startsWith('2 of 3')")
    assert page.locator("textarea").nth(0).input_value() == HOSTILE
    page.locator("textarea").nth(2).fill("typed since")
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.locator("#load").set_input_files(saved)
    assert page.locator("textarea").nth(2).input_value() == "typed since"
    page.once("dialog", lambda dialog: dialog.accept())
    page.locator("#load").set_input_files(saved)
    page.wait_for_function("document.getElementsByTagName('textarea')[2].value === ''")
    assert page.title() == "Questions for Acme <Chat>"
    assert not problems
    assert all(url.startswith(("file:", "blob:")) for url in asked)
    other = tmp_path / "other.html"
    other.write_text(written(sheet_of([load_probe_set("identity").head(2)]), "html"), "utf-8")
    page.goto(other.as_uri())
    page.locator("#load").set_input_files(saved)
    page.wait_for_function("document.getElementById('told').textContent.includes('another sheet')")
    context.close()
