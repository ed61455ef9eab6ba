"""Recorded answers in the logs of inspect_ai: one object with ``eval`` and ``samples``, or its
samples one by one.

Knows the log's shape; knows nothing of files and archives, and doesn't import inspect_ai.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from fingerprints.subjects.messages import string_of, turns_of
from fingerprints.subjects.rows import RecordedRow, choice_row, name_of
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


def rows_of_log(log: Mapping[str, Any]) -> Iterator[RecordedRow]:
    """The answers of a whole log in the order of its samples. Raises BadValue naming the sample."""
    model = model_of(log)
    for number, sample in enumerate(log["samples"], 1):
        try:
            yield row_of_sample(sample, model)
        except BadValue as error:
            raise BadValue(f"sample {number}: {error}") from error


def row_of_sample(sample: Any, model: str | None) -> RecordedRow:
    """The answer of one sample; a sample without one becomes a row with ``error``. Epoch 1 is
    sample 0.

    Raises BadValue when it has no input or its parts have other types than the log format says.
    """
    if not isinstance(sample, dict):
        raise BadValue("not an object")
    found = sample.get("output")
    output: dict[str, Any] = found if isinstance(found, dict) else {}
    given = _attached(sample.get("input"), sample.get("attachments"))
    if not isinstance(given, list):
        given = [{"role": "user", "content": string_of(given, "input")}]
    turns = turns_of(given)
    while turns and turns[-1].role != "user":
        turns.pop()
    if not turns:
        raise BadValue("input has no user turn")
    epoch = sample.get("epoch", 1)
    counted = isinstance(epoch, int) and not isinstance(epoch, bool) and 0 < epoch < 1_000_000
    asked = RecordedRow(
        prompt=turns[-1].content,
        answer="",
        model=model or (name_of(output["model"], "output.model") if output.get("model") else None),
        history=tuple(turns[:-1]),
        sample=epoch - 1 if counted else None,
        id=str(sample["id"])[:200] if isinstance(sample.get("id"), str | int) else None,
    )
    choices = output.get("choices")
    if not isinstance(choices, list) or not choices:
        return replace(asked, error="the log holds no answer to this sample")
    return choice_row(asked, _attached(choices[0], sample.get("attachments")), asked.sample)


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
