"""Recorded answers in the logs of inspect_ai: one object with ``eval`` and ``samples``, or its
samples one by one.

Knows the log's shape; knows nothing of files and archives, and doesn't import inspect_ai.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from fingerprints.recordings.responses import said_by
from fingerprints.recordings.rows import RecordParts, Told, name_of, rows_of_parts
from fingerprints.recordings.turns import turns_in
from fingerprints.subjects.messages import string_of
from fingerprints.subjects.strict_json import BadValue

ATTACHMENT = "attachment://"


def is_inspect_log(value: Any) -> bool:
    """Whether a JSON value is an inspect_ai log: an object with ``eval`` and ``samples``."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("eval"), dict)
        and isinstance(value.get("samples"), list)
    )


def model_of(header: Any) -> str | None:
    """The model that a log's header names as ``eval.model``, or None. Raises BadValue."""
    described = header.get("eval") if isinstance(header, dict) else None
    model = described.get("model") if isinstance(described, dict) else None
    return None if model is None else name_of(model, "eval.model")


def rows_of_sample(sample: Any, model: str | None) -> Iterator[Told]:
    """The answers of one sample: of a dialogue every one, else the output; a sample without an
    output becomes a row with ``error``. Epoch 1 is sample 0.

    Raises BadValue when it has no input or its parts have other types than the log format says.
    """
    if not isinstance(sample, dict):
        raise BadValue("not an object")
    found = sample.get("output")
    output: dict[str, Any] = found if isinstance(found, dict) else {}
    parts = RecordParts(
        asked=_asked(sample),
        model=model or output.get("model") or None,
        sample=_epoch(sample),
        id=sample.get("id"),
    )
    choices = output.get("choices")
    if not isinstance(choices, list) or not choices:
        error = sample.get("error") or "the log holds no answer to this sample"
        yield from rows_of_parts(replace(parts, error=error))
        return
    told = _attached(sample.get("messages"), sample.get("attachments"))
    if isinstance(told, list) and _answers(told) > _answers(parts.asked) + 1:
        yield from rows_of_parts(replace(parts, asked=told))
        return
    choice = _attached(choices[0], sample.get("attachments"))
    said = said_by(choice)
    yield from rows_of_parts(replace(parts, said={"choices": [choice]}, finish=said.finish))


def _asked(sample: dict[str, Any]) -> list[Any]:
    given = _attached(sample.get("input"), sample.get("attachments"))
    if not isinstance(given, list):
        given = [{"role": "user", "content": string_of(given, "input")}]
    turns = turns_in(given)
    last = max((i for i, t in enumerate(turns) if t.role == "user"), default=None)
    if last is None:
        raise BadValue("input has no user turn")
    return given if last == len(turns) - 1 else given[: len(given) - (len(turns) - 1 - last)]


def _answers(messages: list[Any]) -> int:
    return sum(isinstance(m, dict) and m.get("role") == "assistant" for m in messages)


def _epoch(sample: dict[str, Any]) -> int | None:
    epoch = sample.get("epoch", 1)
    counted = isinstance(epoch, int) and not isinstance(epoch, bool) and 0 < epoch < 1_000_000
    return epoch - 1 if counted else None


def _attached(value: Any, attachments: Any, depth: int = 0) -> Any:
    """The value with texts that the log moved into its attachments put back; six levels hold
    every message."""
    if not isinstance(attachments, dict) or depth > 6:
        return value
    if isinstance(value, str) and value.startswith(ATTACHMENT):
        return attachments.get(value.removeprefix(ATTACHMENT), value)
    if isinstance(value, list):
        return [_attached(item, attachments, depth + 1) for item in value]
    if isinstance(value, dict):
        return {key: _attached(item, attachments, depth + 1) for key, item in value.items()}
    return value
