"""The forms of a sheet: a table (CSV), a text, a page that saves what is filled in (HTML), and the
file that the page saves (JSON).

What is read was edited by strangers' programs: another delimiter, another encoding, other line ends
and rows in another order are all the same sheet. Knows files; knows no subject.
"""

from __future__ import annotations

import base64
import codecs
import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal, get_args

import jinja2
from markupsafe import Markup
from pydantic import BaseModel, ConfigDict

from fingerprints.errors import MalformedInput, printable
from fingerprints.records import Spoken
from fingerprints.sheets.sheet import (
    GAVE_NOTHING,
    MARK,
    REQUIREMENTS,
    Filled,
    Loads,
    QuestionSheet,
    filled,
    sheet_by_code,
)

Form = Literal["csv", "txt", "html"]
FORMS: tuple[Form, ...] = get_args(Form)
SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".json", ".html", ".htm"})
HEAD = 1 << 14
"""Bytes among which the mark of a sheet stands: the page has its style before it."""
LARGEST = 64 << 20
DELIMITERS = ",;\t"
COLUMNS = ("number", "question", "answer", "no_answer")
TICKS = frozenset({"x", "1", "yes", "y", "true", "✓", "✔", "☑", "☒", GAVE_NOTHING})
UNTICKED = frozenset({"", "0", "no", "n", "false", "-", "☐"})
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
Given = Iterator[tuple[int, str, str, bool]]


def written(sheet: QuestionSheet, form: Form) -> str:
    """The blank sheet in a form, as text with ``\\n`` as line ends."""
    return {"csv": _table, "txt": _text, "html": _page}[form](sheet)


def is_sheet(path: Path) -> bool:
    """Whether a file is a sheet, by ending and first bytes; False for what can't be read."""
    if path.suffix.casefold() not in SUFFIXES or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return MARK in _decoded(file.read(HEAD), "replace")
    except OSError:
        return False


def read_filled(data: bytes, where: object, loads: Loads) -> Filled:
    """A filled sheet of any form. Raises MalformedInput, with where and what to do, for what is
    none, for a page that was saved instead of its answers, and what `filled` raises."""
    if len(data) > LARGEST:
        raise _bad(f"it is larger than {LARGEST:,} bytes", where)
    try:
        text = _decoded(data, "strict")
    except UnicodeDecodeError as error:
        step = "save it again as UTF-8 (in Excel: CSV UTF-8)"
        raise MalformedInput(
            "it is neither UTF-8 nor UTF-16", where=where, next_step=step
        ) from error
    begins = text.lstrip()[:200].casefold()
    if begins.startswith(("<!doctype html", "<html")):
        step = "press “Save answers” in the page, and give the file that it saves"
        raise MalformedInput("a page holds no answers", where=where, next_step=step)
    if begins.startswith("{"):
        return _from_json(text, where, loads)
    # A table's code may stand in its first column; no code holds a delimiter.
    first = text.lstrip().partition("\n")[0]
    is_text = first.startswith(MARK) and not any(delimiter in first for delimiter in DELIMITERS)
    return (_from_text if is_text else _from_table)(text, where, loads)


def _decoded(data: bytes, errors: str) -> str:
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding, errors)
    return data.decode("utf-8-sig", errors)


def _bad(said: str, where: object) -> MalformedInput:
    step = "print the sheet anew by `auditor questions`, and fill in a copy"
    return MalformedInput(said, where=where, next_step=step)


def _table(sheet: QuestionSheet) -> str:
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow((*COLUMNS, sheet.code))
    for question in sheet.questions:
        rows.writerow((question.number, _cell(question.text), "", "", _cell(question.key)))
    return out.getvalue()


