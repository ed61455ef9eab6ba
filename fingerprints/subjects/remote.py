"""A model behind an OpenAI-compatible address, asked over HTTP under limits of time, size, tokens
and money.

Knows how a call is made, repeated and given up; what a transcript or a detector needs it doesn't
know. The `openai` client builds the request; this module retries by itself, because waiting must
end on Ctrl-C and a server's wish to wait be capped.
"""

from __future__ import annotations

import email.utils
import random
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import httpx2
import openai

from fingerprints.errors import AuditError, Incomplete, printable
from fingerprints.records import Identity, Probe, Reply, Request, Status
from fingerprints.subjects.answers import code_of, complaint_of, filter_of, reply_from
from fingerprints.subjects.base import Subject
from fingerprints.subjects.budget import Budget, Use, estimate, worst_case
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


class EndpointSubject(Subject):
    """An endpoint; ``counts`` and ``budget`` tell what a run took. Its identity has no key."""

    def __init__(
        self,
        spec: str,
        identity: Identity,
        secret: Secret,
        transport: LimitedTransport,
        budget: Budget,
        concurrency: int,
    ) -> None:
        self.spec, self.identity, self.offers = spec, identity, frozenset({"generate"})
        self.budget, self.counts = budget, Counts()
        self._secret, self._transport, self._concurrency = secret, transport, concurrency
        self._completions, self._heard = True, False
        self._client = openai.OpenAI(
            api_key="sent by the transport",
            base_url=identity.base_url,
            max_retries=0,
            timeout=None,
            http_client=httpx2.Client(transport=transport, trust_env=False, follow_redirects=False),
        )

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
        self._client.close()

    def _rounds(self, pool: ThreadPoolExecutor, requests: Sequence[Request]) -> Iterator[Reply]:
        todo, flying = iter(requests), dict[Future[Answered], Use]()
        stop: AuditError | None = None
        waiting = next(todo, None)
        while flying or (waiting is not None and stop is None):
            while waiting is not None and stop is None and len(flying) < self._concurrency:
                worst = worst_case(waiting)
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
            data = self._send(request)
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
            return Answered(self._failed(request, str(error), taken), worst_case(request))
        reply = self._clean(reply_from(request, data, time.monotonic() - begun))
        return Answered(reply, _use_of(request, reply))

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
            reply = reply_from(harmless, self._send(harmless), 0.0)
        except CallFailed:
            return None
        return _use_of(harmless, reply) if reply.status in (Status.OK, Status.TRUNCATED) else None

    def _send(self, request: Request) -> bytes:
        """The bytes of an answer. Status and connection alone decide about another try."""
        path = "/completions" if request.probe.form == "completion" else "/chat/completions"
        attempt, body = 0, self._body(request)
        while True:
            self.counts.add(retried=attempt > 0)
            try:
                return self._client.post(path, body=body, cast_to=httpx2.Response).content
            except CallFailed as error:
                if not error.again or attempt == RETRIES:
                    raise
                asked = error.retry_after if isinstance(error, Refused) else None
                self._transport.wait(pause(attempt, asked, FIRST_WAIT))
                attempt += 1

    def _body(self, request: Request) -> dict[str, Any]:
        host = httpx2.URL(str(self.identity.base_url)).host
        # OpenAI's newest models refuse max_tokens; other servers may know nothing else.
        newest = host == "api.openai.com" and request.probe.form != "completion"
        body: dict[str, Any] = {
            "model": self.identity.name,
            "max_completion_tokens" if newest else "max_tokens": request.max_tokens,
            "temperature": request.temperature,
        }
        if request.temperature > 0:
            body |= {"seed": request.seed, "top_p": request.top_p}
        if request.probe.form == "completion":
            return body | {"prompt": request.probe.prompt()}
        return body | {"messages": request.messages()}

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
            404: "check base_url and the model's name",
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
