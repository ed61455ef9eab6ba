"""Declared against observed: every place where files name an origin, what the weights say of it,
and an exit code of its own where they contradict it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from auditor.audits.lineage.card_check import checked, declared_bases, specs_of
from auditor.audits.lineage.declared import contradicted, declarations, is_name_of
from auditor.audits.lineage.records import DeclaredOrigin
from auditor.audits.lineage.run import lineages
from auditor.cli import run
from auditor.commands import declared as declared_module
from fingerprints.errors import Incomplete
from fingerprints.weights import Weights
from tests.auditor.audits.lineage.relatives import base, nudged


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("declared")
    made = {"hill": base(folder / "hill"), "lake": base(folder / "lake", seed=11)}
    made["tuned"] = nudged(made["hill"], folder / "tuned", 0.1)
    (made["hill"] / "README.md").write_text("---\nlicense: hill-community\n---\n", "utf-8")
    return made


def audited(models: dict[str, Path], out: Path, *flags: str) -> tuple[int, dict[str, Any]]:
    """The exit code and the section on lineage of the tuned copy against both."""
    code = run(
        ["lineage", *(str(models[n]) for n in ("tuned", "hill", "lake")), "--out", str(out), *flags]
    )
    return code, json.loads((out / "report.json").read_text("utf-8"))


def declare(model: Path, base_model: str) -> None:
    (model / "README.md").write_text(f"---\nbase_model: {base_model}\nlicense: mit\n---\n", "utf-8")


def test_a_contradiction_has_an_exit_code_of_its_own_and_stands_on_the_first_screen(
    models: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    declare(models["tuned"], "org/lake")
    code, report = audited(models, tmp_path / "out", "--fail-on", "contradiction")
    assert code == 10
    assert "lake" in capsys.readouterr().err
    (said,) = [
        DeclaredOrigin.model_validate(d)
        for d in report["lineage"]["declarations"]
        if d["place"] == "card"
    ]
    assert (said.base, said.observed, said.status) == ("lake", "independent", "contradicted")
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert page.index("which its weights contradict") < page.index("Declared against observed")
    assert audited(models, tmp_path / "again")[0] == 0


def test_what_the_weights_bear_out_fails_nothing_and_names_both_licences(
    models: dict[str, Path], tmp_path: Path
) -> None:
    declare(models["tuned"], "org/hill")
    code, report = audited(models, tmp_path / "out", "--fail-on", "contradiction")
    assert code == 0
    assert report["lineage"]["licences"] == {"tuned": "mit", "hill": "hill-community"}
    assert "bear that out for hill" in report["lineage"]["declared_told"]


def test_a_commit_that_names_a_base_is_quoted_and_contradicts_nothing(
    models: dict[str, Path], tmp_path: Path
) -> None:
    declare(models["tuned"], "org/hill")
    log = tmp_path / "log.txt"
    log.write_text("abc1234 start from lake weights\ndef5678 fix the README\n", "utf-8")
    flags = ("--history", str(log), "--fail-on", "contradiction")
    code, report = audited(models, tmp_path / "out", *flags)
    assert code == 0
    (said,) = [d for d in report["lineage"]["declarations"] if d["place"] == "commits"]
    assert said["says"] == "abc1234 start from lake weights"
    assert (said["base"], said["observed"], said["status"]) == ("lake", "independent", "open")


def test_a_shared_chat_template_is_told_and_contradicts_nothing(
    models: dict[str, Path], tmp_path: Path
) -> None:
    declare(models["tuned"], "org/hill")
    _, report = audited(models, tmp_path / "out")
    shared = [d for d in report["lineage"]["declarations"] if d["place"] == "chat_template"]
    assert {d["base"]: d["status"] for d in shared} == {"hill": "borne_out", "lake": "open"}


def test_a_lineage_report_opens_with_the_answer_on_lineage(
    models: dict[str, Path], tmp_path: Path
) -> None:
    declare(models["tuned"], "org/hill")
    _, report = audited(models, tmp_path / "out")
    assert report["answers"][0]["question"] == "lineage"
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert page.index("Weights from another") < page.index("Learned from another")


def test_a_version_is_part_of_a_name_and_a_quantisation_is_not() -> None:
    for said, other in (
        ("org/phi-1", "phi-1.5"),
        ("Qwen/Qwen2", "qwen2.5-7b"),
        ("a/qa", "qa-quiz"),
        ("a/hill-7b", "hill-13b"),
        ("a/hill-7b-Instruct-AWQ", "hill-7b"),
        ("a/hill-7b-GPTQ", "hill-7b-chat"),
        ("a/hill-distill-4bit", "hill"),
        ("a/gguf", "x-gguf"),
        ("a/4bit-hill", "hill"),
    ):
        assert not is_name_of(said, other)
    for said in ("org/Llama-7B", "org/llama-7b/", "https://hub.example/org/llama-7b"):
        for called in (
            "llama-7b",
            "llama-7b.gguf",
            "llama-7b.Q4_K_M.gguf",
            "llama-7b-q8_0-00001-of-00003.gguf",
        ):
            assert is_name_of(said, called)
    for packed in ("GPTQ", "AWQ", "GGUF", "4bit", "bnb-4bit", "GPTQ-Int4", "MLX-8bit", "FP8"):
        assert is_name_of(f"them/Llama-7B-{packed}", "llama-7b")
        assert is_name_of("org/llama-7b", f"llama-7b-{packed}.gguf")


@pytest.mark.parametrize(
    ("said", "bases", "conclusion"),
    [
        ("[org/lake]", ("lake",), "contradicted"),
        ("[org/hill, org/lake]", ("hill", "lake"), "borne_out"),
        ("[org/lake, org/sea]", ("lake",), "undecided"),
        ("[org/lake, else/lake]", ("lake",), "undecided"),
    ],
)
def test_declared_and_lineage_agree_on_what_is_contradicted(
    models: dict[str, Path], said: str, bases: tuple[str, ...], conclusion: str
) -> None:
    declare(models["tuned"], said)
    found = lineages(str(models["tuned"]), [f"{n}={models[n]}" for n in bases], digest=False)
    assert checked(declared_bases(str(models["tuned"])), found).conclusion == conclusion
    assert bool(contradicted(declarations(found))) == (conclusion == "contradicted")


def test_two_makers_of_one_name_are_not_taken_for_each_other(models: dict[str, Path]) -> None:
    declare(models["tuned"], "[one/base, two/base]")
    names = declared_bases(str(models["tuned"]))
    places = {"one/base": str(models["lake"]), "two/base": str(models["hill"])}
    found = lineages(str(models["tuned"]), specs_of(names, places), digest=False)
    assert checked(names, found).conclusion == "borne_out"
    assert contradicted(declarations(found)) == ()


def test_the_configuration_of_another_is_no_declaration(
    models: dict[str, Path], tmp_path: Path
) -> None:
    """What training from scratch with a known model's configuration leaves behind."""
    scratch = nudged(models["lake"], tmp_path / "scratch", 0.1)
    (scratch / "README.md").unlink(missing_ok=True)
    config = json.loads((scratch / "config.json").read_text("utf-8"))
    (scratch / "config.json").write_text(json.dumps({**config, "_name_or_path": "org/hill"}))
    found = lineages(str(scratch), [str(models["hill"])], digest=False)
    assert checked(declared_bases(str(scratch)), found).conclusion == "nothing_declared"
    assert ("config", "open") in {(d.place, d.status) for d in declarations(found)}
    assert contradicted(declarations(found)) == ()


def test_a_declared_base_out_of_reach_hides_no_other(
    models: dict[str, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(models["tuned"], "[org/lake, org/sea]")
    whole = declared_module.open_weights

    def offline(spec: str) -> Weights:
        if spec == "hf:org/sea":
            raise Incomplete("the hub can't be reached", next_step="try again")
        return whole(spec)

    monkeypatch.setattr(declared_module, "open_weights", offline)
    code = run(["declared", str(models["tuned"]), "--base", f"org/lake={models['lake']}"])
    told = capsys.readouterr()
    assert code == Incomplete.exit_code
    first, *rest = told.out.splitlines()
    assert "they are independent of org/lake, as far as was seen" in first
    assert rest == ["org/lake: independent", "org/sea: not compared"]
    assert "can't be reached" in told.err
