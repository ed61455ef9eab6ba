"""Kills commands that keep a journal (SIGKILL) at random points, runs them again, and compares with
one left alone: nothing lost, nothing that was kept asked twice.

``python -m tests.auditor.kills HOME URL COMMAND POINTS SEED`` prints one JSON object a point. Half
of the kills come at a random moment of the run, half when it touches a file for the n-th time, each
drawn from one stretch of the run. Every run is a process of its own, forked from this one, which
has the libraries loaded; whoever is asked is an endpoint that tells what it was asked.
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
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.auditor.controls.interrupted import watch_files
from tests.faultserver import Exchange, FaultServer, completion
from tests.tree import ROOT

CONCURRENCY = 4
VOLATILE = frozenset(
    {
        "created",
        "seconds",
        "environment",
        "tool",
        "reproduce",
        "plan",
        "at",
        "server_date",
        "id",
        "events",
    }
)
"""Fields that tell when and where, which no two runs share: a report's id is made of its plan, its
events tell of resuming."""


@dataclass(frozen=True)
class KilledRun:
    """One kill and what became of it. ``kept`` answers were on the disk when it came; ``twice`` of
    them were asked again, ``lost`` that were under way were. ``left`` are temporary files that the
    run after it did not sweep."""

    command: str
    when: str
    kept: int
    asked: int
    lost: int
    twice: int
    same: bool
    left: tuple[str, ...]
    code: int

    @property
    def good(self) -> bool:
        """Whether it ended as the one that was left alone, and nothing kept was asked again."""
        fair = self.twice == 0 and self.lost <= CONCURRENCY
        return self.same and fair and not self.left and self.code == 0


@dataclass(frozen=True)
class Killable:
    """A command that is killed: its arguments, given the folder of what it needs, the endpoint and
    where it writes; and which modules it loads, so that a fork has them."""

    argv: Callable[[Path, str, Path], list[str]]
    loads: tuple[str, ...]


def _spec(url: str, model: str = "model") -> str:
    return f"openai:{model},base_url={url},concurrency={CONCURRENCY}"


COMMANDS: dict[str, Killable] = {
    "probe": Killable(
        lambda home, url, out: [
            *("probe", _spec(url), "--probes", "identity:10,style:30"),
            *("--out", str(out / "answers.jsonl")),
        ],
        ("auditor.commands.probe", "httpx2"),
    ),
    "store add": Killable(
        lambda home, url, out: [
            *("store", "add", _spec(url), "--name", "m", "--vendor", "v"),
            *("--probes", "style:40", "--store", str(out / "store")),
        ],
        ("auditor.commands.store", "httpx2"),
    ),
    "store import": Killable(
        lambda home, url, out: [
            *("store", "import", str(home / "answers"), "--vendor", "v"),
            *("--store", str(out / "store")),
        ],
        ("auditor.commands.store", "fingerprints.recordings"),
    ),
    "audit": Killable(
        lambda home, url, out: [
            *("audit", _spec(url), "--store", str(home / "teachers"), "--calibration", "none"),
            *("--probes", "identity:10,style:30", "--detectors", "self_identification"),
            *("--out", str(out / "report")),
        ],
        ("auditor.audits.inheritance.audit", "auditor.commands.audit", "httpx2"),
    ),
    "service": Killable(
        lambda home, url, out: [
            *("service", _spec(url), _spec(url, "other"), "--all", "--questions", "20"),
            *("--samples", "2", "--reference-samples", "2", "--max-tokens", "8"),
            *("--out", str(out / "report")),
        ],
        ("auditor.audits.service.audit", "auditor.commands.service", "httpx2"),
    ),
    "twins draw": Killable(
        lambda home, url, out: [
            *("twins", "draw", str(home / "log.jsonl"), "--teacher", _spec(url)),
            *("--served-as", "teacher", "--out", str(out / "twins.jsonl")),
        ],
        ("auditor.commands.twins", "httpx2"),
    ),
    "harvest": Killable(
        lambda home, url, out: [
            *("harvest", _spec(url), "--log", str(home / "log.jsonl")),
            *("--twins", str(home / "twins.jsonl"), "--samples", "0"),
            *("--out", str(out / "report")),
        ],
        ("auditor.audits.harvest.audit", "auditor.commands.harvest", "httpx2"),
    ),
    "logs scan": Killable(
        lambda home, url, out: [
            *("logs", "scan", str(home / "traffic.jsonl"), "--benign", str(home / "benign.jsonl")),
            *("--window", "7d", "--out", str(out / "scan")),
        ],
        ("auditor.audits.logs.run", "auditor.commands.logs", "duckdb"),
    ),
    "logs scan --follow": Killable(
        lambda home, url, out: [
            *("logs", "scan", str(home / "traffic.jsonl"), "--benign", str(home / "benign.jsonl")),
            *("--window", "1d", "--follow", "--once", "--out", str(out / "scan")),
        ],
        ("auditor.audits.logs.follow", "auditor.commands.logs", "duckdb"),
    ),
}


def telling(exchange: Exchange, body: dict[str, Any]) -> None:
    """Answers in words that hang on the whole request; asked for nothing, it tells every request
    that it got."""
    if body:
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        said = " ".join(digest[i : i + 4] for i in range(0, 24, 4))
        exchange.send(200, json.dumps(completion(said)).encode())
        return
    asked = [json.dumps(r.body, sort_keys=True) for r in exchange.server.owner.requests if r.body]
    exchange.send(200, json.dumps(asked).encode())


def killed_runs(home: Path, command: str, points: int, seed: int) -> list[KilledRun]:
    """So many kills of one command, each of a new run in ``home``, beside one left alone."""
    world(home)
    with FaultServer(telling) as server:
        argv = (str(home), server.url, command, str(points), str(seed))
        done = subprocess.run(
            [sys.executable, "-m", "tests.auditor.kills", *argv],
            cwd=ROOT,
            env={**os.environ, "OPENAI_API_KEY": "sk-planted", "AUDITOR_CACHE": str(home / "c")},
            check=False,
            capture_output=True,
            text=True,
            timeout=3000,
        )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    rows = (json.loads(line) for line in done.stdout.splitlines())
    return [KilledRun(**{**row, "left": tuple(row["left"])}) for row in rows]


def world(home: Path) -> None:
    """Recorded teachers, a log with twins, and traffic, all invented."""
    from tests.auditor.audits.harvest.parrots import rows, write_log, write_twins
    from tests.auditor.audits.logs.made_logs import chats, hydra
    from tests.auditor.audits.logs.made_logs import write_jsonl as write_rows
    from tests.auditor.sealing.conftest import MAKERS, teachers
    from tests.recordings import answers_of, write_jsonl

    teachers(home)
    (home / "answers").mkdir()
    for maker in MAKERS:
        write_jsonl(home / "answers" / f"{maker}.jsonl", answers_of(maker))
    write_twins(home / "twins.jsonl", write_log(home / "log.jsonl", rows()))
    write_rows(
        home / "traffic.jsonl",
        sorted(chats(60, 1) + hydra(12, 60, 2), key=lambda r: str(r["time"])),
    )
    write_rows(home / "benign.jsonl", chats(300, 5, prefix="other"))


def main(home: Path, url: str, command: str, points: int, seed: int) -> None:
    """One run alone, then one a point; prints what each came to."""
    made = COMMANDS[command]
    for module in made.loads:
        __import__(module)
    began = time.monotonic()
    code, events = forked(made.argv(home, url, home / "whole"), home / "whole")
    if code:
        raise RuntimeError(f"{command} ended with {code}: {said(home / 'whole')}")
    seconds, whole = time.monotonic() - began, state(home / "whole")
    asked = len(asked_of(url))
    chance = random.Random(seed)
    for number in range(points):
        low, high = number / points, (number + 1) / points
        part = chance.uniform(low, high)
        out = home / f"point-{number}"
        argv, before = made.argv(home, url, out), len(asked_of(url))
        if number % 2:
            forked(argv, out, after=part * seconds)
            when = f"{part:.0%} of the time"
        else:
            event = max(1, round(part * events))
            forked(argv, out, event=event)
            when = f"file {event} of {events}"
        then, kept = asked_of(url)[before:], kept_in(out)
        ended, _ = forked(argv, out)
        later = asked_of(url)[before + len(then) :]
        again = sum((Counter(then) & Counter(later)).values())
        found = KilledRun(
            command,
            when,
            kept,
            len(then) + len(later),
            again,
            max(0, kept + len(later) - asked),
            ended == 0 and state(out) == whole,
            tuple(sorted(p.name for p in out.rglob("*") if "tmp-" in p.name)),
            ended,
        )
        print(json.dumps(asdict(found)), flush=True)


def forked(
    argv: list[str], out: Path, event: int = 0, after: float | None = None
) -> tuple[int, int]:
    """Runs a command in a process of its own, killed at its n-th touch of a file below ``out``, or
    so many seconds after it began (neither: never). Its exit code, and how many touches it made."""
    out.mkdir(exist_ok=True)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _child(argv, out, event, writing)
    os.close(writing)
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code, int(told or b"0")


def _child(argv: list[str], out: Path, event: int, pipe: int) -> None:
    """The command, in a fork; never returns."""
    seen = 0

    def touched() -> None:
        nonlocal seen
        seen += 1
        if seen == event:
            os.kill(os.getpid(), signal.SIGKILL)

    code = 1
    try:
        from auditor.cli import run

        log = os.open(out.with_suffix(".said"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        watch_files(str(out), touched)
        code = run(argv)
        os.write(pipe, str(seen).encode())
    finally:
        os._exit(code)


def said(out: Path) -> str:
    """What a run said on both streams, the end of it."""
    return out.with_suffix(".said").read_text("utf-8")[-600:]


def asked_of(url: str) -> list[str]:
    """Every request that the endpoint has got."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        return [str(text) for text in json.load(answer)]


