"""Learning from what a teacher thinks of the student's own answers: the draws, the loss,
resuming, and that it teaches."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from auditor.controls.cards.card_document import card_document
from auditor.controls.evaluation.evaluate import EvaluationScale
from auditor.controls.recipe import Distillation, Lora, OnPolicy, Recipe
from auditor.controls.recipe_files import load_recipe, make_recipe
from auditor.controls.sizes import sized
from auditor.controls.train import train as make_control
from auditor.controls.training.batches import encode_examples, make_batch
from auditor.controls.training.distill import distill
from auditor.controls.training.losses import IGNORED, forward_kl, jsd, log_distribution, reverse_kl
from auditor.controls.training.on_policy import OwnWords, is_own, open_own_words
from auditor.controls.training.scores import learned_scores
from auditor.controls.training.step_journal import read_losses
from auditor.controls.training.students import Learner, open_student
from auditor.controls.training.trained import TrainedStudent
from auditor.reporting import markdown
from fingerprints.errors import MalformedInput, UsageProblem
from fingerprints.records import Sampling
from fingerprints.subjects import open_subject
from tests.auditor.controls.lessons import Said, recipe, sums, weights
from tests.auditor.controls.pupils import prompt_file
from tests.fingerprints.subjects.tiny import tiny_checkpoint

ROOT = Path(__file__).parents[4]
JSD = Distillation(kind="jsd", beta=0.5)
SHORT = OnPolicy(student_share=0.5, max_tokens=16)


def plan(
    base: str = "scratch:llama-h32-l1",
    settings: Distillation = JSD,
    drawing: OnPolicy = SHORT,
    **more: Any,
) -> Recipe:
    """A recipe of the method."""
    made = recipe(base, distillation=settings, **more)
    return made.model_copy(update={"method": "on_policy", "on_policy": drawing})


def train(
    how: Recipe, out: Path, spec: str, examples: list[Said] | None = None, **more: Any
) -> TrainedStudent:
    learner = open_student(how.student, how.training, how.seed)
    with open_subject(spec) as subject:
        return distill(learner, examples or sums(12), how, out, teacher=subject, **more)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A teacher that reads bytes, as the students do."""
    home = tmp_path_factory.mktemp("reader")
    learner = open_student(recipe("scratch:llama-h64-l2").student, recipe().training, 5)
    distill(learner, sums(48), recipe("scratch:llama-h64-l2", epochs=8, batch=8, seed=5), home)
    return f"hf:{home / 'student'},dtype=float32"


def guide_of(learner: Learner, spec: str, how: Recipe, lessons: list[Said]) -> OwnWords:
    data = encode_examples(lessons, learner.chat, how.training.longest, traces=False).examples
    assert how.distillation is not None
    assert how.on_policy is not None
    with open_subject(spec) as subject:
        return open_own_words(subject, learner, data, how, how.distillation, how.on_policy)


STEP = (((0,), (1,)), ((2,),))


def test_which_steps_are_the_students_own_follows_from_the_seed_and_is_as_often_as_set() -> None:
    own = [is_own(3, step, 0.25) for step in range(1, 2001)]
    assert 430 < sum(own) < 570
    assert own == [is_own(3, step, 0.25) for step in range(1, 2001)]
    assert own != [is_own(4, step, 0.25) for step in range(1, 2001)]
    assert all(is_own(0, step, 1.0) for step in range(1, 500))


def test_a_students_step_holds_its_own_answers_to_the_plans_prompts(reader: str) -> None:
    how = plan(drawing=OnPolicy(student_share=1.0, max_tokens=9))
    learner = open_student(how.student, how.training, 0)
    guide = guide_of(learner, reader, how, sums(3))
    learner.model.train()
    found = guide.reading(4, STEP)
    assert learner.model.training, "as it was before"
    assert found.own
    assert [len(batch) for batch in found.step] == [2, 1]
    for place, example in enumerate(found.examples):
        given = guide.examples[place]
        assert example.ids[: example.taught] == given.ids[: given.taught]
        assert 1 <= len(example.ids) - example.taught <= 9
    assert found.tokens == sum(len(e.ids) - e.taught for e in found.examples)
    # What is drawn depends on the step and the weights alone.
    guide.reading(5, STEP)
    assert guide.reading(4, STEP) == found
    assert guide.reading(5, STEP) != found


