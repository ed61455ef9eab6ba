"""Kills a writer at named points and at random times, and reports what the store looks like
afterwards.

Run as ``python -m tests.fingerprints.kill_trials FOLDER TRIALS SEED``; prints one JSON line a
trial. Each trial forks a writer from this small process, so that forty kills cost a few seconds.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from fingerprints import catalog, durable, generations, recall, shard_files
from fingerprints.errors import AuditError, MalformedInput
from fingerprints.store import FingerprintStore
from fingerprints.transcript import Transcript
from tests.fingerprints.stored import made_or_opened, queries, transcript

FAILED = 99
POINTS: dict[str, tuple[Any, str]] = {
    "replace": (os, "replace"),
    "fsync": (os, "fsync"),
    "unlink": (os, "unlink"),
    "mkdir": (os, "mkdir"),
    "write": (durable.MeasuredFile, "write"),
    "before_commit": (catalog.Catalog, "_log"),
    "commit_generation": (generations, "commit"),
    "measured": (recall, "measured"),
    "finished_file": (shard_files.ShardBuild, "_finished"),
    "link": (os, "link"),
    "freeze": (catalog.Catalog, "freeze"),
}


def die() -> None:
    """Ends this process as a power button would."""
    os.kill(os.getpid(), signal.SIGKILL)


def arm(point: str, nth: int) -> None:
    """Makes the nth call of a function the last thing that this process does; odd ones die
    before it, even ones after."""
    owner, name = POINTS[point]
    real: Callable[..., Any] = getattr(owner, name)
    calls = 0

    def armed(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == (nth + 1) // 2 and nth % 2:
            die()
        try:
            return real(*args, **kwargs)
        finally:
            if calls == (nth + 1) // 2:
                die()

    setattr(owner, name, armed)


def said_by(name: str) -> Transcript:
    """What a model of a trial says: one whose name begins with L enough to train cells on."""
    return transcript(name, 300 if name.startswith("L") else 8)


def write(path: Path, acknowledged: int, large: bool, ready: Callable[[], None]) -> None:
    """Adds models without end, builds the index after every second one, and freezes now and
    then. A ``large`` store has shards; it is ``ready`` to be killed when there are some."""
    if not large:
        ready()
    while True:
        with made_or_opened(path) as store:
            if large:
                store.index.exact_up_to, store.index.ids_a_shard = 10, 128
            for _ in range(3):
                number = len(store.teachers())
                name = f"L{number:03d}" if large and not number else f"m{number:03d}"
                store.add(said_by(name), name)
                os.write(acknowledged, name.encode() + b"\n")
                if len(store.teachers()) % 2 == 0:
                    store.index.now()
                    if large and len(store.teachers()) == 2:
                        ready()
            if len(store.teachers()) > 3:
                store.freeze()


def trial(path: Path, point: str, nth: int, seconds: float) -> dict[str, Any]:
    """One writer, killed; what it had acknowledged, and what is wrong with what it left."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            ready = partial(arm, point, nth) if point != "random" else lambda: None
            write(path, write_end, nth % 4 > 1, ready)
        finally:
            os._exit(FAILED)  # it writes until it is killed
    os.close(write_end)
    deadline = time.monotonic() + (
        seconds * (5 if nth % 4 > 1 else 1) if point == "random" else 4.0
    )
    ended, status = 0, 0  # its number and how it ended
    while not ended and time.monotonic() < deadline:
        time.sleep(0.002)
        ended, status = os.waitpid(child, os.WNOHANG)
    if not ended:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    with os.fdopen(read_end) as pipe:
        said = pipe.read().split()
    failed = ["the writer failed of itself"] if os.WIFEXITED(status) and ended else []
    return {
        "point": point,
        "nth": nth,
        "acknowledged": len(said),
        "shards": len(list(path.glob("gen-*/lists-*"))),
        "wrong": failed + wrong(path, said),
    }


def wrong(path: Path, said: list[str]) -> list[str]:
    """Everything that must not be so after a kill; empty when all is well."""
    try:
        with FingerprintStore.open(path, read_only=True) as store:
            found = judged(store, said)
        with FingerprintStore.open(path) as store:
            found += judged(store, said) + store.verify()
            left = [p.name for p in path.rglob("*") if p.name.startswith("tmp-")]
            gens = [p.name for p in path.glob("gen-*")]
        return found + left + (gens if len(gens) > 1 else [])
    except MalformedInput as error:
        # Killed before the store was made: that is a state too, if nothing was acknowledged and it
        # can be made now.
        with made_or_opened(path) as store:
            return store.verify() + ([error.line()] if said else [])
    except AuditError as error:
        return [error.line()]


def judged(store: FingerprintStore, said: list[str]) -> list[str]:
    """Lost, invented or changed models, and neighbours that are not the nearest."""
    names = [t.name for t in store.teachers()]
    found = [f"lost {name}" for name in said if name not in names]
    found += [f"invented {name}" for name in names[len(said) + 1 :]]
    found += [f"changed {name}" for name in names if store.transcript(name) != said_by(name)]
    if names:
        _, ids = store.search(queries(store, tuple(names)), 1, exact=True)
        nearest = [store.answer(i).teacher for i in ids[:, 0]]
        found += [f"{b} instead of {a}" for a, b in zip(names, nearest, strict=True) if a != b]
    return found


def main(folder: Path, trials: int, seed: int) -> None:
    """Every point at its first calls, then random times, ``trials``."""
    plan: list[tuple[str, int]] = [(point, nth) for nth in range(1, 9) for point in POINTS]
    rng = random.Random(seed)
    chosen = rng.sample(plan, trials) if trials < len(plan) else plan
    chosen += [("random", n) for n in range(max(trials // 2, 1))]
    for number, (point, nth) in enumerate(chosen):
        print(
            json.dumps(trial(folder / f"s{number}", point, nth, rng.uniform(0.01, 0.4))), flush=True
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
