"""One pass over a log's files into a narrow table: who, when, how much, and hashes of what was
asked. Every row is kept and told: usable, or why it is not.

Words are looked at while they pass; only a sample of prompts stays, in the spill folder, for
templates. SQL does the work, so that a log may be larger than memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from auditor.audits.logs.column_sql import TURNS, columns_sql, time_sql
from auditor.audits.logs.columns import ColumnMap, named
from auditor.audits.logs.sources import LogFile, alike, ends_early, relation, salvaged
from auditor.audits.logs.warehouse import Warehouse, literal
from detectors.extraction.cues import asking, declining
from fingerprints.errors import MalformedInput
from fingerprints.progress import SILENT, Progress

FAULTS = (
    "unreadable",
    "without_time",
    "bad_clock",
    "without_account",
    "without_prompt",
    "failed_request",
    "duplicate",
)
"""Why a row is left out, in the order in which it is asked; a usable row has none."""
OLDEST = datetime(2015, 1, 1)
KEPT_TEXTS = 400_000
"""Prompts that are kept for templates, of the whole log, roughly."""
KEPT_LENGTH, ENDS, ENDING, SYSTEM = 400, 250, 64, 2000
BYTES_A_ROW = 700
LONELY_DAYS, LONELY_SHARE = 30, 0.01
"""A stretch of days so far from the rest, with so few of all rows, is a clock that jumped."""
WORDS = 4
"""Words of a prompt's beginning, and of its end, that tell its template."""
SLOT = r'"[^"]*"|\S*[0-9]\S*'
"""What changes from one use of a template to the next: quoted words, whatever holds a digit."""
TOPIC = r"\p{Han}{2}|\pL{7,}"
"""A word of content: two Han characters, or seven letters of any script."""


@dataclass(frozen=True)
class Ingested:
    """What was read: rows by fault (``usable`` among them), numbers that were none, the columns
    that are there, and files that ended in the middle."""

    counts: Mapping[str, int]
    bad_numbers: int
    columns: frozenset[str]
    cut: tuple[str, ...]
    first: datetime
    last: datetime