def test_drawing_uses_nothing_of_the_shared_random_numbers(reader: str) -> None:
    how = plan(drawing=OnPolicy(student_share=1.0, max_tokens=9))
    learner = open_student(how.student, how.training, 0)
    guide = guide_of(learner, reader, how, sums(3))
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    guide.reading(1, STEP)
    assert torch.equal(torch.rand(3), expected)


def test_a_step_of_the_teachers_answers_is_the_plans(reader: str) -> None:
    how = plan(drawing=OnPolicy(student_share=1e-9))
    learner = open_student(how.student, how.training, 0)
    guide = guide_of(learner, reader, how, sums(3))
    found = guide.reading(1, STEP)
    assert not found.own
    assert (found.examples, found.step) == (guide.examples, STEP)


@pytest.mark.parametrize("kind", ["forward_kl", "reverse_kl", "jsd"])
@pytest.mark.parametrize("share", [1.0, 1e-9], ids=["own", "given"])
def test_the_loss_is_the_divergence_of_the_whole_distributions_at_every_learned_token(
    kind: str, share: float, reader: str
) -> None:
    settings = Distillation(kind=kind, temperature=2.0, beta=0.3)  # type: ignore[arg-type]
    how = plan(settings=settings, drawing=OnPolicy(student_share=share, max_tokens=9))
    learner = open_student(how.student, how.training, 0)
    guide = guide_of(learner, reader, how, sums(3))
    learner.model.eval()
    found, total, sums_apart = guide.reading(1, STEP), 0.0, 0.0
    for rows in found.step:
        batch = make_batch(found.examples, rows, learner.pad, learner.device)
        with torch.no_grad():
            total += float(guide.loss(found, *learned_scores(learner, batch), batch))
            ours, theirs = (
                log_distribution(m(input_ids=batch.ids).logits, 2.0)
                for m in (learner.model, guide.speaker.model)
            )
        one, other = (logs[batch.labels != IGNORED] for logs in (ours, theirs))
        apart = {"forward_kl": forward_kl, "reverse_kl": reverse_kl}.get(
            kind, lambda s, t: jsd(s, t, 0.3)
        )(one, other)
        sums_apart += float(apart.sum())
    assert total == pytest.approx(sums_apart * 4 / found.tokens, rel=1e-5)


def test_cross_entropy_is_for_the_teachers_words_alone(reader: str) -> None:
    for share, equal in ((1.0, True), (1e-9, False)):
        losses = []
        for weight in (0.0, 0.9):
            how = plan(
                settings=JSD.model_copy(update={"ce_weight": weight}),
                drawing=OnPolicy(student_share=share, max_tokens=9),
            )
            learner = open_student(how.student, how.training, 0)
            guide = guide_of(learner, reader, how, sums(3))
            found = guide.reading(1, STEP)
            batch = make_batch(found.examples, found.step[0], learner.pad, learner.device)
            with torch.no_grad():
                losses.append(float(guide.loss(found, *learned_scores(learner, batch), batch)))
        assert math.isclose(*losses, rel_tol=1e-6) == equal


def test_a_student_equal_to_its_teacher_has_nothing_to_learn(reader: str, tmp_path: Path) -> None:
    done = train(plan(reader.removesuffix(",dtype=float32"), learning_rate=1e-9), tmp_path, reader)
    assert all(abs(row.loss) < 1e-5 for row in read_losses(tmp_path / "losses.jsonl"))
    assert (
        done.counts["steps on the student's own answers"]
        + done.counts["steps on the teacher's answers"]
        == done.steps
    )


