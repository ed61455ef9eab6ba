"""Keeps the audit's own probes, and any evaluation text, out of what a control is trained on.

A control that has seen the probes proves memorisation and nothing else. A prompt is a copy when it
asks the same as a probe (equal digest), shares 13 words in a row with it (Brown et al. 2020, arXiv
2005.14165), is at least half made of the same three-word runs, or holds the whole of a probe of
five words or more. Knows texts and probe sets; knows no model.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from auditor.controls.curation.duplicates import Shingles, folded_words, jaccard, shingles
from fingerprints.errors import MalformedInput, printable
from fingerprints.probes import bundled_probe_sets, load_probe_set
from fingerprints.records import Probe

Reason = Literal["same prompt", "13 words in a row", "half the same", "holds the whole text"]

RUN = 13
"""Words in a row that two texts share by copying alone, as in GPT-3's own decontamination (Brown et
al. 2020, arXiv 2005.14165)."""
HALF = 0.5
SHORTEST_WHOLE = 5
"""A shorter text, such as "Who are you?", stands in many prompts by itself."""
SOURCE_SHARE = 0.25
"""From this share of a source's prompts on, the source is a probe set and no accident."""


@dataclass(frozen=True)
class Hit:
    """A prompt that copies a text it must not: which text (a probe's id), and by which rule."""

    id: str
    reason: Reason


@dataclass
class Forbidden:
    """Texts that no training prompt may copy, indexed for the four rules."""

    digests: dict[str, str] = field(default_factory=dict)
    runs: dict[int, str] = field(default_factory=dict)
    sets: list[tuple[str, Shingles, int]] = field(default_factory=list)
    places: dict[int, list[int]] = field(default_factory=dict)

    def add(self, name: str, text: str) -> None:
        """Forbids one text under a name."""
        self.digests.setdefault(_digest(text), name)
        words = folded_words(text)
        if len(words) >= RUN:
            for run in shingles(text, RUN):
                self.runs.setdefault(run, name)
        found = shingles(text)
        for shingle in found:
            self.places.setdefault(shingle, []).append(len(self.sets))
        self.sets.append((name, found, len(words)))

    def find(self, text: str) -> Hit | None:
        """The first forbidden text that a prompt copies, None where it copies none."""
        same = self.digests.get(_digest(text))
        if same is not None:
            return Hit(same, "same prompt")
        if len(folded_words(text)) >= RUN:
            run = next((r for r in sorted(shingles(text, RUN)) if r in self.runs), None)
            if run is not None:
                return Hit(self.runs[run], "13 words in a row")
        return self._near(shingles(text))

    def _near(self, found: Shingles) -> Hit | None:
        for place in sorted({p for s in found for p in self.places.get(s, ())}):
            name, known, words = self.sets[place]
            if jaccard(found, known) >= HALF:
                return Hit(name, "half the same")
            if words >= SHORTEST_WHOLE and known <= found:
                return Hit(name, "holds the whole text")
        return None


def _digest(text: str) -> str:
    return Probe(id="?", text=text).prompt_sha256()


@functools.cache
def _probes() -> Forbidden:
    out = Forbidden()
    for name in bundled_probe_sets():
        for probe in load_probe_set(name).probes:
            out.add(probe.id, probe.prompt())
            if probe.form == "choice":
                out.add(probe.id, probe.text)
    return out


def forbidden(evaluation_texts: Iterable[tuple[str, str]] = ()) -> Forbidden:
    """All bundled probes, and the given (name, text) pairs of an evaluation."""
    base = _probes()
    # Copied: what an evaluation adds must not stay in the cached probes.
    places = {key: list(value) for key, value in base.places.items()}
    out = Forbidden(dict(base.digests), dict(base.runs), list(base.sets), places)
    for name, text in evaluation_texts:
        out.add(name, text)
    return out


def refuse_probe_set(prompts: Sequence[tuple[str, str]], source: str) -> None:
    """Raises MalformedInput when a source of (id, text) pairs is one of the audit's probe sets.

    It is one when at least a quarter of its prompts, and more than one, ask exactly what a bundled
    probe asks.
    """
    known = _probes().digests
    copies = [(key, known[_digest(text)]) for key, text in prompts if _digest(text) in known]
    if len(copies) > 1 and len(copies) >= SOURCE_SHARE * len(prompts):
        raise MalformedInput(
            f"the prompt source asks the audit's own probes: {len(copies)} of {len(prompts)}, first"
            f" {printable(copies[0][0], 60)!r} (probe {copies[0][1]!r})",
            where=source,
            next_step="train on other prompts: a control that has seen the probes proves nothing",
        )
