"""Learning from a teacher that cuts text otherwise: the loss, the capture on disk, resuming, and
that it teaches."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from auditor.controls.cards.card_document import card_document
from auditor.controls.evaluation.evaluate import EvaluationScale
from auditor.controls.recipe import Comparability, Distillation, Recipe
from auditor.controls.recipe_files import load_recipe
from auditor.controls.sizes import sized
from auditor.controls.train import train as make_control
from auditor.controls.training import capture as capturing
from auditor.controls.training.aligned import AlignedGuide, open_aligned
from auditor.controls.training.batches import encode_examples, make_batch
from auditor.controls.training.capture import MANIFEST, capture
from auditor.controls.training.distill import distill, run_digest
from auditor.controls.training.losses import IGNORED
from auditor.controls.training.objectives import TokenGuide
from auditor.controls.training.scores import learned_scores
from auditor.controls.training.step_journal import read_losses
from auditor.controls.training.students import Learner, open_student
from auditor.controls.training.trained import TrainedStudent
from auditor.reporting import markdown
from fingerprints.errors import MalformedInput, UsageProblem
from fingerprints.records import Sampling
from fingerprints.subjects import open_subject
from tests.auditor.controls.lessons import Said, recipe, sums, weights
from tests.auditor.controls.pupils import prompt_file, teacher
from tests.fingerprints.subjects.tiny import tiny_checkpoint

SOFT = Distillation(top_k=16, temperature=1.5)
WORDS = "scratch:llama-h32-l1"


def plan(base: str = WORDS, settings: Distillation = SOFT, **more: Any) -> Recipe:
    """A recipe of the method."""
    made = recipe(base, distillation=settings, **more)
    return made.model_copy(update={"method": "cross_tokenizer"})


def train(
    how: Recipe, out: Path, spec: str, examples: list[Said] | None = None, **more: Any
) -> TrainedStudent:
    learner = open_student(how.student, how.training, how.seed)
    with open_subject(spec) as subject:
        return distill(learner, examples or sums(12), how, out, teacher=subject, **more)


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A teacher that reads pieces of words, taught its manner here."""
    home = tmp_path_factory.mktemp("pieces")
    base = f"hf:{tiny_checkpoint(home / 'base', initializer_range=0.05)}"
    learner = open_student(recipe(base).student, recipe().training, 0)
    distill(learner, sums(48), recipe(base, epochs=8, batch=8, learning_rate=1e-2), home / "out")
    return f"hf:{home / 'out' / 'student'},dtype=float32"


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A teacher that reads bytes."""
    home = tmp_path_factory.mktemp("reader")
    learner = open_student(recipe("scratch:llama-h64-l2").student, recipe().training, 5)
    distill(learner, sums(48), recipe("scratch:llama-h64-l2", epochs=8, batch=8, seed=5), home)
    return f"hf:{home / 'student'},dtype=float32"


def guide_of(
    learner: Learner,
    spec: str,
    lessons: list[Said],
    folder: Path,
    settings: Distillation = SOFT,
    least: float = 0.9,
) -> AlignedGuide:
    data = encode_examples(lessons, learner.chat, 128, traces=False).examples
    with open_subject(spec) as subject:
        return open_aligned(
            subject, learner, data, lessons, Comparability(least_shared=least), settings, folder
        )


def step_loss(learner: Learner, guide: Any) -> Tensor:
    """The loss of one step over all examples of a guide, in two micro-batches."""
    numbers = range(len(guide.examples))
    step = (tuple((i,) for i in numbers if i % 2), tuple((i,) for i in numbers if not i % 2))
    reading, total = guide.reading(1, step), torch.zeros(())
    for rows in step:
        batch = make_batch(guide.examples, rows, learner.pad, learner.device)
        total = total + guide.loss(reading, *learned_scores(learner, batch), batch)
    return total


@pytest.mark.parametrize(
    "settings",
    [
        SOFT,
        Distillation(kind="reverse_kl", top_k=None, ce_weight=0.4),
        Distillation(kind="jsd", beta=0.3, top_k=5),
    ],
    ids=lambda s: s.kind,
)
def test_with_one_tokenizer_the_loss_is_that_of_the_method_logits(
    settings: Distillation, reader: str, tmp_path: Path
) -> None:
    learner = open_student(recipe().student, recipe().training, 0)
    aligned = guide_of(learner, reader, sums(6), tmp_path / "aligned", settings, least=1.0)
    with open_subject(reader) as subject:
        logits = capture(subject, learner, aligned.examples, settings, tmp_path / "tokens")
    tokens = TokenGuide(aligned.examples, logits, settings)
    assert aligned.told["compared with the teacher"] == aligned.told["learned tokens"]
    ours, plain = step_loss(learner, aligned), step_loss(learner, tokens)
    assert float(ours.detach()) == pytest.approx(float(plain.detach()), rel=1e-5)
    slopes = [torch.autograd.grad(loss, learner.model.parameters()) for loss in (ours, plain)]
    for one, other in zip(*slopes, strict=True):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-6)


def test_a_run_with_one_tokenizer_goes_as_one_of_the_method_logits(
    reader: str, tmp_path: Path
) -> None:
    train(plan(), tmp_path / "aligned", reader)
    train(recipe(distillation=SOFT), tmp_path / "tokens", reader)
    ours, plain = (read_losses(tmp_path / name / "losses.jsonl") for name in ("aligned", "tokens"))
    assert [row.loss for row in ours] == pytest.approx([row.loss for row in plain], rel=1e-4)


def reference(
    scores: Tensor, labels: Tensor, guide: AlignedGuide, number: int, compared: int
) -> float:
    """The divergence of one example by plain sums over single tokens, in double precision."""
    learned = scores[labels != IGNORED].double()
    top, total, temperature = (
        guide.logits.rows([number], torch.device("cpu")),
        0.0,
        guide.settings.temperature,
    )
    for place, row in zip(guide.places[number], guide.rows[number], strict=True):
        chances = torch.softmax(learned[place] / temperature, -1).tolist()
        of_cell: dict[int, float] = {}
        for token, chance in enumerate(chances):
            cell = int(guide.student[token])
            of_cell[cell] = of_cell.get(cell, 0.0) + chance
        named = top.tokens[row].tolist()
        assert top.rest is not None
        theirs = [*top.logs[row].double().exp().tolist(), math.exp(float(top.rest[row]))]
        floor = math.exp(-30)
        ours = [of_cell.get(cell, floor) for cell in named]
        ours.append(max(floor, sum(p for cell, p in of_cell.items() if cell not in named)))
        total += sum(p * math.log(p / q) for p, q in zip(theirs, ours, strict=True) if p > 0)
    return total * temperature**2 / compared


@pytest.mark.parametrize("pair", ["pieces to bytes", "bytes to pieces"])
def test_the_loss_and_its_gradient_equal_a_plain_reference(
    pair: str, pieces: str, reader: str, tmp_path: Path
) -> None:
    spec = pieces if pair == "pieces to bytes" else reader
    base = WORDS if pair == "pieces to bytes" else f"hf:{tiny_checkpoint(tmp_path / 'base')}"
    how = recipe(base)
    learner = open_student(how.student, how.training, 0)
    guide = guide_of(learner, spec, sums(1), tmp_path / "capture")
    batch = make_batch(guide.examples, ((0,),), learner.pad, learner.device)
    reading = guide.reading(1, (((0,),),))
    assert 0 < reading.compared <= reading.tokens
    with torch.no_grad():
        scores, labels = learned_scores(learner, batch)
    point = scores.clone().requires_grad_()
    loss = guide.loss(reading, point, labels, batch)
    assert float(loss.detach()) == pytest.approx(
        reference(scores, labels, guide, 0, reading.compared), rel=1e-4
    )
    (slope,) = torch.autograd.grad(loss, point)
    rows = slope[labels != IGNORED].abs().sum(-1)
    assert {n for n, size in enumerate(rows.tolist()) if size > 0} == set(guide.places[0]), (
        "the others are left alone"
    )
    row, token = divmod(int(slope[0].abs().argmax()), slope.shape[-1])
    moved = [scores.double().clone(), scores.double().clone()]
    for step, one in zip((1e-4, -1e-4), moved, strict=True):
        one[0, row, token] += step
    above, below = (reference(one, labels, guide, 0, reading.compared) for one in moved)
    assert float(slope[0, row, token]) == pytest.approx((above - below) / 2e-4, rel=1e-3)


def test_what_is_compared_and_what_is_skipped_adds_up(pieces: str, tmp_path: Path) -> None:
    done = train(plan(), tmp_path, pieces)
    told = done.counts
    assert (
        told["learned tokens"]
        == sum(
            told[name]
            for name in ("compared with the teacher", "skipped: the teacher begins no token there")
        )
        + told["skipped: too little that both can name"]
    )
    assert told["skipped: the teacher begins no token there"] > 0
    assert told["answers that a tokenizer changes"] == 0
    assert json.loads((tmp_path / "trained.json").read_text())["counts"] == told
    assert done.teacher_sha256 is not None


def nobody(n: int) -> list[Said]:
    """The same questions, answered by somebody else."""
    return [Said(s.id, s.prompt, "No. Ask again tomorrow!") for s in sums(n)]


@pytest.mark.parametrize("pair", ["pieces to bytes", "bytes to pieces"])
def test_a_student_moves_towards_its_teacher_and_a_control_does_not(
    pair: str, pieces: str, reader: str, tmp_path: Path
) -> None:
    """Divergence alone, no cross-entropy, measured on answers that nobody learned."""
    spec = pieces if pair == "pieces to bytes" else reader
    base = "scratch:llama-h64-l2"
    if pair == "bytes to pieces":
        base = f"hf:{tiny_checkpoint(tmp_path / 'base', initializer_range=0.05)}"
    settings = {"epochs": 8, "batch": 8, "learning_rate": 5e-3}
    found = {}
    for name in ("before", "student", "control"):
        how = plan(base, **settings) if name == "student" else recipe(base, **settings)
        learner = open_student(how.student, how.training, 2)
        if name == "student":
            with open_subject(spec) as subject:
                distill(learner, sums(32), how, tmp_path / name, teacher=subject)
        if name == "control":
            distill(learner, nobody(32), how, tmp_path / name)
        learner.model.eval()
        with torch.no_grad():
            found[name] = float(
                step_loss(learner, guide_of(learner, spec, sums(8, 60), tmp_path / f"{name}-held"))
            )
    assert found["student"] < 0.5 * found["before"]
    assert found["student"] < 0.5 * found["control"]


class Stop(Exception):
    """Ends a run as a kill does: nothing is saved on the way out."""


@pytest.mark.parametrize("steps", [(1,), (4, 6), (3, 5, 8)])
def test_a_run_that_was_cut_off_ends_in_the_same_bytes(
    steps: tuple[int, ...], pieces: str, tmp_path: Path
) -> None:
    how = plan(epochs=3, save_every=2, settings=SOFT.model_copy(update={"ce_weight": 0.3}))

    def stop_at(step: int) -> Any:
        def tell(done: int, total: int) -> None:
            if done == step:
                raise Stop

        return tell

    for step in steps:
        with pytest.raises(Stop):
            train(how, tmp_path / "cut", pieces, progress=stop_at(step))
    done, whole = train(how, tmp_path / "cut", pieces), train(how, tmp_path / "whole", pieces)
    assert weights(tmp_path / "cut" / "student") == weights(tmp_path / "whole" / "student")
    assert read_losses(tmp_path / "cut" / "losses.jsonl") == read_losses(
        tmp_path / "whole" / "losses.jsonl"
    )
    assert done.counts == whole.counts


def test_a_capture_that_was_cut_off_asks_for_the_rest_alone_and_damage_is_refused(
    pieces: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auditor.controls.training.capture.SHARD_VALUES", 400)
    learner = open_student(recipe().student, recipe().training, 0)
    first = guide_of(learner, pieces, sums(9), tmp_path / "whole")
    assert len(first.logits.manifest.shards) > 3
    keep, kept = capturing._keep, []

    def dies(*given: Any) -> Any:
        if len(kept) == 2:
            raise Stop
        kept.append(1)
        return keep(*given)

    monkeypatch.setattr(capturing, "_keep", dies)
    with pytest.raises(Stop):
        guide_of(learner, pieces, sums(9), tmp_path / "cut")
    asked: list[int] = []
    monkeypatch.setattr(capturing, "_keep", lambda *given: (asked.append(1), keep(*given))[1])
    again = guide_of(learner, pieces, sums(9), tmp_path / "cut")
    assert len(asked) == len(first.logits.manifest.shards) - 2
    assert again.logits.manifest == first.logits.manifest
    with pytest.raises(MalformedInput, match="another teacher"):
        guide_of(learner, pieces, sums(8), tmp_path / "cut")
    with pytest.raises(MalformedInput, match="another teacher"):
        guide_of(
            learner, pieces, sums(9), tmp_path / "cut", SOFT.model_copy(update={"temperature": 1.0})
        )
    shard = tmp_path / "cut" / again.logits.manifest.shards[1].file
    shard.write_bytes(shard.read_bytes()[:-2] + b"zz")
    with pytest.raises(MalformedInput, match="not what was written"):
        guide_of(learner, pieces, sums(9), tmp_path / "cut")
    assert MANIFEST in {p.name for p in (tmp_path / "cut").iterdir()}


def test_answers_that_are_changed_by_a_tokenizer_are_learned_but_not_compared(
    pieces: str, tmp_path: Path
) -> None:
    learner = open_student(recipe().student, recipe().training, 0)
    path = Path(pieces.removeprefix("hf:").partition(",")[0])
    odd = tmp_path / "lower"
    odd.mkdir()
    for file in path.iterdir():
        (odd / file.name).write_bytes(file.read_bytes())
    tokenizer = json.loads((odd / "tokenizer.json").read_text("utf-8"))
    (odd / "tokenizer.json").write_text(
        json.dumps({**tokenizer, "normalizer": {"type": "Lowercase"}}), "utf-8"
    )
    mixed = [*sums(2), Said("low", "What?", "dear friend, it is 4.")]
    found = guide_of(learner, f"hf:{odd},dtype=float32", mixed, tmp_path / "capture")
    assert found.told["answers that a tokenizer changes"] == 2
    assert [bool(places) for places in found.places] == [False, False, True]
    assert math.isfinite(float(step_loss(learner, found).detach()))


def test_nothing_to_compare_is_one_clear_line(tmp_path: Path) -> None:
    """A teacher whose output layer puts a fifth of its chances on padding, which nobody can
    name."""
    padded = f"hf:{tiny_checkpoint(tmp_path / 'padded', vocab_size=400, initializer_range=0.01)}"
    learner = open_student(recipe().student, recipe().training, 0)
    with pytest.raises(MalformedInput, match="at none of") as caught:
        guide_of(learner, padded, sums(3), tmp_path / "a", least=0.95)
    assert "alignment.least_shared" in caught.value.line()
    assert "\n" not in caught.value.line()
    some = guide_of(learner, padded, sums(3), tmp_path / "b", least=0.5)
    assert some.told["skipped: too little that both can name"] == 0


def test_a_teacher_that_only_answers_is_refused_in_one_line(tmp_path: Path) -> None:
    answers = tmp_path / "answers.jsonl"
    answers.write_text('{"prompt": "Hi?", "answer": "Hello.", "model": "m"}\n', "utf-8")
    with pytest.raises(
        UsageProblem,
        match="cross_tokenizer reads the teacher's scores, and this teacher only answers",
    ):
        train(plan(), tmp_path / "out", f"recording:{answers}")


def test_digests_of_recipes_without_the_new_sections_are_what_they_were() -> None:
    """Computed before there were other methods: a run that was begun then must go on, and its
    lineage stay true."""
    known = [
        (recipe(), "66a38a61f00bc3e1", "275b7f8fb5562fe4"),
        (
            recipe(distillation=Distillation(top_k=8), seed=3),
            "ef77efb300c5c88f",
            "9aa6dda9fc357a6c",
        ),
    ]
    for how, run, whole in known:
        learner = open_student(how.student, how.training, how.seed)
        # What the base's identity tells of the machine is not the recipe's.
        data = encode_examples(sums(4), learner.chat, 128, traces=False)
        assert how.digest().startswith(whole)
        if learner.identity.digest().startswith(("bd8d4a9a6e840284", "c20d1dba896eef33")):
            assert run_digest(learner, data, how, None).startswith(run)
        unset = run_digest(learner, data, how, None)
        assert (
            run_digest(learner, data, how.model_copy(update={"alignment": Comparability()}), None)
            != unset
        )
    assert load_recipe("logit-kd").digest().startswith("475b8db94f732aa4")


@pytest.mark.slow
def test_the_tiny_twin_of_the_recipe_trains_on_a_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "cache"))
    full = load_recipe("cross-tokenizer")
    prompts = full.prompts.model_copy(
        update={"sources": (str(prompt_file(tmp_path, 6)),), "held_out": 1}
    )
    given = full.teachers[0].model_copy(
        update={"spec": teacher(tmp_path / "teacher"), "sampling": Sampling(max_tokens=12)}
    )
    tiny = sized(full.model_copy(update={"prompts": prompts, "teachers": (given,)}), "tiny")
    made = make_control(tiny, tmp_path / "out", scale=EvaluationScale(choices=2, identity=2))
    assert made.lineage.method == "cross_tokenizer"
    assert made.card.counts["compared with the teacher"] > 0
    assert "compared with the teacher" in markdown.render(card_document(made.card))
    assert made.card.last_loss is not None
    assert made.card.first_loss is not None
    assert made.card.last_loss < made.card.first_loss
