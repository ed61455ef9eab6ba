"""`auditor control derive`: a copy with its history from the command line, and one line for
everything that can't be done."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.torch import load_file

from auditor.cli import cli
from auditor.controls.lineage import Lineage, LineageTeacher, read_lineage, write_lineage
from auditor.labs.zoo.derivation import read_derivation
from auditor.labs.zoo.derive import ALL_KINDS
from fingerprints.errors import AuditError, MalformedInput, UnsafeInput, UsageProblem
from fingerprints.subjects import open_subject
from fingerprints.subjects.gguf_header import read_gguf_header
from tests.auditor.labs.zoo.ancestors import ancestor
from tests.fingerprints.subjects.tiny import edit_json

TAUGHT = Lineage(
    name="pupil",
    role="positive",
    method="sft",
    teachers=(LineageTeacher(name="master", vendor="acme", share=1.0, n_examples=5),),
    n_examples=5,
    seed=4,
    evasions=("identity scrub",),
    notes=("a note",),
    checkpoint="student",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A control's folder with a student in it, and a checkpoint without a history beside it."""
    folder = tmp_path_factory.mktemp("controls")
    ancestor(folder / "control" / "student", "untied")
    write_lineage(folder / "control", TAUGHT)
    ancestor(folder / "plain", "untied", seed=9)
    return folder


def invoke(*argv: object) -> Any:
    return CliRunner().invoke(cli, ["control", "derive", *map(str, argv)])


def told(*argv: object) -> AuditError:
    error = invoke(*argv).exception
    assert isinstance(error, AuditError), error
    assert "\n" not in error.line()
    return error


