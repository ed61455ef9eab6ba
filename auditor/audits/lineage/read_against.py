"""A model whose tensors have nobody's names, read by what they are most alike in another model.

Shapes tell what kind of matrix each is (`fingerprints.weights.guessed`); which of a kind is which,
and, where names count no layers, which belong to one layer, is taken from the other model's roles.
The choice looks at how alike sets of rows are and never at their order, and the units that it looks
at are left out of the test of order, so that a wrong one hides a common origin and makes none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from auditor.audits.lineage.affinity import AMONG, told_places
from auditor.audits.lineage.basis import Basis, candidate_bases
from auditor.audits.lineage.read_norms import told_norms
from auditor.audits.lineage.sides import Side, centred, runs, sampled
from detectors.lineage.independence import Array, Indices, likeness
from fingerprints.weights import Norm, TensorPart
from fingerprints.weights.guessed import (
    Member,
    RoleGroup,
    ShapeReading,
    assembled,
    default_roles,
    readings,
)

LOOKED_AT = 4
"""Layers by which series of tensors are told from each other, where names count layers."""
ROWS = 4096
"""Rows of an attention's matrix that others are looked for among: mostly all of them."""
READS_MLP, READS_ATTENTION = ("gate", "up"), ("query", "key", "value")
Scores = NDArray[np.float32]
Named = tuple[str, ...]
"""The roles of a group, by which its scores are known."""


def read_pair(one: Side, other: Side) -> tuple[Side, Side]:
    """Both models with their roles known as well as can be told: one whose roles were guessed is
    read against the other. Where both were, attention is left out, as it can't be held apart from
    what has an order of its own. Raises what reading the weights raises."""
    if one.anatomy.guessed and other.anatomy.guessed:
        theirs = _without_attention(other)
        return _without_attention(read_against(one, theirs)), theirs
    if one.anatomy.guessed:
        return read_against(one, other), other
    return (one, read_against(other, one)) if other.anatomy.guessed else (one, other)


def _without_attention(side: Side) -> Side:
    layers = tuple(
        replace(layer, query=None, key=None, value=None, output=None)
        for layer in side.anatomy.layers
    )
    return replace(side, anatomy=replace(side.anatomy, layers=layers))


def read_against(guessed: Side, known: Side) -> Side:
    """The model with each tensor in the role of the other model's that it is most alike.
    Deterministic. Raises what reading the weights raises."""
    views = [
        View(reading, guessed, known, tables, *told_norms(reading, guessed, known))
        for reading in readings(guessed.weights, known.anatomy.head_width)
        for tables in permutations(reading.tables)
    ]
    looks = [(view, basis) for view in views for basis in candidate_bases(view.plain, known)]
    if not looks:
        return views[0].plain
    mlps = _scored(looks, mlp=True)
    best = max(range(len(looks)), key=lambda i: _height(mlps[i], looks[i][0]))
    chosen, basis = looks[best]
    alike = [(v, basis) for v in views if _same_mlps(v, chosen)]
    rest = _scored(alike, mlp=False)
    which = max(range(len(alike)), key=lambda i: _height(rest[i], alike[i][0]))
    return _told(alike[which][0], {**mlps[best], **rest[which]})


def _same_mlps(one: View, other: View) -> bool:
    return one.tables == other.tables and one.reading.groups[:2] == other.reading.groups[:2]


