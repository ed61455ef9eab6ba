"""What goes wrong while a control is made: one clear line, the right exit code, nothing lost,
and the same call goes on."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor.cli import run
from auditor.commands.control import warnings
from auditor.controls import train as pipeline
from auditor.controls.cards.card import read_card
from auditor.controls.evaluation.evaluate import EvaluationScale
from auditor.controls.teaching.teach import teach
from auditor.controls.train import train
from auditor.controls.training.checkpoint import Bench, load_state, save_state
from auditor.controls.training.students import open_student, save_student
from fingerprints.errors import Incomplete, MalformedInput, ResourceLimit
from tests.auditor.controls.lessons import recipe as lesson_plan
from tests.auditor.controls.pupils import prompt_file, prompts, recipe, recording
from tests.faultserver import Behaviour, Exchange, FaultServer, answers, completion, fails

TRAINING = {
    "epochs": 2,
    "batch": 2,
    "longest": 128,
    "precision": "float32",
    "save_every": 1,
    "learning_rate": 1e-2,
}
ONE = EvaluationScale(choices=1, identity=1)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def told(tmp_path: Path) -> str:
    return recording(
        tmp_path / "told.jsonl", [(p.text, f"It is {i}.") for i, p in enumerate(prompts(12))]
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Any]:
    """Makes a file system of so many KiB; skips where only an administrator may."""
    made: list[Path] = []

    def make(size: int) -> Path:
        folder = tmp_path / f"disk-{size}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(folder)]
        if subprocess.run(command, check=False, capture_output=True).returncode:
            pytest.skip("no file system can be mounted here")
        made.append(folder)
        return folder

    yield make
    for folder in made:
        subprocess.run(["umount", str(folder)], check=True)


def command(tmp_path: Path, spec: str, out: Path) -> list[str]:
    flags = [
        "--prompts",
        str(prompt_file(tmp_path)),
        "--base",
        "scratch:llama-h32-l1",
        "--size",
        "tiny",
        "--epochs",
        "1",
    ]
    return ["control", "train", "alpaca", "--teacher", spec, "--out", str(out), *flags]


def test_an_endpoint_that_goes_down_keeps_its_answers_and_is_asked_for_the_rest_alone(
    tmp_path: Path,
) -> None:
    up = [answers("A fine thing.")] * 5
    with FaultServer(*up, fails(401), answers("A fine thing.")) as server:
        how = recipe(f"openai:t,base_url={server.url},concurrency=1")
        with pytest.raises(Incomplete) as caught:
            teach(how, prompts(), tmp_path / "answers")
        assert caught.value.exit_code == 6
        assert "run the same command again" in caught.value.line()
        made = teach(how, prompts(), tmp_path / "answers")
        asked = Counter(r.prompt for r in server.requests)
    assert len(made.examples) == 12
    assert sorted(asked.values()) == [1] * 11 + [2], "only the question that failed"


def test_a_teacher_that_refuses_half_of_the_prompts_in_words_is_told(tmp_path: Path) -> None:
    said = [
        (p.text, "I'm sorry, but I can't help with that." if i % 2 else "Yes.")
        for i, p in enumerate(prompts(12))
    ]
    spec = recording(tmp_path / "half.jsonl", said)
    how = recipe(
        spec, prompts={"sources": [str(prompt_file(tmp_path))], "held_out": 0}, training=TRAINING
    )
    made = train(how, tmp_path / "out", scale=ONE)
    assert made.card.sources[0].refusals == 6
    assert (
        "6 answers of t0 begin with a refusal, and 12 were learned"
        in warnings(read_card(tmp_path / "out"))[0]
    )


def touchy(exchange: Exchange, body: dict[str, Any]) -> None:
    """Filters what it says to two prompts of three."""
    said = (
        completion("Yes.")
        if "repaired" in body["messages"][-1]["content"]
        else completion("", finish="content_filter")
    )
    exchange.send(200, json.dumps(said).encode())


def test_an_endpoint_that_filters_half_of_the_answers_leaves_the_others_and_is_told(
    tmp_path: Path,
) -> None:
    with FaultServer(touchy) as server:
        how = recipe(f"openai:t,base_url={server.url}")
        made = teach(how, prompts(), tmp_path / "answers")
        assert teach(how, prompts(), tmp_path / "answers").examples == made.examples
        assert len(server.requests) == 12, (
            "what was filtered is an answer too: it isn't asked again"
        )
    report = made.sources[0].report
    assert (report.prompts, report.kept, report.unanswered) == (12, 4, 8)


def filtered(*places: int) -> Behaviour:
    """An endpoint whose filter turns these prompts away with HTTP 400, whenever they are asked."""
    bad = {prompts()[place].text for place in places}

    def behave(exchange: Exchange, body: dict[str, Any]) -> None:
        asked = body["messages"][-1]["content"]
        (fails(400, "against our policy") if asked in bad else answers("Yes."))(exchange, body)

    return behave


def test_a_prompt_that_an_endpoint_always_rejects_is_counted_and_never_asked_again(
    tmp_path: Path,
) -> None:
    with FaultServer(filtered(3, 8)) as server:
        how = recipe(
            f"openai:t,base_url={server.url}",
            prompts={"sources": [str(prompt_file(tmp_path))], "held_out": 0},
        )
        made = teach(how, prompts(), tmp_path / "answers")
        assert teach(how, prompts(), tmp_path / "answers").examples == made.examples
        assert len(server.requests) == 12
    report = made.sources[0].report
    assert (report.prompts, report.kept, report.rejected, report.unanswered) == (12, 10, 2, 0)
    assert made.sources[0].ledger.failed == 2
    journal = (tmp_path / "answers" / "source-1.jsonl").read_text("utf-8")
    assert journal.count("HTTP 400 against our policy") == 2


def test_an_endpoint_that_rejects_over_a_fifth_of_the_prompts_ends_in_one_line_and_keeps_the_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with FaultServer(filtered(0, 4, 9)) as server:
        argv = command(tmp_path, f"openai:t,base_url={server.url},concurrency=1", tmp_path / "out")
        assert run(argv) == 6
        line = one_line(capsys)
        assert "3 of 12 questions were rejected" in line
        assert "against our policy" in line
        assert "take these questions out" in line
        asked = len(server.requests)
        assert run(argv) == 6
        again = [r.prompt for r in server.requests[asked:]]
    assert len(set(again) & {prompts()[place].text for place in (0, 4, 9)}) == 3
    assert (
        not set(again)
        - {prompts()[place].text for place in (0, 4, 9)}
        - {p.text for p in prompts()[10:]}
    )


def test_a_pool_that_filters_empty_ends_in_one_line_with_exit_code_three(
    tmp_path: Path, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = tmp_path / "plan.yaml"
    how = recipe(
        told, prompts={"sources": [str(prompt_file(tmp_path))], "curation": {"shortest": 3000}}
    )
    plan.write_text(how.to_yaml(), "utf-8")
    assert run(["control", "train", str(plan), "--out", str(tmp_path / "out")]) == 3
    line = one_line(capsys)
    assert "0" in line or "no prompt" in line


def test_ctrl_c_says_how_to_go_on_and_the_same_command_ends_it(
    tmp_path: Path, told: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "_evaluated", pressed)
    argv = command(tmp_path, told, tmp_path / "out")
    assert run(argv) == 130
    assert (
        one_line(capsys)
        == "interrupted: what was finished is kept; run the same command again to go on"
    )
    assert not (tmp_path / "out" / "lineage.json").exists()
    assert (tmp_path / "out" / "student").is_dir()
    assert not (tmp_path / "out" / ".lock").exists()
    monkeypatch.undo()


def test_a_folder_of_another_recipe_is_refused_and_left_as_it_is(
    tmp_path: Path, told: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "_evaluated", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    argv = command(tmp_path, told, tmp_path / "out")
    assert run(argv) == 130
    capsys.readouterr()
    before = {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert run([*argv, "--seed", "9"]) == 3
    assert "another recipe" in one_line(capsys)
    assert {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()} == before


def test_a_full_disk_while_the_student_is_saved_is_one_line_wherever_it_ends(
    small_disk: Any,
) -> None:
    plan = lesson_plan()
    learner = open_student(plan.student, plan.training, 0)
    ended = []
    for size in (16, 88, 92, 100, 104, 200):  # in the weights, the config, the tokenizer, nowhere
        folder = small_disk(size)
        try:
            save_student(learner, folder / "student")
        except ResourceLimit as error:
            ended.append(
                (error.exit_code, "No space left" in error.line(), len(list(folder.iterdir())))
            )
        else:
            ended.append((0, False, 1))
    assert set(ended[:-1]) == {(7, True, 0)}, "one line, and nothing half-written"
    assert ended[-1][0] == 0


def test_a_full_disk_while_the_state_is_saved_keeps_the_state_before(small_disk: Any) -> None:
    plan = lesson_plan()
    learner = open_student(plan.student, plan.training, 0)
    import torch

    weights = dict(learner.model.named_parameters())
    bench = Bench(weights, torch.optim.AdamW(weights.values()), learner.device)
    folder = small_disk(160) / "state"  # one state without moments takes about 90 KiB
    save_state(folder, bench, "run", 1, 0.0)
    with pytest.raises(ResourceLimit) as caught:
        save_state(folder, bench, "run", 2, 0.0)
    assert caught.value.exit_code == 7
    assert [p.name for p in folder.iterdir()] == ["step-00000001"]
    found = load_state(folder, bench, "run")
    assert found is not None
    assert found.step == 1


def test_a_full_disk_while_the_card_is_written_is_one_line_and_the_same_call_ends_it(
    tmp_path: Path, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = recipe(
        told, prompts={"sources": [str(prompt_file(tmp_path))], "held_out": 0}, training=TRAINING
    )
    replace = os.replace

    def full(source: Any, target: Any) -> None:
        if Path(target).name == "lineage.json":
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(ResourceLimit, match="No space left"):
        train(how, tmp_path / "out", scale=ONE)
    monkeypatch.setattr(os, "replace", replace)
    saved = (tmp_path / "out" / "student" / "model.safetensors").stat().st_mtime_ns
    assert train(how, tmp_path / "out", scale=ONE).lineage.steps > 0
    assert (tmp_path / "out" / "student" / "model.safetensors").stat().st_mtime_ns == saved, (
        "it is not trained again"
    )


def test_a_state_whose_json_is_damaged_is_refused_with_the_way_out(tmp_path: Path) -> None:
    import torch

    plan = lesson_plan()
    learner = open_student(plan.student, plan.training, 0)
    weights = dict(learner.model.named_parameters())
    bench = Bench(weights, torch.optim.AdamW(weights.values()), learner.device)
    save_state(tmp_path, bench, "run", 4, 0.0)
    (tmp_path / "step-00000004" / "state.json").write_text('{"run": ', "utf-8")
    with pytest.raises(MalformedInput, match="remove it; the run then starts again"):
        load_state(tmp_path, bench, "run")


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    told = capsys.readouterr().err.strip()
    assert told
    assert "\n" not in told
    return told
