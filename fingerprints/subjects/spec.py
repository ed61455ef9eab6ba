"""The subject spec: one string that names a model and how to open it; a kind's own code is imported
when it is opened.

``hf:org/name,revision=…,dtype=bfloat16`` · ``hf:./dir`` · ``hf:./base,adapter=./lora`` ·
``hf:./dir,thinking=256,waits=2`` · ``gguf:./m.gguf`` ·
``vllm:./dir`` · ``openai:name,base_url=http://localhost:8000/v1`` · ``anthropic:name`` (and
``responses:``, ``gemini:``, ``azure:``, ``bedrock:``) · ``recording:./answers.jsonl`` ·
``sheet:./filled.csv``; an existing path alone is recognised.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from fingerprints.errors import MalformedInput, UnsafeInput, UsageProblem, printable
from fingerprints.subjects.base import Subject
from fingerprints.subjects.kinds import SubjectSpec, kind_of, recognised, scheme_in, schemes

PICKLES = frozenset(
    {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".npy", ".npz", ".joblib", ".h5", ".keras"}
)
LONGEST_NAME, LONGEST_PATH = 255, 4096
"""Bytes of a file's name and of a path, as Linux has them: of longer ones systems tell no more than
that they failed."""
WORDS_OF_COUNTS = {"batch": "batch size", "threads": "number of threads"}


def parse_spec(text: str) -> SubjectSpec:
    """Parses a spec; an existing path alone is recognised by what it is.

    Raises UsageProblem for an unknown scheme or option, MalformedInput for a path that is not
    there or can't be, UnsafeInput for a pickle.

    >>> parse_spec("openai:gpt-x,base_url=http://localhost:8000/v1").options
    {'base_url': 'http://localhost:8000/v1'}
    """
    if not text or "\0" in text:
        raise UsageProblem(
            "the subject spec is empty",
            next_step=f"give a path, or {', '.join(f'{name}:…' for name in schemes())}",
        )
    if _may_be(text) and Path(text).exists():
        return SubjectSpec(_scheme_of(Path(text)), text)
    scheme, rest = scheme_in(text), text.partition(":")[2]
    if text.startswith("hf://"):
        scheme, rest = "recording", text  # a data set's address, as others write it
    if scheme is None:
        return _bare(text)
    kind = kind_of(scheme)
    target, options = (rest, {}) if kind.whole else _split_options(rest, kind.options)
    if not target:
        raise UsageProblem(
            "the spec names nothing after its scheme",
            where=printable(text, 80),
            next_step=f"write {scheme}:NAME or {scheme}:PATH",
        )
    if kind.weights is not None or kind.recorded:
        for path in (target, *options.values()):
            _refuse_too_long(path)
    return SubjectSpec(scheme, target, options)


def _may_be(path: str) -> bool:
    """Whether there can be a file of this name."""
    data = path.encode("utf-8", "surrogatepass")
    return len(data) < LONGEST_PATH and all(len(n) <= LONGEST_NAME for n in data.split(b"/"))


def _refuse_too_long(path: str) -> None:
    if not _may_be(path):
        raise MalformedInput(
            "a path that is longer than any can be",
            where=printable(path, 80),
            next_step="check the spec",
        )


def open_subject(spec: str | SubjectSpec) -> Subject:
    """The subject that a spec names, ready to be asked.

    Raises the errors of `parse_spec` and of the kind that is opened.
    """
    parsed = parse_spec(spec) if isinstance(spec, str) else spec
    return parsed.kind.opened(parsed)


def refuse_bad_spec(spec: str) -> None:
    """Raises now what `open_subject` would raise later of a spec, as far as that costs nothing: no
    model is loaded for it.

    Endpoints and recordings are opened and closed (nothing is sent), and so are files and folders
    that are not there. For runs that ask one subject for long, or for money, before they open the
    next.
    """
    parsed = parse_spec(spec)
    missing = (
        parsed.target.startswith((".", "/", "~")) and not Path(parsed.target).expanduser().exists()
    )
    if parsed.kind.opens_free or (missing and parsed.kind.weights is not None):
        with open_subject(parsed):
            pass


def parameters_in(spec: str) -> float | None:
    """A rough count of a subject's parameters without opening it; None where that can't be known,
    as of an endpoint. Raises MalformedInput for a path without weights."""
    parsed = parse_spec(spec)
    return parsed.kind.parameters(parsed)


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
    for scheme in schemes() if "," in text else ():
        try:
            target, options = _split_options(text, kind_of(scheme).options)
        except UsageProblem:
            continue
        if (
            options
            and _may_be(target)
            and Path(target).exists()
            and _scheme_of(Path(target)) == scheme
        ):
            return SubjectSpec(scheme, target, options)
    scheme, colon, _ = text.partition(":")
    if colon and scheme.isidentifier() and len(scheme) > 1 and "/" not in scheme:
        kind_of(scheme)
    raise MalformedInput(
        "no such file or folder",
        where=printable(text, 120),
        next_step=(
            "check the path; a hub model is written hf:org/name, an endpoint"
            " openai:NAME,base_url=URL"
        ),
    )


def _scheme_of(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix in PICKLES and not path.is_dir():
        raise UnsafeInput(
            "pickle checkpoints can run code and are never opened",
            where=path,
            next_step="convert it to safetensors in a throw-away container, then audit that",
        )
    found = recognised(path)
    if found is not None:
        return found
    if path.is_dir():
        raise MalformedInput(
            "the folder is no checkpoint: it has no config.json",
            where=path,
            next_step=(
                "give a transformers checkpoint folder, a GGUF file or recorded answers (JSONL)"
            ),
        )
    raise UsageProblem(
        f"can't tell what a {suffix or 'nameless'} file is",
        where=path,
        next_step=f"write the scheme in front: {', '.join(f'{name}:' for name in schemes())}",
    )


def count_option(options: Mapping[str, str], name: str, usual: int, most: int = 4096) -> int:
    """An option that is a whole number from 1 to ``most``; ``usual`` for none or "auto". Raises
    UsageProblem for anything else."""
    text = options.get(name, "auto")
    if text == "auto":
        return usual
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
        raise UsageProblem(
            f"not a {WORDS_OF_COUNTS.get(name, name)}: {printable(text, 30)!r}",
            where=name,
            next_step=f"use 1 to {most}, or auto",
        )
    return int(text)


def number_option(
    options: Mapping[str, str],
    name: str,
    usual: float,
    low: float,
    high: float,
    whole: bool = False,
) -> float:
    """An option that is a number from ``low`` to ``high``; ``usual`` for none. Raises UsageProblem
    for anything else."""
    text = options.get(name)
    if text is None:
        return usual
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high or (whole and value != int(value)):
        kind = "a whole number" if whole else "a number"
        raise UsageProblem(
            f"{name}= takes {kind} from {low:g} to {high:g}",
            where=f"{name}=",
            next_step="correct the spec",
        )
    return value
