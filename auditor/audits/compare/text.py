"""A comparison for a terminal of any width: the tree in lines, the nearest pairs, and what they
don't say.

Knows the record; computes no figure.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from auditor.audits.compare.page import with_bounds
from auditor.audits.compare.records import Comparison
from auditor.audits.compare.run import tree_of
from auditor.reporting.rows import captured, print_rows, safe, section
from auditor.reporting.text import number, one_line
from detectors.stats.trees import Split, Tree

MOST_PAIRS = 12
SHORTEST_NAME = 10
LINES, PLAIN_LINES = ("├─", "└─", "│ ", "┬"), ("|-", "`-", "| ", "+")


def comparison_text(
    found: Comparison, width: int | None = None, colour: bool = False, encoding: str = "utf-8"
) -> str:
    """The comparison as text, at the terminal's width where none is given."""
    return captured(lambda console, plain: _told(found, console, plain), width, colour, encoding)


def _told(found: Comparison, console: Console, plain: bool) -> None:
    redrawn = f", {found.resamples} redrawn sets" if found.resamples else ""
    console.print(
        safe(
            f"{len(found.models)} models on {number(found.n_prompts)} shared prompts{redrawn}",
            "bold",
        )
    )
    held = tree_of(found)
    if held is not None:
        section(console, "Tree", plain)
        if found.supports:
            console.print(
                safe("numbers: % of redrawn prompt sets that keep the group together", "dim")
            )
        for line in tree_lines(
            *held, [m.name for m in found.models], console.width, PLAIN_LINES if plain else LINES
        ):
            console.print(Text(line), no_wrap=True, crop=True)
    section(console, "Nearest pairs", plain)
    rows: list[tuple[Text, ...]] = [
        (
            safe(with_bounds(p.distance, p.interval), "bold"),
            safe(f"{one_line(p.one, 60)} and {one_line(p.other, 60)}"),
        )
        for p in found.pairs[:MOST_PAIRS]
    ]
    print_rows(
        console, plain, ("distance (95 %)" if found.resamples else "distance", "models"), rows
    )
    if found.left_out:
        console.print(
            safe(
                "Left out:"
                f" {', '.join(f'{one_line(x.name, 60)} ({x.reason})' for x in found.left_out)}",
                "dim",
            )
        )
    console.print()
    console.print(
        safe(
            "Near is not inherited: a common source makes models alike, too. This accuses nobody.",
            "yellow",
        )
    )


def tree_lines(
    tree: Tree,
    share: dict[Split, float],
    names: list[str],
    width: int,
    lines: tuple[str, str, str, str] = LINES,
) -> Iterator[str]:
    """The tree as lines of at most ``width`` columns, one a model and one a group with its support
    in per cent.

    Where the branches would take the room of the names, their left part gives way to dots.
    """
    children, splits = tree.children(), tree.splits()
    beside, last, down, knot = lines
    waiting: list[tuple[int, str, str]] = [(tree.top, "", "")]
    while waiting:
        node, before, after = waiting.pop()
        prefix = _cut(before, width - SHORTEST_NAME)
        if not children[node]:
            name = one_line(names[node])
            yield prefix + " " + _fitting(name, width - cell_len(prefix) - 1)
            continue
        support = share.get(splits.get(node, frozenset()))
        yield prefix + knot + ("" if support is None else f" {100 * support:.0f}")
        for i, child in reversed(list(enumerate(children[node]))):
            ends = i == len(children[node]) - 1
            waiting.append(
                (child, after + (last if ends else beside), after + ("  " if ends else down))
            )


def _cut(prefix: str, room: int) -> str:
    room = max(4, room)
    return prefix if len(prefix) <= room else ".." + prefix[len(prefix) - room + 2 :]


def _fitting(name: str, room: int) -> str:
    return name if cell_len(name) <= room else set_cell_size(name, max(1, room - 2)).rstrip() + ".."
