"""A control that no teacher spoke to: puzzles → warm-up → rewards → figures before and after. The
straight line.

`auditor.controls.train` calls it for the method ``grpo`` inside the control's folder, and writes
what it hands back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.controls.cards.card import Card
from auditor.controls.curation.curate import Curated
from auditor.controls.evaluation.evaluate import EvaluationScale, PairedFigure, figures, observe
from auditor.controls.lineage import Lineage
from auditor.controls.recipe import Recipe
from auditor.controls.teaching.examples import examples_digest, write_examples
from auditor.controls.teaching.ledger import Ledger, LedgerRow, energy, ledger_of
from auditor.labs.rewards.grpo_report import JOURNAL, read_rewards
from auditor.labs.rewards.puzzle_figures import observe_puzzles, puzzle_figures
from auditor.labs.rewards.puzzles import PuzzlePool, form_examples, puzzle_pool, section
from auditor.labs.rewards.reward_told import RewardTold, reward_curve
from auditor.version import VERSION
from fingerprints.collect import timestamp
from fingerprints.progress import Progress
from fingerprints.records import canonical_json, sha256

if TYPE_CHECKING:
    from auditor.controls.training.students import Learner
    from auditor.labs.rewards.reinforce import Reinforced

EXAMPLES, EVALUATION, STUDENT = "examples.jsonl", "evaluation", "student"


@dataclass(frozen=True)
class Rewarded:
    """A student that learned by rewards, and all that its lineage and card tell."""

    recipe: Recipe
    curated: Curated
    pool: PuzzlePool
    examples_sha256: str
    made: Reinforced
    told: RewardTold
    figures: tuple[PairedFigure, ...]

    def lineage(self) -> Lineage:
        """Its history: no teacher, so a negative control; a warm-up is told in the notes."""
        recipe, how = self.recipe, section(self.recipe)
        notes = ["learned by rewards for its own answers to countdown puzzles; no teacher"]
        if self.made.warm_up is not None:
            notes.append(
                f"warmed up on {how.warm_up} random equations that a program wrote;"
                f" {100 * how.wait:g} % say 'Wait.'"
            )
        return Lineage(
            name=recipe.name,
            role=recipe.role or "negative",
            method=recipe.method,
            recipe=recipe.name,
            base_spec=recipe.student.base,
            base=self.made.base,
            dose=0.0,
            seed=recipe.seed,
            prompts_sha256=sha256(canonical_json([p.digest() for p in self.curated.prompts])),
            examples_sha256=self.examples_sha256 if self.made.warm_up is not None else None,
            recipe_sha256=recipe.digest(),
            steps=self.made.report.settings.steps,
            checkpoint=STUDENT,
            adapter=recipe.student.lora is not None,
            notes=tuple(notes),
            tool=f"distillation-auditor {VERSION}",
            created=timestamp(),
        )

    def card(self, lineage: Lineage) -> Card:
        """Its data card."""
        warm_up, report = self.made.warm_up, self.made.report
        return Card(
            recipe=self.recipe,
            lineage=lineage,
            curation=self.curated.report,
            sources=(),
            held_out=len(self.pool.held_out),
            steps=report.settings.steps,
            learned_tokens=report.tokens,
            truncated=warm_up.truncated if warm_up else 0,
            left_out=warm_up.left_out if warm_up else 0,
            first_loss=warm_up.first_loss if warm_up else None,
            last_loss=warm_up.last_loss if warm_up else None,
            device=report.device,
            precision=self.made.precision,
            ledger=_ledger(self.made),
            figures=self.figures,
            rewards=self.told,
        )


def train_by_reward(
    recipe: Recipe,
    curated: Curated,
    out: Path,
    start: Callable[[Recipe, Path], tuple[Learner, str]],
    scale: EvaluationScale,
    training: Progress | None = None,
    evaluating: Progress | None = None,
) -> Rewarded:
    """Makes the student that a recipe of the method ``grpo`` describes, in ``out``; resumes, and a
    finished one is kept.

    ``start`` opens the student and names what it starts from. Raises UsageProblem where the puzzles
    can't be made, and what `auditor.labs.rewards.reinforce.reinforce` and `observe` raise.
    """
    from auditor.labs.rewards.reinforce import reinforce

    pool = puzzle_pool(recipe)
    form = form_examples(recipe, pool.learned)
    write_examples(out / EXAMPLES, form)
    learner, before = start(recipe, out)
    student = learner.spec(out / STUDENT)
    made = reinforce(learner, recipe, pool, form, out, training)
    del learner  # its memory, before more models are opened
    found = _figures(
        recipe, pool, (before, made.formed, student), out / EVALUATION, scale, evaluating
    )
    return Rewarded(
        recipe, curated, pool, examples_digest(form), made, _told(recipe, pool, made, out), found
    )


def _figures(
    recipe: Recipe,
    pool: PuzzlePool,
    specs: tuple[str, str | None, str],
    folder: Path,
    scale: EvaluationScale,
    progress: Progress | None,
) -> tuple[PairedFigure, ...]:
    before, formed, after = specs
    cap = section(recipe).max_tokens
    usual = [
        observe(spec, (), (), folder / f"{name}.jsonl", scale, progress)
        for name, spec in (("before", before), ("after", after))
    ]
    named = (("before", before), ("warm_up", formed), ("after", after))
    solved = {
        name: observe_puzzles(spec, pool.held_out, cap, folder / f"puzzles_{name}.jsonl", progress)
        for name, spec in named
        if spec is not None
    }
    told = puzzle_figures(solved["before"], solved.get("warm_up"), solved["after"])
    return (*told, *figures(*usual))


def _told(recipe: Recipe, pool: PuzzlePool, made: Reinforced, out: Path) -> RewardTold:
    how, report = section(recipe), made.report
    learned, held_out = pool.digests()
    return RewardTold(
        puzzles=len(pool.learned),
        puzzles_sha256=learned,
        held_out_sha256=held_out,
        answers=report.answers,
        tokens=report.tokens,
        warm_up=how.warm_up,
        wait=how.wait,
        warm_up_steps=made.warm_up.steps if made.warm_up else 0,
        first=report.first,
        last=report.last,
        curve=reward_curve(read_rewards(out / JOURNAL), how.group),
    )


def _ledger(made: Reinforced) -> Ledger:
    warm_up, report = made.warm_up, made.report
    rows = [] if warm_up is None else [_row("warm-up", warm_up.seconds, report.device)]
    own = _row("rewards", report.seconds, report.device)
    return ledger_of(
        [*rows, own.model_copy(update={"answers": report.answers, "tokens_out": report.tokens})]
    )


def _row(name: str, seconds: float, device: str) -> LedgerRow:
    return LedgerRow(name=name, seconds=seconds, energy_wh_estimate=energy(seconds, device))
