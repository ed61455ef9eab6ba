"""A model behind an address, asked over HTTP under limits of time, size, tokens and money.

Knows how a call is made, negotiated, repeated and given up; how one kind of service words its
questions and answers only its `Api` knows. Retries by itself, because waiting must end on Ctrl-C
and a server's wish to wait be capped.
"""

from __future__ import annotations

import email.utils
import json
import random
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from fingerprints.errors import AuditError, Incomplete, printable
from fingerprints.records import Identity, Probe, Reply, Request, Status
from fingerprints.subjects.apis.base import Api
from fingerprints.subjects.apis.manners import NEGOTIABLE, Manners, guessed
from fingerprints.subjects.base import Subject
from fingerprints.subjects.budget import Budget, Use, estimate, worst_case
from fingerprints.subjects.complaints import code_of, complaint_of, filter_of
from fingerprints.subjects.guard import Secret
from fingerprints.subjects.transport import (
    CallFailed,
    Cancelled,
    LimitedTransport,
    Refused,
    Unreachable,
)

RETRIES = 5
"""Their pauses are 8 to 16 seconds together where the server names none."""
LONGEST_WAIT = 120.0
FIRST_WAIT = 0.5
SLOWEST_BACKOFF = 20.0
NOT_OFFERED = frozenset({404, 405, 501})
"""By these a server says that it has no /completions, whatever is asked there."""
TURNED_AWAY = frozenset({400, 413, 422})
"""Statuses by which a server may mean this one question (a filter, a length) rather than the
caller or the model's name."""
NOT_ALLOWED = 403
"""Means the caller, unless its body names a content filter, or `HARMLESS` is answered right
after."""
HARMLESS = "Say hello."
"""Asked after a bare 403, such as a firewall's page: where it is answered, the question was
turned away and not the caller."""
NO_COMPLETIONS = "not offered: the endpoint has no /completions"
MOST_MANNERS = 12
"""Ways of asking that are tried for one question: every field twice, and no more."""
AGAIN, RESUME = "run the same command again", "run the same command again to resume"
"""Where nothing was answered yet there is nothing to resume."""


@dataclass
class Counts:
    """What a run took so far: calls sent (retries among them) and retries."""

    calls: int = 0
    retries: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, retried: bool) -> None:
        """Counts one call; safe from several threads."""
        with self._lock:
            self.calls += 1
            self.retries += retried


@dataclass(frozen=True)
class Answered:
    """A reply and what its call took."""

    reply: Reply
    use: Use


@dataclass(frozen=True)
class Access:
    """Where a service is and how it is reached: its kind, the address below which all goes, who
    asks, and the bounded way there."""

    api: Api
    base_url: str
    secret: Secret
    transport: LimitedTransport


