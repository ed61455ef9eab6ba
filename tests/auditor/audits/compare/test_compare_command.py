"""`auditor compare` end to end: what it takes, what it writes, and what it refuses."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from auditor.cli import run
from fingerprints.journal import TranscriptWriter
from fingerprints.store import FingerprintStore
from tests.recordings import HABITS, answers_of, recorded, write_jsonl

FILES = ["compare.html", "compare.json", "matrix.svg", "tree.nwk", "tree.svg"]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Two runs of each of three invented models, as recorded answers."""
    return {
        f"{habit}-{seed}": str(
            write_jsonl(
                tmp_path / f"{habit}-{seed}.jsonl", answers_of(habit, seed=seed), f"{habit}-{seed}"
            )
        )
        for habit in ("alpha", "beta", "gamma")
        for seed in (0, 1)
    }


def record(out: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((out / "compare.json").read_text())
    return loaded


def test_two_runs_of_a_model_are_nearest_to_each_other_and_keep_together(
    files: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert run(["compare", *files.values(), "--out", str(out), "--resamples", "40"]) == 0
    found = record(out)
    assert {
        n["name"].split("-")[0] == n["nearest"].split("-")[0] and n["again"] == 1.0
        for n in found["nearest"]
    } == {True}
    groups = {frozenset(s["models"]): s["share"] for s in found["supports"]}
    everybody = set(files)
    for habit in ("alpha", "beta", "gamma"):
        two = frozenset({f"{habit}-0", f"{habit}-1"})
        assert groups.get(two, groups.get(frozenset(everybody - two))) == 1.0
    assert found["n_prompts"] == 60
    assert sorted(p.name for p in out.iterdir()) == FILES
    assert (out / "tree.nwk").read_text().count("'alpha-0'") == 1


def test_the_same_answers_and_seed_give_the_same_bytes_in_any_order(
    files: dict[str, str], tmp_path: Path
) -> None:
    for name, order in (("one", list(files.values())), ("two", list(files.values())[::-1])):
        assert run(["compare", *order, "--out", str(tmp_path / name), "--resamples", "10"]) == 0
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_store_alone_a_report_folder_and_a_name_of_ones_own(
    files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "store"
    with FingerprintStore.create(store) as opened:
        for habit in HABITS:
            opened.add(recorded(tmp_path, habit), name=habit, vendor=f"vendor of {habit}")
    assert (
        run(
            [
                "compare",
                "--store",
                str(store),
                "--out",
                str(tmp_path / "a"),
                "--resamples",
                "5",
                "--json",
            ]
        )
        == 0
    )
    told = json.loads(capsys.readouterr().out)
    assert [m["name"] for m in told["models"]] == sorted(HABITS)
    assert told["models"][0]["vendor"] == "vendor of alpha"
    report = tmp_path / "report"
    report.mkdir()
    transcript = recorded(tmp_path, "alpha", seed=1)
    with TranscriptWriter(
        report / "transcript.jsonl", transcript.header, transcript.probes.values()
    ) as writer:
        for reply in transcript.replies:
            writer.add(reply)
        writer.finish()
    command = [
        "compare",
        f"mine={report}",
        "--all",
        "--store",
        str(store),
        "--out",
        str(tmp_path / "b"),
        "--method",
        "average",
    ]
    assert run([*command, "--resamples", "0"]) == 0
    found = record(tmp_path / "b")
    assert {n["name"]: n["nearest"] for n in found["nearest"]}["mine"] == "alpha"
    assert found["low"] is None
    assert found["supports"] == []
    assert found["method"] == "average"


def test_two_models_have_a_distance_and_no_tree(
    files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, three = tmp_path / "out", list(files.values())[:3]
    assert run(["compare", *three, "--out", str(out), "--resamples", "5"]) == 0
    assert run(["compare", *three[:2], "--out", str(out), "--resamples", "5"]) == 0
    told = capsys.readouterr()
    assert "no tree" in told.err
    assert "Near is not inherited" in told.out
    assert sorted(p.name for p in out.iterdir()) == ["compare.html", "compare.json", "matrix.svg"]
    assert record(out)["newick"] is None
    assert record(out)["pairs"][0]["distance"] > 0


def test_hostile_names_are_text_everywhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [
        "<script>alert(1)</script>",
        "a\u202eb'(,);\x1b[31m",
        "]]>&amp;\n\ud800".encode("utf-8", "replace").decode(),
    ]
    paths = [
        str(write_jsonl(tmp_path / f"{i}.jsonl", answers_of(habit), name))
        for i, (habit, name) in enumerate(zip(HABITS, names, strict=False))
    ]
    out = tmp_path / "out"
    assert run(["compare", *paths, "--out", str(out), "--resamples", "5"]) == 0
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert "\u202e" not in told
    page = (out / "compare.html").read_text()
    assert "<script" not in page
    assert "\u202e" not in page
    assert " style=" not in page
    assert "default-src 'none'; style-src 'sha256-" in page
    for name in ("tree.svg", "matrix.svg"):
        text = (out / name).read_text()
        assert "<script" not in text
        assert "\u202e" not in text
        tags = {element.tag.rpartition("}")[2] for element in ET.fromstring(text).iter()}
        assert tags <= {"svg", "title", "style", "rect", "line", "circle", "text", "g", "path"}
    assert (out / "tree.nwk").read_text().count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["{a}"], 2, "at least two models"),
        (["{a}", "{a}"], 2, "two models are called 'alpha-0'"),
        (["{a}", "nobody"], 2, "neither a path nor a stored model"),
        (["{a}", "openai:gpt,base_url=http://x"], 2, "auditor probe"),
        (["{a}", "{other}"], 3, "share no prompts; 20 are needed"),
        (["{a}", "{folder}"], 3, "no report"),
        (["{a}", "{b}", "--out", "{taken}"], 3, "holds other files"),
        (["{a}", "x={many}"], 2, "one name for the 2 models"),
        (["{a}", "{b}", "--method", "best"], 2, "--method"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str],
    code: int,
    says: str,
    files: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("x")
    other = write_jsonl(
        tmp_path / "other.jsonl",
        [(f"Other question {i}?", f"Answer {i}.") for i in range(40)],
        "other",
    )
    many = tmp_path / "many.jsonl"
    many.write_text("".join(Path(files[name]).read_text() for name in ("beta-0", "gamma-0")))
    places = {
        "a": files["alpha-0"],
        "b": files["beta-0"],
        "other": str(other),
        "folder": str(tmp_path / "folder"),
        "taken": str(tmp_path / "taken"),
        "many": str(many),
    }
    given = [a.format(**places) for a in arguments]
    out = [] if "--out" in given else ["--out", str(tmp_path / "out")]
    assert run(["compare", *given, *out]) == code
    told = capsys.readouterr()
    assert says in told.err
    assert told.err.strip().count("\n") == 0
    assert told.out == ""


def test_a_file_of_several_models_gives_all_of_them(files: dict[str, str], tmp_path: Path) -> None:
    many = tmp_path / "many.jsonl"
    many.write_text("".join(Path(path).read_text() for path in files.values()))
    assert run(["compare", str(many), "--out", str(tmp_path / "out"), "--resamples", "0"]) == 0
    assert [m["name"] for m in record(tmp_path / "out")["models"]] == sorted(files)
