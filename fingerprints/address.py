"""Where a published store lies: an address, the file system that reads it, and its errors told
without its words.

Addresses are fsspec's; credentials are left to its own settings and never part of an address, a
message or a report. Knows addresses and objects; knows nothing of what they hold.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fingerprints.errors import (
    AuditError,
    Incomplete,
    MalformedInput,
    UsageProblem,
    missing_extra,
    printable,
)

PORTION = 4 << 20
"""Bytes that are fetched, or held of a stream, at once."""
PARTIAL = 206
"""What a server answers that sends the range it was asked for."""
_BUCKETS = ("s3://", "s3a://", "gs://", "gcs://", "az://", "abfs://", "abfss://", "oss://")
_STREAMED = ("http://", "https://")
_ARCHIVES = ("libarchive", "tar", "zip")
_CACHES = ("blockcache", "cached", "filecache", "simplecache")
_PASSING = ("memory://",)
_ADDRESS = re.compile(r"(?P<protocol>[a-z][a-z0-9+.-]{0,30})://(?P<path>[^\s\x00-\x1f]{0,1000})")
# What backends raise besides OSError, each only where the backend is loaded.
_RAISED = (
    ("aiohttp", "ClientError"),
    ("azure.core.exceptions", "AzureError"),
    ("botocore.exceptions", "BotoCoreError"),
    ("botocore.exceptions", "ClientError"),
    ("gcsfs.retry", "HttpError"),
    ("google.auth.exceptions", "GoogleAuthError"),
    ("httpx", "HTTPError"),
    ("httpx2", "HTTPError"),
)


def is_address(name: str) -> bool:
    """Whether a store is named by an address, such as s3://bucket/teachers, and not by a folder."""
    return "://" in name


def parts_of(address: str) -> tuple[str, str]:
    """Protocol and place. Raises UsageProblem, which doesn't repeat it, for an address that may
    hold credentials or is none."""
    found = _ADDRESS.fullmatch(address)
    if found is None or re.search(r"[@?#]|::", found["path"]):
        raise UsageProblem(
            "a store's address is PROTOCOL://PLACE, without credentials, queries and chains",
            next_step="set credentials as the protocol's own package reads them",
        )
    return found["protocol"], found["path"]


@dataclass(frozen=True)
class Address:
    """Where a published store lies. ``shown`` is what may be told of it: it holds no secret."""

    filesystem: Any
    root: str
    shown: str

    @classmethod
    def parse(cls, address: str) -> Address:
        """The place that an address names. Raises UsageProblem, in one line, for one with
        credentials, of an unknown protocol, or whose package is not installed."""
        protocol, _ = parts_of(address)
        filesystem, root = _filesystem(protocol, address)
        return cls(filesystem, root.rstrip("/"), printable(address, 200))

    @property
    def in_a_bucket(self) -> bool:
        """Whether there are no folders to be made: what would be made is a bucket, of a misspelt
        name perhaps."""
        return self.shown.startswith(_BUCKETS)

    @property
    def passing(self) -> bool:
        """Whether what is put there is gone with this process."""
        return self.shown.startswith(_PASSING)

    def at(self, name: str) -> str:
        """Where one of its objects lies."""
        return f"{self.root}/{name}"

    def portions(self, name: str, size: int, start: int = 0) -> Iterator[bytes]:
        """The bytes of an object from ``start`` on, up to ``size`` at the most, some megabytes at a
        time. Raises what `telling` tells."""
        with self.telling(name), self._stream(name, size, start) as file:
            left = size - start
            while left > 0 and (data := file.read(min(PORTION, left))):
                left -= len(data)
                yield data

    @contextmanager
    def _stream(self, name: str, size: int, start: int) -> Iterator[Any]:
        if not self.shown.startswith(_STREAMED):
            with self.filesystem.open(self.at(name), "rb", block_size=PORTION) as file:
                file.seek(start)
                yield file
            return
        # A server may know no ranges, or send more than it was asked for: what comes is never taken
        # into memory as a whole. A size that is given spares a request for it.
        headers = {**self.filesystem.kwargs.get("headers", {})}
        headers |= {"Range": f"bytes={start}-{size - 1}"} if start else {}
        with self.filesystem.open(
            self.at(name), "rb", block_size=0, size=1, headers=headers
        ) as file:
            left = start if file.r.status != PARTIAL else 0
            while left > 0 and (data := file.read(min(PORTION, left))):
                left -= len(data)
            yield file

    def told(self, error: Exception, name: str) -> AuditError:
        """A backend's error without its words, which may hold addresses and keys."""
        where = f"{self.shown}/{name}"
        if isinstance(error, FileNotFoundError):
            return MalformedInput(
                "no such object: there is no published store here, or it was taken away",
                where=where,
                next_step="check the address; `auditor store publish` puts a store there",
            )
        if isinstance(error, NotImplementedError):
            return UsageProblem(
                "a store can't be put there: the protocol only reads",
                where=where,
                next_step="publish it where objects can be written",
            )
        return Incomplete(
            f"the remote store can't be read or written now: {type(error).__name__}",
            where=where,
            next_step="check network, credentials and rights, and run the same command again",
        )

    @contextmanager
    def telling(self, name: str) -> Iterator[None]:
        """Tells a backend's errors as ours."""
        try:
            yield
        except AuditError:
            raise
        except backend_errors() as error:
            raise self.told(error, name) from None


def backend_errors() -> tuple[type[Exception], ...]:
    """What the backends that are loaded raise where they can't read or write."""
    found: list[type[Exception]] = [OSError, ValueError, NotImplementedError]
    for module, name in _RAISED:
        if module in sys.modules:
            found.append(vars(sys.modules[module])[name])
    return tuple(found)


def _filesystem(protocol: str, address: str) -> tuple[Any, str]:
    """Who reads an address, and the place as that names it: a host may be part of either."""
    try:
        from fsspec.core import url_to_fs
        from fsspec.registry import known_implementations as known
        from fsspec.registry import registry
    except ImportError as error:
        raise missing_extra("fsspec", "remote", "a store at an address") from error
    if protocol not in known and protocol not in registry:
        raise UsageProblem(
            f"no protocol is called {printable(protocol, 40)!r}",
            next_step="name a folder, or an address such as s3://bucket/teachers",
        )
    if protocol in _ARCHIVES:
        raise UsageProblem(
            f"a store is not read out of an archive, and {protocol}:// names one",
            next_step="unpack it, and name the folder that it gives",
        )
    if protocol in _CACHES:
        raise UsageProblem(
            f"the protocol {protocol}:// needs more than an address; a published store is cached"
            " anyway",
            next_step="name the place itself, such as s3://bucket/teachers",
        )
    try:
        made, root = url_to_fs(address)
    except ImportError as error:
        said = str(known.get(protocol, {}).get("err", "")) or "install its package"
        raise UsageProblem(
            f"stores at {protocol}:// need a package that is not installed",
            next_step=printable(said, 200),
        ) from error
    except (TypeError, AttributeError):  # its constructor asks for more than an address holds
        raise UsageProblem(
            f"the protocol {protocol}:// needs more than an address",
            next_step="name a folder, or an address such as s3://bucket/teachers",
        ) from None
    except backend_errors() as error:
        raise Incomplete(
            f"the protocol {protocol}:// can't be used now: {type(error).__name__}",
            next_step="check the host's name, the network, and credentials as the protocol's own"
            " package reads them",
        ) from None
    return made, str(root)
