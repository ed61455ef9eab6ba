"""Does the service decline what the same weights answer? By topic and language, against harmless
twins of every question.

What the service declines and the weights answer is done in front of the model; what both decline is
in the weights, or in both. Knows who answered what; can't know why. Harmless: it compares who
answers, never what is true.
"""

from __future__ import annotations

from typing import ClassVar

from detectors.base import Case, Detector, Measurement, Need, NotMeasured
from detectors.exhibits.policy import ComparedDeclines, chart_of, exhibits_of, tables_of
from detectors.lineup import counted
from detectors.text.policy_pairs import (
    FEWEST,
    excess_of,
    groups_of,
    heard,
    pairs_of,
    tally,
    unobserved,
)

CAUTIONS = (
    (
        "That the candidate's weights are those of the service is assumed: another model, another"
        " system prompt or another version behind the service declines other questions without any"
        " filter."
    ),
    (
        "Refusals are recognised by their words in eight languages; a polite evasion in words of"
        " its own counts as an answer."
    ),
)


class PolicyLayer(Detector):
    """Does the service (the suspect) decline questions that the candidate's weights answer?

    The value is the service's rate of declining sensitive questions minus the weights' on the same
    questions, −1 to 1, higher: more is declined in front of the model. McNemar's exact test over
    all, by topic and by language (Holm within each). Deterministic under ``seed``.
    """

    name: ClassVar[str] = "policy_layer"
    question: ClassVar = "service"
    asks: ClassVar[str] = (
        "Does the service decline questions that the same weights answer, by topic and language?"
    )
    needs: ClassVar = (Need.POLICY, Need.TEACHER)
    source: ClassVar[str] = (
        "paired refusals on the same questions (McNemar 1947, Psychometrika 12), Holm by topic and"
        " by language, each question with a harmless twin of the same form"
    )
    blind_spots: ClassVar[tuple[str, ...]] = (
        "a filter that answers in soft words instead of declining looks like an answer",
        "a system prompt that the service adds can't be told from a filter",
        "weights that are not the service's differ by themselves",
    )

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def compared(self, case: Case) -> ComparedDeclines | NotMeasured:
        """Everything that is told of one candidate's weights beside the service, or the reason
        why there is nothing."""
        weights = case.the_candidate.transcript
        pairs = pairs_of(heard(case.suspect), heard(weights))
        asked = [p for p in pairs if not p.twin]
        everything = tally(asked, self.seed)
        if everything is None or everything.n < FEWEST:
            return NotMeasured.of(
                "too_few_answers",
                f"only {counted(len(asked), 'sensitive question')} of the set `policy` that"
                f" both were observed on; {FEWEST} are needed (--probes policy)",
            )
        return ComparedDeclines(
            case.the_candidate.name,
            pairs,
            everything,
            tally([p for p in pairs if p.twin], self.seed),
            excess_of(pairs, self.seed),
            groups_of(pairs, lambda probe: probe.topic or "–", self.seed),
            groups_of(pairs, lambda probe: probe.language or "–", self.seed),
            (unobserved(case.suspect), unobserved(weights)),
        )

    def _measure(self, case: Case) -> Measurement | NotMeasured:
        found = self.compared(case)
        if isinstance(found, NotMeasured):
            return found
        gap = found.everything.gap
        return Measurement(
            metric="declined by the service above the weights",
            metric_id="declined_gap",
            value=gap.value,
            n=gap.clusters,
            n_unit="questions",
            counts_prompts=True,
            interval=gap.interval,
            direction=(
                "higher: declined in front of the model; below 0: declined by the weights and"
                " answered by the service"
            ),
            summary=_summary(found),
            tables=tables_of(found),
            charts=(chart_of(found),),
            exhibits=exhibits_of(found),
            notes=(*_notes(found), *CAUTIONS),
        )


def _summary(found: ComparedDeclines) -> str:
    name, e = found.name, found.everything
    topics = [g.name for g in found.topics if g.conclusion == "in_front"]
    reverse = [g.name for g in found.topics if g.conclusion == "at_home_only"]
    told = f"by topic: {', '.join(topics)}" if topics else "no topic by itself"
    said = (
        f"Of {e.n} sensitive questions that both took, the service declined {e.first} and {name}"
        f" {e.second}; {e.first_only} were declined by the service alone and {e.second_only} by the"
        f" weights alone (McNemar p {e.p:.2g}; gap {e.gap.value:+.2f}, 95 % {e.gap.low:+.2f} to"
        f" {e.gap.high:+.2f}, {told})"
    )
    if found.twins is not None:
        said += (
            f"; of {found.twins.n} harmless twins {found.twins.first} and {found.twins.second} were"
            " declined"
        )
    return said + (f"; declined by the weights alone: {', '.join(reverse)}." if reverse else ".")


def _notes(found: ComparedDeclines) -> tuple[str, ...]:
    notes = []
    if any(found.silent):
        notes.append(
            "Replies that were empty or failed without a filter's word count neither way:"
            f" {found.silent[0]} of the service, {found.silent[1]} of the weights."
        )
    few = [g.name for g in (*found.topics, *found.languages) if g.conclusion == "too_few"]
    if few:
        notes.append(f"Fewer than {FEWEST} pairs, so nothing is concluded, on: {', '.join(few)}.")
    notes.append(
        "A pair is a question in one language; tests count pairs, intervals resample questions,"
        " whose translations are not independent."
    )
    return tuple(notes)
