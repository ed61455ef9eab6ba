"""The reasoning recipes run from recorded traces to test-time scaling, and only what is right
and traced is learned."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from auditor.controls.cards.card_document import card_document
from auditor.controls.curation.curate import curate
from auditor.controls.curation.difficulty import curate_for, failure_score
from auditor.controls.curation.pool import Prompt
from auditor.controls.evaluation.evaluate import EvaluationScale
from auditor.controls.evaluation.figure import CAPPED, RIGHT, THOUGHT, PairedFigure
from auditor.controls.evaluation.scaling import (
    is_right,
    scaling,
    scaling_table,
)
from auditor.controls.recipe import Curation, Inference, Recipe
from auditor.controls.recipe_files import (
    bundled_recipes,
    load_recipe,
    make_recipe,
    parse_recipe,
    with_teachers,
)
from auditor.controls.sizes import sized
from auditor.controls.teaching.teach import teach
from auditor.controls.train import Control, train
from auditor.controls.training.students import open_student
from auditor.reporting import markdown
from auditor.reporting.document import Document, Section
from fingerprints.errors import MalformedInput, UsageProblem
from fingerprints.records import Arm, Reply, Status
from tests.auditor.controls.pupils import recipe, teacher
from tests.auditor.controls.reasoner import (
    EVERY_WRONG,
    FIRST_WRONG,
    Sum,
    question_file,
    recorded,
    sums,
)
from tests.fingerprints.subjects.tiny import tiny_checkpoint
from tests.tree import ROOT

FACTS = ROOT / "docs" / "recipes-facts.md"
NAMES = ("s1", "sky-t1", "open-r1")
FEW = EvaluationScale(choices=2, identity=2)


def made(
    name: str, home: Path, questions: list[Sum], base: str = "", n: int = 64, epochs: int = 6
) -> Recipe:
    """The bundled recipe at size tiny, with the recorded teacher and its questions, cut down
    further for quick tests."""
    value = with_teachers(load_recipe(name), [recorded(home, questions)]).model_dump(
        mode="json", exclude_none=True
    )
    if base:
        value["student"] = {"base": base}
    value["prompts"]["sources"] = [str(question_file(home, questions))]
    tiny = sized(make_recipe(value), "tiny").model_dump(mode="json", exclude_none=True)
    tiny["prompts"]["n"], tiny["training"]["epochs"] = n, epochs
    return make_recipe(tiny)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reasoning")


@pytest.fixture(scope="module")
def control(home: Path) -> Iterator[Control]:
    quick = made("s1", home, sums(28), base="scratch:llama-h32-l1", n=24, epochs=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("auditor.controls.evaluation.scaling.ANSWER_TOKENS", 8)
        patch.setattr("auditor.controls.evaluation.evaluate.ANSWER_TOKENS", 8)
        yield train(
            quick.model_copy(update={"inference": Inference(thinking=16, waits=2)}),
            home / "s1",
            scale=FEW,
        )


@pytest.mark.parametrize("name", NAMES)
def test_only_right_traces_are_learned_with_their_thinking(
    home: Path, tmp_path: Path, name: str
) -> None:
    how = made(name, home, sums(28), n=24)
    known = {q.id: q for q in sums(28)}
    curated = curate_for(how)
    taught = teach(how, curated.prompts, tmp_path)
    for example in taught.examples:
        assert example.thinking is not None
        assert known[example.id].trace in example.thinking
        assert example.answer == f"The answer is {known[example.id].answer}."
    numbers = [int(p.id.split("/")[1]) for p in curated.prompts]
    hopeless, missed = (
        (n % EVERY_WRONG == 7 for n in numbers),
        (n % FIRST_WRONG == 2 for n in numbers),
    )
    lost = [a or (b and name != "open-r1") for a, b in zip(hopeless, missed, strict=True)]
    assert taught.sources[0].report.unverified == sum(lost)
    assert len(taught.examples) + len(taught.held_out) == len(lost) - sum(lost)


def test_the_card_tells_accuracy_and_thinking_at_every_number_of_waits(control: Control) -> None:
    card = control.card
    assert (control.lineage.method, control.lineage.role) == ("traces", "positive")
    for count in range(3):
        for what in (RIGHT, THOUGHT, CAPPED):
            (figure,) = [f for f in card.figures if f.figure_id == f"{what}:{count}"]
            assert figure.n == card.held_out > 0
    assert not any(f.figure_id.endswith(":3") for f in card.figures)
    page = markdown.render(card_document(card))
    table = page.partition("## Test-time scaling")[2].partition("##")[0]
    assert len(re.findall(r"^\| \d", table, re.M)) == 3
    assert "waits forced:" not in page


def test_making_a_measured_control_again_asks_nothing_and_changes_nothing(control: Control) -> None:
    before = (control.folder / "card.json").read_bytes()
    assert train(control.card.recipe, control.folder, scale=FEW).card == control.card
    assert (control.folder / "card.json").read_bytes() == before


def test_scaling_counts_right_answers_waits_and_tokens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auditor.controls.evaluation.scaling.ANSWER_TOKENS", 8)
    spec = f"hf:{tiny_checkpoint(tmp_path / 'm', max_position_embeddings=512)}"
    prompts = [Prompt(id=q.id, text=q.prompt, answer=q.answer) for q in sums(6)]
    found = scaling(
        spec,
        Inference(thinking=24, waits=1),
        [*prompts, Prompt(id="open", text="Tell me more.")],
        tmp_path,
    )
    by_id = {f.figure_id: f for f in found}
    assert len(found) == 6
    assert {f.n for f in found} == {6}
    assert all(0 < f.value <= 24 for key, f in by_id.items() if key.startswith(THOUGHT))
    assert scaling(spec, Inference(), [Prompt(id="open", text="Tell me more.")], tmp_path) == ()
    assert scaling_table([]) is None


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("<think>\n7\n</think>\n\nThe answer is 12.", True),
        ("2+10=12\n</think>\n\nFinal answer: 12", True),
        ("<think>\nThe answer is 12.", False),
        ("<think>\n12\n</think>\n\nThe answer is 7.", False),
    ],
)
def test_an_answer_counts_by_what_follows_its_thinking(text: str, right: bool) -> None:
    assert is_right(Reply(probe_id="a", arm=Arm.OWN, status=Status.OK, text=text), "12") is right


def test_the_scaling_table_names_its_intervals() -> None:
    told = [
        PairedFigure(
            figure_id=f"{RIGHT}:1", name="", when="after", value=0.5, low=0.25, high=0.75, n=8
        )
    ]
    blocks = scaling_table(told)
    assert blocks is not None
    page = Document("", "", "", (), (Section("s", "s", blocks),), dict)
    assert "| 1 | 0.500 (0.250 to 0.750) | – | – | 8 |" in markdown.render(page)


def test_questions_that_the_base_fails_come_first_and_the_longest_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("auditor.controls.curation.difficulty.TOKENS", 4)
    monkeypatch.setattr(
        "auditor.controls.curation.difficulty.agrees", lambda said, answer: answer == "solved"
    )
    answers = ("x", "solved", "x", None)
    texts = (
        "Describe one cat",
        "Name a very long river",
        "Describe the colour of a lantern",
        "Sing of a bicycle",
    )
    prompts = [
        Prompt(id=f"p{i}", text=t, answer=a)
        for i, (t, a) in enumerate(zip(texts, answers, strict=True))
    ]

    def length(some: Sequence[Prompt]) -> list[float]:
        return [float(len(p.text)) for p in some]

    score = failure_score(teacher(tmp_path / "m"), length)
    found = curate(prompts, Curation(difficulty="failure"), None, 0, score)
    assert [p.id for p in found.prompts] == ["p2", "p0", "p3", "p1"]


def test_failure_needs_a_trained_base_and_known_answers(tmp_path: Path) -> None:
    how = {
        "sources": [str(question_file(tmp_path, sums(8)))],
        "curation": {"difficulty": "failure"},
        "held_out": 0,
    }
    with pytest.raises(UsageProblem, match="random weights fail"):
        curate_for(recipe("hf:x", prompts=how))
    bare = tmp_path / "bare.jsonl"
    bare.write_text("".join(json.dumps({"prompt": q.prompt}) + "\n" for q in sums(8)), "utf-8")
    with pytest.raises(UsageProblem, match="no prompt has a known answer"):
        curate_for(
            recipe(
                "hf:x",
                prompts={**how, "sources": [str(bare)]},
                student={"base": teacher(tmp_path / "m")},
            )
        )


def test_the_s1_preset_takes_hard_questions_of_every_kind(home: Path) -> None:
    curation = load_recipe("s1").prompts.curation
    assert (curation.difficulty, curation.diversity) == ("failure", "round_robin")
    tiny = made("s1", home, sums(80), n=40)
    assert tiny.prompts.curation.difficulty == "length"
    hard = tiny.prompts.model_copy(
        update={"curation": tiny.prompts.curation.model_copy(update={"diversity": "none"})}
    )
    kinds = [
        Counter(p.text.split()[0] for p in curate_for(r).prompts)
        for r in (tiny, tiny.model_copy(update={"prompts": hard}))
    ]
    assert len(kinds[0]) == 4 > len(kinds[1])
    assert kinds[1]["If"] == 20


def test_a_recipe_without_forcing_keeps_its_digest_and_one_with_it_reads_back() -> None:
    old = make_recipe(
        {"name": "a", "teachers": [{"spec": "hf:x"}], "prompts": {"sources": ["general"]}}
    )
    assert old.digest() == "1f175d1dbb358aaa4fb2e7bec80573ee1bb8898b5d7f710020f3524655da13e2"
    forced = old.model_copy(update={"inference": Inference(waits=1)})
    assert forced.digest() != old.digest()
    assert parse_recipe(forced.to_yaml(), "a") == forced
    with pytest.raises(MalformedInput, match=r"inference\.waits"):
        parse_recipe(old.to_yaml() + "inference: {waits: 99}\n", "a")


def test_sizes_shorten_the_thinking_that_is_measured() -> None:
    full = load_recipe("s1")
    assert full.inference == Inference(thinking=1024, waits=2)
    assert sized(full, "small").inference == Inference(thinking=512, waits=2)
    assert sized(full, "tiny").inference == Inference(thinking=192, waits=2)
    assert sized(load_recipe("alpaca"), "tiny").inference is None


def test_a_student_is_not_trained_under_forcing() -> None:
    forced = recipe("hf:x", student={"base": "hf:./m,thinking=64"})
    with pytest.raises(UsageProblem, match="without budget forcing"):
        open_student(forced.student, forced.training, 0)


@pytest.mark.parametrize("name", bundled_recipes())
def test_every_bundled_recipe_has_its_facts(name: str) -> None:
    sections = re.split(r"^## ", FACTS.read_text("utf-8"), flags=re.M)[1:]
    (found,) = [s for s in sections if s.startswith(f"`{name}`\n")]
    for part in (
        "**Imitates.**",
        "**Left out.**",
        "**Control for.**",
        "**Expected role.**",
        f"auditor control train {name} ",
    ):
        assert part in found, part
    role = re.search(r"\*\*Expected role\.\*\* (positive|negative|confounded)\b", found)
    recipe = load_recipe(name)
    assert role is not None
    assert role[1] == (
        recipe.role or ("positive" if recipe.teachers and recipe.dose > 0 else recipe.untaught_role)
    )


def test_the_page_of_recipes_links_their_facts() -> None:
    assert "(recipes-facts.md)" in (ROOT / "docs" / "recipes.md").read_text("utf-8")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", NAMES)
def test_a_reasoning_recipe_runs_at_its_tiny_size(home: Path, name: str, tmp_path: Path) -> None:
    control = train(made(name, home, sums()), tmp_path / name, scale=FEW)
    assert control.card.last_loss is not None
    assert control.card.first_loss is not None
    assert control.card.last_loss < 0.75 * control.card.first_loss
    assert any(f.figure_id.startswith(RIGHT) for f in control.card.figures)
