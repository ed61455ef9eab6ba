"""What recordings come packed in: inspect_ai's logs of today, zstd files, the archives that ChatGPT
and Claude send; what is damaged or no recording is refused in one line."""

from __future__ import annotations

import contextlib
import json
import struct
import sys
import zipfile
import zlib
from pathlib import Path

import pytest

from fingerprints.errors import AuditError, MalformedInput, UnsafeInput, UsageProblem
from fingerprints.records import sha256
from fingerprints.subjects import open_subject
from tests.fingerprints.recordings.recorded import (
    ROW,
    answers,
    archive,
    inspect_sample,
    opened,
)

zstandard = pytest.importorskip("zstandard")


def zstd_archive(path: Path, members: dict[str, bytes]) -> Path:
    """A zip archive whose members are packed by the method 93, as Python writes none before 3.14:
    stored ones, with the method and the sizes of the plain data written over theirs."""
    packed = {name: zstandard.compress(data) for name, data in members.items()}
    archive_of = archive(path, {})
    with zipfile.ZipFile(archive_of, "w", zipfile.ZIP_STORED) as file:
        for name, data in packed.items():
            file.writestr(name, data)
        places = {info.filename: info.header_offset for info in file.infolist()}
    whole = bytearray(path.read_bytes())
    at = whole.index(b"PK\x01\x02")
    for name, place in places.items():
        plain = members[name]
        crc = struct.pack("<I", zlib.crc32(plain))
        size = struct.pack("<I", len(plain))
        whole[place + 8 : place + 10] = struct.pack("<H", 93)
        whole[place + 14 : place + 18], whole[place + 22 : place + 26] = crc, size
        whole[at + 10 : at + 12] = struct.pack("<H", 93)
        whole[at + 16 : at + 20], whole[at + 24 : at + 28] = crc, size
        at += 46 + len(name)
    path.write_bytes(whole)
    return path


LOG = {
    "header.json": b'{"eval": {"model": "m"}, "status": "success"}',
    "samples/1_epoch_1.json": json.dumps(inspect_sample(1)).replace('"C"', "NaN").encode(),
    "samples/2_epoch_1.json": json.dumps(inspect_sample(2)).encode(),
}


def test_a_log_that_is_packed_with_zstd_is_read(tmp_path: Path) -> None:
    path = zstd_archive(tmp_path / "x.eval", LOG)
    assert answers(path) == [("Q1", "A"), ("Q2", "A")]
    assert opened(path).identity.name == "m"


def test_a_log_that_was_not_finished_is_read_from_its_start(tmp_path: Path) -> None:
    begun = {"_journal/start.json": LOG["header.json"], **dict(list(LOG.items())[1:])}
    assert opened(zstd_archive(tmp_path / "x.eval", begun)).identity.name == "m"


def test_a_sample_that_failed_is_counted_with_its_reason(tmp_path: Path) -> None:
    failed = {**inspect_sample(3), "output": {"choices": []}, "error": {"message": "no network"}}
    members = {**LOG, "samples/3_epoch_1.json": json.dumps(failed).encode()}
    said = opened(zstd_archive(tmp_path / "x.eval", members)).recorded()
    assert [r.error for r in said.replies if r.error] == ["no network"]
    alone = {name: members[name] for name in ("header.json", "samples/3_epoch_1.json")}
    with pytest.raises(MalformedInput, match="1 failed, the first with 'no network'"):
        opened(zstd_archive(tmp_path / "y.eval", alone))


def test_every_answer_of_an_inspect_dialogue_is_read(tmp_path: Path) -> None:
    sample = inspect_sample(1, answer="B")
    sample["messages"] = [
        *sample["input"],
        {"role": "assistant", "content": "A"},
        {"role": "user", "content": "And?"},
        {"role": "assistant", "content": "B"},
    ]
    members = {**LOG, "samples/1_epoch_1.json": json.dumps(sample).encode()}
    assert answers(zstd_archive(tmp_path / "x.eval", members))[:2] == [("And?", "B"), ("Q1", "A")]


def test_damage_in_a_packed_member_is_refused(tmp_path: Path) -> None:
    path = zstd_archive(tmp_path / "x.eval", LOG)
    whole = path.read_bytes()
    for place in range(40, len(whole) - 100, 31):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        with contextlib.suppress(AuditError):  # one that is read whole says what it said
            assert answers(path) == [("Q1", "A"), ("Q2", "A")]


def test_a_bomb_of_zstd_is_stopped(tmp_path: Path) -> None:
    bomb = {**LOG, "samples/1_epoch_1.json": b" " * (30 << 20)}
    with pytest.raises(UnsafeInput):
        opened(zstd_archive(tmp_path / "x.eval", bomb))
    path = tmp_path / "a.jsonl.zst"
    path.write_bytes(zstandard.compress(b" " * (40 << 20)))
    with pytest.raises(UnsafeInput, match="200 times"):
        opened(path)


def test_a_zstd_file_is_read_and_a_cut_one_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.zst"
    path.write_bytes(zstandard.compress(json.dumps(ROW).encode()))
    assert len(answers(path)) == 1
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(MalformedInput):
        opened(path)


def test_without_the_package_the_command_that_installs_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zstd_archive(tmp_path / "x.eval", LOG)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(UsageProblem, match=r"pip install 'distillation-auditor\[recordings\]'"):
        opened(path)


def test_an_export_is_read_from_its_archive(tmp_path: Path) -> None:
    chats = [
        {"messages": [{"role": "user", "content": "Q?"}, {"role": "assistant", "content": "A"}]}
    ]
    members = {"chat.html": b"<html>", "conversations.json": json.dumps(chats).encode()}
    assert answers(archive(tmp_path / "export.zip", members)) == [("Q?", "A")]


def test_a_spreadsheet_and_any_other_archive_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MalformedInput, match="a spreadsheet; save it as CSV"):
        opened(archive(tmp_path / "a.zip", {"xl/workbook.xml": b"<x/>"}))
    with pytest.raises(MalformedInput, match=r"no header\.json"):
        opened(archive(tmp_path / "b.zip", {"notes.txt": b"x"}))


def test_half_a_zstd_file_is_refused_and_not_read_to_where_it_ends(tmp_path: Path) -> None:
    texts = [sha256(str(i).encode()) for i in range(4000)]  # which don't pack away
    rows = [{"prompt": text[:32], "answer": text[32:]} for text in texts]
    whole = zstandard.compress("".join(json.dumps(row) + "\n" for row in rows).encode())
    path = tmp_path / "rows.jsonl.zst"
    path.write_bytes(whole * 2)
    assert len(opened(path).recorded().replies) == len(rows)
    for packed in (whole[: len(whole) // 2], whole[:-3], whole + whole[:9], whole + b"no frame"):
        path.write_bytes(packed)
        with pytest.raises(MalformedInput, match="the compressed data is damaged"):
            opened(path)
    with open_subject(f"recording:{path},partial=yes") as subject:
        assert 0 < len(subject.recorded().replies) <= len(rows)
