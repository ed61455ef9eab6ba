"""One of the processes that train together: ``-m tests.auditor.controls.training.crew_child
FOLDER``, as a launcher starts it.

Trains every plan of `PLANS` into FOLDER/together, goes on with FOLDER/begun, then meets again to
see one of them fail.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from auditor.controls.recipe import Distillation, Recipe
from auditor.controls.training.checkpoint import tensors_sha256
from auditor.controls.training.distill import distill
from auditor.controls.training.parallel import Crew, gather
from auditor.controls.training.students import open_student
from fingerprints.errors import AuditError, ResourceLimit
from fingerprints.subjects import open_subject
from tests.auditor.controls.lessons import recipe, sums

PLANS: dict[str, Recipe] = {
    "rows": recipe(epochs=3, batch=3, save_every=3, seed=1),
    "micro": recipe(epochs=2, batch=2, accumulate=3, save_every=3, seed=2),
    "packed": recipe(
        epochs=2, batch=2, accumulate=2, pack=True, save_every=2, gradient_checkpointing=True
    ),
    "logits": recipe(epochs=1, distillation=Distillation(top_k=8, ce_weight=0.5), seed=3),
}


def learn(plan: Recipe, out: Path, teacher: str, crew: Crew, copy_to: Path | None = None) -> str:
    """Trains; copies the folder as it stands in the middle; returns the digest of this process's
    weights."""

    def tell(done: int, total: int) -> None:
        if copy_to is not None and crew.first and done == 7:
            shutil.copytree(out, copy_to)

    learner = open_student(plan.student, plan.training, plan.seed)
    with open_subject(teacher) as subject:
        distill(learner, sums(13), plan, out, subject, tell, crew)
    return tensors_sha256(dict(learner.model.named_parameters()))


def run(folder: Path) -> None:
    """Trains everything together, tells the digests of this process's weights, and meets again
    to fail."""
    teacher = f"hf:{folder / 'teacher'},dtype=float32"
    with gather() as crew:
        told = {}
        for name, plan in PLANS.items():
            told[name] = learn(
                plan, folder / "together" / name, teacher, crew, folder / f"left-{name}"
            )
        told["begun"] = learn(PLANS["rows"], folder / "begun", teacher, crew)
        (folder / f"told-{crew.rank}.json").write_text(json.dumps(told), "utf-8")
    os.environ["MASTER_PORT"] = os.environ["SECOND_PORT"]
    fail(folder, refuse)


def fail(folder: Path, end: Callable[[], tuple[()]]) -> None:
    """The second process ends in its first step; exits as the command line does."""
    try:
        with gather() as crew:
            if crew.rank == 1:
                crew.share = lambda step: end()  # type: ignore[method-assign]
            learn(PLANS["rows"], folder / "failed", f"hf:{folder / 'teacher'},dtype=float32", crew)
    except AuditError as error:
        print(error.line(), file=sys.stderr)
        sys.exit(error.exit_code)


def refuse() -> tuple[()]:
    raise ResourceLimit("memory ran out at step 1", where="somewhere", next_step="buy some")


def die() -> tuple[()]:
    os.kill(os.getpid(), signal.SIGKILL)
    return ()


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[2:] == ["die"]:
        fail(Path(sys.argv[1]), die)
    else:
        run(Path(sys.argv[1]))
