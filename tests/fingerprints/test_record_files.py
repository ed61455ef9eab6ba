"""Files of one record: written whole, read back equal, and one clear line for whatever else lies
there."""

from __future__ import annotations

from pathlib import Path

import pytest

from fingerprints.errors import (
    AuditError,
    MalformedInput,
    ResourceLimit,
    UsageProblem,
    raised_again,
)
from fingerprints.record_files import RecordFile, bundled_names, bundled_text, write_record
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
