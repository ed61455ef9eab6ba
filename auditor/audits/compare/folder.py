"""The folder of a comparison: compare.json, compare.html, tree.svg, matrix.svg, tree.nwk; each
whole or not there.

Knows files; what stands in them comes from the record and the page.
"""

from __future__ import annotations

from pathlib import Path

from auditor.audits.compare.page import comparison_page, matrix_svg, tree_svg
from auditor.audits.compare.records import Comparison
from auditor.reporting.bundle import ready_folder
from auditor.reporting.json import pretty
from fingerprints.durable import replacing

RECORD, PAGE, TREE, MATRIX, NEWICK = (
    "compare.json",
    "compare.html",
    "tree.svg",
    "matrix.svg",
    "tree.nwk",
)
OURS = frozenset({RECORD, PAGE, TREE, MATRIX, NEWICK})


def ready(out: Path, force: bool = False) -> None:
    """Makes the folder or checks that a comparison may go there. Raises MalformedInput as
    `ready_folder` does."""
    ready_folder(out, force, OURS)


def write_comparison(found: Comparison, out: Path, force: bool = False) -> list[Path]:
    """Writes the files and returns their paths, the record last; an earlier comparison's are
    replaced.

    Of two models there is no tree, and an earlier one's files are taken away. Raises what `ready`
    raises, and ResourceLimit on a full disk.
    """
    ready(out, force)
    texts = {
        PAGE: comparison_page(found),
        TREE: tree_svg(found),
        MATRIX: matrix_svg(found),
        NEWICK: None if found.newick is None else found.newick + "\n",
        RECORD: pretty(found.model_dump(mode="json")),
    }
    for name, text in texts.items():
        if text is None:
            (out / name).unlink(missing_ok=True)
            continue
        with replacing(out / name) as file:
            file.write(text.encode("utf-8"))
    return [out / name for name, text in texts.items() if text is not None]