@dataclass(frozen=True)
class View:
    """One reading of the guessed model beside the known one: ``norms`` by role, one for each layer
    where names count layers, else for each of the known model's."""

    reading: ShapeReading
    side: Side
    known: Side
    tables: tuple[TensorPart, ...]
    norms: Mapping[str, tuple[Norm | None, ...]]
    last: Norm | None
    kept: dict[tuple[TensorPart, bool], Array] = field(default_factory=dict)

    @cached_property
    def plain(self) -> Side:
        """The model with roles in the order of names."""
        norms = self.norms if self.reading.numbered else {}
        return self.as_side(default_roles(self.reading), norms)

    def as_side(
        self, roles: Mapping[str, Sequence[Member]], norms: Mapping[str, Sequence[Norm | None]]
    ) -> Side:
        """The model with these roles."""
        anatomy = assembled(self.side.weights, self.reading, roles, norms, self.tables, self.last)
        return replace(self.side, anatomy=anatomy, centres=self.known.centred)

    def asked(self, *, mlp: bool) -> tuple[RoleGroup, ...]:
        """The groups of roles that open and feed units, or the others, as far as the known model
        has such."""
        layer = self.known.anatomy.layers[0]
        return tuple(
            group
            for group in self.reading.groups
            if (group.roles[-1] == "up") == mlp
            and any(getattr(layer, role) is not None for role in group.roles)
        )

    def looked(self) -> Indices:
        """The layers by which tensors are told: some where names count layers, else all."""
        most = LOOKED_AT if self.reading.numbered else self.reading.layers
        return sampled(self.reading.layers, most)

    def rows(self, group: RoleGroup, role: str, of: int) -> Array:
        """Some rows of every tensor of a group as that role would have them, one tensor below the
        other: (series x layers looked at x rows, width). ``of``: the known model's layer."""
        return np.concatenate(
            [
                self._rows(series[int(i)][0], role, int(i) if self.reading.numbered else of)
                for series in group.series
                for i in self.looked()
            ]
        )

    def _rows(self, part: TensorPart, role: str, norm: int) -> Array:
        reads = role in (*READS_MLP, *READS_ATTENTION)
        if (part, reads) not in self.kept:
            n = part.outputs if reads else part.inputs
            rows = self.side.rows if reads else self.side.columns
            self.kept[part, reads] = rows(part, told_places(n))
        found = self.kept[part, reads]
        if reads:
            which = self.norms["mlp_norm" if role in READS_MLP else "attention_norm"]
            gain = self.side.weights.gain(which[norm], self.reading.hidden)
            with np.errstate(over="ignore"):
                found = self.side.finite(found * gain, part.tensor)
        return centred(found) if self.known.centred else found


def _scored(looks: Sequence[tuple[View, Basis]], *, mlp: bool) -> list[dict[Named, Scores]]:
    """For each look and group how alike tensors are to the known model's roles: (series, layers
    looked at, roles, known layers), the mean of the best cosines of some rows."""
    known = looks[0][0].known
    out = [
        {g.roles: np.zeros(_shape(view, g), dtype=np.float32) for g in view.asked(mlp=mlp)}
        for view, _ in looks
    ]
    for of in range(known.layers):
        theirs = {r: _theirs(known, of, r) for r in _roles(out)}
        for (view, basis), tables in zip(looks, out, strict=True):
            for group in view.asked(mlp=mlp):
                table = tables[group.roles]
                for j, role in enumerate(group.roles):
                    against = theirs[role]
                    if against is not None:
                        rows = basis.laid(view.rows(group, role, of))
                        table[:, :, j, of] = _best(rows, basis.beside(against), table.shape[:2])
    return out


def _shape(view: View, group: RoleGroup) -> tuple[int, int, int, int]:
    return len(group.series), len(view.looked()), len(group.roles), view.known.layers


def _roles(tables: Sequence[Mapping[Named, Scores]]) -> list[str]:
    return sorted({role for some in tables for roles in some for role in roles})


def _theirs(known: Side, layer: int, role: str) -> Array | None:
    """The rows of a known role that others are looked for among; None where there is none."""
    part: TensorPart | None = getattr(known.anatomy.layers[layer], role)
    if part is None:
        return None
    mlp = known.mlps(layer)[0]
    match role:
        case "gate":
            return known.gate(layer, mlp, runs(mlp.units, AMONG))
        case "up":
            return known.up(layer, mlp, runs(mlp.units, AMONG))
        case "down":
            return known.down(mlp, runs(mlp.units, AMONG))
        case _:
            return known.attention(layer, role, runs(known.attention_width(layer, role), ROWS))


def _best(rows: Array, against: Array, shape: tuple[int, ...]) -> Scores:
    found: Scores = likeness(rows, against, signed=False).max(axis=1).reshape(*shape, -1)
    return np.asarray(found.mean(axis=2), dtype=np.float32)


