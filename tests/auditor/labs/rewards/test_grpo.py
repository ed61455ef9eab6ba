"""GRPO: its formulas by hand, and that a tiny real model comes to do what is rewarded, without a
teacher."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import tensor

from auditor.controls.training.draws import draw, encode_prompts, open_voice, texts, token_logs
from auditor.controls.training.reward_journal import JOURNAL, read_rewards
from auditor.labs.rewards.countdown import Puzzle, make_puzzles
from auditor.labs.rewards.grpo import REPORT, GrpoReport, GrpoSettings, grpo
from auditor.labs.rewards.objective import advantages, answer_mean, k3, picks, surrogate
from fingerprints.errors import MalformedInput, ResourceLimit, UsageProblem
from fingerprints.subjects.library import quiet
from tests.fingerprints.subjects.tiny import tiny_model, tiny_tokenizer

DIGITS = frozenset("0123456789")


@dataclass(frozen=True)
class Starts:
    """Rewards an answer whose first character is among some."""

    prompt: str
    among: frozenset[str] = DIGITS
    worth: float = 1.0

    def rewards(self, answer: str) -> Mapping[str, float]:
        return {"start": self.worth * (answer[:1] in self.among)}


SMALL = GrpoSettings(steps=3, prompts=2, group=4, longest=4, learning_rate=1e-2)
TASKS = [Starts(f"Say {word}") for word in ("one", "two and three", "four")]


def learner(seed: int = 0, **config: Any) -> Any:
    return tiny_model(seed, initializer_range=0.02, **config)


def plain() -> Any:
    return tiny_tokenizer(None)


def test_advantages_of_a_group_by_hand() -> None:
    # Mean 0.4; deviations 0.6, −0.4, 0.1, −0.4, 0.1; variance (0.36 + 0.16 + 0.01 + 0.16 + 0.01) /
    # 5 = 0.14.
    found = advantages(tensor([[1.0, 0.0, 0.5, 0.0, 0.5]], dtype=torch.float64))
    expected = tensor([[0.6, -0.4, 0.1, -0.4, 0.1]], dtype=torch.float64) / math.sqrt(0.14)
    torch.testing.assert_close(found, expected)


def test_a_group_that_all_earned_the_same_has_no_advantage() -> None:
    found = advantages(tensor([[0.1, 0.1, 0.1], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]))
    assert found[:2].eq(0).all()
    torch.testing.assert_close(found[2], tensor([-1.0, -1.0, 2.0]) / math.sqrt(2))


@given(st.lists(st.floats(0, 1, width=32), min_size=2, max_size=8), st.floats(0.5, 100))
def test_advantages_do_not_see_the_scale_of_rewards(rewards: list[float], scale: float) -> None:
    one = tensor([rewards], dtype=torch.float64).round(decimals=3)
    torch.testing.assert_close(advantages(one * scale + 3), advantages(one), atol=1e-6, rtol=1e-6)


@given(st.floats(-30, 0), st.floats(-30, 0))
def test_k3_is_never_below_zero_and_is_zero_where_both_agree(
    policy: float, reference: float
) -> None:
    one, other = tensor(policy, dtype=torch.float64), tensor(reference, dtype=torch.float64)
    assert k3(one, other) >= 0
    assert k3(one, one) == 0
    if abs(policy - reference) > 1e-3:
        assert k3(one, other) > 0


def test_k3_by_hand_and_its_mean_is_the_divergence() -> None:
    policy, reference = tensor([0.5, 0.3, 0.2]).double(), tensor([0.25, 0.25, 0.5]).double()
    found = k3(policy.log(), reference.log())
    assert float(found[0]) == pytest.approx(0.5 - math.log(0.5) - 1)
    divergence = (policy * (policy.log() - reference.log())).sum()
    torch.testing.assert_close((policy * found).sum(), divergence)


@pytest.mark.parametrize(
    ("ratio", "advantage", "value", "slope"),
    [
        (1.0, 2.0, 2.0, 2.0),
        (1.1, 2.0, 2.2, 2.2),
        (1.5, 2.0, 2.4, 0.0),  # gone far enough in the right direction
        (0.5, 2.0, 1.0, 1.0),  # gone the wrong way: it leads back
        (0.9, -2.0, -1.8, -1.8),
        (0.5, -2.0, -1.6, 0.0),
        (1.5, -2.0, -3.0, -3.0),
    ],
)
def test_clipping_takes_the_gain_and_keeps_the_loss(
    ratio: float, advantage: float, value: float, slope: float
) -> None:
    policy = tensor(math.log(ratio), dtype=torch.float64, requires_grad=True)
    found = surrogate(policy, tensor(0.0).double(), tensor(advantage).double(), 0.2)
    found.backward()
    assert float(found.detach()) == pytest.approx(value)
    assert float(policy.grad) == pytest.approx(slope)  # type: ignore[arg-type]


def test_an_answer_counts_the_same_however_long_it_is() -> None:
    values = tensor([[1.0, 3.0, 99.0], [4.0, 99.0, 99.0], [1.0, 2.0, 3.0]])
    chosen = tensor([[True, True, False], [True, False, False], [True, True, True]])
    assert answer_mean(values, chosen).tolist() == [2.0, 4.0, 2.0]


def test_every_task_is_taken_once_before_any_comes_again() -> None:
    taken = [task for step in range(1, 6) for task in picks(5, 3, step, seed=1)]
    assert all(sorted(taken[start : start + 5]) == [0, 1, 2, 3, 4] for start in (0, 5, 10))
    assert taken[:5] != taken[5:10]
    assert sorted(picks(2, 6, 1, seed=0)) == [0, 0, 0, 1, 1, 1]
    assert taken == [task for step in range(1, 6) for task in picks(5, 3, step, seed=1)]


def test_drawn_tokens_are_scored_as_the_model_alone_would() -> None:
    # Batch, padding, cache and temperature must not change what a token's chance is.
    model = tiny_model(3)
    voice = open_voice(model, plain(), SMALL.model_copy(update={"temperature": 0.7, "longest": 6}))
    prompts = encode_prompts(voice, [*TASKS, *TASKS])
    part = draw(voice, prompts, torch.Generator().manual_seed(4))
    logs = token_logs(voice, model, part).detach()
    for row, prompt in enumerate(prompts):
        tokens = part.ids[row, part.width :][part.chosen[row]].tolist()
        logits = model(input_ids=tensor([prompt + tokens])).logits[0, len(prompt) - 1 : -1]
        alone = torch.log_softmax(logits.detach() / 0.7, -1)[range(len(tokens)), tokens]
        torch.testing.assert_close(logs[row][part.chosen[row]], alone, atol=2e-5, rtol=1e-4)
        assert logs[row][~part.chosen[row]].eq(0).all()


def test_draws_follow_the_model_distribution() -> None:
    model = tiny_model(3)
    voice = open_voice(model, plain(), SMALL.model_copy(update={"longest": 1}))
    prompt = encode_prompts(voice, TASKS)[0]
    part = draw(voice, [prompt] * 2000, torch.Generator().manual_seed(0))
    chances = torch.softmax(model(input_ids=tensor([prompt])).logits[0, -1].detach(), -1)
    seen = torch.bincount(part.ids[:, -1], minlength=len(chances)) / 2000
    assert float((seen - chances).abs().max()) < 4 * math.sqrt(0.25 / 2000)


def test_an_answer_stops_at_its_end_token_and_at_the_next_turn() -> None:
    model, tokenizer = tiny_model(3), plain()
    voice = open_voice(model, tokenizer, SMALL.model_copy(update={"longest": 40}))
    part = draw(voice, encode_prompts(voice, TASKS) * 6, torch.Generator().manual_seed(1))
    ended = [
        row for row in range(18) if 2 in part.ids[row, part.width :][part.chosen[row]].tolist()
    ]
    assert ended
    for row in ended:
        tokens = part.ids[row, part.width :][part.chosen[row]].tolist()
        assert tokens.index(2) == len(tokens) - 1
    assert all("<|" not in text for text in texts(voice.chat, part))


@pytest.mark.parametrize("worth", [1.0, 0.25])
def test_what_is_rewarded_becomes_likelier_and_what_is_not_does_not(
    tmp_path: Path, worth: float
) -> None:
    model, tokenizer = learner(), plain()
    task = Starts("Say it", frozenset("0123456789abcdefghijklmnopqrstuvwxyz "), worth)
    voice = open_voice(model, tokenizer, SMALL)
    prompt = encode_prompts(voice, [task])[0]

    def chance() -> float:
        wanted = [
            i
            for i in range(320)
            if tokenizer.decode([i])[:1] in task.among and tokenizer.decode([i])
        ]
        logits = model(input_ids=tensor([prompt])).logits[0, -1].detach()
        return float(torch.softmax(logits, -1)[wanted].sum())

    before = chance()
    run = SMALL.model_copy(
        update={"steps": 1, "prompts": 1, "group": 32, "longest": 1, "learning_rate": 1e-3}
    )
    grpo(model, tokenizer, [task], run, 0, tmp_path)
    (row,) = read_rewards(tmp_path / JOURNAL)
    assert 0 < row.reward < worth
    assert chance() > before


@pytest.mark.parametrize("beta", [0.0, 0.05])
def test_groups_that_all_earn_the_same_leave_the_weights_alone(tmp_path: Path, beta: float) -> None:
    report = grpo(
        learner(),
        plain(),
        [Starts("Say", frozenset())],
        SMALL.model_copy(update={"beta": beta}),
        0,
        tmp_path,
    )
    assert report.start_sha256 == report.end_sha256
    assert [row.flat for row in read_rewards(tmp_path / JOURNAL)] == [1.0] * 3
    assert report.last["reward"].value == 0
    assert report.last["reward"].high > 0.9  # one task alone says nothing of others


def test_the_reward_rises_without_a_teacher(tmp_path: Path) -> None:
    run = GrpoSettings(steps=30, prompts=4, group=16, longest=3, learning_rate=1e-2, batch=64)
    heard: list[tuple[int, int]] = []
    tasks = [Starts(f"Say {i}") for i in range(6)]
    report = grpo(
        learner(), plain(), tasks, run, 0, tmp_path, lambda done, total: heard.append((done, total))
    )
    assert report.first["reward"].high < 0.3
    assert report.last["reward"].low > 0.6
    assert heard == [(i, 30) for i in range(1, 31)]
    rows = read_rewards(tmp_path / JOURNAL)
    assert [row.step for row in rows] == list(range(1, 31))
    assert rows[0].kl == 0
    assert rows[-1].kl > 0.01
    assert report.answers == 30 * 4 * 16
    assert GrpoReport.model_validate_json((tmp_path / REPORT).read_bytes()) == report


def test_the_reference_holds_the_model_back(tmp_path: Path) -> None:
    run = GrpoSettings(steps=15, prompts=2, group=16, longest=2, learning_rate=1e-2)
    apart = []
    for beta in (0.0001, 5.0):
        folder = tmp_path / str(beta)
        grpo(learner(), plain(), TASKS, run.model_copy(update={"beta": beta}), 0, folder)
        apart.append(max(row.kl for row in read_rewards(folder / JOURNAL)))
    assert apart[1] < apart[0] / 2


def test_a_ratio_of_one_at_the_first_update_and_clipping_only_after_it(tmp_path: Path) -> None:
    shares = []
    for updates in (1, 4):
        run = SMALL.model_copy(
            update={
                "updates": updates,
                "steps": 4,
                "group": 16,
                "learning_rate": 5e-2,
                "clip": 0.05,
            }
        )
        grpo(
            learner(),
            plain(),
            [Starts("Say", frozenset("abcdefghijklm"))],
            run,
            0,
            tmp_path / str(updates),
        )
        shares.append(sum(row.clipped for row in read_rewards(tmp_path / str(updates) / JOURNAL)))
    assert shares[0] == 0
    assert shares[1] > 0


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_seed_gives_the_same_weights_and_journal_and_another_seed_others(
    tmp_path: Path, precision: str
) -> None:
    run = SMALL.model_copy(update={"precision": precision, "updates": 2})
    told = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        model = learner(7)
        torch.manual_seed(len(told))  # what else the caller draws must not matter
        before = torch.get_rng_state()
        report = grpo(model, plain(), TASKS, run, seed, tmp_path / name)
        assert torch.equal(before, torch.get_rng_state())
        told.append(
            (report.start_sha256, report.end_sha256, (tmp_path / name / JOURNAL).read_bytes())
        )
    assert told[0] == told[1]
    assert told[0][0] == told[2][0]
    assert told[0][2] != told[2][2]


def test_one_number_puzzles_are_rewarded_by_their_parts(tmp_path: Path) -> None:
    puzzles = make_puzzles(4, seed=0, numbers=1, largest=9)
    run = GrpoSettings(steps=2, prompts=4, group=8, longest=2)
    report = grpo(learner(), plain(), puzzles, run, 0, tmp_path)
    assert set(report.first) == {"format", "correct", "reward"}


def test_what_cannot_be_run_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="no tasks"):
        grpo(learner(), plain(), [], SMALL, 0, tmp_path / "a")
    with pytest.raises(UsageProblem, match="pass the context of 256"):
        grpo(
            learner(), plain(), TASKS, SMALL.model_copy(update={"longest": 250}), 0, tmp_path / "b"
        )
    with pytest.raises(UsageProblem, match="must be float32"):
        grpo(learner().to(torch.bfloat16), plain(), TASKS, SMALL, 0, tmp_path / "c")
    with pytest.raises(UsageProblem, match="outside 0 to 1"):
        grpo(
            learner(),
            plain(),
            [Starts("Say", DIGITS | {chr(i) for i in range(32, 127)}, 2.0)],
            SMALL,
            0,
            tmp_path / "d",
        )
    with pytest.raises(ValidationError):
        GrpoSettings(group=1)


def test_a_folder_with_a_run_is_left_alone(tmp_path: Path) -> None:
    grpo(learner(), plain(), TASKS, SMALL, 0, tmp_path)
    held = (tmp_path / JOURNAL).read_bytes()
    with pytest.raises(UsageProblem, match="holds a run already"):
        grpo(learner(), plain(), TASKS, SMALL, 0, tmp_path)
    assert (tmp_path / JOURNAL).read_bytes() == held
    with pytest.raises(MalformedInput, match="not a journal of rewards"):
        read_rewards(tmp_path / REPORT)


def test_scores_that_are_no_numbers_stop_the_run(tmp_path: Path) -> None:
    model = learner()
    with torch.no_grad():
        model.model.norm.weight[0] = math.nan
    with pytest.raises(ResourceLimit, match="no numbers"):
        grpo(model, plain(), TASKS, SMALL, 0, tmp_path)


def test_a_model_with_a_template_is_asked_in_it_and_ends_its_turn(tmp_path: Path) -> None:
    model, tokenizer = learner(), tiny_tokenizer()
    voice = open_voice(model, tokenizer, SMALL)
    assert tokenizer.decode(encode_prompts(voice, TASKS)[0]).endswith(
        "Say one<|im_end|>\n<|im_start|>assistant\n"
    )
    assert voice.ends.tolist() == [2]
    assert grpo(model, tokenizer, TASKS, SMALL, 0, tmp_path).tokens > 0


def test_an_adapter_learns_and_its_base_does_not(tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    config = peft.LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
    with quiet():
        model = peft.get_peft_model(learner(), config)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    run = SMALL.model_copy(update={"group": 16})
    grpo(model, plain(), [Starts("Say", frozenset("abcdefghijklm"))], run, 0, tmp_path)
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert moved
    assert all("lora_" in name for name in moved)


def knows_the_form(model: Any, tokenizer: Any, puzzles: list[Puzzle], steps: int) -> None:
    """Teaches a model what an equation of two numbers looks like: random ones, whatever they
    come to."""
    draw, voice = random.Random(0), open_voice(model, tokenizer, SMALL)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    asked = dict(zip(puzzles, encode_prompts(voice, puzzles), strict=True))
    for _ in range(steps):
        rows = []
        for puzzle in draw.sample(puzzles, 32):
            one, other = draw.sample(puzzle.numbers, 2)
            said = tokenizer(
                f" {one}{draw.choice('+-*/')}{other}", add_special_tokens=False
            ).input_ids
            rows.append((asked[puzzle], [*said, 2]))
        longest = max(len(q) + len(a) for q, a in rows)
        ids = tensor([q + a + [0] * (longest - len(q) - len(a)) for q, a in rows])
        labels = tensor(
            [[-100] * len(q) + a + [-100] * (longest - len(q) - len(a)) for q, a in rows]
        )
        optimizer.zero_grad()
        model(input_ids=ids, labels=labels).loss.backward()
        optimizer.step()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_countdown_is_learned_by_reward_alone(tmp_path: Path) -> None:
    # Measured: a fifth right before (a random operation), over two fifths after 60 steps.
    wide = {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_key_value_heads": 4,
        "initializer_range": 0.05,
    }
    model, tokenizer = tiny_model(0, **wide), plain()
    puzzles = make_puzzles(40, seed=0, numbers=2, largest=9)
    knows_the_form(model, tokenizer, puzzles, 250)
    run = GrpoSettings(
        steps=90, prompts=8, group=16, longest=8, learning_rate=1e-3, batch=128, beta=0.001
    )
    report = grpo(model, tokenizer, puzzles, run, 0, tmp_path)
    assert report.first["correct"].value < 0.3
    assert report.last["correct"].low > report.first["correct"].value
    assert report.last["reward"].value > report.first["reward"].value + 0.15
