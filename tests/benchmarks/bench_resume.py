"""Whether a control that is killed anywhere ends as one that was left alone, and what its teacher
is asked again.

``python -m tests.benchmarks.bench_resume [--points 10] [--seed 1]``; prints a Markdown table. A
tiny student learns from an endpoint on this machine that counts its questions; each row is a new
control, killed once (SIGKILL) at a random moment of one stretch of its making, from curation to
card, and then ended by the same call. Bytes are compared, not timed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.auditor.controls.interrupted import CONCURRENCY, QUESTIONS, Point, killed_points


def main() -> int:
    """Prints a row a kill and a summary; returns 1 where anything differed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        points = killed_points(Path(folder), args.points, args.seed)
    print(f"{QUESTIONS} questions, up to {CONCURRENCY} at a time; seed {args.seed}.\n")
    print(
        "| killed at | while | asked, kept till then | kept, asked again | under way, asked again | weights, lineage, card |"
    )
    print("|---:|---|---:|---:|---:|---|")
    for point in points:
        print(_row(point))
    good = sum(p.good for p in points)
    print(
        f"\n{good} of {len(points)} ended as the one left alone; {sum(p.twice for p in points)} kept answers asked again."
    )
    return 0 if good == len(points) else 1


def _row(p: Point) -> str:
    late = f" + {p.late_ms:g} ms" if p.late_ms else ""
    equal = ", ".join(
        "equal" if same else "DIFFERENT"
        for same in (p.same_weights, p.same_lineage, p.same_figures)
    )
    return f"| {p.event}/{p.events}{late} | {p.stage} | {p.asked_before}, {p.kept_before} | {p.twice} | {p.lost} | {equal} |"


if __name__ == "__main__":
    sys.exit(main())
