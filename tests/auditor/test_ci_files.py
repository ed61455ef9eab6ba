"""The GitHub Action, the pre-commit hook and `auditor declared` under them, run on tiny models."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from auditor.audits.lineage.card_check import _concluded, specs_of
from auditor.cli import run
from fingerprints.errors import AuditError
from tests.auditor.audits.lineage.relatives import base

ROOT = Path(__file__).resolve().parents[2]
ACTION = ROOT / ".github" / "actions" / "lineage" / "action.yml"
HOOKS = ROOT / ".pre-commit-hooks.yaml"


def card(folder: Path, *bases: str) -> None:
    said = {"license": "apache-2.0", "base_model": list(bases)} if bases else {"license": "mit"}
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump(said)}---\n# A model\n")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base, a copy of it, and a model of its own."""
    folder = tmp_path_factory.mktemp("models")
    base(folder / "base")
    base(folder / "other", seed=11)
    shutil.copytree(folder / "base", folder / "copy")
    return folder


def told(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, Any]:
    capsys.readouterr()
    code = run(["declared", *argv, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_declaration_is_borne_out_contradicted_or_absent(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card(models / "copy", "acme/base")
    known = ["--base", f"acme/base={models / 'base'}"]
    strict = [*known, "--fail-on", "contradiction"]
    code, found = told(capsys, str(models / "copy"), *strict)
    assert (code, found["conclusion"]) == (0, "borne_out")
    assert found["bases"] == {"acme/base": "derived"}
    card(models / "other", "acme/base")
    code, found = told(capsys, str(models / "other"), *strict)
    assert (code, found["conclusion"]) == (10, "contradicted")
    assert told(capsys, str(models / "other"), *known) == (0, found)
    card(models / "other")
    assert told(capsys, str(models / "other"), *strict) == (
        0,
        {"conclusion": "nothing_declared", "bases": {}},
    )
    assert told(capsys, str(models / "other"), "--require")[0] == 1


def test_a_place_for_a_base_that_is_not_declared_is_told(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card(models / "other")
    twice = ["--base", "acme/base=./base", "--base", "acme/base=./other"]
    assert run(["declared", str(models / "other"), *twice]) == 2
    assert "twice" in capsys.readouterr().err
    assert run(["declared", str(models / "other"), "--base", "acme/bsae=./base"]) == 0
    assert "'acme/bsae': the model's files declare no base of that name" in capsys.readouterr().err


def test_only_independence_of_every_declared_base_contradicts() -> None:
    assert _concluded({"independent"}) == "contradicted"
    assert _concluded({"independent", "derived"}) == "borne_out"
    assert _concluded({"independent", "unclear"}) == "undecided"
    assert _concluded({"independent", "not_compared"}) == "undecided"
    assert _concluded({"unclear"}) == "undecided"
    assert _concluded({"none_found"}) == "undecided"
    assert _concluded({"derived_in_part", "independent"}) == "borne_out"
    assert _concluded({"common_origin"}) == "borne_out"


def test_a_declared_name_is_a_hubs_or_known_and_never_a_path_or_an_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert specs_of(["org/base"], {}) == ["base=hf:org/base"]
    assert specs_of(["a/b", "c/b"], {}) == ["b=hf:a/b", "declared-2=hf:c/b"]
    assert specs_of(["../odd, name"], {"../odd, name": "./b"}) == ["declared-1=./b"]
    address = "https://huggingface.co/org/base"
    assert specs_of([address], {}) == ["base=hf:org/base"]
    assert specs_of([address], {"org/base": "./b"}) == ["base=./b"]
    for name in (
        "../../etc",
        "/etc/passwd",
        "org/base,adapter=./x",
        "base",
        "org/..",
        "hf:a/b",
        "https://huggingface.co/../x",
    ):
        with pytest.raises(AuditError):
            specs_of([name], {})
    (tmp_path / "org" / "base").mkdir(parents=True)
    with pytest.raises(AuditError, match="lies here"):
        specs_of(["org/base"], {})


def on_path(folder: Path) -> Path:
    """A program `auditor` of this checkout, in a folder for the PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "auditor"
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -P -m auditor "$@"\n'
    )
    program.chmod(0o755)
    (folder / "python").unlink(missing_ok=True)
    (folder / "python").symlink_to(sys.executable)
    return folder


def step(name: str) -> dict[str, Any]:
    steps = yaml.safe_load(ACTION.read_text("utf-8"))["runs"]["steps"]
    found: dict[str, Any] = next(s for s in steps if s.get("id") == name)
    return found


def expressed(text: str, values: dict[str, str]) -> str:
    return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda m: values[m[1]], text)


def acted(tmp_path: Path, model: Path, **inputs: str) -> tuple[int, str, Path]:
    """The action's `compare` step, run by bash as a runner does, and what it put out."""
    declared = yaml.safe_load(ACTION.read_text("utf-8"))["inputs"]
    values = {f"inputs.{name}": str(about["default"]) for name, about in declared.items()}
    values |= {f"inputs.{name.replace('_', '-')}": value for name, value in inputs.items()}
    temp = tmp_path / "runner"
    program = on_path(temp / "auditor" / "bin")
    values |= {"runner.temp": str(temp)}
    one = step("compare")
    env = {key: expressed(str(value), values) for key, value in one["env"].items()}
    output = temp / "output"
    output.write_text("")
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", one["run"]],
        cwd=model.parent,
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith("AUDITOR_")},
            **env,
            "MODEL": model.name,
            "PATH": f"{program}{os.pathsep}{os.environ['PATH']}",
            "RUNNER_TEMP": str(temp),
            "GITHUB_OUTPUT": str(output),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, output.read_text() + done.stderr, temp / "lineage-report"


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_the_actions_step_compares_tells_and_keeps_the_report(tmp_path: Path, models: Path) -> None:
    card(models / "copy", "acme/base")
    # What the repository says of itself must have no say.
    (models / "auditor.toml").write_text("[declared]\nrequire = true\n[audti]\n")
    (models / "json.py").write_text("raise SystemExit('imported from the repository')\n")
    where = f"acme/base={models / 'base'}\n"
    code, put, report = acted(tmp_path, models / "copy", base=where)
    assert code == 0, put
    assert "conclusion=borne_out" in put
    assert (report / "report.html").exists()
    card(models / "other", "acme/base")
    code, put, report = acted(tmp_path / "wrong", models / "other", base=where)
    assert code == 10, put
    assert "conclusion=contradicted" in put
    # The report tells the same of the declaration.
    rows = json.loads((report / "report.json").read_text())["lineage"]["declarations"]
    assert ("acme/base", "contradicted") in {(row["says"], row["status"]) for row in rows}
    card(models / "copy")
    code, put, _ = acted(tmp_path / "again", models / "copy", require="true")
    assert (code, put) == (1, "conclusion=nothing_declared\n")
    card(models / "copy", "$(touch pwned)")
    code, put, _ = acted(tmp_path / "odd", models / "copy", base="x=`touch pwned`\n")
    assert code == 2
    assert "conclusion" not in put.partition("error")[0]
    assert not (models / "pwned").exists()
    (models / "auditor.toml").unlink()
    (models / "json.py").unlink()


def test_no_step_of_the_action_puts_an_input_into_a_script() -> None:
    parsed = yaml.safe_load(ACTION.read_text("utf-8"))
    for one in parsed["runs"]["steps"]:
        assert "${{" not in one.get("run", ""), "inputs reach scripts by the environment only"
        assert "uses" in one or one["shell"] == "bash"
    named = set(re.findall(r"inputs\.([\w-]+)", ACTION.read_text("utf-8")))
    assert named == set(parsed["inputs"])


def test_no_module_of_the_examined_repository_is_imported_by_the_action() -> None:
    """It is the working folder, which `python -c` and `python -m` look into first."""
    runs = "\n".join(
        one.get("run", "") for one in yaml.safe_load(ACTION.read_text())["runs"]["steps"]
    )
    calls = re.findall(r"python\"? (-\S+)", runs)
    assert len(calls) == 4
    assert set(calls) == {"-I"}


def test_what_the_action_installs_is_in_the_repository() -> None:
    one = step("install")
    source = Path(expressed(one["env"]["SOURCE"], {"github.action_path": str(ACTION.parent)}))
    assert source.resolve() == ROOT
    for file in re.findall(r'"\$SOURCE/([\w.-]+)"', one["run"]):
        assert (ROOT / file).is_file()


def test_the_pre_commit_hook_runs_for_real(tmp_path: Path, models: Path) -> None:
    """By `pre-commit run` in a repository whose hooks come from a clone of this one's file."""
    pytest.importorskip("pre_commit")
    hooks, repository = tmp_path / "hooks", tmp_path / "model"
    hooks.mkdir()
    shutil.copy(HOOKS, hooks)
    shutil.copytree(models / "base", repository)
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for where in (hooks, repository):
        subprocess.run([*git, "init", "-q", "."], cwd=where, check=True)
    subprocess.run([*git, "add", "-A"], cwd=hooks, check=True)
    subprocess.run([*git, "commit", "-qm", "hooks"], cwd=hooks, check=True)
    rev = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=hooks, check=True, capture_output=True, text=True
    ).stdout.strip()
    args = [".", f"--base=acme/base={models / 'base'}", "--require"]
    hook = {"repo": str(hooks), "rev": rev, "hooks": [{"id": "declared-base", "args": args}]}
    (repository / ".pre-commit-config.yaml").write_text(yaml.safe_dump({"repos": [hook]}))
    env = {
        **{k: v for k, v in os.environ.items() if not k.startswith("AUDITOR_")},
        "PATH": f"{on_path(tmp_path / 'bin')}{os.pathsep}{os.environ['PATH']}",
        "PRE_COMMIT_HOME": str(tmp_path / "home"),
    }

    def committed() -> subprocess.CompletedProcess[str]:
        subprocess.run([*git, "add", "-A"], cwd=repository, check=True)
        return subprocess.run(
            [sys.executable, "-m", "pre_commit", "run", "--all-files", "--verbose"],
            cwd=repository,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )

    card(repository, "acme/base")
    done = committed()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "borne out" in done.stdout
    card(repository)
    done = committed()
    assert done.returncode == 1
    assert "nothing declared" in done.stdout
