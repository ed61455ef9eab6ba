"""What an ordinary audit adds to a report: what asking until it is enough came to, and whom the
suspect says that it is."""

from __future__ import annotations

from typing import ClassVar, Literal

from auditor.evidence.records import ReportSection
from fingerprints.records import Record


class SequentialRow(Record):
    """One vendor's bets: ``rate`` is the mean share of rival vendors below it on the suspect's
    answers, 0 to 1.

    ``more``: it is more like the vendor than all ``strangers`` stored strangers and than nineteen
    in twenty untaught models of the calibration; ``stranger`` is that rate. ``less``: it is less
    like it than nine in ten taught models (``taught``). The p-values hold however often one looked,
    and are raised for the number of vendors. ``after`` counts prompts until the decision.
    """

    vendor: str
    rate: float
    stranger: float
    strangers: int
    taught: float | None
    p_more: float
    p_less: float | None
    decision: Literal["more", "less", "open"]
    after: int | None


class SequentialSection(ReportSection):
    """What asking until it is enough came to: ``asked`` of ``planned`` questions, bets on
    ``prompts`` of them.

    ``alpha`` bounds the chance of any false decision among the vendors. Likeness is decided here,
    not teaching. ``calibration`` names the one that the levels of untaught and taught models come
    from, None where none is for the ``language`` (ISO 639-1, ``und``) that the first answers are
    in; that is None where none was sought.
    """

    key: ClassVar[str] = "sequential"

    alpha: float
    planned: int
    asked: int
    stopped: bool
    prompts: int
    calibration: str | None
    language: str | None = None
    rows: tuple[SequentialRow, ...]


class MakerNamed(Record):
    """In how many of ``of`` answers a maker is named as the speaker or its maker.

    ``source``: what was asked (the question bank, questions in the user's own words, anything
    else), or that it was thought; ``setting``: under which system prompt. ``suggested`` counts
    those before which the user had named the maker, ``played`` those where the user asked for a
    text in which somebody else may speak (neither is a name of the model's own giving; no answer is
    in both, and in reports without ``played`` these are among ``suggested``), ``compared`` those
    before which the user had named it only to compare, ``by_system_prompt`` those (not among
    ``answers``) that name it as their recorded system prompt does. ``maker`` is a code of the
    table of makers, empty for answers that name nobody.
    """

    source: Literal["bank", "own", "leading", "elsewhere", "thoughts"]
    setting: Literal["own", "empty", "neutral", "recorded", "recorded_system"]
    maker: str
    answers: int
    of: int
    suggested: int = 0
    played: int = 0
    compared: int = 0
    by_system_prompt: int = 0


class UnlistedGiven(Record):
    """A name that the suspect gives itself or its maker and that the table lacks, as it writes it:
    in how many answers that name nobody of the table, and in how many of those as its maker's."""

    name: str
    answers: int
    as_maker: int = 0


class Unread(Record):
    """How many replies of one source were not used, and why."""

    source: Literal["bank", "own", "leading", "elsewhere", "thoughts"]
    reason: Literal["empty", "failed", "thoughts_only", "language"]
    replies: int


class NameGiven(Record):
    """A name that the suspect goes by: in its record, by the name of the record's file, by its own
    files, where it was asked or in its replies; and the makers whose names stand in it."""

    name: str
    where: Literal["record", "file_name", "file", "asked_by", "served_as"]
    makers: tuple[str, ...]


class SelfDescriptionSection(ReportSection):
    """Whom the suspect says that it is, as counts; the report's headline says it in words.

    ``asked`` counts the answers to questions about who it is, ``questions`` those questions.
    ``makers`` are those that it names of itself in them, the most named first. ``vendor`` is who
    made it as its user knows it, ``vendor_code`` that maker's code (None where the table lacks it).
    ``style_answers`` is how many answers were compared with stored models' for style; ``unlisted``
    are names that the table of makers lacks, three at most.
    """

    key: ClassVar[str] = "self_description"

    asked: int
    questions: int
    makers: tuple[str, ...]
    named: tuple[MakerNamed, ...]
    unused: tuple[Unread, ...] = ()
    style_answers: int = 0
    vendor: str = ""
    vendor_code: str | None = None
    declared: tuple[NameGiven, ...] = ()
    unlisted: tuple[UnlistedGiven, ...] = ()
