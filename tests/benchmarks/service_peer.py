"""The other side of `bench_service --peer`: runs model-equality-testing on samples from stdin,
prints its p-values."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
from typing import Any


def main() -> None:
    """Reads runs of two samples of (prompt, answer), and prints {"p": [...], "seconds": a run}."""
    sys.path[:0] = [f"{sys.argv[1]}/src", f"{sys.argv[1]}/libs"]
    import numpy as np
    from model_equality_testing.algorithm import run_two_sample_test
    from model_equality_testing.distribution import CompletionSample
    from model_equality_testing.utils import tokenize_unicode

    def sample(rows: list[list[Any]], all_rows: list[list[Any]], prompts: int) -> Any:
        codes = np.asarray(tokenize_unicode([text for _, text in all_rows]))
        start = (
            0 if rows is all_rows else next(i for i, row in enumerate(all_rows) if row is rows[0])
        )
        return CompletionSample(
            np.array([i for i, _ in rows]), codes[start : start + len(rows)], m=prompts
        )

    runs, out, begun = json.load(sys.stdin), [], time.monotonic()
    for one, other in runs:
        both = [*one, *other]
        prompts = 1 + max(i for i, _ in both)
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            p, _ = run_two_sample_test(
                sample(one, both, prompts),
                sample(other, both, prompts),
                stat_type="mmd_hamming",
                b=1000,
            )
        out.append(float(p))
    print(json.dumps({"p": out, "seconds": (time.monotonic() - begun) / max(1, len(runs))}))


if __name__ == "__main__":
    main()
