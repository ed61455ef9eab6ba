from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from fingerprints.errors import AuditError, MalformedInput
from fingerprints.importing import ImportReport, import_answers, looked_through
from fingerprints.journal import TranscriptWriter
from fingerprints.makers_csv import read_metadata
from fingerprints.progress import SILENT, Progress
from fingerprints.recordings.reading import AS_IT_IS, HowToRead
from fingerprints.store import FingerprintStore
from tests.fingerprints.stored import transcript, words

CSV = "model,vendor,family\nalpha,Alpha Inc,alpha\nbeta,Beta Ltd,beta\n"


def rows(model: str, n: int = 5, **more: object) -> list[dict[str, object]]:
    seed = sum(map(ord, model)) * 1000
    return [
        {"instruction": f"Question {i}?", "output": words(seed + i), "generator": model, **more}
        for i in range(n)
    ]


def alpaca(folder: Path, models: tuple[str, ...] = ("alpha", "beta")) -> Path:
    for model in models:
        (folder / model).mkdir(parents=True)
        (folder / model / "model_outputs.json").write_text(json.dumps(rows(model)))
    return folder


def lines(path: Path, *models: str) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for model in models for row in rows(model)))
    return path


def imported(
    store: FingerprintStore | None,
    path: Path,
    metadata: Path | None = None,
    progress: Progress = SILENT,
    how: HowToRead = AS_IT_IS,
    **options: Any,
) -> ImportReport:
    found = looked_through(path, metadata, progress, how)
    return import_answers(store, found, progress, **options)


@pytest.fixture
def store(tmp_path: Path) -> FingerprintStore:
    return FingerprintStore.create(tmp_path / "store")


def test_an_alpaca_eval_folder_becomes_one_model_a_folder(
    store: FingerprintStore, tmp_path: Path
) -> None:
    (tmp_path / "meta.csv").write_text(CSV)
    seen: list[tuple[int, int]] = []

    class Seen(Progress):
        def __call__(self, done: int, total: int, left: float | None = None) -> None:
            seen.append((done, total))

        def step(self, label: str, whole: bool = False) -> Progress:
            return Progress()

    report = imported(store, alpaca(tmp_path / "in"), tmp_path / "meta.csv", Seen())
    assert (report.added, report.answers, report.unreadable, report.skipped) == (
        ("alpha", "beta"),
        10,
        0,
        (),
    )
    assert [(t.name, t.vendor, t.family) for t in store.teachers()] == [
        ("alpha", "Alpha Inc", "alpha"),
        ("beta", "Beta Ltd", "beta"),
    ]
    assert sorted(r.text for r in store.transcript("alpha").replies) == sorted(
        str(r["output"]) for r in rows("alpha")
    )
    assert seen == [(0, 2), (1, 2), (2, 2)]
    assert store.teacher("alpha").source == "recording:in/alpha/model_outputs.json"


def test_one_file_of_many_models_is_taken_apart(store: FingerprintStore, tmp_path: Path) -> None:
    report = imported(store, lines(tmp_path / "all.jsonl", "beta", "alpha", "beta"))
    assert report.added == ("beta", "alpha")
    assert store.teacher("beta").n_answers == 5
    assert store.shared_prompts(store.transcript("alpha")) == {"alpha": 5, "beta": 5}


