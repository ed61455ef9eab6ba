"""Two subjects' repeated answers to the same prompts, side by side: what every two-sample test of a
service reads.

Knows records and the order in which prompts are asked; knows no statistic.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from detectors.base import Case, Detector, Measurement, Need, NotMeasured
from detectors.pairing import DEFAULT_ARMS
from detectors.stats.relabelling import ROUNDS, Array, labellings
from detectors.style.likeness import betting_order
from fingerprints.records import Probe, Reply, Status
from fingerprints.transcript import Transcript

FEWEST_PROMPTS = 8
"""Fewer prompts than this say nothing of a service."""
FEWEST_SAMPLES = 2
"""Answers that either side must have given to a prompt."""
ANSWERED = (Status.OK, Status.TRUNCATED, Status.EMPTY)
"""An empty answer is an answer too: a service that says nothing where the claimed model speaks
is another service."""


@dataclass(frozen=True)
class Asked:
    """One prompt with both sides' answers, each side's in order of its sample numbers."""

    probe: Probe
    endpoint: tuple[Reply, ...]
    reference: tuple[Reply, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """What was said, the endpoint's answers first."""
        return tuple(said(reply) for reply in (*self.endpoint, *self.reference))

    @property
    def sizes(self) -> tuple[int, int]:
        """How many answers the endpoint and the reference gave."""
        return len(self.endpoint), len(self.reference)


def said(reply: Reply) -> str:
    """An answer as it is compared: servers differ in white space at the ends and in half a
    character at a cut."""
    return reply.text.strip().rstrip("\ufffd").rstrip()


def asked_of_both(
    endpoint: Transcript, reference: Transcript, samples: int = FEWEST_SAMPLES
) -> list[Asked]:
    """The prompts that both answered at least ``samples`` times, in asking order.

    Only the arms without a system prompt of ours count. Prompts are the same where their digests
    are.
    """
    ours, theirs = _by_prompt(endpoint), _by_prompt(reference)
    shared = [
        sha
        for sha in ours
        if sha in theirs and min(len(ours[sha][1]), len(theirs[sha][1])) >= samples
    ]
    # The order is by digest: it knows nothing of answers, which bets and change points rest on.
    return [
        Asked(ours[sha][0], tuple(ours[sha][1]), tuple(theirs[sha][1]))
        for sha in sorted(shared, key=betting_order)
    ]


def _by_prompt(transcript: Transcript) -> dict[str, tuple[Probe, list[Reply]]]:
    out: dict[str, tuple[Probe, list[Reply]]] = {}
    digests = {name: probe.prompt_sha256() for name, probe in transcript.probes.items()}
    for reply in sorted(transcript.replies, key=lambda r: (r.probe_id, r.sample)):
        if reply.probe_id in digests and reply.status in ANSWERED and reply.arm in DEFAULT_ARMS:
            out.setdefault(digests[reply.probe_id], (transcript.probes[reply.probe_id], []))[
                1
            ].append(reply)
    return out


def asked_in(case: Case) -> list[Asked] | NotMeasured:
    """The prompts of a case (suspect: the endpoint, candidate: the claimed model), or why there
    are too few."""
    asked = asked_of_both(case.suspect, case.the_candidate.transcript)
    if len(asked) < FEWEST_PROMPTS:
        return NotMeasured.of(
            "too_few_answers",
            f"only {len(asked)} prompts were answered at least {FEWEST_SAMPLES} times by both"
            f" sides; {FEWEST_PROMPTS} are needed",
        )
    return asked


def repeats(asked: Sequence[Asked]) -> bool:
    """Whether the reference's answers to a prompt are always the same: greedy answers, which
    vary for no other reason."""
    return all(len({said(r) for r in one.reference}) == 1 for one in asked)


class TwoSampleDetector(Detector):
    """Are both sides' repeated answers alike? Measures the prompts that both answered.

    ``rounds`` relabellings give the p-value. Deterministic under ``seed``.
    """

    question: ClassVar = "service"
    needs: ClassVar = (Need.REPEATED, Need.TEACHER)

    def __init__(self, rounds: int = ROUNDS, seed: int = 0) -> None:
        self.rounds = rounds
        self.seed = seed

    def _measure(self, case: Case) -> Measurement | NotMeasured:
        asked = asked_in(case)
        return asked if isinstance(asked, NotMeasured) else self._compared(asked)

    @abstractmethod
    def _compared(self, asked: Sequence[Asked]) -> Measurement | NotMeasured:
        """The number for prompts that both answered, in asking order."""

    def _labels(self, asked: Sequence[Asked]) -> list[Array]:
        """Which answers count as the endpoint's, under each relabelling of each prompt."""
        return labellings([a.sizes for a in asked], self.rounds, self.seed)
