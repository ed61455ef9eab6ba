"""Damaged and hostile recordings: refused in one line with file, line and reason; never a
traceback, never a bomb."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fingerprints.errors import MalformedInput, ResourceLimit, UnsafeInput
from fingerprints.recordings.packed import Caps
from fingerprints.recordings.reading import AnswerReader
from fingerprints.subjects import open_subject
from tests.fingerprints.recordings.recorded import (
    ROW,
    answers,
    archive,
    inspect_sample,
    opened,
    write,
)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"samples/1.json": b"{}"}, "no header.json"),
        ({"header.json": b"[", "samples/1.json": b"{}"}, "header.json"),
        ({"header.json": b"{}"}, "holds no answer"),
        ({"header.json": b"{}", "samples/\x1b[31m1.json": b"{"}, "member samples/"),
    ],
)
def test_a_broken_archive_is_refused_in_one_line(
    tmp_path: Path, members: dict[str, bytes], reason: str
) -> None:
    path = archive(tmp_path / "x.eval", members)
    with pytest.raises(MalformedInput, match=reason) as caught:
        opened(path)
    assert "\x1b" not in str(caught.value)


def test_every_truncation_of_an_archive_is_refused_or_read_whole(tmp_path: Path) -> None:
    whole = archive(
        tmp_path / "x.eval",
        {
            "header.json": b'{"eval": {"model": "m"}}',
            "samples/1.json": json.dumps(inspect_sample(1)).encode(),
        },
    ).read_bytes()
    cut = tmp_path / "cut.eval"
    for length in range(0, len(whole), 7):
        cut.write_bytes(whole[:length])
        with pytest.raises(MalformedInput):
            opened(cut)


def test_a_gzip_file_is_read_and_a_truncated_one_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(ROW).encode() * 1))
    assert answers(path) == [("Why is the sky blue?", "Because of scattering.")]
    assert open_subject(str(path)).identity.name == "lamb"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(MalformedInput, match="damaged"):
        opened(path)


def test_a_gzip_bomb_is_stopped_by_its_ratio_and_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b" " * (40 << 20)))
    with pytest.raises(UnsafeInput, match="200 times"):
        opened(path)
    with pytest.raises(ResourceLimit, match="unpacks to more than 1,000,000"):
        list(AnswerReader(path, caps=Caps(total=1_000_000)).rows())


def test_a_zip_bomb_in_an_archive_is_stopped(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.eval", {"header.json": b"{}", "samples/1.json": b" " * (30 << 20)})
    with pytest.raises(UnsafeInput):
        opened(path)
    with pytest.raises(ResourceLimit, match="members"):
        list(AnswerReader(path, caps=Caps(members=1)).rows())


def test_an_archive_inside_an_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(gzip.compress(json.dumps(ROW).encode())))
    with pytest.raises(MalformedInput, match="archive inside"):
        opened(path)


BAD_LINES = {
    "nesting": b"[" * 100_000,
    "nested object": b'{"prompt":' * 100_000,
    "nan": b'{"prompt": "Q", "answer": "A", "x": NaN}',
    "twice": b'{"prompt": "Q", "prompt": "R", "answer": "A"}',
    "digits": b'{"prompt": "Q", "answer": "A", "x": ' + b"9" * 5000 + b"}",
    "cut": b'{"prompt": "Q", "answer": "A',
    "number": b"17",
    "null": b"null",
    "no answer": b'{"prompt": "Q"}',
    "no prompt": b'{"answer": "A", "id": 3}',
    "typed prompt": b'{"prompt": 3, "answer": "A"}',
    "typed answer": b'{"prompt": "Q", "answer": {"a": 1}, "sample": "x"}',
    "sample": b'{"prompt": "Q", "answer": "A", "sample": -1}',
    "bool sample": b'{"prompt": "Q", "answer": "A", "sample": true}',
    "arm": b'{"prompt": "Q", "answer": "A", "arm": "leg"}',
    "model": b'{"prompt": "Q", "answer": "A", "model": ["x"]}',
    "long model": b'{"prompt": "Q", "answer": "A", "model": "' + b"x" * 500 + b'"}',
    "role": b'{"messages": [{"role": "wolf", "content": "x"}]}',
    "tool alone": b'{"messages": [{"role": "tool", "content": "x"}]}',
    "two answers": b'{"prompt": "Q", "answer": "A", "output": "B"}',
    "no turns": b'{"messages": []}',
    "no user": b'{"messages": [{"role": "assistant", "content": "x"}]}',
    "latin-1": b'{"prompt": "Q", "answer": "\xe9"}',
    "utf-16": '{"prompt": "Q", "answer": "A"}'.encode("utf-16-be"),
    "choice": b'{"prompt": "Q", "response": {"choices": [7]}}',
}


@pytest.mark.parametrize("name", sorted(BAD_LINES))
def test_one_bad_line_is_told_with_its_number_and_the_others_are_read(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(json.dumps(ROW).encode() + b"\n\n" + BAD_LINES[name] + b"\n")
    with pytest.raises(MalformedInput, match=r"1 of 2 can't be read \(line 3: .*allow-partial"):
        opened(path)
    subject = opened(path, partial="yes")
    (event,) = subject.recorded().events
    assert len(subject.recorded().replies) == 1
    assert event.kind == "unreadable"
    assert event.detail.startswith("of the file 1 of 2 can't be read (line 3: ")
    assert event.detail.removeprefix("of the file ") in subject.remark
    assert "\n" not in subject.remark


@pytest.mark.parametrize("name", sorted(BAD_LINES))
def test_two_bad_lines_of_three_are_refused_unless_that_is_allowed(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(json.dumps(ROW).encode() + (b"\n" + BAD_LINES[name]) * 2)
    with pytest.raises(MalformedInput, match=r"2 of 3 can't be read \(line 2: .*allow-partial"):
        opened(path)
    assert len(opened(path, partial="yes").recorded().replies) == 1


def test_a_tenth_of_bad_lines_is_told_and_more_is_refused(tmp_path: Path) -> None:
    good = [json.dumps({**ROW, "prompt": f"Q{i}"}) for i in range(36)]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join([*good, *["{oops"] * 4]))
    assert "4 of 40 can't be read (line 37: " in opened(path).remark
    path.write_text("\n".join([*good, *["{oops"] * 5]))
    with pytest.raises(MalformedInput, match="5 of 41"):
        opened(path)


@pytest.mark.parametrize("name", sorted(BAD_LINES.keys() - {"utf-16"}))  # a file of it is read
def test_a_bad_first_line_alone_is_refused_and_a_bad_item_of_a_list_is_told(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(BAD_LINES[name])
    with pytest.raises(MalformedInput):
        opened(path)
    path.write_bytes(b"[" + json.dumps(ROW).encode() + b"," + BAD_LINES[name] + b"]")
    subject = opened(path, partial="yes")
    assert len(subject.recorded().replies) == 1
    assert "item 2: " in subject.recorded().events[0].detail


def test_an_answer_to_an_image_is_set_aside_and_told(tmp_path: Path) -> None:
    asked = [{"role": "user", "content": [{"type": "image_url"}, {"type": "text", "text": "?"}]}]
    seen = {"messages": [*asked, {"role": "assistant", "content": "A cat."}]}
    subject = opened(write(tmp_path / "a.jsonl", ROW, seen, {"prompt": asked, "answer": "A cat."}))
    assert [r.text for r in subject.recorded().replies] == [ROW["answer"]]
    assert subject.remark == "a: 1 answers read; skipped: 2 answer an image, a sound or a file"
    assert [e.kind for e in subject.recorded().events] == ["set_aside"]


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "[]",
        "[1",
        '[{"prompt": "Q", "answer": "A"}',
        '[{"prompt": "Q", "answer": "A"}] x',
        "[,]",
    ],
)
def test_a_list_that_is_no_whole_list_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(MalformedInput):
        opened(path)


@pytest.mark.parametrize(
    "content", [b"", b"\n\n \r\n", b"\xef\xbb\xbf", b"PK", b"\x1f\x8b", b"\0" * 100]
)
def test_a_file_without_a_row_ends_in_exit_3(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    with pytest.raises(MalformedInput) as caught:
        opened(path)
    assert caught.value.exit_code == 3


def test_a_folder_a_missing_file_and_a_pipe_end_in_exit_3(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "none", tmp_path / "pipe"):
        with pytest.raises(MalformedInput):
            opened(path)


def test_a_row_over_twenty_megabytes_is_a_resource_limit(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", ROW, {**ROW, "answer": "x" * 20_000_001})
    with pytest.raises(ResourceLimit, match="line 2"):
        opened(path)
    path.write_text("[" + json.dumps({**ROW, "answer": "x" * 45_000_000}) + "]")
    with pytest.raises(ResourceLimit, match="item 1"):
        opened(path)


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from(
        [b"", b"[", b'{"prompt": "Q", "answer": "A"}\n', b"PK\x03\x04", b"\x1f\x8b\x08\0"]
    ),
)
def test_no_bytes_end_in_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, head: bytes
) -> None:
    path = tmp_path_factory.mktemp("f") / "a"
    path.write_bytes(head + data)
    with contextlib.suppress(MalformedInput, UnsafeInput, ResourceLimit):
        opened(path)


def test_a_line_that_was_cut_is_told_as_one(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"prompt": "x", "answ\n{"prompt": "Q?", "answer": "A."}\n')
    with pytest.raises(MalformedInput, match=r"line 1: not JSON: Unterminated string at column 17"):
        list(AnswerReader(path).rows())
    path.write_text('[{"prompt": "Q?", "answer": "A."}, {"prompt": "x", "answ')
    with pytest.raises(
        MalformedInput, match=r"item 2: not JSON: Unterminated string; the file may"
    ):
        list(AnswerReader(path).rows())