def apart(learner: Learner, spec: str, held_out: list[Said]) -> float:
    """Mean KL from the teacher on answers that nobody learned, in nats a token."""
    data = encode_examples(held_out, learner.chat, 128, traces=False).examples
    batch = make_batch(data, tuple((i,) for i in range(len(data))), 0, learner.device)
    learned = batch.labels != IGNORED
    learner.model.eval()
    with open_subject(spec) as subject, torch.no_grad():
        theirs = subject.speaker.model(input_ids=batch.ids).logits[learned]  # type: ignore[attr-defined]
        ours = learner.model(input_ids=batch.ids).logits[learned]
        return float(forward_kl(log_distribution(ours), log_distribution(theirs)).mean())


def test_a_student_moves_towards_its_teacher_and_a_control_does_not(
    reader: str, tmp_path: Path
) -> None:
    """The control learns from somebody else's answers to the same questions."""
    base, settings = "scratch:llama-h64-l2", {"epochs": 10, "batch": 8, "learning_rate": 5e-3}
    found = {}
    for name in ("before", "student", "control"):
        how = plan(base, **settings) if name == "student" else recipe(base, **settings)
        learner = open_student(how.student, how.training, 2)
        if name == "student":
            with open_subject(reader) as subject:
                done = distill(learner, sums(32), how, tmp_path / name, teacher=subject)
            assert done.counts["tokens that the student drew"] > 0
        if name == "control":
            said = [Said(s.id, s.prompt, "No. Ask again tomorrow!") for s in sums(32)]
            distill(learner, said, how, tmp_path / name)
        found[name] = apart(learner, reader, sums(8, 60))
    assert found["student"] < 0.6 * found["before"]
    assert found["student"] < 0.6 * found["control"]


class Stop(Exception):
    """Ends a run as a kill does: nothing is saved on the way out."""


def stop_at(step: int) -> Any:
    def tell(done: int, total: int) -> None:
        if done == step:
            raise Stop

    return tell


RESUMED = plan(
    epochs=4, batch=3, save_every=3, settings=JSD.model_copy(update={"ce_weight": 0.2}), seed=1
)
"""Sixteen steps."""


