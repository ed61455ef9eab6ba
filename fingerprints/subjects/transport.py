"""How bytes travel to an endpoint and back: a deadline for the whole call, a cap on the unpacked
answer, no detours.

No redirect is followed, no proxy or certificate path is taken from the environment, link-local and
metadata addresses are refused after the name is resolved. Knows HTTP; knows nothing of models and
retries.
"""

from __future__ import annotations

import re
import socket
import threading
import time
import urllib.parse
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import httpcore2
import httpx2

from fingerprints.errors import UnsafeInput
from fingerprints.subjects.guard import Signer, refuse_address

SLICE = 0.2
"""How long one blocking read may last before the deadline and a cancellation are looked at
again, in seconds."""

PLAIN_HEADERS: Mapping[str, str] = {
    "Content-Type": "application/json",
    "Accept": "application/json, text/event-stream",
    "Accept-Encoding": "gzip",
    "User-Agent": "distillation-auditor",
}
"""All that every call tells of the caller: nothing of the machine, and no version."""
NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True)
class CallLimits:
    """What one call may take: seconds in all, seconds to connect, bytes of the unpacked answer."""

    deadline: float = 120.0
    connect: float = 10.0
    body: int = 8 << 20


class CallFailed(Exception):
    """A call that brought no answer. ``again`` says whether the same call may be tried again."""

    again = False


class Unreachable(CallFailed):
    """The server can't be reached at all: refused, unknown name, bad certificate."""


class TimedOut(CallFailed):
    """The whole answer wasn't there in time."""


class CutOff(CallFailed):
    """The connection ended before the answer did."""

    again = True


class TooLarge(CallFailed):
    """The answer, unpacked, is over the cap."""


class Cancelled(CallFailed):
    """The caller gave up."""


class Refused(CallFailed):
    """The server answered with an error status."""

    def __init__(self, status: int, body: bytes, retry_after: str | None) -> None:
        super().__init__(f"HTTP {status}")
        self.status, self.body, self.retry_after = status, body, retry_after
        self.again = status in (408, 409, 425, 429) or status >= 500


class _Watch(threading.local):
    """The moment at which the calling thread's present call must be over."""

    due: float = 0.0

    def left(self) -> float:
        """Seconds until then; negative once it is over."""
        return self.due - time.monotonic()


class _WatchedStream(httpcore2.NetworkStream):
    """A socket whose reads end at the call's deadline or cancellation, however it dribbles."""

    def __init__(
        self, inner: httpcore2.NetworkStream, watch: _Watch, cancelled: threading.Event
    ) -> None:
        self.inner, self.watch, self.cancelled = inner, watch, cancelled

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has come, at most so many bytes; ``timeout`` gives way to the call's own
        deadline. Raises Cancelled and ReadTimeout."""
        while True:
            if self.cancelled.is_set():
                raise Cancelled("cancelled")
            left = self.watch.left()
            if left <= 0:
                raise httpcore2.ReadTimeout
            try:
                return self.inner.read(max_bytes, min(SLICE, left))
            except httpcore2.ReadTimeout:
                continue

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Sends all, until the call's deadline; ``timeout`` gives way to it."""
        self.inner.write(buffer, max(0.01, self.watch.left()))

    def close(self) -> None:
        """Closes the socket."""
        self.inner.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        """The same socket under TLS, watched likewise; at most ten seconds unless told
        otherwise."""
        inner = self.inner.start_tls(
            ssl_context, server_hostname, max(0.01, min(timeout or 10.0, self.watch.left()))
        )
        return _WatchedStream(inner, self.watch, self.cancelled)

    def get_extra_info(self, info: str) -> Any:
        """What the socket knows of itself, passed on."""
        return self.inner.get_extra_info(info)


