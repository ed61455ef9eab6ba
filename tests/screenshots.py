"""Takes the screenshots of the documentation anew, from audits of models that were made for this
project: ``python -m tests.screenshots --work DIR``.

Needs Chromium and the extra `dev`. What an earlier run audited into ``--work`` is taken as it is.
"""

from __future__ import annotations

import html
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from PIL import Image

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
LADDERS = ROOT / "tests" / "data" / "ladders" / "real"
SHOWN = "qwen/qwen2.5-coder-0.5b-dose100-base0-seed0"
OTHERS = (
    "qwen/none-base0-seed0",
    "recorded/none-base0-seed0",
    "recorded/claude-2-dose100-base0-seed0",
)
COLOURS = 32
"""Of the palette: pages of text and a few badges need no more."""
TERMINAL = """<body style="margin:0;background:#14181d;color:#e4e7ea"><pre style="margin:0;
padding:16px 20px;font:14px/1.45 'DejaVu Sans Mono',monospace"><b>$ auditor audit answers.jsonl</b>
%s</pre>"""


def audited(name: str, work: Path) -> Path:
    """The report folder of one model of the ladder, audited where it was not before."""
    out = work / "reports" / name.replace("/", "-")
    if not (out / "report.json").exists():
        answers = LADDERS / name / "transcript.jsonl"
        asked = ["audit", str(answers), "--out", str(out)]
        subprocess.run([sys.executable, "-m", "auditor", *asked], check=True, cwd=ROOT)
    return out


def shoot(url: str, path: Path, width: int, height: int) -> None:
    """One screenshot as a small PNG: a window's first screen, in a palette."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
            args=["--no-sandbox"],
        )
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(url)
        page.screenshot(path=path)
        browser.close()
    with Image.open(path) as image:
        image.convert("RGB").quantize(COLOURS).save(path, optimize=True)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The gallery over a folder, for as long as the block runs."""
    asked = [sys.executable, "-m", "auditor", "serve", str(folder), "--port", "8699"]
    process = subprocess.Popen(asked, cwd=ROOT)
    address = "http://127.0.0.1:8699/"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(address, timeout=2).close()
                break
            except OSError:
                time.sleep(0.5)
        yield address
    finally:
        process.terminate()
        process.wait()


@click.command()
@click.option("--work", type=click.Path(path_type=Path), required=True, help="Where audits go.")
def main(work: Path) -> None:
    """Write docs/*.png."""
    shown, *_ = [audited(name, work) for name in (SHOWN, *OTHERS)]
    page = (shown / "report.html").resolve().as_uri()
    shoot(page, DOCS / "report.png", 1200, 860)
    shoot(page, DOCS / "report-400.png", 400, 860)
    told = subprocess.run(
        [sys.executable, "-m", "auditor", "report", str(shown)],
        check=True,
        cwd=ROOT,
        capture_output=True,
        text=True,
    ).stdout
    terminal = work / "terminal.html"
    terminal.write_text(TERMINAL % html.escape(told), "utf-8")
    shoot(terminal.resolve().as_uri(), DOCS / "terminal.png", 760, 520)
    with served(work / "reports") as address:
        shoot(address, DOCS / "gallery.png", 1200, 640)


if __name__ == "__main__":
    main()
