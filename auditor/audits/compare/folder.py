"""The folder of a comparison: compare.json, compare.html, tree.svg, matrix.svg, tree.nwk; each
whole or not there.

Knows files; what stands in them comes from the record and the page.
"""

from __future__ import annotations

from pathlib import Path

from auditor.audits.compare.document import comparison_document, matrix_chart, tree_chart
from auditor.audits.compare.records import Comparison
from auditor.audits.report.bundle import ready_folder
from auditor.reporting import html, json
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
    document, tree, n = comparison_document(found), tree_chart(found), len(found.models)
    texts = {
        PAGE: html.render(document),
        TREE: None if tree is None else html.drawing(tree, f"Tree of {n} models"),
        MATRIX: html.drawing(matrix_chart(found), f"Distances of {n} models"),
        NEWICK: None if found.newick is None else found.newick + "\n",
        RECORD: json.render(document),
    }
    for name, text in texts.items():
        if text is None:
            (out / name).unlink(missing_ok=True)
            continue
        with replacing(out / name) as file:
            file.write(text.encode("utf-8"))
    return [out / name for name, text in texts.items() if text is not None]
