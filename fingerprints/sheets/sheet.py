"""A sheet of questions: which probe sets it was printed from, in which order it asks, and what a
filled one holds.

The one line that tells the sets by their digests (its *code*) is in every form of a sheet, so that
answers are never read against other questions than those that were asked. Knows probe sets; knows
no form of file.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from fingerprints.errors import MalformedInput, UsageProblem, printable
from fingerprints.probes import reference
from fingerprints.records import Probe, ProbeSet, ProbeSetRef, Record, sha256

MARK = "auditor-sheet/1"
"""Stands near the beginning of every sheet."""
LONGEST_NAME = 120
"""Characters of a product's name."""
MOST_QUESTIONS = 5000
GAVE_NOTHING = "[no answer]"
"""What a person writes where a product answered with nothing at all."""
LONGEST_ANSWER = 100_000
REQUIREMENTS = (
    "Ask every question in a new chat of its own, exactly as it stands here, without custom"
    " instructions, memory or web search. Paste the whole answer. Leave blank what was not asked:"
    " it is counted and never read as an empty answer."
)
"""How a sheet is filled in, for people."""


class SheetQuestion(Record):
    """One question of a sheet; ``number`` counts from 1, ``sample`` from 0."""

    number: int
    probe: Probe
    sample: int = 0

    @property
    def key(self) -> str:
        """What tells the question in a table: the probe's id, and the sample where there are
        several."""
        return f"{self.probe.id}#{self.sample}" if self.sample else self.probe.id

    @property
    def text(self) -> str:
        """What is asked, options of a choice included."""
        return self.probe.prompt()


class QuestionSheet(Record):
    """What is asked of whom: sets by digest, how many times each question, the product's name."""

    name: str = ""
    samples: int = 1
    sets: tuple[ProbeSetRef, ...]
    questions: tuple[SheetQuestion, ...]

    @property
    def code(self) -> str:
        """The one line by which a filled sheet is known."""
        named = urllib.parse.quote(self.name, safe="")
        sets = (f"{s.name}@{s.sha256}*{s.n}" for s in self.sets)
        return " ".join((MARK, f"name={named}", f"samples={self.samples}", *sets))

    @property
    def tag(self) -> str:
        """Eight digits of the code's digest, for marks that no answer holds by chance."""
        return sha256(self.code)[:8]


@dataclass(frozen=True)
class Filled:
    """A sheet with what was written into it: texts by question number, and the numbers of those
    to which the product gave nothing."""

    sheet: QuestionSheet
    answers: dict[int, str]
    nothing: frozenset[int] = frozenset()

    @property
    def blank(self) -> int:
        """How many questions were left blank."""
        return len(self.sheet.questions) - len(self.answers) - len(self.nothing)


def sheet_of(sets: Sequence[ProbeSet], samples: int = 1, name: str = "") -> QuestionSheet:
    """The sheet that asks these sets, each question ``samples`` times in a row.

    Raises UsageProblem for questions that nobody can ask by hand in one chat: a bare text to go on
    with, or one with turns before it; and for too many.
    """
    probes = [probe for probe_set in sets for probe in probe_set.probes]
    odd = next((p for p in probes if p.form == "completion" or p.history), None)
    if odd is not None:
        said = "a chat product can't be asked to go on with a bare text, or with turns before it"
        step = "take the set out of --probes (openings has such questions)"
        raise UsageProblem(said, where=printable(odd.id, 80), next_step=step)
    if len({p.id for p in probes}) != len(probes):
        raise UsageProblem("two sets share a probe's id", next_step="rename it in one of them")
    if not 0 < len(probes) * samples <= MOST_QUESTIONS:
        said = f"a sheet holds 1 to {MOST_QUESTIONS:,} questions, not {len(probes) * samples:,}"
        raise UsageProblem(said, next_step="ask fewer, for instance --probes identity,style:40")
    asked = ((probe, sample) for probe in probes for sample in range(samples))
    questions = tuple(
        SheetQuestion(number=i, probe=p, sample=s) for i, (p, s) in enumerate(asked, 1)
    )
    refs = tuple(reference(s) for s in sets)
    return QuestionSheet(name=name, samples=samples, sets=refs, questions=questions)