class EndpointSubject(Subject):
    """An endpoint; ``counts`` and ``budget`` tell what a run took. Its identity has no key."""

    def __init__(
        self, spec: str, identity: Identity, access: Access, budget: Budget, concurrency: int
    ) -> None:
        self.spec, self.identity, self.offers = spec, identity, frozenset({"generate"})
        self.budget, self.counts = budget, Counts()
        self._api, self._base_url = access.api, access.base_url
        self._secret, self._transport = access.secret, access.transport
        self._concurrency, self._manners = concurrency, access.api.manners
        self._completions, self._heard = access.api.completions, False

    def generate(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """The replies as they finish, several calls at a time.

        A question that it turns away (HTTP 400, 413, 422; 403 where the body names a content
        filter, or where a harmless question is answered right after) is a reply of status
        ``rejected``; whether there are too many is the caller's to judge. Raises Incomplete when
        the endpoint refuses the caller or can't be reached, and before the call that could pass the
        budget; UnsafeInput for a redirect. Calls under way are waited for and their replies yielded
        before that. An interruption or an abandoned iteration ends the calls within a fraction of a
        second.
        """
        self._transport.resume()
        pool = ThreadPoolExecutor(self._concurrency, thread_name_prefix="endpoint")
        try:
            yield from self._rounds(pool, requests)
        finally:
            self._transport.cancel()
            pool.shutdown(wait=True, cancel_futures=True)

    def close(self) -> None:
        """Ends calls under way and closes the connections."""
        self._transport.cancel()
        self._transport.close()

    def _rounds(self, pool: ThreadPoolExecutor, requests: Sequence[Request]) -> Iterator[Reply]:
        todo, flying = iter(requests), dict[Future[Answered], Use]()
        stop: AuditError | None = None
        waiting = next(todo, None)
        while flying or (waiting is not None and stop is None):
            while waiting is not None and stop is None and len(flying) < self._concurrency:
                worst = self._worst(waiting)
                if not self.budget.fits(worst):
                    stop = None if flying else self._spent()
                    break
                self.budget.promise(worst)
                flying[pool.submit(self._ask, waiting)] = worst
                waiting = next(todo, None)
            for future in wait(flying, return_when=FIRST_COMPLETED).done if flying else ():
                worst = flying.pop(future)
                error = future.exception()
                self.budget.settle(worst, Use() if error else future.result().use)
                if isinstance(error, AuditError):
                    stop = stop or error
                elif error is not None:
                    raise error
                else:
                    self._heard = True
                    yield future.result().reply
        if stop is not None:
            raise stop

    def _worst(self, request: Request) -> Use:
        return worst_case(request) + Use(written=self._api.room)

    def _spent(self) -> Incomplete:
        spent, budget = self.budget.spent, self.budget
        cap = (
            f"{budget.tokens:,} tokens"
            if budget.tokens is not None
            else f"a cost of {budget.cost:g}"
        )
        money = f", {budget.price(spent):.4g} in money" if budget.cost is not None else ""
        return self._incomplete(
            f"the next call could pass the budget of {cap}; spent so far: about"
            f" {spent.read + spent.written:,} tokens{money}",
            "raise tokens= or cost=, then",
        )

    def _incomplete(self, what: str, first: str = "") -> Incomplete:
        step = f"{first} {RESUME if self._heard else AGAIN}".strip()
        return Incomplete(what, where=self.identity.base_url, next_step=step)

    def _failed(
        self, request: Request, reason: str, seconds: float, status: Status = Status.ERROR
    ) -> Reply:
        return self._clean(request.reply(status, error=reason, seconds=round(seconds, 3)))

    def _ask(self, request: Request) -> Answered:
        """One request with its retries; runs in a thread. What it raises ends the run."""
        completion = request.probe.form == "completion"
        if completion and not self._completions:
            return Answered(request.reply(Status.ERROR, error=NO_COMPLETIONS), Use())
        begun = time.monotonic()
        try:
            reply = self._asked(request, begun)
        except Refused as error:
            return self._refused(request, error, begun)
        except Unreachable as error:
            said = self._secret.removed_from(str(error))
            raise self._incomplete(said, "check base_url and that the server runs, then") from None
        except Cancelled as error:
            raise self._incomplete("the calls were cancelled") from error
        except CallFailed as error:
            # The server may have written, and count, the whole answer that never arrived.
            taken = time.monotonic() - begun
            return Answered(self._failed(request, str(error), taken), self._worst(request))
        return Answered(self._clean(reply), _use_of(request, reply))

    def _refused(self, request: Request, error: Refused, begun: float) -> Answered:
        """What an error status means for the question; raises where it means the caller."""
        if request.probe.form == "completion" and error.status in NOT_OFFERED:
            self._completions = False
            return Answered(request.reply(Status.ERROR, error=NO_COMPLETIONS), Use())
        taken, why = time.monotonic() - begun, _turned_away(error)
        forbidden = error.status == NOT_ALLOWED
        if error.status in TURNED_AWAY or (forbidden and filter_of(error.body)):
            return Answered(self._failed(request, why, taken, Status.REJECTED), Use())
        if forbidden and (tried := self._answers_otherwise(request)) is not None:
            why = f"{why}; a harmless question right after was answered"
            return Answered(self._failed(request, why, taken, Status.REJECTED), tried)
        if not error.again:
            raise self._refusal(error) from None
        reason = f"gave up after {RETRIES} retries: {error} {complaint_of(error.body)}".strip()
        return Answered(self._failed(request, reason, taken), Use())

    def _answers_otherwise(self, request: Request) -> Use | None:
        """What asking `HARMLESS` in the same way took; None where it was not answered."""
        completion = request.probe.form == "completion"
        probe = Probe(id="harmless", text=HARMLESS, form="completion" if completion else "chat")
        harmless = request.model_copy(update={"probe": probe})
        try:
            reply = self._asked(harmless, time.monotonic())
        except CallFailed:
            return None
        return _use_of(harmless, reply) if reply.status in (Status.OK, Status.TRUNCATED) else None

    def _asked(self, request: Request, begun: float) -> Reply:
        """The reply under the manners that the server is known to take, or else under those that
        its complaints suggest; what is found is kept for the questions to come."""
        manners = self._manners
        try:
            return self._reply(request, manners, begun, hasty=True)
        except Refused as error:
            if error.status not in NEGOTIABLE:
                raise
            found = self._negotiated(request, manners, error, begun)
            if found is not None:
                return found
            if not error.again:
                raise
            self._transport.wait(pause(0, error.retry_after, FIRST_WAIT))
        return self._reply(request, manners, begun, attempt=1)

    def _negotiated(
        self, request: Request, manners: Manners, refused: Refused, begun: float
    ) -> Reply | None:
        """The first answer under other manners, each complaint leading to the next; None where
        none of them is met by an answer."""
        tried, waiting = {manners}, [(manners, refused)]
        while waiting:
            known, error = waiting.pop()
            for other in guessed(known, request, error.status, error.body):
                if other in tried or len(tried) > MOST_MANNERS:
                    continue
                tried.add(other)
                try:
                    reply = self._reply(request, other, begun, hasty=True)
                except Refused as complaint:
                    waiting.append((other, complaint))
                    continue
                if reply.status not in (Status.ERROR, Status.REJECTED):
                    self._manners = other
                    return reply
        return None

    def _reply(
        self,
        request: Request,
        manners: Manners,
        begun: float,
        attempt: int = 0,
        hasty: bool = False,
    ) -> Reply:
        """The bytes of an answer, read. Status and connection alone decide about another try, but
        that a ``hasty`` call leaves failures of a kind at once whose words may tell of how it was
        asked: servers whose template knows no system role fail so, and a second try that is met by
        an answer would speak for the wrong way of asking."""
        call = self._api.call(self.identity.name, request, manners)
        body = json.dumps(call.body).encode()
        while True:
            self.counts.add(retried=attempt > 0)
            try:
                data = self._transport.post(f"{self._base_url}{call.path}", body, call.headers)
                break
            except CallFailed as error:
                if not error.again or attempt == RETRIES:
                    raise
                told = error if isinstance(error, Refused) else None
                if hasty and told and told.status in NEGOTIABLE:
                    raise
                asked = told.retry_after if told else None
                self._transport.wait(pause(attempt, asked, FIRST_WAIT))
                attempt += 1
        reply = self._api.reply(request, data, time.monotonic() - begun)
        return reply.model_copy(update={"adjusted": call.adjusted})

    def _clean(self, reply: Reply) -> Reply:
        """The reply without any spelling of the key, which some servers echo."""
        fields = (
            "text",
            "thoughts",
            "finish_reason",
            "served_model",
            "system_fingerprint",
            "error",
        )
        told = ((name, getattr(reply, name)) for name in fields)
        cleaned = {name: self._secret.removed_from(said) for name, said in told if said is not None}
        return reply.model_copy(update=cleaned)

    def _refusal(self, error: Refused) -> Incomplete:
        steps = {
            401: "check the key in the environment (key_env=)",
            402: "check the account's credit",
            403: "check what the key may use",
            404: "check the model's name and base_url, which often ends in /v1",
        }
        told = printable(self._secret.removed_from(complaint_of(error.body)), 160)
        said = f"the endpoint refuses the call: {error}" + (f", saying {told!r}" if told else "")
        return self._incomplete(said, f"{steps.get(error.status, 'check the options')}, then")


def _turned_away(error: Refused) -> str:
    """Why a question got no answer, in the server's words: the code, else the type that names a
    filter, and the message."""
    message, named = complaint_of(error.body), filter_of(error.body)
    code = code_of(error.body) or ("" if named == message else named)
    return " ".join(filter(None, (f"rejected: {error}", f"[{code}]" if code else "", message)))


def _use_of(request: Request, reply: Reply) -> Use:
    """What a call took: the server's count where it is sane, but never less than the texts
    themselves suggest."""
    prompt = sum(estimate(turn["content"]) for turn in request.messages())
    return Use(
        max(reply.tokens_in or 0, prompt),
        max(reply.tokens_out or 0, estimate(reply.thoughts + reply.text)),
    )


def pause(attempt: int, asked: str | None, first: float = FIRST_WAIT) -> float:
    """Seconds to wait before the next attempt: what Retry-After asks for, up to 120, else doubling
    with jitter, up to 20.

    A negative, unreadable or past wish counts as none.
    """
    wished = retry_after_seconds(asked)
    if wished is not None:
        return min(LONGEST_WAIT, wished)
    # Jitter: calls that failed together shall not come back together.
    return min(SLOWEST_BACKOFF, first * float(2**attempt)) * random.uniform(0.5, 1.0)


def retry_after_seconds(value: str | None) -> float | None:
    """The seconds that a Retry-After header asks for, as number or date; None for others."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return seconds if seconds >= 0 else None
