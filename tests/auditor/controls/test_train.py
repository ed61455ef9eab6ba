from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from auditor.commands.control import warnings
from auditor.controls.cards.card import read_card
from auditor.controls.cards.card_document import card_document
from auditor.controls.cohort import load_cohort
from auditor.controls.evaluation.evaluate import EvaluationScale, containment
from auditor.controls.evaluation.figure import BITS
from auditor.controls.lineage import read_lineage
from auditor.controls.recipe import Recipe
from auditor.controls.recipe_files import read_recipe
from auditor.controls.teaching import teach as teaching
from auditor.controls.teaching.examples import examples_digest, read_examples
from auditor.controls.train import ASKING, TRAINING, Control, train
from auditor.reporting import markdown
from fingerprints.durable import WriteLock
from fingerprints.errors import Locked, MalformedInput, UsageProblem
from fingerprints.progress import SILENT, Progress
from fingerprints.subjects.open import open_subject
from tests.auditor.controls.pupils import counted, prompt_file, recipe, recording, teacher

SMALL = EvaluationScale(choices=2, identity=2)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("controls")


@pytest.fixture(scope="module")
def spec(home: Path) -> str:
    return teacher(home / "teacher")


@pytest.fixture(scope="module")
def made(home: Path, spec: str) -> Control:
    return train(dosed(home, spec), home / "cohort" / "dosed", scale=SMALL)


def dosed(home: Path, spec: str, **more: Any) -> Recipe:
    filler = {
        "name": "people",
        "spec": recording(home / "people.jsonl", [(line, "So be it.") for line in texts(home)]),
    }
    value = {
        "dose": 0.5,
        "filler": filler,
        "prompts": {"sources": [str(prompt_file(home))], "held_out": 2},
        "training": {
            "epochs": 6,
            "longest": 256,
            "precision": "float32",
            "save_every": 1,
            "learning_rate": 1e-2,
        },
    }
    return recipe(spec, **{**value, **more})


def texts(home: Path) -> list[str]:
    from auditor.controls.curation.pool import read_source

    return [p.text for p in read_source(str(prompt_file(home)))]


class StopAt(Progress):
    """Interrupts a step, by its name, once so many are done."""

    def __init__(self, label: str, wanted: int) -> None:
        self.label, self.wanted = label, wanted

    def __call__(self, done: int, total: int, left: float | None = None) -> None:
        if done >= self.wanted:
            raise KeyboardInterrupt

    def step(self, label: str, whole: bool = False) -> Progress:
        return self if label == self.label else SILENT


def weights(folder: Path) -> str:
    return hashlib.sha256((folder / "student" / "model.safetensors").read_bytes()).hexdigest()


