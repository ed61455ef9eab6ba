"""A module of ours as a child process that does what it is told, a line at a time.

A child ends when whoever began it does, however that ended, in the middle of a task too: what is
half done is gone on with by the next one. Knows processes and lines; knows nothing of what a task
is.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import IO

from fingerprints.errors import UsageProblem

MOST_JOBS = 256
# Children are as many as the jobs: more threads than cores only get in each other's way.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")

Answer = Callable[[bytes], Mapping[str, object]]
"""What is said of one line."""


def check_jobs(jobs: int) -> None:
    """Raises UsageProblem for a number of children that can't be."""
    if not 1 <= jobs <= MOST_JOBS:
        raise UsageProblem(
            f"{jobs} jobs", where="--jobs", next_step=f"give a number from 1 to {MOST_JOBS}"
        )


def begun(
    module: str, threads: int = 1, more: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """A child that runs a module of ours with so many threads, ``more`` in its environment, and
    pipes to its stdin and stdout."""
    surroundings = {**os.environ, **dict.fromkeys(THREADS, str(threads)), **(more or {})}
    command = [sys.executable, "-m", module]
    # Our own interpreter and our own module: nothing of a stranger's is in the command.
    return subprocess.Popen(  # noqa: S603  (as said above)
        command, env=surroundings, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def close_pipes(child: subprocess.Popen[bytes]) -> None:
    """Closes the pipes to a child, at which it ends if it hasn't."""
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()


def serve(answer: Answer) -> None:
    """The child's side, on stdin and stdout: answers every line in order, and returns never.
    Whatever a library prints goes to stderr; what is raised ends it with 1, told there."""
    # A Ctrl-C is for the parent, which ends its children.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, lines), daemon=True).start()
    try:
        while True:
            answers.write(json.dumps(answer(lines.get())).encode("utf-8") + b"\n")
            answers.flush()
    finally:
        # Only what was raised leads here. An interpreter that ends while a thread of it listens
        # aborts, as if it had been killed.
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def _listen(told: IO[bytes], lines: queue.SimpleQueue[bytes]) -> None:
    for line in told:
        lines.put(line)
    os._exit(0)  # whoever asked is gone
