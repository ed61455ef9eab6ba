"""How near two answers are, and which choices stayed: agreement with the teacher and the base.

Knows texts and transcripts; asks nothing and draws no interval.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from auditor.controls.evaluation.figure import KEPT_RIGHT, SAME_CHOICE
from detectors.text.choices import read_option
from fingerprints.transcript import Transcript

ORDER, BETA = 6, 2


def chrf(answer: str, reference: str, order: int = ORDER, beta: float = BETA) -> float:
    """chrF of an answer against a reference, 0 to 1 (Popović 2015, "chrF: character n-gram
    F-score", WMT, W15-3049).

    Precision and recall of character n-grams (blanks removed, counts clipped) are averaged over the
    lengths 1 to ``order`` of which both texts have any, and joined as (1 + β²)·P·R / (β²·P + R):
    recall weighs β times as much. With order 6 and β = 2 it is the usual chrF2. Needs no words, so
    that it serves every script. An answer that was cut short loses recall.

    >>> chrf("abc", "abd", order=2)
    0.5833333333333333
    """
    one, other = "".join(answer.split()), "".join(reference.split())
    sizes = range(1, min(order, len(one), len(other)) + 1)
    if not sizes:
        return 0.0
    matched = [(_grams(one, size) & _grams(other, size)).total() for size in sizes]
    precision, recall = (
        sum(m / (len(text) - size + 1) for m, size in zip(matched, sizes, strict=True)) / len(sizes)
        for text in (one, other)
    )
    weight = beta**2
    whole = weight * precision + recall
    return (1 + weight) * precision * recall / whole if whole else 0.0


def _grams(text: str, size: int) -> Counter[str]:
    return Counter(text[i : i + size] for i in range(len(text) - size + 1))


@dataclass(frozen=True)
class MarkedChoice:
    """One answer to a multiple-choice question: its letter (None: it named none), and whether
    that is the right one."""

    cluster: str
    letter: str | None
    right: bool


def read_choices(transcript: Transcript) -> dict[str, MarkedChoice]:
    """Every answer to a choice with a known solution, by question, arm and sample."""
    found: dict[str, MarkedChoice] = {}
    for reply in transcript.replies:
        probe = transcript.probes.get(reply.probe_id)
        if probe is not None and probe.form == "choice" and probe.answer is not None:
            said = read_option(reply.text, probe.options)
            letter = chr(ord("A") + said[0]) if said is not None else None
            right = said is not None and said[0] == probe.options.index(probe.answer)
            found[f"{reply.probe_id}/{reply.arm.value}/{reply.sample}"] = MarkedChoice(
                probe.cluster, letter, right
            )
    return found


def by_cluster(rows: Iterable[tuple[str, float]]) -> dict[str, float]:
    """The mean of each cluster's values."""
    found: dict[str, list[float]] = {}
    for cluster, value in rows:
        found.setdefault(cluster, []).append(value)
    return {key: sum(values) / len(values) for key, values in found.items()}


def retention(
    before: Mapping[str, MarkedChoice], after: Mapping[str, MarkedChoice]
) -> dict[str, dict[str, float]]:
    """What of the base's choices the student kept, by question, 0 to 1.

    ``same_choices``: of those that the base answered with a letter, the
    share that got the same letter again, right or wrong. ``right_choices_kept``: of
    those that the base had right, the share that the student has right too. A question that the
    base gave no letter, or had wrong, is in neither denominator.
    """
    both = [(one, after[key]) for key, one in before.items() if key in after]
    same = [(one.cluster, float(other.letter == one.letter)) for one, other in both if one.letter]
    kept = [(one.cluster, float(other.right)) for one, other in both if one.right]
    found = {SAME_CHOICE: by_cluster(same), KEPT_RIGHT: by_cluster(kept)}
    return {name: values for name, values in found.items() if values}
