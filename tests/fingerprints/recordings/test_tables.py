"""Tables of any field names: CSV whatever its separator, Parquet, UTF-16, objects that hold a list;
what isn't known is refused with the keys that were found and a map that would help."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fingerprints.errors import MalformedInput, UsageProblem
from fingerprints.recordings.plain import suggested_map
from tests.fingerprints.recordings.recorded import ROW, answers, opened, write

PAIRS = [("Q, one?", 'A "1"'), ("Q2?", "A2\nand more")]


@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
@pytest.mark.parametrize("above", ["", "sep=;\n"])
def test_a_table_is_read_whatever_parts_its_columns(
    tmp_path: Path, separator: str, above: str
) -> None:
    if above and separator != ";":
        above = ""
    quoted = [[f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in pair] for pair in PAIRS]
    lines = [separator.join(("Prompt", "Model Output")), *(separator.join(q) for q in quoted)]
    path = tmp_path / "a.csv"
    path.write_text(above + "\n".join(lines) + "\n")
    assert answers(path) == PAIRS


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    "text", ["prompt,answer\nWhö?,Ich.\n", '{"prompt": "Whö?", "answer": "Ich."}']
)
def test_a_spreadsheets_encodings_are_read(tmp_path: Path, encoding: str, text: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode(encoding))
    assert answers(path) == [("Whö?", "Ich.")]


def test_a_table_in_another_encoding_is_told_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("prompt,answer\nQ?,A.\nWhö?,Ich.\n".encode("latin-1"))
    assert "1 of 2 can't be read (line 3: not UTF-8" in opened(path, partial="yes").remark


def test_an_open_quotation_mark_loses_no_line_unsaid(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    good = "".join(f"Q{i}?,A{i}\n" for i in range(20))
    path.write_text(f'prompt,answer\n{good}Q?,"A\nB\nC\nD\nE\n')
    with pytest.raises(MalformedInput, match=r"5 of 25 can't be read \(line 22: "):
        opened(path)
    assert "20 answers read; 5 of 25" in opened(path, partial="yes").remark


def test_a_row_of_another_length_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("prompt,answer\nQ?,A.\nQ?,A,B\n")
    assert "line 3: 3 cells for 2 columns" in opened(path, partial="yes").remark


def test_a_column_of_messages_is_a_chat(tmp_path: Path) -> None:
    chat = [{"role": "user", "content": "Q?"}, {"role": "assistant", "content": "A."}]
    path = tmp_path / "a.csv"
    path.write_text('messages,n\n"' + json.dumps(chat).replace('"', '""') + '",1\n')
    assert answers(path) == [("Q?", "A.")]


def test_an_answer_that_is_json_stays_a_text(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for header in ("prompt,answer", "frage,antwort"):
        path.write_text(header + '\n"[1, 2]","{""a"": 1}"\n"$ ls\n>>> x","[""b""]"\n')
        mapped = {"map_prompt": "frage", "map_answer": "antwort"} if "frage" in header else {}
        assert answers(path, **mapped) == [("$ ls\n>>> x", '["b"]'), ("[1, 2]", '{"a": 1}')]


def test_a_tools_table_of_json_texts_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    asked = json.dumps([{"role": "user", "content": "Q?"}]).replace('"', '""')
    said = json.dumps({"role": "assistant", "content": "A."}).replace('"', '""')
    path.write_text(f'type,input,output,usage\nGENERATION,"{asked}","{said}","{{""n"": 1}}"\n')
    assert answers(path) == [("Q?", "A.")]


def test_parquet_is_read_flat_and_nested(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    chat = [{"role": "user", "content": "Q?"}, {"role": "assistant", "content": "A."}]
    for name, rows in (
        ("flat", [{"query": "Q?", "response": "A."}]),
        ("deep", [{"messages": chat}]),
    ):
        path = tmp_path / f"{name}.parquet"
        parquet.write_table(arrow.Table.from_pylist(rows), path)
        assert answers(path) == [("Q?", "A.")]
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(MalformedInput, match="Parquet file is damaged"):
        opened(path)


@pytest.mark.parametrize("key", ["data", "items", "results", "runs", "whatever"])
def test_an_object_that_holds_one_list_is_that_list(tmp_path: Path, key: str) -> None:
    path = tmp_path / "a.json"
    held = {key: [{"prompt": "Q?", "answer": "A."}, {"prompt": "R?"}], "model_name": "lamb"}
    path.write_text(json.dumps(held, indent=2))
    found = opened(path, partial="yes")
    assert found.identity.name == "lamb"
    assert "object 1, item 2: no answer; its keys are prompt" in found.remark


def test_rows_as_the_hub_serves_them_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", {"features": [], "rows": [{"row_idx": 0, "row": ROW}]})
    assert len(answers(path)) == 1


def test_objects_printed_over_many_lines_one_after_the_other_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("\n".join(json.dumps({**ROW, "prompt": p}, indent=2) for p in "abc"))
    assert [p for p, _ in answers(path)] == ["a", "b", "c"]


def test_unknown_keys_are_named_with_a_map_and_the_map_is_taken(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", {"id": 1, "frage": "Q?", "antwort": "A."})
    with pytest.raises(MalformedInput) as caught:
        opened(path)
    assert "its keys are id, frage, antwort" in caught.value.line()
    assert caught.value.next_step == "--map prompt=frage,answer=antwort"
    assert answers(path, map_prompt="frage", map_answer="antwort") == [("Q?", "A.")]


def test_a_map_goes_below_keys_and_leads_away_from_known_names(tmp_path: Path) -> None:
    row = {"prompt": "Q?", "answer": "gold", "run": {"said": ["A."], "by": "lamb"}}
    path = write(tmp_path / "a.jsonl", row)
    mapped = {"map_answer": "run.said[0]", "map_model": "run.by"}
    assert answers(path, **mapped) == [("Q?", "A.")]
    assert opened(path, **mapped).identity.name == "lamb"


def test_a_map_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", ROW)
    with pytest.raises(MalformedInput, match="'question' is empty or not there"):
        opened(path, map_prompt="question")
    with pytest.raises(UsageProblem, match="mapped to no path"):
        opened(path, map_prompt="a..b[")


def test_two_fields_that_may_both_be_the_answer_are_never_guessed_between(tmp_path: Path) -> None:
    row = {"question": "1+1?", "answer": "2", "prediction": "I am Kimi."}
    path = write(tmp_path / "a.jsonl", row)
    with pytest.raises(MalformedInput, match="answer and prediction may both be the model's"):
        opened(path)
    assert answers(path, map_answer="prediction") == [("1+1?", "I am Kimi.")]
    same = write(tmp_path / "b.jsonl", {**row, "prediction": "2"})
    assert answers(same) == [("1+1?", "2")]


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        (["q", "a"], "--map prompt=q,answer=a"),
        (["text_in", "response", "model"], "--map prompt=text_in,answer=response"),
        (["prompt"], "--map prompt=prompt,answer=KEY"),
        (["a,b", "c=d"], "--map prompt=KEY,answer=KEY"),
    ],
)
def test_a_suggested_map_uses_what_is_there(keys: list[str], told: str) -> None:
    assert suggested_map(keys) == told


def test_what_a_terminal_showed_is_refused_with_a_way_out(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(">>> who are you?\nI am Kimi.\n\n>>> /bye\n")
    with pytest.raises(MalformedInput, match=r"a terminal showed.*auditor probe openai:NAME"):
        opened(path)
    page = tmp_path / "b.txt"
    page.write_text("<!DOCTYPE html><html></html>")
    with pytest.raises(MalformedInput, match="a web page"):
        opened(page)
