"""How the command line talks: data on stdout, talk and progress bars on stderr, one clear line
for a failure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.text import Text

from fingerprints.collect import Progress
from fingerprints.errors import AuditError, printable


def say(text: str) -> None:
    """One line of talk on stderr, made safe for a terminal."""
    click.echo(printable(text), err=True)


def put(text: str) -> None:
    """Data on stdout, ended by one newline."""
    click.echo(text.rstrip("\n"))


def put_json(value: Any) -> None:
    """A JSON value on stdout: UTF-8, two spaces, keys in the given order, no NaN."""
    put(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False))


def put_error(error: AuditError, as_json: bool) -> None:
    """A failure: one line on stderr, and with ``--json`` an object on stdout too."""
    click.echo(f"error[{error.code}]: {error.line()}", err=True)
    if as_json:
        put_json(
            {
                "error": {
                    "code": error.code,
                    "exit_code": error.exit_code,
                    "what": printable(error.what),
                    "where": error.where and printable(error.where),
                    "next_step": error.next_step,
                }
            }
        )


@contextmanager
def progress_steps(*labels: str) -> Iterator[tuple[Progress, ...]]:
    """Progress bars on stderr for long steps, one shown at a time; silent when stderr is no
    terminal.

    The first label pulses from the start; each step shows count, time spent and time left once it
    is told of, and takes the place of the one before.
    """
    with _bars() as bars:
        tasks = [
            bars.add_task(label, total=None, visible=i == 0, start=i == 0)
            for i, label in enumerate(labels)
        ]
        yield tuple(_Step(bars, tasks, i) for i in range(len(labels)))


@contextmanager
def progress_above(
    overall: str, *labels: str
) -> Iterator[tuple[Overall | None, tuple[Progress, ...]]]:
    """Like `progress_steps`, under a bar for the whole that stays; it is None when stderr is no
    terminal.

    The whole is told how much of it is done and how many seconds are left, for only its caller
    knows what is quick.
    """
    with _bars() as bars:
        whole = bars.add_task(overall, total=None)
        tasks = [bars.add_task(label, total=None, visible=False, start=False) for label in labels]
        steps = tuple(_Step(bars, tasks, i) for i in range(len(labels)))
        yield (None if bars.disable else Overall(bars, whole)), steps


def _bars() -> Bars:
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        _Left(),
    )
    return Bars(*columns, console=console, disable=not console.is_terminal, transient=True)


class _Left(TimeRemainingColumn):
    """The time left as a task tells it, where it does; else as rich works it out from its speed."""

    def render(self, task: Task) -> Text:
        if "left" not in task.fields:
            return super().render(task)
        left: float | None = task.fields["left"]
        told = "-:--:--" if left is None else str(timedelta(seconds=round(left)))
        return Text(told, style="progress.remaining")


@dataclass(frozen=True)
class Overall:
    """The bar of the whole."""

    bars: Bars
    task: TaskID

    def __call__(self, done: int, total: int, left: float | None) -> None:
        """Shows how much is done, of how much, and the seconds that are left (None: unknown)."""
        self.bars.update(self.task, completed=done, total=total, left=left)


@dataclass(frozen=True)
class _Step:
    """One long step: shows its bar and hides the others when it is told of."""

    bars: Bars
    tasks: list[TaskID]
    place: int

    def __call__(self, done: int, total: int) -> None:
        task = self.tasks[self.place]
        if not next(shown for shown in self.bars.tasks if shown.id == task).started:
            self.bars.start_task(task)
        for other in self.tasks:
            self.bars.update(other, visible=other == task)
        self.bars.update(task, completed=done, total=total)
