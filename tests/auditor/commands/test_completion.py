"""What the shell is offered, through click's own completion, and in a real bash."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from auditor.cli import cli
from detectors.registry import detector_names
from fingerprints.probes import PRESETS, bundled_probe_sets
from fingerprints.store import FingerprintStore
from tests.recordings import recorded


def offered(*words: str) -> list[str]:
    *args, typed = words
    completion = ShellComplete(cli, {}, "auditor", "_AUDITOR_COMPLETE")
    return [item.value for item in completion.get_completions(list(args), typed)]


def test_commands_flags_and_choices_are_offered() -> None:
    assert offered("li") == ["lineage"]
    assert "--probes" in offered("audit", "x", "--pro")
    assert offered("audit", "x", "--device", "c") == ["cuda", "cpu"]
    assert offered("lineage", "x", "--tok") == ["--tokenizer-only"]


def test_probe_sets_and_presets_are_offered_one_after_the_other() -> None:
    assert set(offered("audit", "x", "--probes", "")) == {*PRESETS, *bundled_probe_sets()}
    assert offered("audit", "x", "--probes", "qui") == ["quick"]
    after = offered("probe", "x", "--probes", "identity,")
    assert "identity,style" in after
    assert not {"identity,identity", "identity,quick"} & set(after)


def test_detectors_are_offered() -> None:
    assert set(offered("audit", "x", "--detectors", "")) == set(detector_names())
    assert offered("audit", "x", "--detectors", "quirks,over") == ["quirks,overlap"]


def test_models_of_the_named_store_are_offered_and_none_of_a_store_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FingerprintStore.create(tmp_path / "s") as opened:
        for name in ("alpha", "beta"):
            opened.add(recorded(tmp_path, name), name=name, vendor="", family=name)
    store = str(tmp_path / "s")
    assert offered("audit", "x", "--store", store, "--candidate", "") == ["alpha", "beta"]
    assert offered("store", "show", "--store", store, "b") == ["beta"]
    monkeypatch.setenv("AUDITOR_STORE", store)
    assert offered("store", "remove", "a") == ["alpha"]
    assert offered("audit", "x", "--store", str(tmp_path / "no"), "--candidate", "") == []


def test_a_broken_configuration_file_does_not_break_completion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "auditor.toml").write_text("[audit\n")
    monkeypatch.chdir(tmp_path)
    assert offered("audit", "x", "--probes", "qui") == ["quick"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_a_real_bash_completes(tmp_path: Path) -> None:
    program = tmp_path / "auditor"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m auditor "$@"\n')
    program.chmod(0o755)
    script = (
        'eval "$(_AUDITOR_COMPLETE=bash_source auditor)"\n'
        "COMP_WORDS=(auditor audit x --probes qui); COMP_CWORD=4\n"
        "_auditor_completion auditor; echo ${COMPREPLY[@]}"
    )
    done = subprocess.run(
        ["bash", "-c", script],
        env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["quick"], done.stderr
    for shell in ("zsh", "fish"):
        made = subprocess.run(
            [sys.executable, "-m", "auditor"],
            env={**os.environ, "_AUDITOR_COMPLETE": f"{shell}_source"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert "_AUDITOR_COMPLETE" in made.stdout
