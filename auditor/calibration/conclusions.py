"""Verdicts → the answer to the question of inheritance in one sentence and one word.

Knows verdicts; knows no detector. "None of the candidates" and "common third source" are answers
like any other; the first is said only where the evidence speaks against every candidate that was
assessed, and names those that were not.
"""

from __future__ import annotations

from collections.abc import Sequence

from auditor.evidence.codes import Conclusion
from auditor.evidence.kinship import Kin
from auditor.evidence.records import Verdict
from auditor.evidence.weight import SCALE

MOST_NAMED = 5
NOT_MORE = (
    "A stored model that is not the source can look like it, and a source that is not stored can't"
    " be found."
)


def concluded(verdicts: Sequence[Verdict], kin: Kin | None = None) -> tuple[Conclusion, str]:
    """The conclusion and its sentence, from the outcomes of the verdicts alone.

    ``kin``: what is known and not known of the suspect's kinship, where that was looked into. Of
    exact tests nothing is said: `auditor.evidence.weight.exact_conclusion` concludes from them.
    """
    verdicts = [v for v in verdicts if v.exact is None]
    told = [v for v in verdicts if v.assessed]
    related = [v for v in verdicts if v.reason_code == "not_separable_from_lineage"]
    if not told:
        return "not_assessable", _related(related)
    silent = [v for v in verdicts if not v.assessed and v not in related]
    besides = (_related(related), _silent(silent))
    supported = [v for v in told if v.outcome == "supported"]
    shared = [v for v in told if v.third_source]
    against = [v for v in told if v.outcome == "not_supported"]
    if supported:
        word, sentence = "supported", _supported(supported, shared, kin or Kin())
    elif shared:
        word, sentence = "common_third_source", _shared(shared, bool(related), kin or Kin())
    elif len(against) == len(told):
        word, sentence = "none_of_the_candidates", _none(against, bool(related or silent))
    else:
        word, sentence = "inconclusive", _open(told, against, kin or Kin())
    return word, " ".join(filter(None, (sentence, *besides)))  # type: ignore[return-value]


def _supported(supported: Sequence[Verdict], shared: Sequence[Verdict], kin: Kin) -> str:
    parts = [
        f"{v.called} ({v.words}, log10 LR {v.log10_lr:+.2f}, cap {v.cap:.2f})" for v in supported
    ]
    also = (
        f" {_names(shared)} would be, too, but {_are(shared)} explained by it as well."
        if shared
        else ""
    )
    open_ = _kinship_too(kin, supported) if kin.open else ""
    return (
        "Supported: the answers are better explained if the suspect learned from"
        f" {', '.join(parts)} than if not.{open_}{also}"
    )


def _kinship_too(kin: Kin, verdicts: Sequence[Verdict]) -> str:
    return f" {kin.unknown}: kinship with {_names(verdicts)} would look the same."


def _shared(shared: Sequence[Verdict], related: bool, kin: Kin) -> str:
    too = _kinship_too(kin, shared) if kin.open else ""
    if related and len(shared) == 1:
        return f"{shared[0].called} would be supported, but kinship explains it as well.{too}"
    explained = "kinship or a common third source" if related else "a common third source"
    told = f"{_names(shared)} would each be supported, and together none is"
    return f"{told}: {explained}, or several teachers.{too}"


def _none(against: Sequence[Verdict], some_left: bool) -> str:
    nearest = max(against, key=lambda v: v.log10_lr or 0.0)
    which = (
        "None of the candidates that could be assessed" if some_left else "None of the candidates"
    )
    return (
        f"{which}: the evidence speaks against each of them; the nearest is {nearest.called} with a"
        f" log10 LR of {nearest.log10_lr:+.2f}. {NOT_MORE}"
    )


def _open(told: Sequence[Verdict], against: Sequence[Verdict], kin: Kin) -> str:
    left = [v for v in told if v not in against]
    strongest = max(left, key=lambda v: v.log10_lr or 0.0)
    figure = f"{strongest.called} with a log10 LR of {strongest.log10_lr:+.2f} ({strongest.words})"
    if strongest.reason_code == "chosen_for_likeness":
        sentence = f"Inconclusive: the strongest is {figure}, looked at for its likeness alone."
    elif (strongest.log10_lr or 0.0) < 0:
        sentence = (
            f"Inconclusive: no candidate is supported; the nearest is {figure}, short of moderate"
            " support for the alternative or with an interval that reaches even odds."
        )
    else:
        sentence = (
            f"Inconclusive: the strongest is {figure}, below moderate support or with an interval"
            " that reaches even odds."
        )
    if kin.open and (strongest.log10_lr or 0.0) >= SCALE[0][0]:
        sentence += _kinship_too(kin, [strongest])
    if against:
        sentence += f" The evidence speaks against {_names(against)}; open: {_names(left)}."
    return sentence


def _related(related: Sequence[Verdict]) -> str:
    """Which groups the suspect is known to be kin of."""
    return (
        f"Not separable from lineage: {_names(related)}, of which it is known that the suspect"
        " shares weights or a maker."
        if related
        else ""
    )


def _silent(left: Sequence[Verdict]) -> str:
    """Which groups were not assessed for another reason."""
    return f"Not assessed: {_names(left)}." if left else ""


def _are(verdicts: Sequence[Verdict]) -> str:
    return "is" if len(verdicts) == 1 else "are"


def _names(verdicts: Sequence[Verdict]) -> str:
    """The heaviest by name, and how many more there are."""
    heaviest = sorted(verdicts, key=lambda v: -(v.log10_lr or 0.0))
    names = [v.called for v in heaviest]
    rest = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")
