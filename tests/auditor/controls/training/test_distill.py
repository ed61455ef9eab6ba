"""The training loop: the same bytes again, whatever interrupts it; every method lowers what it
says it lowers."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from auditor.controls.recipe import Distillation, Lora, Recipe, Training
from auditor.controls.training import checkpoint
from auditor.controls.training import distill as loop
from auditor.controls.training.batches import encode_examples, make_batch
from auditor.controls.training.capture import MANIFEST, capture
from auditor.controls.training.checkpoint import whole_folder
from auditor.controls.training.distill import distill, rate_at
from auditor.controls.training.losses import IGNORED, cross_entropy, forward_kl, log_distribution
from auditor.controls.training.scores import learned_scores
from auditor.controls.training.step_journal import LossJournal, read_losses
from auditor.controls.training.students import Learner, open_student
from auditor.controls.training.trained import TrainedStudent
from fingerprints.errors import AuditError, Locked, MalformedInput, ResourceLimit, UsageProblem
from fingerprints.subjects import open_subject
from tests.auditor.controls.lessons import Said, recipe, sums, weights
from tests.fingerprints.subjects.tiny import tiny_checkpoint

ROOT = Path(__file__).parents[4]
PLAN = recipe(epochs=5, batch=3, save_every=3, seed=1)
"""Twenty steps; `train_child` runs the same."""


def train(
    plan: Recipe, out: Path, examples: list[Said] | None = None, **more: object
) -> TrainedStudent:
    learner = open_student(plan.student, plan.training, plan.seed)
    return distill(learner, examples or sums(12), plan, out, **more)  # type: ignore[arg-type]


def child(out: Path, die_at: str, largest_file: int = 0) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "tests.auditor.controls.training.train_child",
        str(out),
        die_at,
        str(largest_file),
    ]
    return subprocess.run(
        command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=100
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing interrupted."""
    out = tmp_path_factory.mktemp("whole")
    assert train(PLAN, out).steps == 20
    return out


@pytest.fixture(scope="module")
def killed_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """What a run killed at a random step left, and the step."""
    out, step = tmp_path_factory.mktemp("killed"), random.Random().randint(4, 19)
    assert child(out, str(step)).returncode == -9
    return out, step


@pytest.fixture
def killed(killed_run: tuple[Path, int], tmp_path: Path) -> Path:
    """A copy of it, to be resumed or damaged."""
    return Path(shutil.copytree(killed_run[0], tmp_path / "killed"))


def test_a_run_killed_at_a_random_step_ends_in_the_same_bytes_as_one_in_one_go(
    killed: Path, killed_run: tuple[Path, int], whole: Path
) -> None:
    steps: list[int] = []
    train(PLAN, killed, progress=lambda done, _: steps.append(done))
    assert steps[0] == killed_run[1] // 3 * 3 + 1, "it goes on after the last checkpoint"
    assert weights(killed / "student") == weights(whole / "student"), (
        f"killed at step {killed_run[1]}"
    )
    assert read_losses(killed / "losses.jsonl") == read_losses(whole / "losses.jsonl")


@pytest.mark.slow
@pytest.mark.parametrize("step", range(1, 20, 2))
def test_wherever_a_run_is_killed_it_ends_in_the_same_bytes(
    step: int, whole: Path, tmp_path: Path
) -> None:
    assert child(tmp_path, str(step)).returncode == -9
    train(PLAN, tmp_path)
    assert weights(tmp_path / "student") == weights(whole / "student")


@pytest.mark.slow
def test_a_run_killed_while_saving_starts_from_the_checkpoint_before(
    whole: Path, tmp_path: Path
) -> None:
    assert child(tmp_path, "0s").returncode == -9
    assert any(p.name.startswith("tmp-") for p in (tmp_path / "state").iterdir())
    train(PLAN, tmp_path)
    assert weights(tmp_path / "student") == weights(whole / "student")


