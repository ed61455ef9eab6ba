"""Our training loop against TRL's `SFTTrainer`, and our logit distillation against a plain PyTorch
loop, in one run.

``python -m tests.benchmarks.bench_training [--model FILE.gguf] [--steps 10] [--rounds 3] [--threads
1] [--only sft|kd]`` prints Markdown. Each side of each round is a fresh process; the sides take
turns, and a ratio is taken within a round, so that a machine that slows down slows both. TRL is no
dependency of the project: ``pip install trl datasets`` installs it, and its table is left out, with
the reason, where it is missing. Compared are steps between the first and the last, in wall seconds
and in the processor's seconds (what other programs take away counts only in the former), and the
process's peak memory.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Told = dict[str, Any]
Figure = Callable[[Told], float]


@dataclass(frozen=True)
class Row:
    """One line of a table: what is compared, and how it is read from what a side told."""

    name: str
    read: Figure
    digits: int = 0


ROWS = (
    Row("tokens read per second", lambda t: t["read"] / t["wall"]),
    Row("tokens learned per second", lambda t: t["learned"] / t["wall"]),
    Row("tokens read per processor second", lambda t: t["read"] / t["cpu"]),
    Row("tokens learned per processor second", lambda t: t["learned"] / t["cpu"]),
    Row("whole call, processor seconds", lambda t: t["whole_cpu"], 1),
    Row("peak memory, MiB", lambda t: t["peak_mib"]),
    Row("peak above the opened model, MiB", lambda t: t["peak_mib"] - t["resident_mib"]),
)


def main() -> None:
    """Runs both comparisons, or the one that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = os.environ.get("AUDITOR_BENCH_MODEL", "")
    parser.add_argument(
        "--model",
        default=default,
        help="a GGUF file (default: $AUDITOR_BENCH_MODEL, then the demo's)",
    )
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--longest", type=int, default=288)
    parser.add_argument(
        "--precision", nargs="+", default=["float32", "bfloat16"], choices=["float32", "bfloat16"]
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kd-steps", type=int, default=60)
    parser.add_argument(
        "--folder",
        help="where prepared models and runs are kept (default: a folder that is removed)",
    )
    parser.add_argument("--only", choices=["sft", "kd"])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as fresh:
        shared = {
            "model": args.model,
            "folder": args.folder or fresh,
            "batch": args.batch,
            "threads": args.threads,
        }
        if args.only != "kd":
            for precision in args.precision:
                sft(
                    {
                        **shared,
                        "steps": args.steps,
                        "longest": args.longest,
                        "precision": precision,
                    },
                    args.rounds,
                )
        if args.only != "sft":
            kd(
                {
                    **shared,
                    "steps": args.kd_steps,
                    "longest": 384,
                    "precision": "float32",
                    "epochs": 3,
                },
                args.rounds,
            )


def sft(settings: Told, rounds: int) -> None:
    """Prints the table against TRL, or why there is none."""
    missing = [
        name
        for name in ("trl", "datasets", "accelerate", "peft")
        if importlib.util.find_spec(name) is None
    ]
    if missing:
        print(
            f"Against TRL: left out, {', '.join(missing)} not installed (`pip install trl datasets accelerate peft`).\n"
        )
        return
    if not settings["model"]:
        from auditor.demo import demo_model

        settings = {**settings, "model": str(demo_model()).removeprefix("gguf:")}
    side("prepare", settings)
    pairs = [
        tuple(side(name, settings) for name in _turn(("ours", "theirs"), n)) for n in range(rounds)
    ]
    print(
        f"### Against TRL {_version('trl')}, {settings['precision']}\n\n{_setting(settings, pairs[0][0])}\n"
    )
    print(comparison("TRL", [p if n % 2 == 0 else p[::-1] for n, p in enumerate(pairs)]))


def kd(settings: Told, rounds: int) -> None:
    """Prints the table of logit distillation against the plain loop."""
    side("kd_prepare", {**settings, "epochs": 1})
    pairs = [
        tuple(side(name, settings) for name in _turn(("kd_ours", "kd_plain"), n))
        for n in range(rounds)
    ]
    print(f"### Logit distillation against a plain loop\n\n{_setting(settings, pairs[0][0])}\n")
    print(comparison("plain loop", [p if n % 2 == 0 else p[::-1] for n, p in enumerate(pairs)]))


def _turn(names: tuple[str, str], number: int) -> tuple[str, str]:
    return names if number % 2 == 0 else (names[1], names[0])


def side(name: str, settings: Told) -> Told:
    """One side in a process of its own. Raises CalledProcessError, after its words, where it
    fails."""
    path = Path(settings["folder"]) / f"settings-{os.getpid()}.json"
    path.write_text(json.dumps(settings), "utf-8")
    threads = str(settings["threads"])
    quiet = {"OMP_NUM_THREADS": threads, "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.training_sides", name, str(path)],
        env={**os.environ, **quiet, "HF_DATASETS_CACHE": f"{settings['folder']}/datasets"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        print(done.stderr[-3000:], file=sys.stderr)
        done.check_returncode()
    told: Told = json.loads(done.stdout.strip().splitlines()[-1])
    if told:
        rates = ", ".join(f"{row.name} {row.read(told):,.1f}" for row in ROWS)
        print(f"{name}: {rates}", file=sys.stderr, flush=True)
    return told


def comparison(rival: str, pairs: Sequence[Sequence[Told]]) -> str:
    """Medians of both sides and the median ratio with its spread over rounds; then how far the
    losses are apart."""
    lines = [
        f"| | ours | {rival} | ours / {rival}, median ({len(pairs)} rounds: least to most) |",
        "|---|---:|---:|---|",
    ]
    for row in ROWS:
        mine, other = ([row.read(p[i]) for p in pairs] for i in (0, 1))
        ratios = sorted(a / b for a, b in zip(mine, other, strict=True))
        spread = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        medians = [f"{statistics.median(values):,.{row.digits}f}" for values in (mine, other)]
        lines.append(f"| {row.name} | {medians[0]} | {medians[1]} | {spread} |")
    if len({told["data"] for pair in pairs for told in pair}) > 1:
        raise ValueError("the sides read different tokens")
    apart = max(
        abs(a - b) for p in pairs for a, b in zip(p[0]["losses"], p[1]["losses"], strict=True)
    )
    first, last = pairs[0][0]["losses"][0], pairs[0][0]["losses"][-1]
    return "\n".join(
        [
            *lines,
            f"\nLoss {first:.4f} → {last:.4f}; largest difference of a step's loss: {apart:.1e}.\n",
        ]
    )


def _setting(settings: Told, told: Told) -> str:
    return (
        f"{Path(settings['model']).name or 'tiny models'}, batches of {settings['batch']}, rows of at most "
        f"{settings['longest']} tokens, {settings['precision']}, {settings['threads']} thread(s); "
        f"{told['steps']} timed steps with {told['read']:,} tokens read and {told['learned']:,} learned; "
        f"load {os.getloadavg()[1]:.1f}."
    )


def _version(name: str) -> str:
    from importlib.metadata import version

    return version(name)


if __name__ == "__main__":
    main()
