"""What a client's request may touch: files below one folder, and the network only where whoever
started the server allowed it.

A client is driven by a language model that reads strangers' texts: it is trusted with nothing.
Knows paths and specs; opens no model.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fingerprints.errors import MalformedInput, ResourceLimit, UnsafeInput, UsageProblem, printable
from fingerprints.subjects.kinds import SubjectSpec, scheme_in
from fingerprints.subjects.spec import parse_spec

HERE = frozenset({"hf", "gguf", "vllm", "recording", "sheet"})
"""Schemes whose target may be a file here; all others, a plug-in's too, are the network's."""
PLAIN = frozenset(
    {"api_version", "backend", "batch", "concurrency", "context", "cost", "deadline", "device"}
    | {"dtype", "format", "gpus", "memory", "model", "partial", "price_in", "price_out", "region"}
    | {"revision", "thinking", "thoughts", "threads", "tokens", "waits"}
)
"""Options that name neither a file, nor an address, nor a variable of the environment."""
FILES = frozenset({"adapter", "requests"})
MOST_ENTRIES = 20_000
WEIGHTS = frozenset({".safetensors", ".gguf"})
BESIDE = WEIGHTS | {".json", ".md", ".jinja", ".model", ".txt"}
"""Endings of what is read beside a file of weights: its config, card, tokenizer, other parts."""


@dataclass(frozen=True)
class Fence:
    """The folder that requests stay below (absolute, links resolved; the server's working folder),
    whether the network may be asked, and which addresses specs may name then."""

    root: Path
    network: bool = False
    addresses: tuple[str, ...] = ()

    def path(self, text: str) -> Path:
        """A path of a request, from the root. Raises UnsafeInput for one that leads out of it, by
        links too, and for a folder with links that do; says nothing of whether it is there."""
        inside = self._inside(text)
        self._refuse_links_out(inside)
        return inside

    def _inside(self, text: str) -> Path:
        resolved = (self.root / text).resolve()
        if not text or "\0" in text or not resolved.is_relative_to(self.root):
            raise UnsafeInput(
                "a path of the request leads out of the server's folder",
                where=printable(text, 80),
                next_step="name files below --root, which the server was started with",
            )
        return resolved.relative_to(self.root)

    def spec(self, text: str) -> str:
        """A subject's spec of a request, its paths within the root.

        Raises UnsafeInput for what leads out of it, for the network where that is not allowed, and
        for an option that may name a file, an address or a variable; and what `parse_spec` raises.
        """
        target = (text.partition(":")[2] if scheme_in(text) else text).partition(",")[0]
        if Path(target).is_absolute() or ".." in Path(target).parts or target.startswith("~"):
            self._inside(target)  # before anything looks whether it is there
        parsed = parse_spec(text)
        options = {key: self._option(key, value) for key, value in parsed.options.items()}
        return str(replace(parsed, target=self._target(parsed), options=options))

    def probes(self, text: str) -> str:
        """Probe sets of a request: names, and files within the root."""
        parts = [part.strip() for part in text.split(",")]
        return ",".join(f"./{self.path(p)}" if Path(p).suffix else p for p in parts)

    def _target(self, parsed: SubjectSpec) -> str:
        remote = "://" in parsed.target or parsed.scheme not in HERE
        if not remote and (self.root / parsed.target).exists():
            return f"./{self.path(parsed.target)}"
        if not remote and parsed.target.startswith((".", "/", "~")):
            raise MalformedInput(
                "there is no such file or folder", where=printable(parsed.target, 80)
            )
        if not self.network:
            raise UnsafeInput(
                "that would be asked or downloaded, and this server was not allowed the network",
                where=printable(str(parsed), 80),
                next_step="name a file below its folder, or start it with --allow-network",
            )
        return parsed.target

    def _option(self, key: str, value: str) -> str:
        if key in PLAIN or key.startswith("map_"):
            return value
        if key in FILES:
            return f"./{self.path(value)}"
        if key == "base_url" and self.network and value in self.addresses:
            return value
        raise UnsafeInput(
            f"requests may not set {key}= of a spec",
            next_step="name addresses that may be asked with --base-url when the server is started",
        )

    def _refuse_links_out(self, inside: Path) -> None:
        """Raises UnsafeInput for a link below a folder, or beside a file of weights, that leads out
        of the root."""
        seen, whole = 0, self.root / inside
        if whole.suffix in WEIGHTS and whole.is_file():
            for beside in whole.parent.iterdir():
                if beside.suffix in BESIDE and beside.is_symlink():
                    self._inside(str(beside))
        for at, folders, files in os.walk(whole, followlinks=False):
            for name in (*folders, *files):
                seen += 1
                if seen > MOST_ENTRIES:
                    raise ResourceLimit(
                        f"the folder holds over {MOST_ENTRIES:,} entries",
                        where=printable(str(inside), 80),
                    )
                if (Path(at) / name).is_symlink():
                    self._inside(str(Path(at) / name))


def entered(root: Path, network: bool, addresses: tuple[str, ...]) -> Fence:
    """The fence of a server, which works in its root from now on; without ``network`` this process
    opens no connection any more, whatever a library tries.

    Raises UsageProblem where there is no such folder.
    """
    if not root.is_dir():
        raise UsageProblem("there is no such folder", where=root, next_step="check --root")
    fence = Fence(root.resolve(), network, addresses)
    os.chdir(fence.root)
    if not network:
        os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"
        sys.addaudithook(_refuse_connections)
    return fence


def _refuse_connections(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        _refuse()
    if event == "socket.connect" and isinstance(arguments[1], tuple):  # not a local socket's name
        _refuse()


def _refuse() -> None:
    raise UnsafeInput(
        "a connection was tried, and this server was not allowed the network",
        next_step="start it with --allow-network",
    )
