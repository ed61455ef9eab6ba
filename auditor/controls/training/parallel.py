"""Several processes that train one student: examples shared out, gradients summed.

The step's loss is a mean over the learned tokens of all processes, so that the sum of their
gradients is the gradient of one process up to rounding, and all make the same update. The first
process alone writes, asks and speaks. Knows processes and sums; knows nothing of models. CPU (gloo)
was measured; CUDA (nccl) goes the same way and was not.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol, Self

import torch
import torch.distributed as dist
from torch.distributed.rendezvous import rendezvous

from auditor.controls.training.batches import Step
from auditor.controls.training.launch import Launch, launched
from fingerprints.errors import AuditError, Incomplete, MalformedInput, UsageProblem, raised_again

LONGEST_WAIT = timedelta(days=30)
"""The others wait while the first asks the teachers; that one of them is gone is noticed by its
closed connection."""
GRACE = 3.0
"""Seconds that the others stay after a failure: a launcher ends all as soon as one ended, and
the first has to speak."""
WORD = "failed"


class Board(Protocol):
    """Where a failing process leaves its words: what a launcher's store offers."""

    def check(self, keys: list[str]) -> bool:
        """Whether all of these are there."""

    def get(self, key: str) -> bytes:
        """What was left."""

    def set(self, key: str, value: str) -> None:
        """Leaves words."""


class Crew:
    """The processes that train together, as one of them sees it; alone it does nothing.

    Every exchange between them is the same sum of two numbers, so that one that failed takes part
    in whatever comes next and says so. All methods raise what made another process fail (in the
    first process), or Incomplete.
    """

    def __init__(self, told: Launch = Launch(), store: Board | None = None) -> None:  # noqa: B008  (frozen)
        self.rank, self.world = told.rank, told.world
        self._store, self._over = store, False

    @property
    def first(self) -> bool:
        """Whether this is the process that writes, asks and speaks."""
        return self.rank == 0

    def share(self, step: Step) -> Step:
        """This process's part of a step: every n-th micro-batch, or of each micro-batch every n-th
        row where there are few.

        A last, short step may leave a process with nothing.
        """
        if len(step) >= self.world:
            return step[self.rank :: self.world]
        cut = (rows[self.rank :: self.world] for rows in step)
        return tuple(rows for rows in cut if rows)

    def total(self, value: float) -> float:
        """The sum of every process's value; waits for all of them."""
        if self.world == 1:
            return value
        both = torch.tensor([value, 0.0], dtype=torch.float64)
        with self._linked():
            dist.all_reduce(both)
        if both[1] > 0:
            raise self._told()
        return float(both[0])

    def meet(self) -> None:
        """Waits until every process is here."""
        self.total(0.0)

    @contextmanager
    def first_alone(self) -> Iterator[None]:
        """The first process goes through the block alone, then the others find what it left."""
        if not self.first:
            self.meet()
        yield
        if self.first:
            self.meet()

    def check_same(self, digest: str) -> None:
        """Raises MalformedInput when the processes don't all see this digest."""
        number = int(digest[:8], 16)  # sums of 32 bits are exact in a float of 64
        if self.total(number) != number * self.world:
            raise MalformedInput(
                "the processes don't train the same: their base, number format or examples differ",
                where="the launcher",
                next_step="start them on machines of one kind that share one folder",
            )

    def add_up(self, weights: Iterable[torch.nn.Parameter]) -> None:
        """Puts the sum of all processes' gradients into each; a weight without one counts as 0."""
        if self.world == 1:
            return
        learned = list(weights)
        for weight in learned:
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
        with self._linked():
            for work in [dist.all_reduce(weight.grad, async_op=True) for weight in learned]:
                work.wait()

    def own_noise(self, seed: int, step: int) -> None:
        """Gives all but the first process random numbers of their own, by seed and step."""
        if not self.first:
            digest = hashlib.sha256(f"{seed}/{self.rank}/{step}".encode()).digest()
            torch.manual_seed(int.from_bytes(digest[:7], "big"))

    @contextmanager
    def _linked(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:  # a connection that closed
            raise self._told() from error

    def _told(self) -> AuditError:
        """What another process failed by."""
        self._over = True
        if self.first and self._store is not None and self._store.check([WORD]):
            return raised_again(json.loads(self._store.get(WORD)))
        return Incomplete(
            f"another of the {self.world} processes ended without a word",
            next_step="run the same command again; it goes on from the last checkpoint",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self.world == 1:
            return
        if isinstance(error, Exception) and not self._over:
            self._fail(error)
        if isinstance(error, Exception) and not self.first:
            time.sleep(GRACE)
        dist.destroy_process_group()

    def _fail(self, error: Exception) -> None:
        if not self.first and self._store is not None:
            stopped = f"process {self.rank} stopped: {type(error).__name__}: {error}"
            told = error if isinstance(error, AuditError) else AuditError(stopped)
            self._store.set(WORD, json.dumps(told.told()))
        try:
            dist.all_reduce(torch.tensor([0.0, 1.0], dtype=torch.float64))
        except RuntimeError:
            return  # nobody is left to hear it


ALONE = Crew()
"""One process, as usual."""


def gather() -> Crew:
    """All processes that a launcher started, connected until it is left; `ALONE` without one.

    Each takes the GPU of its number where there are any. Raises UsageProblem where processes
    outnumber the GPUs, or don't find each other.
    """
    told = launched()
    if told.world == 1:
        return ALONE
    cuda = torch.cuda.is_available()
    if cuda and told.local >= torch.cuda.device_count():
        raise UsageProblem(
            f"process {told.local + 1} of this machine has no GPU of its own; there are"
            f" {torch.cuda.device_count()}",
            where="the launcher",
            next_step="start as many processes as there are GPUs",
        )
    if cuda:
        torch.cuda.set_device(told.local)
    try:
        store, rank, world = next(rendezvous("env://"))
        # What is agreed upon goes by gloo on every machine: waiting costs nothing there, and a
        # closed connection is seen.
        kinds = "cpu:gloo,cuda:nccl" if cuda else "gloo"
        dist.init_process_group(
            kinds, store=store, rank=rank, world_size=world, timeout=LONGEST_WAIT
        )
    except (RuntimeError, ValueError) as error:
        raise UsageProblem(
            "the processes don't find each other",
            where="MASTER_ADDR",
            next_step="start them by torchrun or accelerate launch",
        ) from error
    return Crew(told, store)
