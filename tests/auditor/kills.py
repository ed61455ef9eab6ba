"""Kills commands that keep a journal (SIGKILL) at random points, runs them again, and compares with
one left alone: nothing lost, nothing that was kept asked twice.

``python -m tests.auditor.kills HOME URL COMMAND POINTS SEED`` prints one JSON object a point. The
kills come in turn at a random moment (with every process that the run began), when it touches a
file for the n-th time, and in the middle of a write, when a file passes n bytes; each is drawn from
one stretch of the run. Every run is a process of its own, forked from this one, which has the
libraries loaded; whoever is asked is an endpoint that tells what it was asked.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
import traceback
import urllib.request
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.auditor.controls.interrupted import watch_files
from tests.auditor.killable import BEGUN, COMMANDS, CONCURRENCY
from tests.faultserver import Exchange, FaultServer, completion
from tests.tree import ROOT

VOLATILE = frozenset(
    {
        "created",
        "seconds",
        "peak_bytes",
        "environment",
        "tool",
        "reproduce",
        "plan",
        "at",
        "server_date",
        "id",
        "report_id",
        "made",
        "events",
        "ledger",
    }
)
"""Fields that tell when and where, which no two runs share: a report's id is made of its plan, its
events tell of resuming, a control's ledger of the clock, a unit's peak of memory."""
COMPARED = (".json", ".jsonl", ".safetensors")


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
    with FaultServer(telling) as server:
        argv = (str(home), server.url, command, str(points), str(seed))
        # torch can't start its threads anew in a fork, and a loader with threads would ask it to.
        alone = {"HF_DEACTIVATE_ASYNC_LOAD": "1", "OPENAI_API_KEY": "sk-planted"}
        done = subprocess.run(
            [sys.executable, "-m", "tests.auditor.kills", *argv],
            cwd=ROOT,
            env={**os.environ, **alone, "AUDITOR_CACHE": str(home / "c")},
            check=False,
            capture_output=True,
            text=True,
            timeout=7200,
        )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    rows = (json.loads(line) for line in done.stdout.splitlines())
    return [KilledRun(**{**row, "left": tuple(row["left"])}) for row in rows]


@dataclass(frozen=True)
class Kill:
    """When a run is killed: so many seconds after it began, at its n-th touch of a file, or where a
    file would pass so many bytes. Of none of them: never."""

    after: float | None = None
    event: int = 0
    size: int | None = None

    def told(self, whole: Whole) -> str:
        """In words."""
        if self.after is not None:
            return f"{self.after / whole.seconds:.0%} of the time"
        if self.size is not None:
            return f"byte {self.size:,} of a file"
        return f"file {self.event} of {whole.events}"


@dataclass(frozen=True)
class Whole:
    """The run that was left alone: what it took, what it asked and what it left."""

    seconds: float
    events: int
    sizes: tuple[int, ...]
    asked: int
    state: Any

    def kill(self, number: int, points: int, chance: random.Random) -> Kill:
        """One kill out of the stretch of the run that its number gives."""
        part = chance.uniform(number / points, (number + 1) / points)
        if number % 3 == 0:
            return Kill(after=part * self.seconds)
        if number % 3 == 1 or not self.sizes:
            return Kill(event=max(1, round(part * self.events)))
        size = self.sizes[int(part * len(self.sizes))]
        return Kill(size=chance.randrange(max(1, size)))


def main(home: Path, url: str, command: str, points: int, seed: int) -> None:
    """One run alone, then one a point; prints what each came to."""
    made = COMMANDS[command]
    for module in made.loads:
        __import__(module)
    _in_a_fork(lambda: made.world(home, url))
    whole = left_alone(home, url, command)
    chance = random.Random(seed)
    for number in range(points):
        found = tried(home, url, command, whole, whole.kill(number, points, chance))
        print(json.dumps(asdict(found)), flush=True)


def left_alone(home: Path, url: str, command: str) -> Whole:
    """One run that nobody kills. Raises RuntimeError where it fails."""
    out = fresh(home)
    before, began = len(asked_of(url)), time.monotonic()
    code, events = forked(COMMANDS[command].argv(home, url, out), out)
    if code:
        raise RuntimeError(f"{command} ended with {code}: {said(out)}")
    seconds, asked = time.monotonic() - began, len(asked_of(url)) - before
    # In a child a limit is a full disk and no kill: then the command ends, and says so.
    alone = not COMMANDS[command].children
    sizes = sorted(p.stat().st_size for p in _files(out) if alone)
    return Whole(seconds, events, tuple(sizes), asked, state(out))


def fresh(home: Path) -> Path:
    """The folder of a run, as it is before: the same one for all, since records name it."""
    out, begun = home / "run", home / BEGUN
    for folder in (out, _cache(out)):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(begun, out) if begun.is_dir() else out.mkdir()
    return out


def tried(home: Path, url: str, command: str, whole: Whole, kill: Kill) -> KilledRun:
    """One run that is killed, ended by the same command, beside the one that was left alone."""
    made, out, before = COMMANDS[command], fresh(home), len(asked_of(url))
    argv = made.argv(home, url, out)
    forked(argv, out, kill)
    kept = kept_in(out, made.journals) - kept_in(home / BEGUN, made.journals)
    then = asked_of(url)[before:]
    done = made.repeats and state(out) == whole.state
    ended, _ = (0, 0) if done else forked(argv, out)
    later = asked_of(url)[before + len(then) :]
    return KilledRun(
        command,
        kill.told(whole),
        kept,
        len(then) + len(later),
        sum((Counter(then) & Counter(later)).values()),
        max(0, kept + len(later) - whole.asked),
        ended == 0 and state(out) == whole.state,
        tuple(sorted(p.name for p in out.rglob("*") if "tmp-" in p.name)),
        ended,
    )


def _cache(out: Path) -> Path:
    """A run's own cache: of another's it would take answers without asking."""
    return out.with_suffix(".cache")


def _files(out: Path) -> list[Path]:
    return [p for folder in (out, _cache(out)) for p in folder.rglob("*") if p.is_file()]


def _in_a_fork(make: Callable[[], object]) -> None:
    """Does something in a process of its own, so that no thread of it is forked later."""
    child = os.fork()
    if child == 0:
        try:
            make()
            os._exit(0)
        except BaseException:  # noqa: BLE001  (whatever it is, it must not go on in a copy of the parent)
            traceback.print_exc()
            os._exit(1)
    if os.waitpid(child, 0)[1]:
        raise RuntimeError("the world could not be made")


NEVER = Kill()


def forked(argv: list[str], out: Path, kill: Kill = NEVER) -> tuple[int, int]:
    """Runs a command in a process of its own, and kills it as said. Its exit code, and how often it
    touched a file below ``out``."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.setpgid(0, 0)
        _child(argv, out, kill, writing)
    os.close(writing)
    if kill.after is not None:
        time.sleep(kill.after)
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code, int(told or b"0")


