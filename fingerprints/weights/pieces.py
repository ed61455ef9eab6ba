"""Vocabularies that older checkpoints have alone: a sentencepiece model, or a list of byte strings
with their ranks, as tiktoken has them.

Knows bytes; a sentencepiece model is parsed as a record by protobuf, and no tokenizer is made of
it.
"""

from __future__ import annotations

import base64
import binascii
import io
from typing import Any

from fingerprints.errors import install_command
from fingerprints.subjects.strict_json import BadValue

LARGEST_MODEL = 8 << 20
"""Bytes of a sentencepiece model at most, twice the largest published one: an empty piece takes two
bytes in the file, and thirty times as many when it is read."""
UNKNOWN, CONTROL, USER_DEFINED = 2, 3, 4
Pieces = tuple[dict[str, int], set[str]]


class NoParser(Exception):
    """The package that parses a sentencepiece model is not installed; ``step`` installs it."""

    def __init__(self) -> None:
        self.step = install_command("sentencepiece")
        super().__init__("it is a sentencepiece model, which takes the package 'sentencepiece'")


def sentencepiece_pieces(data: bytes) -> Pieces:
    """The pieces of a sentencepiece model with their numbers, and the special ones. Raises BadValue
    for bytes that are none, NoParser without the package."""
    try:
        from google.protobuf.message import DecodeError
        from sentencepiece import sentencepiece_model_pb2
    except ImportError as error:
        raise NoParser from error
    generated: Any = sentencepiece_model_pb2  # whose classes are made when it is imported
    try:
        found = generated.ModelProto.FromString(data).pieces
        pieces = [(piece.piece, piece.type) for piece in found]
    except (DecodeError, UnicodeDecodeError) as error:
        raise BadValue("it is no sentencepiece model") from error
    if not pieces or not all(isinstance(text, str) and text for text, _ in pieces):
        raise BadValue("it is no sentencepiece model")
    vocabulary = {text: i for i, (text, _) in reversed(list(enumerate(pieces)))}
    return vocabulary, {text for text, kind in pieces if kind in (UNKNOWN, CONTROL, USER_DEFINED)}


def is_ranked(data: bytes) -> bool:
    """Whether bytes begin as a list of ranked byte strings does: base64, a blank, a number."""
    first = data[:4096].split(b"\n", 1)[0].split()
    return len(first) == 2 and first[1].isdigit() and _decoded(first[0]) is not None


def ranked(data: bytes) -> dict[str, int]:
    """The tokens of a list of byte strings with their ranks, each byte written as byte-level
    tokenizers write it. Raises BadValue."""
    out: dict[str, int] = {}
    for line in io.BytesIO(data):  # one at a time: a list of millions of empty ones is large
        match line.split():
            case []:
                continue
            case [text, rank] if rank.isdigit() and len(rank) < _DIGITS:
                token = _decoded(text)
            case _:
                token = None
        if token is None:
            raise BadValue("a line is no base64 with a rank")
        out.setdefault(token.decode("latin-1").translate(BYTES), int(rank))
    return out


_DIGITS = 10


def _decoded(text: bytes) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None


def _letters() -> dict[int, int]:
    """A printable character for every byte, as GPT-2's published encoder has them: printable ones
    of Latin-1 stand for themselves, others for those from 256 on."""
    plain = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = [byte for byte in range(256) if byte not in plain]
    return {b: b for b in plain} | {b: 256 + i for i, b in enumerate(others)}


BYTES = _letters()
