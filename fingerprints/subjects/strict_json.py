"""JSON of a stranger, read strictly: one value from bytes.

Refuses NaN, keys that stand twice, bytes that are no UTF-8 and nesting bombs, each with a reason.
Knows JSON; knows nothing of what the values mean.
"""

from __future__ import annotations

import json
from typing import Any

LONGEST_VALUE = 20_000_000


class BadValue(ValueError):
    """Why bytes are no acceptable value; whoever knows file and line says where."""


class TooLong(BadValue):
    """A value, a line or a file beyond its cap."""


class NotFinite(BadValue):
    """NaN or Infinity, which Python writes and JSON doesn't have."""


def _refuse_constant(name: str) -> Any:
    raise NotFinite(f"{name} is not JSON")


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of which no key stands twice: readers differ in which of the two counts. Raises
    BadValue."""
    out = dict(pairs)
    if len(out) != len(pairs):
        raise BadValue("a key stands twice in one object")
    return out


def _null(_: str) -> None:
    return None


STRICT = json.JSONDecoder(object_pairs_hook=unique, parse_constant=_refuse_constant)
LENIENT = json.JSONDecoder(object_pairs_hook=unique, parse_constant=_null)
"""Decoders of one value; the second reads NaN and Infinity as null."""


def fault_of(error: json.JSONDecodeError) -> str:
    """What is wrong, without the words with which Python's message goes on to the place."""
    return error.msg.removesuffix(" at").removesuffix(" starting")


def parse_json(data: bytes, *, constants: bool = False) -> Any:
    """The one JSON value that UTF-8 bytes hold.

    With ``constants`` NaN and Infinity are read as null (some log formats write them for scores).
    Raises BadValue with a short reason.
    """
    try:
        return (LENIENT if constants else STRICT).decode(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadValue(f"byte {error.start} is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise BadValue(f"not JSON: {fault_of(error)} at column {error.pos + 1}") from error
    except RecursionError as error:
        raise BadValue("nested too deeply") from error
    except BadValue:
        raise
    except ValueError as error:  # an integer of thousands of digits
        raise BadValue(str(error).partition(";")[0]) from error