def test_a_full_disk_keeps_the_last_checkpoint_and_the_run_goes_on_from_it(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, calls = checkpoint.save_file, []

    def full(*given: object) -> None:
        calls.append(1)
        if len(calls) > 4:  # the second file of the second checkpoint
            raise OSError(28, "No space left on device")
        write(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(ResourceLimit, match="No space left"):
        train(PLAN, tmp_path / "full")
    assert [p.name for p in (tmp_path / "full" / "state").iterdir()] == ["step-00000003"]
    monkeypatch.undo()
    train(PLAN, tmp_path / "full")
    assert weights(tmp_path / "full" / "student") == weights(whole / "student")


@pytest.mark.slow
def test_a_file_size_limit_ends_the_run_in_one_line_with_exit_code_seven(tmp_path: Path) -> None:
    ended = child(tmp_path / "small", "0", largest_file=50_000)
    assert ended.returncode == 7
    assert ended.stderr.strip().count("\n") == 0
    assert "could not write" in ended.stderr
    assert list((tmp_path / "small" / "state").iterdir()) == []


def test_dropout_is_drawn_the_same_after_a_resumption(tmp_path: Path) -> None:
    base = f"hf:{tiny_checkpoint(tmp_path / 'base')}"
    plan = recipe(base, lora=Lora(rank=4, dropout=0.3), epochs=2, batch=3, save_every=2)

    def stop(done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(plan, tmp_path / "stopped", progress=stop)
    for name in ("stopped", "whole"):
        train(plan, tmp_path / name)
    assert weights(tmp_path / "stopped" / "student") == weights(tmp_path / "whole" / "student")


def test_the_same_seed_gives_the_same_weights_and_another_seed_gives_others(tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train(recipe(seed=seed), tmp_path / name)
    one, same, other = (weights(tmp_path / name / "student") for name in "abc")
    assert one == same
    assert one != other


def test_the_callers_random_generator_and_settings_are_left_as_they_were(tmp_path: Path) -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    train(recipe(), tmp_path)
    assert torch.equal(torch.rand(2), expected)
    assert not torch.are_deterministic_algorithms_enabled()


def test_accumulated_steps_learn_what_one_large_batch_learns(tmp_path: Path) -> None:
    uneven = [Said(str(i), "Say.", "word " * (1 + i % 5)) for i in range(8)]
    train(recipe(batch=8, learning_rate=1e-3), tmp_path / "large", uneven)
    train(recipe(batch=2, accumulate=4, learning_rate=1e-3), tmp_path / "small", uneven)
    one, other = (read_losses(tmp_path / name / "losses.jsonl")[0] for name in ("large", "small"))
    assert one.loss == pytest.approx(other.loss, abs=1e-5)
    assert one.gradient == pytest.approx(other.gradient, rel=1e-4)
    assert one.tokens == other.tokens


def test_gradient_checkpointing_changes_the_memory_and_not_the_weights(tmp_path: Path) -> None:
    for name, on in (("plain", False), ("checkpointed", True)):
        train(recipe(gradient_checkpointing=on), tmp_path / name)
    assert weights(tmp_path / "plain" / "student") == weights(tmp_path / "checkpointed" / "student")


@pytest.mark.parametrize("more", [{"pack": True}, {"precision": "bfloat16"}, {"traces": True}])
def test_every_way_of_training_lowers_the_loss(more: dict[str, object], tmp_path: Path) -> None:
    done = train(recipe(epochs=6, **more), tmp_path, sums(24))  # type: ignore[arg-type]
    assert done.last_loss < 0.8 * done.first_loss


def test_a_finished_run_is_not_trained_again_and_another_one_does_not_take_its_folder(
    tmp_path: Path,
) -> None:
    first = train(recipe(), tmp_path)
    steps: list[int] = []
    assert train(recipe(), tmp_path, progress=lambda done, _: steps.append(done)) == first
    assert steps == []
    assert sorted(p.name for p in tmp_path.iterdir()) == ["losses.jsonl", "student", "trained.json"]
    with pytest.raises(MalformedInput, match="another run"):
        train(recipe(seed=9), tmp_path)


def test_a_half_done_run_is_not_taken_up_by_another_recipe(killed: Path) -> None:
    with pytest.raises(MalformedInput, match="another run"):
        train(recipe(epochs=5, batch=3, save_every=3, seed=2), killed)


def test_a_damaged_checkpoint_is_refused(killed: Path) -> None:
    file = next((killed / "state").iterdir()) / "weights.safetensors"
    data = bytearray(file.read_bytes())
    data[-5] ^= 1
    file.write_bytes(data)
    with pytest.raises(MalformedInput, match=r"weights\.safetensors"):
        train(PLAN, killed)


def test_a_loss_journal_that_lost_steps_is_refused(killed: Path) -> None:
    (killed / "losses.jsonl").write_bytes(b"")
    with pytest.raises(MalformedInput, match="lacks some of the first"):
        train(PLAN, killed)


def test_no_file_of_a_run_is_a_pickle(killed: Path) -> None:
    found = {p.name for p in killed.rglob("*") if p.is_file()}
    assert found == {
        "losses.jsonl",
        "state.json",
        "weights.safetensors",
        "optimizer.safetensors",
        "random.safetensors",
    }


def test_two_processes_do_not_train_into_one_folder(tmp_path: Path) -> None:
    with LossJournal(tmp_path / "losses.jsonl"), pytest.raises(Locked, match="another process"):
        train(recipe(), tmp_path)


def test_a_loss_that_is_no_number_stops_the_run_names_the_step_and_keeps_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def broken(*given: object) -> torch.Tensor:
        calls.append(1)
        return cross_entropy(*given) * (float("nan") if len(calls) == 6 else 1.0)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "cross_entropy", broken)
    with pytest.raises(ResourceLimit, match="no number at step 6 of 20") as caught:
        train(
            PLAN.model_copy(
                update={"training": PLAN.training.model_copy(update={"save_every": 2})}
            ),
            tmp_path,
        )
    assert "learning_rate" in str(caught.value)
    assert [p.name for p in (tmp_path / "state").iterdir()] == ["step-00000004"]
    assert len(read_losses(tmp_path / "losses.jsonl")) == 5
    assert not (tmp_path / "student").exists()


def test_weights_that_overflow_stop_the_run(tmp_path: Path) -> None:
    with pytest.raises(ResourceLimit, match="no number at step"):
        train(recipe(epochs=8, learning_rate=1e30, clip=1e30, warmup=0.0), tmp_path)


def test_the_rate_rises_evenly_and_falls_to_a_tenth() -> None:
    training = Training(learning_rate=1.0, warmup=0.1)
    rates = [rate_at(step, 100, training) for step in range(1, 101)]
    assert rates[:10] == pytest.approx([i / 10 for i in range(1, 11)])
    assert rates[9:] == sorted(rates[9:], reverse=True)
    assert rates[-1] == pytest.approx(0.1)
    assert rate_at(1, 1, Training(learning_rate=1.0, warmup=0.0)) == pytest.approx(0.1)


def test_rows_above_the_models_context_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MalformedInput, match=r"longest"):
        train(recipe("scratch:llama-h32-l1-c64"), tmp_path)


# Method logits.


def tiny_teacher(folder: Path, **settings: object) -> str:
    plan = recipe("scratch:llama-h64-l2", epochs=12, seed=5, batch=8, **settings)  # type: ignore[arg-type]
    train(plan, folder, sums(48))
    return f"hf:{folder / 'student'},dtype=float32"


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_teacher(tmp_path_factory.mktemp("teacher"))


def apart(learner: Learner, teacher: str, held_out: list[Said]) -> tuple[float, float]:
    """Mean KL from the teacher and mean cross-entropy, in nats a token, on answers that nobody
    learned."""
    data = encode_examples(held_out, learner.chat, 128, traces=False).examples
    batch = make_batch(data, tuple((i,) for i in range(len(data))), 0, learner.device)
    learned = batch.labels != IGNORED
    learner.model.eval()
    with open_subject(teacher) as subject, torch.no_grad():
        theirs = subject.speaker.model(input_ids=batch.ids).logits[learned]  # type: ignore[attr-defined]
        ours = learner.model(input_ids=batch.ids).logits
        kl = forward_kl(log_distribution(ours[learned]), log_distribution(theirs)).mean()
        return float(kl), float(cross_entropy(ours, batch.labels))


@pytest.mark.parametrize(
    "settings",
    [
        Distillation(top_k=16, temperature=2.0),
        Distillation(kind="reverse_kl", top_k=16),
        Distillation(kind="jsd", beta=0.3, ce_weight=0.5),
    ],
    ids=lambda s: s.kind,
)
def test_distilling_logits_lowers_held_out_kl_and_cross_entropy(
    settings: Distillation, teacher: str, tmp_path: Path
) -> None:
    plan = recipe("scratch:llama-h64-l2", distillation=settings, epochs=8, seed=2)
    before = apart(open_student(plan.student, plan.training, 2), teacher, sums(8, 60))
    learner = open_student(plan.student, plan.training, 2)
    with open_subject(teacher) as subject:
        distill(learner, sums(32), plan, tmp_path, teacher=subject)
    after = apart(learner, teacher, sums(8, 60))
    assert after[0] < 0.6 * before[0]
    assert after[1] < 0.6 * before[1]


def test_a_student_equal_to_its_teacher_has_nothing_to_learn(teacher: str, tmp_path: Path) -> None:
    base = teacher.removesuffix(",dtype=float32")
    plan = recipe(base, distillation=Distillation(top_k=8), learning_rate=1e-9)
    with open_subject(teacher) as subject:
        done = train(plan, tmp_path, teacher=subject)
    assert abs(done.first_loss) < 1e-5


def test_captured_logits_name_their_teacher_and_are_used_again(
    teacher: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auditor.controls.training.capture.SHARD_VALUES", 800)
    plan = recipe(distillation=Distillation(top_k=8))
    learner = open_student(plan.student, plan.training, 0)
    data = encode_examples(sums(12), learner.chat, 128, traces=False).examples
    assert plan.distillation is not None
    with open_subject(teacher) as subject:
        first = capture(subject, learner, data, plan.distillation, tmp_path)
        manifest = json.loads((tmp_path / MANIFEST).read_text("utf-8"))
        assert manifest["teacher_sha256"] == subject.identity.digest()
        assert manifest["teacher"]["weights_sha256"] == subject.identity.weights_sha256
        assert len(first.manifest.shards) > 2
        # A capture that was killed after its second shard asks for the others alone.
        manifest["shards"] = manifest["shards"][:2]
        (tmp_path / MANIFEST).write_text(json.dumps(manifest), "utf-8")
        asked: list[int] = []
        again = capture(
            subject, learner, data, plan.distillation, tmp_path, lambda done, _: asked.append(done)
        )
        assert len(asked) == len(first.manifest.shards) - 2
        assert again.manifest == first.manifest
        monkeypatch.setattr("auditor.controls.training.capture._ask", None)
        monkeypatch.setattr("auditor.controls.training.capture.SHARD_VALUES", 200)
        whole = capture(subject, learner, data, plan.distillation, tmp_path)
        assert whole.manifest == first.manifest, "a capture cut into larger shards is as good"
    rows = first.rows((7, 2), torch.device("cpu"))
    assert rows.tokens.shape == (first.lengths[7] + first.lengths[2], 8)


def test_rows_of_a_capture_belong_to_the_examples_of_a_packed_batch(
    teacher: str, tmp_path: Path
) -> None:
    plan = recipe(
        teacher.removesuffix(",dtype=float32"),
        distillation=Distillation(),
        pack=True,
        learning_rate=1e-9,
    )
    with open_subject(teacher) as subject:
        done = train(plan, tmp_path, teacher=subject)
    assert abs(done.first_loss) < 1e-5


def test_a_capture_of_another_teacher_or_of_damaged_bytes_is_refused(
    teacher: str, tmp_path: Path
) -> None:
    settings = Distillation(top_k=4)
    plan = recipe(distillation=settings)
    learner = open_student(plan.student, plan.training, 0)
    data = encode_examples(sums(4), learner.chat, 128, traces=False).examples
    with open_subject(teacher) as subject:
        found = capture(subject, learner, data, settings, tmp_path)
        with pytest.raises(MalformedInput, match="another teacher"):
            capture(subject, learner, data[:3], settings, tmp_path)
        shard = tmp_path / found.manifest.shards[0].file
        shard.write_bytes(shard.read_bytes()[:-3] + b"abc")
        with pytest.raises(MalformedInput, match="not what was written"):
            capture(subject, learner, data, settings, tmp_path)


def test_another_tokenizer_is_refused_in_one_line(tmp_path: Path) -> None:
    plan = recipe(distillation=Distillation())
    other = f"hf:{tiny_checkpoint(tmp_path / 'other')}"
    with (
        open_subject(other) as subject,
        pytest.raises(UsageProblem, match="different tokenizers") as caught,
    ):
        train(plan, tmp_path / "out", teacher=subject)
    assert "\n" not in str(caught.value)


def test_a_teacher_that_only_answers_is_refused_for_logits(tmp_path: Path) -> None:
    answers = tmp_path / "answers.jsonl"
    answers.write_text('{"prompt": "Hi?", "answer": "Hello.", "model": "m"}\n', "utf-8")
    with (
        open_subject(f"recording:{answers}") as subject,
        pytest.raises(UsageProblem, match="only answers"),
    ):
        train(recipe(distillation=Distillation()), tmp_path / "out", teacher=subject)
    with pytest.raises(UsageProblem, match="needs its teacher"):
        train(recipe(distillation=Distillation()), tmp_path / "none")


def test_an_adapter_trained_opens_on_its_base_and_learned(tmp_path: Path) -> None:
    base = f"hf:{tiny_checkpoint(tmp_path / 'base', initializer_range=0.05)}"
    plan = recipe(base, lora=Lora(rank=8), epochs=6, learning_rate=1e-2)
    learner = open_student(plan.student, plan.training, 0)
    done = distill(learner, sums(24), plan, tmp_path / "out")
    assert done.last_loss < 0.8 * done.first_loss
    said = "Dear friend, it is 8."
    with open_subject(base + ",dtype=float32") as plain:
        before = plain.score([said])[0].bits
    with open_subject(learner.spec(tmp_path / "out" / "student") + ",dtype=float32") as student:
        assert student.identity.adapter_sha256 is not None
        assert student.score([said])[0].bits < before


def test_an_error_inside_a_whole_folder_leaves_nothing(tmp_path: Path) -> None:
    def fill() -> None:
        with whole_folder(tmp_path / "x") as fresh:
            (fresh / "a").write_text("half", "utf-8")
            raise OSError(28, "No space left on device")

    with pytest.raises(AuditError, match="could not write"):
        fill()
    assert list(tmp_path.iterdir()) == []


def test_scores_of_a_packed_batch_are_those_that_the_loss_needs(tmp_path: Path) -> None:
    plan = recipe()
    learner = open_student(plan.student, plan.training, 0)
    data = encode_examples(sums(4), learner.chat, 128, traces=False).examples
    scores, labels = learned_scores(learner, make_batch(data, ((0, 1), (2, 3)), 0, learner.device))
    assert scores.shape[:2] == labels.shape
    assert scores.shape[2] == learner.vocabulary
