"""No command leaves a store in which nothing could be put; one that was there stays as it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from auditor.cli import run
from fingerprints.store import FingerprintStore
from tests.faultserver import FaultServer, echoes, fails
from tests.fingerprints.test_importing import rows
from tests.recordings import recorded

NAMELESS = "\x1b[31m"
"""What no model in a store may be called."""


def adding(server: FaultServer, store: Path, name: str = "m") -> list[str]:
    spec = f"openai:m,base_url={server.url}"
    return ["store", "add", spec, "--name", name, "--store", str(store), "--probes", "style:3"]


def here(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_endpoint_that_dies_before_any_answer_leaves_no_store(tmp_path: Path) -> None:
    store = tmp_path / "store"
    with FaultServer(fails(401)) as server:
        assert run(adding(server, store)) == 6
        assert not store.exists()
        server.script = (echoes(),)
        assert run(adding(server, store)) == 0
    with FingerprintStore.open(store, read_only=True) as opened:
        assert [teacher.name for teacher in opened.teachers()] == ["m"]


def test_a_store_that_was_there_and_a_folder_that_was_empty_stay_so(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with FingerprintStore.create(tmp_path / "held") as made:
        made.add(recorded(tmp_path, "alpha"), name="alpha")
        digest = made.digest()
    with FaultServer(fails(401)) as server:
        for name in ("empty", "held"):
            assert run(adding(server, tmp_path / name)) == 6
    assert here(tmp_path / "empty") == []
    with FingerprintStore.open(tmp_path / "held", read_only=True) as opened:
        assert opened.digest() == digest


def test_what_can_be_no_store_and_no_name_is_refused_before_anybody_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("kept", "utf-8")
    with FaultServer(echoes()) as server:
        assert run(adding(server, tmp_path / "file")) == 3
        assert f"({tmp_path / 'file'})" in capsys.readouterr().err
        assert run(adding(server, tmp_path / "store", NAMELESS)) == 2
        assert "--name" in capsys.readouterr().err
        asked = [*adding(server, tmp_path / "store"), "--embedder", "word2vec"]
        assert run(asked) == 2
        assert not server.requests
    assert here(tmp_path) == ["file"]
    assert (tmp_path / "file").read_text("utf-8") == "kept"


@pytest.mark.parametrize("files", [1, 3])
def test_an_import_of_nothing_that_can_be_stored_makes_no_store_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], files: int
) -> None:
    (tmp_path / "in").mkdir()
    for i in range(files):
        held = [row | {"generator": NAMELESS * (i + 1)} for row in rows("alpha")]
        (tmp_path / "in" / f"{i}.json").write_text(json.dumps(held), "utf-8")
    command = ["store", "import", str(tmp_path / "in"), "--store", str(tmp_path / "store")]
    assert run([*command, "--dry-run"]) == 0
    assert "0 models would be added" in capsys.readouterr().out
    assert run(command) == 3
    told = capsys.readouterr()
    assert "0 models added" in told.out
    assert told.err.count("a model's name is 1 to 200 printable characters") == files
    assert f"no store was made at {tmp_path / 'store'}" in told.err
    assert here(tmp_path) == ["in"]
    with FingerprintStore.create(tmp_path / "store"):
        pass
    assert run(command) == 0
    # One that can be stored makes it.
    (tmp_path / "in" / "good.json").write_text(json.dumps(rows("beta")), "utf-8")
    command[-1] = str(tmp_path / "other")
    assert run(command) == 0
    with FingerprintStore.open(tmp_path / "other", read_only=True) as opened:
        assert [teacher.name for teacher in opened.teachers()] == ["beta"]


def test_what_is_wrong_with_a_store_is_told_of_the_store_and_skips_no_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.json").write_text(json.dumps(rows("alpha")), "utf-8")
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "catalog.sqlite").write_bytes(b"no catalogue")
    command = ["store", "import", str(tmp_path / "in.json"), "--store", str(tmp_path / "store")]
    assert run(command) == 5
    assert "skipped" not in capsys.readouterr().err
