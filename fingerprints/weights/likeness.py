"""How alike two tokenizers are: words, numbers, merges, special tokens and chat template, as values
of two records.

Pure: reads nothing. Tokenizers are shared between unrelated models, so that likeness alone says
little about weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from fingerprints.records import Record, canonical_json, sha256

SHINGLE = 8


@dataclass(frozen=True)
class TokenizerEvidence:
    """What a tokenizer's files say: ``vocabulary`` (token to number, added tokens included),
    ``merges`` in order of rank, ``special`` tokens, and the chat template's text (empty where there
    is none).
    """

    vocabulary: Mapping[str, int]
    merges: tuple[tuple[str, str], ...] = ()
    special: frozenset[str] = field(default_factory=frozenset)
    template: str = ""

    def digest(self) -> str:
        """Hexadecimal SHA-256 over vocabulary and merges, which GGUF keeps; special tokens and
        template are not in it."""
        words = [
            [t.encode("utf-8", "surrogatepass").hex(), n]
            for t, n in sorted(self.vocabulary.items())
        ]
        merges = [[p.encode("utf-8", "surrogatepass").hex() for p in pair] for pair in self.merges]
        return sha256(canonical_json([words, merges]))

    def template_digest(self) -> str | None:
        """Hexadecimal SHA-256 of the chat template; None where there is none."""
        return sha256(self.template.encode("utf-8", "replace")) if self.template else None


class TokenizerLikeness(Record):
    """Two tokenizers compared; each figure with its n. These are counts of whole lists, not
    samples: there is no interval.

    ``vocabulary_jaccard``: shared tokens over all tokens (``n_tokens``), 0 … 1. ``same_ids``: share
    of the ``n_shared`` tokens that have one number in both. ``merge_tau``: Kendall's τ of the ranks
    of the ``n_merges`` shared merges, -1 … 1. ``special_jaccard``: of ``n_special`` special tokens.
    ``template_similarity``: Jaccard of 8-character pieces, 0 … 1. None: nothing to compare.
    """

    vocabulary_jaccard: float | None
    n_tokens: int
    same_ids: float | None
    n_shared: int
    merge_tau: float | None
    n_merges: int
    special_jaccard: float | None
    n_special: int
    template_equal: bool | None
    template_similarity: float | None


def tokenizer_likeness(one: TokenizerEvidence, other: TokenizerEvidence) -> TokenizerLikeness:
    """Compares two tokenizers; symmetric and deterministic; never raises."""
    shared, same = _in_both(one.vocabulary, other.vocabulary)
    union = len(one.vocabulary) + len(other.vocabulary) - shared
    tau, merges = merge_agreement(one.merges, other.merges)
    specials = len(one.special | other.special)
    both = bool(one.template and other.template)
    return TokenizerLikeness(
        vocabulary_jaccard=shared / union if union else None,
        n_tokens=union,
        same_ids=same / shared if shared else None,
        n_shared=shared,
        merge_tau=tau,
        n_merges=merges,
        special_jaccard=len(one.special & other.special) / specials if specials else None,
        n_special=specials,
        template_equal=one.template == other.template if both else None,
        template_similarity=template_similarity(one.template, other.template) if both else None,
    )


def _in_both(one: Mapping[str, int], other: Mapping[str, int]) -> tuple[int, int]:
    """How many tokens are shared, and how many of them with one number."""
    if one == other:
        return len(one), len(one)
    theirs = [(n, other[token]) for token, n in one.items() if token in other]
    return len(theirs), sum(mine == his for mine, his in theirs)


def merge_agreement(
    one: tuple[tuple[str, str], ...], other: tuple[tuple[str, str], ...]
) -> tuple[float | None, int]:
    """Kendall's τ of the ranks that two lists give to the merges they share, and how many they
    share; None below two."""
    if one == other:
        n = len(set(one))
        return (1.0 if n > 1 else None), n
    ranks = {pair: rank for rank, pair in reversed(list(enumerate(other)))}
    places = np.array([ranks[pair] for pair in dict.fromkeys(one) if pair in ranks], dtype=np.int64)
    if len(places) < 2:
        return None, len(places)
    if np.all(np.diff(places) > 0):
        return 1.0, len(places)
    from scipy.stats import kendalltau  # loaded where it is needed: its library takes a second

    return float(kendalltau(np.arange(len(places)), places).statistic), len(places)


def template_similarity(one: str, other: str) -> float:
    """Jaccard of the 8-character pieces of two templates, white space counted once; 0 … 1."""
    pieces = [_pieces(" ".join(t.split())) for t in (one, other)]
    union = len(pieces[0] | pieces[1])
    return len(pieces[0] & pieces[1]) / union if union else 0.0


def _pieces(text: str) -> set[str]:
    return {text[i : i + SHINGLE] for i in range(max(1, len(text) - SHINGLE + 1))}
