"""Whether commands that are killed anywhere end as those that were left alone, and what is asked
again.

``python -m tests.benchmarks.bench_kills [--points 50] [--seed 1] [COMMAND ...]``; prints a Markdown
table, a row a command. Each point is a new run that is killed once (SIGKILL), half of them at a
random moment, half when a file is touched, and then ended by the same command. The endpoint that is
asked runs on this machine and tells every request that it got. Records are compared, not timed.
Making controls has a program of its own: ``tests.benchmarks.bench_resume``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.auditor.killable import COMMANDS, CONCURRENCY
from tests.auditor.kills import KilledRun, killed_runs


def main() -> int:
    """Prints the table, and every run that ended otherwise; returns 1 where one did."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("commands", nargs="*", metavar="COMMAND", help=", ".join(COMMANDS))
    parser.add_argument("--points", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    unknown = [name for name in args.commands if name not in COMMANDS]
    if unknown:
        parser.error(f"no such command: {unknown[0]}")
    print(f"Up to {CONCURRENCY} questions at a time; seed {args.seed}.\n")
    print("| command | kills | ended as left alone | kept, asked again | under way, asked again |")
    print("|---|---:|---:|---:|---|")
    wrong: list[KilledRun] = []
    for name in args.commands or COMMANDS:
        with tempfile.TemporaryDirectory() as folder:
            runs = killed_runs(Path(folder), name, args.points, args.seed)
        print(_row(name, runs), flush=True)
        wrong += [r for r in runs if not r.good]
    for run in wrong:
        print(f"\n{run.command}, killed at {run.when}: {run}")
    return 1 if wrong else 0


def _row(name: str, runs: Sequence[KilledRun]) -> str:
    good, twice = sum(r.good for r in runs), sum(r.twice for r in runs)
    most = max((r.lost for r in runs), default=0)
    return f"| `{name}` | {len(runs)} | {good} | {twice} | {most} at most |"


if __name__ == "__main__":
    sys.exit(main())
