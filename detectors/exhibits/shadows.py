"""How a shadow ratio is shown: every shadow's score, what kind of feature speaks, and the
answers that moved most."""

from __future__ import annotations

import numpy as np

from detectors.base import Bar, Chart, Exhibit, Table
from detectors.lineup import rounded
from detectors.style.shadow_panel import ShadowPanel

CONTROL_KINDS = {
    "none": "own samples",
    "human": "text by people",
    "look": "own samples in a chat's form",
    "untrained": "the base itself",
}
"""The kinds of control that learned from no candidate, by their codes; another shows its own."""
MOST_BARS = 24
MOST_EXHIBITS = 3


def shadows_table(panel: ShadowPanel, candidate: str) -> Table:
    """Every shadow: whose student it is, its seed, and its held-out score on the candidate."""
    values = {h.shadow: h.value for h in panel.held_out if h.candidate == candidate}
    rows = tuple(
        (
            s.name,
            ", ".join(s.teachers) or f"nobody ({CONTROL_KINDS.get(s.kind, s.kind) or 'control'})",
            s.seed,
            rounded(values.get(i)),
        )
        for i, s in enumerate(panel.shadows)
    )
    return Table(
        title="The shadows",
        columns=("shadow", "student of", "seed", f"score on {candidate}"),
        rows=rows,
        caption=(
            f"{len(rows)} models trained from the base for this audit; a score comes from a fit"
            " that knew neither the shadow's seed nor, for other teachers' students and controls,"
            " its source. None: too few others to learn from."
        ),
    )


def families_table(panel: ShadowPanel, candidate: str) -> Table:
    """How much each family of features adds to the suspect's score."""
    by_column = panel.contributions(candidate).sum(axis=0)
    parts = {name: float(by_column[where].sum()) for name, where in panel.space.slices.items()}
    rows = tuple(
        (name, rounded(part)) for name, part in sorted(parts.items(), key=lambda kv: -abs(kv[1]))
    )
    return Table(
        title="What speaks",
        columns=("kind of feature", "part of the score"),
        rows=rows,
        caption=(
            f"The suspect's score on {candidate} as a sum over kinds of features and a constant; n"
            f" = {len(panel.suspect)} prompts."
        ),
    )


def scores_chart(
    panel: ShadowPanel, candidate: str, value: float, interval: tuple[float, float]
) -> Chart:
    """The suspect beside the shadows, highest first; students of the candidate in a group of
    their own."""
    found = sorted((h for h in panel.held_out if h.candidate == candidate), key=lambda h: -h.value)
    bars = [
        Bar(
            label=panel.shadows[h.shadow].name,
            value=h.value,
            group=f"student of {candidate}" if h.taught else "other shadow",
        )
        for h in found[: MOST_BARS - 1]
    ]
    suspect = Bar.of("the suspect", value, interval, True, "suspect")
    highest = max((h.value for h in found if not h.taught), default=None)
    return Chart(
        kind="dots",
        title=f"Which way they went: {candidate}'s students, the other shadows, the suspect",
        x_label="score",
        bars=(suspect, *bars),
        reference=highest,
        reference_label="" if highest is None else "highest of the others",
        caption=(
            f"{len(bars)} of {len(found)} held-out shadows; the suspect's 95 % interval by"
            f" bootstrap over {len(panel.suspect)} prompts."
        ),
    )


def exhibits_of(panel: ShadowPanel, candidate: str) -> tuple[Exhibit, ...]:
    """The prompts on which the suspect's answer went furthest toward the candidate's students,
    with the base's answer."""
    by_prompt = panel.contributions(candidate).sum(axis=1)
    out = []
    for place in np.argsort(-by_prompt, kind="stable")[:MOST_EXHIBITS]:
        weight = float(by_prompt[place])
        if weight <= 0:
            break
        ours, theirs = panel.suspect[place], panel.base[place]
        why = f"adds {weight:+.3f} to the score on {candidate}"
        out.append(ours.shown(ours.text, "suspect", why, weight))
        out.append(theirs.shown(theirs.text, "base", "the base's own answer", weight))
    return tuple(out)
