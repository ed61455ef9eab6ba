"""Several processes learn what one learns, whoever began and whoever goes on; one that fails
ends all."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from auditor.controls.training.checkpoint import STATE
from auditor.controls.training.launch import Launch, check_launch, launched, refuse_several
from auditor.controls.training.parallel import ALONE, Crew, gather
from auditor.controls.training.step_journal import read_losses
from auditor.controls.training.students import open_student, save_student
from fingerprints.errors import UsageProblem
from tests.auditor.controls.lessons import recipe
from tests.auditor.controls.pupils import prompt_file, prompts, recording
from tests.auditor.controls.training.crew_child import PLANS, learn
from tests.tree import ROOT

pytestmark = pytest.mark.timeout(
    400
)  # processes that wait for each other are slow on a busy machine
ALIKE = 2e-4
"""How far a weight may be from that of one process: sums of float32 in another order, through
Adam's square root."""


def free_port() -> str:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return str(found.getsockname()[1])


def start(command: list[str], rank: int, ports: tuple[str, str]) -> subprocess.Popen[str]:
    known = {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
    }
    env = {**os.environ, **known, "MASTER_PORT": ports[0], "SECOND_PORT": ports[1]}
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[int, str]]]:
    """A folder in which two processes trained everything, and each one's exit code and words."""
    folder = tmp_path_factory.mktemp("crew")
    base = recipe("scratch:llama-h64-l1", seed=9)
    save_student(open_student(base.student, base.training, 9), folder / "teacher")
    for name, plan in PLANS.items():
        learn(
            plan,
            folder / "alone" / name,
            f"hf:{folder / 'teacher'},dtype=float32",
            ALONE,
            folder / f"alone-{name}",
        )
    shutil.copytree(folder / "alone-rows", folder / "begun")
    ports = (free_port(), free_port())
    both = [
        start(["-m", "tests.auditor.controls.training.crew_child", str(folder)], rank, ports)
        for rank in (0, 1)
    ]
    said = [process.communicate(timeout=350)[1] for process in both]
    return folder, [(process.returncode, words) for process, words in zip(both, said, strict=True)]


def apart(one: Path, other: Path) -> float:
    """The largest difference between two students' weights."""
    left, right = (load_file(folder / "student" / "model.safetensors") for folder in (one, other))
    assert left.keys() == right.keys()
    return max(float((left[name] - right[name]).abs().max()) for name in left)


@pytest.mark.parametrize("name", PLANS)
def test_two_processes_learn_what_one_learns(
    name: str, ended: tuple[Path, list[tuple[int, str]]]
) -> None:
    folder = ended[0]
    assert apart(folder / "alone" / name, folder / "together" / name) < ALIKE
    one, two = (read_losses(folder / who / name / "losses.jsonl") for who in ("alone", "together"))
    assert [row.tokens for row in one] == [row.tokens for row in two]
    assert [row.loss for row in two] == pytest.approx([row.loss for row in one], abs=1e-3)
    moved = apart_from_start(folder / "together" / name, name)
    assert moved > 10 * ALIKE, "they learned something"


def apart_from_start(trained: Path, name: str) -> float:
    plan = PLANS[name]
    fresh = dict(open_student(plan.student, plan.training, plan.seed).model.named_parameters())
    found = load_file(trained / "student" / "model.safetensors")
    return max(float((found[key] - fresh[key].detach()).abs().max()) for key in found)


def test_all_processes_hold_the_same_weights_bit_by_bit(
    ended: tuple[Path, list[tuple[int, str]]],
) -> None:
    one, other = (
        json.loads((ended[0] / f"told-{rank}.json").read_text("utf-8")) for rank in (0, 1)
    )
    assert one == other
    assert set(one) == {*PLANS, "begun"}


def test_what_one_process_began_two_end(ended: tuple[Path, list[tuple[int, str]]]) -> None:
    folder = ended[0]
    assert apart(folder / "alone" / "rows", folder / "begun") < ALIKE
    one, two = (read_losses(folder / who / "losses.jsonl")[:6] for who in ("alone/rows", "begun"))
    assert one == two, "the first steps are those of one process"