def _cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _from_table(text: str, where: object, loads: Loads) -> Filled:
    first = text.lstrip("\n\r").partition("\n")[0]
    delimiter = max(DELIMITERS, key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise _bad(f"it is no table: {printable(str(error), 80)}", where) from error
    header = [cell.strip() for cell in rows[0]] if rows else []
    code = next((cell for cell in header if cell.startswith(MARK)), None)
    missing = [name for name in ("question", "answer") if name not in header]
    if code is None or missing:
        told = f"the column {missing[0]}" if missing else "the column with the sheet's code"
        raise _bad(f"{told} is missing in its first row", where)
    twice = next((n for n in (*COLUMNS, code) if header.count(n) > 1), None)
    if twice is not None:
        raise _bad(f"the column {printable(twice, 40)} stands twice in its first row", where)
    sheet = sheet_by_code(code, where, loads)
    return filled(sheet, _table_rows(rows, header, code, sheet, where), where)


def _table_rows(
    rows: list[list[str]], header: list[str], code: str, sheet: QuestionSheet, where: object
) -> Given:
    numbers = {question.key: question.number for question in sheet.questions}
    for line, row in enumerate(rows[1:], 2):
        held = dict(zip(header, row, strict=False))
        if not any(cell.strip() for cell in row):
            continue
        if any(cell.strip() for cell in row[len(header) :]):
            raise _bad(f"row {line} has more cells than the first row names", where)
        key = held.get(code, "").strip().removeprefix("'")
        if key not in numbers:
            raise _bad(f"row {line} has no question of this sheet: {printable(key, 60)!r}", where)
        marked = _marked(held.get("no_answer", ""), line, where)
        yield numbers[key], held.get("question", ""), held.get("answer", ""), marked


def _marked(cell: str, line: int, where: object) -> bool:
    """Whether a cell says that the product gave nothing: spreadsheets fill a column of ticks with
    FALSE, which must not make an empty answer of what was never asked."""
    said = cell.strip().casefold()
    if said not in TICKS | UNTICKED:
        told = f"row {line} has {printable(cell.strip(), 30)!r} in the column no_answer"
        raise _bad(f"{told}: write x, or leave it blank", where)
    return said in TICKS


def _text(sheet: QuestionSheet) -> str:
    of = len(sheet.questions)
    lines = [sheet.code, f"Product: {sheet.name}", "", REQUIREMENTS]
    lines += [f"Where the product gave no answer at all, write only {GAVE_NOTHING}", ""]
    for question in sheet.questions:
        lines += [f"#### {question.number} of {of} · {sheet.tag} ####", question.text]
        lines += [f"---- answer · {sheet.tag} ----", "", ""]
    return "\n".join([*lines, f"#### end · {sheet.tag} ####", ""])


def _from_text(text: str, where: object, loads: Loads) -> Filled:
    lines = text.lstrip().replace("\r\n", "\n").split("\n")
    sheet = sheet_by_code(lines[0], where, loads)
    return filled(sheet, _text_parts(lines, sheet, where), where)


def _text_parts(lines: list[str], sheet: QuestionSheet, where: object) -> Given:
    opens = re.compile(rf"#### ([0-9]{{1,5}}) of {len(sheet.questions)} · {sheet.tag} ####")
    answers, ends = f"---- answer · {sheet.tag} ----", f"#### end · {sheet.tag} ####"
    number, question, answer = 0, list[str](), list[str]()
    said: list[str] | None = None
    ended = False
    for line in [*lines[1:], ends]:
        found = opens.fullmatch(line.strip())
        if found or line.strip() == ends:
            if number and said is None:
                raise _bad(f"the line before the answer to question {number} is missing", where)
            if number:
                yield number, "\n".join(question), "\n".join(answer).strip("\n"), False
            number, question, answer, said = int(found[1]) if found else 0, [], [], None
            ended = found is None
        elif number and line.strip() == answers:
            if said is not None:
                raise _bad(f"the line before the question after {number} is missing", where)
            said = answer
        elif number:
            (question if said is None else said).append(line)
        elif ended and line.strip():
            raise _bad("something stands after its last line, and is no answer there", where)


def _page(sheet: QuestionSheet) -> str:
    style, script = (_shipped(name) for name in ("page.css", "page.js"))
    questions = [
        {"number": q.number, "key": q.key, "question": q.text, "sample": q.sample}
        for q in sheet.questions
    ]
    held = {"code": sheet.code, "name": sheet.name, "tag": sheet.tag, "questions": questions}
    # Within a script element only "<" could end it.
    data = json.dumps(held, ensure_ascii=False).replace("<", "\\u003c").replace("\u2028", " ")
    return _template().render(
        sheet=sheet,
        requirements=REQUIREMENTS,
        style=Markup(style),  # noqa: S704  (our own file)
        script=Markup(script),  # noqa: S704  (our own file)
        style_sha256=_hash(style),
        script_sha256=_hash(script),
        data=Markup(data),  # noqa: S704  (JSON without "<")
    )


@cache
def _shipped(name: str) -> str:
    """A file of the page that ships beside this module."""
    return files("fingerprints.sheets").joinpath(name).read_text("utf-8")


@cache
def _template() -> jinja2.Template:
    made = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return made.from_string(_shipped("page.html"))


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


class SavedAnswer(BaseModel):
    """What the page saves of one question."""

    model_config = ConfigDict(strict=True)

    number: int
    question: Spoken
    answer: Spoken
    no_answer: bool


class SavedSheet(BaseModel):
    """The file that the page saves: the sheet's code and what was filled in."""

    model_config = ConfigDict(strict=True)

    sheet: Spoken
    answers: list[SavedAnswer]


def _from_json(text: str, where: object, loads: Loads) -> Filled:
    try:
        saved = SavedSheet.model_validate(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise _bad("it is not what the page saves", where) from error
    given = ((a.number, a.question, a.answer, a.no_answer) for a in saved.answers)
    return filled(sheet_by_code(saved.sheet, where, loads), given, where)
