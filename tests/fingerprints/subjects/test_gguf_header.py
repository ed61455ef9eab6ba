"""GGUF headers: whole ones are read, and every malformed one is refused within a tenth of a
second."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import gguf
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fingerprints.errors import MalformedInput
from fingerprints.subjects.gguf_header import read_gguf_header

HUGE = 2**63


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def file(
    entries: bytes = b"",
    n: int = 0,
    tensors: bytes = b"",
    m: int = 0,
    version: int = 3,
    magic: bytes = b"GGUF",
) -> bytes:
    return magic + struct.pack("<IQQ", version, m, n) + entries + tensors


def tensor(name: str, dims: list[int], kind: int = 0, offset: int = 0) -> bytes:
    return (
        text(name)
        + struct.pack("<I", len(dims))
        + struct.pack(f"<{len(dims)}Q", *dims)
        + struct.pack("<IQ", kind, offset)
    )


def entry(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


CORPUS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "does not begin"),
    "three bytes": (b"GGU", "does not begin"),
    "bad magic": (file(magic=b"GGML"), "does not begin"),
    "version 99": (file(version=99), "version 99"),
    "version 1": (file(version=1), "version 1"),
    "big-endian": (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "big-endian"),
    "only magic": (b"GGUF", "longer than the rest"),
    "tensor count 2^63": (file(m=HUGE), "tensor count"),
    "metadata count 2^63": (file(n=HUGE), "metadata count"),
    "key of 2^63 bytes": (file(struct.pack("<Q", HUGE), 1), "metadata key has"),
    "string of 2^63 bytes": (file(entry("a", 8, struct.pack("<Q", HUGE)), 1), "above"),
    "string longer than the file": (
        file(entry("a", 8, struct.pack("<Q", 5000)), 1),
        "longer than the rest",
    ),
    "array of 2^63": (file(entry("a", 9, struct.pack("<IQ", 4, HUGE)), 1), "array length"),
    "array longer than the file": (
        file(entry("a", 9, struct.pack("<IQ", 10, 900_000)), 1),
        "longer than the rest",
    ),
    "vocabulary of two million": (
        file(entry("tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, 2_000_000)), 1),
        "array length is 2,000,000",
    ),
    "nested arrays": (file(entry("a", 9, struct.pack("<IQIQ", 9, 1, 9, 1)), 1), "nested"),
    "unknown value type": (file(entry("a", 77, b"1234"), 1), "unknown value type"),
    "unknown array type": (file(entry("a", 9, struct.pack("<IQ", 77, 1)), 1), "unknown value type"),
    "key twice": (file(entry("a", 4, b"1234") * 2, 2), "stands twice"),
    "alignment 2^30": (
        file(entry("general.alignment", 4, struct.pack("<I", 1 << 30)), 1),
        "alignment",
    ),
    "alignment 3": (file(entry("general.alignment", 4, struct.pack("<I", 3)), 1), "alignment"),
    "alignment 0": (file(entry("general.alignment", 4, struct.pack("<I", 0)), 1), "alignment"),
    "alignment a text": (file(entry("general.alignment", 8, text("32")), 1), "alignment"),
    "dimensions overflow": (file(tensors=tensor("w", [2**62, 2**62, 4]), m=1), "past the end"),
    "nine dimensions": (file(tensors=tensor("w", [1] * 9), m=1), "9 dimensions"),
    "no dimensions": (file(tensors=tensor("w", []), m=1), "0 dimensions"),
    "offset past the end": (file(tensors=tensor("w", [1], offset=2**62), m=1), "past the end"),
    "unknown tensor type": (file(tensors=tensor("w", [1], kind=4), m=1), "unknown type"),
    "part of a block": (file(tensors=tensor("w", [7], kind=2), m=1), "whole blocks"),
    "tensor twice": (file(tensors=tensor("w", [0]) * 2, m=2), "tensor name stands twice"),
    "table cut": (file(tensors=tensor("w", [1])[:-3], m=1), "longer than the rest"),
}


@pytest.mark.parametrize("name", CORPUS)
def test_a_malformed_file_is_refused_at_once(tmp_path: Path, name: str) -> None:
    data, words = CORPUS[name]
    path = tmp_path / "m.gguf"
    path.write_bytes(data)
    begun = time.perf_counter()
    with pytest.raises(MalformedInput, match=words):
        read_gguf_header(path)
    assert time.perf_counter() - begun < 0.1


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("gguf") / "m.gguf"
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_file_type(3)
    writer.add_array("tokenizer.ggml.tokens", ["a", "b"])
    writer.add_array("numbers", [1.5, 2.5])
    writer.add_tensor("w", np.ones((4, 32), np.float32))
    writer.add_tensor(
        "v",
        gguf.quants.quantize(np.ones((2, 32), np.float32), gguf.GGMLQuantizationType.Q4_1),
        raw_dtype=gguf.GGMLQuantizationType.Q4_1,
    )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path.read_bytes()


def test_what_the_library_writes_is_read_back(tmp_path: Path, good: bytes) -> None:
    (tmp_path / "m.gguf").write_bytes(good)
    header = read_gguf_header(tmp_path / "m.gguf")
    assert (header.version, header.architecture, header.quantisation, header.parameters) == (
        3,
        "llama",
        "Q4_1",
        192,
    )
    assert header.metadata["tokenizer.ggml.tokens"] == ("a", "b")
    assert [(t.name, t.shape, t.bytes) for t in header.tensors] == [
        ("w", (32, 4), 512),
        ("v", (32, 2), 40),
    ]


def test_every_truncation_is_refused(tmp_path: Path, good: bytes) -> None:
    path = tmp_path / "m.gguf"
    needed = len(good.rstrip(b"\0"))
    for length in range(0, needed, 7):
        path.write_bytes(good[:length])
        with pytest.raises(MalformedInput):
            read_gguf_header(path)


@given(at=st.integers(0, 400), value=st.integers(0, 255))
def test_a_changed_byte_raises_only_our_errors(
    tmp_path_factory: pytest.TempPathFactory, good: bytes, at: int, value: int
) -> None:
    changed = bytearray(good)
    changed[at % len(changed)] = value
    path = tmp_path_factory.mktemp("flip") / "m.gguf"
    path.write_bytes(bytes(changed))
    try:
        read_gguf_header(path)
    except MalformedInput:
        return


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(MalformedInput, match="can't be read"):
        read_gguf_header(tmp_path / "none.gguf")