def test_the_list_names_every_kind_in_a_line_with_its_settings() -> None:
    lines = invoke("--list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(ALL_KINDS)
    assert "settings: bits=8 embeddings=false" in next(
        line for line in lines if line.startswith("quantise")
    )
    value = json.loads(invoke("--list", "--json").stdout)
    assert {row["kind"] for row in value if row["keeps_function"]} >= {
        "copy",
        "rotate_residual",
        "permute_units",
    }
    assert [row["kind"] for row in value if row["several"]] == [
        "graft",
        "merge_linear",
        "merge_slerp",
    ]


@pytest.mark.parametrize("source", ["control", "control/student"])
def test_a_controls_history_goes_over_to_its_copy_with_the_derivation(
    made: Path, tmp_path: Path, source: str
) -> None:
    found = invoke(
        "rescale_units",
        made / source,
        "--out",
        tmp_path / "copy",
        "--seed",
        3,
        "--set",
        "spread=4",
        "--json",
    )
    assert found.exit_code == 0, found.output
    value, lineage = json.loads(found.stdout), read_lineage(tmp_path / "copy")
    assert value["derivation"] == read_derivation(tmp_path / "copy").model_dump(mode="json")
    assert value["derivation"]["settings"] == {"spread": 4.0, "signs": False}
    assert value["lineage"] == lineage.model_dump(mode="json", exclude_none=True)
    assert (lineage.name, lineage.role, lineage.teachers, lineage.seed) == (
        "copy",
        "positive",
        TAUGHT.teachers,
        4,
    )
    assert lineage.evasions == ("identity scrub", "derived: rescale_units")
    assert lineage.notes[0] == "a note"
    assert "seed 3" in lineage.notes[1]
    assert lineage.checkpoint == "."


def test_a_copy_of_a_copy_carries_both_and_a_plain_copy_is_no_evasion(
    made: Path, tmp_path: Path
) -> None:
    invoke("copy", made / "control", "--out", tmp_path / "first")
    assert read_lineage(tmp_path / "first").evasions == ("identity scrub",)
    invoke("permute_units", tmp_path / "first", "--out", tmp_path / "second")
    found = read_lineage(tmp_path / "second")
    assert (len(found.notes), found.evasions[-1]) == (3, "derived: permute_units")


def test_a_checkpoint_without_a_history_gives_none(made: Path, tmp_path: Path) -> None:
    found = invoke("noise", made / "plain", "--out", tmp_path / "copy", "--set", "scale=0.5")
    assert found.exit_code == 0
    assert "noise of plain: weights " in found.stdout
    assert not (tmp_path / "copy" / "lineage.json").exists()
    found = invoke("merge_linear", made / "plain", made / "control", "--out", tmp_path / "both")
    assert "1 of 2 sources have no lineage.json" in found.stderr


def test_a_merge_learned_from_all_teachers_of_its_parents(made: Path, tmp_path: Path) -> None:
    other = shutil.copytree(made / "plain", tmp_path / "other")
    teacher = LineageTeacher(name="second", n_examples=7)
    write_lineage(
        other, Lineage(name="other", role="positive", method="sft", teachers=(teacher,), seed=8)
    )
    found = invoke(
        "merge_slerp",
        made / "control",
        other,
        "--out",
        tmp_path / "merged",
        "--set",
        "weights=0.25,0.75",
    )
    assert found.exit_code == 0, found.output
    lineage = read_lineage(tmp_path / "merged")
    assert [(t.name, t.n_examples) for t in lineage.teachers] == [
        ("master", None),
        ("second", None),
    ]
    assert (lineage.role, lineage.method, lineage.seed) == ("positive", "sft", None)
    assert read_derivation(tmp_path / "merged").settings == {"weights": [0.25, 0.75]}


def test_a_single_layer_is_a_list_too(made: Path, tmp_path: Path) -> None:
    assert (
        invoke(
            "drop_layers", made / "plain", "--set", "layers=0", "--out", tmp_path / "copy"
        ).exit_code
        == 0
    )
    name = "model.layers.{}.mlp.up_proj.weight"
    old, new = (
        load_file(folder / "model.safetensors") for folder in (made / "plain", tmp_path / "copy")
    )
    assert (old[name.format(1)] == new[name.format(0)]).all()


@pytest.mark.parametrize(
    ("form", "off"), [("F32", 0.0), ("F16", 1e-3), ("Q8_0", 1e-2), ("Q4_0", 0.2)]
)
def test_a_gguf_file_holds_the_weights_up_to_its_rounding(
    made: Path, tmp_path: Path, form: str, off: float
) -> None:
    found = invoke("gguf", made / "plain", "--set", f"type={form}", "--out", tmp_path / "copy")
    assert found.exit_code == 0, found.output
    path, old = tmp_path / "copy" / "model.gguf", load_file(made / "plain" / "model.safetensors")
    header = read_gguf_header(path)
    assert (header.architecture, header.quantisation) == ("llama", form)
    tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
    up = tensors["blk.1.ffn_up.weight"]
    back, meant = (
        gguf.quants.dequantize(up.data, up.tensor_type),
        old["model.layers.1.mlp.up_proj.weight"].numpy(),
    )
    assert np.abs(back - meant).max() <= off * np.abs(meant).max()
    assert {tensor.tensor_type.name for name, tensor in tensors.items() if "norm" in name} == {
        "F32"
    }
    assert len(tensors) == len(old)


@pytest.mark.slow
def test_a_gguf_copy_opens_as_a_subject_with_its_parents_words_and_scores(
    made: Path, tmp_path: Path
) -> None:
    invoke("gguf", made / "plain", "--set", "type=F32", "--out", tmp_path / "copy")
    specs = [
        f"hf:{made / 'plain'},dtype=float32",
        f"gguf:{tmp_path / 'copy' / 'model.gguf'},dtype=float32",
    ]
    scored = []
    for spec in specs:
        with open_subject(spec) as subject:
            scored.append(subject.score(["the quick brown fox", "who made it?"]))
    for one, other in zip(*scored, strict=True):
        assert one.tokens == other.tokens
        assert one.bits == pytest.approx(other.bits, abs=1e-3)


@pytest.mark.parametrize(
    ("argv", "said", "code"),
    [
        (("melt", "plain"), "unknown kind", 2),
        (("quantise", "plain", "--set", "bits=3"), "bits", 2),
        (("quantise", "plain", "--set", "bits"), "no KEY=VALUE", 2),
        (("quantise", "plain", "--set", "bits=4", "--set", "bits=8"), "there twice", 2),
        (("quantise", "plain", "--set", "bit=8"), "its settings: bits, embeddings", 2),
        (("recast", "plain", "--set", "dtype=[oops"), "dtype", 2),
        (("merge_linear", "plain"), "two or more parents", 2),
        (("copy", "nowhere"), "no such checkpoint", 3),
    ],
)
def test_what_can_not_be_done_is_one_line_with_a_code(
    made: Path, tmp_path: Path, argv: tuple[str, ...], said: str, code: int
) -> None:
    error = told(argv[0], made / argv[1], *argv[2:], "--out", tmp_path / "copy")
    assert said in error.line()
    assert error.exit_code == code
    assert not (tmp_path / "copy").exists()


def test_without_a_kind_or_a_folder_it_says_what_to_give(made: Path) -> None:
    for argv in ((), ("copy",), ("copy", made / "plain")):
        found = invoke(*argv)
        assert found.exit_code == 2
        assert "--list" in found.stderr


def test_an_adapter_and_a_lineage_that_points_elsewhere_are_refused(
    made: Path, tmp_path: Path
) -> None:
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text("{}", "utf-8")
    assert isinstance(told("copy", adapter, "--out", tmp_path / "copy"), UsageProblem)
    outside = tmp_path / "outside"
    outside.mkdir()
    write_lineage(outside, TAUGHT.model_copy(update={"checkpoint": "../../etc"}))
    assert isinstance(told("copy", outside, "--out", tmp_path / "copy"), UnsafeInput)
    (outside / "lineage.json").write_text("{", "utf-8")
    assert isinstance(told("copy", outside, "--out", tmp_path / "copy"), MalformedInput)


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"model_type": "mistral"}, "mistral"), ({"rope_parameters": {"rope_type": "yarn"}}, "yarn")],
)
def test_what_the_file_format_does_not_hold_is_refused(
    made: Path, tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    odd = shutil.copytree(made / "plain", tmp_path / "odd")
    edit_json(odd / "config.json", **change)
    error = told("gguf", odd, "--out", tmp_path / "copy")
    assert reason in error.line()
    assert error.exit_code == 2
