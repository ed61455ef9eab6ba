"""The labelled sentences of `tests/data/claims`, by language, kind and half."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from detectors.text.claims import ELSEWHERE, IDENTITY, extract_claims

FOLDER = Path(__file__).parents[1] / "data" / "claims"


@dataclass(frozen=True)
class Sentence:
    """One labelled text: the vendors that its speaker plainly claims."""

    language: str
    kind: str
    expected: frozenset[str]
    text: str
    about_self: bool
    later: bool
    blind: bool

    @property
    def held_out(self) -> bool:
        """Whether the rules were written without it, by the digest of its language and text; those
        that were written later, to mend kinds, never are."""
        if self.later or self.blind:
            return self.blind
        digest = hashlib.sha256(f"{self.language}\n{self.text}".encode()).digest()
        return digest[0] % 2 == 1

    def found(self) -> frozenset[str]:
        """The vendors that the reader of claims finds."""
        context = IDENTITY if self.about_self else ELSEWHERE
        return frozenset(c.vendor for c in extract_claims(self.text, context) if c.counts)


def sentences() -> tuple[Sentence, ...]:
    """All of them, in the order of files and lines."""
    return tuple(
        _sentence(path.stem, line)
        for path in sorted(FOLDER.glob("*.txt"))
        for line in path.read_text("utf-8").splitlines()
        if line.strip()
    )


def _sentence(language: str, line: str) -> Sentence:
    kind, vendors, text = (part.strip() for part in line.split(" | ", 2))
    expected = frozenset(vendors.split()) - {"-"}
    return Sentence(
        language,
        kind.lstrip("!?~"),
        expected,
        text.replace("\\n", "\n"),
        "~" not in kind,
        kind.startswith("!"),
        kind.startswith("?"),
    )


@dataclass(frozen=True)
class Counted:
    """Claims found and expected, found though not expected, and expected though not found."""

    right: int
    wrong: int
    missed: int

    @classmethod
    def of(cls, some: Iterable[Sentence]) -> Counted:
        """Counts (sentence, vendor) pairs."""
        pairs = [(s.expected, s.found()) for s in some]
        return cls(
            sum(len(e & f) for e, f in pairs),
            sum(len(f - e) for e, f in pairs),
            sum(len(e - f) for e, f in pairs),
        )
