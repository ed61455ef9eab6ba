"""Serving by a logged coin, without any dependency: copy this one file into the service.

For each request the model answers m + 1 times; a coin that knows nothing of the answers picks the
one that is served, and all of it is logged. Once a day a SHA-256 over the day's entries, salted, is
given to somebody else (a notary, a time stamp, a newspaper): whoever holds the log later can show
that it was not written afterwards. `auditor harvest` tests a suspect against it.

The log holds answers and salts and is secret: it is made readable for its owner alone. A commitment
holds a date, a count and a digest, and tells nothing of what was asked. `CoinServing` is an ASGI
middleware that does all of it for chat completions in the style of OpenAI's API.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

FORMAT, COMMITMENTS = "coin/1", "coin-commitments/1"
Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
COMMITTED = ("salt", "id", "time", "account", "prompt", "asked", "candidates", "index")
"""What of an entry its digest covers, in this order."""


class CoinProblem(ValueError):
    """A coin log, or a commitment, that is not what it claims to be."""


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces, in UTF-8."""
    return json.dumps(
        value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    ).encode("utf-8", "surrogatepass")


def entry_digest(entry: dict[str, Any]) -> str:
    """SHA-256 over an entry: its salt keeps others from guessing what it holds. Raises CoinProblem
    for what is no entry."""
    try:
        held = [entry[name] for name in COMMITTED]
        if not isinstance(entry["time"], str):
            raise CoinProblem("an entry's time is no text")
        if not (0 <= int(entry["index"]) < len(entry["candidates"])):
            raise CoinProblem("an entry's index names none of its candidates")
        return hashlib.sha256(canonical(held)).hexdigest()
    except (KeyError, TypeError, ValueError) as error:
        raise CoinProblem(f"not an entry of a coin log: {error}") from error


