"""A sheet that was printed, filled in by hand and read back: the same answers in every form, and
nothing read against other questions than those that were asked."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from fingerprints.errors import AuditError, MalformedInput, UsageProblem
from fingerprints.probes import load_probe_set, parse_probes
from fingerprints.records import Arm, ProbeSet, Status
from fingerprints.sheets.forms import FORMS, is_sheet, read_filled, written
from fingerprints.sheets.sheet import (
    GAVE_NOTHING,
    LONGEST_NAME,
    QuestionSheet,
    sheet_by_code,
    sheet_of,
)
from fingerprints.subjects import open_subject, parse_spec
from fingerprints.subjects.kinds import recognised
from fingerprints.transcript import Transcript

HOSTILE = (
    "<script>alert(1)</script></textarea>",
    '=HYPERLINK("http://x")\n"quoted", and; more\ttabs',
    "#### 2 of 5 ####\n---- answer ----\nno mark without the tag",
    "line\u2028separator \x0c \x1b[31m \u202e é 日本 \U0001f600\n\n\nafter blank lines",
)


def sheet(probes: str = "identity:3,style:2", **more: Any) -> QuestionSheet:
    return sheet_of([choice.load() for choice in parse_probes(probes)], **more)


def as_table(blank: str, answers: dict[int, str], delimiter: str = ",") -> str:
    rows = list(csv.reader(io.StringIO(blank)))
    for number, answer in answers.items():
        rows[number][2] = answer
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue()


def as_text(blank: str, answers: dict[int, str]) -> str:
    out, number = [], 0
    for line in blank.split("\n"):
        out.append(line)
        if line.startswith("---- answer"):
            number += 1
            out.append(answers.get(number, ""))
    return "\n".join(out)


def as_saved(
    printed: QuestionSheet, answers: dict[int, str], nothing: frozenset[int] = frozenset()
) -> str:
    told = [
        {
            "number": q.number,
            "key": q.key,
            "question": q.text,
            "answer": answers.get(q.number, ""),
            "no_answer": q.number in nothing,
        }
        for q in printed.questions
    ]
    return json.dumps({"sheet": printed.code, "name": printed.name, "answers": told})


def read(text: str | bytes) -> Any:
    data = text.encode() if isinstance(text, str) else text
    return read_filled(data, "a sheet", load_probe_set)


FILLED = {"csv": as_table, "txt": as_text}


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("form", ["csv", "txt", "json"])
def test_a_pasted_answer_comes_back_as_it_was_pasted_in_every_form(form: str, hostile: str) -> None:
    printed, answers = sheet(name="Acme Chat"), {1: "I am Acme.", 4: hostile}
    if form == "json":
        text = as_saved(printed, answers)
    else:
        text = FILLED[form](written(printed, form), answers)  # type: ignore[arg-type]
    found = read(text)
    assert found.answers == answers
    assert found.sheet == printed
    assert (found.blank, found.nothing) == (3, frozenset())


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), min_size=1))
def test_any_answer_survives_table_and_text(answer: str) -> None:
    printed = sheet()
    wanted = {2: answer} if answer.strip() else {}
    for form in ("csv", "json"):
        table = as_table(written(printed, "csv"), {2: answer})
        found = read(table if form == "csv" else as_saved(printed, {2: answer}))
        assert found.answers == wanted or answer.strip() == GAVE_NOTHING
    found = read(as_text(written(printed, "txt"), {2: answer}))
    assert {k: v.strip("\n") for k, v in found.answers.items()} == {
        k: v.strip("\n") for k, v in wanted.items() if v.strip()
    } or answer.strip() == GAVE_NOTHING


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_what_spreadsheets_do_in_passing_changes_nothing(encoding: str, delimiter: str) -> None:
    printed = sheet("choices:2,identity:2")
    table = as_table(written(printed, "csv"), {1: "B", 3: "Acme, “Inc.”"}, delimiter)
    head, *rows = list(csv.reader(io.StringIO(table), delimiter=delimiter))
    shuffled = [[*head, "my notes"], *([*row, "x"] for row in reversed(rows)), [""] * len(head)]
    shuffled = [[*row[4:], *row[:4]] for row in shuffled]
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerows(shuffled)
    assert read(out.getvalue().encode(encoding)).answers == {1: "B", 3: "Acme, “Inc.”"}


def test_a_question_that_looks_like_a_formula_is_no_formula_in_the_table() -> None:
    probes = [{"id": "own/1", "text": "=1+1"}, {"id": "own/2", "text": "@who"}]
    own = ProbeSet.model_validate({"name": "own", "version": "1", "probes": probes})
    printed = sheet_of([own])
    rows = list(csv.reader(io.StringIO(written(printed, "csv"))))
    assert [row[1] for row in rows[1:]] == ["'=1+1", "'@who"]
    found = read_filled(as_table(written(printed, "csv"), {1: "2"}).encode(), "x", lambda name: own)
    assert found.answers == {1: "2"}


def test_a_product_that_gave_nothing_is_told_from_a_blank_line() -> None:
    printed = sheet()
    table = as_table(written(printed, "csv"), {1: "Acme", 2: GAVE_NOTHING})
    rows = list(csv.reader(io.StringIO(table)))
    rows[3][3] = "x"
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    for text in (out.getvalue(), as_saved(printed, {1: "Acme"}, frozenset({2, 3}))):
        found = read(text)
        assert (found.answers, found.nothing, found.blank) == ({1: "Acme"}, {2, 3}, 2)


def test_a_column_of_ticks_that_a_spreadsheet_filled_makes_no_empty_answer() -> None:
    printed = sheet()
    rows = list(csv.reader(io.StringIO(as_table(written(printed, "csv"), {1: "Acme"}))))
    for row, said in zip(rows[1:], ("FALSE", "TRUE", "false", "0", ""), strict=True):
        row[3] = said
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    found = read(out.getvalue())
    assert (found.answers, found.nothing, found.blank) == ({1: "Acme"}, {2}, 3)


def test_the_longest_name_of_a_product_is_read_back() -> None:
    printed = sheet(name="\U0001f411" * LONGEST_NAME)
    assert sheet_by_code(printed.code, "x", load_probe_set) == printed


def changed(old: str, new: str, count: int = -1) -> Any:
    return lambda text: text.replace(old, new, count)


REFUSED: dict[str, tuple[Any, str]] = {
    "another version of a set": (changed("@6", "@7", 1), "another version of the probe set"),
    "more questions than the set has": (changed("*3", "*300"), "another version"),
    "a damaged code": (changed("samples=", "sample="), "damaged"),
    "an edited question": (changed("Who made you?", "Who did not make you?"), "not worded"),
    "a question twice": (
        lambda text: text + "\n".join(text.split("\n")[1:2]) + "\n",
        "stands twice",
    ),
    "a stranger's question": (
        lambda text: text + "9,Who?,me,,identity/no-such\n",
        "no question of this sheet",
    ),
    "no answer's column": (changed("answer,no_answer", "a,b"), "the column answer is missing"),
    "no code": (changed("auditor-sheet/1", "sheet"), "the sheet's code is missing"),
    "a formula's error": (changed("Acme", "#NAME?"), "spoilt by the spreadsheet"),
    "an error in another language": (changed("Acme", "#BEZUG!"), "spoilt by the spreadsheet"),
    "a column twice": (changed("answer,no_answer", "answer,answer"), "answer stands twice"),
    "a row that is too long": (changed("Acme,", "Acme,,,,and more"), "row 2 has more cells"),
    "a row that is too short": (
        lambda text: (
            f"{text.partition(chr(10))[0].rpartition(',')[2]},question,answer\n"
            "identity/en-maker-1\n"
        ),
        "not worded",
    ),
    "a tick that is none": (changed("Acme,", ",vielleicht"), "'vielleicht' in the column"),
    "half a row": (lambda text: text + '9,"open', "no table"),
}


@pytest.mark.parametrize("named", REFUSED)
def test_a_sheet_of_other_questions_is_refused_with_what_to_do(named: str) -> None:
    change, said = REFUSED[named]
    table = as_table(written(sheet(), "csv"), {1: "Acme"}).replace("\r\n", "\n")
    with pytest.raises(MalformedInput, match=said) as caught:
        read(change(table))
    assert caught.value.next_step


def test_marks_of_a_text_that_were_lost_or_doubled_are_refused() -> None:
    printed = sheet()
    text = as_text(written(printed, "txt"), {1: "Acme"})
    with pytest.raises(MalformedInput, match="before the answer to question 1 is missing"):
        read(text.replace(f"---- answer · {printed.tag} ----", "", 1))
    with pytest.raises(MalformedInput, match="stands twice"):
        read(
            text.replace(
                "Acme",
                f"#### 1 of 5 · {printed.tag} ####\nWho made you?"
                f"\n---- answer · {printed.tag} ----",
            )
        )
    with pytest.raises(MalformedInput, match="before the question after 1 is missing"):
        read(text.replace(f"#### 2 of 5 · {printed.tag} ####\n", ""))
    with pytest.raises(MalformedInput, match="after its last line"):
        read(f"{text}\nan answer that was pasted too low")


def test_a_page_a_stranger_s_json_and_other_encodings_are_refused() -> None:
    with pytest.raises(MalformedInput, match="a page holds no answers") as caught:
        read(written(sheet(), "html"))
    assert "Save answers" in str(caught.value.next_step)
    for text in ("{}", '{"sheet": 3}', '{"sheet": "x", "answers": [1]}', "{" * 100_000, "[]", ""):
        with pytest.raises(MalformedInput):
            read(text)
    saved = as_saved(sheet(), {1: "Acme"})
    for old, new in (('"Acme"', "null"), ('"number": 1', '"number": Infinity'), ("false", '"no"')):
        with pytest.raises(MalformedInput, match="not what the page saves"):
            read(saved.replace(old, new))
    with pytest.raises(MalformedInput, match="UTF-8"):
        read(as_table(written(sheet(), "csv"), {1: "é"}).encode("latin-1"))


@pytest.mark.parametrize(
    ("probes", "samples", "said"),
    [("openings:2", 1, "bare text"), ("identity", 100, "5,000"), ("identity,identity", 1, "share")],
)
def test_what_can_not_be_asked_by_hand_is_refused_when_it_is_printed(
    probes: str, samples: int, said: str
) -> None:
    with pytest.raises(UsageProblem, match=said):
        sheet(probes, samples=samples)


def test_several_samples_are_lines_of_their_own(tmp_path: Path) -> None:
    printed = sheet("identity:2", samples=2)
    assert [q.key for q in printed.questions] == [
        "identity/en-maker-1",
        "identity/en-maker-1#1",
        "identity/en-maker-2",
        "identity/en-maker-2#1",
    ]
    assert sheet_by_code(printed.code, "x", load_probe_set) == printed
    said = recorded(tmp_path / "s.csv", as_table(written(printed, "csv"), {1: "a", 2: "b"}))
    assert [(r.sample, r.text) for r in said.replies] == [(0, "a"), (1, "b")]


def recorded(path: Path, text: str, spec: str | None = None) -> Transcript:
    path.write_text(text, encoding="utf-8")
    with open_subject(spec or str(path)) as subject:
        return subject.recorded()


def test_a_filled_sheet_is_a_recording_in_the_products_own_arm_with_blanks_counted(
    tmp_path: Path,
) -> None:
    printed = sheet(name="Acme Chat")
    text = as_saved(printed, {1: "I am Acme.", 4: "Once…"}, frozenset({2}))
    said = recorded(tmp_path / "Acme-Chat.sheet.json", text)
    assert said.identity.name == "Acme Chat"
    assert said.identity.kind == "recording"
    assert {r.arm for r in said.replies} == {Arm.OWN}
    assert {r.probe_id: r.status for r in said.replies} == {
        "identity/en-maker-1": Status.OK,
        "identity/en-maker-2": Status.EMPTY,
        printed.questions[3].probe.id: Status.OK,
    }
    assert [e.kind for e in said.events] == ["unanswered"]
    assert said.events[0].detail.startswith("2 of 5 questions")
    assert said.header.probe_sets == (), "how a product samples is not known"
    assert any("by hand" in note for note in said.identity.notes)


def test_a_sheet_in_which_nothing_is_filled_in_is_refused(tmp_path: Path) -> None:
    for form, suffix in (("csv", "csv"), ("txt", "txt")):
        path = tmp_path / f"blank.{suffix}"
        with pytest.raises(MalformedInput, match="nothing is filled in"):
            recorded(path, written(sheet(), form))  # type: ignore[arg-type]


def test_a_path_alone_is_known_for_a_sheet_and_others_files_are_not(tmp_path: Path) -> None:
    for form in FORMS:
        path = tmp_path / f"s.{form}"
        path.write_text(written(sheet(), form), encoding="utf-8")
        assert recognised(path) == "sheet"
        assert parse_spec(f"{path},model=Acme").options == {"model": "Acme"}
    saved = tmp_path / "s.json"
    saved.write_text(as_saved(sheet(), {}), encoding="utf-8")
    assert recognised(saved) == "sheet"
    other = tmp_path / "answers.json"
    other.write_text('[{"prompt": "a", "answer": "b"}]', encoding="utf-8")
    assert recognised(other) == "recording"
    assert not is_sheet(tmp_path)
    assert not is_sheet(tmp_path / "absent.csv")


def test_a_set_of_ones_own_is_named_by_its_file(tmp_path: Path) -> None:
    told = {"name": "mine", "version": "1", "probes": [{"id": "mine/1", "text": "Who?"}]}
    own = tmp_path / "mine.yaml"
    own.write_text(yaml.safe_dump(told))
    printed = sheet(str(own))
    path, text = tmp_path / "s.csv", as_table(written(printed, "csv"), {1: "Acme"})
    with pytest.raises(AuditError, match=r"probes=FILE\.yaml"):
        recorded(path, text)
    said = recorded(path, text, f"sheet:{path},probes={own}")
    assert [r.text for r in said.replies] == ["Acme"]
    own.write_text(yaml.safe_dump({**told, "version": "2"}))
    with pytest.raises(MalformedInput, match="another version"):
        recorded(path, text, f"sheet:{path},probes={own}")
