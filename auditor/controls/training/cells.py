"""What two vocabularies can both name, and a distribution over tokens as one over that.

Two models with different tokenizers stand at the same place of a text, each about to begin a token.
Each says how likely its own tokens are. To compare them, every token is put into a *cell*: a string
that both vocabularies have. A shared string is its own cell. Any other token counts as the
beginning that both can name: the first token that the other tokenizer would write it with, if that
is shared, else the longest shared string that it begins with. The same rule holds in both
directions, and its limits are known: equal vocabularies give one cell a token (plain logit
distillation); where one model reads bytes, every cell is a byte, and both distributions are of the
next byte exactly. In between it is an approximation, because a tokenizer need not write a text with
the longest token that fits.

Cell 0 takes the tokens that share nothing (control tokens of one model alone, padding of the output
layer): what lies there can't be compared, and a position where the teacher puts much of its mass
there is skipped.

Related: minimum edit distance between tokens (FuseLLM, Wan et al. 2024, arXiv 2401.10491), sorted
distributions without regard to which token is which (Boizard et al. 2024, arXiv 2402.12030),
likelihoods of the chunks that were said (Minixhofer et al. 2025, arXiv 2503.20083), next-byte
distributions (Phan et al. 2024, arXiv 2410.09303); from memory, unchecked. Knows strings and
tensors; knows no models.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from auditor.controls.training.align import Piece
from auditor.controls.training.losses import TopLogits, log_distribution
from fingerprints.records import canonical_json, sha256

END = "end of the answer"
"""Names the token that ends an answer, whatever each model calls it."""
FLOOR = -30.0
"""Log-probability of a cell that a model has no token for: small, and finite, so that no
divergence is infinite."""


@dataclass(frozen=True)
class TokenSide:
    """One side: its tokens, the one that ends an answer, its tokenizer, how many are scored."""

    pieces: tuple[Piece, ...]
    end: int | None
    tokenizer: Any
    scored: int


@dataclass(frozen=True)
class Cells:
    """The cell of every token of teacher and student, int64 of (tokens scored,); ``count``
    cells, number 0 shared by none."""

    teacher: Tensor
    student: Tensor
    count: int

    def digest(self) -> str:
        """SHA-256 over both maps."""
        return sha256(canonical_json([self.count, self.teacher.tolist(), self.student.tolist()]))


def share_out(teacher: TokenSide, student: TokenSide) -> Cells:
    """The cells of two vocabularies. Deterministic; a second or two for 150,000 tokens."""
    theirs, ours = _named(teacher), _named(student)
    shared = set(theirs).intersection(ours) - {None}
    numbers = {piece: n for n, piece in enumerate(sorted(shared, key=_order), start=1)}
    return Cells(
        _placed(theirs, student, ours, numbers),
        _placed(ours, teacher, theirs, numbers),
        len(numbers) + 1,
    )


def pooled(logits: Tensor, cells: Tensor, count: int, temperature: float) -> Tensor:
    """Log-probabilities (positions, count) of cells from logits (positions, vocabulary) divided by
    a temperature, float32.

    ``cells``: (vocabulary,), on the same device. A cell without tokens has `FLOOR`. Differentiable.
    """
    logs = log_distribution(logits, temperature)
    index = cells.expand_as(logs)
    # The largest of each cell, taken out before summing: small chances keep their gradient.
    peaks = logs.new_full((len(logs), count), -math.inf).scatter_reduce(
        1, index, logs.detach(), "amax"
    )
    filled = torch.zeros(count, dtype=torch.bool, device=logs.device).index_fill(0, cells, True)
    peaks = torch.where(filled, peaks, 0.0)
    sums = torch.zeros_like(peaks).index_add(1, cells, (logs - peaks.gather(1, index)).exp())
    return torch.where(filled, torch.where(filled, sums, 1.0).log() + peaks, FLOOR)


def shared_mass(logs: Tensor) -> Tensor:
    """How much of each position's distribution lies on what both can name: (positions,), 0 to 1."""
    return -torch.expm1(logs[:, 0].clamp(max=0.0))


def top_cells(logs: Tensor, k: int | None) -> TopLogits:
    """The k likeliest cells of (positions, cells) but for number 0; everything else, number 0
    with it, is the rest."""
    room = logs.shape[-1] - 1
    best, found = torch.topk(logs[:, 1:], min(k or room, room), dim=-1)
    named = found + 1
    return TopLogits(named, best, torch.logsumexp(logs.scatter(-1, named, -math.inf), dim=-1))


def _named(voice: TokenSide) -> list[Piece]:
    """A vocabulary as the model scores it, its end under one name for all."""
    pieces: list[Piece] = [
        *voice.pieces[: voice.scored],
        *[None] * (voice.scored - len(voice.pieces)),
    ]
    if voice.end is not None and voice.end < voice.scored:
        # One cell for both: models name the end of an answer differently.
        pieces[voice.end] = END
    return [piece or None for piece in pieces]


def _order(piece: Piece) -> tuple[bool, bytes]:
    return isinstance(piece, str), piece.encode("utf-8") if isinstance(piece, str) else piece or b""


def _placed(
    pieces: Sequence[Piece], other: TokenSide, names: Sequence[Piece], numbers: dict[Piece, int]
) -> Tensor:
    foreign = sorted({p for p in pieces if isinstance(p, bytes) and p not in numbers})
    first = _first_tokens(foreign, other, names)
    return torch.tensor(
        [numbers.get(p) or _beginning(first.get(p, p), numbers) for p in pieces], dtype=torch.long
    )


def _beginning(piece: Piece, numbers: dict[Piece, int]) -> int:
    """The cell of the longest shared string that a token begins with; 0 where there is none."""
    if not isinstance(piece, bytes):
        return 0
    ends = range(len(piece), 0, -1)
    return next((numbers[piece[:end]] for end in ends if piece[:end] in numbers), 0)


def _first_tokens(
    foreign: Sequence[bytes], other: TokenSide, names: Sequence[Piece]
) -> dict[Piece, Piece]:
    """What the other tokenizer begins each string with, where it writes just that."""
    texts = {p: p.decode("utf-8") for p in foreign if _is_text(p)}
    if not texts:
        return {}
    cut = other.tokenizer(
        list(texts.values()), add_special_tokens=False, split_special_tokens=True
    ).input_ids
    found: dict[Piece, Piece] = {}
    for piece, ids in zip(texts, cut, strict=True):
        spelled = [names[i] if i < len(names) else None for i in ids]
        known = [s for s in spelled if isinstance(s, bytes)]
        if known and len(known) == len(spelled) and b"".join(known) == piece:
            found[piece] = known[0]
    return found


def _is_text(piece: bytes) -> bool:
    try:
        piece.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
