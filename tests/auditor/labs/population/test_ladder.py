"""Ladders: what is climbed, in what order, with which labels; resumed, and refused in one line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from auditor.cli import run
from auditor.controls.cohort import load_cohort
from auditor.controls.recipe import Recipe
from auditor.controls.recipe_files import make_recipe
from auditor.labs.population.climbing import climb
from auditor.labs.population.ladder import Ladder, read_ladder
from auditor.labs.population.untrained import Quantised, UntrainedRung
from auditor.labs.zoo.derivation import read_derivation
from fingerprints.errors import MalformedInput
from fingerprints.records import canonical_json, sha256
from fingerprints.transcript import load_transcript
from tests.fingerprints.subjects.tiny import tiny_checkpoint
from tests.recordings import answers_of, write_jsonl
from tests.tree import ROOT


def value(folder: Path, **changes: Any) -> dict[str, Any]:
    def source(habit: str) -> dict[str, Any]:
        path = write_jsonl(folder / f"{habit}.jsonl", answers_of(habit, n=14), model=habit)
        return {"name": habit, "vendor": habit, "spec": f"recording:{path}"}

    return {
        "name": "small",
        "recipe": "alpaca",
        "teachers": [source("alpha"), source("beta")],
        "filler": source("gamma"),
        "bases": ["scratch:llama-h32-l1"],
        **changes,
    }


def written(folder: Path, found: dict[str, Any]) -> Path:
    path = folder / "ladder.yaml"
    path.write_text(yaml.safe_dump(found))
    return path


def test_a_ladder_is_teachers_times_doses_seeds_bases_and_evasions_with_nulls_first(
    tmp_path: Path,
) -> None:
    ladder = Ladder.model_validate(
        value(tmp_path, doses=[0.25, 1.0], seeds=[0, 1, 2], evasions=["none", "scrub"])
    )
    names = [name for name, _ in ladder.rungs()]
    assert len(names) == len(set(names)) == 3 + 2 * 2 * 3 * 2
    assert names[:3] == ["none-base0-seed0", "none-base0-seed1", "none-base0-seed2"]
    recipes = dict(ladder.rungs())
    null = recipes["none-base0-seed1"]
    assert isinstance(null, Recipe)
    assert (null.dose, null.teachers) == (0.0, ())
    scrubbed = recipes["beta-dose025-scrub-base0-seed2"]
    assert isinstance(scrubbed, Recipe)
    assert (scrubbed.dose, scrubbed.scrub_identity, scrubbed.seed) == (0.25, True, 2)
    assert [t.name for t in scrubbed.teachers] == ["beta"]
    full = recipes["beta-dose100-base0-seed0"]
    assert isinstance(full, Recipe)
    assert full.filler is None


def test_an_older_ladder_gives_the_rungs_and_recipes_that_it_always_gave() -> None:
    older = {
        "name": "older",
        "recipe": "alpaca",
        "size": "small",
        "teachers": [
            {"name": "one", "vendor": "acme", "spec": "hf:./one"},
            {"name": "two", "spec": "recording:two.jsonl"},
        ],
        "filler": {"name": "own-samples", "spec": "base"},
        "bases": ["hf:./small-model", "hf:./other"],
        "doses": [0.05, 1.0],
        "seeds": [0, 1],
        "evasions": ["none", "scrub"],
    }
    rungs = Ladder.model_validate(older).rungs()
    # Counted by the version that knew neither named nulls nor other evasions.
    golden = "9f5cb8944a33b8563ea342ad2604d8a49702215499ea5fb8de5fc9d077983a16"
    assert sha256(canonical_json([[name, rung.digest()] for name, rung in rungs])) == golden


def test_every_evasion_is_a_rung_of_its_own(tmp_path: Path) -> None:
    washer = {"name": "washer", "spec": "hf:./washer"}
    evasions = ["none", "scrub", "launder", "strip", "mixture", "quantise"]
    found = dict(
        Ladder.model_validate(value(tmp_path, evasions=evasions, launderer=washer, bits=8)).rungs()
    )
    recipes = {name: rung for name, rung in found.items() if isinstance(rung, Recipe)}
    told = {name: recipe.evasions for name, recipe in recipes.items() if name.startswith("alpha")}
    assert told == {
        "alpha-dose100-base0-seed0": (),
        "alpha-dose100-scrub-base0-seed0": ("identity scrub",),
        "alpha-dose100-launder-base0-seed0": ("paraphrase",),
        "alpha-dose100-strip-base0-seed0": ("format strip",),
        "alpha-dose100-mixture-base0-seed0": ("mixture of teachers",),
    }
    laundered = recipes["alpha-dose100-launder-base0-seed0"].launderer
    assert laundered is not None
    assert laundered.spec == "hf:./washer"
    # Of two teachers there is one mixture, of three there are three.
    assert [t.name for t in recipes["alpha-dose100-mixture-base0-seed0"].teachers] == [
        "alpha",
        "beta",
    ]
    assert "beta-dose100-mixture-base0-seed0" not in found
    rounded = found["beta-dose100-quantise-base0-seed0"]
    assert isinstance(rounded, Quantised)
    assert (rounded.twin, rounded.bits) == ("beta-dose100-base0-seed0", 8)
    assert rounded.recipe == recipes["beta-dose100-base0-seed0"]
    third = {"name": "delta", "spec": "hf:./delta"}
    three = value(tmp_path, evasions=["mixture"])
    rungs = dict(Ladder.model_validate({**three, "teachers": [*three["teachers"], third]}).rungs())
    pairs = [
        [t.name for t in rung.teachers]
        for rung in rungs.values()
        if isinstance(rung, Recipe) and rung.teachers
    ]
    assert pairs == [["alpha", "beta"], ["beta", "delta"], ["delta", "alpha"]]


def test_named_nulls_have_their_own_filler_form_prompts_and_recipe(tmp_path: Path) -> None:
    rewards = tmp_path / "rewards.yaml"
    rewards.write_text(
        yaml.safe_dump(
            {
                "name": "rewards",
                "dose": 0,
                "method": "grpo",
                "reinforcement": {},
                "prompts": {"sources": ["countdown"]},
            }
        )
    )
    nulls = [
        {"name": "human", "recipe": "human"},
        {"name": "look", "recipe": "human", "reshape": "bullets"},
        {
            "name": "other",
            "filler": {"name": "people", "spec": "docstrings:numpy"},
            "prompts": ["docstrings:numpy"],
        },
        {"name": "rewards", "recipe": str(rewards)},
        {"name": "base", "kind": "untrained"},
    ]
    bases = ["scratch:llama-h32-l1", "hf:./small"]
    found = dict(
        Ladder.model_validate(
            value(tmp_path, nulls=nulls, bases=bases, seeds=[0, 1], teachers=[])
        ).rungs()
    )
    names = [
        f"{name}-base{b}-seed{s}"
        for name in ("human", "look", "other", "rewards")
        for b in (0, 1)
        for s in (0, 1)
    ]
    assert list(found)[4:] == [*names, "base-base0-seed0", "base-base0-seed1", "base-base1"]
    recipes = {name: rung for name, rung in found.items() if isinstance(rung, Recipe)}
    look, other, reward = (recipes[f"{name}-base1-seed1"] for name in ("look", "other", "rewards"))
    assert look.filler is not None
    assert (look.filler.spec, look.reshape, look.untaught_role, look.seed) == (
        "docstrings",
        "bullets",
        "confounded",
        1,
    )
    assert other.filler is not None
    assert (other.name, other.filler.spec, other.prompts.sources) == (
        "other",
        "docstrings:numpy",
        ("docstrings:numpy",),
    )
    assert (reward.method, reward.filler, reward.teachers, reward.dose) == ("grpo", None, (), 0.0)
    assert found["base-base1"] == UntrainedRung(name="base", base="hf:./small", seed=None)


def test_a_ladder_of_scores_has_controls_that_learn_plain_answers(tmp_path: Path) -> None:
    found = dict(Ladder.model_validate(value(tmp_path, recipe="logit-kd")).rungs())
    null, taught = found["none-base0-seed0"], found["alpha-dose100-base0-seed0"]
    assert isinstance(null, Recipe)
    assert isinstance(taught, Recipe)
    assert (null.method, null.distillation, taught.method) == ("sft", None, "logits")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"teachers": [], "filler": None}, "teachers, a filler, or both"),
        ({"doses": [0.5], "filler": None}, "need a filler"),
        ({"seeds": [1, 1]}, "twice"),
        ({"doses": [0.0]}, "doses.0"),
        ({"colour": "red"}, "colour"),
        ({"bases": []}, "bases"),
        ({"evasions": ["launder"]}, "needs a launderer"),
        ({"evasions": ["melt"]}, "evasions.0"),
        ({"evasions": ["mixture"], "teachers": [{"name": "a", "spec": "hf:a"}]}, "two teachers"),
        ({"nulls": [{"name": "none"}]}, "another"),
        ({"nulls": [{"name": "a"}, {"name": "a"}]}, "twice"),
        ({"nulls": [{"name": "a", "kind": "untrained", "reshape": "strip"}]}, "takes no recipe"),
    ],
)
def test_a_bad_ladder_is_one_line(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(MalformedInput, match=words) as caught:
        read_ladder(written(tmp_path, value(tmp_path, **changes)))
    assert "ladder.yaml" in caught.value.line()


def test_rungs_that_cannot_be_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(MalformedInput, match="two rungs are called 'alpha-dose100-base0-seed0'"):
        Ladder.model_validate(value(tmp_path, nulls=[{"name": "alpha-dose100"}])).rungs()
    with pytest.raises(MalformedInput, match="nobody answers"):
        Ladder.model_validate(value(tmp_path, filler=None, nulls=[{"name": "alone"}])).rungs()


@pytest.mark.parametrize("text", ["", "- a", "a: [b", "\x00"])
def test_a_file_that_is_no_ladder_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(MalformedInput, match="not a ladder"):
        read_ladder(tmp_path / "x.yaml")


def test_a_dry_run_names_the_rungs_and_trains_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, value(tmp_path))
    assert (
        run(["control", "ladder", str(path), "--out", str(tmp_path / "cohort"), "--dry-run"]) == 0
    )
    assert capsys.readouterr().out.split() == [
        "none-base0-seed0",
        "alpha-dose100-base0-seed0",
        "beta-dose100-base0-seed0",
    ]
    assert not (tmp_path / "cohort").exists()


def test_a_dry_run_does_not_make_up_how_many_a_cluster_does_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = written(tmp_path, value(tmp_path)), str(tmp_path / "cohort")
    command = ["control", "ladder", str(path), "--out", out, "--executor", "ray", "--dry-run"]
    assert run(command) == 0
    told = capsys.readouterr().err
    assert "3 units, 0 of them done; as many as it has room for" in " ".join(told.split())
    assert foreseen([*command, "--json"], capsys)["at_once"] is None
    assert foreseen([*command, "--json", "--jobs", "3"], capsys)["at_once"] == 3


@pytest.mark.timeout(300)
def test_a_climbed_ladder_is_a_cohort_and_climbing_again_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "cache"))
    recipe = tmp_path / "short.yaml"
    training = {"epochs": 1, "batch": 4, "longest": 400, "precision": "float32"}
    recipe.write_text(
        yaml.safe_dump(
            {
                "name": "short",
                "teachers": [{"name": "", "spec": ""}],
                "training": training,
                "prompts": {"sources": ["recorded"], "n": 10, "held_out": 2},
            }
        )
    )
    found = value(tmp_path, recipe=str(recipe), size="full", probes="style:1", max_tokens=8)
    found["teachers"] = found["teachers"][:1]
    arguments = [
        "control",
        "ladder",
        str(written(tmp_path, found)),
        "--out",
        str(tmp_path / "cohort"),
        "--json",
    ]
    assert run(arguments) == 0
    first = json.loads(capsys.readouterr().out)
    assert [(m["name"], m["role"], m["teachers"]) for m in first["members"]] == [
        ("alpha-dose100-base0-seed0", "positive", ["alpha"]),
        ("none-base0-seed0", "negative", []),
    ]
    for member in first["members"]:
        assert load_transcript(tmp_path / "cohort" / member["name"] / "transcript.jsonl").complete
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "cohort").rglob("*.safetensors")}
    assert run(arguments) == 0
    assert json.loads(capsys.readouterr().out) == first
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "cohort").rglob("*.safetensors")} == before
    # As an older version left it: whole, and without a mark.
    for mark in (tmp_path / "cohort").glob("*/done.json"):
        mark.unlink()
    assert foreseen([*arguments, "--dry-run"], capsys)["done"] == 2
    said = tmp_path / "cohort" / "none-base0-seed0" / "transcript.jsonl"
    said.write_text("{", "utf-8")
    assert foreseen([*arguments, "--dry-run"], capsys)["done"] == 1


def foreseen(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What a dry run with --json says of the units."""
    assert run(arguments) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)["forecast"]
    return told


