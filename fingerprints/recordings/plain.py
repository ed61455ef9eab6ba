"""The parts of a record by the names of its fields: a prompt and an answer as most tools call them,
or as the user maps them.

Knows names; knows no tool. Two fields that may both be the answer are never guessed between.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from fingerprints.errors import UsageProblem, printable
from fingerprints.field_path import FieldPath, value_at
from fingerprints.recordings.responses import is_response
from fingerprints.recordings.rows import NOTHING, RecordParts
from fingerprints.recordings.turns import is_chat
from fingerprints.subjects.strict_json import BadValue

PROMPTS = (
    *("prompt", "instruction", "question", "input", "query", "userinput", "inputs"),
    *("messages", "conversations", "conversation", "contents", "turns", "chat", "dialogue"),
    *("userprompt", "userquery", "usermessage"),
)
"""Where a prompt or a chat stands, the first that is there counts. Names are compared in lower
case, without spaces, dashes and underscores."""
ANSWERS = (
    *("answer", "output", "response", "completion", "generation"),
    *("actualoutput", "modeloutput", "modelanswer", "modelresponse", "generatedtext", "reply"),
    *("assistant", "assistantresponse", "prediction", "responsebody"),
)
"""Where an answer stands. Not ``expected_output``, ``reference``, ``target`` or ``outputs``: those
are mostly somebody else's."""
WEAK_ANSWERS = ("text", "content", "choices", "candidates")
"""Names that hold an answer only where nothing else does."""
MODELS = ("model", "generator", "modelid", "modelname", "modelslug", "engine")
SYSTEMS = ("system", "instructions", "systemprompt", "systemmessage", "systeminstruction")
THOUGHTS = ("reasoningcontent", "thoughts", "reasoning", "thinking", "thoughtprocess")
FINISHES = ("finishreason", "stopreason", "donereason")
IDS = ("customid", "id", "questionid", "uid", "key", "requestid")
REQUESTS = ("request", "requestbody", "proxyserverrequest")
FIELDS = ("prompt", "answer", "system", "model", "thoughts", "finish", "id")
"""What ``--map`` leads to a field."""
KEYS_SHOWN, KEY_SHOWN = 12, 24


class UnknownFields(BadValue):
    """No field of a record is called as a prompt or an answer is: a map would help."""


@dataclass(frozen=True)
class FieldMap:
    """Where the user says that parts of a record stand; empty: where names say so."""

    paths: Mapping[str, FieldPath] = field(default_factory=dict)

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> FieldMap:
        """The map of ``{"prompt": "question", …}``. Raises UsageProblem for a part that nobody
        knows and for a path that names nothing."""
        for name in given:
            if name not in FIELDS:
                raise UsageProblem(
                    f"nothing of a recording is called {printable(name, 40)!r}",
                    where="--map",
                    next_step=f"map {', '.join(FIELDS)}",
                )
        return cls({name: FieldPath.parse(text) for name, text in given.items()})


def key_of(name: str) -> str:
    """A field's name as names are compared.

    >>> key_of("Model Output")
    'modeloutput'
    """
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


class _Layout(NamedTuple):
    """Which keys of a record are which part, as far as names say: in the order in which they
    count."""

    prompts: tuple[str, ...]
    answers: tuple[str, ...]
    weak: tuple[str, ...]
    systems: tuple[str, ...]
    models: tuple[str, ...]
    thoughts: tuple[str, ...]
    finishes: tuple[str, ...]
    ids: tuple[str, ...]
    requests: tuple[str, ...]


_NAMES = (PROMPTS, ANSWERS, WEAK_ANSWERS, SYSTEMS, MODELS, THOUGHTS, FINISHES, IDS, REQUESTS)
LONGEST_KEYS = 2000
"""Characters of a record's keys up to which their layout is remembered for the next record."""


def _layout(value: Mapping[str, Any]) -> _Layout:
    keys = tuple(value)
    return _remembered(keys) if sum(map(len, keys)) < LONGEST_KEYS else _laid_out(keys)


def _laid_out(keys: tuple[str, ...]) -> _Layout:
    named = {key_of(key): key for key in keys}
    return _Layout(*(tuple(named[n] for n in names if n in named) for names in _NAMES))


_remembered = lru_cache(maxsize=1024)(_laid_out)


def mapped_parts(value: Mapping[str, Any], to: FieldMap) -> RecordParts:
    """The parts of a record where the user says that they stand; what isn't mapped, by name.

    Raises BadValue where the prompt leads nowhere.
    """
    keys = _layout(value)
    got = {name: value_at(value, path) for name, path in to.paths.items()}
    if "prompt" in got and got["prompt"] is None:
        raise BadValue(f"the prompt's field {to.paths['prompt'].text!r} is empty or not there")
    asked = got.get("prompt", _first(value, keys.prompts))
    if asked is None:
        raise UnknownFields(f"no prompt; {keys_told(value)}")
    said = got.get("answer", NOTHING)
    if "answer" not in got and not is_chat(asked):
        held = [k for k in keys.answers if value[k] is not asked]
        said = value[held[0]] if held else NOTHING
    return RecordParts(
        asked=asked,
        said=said,
        system=got.get("system", _first(value, keys.systems)),
        model=got.get("model", _first(value, keys.models)),
        thoughts=got.get("thoughts", _first(value, keys.thoughts)),
        finish=got.get("finish", _first(value, keys.finishes)),
        id=got.get("id", _first(value, keys.ids)),
    )


