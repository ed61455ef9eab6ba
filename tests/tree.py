"""Writes docs/tree.md, the annotated tree, from the first line of every module's docstring:
``python -m tests.tree``."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "tree.md"
PACKAGES = ("auditor", "detectors", "fingerprints", "tests")


def first_line(path: Path) -> str:
    """The first sentence of a module's docstring; for a probe set, of its description."""
    if path.suffix == ".py":
        told = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
        return " ".join(told.split("\n\n")[0].split())
    return {
        ".yaml": "data",
        ".html": "template",
        ".css": "style sheet",
        ".json": "JSON Schema",
    }.get(path.suffix, "data")


def tracked(package: str) -> list[Path]:
    """The package's files that git knows, in order, without golden files and the bundled store."""
    out = subprocess.run(
        ["git", "ls-files", package], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    paths = [ROOT / line for line in out.split("\n") if line]
    return [
        p
        for p in paths
        if p.name != "py.typed" and "golden" not in p.parts and "reference" not in p.parts
    ]


def tree() -> str:
    """The page's text."""
    lines = [
        "# The annotated tree",
        "",
        "Written by `python -m tests.tree` from the first line of every module's docstring.",
        "",
    ]
    for package in PACKAGES:
        lines += [f"## {package}/", "", "| file | what it is |", "|---|---|"]
        lines += [
            f"| `{p.relative_to(ROOT)}` | {first_line(p).replace('|', '∣')} |"
            for p in tracked(package)
        ]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(tree(), "utf-8")