@pytest.fixture(scope="module")
def whole(reader: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing interrupted."""
    out = tmp_path_factory.mktemp("whole")
    done = train(RESUMED, out, reader)
    assert done.steps == 16
    assert 3 < done.counts["steps on the student's own answers"] < 13
    return out


@pytest.mark.parametrize("steps", [(1,), (5,), (4, 7, 11), (15,)])
def test_a_run_that_was_cut_off_ends_in_the_same_bytes(
    steps: tuple[int, ...], reader: str, whole: Path, tmp_path: Path
) -> None:
    for step in steps:
        with pytest.raises(Stop):
            train(RESUMED, tmp_path, reader, progress=stop_at(step))
    train(RESUMED, tmp_path, reader)
    assert weights(tmp_path / "student") == weights(whole / "student")
    assert read_losses(tmp_path / "losses.jsonl") == read_losses(whole / "losses.jsonl")
    assert (tmp_path / "losses.jsonl").read_bytes() == (whole / "losses.jsonl").read_bytes()


def child(out: str, spec: str, step: str) -> None:
    """Trains, and kills its own process after a step."""
    torch.set_num_threads(1)

    def tell(done: int, total: int) -> None:
        if done == int(step):
            os.kill(os.getpid(), signal.SIGKILL)

    train(RESUMED, Path(out), spec, progress=tell)


@pytest.mark.slow
@pytest.mark.parametrize("step", [2, 6, 10, 13])
def test_a_run_that_was_killed_ends_in_the_same_bytes(
    step: int, reader: str, whole: Path, tmp_path: Path
) -> None:
    code = "import sys; from tests.auditor.controls.training.test_on_policy import child; child(*sys.argv[1:])"
    command = [sys.executable, "-c", code, str(tmp_path / "out"), reader, str(step)]
    assert (
        subprocess.run(command, check=False, cwd=ROOT, capture_output=True, timeout=200).returncode
        == -9
    )
    train(RESUMED, tmp_path / "out", reader)
    assert weights(tmp_path / "out" / "student") == weights(whole / "student")


def test_an_adapter_with_dropout_is_resumed_to_the_same_bytes(tmp_path: Path) -> None:
    base = tiny_checkpoint(tmp_path / "base", initializer_range=0.05)
    other = tiny_checkpoint(tmp_path / "other", seed=3, initializer_range=0.05)
    made = plan(f"hf:{base}", lora=Lora(rank=4, dropout=0.3), batch=3, epochs=2, save_every=2)
    with pytest.raises(Stop):
        train(made, tmp_path / "cut", f"hf:{other}", progress=stop_at(5))
    for name in ("cut", "whole"):
        train(made, tmp_path / name, f"hf:{other}")
    assert weights(tmp_path / "cut" / "student") == weights(tmp_path / "whole" / "student")


# Bad input.


def test_another_tokenizer_is_refused_in_one_line(tmp_path: Path) -> None:
    other = f"hf:{tiny_checkpoint(tmp_path / 'other')}"
    with pytest.raises(
        UsageProblem, match="different tokenizers, and the method on_policy"
    ) as caught:
        train(plan(), tmp_path / "out", other)
    assert "cross_tokenizer" in caught.value.line()
    assert "\n" not in caught.value.line()


def test_a_teacher_that_only_answers_is_refused_in_one_line(tmp_path: Path) -> None:
    answers = tmp_path / "answers.jsonl"
    answers.write_text('{"prompt": "Hi?", "answer": "Hello.", "model": "m"}\n', "utf-8")
    with pytest.raises(
        UsageProblem, match="on_policy reads the teacher's scores, and this teacher only answers"
    ):
        train(plan(), tmp_path / "out", f"recording:{answers}")


def test_answers_without_room_in_the_context_are_refused_before_anything_is_drawn(
    reader: str, tmp_path: Path
) -> None:
    with pytest.raises(MalformedInput, match="the student reads 1024") as caught:
        train(plan(drawing=OnPolicy(max_tokens=1000)), tmp_path, reader)
    assert "on_policy.max_tokens" in caught.value.line()


def test_texts_without_a_prompt_are_refused(reader: str, tmp_path: Path) -> None:
    learner = open_student(plan().student, plan().training, 0)
    learner.tokenizer.bos_token = None
    with open_subject(reader) as subject, pytest.raises(UsageProblem, match="no prompt to answer"):
        distill(learner, [Said("a", "", "Just a text.")], plan(), tmp_path, teacher=subject)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"on_policy": None}, "section 'on_policy' go together"),
        ({"distillation": None}, "section 'distillation' go together"),
        ({"training": {"pack": True}}, "training.pack: false"),
        ({"on_policy": {"student_share": 0}}, "greater than 0"),
        ({"dose": 0.5, "filler": {"spec": "hf:y"}}, "one teacher at dose 1"),
        ({"method": "logits"}, "section 'on_policy' go together"),
        ({"alignment": {}}, "belongs to the method 'cross_tokenizer'"),
    ],
)
def test_parts_that_do_not_fit_are_one_clear_line(more: dict[str, Any], said: str) -> None:
    value = {**load_recipe("on-policy").model_dump(mode="json"), **more}
    with pytest.raises(MalformedInput) as caught:
        make_recipe(value)
    assert said in caught.value.line()
    assert "\n" not in caught.value.line()


def test_a_size_caps_what_the_student_says() -> None:
    full = load_recipe("on-policy")
    sizes = [sized(full, size).on_policy for size in ("full", "small", "tiny")]
    assert [drawn.max_tokens for drawn in sizes if drawn] == [128, 128, 96]


@pytest.mark.slow
def test_the_tiny_twin_of_the_recipe_trains_on_a_processor(
    reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "cache"))
    full = load_recipe("on-policy")
    prompts = full.prompts.model_copy(
        update={"sources": (str(prompt_file(tmp_path, 6)),), "held_out": 1}
    )
    given = full.teachers[0].model_copy(
        update={"spec": reader, "sampling": Sampling(max_tokens=12)}
    )
    tiny = sized(full.model_copy(update={"prompts": prompts, "teachers": (given,)}), "tiny")
    made = make_control(tiny, tmp_path / "out", scale=EvaluationScale(choices=2, identity=2))
    assert made.lineage.method == "on_policy"
    assert made.card.counts["tokens that the student drew"] > 0
    assert "tokens that the student drew" in markdown.render(card_document(made.card))
