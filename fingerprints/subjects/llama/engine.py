"""A GGUF file loaded by llama.cpp, and rows of tokens that it reads and gives scores behind.

Knows tokens, places and scores; knows nothing of questions.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fingerprints.errors import MalformedInput, ResourceLimit
from fingerprints.subjects.llama.library import library
from fingerprints.system import Closing

MOST_AT_ONCE = 512
"""Tokens of one call: more gain nothing on a CPU and need room for their scores."""
Scores = NDArray[np.float32]


class Fed(NamedTuple):
    """One token to read: its id, its place in its row, the row, and whether the scores behind it
    are wanted."""

    token: int
    place: int
    row: int
    wanted: bool


class LoadedGguf(Closing):
    """A model in memory. Raises MalformedInput where llama.cpp can't load the file."""

    def __init__(self, path: Path, vocabulary_only: bool = False) -> None:
        self.library, self.path = library(), path
        settings = self.library.llama_model_default_params()
        settings.vocab_only, settings.gpu_layers = vocabulary_only, 0
        self.pointer = self.library.llama_model_load_from_file(os.fsencode(path), settings)
        if not self.pointer:
            raise MalformedInput(
                "llama.cpp can't load it",
                where=path,
                next_step="check that the file is whole and of a kind that llama.cpp knows, or"
                " leave backend=llama.cpp out",
            )
        self.vocabulary = self.library.llama_model_get_vocab(self.pointer)
        self.words = int(self.library.llama_vocab_n_tokens(self.vocabulary))

    @property
    def context(self) -> int:
        """The longest text that it was trained on, in tokens."""
        return int(self.library.llama_model_n_ctx_train(self.pointer))

    @property
    def window(self) -> int | None:
        """The shortest attention window, None where every token sees every earlier one."""
        return int(self.library.llama_model_n_swa(self.pointer)) or None

    @property
    def divisible(self) -> bool:
        """Whether what it has read of one row can be handed to another."""
        kinds = (self.library.llama_model_is_recurrent, self.library.llama_model_is_hybrid)
        return not any(kind(self.pointer) for kind in kinds)

    @property
    def encodes(self) -> bool:
        """Whether an encoder reads before it writes: such models are not asked here."""
        return bool(self.library.llama_model_has_encoder(self.pointer))

    def close(self) -> None:
        """Frees the model."""
        if self.pointer:
            self.library.llama_model_free(self.pointer)
            self.pointer = None


class RowReader(Closing):
    """Rows that a model reads side by side, each with what it has read so far.

    ``rows`` of up to ``tokens`` tokens each. Raises ResourceLimit where they don't fit into memory.
    """

    def __init__(self, model: LoadedGguf, rows: int, tokens: int, threads: int) -> None:
        self.library, self.model, self.rows = model.library, model, rows
        # llama.cpp rounds the same way, and reads back what it took.
        length = -(-tokens // 256) * 256
        settings = self.library.llama_context_default_params()
        settings.n_ctx, settings.n_seq_max = length * rows, rows
        settings.n_batch = settings.n_ubatch = MOST_AT_ONCE
        settings.outputs_max, settings.threads, settings.threads_batch = 0, threads, threads
        self.pointer = self.library.llama_init_from_model(model.pointer, settings)
        if not self.pointer:
            raise ResourceLimit(
                f"llama.cpp can't make room for {rows} rows of {length} tokens",
                where=model.path,
                next_step="use a smaller batch (batch=4 in the spec)",
            )
        self._batch = self.library.llama_batch_init(MOST_AT_ONCE, 0, 1)
        self._memory = self.library.llama_get_memory(self.pointer)
        self._check(rows, tokens, threads)

    def _check(self, rows: int, tokens: int, threads: int) -> None:
        """The library tells what it took: it must be what was meant."""
        told = self.library
        held = (told.llama_n_seq_max(self.pointer), told.llama_n_threads(self.pointer))
        if held != (rows, threads) or told.llama_n_ctx_seq(self.pointer) < tokens:
            self.close()
            raise ResourceLimit(
                "llama.cpp took other settings than it was given",
                where=self.model.path,
                next_step="leave backend=llama.cpp out",
            )

    def read(self, fed: Sequence[Fed]) -> Scores:
        """Reads up to 512 tokens; the scores behind the wanted ones, one line each, in order.

        The array is the library's own and holds until the next call. Raises ResourceLimit where
        a row is full, MalformedInput where the library fails.
        """
        batch = self._batch
        for i, one in enumerate(fed):
            batch.token[i], batch.pos[i], batch.logits[i] = one.token, one.place, one.wanted
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, one.row
        batch.n_tokens = len(fed)
        self._done(self.library.llama_decode(self.pointer, batch))
        wanted = sum(one.wanted for one in fed)
        if not wanted:
            return np.zeros((0, self.model.words), np.float32)
        scores = self.library.llama_get_logits(self.pointer)
        return np.ctypeslib.as_array(scores, (wanted, self.model.words))

    def read_row(self, row: int, tokens: Sequence[int], start: int = 0) -> Scores:
        """Reads tokens into one row from a place on; the scores behind the last one."""
        last: Scores = np.zeros((0, self.model.words), np.float32)
        for at in range(0, len(tokens), MOST_AT_ONCE):
            part = tokens[at : at + MOST_AT_ONCE]
            end = len(tokens) - 1
            last = self.read(
                [Fed(t, start + at + i, row, at + i == end) for i, t in enumerate(part)]
            )
        return last

    def hand_on(self, row: int, to: int) -> None:
        """Makes one row the copy of another."""
        self.library.llama_memory_seq_rm(self._memory, to, -1, -1)
        self.library.llama_memory_seq_cp(self._memory, row, to, -1, -1)

    def forget(self, row: int) -> None:
        """Empties a row."""
        self.library.llama_memory_seq_rm(self._memory, row, -1, -1)

    def _done(self, code: int) -> None:
        if code == 0:
            return
        if code == 1:
            raise ResourceLimit("no room is left in a row", where=self.model.path)
        raise MalformedInput(
            f"llama.cpp failed while it read (code {code})",
            where=self.model.path,
            next_step="leave backend=llama.cpp out",
        )

    def close(self) -> None:
        """Frees the rows."""
        if self.pointer:
            self.library.llama_free(self.pointer)
            self.pointer = None
            self.library.llama_batch_free(self._batch)


def log2_scores(scores: Scores, goals: Sequence[int]) -> list[float]:
    """Bits of each goal under one line of scores each: the negative log2 of the softmax."""
    out = []
    for line, goal in zip(scores, goals, strict=True):
        top = float(line.max())
        whole = top + float(np.log(np.exp(line - top).sum(dtype=np.float64)))
        out.append((whole - float(line[goal])) / float(np.log(2.0)))
    return out
