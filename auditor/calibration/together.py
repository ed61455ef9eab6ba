"""Verdicts on several groups, read together: p-values for their number, who was chosen for
likeness, and what several groups that are supported at once may have in common.

Knows verdicts; weighs nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from auditor.evidence.records import Verdict
from detectors.stats.pvalues import holm

CLEAR = 1.0
"""So much stronger, in log10 LR, that the others' support is explained by it."""

CHOSEN = (
    "It was looked at for its likeness alone, out of {n} models that were passed over: some of so"
    " many are this like by chance. --all-candidates looks at all of them."
)
THIRD = (
    "Common third source, or several teachers: {names} would each be supported, and nothing here"
    " tells them apart."
)
WITH_KIN = (
    "The suspect is as much like {kin}, of which it is kin as far as is known or given: likeness to"
    " {names} may have come with that."
)


def together(
    verdicts: Sequence[Verdict],
    related: Sequence[Verdict] = (),
    chosen: Collection[str] = (),
    passed_over: int = 0,
) -> list[Verdict]:
    """The verdicts in their order, each as it stands beside the others.

    ``related`` are what the groups of which the suspect is kin would weigh, ``chosen`` the names of
    those that were looked at for their likeness, ``passed_over`` the models that this choice
    tested.
    """
    corrected = _corrected(verdicts, chosen, passed_over)
    likely = [v for v in corrected if v.candidate in chosen]
    return third_source(_lowered(corrected, chosen, passed_over), related, likely)


def third_source(
    verdicts: Sequence[Verdict], related: Sequence[Verdict] = (), likely: Sequence[Verdict] = ()
) -> list[Verdict]:
    """Where several groups are supported, none is by itself: a common third source would look just
    so.

    The strongest stays supported where its ratio is ten times that of the next one. A kin of the
    suspect that would be supported counts (whoever its base resembles, the suspect resembles), and
    so does one that isn't for having been looked at for its likeness alone (``likely``).
    """
    kin = [v for v in related if v.outcome == "supported"]
    chosen = [v for v in likely if v.outcome == "supported"]
    supported = [v for v in verdicts if v.outcome == "supported"]
    alike = [*supported, *kin, *chosen]
    if not supported or len(alike) < 2:
        return list(verdicts)
    first, second = sorted((v.log10_lr or 0.0 for v in alike), reverse=True)[:2]
    kept = {v.candidate for v in supported if (v.log10_lr or 0.0) == first >= second + CLEAR}
    lowered = {v.candidate for v in supported} - kept
    reason = THIRD.format(names=_names([*supported, *chosen]))
    if kin:
        reason = WITH_KIN.format(kin=_names(kin), names=_names(supported))
    changed = {
        "outcome": "inconclusive",
        "reason": reason,
        "reason_code": "third_source",
        "third_source": True,
    }
    return [v.model_copy(update=changed) if v.candidate in lowered else v for v in verdicts]


def _names(verdicts: Sequence[Verdict]) -> str:
    heaviest = sorted(verdicts, key=lambda v: -(v.log10_lr or 0.0))
    return ", ".join(v.called for v in heaviest)


def _corrected(
    verdicts: Sequence[Verdict], chosen: Collection[str], passed_over: int
) -> list[Verdict]:
    """Holm over the assessed groups; apart over those that were chosen for their likeness, where a
    model that was passed over counts as one with a p-value of 1."""
    out = list(verdicts)
    for likely, more in ((False, 0), (True, passed_over)):
        tested = {
            i: v.p_value
            for i, v in enumerate(out)
            if v.p_value is not None and (v.candidate in chosen) == likely
        }
        if not tested:
            continue
        adjusted = holm([*tested.values(), *[1.0] * more])
        for (i, p), corrected in zip(tested.items(), adjusted.tolist(), strict=False):
            told = {"p_value": round(corrected, 5), "p_single": round(p, 5)}
            out[i] = out[i].model_copy(update=told)
    return out


def _lowered(
    verdicts: Sequence[Verdict], chosen: Collection[str], passed_over: int
) -> list[Verdict]:
    """Nobody is supported who was looked at for being like the suspect: the ratio knows nothing of
    that choice."""
    why = {
        "outcome": "inconclusive",
        "reason": CHOSEN.format(n=passed_over),
        "reason_code": "chosen_for_likeness",
    }
    return [
        v.model_copy(update=why) if v.outcome == "supported" and v.candidate in chosen else v
        for v in verdicts
    ]
