"""Who imports whom: a graph of the packages' modules from their source, and the circles in it.

Imports within functions count; those under ``TYPE_CHECKING`` do not, since nothing runs them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

Graph = dict[str, set[str]]


def import_graph(root: Path, packages: tuple[str, ...]) -> Graph:
    """For every module of the packages, by dotted name: the modules of them that it imports."""
    paths = {
        _dotted(p.relative_to(root)): p for name in packages for p in (root / name).rglob("*.py")
    }
    return {name: set(_imported(path, paths)) - {name} for name, path in paths.items()}


def circles(graph: Graph) -> list[list[str]]:
    """One circle of every knot: modules, each importing the next, the first again at the end."""
    found, left = [], {name: set(targets) for name, targets in graph.items()}
    while True:
        try:
            tuple(TopologicalSorter(left).static_order())
        except CycleError as error:
            circle = list(reversed(error.args[1]))
            found.append(circle)
            left[circle[0]].discard(circle[1])  # looks for the next one without this arrow
        else:
            return found


def _dotted(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    for node in _run(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            inner = [f"{node.module}.{a.name}" for a in node.names]
            yield from (name if name in known else node.module for name in inner)


def _run(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below one that are run, whatever is checked by types alone left out."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from _run(child)
