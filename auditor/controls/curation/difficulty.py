"""A recipe's prompts, curated by how hard they are: by the base's loss, by the length of a recorded
answer, or by whether the base fails on them.

The last is the s1 way (Muennighoff et al. 2025, arXiv 2501.19393). Opens the base and
recordings where the difficulty needs them; trains nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from auditor.controls.answer_cache import cached
from auditor.controls.curation.curate import Curated, Score, curate
from auditor.controls.curation.human import is_docstrings, open_docstrings
from auditor.controls.curation.pool import Prompt, is_recording, read_pool
from auditor.controls.curation.verify import agrees
from auditor.controls.recipe import Recipe
from fingerprints.errors import UsageProblem
from fingerprints.records import Reply, Request
from fingerprints.subjects import open_subject
from fingerprints.subjects.thinking import END_THINK

TOKENS = 256
"""Tokens that the small model has for an answer."""
SOLVED, UNKNOWN, FAILED = 0.0, 1.0, 2.0


def curate_for(recipe: Recipe) -> Curated:
    """The prompts of a recipe, curated. Opens the base, or recordings, as its difficulty needs."""
    how, seed = recipe.prompts.curation, recipe.seed
    pool = read_pool(recipe)
    length = _length_score(recipe)
    scores: dict[str, Score | None] = {
        "none": None,
        "loss": _loss_score(recipe),
        "failure": failure_score(recipe.student.base, length),
        "length": length,
    }
    return curate(pool, how, recipe.prompts.n, seed, scores[how.difficulty])


def _loss_score(recipe: Recipe) -> Score:
    def score(prompts: Sequence[Prompt]) -> list[float]:
        """The base's bits per byte of each prompt's text, (prompts,): higher is harder. Raises
        UsageProblem for random weights."""
        if recipe.student.base.startswith("scratch:"):
            raise UsageProblem(
                "random weights find every prompt equally hard",
                where="prompts.curation.difficulty",
                next_step="write none or length, or give a trained --base",
            )
        with open_subject(recipe.student.base) as subject:
            return [found.bits_per_byte for found in subject.score([p.text for p in prompts])]

    return score


def _length_score(recipe: Recipe) -> Score:
    """Characters of the recorded answer (long trace, hard question), else of the prompt."""

    def score(prompts: Sequence[Prompt]) -> list[float]:
        """Characters, (prompts,), the longest where several sources answered a prompt."""
        known: dict[str, int] = {}
        for source in recipe.sources:
            if is_recording(source.spec):
                opened = open_docstrings if is_docstrings(source.spec) else open_subject
                with opened(source.spec) as subject:
                    held = subject.recorded()
                for reply in held.readable():
                    digest = held.probes[reply.probe_id].prompt_sha256()
                    known[digest] = max(known.get(digest, 0), len(reply.text))
        return [float(known.get(p.probe().prompt_sha256(), len(p.text))) for p in prompts]

    return score


def failure_score(base: str, length: Score) -> Score:
    """Scores prompts: first what the model fails on, then without known answer, then solved.

    Within each, ``length`` decides, the longest first. The model answers greedily, and a cache
    keeps its answers. An answer that is cut or never came is a failure. Raises UsageProblem for
    random weights and where no prompt has a known answer.
    """

    def score(prompts: Sequence[Prompt]) -> list[float]:
        """(prompts,): higher is taken sooner; the rank, and less than 1 for the length."""
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
            replies = {r.probe_id: r for r in cached(subject).generate(asked)}
        lengths = [float(found) for found in length(prompts)]
        # So that a length adds less than 1, and orders within a rank alone.
        longest = 1 + max(lengths, default=0.0)
        ranks = [
            _rank(replies[p.id], p.answer) if p.answer is not None else UNKNOWN for p in prompts
        ]
        return [rank + size / longest for rank, size in zip(ranks, lengths, strict=True)]

    return score


def _rank(reply: Reply, answer: str) -> float:
    said = reply.text.rpartition(END_THINK)[2]
    return SOLVED if reply.readable and agrees(said, answer) else FAILED
