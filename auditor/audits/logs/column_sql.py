"""A column map as SQL: how each canonical column is read out of a row of JSON, CSV or Parquet.

Lists of messages give the last user's words; lists of parts are put together; a time is a time in
whatever unit or form it is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditor.audits.logs.columns import ColumnMap
from auditor.audits.logs.warehouse import identifier, literal
from fingerprints.field_path import FieldPath

SPEAKERS = {"prompt": "user", "answer": "assistant", "system": "system"}
"""Whose words are meant where a column holds a list of messages."""
TURNS = "turns"
"""Beside the canonical columns: all that stands where the prompt does, where it may be messages."""


@dataclass(frozen=True)
class LogColumns:
    """What a map leads to in files of one form: the keys to read with their types, and each
    canonical column as SQL over ``r``."""

    wanted: dict[str, str]
    sql: dict[str, str]


def columns_sql(found: ColumnMap, form: str, talks: Sequence[str]) -> LogColumns:
    """The columns of a map as SQL; ``talks``: columns that hold lists of messages or parts."""
    wanted: dict[str, str] = {}
    nested = {p.key for c, p in found.paths.items() if not p.plain or c in talks}
    for path in found.paths.values():
        wanted[path.key] = "JSON" if path.key in nested else "VARCHAR"
    sql = {}
    for column, path in found.paths.items():
        raw = _raw(path, form, path.key in nested)
        if path.key in nested:
            sql[column] = _said(raw, SPEAKERS[column]) if column in talks else f"({raw} ->> '$')"
        else:
            sql[column] = raw
    if "prompt" in talks:
        sql[TURNS] = f"({_raw(found.paths['prompt'], form, True)} ->> '$')"
    if "prompt" in talks and "system" not in sql:
        prompt = found.paths["prompt"]
        sql["system"] = _spoken(
            _raw(prompt, form, True), "(m ->> '$.role') IN ('system', 'developer')", "1"
        )
    return LogColumns(wanted, sql)


def _raw(path: FieldPath, form: str, nested: bool) -> str:
    value = f"r.{identifier(path.key)}"
    if not nested:
        return value
    if form == "csv":
        value = _reparsed(value)
    elif form == "parquet":
        value = f"to_json({value})"
    for i, pointer in enumerate(path.pointers):
        value = _reparsed(f"({value} ->> '$')") if i else value
        value = f"json_extract({value}, {literal(pointer)})" if pointer else value
    return value


def _reparsed(text: str) -> str:
    return f"(CASE WHEN json_valid({text}) THEN {text}::JSON END)"


def _said(value: str, role: str) -> str:
    """The last words of a role in a list of messages; parts put together; else the text itself."""
    chat = _spoken(value, f"(m ->> '$.role') = {literal(role)}", "-1")
    return (
        f"(CASE json_type({value}) WHEN 'ARRAY' THEN coalesce({chat}, {_parts(value)},"
        f" ({value} ->> '$')) ELSE ({value} ->> '$') END)"
    )


def _spoken(value: str, which: str, place: str) -> str:
    messages = f"(CASE WHEN json_type({value}) = 'ARRAY' THEN {value}::JSON[] END)"
    content = f"(list_filter({messages}, lambda m: {which})[{place}] -> '$.content')"
    text = f"({content} ->> '$')"
    return f"(CASE json_type({content}) WHEN 'ARRAY' THEN {_parts(content)} ELSE {text} END)"


def _parts(value: str) -> str:
    said = f"list_transform({value}::JSON[], lambda p: (p ->> '$.text'))"
    texts = f"list_filter({said}, lambda t: t IS NOT NULL)"
    return f"nullif(array_to_string({texts}, chr(10)), '')"


def time_sql(value: str, kind: str) -> str:
    """A time as a UTC timestamp, whatever it is written as; NULL where it is none."""
    if kind.startswith(("TIMESTAMP", "DATE")):
        return f"CAST({value} AS TIMESTAMP)"
    text = f"CAST({value} AS VARCHAR)"
    number = f"try_cast({text} AS DOUBLE)"
    seconds = (
        f"CASE WHEN abs({number}) < 1e11 THEN {number} * 1e6 WHEN abs({number}) < 1e14"
        f" THEN {number} * 1e3 WHEN abs({number}) < 1e17 THEN {number} WHEN abs({number}) < 1e20"
        f" THEN {number} / 1e3 END"
    )
    return (
        f"CASE WHEN {number} IS NOT NULL THEN make_timestamp(CAST({seconds} AS BIGINT)) ELSE"
        f" coalesce(CAST(try_cast({text} AS TIMESTAMPTZ) AS TIMESTAMP),"
        f" CAST(try_strptime({text}, '%d/%b/%Y:%H:%M:%S %z') AS TIMESTAMP)) END"
    )