_CODE = re.compile(
    # A letter takes up to twelve characters there.
    rf"{re.escape(MARK)} name=(\S{{0,{12 * LONGEST_NAME}}})"
    r" samples=([0-9]{1,4})((?: \S{1,200})+)"
)
_SET = re.compile(r"([a-z0-9_-]{1,80})@([0-9a-f]{64})\*([0-9]{1,5})")

Loads = Callable[[str], ProbeSet]
"""Gives the whole probe set of a name. Raises UsageProblem or MalformedInput for none."""


def sheet_by_code(code: str, where: object, loads: Loads) -> QuestionSheet:
    """The sheet that a code names. Raises MalformedInput where the code is none, and where a probe
    set of today is another than the one that was printed."""
    found = _CODE.fullmatch(code.strip())
    parts = [_SET.fullmatch(part) for part in found[3].split()] if found else []
    if found is None or not all(parts):
        step = "print the sheet anew by `auditor questions`, and fill in a copy"
        raise MalformedInput(
            "the line that tells a sheet's questions is damaged", where=where, next_step=step
        )
    sets = [_printed(part[1], part[2], int(part[3]), where, loads) for part in parts if part]
    name = urllib.parse.unquote(found[1], errors="replace")
    return sheet_of(sets, int(found[2]), name)


def _printed(name: str, digest: str, n: int, where: object, loads: Loads) -> ProbeSet:
    whole = loads(name)
    if (whole.whole or whole.digest()) != digest or n > len(whole.probes):
        raise MalformedInput(
            f"the sheet was printed from another version of the probe set {name!r}",
            where=where,
            next_step="print a new sheet, or read this one with the version that printed it"
            f" (its digest begins with {digest[:12]})",
        )
    return whole.head(n)


def filled(
    sheet: QuestionSheet, given: Iterable[tuple[int, str, str, bool]], where: object
) -> Filled:
    """A sheet with what was given: number, question as it stands in the file, answer, and whether
    the product gave nothing.

    Raises MalformedInput for a question that is none of the sheet's, stands twice or was edited,
    and for an answer that a spreadsheet spoilt.
    """
    answers, nothing, seen = dict[int, str](), set[int](), set[int]()
    for number, question, answer, gave_nothing in given:
        if not 1 <= number <= len(sheet.questions):
            raise _bad(f"it has no question {number}", where)
        if number in seen:
            raise _bad(f"question {number} stands twice", where)
        seen.add(number)
        if _plain(question) != _plain(sheet.questions[number - 1].text):
            raise _bad(f"question {number} is not worded as it was printed", where)
        if _SPOILT.fullmatch(answer.strip()):
            raise _bad(f"the answer to question {number} was spoilt by the spreadsheet", where)
        if len(answer) > LONGEST_ANSWER:
            raise _bad(f"the answer to question {number} is over {LONGEST_ANSWER:,} long", where)
        if answer.strip() == GAVE_NOTHING or (gave_nothing and not answer.strip()):
            nothing.add(number)
        elif gave_nothing:
            raise _bad(f"question {number} has an answer and is marked as without one", where)
        elif answer.strip():
            answers[number] = answer
    return Filled(sheet, answers, frozenset(nothing))


_SPOILT = re.compile(r"#¿?[^\W\d_a-z]{2,12}[?!]|#N/A|#DIV/0!|Err:[0-9]{3}")
"""What spreadsheets, of whatever language, make of a pasted text that begins like a formula."""


def _plain(text: str) -> str:
    """A question without what programs change in passing: white space, typographic quotes, the
    mark that keeps a cell from being a formula."""
    for fancy, simple in (("“", '"'), ("”", '"'), ("‘", "'"), ("’", "'"), ("…", "...")):
        text = text.replace(fancy, simple)
    return " ".join(text.split()).removeprefix("'")


def _bad(said: str, where: object) -> MalformedInput:
    step = "mend the file, or print the sheet anew and paste the answers into it"
    return MalformedInput(said, where=where, next_step=step)
