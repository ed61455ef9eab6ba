"""The models that one verdict is about, in order of their likeness to the suspect, and whether a
test tells the nearest from the others.

Ranks only: somebody is always nearest, and it isn't thereby the teacher. Knows findings; weighs
nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from statistics import fmean
from typing import Any

from auditor.evidence.groups import CandidateGroup
from auditor.evidence.records import Finding, MemberRank

ALPHA = 0.01
"""The nearest is told apart where the test against each of the others stays below this, corrected
for their number: one group in a hundred without any difference."""


def members_told(
    group: CandidateGroup, findings: Sequence[Finding], named: Collection[str] = ()
) -> dict[str, Any]:
    """The fields of a `Verdict` on its members: by the paired comparison of the detector that has
    one, else in order of their mean rank, which tells nobody apart."""
    about = {m: [f for f in findings if f.candidate == m] for m in group.members}
    if len(group.members) == 1:
        (only,) = group.members
        return {"members": (MemberRank(name=only, named=only in named),)}
    return _compared(about, named) or {"members": _by_rank(about, named)}


def _compared(about: dict[str, list[Finding]], named: Collection[str]) -> dict[str, Any]:
    among = {
        name: next((f.siblings for f in found if f.siblings is not None), None)
        for name, found in about.items()
    }
    known = {name: found for name, found in among.items() if found is not None}
    if not known:
        return {}
    nearest = min(known, key=lambda name: known[name].position)
    p_values = known[nearest].p_values
    ranks = [
        MemberRank(
            name=name,
            position=found.position if found else None,
            score=found.score if found else None,
            p_value=p_values.get(name),
            named=name in named,
        )
        for name, found in among.items()
    ]
    largest = max(p_values.values(), default=None)
    return {
        "members": _ordered(ranks),
        "nearest": nearest,
        "told_apart": largest is not None and largest <= ALPHA,
        "apart_p": largest,
        "apart_prompts": known[nearest].prompts,
    }


def _by_rank(about: dict[str, list[Finding]], named: Collection[str]) -> tuple[MemberRank, ...]:
    """In order of the mean of detectors' ranks; where no detector ranks them, without a place."""
    places = {
        name: fmean(f.rank.position for f in found if f.rank is not None)
        for name, found in about.items()
        if any(f.rank is not None for f in found)
    }
    ranks = [
        MemberRank(
            name=name,
            position=1 + sum(p < places[name] for p in places.values()) if name in places else None,
            named=name in named,
        )
        for name in about
    ]
    return _ordered(ranks)


def _ordered(ranks: Sequence[MemberRank]) -> tuple[MemberRank, ...]:
    return tuple(sorted(ranks, key=lambda r: (r.position is None, r.position or 0)))