def plain_parts(value: Mapping[str, Any]) -> RecordParts:
    """The parts of a record by its fields' names; ``asked`` is None for a response alone.

    Raises BadValue, with the keys that were found, where no name is known, and where two fields may
    both be the answer.
    """
    keys = _layout(value)
    told = _with_request(value, keys)
    keys = keys if told is value else _layout(told)
    asked = next((k for k in keys.prompts if told[k] is not None), None)
    answered = _answer(told, keys, asked)
    said = NOTHING if answered is None else told[answered]
    if answered in ("choices", "candidates"):
        said = {answered: said, "model": told.get("model")}
    if asked is None:
        return _unasked(told, keys, said)
    prompt = told[asked]
    if key_of(asked) == "instruction" and told.get("input"):
        prompt = _both(prompt, told["input"])
    if said is NOTHING and not _may_be_chat(prompt):
        raise UnknownFields(f"no answer; {keys_told(value)}")
    return RecordParts(
        asked=prompt,
        said=said,
        system=_first(told, keys.systems),
        model=_first(told, keys.models),
        thoughts=_first(told, keys.thoughts),
        finish=_first(told, keys.finishes),
        error=told.get("error") if said is None else None,
        id=_first(told, keys.ids),
        sample=told.get("sample"),
        arm=told.get("arm"),
        form=told.get("form"),
    )


def _with_request(value: Mapping[str, Any], keys: _Layout) -> Mapping[str, Any]:
    """A record whose request is an object, with what was sent beside the rest."""
    held = next((k for k in keys.requests if isinstance(value[k], dict)), None)
    if held is None:
        return value
    body = value[held].get("body", value[held])
    rest = {k: v for k, v in value.items() if k != held}
    return {**body, **rest} if isinstance(body, dict) else rest


def _unasked(value: Mapping[str, Any], keys: _Layout, said: Any) -> RecordParts:
    """An answer whose question stands elsewhere: a response by itself, or one with an id."""
    name, model = _first(value, keys.ids), _first(value, keys.models)
    if is_response(value):
        return RecordParts(said=value, model=model, id=name)
    if said is NOTHING or name is None:
        raise UnknownFields(f"no prompt; {keys_told(value)}")
    error = value.get("error") if said is None else None
    return RecordParts(said=said, model=model, error=error, id=name)


def _answer(value: Mapping[str, Any], keys: _Layout, asked: str | None) -> str | None:
    """The name of the answer's field. Raises BadValue for two that hold different texts."""
    held = keys.answers if asked not in keys.answers else [k for k in keys.answers if k != asked]
    if len(held) == 1:
        return held[0]
    if not held:
        return next((k for k in keys.weak if k != asked), None)
    told = [k for k in held if value[k] is not None and value[k] != ""]
    if len({str(value[k]) for k in told}) > 1:
        names = " and ".join(printable(k, KEY_SHOWN) for k in told[:3])
        raise BadValue(f"{names} may both be the model's answer; say which: --map answer={told[0]}")
    return (told or held)[0]


def _both(instruction: Any, given: Any) -> Any:
    if not isinstance(instruction, str) or not isinstance(given, str):
        raise BadValue("instruction or input is not a string")
    return f"{instruction}\n\n{given}"


def _may_be_chat(asked: Any) -> bool:
    return isinstance(asked, list | dict) or (isinstance(asked, str) and asked[:1] in "[{")


def _first(value: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    for key in keys:
        if value[key] is not None:
            return value[key]
    return None


def keys_told(value: Mapping[str, Any]) -> str:
    """The keys of a record in a few words, a stranger's made safe."""
    told = [printable(str(key), KEY_SHOWN) for key in list(value)[:KEYS_SHOWN]]
    more = f" and {len(value) - KEYS_SHOWN} more" if len(value) > KEYS_SHOWN else ""
    return f"its keys are {', '.join(told)}{more}" if told else "it has no keys"


def suggested_map(keys: Iterable[str]) -> str:
    """A ``--map`` for a record of these keys: what is known by name, else the one that is left.

    >>> suggested_map(["frage", "response"])
    '--map prompt=frage,answer=response'
    """
    names = [k for k in keys if printable(k, KEY_SHOWN) == k and not set(k) & set(",=|.[]/ ")]
    known = {key_of(name): name for name in names}
    prompt = next((known[n] for n in PROMPTS if n in known), None)
    answer = next((known[n] for n in (*ANSWERS, *WEAK_ANSWERS) if n in known), None)
    besides = {*IDS, *MODELS, *SYSTEMS, "sample", "arm", "form"}
    left = [n for n in names if n not in (prompt, answer) and key_of(n) not in besides]
    if prompt is None and left:
        prompt = left.pop(0)
    if answer is None and left:
        answer = left.pop(0)
    return f"--map prompt={prompt or 'KEY'},answer={answer or 'KEY'}"
