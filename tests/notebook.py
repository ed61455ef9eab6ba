"""Runs the notebook of the documentation and keeps what it says: ``python -m tests.notebook``.

With a path it is written there instead. Needs the extra `docs`.
"""

from __future__ import annotations

from pathlib import Path

import click

NOTEBOOK = Path(__file__).parent.parent / "docs" / "notebooks" / "first-audit.ipynb"
PLAIN = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


@click.command()
@click.argument("out", type=click.Path(path_type=Path), default=NOTEBOOK)
def main(out: Path) -> None:
    """Run every cell of the notebook, in its folder, and write it with its outputs to OUT."""
    import nbformat
    from nbclient import NotebookClient

    book = nbformat.read(NOTEBOOK, 4)
    where = {"metadata": {"path": str(NOTEBOOK.parent)}}
    NotebookClient(book, timeout=900, resources=where, record_timing=False).execute()
    book.metadata = PLAIN  # no version and no machine in it
    nbformat.write(book, out)


if __name__ == "__main__":
    main()
