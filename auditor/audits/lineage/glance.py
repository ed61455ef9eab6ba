"""What a comparison of weights says at a glance. Knows codes and names; weighs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from auditor.audits.lineage.declared import contradicted
from auditor.audits.lineage.parts import PART_WORDS, layers_told
from auditor.audits.lineage.records import LineageSection, PartName, PartOrigin, WeightComparison
from auditor.audits.report.lines import (
    GlanceLine,
    GlancePart,
    Status,
    Told,
    named,
    rarely,
    status_of,
)
from auditor.evidence.records import Report
from auditor.reporting.document import Stretch

NOTHING = "No base could be compared by weights."
TOKENIZERS = "Tokenizers and declarations alone were compared, and they decide nothing."
DISAGREE = "Its verdicts do not bear out what was compared, so that nothing is concluded."
UNDECIDED = "What was compared decides nothing about weights."
SEEN = ", as far as these tests see"
PUT_IN_ORDER = (
    ": they share an origin, one was derived from the other, or one was put into the other's order,"
    " which their weights would tell."
)
MOST_PARTS = 4
NONE_STORED = "None of the stored signatures shows a common origin, which rules none of them out."


def glance(report: Report) -> GlancePart:
    """The line on weights; nothing where none were compared."""
    found = report.section(LineageSection)
    return GlancePart() if found is None else GlancePart((_line(report, found),))


def _line(report: Report, found: LineageSection) -> GlanceLine:
    """What was found, and whether the suspect's files say otherwise."""
    line = _found(report, found)
    names = contradicted(found.declarations)
    if not names:
        return line
    against: Told = (" Its files name ", *named(names), ", which its weights contradict.")
    return replace(line, told=(*line.told, *against))


def _found(report: Report, found: LineageSection) -> GlanceLine:
    status = status_of(report, "lineage")
    compared = [c for c in found.comparisons if c.relation != "not_compared"]
    if not compared:
        # Whoever looked at tokenizers alone has looked at something that decides nothing.
        told = NOTHING if found.comparisons else TOKENIZERS
        return GlanceLine("lineage", status, (told,))
    derived = [c for c in compared if c.relation == "derived"]
    partly = [c for c in compared if c.relation == "derived_in_part"]
    common = [c for c in compared if c.relation == "common_origin"]
    if status == "supported" and derived:
        first: Told = ("Its weights and those of ", *_names(derived), " are derived one from the")
        return GlanceLine("lineage", status, (*first, " other."), _sure(derived))
    if status == "supported" and partly:
        some: Told = (
            "Parts of its weights, and not all, are derived from those of ",
            *_names(partly),
        )
        told_ = (*some, ", or those from them.", *_parts(found.origins))
        return GlanceLine("lineage", status, told_, _sure(partly))
    if status == "supported" and common:
        return GlanceLine("lineage", status, _shared(common), _sure(common))
    if derived or partly or common:
        return GlanceLine("lineage", "inconclusive", (DISAGREE,))
    return _unrelated(status, found)


def _shared(common: list[WeightComparison]) -> Told:
    """What is shared with whom. An order that signatures alone show may have been put there."""
    weighed = [c for c in common if not c.by_signature]
    if weighed:
        shared = ("Its weights share an origin with those of ", *_names(weighed))
        return (*shared, ", or one was derived from the other.")
    stored = ("By signature, its weights stand in the order of those of ", *_names(common))
    return (*stored, PUT_IN_ORDER)


def _unrelated(status: Status, found: LineageSection) -> GlanceLine:
    """The line where nothing shares an origin: whom somebody asked about comes before whatever is
    stored, and is cleared by no other base."""
    asked = [c for c in found.comparisons if not c.by_signature]
    apart = [c for c in asked if c.relation == "independent"]
    left = [c for c in asked if c.relation != "independent"]
    missed = bool(left) and all(c.relation == "not_compared" for c in left)
    if apart and (status == "not_supported" or (status == "inconclusive" and missed)):
        line = ("As a whole, its weights are independent of those of ", *_names(apart), SEEN)
        if not left:
            return GlanceLine("lineage", status, (*line, "."), _power(apart))
        rest = ("; of those of ", *_names(left), " nothing is said.")
        return GlanceLine("lineage", "inconclusive", (*line, *rest))
    nothing = [c for c in asked if c.relation == "none_found"]
    left = [c for c in asked if c.relation == "unclear"]
    if nothing and not left:
        none = ("No common origin with ", *_names(nothing), " was found, which rules none out.")
        return GlanceLine("lineage", status, none)
    if not left:
        return GlanceLine("lineage", status, (NONE_STORED if found.screened else UNDECIDED,))
    open_ = ("Whether its weights share an origin with those of ", *_names(left), " is open.")
    return GlanceLine("lineage", status, open_)


def _names(compared: list[WeightComparison]) -> Told:
    return named(tuple(c.base for c in compared))


def _parts(origins: Sequence[PartOrigin]) -> Told:
    """Which layers' attention and MLPs come from whom, the first few; nothing where none do."""
    together: dict[tuple[PartName, str], list[int]] = {}
    for o in origins:
        if o.base is not None and o.layer is not None and o.part in PART_WORDS and not o.also:
            layers = together.setdefault((o.part, o.base), [])
            layers += [] if o.layer in layers else [o.layer]
    out: list[str | Stretch] = []
    for (part, base), layers in list(together.items())[:MOST_PARTS]:
        word = PART_WORDS[part]
        out += ["; " if out else " Kept are ", f"{word} of {layers_told(sorted(layers))} of "]
        out += named((base,))
    more = "; and others." if len(together) > MOST_PARTS else "."
    return (*out, more) if out else ()


def _power(compared: list[WeightComparison]) -> Told:
    """What would have been found, of the weakest comparison; nothing where that was not tried."""
    if not all(c.power is not None and c.power.found for c in compared):
        return ()
    powers = [c.power for c in compared if c.power is not None]
    change = min(power.change for power in powers)
    parts = all({one.part for one in power.parts} >= {"attention", "mlp"} for power in powers)
    rest = (
        "so were its attention alone and its MLPs alone."
        if parts
        else "of a copy of some parts alone that was not tried, or not of each."
    )
    return (
        f"A simulated copy of theirs, changed by {change:.0%} and in disguise, was found by the"
        f" same tests; {rest}",
    )


def _sure(compared: list[WeightComparison]) -> Told:
    """How rare such an order is by chance, of the weakest comparison that is told."""
    known = [c.p_holm for c in compared if c.p_holm is not None]
    if not known:
        return ()
    return (f"By chance alone such an order is seen {rarely(max(known))}.",)
