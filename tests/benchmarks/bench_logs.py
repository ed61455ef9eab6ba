"""What does a scan of an API's log cost, in time and memory?

``python -m tests.benchmarks.bench_logs --rows 1e7``; prints a Markdown table. DuckDB makes the log
from a fixed seed: chat accounts of very unequal size, and a hydra of 200 accounts with templates;
the first week is taken as benign. The scan is a process of its own, on ``--threads`` cores. How
well it finds is measured elsewhere: here only what it costs.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

_WORDS = """
about answer because before bicycle calendar carefully castle chemistry children coffee
contract customer derivative different document evening experiment explain family function
garden history holiday integral journey kitchen language letter machine mathematics meeting
morning mountain network number optimization package password picture polynomial possible
probability problem question recipe remember restaurant river science sentence summarise
theatre translate understanding university vegetable weather weekend window winter
"""
WORDS = _WORDS.split()
DAYS, ACCOUNTS, SEED = 14, 100_000, 7


def make(rows: int, out: Path, form: str) -> None:
    """Writes a log of so many rows: prompts of 40 words, a fiftieth of them of the hydra."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET threads = 2; SET memory_limit = '3GB'")
    connection.execute("SET preserve_insertion_order = false")
    connection.execute(f"SET temp_directory = '{out.parent}'")
    listed = ", ".join(f"'{word}'" for word in WORDS)
    body = (
        "array_to_string(list_transform(range(40), lambda j:"
        f" ([{listed}])[1 + (hash(i * 41 + j, {SEED}) % {len(WORDS)})::INT]), ' ')"
    )
    hydra = "hash(i, 1) % 50 = 0 AND hash(i, 5) % 14 > 6"
    unequal = f"(power(hash(i, 2) % 1000000 / 1e6, 3) * {ACCOUNTS})::INT"
    connection.execute(
        f"""COPY (SELECT make_timestamp(((1760054400 + 86400.0 * (hash(i, 5) % {DAYS})
          + CASE WHEN {hydra} THEN hash(i, 6) % 86400 ELSE 28800 + hash(i, 6) % 50000 END)
          * 1000000)::BIGINT) AS time,
        CASE WHEN {hydra} THEN 'h' || hash(i, 3) % 200 ELSE 'a' || {unequal} END AS account,
        CASE WHEN {hydra} THEN 'Solve problem ' || i || ': ' || {body} || ' Think step by step.'
          ELSE {body} END AS prompt,
        'model' AS model, (hash(i, 7) % 300)::INT AS tokens_in,
        (hash(i, 8) % 900)::INT + CASE WHEN {hydra} THEN 600 ELSE 0 END AS tokens_out,
        2048 AS max_tokens, 'stop' AS finish,
        CASE WHEN {hydra} THEN '10.0.' || hash(i, 9) % 4 || '.7'
          ELSE (hash(i, 9) % 200) || '.' || (hash({unequal}) % 60000) // 250 || '.'
          || (hash({unequal}) % 250) || '.3' END AS network,
        'sdk/' || (hash({unequal}) % 20) AS client, 'r' || i AS request_id, 200 AS status
        FROM range({rows}) t(i)) TO '{out}' (FORMAT {form})"""
    )


def measured(log: Path, threads: int) -> tuple[float, float, float]:
    """Wall seconds, processor seconds and peak gigabytes of one scan in its own process."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(
        [
            *(sys.executable, "-m", "auditor", "logs", "scan", str(log)),
            *("--benign-until", "2025-10-17", "--threads", str(threads)),
            *("--out", str(log.parent / "scan"), "--force"),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=None,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - began, spent, after.ru_maxrss / 1e6


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=float, nargs="+", default=[1e6])
    parser.add_argument("--form", choices=["parquet", "json"], nargs="+", default=["parquet"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="Where logs are made; kept if given.")
    given = parser.parse_args(arguments)
    print("| rows | form | GB | wall s | processor s | peak GB |")
    print("|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        for rows in given.rows:
            for form in given.form:
                suffix = "jsonl" if form == "json" else form
                log = (given.folder or Path(folder)) / f"log-{int(rows)}.{suffix}"
                if not log.exists():
                    make(int(rows), log, form)
                wall, spent, peak = measured(log, given.threads)
                size = log.stat().st_size / 1e9
                told = f"{size:.2f} | {wall:.0f} | {spent:.0f} | {peak:.1f}"
                print(f"| {int(rows):,} | {form} | {told} |", flush=True)


if __name__ == "__main__":
    main()
