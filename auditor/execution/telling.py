"""How far many units are, in the one protocol of progress; and the one error of those that
failed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from auditor.execution.tasks import TaskEnd, WorkTask
from fingerprints.errors import Incomplete, printable, raised_again
from fingerprints.progress import SILENT, Progress

NAMED = 3
"""How many failed units the one line names: all have been told on the way."""


def told_failure(task: WorkTask, end: TaskEnd, progress: Progress) -> None:
    """Tells a task that failed, or why it was done again, in a line; nothing of others."""
    if end.again:
        progress.say(printable(f"{task.id}: {end.again}", 300))
    if end.exit_code:
        progress.say(printable(f"{task.id}: exit code {end.exit_code}: {end.what}", 300))


class UnitsTold:
    """Tells of every unit that ended, of failures in words. ``label`` names the whole."""

    def __init__(self, label: str, total: int, progress: Progress = SILENT) -> None:
        self.total, self.whole = total, progress.step(label, whole=True)
        self.whole(0, total)

    def __call__(self, task: WorkTask, end: TaskEnd, done: int) -> None:
        """A unit ended, the one that makes so many."""
        self.whole(done, self.total)
        told_failure(task, end, self.whole)
        if not end.exit_code:
            self.whole.note(f"{task.id}: {done} of {self.total}")


def check_ends(ends: Mapping[str, TaskEnd], noun: str) -> None:
    """Raises Incomplete, with the first few by name, where units failed; ``noun``: what several of
    them are called. Where there was but one unit, its own error is raised."""
    failed = [(name, end) for name, end in ends.items() if end.exit_code]
    if not failed:
        return
    if len(ends) == 1:
        (end,) = ends.values()
        raise raised_again(
            {"code": end.code, "what": end.what, "where": None} | {"next_step": end.next_step}
        )
    first = "; ".join(f"{name}: {end.what}" for name, end in failed[:NAMED])
    more = f"; and {len(failed) - NAMED} more" if len(failed) > NAMED else ""
    raise Incomplete(
        f"{len(failed)} of {len(ends)} {noun} failed: {first}{more}",
        next_step=_next_step(end for _, end in failed),
    )


def _next_step(failed: Iterable[TaskEnd]) -> str:
    """What the failed ones say themselves where they agree."""
    said = {end.next_step for end in failed}
    again = "run the same command again: what was finished is kept"
    own = next(iter(said)) if len(said) == 1 else None
    return f"{own}; then {again}" if own else again
