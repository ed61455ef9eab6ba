"""The records of known tools: by which fields each is recognised, and where its parts stand.

One row of the table is one tool's record; what a path can't say is a function beside it. Paths are
those of `fingerprints.field_path`. Shapes follow the tools' documentation and files of 2026.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fingerprints.field_path import FieldPath, value_at
from fingerprints.recordings.rows import NOTHING, AsideReason, RecordParts

Values = Mapping[str, Any]


def paths(text: str) -> tuple[FieldPath, ...]:
    """The paths of a text, parted by blanks; the first that leads somewhere counts."""
    return tuple(FieldPath.parse(part) for part in text.split())


@dataclass(frozen=True)
class RecordShape:
    """One tool's record. ``has``: keys that it has; ``holds``: values at paths that it has besides.

    ``aside``: such a record is no answer, and why. ``refuses`` says so of some of them.
    ``lenient``: the tool writes NaN. The rest is where parts stand.
    """

    tool: str
    has: frozenset[str]
    holds: Mapping[str, frozenset[str]] = field(default_factory=dict)
    aside: AsideReason | None = None
    refuses: Callable[[Values], AsideReason | None] = lambda value: None
    lenient: bool = False
    asked: tuple[FieldPath, ...] = ()
    said: tuple[FieldPath, ...] = ()
    model: tuple[FieldPath, ...] = ()
    system: tuple[FieldPath, ...] = ()
    finish: tuple[FieldPath, ...] = ()
    error: tuple[FieldPath, ...] = ()
    id: tuple[FieldPath, ...] = ()
    takes: Callable[[Values], Iterator[RecordParts]] | None = None

    def fits(self, value: Values) -> bool:
        """Whether a record is of this tool."""
        return self.has <= value.keys() and all(
            value.get(key) in told for key, told in self.holds.items()
        )

    def parts(self, value: Values) -> Iterator[RecordParts]:
        """The parts of a record: of one answer, mostly."""
        if self.takes is not None:
            yield from self.takes(value)
            return
        error = _led(value, self.error)
        yield RecordParts(
            asked=_led(value, self.asked),
            said=NOTHING if not self.said else _led(value, self.said),
            system=_led(value, self.system),
            model=_led(value, self.model),
            finish=_led(value, self.finish),
            error=error or None,
            id=_led(value, self.id),
        )


def _led(value: Values, ways: tuple[FieldPath, ...]) -> Any:
    return next((found for way in ways if (found := value_at(value, way)) is not None), None)


def _keys(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _scored_only(value: Values) -> AsideReason | None:
    """lm-eval asks for likelihoods of given texts as well: then the second argument is a text."""
    second = _led(value, paths("arguments.gen_args_0.arg_1 arguments[0][1]"))
    return AsideReason.LIKELIHOOD if isinstance(second, str) else None


def _of_two(value: Values) -> Iterator[RecordParts]:
    """LMArena: one question, two models, of which each answers; texts may hold lists of turns."""
    for side in ("a", "b"):
        chat, said = value.get(f"conversation_{side}"), value.get(f"response_{side}")
        model = value.get(f"model_{side}")
        name = value.get("conversation_id") or value.get("question_id") or value.get("id")
        if isinstance(chat, list):
            yield RecordParts(asked=chat, model=model, id=name)
        elif isinstance(value.get("prompt"), list) and isinstance(said, list):
            yield RecordParts(asked=value["prompt"], answers=said, model=model, id=name)
        else:
            yield RecordParts(asked=value.get("prompt"), said=said, model=model, id=name)


def _by_turns(value: Values) -> Iterator[RecordParts]:
    """MT-Bench and Arena-Hard: answers turn by turn; the questions stand in a file of their own."""
    choices = value["choices"]
    for number, choice in enumerate(choices if isinstance(choices, list) else []):
        turns = choice.get("turns") if isinstance(choice, dict) else None
        said = [t.get("content") if isinstance(t, dict) else t for t in turns or ()]
        yield RecordParts(
            answers=said,
            model=value["model_id"],
            id=value["question_id"],
            sample=number if len(choices) > 1 else None,
        )


SHAPES: tuple[RecordShape, ...] = (
    RecordShape(
        "langfuse",
        _keys("type input output"),
        {"type": _keys("GENERATION")},
        asked=paths("input"),
        said=paths("output"),
        model=paths("model providedModelName internalModelId"),
        id=paths("id"),
    ),
    RecordShape(
        "langfuse",
        _keys("type traceId"),
        {"type": _keys("SPAN EVENT AGENT TOOL CHAIN RETRIEVER EVALUATOR EMBEDDING GUARDRAIL")},
        aside=AsideReason.NO_ANSWER,
    ),
    RecordShape(
        "langsmith",
        _keys("run_type inputs"),
        {"run_type": _keys("llm chat_model")},
        asked=paths("inputs.messages inputs.prompts inputs.prompt inputs.input inputs"),
        said=paths("outputs"),
        model=paths(
            "extra.metadata.ls_model_name extra.invocation_params.model"
            " extra.invocation_params.model_name outputs.llm_output.model_name inputs.model"
        ),
        error=paths("error"),
        id=paths("id"),
    ),
    RecordShape("langsmith", _keys("run_type inputs"), aside=AsideReason.NO_ANSWER),
    RecordShape(
        "promptfoo",
        _keys("vars response provider"),
        lenient=True,
        asked=paths("prompt.raw prompt"),
        said=paths("response.output"),
        model=paths("provider.id provider.label provider"),
        finish=paths("response.finishReason"),
        error=paths("response.error"),
        id=paths("id"),
    ),
    RecordShape(
        "promptfoo",
        _keys("vars provider error"),
        asked=paths("prompt.raw prompt"),
        model=paths("provider.id provider.label provider"),
        error=paths("error"),
        id=paths("id"),
    ),
    RecordShape(
        "lm-evaluation-harness",
        _keys("doc resps arguments"),
        lenient=True,
        refuses=_scored_only,
        asked=paths("arguments.gen_args_0.arg_0 arguments[0][0]"),
        said=paths("resps[0] resps"),
        id=paths("doc_id"),
    ),
    RecordShape(
        "garak",
        _keys("entry_type outputs"),
        {"entry_type": _keys("attempt")},
        lenient=True,
        asked=paths("prompt"),
        said=paths("outputs"),
        id=paths("uuid"),
    ),
    RecordShape("garak", _keys("entry_type"), aside=AsideReason.NO_ANSWER, lenient=True),
    RecordShape("LMArena", _keys("model_a model_b conversation_a conversation_b"), takes=_of_two),
    RecordShape("LMArena", _keys("model_a model_b response_a response_b"), takes=_of_two),
    RecordShape("MT-Bench", _keys("question_id model_id choices"), takes=_by_turns),
    RecordShape(
        "Anthropic batch",
        _keys("custom_id result"),
        said=paths("result.message"),
        model=paths("result.message.model"),
        error=paths("result.error.error result.error"),
        id=paths("custom_id"),
    ),
    RecordShape(
        "AI Studio",
        _keys("chunkedPrompt"),
        asked=paths("chunkedPrompt.chunks"),
        model=paths("runSettings.model"),
        system=paths("systemInstruction"),
    ),
)
"""The first that fits counts."""

MODEL_HEADERS: tuple[FieldPath, ...] = (
    *(FieldPath.parse(f"/plugins.{name}") for name in ("target_name", "model_name")),
    *(FieldPath.parse(f"plugins.{name}") for name in ("target_name", "model_name")),
)
"""Where garak's first entry names the model of all that follow."""


_MARKS = frozenset({"type", "run_type", "vars", "resps", "entry_type", "model_a", "model_id"}) | {
    "result",
    "chunkedPrompt",
}
"""Keys of which every shape has one: most rows have none, and are asked for nothing else."""


def shape_of(value: Values) -> RecordShape | None:
    """The shape of a record, None for one that no tool's is."""
    if _MARKS.isdisjoint(value):
        return None
    return next((shape for shape in SHAPES if shape.fits(value)), None)
