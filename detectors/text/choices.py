"""Which option did an answer to a multiple-choice question choose? Letters and options' words read
from free replies.

Knows texts and transcripts; knows no right or wrong model. A reply that names no option, or hides
it behind prose, chose none: nothing is guessed. Linear time on any text; only fixed patterns are
sought.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from detectors.measurement import Span
from fingerprints.records import Arm, Probe, Reply
from fingerprints.transcript import Transcript

DEFAULT_ARMS = (Arm.OWN, Arm.RECORDED)
READ = 300
_LEAD = re.compile(
    r"\W{0,6}(?:(?:(?:the|my)\s{1,3})?(?:(?:correct|right|best|final)\s{1,3})?(?:answer|option|choice|letter)\b"
    r"(?:\s{1,3}(?:is|would\s+be))?\W{0,6})?",
    re.IGNORECASE,
)
_LETTER = re.compile(r"(?:option\s{1,3})?\W{0,4}([A-Za-z])(?![^\W_]|['’])", re.IGNORECASE)
_PROSE_AFTER = re.compile(r"[ \t]{1,3}(?=\w)")


@dataclass(frozen=True)
class Choice:
    """One answer to a choice: the probe, the reply, the option's place (None: it named none),
    and where it says so."""

    probe: Probe
    reply: Reply
    option: int | None
    span: Span | None

    @property
    def right(self) -> bool:
        """Whether the option is the probe's own answer."""
        return self.option is not None and self.probe.options[self.option] == self.probe.answer


def read_option(text: str, options: Sequence[str]) -> tuple[int, int, int] | None:
    """The option that a reply chose, and the characters that say so: (place, start, end); None
    where it names none.

    Read are a letter at the beginning (``B``, ``(b)``, ``**B**``, ``Answer: B``, ``The correct
    answer is B) …``) and an option's whole wording at the beginning. A letter that begins prose
    counts only where no article can be meant, or where the option's own words follow. Letters
    beyond the options are none.

    >>> read_option("The correct answer is **B**.", ["red", "blue"])
    (1, 24, 25)
    >>> read_option("A traditional poem has", ["haiku", "ode"])
    >>> read_option("Blue, of course", ["red", "blue"])
    (1, 0, 4)
    """
    head = text[:READ]
    lead = _LEAD.match(head)
    start = lead.end() if lead is not None else 0
    found = _LETTER.match(head, start)
    if found is not None:
        option = ord(found.group(1).upper()) - ord("A")
        if option < len(options) and _is_a_choice(head, found, options[option]):
            return option, found.start(1), found.end(1)
    return _by_wording(head, start, options)


def _is_a_choice(head: str, found: re.Match[str], option: str) -> bool:
    after = _PROSE_AFTER.match(head, found.end())
    if after is None or _begins(head[after.end() :], option):
        return True
    following = head[after.end() :].split(maxsplit=1)[0].casefold()
    return following in ("is", "because", "since", "as") or (
        found.group(1) not in "Aa" and found.group(1).isupper()
    )


def _begins(text: str, option: str) -> bool:
    """Whether a text begins with the option's words, ending where a word ends."""
    one, other = text.casefold(), option.casefold().strip()
    return bool(other) and one.startswith(other) and not one[len(other) : len(other) + 1].isalnum()


def _by_wording(head: str, start: int, options: Sequence[str]) -> tuple[int, int, int] | None:
    fitting = [(len(o.strip()), i) for i, o in enumerate(options) if _begins(head[start:], o)]
    if not fitting:
        return None
    size, place = max(fitting, key=lambda pair: (pair[0], -pair[1]))
    return place, start, start + size


def choice_answers(transcript: Transcript, arms: Sequence[Arm] = DEFAULT_ARMS) -> dict[str, Choice]:
    """The first readable answer to each choice with a known solution, by the prompt's digest; in
    the given arms alone."""
    out: dict[str, Choice] = {}
    for reply in transcript.replies:
        probe = transcript.probes.get(reply.probe_id)
        if (
            probe is None
            or probe.form != "choice"
            or probe.answer is None
            or reply.arm not in arms
            or not reply.answered
        ):
            continue
        found = read_option(reply.answer, probe.options)
        option, span = (
            (None, None)
            if found is None
            else (found[0], Span(start=found[1], end=found[2], why="chosen option"))
        )
        out.setdefault(probe.prompt_sha256(), Choice(probe, reply, option, span))
    return out