def _height(tables: Mapping[Named, Scores], view: View) -> float:
    """How far tensors in their best roles stand above the middle of all."""
    heights = []
    for table in tables.values():
        costs, rows, columns = _assigned(table, view)
        best = np.sort(costs[rows, columns])
        heights.append(float(best[len(best) // 2 :].mean() - np.median(table)))
    return float(np.mean(heights)) if heights else 0.0


def _assigned(table: Scores, view: View) -> tuple[Scores, Indices, Indices]:
    """Which series plays which role; where names count no layers, which tensor plays which role of
    which known layer, of whom each may have several."""
    from scipy.optimize import linear_sum_assignment  # its library takes a while to load

    if view.reading.numbered:
        costs = np.asarray(table.max(axis=3).mean(axis=1))
    else:
        copies = -(-view.reading.layers // view.known.layers)
        costs = np.tile(table.reshape(-1, table.shape[2] * table.shape[3]), (1, copies))
    rows, columns = linear_sum_assignment(costs, maximize=True)
    return costs, rows, columns


def _told(view: View, tables: Mapping[Named, Scores]) -> Side:
    """The model with its tensors in the roles that they are most alike."""
    if view.reading.numbered:
        roles = dict(default_roles(view.reading))
        for group in view.reading.groups:
            if group.roles not in tables:
                continue
            _, rows, columns = _assigned(tables[group.roles], view)
            roles |= {group.roles[j]: group.series[k] for k, j in zip(rows, columns, strict=True)}
        return view.as_side(roles, view.norms)
    return _put_together(view, tables)


Slots = dict[int, Member]


def _put_together(view: View, tables: Mapping[Named, Scores]) -> Side:
    """Layers made of tensors that are alike to those of one known layer; what fits nowhere fills
    what is left, in the order of names."""
    layers, slots, spare = view.known.layers, dict[str, Slots](), dict[str, list[Member]]()
    for group in view.reading.groups:
        pool = [member for series in group.series for member in series]
        if group.roles not in tables:
            spare |= {r: list(s) for r, s in zip(group.roles, group.series, strict=True)}
            continue
        _, rows, columns = _assigned(tables[group.roles], view)
        for t, column in zip(rows.tolist(), columns.tolist(), strict=True):
            copy, within = divmod(column, len(group.roles) * layers)
            role, of = group.roles[within // layers], within % layers
            slots.setdefault(role, {})[copy * layers + of] = pool[t]
        _balance(group, slots, view.reading.layers)
    places = _places(slots, view.reading.layers)
    roles = {
        role: _filled(slots.get(role, {}), spare.get(role, []), places)
        for group in view.reading.groups
        for role in group.roles
    }
    norms = {r: [found[p % layers] for p in places] for r, found in view.norms.items()}
    return view.as_side(roles, norms)


def _balance(group: RoleGroup, slots: dict[str, Slots], count: int) -> None:
    """Gives roles that have too few tensors those of the ones that have too many."""
    extra = list[tuple[int, Member]]()
    for role in group.roles:
        have = slots.setdefault(role, {})
        for place in sorted(have)[count:]:
            extra.append((place, have.pop(place)))
    for role in group.roles:
        have = slots[role]
        while len(have) < count:
            _, member = extra.pop()
            have[next(p for p in range(len(have) + count + 1) if p not in have)] = member


def _places(slots: Mapping[str, Slots], count: int) -> list[int]:
    """The known layers, copies behind each other, that the layers are alike to: those first for
    which most roles have a tensor; ascending."""
    votes = Counter(place for have in slots.values() for place in have)
    best = sorted(votes, key=lambda p: (-votes[p], p))[:count]
    return sorted(best)


def _filled(
    have: Mapping[int, Member], spare: Sequence[Member], places: Sequence[int]
) -> list[Member]:
    left = [*(have[p] for p in sorted(have) if p not in places), *spare]
    return [have[p] if p in have else left.pop(0) for p in places]
