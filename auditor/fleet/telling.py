"""Tells of changes that a watch found: an Atom feed in a file, and a POST to an address.

No word of an answer, no spec and no key is in either. Knows the changes; watches nobody.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import socket
import ssl
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5
from xml.etree import ElementTree

from auditor.fleet.watch_files import ToldOf, WatchedChange, WatchState
from fingerprints.durable import replacing
from fingerprints.errors import AuditError, Incomplete, UnsafeInput, UsageProblem, printable
from fingerprints.subjects.guard import refuse_address

WEBHOOK = "AUDITOR_WATCH_WEBHOOK"
FEED = "changes.atom.xml"
ATOM = "http://www.w3.org/2005/Atom"
MOST_ENTRIES, TIMEOUT = 200, 10.0
WELL_KNOWN_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""RFC 6052: a gateway takes what is sent there to the IPv4 address in the last 32 bits."""
TITLES: dict[ToldOf, str] = {
    "answers": "answers are not drawn as they were",
    "name": "it answers under other names than before",
    "spec": "the plan asks another address",
    "turns": "it answers under several names in turn",
    "repeats": "its answers repeat word for word",
}

REPEATED = (
    "All answers to one question were one: it answers without chance, or out of a cache. Which of"
    " both can't be told. A model behind a cache may be exchanged unseen until the cache forgets,"
    " and a cache that forgets looks like a change. It is watched all the same."
)
EMPTIED = (
    "Before, its answers had repeated word for word: where they came out of a cache, one that was"
    " emptied looks like this, too, and the chance of a false alarm is not bounded."
)


def feed(name: str, states: Iterable[WatchState]) -> bytes:
    """The newest changes as an Atom feed (RFC 4287). The same changes give the same bytes."""
    changes = sorted(
        (change for state in states for change in state.changes),
        key=lambda c: (c.made, c.suspect, c.look),
        reverse=True,
    )
    ElementTree.register_namespace("", ATOM)
    root = _element(None, "feed")
    _element(root, "title", f"Changes in the fleet {name}")
    _element(root, "id", uuid5(NAMESPACE_URL, f"auditor-watch:{name}").urn)
    _element(root, "updated", changes[0].made if changes else "1970-01-01T00:00:00Z")
    _element(_element(root, "author"), "name", "auditor watch")
    for change in changes[:MOST_ENTRIES]:
        _entry(root, name, change)
    told: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return told + b"\n"


def _entry(root: ElementTree.Element, name: str, change: WatchedChange) -> None:
    entry = _element(root, "entry")
    place = f"auditor-watch:{name}/{change.suspect}/{change.look}/{change.what}"
    _element(entry, "id", uuid5(NAMESPACE_URL, place).urn)
    _element(entry, "title", f"{change.suspect}: {TITLES[change.what]}")
    _element(entry, "updated", change.made)
    _element(entry, "content", summary(change)).set("type", "text")


def _element(parent: ElementTree.Element | None, tag: str, text: str = "") -> ElementTree.Element:
    """An element; characters that XML has no place for are spelled out."""
    name = f"{{{ATOM}}}{tag}"
    made = ElementTree.Element(name) if parent is None else ElementTree.SubElement(parent, name)
    made.text = printable(text) or None
    return made


def summary(change: WatchedChange) -> str:
    """A change in a sentence."""
    told = f"At look {change.look} of {change.suspect}: {TITLES[change.what]}."
    if change.what == "answers" and change.log10_e is not None and change.needed is not None:
        told += (
            f" A bet of 1 on a change has become {10**change.log10_e:.3g}, and"
            f" {10**change.needed:.3g} were needed. Another model, another temperature, system"
            " prompt or quantisation look alike here."
        )
    if change.repeated:
        told += f" {EMPTIED}"
    if change.what == "turns":
        told += f" As a router does: {', '.join(change.after)}. That is no change."
    if change.what == "repeats":
        told += f" {REPEATED}"
    if change.what == "name":
        told += f" Before: {', '.join(change.before)}. Now: {', '.join(change.after)}."
    return told


def write_feed(name: str, states: Sequence[WatchState], out: Path) -> None:
    """Writes the feed, whole or not at all."""
    with replacing(out / FEED) as file:
        file.write(feed(name, states))


def posted(
    name: str, state: WatchState, url: str, allow_private: bool
) -> tuple[WatchState, AuditError | None]:
    """Sends the changes of an endpoint that were not sent yet, in order; the state with what was,
    and why not more. What is not sent now is sent at the next look."""
    for i, change in enumerate(state.changes[state.told :], state.told):
        try:
            post(url, {"fleet": name, **change.model_dump(mode="json")}, allow_private)
        except AuditError as error:
            return state.model_copy(update={"told": i}), error
    return state.model_copy(update={"told": len(state.changes)}), None


def post(url: str, value: object, allow_private: bool) -> None:
    """One POST of JSON. The address that was looked up and judged is the one that is connected to;
    no redirect is followed.

    Raises UsageProblem for no http(s) address, UnsafeInput for a private one that was not allowed,
    Incomplete where it does not take it.
    """
    try:
        parts = urlsplit(url)
        host, asked = parts.hostname, parts.port
    except ValueError:  # a port or brackets that are none; its words would repeat the address
        host, asked, parts = None, None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host or not url.isascii():
        raise UsageProblem("the webhook is no http or https address", where=WEBHOOK)
    port = asked or (443 if parts.scheme == "https" else 80)
    body = json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
    path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    try:
        with closing(http.client.HTTPConnection(host, port, timeout=TIMEOUT)) as sending:
            secure = parts.scheme == "https"
            sending.sock = _connected(host, port, allow_private, secure)
            sending.request("POST", path, body, {"Content-Type": "application/json"})
            with sending.getresponse() as answer:
                status = answer.status
    except (OSError, UnicodeError, http.client.HTTPException) as error:
        raise _unsent(host, type(error).__name__) from error
    if not 200 <= status < 300:
        raise _unsent(host, f"status {status}")


def _connected(host: str, port: int, allow_private: bool, secure: bool) -> socket.socket:
    address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0]
    refuse_address(str(address), printable(host, 100), WEBHOOK)
    if not (allow_private or _public(str(address))):
        raise UnsafeInput(
            "the webhook's address is a private one",
            where=printable(host, 100),
            next_step="give --allow-private where that is meant",
        )
    plain = socket.create_connection((str(address), port), TIMEOUT)
    if not secure:
        return plain
    try:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=host)
    except OSError:
        plain.close()
        raise


def _public(address: str) -> bool:
    """Whether an address is the open network's; of one that wraps an IPv4 address (mapped, 6to4,
    NAT64, or the old compatible form), whether that one is."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if not isinstance(ip, ipaddress.IPv6Address):
        return ip.is_global
    wraps = ip in WELL_KNOWN_NAT64 or int(ip) >> 32 == 0
    inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if wraps else ip.ipv4_mapped or ip.sixtofour
    return ip.is_global and not ip.is_site_local and (inner is None or inner.is_global)


def _unsent(host: str, why: str) -> Incomplete:
    return Incomplete(
        f"the webhook did not take it: {printable(why, 80)}",
        where=printable(host, 100),
        next_step="it is sent again at the next look",
    )
