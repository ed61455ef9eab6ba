"""Files of one record: written whole, read back equal, and one clear line for whatever else lies
there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field, ValidationError

from fingerprints.errors import (
    AuditError,
    MalformedInput,
    ResourceLimit,
    UsageProblem,
    raised_again,
)
from fingerprints.record_files import (
    FORMS,
    RecordFile,
    bundled_names,
    bundled_text,
    first_problem,
    write_record,
)
from fingerprints.records import Record


class Shelf(Record):
    """Something to write."""

    name: str
    books: tuple[int, ...] = ()


JSON = RecordFile(Shelf, "not a shelf", "build one", largest=200)
YAML = RecordFile(Shelf, "not a shelf", "build one", form="yaml")


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    shelf = Shelf(name="ä", books=(1, 2))
    write_record(tmp_path / "new" / "shelf.json", shelf)
    assert JSON.read(tmp_path / "new" / "shelf.json") == shelf
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["shelf.json"]
    assert YAML.parse("name: ä\nbooks: [1, 2]\n", "here") == shelf


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (None, "can't be read: No such file"),
        (b"{", "not a shelf: not JSON in UTF-8"),
        (b"\xff", "not a shelf: not UTF-8"),
        (b"[" * 150, "not a shelf: not JSON"),
        (b"[]", "not a shelf: "),
        (b'{"name": 1}', "not a shelf: name: "),
        (b'{"name": "a", "boks": []}', "not a shelf: boks: unknown key"),
        (b" " * 201, "larger than 200 bytes"),
    ],
)
def test_whatever_else_lies_there_is_one_clear_line(
    raw: bytes | None, told: str, tmp_path: Path
) -> None:
    path = tmp_path / "shelf.json"
    if raw is not None:
        path.write_bytes(raw)
    with pytest.raises(MalformedInput) as caught:
        JSON.read(path)
    line = caught.value.line()
    assert told in line
    assert line.endswith("Next: build one")
    assert "\n" not in line


@pytest.mark.parametrize(
    ("text", "told"), [("- a\n", "it is no mapping"), ("a: [", "not YAML"), ("", "no mapping")]
)
def test_yaml_that_is_no_record_is_one_clear_line(text: str, told: str) -> None:
    with pytest.raises(MalformedInput, match=told):
        YAML.parse(text, "here")


def test_bundled_files_are_found_by_name() -> None:
    names = bundled_names("auditor", "controls", "recipes")
    assert "alpaca" in names
    assert names == sorted(names)
    assert bundled_text("auditor", "controls", "recipes", "alpaca").startswith("format: recipe/1")


def test_an_error_is_raised_again_as_another_process_told_it() -> None:
    for error in (ResourceLimit("full", where="disk", next_step="buy"), AuditError("odd")):
        again = raised_again(error.told())
        assert type(again) is type(error)
        assert again.line() == error.line()


def test_a_record_that_ships_is_read_by_its_name_and_another_by_its_path(tmp_path: Path) -> None:
    recipes = ("auditor", "controls", "recipes")
    file: RecordFile[dict[str, object]] = RecordFile(dict, "no recipe", "look", form="yaml")
    assert file.named("alpaca", recipes, "no recipe is called", "RECIPE")["format"] == "recipe/1"
    (tmp_path / "mine.yaml").write_text("format: mine", "utf-8")
    mine = str(tmp_path / "mine.yaml")
    assert file.named(mine, recipes, "no recipe is called", "RECIPE") == {"format": "mine"}
    with pytest.raises(UsageProblem, match=r"no recipe is called 'alpacca' \(RECIPE\).*alpaca"):
        file.named("alpacca", recipes, "no recipe is called", "RECIPE")
    with pytest.raises(MalformedInput):
        file.named(str(tmp_path / "none.yaml"), recipes, "no recipe is called", "RECIPE")


def patterns(node: ast.AST) -> Iterator[str]:
    """The regular expressions that fields of records in a module must fit."""
    names = {
        target.id: assigned.value.value
        for assigned in ast.walk(node)
        if isinstance(assigned, ast.Assign) and isinstance(assigned.value, ast.Constant)
        for target in assigned.targets
        if isinstance(target, ast.Name)
    }
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and ast.unparse(call.func) in ("Field", "StringConstraints"):
            for given in call.keywords:
                if given.arg == "pattern" and isinstance(given.value, ast.Constant):
                    yield str(given.value.value)
                elif given.arg == "pattern" and ast.unparse(given.value) in names:
                    yield str(names[ast.unparse(given.value)])


def test_no_regular_expression_of_a_record_is_told_to_anybody() -> None:
    root = Path(__file__).parents[2]
    sources = [
        p for d in ("auditor", "detectors", "fingerprints") for p in (root / d).rglob("*.py")
    ]
    found = {p for source in sources for p in patterns(ast.parse(source.read_text("utf-8")))}
    assert len(found) > 5
    assert found <= FORMS.keys()


def test_a_value_of_another_form_is_told_with_what_is_allowed() -> None:
    class Named(Record):
        name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]

    with pytest.raises(ValidationError) as caught:
        Named(name="two chats\x1b[31m")
    told = first_problem(caught.value)
    assert told.startswith("name: 'two chats")
    assert told.endswith("is not 1 to 40 of a-z, 0-9 and '-'")
    assert told.isprintable()