def ingest(
    house: Warehouse,
    table: str,
    files: Sequence[LogFile],
    found: ColumnMap,
    talks: Sequence[str],
    progress: Progress = SILENT,
) -> Ingested:
    """Reads files into ``table`` and counts every row.

    Raises MalformedInput for a file that can't be read, or where no row is usable.
    """
    every = max(1, sum(f.size for f in files) // BYTES_A_ROW // KEPT_TEXTS)
    groups, cut = alike(files), []
    lost = 0
    for i, group in enumerate(groups):
        progress(i, len(groups))
        rejected(house)  # of lines that were looked at before
        cut += _read(house, table, i == 0, group, found, talks, every)
        lost += rejected(house)
    _stray_clocks(house, table)
    _duplicates(house, table)
    return _counted(house, table, frozenset(found.paths), cut, lost)


def _read(
    house: Warehouse,
    table: str,
    new: bool,
    group: list[LogFile],
    found: ColumnMap,
    talks: Sequence[str],
    every: int,
) -> list[str]:
    """Files of one form into the table, which is made where it is new; returns those that end in
    the middle."""

    def put(files: Sequence[LogFile], new: bool) -> None:
        """The rows of files that one reader takes, into the table."""
        into = f"CREATE TABLE {table} AS" if new else f"INSERT INTO {table}"
        house.run(f"{into} {narrow_sql(house, files, found, talks, every)}")

    try:
        put(group, new)
        return [str(f.path) for f in group if ends_early(f)]
    except MalformedInput:
        rejected(house)  # what was read so far is read again
        whole = [salvaged(file, house.folder) for file in group]
        cut = [str(old.path) for old, new in zip(group, whole, strict=True) if new.cut]
        if not cut:
            raise
    for i, part in enumerate(alike(whole)):
        put(part, new and i == 0)
    return cut


def rejected(house: Warehouse) -> int:
    """Broken lines of CSV since the last call; one may be wrong in several ways."""
    made = house.rows("SELECT 1 FROM duckdb_tables() WHERE table_name = 'reject_errors'")
    if not made:
        return 0
    (n,) = house.one("SELECT count(DISTINCT (scan_id, file_id, line)) FROM reject_errors")
    house.run("DROP TABLE reject_errors")
    house.run("DROP TABLE reject_scans")
    return int(n)


def narrow_sql(
    house: Warehouse,
    group: Sequence[LogFile],
    found: ColumnMap,
    talks: Sequence[str],
    every: int,
) -> str:
    """The SELECT that makes the narrow table of files of one form."""
    columns = columns_sql(held_columns(house, group, found), group[0].form, talks)
    source = relation(group, columns.wanted)
    inner = canonical_sql(columns.sql, source, time_kind(house, source, found))
    return f"SELECT {_fault()} AS fault, {', '.join(_figures(every))} FROM ({inner}) c"


def usable_of_first(
    house: Warehouse, file: LogFile, found: ColumnMap, talks: Sequence[str], n: int
) -> tuple[int, int]:
    """How many rows a file begins with, up to ``n``, and how many of them are usable. Repeated rows
    and jumping clocks are not looked for. Raises what `ingest` does for one that can't be read."""
    rows = narrow_sql(house, [file], found, talks, 1)
    read, usable = house.one(
        f"SELECT count(*), count(*) FILTER (fault = 0) FROM (SELECT fault FROM ({rows}) LIMIT {n})"
    )
    return int(read), int(usable)


def held_columns(house: Warehouse, group: Sequence[LogFile], found: ColumnMap) -> ColumnMap:
    """The map without columns that these files don't have. Raises MalformedInput for a needed
    one."""
    if group[0].form == "jsonl":
        return found
    keys = {name for name, *_ in house.rows(f"DESCRIBE SELECT * FROM {relation(group)}")}
    here = ColumnMap({n: p for n, p in found.paths.items() if p.key in keys}, found.preset)
    if here.missing:
        raise MalformedInput(
            f"no column for {', '.join(here.missing)}; its keys are {named(sorted(keys))}",
            where=group[0].path,
            next_step="scan files of another form by themselves",
        )
    return here


def time_kind(house: Warehouse, source: str, found: ColumnMap) -> str:
    """The type of a log's times as it is read."""
    path = found.paths["time"]
    kinds = {name: kind for name, kind, *_ in house.rows(f"DESCRIBE SELECT * FROM {source}")}
    return str(kinds.get(path.key, "VARCHAR")) if path.plain else "VARCHAR"


def canonical_sql(sql: Mapping[str, str], source: str, time_kind: str = "VARCHAR") -> str:
    """The SELECT of the canonical columns: time as a timestamp, counts as numbers, the rest as
    text, NULL where a log has none."""
    numbers = ("tokens_in", "tokens_out", "max_tokens", "temperature", "top_p", "status")
    told = [f"{time_sql(sql['time'], time_kind)} AS time", f"{sql['time']} IS NULL AS timeless"]
    for name in ("account", "prompt", "answer", "system", "model", "finish", "network", "client"):
        told.append(f"CAST({sql.get(name, 'NULL')} AS VARCHAR) AS {name}")
    for name in ("key_prefix", "payment", "request_id", TURNS):
        told.append(f"CAST({sql.get(name, 'NULL')} AS VARCHAR) AS {name}")
    for name in numbers:
        value = f"CAST({sql.get(name, 'NULL')} AS VARCHAR)"
        told.append(f"{value} AS {name}_text, {_number(value)} AS {name}")
    return f"SELECT {', '.join(told)} FROM {source} r"


def _number(value: str) -> str:
    number = f"try_cast({value} AS DOUBLE)"
    return f"CASE WHEN isfinite({number}) AND {number} >= 0 THEN {number} END"


def usable_sql() -> str:
    """Whether a canonical row is usable; repeated rows are not asked after."""
    return f"{_fault()} = 0"


def _fault() -> str:
    newest = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=2)
    tests = (
        "timeless AND account IS NULL AND prompt IS NULL",
        "timeless",
        f"time IS NULL OR time < {literal(str(OLDEST))}::TIMESTAMP"
        f" OR time > {literal(str(newest))}::TIMESTAMP",
        "account IS NULL OR trim(account) = ''",
        "prompt IS NULL OR (length(prompt) < 64 AND trim(prompt) = '')",
        "status >= 400",
    )
    cases = " ".join(f"WHEN {test} THEN {i + 1}" for i, test in enumerate(tests))
    return f"CAST(CASE {cases} ELSE 0 END AS TINYINT)"


def _figures(every: int) -> tuple[str, ...]:
    # Cues stand at the ends; a long document between them need not be read.
    ends = f"left(prompt, {ENDS}) || ' ' || right(prompt, {ENDS})"
    asked = f"CASE WHEN length(prompt) <= {2 * ENDS} THEN prompt ELSE {ends} END"
    topic = f"regexp_extract(substr(prompt, length(prompt) // 3 + 1, 200), {literal(TOPIC)})"
    bad = " OR ".join(
        f"({n}_text IS NOT NULL AND {n}_text <> '' AND {n} IS NULL)"
        for n in ("tokens_in", "tokens_out", "max_tokens")
    )
    return (
        "account",
        "hash(account) AS account_h",
        "time",
        "hash(prompt) AS prompt_h",
        f"hash({_ending('left', '^')}) AS head_h",
        f"hash({_ending('right', '$')}, 1) AS tail_h",
        f"CASE WHEN {topic} <> '' THEN hash({topic}) END AS topic_h",
        # Where a log counts no tokens, four characters are about one.
        "CAST(coalesce(tokens_in, (length(prompt) + coalesce(length(system), 0)) / 4) AS FLOAT)"
        " AS tokens_in",
        "CAST(coalesce(tokens_out, length(answer) / 4) AS FLOAT) AS tokens_out",
        "(finish IN ('length', 'max_tokens', 'MAX_TOKENS', 'incomplete')"
        " OR tokens_out >= 0.98 * max_tokens) AS saturated",
        f"({_elicits(asked)} OR {_elicits(f'left(system, {SYSTEM})')}) AS elicits",
        "model",
        f"{_network('network')} AS network",
        "client",
        "key_prefix",
        "payment",
        # Of the hash, which is there already: a prompt may be long.
        "hash(hash(prompt), account, CASE WHEN request_id IS NULL THEN time END, request_id,"
        " CASE WHEN request_id IS NULL THEN answer END) AS same_h",
        f"({bad}) AS bad_number",
        f"CASE WHEN hash(hash(prompt), time) % {every} = 0 THEN concat_ws(' … ', left(prompt,"
        f" {KEPT_LENGTH}), CASE WHEN length(prompt) > {KEPT_LENGTH}"
        f" THEN right(prompt, {ENDS // 2}) END) END AS kept",
    )


