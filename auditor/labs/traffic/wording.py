"""What accounts say: sentences with slots and the words for them. YAML → registers.

A *register* is a list of sentences that may stand for one another: ``chat.en``, ``code``,
``head.rag``. Knows no account and no row.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from auditor.labs.traffic.mixing import below, mix
from fingerprints.errors import MalformedInput, printable
from fingerprints.record_files import RecordFile
from fingerprints.records import Record

WORDINGS = ("auditor", "labs", "traffic", "wordings")
NAMES, HOUSE = "name", "house"
"""The list of invented names; the register of lines that stay the same for an account."""
NUMBER_NAMES = 4096
"""How many invented names there are; each is two to four syllables."""
MOST_NUMBERS = 200_000
_SLOT = re.compile(r"\{(#?)([a-z0-9-]{1,40})\}")
_FIRST = ("Ba", "Bren", "Dor", "El", "Fen", "Hal", "Jo", "Lor", "Ma", "Or", "Quin", "Tor", "Ul")
_LATER = ("ba", "den", "fi", "gar", "ka", "lin", "lo", "mir", "na", "ri", "sa", "tis", "va")


class WordingFile(Record):
    """The file: words by list, sentences by register, heads and system prompts by kind."""

    format: Literal["wording/1"] = "wording/1"
    name: str
    themes: tuple[str, ...] = ()
    chat_languages: Annotated[dict[str, Annotated[float, Field(gt=0)]], Field(min_length=1)]
    words: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]]
    bodies: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]]
    heads: dict[str, tuple[str, ...]]
    systems: dict[str, tuple[str, ...]] = Field(default_factory=dict)


@dataclass(frozen=True)
class Slot:
    """A gap in a sentence: which list fills it, whether by theme, and which gap of its list it
    is."""

    words: str
    themed: bool
    turn: int


@dataclass(frozen=True)
class SlottedSentence:
    """A sentence in pieces: literal text and slots."""

    pieces: tuple[str | Slot, ...]


@dataclass(frozen=True)
class Lexicon:
    """Registers by their place, words by list."""

    names: tuple[str, ...]
    registers: tuple[tuple[SlottedSentence, ...], ...]
    words: dict[str, tuple[str, ...]]
    languages: tuple[str, ...]
    language_weights: tuple[float, ...]

    def place(self, register: str) -> int:
        """The place of a register. Raises MalformedInput where the wording has none of that
        name."""
        if register not in self.names:
            raise MalformedInput(f"the wording has no sentences for {register!r}")
        return self.names.index(register)

    def has(self, register: str) -> bool:
        """Whether it has sentences of that name."""
        return register in self.names

    def size(self, register: int) -> int:
        """How many sentences a register has."""
        return len(self.registers[register])


def load_wording(name_or_path: str) -> Lexicon:
    """A bundled wording by name, or one from a YAML file.

    Raises UsageProblem for an unknown name, MalformedInput for a file that is missing or none, or
    whose sentences name a list that it lacks.
    """
    return _compiled(_FILE.named(name_or_path, WORDINGS, "no wording is called", "wording"))


def _compiled(file: WordingFile) -> Lexicon:
    texts = {
        **file.bodies,
        **{f"head.{kind}": heads for kind, heads in file.heads.items() if heads},
        **{f"system.{kind}": systems for kind, systems in file.systems.items() if systems},
    }
    words: dict[str, tuple[str, ...]] = {NAMES: invented_names(), **file.words}
    registers = []
    for register, sentences in texts.items():
        language = register.partition(".")[2]
        registers.append(tuple(_sentence(s, language, file, words) for s in sentences))
    return Lexicon(
        tuple(texts),
        tuple(registers),
        words,
        tuple(file.chat_languages),
        tuple(file.chat_languages.values()),
    )


def _sentence(
    text: str, language: str, file: WordingFile, words: dict[str, tuple[str, ...]]
) -> SlottedSentence:
    pieces: list[str | Slot] = []
    turns: dict[str, int] = {}
    end = 0
    for found in _SLOT.finditer(text):
        pieces.append(text[end : found.start()])
        end = found.end()
        name = f"#{found[2]}" if found[1] else found[2]
        listed = _list_for(name, language, words, text)
        turns[listed] = turns.get(listed, -1) + 1
        pieces.append(Slot(listed, name in file.themes, turns[listed]))
    return SlottedSentence(tuple(p for p in (*pieces, text[end:]) if p != ""))


def _list_for(name: str, language: str, words: dict[str, tuple[str, ...]], text: str) -> str:
    if name.startswith("#"):
        low, _, high = name[1:].partition("-")
        if not (low.isdigit() and high.isdigit() and 0 <= int(high) - int(low) < MOST_NUMBERS * 10):
            raise MalformedInput(f"{name!r} is no range of numbers", where=printable(text, 60))
        # Long ranges are thinned, since every number of one is held in memory.
        step = max(1, (int(high) - int(low)) // MOST_NUMBERS)
        words.setdefault(name, tuple(str(n) for n in range(int(low), int(high) + 1, step)))
        return name
    for listed in (f"{name}.{language}", name, f"{name}.en"):
        if listed in words:
            return listed
    raise MalformedInput(f"there are no words for {name!r}", where=printable(text, 60))


def invented_names() -> tuple[str, ...]:
    """Names that nobody has been given on purpose, always the same."""
    seeds = mix(np.arange(NUMBER_NAMES), 77)
    first = below(mix(seeds, 1), len(_FIRST))
    later = [below(mix(seeds, 2 + i), len(_LATER)) for i in range(3)]
    syllables = 1 + below(mix(seeds, 9), 3)
    return tuple(
        _FIRST[first[i]] + "".join(_LATER[part[i]] for part in later[: syllables[i]])
        for i in range(NUMBER_NAMES)
    )


_FILE = RecordFile(WordingFile, "no wording", "see docs/logs-simulate.md", form="yaml")