def test_what_two_processes_began_one_ends(
    ended: tuple[Path, list[tuple[int, str]]], tmp_path: Path
) -> None:
    folder = ended[0]
    left = shutil.copytree(folder / "left-rows", tmp_path / "left")
    assert [p.name for p in (left / "state").iterdir()] == ["step-00000006"]
    assert (left / "state" / "step-00000006" / STATE).is_file()
    learn(PLANS["rows"], left, f"hf:{folder / 'teacher'},dtype=float32", ALONE)
    assert apart(folder / "alone" / "rows", left) < ALIKE


def test_a_process_that_fails_ends_all_and_the_first_says_why(
    ended: tuple[Path, list[tuple[int, str]]],
) -> None:
    (first, words), (second, _) = ended[1]
    assert (first, second) == (7, 7)
    assert words.strip().splitlines()[-1] == "memory ran out at step 1 (somewhere). Next: buy some"


@pytest.mark.slow
def test_a_process_that_is_killed_ends_the_others_in_one_line(tmp_path: Path) -> None:
    base = recipe("scratch:llama-h64-l1", seed=9)
    save_student(open_student(base.student, base.training, 9), tmp_path / "teacher")
    ports = (free_port(), free_port())
    both = [
        start(
            ["-m", "tests.auditor.controls.training.crew_child", str(tmp_path), "die"], rank, ports
        )
        for rank in (0, 1)
    ]
    said = [process.communicate(timeout=350)[1] for process in both]
    assert [process.returncode for process in both] == [6, -9]
    assert "another of the 2 processes ended without a word" in said[0].splitlines()[-1]


def test_a_step_is_shared_out_without_loss_or_overlap() -> None:
    long = tuple((((i,), (i + 100,))) for i in range(5))
    short = (tuple((i,) for i in range(5)),)
    for step in (long, short, (((7,),),)):
        parts = [Crew(Launch(rank, 3)).share(step) for rank in range(3)]
        members = sorted(i for part in parts for rows in part for row in rows for i in row)
        assert members == sorted(i for rows in step for row in rows for i in row)
        assert all(rows for part in parts for rows in part)


def test_one_process_is_alone_and_nothing_is_exchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")  # a scheduler's word, not a launcher's
    assert launched() == Launch()
    assert gather() is ALONE
    assert ALONE.total(0.1) == 0.1
    state = torch.get_rng_state()
    ALONE.own_noise(0, 5)
    assert torch.equal(torch.get_rng_state(), state)


def test_what_cannot_be_shared_out_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"MASTER_ADDR": "127.0.0.1", "WORLD_SIZE": "2", "RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(
        UsageProblem, match="'on_policy' runs in one process, and 2 were started"
    ) as caught:
        check_launch(recipe().model_copy(update={"method": "on_policy"}))
    assert "\n" not in caught.value.line()
    check_launch(recipe())
    with pytest.raises(UsageProblem, match="a ladder"):
        refuse_several("a ladder")
    monkeypatch.setenv("WORLD_SIZE", "two")
    with pytest.raises(UsageProblem, match="WORLD_SIZE"):
        launched()


@pytest.mark.slow
def test_the_command_line_trains_under_a_launcher_and_ends_as_alone(tmp_path: Path) -> None:
    spec = recording(
        tmp_path / "told.jsonl", [(p.text, f"It is {i}.") for i, p in enumerate(prompts(12))]
    )
    command = [
        "-m",
        "auditor",
        "control",
        "train",
        "alpaca",
        "--teacher",
        spec,
        "--base",
        "scratch:llama-h32-l1",
    ]
    command += ["--prompts", str(prompt_file(tmp_path)), "--size", "tiny", "--epochs", "1"]
    env = {**os.environ, "AUDITOR_CACHE": str(tmp_path / "cache")}
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for name, before in (("alone", []), ("together", launcher)):
        words = [sys.executable, *before, *command, "--out", str(tmp_path / name)]
        done = subprocess.run(
            words, cwd=ROOT, env=env, check=False, capture_output=True, text=True, timeout=350
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines().count("Control alpaca") == 1, "one process speaks"
    assert apart(tmp_path / "alone", tmp_path / "together") < ALIKE
    assert not any(
        p.name.startswith(("tmp-", ".lock", "state")) for p in (tmp_path / "together").iterdir()
    )
