"""JSON of a stranger, read strictly and in bounded memory: one value from bytes, or a long list
item by item.

Refuses NaN, keys that stand twice, bytes that are no UTF-8 and nesting bombs, each with a reason.
Knows JSON; knows nothing of what the values mean.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

LONGEST_VALUE = 20_000_000
CHUNK = 1 << 18
_SPACE = " \t\r\n"


class BadValue(ValueError):
    """Why bytes are no acceptable value; whoever knows file and line says where."""


class TooLong(BadValue):
    """A value, a line or a file beyond its cap."""


def _refuse_constant(name: str) -> Any:
    raise BadValue(f"{name} is not JSON")


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of which no key stands twice: readers differ in which of the two counts. Raises
    BadValue."""
    out = dict(pairs)
    if len(out) != len(pairs):
        raise BadValue("a key stands twice in one object")
    return out


def _null(_: str) -> None:
    return None


_STRICT = json.JSONDecoder(object_pairs_hook=unique, parse_constant=_refuse_constant)
_LENIENT = json.JSONDecoder(object_pairs_hook=unique, parse_constant=_null)


def parse_json(data: bytes, *, constants: bool = False) -> Any:
    """The one JSON value that UTF-8 bytes hold.

    With ``constants`` NaN and Infinity are read as null (some log formats write them for scores).
    Raises BadValue with a short reason.
    """
    try:
        return (_LENIENT if constants else _STRICT).decode(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadValue(f"byte {error.start} is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise BadValue(f"not JSON: {error.msg} at column {error.pos + 1}") from error
    except RecursionError as error:
        raise BadValue("nested too deeply") from error
    except BadValue:
        raise
    except ValueError as error:  # an integer of thousands of digits
        raise BadValue(str(error).partition(";")[0]) from error


def breaks_off(line: bytes) -> bool:
    """Whether a line is only the beginning of a JSON value that goes on below it."""
    text = line.decode("utf-8", "replace").rstrip(_SPACE)
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.pos >= len(text)
    except (ValueError, RecursionError):
        return False
    return False


class _Window:
    """A sliding view of a text stream: never more than one value and one chunk are held."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.decoder = codecs.getincrementaldecoder("utf-8")()
        self.text, self.at, self.ended = "", 0, False

    def more(self) -> bool:
        """Reads on, by at least what is unread: a long value is tried only log(n) times."""
        if self.ended:
            return False
        unread = self.text[self.at :]
        data = self.stream.read(max(CHUNK, len(unread)))
        self.ended = not data
        try:
            self.text, self.at = unread + self.decoder.decode(data, final=self.ended), 0
        except UnicodeDecodeError as error:
            raise BadValue("not UTF-8") from error
        return not self.ended

    def peek(self) -> str:
        """The next character that is no white space; empty at the end."""
        while True:
            while self.at < len(self.text) and self.text[self.at] in _SPACE:
                self.at += 1
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.more():
                return ""

    def value(self) -> Any:
        """The JSON value that begins here."""
        while True:
            try:
                value, self.at = _STRICT.raw_decode(self.text, self.at)
                return value
            except json.JSONDecodeError as error:
                # An error near the end of what is held, or an open string, may be only a cut.
                inside = error.pos < len(self.text) - 16
                if inside and not error.msg.startswith("Unterminated"):
                    raise BadValue(f"not JSON: {error.msg}") from error
                if len(self.text) - self.at > LONGEST_VALUE:
                    raise TooLong(f"longer than {LONGEST_VALUE:,} bytes") from error
                if not self.more():
                    raise BadValue(f"not JSON: {error.msg}; the file may be cut off") from error
            except RecursionError as error:
                raise BadValue("nested too deeply") from error
            except BadValue:
                raise
            except ValueError as error:  # as in parse_json
                raise BadValue(str(error).partition(";")[0]) from error


def list_items(stream: BinaryIO) -> Iterator[Any]:
    """The items of the JSON list that a stream of UTF-8 bytes holds, one after the other, in
    bounded memory.

    Raises BadValue for what is no list, an item that is no JSON, and text after the list; TooLong
    for an item over 20 MB.
    """
    window = _Window(stream)
    if window.peek() != "[":
        raise BadValue("not a JSON list")
    window.at += 1
    if window.peek() == "]":
        window.at += 1
    else:
        while True:
            window.peek()
            yield window.value()
            closing = window.peek()
            if closing not in (",", "]"):
                raise BadValue(
                    "not JSON: a comma or the end of the list is missing; the file may be cut off"
                )
            window.at += 1
            if closing == "]":
                break
    if window.peek():
        raise BadValue("text follows the list")
