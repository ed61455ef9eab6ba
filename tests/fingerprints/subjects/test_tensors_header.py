"""Safetensors headers: every lie about names, shapes and places is refused before the library
reads the file."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save, save_file

from fingerprints.errors import AuditError, MalformedInput, ResourceLimit, UnsafeInput
from fingerprints.subjects.tensors_header import read_safetensors_header


def written(
    path: Path, header: bytes | dict[str, Any], body: bytes = b"", length: int | None = None
) -> Path:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw) if length is None else length) + raw + body)
    return path


def entry(
    start: int, stop: int, shape: list[Any] | None = None, dtype: str = "U8"
) -> dict[str, Any]:
    return {
        "dtype": dtype,
        "shape": [stop - start] if shape is None else shape,
        "data_offsets": [start, stop],
    }


def test_what_the_library_saves_is_read_back(tmp_path: Path) -> None:
    tensors = {"a": np.ones((2, 3), np.float32), "b": np.zeros(5, np.float16)}
    save_file(tensors, tmp_path / "m.safetensors", metadata={"format": "pt"})
    slots = {s.name: s for s in read_safetensors_header(tmp_path / "m.safetensors")}
    assert (slots["a"].shape, slots["a"].dtype, slots["b"].stop - slots["b"].start) == (
        (2, 3),
        "F32",
        10,
    )


LIES: dict[str, tuple[Any, bytes, str]] = {
    "overlap": ({"a": entry(0, 4), "b": entry(2, 6)}, b"123456", "hole or overlaps"),
    "hole": ({"a": entry(0, 2), "b": entry(4, 6)}, b"123456", "hole or overlaps"),
    "past the end": ({"a": entry(0, 9)}, b"1234", "take 9 bytes"),
    "trailing bytes": ({"a": entry(0, 2)}, b"1234", "take 2 bytes"),
    "backwards": ({"a": entry(4, 0, [4])}, b"1234", "whole numbers"),
    "negative": ({"a": entry(-4, 0, [4])}, b"1234", "whole numbers"),
    "shape too large": ({"a": entry(0, 4, [2**62, 4])}, b"1234", "does not fit"),
    "impossible empty shape": ({"a": entry(0, 0, [0, 2**41])}, b"", "impossible"),
    "fractional": ({"a": entry(0, 4, [4.0])}, b"1234", "whole numbers"),
    "boolean": ({"a": entry(0, 1, [True])}, b"1", "whole numbers"),
    "unknown dtype": ({"a": entry(0, 4, [4], "Q4")}, b"1234", "unknown description"),
    "list dtype": (
        {"a": {"dtype": [], "shape": [1], "data_offsets": [0, 1]}},
        b"1",
        "unknown description",
    ),
    "extra key": ({"a": {**entry(0, 1), "exec": 1}}, b"1", "unknown description"),
    "a list": (b"[]", b"", "no JSON object"),
    "no JSON": (b"{", b"", "no JSON"),
    "not UTF-8": (b'{"\xff":1}', b"", "no JSON"),
    "deep": (b'{"a":' + b"[" * 200_000, b"", "no JSON"),
    "name climbs": ({"../../etc/x": entry(0, 1)}, b"1", "not a name"),
    "name with NUL": ({"a\0b": entry(0, 1)}, b"1", "not a name"),
    "duplicate keys": (
        b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":1}',
        b"1",
        "stands twice",
    ),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lying_header_is_refused(tmp_path: Path, name: str) -> None:
    header, body, words = LIES[name]
    with pytest.raises(MalformedInput, match=words):
        read_safetensors_header(written(tmp_path / "m.safetensors", header, body))


def test_headers_too_large_to_parse_are_refused_unparsed(tmp_path: Path) -> None:
    with pytest.raises(ResourceLimit, match="header claims"):
        read_safetensors_header(written(tmp_path / "a", b"{}", length=2**63))
    many = {f"t{i}": entry(0, 0, [0]) for i in range(65_537)}
    with pytest.raises(ResourceLimit, match="65,537 tensors"):
        read_safetensors_header(written(tmp_path / "b", many))
    with pytest.raises(MalformedInput, match="longer than the file"):
        read_safetensors_header(written(tmp_path / "c", b"{}", length=1000))


@pytest.mark.parametrize(
    ("head", "kind", "words"),
    [
        (b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c", UnsafeInput, "pickle"),
        (b"PK\x03\x04rest of an archive", MalformedInput, "zip"),
        (b"<!DOCTYPE html>", MalformedInput, "web page"),
        (b"\x7fELF........", MalformedInput, "program"),
        (b"abc", MalformedInput, "shorter"),
        (b"", MalformedInput, "shorter"),
    ],
)
def test_other_things_under_this_name_are_told_apart(
    tmp_path: Path, head: bytes, kind: type[AuditError], words: str
) -> None:
    (tmp_path / "m.safetensors").write_bytes(head)
    with pytest.raises(kind, match=words):
        read_safetensors_header(tmp_path / "m.safetensors")


@given(at=st.integers(0, 200), value=st.integers(0, 255), cut=st.integers(0, 300))
def test_damage_raises_only_our_errors(
    tmp_path_factory: pytest.TempPathFactory, at: int, value: int, cut: int
) -> None:
    good = bytearray(save({"a": np.arange(6, dtype=np.float32), "b": np.ones((2, 2), np.int8)}))
    good[at % len(good)] = value
    path = tmp_path_factory.mktemp("damage") / "m.safetensors"
    path.write_bytes(bytes(good[: len(good) - cut % len(good)]))
    try:
        read_safetensors_header(path)
    except (MalformedInput, UnsafeInput, ResourceLimit):
        return
