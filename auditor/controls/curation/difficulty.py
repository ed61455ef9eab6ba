"""How hard a prompt is by whether a small model fails on it (the s1 way: Muennighoff et al. 2025,
arXiv 2501.19393).

Knows prompts and answers; which model is asked, and how long the traces are, is given to it.
"""

from __future__ import annotations

from collections.abc import Sequence

from auditor.controls.answer_cache import CachedSubject
from auditor.controls.curation.curate import Score
from auditor.controls.curation.pool import Prompt
from auditor.controls.curation.verify import agrees
from fingerprints.errors import UsageProblem
from fingerprints.records import Reply, Request
from fingerprints.subjects import open_subject
from fingerprints.subjects.cache import cache_folder
from fingerprints.subjects.thinking import END_THINK

TOKENS = 256
"""Tokens that the small model has for an answer."""
SOLVED, UNKNOWN, FAILED = 0.0, 1.0, 2.0


def failure_score(base: str, length: Score) -> Score:
    """Scores prompts: those that the model fails on first, then those without a known answer, then
    those that it solves.

    Within each, ``length`` decides, the longest first. The model answers greedily, and a cache
    keeps its answers. An answer that is cut or never came is a failure. Raises UsageProblem for
    random weights and where no prompt has a known answer.
    """

    def score(prompts: Sequence[Prompt]) -> list[float]:
        known = {p.id: p.answer for p in prompts if p.answer is not None}
        if base.startswith("scratch:"):
            raise UsageProblem(
                "random weights fail on every prompt",
                where="prompts.curation.difficulty",
                next_step="write none or length, or give a trained --base",
            )
        if not known:
            raise UsageProblem(
                "no prompt has a known answer to fail on",
                where="prompts.curation.difficulty",
                next_step="write loss or length, or give prompts with the field `answer`",
            )
        asked = [Request(probe=p.probe(), max_tokens=TOKENS) for p in prompts if p.id in known]
        with open_subject(base) as subject:
            replies = {
                r.probe_id: r
                for r in CachedSubject(subject, cache_folder() / "answers").generate(asked)
            }
        lengths = [float(found) for found in length(prompts)]
        longest = 1 + max(lengths, default=0.0)
        ranks = [
            _rank(replies[p.id], p.answer) if p.answer is not None else UNKNOWN for p in prompts
        ]
        return [rank + size / longest for rank, size in zip(ranks, lengths, strict=True)]

    return score


def _rank(reply: Reply, answer: str) -> float:
    said = reply.text.rpartition(END_THINK)[2]
    return SOLVED if reply.readable and agrees(said, answer) else FAILED
