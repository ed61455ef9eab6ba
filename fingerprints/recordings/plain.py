"""The parts of a record by the names of its fields: a prompt and an answer as most tools call them,
or as the user maps them.

Knows names; knows no tool. Two fields that may both be the answer are never guessed between.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

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


@lru_cache(maxsize=4096)
def key_of(name: str) -> str:
    """A field's name as names are compared.

    >>> key_of("Model Output")
    'modeloutput'
    """
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


def mapped_parts(value: Mapping[str, Any], to: FieldMap) -> RecordParts:
    """The parts of a record where the user says that they stand; what isn't mapped, by name.

    Raises BadValue where the prompt leads nowhere.
    """
    named = {key_of(k): v for k, v in value.items()}
    got = {name: value_at(value, path) for name, path in to.paths.items()}
    if "prompt" in got and got["prompt"] is None:
        raise BadValue(f"the prompt's field {to.paths['prompt'].text!r} is empty or not there")
    asked = got.get("prompt", _first(named, PROMPTS))
    if asked is None:
        raise UnknownFields(f"no prompt; {keys_told(value)}")
    said = got.get("answer", NOTHING)
    if "answer" not in got and not is_chat(asked):
        held = [n for n in ANSWERS if n in named and named[n] is not asked]
        said = named[held[0]] if held else NOTHING
    return RecordParts(
        asked=asked,
        said=said,
        system=got.get("system", _first(named, SYSTEMS)),
        model=got.get("model", _first(named, MODELS)),
        thoughts=got.get("thoughts"),
        finish=got.get("finish"),
        id=got.get("id", _first(named, IDS)),
    )


def plain_parts(value: Mapping[str, Any]) -> RecordParts:
    """The parts of a record by its fields' names; ``asked`` is None for a response alone.

    Raises BadValue, with the keys that were found, where no name is known, and where two fields may
    both be the answer.
    """
    named = {key_of(k): v for k, v in value.items()}
    request = next((named[n] for n in REQUESTS if isinstance(named.get(n), dict)), None)
    if request is not None:
        body = request.get("body", request)
        inner = {key_of(k): v for k, v in body.items()} if isinstance(body, dict) else {}
        named = {**inner, **{k: v for k, v in named.items() if v is not request}}
    asked = next((n for n in PROMPTS if named.get(n) is not None), None)
    answered = _answer(named, asked)
    said = NOTHING if answered is None else named[answered]
    if answered in ("choices", "candidates"):
        said = {answered: said, "model": named.get("model")}
    if asked is None and is_response(value):
        return RecordParts(said=value, model=named.get("model"), id=_first(named, IDS))
    if asked is None and (said is NOTHING or _first(named, IDS) is None):
        raise UnknownFields(f"no prompt; {keys_told(value)}")
    prompt = None if asked is None else named[asked]
    if asked == "instruction" and named.get("input"):
        prompt = _both(prompt, named["input"])
    if said is NOTHING and asked is not None and not _may_be_chat(prompt):
        raise UnknownFields(f"no answer; {keys_told(value)}")
    return RecordParts(
        asked=prompt,
        said=said,
        system=_first(named, SYSTEMS),
        model=_first(named, MODELS),
        thoughts=_first(named, THOUGHTS),
        finish=_first(named, FINISHES),
        error=named.get("error") if said is None else None,
        id=_first(named, IDS),
        sample=named.get("sample"),
        arm=named.get("arm"),
        form=named.get("form"),
    )


def _answer(named: Mapping[str, Any], asked: str | None) -> str | None:
    """The name of the answer's field. Raises BadValue for two that hold different texts."""
    held = [n for n in ANSWERS if n in named and n != asked]
    if len(held) == 1:
        return held[0]
    told = [n for n in held if named[n] is not None and named[n] != ""]
    if len({str(named[n]) for n in told}) > 1:
        names = " and ".join(told[:3])
        raise BadValue(f"{names} may both be the model's answer; say which: --map answer={told[0]}")
    if held:
        return (told or held)[0]
    return next((n for n in WEAK_ANSWERS if n in named and n != asked), None)


def _both(instruction: Any, given: Any) -> Any:
    if not isinstance(instruction, str) or not isinstance(given, str):
        raise BadValue("instruction or input is not a string")
    return f"{instruction}\n\n{given}"


def _may_be_chat(asked: Any) -> bool:
    return isinstance(asked, list | dict) or (isinstance(asked, str) and asked[:1] in "[{")


def _first(named: Mapping[str, Any], names: Iterable[str]) -> Any:
    for name in names:  # thirty names a row: a generator would take twice as long
        found = named.get(name)
        if found is not None:
            return found
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