def short(folder: Path, lora: bool) -> str:
    """The path of a recipe of a few steps."""
    recipe = folder / "short.yaml"
    body: dict[str, Any] = {
        "name": "short",
        "teachers": [{"name": "", "spec": ""}],
        "training": {"epochs": 1, "batch": 4, "longest": 400, "precision": "float32"},
        "prompts": {"sources": ["recorded"], "n": 6, "held_out": 0},
    }
    if lora:
        body["student"] = {"lora": {"rank": 2, "alpha": 4}}
    recipe.write_text(yaml.safe_dump(body))
    return str(recipe)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("lora", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_rounded_students_and_untrained_bases_are_members_that_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lora: bool
) -> None:
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "cache"))
    base = (
        f"hf:{tiny_checkpoint(tmp_path / 'small', max_position_embeddings=1024)}"
        if lora
        else "scratch:llama-h32-l1"
    )
    found = value(
        tmp_path,
        recipe=short(tmp_path, lora),
        size="full",
        bases=[base],
        probes="style:1",
        max_tokens=4,
        filler=None,
    )
    changes = {"teachers": found["teachers"][:1], "nulls": [{"name": "base", "kind": "untrained"}]}
    ladder = Ladder.model_validate(
        {**found, **changes, "evasions": ["quantise"] if lora else ["none", "quantise"]}
    )
    cohort = climb(ladder, tmp_path / "cohort")
    members = {m.name: m for m in cohort}
    untrained = members["base-base0" if lora else "base-base0-seed0"]
    assert (untrained.lineage.role, untrained.lineage.method, untrained.teachers) == (
        "negative",
        "none",
        (),
    )
    rounded = members["alpha-dose100-quantise-base0-seed0"]
    assert (rounded.lineage.role, rounded.lineage.evasions) == (
        "positive",
        ("quantisation to 4 bits",),
    )
    assert rounded.base == (untrained.base if lora else members["alpha-dose100-base0-seed0"].base)
    assert rounded.checkpoint is not None
    assert (read_derivation(rounded.checkpoint).settings["bits"], rounded.lineage.adapter) == (
        4,
        False,
    )
    # Without an unrounded twin on the ladder the student is trained within the rung, which stays
    # one member.
    assert (rounded.folder / "trained").exists() == lora
    assert len(cohort) == (2 if lora else 3)
    assert all(m.transcript().complete for m in cohort)
    assert (
        climb(ladder, tmp_path / "cohort").digest()
        == cohort.digest()
        == load_cohort(tmp_path / "cohort").digest()
    )


def test_the_ladder_and_recipe_in_the_documentation_are_valid() -> None:
    blocks = re.findall(
        r"```yaml\n(.*?)```", (ROOT / "docs" / "recipes.md").read_text("utf-8"), re.DOTALL
    )
    shown = {found["format"]: found for found in map(yaml.safe_load, blocks) if "format" in found}
    assert make_recipe(shown["recipe/1"]).evasions == ("paraphrase",)
    assert len(Ladder.model_validate(shown["ladder/1"]).rungs()) > 100
