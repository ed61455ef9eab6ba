"""What a unit of a scan was served: its rows of the log, in canonical columns, for `auditor
harvest`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from auditor.audits.logs.column_sql import TURNS, columns_sql
from auditor.audits.logs.columns import CANONICAL
from auditor.audits.logs.mapping import mapped
from auditor.audits.logs.plan import LogInput
from auditor.audits.logs.private import hashed
from auditor.audits.logs.reading import canonical_sql, held_columns, time_kind, usable_sql
from auditor.audits.logs.records import ListedAccount
from auditor.audits.logs.sources import alike, ends_early, log_files, relation, salvaged
from auditor.audits.logs.warehouse import Warehouse, warehouse
from fingerprints.durable import replacing
from fingerprints.errors import MalformedInput, UsageProblem
from fingerprints.field_path import parsed_text
from fingerprints.served import plain_content

COLUMNS = (*CANONICAL, TURNS)


@dataclass(frozen=True)
class Selected:
    """How many rows were written, of how many accounts, how many of the rows have no answer, and
    which files of the log end in the middle: rows may be missing."""

    rows: int
    accounts: int
    without_answer: int
    cut_files: tuple[str, ...]


def select(
    log: LogInput, accounts: Sequence[ListedAccount], out: Path, salt: bytes | None, **how: Any
) -> Selected:
    """Writes the usable rows of some accounts as JSONL, by time; whole or not at all.

    ``how`` goes to `warehouse`. Names of a private scan are matched by its salt. Raises
    UsageProblem where it is missing or ``out`` is a file of the log, MalformedInput where the log
    has none of the accounts.
    """
    if salt is None and any(a.hashed for a in accounts):
        raise UsageProblem(
            "the scan was private: its accounts are salted hashes",
            next_step="give its salt with --salt",
        )
    with warehouse(**how) as house:
        cut = _gather(house, log, out)
        _choose(house, accounts, salt)
        n, known, empty = house.one(
            "SELECT count(*), count(DISTINCT account), count(*) FILTER (answer IS NULL)"
            " FROM served SEMI JOIN chosen USING (account)"
        )
        if not n:
            raise MalformedInput(
                "the log has no usable row of these accounts",
                next_step="give the log that was scanned, with the same --map"
                + (" and the scan's own --salt" if salt is not None else ""),
            )
        with replacing(out) as file:
            for line in _lines(house):
                file.write(line)
    return Selected(int(n), int(known), int(empty), cut)


def _gather(house: Warehouse, given: LogInput, out: Path) -> tuple[str, ...]:
    """The view ``served``: all usable rows in canonical columns. Returns the files that end in the
    middle of their packing, of which it holds what was whole."""
    named = log_files(given.arguments)
    if out.resolve() in (f.path.resolve() for f in named):
        raise UsageProblem("that file is of the log itself", where="--out")
    files = [salvaged(f, house.folder) for f in named]
    found, talks = mapped(house, files, given.given, given.preset)
    parts = []
    for group in alike(files):
        columns = columns_sql(held_columns(house, group, found), group[0].form, talks)
        source = relation(group, columns.wanted)
        inner = canonical_sql(columns.sql, source, time_kind(house, source, found))
        parts.append(f"SELECT {', '.join(COLUMNS)} FROM ({inner}) c WHERE {usable_sql()}")
    house.run(f"CREATE VIEW served AS SELECT DISTINCT * FROM ({' UNION ALL '.join(parts)})")
    both = zip(named, files, strict=True)
    return tuple(str(f.path) for f, read in both if read.cut or ends_early(f))


def _choose(house: Warehouse, accounts: Sequence[ListedAccount], salt: bytes | None) -> None:
    names = {a.account for a in accounts}
    if salt is not None and any(a.hashed for a in accounts):
        every = house.rows("SELECT DISTINCT account FROM served")
        names = {name for (name,) in every if hashed(name, salt) in names}
    house.given("chosen", {"account": np.array(sorted(names), dtype=object)})


def _lines(house: Warehouse) -> Iterator[bytes]:
    told = "strftime(time, '%Y-%m-%dT%H:%M:%S.%fZ')"
    rest = ", ".join(COLUMNS[1:])
    rows = house.stream(
        f"SELECT {told}, {rest} FROM served SEMI JOIN chosen USING (account)"
        " ORDER BY time, account, prompt, request_id, answer"
    )
    for row in rows:
        held = {k: _whole(v) for k, v in zip(COLUMNS, row, strict=True) if v is not None}
        turns = _asked(held.pop(TURNS, None))
        if turns:
            held["prompt"] = turns
        yield json.dumps(held, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"


def _asked(text: str | None) -> list[dict[str, Any]]:
    """The messages of a conversation up to the last question; none where the prompt is no list of
    messages. An answer depends on all of them: twins are drawn with them. A content of several
    parts stays as it is, so that a row that can't be drawn anew is counted there, not changed."""
    found = parsed_text(text)
    if not isinstance(found, list) or not all(isinstance(m, dict) and "role" in m for m in found):
        return []
    turns = [{"role": str(m["role"]), "content": plain_content(m.get("content"))} for m in found]
    asked = [i for i, turn in enumerate(turns) if turn["role"] == "user"]
    return turns[: asked[-1] + 1] if asked else []


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
