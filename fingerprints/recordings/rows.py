"""One recorded answer with what was asked, and how a record's parts become such rows.

A record is a prompt and an answer, or a chat of which every answer counts. Knows parts that were
found; knows neither the names under which they stood nor files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from fingerprints.recordings.responses import RecordedSaying, said_in
from fingerprints.recordings.turns import RecordedTurn, chat_in, is_chat, said_of, turns_in
from fingerprints.records import NEUTRAL_SYSTEM, Arm, Message, Probe, Reply, Status, prompt_sha256
from fingerprints.subjects.messages import string_of, text_of
from fingerprints.subjects.strict_json import BadValue

LONGEST_NAME = 200
# OpenAI's, Anthropic's, inspect_ai's, the Responses API's and Gemini's words for a cut answer.
CUT = frozenset({"length", "max_tokens", "model_length", "max_output_tokens", "MAX_TOKENS"})
MOST_CONTEXT = 4_000_000
"""Characters that stand before the answers of one chat, added up: every answer has all before it,
so that a chat of a thousand turns would grow five hundredfold."""


class AsideReason(StrEnum):
    """Why something in a recording was set aside: it was understood, and is no answer."""

    NO_ANSWER = "no_answer"
    UNSEEN = "unseen"
    CALL = "call"
    LIKELIHOOD = "likelihood"


class SetAsideRows(NamedTuple):
    """So many things of a recording that were understood and are no answers."""

    reason: AsideReason
    n: int = 1


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


Told = RecordedRow | SetAsideRows
NOTHING = object()
"""Stands for an answer that a record has no field for; null is an empty one."""


@dataclass(frozen=True, slots=True)
class RecordParts:
    """What a record holds, as it stood there: what was asked, what was answered, and all else that
    a row keeps. ``answers`` are those to a list of questions, which were asked in turn."""

    asked: Any = None
    said: Any = NOTHING
    system: Any = None
    model: Any = None
    thoughts: Any = None
    finish: Any = None
    error: Any = None
    id: Any = None
    sample: Any = None
    arm: Any = None
    form: Any = None
    answers: Any = None


def rows_of_parts(parts: RecordParts) -> Iterator[Told]:
    """The answers that a record's parts hold: one, as many as its response has choices, or as many
    as its chat has turns of the assistant.

    Raises BadValue with the reason.
    """
    if parts.answers is not None:
        parts = replace(parts, asked=_in_turn(parts.asked, parts.answers), answers=None)
    turns = _asked(parts.asked)
    if parts.said is NOTHING and parts.error is None:
        yield from rows_of_chat(parts, turns)
        return
    if any(turn.unseen for turn in turns):
        yield SetAsideRows(AsideReason.UNSEEN)
        return
    model, said = (None, []) if parts.error is not None else _said(parts.said)
    if parts.model is None and model is not None:
        parts = replace(parts, model=model)
    if not said:
        failed = _row(parts, turns, RecordedSaying(""))
        why = "the recorded response has no choices" if parts.error is None else _why(parts.error)
        yield replace(failed, error=why)
        return
    for number, one in enumerate(said):
        row = _row(parts, turns, one)
        yield row if len(said) == 1 else replace(row, sample=number, given=0)


def _in_turn(asked: Any, answers: Any) -> list[dict[str, Any]]:
    """Questions and their answers as the messages of one chat. Raises BadValue where their numbers
    differ."""
    if isinstance(asked, dict):
        asked = asked.get("turns", asked.get("prompt"))
    questions = [asked] if isinstance(asked, str) else asked
    if not isinstance(questions, list) or not isinstance(answers, list):
        raise BadValue("questions or answers are no list")
    if len(questions) != len(answers):
        raise BadValue(f"{len(questions)} questions and {len(answers)} answers")
    pairs = zip(questions, answers, strict=True)
    both = ((("user", q), ("assistant", a)) for q, a in pairs)
    return [{"role": role, "content": text} for pair in both for role, text in pair]


def _why(error: Any) -> str:
    told = error.get("message", error) if isinstance(error, dict) else error
    return " ".join(str(told).split())[:LONGEST_NAME] or "the record tells of an error"


def _asked(given: Any) -> list[RecordedTurn]:
    """What was asked as turns: a text, messages, or an object that holds either."""
    for _ in range(4):
        if isinstance(given, str):
            chat = chat_in(given) if given[:1] in "[{ \n" and given else None
            if chat is None:
                return [RecordedTurn("user", string_of(given, "prompt"))]
            given = chat
        if isinstance(given, list):
            if len(given) == 1 and isinstance(given[0], str):
                given = given[0]
                continue
            if given and all(isinstance(t, str) for t in given):
                raise BadValue("what was asked is a list of texts")
            return turns_in(given)
        if not isinstance(given, dict):
            break
        held = next((given[k] for k in HOLDERS if given.get(k) is not None), None)
        if held is None or (is_chat([given]) and not is_chat(held)):
            return turns_in([given])
        system = next((given[k] for k in SYSTEMS if given.get(k)), None)
        if system is not None:
            return [_system(system), *_asked(held)]
        given = held
    raise BadValue("what was asked is not a string")


HOLDERS = ("messages", "contents", "turns", "input", "prompt", "question", "query", "kwargs")
"""Where an object that was sent holds what was asked, the first that is there counts."""
SYSTEMS = ("system", "instructions", "systemInstruction", "system_instruction")
"""A system prompt beside the messages: Anthropic's name, that of OpenAI's Responses, Gemini's."""


