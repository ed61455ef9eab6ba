"""Kills the making of a control (SIGKILL) at random points from curation to card, goes on, and
compares with one left alone.

``python -m tests.auditor.controls.interrupted HOME URL POINTS SEED`` prints one JSON object a
point. A point is a moment at which the run touches a file of its folders, gets an answer or ends a
training step, drawn from one stretch of the run each; every other kill comes up to 30 ms later, in
the middle of whatever follows. Every run is a process of its own, forked from this one, which has
the libraries loaded; the teacher is an endpoint of `counting_teacher` that tells what it was asked.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.faultserver import Exchange, FaultServer, completion
from tests.tree import ROOT

QUESTIONS, CONCURRENCY = 10, 4
LATEST = 0.03
CARD = 8
"""The last point is one of so many last events, when card and lineage are written."""
TOUCHES = frozenset({"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir"})


@dataclass(frozen=True)
class Point:
    """One kill and what became of it. ``lost``: questions asked twice that were under way;
    ``twice``: those already kept."""

    event: int
    events: int
    late_ms: float
    stage: str
    asked_before: int
    kept_before: int
    asked: int
    lost: int
    twice: int
    same_weights: bool
    same_lineage: bool
    same_figures: bool

    @property
    def good(self) -> bool:
        """Whether nothing differs and nothing that was kept was asked again."""
        equal = self.same_weights and self.same_lineage and self.same_figures
        return (
            equal
            and self.twice == 0
            and self.lost <= CONCURRENCY
            and self.asked == QUESTIONS + self.lost
        )


def counting_teacher(exchange: Exchange, body: dict[str, Any]) -> None:
    """Answers a question by turning it round; asked for nothing, it tells every question that it
    got."""
    if body:
        said = " ".join(reversed(body["messages"][-1]["content"].split()))
        exchange.send(200, json.dumps(completion(said)).encode())
        return
    asked = [r.prompt for r in exchange.server.owner.requests if r.body]
    exchange.send(200, json.dumps(asked).encode())


def killed_points(home: Path, points: int, seed: int) -> list[Point]:
    """So many kills, each of a new control in ``home``, against one run that was left alone."""
    with FaultServer(counting_teacher) as server:
        command = [
            sys.executable,
            "-m",
            "tests.auditor.controls.interrupted",
            str(home),
            server.url,
            str(points),
            str(seed),
        ]
        # torch can't start its threads anew in a fork, and a loader with threads would ask it to.
        alone = {**os.environ, "HF_DEACTIVATE_ASYNC_LOAD": "1"}
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=alone,
            check=False,
            capture_output=True,
            text=True,
            timeout=3000,
        )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return [Point(**json.loads(line)) for line in done.stdout.splitlines()]


def main(home: Path, url: str, points: int, seed: int) -> None:
    """Makes one control alone and one a point; prints what each point came to."""
    from fingerprints.subjects.number_format import faster_format
    from tests.auditor.controls.pupils import prompt_file

    os.environ["AUDITOR_CACHE"] = str(home / "before.cache")
    faster_format()  # once a process: the first control would count files that no other one writes
    prompt_file(home, QUESTIONS)
    events = make(
        home, url, home / "whole"
    )  # here and not in a fork, so that all forks have the libraries loaded
    chance = random.Random(seed)
    for number in range(points):
        low, high = events * number // points, events * (number + 1) // points
        if number == points - 1:
            low = events - CARD
        event = chance.randint(low + 1, max(low + 1, high))
        late = chance.uniform(0, LATEST) if number % 2 else 0.0
        print(
            json.dumps(asdict(tried(home, url, home / f"point-{number}", (event, events, late)))),
            flush=True,
        )


def tried(home: Path, url: str, out: Path, when: tuple[int, int, float]) -> Point:
    """One control killed once and ended, beside the whole one."""
    event, events, late = when
    before = len(asked_of(url))
    forked(home, url, out, event, late)
    then, kept, stage = asked_of(url)[before:], kept_answers(out), stage_of(out)
    forked(home, url, out)
    now = asked_of(url)[before:]
    again = {text for text, n in Counter(now).items() if n > 1}
    return Point(
        event,
        events,
        round(late * 1000, 1),
        stage,
        len(then),
        len(kept),
        len(now),
        len(again - kept),
        len(again & kept),
        *(told(out) == told(home / "whole") for told in (weights, lineage, figures)),
    )


def forked(home: Path, url: str, out: Path, event: int = 0, late: float = 0.0) -> None:
    """Makes the control in a process of its own, killed so many seconds after an event (0:
    never)."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            make(home, url, out, event, writing if late else None)
            os._exit(0)
        except BaseException as error:  # noqa: BLE001  (whatever it is, it must not go on in a copy of the parent)
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        if pipe.read(1):
            time.sleep(late)
            os.kill(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code != (-signal.SIGKILL if event else 0):
        raise RuntimeError(f"{out.name} ended with {code} at event {event}")


def make(home: Path, url: str, out: Path, event: int = 0, pipe: int | None = None) -> int:
    """Makes the control; at ``event`` kills itself, or says by the pipe that it shall be killed.
    Returns the events in all."""
    from auditor.controls.evaluation.evaluate import EvaluationScale
    from auditor.controls.train import train
    from fingerprints.progress import Progress

    os.environ["AUDITOR_CACHE"] = str(out.with_suffix(".cache"))
    seen = 0

    class Touching(Progress):
        def __call__(self, done: int, total: int, left: float | None = None) -> None:
            touched()

    def touched() -> None:
        nonlocal seen
        seen += 1
        if seen == event and pipe is None:
            os.kill(os.getpid(), signal.SIGKILL)
        if seen == event and pipe is not None:
            os.write(pipe, b"!")

    watch_files(str(out), touched)
    train(
        recipe_of(home, url),
        out,
        Touching(),
        EvaluationScale(choices=1, identity=1),
    )
    return seen


def watch_files(below: str, touched: Callable[[], None]) -> None:
    """Calls back at every file that Python opens, renames, makes or removes there, until the
    process ends."""

    def hook(name: str, args: tuple[Any, ...]) -> None:
        if name in TOUCHES and str(args[0]).startswith(below):
            touched()

    sys.addaudithook(hook)


def recipe_of(home: Path, url: str) -> Any:
    """Ten questions to the endpoint, sixteen steps of a tiny student, saved every other step."""
    from tests.auditor.controls.pupils import recipe

    return recipe(
        f"openai:teacher,base_url={url},concurrency={CONCURRENCY}",
        prompts={"sources": [str(home / "prompts.jsonl")], "held_out": 2},
        training={
            "epochs": 4,
            "batch": 2,
            "longest": 128,
            "precision": "float32",
            "save_every": 2,
            "learning_rate": 1e-2,
        },
    )


def asked_of(url: str) -> list[str]:
    """Every question that the endpoint has got."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        return [str(text) for text in json.load(answer)]


def kept_answers(out: Path) -> set[str]:
    """The questions whose answers are on the disk, in the journal or in the cache."""
    texts = {row["id"]: row["prompt"] for row in lines_of(out.parent / "prompts.jsonl")}
    cached = [
        p
        for p in (out.with_suffix(".cache") / "answers").rglob("*.json")
        if not p.name.startswith("tmp-")
    ]
    ids = {json.loads(path.read_bytes())["probe_id"] for path in cached}
    ids |= {
        row["probe_id"] for row in lines_of(out / "answers" / "source-1.jsonl") if "probe_id" in row
    }
    return {texts[i] for i in ids if i in texts}


def lines_of(path: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a JSONL file."""
    if path.is_file():
        for line in path.read_bytes().split(b"\n")[:-1]:
            yield json.loads(line)


def stage_of(out: Path) -> str:
    """What a killed run was at, by the files that it left."""
    ends = {
        "curate": "prompts.jsonl",
        "teach": "held_out.jsonl",
        "train": "trained.json",
        "evaluate": "card.json",
    }
    left = [stage for stage, file in ends.items() if not (out / file).exists()]
    return left[0] if left else "card"


def weights(out: Path) -> str:
    """SHA-256 of the student's weights."""
    return hashlib.sha256((out / "student" / "model.safetensors").read_bytes()).hexdigest()


def lineage(out: Path) -> Any:
    """The lineage but for its date."""
    return {**json.loads((out / "lineage.json").read_bytes()), "created": ""}


def figures(out: Path) -> Any:
    """What the card says but for the clock: figures, losses, counts."""
    card = json.loads((out / "card.json").read_bytes())
    return {key: value for key, value in card.items() if key not in ("ledger", "lineage")}


if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
