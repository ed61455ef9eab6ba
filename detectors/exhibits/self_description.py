"""Whom a suspect says it is, in sentences: asked, elsewhere, and in its thoughts, apart.

Knows how to tell what was heard; decides nothing. Nothing here calls a maker another than the
suspect's own unless its user said who made it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

from detectors.text.identity_evidence import (
    DeclaredName,
    Heard,
    IdentityEvidence,
    Setting,
    Source,
    Unused,
)
from detectors.text.makers import makers_in_use
from detectors.text.model_names import meant
from detectors.text.vendors import find_mentions, vendor_slug, vendor_title

MOST_NAMED = 4
MOST_DECLARED = 3
SOURCES: dict[Source, str] = {
    "bank": "who it is, in the question bank's words",
    "own": "who it is, in the user's own words",
    "leading": "whether it is of a maker that the question names",
    "elsewhere": "anything else",
    "thoughts": "its thoughts, which are no answers",
}
REASONS: dict[Unused, str] = {
    "empty": "empty",
    "failed": "failed",
    "thoughts_only": "with thoughts alone",
    "language": "in a language that is not read",
}
_GROUPS: tuple[tuple[str, frozenset[Setting]], ...] = (
    ("under its own system prompt", frozenset({"own"})),
    ("under an empty or neutral one", frozenset({"empty", "neutral"})),
    ("recorded without a system prompt", frozenset({"recorded"})),
    ("under a recorded system prompt", frozenset({"recorded_system"})),
)
_DECLARED = {
    "record": "in its record",
    "file_name": "by the name of its record's file",
    "file": "by its files",
    "asked_by": "where it was asked",
    "served_as": "in its replies",
}


@dataclass(frozen=True)
class OwnMaker:
    """Who made the suspect, as its user knows it; ``slug`` is None for a name that the table of
    makers lacks, ``given`` empty where nobody knows."""

    given: str = ""
    slug: str | None = None

    @classmethod
    def of(cls, given: str) -> Self:
        """The maker of that name."""
        return cls(given.strip(), vendor_slug(given) if given.strip() else None)

    @property
    def known(self) -> bool:
        """Whether the user said who made it by a name of the table: other names may be slips."""
        return self.slug is not None

    @property
    def title(self) -> str:
        """The name that people know it by."""
        return self.given if self.slug is None else vendor_title(self.slug)


@dataclass(frozen=True)
class MakerCount:
    """In how many answers a maker is named: of itself, and where the user had named it before."""

    maker: str
    answers: int
    suggested: int

    @property
    def unasked_for(self) -> int:
        """Answers in which nobody had named it before."""
        return self.answers - self.suggested


def makers_named(heard: Iterable[Heard]) -> tuple[MakerCount, ...]:
    """The makers that answers name of themselves, the most named first."""
    said: Counter[str] = Counter()
    led: Counter[str] = Counter()
    for h in heard:
        said.update(h.named)
        led.update(h.agrees)
    counts = (MakerCount(maker, n, led[maker]) for maker, n in said.items())
    return tuple(sorted(counts, key=lambda c: (-c.answers, c.maker)))


@dataclass(frozen=True)
class SelfDescription:
    """The sentences: ``asked`` always says something, the others where there is something to
    say."""

    asked: str
    besides: tuple[str, ...] = ()
    makers: tuple[MakerCount, ...] = field(default=())

    @property
    def sentences(self) -> tuple[str, ...]:
        """All of them, in order."""
        return (self.asked, *self.besides)


def described(
    evidence: IdentityEvidence, own: OwnMaker, declared: Sequence[DeclaredName] = ()
) -> SelfDescription:
    """What the suspect says that it is, what that rests on, and what was not used."""
    counts = makers_named(evidence.asked)
    plain = tuple(c for c in counts if c.unasked_for)
    agreed = tuple(c for c in counts if not c.unasked_for)
    besides = (
        _by_setting(evidence.asked, plain),
        _agreed(agreed, evidence.asked),
        _obeyed(evidence.asked),
        _mentioned(evidence.asked),
        _to_leading(evidence.of("leading")),
        _unasked(evidence),
        _after_unread(evidence),
        _led_elsewhere(evidence),
        _silent_elsewhere(evidence),
        _thoughts(evidence.of("thoughts")),
        _unused(evidence),
        _own(own, evidence.asked),
        *_called(declared),
    )
    return SelfDescription(_asked(evidence, plain), tuple(filter(None, besides)), plain)


def _asked(evidence: IdentityEvidence, plain: Sequence[MakerCount]) -> str:
    asked, missed = evidence.asked, sum(evidence.unused_of("bank", "own").values())
    if not asked and not missed:
        return _not_asked(evidence)
    if not asked:
        return f"Asked who it is, it gave no answer that can be read ({missed} were not used)."
    n, questions = len(asked), len({h.answer.probe.cluster for h in asked})
    of = f"{n} {_plural(n, 'answer')} ({questions} {_plural(questions, 'question')}"
    if all(h.setting == "recorded_system" for h in asked):
        of += ", all under a recorded system prompt"
    nobody = silent(asked)
    if not plain:
        return f"Asked who it is, it names of itself {_none()}, in {of}{_for_others(asked)})."
    if len(plain) > 1:
        named = _listed(f"{_who(c.maker, asked)} in {c.answers}" for c in plain)
        rest = f"; it names {_none()} in {nobody}" if nobody else ""
        return f"Asked who it is, it names several makers: {named}, of {of}{_led(plain)}){rest}."
    (one,) = plain
    rest = f"; it names {_none()} in {nobody}" if nobody else ""
    rest = ": one maker throughout" if one.answers == n else rest
    who = _who(one.maker, asked)
    return f"Asked who it is, it says: {who}, in {one.answers} of {of}{_led(plain)}){rest}."


def _not_asked(evidence: IdentityEvidence) -> str:
    """That no question about who it is was seen, as far as questions are read."""
    other = evidence.of("elsewhere")
    unread = sum(not h.question_read for h in other)
    if unread:
        return (
            "No question in a language that is read asks who it is: of"
            f" {unread} of {len(other)} the language is not read or cannot be told."
        )
    if evidence.of("leading") or evidence.unused_of("leading"):
        return "It was not asked who it is, but whether it is of makers that the questions name."
    return "It was not asked who it is."


def _none() -> str:
    """What is known of answers in which no name was found: the table may lack the name."""
    return f"none of the {len(makers_in_use().makers)} makers in the table"


def silent(heard: Iterable[Heard]) -> int:
    """In how many answers no maker of the table is named, by itself or as its prompt says."""
    return sum(not h.named and not h.answer.obeyed for h in heard)


def _for_others(asked: Sequence[Heard]) -> str:
    """In how many answers it gives a name that somebody gave it first."""
    agrees, obeys = sum(bool(h.agrees) for h in asked), sum(bool(h.answer.obeyed) for h in asked)
    led = f"; in {agrees} it agrees to a name that the user had said" if agrees else ""
    return led + (f"; in {obeys} it gives its system prompt's name" if obeys else "")


def _led(plain: Sequence[MakerCount]) -> str:
    """How many of the answers had a question that names the same maker."""
    led = sum(c.suggested for c in plain)
    return f"; in {led} the user had named it before" if led else ""


def _plural(n: int, word: str) -> str:
    return word if n == 1 else f"{word}s"


def _who(maker: str, heard: Iterable[Heard]) -> str:
    """The name that it gives itself, with its maker; the maker alone where it gives none."""
    claims = [c for h in heard for c in h.answer.claims if c.counts and c.vendor == maker]
    names = Counter(c.alias for c in claims if _is_product(c.alias))
    title = vendor_title(maker)
    if not names:
        return title
    name = min(names, key=lambda alias: (-names[alias], alias))
    made = any(not _is_product(c.alias) or c.kind in ("maker", "trainer") for c in claims)
    return f"{name}, made by {title}" if made else f"{name} (a name of {title})"


def _is_product(alias: str) -> bool:
    return any(mention.kind == "product" for mention in find_mentions(alias))


def _listed(parts: Iterable[str]) -> str:
    told = list(parts)
    more = len(told) - MOST_NAMED
    return ", ".join(told[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _by_setting(asked: Sequence[Heard], plain: Sequence[MakerCount]) -> str:
    """Whom it names under which system prompt, where that makes a difference."""
    groups = [(g, [h for h in asked if h.setting in held]) for g, held in _GROUPS]
    present = [(words, part) for words, part in groups if part]
    shares = {tuple((c.maker, c.answers == len(p)) for c in makers_named(p)) for _, p in present}
    if len(present) < 2 or len(shares) < 2 or not plain:
        return ""
    told = []
    for words, part in present:
        counts = makers_named(part)
        who = _listed(f"{vendor_title(c.maker)} in {c.answers}" for c in counts) or _none()
        told.append(f"{words} {who} of {len(part)}" if counts else f"{words} {who}")
    sentence = "; ".join(told)
    return f"{sentence[:1].upper()}{sentence[1:]}."


def _agreed(agreed: Sequence[MakerCount], asked: Sequence[Heard]) -> str:
    if not agreed:
        return ""
    named = _listed(f"{vendor_title(c.maker)} in {c.answers}" for c in agreed)
    return (
        f"Only where the user had named it before it agrees to be of: {named} of"
        f" {len(asked)}; that is agreement and no name of its own giving."
    )


def _obeyed(asked: Sequence[Heard]) -> str:
    obeyed = Counter(maker for h in asked for maker in h.answer.obeyed)
    if not obeyed:
        return ""
    n = sum(bool(h.answer.obeyed) for h in asked)
    whom = _listed(vendor_title(maker) for maker, _ in obeyed.most_common())
    return (
        f"In {n} of {len(asked)} it gives the name that its recorded system prompt gives it"
        f" ({whom}): the persona's word, counted for no maker."
    )


def _mentioned(asked: Sequence[Heard]) -> str:
    """Where its system prompt names the maker that it names, and yet gives it no such name."""
    both = Counter(maker for h in asked for maker in h.named & h.answer.mentioned)
    if not both:
        return ""
    n = sum(bool(h.named & h.answer.mentioned) for h in asked)
    whom = _listed(vendor_title(maker) for maker, _ in both.most_common())
    return (
        f"In {n} of {len(asked)} it names a maker that its recorded system prompt mentions without"
        f" saying that the model is of it ({whom}): counted as the model's own word."
    )


def _to_leading(heard: Sequence[Heard]) -> str:
    """What it said where the question bank named a maker to it."""
    if not heard:
        return ""
    agreed = Counter(maker for h in heard for maker in h.agrees)
    other = Counter(maker for h in heard for maker in h.named - h.suggested)
    n = len(heard)
    told = [f"{n} {_plural(n, 'answer')} to leading questions, which name a maker"]
    if agreed:
        whom = _listed(f"{vendor_title(maker)} in {k}" for maker, k in agreed.most_common())
        told.append(f"it agrees in {sum(bool(h.agrees) for h in heard)} ({whom})")
    if other:
        whom = _listed(f"{vendor_title(maker)} in {k}" for maker, k in other.most_common())
        told.append(f"it names another maker than the question ({whom})")
    if not agreed and not other:
        told.append("it agrees in none")
    return f"{'; '.join(told)}: counted apart, since agreement is no name of its own giving."


def _unasked(evidence: IdentityEvidence) -> str:
    heard = [h for h in evidence.of("elsewhere") if h.question_read]
    named = _named_freely(heard)
    answers = _plural(len(heard), "answer")
    what = f"other {answers}" if evidence.asked else f"{answers} to anything else"
    return (
        f"Unasked, it says that it is or comes from: {named} of {len(heard)} {what}."
        if named
        else ""
    )


def _after_unread(evidence: IdentityEvidence) -> str:
    """What it says after questions of which nobody can tell whether they ask who it is."""
    heard = [h for h in evidence.of("elsewhere") if not h.question_read]
    named = _named_freely(heard)
    if not named:
        return ""
    n = len(heard)
    return (
        f"To {n} {_plural(n, 'question')} whose language is not read or cannot be told, and which"
        f" may ask for it, it says that it is or comes from: {named} of {n}."
    )


def _named_freely(heard: Sequence[Heard]) -> str:
    """The makers that nobody had named before, each with its count; empty without any."""
    counts = [c for c in makers_named(heard) if c.unasked_for]
    return _listed(f"{_who(c.maker, heard)}, in {c.unasked_for}" for c in counts)


def _led_elsewhere(evidence: IdentityEvidence) -> str:
    heard = evidence.of("elsewhere")
    led = Counter(maker for h in heard for maker in h.agrees)
    if not led:
        return ""
    n, answers = sum(bool(h.agrees) for h in heard), _plural(len(heard), "answer")
    whom = _listed(vendor_title(maker) for maker, _ in led.most_common())
    return (
        f"In {n} of {len(heard)} {answers} to anything else it agrees to a name that the user had"
        f" said, or plays a part ({whom}): no name of its own giving."
    )


def _silent_elsewhere(evidence: IdentityEvidence) -> str:
    n = silent(evidence.of("elsewhere"))
    if not n or evidence.asked or any(h.named for h in evidence.of("elsewhere")):
        return ""
    return f"In {n} {_plural(n, 'answer')} to anything else it names {_none()}."


def _thoughts(heard: Sequence[Heard]) -> str:
    counts = [c for c in makers_named(heard) if c.unasked_for]
    if not counts:
        return ""
    times = ((c, f"{c.unasked_for} {_plural(c.unasked_for, 'time')}") for c in counts)
    named = _listed(f"{vendor_title(c.maker)} {n}" for c, n in times)
    return f"In its thoughts it names {named} ({len(heard)} read; thoughts are no answers)."


def _unused(evidence: IdentityEvidence) -> str:
    told = []
    parts: tuple[tuple[tuple[Source, ...], str], ...] = (
        (("bank", "own"), "answers to who it is"),
        (("leading",), "answers to leading questions"),
        (("elsewhere",), "others"),
    )
    for sources, what in parts:
        found = evidence.unused_of(*sources)
        lost = sum(found.values())
        if lost:
            why = ", ".join(f"{n} {REASONS[code]}" for code, n in sorted(found.items()))
            told.append(f"{lost} of {lost + len(evidence.of(*sources))} {what}: {why}")
    return f"Not used: {'; '.join(told)}." if told else ""


def _own(own: OwnMaker, asked: Sequence[Heard]) -> str:
    if own.slug is None and own.given:
        what = f"did you mean {slip}?" if (slip := meant(own.given)) else "--vendors adds one"
        return (
            f"Its maker is given as {own.given}, which the table of makers lacks ({what}): its"
            " names are not looked for, and no name is called another maker's."
        )
    if own.slug is None:
        return "Who made it was not told (--vendor)." if any(h.named for h in asked) else ""
    theirs = sum(own.slug in h.named for h in asked)
    others = sum(bool(h.named - {own.slug}) for h in asked)
    return (
        f"Its maker is given as {own.title}: named in {theirs} of {len(asked)}, another maker in"
        f" {others}."
    )


def _called(declared: Sequence[DeclaredName]) -> Iterable[str]:
    for d in [d for d in declared if d.makers][:MOST_DECLARED]:
        makers = _listed(map(vendor_title, d.makers))
        what = "makers" if len(d.makers) > 1 else "maker"
        yield f"Declared name {_DECLARED[d.where]}: {d.name} ({what} by that name: {makers})."
