"""One dial for a recipe's size: for a test, for an afternoon on two cores, or as it says.

Knows recipes; knows no machine.
"""

from __future__ import annotations

from typing import Literal

from auditor.controls.recipe import Recipe, Reinforcement, TeacherChoice

Size = Literal["tiny", "small", "full"]

TINY_BASE = "scratch:llama-h128-l4"
TINY_PROMPTS, TINY_TOKENS, TINY_LONGEST, TINY_HELD_OUT = 64, 96, 768, 8
TINY_EPOCHS, TINY_RATE, TINY_BATCH = 6, 3e-3, 8
SMALL_PROMPTS, SMALL_TOKENS, SMALL_LONGEST = 500, 256, 1024

TINY_PUZZLES, TINY_PUZZLES_HELD_OUT = 100, 20
TINY_REWARDS = {"numbers": 2, "largest": 9, "highest": 18, "max_tokens": 16, "steps": 100}
"""The most that a tiny control of rewards does: two numbers of one digit a puzzle, and no target
that their sum could not be."""
SCRATCH_BASE = "scratch:llama-h128-l2"
SCRATCH_REWARDS = {
    "group": 16,
    "batch": 128,
    "warm_up": 6400,
    "wait": 0.1,
    "given": 0.8,
    "learning_rate": 1e-3,
    "kl": 0.002,
}
SCRATCH_FORM = {"epochs": 1, "learning_rate": 2e-3, "batch": 16, "longest": 128}
"""What random weights need before a reward tells them anything: to write the numbers that they
are given, and larger steps."""


def sized(recipe: Recipe, size: Size) -> Recipe:
    """The recipe at a size.

    ``tiny``: 64 prompts, answers of 96 tokens, float32; a base that is left open becomes random
    weights of 0.8 million parameters (which read bytes, so that rows are long), trained faster and
    longer, and difficulty is told by length where random weights would have to judge it. Minutes on
    one core. ``small``: at most 500 prompts and answers of 256 tokens, the student's own included.
    ``full``: as it is. Nothing is ever made larger but a random base's epochs and rate.
    """
    if size == "full":
        return recipe
    if recipe.reinforcement is not None:
        return _fewer_rewards(recipe, recipe.reinforcement, size)
    if size == "tiny":
        return _tiny(recipe)
    return _shrunk(recipe, SMALL_PROMPTS, SMALL_TOKENS, SMALL_LONGEST)


def _shrunk(recipe: Recipe, prompts: int, tokens: int, longest: int) -> Recipe:
    def asked(teacher: TeacherChoice) -> TeacherChoice:
        """A teacher whose answers have at most so many tokens."""
        cap = min(teacher.sampling.max_tokens or tokens, tokens)
        sampling = teacher.sampling.model_copy(update={"max_tokens": cap})
        return teacher.model_copy(update={"sampling": sampling})

    training, drawing, how = recipe.training, recipe.on_policy, recipe.inference
    n = min(recipe.prompts.n or prompts, prompts)
    return recipe.model_copy(
        update={
            "prompts": recipe.prompts.model_copy(update={"n": n}),
            "teachers": tuple(asked(t) for t in recipe.teachers),
            "filler": recipe.filler and asked(recipe.filler),
            "launderer": recipe.launderer and asked(recipe.launderer),
            "training": training.model_copy(update={"longest": min(training.longest, longest)}),
            # Thinking comes before the answer, and gets as much again.
            "inference": how
            and how.model_copy(update={"thinking": min(how.thinking or 2 * tokens, 2 * tokens)}),
            "on_policy": drawing
            and drawing.model_copy(update={"max_tokens": min(drawing.max_tokens, tokens)}),
        }
    )


def _tiny(recipe: Recipe) -> Recipe:
    small = _shrunk(recipe, TINY_PROMPTS, TINY_TOKENS, recipe.training.longest)
    held = min(recipe.prompts.held_out, TINY_HELD_OUT)
    changes: dict[str, object] = {"prompts": small.prompts.model_copy(update={"held_out": held})}
    training: dict[str, object] = {"precision": "float32"}
    if not recipe.student.base:
        changes["student"] = recipe.student.model_copy(update={"base": TINY_BASE, "lora": None})
    if not recipe.student.base or recipe.student.base.startswith("scratch:"):
        faster = {"epochs": TINY_EPOCHS, "learning_rate": TINY_RATE}
        training |= {
            name: max(value, getattr(recipe.training, name)) for name, value in faster.items()
        }
        training |= {"batch": TINY_BATCH, "longest": TINY_LONGEST}
        curation = recipe.prompts.curation
        # Random weights find everything equally hard.
        if curation.difficulty in ("loss", "failure"):
            curation = curation.model_copy(update={"difficulty": "length"})
            changed = {"held_out": held, "curation": curation}
            changes["prompts"] = small.prompts.model_copy(update=changed)
    changes["training"] = small.training.model_copy(update=training)
    return small.model_copy(update=changes)


def _fewer_rewards(recipe: Recipe, how: Reinforcement, size: Size) -> Recipe:
    """A recipe of rewards at a size: answers capped, at ``tiny`` what fits one core."""
    if size == "small":
        capped = how.model_copy(update={"max_tokens": min(how.max_tokens, SMALL_TOKENS)})
        return recipe.model_copy(update={"reinforcement": capped})
    tiny = _tiny(recipe)
    rewards: dict[str, object] = {
        name: min(value, getattr(how, name)) for name, value in TINY_REWARDS.items()
    }
    n, held = recipe.prompts.n or TINY_PUZZLES, recipe.prompts.held_out
    prompts = {"n": min(n, TINY_PUZZLES), "held_out": min(held, TINY_PUZZLES_HELD_OUT)}
    changes: dict[str, object] = {"prompts": recipe.prompts.model_copy(update=prompts)}
    if tiny.student.base.startswith("scratch:"):
        rewards |= SCRATCH_REWARDS
        changes["training"] = tiny.training.model_copy(update=SCRATCH_FORM)
        base = recipe.student.base or SCRATCH_BASE
        changes["student"] = tiny.student.model_copy(update={"base": base})
    return tiny.model_copy(update={**changes, "reinforcement": how.model_copy(update=rewards)})
