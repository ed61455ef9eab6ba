"""A server that misbehaves by script: request number n gets behaviour number n, and the last one
stays.

Standard library only, on 127.0.0.1 and a free port. A behaviour is a function of the handler of one
request and its JSON body; those below are the faults that endpoints have in the wild.
"""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import struct
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Behaviour = Callable[["Exchange", dict[str, Any]], None]


@dataclass
class Received:
    """One request as it arrived, and when."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    at: float = field(default_factory=time.monotonic)

    @property
    def prompt(self) -> str:
        """The text of the last turn."""
        return str(
            self.body["messages"][-1]["content"] if "messages" in self.body else self.body["prompt"]
        )


class Exchange(BaseHTTPRequestHandler):
    """One connection; looks its behaviour up by the number of the request."""

    protocol_version = "HTTP/1.1"
    # Head and body go in two writes: the second would wait 40 ms for the first one's receipt.
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", "0"))) or b"{}")
        owner = self.server.owner
        with owner.lock:
            number = len(owner.requests)
            owner.requests.append(
                Received(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            )
        owner.script[min(number, len(owner.script) - 1)](self, body)

    do_GET = do_POST

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def send(self, status: int, data: bytes, **headers: str) -> None:
        """A whole, well-formed response."""
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(data)),
            **headers,
        }.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def stopped(self, seconds: float) -> bool:
        """Waits; whether the server was closed meanwhile."""
        return self.server.owner.closing.wait(seconds)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    owner: FaultServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # clients hang up: that is what is tested


class FaultServer:
    """Serves a script as a context manager; ``requests`` holds what arrived, ``url`` is the base
    address."""

    def __init__(self, *script: Behaviour, tls: ssl.SSLContext | None = None) -> None:
        self.script, self.requests = script, list[Received]()
        self.lock, self.closing = threading.Lock(), threading.Event()
        self._server = _Server(("127.0.0.1", 0), Exchange)
        self._server.owner = self
        self.port = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/v1"
        if tls is not None:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def completion(text: Any = "Baa.", **changes: Any) -> dict[str, Any]:
    """The body of an ordinary chat answer, with fields changed (``finish`` for the choice's
    finish_reason)."""
    choice: dict[str, Any] = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "text": text,
    }
    choice["finish_reason"] = changes.pop("finish", "stop")
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    return {
        "id": "x",
        "object": "chat.completion",
        "model": "lamb-1",
        "choices": [choice],
        "usage": usage,
        **changes,
    }


def answers(text: Any = "Baa.", **changes: Any) -> Behaviour:
    """An ordinary answer."""
    return lambda exchange, body: exchange.send(
        200, json.dumps(completion(text, **changes)).encode()
    )


def echoes() -> Behaviour:
    """Answers with the prompt, so that answers and questions can be paired."""

    def behave(exchange: Exchange, body: dict[str, Any]) -> None:
        prompt = body["messages"][-1]["content"] if "messages" in body else body["prompt"]
        exchange.send(200, json.dumps(completion(f"re: {prompt}")).encode())

    return behave


def sends(data: bytes, status: int = 200, **headers: str) -> Behaviour:
    """Any bytes under any status, whole."""
    return lambda exchange, body: exchange.send(status, data, **headers)


def fails(status: int, message: str = "no", **headers: str) -> Behaviour:
    """An error with the usual body."""
    return sends(
        json.dumps({"error": {"message": message, "type": "t"}}).encode(), status, **headers
    )


def echoes_key(form: Callable[[str], str], status: int = 200) -> Behaviour:
    """Repeats the key it was sent, in some spelling: as an answer, or in an error."""

    def behave(exchange: Exchange, body: dict[str, Any]) -> None:
        told = f"your key is {form(exchange.headers['authorization'].removeprefix('Bearer '))}."
        (fails(status, told) if status != 200 else answers(told, model=told, finish=told))(
            exchange, body
        )

    return behave


def redirects(to: str, status: int = 307) -> Behaviour:
    """A redirect."""
    return lambda exchange, body: exchange.send(status, b"", Location=to)


def hangs(headers: bool = False) -> Behaviour:
    """Says nothing, or nothing after its headers."""

    def behave(exchange: Exchange, body: dict[str, Any]) -> None:
        if headers:
            exchange.send_response(200)
            exchange.send_header("Content-Length", "100")
            exchange.end_headers()
            exchange.wfile.flush()
        exchange.stopped(60)

    return behave


def dribbles(seconds: float = 0.05, in_headers: bool = False) -> Behaviour:
    """One byte at a time, in the body or already in the headers."""

    def behave(exchange: Exchange, body: dict[str, Any]) -> None:
        head = b"HTTP/1.1 200 OK\r\nX-Slow: " + (
            b"" if in_headers else b"no\r\nContent-Length: 100000\r\n\r\n"
        )
        exchange.wfile.write(head)
        while not exchange.stopped(seconds):
            exchange.wfile.write(b" ")
            exchange.wfile.flush()

    return behave


def cuts(after: int = 40, promised: int = 400, chunked: bool = False) -> Behaviour:
    """Hangs up in the middle of the body."""

    def behave(exchange: Exchange, body: dict[str, Any]) -> None:
        length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % promised
        data = json.dumps(completion()).encode()[:after]
        exchange.wfile.write(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n\r\n")
        exchange.wfile.write(b"%x\r\n%s" % (promised, data) if chunked else data)
        exchange.close_connection = True

    return behave


def hangs_up() -> Behaviour:
    """Ends the connection without a word."""

    def behave(exchange: Exchange, body: dict[str, Any]) -> None:
        exchange.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        exchange.close_connection = True

    return behave


def gzipped(data: bytes, cut: int = 0) -> Behaviour:
    """A gzip-packed body, its last ``cut`` bytes missing."""
    packed = gzip.compress(data)
    return sends(packed[: len(packed) - cut], Content_Encoding="gzip")


def bomb(megabytes: int) -> Behaviour:
    """Many megabytes of spaces, packed small."""
    packer = zlib.compressobj(wbits=31)
    packed = b"".join(packer.compress(b" " * (1 << 20)) for _ in range(megabytes)) + packer.flush()
    return sends(packed, Content_Encoding="gzip")


def plain(megabytes: int) -> Behaviour:
    """A body of many megabytes, sent as fast as it is read."""

    def behave(exchange: Exchange, body: dict[str, Any]) -> None:
        exchange.send_response(200)
        exchange.send_header("Content-Length", str(megabytes << 20))
        exchange.end_headers()
        for _ in range(megabytes):
            exchange.wfile.write(b" " * (1 << 20))

    return behave
