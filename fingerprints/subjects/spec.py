"""The subject spec: one string that names a model and how to open it.

``hf:org/name,revision=…,dtype=bfloat16`` · ``hf:./dir`` · ``hf:./base,adapter=./lora`` ·
``hf:./dir,thinking=256,waits=2`` · ``gguf:./m.gguf`` ·
``openai:name,base_url=http://localhost:8000/v1`` · ``recording:./answers.jsonl``; an existing path
alone is recognised.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from fingerprints.errors import MalformedInput, UnsafeInput, UsageProblem, printable

Scheme = Literal["hf", "gguf", "openai", "recording"]

OPTIONS: dict[Scheme, frozenset[str]] = {
    "hf": frozenset(
        {"revision", "dtype", "device", "adapter", "batch", "template", "thinking", "waits"}
    ),
    "gguf": frozenset({"dtype", "device", "adapter", "batch", "template", "thinking", "waits"}),
    "openai": frozenset(
        {
            "base_url",
            "concurrency",
            "deadline",
            "tokens",
            "cost",
            "price_in",
            "price_out",
            "key_env",
        }
    ),
    "recording": frozenset({"model", "format"}),
}
PICKLES = frozenset(
    {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".npy", ".npz", ".joblib", ".h5", ".keras"}
)
RECORDINGS = frozenset({".jsonl", ".json", ".eval", ".gz"})


@dataclass(frozen=True)
class SubjectSpec:
    """A parsed spec: scheme, target (a path, a hub id or an endpoint's model name) and options."""

    scheme: Scheme
    target: str
    options: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """The spec as one string that parses back to an equal value."""
        return ",".join(
            [f"{self.scheme}:{self.target}", *(f"{k}={v}" for k, v in sorted(self.options.items()))]
        )


def parse_spec(text: str) -> SubjectSpec:
    """Parses a spec; an existing path alone is recognised by what it is.

    Raises UsageProblem for an unknown scheme or option, MalformedInput for a path that is not
    there, UnsafeInput for a pickle.

    >>> parse_spec("openai:gpt-x,base_url=http://localhost:8000/v1").options
    {'base_url': 'http://localhost:8000/v1'}
    """
    if not text or "\0" in text:
        raise UsageProblem(
            "the subject spec is empty",
            next_step="give a path, or hf:…, gguf:…, openai:…, recording:…",
        )
    if Path(text).exists():
        return SubjectSpec(_scheme_of(Path(text)), text)
    scheme, colon, rest = text.partition(":")
    if not colon or scheme not in OPTIONS:
        return _bare(text)
    target, options = _split_options(rest, OPTIONS[scheme])
    if not target:
        raise UsageProblem(
            "the spec names nothing after its scheme",
            where=printable(text, 80),
            next_step=f"write {scheme}:NAME or {scheme}:PATH",
        )
    return SubjectSpec(scheme, target, options)


def _split_options(rest: str, known: frozenset[str]) -> tuple[str, dict[str, str]]:
    options: dict[str, str] = {}
    while "," in rest:
        head, _, last = rest.rpartition(",")
        key, equals, value = last.partition("=")
        if not equals or not key.isidentifier():
            break
        if key not in known:
            raise UsageProblem(
                f"unknown option {printable(key, 40)!r} in the spec",
                where=printable(rest, 80),
                next_step=f"known options: {', '.join(sorted(known))}",
            )
        options.setdefault(key, value)
        rest = head
    return rest, options


def _bare(text: str) -> SubjectSpec:
    options: dict[str, str]
    for scheme in ("hf", "gguf", "recording"):
        try:
            target, options = _split_options(text, OPTIONS[scheme])
        except UsageProblem:
            continue
        if options and Path(target).exists():
            return SubjectSpec(_scheme_of(Path(target)), target, options)
    scheme, colon, _ = text.partition(":")
    if colon and scheme.isidentifier() and len(scheme) > 1 and "/" not in scheme:
        raise UsageProblem(
            f"unknown scheme {printable(scheme, 30)!r}",
            where=printable(text, 80),
            next_step="use hf:, gguf:, openai: or recording:",
        )
    raise MalformedInput(
        "no such file or folder",
        where=printable(text, 120),
        next_step=(
            "check the path; a hub model is written hf:org/name, an endpoint"
            " openai:NAME,base_url=URL"
        ),
    )


def _scheme_of(path: Path) -> Scheme:
    if path.is_dir():
        if any((path / name).exists() for name in ("config.json", "adapter_config.json")):
            return "hf"
        raise MalformedInput(
            "the folder is no checkpoint: it has no config.json",
            where=path,
            next_step=(
                "give a transformers checkpoint folder, a GGUF file or recorded answers (JSONL)"
            ),
        )
    suffix = path.suffix.lower()
    if suffix in PICKLES:
        raise UnsafeInput(
            "pickle checkpoints can run code and are never opened",
            where=path,
            next_step="convert it to safetensors in a throw-away container, then audit that",
        )
    if suffix == ".gguf":
        return "gguf"
    if suffix in RECORDINGS:
        return "recording"
    raise UsageProblem(
        f"can't tell what a {suffix or 'nameless'} file is",
        where=path,
        next_step="write the scheme in front: hf:, gguf:, openai: or recording:",
    )
