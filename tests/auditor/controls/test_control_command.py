from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from auditor.commands.control import chosen_recipe, control
from auditor.controls.recipe_files import bundled_recipes
from fingerprints.errors import AuditError, MalformedInput, UsageProblem
from tests.auditor.controls.pupils import prompt_file, prompts, recording

NO_FLAGS: dict[str, Any] = {
    "teachers": (),
    "vendors": (),
    "filler": None,
    "launderer": None,
    "base": None,
    "sources": (),
    "n": None,
    "dose": None,
    "epochs": None,
    "learning_rate": None,
    "scrub_identity": None,
    "verify": None,
    "seed": None,
}


def invoke(*argv: str) -> Any:
    return CliRunner().invoke(control, list(argv), catch_exceptions=True)


def test_a_dry_run_tells_the_recipe_and_what_would_be_asked(tmp_path: Path) -> None:
    spec = recording(tmp_path / "r.jsonl", [(p.text, "Yes.") for p in prompts()])
    argv = [
        "train",
        "alpaca",
        "--teacher",
        spec,
        "--vendor",
        "acme",
        "--size",
        "tiny",
        "--out",
        str(tmp_path / "out"),
        "--dry-run",
    ]
    told = invoke(*argv, "--prompts", str(prompt_file(tmp_path)), "--n", "8", "--json")
    assert told.exit_code == 0, told.output
    value = json.loads(told.stdout)
    assert value["recipe"]["teachers"][0]["vendor"] == "acme"
    assert value["asked"][0]["prompts"] == 8
    assert not (tmp_path / "out").exists()
    plain = invoke(*argv, "--prompts", "recorded")
    assert yaml.safe_load(plain.stdout)["prompts"]["sources"] == ["recorded"]


def test_flags_win_over_the_file_and_a_filler_fills_the_dose() -> None:
    flags = {
        "teachers": ("hf:t",),
        "base": "hf:b",
        "dose": 0.25,
        "filler": "base",
        "seed": 7,
        "epochs": 5,
        "scrub_identity": True,
    }
    found = chosen_recipe("alpaca", "full", {**NO_FLAGS, **flags})
    assert (found.dose, found.seed, found.training.epochs, found.scrub_identity) == (
        0.25,
        7,
        5,
        True,
    )
    assert found.filler is not None
    assert (found.filler.spec, found.student.base) == ("base", "hf:b")
    assert found.student.lora is not None


def test_a_flag_wins_over_the_size() -> None:
    found = chosen_recipe(
        "alpaca",
        "tiny",
        {**NO_FLAGS, "teachers": ("hf:t",), "epochs": 1, "n": 200, "filler": "hf:f"},
    )
    assert (found.training.epochs, found.prompts.n, found.training.batch) == (1, 200, 8)
    assert found.filler is not None
    assert found.filler.sampling.max_tokens == 96


@pytest.mark.parametrize(
    ("flags", "kind", "said"),
    [
        ({}, UsageProblem, "leaves its base open"),
        ({"base": "hf:b"}, UsageProblem, "leaves its teacher open"),
        ({"base": "hf:b", "teachers": ("hf:t",), "dose": 2.0}, MalformedInput, "dose"),
        ({"base": "hf:b", "teachers": ("hf:t",), "dose": 0.5}, MalformedInput, "needs a filler"),
        ({"base": "hf:b", "teachers": ("hf:t", "hf:u")}, UsageProblem, "1 teacher"),
    ],
)
def test_what_is_missing_or_wrong_is_one_line(
    flags: dict[str, Any], kind: type[AuditError], said: str
) -> None:
    with pytest.raises(kind, match=said) as caught:
        chosen_recipe("alpaca", "full", {**NO_FLAGS, **flags})
    assert "\n" not in caught.value.line()


def test_show_of_a_folder_without_a_control_says_what_to_do(tmp_path: Path) -> None:
    told = invoke("show", str(tmp_path))
    assert isinstance(told.exception, MalformedInput)
    assert "auditor control train" in told.exception.line()


def test_help_gives_examples() -> None:
    for argv in (["--help"], ["train", "--help"], ["show", "--help"]):
        assert "auditor control" in invoke(*argv).output


def test_help_names_every_bundled_recipe() -> None:
    told = " ".join(invoke("train", "--help").output.split())
    named = set(
        told[told.index("Bundled:") : told.index("(docs/recipes.md)")]
        .removeprefix("Bundled:")
        .strip()
        .split(", ")
    )
    assert named == set(bundled_recipes())
