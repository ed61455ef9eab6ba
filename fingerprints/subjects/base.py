"""What a subject is: it has an identity, says what it offers, and answers requests."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Literal, Self

from fingerprints.errors import UsageProblem
from fingerprints.records import Identity, Likelihoods, Reply, Request
from fingerprints.scores import Passage
from fingerprints.transcript import Transcript

Offer = Literal["generate", "score", "weights", "recorded"]


class Subject(ABC):
    """Anything that can be asked; suspect, teacher, base and control are roles of it.

    ``spec`` is the string that opens it again, ``identity`` its digests, ``offers`` what it can do.
    """

    spec: str
    identity: Identity
    offers: frozenset[Offer] = frozenset({"generate"})

    @abstractmethod
    def generate(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Answers requests, in any order, each as soon as it is there.

        Greedy answers (temperature 0) repeat exactly on one device and batch plan. A request that
        fails yields a Reply with status ``error`` and the reason; Incomplete is raised when going
        on is pointless (a dead endpoint).
        """

    def score(
        self, texts: Sequence[str], contexts: Sequence[str] | None = None
    ) -> list[Likelihoods]:
        """Log-likelihood of given texts, one record a text in the same order; ``contexts`` are read
        but not counted.

        Raises UsageProblem where the subject does not offer it.
        """
        raise UsageProblem(
            "this subject gives no likelihoods",
            where=self.spec,
            next_step="use a checkpoint or a GGUF file",
        )

    def score_passages(self, passages: Sequence[Passage]) -> list[Likelihoods | str]:
        """Log-likelihood of passages, questions read through the subject's own chat template; in
        the order given.

        A passage that can't be scored (its template fails, it passes the context) gives the reason
        in words. Raises UsageProblem where the subject does not offer it.
        """
        raise UsageProblem(
            "this subject gives no likelihoods",
            where=self.spec,
            next_step="use a checkpoint or a GGUF file",
        )

    def recorded(self) -> Transcript:
        """The answers that a recording holds. Raises UsageProblem for a subject that has to be
        asked."""
        raise UsageProblem(
            "this subject is not a recording",
            where=self.spec,
            next_step="ask it with `auditor probe`",
        )

    def close(self) -> None:  # noqa: B027  (an optional hook)
        """Frees what the subject holds: memory, sockets, children."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
