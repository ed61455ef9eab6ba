"""The transcript on disk: torn tails, resumption, kills, full disks, two writers."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fingerprints.errors import Locked, MalformedInput, ResourceLimit
from fingerprints.journal import TranscriptWriter
from fingerprints.records import Arm, Identity, Probe, Reply, Sampling, Status
from fingerprints.transcript import Header, Transcript, is_transcript, load_transcript

HEADER = Header(spec="gguf:x", identity=Identity(kind="gguf", name="x", weights_sha256="00"))
PROBES = [Probe(id=f"a/{i}", text=f"question {i}", question=f"q{i}") for i in range(6)]


def reply(i: int, text: str = "answer", status: Status = Status.OK) -> Reply:
    return Reply(probe_id=f"a/{i}", arm=Arm.OWN, status=status, text=text)


def write(path: Path, replies: list[Reply], finish: bool = True) -> Transcript:
    with TranscriptWriter(path, HEADER, PROBES) as writer:
        for r in replies:
            writer.add(r)
        if finish:
            writer.finish()
        return writer.transcript()


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    written = write(path, [reply(1, "b\u2028c\n"), reply(0, "a")])
    read = load_transcript(path)
    assert read == written
    assert read.complete
    assert [r.probe_id for r in read.replies] == ["a/0", "a/1"]
    assert read.probes["a/3"].text == "question 3"
    assert is_transcript(path)


def test_the_digest_is_over_answers_and_not_over_their_order(tmp_path: Path) -> None:
    one = write(tmp_path / "1", [reply(0, "x"), reply(1, "y")])
    two = write(tmp_path / "2", [reply(1, "y"), reply(0, "x")])
    three = write(tmp_path / "3", [reply(1, "y"), reply(0, "z")])
    assert one.digest() == two.digest() != three.digest()


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(min_value=1, max_value=10_000))
def test_a_file_cut_anywhere_is_resumed_and_never_misread(
    cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("cut") / "t.jsonl"
    whole = write(path, [reply(i, f"answer {i}") for i in range(6)])
    data = path.read_bytes()
    path.write_bytes(data[: cut % len(data)])
    with TranscriptWriter(path, HEADER, PROBES) as writer:
        kept = writer.done
        for i in range(6):
            if ("a/" + str(i), "own", 0) not in kept:
                writer.add(reply(i, f"answer {i}"))
        writer.finish()
    resumed = load_transcript(path)
    assert resumed.replies == whole.replies
    assert resumed.complete


def test_a_torn_last_line_is_cut_and_said(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    write(path, [reply(0)], finish=False)
    with path.open("ab") as file:
        file.write(b'{"type":"reply","probe_id":"a/1"')
    assert [e.kind for e in load_transcript(path).events] == ["torn_line"]
    resumed = write(path, [reply(1)])
    assert [e.kind for e in resumed.events] == ["torn_line"]
    assert len(resumed.replies) == 2


def test_failed_attempts_are_asked_again_and_the_newest_readable_reply_counts(
    tmp_path: Path,
) -> None:
    path = tmp_path / "t.jsonl"
    write(path, [reply(0, "", Status.ERROR), reply(1, "kept")], finish=False)
    with TranscriptWriter(path, HEADER, PROBES) as writer:
        assert set(writer.done) == {("a/1", "own", 0)}
        writer.add(reply(0, "at last"))
        writer.add(reply(1, "", Status.ERROR))
    assert [r.text for r in load_transcript(path).replies] == ["at last", "kept"]


def test_another_subject_or_sampling_is_refused_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    write(path, [reply(0)])
    before = path.read_bytes()
    other = HEADER.model_copy(update={"sampling": Sampling(temperature=0.7)})
    with pytest.raises(MalformedInput, match="records another subject"):
        TranscriptWriter(path, other, PROBES)
    assert path.read_bytes() == before


def test_two_writers_of_one_file_are_kept_apart(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    with TranscriptWriter(path, HEADER, PROBES), pytest.raises(Locked):
        TranscriptWriter(path, HEADER, PROBES)


@pytest.mark.parametrize("part", ["honest", "question 3", "gguf:x"])
def test_a_changed_answer_question_or_subject_is_noticed_by_the_footer(
    tmp_path: Path, part: str
) -> None:
    path = tmp_path / "t.jsonl"
    write(path, [reply(0, "honest")])
    path.write_text(path.read_text().replace(part, "edited"))
    with pytest.raises(MalformedInput, match="the file was changed"):
        load_transcript(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"{}\n",
        b"[1]\n",
        b"not json\n",
        b'{"type":"reply"}\n',
        b"\xff\xfe\n",
        b'{"type":"header","format":"transcript/9"}\n',
        b"[" * 50_000 + b"\n",
    ],
)
def test_a_file_that_is_no_transcript_is_refused_in_one_line(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(content)
    with pytest.raises(MalformedInput) as caught:
        load_transcript(path)
    assert str(path) in caught.value.line()
    assert "\n" not in caught.value.line()
    assert not is_transcript(path)


def test_a_missing_file_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(MalformedInput, match="no such file"):
        load_transcript(tmp_path / "none.jsonl")


def test_a_full_disk_is_one_line_and_keeps_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(ResourceLimit, match="could not write"):
            write(path, [reply(i % 6, "x" * 400) for i in range(40)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)
    assert write(path, [reply(5, "after")]).replies


CHILD = """
import sys
from pathlib import Path
from fingerprints.journal import TranscriptWriter
from fingerprints.records import *
from fingerprints.transcript import Header
header = Header(spec="gguf:x", identity=Identity(kind="gguf", name="x", weights_sha256="00"))
with TranscriptWriter(Path(sys.argv[1]), header, []) as writer:
    for i in range(100000):
        writer.add(Reply(probe_id=f"a/{i}", arm=Arm.OWN, status=Status.OK, text="answer " * 20))
        print(i, flush=True)
"""


@pytest.mark.parametrize("after", [1, 7, 40])
def test_kill_nine_loses_no_acknowledged_answer(tmp_path: Path, after: int) -> None:
    path = tmp_path / "t.jsonl"
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(CHILD), str(path)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    acknowledged = -1
    while acknowledged < after:
        acknowledged = int(child.stdout.readline())
    os.kill(child.pid, signal.SIGKILL)
    acknowledged = max(
        [
            acknowledged,
            *(int(line) for line in child.stdout.read().split("\n") if line.strip().isdigit()),
        ]
    )
    child.stdout.close()
    child.wait()
    kept = {r.probe_id for r in load_transcript(path).replies}
    assert {f"a/{i}" for i in range(acknowledged + 1)} <= kept
    with TranscriptWriter(path, HEADER, []) as writer:
        assert set(writer.done) == {(k, "own", 0) for k in kept}


def test_every_row_is_one_json_object_a_line(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    write(path, [reply(0, "a\u2028b\x00\x1b[31m")])
    rows = [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
    assert [r["type"] for r in rows] == ["header", *["probe"] * 6, "reply", "footer"]