class _WatchedBackend(httpcore2.NetworkBackend):
    """Resolves a name, refuses what is not allowed, and connects to that very address."""

    def __init__(self, watch: _Watch, cancelled: threading.Event) -> None:
        self.watch, self.cancelled = watch, cancelled
        self.inner = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """A watched socket to the first of the name's addresses that answers; each is refused or
        allowed before any is tried. At most ten seconds each unless told otherwise. Raises
        httpcore2.ConnectError and what `refuse_address` raises."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError("the name can't be resolved") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            refuse_address(address, f"{host}:{port}")
        for address in addresses[:-1]:
            try:
                return self._connect(address, port, timeout)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return self._connect(addresses[-1], port, timeout)

    def _connect(self, address: str, port: int, timeout: float | None) -> httpcore2.NetworkStream:
        stream = self.inner.connect_tcp(
            address, port, max(0.01, min(timeout or 10.0, self.watch.left()))
        )
        return _WatchedStream(stream, self.watch, self.cancelled)


class LimitedTransport:
    """Sends one request and returns its whole answer, or raises a CallFailed (UnsafeInput for a
    redirect).

    Error statuses raise `Refused`, so that what comes back was answered with success. Safe to use
    from several threads; ``cancel`` ends the calls of all of them within a fifth of a second.
    ``secure`` loads the certificates that https needs.
    """

    def __init__(self, limits: CallLimits, connections: int, signer: Signer, secure: bool) -> None:
        self.limits = limits
        self._signer = signer
        self._watch, self._cancelled = _Watch(), threading.Event()
        self._pool = httpcore2.ConnectionPool(
            ssl_context=httpx2.create_ssl_context(trust_env=False) if secure else None,
            max_connections=connections,
            keepalive_expiry=5.0,
            network_backend=_WatchedBackend(self._watch, self._cancelled),
        )

    def cancel(self) -> None:
        """Ends the calls under way."""
        self._cancelled.set()

    def wait(self, seconds: float) -> None:
        """Sleeps, but raises Cancelled as soon as the calls are cancelled."""
        if self._cancelled.wait(seconds):
            raise Cancelled("cancelled")

    def resume(self) -> None:
        """Lets calls be made again after a cancellation."""
        self._cancelled.clear()

    def close(self) -> None:
        """Closes all connections."""
        self._pool.close()

    def post(self, url: str, body: bytes, headers: Mapping[str, str] = NOTHING) -> bytes:
        """One call from beginning to end, within the deadline: JSON there, and back what came."""
        self._watch.due = time.monotonic() + self.limits.deadline
        parts = urllib.parse.urlsplit(url)
        place = f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
        try:
            return self._call(url, body, headers, place)
        except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
            raise Unreachable(f"{place} can't be reached: {_reason(error)}") from None
        except httpcore2.TimeoutException:
            raise TimedOut(f"no whole answer within {self.limits.deadline:g} s") from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            raise CutOff(
                f"the connection ended before the answer did ({type(error).__name__})"
            ) from None
        except (httpcore2.UnsupportedProtocol, zlib.error) as error:
            raise CutOff(f"the answer can't be unpacked ({type(error).__name__})") from None

    def _call(self, url: str, body: bytes, headers: Mapping[str, str], place: str) -> bytes:
        sent = {**PLAIN_HEADERS, **headers, **self._signer.headers(url, body)}
        request = httpcore2.Request(
            "POST",
            httpcore2.URL(url),
            headers=[("Host", _host(url)), ("Content-Length", str(len(body))), *sent.items()],
            content=body,
            extensions={"timeout": {"connect": self.limits.connect, "pool": self.limits.deadline}},
        )
        response = self._pool.handle_request(request)
        try:
            if 300 <= response.status < 400:
                raise UnsafeInput(
                    f"the endpoint answers with a redirect (HTTP {response.status}); none is"
                    " followed and no key is sent on",
                    where=place,
                    next_step="give the final address as base_url",
                )
            answered = httpx2.Headers(response.headers)
            packing = answered.get("content-encoding", "identity").strip().lower()
            data = self._read(response, packing)
        finally:
            response.close()
        if response.status != 200:
            raise Refused(response.status, data, answered.get("retry-after"))
        return data

    def _read(self, response: httpcore2.Response, packing: str) -> bytes:
        if packing not in ("identity", "", "gzip", "x-gzip", "deflate"):
            raise CutOff(f"the answer is packed as {packing[:20]!r}, which was not asked for")
        # 32 + 15: zlib tells gzip from deflate by the header, with the largest window.
        unpacker = None if packing in ("identity", "") else zlib.decompressobj(47)
        out, size = [], 0
        for chunk in response.iter_stream():
            data = unpacker.decompress(chunk, self.limits.body + 1 - size) if unpacker else chunk
            size += len(data)
            if size > self.limits.body:
                raise TooLarge(f"the answer is larger than {self.limits.body:,} bytes")
            out.append(data)
        if unpacker is not None and not unpacker.eof:
            raise CutOff("the packed answer is cut off")
        return b"".join(out)


def _host(url: str) -> str:
    """What the Host header says: no port where it is the usual one, as signatures want it."""
    parts = urllib.parse.urlsplit(url)
    usual = {"http": 80, "https": 443}[parts.scheme]
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else str(parts.hostname)
    return host if parts.port in (None, usual) else f"{host}:{parts.port}"


def _reason(error: BaseException) -> str:
    """The innermost cause in words, without paths and names of Python classes."""
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, socket.gaierror):
        return "its name can't be resolved"
    if isinstance(error, TimeoutError | httpcore2.ConnectTimeout):
        return "it doesn't accept the connection in time"
    told = str(getattr(error, "verify_message", None) or getattr(error, "strerror", None) or error)
    return re.sub(r"^\[Errno -?\d+\] ", "", told)[:160]
