"""Data sets by their hub address, from a small hub on loopback: what is chosen, fetched, and
refused."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub.constants
import pytest

from fingerprints.errors import AuditError, Incomplete, MalformedInput, UsageProblem
from fingerprints.importing import import_answers, looked_through
from fingerprints.recordings.data_set import DataSet, split_of
from fingerprints.store import FingerprintStore
from fingerprints.subjects import open_subject

COMMIT = "c0ffee" + "0" * 34
ROWS = b'{"prompt": "Q?", "answer": "A.", "model": "lamb"}\n'
OTHER = b'{"prompt": "R?", "answer": "B.", "model": "lamb"}\n'
FILES = {
    "README.md": b"---\nlicense: mit\n---\n",
    "loader.py": b"raise SystemExit",
    "data/train-00000-of-00002.jsonl": ROWS,
    "data/train-00001-of-00002.jsonl": OTHER,
    "data/test-00000-of-00001.jsonl": ROWS,
}


class _Hub(BaseHTTPRequestHandler):
    """One data set, ``org/small``."""

    asked: list[str] = []  # noqa: RUF012  one server a test, which reads it

    def _answer(self, body: bytes, code: int = 200, **headers: str) -> None:
        self.send_response(code)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_GET(self) -> None:
        """What a hub says of a data set, and its files."""
        self.asked.append(self.path)
        path = self.path.partition("?")[0]
        if path.startswith("/api/datasets/org/small"):
            told = [{"rfilename": n, "size": len(d)} for n, d in FILES.items()]
            info = {"id": "org/small", "sha": COMMIT, "siblings": told, "private": False}
            self._answer(json.dumps(info).encode(), Content_Type="application/json")
            return
        name = path.partition(f"/resolve/{COMMIT}/")[2]
        if path.startswith("/datasets/org/small/") and name in FILES:
            etag = f'"{name.replace("/", "-")}"'
            self._answer(FILES[name], ETag=etag, X_Repo_Commit=COMMIT)
            return
        self._answer(b'{"error": "Repository not found"}', 404, X_Error_Code="RepoNotFound")

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Hub]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    constants = huggingface_hub.constants
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(
        constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        address + "/{repo_id}/resolve/{revision}/{filename}",
    )
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    _Hub.asked = []
    yield _Hub
    server.shutdown()
    server.server_close()


def test_a_split_is_read_from_all_its_pieces_under_its_commit(hub: type[_Hub]) -> None:
    with open_subject("hf://datasets/org/small/data/train-*.jsonl") as subject:
        said = subject.recorded()
    assert sorted(r.text for r in said.replies) == ["A.", "B."]
    assert (said.identity.name, said.identity.revision) == ("lamb", COMMIT)
    assert not any("loader.py" in path or "README" in path for path in hub.asked)


def test_splits_are_never_mixed_unasked(hub: type[_Hub]) -> None:
    with pytest.raises(UsageProblem, match=r"3 files of 2 parts.*hf://datasets/org/small/data"):
        open_subject("hf://datasets/org/small")
    with open_subject("recording:hf://org/small/data/test-00000-of-00001.jsonl,model=lamb") as one:
        assert len(one.recorded().replies) == 1


def test_what_is_not_there_is_told_with_what_is(hub: type[_Hub]) -> None:
    with pytest.raises(MalformedInput, match=r"no such file of data.*data/test-00000"):
        open_subject("hf://datasets/org/small/absent.parquet")
    with pytest.raises(MalformedInput, match="no such data set"):
        open_subject("hf://datasets/org/absent")


def test_a_data_set_is_imported_into_a_store(hub: type[_Hub], tmp_path: Path) -> None:
    with FingerprintStore.create(tmp_path / "store") as store:
        report = import_answers(
            store, looked_through("hf://datasets/org/small/data/test-00000-of-00001.jsonl")
        )
    assert (report.added, report.answers) == (("lamb",), 1)


def test_a_hub_out_of_reach_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(Incomplete, match="the hub can't be reached"):
        DataSet.parse("hf://datasets/org/small").fetch()


@pytest.mark.parametrize("address", ["hf://", "hf://x", "hf://a/b/../c", "hf://a/b@/c", "s3://a/b"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(AuditError):
        DataSet.parse(address)


def test_a_split_is_a_files_name_without_its_piece() -> None:
    assert [split_of(f) for f in ("a/train.jsonl", "test-0-of-1.csv")] == ["train", "test"]
    assert len({split_of(f"d/000{i}.parquet") for i in range(3)}) == 1
    assert split_of("train-00001-of-00002-0123456789abcdef.jsonl.gz") == "train"
    apart = ("gpt-4.jsonl", "gpt-3.5.jsonl", "gpt-2024.jsonl", "test_easy.csv", "test_hard.csv")
    assert len({split_of(f) for f in apart}) == len(apart)


def test_files_of_two_models_are_not_taken_for_pieces_of_one() -> None:
    data = DataSet.parse("hf://datasets/org/name")
    with pytest.raises(UsageProblem, match="2 files of 2 parts or splits would be mixed"):
        data._chosen({"gpt-4.jsonl": 9, "gpt-3.5.jsonl": 9})
