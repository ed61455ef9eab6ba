"""How the command line talks: data on stdout, talk and progress bars on stderr, one clear line
for a failure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
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

from fingerprints.errors import AuditError, printable
from fingerprints.progress import Progress


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
def progress_on(label: str) -> Iterator[Progress]:
    """Progress bars on stderr for a long run, one shown at a time; silent when stderr is no
    terminal.

    The label pulses from the start; each step shows count, time spent and time left once it tells
    anything, and takes the place of the one before.
    """
    with _bars() as bars:
        yield _Bar(bars, label, shown=True)


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
        """The time left as text; dashes where the task can't tell."""
        if "left" not in task.fields:
            return super().render(task)
        left: float | None = task.fields["left"]
        told = "-:--:--" if left is None else str(timedelta(seconds=round(left)))
        return Text(told, style="progress.remaining")


class _Bar(Progress):
    """One bar: appears and hides the others, but for that of the whole, once it is told of."""

    def __init__(self, bars: Bars, label: str, *, whole: bool = False, shown: bool = False) -> None:
        self.bars, self.label, self.whole = bars, label, whole
        self.task = self._added() if shown else None
        self._steps: dict[str, _Bar] = {}

    def _added(self) -> TaskID:
        return self.bars.add_task(self.label, total=None, whole=self.whole)

    def __call__(self, done: int, total: int, left: float | None = None) -> None:
        self.task = self._added() if self.task is None else self.task
        for other in () if self.whole else self.bars.tasks:
            visible = other.id == self.task or bool(other.fields["whole"])
            self.bars.update(other.id, visible=visible)
        self.bars.update(self.task, completed=done, total=total)
        if self.whole:
            self.bars.update(self.task, left=left)

    def step(self, label: str, whole: bool = False) -> Progress:
        """The bar of a part, one a label; ``whole``: it stays beside the others."""
        if label not in self._steps:
            self._steps[label] = _Bar(self.bars, label, whole=whole)
        return self._steps[label]

    def say(self, line: str) -> None:
        """A line that everybody sees."""
        say(line)

    def note(self, line: str) -> None:
        """A line for whoever sees no bars."""
        if self.bars.disable:
            say(line)