def test_a_folder_of_files_takes_names_from_rows_or_from_the_file(
    store: FingerprintStore, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    lines(folder / "x.jsonl", "alpha")
    (folder / "nameless.v2.jsonl.gz").write_bytes(
        gzip.compress(b'{"prompt": "Hi?", "answer": "Hello."}\n')
    )
    said = transcript("gamma", 4)
    with TranscriptWriter(folder / "run.jsonl", said.header, said.probes.values()) as writer:
        for reply in said.replies:
            writer.add(reply)
        writer.finish()
    (folder / "README.md").write_text("not an answer")
    report = imported(store, folder)
    assert sorted(report.added) == ["alpha", "gamma", "nameless.v2"]
    assert store.transcript("gamma").replies == said.replies
    assert report.unreadable == 1


def test_importing_twice_changes_nothing(store: FingerprintStore, tmp_path: Path) -> None:
    folder = alpaca(tmp_path / "in")
    imported(store, folder)
    digest = store.digest()
    again = imported(store, folder)
    assert (again.added, again.unchanged, again.answers) == ((), ("alpha", "beta"), 0)
    assert store.digest() == digest


def test_a_model_with_other_answers_is_skipped_unless_replaced(
    store: FingerprintStore, tmp_path: Path
) -> None:
    imported(store, alpaca(tmp_path / "in"))
    other = lines(tmp_path / "alpha.jsonl", "alpha")
    other.write_text(
        other.read_text() + '{"prompt": "More?", "answer": "Yes.", "model": "alpha"}\n'
    )
    report = imported(store, other)
    assert [(s.what, "other content" in s.reason) for s in report.skipped] == [("alpha", True)]
    assert imported(store, other, replace=True).added == ("alpha",)
    assert store.teacher("alpha").n_answers == 6


def test_a_dry_run_says_what_would_be_added_and_stores_nothing(
    store: FingerprintStore, tmp_path: Path
) -> None:
    folder = alpaca(tmp_path / "in")
    alone = imported(None, folder, dry_run=True)
    assert (alone.added, alone.answers, alone.unchanged) == (("alpha", "beta"), 10, ())
    assert imported(store, folder, dry_run=True) == alone
    assert store.teachers() == []
    done = imported(store, folder)
    assert done == alone
    assert imported(store, folder, dry_run=True).unchanged == ("alpha", "beta")
    other = lines(tmp_path / "alpha.jsonl", "alpha")
    other.write_text(other.read_text() + '{"prompt": "More?", "answer": "Y", "model": "alpha"}\n')
    refused = imported(store, other, dry_run=True)
    assert [(s.what, "other content" in s.reason) for s in refused.skipped] == [("alpha", True)]
    assert imported(store, other, dry_run=True, replace=True).added == ("alpha",)
    assert store.teacher("alpha").n_answers == 5


def test_a_bad_file_in_a_folder_is_skipped_and_said(
    store: FingerprintStore, tmp_path: Path
) -> None:
    folder = alpaca(tmp_path / "in")
    (folder / "broken").mkdir()
    (folder / "broken" / "model_outputs.json").write_text('[{"instruction": "x", "output": ')
    (folder / "empty.jsonl").write_text("")
    (folder / "other.jsonl").write_text('{"colour": "red"}\n')
    with pytest.raises(MalformedInput, match=r"3 of 5 files can't be read.*--allow-partial"):
        imported(store, folder)
    assert store.teachers() == []
    report = imported(store, folder, how=HowToRead(allow_partial=True))
    assert report.added == ("alpha", "beta")
    assert [s.what for s in report.skipped] == [
        "broken/model_outputs.json",
        "empty.jsonl",
        "other.jsonl",
    ]
    assert all(s.reason for s in report.skipped)


def test_what_became_of_every_row_is_counted(store: FingerprintStore, tmp_path: Path) -> None:
    path = lines(tmp_path / "alpha.jsonl", "alpha")
    said = '{"prompt": "More?", "answer": "", "model": "alpha"}\n'
    path.write_text(path.read_text() + said + "{oops\n")
    reading = imported(store, path, how=HowToRead(allow_partial=True)).reading
    assert (reading.answers, reading.empty, reading.failed, reading.unreadable) == (6, 1, 0, 1)
    assert reading.line.startswith("5 answers read; 1 empty; 1 of 7 can't be read (line 7: not")


def test_nothing_of_a_poor_file_is_stored(store: FingerprintStore, tmp_path: Path) -> None:
    path = lines(tmp_path / "alpha.jsonl", "alpha")
    path.write_text(path.read_text() + "{oops\n" * 3)
    with pytest.raises(MalformedInput, match="3 of 8"):
        imported(store, path)
    assert store.teachers() == []
    report = imported(store, path, how=HowToRead(allow_partial=True))
    assert (report.added, report.answers) == (("alpha",), 5)


def test_a_single_bad_file_is_an_error(store: FingerprintStore, tmp_path: Path) -> None:
    for content in ("", "rubbish\n", '{"colour": "red"}\n'):
        (tmp_path / "x.jsonl").write_text(content)
        with pytest.raises(MalformedInput):
            imported(store, tmp_path / "x.jsonl")
    with pytest.raises(MalformedInput):
        imported(store, tmp_path / "missing.jsonl")


def test_a_folder_without_recordings_is_an_error(store: FingerprintStore, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(MalformedInput, match=r"model_outputs\.json"):
        imported(store, tmp_path / "in")


def test_links_in_a_folder_are_not_followed(store: FingerprintStore, tmp_path: Path) -> None:
    folder = alpaca(tmp_path / "in", ("alpha",))
    secret = alpaca(tmp_path / "elsewhere", ("secret",))
    (folder / "linked").symlink_to(secret / "secret")
    lines(tmp_path / "private.jsonl", "private")
    (folder / "private.jsonl").symlink_to(tmp_path / "private.jsonl")
    os.mkfifo(folder / "pipe.jsonl")
    report = imported(store, folder, how=HowToRead(allow_partial=True))
    assert report.added == ("alpha",)
    assert [s.what for s in report.skipped] == [
        "linked/model_outputs.json",
        "pipe.jsonl",
        "private.jsonl",
    ]


def test_names_of_strangers_never_become_paths_or_terminal_codes(
    store: FingerprintStore, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "\x1b[31mred").mkdir()
    (folder / "\x1b[31mred" / "model_outputs.json").write_text(json.dumps(rows("red")))
    os.mkdir(os.fsencode(folder) + b"/\xff\xfe")
    (folder / os.fsdecode(b"\xff\xfe") / "model_outputs.json").write_text(json.dumps(rows("odd")))
    lines(folder / "x.jsonl", "../../../evil")
    before = sorted(tmp_path.iterdir())
    report = imported(store, folder)
    assert report.added == ("../../../evil",)
    assert len(report.skipped) == 2
    assert "\x1b" not in report.model_dump_json()
    assert sorted(tmp_path.iterdir()) == before


def test_models_that_the_csv_does_not_list_are_named(
    store: FingerprintStore, tmp_path: Path
) -> None:
    (tmp_path / "meta.csv").write_text("\ufeff" + CSV, encoding="utf-8")
    report = imported(store, alpaca(tmp_path / "in", ("alpha", "omega")), tmp_path / "meta.csv")
    assert report.without_metadata == ("omega",)
    assert store.teacher("omega").vendor == ""


def test_one_maker_for_all_gives_way_to_what_the_csv_says_and_that_is_told(
    store: FingerprintStore, tmp_path: Path
) -> None:
    (tmp_path / "meta.csv").write_text(CSV + "gamma,,g\n", encoding="utf-8")
    models = ("alpha", "beta", "gamma", "omega")
    found = alpaca(tmp_path / "in", models)
    report = imported(store, found, tmp_path / "meta.csv", vendor="alpha inc")
    made = [store.teacher(m).vendor for m in models]
    assert made == ["Alpha Inc", "Beta Ltd", "alpha inc", "alpha inc"]
    assert report.other_vendor == ("beta",)
    assert store.teacher("gamma").family == "g"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no column 'model'"),
        ("model,family\nx,y\n", "no column 'vendor'"),
        ("model,vendor,family\nx\n", "line 2: the row is too short"),
        ("model,vendor,family\n,a,b\n", "line 2: a row names no model"),
        ("model,vendor,family\nx,a,b\nx,c,b\n", "line 3: 'x' is listed twice"),
        ('model,vendor,family\n"x,a,b\n', "unexpected end"),
        ("model,vendor,family\nx,\x1b[31m,b\n", "not printable"),
        ("model,vendor,family\nx,Acme, Inc.,b\n", "line 2: the row has more fields"),
        ("model,model,vendor\nx,y,a\n", "two columns 'model'"),
        ('model,vendor\n"x\ny",a\n', "line 3: the model is longer .* or not printable"),
        ('model,vendor\n"x\u2028y",a\n', "line 2: the model is longer .* or not printable"),
        ("model,vendor\nz,b\u2028x,a\n", "line 2: the row has more fields"),
    ],
)
def test_a_bad_csv_is_told_in_one_line(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "meta.csv").write_text(text, "utf-8")
    with pytest.raises(MalformedInput, match=why) as caught:
        read_metadata(tmp_path / "meta.csv")
    assert "\n" not in caught.value.line()


