"""The control without a teacher: rewards alone, the same bytes whatever interrupts it, and an
honest lineage and card."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from auditor.commands.control import control
from auditor.controls.cards.card import read_card
from auditor.controls.cards.card_document import card_document
from auditor.controls.cohort import load_cohort
from auditor.controls.evaluation.figure import FORM, REWARD, SINCE_WARM_UP, SOLVED, WAIT
from auditor.controls.lineage import read_lineage
from auditor.controls.recipe import Recipe
from auditor.controls.recipe_files import load_recipe, make_recipe, parse_recipe
from auditor.controls.sizes import sized
from auditor.controls.teaching.examples import examples_digest
from auditor.controls.train import Control, train
from auditor.controls.training.reward_journal import read_rewards
from auditor.labs.rewards import grpo as loop
from auditor.labs.rewards.countdown import read_equation, stated
from auditor.labs.rewards.puzzles import (
    SINCE,
    form_examples,
    puzzle_pool,
    says_wait,
)
from auditor.labs.rewards.rewarded import train_by_reward
from auditor.reporting import markdown
from fingerprints.errors import AuditError, MalformedInput, ResourceLimit, UsageProblem
from fingerprints.subjects.spec import open_subject
from tests.auditor.controls.lessons import weights
from tests.auditor.labs.rewards.reward_child import FORM_STEPS, REWARD_STEPS, SCALE, zero
from tests.fingerprints.subjects.tiny import tiny_checkpoint
from tests.tree import ROOT

KILLS = [("form", 25), ("reward", 1), ("reward", 5), ("save", 6), ("reward", REWARD_STEPS)]
GRPO = (
    "name: a\nmethod: grpo\ndose: 0\nprompts: {sources: [countdown]}\nreinforcement: {steps: 2}\n"
)
OLD = "name: a\nprompts: {sources: [general]}\nteachers: [{spec: 'hf:x'}]\n"


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Answers of the controls made here are kept from those of other tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUDITOR_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Control:
    """A control that nothing interrupted."""
    return train_by_reward(zero(), tmp_path_factory.mktemp("cohort") / "zero", scale=SCALE)


def killed(out: Path, phase: str, step: int) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.auditor.labs.rewards.reward_child",
        str(out),
        phase,
        str(step),
    ]
    done = subprocess.run(
        command,
        check=False,
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == -9, done.stderr
    assert not (out / "lineage.json").exists()


def equal(one: Control, other: Control) -> bool:
    """The same weights, journals, figures and history, bit by bit."""
    files = (
        "rewards.jsonl",
        "warm_up/losses.jsonl",
        "examples.jsonl",
        "prompts.jsonl",
        "recipe.yaml",
    )
    same = all(
        (one.folder / name).read_bytes() == (other.folder / name).read_bytes() for name in files
    )
    told = [c.lineage.model_copy(update={"created": ""}) for c in (one, other)]
    figures = one.card.figures == other.card.figures and one.card.rewards == other.card.rewards
    return (
        same
        and figures
        and told[0] == told[1]
        and weights(one.folder / "student") == weights(other.folder / "student")
    )


@pytest.mark.timeout(400)
def test_a_control_killed_in_its_warm_up_and_in_a_save_equals_one_in_one_go(
    made: Control, tmp_path: Path
) -> None:
    for phase, step in KILLS[0], KILLS[3]:
        killed(tmp_path / "zero", phase, step)
    resumed = train_by_reward(zero(), tmp_path / "zero", scale=SCALE)
    assert equal(resumed, made)
    assert not (tmp_path / "zero" / "state").exists()
    rows = read_rewards(tmp_path / "zero" / "rewards.jsonl")
    assert [row.step for row in rows] == list(range(1, REWARD_STEPS + 1))
    assert min(row.flat for row in rows) < 1, (
        "where all earn the same, nothing is learned and equality means nothing"
    )


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("phase", "step"), KILLS)
def test_a_control_killed_anywhere_equals_one_in_one_go(
    made: Control, tmp_path: Path, phase: str, step: int
) -> None:
    killed(tmp_path / "zero", phase, step)
    assert equal(train_by_reward(zero(), tmp_path / "zero", scale=SCALE), made)


def test_a_gradient_that_is_no_number_stops_it_and_the_last_good_checkpoint_goes_on(
    made: Control, tmp_path: Path, monkeypatch: Any
) -> None:
    clip, calls = loop.torch.nn.utils.clip_grad_norm_, []

    def spoiled(parameters: Any, norm: float) -> Any:
        calls.append(norm)
        found = clip(parameters, norm)
        return found * float("nan") if len(calls) == FORM_STEPS + 4 else found

    out = tmp_path / "zero"
    monkeypatch.setattr(loop.torch.nn.utils, "clip_grad_norm_", spoiled)
    with pytest.raises(
        ResourceLimit, match=r"no number at step 4 of 7; state/step-00000002 is kept"
    ) as caught:
        train_by_reward(zero(), out, scale=SCALE)
    assert str(out) in caught.value.line()
    assert not (out / "student").exists()
    monkeypatch.undo()
    assert equal(train_by_reward(zero(), out, scale=SCALE), made)


def test_its_lineage_is_negative_and_names_nobody(made: Control) -> None:
    found = read_lineage(made.folder)
    assert (found.role, found.method, found.teachers, found.dose) == ("negative", "grpo", (), 0.0)
    assert found.recipe_sha256 == zero().digest()
    assert found.steps == REWARD_STEPS
    assert "no teacher" in found.notes[0]
    assert "640 random equations" in found.notes[1]
    assert [m.lineage.role for m in load_cohort(made.folder.parent)] == ["negative"]


def test_the_student_is_an_ordinary_checkpoint_and_differs_from_its_warm_up(made: Control) -> None:
    assert weights(made.folder / "student") != weights(made.folder / "warm_up" / "student")
    with open_subject(f"hf:{made.folder / 'student'}") as student:
        assert student.identity.parameters == made.lineage.base.parameters  # type: ignore[union-attr]


def test_the_card_tells_rewards_with_intervals_and_how_often_it_says_wait(made: Control) -> None:
    card = read_card(made.folder)
    assert card == made.card
    for kind in (SOLVED, REWARD, FORM, WAIT):
        before, after = (
            next(f for f in card.figures if (f.figure_id, f.when) == (kind, when))
            for when in ("before", "after")
        )
        assert before.n == after.n == 6
        assert before.low is not None
        assert after.high is not None
        assert any(
            f.figure_id == f"{kind}:{SINCE_WARM_UP}" and f.when == "change" and SINCE in f.name
            for f in card.figures
        )
    assert card.rewards is not None
    assert [p.first for p in card.rewards.curve] == list(range(1, REWARD_STEPS + 1))
    assert (card.rewards.puzzles, card.rewards.answers) == (34, 7 * 2 * 4)
    assert [row.name for row in card.ledger.rows] == ["warm-up", "rewards"]
    page = markdown.render(card_document(card))
    assert "No teacher took part" in page
    assert card.rewards.held_out_sha256 in page
    shown = CliRunner().invoke(control, ["show", str(made.folder)])
    assert shown.exit_code == 0, shown.output
    assert "reward" in shown.output


def test_making_a_finished_control_again_changes_nothing(made: Control) -> None:
    names = ("lineage.json", "card.json", "card.md", "rewards.jsonl", "grpo.json")
    before = [(made.folder / name).read_bytes() for name in names]
    train_by_reward(zero(), made.folder, scale=SCALE)
    assert [(made.folder / name).read_bytes() for name in names] == before
    with pytest.raises(MalformedInput, match="another recipe"):
        train_by_reward(zero(steps=9), made.folder, scale=SCALE)


def test_held_out_puzzles_are_never_learned_from() -> None:
    pool = puzzle_pool(zero())
    keys = [
        {(*sorted(p.numbers), p.target) for p in part} for part in (pool.learned, pool.held_out)
    ]
    assert (len(keys[0]), len(keys[1])) == (34, 6)
    assert not keys[0] & keys[1]
    told = {e.prompt for e in form_examples(zero(), pool.learned)}
    assert not told & {p.prompt for p in pool.held_out}
    assert puzzle_pool(zero()).digests() == pool.digests()


def test_the_warm_up_shows_the_form_and_no_solution_more_often_than_chance() -> None:
    plan = zero(warm_up=2000, wait=0.25, numbers=3, largest=12)
    pool = puzzle_pool(plan)
    by_prompt = {p.prompt: p for p in pool.learned}
    examples = form_examples(plan, pool.learned)
    assert sum(says_wait(e.answer) for e in examples) == 500
    right = 0
    for e in examples:
        equation = read_equation(stated(e.answer))
        assert equation is not None
        assert sorted(equation.numbers) == sorted(by_prompt[e.prompt].numbers)
        right += equation.value == by_prompt[e.prompt].target
    assert right / len(examples) < 0.1


@pytest.mark.parametrize(("numbers", "given"), [(2, 1.0), (3, 1.0), (2, 0.5), (3, 0.5)])
def test_a_share_of_the_forms_examples_keeps_the_numbers_order(numbers: int, given: float) -> None:
    plan = zero(warm_up=2000, numbers=numbers, largest=25, given=given)
    pool = puzzle_pool(plan)
    by_prompt = {p.prompt: p for p in pool.learned}
    kept, others, shapes = 0, 0, set()
    for e in form_examples(plan, pool.learned):
        equation, told = read_equation(stated(e.answer)), by_prompt[e.prompt].numbers
        assert equation is not None
        assert sorted(equation.numbers) == sorted(told)
        if len(set(told)) == numbers:
            kept += equation.numbers == told
            others += equation.numbers != told
        shapes.add(re.sub(r"\d+", "n", stated(e.answer)))
    # Of those that draw an order one in n! draws the puzzle's own.
    chance = given + (1 - given) / math.factorial(numbers)
    assert kept / (kept + others) == pytest.approx(chance, abs=0.05)
    assert len(shapes) == (4 if numbers == 2 else 2 * 4 * 4), "every way to join them is shown"


def test_recipes_that_keep_no_order_have_the_examples_and_digests_that_they_always_had() -> None:
    plan = zero(warm_up=64, numbers=3, largest=12)
    told = form_examples(plan, puzzle_pool(plan).learned)
    assert (
        examples_digest(told) == "f78f0162d62105f80a7a8805e4dacf4cf6c3954c28d6ce9f89946c3442abaa11"
    )
    assert plan.digest() == "2f25b9800b1010f2cd651bec4bad665da0a367f544828f5b66a350a24b5b88bf"
    assert zero(warm_up=64, numbers=3, largest=12, given=0.5).digest() != plan.digest()
    assert parse_recipe(zero(given=0.5).to_yaml(), "again") == zero(given=0.5)


def test_the_pipeline_leaves_a_recipe_of_rewards_to_the_laboratory(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="learns by rewards"):
        train(zero(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_wait_is_a_word() -> None:
    assert says_wait("8-2. Wait,\n8+2")
    assert not says_wait("awaiting waiters")


def test_an_adapter_goes_on_from_its_warm_up(tmp_path: Path) -> None:
    pytest.importorskip("peft")
    base = f"hf:{tiny_checkpoint(tmp_path / 'base')}"
    value = zero(steps=1, warm_up=32).model_dump(mode="json", exclude_none=True)
    found = train_by_reward(
        make_recipe({**value, "student": {"base": base, "lora": {"rank": 2}}}),
        tmp_path / "out",
        scale=SCALE,
    )
    assert found.lineage.adapter
    # A random base earns nothing, and so learns nothing: its adapter is the one that the warm-up
    # left.
    assert [row.flat for row in read_rewards(tmp_path / "out" / "rewards.jsonl")] == [1.0]
    assert weights(tmp_path / "out" / "student") == weights(
        tmp_path / "out" / "warm_up" / "student"
    )
    assert found.card.last_loss != found.card.first_loss
    with open_subject(f"{base},adapter={tmp_path / 'out' / 'student'}") as student:
        assert student.identity.adapter_sha256


def test_without_a_warm_up_the_base_itself_is_rewarded(tmp_path: Path) -> None:
    found = train_by_reward(zero(warm_up=0, steps=1), tmp_path / "out", scale=SCALE)
    assert found.card.first_loss is None
    assert not (tmp_path / "out" / "warm_up").exists()
    assert not any(SINCE_WARM_UP in f.figure_id for f in found.card.figures)
    assert "Wait." not in markdown.render(card_document(found.card))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GRPO.replace("reinforcement: {steps: 2}\n", ""), "go together"),
        (OLD + "reinforcement: {steps: 2}\n", "go together"),
        (GRPO + "teachers: [{spec: 'hf:x'}]\n", "takes no teacher"),
        (GRPO + "filler: {spec: base}\n", "takes no teacher"),
        (GRPO.replace("dose: 0", "dose: 1"), "takes no teacher"),
        (GRPO.replace("[countdown]", "[general]"), "one source"),
        (GRPO + "verify: answer\n", "need somebody's answers"),
        (GRPO.replace("steps: 2", "stepps: 2"), "reinforcement.stepps: unknown key"),
        (GRPO.replace("steps: 2", "group: 1"), "reinforcement.group"),
        (GRPO.replace("steps: 2", "learning_rate: .inf"), "infinite number"),
    ],
)
def test_a_bad_recipe_of_rewards_is_one_clear_line(text: str, said: str) -> None:
    with pytest.raises(MalformedInput, match=said) as caught:
        parse_recipe(text, "mine.yaml")
    assert "\n" not in caught.value.line()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"largest": 3}, "different puzzles found"),
        ({"max_tokens": 5000}, "pass the context of 1024"),
    ],
)
def test_puzzles_that_do_not_exist_and_answers_without_room_are_told(
    more: dict[str, int], said: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageProblem, match=said) as caught:
        train_by_reward(zero(warm_up=0, **more), tmp_path / "out", scale=SCALE)
    assert "\n" not in caught.value.line()


def test_the_bundled_recipe_runs_at_every_size_from_the_command_line(tmp_path: Path) -> None:
    argv = [
        "train",
        "tinyzero",
        "--size",
        "tiny",
        "--out",
        str(tmp_path / "out"),
        "--dry-run",
        "--learning-rate",
        "0.5",
    ]
    told = CliRunner().invoke(control, argv)
    assert told.exit_code == 0, told.output
    found: Recipe = parse_recipe(told.stdout, "stdout")
    assert found.reinforcement is not None
    assert found.reinforcement.learning_rate == 0.5
    assert found.training.learning_rate != 0.5
    assert found.student.base.startswith("scratch:")
    with pytest.raises(AuditError, match="leaves its base open"):
        raise (
            CliRunner()
            .invoke(control, ["train", "tinyzero", "--out", str(tmp_path / "out")])
            .exception
        )  # type: ignore[misc]
    taught = CliRunner().invoke(control, [*argv, "--teacher", "hf:x"])
    assert isinstance(taught.exception, UsageProblem)
    small = sized(load_recipe("tinyzero"), "small")
    assert small.reinforcement is not None
    assert small.reinforcement.steps == 200


def test_a_recipe_without_rewards_has_the_digest_that_it_always_had() -> None:
    assert (
        parse_recipe(OLD, "old").digest()
        == "1f175d1dbb358aaa4fb2e7bec80573ee1bb8898b5d7f710020f3524655da13e2"
    )
    assert parse_recipe(GRPO, "a").digest() != parse_recipe(GRPO.replace("2", "3"), "a").digest()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_tiny_recipe_learns_from_rewards_alone(tmp_path: Path) -> None:
    made = train_by_reward(sized(load_recipe("tinyzero"), "tiny"), tmp_path / "out", scale=SCALE)
    assert made.card.rewards is not None
    first, last = made.card.rewards.first["correct"], made.card.rewards.last["correct"]
    assert last.value > first.value + 0.1
    assert made.lineage.role == "negative"
