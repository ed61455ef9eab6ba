"""The weight zoo: every member is what its row says, a killed zoo goes on, and equal seeds give
equal weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from auditor.cli import cli
from auditor.controls.cohort import load_cohort
from auditor.controls.lineage import read_lineage
from auditor.labs.zoo import zoo as module
from auditor.labs.zoo.derivation import read_derivation
from auditor.labs.zoo.zoo import Zoo, build_zoo, load_zoo
from auditor.labs.zoo.zoo_facts import measure_zoo, read_facts
from auditor.labs.zoo.zoo_plan import Copied, TrainedMember, ZooMaking, zoo_plan
from auditor.labs.zoo.zoo_texts import HELD_OUT, PIECE, held_out, lessons
from fingerprints.errors import Incomplete, MalformedInput, UsageProblem
from fingerprints.subjects import open_subject

FEW = (
    "base",
    "copy",
    "bf16",
    "q4-gguf",
    "disguised",
    "sibling-untrained",
    "random-1",
    "independent-001",
    "independent-002",
)
ASKED = {
    "copy",
    "bf16",
    "int8",
    "q4-gguf",
    "fine-tuned",
    "lora-merged",
    "vocabulary-extended",
    "depth-pruned-tuned",
    "width-pruned",
    "merged-linear",
    "merged-slerp",
    "permuted-units",
    "permuted-heads",
    "rotated",
    "rescaled",
    "disguised",
    "all-combined",
    "continued",
}


def few(seed: int, independent: int) -> tuple[ZooMaking, ...]:
    return tuple(making for making in zoo_plan(seed, independent) if making.name in FEW)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "zoo_plan", few)
        return build_zoo(tmp_path_factory.mktemp("zoo"), "micro", seed=0, independent=2)


@pytest.fixture
def only_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "zoo_plan", few)


def weights(zoo: Zoo, name: str) -> dict[str, torch.Tensor]:
    return load_file(zoo.path(zoo.member(name)) / "model.safetensors")


def test_the_plan_holds_every_case_and_makes_parents_first() -> None:
    plan = zoo_plan(0, 60)
    names = [making.name for making in plan]
    assert len(set(names)) == len(names)
    assert set(names) >= ASKED
    assert (
        sum(
            making.relation == "independent" and making.kind == "pretrained" and making.tied
            for making in plan
        )
        == 60
    )
    for number, making in enumerate(plan):
        started = (
            [making.how.start, making.how.teacher] if isinstance(making.how, TrainedMember) else []
        )
        assert set(making.parents) | {name for name in started if name} <= set(names[:number])
        assert (making.relation == "derived") == bool(making.parents)


def test_a_longer_list_of_independent_runs_begins_with_the_shorter_one() -> None:
    short, long = ({making.name: making for making in zoo_plan(3, n)} for n in (2, 40))
    assert all(long[name] == making for name, making in short.items())


def test_independent_runs_share_the_data_with_the_base_and_neither_initialisation_nor_order() -> (
    None
):
    plan = {making.name: making for making in zoo_plan(0, 20)}
    how = [plan[name].how for name in ("base", *(f"independent-{n:03d}" for n in range(1, 21)))]
    runs = [run for run in how if isinstance(run, TrainedMember)]
    assert {(run.text, run.rate, run.start, run.teacher) for run in runs} == {
        ("banks", 3e-3, None, None)
    }
    assert len({run.weights_seed for run in runs}) == len({run.order_seed for run in runs}) == 21
    other = plan["sibling-data"].how
    assert isinstance(other, TrainedMember)
    assert (other.weights_seed, other.text) == (0, "prose")


def test_the_combination_of_all_disguises_is_said_to_keep_the_function_and_the_combination_with_pruning_is_not() -> (
    None
):
    plan = {making.name: making for making in zoo_plan(0, 1)}
    assert plan["disguised"].keeps_function
    assert not plan["all-combined"].keeps_function
    combined = plan["all-combined"].how
    assert isinstance(combined, Copied)
    assert {kind for kind, _ in combined.steps} >= {
        "drop_layers",
        "rotate_residual",
        "permute_heads",
        "rescale_units",
        "recast",
    }


def test_texts_are_short_pieces_and_what_is_held_out_is_in_no_lesson() -> None:
    held = held_out()
    learned = {example.answer for example in lessons("banks", 600)}
    assert len(held) == HELD_OUT
    assert not learned & {example.answer for example in held}
    assert max(len(answer.encode()) for answer in learned) <= PIECE
    assert not {e.id for e in lessons("pairs", 192)} & {e.id for e in lessons("other pairs", 192)}
    with pytest.raises(MalformedInput, match="are needed"):
        lessons("banks", 100_000)


def test_every_row_names_a_checkpoint_with_its_digest_and_history(small: Zoo) -> None:
    assert load_zoo(small.folder) == small
    assert [member.name for member in small.members] == list(FEW)
    for member in small.members:
        assert read_lineage(small.folder / member.name).checkpoint == "student"
    assert small.member("copy").weights_sha256 == small.member("base").weights_sha256
    assert len({member.weights_sha256 for member in small.members}) == len(FEW) - 1
    copied = read_derivation(small.folder / "q4-gguf" / "student")
    assert copied.weights_sha256 == small.member("q4-gguf").weights_sha256
    assert copied.parents[0].weights_sha256 == small.member("base").weights_sha256
    assert [member.name for member in small.of("independent")] == [
        "independent-001",
        "independent-002",
    ]
    assert small.timings()["base"].cpu_seconds > 0


def test_a_disguised_copy_tells_every_step_in_its_lineage(small: Zoo) -> None:
    lineage = read_lineage(small.folder / "disguised")
    told = ["rotate_residual", "permute_units", "permute_heads", "rescale_units"]
    assert list(lineage.evasions) == [f"derived: {kind}" for kind in told]
    steps = [
        small.folder / "disguised" / "steps" / f"{n}-{kind}" for n, kind in enumerate(told[:3], 1)
    ]
    chain = [read_derivation(folder) for folder in (*steps, small.folder / "disguised" / "student")]
    assert [d.parents[0].weights_sha256 for d in chain[1:]] == [
        d.weights_sha256 for d in chain[:-1]
    ]


def test_the_base_began_as_its_untrained_sibling_and_the_others_began_elsewhere(small: Zoo) -> None:
    began = {
        name: read_lineage(small.folder / name).base
        for name in ("base", "sibling-untrained", "independent-001")
    }
    digests = {name: base.weights_sha256 for name, base in began.items() if base is not None}
    assert digests["base"] == digests["sibling-untrained"] != digests["independent-001"]
    name = "model.layers.0.mlp.up_proj.weight"
    base, sibling, stranger = (
        weights(small, n)[name] for n in ("base", "sibling-untrained", "independent-001")
    )
    cosine = torch.nn.functional.cosine_similarity
    assert cosine(base.flatten(), sibling.flatten(), dim=0) > 0.5
    assert abs(cosine(base.flatten(), stranger.flatten(), dim=0)) < 0.1


def test_a_zoo_is_a_cohort(small: Zoo) -> None:
    assert {member.name for member in load_cohort(small.folder)} == set(FEW)


@pytest.mark.usefixtures("only_few")
def test_equal_seeds_give_equal_zoos_whatever_the_order_of_growth(
    small: Zoo, tmp_path: Path
) -> None:
    build_zoo(tmp_path / "again", "micro", independent=1)
    grown = build_zoo(tmp_path / "again", "micro", independent=2)
    assert grown.table == small.table
    assert (tmp_path / "again" / "zoo.json").read_bytes() == (
        small.folder / "zoo.json"
    ).read_bytes()


@pytest.mark.usefixtures("only_few")
def test_a_killed_zoo_goes_on_and_makes_nothing_twice(
    small: Zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from auditor.labs.zoo import zoo_make

    part = shutil.copytree(small.folder, tmp_path / "part")
    (part / "independent-002" / "lineage.json").unlink()
    value = json.loads((part / "zoo.json").read_text("utf-8"))
    (part / "zoo.json").write_text(
        json.dumps({**value, "complete": False, "members": value["members"][:-1]}), "utf-8"
    )
    with pytest.raises(Incomplete, match="8 members"):
        load_zoo(part)
    made = []
    real = zoo_make.make_member
    monkeypatch.setattr(
        zoo_make,
        "make_member",
        lambda making, *rest: (made.append(making.name), real(making, *rest)),
    )
    assert build_zoo(part, "micro", independent=2).table == small.table
    assert made == ["independent-002"]


@pytest.mark.usefixtures("only_few")
def test_another_zoo_a_smaller_one_and_foreign_files_are_refused(
    small: Zoo, tmp_path: Path
) -> None:
    with pytest.raises(MalformedInput, match="another zoo"):
        build_zoo(small.folder, "micro", seed=5, independent=2)
    with pytest.raises(UsageProblem, match="2 independent runs already"):
        build_zoo(small.folder, "micro", independent=1)
    (tmp_path / "thesis.txt").write_text("years of work", "utf-8")
    with pytest.raises(MalformedInput, match="other files"):
        build_zoo(tmp_path, "micro", independent=1)
    with pytest.raises(UsageProblem, match="independent runs"):
        build_zoo(tmp_path / "zoo", "micro", independent=0)
    with pytest.raises(UsageProblem, match="no member"):
        small.member("unicorn")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "can't be read"),
        ("{", "not JSON"),
        ('{"format": "zoo/9"}', "format"),
        (None, "missing"),
        ('{"name": "../../etc"}', "name"),
    ],
)
def test_what_is_no_zoo_is_refused_in_one_line(
    small: Zoo, tmp_path: Path, text: str | None, told: str
) -> None:
    value = json.loads((small.folder / "zoo.json").read_text("utf-8"))
    if text is not None:
        row = (
            text
            if told != "name"
            else json.dumps({**value, "members": [{**value["members"][0], **json.loads(text)}]})
        )
        (tmp_path / "zoo.json").write_text(row, "utf-8")
    elif told == "missing":
        (tmp_path / "zoo.json").write_text(json.dumps(value), "utf-8")
    with pytest.raises(MalformedInput, match=told) as caught:
        load_zoo(tmp_path)
    assert "\n" not in caught.value.line()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_member_of_a_whole_zoo_is_what_its_row_says(tmp_path: Path) -> None:
    run = [
        "control",
        "zoo",
        "--out",
        str(tmp_path / "zoo"),
        "--size",
        "micro",
        "--independent",
        "2",
        "--facts",
        "--json",
    ]
    told = CliRunner().invoke(cli, run)
    assert told.exit_code == 0, told.output
    rows = json.loads(told.stdout)["members"]
    zoo = load_zoo(tmp_path / "zoo")
    facts = {fact.name: fact for fact in read_facts(zoo.folder)}
    assert [row["name"] for row in rows] == [member.name for member in zoo.members]
    assert {row["name"]: row["facts"]["moved"] for row in rows} == {
        name: fact.moved for name, fact in facts.items()
    }
    for member in zoo.members:
        fact, plain = facts[member.name], member.parents == (member.base,)
        if member.keeps_function and plain:
            assert fact.logits_off < 1e-4
        elif member.name.endswith("vocabulary-extended"):
            # The old tokens' scores stay, and the new ones take of their probability.
            assert fact.logits_off < 1e-4
            assert fact.bits_per_byte > facts[member.parents[0]].bits_per_byte
        elif member.relation != "base":
            assert fact.logits_off > 1e-3
        if member.relation in ("independent", "random"):
            assert fact.moved is not None
            assert fact.moved > 0.8
    assert 0 < (facts["fine-tuned"].moved or 0) < 0.5
    assert facts["base"].bits_per_byte < facts["random-1"].bits_per_byte
    assert "lm_head.weight" in weights(zoo, "untied-base")
    assert measure_zoo(zoo) == list(facts.values())
    with open_subject(zoo.spec(zoo.member("untied-q4-gguf"))) as subject:
        assert subject.identity.quantisation == "Q4_0 dequantised"
