"""The documentation as a site: every page has its place, every link its target, nothing comes from
elsewhere, and the notebook says what it said when it was committed."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.notebook import NOTEBOOK

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
MOST_BYTES = 100_000


def without_blocks(page: Path) -> str:
    """A page's text without its fenced blocks and code."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.M | re.S)
    return re.sub(r"`[^`\n]*`", "", text)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and the site make them."""
    headings = re.findall(r"^#{1,4} (.+)$", page.read_text("utf-8"), re.M)
    plain = [re.sub(r"[^\w\- ]", "", h.replace("`", "").strip().lower()) for h in headings]
    return {h.replace(" ", "-") for h in plain}


def navigated() -> list[str]:
    """The pages of the navigation, in its order, by their path without an ending."""
    out = ["index"]
    for page in (DOCS / "index.md", DOCS / "detectors" / "index.md"):
        for block in re.findall(
            r"^```\{toctree\}\n(.*?)^```", page.read_text("utf-8"), re.M | re.S
        ):
            names = [line for line in block.splitlines() if line and not line.startswith(":")]
            for name in names:
                found = sorted(page.parent.glob(f"{name}.md")) if "*" in name else []
                below = [p.with_suffix("") for p in found if p != page] or [page.parent / name]
                out += [str(p.relative_to(DOCS)) for p in below]
    return out


def test_every_page_has_one_place_in_the_navigation() -> None:
    pages = [*PAGES, *DOCS.rglob("*.ipynb")]
    here = sorted(str(p.relative_to(DOCS).with_suffix("")) for p in pages)
    assert sorted(navigated()) == here, "add the page to a toctree of docs/index.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(DOCS)))
def test_every_link_leads_to_a_page_and_a_heading_that_exist(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", without_blocks(page)):
        if target.startswith("http"):
            continue
        there = (page.parent / target).resolve() if target else page
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(there), f"{target}#{anchor}"
        if there.suffix == ".md":
            assert there.is_relative_to(DOCS), f"{target} is no page of the site"


def test_the_navigation_begins_with_the_four_quick_starts() -> None:
    starts = ["start-answers", "start-weights", "start-endpoint", "start-api"]
    assert navigated()[1:5] == starts
    top = (ROOT / "README.md").read_text("utf-8").splitlines()[:12]
    for name in starts:
        assert f"docs/{name}.md" in "\n".join(top)


def test_pictures_are_small() -> None:
    for picture in DOCS.rglob("*.png"):
        assert picture.stat().st_size <= MOST_BYTES, picture.name


def spoken(book: dict[str, object]) -> list[str]:
    """What a notebook's cells print and show as text, cell by cell."""
    out = []
    for cell in book["cells"]:  # type: ignore[attr-defined]
        told = [o.get("text") or o["data"]["text/plain"] for o in cell.get("outputs", [])]
        # How many makers the table holds is no finding.
        said = "".join("".join(text) for text in told)
        out.append(re.sub(r"\d+ makers in the table", "makers in the table", said))
    return out


def test_the_notebook_is_small_and_tells_of_no_machine() -> None:
    text = NOTEBOOK.read_text("utf-8")
    assert len(text) <= MOST_BYTES
    assert not re.search(r"/(?:home|root|tmp|work|Users)/", text)
    assert all(c.get("outputs") for c in json.loads(text)["cells"] if c["cell_type"] == "code")


@pytest.mark.timeout(900)
def test_the_notebook_says_again_what_is_committed(tmp_path: Path) -> None:
    if not all(importlib.util.find_spec(name) for name in ("nbclient", "ipykernel")):
        pytest.skip("what runs notebooks is not installed: pip install '.[docs]'")
    again = tmp_path / "again.ipynb"
    command = [sys.executable, "-m", "tests.notebook", str(again)]
    known = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT, env=known)
    now, kept = (spoken(json.loads(p.read_text("utf-8"))) for p in (again, NOTEBOOK))
    assert now == kept, "run `python -m tests.notebook` and look at the difference"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_site_is_built_without_a_warning_and_loads_nothing_from_elsewhere(
    tmp_path: Path,
) -> None:
    if importlib.util.find_spec("sphinx") is None:
        pytest.skip("sphinx is not installed: pip install '.[docs]'")
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html", str(DOCS), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "searchindex.js").exists()
    for name in navigated():
        page = (tmp_path / f"{name}.html").read_text("utf-8")
        assert not re.search(
            r"<(?:script|img|iframe|link)\b[^>]*(?:src|href)=\"(?:https?:)?//", page
        )
    for sheet in tmp_path.rglob("*.css"):
        assert not re.search(r"@import|url\(\s*['\"]?(?:https?:)?//", sheet.read_text("utf-8"))
