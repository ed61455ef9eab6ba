"""Answers kept by what was asked of whom, so that no control asks it again.

One small file an answer, in a folder a subject; files are named by digests. Everything in it can be
deleted at any time. Knows requests and replies; knows nothing of prompts' purpose.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf
from pathlib import Path

from fingerprints.durable import WriteLock, replacing
from fingerprints.records import (
    Identity,
    Likelihoods,
    Reply,
    Request,
    canonical_json,
    sha256,
)
from fingerprints.scores import Passage
from fingerprints.subjects.base import Subject
from fingerprints.subjects.cache import cache_folder
from fingerprints.transcript import Transcript


def identity_digest(identity: Identity) -> str:
    """Digest of who answers, remarks left out: what everything that it said is filed under."""
    return identity.model_copy(update={"notes": ()}).digest()


class CachedSubject(Subject):
    """A subject that is asked only what the cache doesn't hold.

    ``asked`` counts the answers that the subject itself gave, ``known`` those from the cache. An
    answer counts as the same when the whole request is: probe, arm, sample, length, temperature and
    seed. Failed attempts are never kept, and a file that can't be read counts as not there. An
    endpoint's cached answers are as old as their files.
    """

    def __init__(self, subject: Subject, folder: Path) -> None:
        self.spec, self.identity, self.offers = subject.spec, subject.identity, subject.offers
        self._subject = subject
        self._folder = folder / identity_digest(subject.identity)[:32]
        self.asked = 0
        self.known = 0

    def generate(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Cached answers first, then the subject's own, each kept as it comes.

        Students of one teacher may ask it at once: all but the first wait, as long as it takes, and
        find what that one was told. A process that ends, however it ends, lets the next one in.
        """
        unknown: list[Request] = []
        yield from self._known(requests, unknown)
        if not unknown:
            return
        with self._alone(unknown[0]):
            still: list[Request] = []
            yield from self._known(unknown, still)
            by_key = {request.key: request for request in still}
            for reply in self._subject.generate(still) if still else ():
                self.asked += 1
                if reply.readable and reply.key in by_key:
                    self._write(by_key[reply.key], reply)
                yield reply

    def _known(self, requests: Sequence[Request], unknown: list[Request]) -> Iterator[Reply]:
        """The cached answers; requests without one are put to ``unknown``."""
        for request in requests:
            reply = self._read(request)
            if reply is None:
                unknown.append(request)
            else:
                self.known += 1
                yield reply

    def _alone(self, request: Request) -> WriteLock:
        """While this is open, nobody else asks the subject what is sampled as this request is."""
        self._folder.mkdir(parents=True, exist_ok=True)
        sampled = sha256(canonical_json([request.temperature, request.seed]))
        return WriteLock(self._folder / f"{sampled[:32]}.lock", patience=inf)

    def score(
        self, texts: Sequence[str], contexts: Sequence[str] | None = None
    ) -> list[Likelihoods]:
        """The subject's own likelihoods; these aren't cached."""
        return self._subject.score(texts, contexts)

    def score_passages(self, passages: Sequence[Passage]) -> list[Likelihoods | str]:
        """The subject's own likelihoods; these aren't cached."""
        return self._subject.score_passages(passages)

    def recorded(self) -> Transcript:
        """The subject's own record, where it is one."""
        return self._subject.recorded()

    def _path(self, request: Request) -> Path:
        digest = request.digest()
        return self._folder / digest[:2] / f"{digest}.json"

    def _read(self, request: Request) -> Reply | None:
        try:
            reply = Reply.model_validate_json(self._path(request).read_bytes())
        except (OSError, ValueError):
            return None
        # A file that was renamed by hand holds the answer to something else.
        return reply if reply.key == request.key and reply.readable else None

    def _write(self, request: Request, reply: Reply) -> None:
        path = self._path(request)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(canonical_json(reply.model_dump(mode="json")))


def cached(subject: Subject) -> CachedSubject:
    """The subject behind the user's own cache of answers."""
    return CachedSubject(subject, cache_folder() / "answers")
