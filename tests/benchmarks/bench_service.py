"""How often is a service that was replaced found, and one that was not accused?

    python -m tests.benchmarks.bench_service --zoo zoo/ --work DIR [--models DIR] [--peer DIR]

Answers are drawn again and again, without replacement, from the pools of `service_samples`: within
a prompt any choice of a model's own answers is as likely as any other, so that the runs of a null
are independent given the pool. Every run of the real model takes answers that no other run takes.
``--peer`` is a folder with the distribution ``model-equality-testing`` 0.0.2 unpacked: its test
reads the same samples.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors.base import Case, Detector, Measurement
from detectors.service.answer_spread import AnswerSpread
from detectors.service.mid_run_change import MidRunChange
from detectors.service.model_equality import discrepancies
from detectors.service.repeated import Asked, said
from detectors.service.sequential_equality import Bets, bets_on
from detectors.stats.char_kernel import hamming
from detectors.stats.intervals import clopper_pearson
from detectors.stats.relabelling import exact_p, labellings
from tests.benchmarks.service_draws import Draw, by_turns, case_of, drawn, half_way
from tests.benchmarks.service_samples import (
    REAL_RUNS,
    Pool,
    asked,
    null_pools,
    real_pools,
    zoo_pools,
)

Array = NDArray[np.float64]
ALPHA = 0.01
SIZES = (8, 16, 32, 64)
ROUNDS = 999
RUNS, NULL_RUNS, PEER_RUNS = 20, 60, 4
PEER_QUESTIONS = 16


def courses(pairs: Sequence[Asked], seed: int) -> tuple[Bets, Array]:
    """The bet question by question, and each question's discrepancy under every labelling: a
    smaller size is a beginning."""
    labels = labellings([a.sizes for a in pairs], ROUNDS, seed)
    return bets_on(pairs), discrepancies([hamming(a.texts) for a in pairs], labels)


def at_size(bets: Bets, by_prompt: Array, size: int) -> tuple[float, float]:
    """The bet's p-value at any look, and the two-sample test's at this size."""
    best = max(0.0, float(bets.log10_capital[:size].max()))
    return float(10.0**-best), exact_p(by_prompt[:size].mean(axis=0))


def decided(bet: float, fixed: float) -> bool:
    """What `auditor service --sequential` says of two such p-values (no likelihoods at hand)."""
    return 2 * min(bet, fixed) <= ALPHA


def false_alarms(pools: Sequence[Pool], work: Path, size: int = 32, runs: int = NULL_RUNS) -> None:
    """Every pool against itself."""
    counts = np.zeros(3, dtype=int)
    n = 0
    for pool in pools:
        transcript, _ = asked(pool, work)
        for seed in range(runs):
            pairs = drawn(transcript, transcript, Draw(seed), own=True)
            bet, fixed = at_size(*courses(pairs[:size], seed), size)
            counts += np.array([bet <= ALPHA, fixed <= ALPHA, decided(bet, fixed)])
            n += 1
    print(
        f"\nFalse alarms at {ALPHA:g}, {len(pools)} models against themselves, {size} questions, {n} runs:\n"
    )
    print("| test | false alarms | rate (95 %) |\n|---|---:|---|")
    names = (
        "the bet, a look after every question",
        "two-sample test, one look",
        "the decision of --sequential",
    )
    for name, k in zip(names, counts.tolist(), strict=True):
        low, high = clopper_pearson(k, n)
        print(f"| {name} | {k} of {n} | {k / n:.4f} ({low:.4f} to {high:.4f}) |")


def power(
    pools: Sequence[Pool], work: Path, sizes: Sequence[int], runs: int, fresh: int = 0
) -> None:
    """Each replacement against the first pool; ``fresh`` is the number of runs that share no
    answer, 0 where they do."""
    reference, _ = asked(pools[0], work)
    print(
        f"\n| replaced by | questions | the bet | two-sample test | decision | asked (median) |\n{'|---' * 6}|"
    )
    for pool in pools[1:]:
        endpoint, _ = asked(pool, work)
        runs_of = [
            courses(drawn(endpoint, reference, Draw(seed, fresh), own=False), seed)
            for seed in range(runs)
        ]
        for size in (n for n in sizes if n <= pool.questions):
            found = [at_size(bets, by_prompt, size) for bets, by_prompt in runs_of]
            after = [
                next((n for n in [bets.decided(ALPHA / 2)] if n and n <= size), size)
                for bets, _ in runs_of
            ]
            told = [
                sum(b <= ALPHA for b, _ in found),
                sum(f <= ALPHA for _, f in found),
                sum(decided(b, f) for b, f in found),
            ]
            print(
                f"| {pool.name} | {size} | {told[0]} | {told[1]} | **{share(told[2], runs)}** | {np.median(after):.0f} |",
                flush=True,
            )


def blends(pools: Sequence[Pool], work: Path, runs: int, fresh: int = 0) -> None:
    """Each replacement half-way and by turns: what the decision says, and what points at the
    cause."""
    reference, _ = asked(pools[0], work)
    print(f"\n| with | how | decision | mid_run_change | spread: more | less |\n{'|---' * 6}|")
    for pool in pools:
        endpoint, _ = asked(pool, work)
        for how in ("half-way", "by turns"):
            counts = np.zeros(4, dtype=int)
            for seed in range(runs):
                draw = Draw(seed, fresh)
                honest = drawn(reference, reference, draw, own=True)
                other = honest if pool is pools[0] else drawn(endpoint, reference, draw, own=False)
                run = (
                    half_way(honest, other) if how == "half-way" else by_turns(honest, other, seed)
                )
                case, found = case_of(run, reference), at_size(*courses(run, seed), len(run))
                change, spread = signed_p(MidRunChange(), case), signed_p(AnswerSpread(), case)
                counts += np.array(
                    [
                        decided(*found),
                        abs(change) <= ALPHA,
                        0 < spread <= ALPHA,
                        -ALPHA <= spread < 0,
                    ]
                )
            print(
                f"| {pool.name} | {how} | {' | '.join(share(k, runs) for k in counts.tolist())} |",
                flush=True,
            )


def signed_p(detector: Detector, case: Case) -> float:
    """A detector's p-value with the sign of its value."""
    found = detector.measure(case)
    assert isinstance(found, Measurement)
    assert found.null is not None
    assert found.null.p is not None
    return found.null.p if found.value >= 0 else -found.null.p


