"""Runs one tool's work in a thread, tells the client how far it is, and turns a refusal into the
answer that a client reads."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import anyio
from anyio import from_thread, to_thread
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError

from auditor.console import say
from auditor.mcp.told import ToldRefusal
from fingerprints.errors import AuditError
from fingerprints.progress import Progress

T = TypeVar("T")
EVERY = 0.5
"""Seconds between two notifications: a long run ticks thousands of times."""


@dataclass
class _Clock:
    """What the steps of one run share: how often was told, and when last."""

    sent: int = 0
    last: float = 0.0
    steps: list[str] = field(default_factory=list)


class ClientProgress(Progress):
    """Tells a client by notifications; steps by number: their names may hold strangers' words.

    Ends the work where the client cancelled it.
    """

    def __init__(self, context: Context, clock: _Clock | None = None, number: int = 0) -> None:
        self.context, self.clock, self.number = context, clock or _Clock(), number

    def __call__(self, done: int, total: int, left: float | None = None) -> None:
        """A tick: at most one in `EVERY` seconds is sent, the first and the last of a step too."""
        from_thread.check_cancelled()
        now, clock = time.monotonic(), self.clock
        if now - clock.last < EVERY and 0 < done < total:
            return
        clock.last, clock.sent = now, clock.sent + 1
        told = f"step {self.number}: {done} of {total}"
        # The protocol wants a number that only grows, which the counts of several steps don't.
        from_thread.run(self.context.report_progress, float(clock.sent), None, told)

    def step(self, label: str, whole: bool = False) -> Progress:
        """The same client, told of the next step."""
        steps = self.clock.steps
        if label not in steps:
            steps.append(label)
        return ClientProgress(self.context, self.clock, steps.index(label) + 1)

    def say(self, line: str) -> None:
        """Talk goes to the server's stderr, not to the client."""
        say(line)


async def worked(context: Context, one: anyio.Lock, work: Callable[[Progress], T]) -> T:
    """The work's result; one at a time. Raises ToolError with a `ToldRefusal` as JSON where the
    toolkit refuses or stops."""
    async with one:
        try:
            return await to_thread.run_sync(work, ClientProgress(context))
        except AuditError as error:
            raise ToolError(ToldRefusal.of(error).model_dump_json()) from error
