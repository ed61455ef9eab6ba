"""Reading logs: every form and packing gives the same rows, every row is counted, and what can't be
read is one line."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor.audits.logs.columns import parse_map
from auditor.audits.logs.plan import LogInput
from auditor.audits.logs.presets import PRESETS
from auditor.audits.logs.tables import LogTable, read_log
from auditor.audits.logs.warehouse import Warehouse, identifier, literal, warehouse
from fingerprints.errors import MalformedInput, UsageProblem
from fingerprints.field_path import FieldPath
from tests.auditor.audits.logs.made_logs import Row, chats, row, write_jsonl

pytest.importorskip("duckdb")

FACTS = "account, time, prompt_h, tokens_in, tokens_out, elicits, model, network"


@pytest.fixture
def house() -> Iterator[Warehouse]:
    with warehouse(memory_gb=1) as made:
        yield made


def read(house: Warehouse, *paths: object, **given: Any) -> LogTable:
    house.run("DROP TABLE IF EXISTS log")
    return read_log(house, "log", LogInput(tuple(str(p) for p in paths), **given))


def counts(log: LogTable) -> dict[str, int]:
    told = log.read.rows.model_dump(exclude={"cut_files"})
    return {name: n for name, n in told.items() if n}


def facts(house: Warehouse) -> list[tuple[Any, ...]]:
    return house.rows(f"SELECT {FACTS} FROM log WHERE fault = 0 ORDER BY ALL")


def test_every_form_and_packing_gives_the_same_rows(house: Warehouse, tmp_path: Path) -> None:
    rows = [r | {"model": "m", "network": "10.1.2.3"} for r in chats(10, 1)]
    plain = Path(write_jsonl(tmp_path / "log.jsonl", rows))
    (tmp_path / "log2.jsonl.gz").write_bytes(gzip.compress(plain.read_bytes()))
    with (tmp_path / "log.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    source = literal(str(plain))
    for target, how in (
        ("log.parquet", "FORMAT parquet"),
        ("log3.jsonl.zst", "FORMAT json, COMPRESSION zstd"),
    ):
        house.run(f"COPY (FROM read_json({source})) TO {literal(str(tmp_path / target))} ({how})")
    read(house, plain)
    wanted = facts(house)
    assert len(wanted) == len(rows)
    assert wanted[0][-1] == "10.1.2"
    for name in ("log2.jsonl.gz", "log.csv", "log.parquet", "log3.jsonl.zst"):
        log = read(house, tmp_path / name)
        assert facts(house) == wanted, name
        assert counts(log) == {"usable": len(rows)}


def test_a_folder_of_all_forms_is_one_log_and_repeats_count_once(
    house: Warehouse, tmp_path: Path
) -> None:
    rows = chats(5, 1)
    write_jsonl(tmp_path / "a.jsonl", rows)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress((tmp_path / "a.jsonl").read_bytes()))
    (tmp_path / "notes.txt").write_text("no log")
    log = read(house, tmp_path)
    assert counts(log) == {"usable": len(rows), "duplicate": len(rows)}
    assert counts(read(house, tmp_path / "*.jsonl")) == {"usable": len(rows)}


def test_each_row_is_counted_once_with_its_reason(house: Warehouse, tmp_path: Path) -> None:
    good = [row(f"a{i}", i, f"ask {i}", request_id=f"r{i}") for i in range(400)]
    bad = [
        row("", 1, "no account"),
        {k: v for k, v in row("x", 1, "gone").items() if k != "account"},
        row("a", 1, "  "),
        row("a", 1, "clock") | {"time": "yesterday"},
        row("a", 1, "clock") | {"time": "1970-01-01T00:00:09Z"},
        row("a", 1, "clock") | {"time": "2199-01-01"},
        {k: v for k, v in row("a", 1, "no time").items() if k != "time"},
        row("a", 1, "refused", status=429),
        good[3],
        row("a", 2, "numbers", tokens_in="NaN", tokens_out=-4),
        row("a", 24 * 300, "a clock that jumped a year ahead, alone") | {"time": "2025-03-01"},
    ]
    path = tmp_path / "log.jsonl"
    write_jsonl(path, good + bad)
    with path.open("a", encoding="utf-8") as file:
        file.write('not json\n{"time": "2026-03-03", "account": "half')
    log = read(house, path)
    assert counts(log) == {
        "usable": 401,
        "without_account": 2,
        "without_prompt": 1,
        "bad_clock": 4,
        "without_time": 1,
        "failed_request": 1,
        "duplicate": 1,
        "unreadable": 2,
        "bad_numbers": 1,
    }
    assert log.read.rows.read == 400 + len(bad) + 2


def test_csv_rows_that_are_broken_are_counted(house: Warehouse, tmp_path: Path) -> None:
    lines = ["time,account,prompt", *(f"2026-03-02 10:00:{i:02},a,ask {i}" for i in range(40))]
    lines[20] = "2026-03-02 10:00:00,a"
    path = tmp_path / "log.csv"
    path.write_text("\n".join(lines) + "\n")
    assert counts(read(house, path)) == {"usable": 39, "unreadable": 1}


def test_a_half_written_gzip_is_read_as_far_as_it_goes_and_named(
    house: Warehouse, tmp_path: Path
) -> None:
    rows = chats(100, 1)
    whole = gzip.compress("".join(json.dumps(r) + "\n" for r in rows).encode())
    path = tmp_path / "log.jsonl.gz"
    path.write_bytes(whole[: len(whole) // 2])
    other = write_jsonl(tmp_path / "rest.jsonl", [r | {"account": "z"} for r in rows[:5]])
    log = read(house, path, other)
    assert log.read.rows.cut_files == (str(path),)
    assert len(rows) // 3 < log.read.rows.usable < len(rows)
    path.write_bytes(b"no gzip at all")
    with pytest.raises(MalformedInput, match="not gzip"):
        read(house, path)


@pytest.mark.parametrize(
    "time",
    [
        "2026-03-02T10:00:00Z",
        "2026-03-02T11:00:00+01:00",
        "2026-03-02 10:00:00.000",
        "02/Mar/2026:12:00:00 +0200",
        1772445600,
        "1772445600",
        1772445600000,
        1772445600000000,
        1772445600.0,
    ],
)
def test_a_time_is_read_in_every_unit_and_form(
    time: object, house: Warehouse, tmp_path: Path
) -> None:
    path = write_jsonl(tmp_path / "log.jsonl", [row("a", 0, "hello") | {"time": time}])
    read(house, path)
    assert str(house.one("SELECT time FROM log")[0]) == "2026-03-02 10:00:00"


GATEWAYS: dict[str, Row] = {
    "openai": {
        "created_at": "2026-03-02T10:00:00Z",
        "user_id": "ann",
        "request": {
            "model": "m",
            "max_tokens": 9,
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "first"},
                {"role": "assistant", "content": "so"},
                {"role": "user", "content": [{"type": "text", "text": "think"}, {"text": "now"}]},
            ],
        },
        "response": {"choices": [{"message": {"content": "Yes."}}], "usage": {"prompt_tokens": 7}},
    },
    "litellm": {
        "startTime": "2026-03-02T10:00:00Z",
        "end_user": "ann",
        "messages": [{"role": "user", "content": "think\nnow"}],
        "response": {"choices": [{"message": {"content": "Yes."}}]},
        "model": "m",
        "prompt_tokens": 7,
        "request_id": "r",
        "requester_ip_address": "1.2.3.4",
    },
    "langfuse": {
        "startTime": "2026-03-02T10:00:00Z",
        "userId": "ann",
        "input": [{"role": "user", "content": "think\nnow"}],
        "output": {"role": "assistant", "content": "Yes."},
        "model": "m",
        "usage": {"input": 7},
    },
    "cloudflare": {
        "EdgeStartTimestamp": "2026-03-02T10:00:00Z",
        "ClientRequestUser": "ann",
        "RequestBody": json.dumps(
            {"model": "m", "messages": [{"role": "user", "content": "think\nnow"}]}
        ),
        "ResponseBody": json.dumps(
            {"choices": [{"message": {"content": "Yes."}}], "usage": {"prompt_tokens": 7}}
        ),
        "ClientIP": "1.2.3.4",
    },
    "nginx": {
        "time_local": "02/Mar/2026:10:00:00 +0000",
        "remote_user": "ann",
        "request_body": json.dumps(
            {"model": "m", "messages": [{"role": "user", "content": "think\nnow"}]}
        ),
        "response_body": json.dumps(
            {"choices": [{"message": {"content": "Yes."}}], "usage": {"prompt_tokens": 7}}
        ),
        "remote_addr": "1.2.3.4",
        "http_user_agent": "curl",
    },
    "azure": {
        "time": "2026-03-02T10:00:00Z",
        "callerIpAddress": "1.2.3.4",
        "properties": {
            "objectId": "ann",
            "requestBody": json.dumps(
                {"model": "m", "messages": [{"role": "user", "content": "think\nnow"}]}
            ),
            "responseBody": json.dumps(
                {"choices": [{"message": {"content": "Yes."}}], "usage": {"prompt_tokens": 7}}
            ),
        },
    },
}


@pytest.mark.parametrize("preset", [p for p in PRESETS if p != "canonical"])
def test_a_gateway_is_recognised_and_its_last_question_read(
    preset: str, house: Warehouse, tmp_path: Path
) -> None:
    path = write_jsonl(tmp_path / "log.jsonl", [GATEWAYS[preset]])
    log = read(house, path)
    assert log.read.preset == preset
    (found,) = house.rows(
        "SELECT account, prompt_h = hash('think\nnow'), tokens_in, model FROM log"
    )
    assert found[:2] == ("ann", True)
    assert found[2] == 7 or preset == "langfuse"
    assert found[3] == "m"


def test_who_asks_for_reasoning_is_read_from_prompt_and_system_prompt(
    house: Warehouse, tmp_path: Path
) -> None:
    asked = [
        row("a", 0, "Solve it and show your reasoning."),
        row("b", 1, "Solve it.", system="Think step by step."),
        row("c", 2, "请写出推导过程。"),
        row("d", 3, "Solve it.", system=None),
        row("e", 4, "Solve it, without explanation.", system="Think step by step."),
        row("f", 5, "Give the answer only, no reasoning."),
    ]
    read(house, write_jsonl(tmp_path / "log.jsonl", asked))
    assert [(f[0], f[5]) for f in facts(house)] == [
        ("a", True),
        ("b", True),
        ("c", True),
        ("d", False),
        ("e", True),
        ("f", False),
    ]


def test_a_wrong_map_names_the_keys_that_there_are(house: Warehouse, tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "log.jsonl", [{"when": 1772445600, "who": "a", "what": "hello"}])
    with pytest.raises(MalformedInput, match=r"keys are when, who, what"):
        read(house, path)
    with pytest.raises(MalformedInput, match=r"account=whom.*when, who, what"):
        read(house, path, given=parse_map("time=when,account=whom,prompt=what"))
    log = read(house, path, given=parse_map("time=when,account=who,prompt=what"))
    assert counts(log) == {"usable": 1}


def test_hostile_keys_are_quoted(house: Warehouse, tmp_path: Path) -> None:
    key = "a'b\"c; DROP TABLE log"
    rows = [{"time": 1772445600, "account": "x", key: {"p.q": "hello"}}]
    path = write_jsonl(tmp_path / "it's a log.jsonl", rows)
    log = read(house, path, given={"prompt": FieldPath(key, ("/p.q",), "odd")})
    assert counts(log) == {"usable": 1}
    assert house.one("SELECT prompt_h = hash('hello') FROM log") == (True,)
    assert identifier('a"b') == '"a""b"'


def test_a_name_with_the_signs_of_a_pattern_is_one_file(house: Warehouse, tmp_path: Path) -> None:
    folder = tmp_path / "a[b]"
    folder.mkdir()
    for name, account in (("log[1]", "a"), ("log1", "b"), ("lo*", "c"), ("l?g", "d")):
        write_jsonl(folder / f"{name}.jsonl", [row(account, 1, "hello")])
    for name, account in (("log[1]", "a"), ("lo*", "c"), ("l?g", "d")):
        assert counts(read(house, folder / f"{name}.jsonl")) == {"usable": 1}
        assert house.rows("SELECT account FROM log") == [(account,)]


def test_rows_that_python_cannot_read_are_no_end_of_a_log(house: Warehouse, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    huge = row("a", 1, "hello") | {"tokens_in": 7}
    lines = [json.dumps(huge).replace(": 7", f": {'7' * 5000}"), json.dumps(row("b", 1, "hi"))]
    path.write_text("\n".join(lines) + "\n")
    assert counts(read(house, path))["usable"] == 2


def test_paths_are_read_as_they_are_written() -> None:
    path = FieldPath.parse("request_body|choices[0].text")
    assert (path.key, path.pointers) == ("request_body", ("", "/choices/0/text"))
    assert FieldPath.parse("/a.b/c").pointers == ("/c",)
    for wrong in ("", "a..b", "|x", "a[x]"):
        with pytest.raises(UsageProblem):
            FieldPath.parse(wrong)


def test_no_log_and_an_empty_one_are_one_line(house: Warehouse, tmp_path: Path) -> None:
    with pytest.raises(MalformedInput, match="no log there"):
        read(house, tmp_path / "nothing.jsonl")
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(MalformedInput, match="no row"):
        read(house, tmp_path / "empty.jsonl")
    (tmp_path / "log.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(MalformedInput, match="can't be read"):
        read(house, tmp_path / "log.parquet")