def _elicits(text: str) -> str:
    """Whether a text asks for reasoning; one that is absent doesn't. The patterns come in the order
    in which they spare most."""
    english, roman, others = (f"regexp_matches({text}, {literal(p)})" for p in asking())
    return (
        f"CASE WHEN {english} OR {roman} OR (strlen({text}) > length({text}) AND {others})"
        f" THEN NOT regexp_matches({text}, {literal(declining())}) ELSE false END"
    )


def _ending(side: str, edge: str) -> str:
    """A prompt's first or last words, its slots masked."""
    masked = f"regexp_replace(lower({side}(prompt, {ENDING})), {literal(SLOT)}, '#', 'g')"
    words = rf"(?:\S+\s+){{0,{WORDS - 1}}}\S+"
    pattern = rf"^\s*{words}" if edge == "^" else rf"{words}\s*$"
    return f"regexp_extract({masked}, {literal(pattern)})"


def _network(name: str) -> str:
    """The /24 of an IPv4 address, the /48 of an IPv6 one, anything else as it is."""
    four, six = r"^\d+\.\d+\.\d+", r"^[0-9a-fA-F]*:[0-9a-fA-F]*:[0-9a-fA-F]*"
    return (
        f"coalesce(nullif(regexp_extract({name}, {literal(four)}), ''),"
        f" nullif(regexp_extract({name}, {literal(six)}), ''), {name})"
    )


def _stray_clocks(house: Warehouse, table: str) -> None:
    """Marks stretches of few rows, far from all others, as clocks that jumped."""
    days = house.rows(
        f"SELECT CAST(time AS DATE) AS day, count(*) FROM {table} WHERE fault = 0 GROUP BY 1"
        " ORDER BY 1"
    )
    islands: list[list[tuple[datetime, int]]] = []
    for day, n in days:
        near = islands and (day - islands[-1][-1][0]).days <= LONELY_DAYS
        islands[-1].append((day, n)) if near else islands.append([(day, n)])
    sizes = [sum(n for _, n in island) for island in islands]
    total = sum(sizes)
    for island, size in zip(islands, sizes, strict=True):
        if size < LONELY_SHARE * total and size < max(sizes):
            house.run(
                f"UPDATE {table} SET fault = {FAULTS.index('bad_clock') + 1} WHERE fault = 0"
                " AND CAST(time AS DATE) BETWEEN ? AND ?",
                (island[0][0], island[-1][0]),
            )


def _duplicates(house: Warehouse, table: str) -> None:
    """Marks all but the first of rows that say the same."""
    n, distinct = house.one(f"SELECT count(*), count(DISTINCT same_h) FROM {table} WHERE fault = 0")
    if n == distinct:
        return
    house.run(
        f"UPDATE {table} SET fault = {FAULTS.index('duplicate') + 1} WHERE fault = 0 AND rowid NOT"
        f" IN (SELECT min(rowid) FROM {table} WHERE fault = 0 GROUP BY same_h)"
    )


def _counted(
    house: Warehouse, table: str, columns: frozenset[str], cut: list[str], lost: int
) -> Ingested:
    names = ("usable", *FAULTS)
    found = house.rows(f"SELECT fault, count(*) FROM {table} GROUP BY 1")
    counts = {name: 0 for name in names} | {names[fault]: int(n) for fault, n in found}
    counts["unreadable"] += lost
    if not counts["usable"]:
        told = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in counts.items() if n)
        raise MalformedInput(
            f"no row of the log can be used: {told or 'it has none'}",
            next_step="look whether --map names the right columns",
        )
    held = [c for c in ("model", "network", "client", "key_prefix", "payment") if c in columns]
    bad, first, last, *known = house.one(
        "SELECT count(*) FILTER (bad_number), min(time), max(time)"
        f"{''.join(f', count({c})' for c in held)} FROM {table} WHERE fault = 0"
    )
    empty = {c for c, n in zip(held, known, strict=True) if not n}
    return Ingested(counts, int(bad), columns - empty, tuple(cut), first, last)
