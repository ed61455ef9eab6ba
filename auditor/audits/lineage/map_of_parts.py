"""Which part of a suspect comes from which base, as a map: layers across, kinds of parts down, a
letter and a colour for each base. Arranges what was told; weighs nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase

from auditor.audits.lineage.parts import layers_told
from auditor.audits.lineage.records import PartName, PartOrigin, Place
from auditor.reporting.charts import Mosaic, MosaicCell
from auditor.reporting.document import DASH, Block, GridTable, Group, full, grid
from auditor.reporting.tables import table_of
from fingerprints.errors import printable

PARTS: dict[PartName, str] = {
    "embedding": "Embedding",
    "attention": "Attention",
    "attention_norm": "Attention norm",
    "mlp": "MLP",
    "expert": "Expert",
    "mlp_norm": "MLP norm",
    "head": "Output layer",
}
RUNS: dict[PartName, str] = {
    **PARTS,
    "attention_norm": "Norm before attention",
    "mlp_norm": "Norm before MLP",
    "expert": "Experts",
}
ROWS: tuple[PartName, ...] = ("attention", "attention_norm", "mlp", "expert", "mlp_norm")
LETTERS = ascii_uppercase + ascii_lowercase
COLOURS, MIXED = 5, 6
"""Colours of bases, which come again where there are more; and that of what several may have."""
NONE, SEVERAL, OPEN, FURTHER = "·", "+", "?", "#"
NONE_TOLD = "found in none of the bases compared"
OPEN_TOLD = "can't be told, or could not be compared"
SEVERAL_TOLD = "of one of several that are too much alike in it"
FURTHER_TOLD = "of a further base, which the tables name"
CAPTION = (
    "Each part with the base that it is most like, of those that have it; a small number is the"
    " base's layer, where that is another one. Of a layer's experts the first four MLPs are looked"
    " at. Norms can't be told in a stream that was turned."
)
EMPTY = "No part of the suspect was found in any of the bases that were compared."


@dataclass(frozen=True)
class _Signs:
    """The letter of every base that a part comes from."""

    letters: Mapping[str, str]

    def cell(self, o: PartOrigin | None) -> MosaicCell | None:
        """One part as a cell."""
        if o is None:
            return None
        if o.base is None:
            return NOBODYS if o.state == "other" else UNTOLD
        if o.also:
            names = " or ".join(printable(n, 40) for n in (o.base, *o.also))
            return MosaicCell(SEVERAL, MIXED, f"{names}{_alike(o)}")
        letter = self.letters.get(o.base, FURTHER)
        place = "" if o.of is None or o.of == o.layer else f"{o.of}"
        at = f", its layer {place}" if place else ""
        return MosaicCell(letter, _colour(letter), f"{printable(o.base, 40)}{at}{_alike(o)}", place)


NOBODYS = MosaicCell(NONE, 0, NONE_TOLD)
UNTOLD = MosaicCell(OPEN, 0, OPEN_TOLD, open=True)


def _alike(o: PartOrigin) -> str:
    return "" if o.likeness is None else f" ({o.likeness:.2f})"


def _colour(letter: str) -> int:
    return MIXED if letter == FURTHER else LETTERS.index(letter) % COLOURS + 1


def blocks(found: Sequence[PartOrigin], bases: Sequence[str]) -> Iterator[Block]:
    """The map, its runs as a table, and all of its cells as a folded one; in short only where more
    than one answer is there. Nothing without a layer."""
    if not any(o.layer is not None for o in found):
        return
    chart = map_of_parts(found, bases)
    shown: tuple[Block, ...] = (chart, *_runs_of(found))
    answers = {(o.state, o.base, o.also) for o in found if o.part in ("attention", "mlp", "expert")}
    yield from shown if len(answers) > 1 else (full(*shown),)
    yield full(Group((_cells(chart),), "Every cell of the map as a table", "folded", folded=True))


def _cells(chart: Mosaic) -> GridTable:
    made = table_of(chart)
    return GridTable(made.title, made.columns, made.rows, look="quiet")


def map_of_parts(found: Sequence[PartOrigin], bases: Sequence[str]) -> Mosaic:
    """The map. ``bases`` are all that were compared, in their order, by which letters are given to
    those that a part comes from; those beyond the fifty-second share one sign."""
    mine = {n for o in found if o.base is not None for n in (o.base, *o.also)}
    named = [n for n in bases if n in mine]
    signs = _Signs(dict(zip(named, LETTERS, strict=False)))
    at: dict[Place, PartOrigin] = {(o.part, o.layer, o.number): o for o in found}
    layers = sorted({o.layer for o in found if o.layer is not None})
    rows = tuple(
        (label, tuple(signs.cell(at.get((part, layer, number))) for layer in layers))
        for part, number, label in _rows(found)
    )
    used = {c.sign for _, row in rows for c in row if c is not None}
    used |= {c.sign for o in found if o.layer is None and (c := signs.cell(o)) is not None}
    title = "Where each part comes from" if mine else EMPTY
    return Mosaic(
        title=title,
        corner="Layer",
        columns=tuple(layers),
        rows=rows,
        above=tuple(_single(signs, at, "embedding")),
        below=tuple(_single(signs, at, "head")),
        key=tuple(_key(signs, used)),
        caption=CAPTION,
    )


def _rows(found: Sequence[PartOrigin]) -> Iterator[tuple[PartName, int | None, str]]:
    for part in ROWS:
        numbers = sorted({o.number for o in found if o.part == part}, key=lambda n: n or 0)
        for number in numbers:
            yield part, number, PARTS[part] if number is None else f"{PARTS[part]} {number}"


def _single(
    signs: _Signs, at: Mapping[Place, PartOrigin], part: PartName
) -> Iterator[tuple[str, MosaicCell]]:
    cell = signs.cell(at.get((part, None, None)))
    if cell is not None:
        yield PARTS[part], cell


def _key(signs: _Signs, used: set[str]) -> Iterator[tuple[MosaicCell, str]]:
    for name, letter in signs.letters.items():
        yield MosaicCell(letter, _colour(letter), name), printable(name, 60)
    further = MosaicCell(FURTHER, MIXED, FURTHER_TOLD)
    mixed = MosaicCell(SEVERAL, MIXED, SEVERAL_TOLD)
    yield from ((c, c.told) for c in (further, mixed, NOBODYS, UNTOLD) if c.sign in used)


def _runs_of(found: Sequence[PartOrigin]) -> Iterator[Block]:
    if any(o.base is not None for o in found):
        heads = ("Part", "Of", "Its layers", "Likeness")
        yield grid("Parts and where they come from", heads, _runs(found))


def _runs(found: Sequence[PartOrigin]) -> Iterator[tuple[str, str, str, str]]:
    """Parts of one origin together: what they are, whose, where they stand there if elsewhere, and
    how alike at the least."""
    together: dict[tuple[PartName, str], list[PartOrigin]] = {}
    for o in found:
        whose = " or ".join((o.base, *o.also)) if o.base is not None else ""
        whose = whose or ("none of these" if o.state == "other" else "open")
        together.setdefault((o.part, whose), []).append(o)
    for (part, whose), some in together.items():
        layers = sorted({o.layer for o in some if o.layer is not None})
        places = sorted({(o.layer, o.of) for o in some if o.of is not None and o.layer is not None})
        moved = any(layer != of for layer, of in places)
        alike = [o.likeness for o in some if o.likeness is not None and o.base is not None]
        yield (
            f"{RUNS[part]} of {layers_told(layers)}" if layers else RUNS[part],
            printable(whose, 60),
            ", ".join(f"{of}" for _, of in places) if moved else DASH,
            f"{min(alike):.2f}" if alike else DASH,
        )