def _child(argv: list[str], out: Path, kill: Kill, pipe: int) -> None:
    """The command, in a fork; never returns."""
    seen = 0

    def touched() -> None:
        nonlocal seen
        seen += 1
        if seen == kill.event:
            os.kill(os.getpid(), signal.SIGKILL)

    code = 1
    try:
        from auditor.cli import run

        os.environ["AUDITOR_CACHE"] = str(_cache(out))
        log = os.open(out.with_suffix(".said"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        if kill.size is not None:
            # What reaches the limit is written, and the next byte is the process's end.
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (kill.size, kill.size))
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


def kept_in(out: Path, journals: str) -> int:
    """How many answers are whole on the disk, in whichever journal: copies count once."""
    lines = (line for path in out.glob(journals) for line in path.read_bytes().split(b"\n")[:-1])
    rows = (json.loads(line) for line in lines if b'"reply"' in line or b'"twin"' in line)
    return len({_answer(row) for row in rows if row.get("type") in ("reply", "twin")})


def _answer(row: dict[str, Any]) -> str:
    """What makes an answer this one: whoever wrote it down, and wherever."""
    bare = {key: value for key, value in row.items() if key not in VOLATILE | {"seq", "latency"}}
    return json.dumps(bare, sort_keys=True)


def state(out: Path) -> Any:
    """All that a run left behind, but for when and where: the same state is the same evidence."""
    files = sorted(p for p in out.rglob("*") if p.is_file() and p.suffix in COMPARED)
    told = {p.relative_to(out).as_posix(): _plain(p) for p in files if "gen-" not in str(p)}
    return told | {p.name: _stored(p.parent) for p in out.rglob("catalog.sqlite")}


def _plain(path: Path) -> Any:
    from fingerprints.transcript import is_transcript, load_transcript

    if path.suffix == ".safetensors":
        return hashlib.sha256(path.read_bytes()).hexdigest()
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
        return {k: _steady(_undated(k, v)) for k, v in value.items() if k not in VOLATILE}
    return [_steady(v) for v in value] if isinstance(value, list) else value


def _undated(key: str, value: Any) -> Any:
    """A calibration on shadows is called by their lineages, which are dated."""
    if key != "calibration" or not isinstance(value, dict):
        return "" if key == "calibration" and value is not None else value
    return {k: v for k, v in value.items() if k not in ("name", "sha256")}


def _stored(folder: Path) -> Any:
    from fingerprints.store import FingerprintStore

    with FingerprintStore.open(folder, read_only=True) as store:
        return store.digest(), store.verify()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
