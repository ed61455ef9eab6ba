"""A child of `auditor.labs.population.workers`: reads tasks from stdin, a JSON object a line; says
on stdout how each went.

It ends when stdin does, in the middle of a task too: then its parent is gone. Knows tasks; decides
nothing.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from typing import IO

from auditor.labs.population.rungs import perform, read_task
from fingerprints.errors import AuditError


def serve(tasks: IO[bytes], answers: IO[bytes]) -> None:
    """Does every task that comes, in order, and returns never: the process ends with its stdin.

    One thread: the parent says so in the environment, which torch reads when it is first needed.
    """
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(tasks, lines), daemon=True).start()
    while True:
        try:
            said: dict[str, object] = {"seconds": perform(read_task(lines.get())).seconds}
        except AuditError as error:
            told = {
                "code": error.code,
                "what": error.what,
                "where": error.where,
                "next_step": error.next_step,
            }
            said = {"failed": told}
        answers.write(json.dumps(said).encode("utf-8") + b"\n")
        answers.flush()


def _listen(tasks: IO[bytes], lines: queue.SimpleQueue[bytes]) -> None:
    for line in tasks:
        lines.put(line)
    os._exit(0)  # whoever asked is gone; what is half done is resumed by the next


def main() -> None:
    """Serves on stdin and stdout; whatever a library prints goes to stderr."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # a Ctrl-C is for the parent, which ends its children
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
