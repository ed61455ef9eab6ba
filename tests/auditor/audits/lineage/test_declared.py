"""Declared against observed: every place where files name an origin, what the weights say of it,
and an exit code of its own where they contradict it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from auditor.audits.lineage.records import DeclaredOrigin
from auditor.cli import run
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
