"""What works where neither `fcntl` nor `resource` can be imported, and where files are locked by
`msvcrt`, as on Windows: a stand-in locks the same byte by what every POSIX system has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fingerprints.store import FingerprintStore
from tests.auditor.audits.lineage.relatives import base
from tests.fingerprints.recordings.recorded import write
from tests.recordings import NOUNS

ROOT = Path(__file__).resolve().parents[2]
BLOCKED = 'import sys; sys.modules["fcntl"] = sys.modules["resource"] = None\n'
WINDOWS = (
    BLOCKED
    + """
import os, types
from fingerprints import system
system.msvcrt = types.SimpleNamespace(
    LK_NBLCK=2, locking=lambda file, how, count: os.lockf(file, os.F_TLOCK, count)
)
"""
)
COMMANDS = """
import json
from auditor.cli import run
for command in json.loads(sys.argv[1]):
    print("EXIT", run(command), flush=True)
"""
HOLDS = """
from pathlib import Path
from fingerprints.durable import WriteLock
from fingerprints.journal import open_locked
lock, journal = WriteLock(Path("LOCK")), open_locked(Path("rows.jsonl"))
print("held", flush=True)
sys.stdin.read()
"""
TRIES = """
from pathlib import Path
from fingerprints import durable
from fingerprints.errors import Locked
from fingerprints.journal import open_locked
durable.LONGEST_WAIT = 0.1
for hold in (lambda: durable.WriteLock(Path("LOCK")), lambda: open_locked(Path("rows.jsonl"))):
    try:
        hold()
        print("free")
    except Locked as error:
        print("locked", error.what)
"""


def child(code: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("system", [BLOCKED, WINDOWS], ids=["no locks", "windows"])
def test_what_reads_records_and_files_works_without_both_modules(
    system: str, tmp_path: Path
) -> None:
    rows = [
        {"prompt": f"Tell me of the {noun}, case {i}.", "answer": f"{who} sees a {noun}, {i}."}
        | {"model": who}
        for who in ("alpha", "beta", "gamma")
        for i, noun in enumerate(NOUNS * 3)
    ]
    write(tmp_path / "many.jsonl", *rows)
    write(tmp_path / "suspect.jsonl", *({**row, "model": "x"} for row in rows[:36]))
    models = [str(base(tmp_path / name, seed)) for seed, name in enumerate(("one", "two"))]
    commands = [
        ["--help"],
        ["store", "import", "many.jsonl", "--store", "teachers"],
        ["store", "list", "--store", "teachers"],
        ["audit", "suspect.jsonl", "--store", "teachers", "--out", "report"],
        ["lineage", *models, "--out", "lineage"],
        ["report", "report", "--format", "markdown"],
    ]
    done = child(system + COMMANDS, tmp_path, json.dumps(commands))
    codes = [line for line in done.stdout.splitlines() if line.startswith("EXIT")]
    assert codes == ["EXIT 0"] * len(commands), done.stderr
    assert ("no locks on files" in done.stderr) == (system is BLOCKED)
    with FingerprintStore.open(tmp_path / "teachers", read_only=True) as store:
        assert len(store.teachers()) == 3


def test_a_lock_of_that_kind_keeps_others_out_until_its_process_is_killed(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", WINDOWS + HOLDS],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    with holder.stdin, holder.stdout:
        assert holder.stdout.readline() == "held\n"
        first, second = child(WINDOWS + TRIES, tmp_path).stdout.splitlines()
        assert first.startswith("locked another process writes this store")
        assert f'"pid": {holder.pid}' in first
        assert second.startswith("locked another process is writing this file")
        holder.kill()
        holder.wait()
    assert child(WINDOWS + TRIES, tmp_path).stdout.split() == ["free", "free"]


def test_the_missing_limits_of_children_are_told(tmp_path: Path) -> None:
    code = "from fingerprints.subjects.child import UNLIMITED\nprint(*UNLIMITED)"
    assert "only how long it takes" in child(BLOCKED + code, tmp_path).stdout
    assert child(code, tmp_path).stdout == "\n"
