"""The three questions of every report, and what is said of one that was not looked at."""

from __future__ import annotations

from auditor.evidence.records import Answer
from detectors.measurement import Question

ASKS: dict[Question, str] = {
    "inheritance": "Was the suspect trained on a teacher's outputs?",
    "lineage": "Were the suspect's weights initialised from another model's?",
    "service": "Does this endpoint serve the model that it claims?",
}
QUESTIONS: tuple[Question, ...] = tuple(ASKS)


def unexamined(*questions: Question) -> tuple[Answer, ...]:
    """The answers to questions that a narrower audit did not look at."""
    return tuple(
        Answer(
            question=question,
            asks=ASKS[question],
            answer="This question was not examined in this audit.",
            does_not_say="Silence on this question is neither a yes nor a no.",
            conclusion="not_examined",
        )
        for question in questions
    )