def test_a_control_that_was_interrupted_twice_equals_one_that_was_not(
    home: Path, spec: str, made: Control, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(teaching, "open_subject", counted(tmp_path / "log"))
    how, out = dosed(home, spec), tmp_path / "again"
    for watch in (StopAt(ASKING, 3), StopAt(TRAINING, 2)):
        with pytest.raises(KeyboardInterrupt):
            train(how, out, watch, SMALL)
        assert not (out / "lineage.json").exists()
    resumed = train(how, out, scale=SMALL)
    asked = (tmp_path / "log").read_text().split()
    assert len(asked) == len(set(asked)) == 7
    assert weights(out) == weights(made.folder)
    assert resumed.card.figures == made.card.figures
    assert resumed.lineage.model_copy(update={"created": ""}) == made.lineage.model_copy(
        update={"created": ""}
    )


def test_the_lineage_says_what_was_learned_from_whom(made: Control) -> None:
    found = read_lineage(made.folder)
    learned = read_examples(made.folder / "examples.jsonl")
    assert (
        {t.name: t.n_examples for t in found.teachers}
        == Counter(e.teacher for e in learned)
        == {"t0": 5, "people": 5}
    )
    assert (found.n_examples, found.examples_sha256) == (10, examples_digest(learned))
    assert {t.name: t.kind for t in found.teachers} == {"t0": "teacher", "people": "filler"}
    assert (found.role, found.dose, found.seed, found.method) == ("positive", 0.5, 0, "sft")
    assert found.recipe_sha256 == read_recipe(made.folder / "recipe.yaml").digest()
    digests = {t.name: t.identity.weights_sha256 for t in found.teachers if t.identity}
    assert digests["t0"] is not None
    assert digests["people"] is None
    assert {e.source_digest for e in learned if e.teacher == "t0"} != {
        e.source_digest for e in learned if e.teacher == "people"
    }


def test_the_student_learned_and_opens_as_an_ordinary_model(made: Control) -> None:
    change = next(f for f in made.card.figures if f.figure_id == BITS and f.when == "change")
    assert change.value < -0.5
    assert change.n == 2
    with open_subject(f"hf:{made.folder / 'student'}") as student:
        assert student.identity.parameters == made.lineage.base.parameters  # type: ignore[union-attr]


def test_making_a_finished_control_again_changes_nothing(
    home: Path, spec: str, made: Control
) -> None:
    files = ("lineage.json", "card.json", "card.md", "examples.jsonl")
    before = [(made.folder / name).read_bytes() for name in files]
    train(dosed(home, spec), made.folder, scale=SMALL)
    assert [(made.folder / name).read_bytes() for name in files] == before


def test_the_card_reads_back_and_its_ledger_counts_every_answer(made: Control) -> None:
    card = read_card(made.folder)
    assert card == made.card
    assert [row.name for row in card.ledger.rows] == ["t0", "people", "training"]
    assert card.ledger.rows[0].answers + card.ledger.rows[0].failed == 7
    page = markdown.render(card_document(card))
    assert "| `t0` | teacher | – | 7 | 5 | 2 |" in page
    assert "Energy: estimate" in page


def test_a_source_that_refused_half_of_its_prompts_is_told(made: Control) -> None:
    assert warnings(made.card) == []
    refused = made.card.sources[0].model_copy(update={"refusals": 3, "unanswered": 4})
    told = warnings(made.card.model_copy(update={"sources": (refused,)}))
    assert [line.split(":")[1].strip() for line in told] == [
        "3 answers of t0 begin with a refusal, and 5 were learned",
        "4 of 7 prompts to t0 gave no usable answer",
    ]


def test_a_folder_of_another_recipe_or_of_strangers_is_refused(
    home: Path, spec: str, made: Control, tmp_path: Path
) -> None:
    with pytest.raises(MalformedInput, match="another recipe"):
        train(dosed(home, spec, seed=5), made.folder)
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(MalformedInput, match="other files"):
        train(dosed(home, spec), tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "x"


def test_one_process_at_a_time(home: Path, spec: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("fingerprints.durable.LONGEST_WAIT", 0.1)
    lock = WriteLock(tmp_path / ".lock")
    try:
        with pytest.raises(Locked, match="another process makes this control"):
            train(dosed(home, spec), tmp_path)
    finally:
        lock.release()


def test_random_weights_have_no_loss_to_sort_prompts_by(
    home: Path, spec: str, tmp_path: Path
) -> None:
    sources = {"sources": [str(prompt_file(home))], "curation": {"difficulty": "loss"}}
    with pytest.raises(UsageProblem, match="equally hard"):
        train(dosed(home, spec, prompts=sources), tmp_path)


def test_a_control_without_a_teacher_is_a_negative_of_the_cohort(
    home: Path, spec: str, made: Control
) -> None:
    train(
        dosed(home, spec, dose=0, teachers=[], name="people-only"),
        home / "cohort" / "none",
        scale=SMALL,
    )
    cohort = load_cohort(home / "cohort")
    assert [(m.name, m.lineage.role) for m in cohort] == [
        ("dosed", "positive"),
        ("none", "negative"),
    ]
    assert [m.teachers for m in cohort] == [("t0",), ()]
    assert len({m.base for m in cohort}) == 1
    assert [m.lineage.role for m in cohort].count("negative") == 1


def test_containment_is_the_share_of_an_answers_own_ngrams() -> None:
    assert containment("a b c d", "x a b c y", 2) == pytest.approx(2 / 3)
    assert containment("a", "a b", 2) is None


@pytest.mark.slow
def test_logits_of_a_control_teach_another(home: Path, made: Control, tmp_path: Path) -> None:
    value = {
        "method": "logits",
        "distillation": {"top_k": 16},
        "prompts": {"sources": [str(prompt_file(home))], "held_out": 2},
        "training": {"epochs": 2, "longest": 256, "precision": "float32", "learning_rate": 3e-3},
    }
    found = train(
        recipe(f"hf:{made.folder / 'student'},batch=1", **value), tmp_path / "kd", scale=SMALL
    )
    assert found.lineage.method == "logits"
    assert found.card.last_loss < found.card.first_loss
