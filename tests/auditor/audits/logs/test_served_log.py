"""What was served, out of logs of every form: the same rows in the same order, nothing lost in
silence."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from auditor.audits.logs.plan import LogInput
from auditor.audits.logs.served_log import served_log
from auditor.audits.logs.tables import read_log
from auditor.audits.logs.warehouse import Warehouse, literal, warehouse
from auditor.cli import run
from fingerprints.errors import MalformedInput, UsageProblem
from fingerprints.recordings.frames import zstd_whole
from tests.auditor.audits.harvest.parrots import rows, write_log
from tests.auditor.audits.logs.made_logs import chats, write_jsonl

N = 3000
"""More rows than are fetched at once."""


@pytest.fixture
def house() -> Any:
    pytest.importorskip("duckdb")
    with warehouse(memory_gb=1) as made:
        yield made


def copied(house: Warehouse, log: Path, target: Path, how: str) -> Path:
    house.run(
        f"COPY (FROM read_json({literal(str(log))}, columns = {{time: 'VARCHAR', account: 'VARCHAR',"
        " prompt: 'VARCHAR', answer: 'VARCHAR', model: 'VARCHAR', temperature: 'DOUBLE'}))"
        f" TO {literal(str(target))} ({how})"
    )
    return target


def test_every_form_gives_the_same_rows_in_the_same_order(house: Warehouse, tmp_path: Path) -> None:
    told = [{k: r[k] for k in list(r)[:6] if k != "top_p"} for r in rows(N)]
    told[7]["answer"] = 'Two\nlines, a "quote" and ü'
    log = write_log(tmp_path / "log.jsonl", told)
    wanted = list(served_log(log).distinct())
    assert [row.prompt for row in wanted] == [row["prompt"] for row in told]
    with (tmp_path / "log.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(told[0]))
        writer.writeheader()
        writer.writerows(told)
    for name, how in (
        ("log.parquet", "FORMAT parquet, ROW_GROUP_SIZE 512"),
        ("log.csv.zst", "FORMAT csv, HEADER, COMPRESSION zstd"),
        ("log.jsonl.zst", "FORMAT json, COMPRESSION zstd"),
    ):
        reader = served_log(copied(house, log, tmp_path / name, how))
        assert list(reader.distinct()) == wanted, name
        assert reader.tally.read == reader.tally.used == N
    assert list(served_log(tmp_path / "log.csv").distinct()) == wanted
    assert list(served_log(tmp_path / "*.parquet").distinct()) == wanted


def test_a_folder_is_read_file_by_file_and_messages_stay_whole(
    house: Warehouse, tmp_path: Path
) -> None:
    turns = "[{'role': 'system', 'content': 'S.'}, {'role': 'user', 'content': 'One?'}]"
    house.run(
        f"COPY (SELECT 'a' AS account, {turns} AS prompt, 'Yes.' AS answer, 'nan'::DOUBLE AS"
        f" temperature, TIMESTAMP '2026-11-01 10:00:00' AS time) TO"
        f" {literal(str(tmp_path / 'b.parquet'))}"
    )
    write_log(tmp_path / "a.jsonl", rows(3))
    reader = served_log(tmp_path)
    found = list(reader.distinct())
    assert [row.prompt for row in found] == [*(row["prompt"] for row in rows(3)), "One?"]
    assert (found[3].system, found[3].temperature) == ("S.", None)
    assert (found[3].time, reader.tally.bad_numbers) == ("2026-11-01 10:00:00", 1)


def test_broken_rows_of_a_packed_log_are_counted(house: Warehouse, tmp_path: Path) -> None:
    lines = [json.dumps(row) for row in rows(3)]
    told = [lines[0], "{half", "[1]", *lines[1:]]
    listed = ", ".join(literal(line) for line in told)
    plain = r"FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01', COMPRESSION zstd"
    path = tmp_path / "log.jsonl.zst"
    house.run(f"COPY (SELECT unnest([{listed}])) TO {literal(str(path))} ({plain})")
    reader = served_log(path)
    assert len(list(reader.rows())) == 3
    assert (reader.tally.read, reader.tally.unreadable) == (5, 2)
    broken = ["account,prompt,answer", *(f"a,p{i},An." for i in range(9)), "a,p,An.,more"]
    listed = ", ".join(literal(line) for line in broken)
    path = tmp_path / "log.csv.zst"
    house.run(f"COPY (SELECT unnest([{listed}])) TO {literal(str(path))} ({plain})")
    reader = served_log(path)
    assert len(list(reader.rows())) == 9
    assert (reader.tally.read, reader.tally.unreadable) == (10, 1)


def test_half_a_packed_file_is_refused_here_and_named_by_a_scan(
    house: Warehouse, tmp_path: Path
) -> None:
    log = write_jsonl(tmp_path / "log.jsonl", chats(60, 1))
    path = tmp_path / "log.jsonl.zst"
    source = f"FROM read_json({literal(str(log))})"
    house.run(f"COPY ({source}) TO {literal(str(path))} (FORMAT json, COMPRESSION zstd)")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(MalformedInput, match="middle of its packing"):
        list(served_log(path).rows())
    whole = read_log(house, "log", LogInput((str(log), str(path))))
    assert whole.read.rows.cut_files == (str(path),)
    half = tmp_path / "half.parquet"
    half.write_bytes(b"PAR1 and no more")
    with pytest.raises(MalformedInput, match="can't be read"):
        list(served_log(half).rows())


def test_a_zstd_file_is_whole_only_at_the_end_of_a_frame(house: Warehouse, tmp_path: Path) -> None:
    path = tmp_path / "x.csv.zst"
    # More than a block of 128 KiB, of bytes that don't pack away.
    asked = "SELECT hash(i)::VARCHAR AS h FROM range(30000) t(i)"
    house.run(f"COPY ({asked}) TO {literal(str(path))} (FORMAT csv, COMPRESSION zstd)")
    packed = path.read_bytes()
    assert len(packed) > 1 << 17
    skipped = b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc"
    for whole in (packed, packed * 2, packed + skipped, skipped + packed):
        assert zstd_whole(io.BytesIO(whole))
    cuts = [*range(1, 40), *range(40, len(packed), 9973), *range(len(packed) - 9, len(packed))]
    for n in cuts:
        assert not zstd_whole(io.BytesIO(packed[:n])), n
    assert not zstd_whole(io.BytesIO(packed + b"no frame"))


def test_without_the_extra_plain_logs_are_read_and_others_are_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    log = write_log(tmp_path / "log.jsonl", rows(30))
    assert len(list(served_log(log).rows())) == 30
    (tmp_path / "log.parquet").write_bytes(b"PAR1")
    arguments = ["twins", "draw", str(tmp_path / "log.parquet"), "--teacher", "hf:./none"]
    assert run([*arguments, "--out", str(tmp_path / "twins.jsonl")]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "distillation-auditor[logs]" in err


def test_a_log_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log.xlsx").write_bytes(b"PK")
    with pytest.raises(UsageProblem, match="neither JSONL, CSV nor Parquet"):
        list(served_log(tmp_path / "log.xlsx").rows())
    with pytest.raises(MalformedInput, match="no log there"):
        list(served_log(tmp_path / "none.jsonl").rows())
