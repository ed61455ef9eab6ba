"""Trains in its own process, so that a test can kill it: ``python -m
tests.auditor.controls.training.train_child OUT DIE_AT``.

Kills itself with SIGKILL during the step DIE_AT (0: never), in the middle of saving where DIE_AT
ends in ``s``, and says which steps it made.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from pathlib import Path

import torch

from auditor.controls.training import checkpoint
from auditor.controls.training.distill import distill
from auditor.controls.training.students import open_student
from fingerprints.errors import AuditError
from tests.auditor.controls.lessons import recipe, sums


def run(out: Path, die_at: str, largest_file: int) -> None:
    torch.set_num_threads(1)
    plan = recipe(epochs=5, batch=3, save_every=3, pack=False, seed=1)  # 20 steps
    if largest_file:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    if die_at.endswith("s"):
        write = checkpoint.save_file
        checkpoint.save_file = lambda *a, **k: (
            write(*a, **k),
            os.kill(os.getpid(), signal.SIGKILL),
        )  # type: ignore[assignment]

    def tell(done: int, total: int) -> None:
        print(done, flush=True)
        if done == int(die_at.rstrip("s")):
            os.kill(os.getpid(), signal.SIGKILL)

    learner = open_student(plan.student, plan.training, plan.seed)
    try:
        distill(learner, sums(12), plan, out, progress=tell)
    except AuditError as error:
        print(error.line(), file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    run(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 0)
