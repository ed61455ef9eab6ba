"""Verdicts → the answer to the question of inheritance in one sentence and one word.

Knows verdicts; knows no detector. "None of the candidates" and "common third source" are answers
like any other.
"""

from __future__ import annotations

from collections.abc import Sequence

from auditor.evidence.records import VENDOR, Conclusion, Verdict

NOT_MORE = (
    "A stored model that is not the source can look like it, and a source that is not stored can't"
    " be found."
)


def concluded(verdicts: Sequence[Verdict]) -> tuple[Conclusion, str]:
    """The conclusion and its sentence. Vendors speak first; models only where no vendor was
    assessed."""
    assessed = [v for v in verdicts if v.log10_lr is not None]
    vendors = [v for v in assessed if v.of_vendor]
    told = vendors or assessed
    if not told:
        return "not_assessable", ""
    supported = [v for v in told if v.outcome == "supported"]
    shared = [v for v in told if v.third_source]
    if supported:
        return "supported", _supported(supported, shared)
    if shared:
        return (
            "common_third_source",
            f"{_names(shared)} are supported together: a common third source, or several teachers.",
        )
    strongest = max(told, key=lambda v: v.log10_lr or 0.0)
    if (strongest.log10_lr or 0.0) < 0:
        rest = f"the nearest is {_name(strongest)} with a log10 LR of {strongest.log10_lr:+.2f}"
        return (
            "none_of_the_candidates",
            f"None of the candidates: the evidence speaks against each of them; {rest}. {NOT_MORE}",
        )
    return (
        "inconclusive",
        f"Inconclusive: the strongest is {_name(strongest)} with a log10 LR of"
        f" {strongest.log10_lr:+.2f} ({strongest.words}), below moderate support or with an"
        " interval that reaches even odds.",
    )


def _supported(supported: Sequence[Verdict], shared: Sequence[Verdict]) -> str:
    parts = [
        f"{_name(v)} ({v.words}, log10 LR {v.log10_lr:+.2f}, cap {v.cap:.2f})" for v in supported
    ]
    also = (
        f" {_names(shared)} would be, too, but {'is' if len(shared) == 1 else 'are'} explained by"
        " it as well."
        if shared
        else ""
    )
    return (
        "Supported: the answers are better explained if the suspect learned from"
        f" {', '.join(parts)} than if not.{also}"
    )


def _name(verdict: Verdict) -> str:
    return (verdict.candidate or "").removeprefix(VENDOR)


def _names(verdicts: Sequence[Verdict]) -> str:
    return ", ".join(_name(v) for v in verdicts)
