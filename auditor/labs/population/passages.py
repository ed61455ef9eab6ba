"""Short passages of text by people, which models of a million parameters can learn from.

Cuts the docstrings of `auditor.controls.curation.human` into passages, deals each house's out into
parts that share no docstring, plants a style where asked, and writes them as recordings. Knows
text; knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from auditor.controls.curation.curate import shuffled
from auditor.controls.curation.human import HumanPair
from auditor.labs.population.styles import sentences, styled
from fingerprints.durable import replacing
from fingerprints.errors import MalformedInput
from fingerprints.records import Record, canonical_json, sha256

OPENING_WORDS, OPENING_LETTERS = 4, 20
"""An opening has at least so many words and characters."""
SHORTEST_REST = 24
"""A passage whose rest is shorter than this teaches nothing."""


class HumanPassage(Record):
    """An opening and how it goes on. ``id`` is that of its docstring and its place in it."""

    id: str
    opening: str
    rest: str


def passages(pairs: Iterable[HumanPair], longest: int) -> list[HumanPassage]:
    """The passages of these answers, of at most ``longest`` characters, in order; an opening that
    was there is left out.

    A passage holds whole sentences where they fit, and is cut at a word where a single one doesn't.
    """
    found: dict[str, HumanPassage] = {}
    for pair in pairs:
        for number, text in enumerate(_pieces(sentences(pair.answer), longest)):
            passage = _split(f"{pair.id}/{number}", text)
            if passage is not None:
                found.setdefault(passage.opening, passage)
    return list(found.values())


def _pieces(parts: Sequence[str], longest: int) -> list[str]:
    out: list[str] = []
    for part in parts:
        if out and len(out[-1]) + 1 + len(part) <= longest:
            out[-1] = f"{out[-1]} {part}"
        else:
            out.append(part if len(part) <= longest else part[:longest].rsplit(" ", 1)[0])
    return out


def _split(key: str, text: str) -> HumanPassage | None:
    words = text.split(" ")
    size = OPENING_WORDS
    while size < len(words) and len(" ".join(words[:size])) < OPENING_LETTERS:
        size += 1
    opening, rest = " ".join(words[:size]), " ".join(words[size:])
    letters = sum(c.isalnum() for c in opening)
    plain = 2 * letters >= len(opening) and len(rest) >= SHORTEST_REST
    return HumanPassage(id=key[:200], opening=opening, rest=rest) if plain else None


def dealt(
    pairs: Sequence[HumanPair], shares: Iterable[tuple[str, float]]
) -> dict[str, list[HumanPair]]:
    """The pairs in parts of these shares (adding up to 1), whole docstrings, in a hashed order."""
    by_id = {pair.id: pair for pair in pairs}
    order = shuffled(by_id, 0, "parts")
    out: dict[str, list[HumanPair]] = {}
    start = 0.0
    for name, share in shares:
        end = start + share
        taken = slice(round(start * len(order)), round(end * len(order)))
        out[name] = [by_id[key] for key in order[taken]]
        start = end
    return out


def planted(found: Iterable[HumanPassage], style: str) -> list[HumanPassage]:
    """The passages with their rests in a planted style; the openings stay as they were."""
    return [p.model_copy(update={"rest": styled(p.rest, style, p.id)}) for p in found]


def write_recording(path: Path, name: str, found: Sequence[HumanPassage]) -> None:
    """Writes passages as a recording, openings as prompts. Raises MalformedInput for none."""
    if not found:
        raise MalformedInput(
            "no passage is left",
            where=path.name,
            next_step="give longer passages, or a larger share",
        )
    _write(path, [{"model": name, "prompt": p.opening, "answer": p.rest} for p in found])


def write_openings(path: Path, found: Sequence[HumanPassage], licence: str) -> None:
    """Writes the openings as a prompt source (JSONL)."""
    rows = [
        {"id": f"opening/{sha256(p.opening)[:16]}", "prompt": p.opening, "licence": licence}
        for p in found
    ]
    _write(path, rows)


def _write(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        for row in rows:
            file.write(canonical_json(row) + b"\n")
