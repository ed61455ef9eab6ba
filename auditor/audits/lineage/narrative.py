"""The sentences of a lineage report: the three answers, the limits, the alternatives. Counts and
names only."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.audits.lineage.findings import p_text
from auditor.audits.lineage.judge import WITHIN
from auditor.audits.lineage.records import (
    RELATED,
    PartName,
    SimulatedPower,
    WeightComparison,
)
from auditor.audits.lineage.run import Lineages
from auditor.evidence.codes import Conclusion
from auditor.evidence.questions import ASKS, unexamined
from auditor.evidence.records import Answer

DOES_NOT_SAY = (
    "A common origin does not tell who came first, nor whether the licence allowed it. Independent"
    " weights clear nothing else: a model that was trained from scratch on another's answers has"
    " weights of its own."
)


def answers(found: Lineages) -> tuple[Answer, ...]:
    """The three questions: lineage with its sentence first, the others as not examined."""
    return (lineage_answer(found), *unexamined("inheritance", "service"))


def lineage_answer(found: Lineages) -> Answer:
    """The answer on lineage."""
    conclusion, told = lineage_told(found)
    return Answer(
        question="lineage",
        asks=ASKS["lineage"],
        answer=told,
        does_not_say=DOES_NOT_SAY,
        conclusion=conclusion,
    )


def lineage_told(found: Lineages) -> tuple[Conclusion, str]:
    """The answer on lineage as one word and as sentences."""
    if not found.told:
        return (
            "not_assessable",
            (
                "Not assessed by weights: tokenizers and declarations were compared, and they"
                " decide nothing."
            ),
        )
    related = [t for t in found.told if t.relation in RELATED]
    if related:
        said = " ".join(_related(t) for t in sorted(related, key=lambda t: -(t.likeness or 0.0)))
        return "supported", f"{said} {_merge(found)}".strip()
    return _unrelated(found)


def _unrelated(found: Lineages) -> tuple[Conclusion, str]:
    """The answer where nothing shares an origin."""
    asked = [t for t in found.told if not t.by_signature]
    open_ones = [t for t in asked if t.relation == "unclear"]
    nothing = [t for t in asked if t.relation == "none_found"]
    apart = [t for t in asked if t.relation == "independent"]
    if open_ones:
        names = ", ".join(t.base for t in open_ones)
        said = f"Open: a common origin with {names} is neither shown nor made unlikely."
        why = dict.fromkeys(f"{t.reason[:1].upper()}{t.reason[1:]}." for t in open_ones if t.reason)
        return "inconclusive", " ".join((said, *why))
    if nothing:
        return "inconclusive", " ".join(_nothing(t) for t in nothing)
    if apart:
        left = _left(found)
        if not left:
            return "none_of_the_candidates", _apart(apart)
        rest = f"Of {_listed(left)}, whose weights could not be compared, nothing is said."
        return "inconclusive", f"{_apart(apart)} {rest}"
    if found.screened:
        return (
            "inconclusive",
            (
                f"Open: of {found.stored:,} stored signatures the {len(found.screened)} nearest"
                " were looked at, and none shares the order of units or coordinates. The nearest"
                f" is {found.screened[0].base}: compare its weights, as a base of which both were"
                " reordered is not found by signature."
            ),
        )
    return "not_assessable", "Not assessed: no base could be compared by weights."


def _listed(names: Sequence[str]) -> str:
    """Names in a sentence: "a, b and c"."""
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _left(found: Lineages) -> list[str]:
    """The bases that were asked about and could not be compared: nobody else's result clears
    them."""
    told = [t.base for t in found.told if t.relation == "not_compared" and not t.by_signature]
    closed = [o.name for o in found.bases if o.side is None]
    return [*told, *closed, *(name for name, _ in found.unopened)]


def _apart(apart: Sequence[WeightComparison]) -> str:
    names = _listed([t.base for t in apart])
    smallest = min(t.p_holm for t in apart if t.p_holm is not None)
    within = all(any(x.name == WITHIN for x in t.tests) for t in apart)
    orders = ["of hidden units", "of residual coordinates"]
    orders += ["within attention heads"] if within else []
    return (
        f"As a whole, the suspect's weights are independent of {names} as far as these tests see:"
        f" the order {_listed(orders)} is as in unrelated models"
        f" (smallest corrected p {p_text(smallest)}). {_power(apart)}"
    ).strip()


def _nothing(told: WeightComparison) -> str:
    p = "" if told.p_holm is None else f" (corrected p {p_text(told.p_holm)})"
    return (
        f"No common origin with {told.base} was found{p}, which does not rule one out:"
        f" {told.reason}."
    )


def _power(apart: Sequence[WeightComparison]) -> str:
    """What would have been found, as the weakest of several pairs gives it; empty where that was
    not tried."""
    powers = [t.power for t in apart if t.power is not None]
    if len(powers) < len(apart):
        return ""
    weakest = max(powers, key=lambda one: one.p)
    return (
        f"A copy would have been found up to a change of {weakest.change:.0%}, as far as continued"
        " pretraining goes: a simulated one of the same sizes, moved until its matrices have a"
        f" likeness of {weakest.likeness:g} only, its units in another order and its residual"
        f" stream turned, was found at p {p_text(weakest.p)}. {_part_power(powers)} Some layers"
        " alone, or the embedding alone, may hide in disguise, and so may a copy that was changed"
        " beyond that."
    )


ALONE: dict[PartName, str] = {
    "mlp": "its MLPs alone",
    "attention": "its attention alone",
    "embedding": "its embedding alone",
}


def _part_power(powers: Sequence[SimulatedPower]) -> str:
    """Of which parts alone a copy would have been found as well, and of which that was not
    tried."""
    tried = [{one.part: one for one in power.parts} for power in powers]
    names: tuple[PartName, ...] = ("attention", "mlp")
    found = [n for n in names if all(n in parts for parts in tried)]
    left = [n for n in names if n not in found]
    out = []
    if found:
        p = max(parts[n].p for parts in tried for n in found)
        kept = " and one that kept ".join(ALONE[n] for n in found)
        out.append(f"So was one that kept {kept}, in the same disguise (p {p_text(p)} at most).")
    if left:
        kept = " or ".join(ALONE[n] for n in left)
        out.append(f"Of a copy that kept {kept} no power was tried: in disguise it may hide.")
    return " ".join(out)


def _related(told: WeightComparison) -> str:
    p = "" if told.p_holm is None else f" (p {p_text(told.p_holm)} after correction)"
    kinds = f": {'; '.join(told.kinds)}" if told.kinds else ""
    if told.relation == "derived":
        return (
            f"The suspect's weights and those of {told.base} are derived one from the"
            f" other{p}{kinds}."
        )
    if told.relation == "derived_in_part":
        return (
            f"Parts of the suspect's weights and of those of {told.base} are derived one from the"
            f" other, and others are not{p}{kinds}."
        )
    if told.by_signature:
        return (
            f"By signature, the suspect's weights stand in the order of those of {told.base}{p}:"
            " they share an initialisation, one was derived from the other, or one was put into"
            " the other's order, which changes nothing that it computes. Give both models' weights:"
            " they tell which."
        )
    return (
        f"The suspect's weights and those of {told.base} share an initialisation or are derived one"
        f" from the other{p}{kinds}."
    )


def _merge(found: Lineages) -> str:
    return f"Together they are a {found.merge}." if found.merge else ""


def limits(found: Lineages) -> tuple[str, ...]:
    """What comparing files can't show."""
    out = [
        (
            "Exact p-values rest on one assumption: training treats hidden units and residual"
            " coordinates all alike. Two runs from one initialisation, or from the same public"
            " embeddings, break the null hypothesis without derivation. Units that were sorted by a"
            " property do so too, and are looked at for their very places besides."
        ),
        (
            "A sample of each layer's units was looked at, spread evenly: what was changed outside"
            " of it is not seen."
        ),
        (
            "Weights that were trained on for as long as from scratch, or buried in noise of"
            " several times their own size, lose their order: no finding is then no finding of"
            " independence."
        ),
    ]
    if any(j.found is not None and j.found.agreement is not None for j in found.judged):
        out.append(
            "Where residual stream and units were both put into another basis, only the agreement"
            " of unit halves is left, whose p-value is not exact: it allows for a tenth of all"
            " units to agree by convergence."
        )
    out += _guessed(found)
    out += [
        f"{other} is the same files as {name}, and was compared once."
        for other, name in found.repeated
    ]
    if found.suspect.reason:
        out.append(f"About the suspect's files: {found.suspect.reason}.")
    return tuple(out)


def _guessed(found: Lineages) -> list[str]:
    """What can't be concluded where roles were guessed."""
    whose = [o.name for o in (found.suspect, *found.bases) if o.side and o.side.anatomy.guessed]
    if not whose:
        return []
    out = [
        f"Roles guessed from shapes: the tensors of {_listed(whose)} have names that nobody"
        " published, and which is what was told by their shapes and by what each is most alike in"
        " the other model. A common origin that is found so stands, since a wrong guess makes none;"
        " that none is found says little, and independence is not told, nor that a part is another"
        " model's."
    ]
    if found.unsearched:
        out.append(
            "The store of signatures was not looked through, since signatures need roles that are"
            " known."
        )
    return out


ALTERNATIVES = (
    "Both models come from a third one, which was not compared.",
    "The base was derived from the suspect.",
    "Both runs began with the same random numbers: a published initialisation, or one seed.",
    "Only coordinates stand in one order, and the one model was trained to have the other's hidden"
    " states, or both to have a third one's: that ties coordinates, and no weight is taken over.",
    "The suspect holds the base's weights and its maker had the right to use them.",
)
