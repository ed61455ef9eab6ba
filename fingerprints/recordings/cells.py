"""What the cells of a table hold: texts, and chats, messages and responses as texts of JSON.

An answer may itself be JSON: a cell is read as what it holds only where that is a chat or a
response, or where its column is neither a prompt nor an answer by name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fingerprints.recordings.plain import ANSWERS, PROMPTS, WEAK_ANSWERS, key_of
from fingerprints.recordings.responses import is_response
from fingerprints.recordings.rows import HOLDERS
from fingerprints.recordings.turns import is_chat

_WORDS = frozenset({*PROMPTS, *ANSWERS, *WEAK_ANSWERS})
BATTLES = frozenset({"model_a", "model_b"})
"""Columns of rows whose prompts and answers are lists of turns."""


def opened_cells(row: Mapping[str, Any], mapped: bool) -> dict[str, Any]:
    """A table's row with its cells opened, empty ones as null; ``mapped``: the user says which
    columns count, so that no name says what a cell is."""
    battle = row.keys() >= BATTLES
    return {
        key: _opened(value, (not mapped and key_of(key) not in _WORDS) or battle)
        for key, value in row.items()
    }


def _opened(value: Any, anything: bool) -> Any:
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    if value.lstrip()[:1] not in "[{":
        return value
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return value
    if not isinstance(found, list | dict):
        return value
    return found if anything or _speaks(found) else value


def _speaks(found: Any) -> bool:
    """Whether a value is a chat, a message, a response, or an object that holds a chat."""
    if isinstance(found, list):
        return is_chat(found)
    return is_response(found) or is_chat([found]) or any(is_chat(found.get(k)) for k in HOLDERS)
