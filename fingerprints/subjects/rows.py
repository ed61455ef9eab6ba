"""One recorded answer with what was asked, and the shapes of objects that hold one.

A row is a prompt and an answer under any of their usual names, a chat, or a request with its
response. Knows JSON objects; knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from fingerprints.errors import printable
from fingerprints.records import NEUTRAL_SYSTEM, Arm, Message, Probe, Reply, Status, prompt_sha256
from fingerprints.subjects.strict_json import BadValue

PROMPTS = ("prompt", "instruction", "question", "input", "messages")
ANSWERS = ("answer", "output", "response", "completion", "generation", "text")
MODELS = ("model", "generator")
LONGEST_NAME = 200
# OpenAI's, Anthropic's and inspect_ai's words for an answer that was cut.
CUT = frozenset({"length", "max_tokens", "model_length"})
ROLES: Mapping[str, Literal["system", "user", "assistant"]]
ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
"""Developer is what OpenAI's newer models call the system."""


@dataclass(frozen=True, slots=True)
class RecordedRow:
    """One recorded answer.

    ``history`` holds earlier turns (a system text among them), oldest first; ``prompt`` the last
    one. ``sample`` is None where the record doesn't number its samples, ``model`` where it names
    none. ``error`` says why there is no answer.
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

    @property
    def status(self) -> Status:
        """How the recorded attempt ended, as far as the record says."""
        if self.error is not None:
            return Status.ERROR
        if not self.answer.strip():
            return Status.EMPTY
        return Status.TRUNCATED if self.finish_reason in CUT else Status.OK

    def probe(self) -> Probe:
        """What was asked, as ``recorded/`` and 24 digits of the prompt's digest."""
        digest = prompt_sha256(self.prompt, self.history, completion=self.form == "completion")
        return Probe(
            id=f"recorded/{digest[:24]}", text=self.prompt, form=self.form, history=self.history
        )

    def reply(self, probe_id: str, sample: int) -> Reply:
        """The answer as a reply to the probe of that id."""
        return Reply(
            probe_id=probe_id,
            arm=self.arm,
            sample=sample,
            status=self.status,
            text=self.answer,
            finish_reason=self.finish_reason,
            served_model=self.model,
            error=self.error,
        )


def rows_of(value: Any) -> Iterator[RecordedRow]:
    """The answers that one JSON object holds: one, or as many as its response has choices.

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
    if answered is None and turns[-1].role == "assistant":
        yield _row(value, turns[:-1], turns[-1].content)
    elif answered is None:
        raise BadValue(f"no answer (none of the fields {', '.join(ANSWERS)})")
    elif isinstance(value[answered], dict):
        yield from _choices(value, turns, value[answered])
    else:
        yield _row(value, turns, _answer(value[answered], answered))


def _asked(value: Mapping[str, Any], asked: str) -> list[Message]:
    given = value[asked]
    if isinstance(given, list):
        return turns_of(given)
    text = string_of(given, asked)
    if asked == "instruction" and value.get("input"):
        text = f"{text}\n\n{string_of(value['input'], 'input')}"
    return [Message(role="user", content=text)]


def _answer(given: Any, name: str) -> str:
    return "" if given is None else string_of(given, name)


def _row(value: Mapping[str, Any], turns: list[Message], answer: str) -> RecordedRow:
    if not turns or turns[-1].role != "user":
        raise BadValue("no user turn comes before the answer")
    arm, history = _arm(value), turns[:-1]
    if value.get("system"):
        history = [Message(role="system", content=string_of(value["system"], "system")), *history]
    if history and history[0] == _SAID_BY_ARM.get(arm):
        history = history[1:]
    return RecordedRow(
        prompt=turns[-1].content,
        answer=answer,
        model=_model(value),
        history=tuple(history),
        arm=arm,
        sample=_sample(value),
        id=_id(value),
        form="completion" if value.get("form") == "completion" else "chat",
        finish_reason=_answer(value.get("finish_reason"), "finish_reason")[:40],
    )


_SAID_BY_ARM = {
    Arm.EMPTY: Message(role="system", content=""),
    Arm.NEUTRAL: Message(role="system", content=NEUTRAL_SYSTEM),
}


def _choices(
    value: Mapping[str, Any], turns: list[Message], response: dict[str, Any]
) -> Iterator[RecordedRow]:
    body = response.get("body", response)
    choices = body.get("choices") if isinstance(body, dict) else None
    model = body.get("model") if isinstance(body, dict) else None
    whole = _row({"model": model, **value}, turns, "")
    if not isinstance(choices, list) or not choices:
        yield replace(whole, error="the recorded response has no choices")
        return
    for number, choice in enumerate(choices):
        yield choice_row(whole, choice, whole.sample if len(choices) == 1 else number)


def choice_row(whole: RecordedRow, choice: Any, sample: int | None) -> RecordedRow:
    """A row with the answer of a choice (its message or text), or BadValue without one."""
    told = choice if isinstance(choice, dict) else {}
    reason, message = told.get("finish_reason", told.get("stop_reason")), told.get("message")
    end = reason[:40] if isinstance(reason, str) else ""
    row = replace(whole, sample=sample, finish_reason=end)
    if isinstance(message, dict):
        return replace(row, answer=content_of(message.get("content")))
    if "text" in told:
        return replace(row, answer=_answer(told["text"], "text"), form="completion")
    raise BadValue("a choice of the response has neither message nor text")


def turns_of(messages: list[Any]) -> list[Message]:
    """Chat messages as turns, oldest first. Raises BadValue for none and for odd ones."""
    if not messages:
        raise BadValue("the list of messages is empty")
    return [_turn(message) for message in messages]


def _turn(message: Any) -> Message:
    role = message.get("role") if isinstance(message, dict) else None
    if not isinstance(role, str) or role not in ROLES:
        shown = printable(str(role), 40)
        raise BadValue(f"a message has the role {shown!r}, not system, user or assistant")
    return Message(role=ROLES[role], content=content_of(message.get("content")))


def content_of(content: Any) -> str:
    """The text of a message: a string, null (no text), or a list of text parts joined. Raises
    BadValue for other parts."""
    if not isinstance(content, list):
        return _answer(content, "content")
    texts = []
    for part in content:
        text = part.get("text") if isinstance(part, dict) else part
        if isinstance(part, dict) and part.get("type") == "reasoning":
            continue
        texts.append(string_of(text, "a part of the content"))
    return "".join(texts)


def string_of(given: Any, name: str) -> str:
    """A string, lone surrogates made storable. Raises BadValue for any other type."""
    if not isinstance(given, str):
        raise BadValue(f"{name} is not a string")
    return given if given.isascii() else given.encode("utf-8", "replace").decode("utf-8")


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
