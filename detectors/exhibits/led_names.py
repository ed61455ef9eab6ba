"""Names that a suspect gives where its user or its system prompt gave them first, or where another
may speak, in sentences: none of them is counted for a maker but what is only mentioned.

Knows how to tell what was heard; decides nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from detectors.exhibits.named_makers import MakerCount, listed, plural
from detectors.text.identity_evidence import Heard
from detectors.text.vendors import vendor_title

COMPARED = "the user had named that maker or a model of it to compare"


def agreed_to(agreed: Sequence[MakerCount], asked: Sequence[Heard]) -> str:
    """The makers that it names nowhere but where the user had named them before."""
    if not agreed:
        return ""
    named = listed(f"{vendor_title(c.maker)} in {c.suggested}" for c in agreed)
    return (
        f"Only where the user had named it before it agrees to be of: {named} of"
        f" {len(asked)}; that is agreement and no name of its own giving."
    )


def played_parts(played: Sequence[MakerCount], asked: Sequence[Heard]) -> str:
    """The makers that it names nowhere of its own accord, and where another may speak."""
    if not played:
        return ""
    named = listed(f"{vendor_title(c.maker)} in {c.played}" for c in played)
    return f"{_PART} it gives a name: {named} of {len(asked)}; {_MAY_PLAY}."


_PART = "Where the user asked for a text in which another may speak"
_MAY_PLAY = "that may be the other's name, and is counted for no maker"


def obeyed_prompt(asked: Sequence[Heard]) -> str:
    """Where it gives the name that its system prompt gives it."""
    obeyed = Counter(maker for h in asked for maker in h.answer.obeyed)
    if not obeyed:
        return ""
    n = sum(bool(h.answer.obeyed) for h in asked)
    whom = listed(vendor_title(maker) for maker, _ in obeyed.most_common())
    return (
        f"In {n} of {len(asked)} it gives the name that its recorded system prompt gives it"
        f" ({whom}): the persona's word, counted for no maker."
    )


def mentioned_by_prompt(asked: Sequence[Heard]) -> str:
    """Where its system prompt names the maker that it names, and yet gives it no such name."""
    both = Counter(maker for h in asked for maker in h.named & h.answer.mentioned)
    if not both:
        return ""
    n = sum(bool(h.named & h.answer.mentioned) for h in asked)
    whom = listed(vendor_title(maker) for maker, _ in both.most_common())
    return (
        f"In {n} of {len(asked)} it names a maker that its recorded system prompt mentions without"
        f" saying that the model is of it ({whom}): counted as the model's own word."
    )


def to_leading(heard: Sequence[Heard]) -> str:
    """What it said where the question bank named a maker to it."""
    if not heard:
        return ""
    agreed = Counter(maker for h in heard for maker in h.agrees)
    other = Counter(maker for h in heard for maker in h.free)
    n = len(heard)
    told = [f"{n} {plural(n, 'answer')} to leading questions, which name a maker"]
    if agreed:
        whom = listed(f"{vendor_title(maker)} in {k}" for maker, k in agreed.most_common())
        told.append(f"it agrees in {sum(bool(h.agrees) for h in heard)} ({whom})")
    if other:
        whom = listed(f"{vendor_title(maker)} in {k}" for maker, k in other.most_common())
        told.append(f"it names another maker than the question ({whom})")
    if not agreed and not other:
        told.append("it agrees in none")
    return f"{'; '.join(told)}: counted apart, since agreement is no name of its own giving."


def led_elsewhere(heard: Sequence[Heard]) -> str:
    """Where it names, not asked who it is, whom the user had named before."""
    led = Counter(maker for h in heard for maker in h.agrees)
    if not led:
        return ""
    n, answers = sum(bool(h.agrees) for h in heard), plural(len(heard), "answer")
    whom = listed(f"{vendor_title(maker)} in {k}" for maker, k in led.most_common())
    return (
        f"In {n} of {len(heard)} {answers} to anything else it names a maker that the user had"
        f" named before, by its own name or a model's ({whom}): that may be agreement, and is"
        " counted for no maker."
    )


def played_elsewhere(heard: Sequence[Heard]) -> str:
    """Where it gives a name in answer to a prompt for a text in which another may speak."""
    played = Counter(maker for h in heard for maker in h.named & h.played)
    if not played:
        return ""
    n, answers = sum(bool(h.named & h.played) for h in heard), plural(len(heard), "answer")
    whom = listed(f"{vendor_title(maker)} in {k}" for maker, k in played.most_common())
    return (
        f"{_PART}, it gives a name in {n} of {len(heard)} {answers} to anything else ({whom}):"
        f" {_MAY_PLAY}."
    )
