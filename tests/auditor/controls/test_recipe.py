from __future__ import annotations

import re
from pathlib import Path

import pytest

from auditor.controls.recipe import TeacherChoice, check_complete
from auditor.controls.recipe_files import (
    bundled_recipes,
    load_recipe,
    make_recipe,
    parse_recipe,
    read_recipe,
    with_teachers,
)
from auditor.controls.sizes import sized
from fingerprints.errors import AuditError, MalformedInput, UsageProblem
from tests.auditor.controls.pupils import recipe
from tests.tree import ROOT

PAGE = ROOT / "docs" / "recipes.md"
BARE = "name: a\nprompts: {sources: [general]}\nteachers: [{spec: 'hf:x'}]\n"


@pytest.mark.parametrize("name", bundled_recipes())
def test_a_bundled_recipe_tells_what_it_is_and_reads_back_equal(name: str) -> None:
    found = load_recipe(name)
    assert found.name == name
    assert "Left out" in found.about
    assert found.imitates
    assert parse_recipe(found.to_yaml(), name) == found
    assert f"| `{name}` |" in PAGE.read_text("utf-8")


def test_the_recipe_in_the_documentation_is_one() -> None:
    (block,) = re.findall(r"```yaml\n(format: recipe/1\n.*?)```", PAGE.read_text("utf-8"), re.S)
    assert parse_recipe(block, "docs").dose == 0.25


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BARE + "colour: red\n", "colour: unknown key"),
        (BARE + "training: {epoch: 2}\n", "training.epoch: unknown key"),
        (BARE + "dose: 1.5\n", "dose: Input should be less than or equal to 1"),
        (BARE + "dose: 0.5\n", "needs a filler"),
        ("name: a\nprompts: {sources: [general]}\n", "needs a teacher"),
        (BARE + "method: logits\n", "go together"),
        (BARE + "training: {learning_rate: .inf}\n", "infinite number"),
        (BARE + 'about: "\\ud800"\n', "no UTF-8 file"),
        ("- a\n", "it is no mapping"),
        ("a: [\n", "not YAML"),
    ],
)
def test_a_bad_recipe_is_one_clear_line(text: str, said: str) -> None:
    with pytest.raises(MalformedInput) as caught:
        parse_recipe(text, "mine.yaml")
    assert said in caught.value.line()
    assert "mine.yaml" in caught.value.line()
    assert "\n" not in caught.value.line()


def test_a_missing_file_and_an_unknown_name_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(MalformedInput, match="can't be read"):
        read_recipe(tmp_path / "none.yaml")
    with pytest.raises(UsageProblem, match="use one of alpaca"):
        load_recipe("alpacca")


@pytest.mark.parametrize(
    ("name", "flag"),
    [("alpaca", "--teacher"), ("human", "--filler"), ("mixture", "--teacher"), ("self", "--base")],
)
def test_a_model_that_is_left_open_names_its_flag(name: str, flag: str) -> None:
    found = load_recipe(name)
    if flag == "--filler":
        found = found.model_copy(update={"filler": TeacherChoice(name="people")})
    if flag != "--base":
        found = found.model_copy(
            update={"student": found.student.model_copy(update={"base": "hf:x"})}
        )
    with pytest.raises(UsageProblem) as caught:
        check_complete(found)
    assert flag in caught.value.line()


def test_random_weights_cannot_teach_themselves() -> None:
    with pytest.raises(UsageProblem, match="nothing to say"):
        check_complete(sized(load_recipe("self"), "tiny"))


def test_teachers_from_the_command_line_fill_the_open_places_in_order() -> None:
    found = with_teachers(load_recipe("mixture"), ["hf:a", "hf:b"], ["acme"])
    assert [(t.spec, t.vendor) for t in found.teachers] == [("hf:a", "acme"), ("hf:b", "")]
    with pytest.raises(UsageProblem, match="2 teacher"):
        with_teachers(load_recipe("mixture"), ["hf:a"])


def test_a_size_never_makes_anything_longer() -> None:
    full = make_recipe({**load_recipe("r1-distill").model_dump(mode="json"), "seed": 3})
    small, tiny = sized(full, "small"), sized(full, "tiny")
    assert sized(full, "full") == full
    assert small.teachers[0].sampling.max_tokens == 256
    assert (tiny.prompts.n, tiny.student.base, tiny.student.lora) == (
        64,
        "scratch:llama-h128-l4",
        None,
    )
    assert tiny.seed == small.seed == 3


def test_evasions_follow_from_the_recipe() -> None:
    assert recipe("hf:a", "hf:b", scrub_identity=True).evasions == (
        "identity scrub",
        "mixture of teachers",
    )
    assert recipe("hf:a").evasions == ()


def test_a_hostile_recipe_name_is_refused() -> None:
    with pytest.raises(AuditError):
        recipe("hf:a", name="../../etc/passwd")
