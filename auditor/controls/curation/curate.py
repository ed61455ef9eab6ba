"""From a prompt pool to the prompts that are asked: duplicates, quality, decontamination,
difficulty, diversity.

Every step counts what it drops. Deterministic under the seed. Knows prompts; the score of
difficulty is given to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from auditor.controls.curation.decontaminate import forbidden
from auditor.controls.curation.duplicates import first_twins, folded_words
from auditor.controls.curation.pool import Prompt
from auditor.controls.recipe import Curation
from fingerprints.embed import HashedNgrams
from fingerprints.errors import MalformedInput
from fingerprints.records import Record, sha256

Score = Callable[[Sequence[Prompt]], Sequence[float]]
"""How hard each prompt is: higher is harder."""

LEAST_WORDS = 2
LEAST_LETTERS = 0.5
EXAMPLES_KEPT = 20


class Contaminated(Record):
    """A prompt that was dropped as a copy of a probe or an evaluation text, and by which rule."""

    prompt: str
    copies: str
    reason: str


class CurationReport(Record):
    """How many prompts each step left; at most 20 copies are named."""

    pool: int
    exact_duplicates: int
    low_quality: int
    near_duplicates: int
    contaminated: int
    beyond_n: int
    kept: int
    copies: tuple[Contaminated, ...]
    licences: dict[str, int]
    topics: dict[str, int]
    sources: dict[str, int]


@dataclass(frozen=True)
class Curated:
    """The prompts that are asked, in order, and how they were found."""

    prompts: tuple[Prompt, ...]
    report: CurationReport


def curate(
    pool: Sequence[Prompt],
    how: Curation,
    n: int | None = None,
    seed: int = 0,
    score: Score | None = None,
    evaluation_texts: Iterable[tuple[str, str]] = (),
) -> Curated:
    """The pool, cleaned and cut to ``n`` prompts.

    ``score`` is needed where the difficulty is not "none". Without difficulty and diversity the
    order is a hashed one under the seed, so that a cut is a fair sample. Raises MalformedInput when
    fewer than two prompts are left.
    """
    unique = _unique(pool)
    good = [p for p in unique if _fit(p.text, how)]
    twins = first_twins([p.text for p in good], how.near_duplicate)
    different = [p for p, twin in zip(good, twins, strict=True) if twin is None]
    clean, copies = _decontaminated(different, evaluation_texts)
    ordered = _ordered(clean, how, seed, score)
    kept = tuple(ordered if n is None else ordered[:n])
    report = CurationReport(
        pool=len(pool),
        exact_duplicates=len(pool) - len(unique),
        low_quality=len(unique) - len(good),
        near_duplicates=len(good) - len(different),
        contaminated=len(copies),
        beyond_n=len(ordered) - len(kept),
        kept=len(kept),
        copies=tuple(copies[:EXAMPLES_KEPT]),
        licences=_tally(p.licence or "(none stated)" for p in kept),
        topics=_tally(p.topic or "(none)" for p in kept),
        sources=_tally(p.source for p in kept),
    )
    if len(kept) < 2:
        raise _empty(report)
    return Curated(kept, report)


def _empty(report: CurationReport) -> MalformedInput:
    return MalformedInput(
        f"{report.kept} of {report.pool} prompts are left: {report.exact_duplicates} were"
        f" duplicates, {report.low_quality} of low quality, {report.near_duplicates}"
        f" near-duplicates, {report.contaminated} copies of probes",
        where="prompts",
        next_step="give more prompts, or loosen prompts.curation",
    )


def _tally(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _unique(pool: Sequence[Prompt]) -> list[Prompt]:
    out: dict[str, Prompt] = {}
    for prompt in pool:
        out.setdefault(prompt.probe().prompt_sha256(), prompt)
    return list(out.values())


def _fit(text: str, how: Curation) -> bool:
    """Whether a prompt has the right length, some words, and mostly letters and digits."""
    bare = "".join(text.split())
    letters = sum(c.isalnum() for c in bare)
    return (
        how.shortest <= len(text) <= how.longest
        and len(folded_words(text)) >= LEAST_WORDS
        and letters >= LEAST_LETTERS * len(bare)
        and "\ufffd" not in text
    )


def _decontaminated(
    prompts: Sequence[Prompt], texts: Iterable[tuple[str, str]]
) -> tuple[list[Prompt], list[Contaminated]]:
    index = forbidden(texts)
    clean, copies = [], []
    for prompt in prompts:
        hit = index.find(prompt.text)
        if hit is None:
            clean.append(prompt)
        else:
            copies.append(Contaminated(prompt=prompt.id, copies=hit.id, reason=hit.reason))
    return clean, copies


def shuffled(ids: Iterable[str], seed: int, purpose: str) -> list[str]:
    """Ids ordered by the seed, the purpose and each id alone: adding one moves no other."""
    return sorted(ids, key=lambda key: (sha256(f"{purpose}\0{seed}\0{key}"), key))


def _ordered(
    prompts: Sequence[Prompt], how: Curation, seed: int, score: Score | None
) -> list[Prompt]:
    by_id = {p.id: p for p in prompts}
    order = [by_id[key] for key in shuffled(by_id, seed, "prompts")]
    if how.difficulty != "none":
        if score is None:
            raise MalformedInput(
                "the difficulty has no score",
                where="prompts.curation.difficulty",
                next_step="write none",
            )
        scores = dict(zip([p.id for p in order], score(order), strict=True))
        order.sort(key=lambda p: -scores[p.id])
    if how.diversity == "round_robin" and order:
        return _round_robin(order, how.clusters, seed)
    return order


def _round_robin(prompts: Sequence[Prompt], clusters: int, seed: int) -> list[Prompt]:
    """One prompt of each cluster in turn, clusters by their first prompt, each in its order."""
    groups: dict[int, list[Prompt]] = {}
    found = _clusters([p.text for p in prompts], clusters, seed)
    for prompt, cluster in zip(prompts, found, strict=True):
        groups.setdefault(cluster, []).append(prompt)
    return [p for turn in zip_longest(*groups.values()) for p in turn if p is not None]


def _clusters(texts: Sequence[str], clusters: int, seed: int) -> list[int]:
    from sklearn.cluster import KMeans

    vectors = HashedNgrams().embed(texts)
    # KMeans warns where it is asked for more clusters than there are different vectors.
    distinct = len(np.unique(vectors, axis=0))
    found = KMeans(min(clusters, distinct), n_init=1, random_state=seed).fit_predict(vectors)
    return [int(c) for c in found]
