"""Does the suspect prefer the answers that were served to their twins, other answers of the same
model to the same prompts that could as well have been served?

An owner's question: it needs the log of what was served and the twins, and no control model. How
likely the suspect finds answers, or which of their words it uses itself, is given; the statistics
are `detectors.stats.twins`. Knows texts and tables; knows no model and no file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detectors.measurement import Exhibit, Measurement, Table
from detectors.stats.exact_sum import two_sided
from detectors.stats.twins import ServedOrTwin
from detectors.text.ngrams import words_of
from fingerprints.records import Arm, Probe

Array = NDArray[np.float64]
Mode = Literal["likelihood", "text"]
NAME = "served_or_twin"
SIZES = (2, 3, 4)
"""Lengths of the runs of words that an answer and the suspect's own may share: shorter ones are the
language's, longer ones too rare in answers of some dozen words."""
GRAM = 3
"""Characters in a row by which answers of a set are compared among each other, in any script."""
FEWEST = 24
"""Prompts below which three regressors fit noise, and p-values hardly fall below 0.001 at the
weakest effects that are seen."""
LEVEL = 0.01
"""At which served and drawn answers differ too much to be exchangeable."""
LOOKS = 8


@dataclass(frozen=True)
class ServedSet:
    """One prompt with the answer that was served and its twins: ``answers``, the served one first,
    without white space around them (which side keeps it would tell them apart), and which were
    ``cut`` at their cap. ``asked`` is the digest of all that the model read."""

    id: str
    account: str
    asked: str
    probe: Probe
    answers: tuple[str, ...]
    cut: tuple[bool, ...]

    @property
    def distinct(self) -> bool:
        """Whether no two answers are equal. To leave out only sets whose served answer has an equal
        twin would leave served answers that are rarer than their twins."""
        return len(set(self.answers)) == len(self.answers)

    @property
    def served_again(self) -> bool:
        """Whether a twin is the served answer again."""
        return self.answers[0] in self.answers[1:]


@dataclass(frozen=True)
class DesignTest:
    """A test of whether served and drawn answers differ by more than chance, before any suspect is
    asked: what was compared (a code) and its two-sided exact p-value."""

    compared: str
    p_value: float


def lengths(sets: Sequence[ServedSet]) -> Array:
    """UTF-8 bytes of every answer, (n, m + 1)."""
    return np.array([[len(a.encode("utf-8", "replace")) for a in s.answers] for s in sets], float)


def design_tests(sets: Sequence[ServedSet], models: dict[str, Array]) -> tuple[DesignTest, ...]:
    """Length, its spread, how answers ended, how like the others of its set each is, and how likely
    ``models`` that did not learn from what was served find them: each may differ between served and
    drawn answers by chance alone."""
    size = np.log1p(lengths(sets))
    spread = np.abs(size - np.median(size, axis=1, keepdims=True))
    ended = np.array([s.cut for s in sets], float)
    alike = np.array([likeness(s.answers) for s in sets])
    tables = {"length": size, "length_spread": spread, "finish": ended, "likeness": alike, **models}
    return tuple(DesignTest(name, two_sided(table)) for name, table in tables.items())


def differing(tests: Sequence[DesignTest], level: float = LEVEL) -> tuple[DesignTest, ...]:
    """The tests that reject, at one level for all of them together (Bonferroni)."""
    return tuple(t for t in tests if t.p_value * len(tests) < level)


def likeness(answers: Sequence[str]) -> list[float]:
    """How much each answer shares with the others of its set: the mean cosine of their sets of
    three characters in a row. Answers drawn cooler, or by another model, are like each other."""
    grams = [{text[i : i + GRAM] for i in range(max(1, len(text) - GRAM + 1))} for text in answers]
    shared = np.array(
        [[len(a & b) / np.sqrt(len(a) * len(b)) for b in grams] for a in grams], dtype=np.float64
    )
    return [float(v) for v in (shared.sum(axis=1) - 1) / (len(answers) - 1)]


def runs(text: str) -> tuple[frozenset[tuple[str, ...]], ...]:
    """The different runs of two, three and four words of a text, in lower case."""
    words = words_of(text.lower())
    return tuple(frozenset(zip(*(words[i:] for i in range(size)), strict=False)) for size in SIZES)


def containment(answer: str, said: Sequence[str]) -> float:
    """The share of an answer's runs of words that the suspect used itself, in [0, 1]: the mean over
    lengths of runs and over what it said; 0 where either has none."""
    own = [r for r in enumerate(runs(answer)) if r[1]]
    if not own or not said:
        return 0.0
    spoken = [runs(text) for text in said]
    shares = [len(r & other[i]) / len(r) for i, r in own for other in spoken]
    return float(np.mean(shares))


def containments(sets: Sequence[ServedSet], said: Sequence[Sequence[str]]) -> Array:
    """`containment` of every answer in what was said to its prompt, (n, m + 1)."""
    return np.array(
        [[containment(a, spoken) for a in s.answers] for s, spoken in zip(sets, said, strict=True)]
    )


def measurement(
    found: ServedOrTwin,
    mode: Mode,
    against: Sequence[str],
    exhibits: tuple[Exhibit, ...] = (),
    shared: int = 1,
) -> Measurement:
    """What a test came to, told: the mean preference for the served answers, and the e-value after
    so many prompts. ``against`` names what the scores were adjusted for; the bet's stake is
    ``shared`` by so many tests."""
    half = 1.96 * found.spread / np.sqrt(found.n)
    told = "how likely it finds them" if mode == "likelihood" else "which of their words it uses"
    path = found.log10_path
    looks = sorted({max(1, round(found.n * (i + 1) / LOOKS)) for i in range(LOOKS)})
    rows = tuple((k, round(float(path[k - 1] - np.log10(shared)), 2)) for k in looks)
    among = "" if shared == 1 else f" One stake is shared by {shared:,} tests."
    return Measurement(
        metric="preference for the served answers, in standard deviations of one prompt",
        metric_id="served_preference" if mode == "likelihood" else "served_preference_text",
        value=found.effect,
        n=found.n,
        n_unit=f"prompts with one served answer and {found.m} twins each",
        counts_prompts=True,
        direction="higher: the suspect prefers what was served; 0 without learning from it",
        interval=(found.effect - half, found.effect + half),
        summary=f"Compared by {told}, served answers stand {found.effect:+.2f} standard deviations"
        " above the mean of what could have been served.",
        tables=(
            Table(
                title="The bet as prompts came in",
                columns=("prompts", "log10 e-value"),
                rows=rows,
                caption=f"In the order of the log. It may be looked at after any prompt.{among}",
            ),
        ),
        exhibits=exhibits,
        notes=(
            f"Adjusted for: {', '.join(against)}."
            if against
            else "Not adjusted for anything: a base and a teacher would make it stronger.",
        ),
        facts={"mode": mode, "twins": found.m},
    )


def telling(sets: Sequence[ServedSet], scores: Array, most: int) -> tuple[Exhibit, ...]:
    """The prompts whose served answers stand highest above their twins, with both."""
    order = np.argsort(-scores, kind="stable")[:most]
    out = []
    for i in order:
        s = sets[int(i)]
        for name, answer in (("served", s.answers[0]), ("twin", s.answers[1])):
            out.append(
                Exhibit(
                    probe_id=s.probe.id,
                    arm=Arm.RECORDED,
                    prompt=s.probe.text,
                    answer=answer,
                    source=name,
                    why=f"Stands {scores[i]:+.1f} standard deviations above its twins."
                    if name == "served"
                    else "Could as well have been served.",
                    weight=float(scores[i]),
                )
            )
    return tuple(out)