def share(k: int, n: int) -> str:
    """A count with Clopper and Pearson's interval."""
    low, high = clopper_pearson(k, n)
    return f"{k} of {n} ({low:.2f} to {high:.2f})"


def peer(pools: Sequence[Pool], work: Path, folder: Path) -> None:
    """The authors' own test on the same samples: pooled permutation, b = 1000."""
    reference, _ = asked(pools[0], work)
    print(
        f"\nmodel-equality-testing 0.0.2 beside ours, {PEER_QUESTIONS} questions, {PEER_RUNS} runs each:\n"
    )
    print(
        "| replaced by | theirs at 0.01 | ours at 0.01 | theirs, seconds a run | ours |\n|---|---:|---:|---:|---:|"
    )
    for pool in pools:
        own = pool is pools[0]
        endpoint = reference if own else asked(pool, work)[0]
        runs = [
            drawn(endpoint, reference, Draw(seed), own)[:PEER_QUESTIONS]
            for seed in range(PEER_RUNS)
        ]
        begun = time.monotonic()
        ours = [
            exact_p(
                discrepancies(
                    [hamming(a.texts) for a in r], labellings([a.sizes for a in r], ROUNDS, s)
                ).mean(axis=0)
            )
            for s, r in enumerate(runs)
        ]
        seconds = (time.monotonic() - begun) / PEER_RUNS
        rows = [
            [
                [[i, said(r)] for i, a in enumerate(run) for r in side(a)]
                for side in (_endpoint, _reference)
            ]
            for run in runs
        ]
        done = subprocess.run(
            [sys.executable, str(Path(__file__).parent / "service_peer.py"), str(folder)],
            input=json.dumps(rows),
            capture_output=True,
            text=True,
            check=True,
        )
        theirs = json.loads(done.stdout.splitlines()[-1])
        found = sum(p <= ALPHA for p in theirs["p"]), sum(p <= ALPHA for p in ours)
        name = "nobody" if own else pool.name
        print(
            f"| {name} | {found[0]} | {found[1]} | {theirs['seconds']:.2f} | {seconds:.2f} |",
            flush=True,
        )


def _endpoint(one: Asked):  # type: ignore[no-untyped-def]
    return one.endpoint


def _reference(one: Asked):  # type: ignore[no-untyped-def]
    return one.reference


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--zoo", type=Path, required=True, help="what `auditor control zoo` made")
    parser.add_argument("--work", type=Path, required=True, help="keeps the pools of answers")
    parser.add_argument(
        "--models", type=Path, help="the folder with the GGUF files: adds the real model"
    )
    parser.add_argument(
        "--peer",
        type=Path,
        help="model-equality-testing, unpacked, and matplotlib and tqdm beside it",
    )
    parser.add_argument("--parts", default="nulls,zoo,blends,peer,real")
    given = parser.parse_args()
    parts = given.parts.split(",")
    if "nulls" in parts:
        false_alarms(list(null_pools(given.zoo)), given.work)
    if "zoo" in parts:
        power(list(zoo_pools(given.zoo)), given.work, SIZES, RUNS)
    if "blends" in parts:
        blends(
            [
                p
                for p in zoo_pools(given.zoo)
                if "sibling" not in p.name and "distilled" not in p.name
            ],
            given.work,
            RUNS,
        )
    if "peer" in parts and given.peer is not None:
        chosen = ("base", "random-1", "fine-tuned", "temperature")
        peer(
            [p for p in zoo_pools(given.zoo) if p.name.endswith(chosen[:3]) or chosen[3] in p.name],
            given.work,
            given.peer,
        )
    if "real" in parts and given.models is not None:
        pools = list(real_pools(given.models, given.work))
        false_alarms(pools[:1], given.work, 24, 200)
        power(pools, given.work, (8, 16, 24), REAL_RUNS, REAL_RUNS)
        blends(pools, given.work, REAL_RUNS, REAL_RUNS)


if __name__ == "__main__":
    main()
