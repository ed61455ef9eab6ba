"""How a movement is shown: the ways of reading, the stored models, and the answers that moved most.

Knows figures; computes no probability of its own. A stranger's text goes into exhibits unchanged,
escaping is the renderer's.
"""

from __future__ import annotations

import numpy as np

from detectors.base import Exhibit, Table
from detectors.lineup import rounded
from detectors.style.journey import Journey
from detectors.style.moves import flipped_p, strength

MOST_EXHIBITS = 6
QUOTED = 1500


def ways(journey: Journey, place: int) -> Table:
    """The candidate by way of reading: Δ in logits, its strength, p of no movement, rank, aim."""
    rows = []
    for i, (way, moves) in enumerate(zip(journey.ways, journey.moves, strict=True)):
        contrast = journey.contrasts(place)[i]
        known = np.isfinite(journey.scores)
        every = np.array(
            [strength(journey.contrasts(m)[i]) if ok else np.nan for m, ok in enumerate(known)]
        )
        rank = 1 + int((every > every[place]).sum())
        figures = (float(contrast.mean()), float(every[place]), flipped_p(contrast, journey.seed))
        rows.append(
            (
                way.name,
                *map(rounded, figures),
                rank,
                rounded(float(moves.aim[place])),
                1 + int((moves.alone > moves.alone[place]).sum()),
            )
        )
    columns = (
        "reading",
        "delta, logits",
        "strength",
        "p of no movement",
        "rank",
        "aim",
        "rank without the base",
    )
    caption = (
        f"n = {journey.pairs.questions} questions. The value is the lower strength. p: suspect and"
        " base exchanged question by question. Aim: cosine between the whole movement and the way"
        " from base to candidate, 1 where everything that changed went there; empty where the"
        " movement is not above its noise."
    )
    return Table(
        title="The same movement, read in other ways",
        columns=columns,
        rows=tuple(rows),
        caption=caption,
    )


def models(journey: Journey, place: int) -> Table:
    """The stored models by value, with Δ in logits and aim as written."""

    def extra(i: int) -> tuple[float | None, ...]:
        """Of model i: Δ as written in logits, and the aim."""
        return (
            rounded(float(journey.contrasts(i)[0].mean())),
            rounded(float(journey.moves[0].aim[i])),
        )

    columns = ("value", "delta as written, logits", "aim")
    caption = (
        f"n = {journey.pairs.questions} questions; each against the models of other vendors than"
        " its own."
    )
    return journey.ranking(place).table(extra, columns, "Stored models by movement", caption)


def exhibits(journey: Journey, place: int) -> tuple[Exhibit, ...]:
    """The answers that moved most toward the candidate, each beside the base's answer to the
    same prompt."""
    moves, pairs = journey.moves[0].prompts, journey.pairs
    moved = moves[:, place] - moves[:, journey.rivals(place)].mean(axis=1)
    out: list[Exhibit] = []
    for n in np.argsort(-moved, kind="stable")[: MOST_EXHIBITS // 2].tolist():
        weight = float(moved[n])
        if weight <= 0:
            break
        why = (
            f"{weight:+.1f} logits toward {journey.book.names[place]} against the base's answer to"
            " the same prompt"
        )
        for source, answer in (("suspect", pairs.suspect[n]), ("base", pairs.base[n])):
            out.append(answer.shown(answer.text[:QUOTED], source, why, weight))
    return tuple(out)
