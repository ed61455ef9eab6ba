"""Who is declared to come from whom, as a tree: what the plan and the suspects' own files say.
Nothing in it was tested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from auditor.fleet.records import FleetReport

DEEPEST = 100
"""Generations drawn below one another; what comes from the last begins a tree of its own."""

Model = tuple[str, bool]
"""A name, and whether it is a suspect's in the plan. What a file declares is never taken for a
suspect because it is called alike."""


@dataclass(frozen=True)
class Descent:
    """One model with those that are declared to come from it; ``suspect``: whether it is one of the
    fleet. ``again``: it is its own ancestor. ``elsewhere``: those that come from it are drawn in
    another place, each once."""

    name: str
    suspect: bool
    below: tuple[Descent, ...] = ()
    again: bool = False
    elsewhere: bool = False


def descents(report: FleetReport) -> tuple[Descent, ...]:
    """The trees, by name; a suspect with two declared parents stands below both. Suspects of which
    nobody declares anything, and that nobody comes from, are left out."""
    parents = _parents(report)
    children: dict[Model, list[Model]] = {}
    for child, above in parents.items():
        for parent in above:
            children.setdefault(parent, []).append(child)
    roots = [model for model in children if not parents.get(model)]
    # A circle of declarations has no root: it is entered at its first name.
    reached = set[Model]()
    trees = [_tree(model, children, (), reached) for model in sorted(roots)]
    for model in sorted(children):
        if model not in reached:
            trees.append(_tree(model, children, (), reached))
    return tuple(trees)


def _parents(report: FleetReport) -> dict[Model, list[Model]]:
    """Of each suspect, whom it is declared to come from: the base in the plan, then what its files
    say; another suspect where it is that one's spec."""
    by_spec = {suspect.spec: (suspect.name, True) for suspect in report.plan.suspects}
    told: dict[str, list[str]] = {
        s.name: [s.base] if s.base is not None else [] for s in report.plan.suspects
    }
    for cell in report.cells:
        told[cell.suspect] += cell.declares
    return {
        (name, True): list(dict.fromkeys(by_spec.get(parent, (parent, False)) for parent in above))
        for name, above in told.items()
    }


def _tree(
    model: Model,
    children: Mapping[Model, list[Model]],
    above: tuple[Model, ...],
    reached: set[Model],
) -> Descent:
    name, suspect = model
    below = sorted(children.get(model, ()))
    if model in above:
        return Descent(name, suspect, again=True)
    if below and (model in reached or len(above) >= DEEPEST):
        return Descent(name, suspect, elsewhere=True)
    reached.add(model)
    path = (*above, model)
    told = tuple(_tree(child, children, path, reached) for child in below)
    return Descent(name, suspect, told)