def kept_in(out: Path) -> int:
    """How many answers are whole on the disk, in whichever journal."""
    journals = [*out.rglob("*.jsonl"), *out.parent.glob(f"{out.name}/*.pending/*.jsonl")]
    rows = (
        line
        for path in set(journals)
        for line in path.read_bytes().split(b"\n")[:-1]
        if b'"type":"reply"' in line.replace(b" ", b"")
        or b'"type":"twin"' in line.replace(b" ", b"")
    )
    return sum(1 for _ in rows)


def state(out: Path) -> Any:
    """All that a run left behind, but for when and where: the same state is the same evidence."""
    files = sorted(p for p in out.rglob("*") if p.is_file() and p.suffix in (".json", ".jsonl"))
    told = {p.relative_to(out).as_posix(): _plain(p) for p in files if "gen-" not in str(p)}
    return told | {p.name: _stored(p.parent) for p in out.rglob("catalog.sqlite")}


def _plain(path: Path) -> Any:
    from fingerprints.transcript import is_transcript, load_transcript

    if is_transcript(path):
        held = load_transcript(path)
        return held.digest(), held.complete, held.counts(), sorted(held.probes)
    text = path.read_text("utf-8")
    if path.suffix == ".json":
        return _steady(json.loads(text))
    # The order of answers is that of a race among questions that are asked at once.
    return sorted(
        json.dumps(_steady(json.loads(line)), sort_keys=True) for line in text.splitlines()
    )


def _steady(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _steady(v) for k, v in value.items() if k not in VOLATILE}
    return [_steady(v) for v in value] if isinstance(value, list) else value


def _stored(folder: Path) -> Any:
    from fingerprints.store import FingerprintStore

    with FingerprintStore.open(folder, read_only=True) as store:
        return store.digest(), store.verify()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
