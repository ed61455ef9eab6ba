"""Several writers and a builder of one store, each killed at a random time, again and again until
all is stored; and what the store looks like after every round.

Run as ``python -m tests.fingerprints.crowd_trials FOLDER TRIALS SEED``; prints one JSON line a
trial. Writers take turns (`FingerprintStore.join`), the builder makes shards between them. Children
are forked from this small process, so that a kill costs little.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fingerprints.errors import Locked
from fingerprints.progress import Progress
from fingerprints.shard_files import BUILDING
from fingerprints.store import FingerprintStore
from tests.fingerprints.kill_trials import judged, said_by

WRITERS, EACH = 3, 8
COMMON = ("L000", "c0", "c1")
"""Models that every writer brings: stored once, whoever comes first."""
ROUNDS = 60


def names_of(writer: int) -> list[str]:
    """Whom a writer brings, in its own order."""
    names = [*COMMON, *(f"w{writer}m{i}" for i in range(EACH))]
    random.Random(writer).shuffle(names)
    return names


def write(path: Path, said: int, writer: int) -> None:
    """Stores all of a writer's models, and says of each whether it was new."""
    with FingerprintStore.join(path) as store:
        for name in names_of(writer):
            fresh = store.put(said_by(name), name).fresh
            os.write(said, f"{name} {int(fresh)}\n".encode())


class Built(Progress):
    """Says which steps of a build were begun."""

    def __init__(self, said: int) -> None:
        self.said = said

    def step(self, label: str, whole: bool = False) -> Progress:
        os.write(self.said, f"step {label.replace(' ', '-')}\n".encode())
        return self


def build(path: Path, said: int) -> None:
    """Makes the index once, in shards of 128 ids."""
    try:
        store = FingerprintStore.open(path)
    except Locked:
        return
    with store:
        if any(name.startswith("L") for name in (t.name for t in store.teachers())):
            store.index.exact_up_to, store.index.ids_a_shard = 10, 128
            store.rebuild(Built(said))
            os.write(said, b"step built\n")


def child(task: Callable[[int], None]) -> tuple[int, int]:
    """A process at a task: its number, and where what it says is read."""
    read_end, write_end = os.pipe()
    number = os.fork()
    if number == 0:
        code = 1
        try:
            os.close(read_end)
            task(write_end)
            code = 0
        finally:
            os._exit(code)
    os.close(write_end)
    return number, read_end


def together(tasks: Sequence[Callable[[int], None]], lives: Sequence[float]) -> list[Any]:
    """Runs tasks at once and kills each after its time; of each what it said and how it ended."""
    start = time.monotonic()
    running = [child(task) for task in tasks]
    ends: list[int | None] = [None] * len(running)
    while None in ends:
        for at, (number, _) in enumerate(running):
            if ends[at] is None and time.monotonic() - start > lives[at]:
                os.kill(number, signal.SIGKILL)
                ends[at] = os.waitpid(number, 0)[1]
            elif ends[at] is None and os.waitpid(number, os.WNOHANG)[0]:
                ends[at] = 0
        time.sleep(0.002)
    out = []
    for (_, read_end), status in zip(running, ends, strict=True):
        with os.fdopen(read_end) as pipe:
            out.append(([line.split() for line in pipe.read().splitlines()], status))
    return out


def trial(path: Path, seed: int) -> dict[str, Any]:
    """Rounds of kills until every writer and a build came to their ends once; what was wrong after
    each."""
    rng = random.Random(seed)
    with FingerprintStore.create(path):
        pass
    fresh: list[str] = []
    done, kills, steps, wrong = set[int](), 0, set[str](), list[str]()
    for _ in range(ROUNDS):
        tasks: list[Callable[[int], None]] = [
            lambda said, w=w: write(path, said, w) for w in range(WRITERS)
        ]
        tasks.append(lambda said: build(path, said))
        lives = [rng.uniform(0.02, 1.5) for _ in range(WRITERS)]
        ended = together(tasks, [*lives, rng.uniform(0.1, 6.0)])
        for writer, (said, status) in enumerate(ended[:WRITERS]):
            fresh += [name for name, new in said if new == "1"]
            if status == 0 and len(said) == len(names_of(writer)):
                done.add(writer)
        steps |= {line[1] for line in ended[-1][0]}
        kills += sum(status != 0 for _, status in ended)
        wrong += after(path, fresh)
        if (len(done) == WRITERS and "built" in steps) or wrong:
            break
    return {
        "seed": seed,
        "kills": kills,
        "steps": sorted(steps),
        "models": len(set(fresh)),
        "wrong": wrong + (ending(path, fresh) if len(done) == WRITERS else ["it never ended"]),
    }


def after(path: Path, fresh: list[str]) -> list[str]:
    """What must not be so after a round: what was said to be stored is stored, once, as it was."""
    found = [f"stored twice {name}" for name in set(fresh) if fresh.count(name) > 1]
    with FingerprintStore.open(path) as store:
        names = [t.name for t in store.teachers()]
        found += [f"lost {name}" for name in fresh if name not in names]
        found += [p.what for p in store.verify()]
        ids = [int(i) for some in store.catalog.vector_ids() for i in some]
        found += ["an id was given twice"] if len(set(ids)) < len(ids) else []
    return found


def ending(path: Path, fresh: list[str]) -> list[str]:
    """What must not be so when all is stored and the index was built once more."""
    everybody = sorted({name for writer in range(WRITERS) for name in names_of(writer)})
    with FingerprintStore.open(path) as store:
        store.index.exact_up_to, store.index.ids_a_shard = 10, 128
        store.rebuild()
        found = judged(store, everybody) + [p.what for p in store.verify()]
    left = [e.name for e in path.iterdir() if e.name.startswith("tmp-") or e.name == BUILDING]
    return found + left + (["a second generation"] if len(list(path.glob("gen-*"))) > 1 else [])


def main(folder: Path, trials: int, seed: int) -> None:
    """So many trials, a line each."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(seed, seed + trials):
        print(json.dumps(trial(folder / f"s{number}", number)), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
