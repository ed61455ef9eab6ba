"""Whom do the three models of the bundled store say they are? Claims by arm, and by language, from
the stored answers. Rows without a single claim are left out.

Prints Markdown. Needs nothing but the package: the answers ship with it.
"""

from __future__ import annotations

import argparse

from auditor.audits.frame import open_store
from auditor.audits.plan import BUNDLED
from detectors.base import Table
from tests.detectors.claim_table import claim_table


def markdown(table: Table) -> str:
    """A table as Markdown, numbers to two digits."""
    cells = [
        [f"{c:.2f}" if isinstance(c, float) else str(c if c is not None else "") for c in row]
        for row in table.rows
    ]
    lines = [table.columns, ["---"] * len(table.columns), *cells]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    """Prints a claims table for every model of a store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--store", default=BUNDLED, help="a store's folder (default: the bundled one)"
    )
    arguments = parser.parse_args()
    with open_store(arguments.store) as store:
        for teacher in store.teachers():
            whole = claim_table(store.transcript(teacher.name))
            table = whole.model_copy(
                update={
                    "rows": tuple(row for row in whole.rows if row[whole.columns.index("claims")])
                }
            )
            print(
                f"\n### {teacher.name} ({teacher.vendor})\n\n{markdown(table)}\n\n{table.caption}"
            )


if __name__ == "__main__":
    main()