def test_families_may_be_left_untold(tmp_path: Path) -> None:
    (tmp_path / "meta.csv").write_text("vendor,model\nAlpha Inc,alpha\n")
    assert read_metadata(tmp_path / "meta.csv") == {"alpha": ("Alpha Inc", "")}


def test_commas_that_end_a_row_and_a_spreadsheets_line_ends_change_nothing(tmp_path: Path) -> None:
    (tmp_path / "meta.csv").write_bytes(b"model,vendor\r\nx,a,,\r\n\r\ny,b\r\n")
    assert read_metadata(tmp_path / "meta.csv") == {"x": ("a", ""), "y": ("b", "")}


def test_what_can_not_be_read_is_refused_before_any_store_is_made(tmp_path: Path) -> None:
    (tmp_path / "meta.csv").write_text("model\n")
    folder = alpaca(tmp_path / "in")
    looked_through(folder, None)
    with pytest.raises(MalformedInput, match="no column 'vendor'"):
        looked_through(folder, tmp_path / "meta.csv")
    (tmp_path / "nothing").mkdir()
    for missing in (tmp_path / "none.jsonl", tmp_path / "nothing"):
        with pytest.raises(AuditError):
            looked_through(missing, None)


def test_a_csv_that_is_no_text_or_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "meta.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MalformedInput, match="UTF-8"):
        read_metadata(tmp_path / "meta.csv")
    with pytest.raises(AuditError):
        read_metadata(tmp_path / "missing.csv")


def test_a_dot_in_a_models_name_is_no_ending(store: FingerprintStore, tmp_path: Path) -> None:
    folder, names = tmp_path / "in", ("gpt-3.5-turbo-0301", "gpt-3.5-turbo-0613")
    folder.mkdir()
    for name in names:
        said = [{"prompt": f"Question {i}?", "answer": f"{name} {i}"} for i in range(3)]
        text = "".join(json.dumps(row) + "\n" for row in said)
        (folder / f"{name}.jsonl.gz").write_bytes(gzip.compress(text.encode("utf-8")))
    assert imported(store, folder).added == names


def test_one_bad_file_of_three_refuses_the_folder_and_one_of_twelve_does_not(
    store: FingerprintStore, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "bad.jsonl").write_text("{half")
    for i in range(2):
        lines(folder / f"m{i}.jsonl", f"m{i}")
    with pytest.raises(MalformedInput, match=r"1 of 3 files can't be read, bad\.jsonl first"):
        imported(store, folder)
    assert store.teachers() == []
    for i in range(2, 11):
        lines(folder / f"m{i}.jsonl", f"m{i}")
    report = imported(store, folder)
    assert (len(report.added), [s.what for s in report.skipped]) == (11, ["bad.jsonl"])
