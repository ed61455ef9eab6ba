"""A child answers line by line, keeps stdout for its answers, and is gone when its parent is."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from auditor.children import MOST_JOBS, check_jobs, close_pipes
from fingerprints.errors import UsageProblem

CHILD = """
from auditor.children import serve
def answer(line):
    print("a library's words")
    return {"said": line.decode().strip()}
serve(answer)
"""
MISTAKEN = """
from auditor.children import serve
def answer(line):
    raise ValueError("a bug of ours")
serve(answer)
"""


def child(code: str = CHILD) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if code == CHILD else subprocess.PIPE,
    )


def test_every_line_is_answered_alone_and_closed_pipes_end_a_child() -> None:
    one = child()
    assert one.stdin is not None
    assert one.stdout is not None
    for word in ("a", "b"):
        one.stdin.write(f"{word}\n".encode())
        one.stdin.flush()
        assert json.loads(one.stdout.readline()) == {"said": word}
    close_pipes(one)
    assert one.wait(timeout=60) == 0


def test_a_bug_ends_a_child_with_1_and_is_told_and_no_abort() -> None:
    """Its parent tells a bug from a process that was killed, or ran out of memory, by that."""
    one = child(MISTAKEN)
    assert one.stdin is not None
    assert one.stdout is not None
    assert one.stderr is not None
    one.stdin.write(b"a\n")
    one.stdin.flush()
    assert one.stdout.readline() == b""
    told = one.stderr.read()
    assert one.wait(timeout=60) == 1
    assert b"ValueError: a bug of ours" in told
    assert b"Fatal" not in told
    one.stderr.close()
    close_pipes(one)


@pytest.mark.parametrize("jobs", [0, MOST_JOBS + 1])
def test_a_number_of_jobs_that_can_not_be_is_refused(jobs: int) -> None:
    with pytest.raises(UsageProblem, match="jobs"):
        check_jobs(jobs)
