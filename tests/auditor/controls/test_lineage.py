from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from auditor.controls.cohort import load_cohort
from auditor.controls.lineage import Lineage, LineageTeacher, read_lineage, write_lineage
from fingerprints.collect import collect
from fingerprints.errors import MalformedInput
from fingerprints.records import Identity, Sampling
from fingerprints.subjects import open_subject
from fingerprints.transcript import load_transcript
from tests.auditor.controls.pupils import recording
from tests.tree import ROOT

HAND = {"format": "lineage/1", "name": "x", "role": "negative", "method": "sft"}


def member(folder: Path, **more: Any) -> Path:
    folder.mkdir(parents=True)
    (folder / "lineage.json").write_text(json.dumps({**HAND, **more}), "utf-8")
    return folder


def taught(name: str, vendor: str = "", n: int = 3) -> dict[str, Any]:
    return {
        "role": "positive",
        "teachers": [{"name": name, "vendor": vendor, "n_examples": n}],
        "n_examples": n,
    }


def test_a_lineage_reads_back_equal(tmp_path: Path) -> None:
    teacher = LineageTeacher(
        name="t",
        vendor="v",
        identity=Identity(kind="checkpoint", name="t"),
        share=1.0,
        n_examples=4,
    )
    lineage = Lineage(
        name="a", role="positive", method="sft", teachers=(teacher,), n_examples=4, seed=1
    )
    write_lineage(tmp_path, lineage)
    assert read_lineage(tmp_path) == lineage


def test_the_lineage_in_the_documentation_is_one(tmp_path: Path) -> None:
    (block,) = re.findall(
        r"```json\n(\{\n  \"format\": \"lineage/1\".*?)```",
        (ROOT / "docs" / "recipes.md").read_text("utf-8"),
        re.S,
    )
    (tmp_path / "lineage.json").write_text(block, "utf-8")
    assert read_lineage(tmp_path).teachers[0].n_examples == 500


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "not a lineage"),
        (json.dumps({**HAND, "role": "guilty"}), "role"),
        (json.dumps({**HAND, "colour": 1}), "colour"),
        (json.dumps({**HAND, **taught("t"), "n_examples": 4}), "add up to 3"),
        (json.dumps({**HAND, "role": "positive"}), "names the teacher"),
    ],
)
def test_a_bad_lineage_is_one_line_that_names_the_file(
    text: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "lineage.json").write_text(text, "utf-8")
    with pytest.raises(MalformedInput) as caught:
        read_lineage(tmp_path)
    assert said in caught.value.line()
    assert "lineage.json" in caught.value.line()


def test_a_cohort_finds_its_members_and_groups_them(tmp_path: Path) -> None:
    member(tmp_path / "b", **taught("t1", "acme"), seed=1, base_spec="hf:one")
    member(tmp_path / "deep" / "a", **taught("t2", "acme"), seed=2, base_spec="hf:one")
    member(tmp_path / "c", seed=1, base_spec="hf:two", checkpoint="student")
    cohort = load_cohort(tmp_path)
    assert [m.name for m in cohort] == ["b", "c", "deep/a"]
    assert [m.vendors for m in cohort] == [("acme",), (), ("acme",)]
    assert sorted(m.base for m in cohort) == ["hf:one", "hf:one", "hf:two"]
    assert [m.checkpoint for m in cohort][1] == tmp_path / "c" / "student"
    before = cohort.digest()
    shutil.rmtree(tmp_path / "c")
    assert load_cohort(tmp_path).digest() != before


def test_answers_alone_make_a_member(tmp_path: Path) -> None:
    source = tmp_path / "somebody.jsonl"
    with open_subject(
        recording(
            tmp_path.parent / f"{tmp_path.name}-rows.jsonl", [("Who goes there?", "A friend.")]
        )
    ) as subject:
        collect(subject, [], Sampling(), source)
    (tmp_path / "somebody.lineage.json").write_text(json.dumps(HAND), "utf-8")
    (found,) = load_cohort(tmp_path)
    assert found.name == "somebody"
    assert found.transcript().digest() == load_transcript(source).digest()


def test_a_member_without_answers_says_how_to_get_them(tmp_path: Path) -> None:
    member(tmp_path / "a")
    with pytest.raises(MalformedInput, match="auditor probe"):
        next(iter(load_cohort(tmp_path))).transcript()


def test_an_empty_or_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(MalformedInput, match=r"no lineage\.json"):
        load_cohort(tmp_path)
    with pytest.raises(MalformedInput, match="no such folder"):
        load_cohort(tmp_path / "none")


def test_a_link_out_of_the_cohort_is_not_followed(tmp_path: Path) -> None:
    member(tmp_path / "outside")
    member(tmp_path / "cohort" / "a")
    (tmp_path / "cohort" / "link").symlink_to(tmp_path / "outside")
    assert [m.name for m in load_cohort(tmp_path / "cohort")] == ["a"]