def days_of(entries: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The entries of each day (UTC), as logged; days in order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for entry in entries:
        found.setdefault(entry["time"][:10], []).append(entry)
    return dict(sorted(found.items()))


def commitment(day: str, entries: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """What is given away of a day (``2026-11-29``, UTC): how many entries, and one digest over
    theirs, in order; others are left out."""
    digests = [entry_digest(e) for e in entries if e["time"][:10] == day]
    whole = hashlib.sha256("\n".join([COMMITMENTS, day, *digests]).encode()).hexdigest()
    return {"format": COMMITMENTS, "day": day, "n": len(digests), "sha256": whole}


def problems(
    entries: Iterable[dict[str, Any]], commitments: Iterable[dict[str, Any]]
) -> list[tuple[str, str]]:
    """Where a log and what was given away differ: day and reason. An empty list: they agree, day
    for day, with all that was given away of each."""
    held = days_of(entries)
    known = sorted(((str(c.get("day", "")), c) for c in commitments), key=lambda told: told[0])
    out = [(day, "no commitment") for day in held if day not in dict(known)]
    for day, given in known:
        made = commitment(day, held.get(day, ()))
        if made["n"] != given.get("n"):
            out.append((day, f"{made['n']} entries, {given.get('n')} committed"))
        elif made["sha256"] != given.get("sha256"):
            out.append((day, "another digest than the committed one"))
    return out


def read_rows(path: str | os.PathLike[str], format: str) -> Iterator[dict[str, Any]]:
    """The objects of a JSONL file in order, without its header. Raises CoinProblem for a line that
    is none, OSError for a file that can't be read."""
    with Path(path).open(encoding="utf-8", errors="surrogatepass") as file:
        for number, line in enumerate(file, 1):
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise CoinProblem(f"line {number} is not JSON, or half-written") from error
            if not isinstance(row, dict) or row.get("format", format) != format:
                raise CoinProblem(f"line {number} is of no {format}")
            if row.get("type") != "header":
                yield row


def _sync_name(path: Path) -> None:
    """Forces a new file's name onto the disk, without which its contents may go with a power cut.
    Windows opens no folders."""
    if hasattr(os, "O_DIRECTORY"):
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(folder)
        os.close(folder)


class CoinLog:
    """The secret log of candidates and coins; appends and syncs an entry at a time.

    Opening one that stands goes on with it. Raises CoinProblem for a file that is none, has another
    m, or ends in half an entry: what is appended to these could never be read again.
    """

    def __init__(self, path: str | os.PathLike[str], m: int = 3) -> None:
        if m < 1:
            raise CoinProblem("a coin needs at least one candidate beside the served one")
        self.path, self.m = Path(path), m
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._file = os.open(self.path, flags, 0o600)
        if os.fstat(self._file).st_size == 0:
            self._put({"type": "header", "format": FORMAT, "m": m})
            _sync_name(self.path)
        elif why := self._unlike():
            self.close()
            raise CoinProblem(why)

    def _unlike(self) -> str:
        """Why a file that stands can't be gone on with; empty where it can."""
        with self.path.open("rb") as file:
            try:
                header = json.loads(file.readline())
            except (ValueError, RecursionError):
                header = None
            file.seek(-1, os.SEEK_END)
            whole = file.read() == b"\n"
        if not isinstance(header, dict) or header.get("format") != FORMAT:
            return "the file holds something else than a coin log"
        if header.get("m") != self.m:
            return f"the log has another m than {self.m}: begin another file"
        return "" if whole else "the log ends in half an entry, which nobody was served: cut it off"

    def toss(self) -> int:
        """Which of the m + 1 candidates is served: of the system's entropy, before or after they
        are made, and of nothing else."""
        return secrets.randbelow(self.m + 1)

    def add(
        self,
        prompt: Any,
        candidates: list[dict[str, Any]],
        index: int,
        account: str = "",
        asked: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Logs one request: its prompt (a text, or messages), all candidates (``text`` and
        ``finish``), the coin, whose it was, and how it was ``asked`` (model, temperature …)."""
        if len(candidates) != self.m + 1:
            raise CoinProblem(f"{len(candidates)} candidates where the log has {self.m + 1}")
        entry = {
            "type": "entry",
            "id": secrets.token_hex(8),
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "account": account,
            "salt": secrets.token_hex(32),
            "prompt": prompt,
            "asked": asked or {},
            "candidates": candidates,
            "index": index,
        }
        entry_digest(entry)
        self._put(entry)
        return entry

    def _put(self, row: dict[str, Any]) -> None:
        left = memoryview(canonical(row) + b"\n")
        while left:
            left = left[os.write(self._file, left) :]
        os.fsync(self._file)

    def close(self) -> None:
        """Closes the file."""
        os.close(self._file)


class CoinServing:
    """ASGI middleware: asks the app behind it m + 1 times, serves one by the coin, logs all.

    It concerns POST requests to ``path`` that want one whole answer at a temperature above 0. All
    else goes through untouched and unlogged: streams, several choices at once, greedy requests.
    Where any candidate fails, the first one goes out unlogged: leaving out by the coin would make
    it unfair. ``account`` names whose request it is (by default a digest of its authorization).
    """

    def __init__(
        self,
        app: App,
        log: CoinLog,
        path: str = "/v1/chat/completions",
        account: Callable[[Scope], str] | None = None,
    ) -> None:
        self.app, self.log, self.path = app, log, path
        self.account = account or account_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        ours = scope["type"] == "http" and scope["method"] == "POST" and scope["path"] == self.path
        if not ours:
            await self.app(scope, receive, send)
            return
        body = await whole_body(receive)
        asked = wanted(body)
        times = 1 if asked is None else self.log.m + 1
        answers = [await answered(self.app, scope, body) for _ in range(times)]
        told = [candidate(events) for events in answers]
        whole = [c for c in told if c is not None]
        chosen = 0
        if asked is not None and len(whole) == times:
            chosen = self.log.toss()
            settings = {k: v for k, v in asked.items() if k != "messages"}
            self.log.add(asked["messages"], whole, chosen, self.account(scope), settings)
        for event in answers[chosen]:
            await send(event)


def account_of(scope: Scope) -> str:
    """Whose request it is: the beginning of a digest of its authorization header."""
    headers = dict(scope.get("headers") or ())
    key = headers.get(b"authorization", b"")
    return hashlib.sha256(key).hexdigest()[:16] if key else ""


async def whole_body(receive: Receive) -> bytes:
    """All of a request's body."""
    body = b""
    while True:
        event = await receive()
        body += bytes(event.get("body", b""))
        if event["type"] != "http.request" or not event.get("more_body", False):
            return body


async def answered(app: App, scope: Scope, body: bytes) -> list[Event]:
    """What the app sends for a request, its body given anew."""
    events: list[Event] = []
    given = False

    async def receive() -> Event:
        """The body once, then that the client has gone."""
        nonlocal given
        if given:
            return {"type": "http.disconnect"}
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(event: Event) -> None:
        """Keeps an event instead of sending it."""
        events.append(event)

    await app(dict(scope), receive, send)
    return events


def wanted(body: bytes) -> dict[str, Any] | None:
    """What a coin may serve: messages, model and sampling of a request for one whole sampled
    answer; None for all others."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not isinstance(value.get("messages"), list):
        return None
    if value.get("stream") or value.get("n", 1) != 1 or value.get("temperature", 1.0) == 0:
        return None
    names = ("messages", "model", "temperature", "top_p", "max_tokens")
    return {name: value[name] for name in names if value.get(name) is not None}


def candidate(events: list[Event]) -> dict[str, Any] | None:
    """Text and finish reason of a whole answer; None for a failure."""
    if not events or events[0].get("status") != 200:
        return None
    try:
        value = json.loads(b"".join(e.get("body", b"") for e in events[1:]))
        choice = value["choices"][0]
        text = choice["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        return None
    finish = choice.get("finish_reason") or ""
    told = {"text": text, "finish": str(finish), "model": str(value.get("model") or "")}
    return told if isinstance(text, str) else None
