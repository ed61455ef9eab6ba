"""Rows become texts: sentences are drawn from their registers, slots filled, parts put together.
All of a block at once, in Arrow's columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from auditor.labs.traffic.mixing import Seeds, below, fraction, mix
from auditor.labs.traffic.rows import NONE, RequestRows
from auditor.labs.traffic.wording import HOUSE, Lexicon, Slot, SlottedSentence

LIKED = 1.6
"""Exponent by which people take the first words of a list more often than its last."""
# Prime and above every product of word lists here, so that counting in its steps meets every
# combination of words once before any comes again.
STRIDE = 2_654_435_761
DRAWN = -2


@dataclass(frozen=True)
class Instances:
    """Sentences to be made: of which row and at which place in it, from which register, which one
    (-2: by seed), by which seeds, and whether its slots are counted through."""

    row: NDArray[np.int64]
    place: NDArray[np.int64]
    register: NDArray[np.int64]
    index: NDArray[np.int64]
    seed: Seeds
    theme: Seeds
    counted: NDArray[np.bool_]


class Writer:
    """Makes the texts of rows. Holds the word lists as Arrow columns."""

    def __init__(self, wording: Lexicon) -> None:
        self.wording = wording
        self.words = {name: pa.array(words, pa.string()) for name, words in wording.words.items()}
        self.house = wording.place(HOUSE)
        self.sizes = np.array([len(r) for r in wording.registers])
        self.lines = np.array(
            [not n.startswith(("chat.", "open.")) for n in wording.names] + [False]
        )

    def prompts(self, rows: RequestRows, styles: NDArray[np.int64]) -> Any:
        """One text a row, as a string column. ``styles``: 1 writes small letters, 2 no full stop,
        3 both."""
        texts = self._joined(self._parts(rows), len(rows), self._separators(rows))
        texts = _changed(texts, styles % 2 == 1, pc.utf8_lower)
        return _changed(texts, styles >= 2, partial(pc.utf8_rtrim, characters=".!?"))

    def _parts(self, rows: RequestRows) -> Instances:
        """All parts of all prompts: opening, head, bodies, pastes, closing."""
        everyone = np.arange(len(rows))
        drawn = np.full(len(rows), DRAWN, np.int16)
        parts = [
            (everyone, np.full(len(rows), 0), rows.opening, drawn),
            (everyone, np.full(len(rows), 1), rows.head_register, rows.head),
            _repeated(rows.bodies, rows.body_register, 2),
            _repeated(rows.pastes, rows.paste_register, 20),
            (everyone, np.full(len(rows), 40), rows.closing, drawn),
        ]
        row = np.concatenate([p[0] for p in parts])
        place = np.concatenate([p[1] for p in parts])
        register = np.concatenate([p[2] for p in parts]).astype(np.int64)
        index = np.concatenate([p[3] for p in parts]).astype(np.int64)
        there = register != NONE
        row, place = row[there], place[there]
        counted = (rows.campaign[row] != NONE) & (place == 1)
        seed = np.where(counted, rows.seed[row], mix(rows.seed[row], rows.theme[row], place))
        theme = rows.theme[row]
        own = register[there] == self.house
        for seeds in (seed, theme):
            seeds[own] = mix(rows.account[row[own]], 65)
        return Instances(row, place, register[there], index[there], seed, theme, counted)

    def answers(
        self, rows: RequestRows, tokens: NDArray[np.int64], register: str, most: int
    ) -> Any:
        """An answer a row of about so many tokens, of at most ``most`` sentences."""
        sentences = np.clip(tokens // 16, 1, most)
        row, place = _expanded(sentences)
        seed = mix(rows.seed[row], rows.account[row], place, 61)
        instances = Instances(
            row,
            place,
            np.full(row.size, self.wording.place(register)),
            np.full(row.size, DRAWN),
            seed,
            mix(rows.theme[row], 62),
            np.zeros(row.size, bool),
        )
        return self._joined(instances, len(rows), np.full(len(rows), " "))

    def systems(self, kind: str, seeds: Seeds) -> list[str]:
        """The system prompt of each seed, for accounts of a kind; empty where the wording has
        none."""
        if not self.wording.has(f"system.{kind}") or not seeds.size:
            return [""] * seeds.size
        numbers = np.arange(seeds.size)
        register = np.full(seeds.size, self.wording.place(f"system.{kind}"))
        instances = Instances(
            numbers,
            np.zeros_like(numbers),
            register,
            np.full(seeds.size, DRAWN),
            seeds,
            seeds,
            np.zeros(seeds.size, bool),
        )
        made: list[str] = self._joined(instances, seeds.size, np.full(seeds.size, " ")).to_pylist()
        return made

    def _separators(self, rows: RequestRows) -> NDArray[np.str_]:
        lines = self.lines[rows.body_register] | self.lines[rows.head_register] | (rows.pastes > 0)
        return np.where(lines, "\n", " ")

    def _joined(self, instances: Instances, n: int, separators: NDArray[np.str_]) -> Any:
        order = np.lexsort((instances.place, instances.row))
        sentences = self._sentences(instances).take(column(order))
        ends = np.concatenate([[0], np.cumsum(np.bincount(instances.row, minlength=n))])
        lists = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), sentences)
        return pc.binary_join(lists, pa.array(separators))

    def _sentences(self, instances: Instances) -> Any:
        drawn = below(mix(instances.seed, 63), self.sizes[instances.register])
        index = np.where(instances.index == DRAWN, drawn, instances.index)
        code = instances.register * 1024 + index
        order = np.argsort(code, kind="stable")
        edges = np.flatnonzero(np.diff(code[order])) + 1
        made = [
            self._filled(self._sentence(int(code[rows[0]])), instances, rows)
            for rows in np.split(order, edges)
            if rows.size
        ]
        back = np.empty(order.size, np.int64)
        back[order] = np.arange(order.size)
        together = pa.concat_arrays(made) if made else pa.array([], pa.string())
        return together.take(column(back))

    def _sentence(self, code: int) -> SlottedSentence:
        return self.wording.registers[code // 1024][code % 1024]

    def _filled(
        self, sentence: SlottedSentence, instances: Instances, rows: NDArray[np.int64]
    ) -> Any:
        pieces = [
            piece if isinstance(piece, str) else self.words[piece.words].take(column(at))
            for piece, at in self._choices(sentence, instances, rows)
        ]
        if all(isinstance(piece, str) for piece in pieces):
            return pa.array(["".join(pieces)] * rows.size, pa.string())
        return pc.binary_join_element_wise(*pieces, "")

    def _choices(
        self, sentence: SlottedSentence, instances: Instances, rows: NDArray[np.int64]
    ) -> Iterator[tuple[str | Slot, NDArray[np.int64]]]:
        """Every piece, and for a slot the word that each row takes."""
        counted = instances.counted[rows]
        sizes = [len(self.words[p.words]) for p in sentence.pieces if isinstance(p, Slot)]
        total = max(1, int(np.prod(sizes, dtype=float))) if sizes else 1
        step = (instances.seed[rows] * np.uint64(STRIDE)) % np.uint64(min(total, 2**62))
        done = 0
        for piece in sentence.pieces:
            if isinstance(piece, str):
                yield piece, rows[:0]
                continue
            size = sizes[done]
            at = _word(piece, instances, rows, done, size)
            yield piece, np.where(counted, (step % np.uint64(size)).astype(np.int64), at)
            step, done = step // np.uint64(size), done + 1


def column(numbers: NDArray[np.int64]) -> pa.Array:
    """Whole numbers as an Arrow column, without a copy. `pyarrow.array` looks for pandas on each
    call, which takes longer than all else for the short columns here."""
    buffers = [None, pa.py_buffer(np.ascontiguousarray(numbers, np.int64))]
    return pa.Int64Array.from_buffers(pa.int64(), numbers.size, buffers)


def _changed(texts: pa.Array, chosen: NDArray[np.bool_], change: Callable[..., Any]) -> pa.Array:
    """The texts with those that are chosen changed."""
    if not chosen.any():
        return texts
    changed = change(texts.take(column(np.flatnonzero(chosen))))
    return pc.replace_with_mask(texts, pa.array(chosen), changed)


def _word(
    slot: Slot, instances: Instances, rows: NDArray[np.int64], number: int, size: int
) -> NDArray[np.int64]:
    """The word of a list that people's prompts take: by theme, or by the prompt's own seed."""
    salt = sum(ord(c) * (i + 1) for i, c in enumerate(slot.words)) + slot.turn
    seeds = (
        mix(instances.theme[rows], salt)
        if slot.themed
        else mix(instances.seed[rows], 64 + number, salt)
    )
    return (size * fraction(seeds) ** LIKED).astype(np.int64)


def _repeated(
    counts: NDArray[np.int16], registers: NDArray[np.int16], first: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int16], NDArray[np.int16]]:
    row, place = _expanded(counts.astype(np.int64))
    return row, place + first, registers[row], np.full(row.size, DRAWN, np.int16)


def _expanded(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows as often as they count, and which repetition each is."""
    row = np.repeat(np.arange(counts.size), counts)
    return row, np.arange(row.size) - np.repeat(np.cumsum(counts) - counts, counts)
