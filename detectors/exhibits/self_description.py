"""Whom a suspect says it is, in sentences: asked, elsewhere, and in its thoughts, apart.

Knows how to tell what was heard; decides nothing. Nothing here calls a maker another than the
suspect's own unless its user said who made it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

from detectors.exhibits.led_names import (
    COMPARED,
    agreed_to,
    led_elsewhere,
    mentioned_by_prompt,
    obeyed_prompt,
    played_elsewhere,
    played_parts,
    to_leading,
)
from detectors.exhibits.named_makers import MakerCount, listed, makers_named, plural
from detectors.text.claims import Claim
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
from detectors.text.unlisted_names import LONGEST_NAME, UnlistedName, unlisted_names
from detectors.text.vendors import find_mentions, vendor_slug, vendor_title
from fingerprints.errors import printable

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
    "language": "in a language that is not read or cannot be told",
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
    besides = (
        _by_setting(evidence.asked, plain),
        agreed_to([c for c in counts if c.suggested and not c.unasked_for], evidence.asked),
        played_parts([c for c in counts if c.played and not c.unasked_for], evidence.asked),
        obeyed_prompt(evidence.asked),
        mentioned_by_prompt(evidence.asked),
        to_leading(evidence.of("leading")),
        _unasked(evidence),
        _after_unread(evidence),
        led_elsewhere(evidence.of("elsewhere")),
        played_elsewhere(evidence.of("elsewhere")),
        _silent_elsewhere(evidence),
        _thoughts(evidence.of("thoughts")),
        _unused(evidence),
        _own(own, evidence),
        *_called(declared),
    )
    return SelfDescription(_asked(evidence, plain), tuple(filter(None, besides)), plain)


def _asked(evidence: IdentityEvidence, plain: Sequence[MakerCount]) -> str:
    asked, missed = evidence.asked, sum(evidence.unused_of("bank", "own").values())
    if not asked and not missed:
        return _not_asked(evidence)
    if not asked:
        found = sorted(evidence.unused_of("bank", "own").items(), key=lambda of: (-of[1], of[0]))
        why = REASONS[found[0][0]] if len(found) == 1 else ""
        be = "was" if missed == 1 else "were"
        told = f"{missed} {be} not used" + (f": {why}" if why else "")
        return f"Asked who it is, it gave no answer that can be read ({told})."
    n, questions = len(asked), len({h.answer.probe.cluster for h in asked})
    of = f"{n} {plural(n, 'answer')} ({questions} {plural(questions, 'question')}"
    if all(h.setting == "recorded_system" for h in asked):
        of += ", all under a recorded system prompt"
    nobody = silent(asked)
    if not plain:
        names = _unlisted(unlisted_names(asked))
        return (
            f"Asked who it is, it names of itself {_none()}, in {of}{_for_others(asked)}){names}."
        )
    if len(plain) > 1:
        named = listed(f"{_who(c.maker, asked)} in {c.answers}" for c in plain)
        rest = f"; it names {_none()} in {nobody}" if nobody else ""
        return f"Asked who it is, it names several makers: {named}, of {of}{_led(plain)}){rest}."
    (one,) = plain
    rest = f"; it names {_none()} in {nobody}" if nobody else ""
    rest = ": one maker throughout" if one.answers == n else rest
    who = _who(one.maker, asked)
    return f"Asked who it is, it says: {who}, in {one.answers} of {of}{_led(plain)}){rest}."


def _unlisted(names: Sequence[UnlistedName]) -> str:
    """The names that it gives and that the table lacks, as it writes them, as a clause."""
    told = (
        f"“{printable(n.name, LONGEST_NAME)}” in {n.answers}"
        + (" as who made it" if n.as_maker == n.answers else "")
        for n in names
    )
    return f"; names that the table lacks, as it writes them: {', '.join(told)}" if names else ""


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
    parts = sum(bool(h.named & h.played) for h in asked)
    led += f"; in {parts}, asked for a text in which another may speak, it gives a name" * (
        parts > 0
    )
    return led + (f"; in {obeys} it gives its system prompt's name" if obeys else "")


def _led(plain: Sequence[MakerCount]) -> str:
    """How many of the answers had a question that names the same maker, and to what end."""
    led, compared = sum(c.suggested for c in plain), sum(c.compared for c in plain)
    played = sum(c.played for c in plain)
    told = f"; in {led} the user had named it before" if led else ""
    told += f"; in {played} the user had asked for a text in which another may speak" * (played > 0)
    return told + (f"; in {compared} {COMPARED}" if compared else "")


def _who(maker: str, heard: Iterable[Heard]) -> str:
    """The name that it gives itself, with its maker, and in how many answers the maker is only that
    of a model which it is built on."""
    title, claims = vendor_title(maker), [_claims_of(maker, h) for h in heard]
    own = [c for found in claims for c in found if c.kind != "base"]
    built = sum(all(c.kind == "base" for c in found) for found in claims if found)
    if built and not own:
        return f"built on a model of {title}"
    return _name(title, own) + (f" (in {built} only as what it is built on)" if built else "")


def _claims_of(maker: str, heard: Heard) -> list[Claim]:
    return [c for c in heard.answer.claims if c.counts and c.vendor == maker]


def _name(title: str, claims: Sequence[Claim]) -> str:
    """The name with its maker; the maker alone where it gives none."""
    names = Counter(c.alias for c in claims if _is_product(c.alias))
    if not names:
        return title
    name = min(names, key=lambda alias: (-names[alias], alias))
    made = any(not _is_product(c.alias) or c.kind in ("maker", "trainer") for c in claims)
    return f"{name}, made by {title}" if made else f"{name} (a name of {title})"


def _is_product(alias: str) -> bool:
    return any(mention.kind == "product" for mention in find_mentions(alias))


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
        who = listed(f"{vendor_title(c.maker)} in {c.answers}" for c in counts) or _none()
        told.append(f"{words} {who} of {len(part)}" if counts else f"{words} {who}")
    sentence = "; ".join(told)
    return f"{sentence[:1].upper()}{sentence[1:]}."


def _unasked(evidence: IdentityEvidence) -> str:
    heard = [h for h in evidence.of("elsewhere") if h.question_read]
    named = _named_freely(heard)
    answers = plural(len(heard), "answer")
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
        f"To {n} {plural(n, 'question')} whose language is not read or cannot be told, and which"
        f" may ask for it, it says that it is or comes from: {named} of {n}."
    )


def _named_freely(heard: Sequence[Heard]) -> str:
    """The makers that it names of its own accord, each with its count; empty without any."""
    counts = [c for c in makers_named(heard) if c.unasked_for]
    return listed(
        f"{_who(c.maker, heard)}, in {c.unasked_for}"
        + (f" (in {c.compared} {COMPARED})" if c.compared else "")
        for c in counts
    )


def _silent_elsewhere(evidence: IdentityEvidence) -> str:
    n = silent(evidence.of("elsewhere"))
    if not n or evidence.asked or any(h.named for h in evidence.of("elsewhere")):
        return ""
    return f"In {n} {plural(n, 'answer')} to anything else it names {_none()}."


def _thoughts(heard: Sequence[Heard]) -> str:
    counts = [c for c in makers_named(heard) if c.unasked_for]
    if not counts:
        return ""
    times = ((c, f"{c.unasked_for} {plural(c.unasked_for, 'time')}") for c in counts)
    named = listed(f"{vendor_title(c.maker)} {n}" for c, n in times)
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


def _own(own: OwnMaker, evidence: IdentityEvidence) -> str:
    """Who made it, as its user says, and how often it names that maker and others: where it was
    asked who it is, else where it was asked anything else."""
    asked = evidence.asked
    if own.slug is None and own.given:
        what = f"did you mean {slip}?" if (slip := meant(own.given)) else "--vendors adds one"
        return (
            f"Its maker is given as {own.given}, which the table of makers lacks ({what}): its"
            " names are not looked for, and no name is called another maker's."
        )
    if own.slug is None:
        return "Who made it was not told (--vendor)." if any(h.named for h in asked) else ""
    heard = asked or evidence.of("elsewhere")
    if not heard:
        return f"Its maker is given as {own.title}."
    theirs = sum(own.slug in h.named for h in heard)
    others = sum(bool(h.named - {own.slug}) for h in heard)
    what = "" if asked else f" {plural(len(heard), 'answer')} to anything else"
    return (
        f"Its maker is given as {own.title}: named in {theirs} of {len(heard)}{what}, another maker"
        f" in {others}."
    )


def _called(declared: Sequence[DeclaredName]) -> Iterable[str]:
    for d in [d for d in declared if d.makers][:MOST_DECLARED]:
        makers = listed(map(vendor_title, d.makers))
        what = "makers" if len(d.makers) > 1 else "maker"
        yield f"Declared name {_DECLARED[d.where]}: {d.name} ({what} by that name: {makers})."
