"""One recorded answer with what was asked, and the shapes of objects that hold one.

A row is a prompt and an answer under any of their usual names, a chat, or a request with its
response. Knows JSON objects; knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from fingerprints.records import NEUTRAL_SYSTEM, Arm, Message, Probe, Reply, Status, prompt_sha256
from fingerprints.subjects.messages import content_of, string_of, text_of, thoughts_of, turns_of
from fingerprints.subjects.responses import RecordedSaying, said_by, said_in
from fingerprints.subjects.strict_json import BadValue

PROMPTS = ("prompt", "instruction", "question", "input", "messages")
ANSWERS = ("answer", "output", "response", "completion", "generation", "text")
MODELS = ("model", "generator")
LONGEST_NAME = 200
THOUGHTS = ("reasoning_content", "thoughts")
# OpenAI's, Anthropic's, inspect_ai's and the Responses API's words for an answer that was cut.
CUT = frozenset({"length", "max_tokens", "model_length", "max_output_tokens"})
MOST_CONTEXT = 4_000_000
"""Characters that stand before the answers of one chat, added up: every answer has all before it,
so that a chat of a thousand turns would grow five hundredfold."""


@dataclass(frozen=True, slots=True)
class RecordedRow:
    """One recorded answer.

    ``history`` holds earlier turns (a system text among them), oldest first; ``prompt`` the last
    one. ``sample`` is None where the record doesn't number its samples, ``model`` where it names
    none. ``error`` says why there is no answer, ``thoughts`` what was thought apart from it.
    ``given`` counts turns of an assistant that stand in a request and are nobody's observed
    answers, ``left_out`` those of a chat that were not taken.
    """

    prompt: str
    answer: str
    model: str | None = None
    history: tuple[Message, ...] = ()
    arm: Arm = Arm.RECORDED
    sample: int | None = None
    id: str | None = None
    form: Literal["chat", "completion"] = "chat"
    finish_reason: str = ""
    error: str | None = None
    thoughts: str = ""
    given: int = 0
    left_out: int = 0

    @property
    def in_chat(self) -> bool:
        """Whether the model had answered before in the same chat."""
        return any(turn.role == "assistant" for turn in self.history)

    @property
    def status(self) -> Status:
        """How the recorded attempt ended, as far as the record says."""
        if self.error is not None:
            return Status.ERROR
        if not self.answer.strip():
            return Status.EMPTY
        return Status.TRUNCATED if self.finish_reason in CUT else Status.OK

    def probe(self) -> Probe:
        """What was asked, as ``recorded/`` and 24 digits of the prompt's digest.

        Within a chat it is of the kind ``dialogue``, and all answers of the chat are one cluster.
        """
        digest = prompt_sha256(self.prompt, self.history, completion=self.form == "completion")
        probe = Probe(
            id=f"recorded/{digest[:24]}", text=self.prompt, form=self.form, history=self.history
        )
        if not self.in_chat:
            return probe
        asked = [i for i, turn in enumerate(self.history) if turn.role == "user"]
        began = (
            prompt_sha256(self.history[asked[0]].content, self.history[: asked[0]])
            if asked
            else digest
        )
        return probe.model_copy(update={"kind": "dialogue", "question": f"recorded/{began[:24]}"})

    def reply(self, probe_id: str, sample: int) -> Reply:
        """The answer as a reply to the probe of that id."""
        return Reply(
            probe_id=probe_id,
            arm=self.arm,
            sample=sample,
            status=self.status,
            text=self.answer,
            thoughts=self.thoughts,
            finish_reason=self.finish_reason,
            served_model=self.model,
            error=self.error,
        )


def rows_of(value: Any) -> Iterator[RecordedRow]:
    """The answers that one JSON object holds: one, as many as its response has choices, or as many
    as its chat has turns of the assistant.

    A prompt is looked for under prompt, instruction (an ``input`` beside it is appended), question,
    input, messages; an answer under answer, output, response, completion, generation, text: the
    first that is there counts. Raises BadValue with the reason.
    """
    if not isinstance(value, dict):
        raise BadValue("not an object")
    request = value.get("request")
    if isinstance(request, dict):
        body = request.get("body", request)
        value = {**(body if isinstance(body, dict) else {}), **value}
    asked = next((name for name in PROMPTS if value.get(name) is not None), None)
    if asked is None:
        raise BadValue(f"no prompt (none of the fields {', '.join(PROMPTS)})")
    answered = next((name for name in ANSWERS if name in value and name != asked), None)
    turns = _asked(value, asked)
    if answered is None:
        yield from _chat(value, turns, [thoughts_of(m) for m in _messages(value[asked])])
    elif isinstance(value[answered], dict):
        yield from _responses(value, turns, value[answered])
    elif answered == "output" and isinstance(value[answered], list):
        yield from _responses(value, turns, {"output": value[answered]})
    else:
        told = next((value[n] for n in THOUGHTS if isinstance(value.get(n), str)), "")
        said = RecordedSaying(text_of(value[answered], answered), string_of(told, "thoughts"))
        yield _row(value, turns, said)


def _messages(given: Any) -> list[Any]:
    """The messages of a prompt that is a chat: a list, or an object that holds one."""
    if isinstance(given, dict) and isinstance(given.get("messages"), list):
        given = given["messages"]
    return given if isinstance(given, list) else []


def _asked(value: Mapping[str, Any], asked: str) -> list[Message]:
    given = value[asked]
    if isinstance(given, list | dict):
        return turns_of(_messages(given))
    text = string_of(given, asked)
    if asked == "instruction" and value.get("input"):
        text = f"{text}\n\n{string_of(value['input'], 'input')}"
    return [Message(role="user", content=text)]


def _chat(
    value: Mapping[str, Any], turns: list[Message], thoughts: list[str]
) -> Iterator[RecordedRow]:
    """Every turn of the assistant that answers a user's, with what stood before it.

    An opening before any question, a second turn in a row, and what would pass `MOST_CONTEXT` are
    counted on the last row; the last answer is always taken.
    """
    spoken = [i for i, turn in enumerate(turns) if turn.role == "assistant"]
    if not spoken:
        raise BadValue(f"no answer (none of the fields {', '.join(ANSWERS)})")
    places = [i for i in spoken if i and turns[i - 1].role == "user"]
    if not places:
        raise BadValue("no user turn comes before the answer")
    taken, context, length = [], 0, 0
    before = [length := length + len(turn.content) for turn in turns]
    for i in places[:-1]:
        context += before[i]
        if context > MOST_CONTEXT:
            break
        taken.append(i)
    taken.append(places[-1])
    for number, i in enumerate(taken):
        row = _row(value, turns[:i], RecordedSaying(turns[i].content, thoughts[i]))
        several = row.id is not None and len(taken) > 1
        named = f"{row.id}/{number + 1}"[-LONGEST_NAME:] if several else row.id
        last = i == taken[-1]
        yield replace(row, id=named, given=0, left_out=len(spoken) - len(taken) if last else 0)


def _row(value: Mapping[str, Any], turns: list[Message], said: RecordedSaying) -> RecordedRow:
    if not turns or turns[-1].role != "user":
        raise BadValue("no user turn comes before the answer")
    arm, history = _arm(value), turns[:-1]
    for name in SYSTEMS:
        if value.get(name):
            history = [Message(role="system", content=content_of(value[name])), *history]
    if history and history[0] == _SAID_BY_ARM.get(arm):
        history = history[1:]
    finish = said.finish or text_of(value.get("finish_reason"), "finish_reason")
    completion = said.completion or value.get("form") == "completion"
    return RecordedRow(
        prompt=turns[-1].content,
        answer=said.text,
        model=_model(value),
        history=tuple(history),
        arm=arm,
        sample=_sample(value),
        id=_id(value),
        form="completion" if completion else "chat",
        finish_reason=finish[:40],
        thoughts=said.thoughts,
        given=sum(turn.role == "assistant" for turn in history),
    )


SYSTEMS = ("system", "instructions")
"""A system prompt beside the messages: Anthropic's name, and that of OpenAI's Responses."""
_SAID_BY_ARM = {
    Arm.EMPTY: Message(role="system", content=""),
    Arm.NEUTRAL: Message(role="system", content=NEUTRAL_SYSTEM),
}


def _responses(
    value: Mapping[str, Any], turns: list[Message], response: dict[str, Any]
) -> Iterator[RecordedRow]:
    body = response.get("body", response)
    value = {"model": body.get("model") if isinstance(body, dict) else None, **value}
    found = said_in(response)
    if not found:
        failed = _row(value, turns, RecordedSaying(""))
        yield replace(failed, error="the recorded response has no choices")
    for number, said in enumerate(found):
        row = _row(value, turns, said)
        yield row if len(found) == 1 else replace(row, sample=number, given=0)


def choice_row(whole: RecordedRow, choice: Any, sample: int | None) -> RecordedRow:
    """A row with the answer of a choice (its message or text), or BadValue without one."""
    said = said_by(choice)
    return replace(
        whole,
        sample=sample,
        finish_reason=said.finish,
        answer=said.text,
        thoughts=said.thoughts,
        form="completion" if said.completion else whole.form,
    )


def _model(value: Mapping[str, Any]) -> str | None:
    for name in MODELS:
        if value.get(name) is not None:
            return name_of(value[name], name)
    return None


def name_of(given: Any, name: str) -> str:
    """A model's name: a string of 1 to 200 characters. Raises BadValue."""
    text = string_of(given, name)
    if not text.strip() or len(text) > LONGEST_NAME:
        raise BadValue(f"{name} is empty or longer than {LONGEST_NAME} characters")
    return text


def _arm(value: Mapping[str, Any]) -> Arm:
    given = value.get("arm")
    if given is None:
        return Arm.RECORDED
    if not isinstance(given, str) or given not in {arm.value for arm in Arm}:
        raise BadValue("arm is none of own, empty, neutral, recorded")
    return Arm(given)


def _sample(value: Mapping[str, Any]) -> int | None:
    given = value.get("sample")
    if given is None:
        return None
    if not isinstance(given, int) or isinstance(given, bool) or not 0 <= given < 1_000_000:
        raise BadValue("sample is not a whole number from 0 to 999,999")
    return given


def _id(value: Mapping[str, Any]) -> str | None:
    for name in ("id", "custom_id"):
        given = value.get(name)
        if isinstance(given, str) or (isinstance(given, int) and not isinstance(given, bool)):
            return str(given)[:LONGEST_NAME]
    return None