def _said(given: Any) -> tuple[Any, list[RecordedSaying]]:
    """The answers in what was said, and the model that it names: a text, a response, a message,
    parts of one, or a list of several."""
    if given is None or isinstance(given, str):
        return None, [RecordedSaying(text_of(given, "the answer"))]
    if isinstance(given, list):
        return None, _listed(given)
    if not isinstance(given, dict):
        raise BadValue("the answer is not a string")
    body = given.get("body", given)
    told = body if isinstance(body, dict) else {}
    return told.get("model") or told.get("modelVersion"), said_in(given)


def _listed(given: list[Any]) -> list[RecordedSaying]:
    """The answers in a list: texts, objects that hold one each, or the items of one response.
    Raises BadValue for a chat of several answers, of which none is known to be meant."""
    if given and all(t is None or isinstance(t, str) for t in given):
        return [RecordedSaying(text_of(t, "the answer")) for t in given]
    if len(given) == 1 and isinstance(given[0], list):
        return _listed(given[0])
    if is_chat(given):
        turns = [t for t in turns_in(given) if t.role == "assistant" and t.text.strip()]
        if len(turns) > 1:
            raise BadValue(f"the output is a chat of {len(turns)} answers")
        return [RecordedSaying(t.text, t.thoughts, t.end) for t in turns] or [RecordedSaying("")]
    bare = all(t is None or (isinstance(t, dict) and "type" not in t) for t in given)
    if given and bare:
        return [s for t in given for s in ([RecordedSaying("")] if t is None else said_in(t))]
    return said_in({"output": given})


def rows_of_chat(parts: RecordParts, turns: Sequence[RecordedTurn]) -> Iterator[Told]:
    """Every new turn of the assistant that answers a user's, with what stood before it.

    An opening before any question, a second turn in a row, and what would pass `MOST_CONTEXT` are
    counted on the last row; the last answer is always taken.
    """
    spoken = [i for i, t in enumerate(turns) if t.role == "assistant" and t.new]
    calls = sum(turns[i].calls and not turns[i].text.strip() for i in spoken)
    unseen = next((i for i, t in enumerate(turns) if t.unseen), len(turns))
    words = [i for i in spoken if not turns[i].calls or turns[i].text.strip()]
    seen = [i for i in words if i < unseen]
    places = [i for i in seen if i and turns[i - 1].role == "user"]
    aside = ((AsideReason.CALL, calls), (AsideReason.UNSEEN, len(words) - len(seen)))
    yield from (SetAsideRows(reason, n) for reason, n in aside if n)
    if not places:
        if not any(n for _, n in aside):
            raise BadValue(
                "no user turn comes before the answer" if words else "no turn of an assistant"
            )
        return
    for number, i in enumerate(taken := _taken(turns, places)):
        turn = turns[i]
        saying = RecordedSaying(turn.text, turn.thoughts, turn.end)
        own = parts if turn.model is None else replace(parts, model=turn.model)
        row = _row(own, turns[:i], saying)
        several = row.id is not None and len(taken) > 1
        named = f"{row.id}/{number + 1}"[-LONGEST_NAME:] if several else row.id
        left = len(seen) - len(taken) if i == taken[-1] else 0
        yield replace(row, id=named, given=0, left_out=left)


def _taken(turns: Sequence[RecordedTurn], places: Sequence[int]) -> list[int]:
    taken, context, length = [], 0, 0
    before = [length := length + len(turn.text) for turn in turns]
    for i in places[:-1]:
        context += before[i]
        if context > MOST_CONTEXT:
            break
        taken.append(i)
    return [*taken, places[-1]]


def _system(given: Any) -> RecordedTurn:
    return RecordedTurn("system", "".join(said_of(given).texts))


def _row(parts: RecordParts, turns: Sequence[RecordedTurn], said: RecordedSaying) -> RecordedRow:
    if not turns or turns[-1].role != "user":
        raise BadValue("no user turn comes before the answer")
    if parts.system:
        turns = [_system(parts.system), *turns]
    history = [Message(role=t.role, content=t.text) for t in turns[:-1]]
    arm = _arm(parts.arm)
    if history and history[0] == _SAID_BY_ARM.get(arm):
        history = history[1:]
    finish = said.finish or (parts.finish if isinstance(parts.finish, str) else "")
    beside = parts.thoughts if isinstance(parts.thoughts, str) else ""
    return RecordedRow(
        prompt=turns[-1].text,
        answer=said.text,
        model=None if parts.model is None else name_of(parts.model, "model"),
        history=tuple(history),
        arm=arm,
        sample=_sample(parts.sample),
        id=_id(parts.id),
        form="completion" if said.completion or parts.form == "completion" else "chat",
        finish_reason=finish[:40],
        thoughts=said.thoughts or string_of(beside, "thoughts"),
        given=sum(turn.role == "assistant" for turn in history),
    )


_SAID_BY_ARM = {
    Arm.EMPTY: Message(role="system", content=""),
    Arm.NEUTRAL: Message(role="system", content=NEUTRAL_SYSTEM),
}


def name_of(given: Any, name: str) -> str:
    """A model's name: a string of 1 to 200 characters. Raises BadValue."""
    text = string_of(given, name)
    if not text.strip() or len(text) > LONGEST_NAME:
        raise BadValue(f"{name} is empty or longer than {LONGEST_NAME} characters")
    return text


def _arm(given: Any) -> Arm:
    if given is None:
        return Arm.RECORDED
    if not isinstance(given, str) or given not in {arm.value for arm in Arm}:
        raise BadValue("arm is none of own, empty, neutral, recorded")
    return Arm(given)


def _sample(given: Any) -> int | None:
    if given is None:
        return None
    if not isinstance(given, int) or isinstance(given, bool) or not 0 <= given < 1_000_000:
        raise BadValue("sample is not a whole number from 0 to 999,999")
    return given


def _id(given: Any) -> str | None:
    if isinstance(given, str) or (isinstance(given, int) and not isinstance(given, bool)):
        return str(given)[:LONGEST_NAME]
    return None
