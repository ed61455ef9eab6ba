"""What a subject is: it has an identity, says what it offers, and answers requests."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Literal

from fingerprints.choices import Choices
from fingerprints.errors import UsageProblem
from fingerprints.records import Identity, Likelihoods, Reply, Request
from fingerprints.scores import Passage
from fingerprints.system import Closing
from fingerprints.transcript import Transcript

Offer = Literal["generate", "score", "weights", "recorded"]


class Subject(Closing):
    """Anything that can be asked; suspect, teacher, base and control are roles of it.

    ``spec`` is the string that opens it again, ``identity`` its digests, ``offers`` what it can do,
    ``remark`` a line that whoever asks it must be told, where there is one.
    """

    spec: str
    identity: Identity
    offers: frozenset[Offer] = frozenset({"generate"})
    remark: str = ""

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
        raise self._no_likelihoods()

    def score_passages(self, passages: Sequence[Passage]) -> list[Likelihoods | str]:
        """Log-likelihood of passages, questions read through the subject's own chat template; in
        the order given.

        A passage that can't be scored (its template fails, it passes the context) gives the reason
        in words. Raises UsageProblem where the subject does not offer it.
        """
        raise self._no_likelihoods()

    def choices(
        self, passages: Sequence[Passage], against: Subject | None = None
    ) -> Iterator[Choices | str]:
        """What the subject would have written at every place of the passages' texts, in order, or
        in words why that can't be said of one: the likeliest token, or with ``against`` the one
        whose probability rose most against that subject's.

        Raises UsageProblem where either does not offer it.
        """
        raise self._no_choices()

    def _no_choices(self) -> UsageProblem:
        return UsageProblem(
            "this subject does not say what it would have written at each place of a given text",
            where=self.spec,
            next_step="use a checkpoint, or a GGUF file without backend=llama.cpp",
        )

    def _no_likelihoods(self) -> UsageProblem:
        said, step = "this subject gives no likelihoods", "use a checkpoint or a GGUF file"
        return UsageProblem(said, where=self.spec, next_step=step)

    def recorded(self) -> Transcript:
        """The answers of a recording. Raises UsageProblem for a subject that has to be asked."""
        said, step = "this subject is not a recording", "ask it with `auditor probe`"
        raise UsageProblem(said, where=self.spec, next_step=step)

    def close(self) -> None:
        """Frees what the subject holds: memory, sockets, children."""
