"""Rows of an API's log: forms, messages, numbers that are none, what is left out and counted."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from fingerprints import served
from fingerprints.errors import MalformedInput, UsageProblem
from fingerprints.records import Arm, Request
from fingerprints.served import LogReader, ServedAnswer, accounts_in, served_answer


def row(**more: Any) -> dict[str, Any]:
    return {"time": "2026-11-01T00:00:00Z", "account": "a", "prompt": "p?", "answer": "An.", **more}


def read(path: Path, *rows: Any) -> tuple[list[ServedAnswer], LogReader]:
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), "utf-8")
    reader = LogReader(path)
    return list(reader.distinct()), reader


def test_jsonl_csv_and_gzip_give_the_same_rows(tmp_path: Path) -> None:
    told = [row(prompt=f"p{i}", temperature=0.5, max_tokens=8 + i, model="m") for i in range(3)]
    jsonl, _ = read(tmp_path / "log.jsonl", *told)
    packed = tmp_path / "log.jsonl.gz"
    packed.write_bytes(gzip.compress((tmp_path / "log.jsonl").read_bytes()))
    columns = list(told[0])
    lines = [",".join(columns), *(",".join(str(r[c]) for c in columns) for r in told)]
    table = tmp_path / "log.csv"
    table.write_text("\n".join(lines) + "\n")
    assert list(LogReader(packed).rows()) == list(LogReader(table).rows()) == jsonl
    assert [r.max_tokens for r in jsonl] == [8, 9, 10]
    for path in (tmp_path / "log.jsonl", table):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
        assert list(LogReader(path).rows()) == jsonl


def test_a_row_of_a_table_whose_cells_are_shifted_is_no_row(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text('account,prompt,answer\na,Hello, world,Hi.\na,q\na,"Hello, world",Hi.\n')
    reader = LogReader(path)
    assert [(r.prompt, r.answer) for r in reader.rows()] == [("Hello, world", "Hi.")]
    assert (reader.tally.read, reader.tally.unreadable) == (3, 2)


def test_a_line_beyond_the_cap_is_counted_and_the_next_one_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served, "LONGEST_FIELD", 100)
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(json.dumps(r) for r in (row(answer="x" * 350), row(), row())))
    reader = LogReader(path)
    assert len(list(reader.rows())) == 1
    assert (reader.tally.read, reader.tally.unreadable, reader.tally.duplicate) == (3, 1, 1)


def test_messages_are_taken_apart_and_asked_again_as_they_were() -> None:
    turns = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "One?"},
        {"role": "assistant", "content": "Two."},
        {"role": "user", "content": "Three?"},
    ]
    found, _ = served_answer(row(prompt=turns))
    assert (found.prompt, found.system, len(found.history)) == ("Three?", "Be kind.", 2)
    request = Request(probe=found.probe(), arm=Arm.OWN)
    assert request.messages() == turns
    plain, _ = served_answer(row(prompt="Three?"))
    assert plain.asked() != found.asked()


def test_a_content_of_one_part_is_its_text() -> None:
    for part in ({"type": "text", "text": "Why?"}, {"type": "input_text", "text": "Why?"}, "Why?"):
        found, _ = served_answer(row(prompt=[{"role": "user", "content": [part]}]))
        assert found.asked() == served_answer(row(prompt="Why?"))[0].asked()


TWO = [{"role": "user", "content": [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}]}]
SEEN = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]


@pytest.mark.parametrize(
    "prompt", [None, 7, [], [{"role": "user"}], ["x"], {"a": 1}, TWO, SEEN], ids=str
)
def test_what_is_no_prompt_is_counted_as_unreadable(tmp_path: Path, prompt: object) -> None:
    rows, reader = read(tmp_path / "log.jsonl", row(prompt=prompt), row())
    assert (len(rows), reader.tally.unreadable) == (1, 1)


def test_numbers_that_are_none_are_left_out_and_counted_and_the_row_stays(tmp_path: Path) -> None:
    rows, reader = read(
        tmp_path / "log.jsonl",
        row(prompt="1", temperature=float("nan")),
        row(prompt="2", tokens_out=float("inf")),
        row(prompt="3", max_tokens="many", temperature="0.7"),
    )
    assert [r.temperature for r in rows] == [None, None, 0.7]
    assert reader.tally.bad_numbers == 3


def test_every_row_is_counted_in_one_place(tmp_path: Path) -> None:
    told = [
        row(),
        row(),
        row(request_id="1"),
        row(request_id="1", answer="Another."),
        row(prompt="q", status=500),
        row(prompt="q", finish="content_filter"),
        row(prompt="q", answer="  "),
        row(prompt="q", account="b"),
        "text",
    ]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(r) + "\n" for r in told) + "{half")
    reader = LogReader(tmp_path / "log.jsonl", frozenset("a"))
    assert len(list(reader.distinct())) == 1
    t = reader.tally
    assert (t.duplicate, t.repeated_prompt, t.unusable, t.without_answer) == (2, 1, 2, 1)
    assert (t.other_accounts, t.unreadable, t.used) == (1, 2, 1)
    left = t.duplicate + t.repeated_prompt + t.unusable + t.without_answer
    assert left + t.other_accounts + t.unreadable + t.used == t.read == 10


def test_which_of_a_prompts_answers_is_kept_does_not_depend_on_them(tmp_path: Path) -> None:
    clocks = [row(answer=a, time=f"2026-11-0{9 - i}") for i, a in enumerate(("x", "y", "z"))]
    rows, _ = read(tmp_path / "log.jsonl", *clocks)
    assert [r.answer for r in rows] == ["x"]  # the order of the file, whatever clocks say


def test_half_a_file_is_refused_and_not_read_to_where_it_ends(tmp_path: Path) -> None:
    whole = gzip.compress(
        "".join(json.dumps(row(prompt=str(i))) + "\n" for i in range(99)).encode()
    )
    path = tmp_path / "log.jsonl.gz"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MalformedInput, match="middle of its packing"):
        list(LogReader(path).rows())
    path.write_bytes(b"no gzip")
    with pytest.raises(MalformedInput, match="packing"):
        list(LogReader(path).rows())
    with pytest.raises(UsageProblem, match="JSONL or CSV"):
        list(LogReader(tmp_path / "log.parquet").rows())
    with pytest.raises(MalformedInput, match="can't be read"):
        list(LogReader(tmp_path / "none.jsonl").rows())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.txt", "a\n b \n\n"),
        ("c.json", '["a", "b"]'),
        ("c.json", '{"id": "c1", "accounts": ["a", "b"]}'),
        ("c.json", '[{"account": "a"}, {"account": "b"}]'),
        ("c.jsonl", '{"account": "a", "n": 3}\n{"account": "b", "n": 1}\n'),
        ("c.csv", "account,n\na,3\nb,1\n"),
        ("c.csv", "\ufeffaccount,n\na,3\nb,1\n"),
        ("c.txt", "\ufeffa\nb\n"),
    ],
)
def test_accounts_are_read_from_any_list(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert accounts_in(path) == {"a", "b"}


def test_several_units_of_a_scan_are_not_taken_for_one(tmp_path: Path) -> None:
    path = tmp_path / "accounts.jsonl"
    lines = [{"unit": "u1", "account": "a"}, {"unit": "u1", "account": "b"}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert accounts_in(path) == {"a", "b"}
    path.write_text(path.read_text() + json.dumps({"unit": "u2", "account": "c"}) + "\n")
    with pytest.raises(MalformedInput, match="several units"):
        accounts_in(path)


@pytest.mark.parametrize("text", ["", "\n\n", "{}", "[]", '{"accounts": []}'])
def test_a_list_of_nobody_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(MalformedInput, match="no account"):
        accounts_in(path)
