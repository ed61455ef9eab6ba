"""Makes a control without a teacher, in its own process: ``-m
tests.auditor.labs.rewards.reward_child OUT PHASE STEP``.

Kills itself with SIGKILL at a step of the PHASE ``form`` or ``reward``; in the PHASE ``save`` in
the middle of writing the checkpoint of that step of the rewards.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import torch

from auditor.controls.evaluation.evaluate import EvaluationScale
from auditor.controls.recipe import Recipe
from auditor.controls.recipe_files import make_recipe
from auditor.controls.train import TRAINING
from auditor.controls.training import checkpoint
from auditor.labs.rewards.rewarded import train_by_reward
from fingerprints.progress import SILENT, Progress

SCALE = EvaluationScale(choices=1, identity=1)
FORM_STEPS, REWARD_STEPS = 40, 7
REWARDS = {
    "steps": REWARD_STEPS,
    "prompts": 2,
    "group": 4,
    "max_tokens": 8,
    "learning_rate": 1e-2,
    "save_every": 2,
    "warm_up": 640,
    "wait": 0.25,
    "numbers": 2,
    "largest": 9,
    "highest": 81,
}


def zero(**more: object) -> Recipe:
    """A recipe of rewards that takes seconds; keywords are put into its section
    ``reinforcement``."""
    value = {
        "name": "zero",
        "dose": 0,
        "method": "grpo",
        "student": {"base": "scratch:llama-h32-l1"},
        "prompts": {"sources": ["countdown"], "n": 40, "held_out": 6},
        "training": {
            "epochs": 1,
            "batch": 16,
            "longest": 80,
            "precision": "float32",
            "save_every": 10,
            "learning_rate": 2e-2,
        },
        "reinforcement": {**REWARDS, **more},
    }
    return make_recipe(value)


def run(out: Path, phase: str, step: int) -> None:
    """Makes the control, and dies on the way."""
    torch.set_num_threads(1)
    saving = False

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    class Dying(Progress):
        def __call__(self, done: int, total: int, left: float | None = None) -> None:
            nonlocal saving
            found = "form" if total == FORM_STEPS else "reward"
            saving = phase == "save" and found == "reward" and done == step - 1
            if (found, done) == (phase, step):
                die()

        def step(self, label: str, whole: bool = False) -> Progress:
            return self if label == TRAINING else SILENT

    write = checkpoint.save_file
    checkpoint.save_file = lambda *a, **k: (write(*a, **k), saving and die())  # type: ignore[assignment]
    train_by_reward(zero(), out, Dying(), SCALE)


if __name__ == "__main__":
    run(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
