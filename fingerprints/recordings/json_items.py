"""JSON values of a file one after the other, in bounded memory: a list's items, or documents that
follow each other.

A value that can't be taken (a key stands twice, nested too deeply) is told with its place, and the
next one is read; where even its end can't be found, nothing behind it can be. Knows JSON; knows
nothing of what the values mean.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

from fingerprints.subjects.strict_json import (
    LENIENT,
    LONGEST_VALUE,
    STRICT,
    BadValue,
    NotFinite,
    TooLong,
    fault_of,
    parse_json,
)

CHUNK = 1 << 18
_SPACE = " \t\r\n"
_LOOSE = json.JSONDecoder()


class RecordedItem(NamedTuple):
    """One value of a recording and where it stands, or why it can't be read (``bad``).

    ``lenient``: it holds NaN or Infinity, read as null. ``lines``: how many lines of a table went
    with it. ``kind``: the kind of record that it is known to be, ``model`` the one that its file
    names for all.
    """

    where: str
    value: Any = None
    bad: str | None = None
    lenient: bool = False
    lines: int = 1
    kind: str | None = None
    model: str | None = None


class RestUnread(BadValue):
    """Nothing behind this place can be read: the file is cut, or no longer JSON."""


def item_of(where: str, data: bytes) -> RecordedItem:
    """The JSON value of a line or a file as an item."""
    try:
        return RecordedItem(where, parse_json(data))
    except NotFinite as error:
        return _finite(where, data, error)
    except BadValue as error:
        return RecordedItem(where, bad=str(error))


def _finite(where: str, data: bytes, first: NotFinite) -> RecordedItem:
    try:
        return RecordedItem(where, parse_json(data, constants=True), str(first), lenient=True)
    except BadValue as error:
        return RecordedItem(where, bad=str(error))


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

    def __init__(self, stream: BinaryIO, longest: int) -> None:
        self.stream = stream
        self.longest = longest
        self.decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self.text, self.at, self.ended = "", 0, False

    def more(self) -> bool:
        """Reads on, by at least what is unread: a long value is tried only log(n) times."""
        if self.ended:
            return False
        unread = self.text[self.at :]
        data = self.stream.read(max(CHUNK, len(unread)))
        self.ended = not data
        self.text, self.at = unread + self.decoder.decode(data, final=self.ended), 0
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

    def item(self, where: str) -> RecordedItem:
        """The JSON value that begins here. Raises RestUnread; TooLong for one beyond the cap."""
        while True:
            try:
                return self._strict(where)
            except json.JSONDecodeError as error:
                self._further(error)
            except RecursionError as error:
                raise RestUnread("nested too deeply") from error
            except NotFinite as error:
                found = self._over(LENIENT, error)
                if found is not None:
                    return RecordedItem(where, found[0], str(error), lenient=True)
            except BadValue as error:
                if self._over(_LOOSE, error) is not None:
                    return RecordedItem(where, bad=str(error))
            except ValueError as error:  # as in parse_json: a number of thousands of digits
                raise RestUnread(str(error).partition(";")[0]) from error

    def _strict(self, where: str) -> RecordedItem:
        began = self.at
        value, self.at = STRICT.raw_decode(self.text, began)
        if no_utf8_in(self.text[began : self.at]):
            return RecordedItem(where, bad="not UTF-8")
        return RecordedItem(where, value)

    def _further(self, error: json.JSONDecodeError) -> None:
        """Reads on where an error may be only a cut: near the end of what is held, or in an open
        string. Raises RestUnread where it is none, TooLong."""
        inside = error.pos < len(self.text) - 16
        if inside and not error.msg.startswith("Unterminated"):
            raise RestUnread(f"not JSON: {fault_of(error)}") from error
        if len(self.text) - self.at > self.longest:
            raise TooLong(f"longer than {self.longest:,} bytes") from error
        if not self.more():
            raise RestUnread(f"not JSON: {fault_of(error)}; the file may be cut off") from error

    def _over(self, decoder: json.JSONDecoder, why: BadValue) -> tuple[Any] | None:
        """The value by another decoder, and steps over it; None after reading on for more of it."""
        try:
            value, self.at = decoder.raw_decode(self.text, self.at)
            return (value,)
        except json.JSONDecodeError as error:
            if len(self.text) - self.at > self.longest or not self.more():
                raise RestUnread(str(why)) from error
            return None
        except (ValueError, RecursionError) as error:
            raise RestUnread(str(why)) from error


def no_utf8_in(text: str) -> bool:
    """Whether bytes that are no UTF-8 stand in a text that was read by ``surrogateescape``."""
    return not text.isascii() and any("\udc80" <= c <= "\udcff" for c in text)


def list_items(stream: BinaryIO) -> Iterator[RecordedItem]:
    """The items of the JSON list that a stream of UTF-8 bytes holds, one after the other.

    Raises RestUnread, naming the item, for what is no list, an item that is no JSON, and text after
    the list; TooLong for an item over 20 MB.
    """
    window, number = _Window(stream, LONGEST_VALUE), 0
    if window.peek() != "[":
        raise RestUnread("not a JSON list")
    window.at += 1
    if window.peek() == "]":
        window.at += 1
    else:
        while True:
            window.peek()
            number += 1
            yield _placed(window, f"item {number}")
            closing = window.peek()
            if closing not in (",", "]"):
                raise RestUnread(
                    f"item {number}: not JSON: a comma or the end of the list is missing; the file"
                    " may be cut off"
                )
            window.at += 1
            if closing == "]":
                break
    if window.peek():
        raise RestUnread("text follows the list")


def documents(stream: BinaryIO, longest: int) -> Iterator[RecordedItem]:
    """JSON values that follow each other, however they are printed. Raises as `list_items`."""
    window, number = _Window(stream, longest), 0
    while window.peek():
        number += 1
        yield _placed(window, f"object {number}")


def _placed(window: _Window, where: str) -> RecordedItem:
    try:
        return window.item(where)
    except TooLong as error:
        raise TooLong(f"{where} is {error}") from error
    except RestUnread as error:
        raise RestUnread(f"{where}: {error}") from error
