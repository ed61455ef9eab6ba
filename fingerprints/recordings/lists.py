"""Objects that hold a list of records, as one: results of a run, entries of web traffic, rows of an
API, and any other object with one list of objects in it.

Knows where lists stand; knows nothing of what their items mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fingerprints.field_path import FieldPath, value_at
from fingerprints.recordings.inspect_log import is_inspect_log, model_of
from fingerprints.recordings.json_items import RecordedItem
from fingerprints.recordings.plain import MODELS, key_of

KNOWN: tuple[tuple[FieldPath, str | None], ...] = (
    (FieldPath.parse("log.entries"), "har"),
    (FieldPath.parse("results.results"), None),  # promptfoo
    (FieldPath.parse("testCases"), None),  # deepeval
    (FieldPath.parse("testRunData.testCases"), None),
    (FieldPath.parse("observations"), None),  # Langfuse's traces
)
_KEYS = frozenset(path.key for path, _ in KNOWN) | {"eval"}
WRAPPED = "row"
"""Where Hugging Face's API keeps a row beside its number."""


def known_list(item: RecordedItem) -> Iterator[RecordedItem] | None:
    """The items of an object that a known tool writes; None for any other."""
    value = item.value
    if not isinstance(value, dict) or item.kind is not None or _KEYS.isdisjoint(value):
        return None
    if is_inspect_log(value):
        return _items(value["samples"], "sample", "inspect_ai", model_of(value), True)
    for path, kind in KNOWN:
        if path.key not in value:
            continue
        found = value_at(value, path)
        if isinstance(found, list) and found and all(isinstance(i, dict) for i in found):
            return _items(found, f"{item.where}, item", kind, _model(value), item.lenient)
    return None


def only_list(item: RecordedItem) -> Iterator[RecordedItem] | None:
    """The items of an object that is no record and holds one list of objects; None for others."""
    value = item.value
    if not isinstance(value, dict) or item.kind is not None:
        return None
    if isinstance(value.get(WRAPPED), dict):
        return iter([item._replace(value=value[WRAPPED])])
    held = [v for v in value.values() if _objects(v)]
    if len(held) != 1:
        return None
    return _items(held[0], f"{item.where}, item", None, _model(value), item.lenient)


def _objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


def _model(value: Mapping[str, Any]) -> str | None:
    named = {key_of(k): v for k, v in value.items()}
    found = next((named[n] for n in MODELS if n in named), None)
    return found if isinstance(found, str) and 0 < len(found) <= 200 else None


def _items(
    found: list[Any], place: str, kind: str | None, model: str | None, lenient: bool
) -> Iterator[RecordedItem]:
    for number, value in enumerate(found, 1):
        yield RecordedItem(f"{place} {number}", value, lenient=lenient, kind=kind, model=model)
