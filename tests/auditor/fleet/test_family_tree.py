"""Declared descent: every model once with what comes from it, however hostile the declarations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from auditor.fleet.family_tree import Descent, descents
from auditor.fleet.plan import FleetAudit, FleetPlan, FleetSuspect
from auditor.fleet.records import FleetCell, FleetReport


def fleet(declared: Mapping[str, Sequence[str]]) -> FleetReport:
    """Suspects with a spec `./name` each, whose files declare these."""
    suspects = tuple(FleetSuspect(name=name, spec=f"./{name}") for name in declared)
    plan = FleetPlan(name="f", suspects=suspects, audits=(FleetAudit(name="w", kind="lineage"),))
    cells = tuple(
        FleetCell(suspect=name, audit="w", kind="lineage", state="done", declares=tuple(above))
        for name, above in declared.items()
    )
    return FleetReport(made="2026-11-30T00:00:00Z", tool="auditor", plan=plan, cells=cells)


def everyone(trees: Sequence[Descent]) -> Iterator[Descent]:
    for one in trees:
        yield one
        yield from everyone(one.below)


def test_a_declared_name_is_no_suspect_for_being_called_alike() -> None:
    trees = descents(fleet({"beta": [], "gamma": ["beta"], "delta": ["./beta"]}))
    assert {(t.name, t.suspect, t.below[0].name) for t in trees} == {
        ("beta", False, "gamma"),
        ("beta", True, "delta"),
    }


def test_layers_of_diamonds_are_drawn_once() -> None:
    declared = {
        f"{i}{side}": [f"./{i - 1}a", f"./{i - 1}b"] if i else []
        for i in range(30)
        for side in "ab"
    }
    assert len(list(everyone(descents(fleet(declared))))) <= 4 * len(declared)


def test_a_long_chain_and_a_circle_are_drawn_with_every_suspect() -> None:
    chain = {f"s{i:04d}": [f"./s{i - 1:04d}"] if i else [] for i in range(3000)}
    drawn = list(everyone(descents(fleet(chain))))
    assert {d.name for d in drawn} == set(chain)
    assert any(d.elsewhere for d in drawn)
    circle = list(everyone(descents(fleet({"a": ["./b"], "b": ["./a"]}))))
    assert [d.name for d in circle if d.again] == ["a"]
