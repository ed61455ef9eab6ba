"""Who is declared to come from whom, as a tree: what the plan and the suspects' own files say.
Nothing in it was tested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from auditor.fleet.records import FleetReport


@dataclass(frozen=True)
class Descent:
    """One model with those that are declared to come from it; ``suspect``: whether it is one of the
    fleet. ``again``: it is its own ancestor, and its descendants stand above."""

    name: str
    suspect: bool
    below: tuple[Descent, ...] = ()
    again: bool = False


def descents(report: FleetReport) -> tuple[Descent, ...]:
    """The trees, by name; a suspect with two declared parents stands below both. Suspects of which
    nobody declares anything, and that nobody comes from, are left out."""
    suspects = {suspect.name for suspect in report.plan.suspects}
    parents = _parents(report)
    children: dict[str, list[str]] = {}
    for child, above in parents.items():
        for parent in above:
            children.setdefault(parent, []).append(child)
    roots = [name for name in children if not parents.get(name)]
    # A circle of declarations has no root: it is entered at its first name.
    reached = set[str]()
    trees = [_tree(name, children, suspects, (), reached) for name in sorted(roots)]
    for name in sorted(children):
        if name not in reached:
            trees.append(_tree(name, children, suspects, (), reached))
    return tuple(trees)


def _parents(report: FleetReport) -> dict[str, list[str]]:
    """Of each suspect, whom it is declared to come from: the base in the plan, then what its files
    say; another suspect by its name where it is one."""
    by_spec = {suspect.spec: suspect.name for suspect in report.plan.suspects}
    told: dict[str, list[str]] = {
        s.name: [s.base] if s.base is not None else [] for s in report.plan.suspects
    }
    for cell in report.cells:
        told[cell.suspect] += cell.declares
    return {
        name: list(dict.fromkeys(by_spec.get(parent, parent) for parent in above))
        for name, above in told.items()
    }


def _tree(
    name: str,
    children: Mapping[str, list[str]],
    suspects: set[str],
    above: tuple[str, ...],
    reached: set[str],
) -> Descent:
    if name in above:
        return Descent(name, name in suspects, again=True)
    reached.add(name)
    below = sorted(children.get(name, ()))
    path = (*above, name)
    told = tuple(_tree(child, children, suspects, path, reached) for child in below)
    return Descent(name, name in suspects, told)
