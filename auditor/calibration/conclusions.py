"""Verdicts → the answer to the question of inheritance in one sentence and one word.

Knows verdicts; knows no detector. "None of the candidates" and "common third source" are answers
like any other; the first is said only where every candidate was weighed and the evidence speaks
against each: whoever was not weighed or not looked at is not cleared by what the others got.
"""

from __future__ import annotations

from collections.abc import Sequence

from auditor.evidence.codes import Conclusion
from auditor.evidence.kinship import Kin
from auditor.evidence.records import Verdict
from auditor.evidence.weight import SCALE, SUPPORTED
from detectors.lineup import counted

MOST_NAMED = 5
EVEN_ODDS = "with an interval that reaches even odds"
COPIED = (
    "since nearly all answers of the suspect, or of its base, are those of a stored model word for"
    " word, and why is not known"
)
NOT_MORE = (
    "A stored model that is not the source can look like it, and a source that is not stored can't"
    " be found."
)


def concluded(
    verdicts: Sequence[Verdict], kin: Kin | None = None, passed_over: int = 0
) -> tuple[Conclusion, str]:
    """The conclusion and its sentence, from the outcomes of the verdicts alone.

    ``kin``: what is known and not known of the suspect's kinship, where that was looked into;
    ``passed_over`` counts the stored makers of whom no model was looked at. Of exact tests nothing
    is said: `auditor.evidence.weight.exact_conclusion` concludes from them.
    """
    verdicts = [v for v in verdicts if v.exact is None]
    kin = kin or Kin()
    told = [v for v in verdicts if v.assessed]
    related = [v for v in verdicts if v.reason_code == "not_separable_from_lineage"]
    if not told:
        return "not_assessable", _related(related, kin)
    silent = [v for v in verdicts if not v.assessed and v not in related]
    besides = (_silent(silent), _passed_over(passed_over))
    word: Conclusion = "inconclusive"
    supported = [v for v in told if v.outcome == "supported"]
    shared = [v for v in told if v.third_source]
    against = [v for v in told if v.outcome == "not_supported"]
    if supported:
        word, sentence = "supported", _supported(supported, shared, kin)
    elif shared:
        word, sentence = "common_third_source", _shared(shared, bool(related), kin)
    elif len(against) == len(verdicts) + passed_over:
        word, sentence = "none_of_the_candidates", _none(against)
    elif len(against) == len(told):
        sentence = _not_all(against, len(verdicts) + passed_over)
    else:
        sentence = _open(told, against, kin, bool(related))
    # Whom the suspect answers like word for word comes before whom it is only near to.
    copied = bool(_copied(related)) and word == "inconclusive"
    kin_told = _related(related, kin)
    ordered = (kin_told, sentence) if copied else (sentence, kin_told)
    return word, " ".join(filter(None, (*ordered, *besides)))


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
    open_ += f" {kin.unchecked}" if kin.given else ""
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
    told = f"{_names(shared)} would each be supported alone, so that none of them is"
    return f"{told}: {explained}, or several teachers.{too}"


def _none(against: Sequence[Verdict]) -> str:
    return (
        "None of the candidates: the evidence speaks against each of them; the nearest is"
        f" {_nearest(against)}. {NOT_MORE}"
    )


def _not_all(against: Sequence[Verdict], of: int) -> str:
    """The evidence speaks against all who were weighed, and some were not."""
    return (
        f"Inconclusive: the evidence speaks against {len(against)} of {of} candidates"
        f" ({_names(against)}), the nearest of them {_nearest(against)}; of the others it says"
        f" nothing. {NOT_MORE}"
    )


def _nearest(against: Sequence[Verdict]) -> str:
    nearest = max(against, key=lambda v: v.log10_lr or 0.0)
    return f"{nearest.called} with a log10 LR of {nearest.log10_lr:+.2f}"


def _open(
    told: Sequence[Verdict], against: Sequence[Verdict], kin: Kin, some_related: bool = False
) -> str:
    left = [v for v in told if v not in against]
    strongest = max(left, key=lambda v: v.log10_lr or 0.0)
    figure = f"{strongest.called} with a log10 LR of {strongest.log10_lr:+.2f} ({strongest.words})"
    ratio = strongest.log10_lr or 0.0
    short = abs(ratio) < SUPPORTED
    if strongest.reason_code == "chosen_for_likeness":
        sentence = f"Inconclusive: the strongest is {figure}, looked at for its likeness alone."
    elif ratio < 0:
        why = "short of moderate support for the alternative" if short else EVEN_ODDS
        whom = "no candidate is supported; the nearest is"
        if some_related:
            whom = "no candidate that could be weighed is supported; the nearest of those is"
        sentence = f"Inconclusive: {whom} {figure}, {why}."
    else:
        why = "below moderate support" if short else EVEN_ODDS
        sentence = f"Inconclusive: the strongest is {figure}, {why}."
    if kin.open and (strongest.log10_lr or 0.0) >= SCALE[0][0]:
        sentence += _kinship_too(kin, [strongest])
    if against:
        sentence += f" The evidence speaks against {_names(against)}; open: {_names(left)}."
    return sentence


def _related(related: Sequence[Verdict], kin: Kin) -> str:
    """Of which groups the suspect is known to be kin, of which only the user says so, and of which
    nothing is known but that answers are equal."""
    copied = _copied(related)
    rest = [v for v in related if v not in copied]
    given = [v for v in rest if kin.only_given(v.candidate or "")]
    known = [v for v in rest if v not in given]
    parts = (
        (copied, COPIED),
        (known, "of which it is known that the suspect shares weights or a maker"),
        (given, "with which the suspect shares weights or a maker as given by the user"),
    )
    told = "; ".join(f"{_names(some)}, {why}" for some, why in parts if some)
    return f"Not separable from lineage: {told}." if told else ""


def _copied(related: Sequence[Verdict]) -> list[Verdict]:
    """The groups with which nothing but equal answers ties the suspect or its base."""
    return [v for v in related if set(v.kinship) == {"same_answers"}]


def _silent(left: Sequence[Verdict]) -> str:
    """Which groups were not assessed for another reason."""
    return f"Not assessed: {_names(left)}." if left else ""


def _passed_over(makers: int) -> str:
    """Of how many stored makers no model was looked at."""
    if not makers:
        return ""
    return f"Not looked at: the models of {counted(makers, 'further stored maker')}."


def _are(verdicts: Sequence[Verdict]) -> str:
    return "is" if len(verdicts) == 1 else "are"


def _names(verdicts: Sequence[Verdict]) -> str:
    """The heaviest by name, and how many more there are."""
    heaviest = sorted(verdicts, key=lambda v: -(v.log10_lr or 0.0))
    names = [v.called for v in heaviest]
    # One more by name is no longer than "and 1 more".
    shown = len(names) if len(names) <= MOST_NAMED + 1 else MOST_NAMED
    rest = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {rest} more" if rest else "")
