"""Runs every benchmark behind docs/benchmarks.md, one after the other, and prints its tables as
Markdown.

``python -m tests.benchmarks [NAME …]``; each program also runs alone with ``--help``.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main(names: list[str]) -> int:
    """Runs the named benchmarks (all by default); returns the first exit code that is not 0."""
    found = sorted(p.stem.removeprefix("bench_") for p in Path(__file__).parent.glob("bench_*.py"))
    worst = 0
    for name in names or found:
        if name not in found:
            print(f"no benchmark is called {name}; there are {', '.join(found)}", file=sys.stderr)
            return 2
        print(f"\n## {name}\n", flush=True)
        code = subprocess.run(
            [sys.executable, "-m", f"tests.benchmarks.bench_{name}"], check=False
        ).returncode
        worst = worst or code
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
