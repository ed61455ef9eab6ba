"""The command line as a person meets it: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from auditor.cli import run
from auditor.commands.table import TABLE
from detectors.registry import detector_names
from fingerprints import indexing
from fingerprints.store import FingerprintStore
from tests.fingerprints.stored import transcript
from tests.recordings import answers_of, stored, write_jsonl


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return stored(tmp_path)


@pytest.fixture
def suspect(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "suspect.jsonl", answers_of("beta", seed=9))


def test_an_audit_of_recorded_answers_writes_a_bundle_and_tells_it(
    store: Path, suspect: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report"
    assert (
        run(
            [
                "audit",
                str(suspect),
                "--store",
                str(store),
                "--out",
                str(out),
                "--calibration",
                "none",
            ]
        )
        == 0
    )
    assert sorted(p.name for p in out.iterdir()) == [
        "plan.yaml",
        "report.html",
        "report.json",
        "transcript.jsonl",
    ]
    captured = capsys.readouterr()
    assert captured.out.splitlines()[1].startswith("Learned from another model's answers?")
    assert len(captured.out.splitlines()) <= 40
    assert "report.html" in captured.err
    report = json.loads((out / "report.json").read_text())
    assert {v["outcome"] for v in report["verdicts"]} == {"not_assessable"}
    assert all(
        f["log10_lr"] is None and f["words"] is None and f["calibration"] is None
        for f in report["findings"]
    )
    ranks = {
        f["candidate"]: f["rank"]["position"]
        for f in report["findings"]
        if f["detector"] == "stylistic_overlap"
    }
    assert ranks["beta"] == 1


def test_the_same_audit_twice_gives_the_same_bytes(
    store: Path, suspect: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        # The folder's name stands in the commands that repeat the audit: it is the same here.
        monkeypatch.chdir(tmp_path / name)
        assert run(["audit", str(suspect), "--store", str(store), "--out", "report"]) == 0
    for file in ("report.json", "report.html", "transcript.jsonl", "plan.yaml"):
        one, two = (tmp_path / name / "report" / file for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()


def test_an_audit_is_judged_again_from_its_transcript_alone(
    store: Path, suspect: Path, tmp_path: Path
) -> None:
    first, again = tmp_path / "first", tmp_path / "again"
    assert run(["audit", str(suspect), "--store", str(store), "--out", str(first)]) == 0
    assert (
        run(["audit", str(first / "transcript.jsonl"), "--store", str(store), "--out", str(again)])
        == 0
    )
    one, two = (json.loads((folder / "report.json").read_text()) for folder in (first, again))
    assert one["findings"] == two["findings"]


def test_the_plan_beside_a_report_runs_again(store: Path, suspect: Path, tmp_path: Path) -> None:
    assert run(["audit", str(suspect), "--store", str(store), "--out", str(tmp_path / "one")]) == 0
    assert (
        run(
            ["audit", "--plan", str(tmp_path / "one" / "plan.yaml"), "--out", str(tmp_path / "two")]
        )
        == 0
    )


def test_json_on_stdout_is_the_report(
    store: Path, suspect: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report"
    assert run(["audit", str(suspect), "--store", str(store), "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((out / "report.json").read_text())


def test_a_dry_run_asks_nothing_and_prints_plan_and_cost(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "m.gguf").write_bytes(b"GGUF" + bytes(100_000))
    out = tmp_path / "report"
    assert (
        run(
            [
                "audit",
                str(tmp_path / "m.gguf"),
                "--store",
                str(store),
                "--out",
                str(out),
                "--dry-run",
            ]
        )
        == 0
    )
    told = capsys.readouterr().out
    assert "questions:" in told
    assert "tokens out at most:" in told
    assert not out.exists()
    assert (
        run(["audit", str(tmp_path / "m.gguf"), "--store", str(store), "--dry-run", "--json"]) == 0
    )
    value = json.loads(capsys.readouterr().out)
    assert value["estimate"]["questions"] > 400
    assert value["candidates"] == ["alpha", "beta", "delta", "gamma"]


def test_a_report_renders_again_in_every_format(
    store: Path, suspect: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report"
    run(["audit", str(suspect), "--store", str(store), "--out", str(out)])
    capsys.readouterr()
    for form, sign in (
        ("html", "<!doctype html>"),
        ("json", "{"),
        ("markdown", "# "),
        ("terminal", ""),
    ):
        assert run(["report", str(out), "--format", form]) == 0
        assert capsys.readouterr().out.lower().lstrip().startswith(sign)
    assert run(["report", str(out), "--format", "html", "--out", str(tmp_path / "again.html")]) == 0
    assert (tmp_path / "again.html").read_bytes() == (out / "report.html").read_bytes()


def test_a_store_is_filled_listed_shown_checked_and_emptied(
    tmp_path: Path, suspect: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--store", str(tmp_path / "mine")]
    assert run(["store", "add", str(suspect), "--name", "one", "--vendor", "acme", *where]) == 0
    assert run(["store", "verify", *where]) == 0
    assert run(["store", "rebuild", *where]) == 0
    capsys.readouterr()
    assert run(["store", "list", *where, "--json"]) == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == ["one"]
    assert run(["store", "show", "one", *where, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["vendor"] == "acme"
    assert run(["store", "remove", "one", *where]) == 0
    assert run(["store", "show", "one", *where]) != 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine", "suspect.jsonl"]


def test_a_published_store_is_audited_against_and_never_written(
    store: Path,
    suspect: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "cache"))
    far, out = f"file://{tmp_path}/far", tmp_path / "report"
    assert run(["store", "publish", far, "--store", str(store), "--dry-run"]) == 0
    assert "would be sent" in capsys.readouterr().out
    assert not (tmp_path / "far").exists()
    assert run(["store", "publish", far, "--store", str(store), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sent"] >= 1
    assert run(["audit", str(suspect), "--store", far, "--out", str(out)]) == 0
    here = tmp_path / "here"
    assert run(["audit", str(suspect), "--store", str(store), "--out", str(here)]) == 0
    one, two = (json.loads((f / "report.json").read_text()) for f in (out, here))
    assert one["findings"] == two["findings"]
    assert one["store"]["sha256"] == two["store"]["sha256"]
    capsys.readouterr()
    assert run(["store", "remove", "x", "--store", far]) == 2
    assert "only read" in capsys.readouterr().err


def test_an_address_with_a_key_in_it_is_refused_and_never_written(
    suspect: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report"
    far = "https://host/store?X-Amz-Signature=s3cr3t"
    assert run(["audit", str(suspect), "--store", far, "--out", str(out)]) == 2
    told = capsys.readouterr()
    assert "s3cr3t" not in told.out + told.err
    assert not [f for f in out.rglob("*") if f.is_file() and b"s3cr3t" in f.read_bytes()]


def test_dry_runs_of_a_store_say_the_cost_and_write_nothing(
    suspect: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--store", str(tmp_path / "mine")]
    assert run(["store", "add", str(suspect), "--name", "one", *where, "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["questions"] == 0
    assert run(["store", "import", str(suspect), *where, "--dry-run", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["cost"]["signatures"] == told["answers"] - told["unreadable"] > 0
    assert told["cost"]["disk_bytes"] > 1024 * told["answers"] > 0
    assert not (tmp_path / "mine").exists()
    assert run(["store", "import", str(suspect), *where]) == 0
    before = (tmp_path / "mine" / "catalog.sqlite").read_bytes()
    assert run(["store", "import", str(suspect), *where, "--dry-run"]) == 0
    assert "1 unchanged" in capsys.readouterr().out
    assert run(["store", "rebuild", *where, "--dry-run", "--json"]) == 0
    cost = json.loads(capsys.readouterr().out)
    assert (cost["shards"], cost["signatures"]) == (0, told["cost"]["signatures"])
    assert (tmp_path / "mine" / "catalog.sqlite").read_bytes() == before
    assert not list((tmp_path / "mine").glob("gen-*"))


def test_the_nearest_stored_answers_to_a_text_are_found(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, answer = answers_of("gamma")[7]
    assert run(["store", "search", answer, "-k", "3", "--store", str(store), "--json"]) == 0
    hits = json.loads(capsys.readouterr().out)
    assert len(hits) == 3
    assert (hits[0]["model"], hits[0]["probe"], hits[0]["cosine"]) == ("gamma", "recorded/007", 1.0)
    assert hits[0]["cosine"] >= hits[1]["cosine"] >= hits[2]["cosine"]
    assert run(["store", "search", "[bold]\x1b[31m", "--store", str(store)]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_a_search_by_the_index_says_what_that_finds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, said = tmp_path / "store", transcript("a", 300)
    with FingerprintStore.create(path) as made:
        made.add(said, "a")
    search = ["store", "search", said.replies[7].text, "--store", str(path), "--json"]
    assert run([*search, "--by-index"]) == 0
    told = capsys.readouterr()
    assert "searched exactly" in told.err
    monkeypatch.setattr(indexing, "EXACT_UP_TO", 10)
    assert run(["store", "rebuild", "--store", str(path)]) == 0
    capsys.readouterr()
    assert run([*search, "--by-index"]) == 0
    by_index = capsys.readouterr()
    assert "looked at" in by_index.err
    assert json.loads(by_index.out)[0] == json.loads(told.out)[0]
    assert run(search) == 0
    exact = capsys.readouterr()
    assert exact.out == told.out
    assert exact.err == ""


def test_an_embedder_that_is_not_there_is_one_line(
    tmp_path: Path, suspect: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add = [
        "store",
        "add",
        str(suspect),
        "--name",
        "x",
        "--store",
        str(tmp_path / "s"),
        "--embedder",
    ]
    assert run([*add, "word2vec"]) == 2
    assert "--embedder" in capsys.readouterr().err


def test_a_corpus_of_public_answers_is_one_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = tmp_path / "results"
    for name in ("alpha", "beta"):
        (corpus / name).mkdir(parents=True)
        rows = [{"instruction": p, "output": a, "generator": name} for p, a in answers_of(name)]
        (corpus / name / "model_outputs.json").write_text(json.dumps(rows))
    (tmp_path / "makers.csv").write_text("model,vendor,family\nalpha,acme,a\nbeta,bolt,b\n")
    where = ["--store", str(tmp_path / "mine")]
    assert (
        run(["store", "import", str(corpus), *where, "--metadata", str(tmp_path / "makers.csv")])
        == 0
    )
    assert "2 models added" in capsys.readouterr().out
    assert run(["store", "list", *where, "--json"]) == 0
    assert [(r["name"], r["vendor"]) for r in json.loads(capsys.readouterr().out)] == [
        ("alpha", "acme"),
        ("beta", "bolt"),
    ]


def test_one_maker_for_a_whole_import_is_asked_about_where_it_looks_misspelt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = tmp_path / "all.jsonl"
    rows = [
        {"prompt": p, "answer": a, "model": name}
        for name in ("alpha", "beta")
        for p, a in answers_of(name)
    ]
    answers.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    (tmp_path / "makers.csv").write_text("model,vendor,family\nalpha,acme,a\n")
    where = ["--store", str(tmp_path / "mine")]
    metadata = ["--metadata", str(tmp_path / "makers.csv")]
    assert run(["store", "import", str(answers), *where, *metadata, "--vendor", "Opnai"]) == 0
    told = capsys.readouterr().err
    assert "no maker is called Opnai (--vendor): did you mean OpenAI?" in told
    assert "names another maker than Opnai for 1 model, alpha first: the metadata's was" in told
    assert run(["store", "list", *where, "--json"]) == 0
    makers = [r["vendor"] for r in json.loads(capsys.readouterr().out)]
    assert makers == ["acme", "Opnai"]
    suspect = ["audit", f"recording:{answers},model=beta", *where, "--dry-run", "--vendor"]
    for vendor, slip in (("Acmee", "did you mean acme?"), ("OpenAI", ""), ("Zorbit", "")):
        assert run([*suspect, vendor]) == 0
        told = capsys.readouterr().err
        assert slip in told
        assert bool(slip) == ("did you mean" in told)


def test_detectors_are_listed_with_question_needs_and_source(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["detectors", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [r["name"] for r in rows][:2] == ["self_identification", "stylistic_overlap"]
    assert [r["name"] for r in rows] == [
        *detector_names(),
        "independence",
        "weight_alignment",
        "tokenizer_lineage",
    ]
    assert all(
        r["asks"]
        and r["needs"]
        and r["source"]
        and r["question"] in ("inheritance", "lineage", "service")
        for r in rows
    )
    assert run(["detectors"]) == 0


def test_doctor_names_versions_device_and_extras(capsys: pytest.CaptureFixture[str]) -> None:
    run(["doctor", "--json"])
    checks = {c["name"]: c for c in json.loads(capsys.readouterr().out)}
    assert {"python", "torch", "device", "cache", "httpx2", "bundled store"} <= set(checks)
    assert checks["python"]["state"] == "ok"


def test_doctor_tells_which_configuration_file_is_read_and_whether_it_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def told() -> dict[str, str]:
        run(["doctor", "--json", "--config", "none"])
        checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)}
        return dict(checks["auditor.toml"])

    monkeypatch.chdir(tmp_path)
    assert told()["state"] == "ok"
    (tmp_path / "auditor.toml").write_text("[audit]\nseed = 7\n", "utf-8")
    assert "[audit]" in told()["found"]
    (tmp_path / "auditor.toml").write_text("[audit", "utf-8")
    assert told()["state"] == "problem"


def test_doctor_prints_brackets_as_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(
        "auditor.doctor.version_of", lambda package: None if package == "httpx2" else "99.0"
    )
    run(["doctor"])
    assert "pip install 'distillation-auditor[openai]'" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command",
    [[], ["audit"], ["probe"], ["store"], ["store", "add"], ["store", "import"], ["report"]],
)
def test_every_command_has_help_with_an_example(
    command: Sequence[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*command, "--help"]) == 0
    told = capsys.readouterr().out
    assert "Usage: auditor" in told
    if command != ["store", "add"]:
        assert re.search(r"^\s+(\w+=\S+ )?auditor ", told, re.M)


def test_options_have_twins_in_the_environment(
    store: Path, suspect: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDITOR_STORE", str(store))
    monkeypatch.setenv("AUDITOR_AUDIT_OUT", str(tmp_path / "elsewhere"))
    assert run(["audit", str(suspect)]) == 0
    assert (tmp_path / "elsewhere" / "report.json").exists()


@pytest.mark.parametrize(
    "environment", [{"COLUMNS": "20"}, {"LC_ALL": "C", "NO_COLOR": "1"}, {"COLUMNS": "200"}]
)
def test_output_survives_narrow_windows_plain_locales_and_closed_pipes(
    store: Path, suspect: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    command = f"{sys.executable} -m auditor audit {suspect} --store {store} --out {tmp_path / 'r'} | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        encoding="utf-8",
    )
    assert "Traceback" not in done.stderr
    assert len(lines(done.stdout)) == 1
    assert "\x1b" not in done.stdout


def test_importing_the_package_is_quick_and_loads_no_model_library() -> None:
    code = "import sys, auditor.cli; print([m for m in ('torch', 'transformers', 'matplotlib', 'httpx2') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_list_of_commands_names_them_all_uncut_and_loads_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["--help"]) == 0
    told = capsys.readouterr().out.partition("Commands:\n")[2]
    assert {line.split()[0] for line in lines(told)} == set(TABLE)
    assert "..." not in told
    code = "import sys; from auditor.cli import run; run(['--help']); print({'numpy', 'torch'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize("group", ["bases", "control", "store"])
def test_no_line_about_a_command_is_cut_off(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([group, "--help"]) == 0
    told = capsys.readouterr().out.partition("Commands:\n")[2]
    assert len(lines(told)) > 2
    assert "..." not in told
