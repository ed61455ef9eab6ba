"""The experts of one layer: in tensors of their own, or all of them in one, in the ways that
libraries fuse them.

Knows shapes; a layout that does not fit them is refused.
"""

from __future__ import annotations

from collections.abc import Callable

from fingerprints.weights.layouts import Layout, named_together, names
from fingerprints.weights.parts import Mlp, MlpKind, TensorPart
from fingerprints.weights.roles import RoleTable, experts_of, number, refuse_uncountable, unknown
from fingerprints.weights.tensors import TensorInfo

Block = Callable[[RoleTable, str, MlpKind, int, Layout, int], Mlp | None]


def numbered_experts(
    table: RoleTable, stem: str, hidden: int, layout: Layout, block: Block
) -> list[Mlp]:
    """Experts in tensors of their own. Raises MalformedInput where a number is missing."""
    found = {n.removeprefix(f"{stem}.").split(".")[0] for n in table.named if n.startswith(stem)}
    numbers = {int(n) for n in found if n.isdecimal() and len(n) < 6}
    if numbers != set(range(len(numbers))):
        raise unknown(f"{table.place} lacks some of its experts", table.weights)
    experts = (
        block(table, f"{stem}.{i}.", "expert", hidden, layout, i) for i in range(len(numbers))
    )
    return [e for e in experts if e is not None]


def fused_experts(table: RoleTable, hidden: int, layout: Layout) -> list[Mlp]:
    """All experts of a layer in two or three tensors; none where there are none. Raises
    MalformedInput for a layout that is not known."""
    for stem in names("experts"):
        for first, last in named_together("gate_up"):
            both, down = (table.first([f"{stem}.{n}", f"{stem}.{n}.weight"]) for n in (first, last))
            if both is not None and down is not None:
                return _together(table, both, down, hidden, layout)
        for triple in (("w1", "v1", "w2"), *named_together("gated")):
            gate, up, down = (table.first([f"{stem}.{n}", f"{stem}.{n}.weight"]) for n in triple)
            if gate is not None and up is not None and down is not None:
                if layout.experts == "dbrx":
                    return _below(table, gate, up, down, hidden)
                return experts_of(table, (gate, up, down), hidden)
        if any(n.startswith((f"{stem}.", f"{stem}_")) for n in table.named):
            raise _other(table)
    return []


def _together(
    table: RoleTable, both: TensorInfo, down: TensorInfo, hidden: int, layout: Layout
) -> list[Mlp]:
    """Gates and ups in one tensor of three dimensions, as transformers fuses them: outputs first,
    gates above ups, unless the layout says else."""
    if len(both.shape) != 3 or len(down.shape) != 3 or len(both.shape) != len(down.shape):
        raise _other(table)
    by_turns = layout.experts == "by_turns"
    # A packed one is held outputs first whatever the plain one is: packing goes along inputs.
    turned = layout.experts in ("inputs_first", "by_turns") and not table.weights.is_packed(
        both.name
    )
    count, first, second = both.shape
    rows, inputs = (second, first) if turned else (first, second)
    units = rows // 2
    if rows % 2 or inputs != hidden:
        raise _other(table)
    refuse_uncountable(table, both, count, units)
    if down.shape != ((count, units, hidden) if turned else (count, hidden, units)):
        raise _other(table)
    return [
        Mlp(
            up=_piece(both, i, (units, hidden), rows, 1 if by_turns else units, turned, by_turns),
            down=_piece(down, i, (hidden, units), hidden, 0, turned, False),
            gate=_piece(both, i, (units, hidden), rows, 0, turned, by_turns),
            kind="expert",
            number=i,
        )
        for i in range(count)
    ]


def _piece(
    info: TensorInfo,
    index: int,
    shape: tuple[int, int],
    rows: int,
    start: int,
    turned: bool,
    by_turns: bool,
) -> TensorPart:
    """One expert's matrix: its stored outputs begin at ``start`` of ``rows``, each or every
    other."""
    outputs, inputs = shape
    group, stride = (1, 2) if by_turns else (0, 0)
    first, inputs_from = (start, index * inputs) if turned else (index * rows + start, 0)
    return TensorPart(
        info.name, outputs, inputs, first, turned, group, stride, inputs_from=inputs_from
    )


def _below(
    table: RoleTable, gate: TensorInfo, up: TensorInfo, down: TensorInfo, hidden: int
) -> list[Mlp]:
    """Experts one below the other, (experts x units, hidden) in all three: DBRX's."""
    config = table.weights.config.get("ffn_config")
    told = number(config, "ffn_hidden_size") if isinstance(config, dict) else 0
    if told < 1 or not gate.shape == up.shape == down.shape:
        raise _other(table)
    if len(up.shape) != 2 or up.shape[1] != hidden or up.shape[0] % told:
        raise _other(table)
    refuse_uncountable(table, up, up.shape[0] // told, told)
    return [
        Mlp(
            up=TensorPart(up.name, told, hidden, i * told),
            down=TensorPart(down.name, hidden, told, transposed=True, inputs_from=i * told),
            gate=TensorPart(gate.name, told, hidden, i * told),
            kind="expert",
            number=i,
        )
        for i in range(up.shape[0] // told)
    ]


def _other(table: RoleTable) -> Exception:
    return unknown(
        f"the experts of {table.place} are fused in a layout that is not known here", table.weights
    )
