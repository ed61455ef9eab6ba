"""Reads what a tokenizer's files say, as bounded JSON, GGUF metadata, or a record's bytes; no
tokenizer is made of a stranger's file.

Knows tokenizer.json, vocab.json with merges.txt, sentencepiece models, tiktoken's lists, and
GGUF's; tokenizes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from fingerprints.errors import MalformedInput, ResourceLimit, printable
from fingerprints.subjects.safety import LARGEST_TEMPLATE, refuse_long_template
from fingerprints.subjects.strict_json import BadValue, parse_json
from fingerprints.system import reading
from fingerprints.weights.likeness import TokenizerEvidence
from fingerprints.weights.pieces import (
    LARGEST_MODEL,
    NoParser,
    is_ranked,
    ranked,
    sentencepiece_pieces,
)
from fingerprints.weights.view import Weights

LARGEST_FILE = 64 << 20
CONTROL, USER_DEFINED = 3, 4
"""The kinds of token that GGUF calls special and added."""


def tokenizer_of(weights: Weights) -> TokenizerEvidence | None:
    """The tokenizer that lies with a model's weights; None where there is none.

    With an adapter the adapter's own files go first. Raises what `read_tokenizer` raises.
    """
    own = read_tokenizer(weights.adapter) if weights.adapter is not None else None
    if own is not None:
        return own
    if weights.format == "gguf":
        return gguf_tokenizer(weights.metadata, weights.path)
    return read_tokenizer(weights.path if weights.path.is_dir() else weights.path.parent)


def read_tokenizer(folder: Path) -> TokenizerEvidence | None:
    """The tokenizer in a folder, from tokenizer.json, else vocab.json and merges.txt, else a
    sentencepiece model or tiktoken's list; None where none of them is there.

    Raises MalformedInput for files that are no tokenizer, for two such lists, and for a
    sentencepiece model without its package, ResourceLimit above 64 MiB (such a model: 8 MiB).
    """
    if (folder / "tokenizer.json").is_file():
        vocabulary, merges, special = _whole(folder / "tokenizer.json")
    elif (folder / "vocab.json").is_file():
        vocabulary, merges, special = _words(folder / "vocab.json"), _lines(folder), set()
        vocabulary, special = _added(folder, vocabulary, special)
    elif listed := _listed(folder):
        vocabulary, special = _added(folder, *_pieces(listed))
        merges = ()
    else:
        return None
    return TokenizerEvidence(vocabulary, merges, frozenset(special), _template(folder))


def _listed(folder: Path) -> Path | None:
    """The file that holds the tokens alone; None where there is none."""
    for name in ("tokenizer.model", "spiece.model"):
        if (folder / name).is_file():
            return folder / name
    lists = sorted(path for path in folder.glob("*.tiktoken") if path.is_file())
    if len(lists) > 1:
        raise _bad("there are several lists of tokens", folder, "leave the model's own one there")
    return lists[0] if lists else None


def _pieces(path: Path) -> tuple[dict[str, int], set[str]]:
    data = _bytes(path, LARGEST_FILE)
    with _naming(path):
        # Llama 3's tokenizer.model is such a list, by the name of a sentencepiece model.
        if path.suffix == ".tiktoken" or is_ranked(data):
            return ranked(data), set()
    if len(data) > LARGEST_MODEL:
        raise _too_large(path, LARGEST_MODEL)
    try:
        with _naming(path):
            return sentencepiece_pieces(data)
    except NoParser as error:
        raise _bad(str(error), path, error.step) from error


def _added(
    folder: Path, vocabulary: dict[str, int], special: set[str]
) -> tuple[dict[str, int], set[str]]:
    """The same with what added_tokens.json adds."""
    if not (folder / "added_tokens.json").is_file():
        return vocabulary, special
    more = _words(folder / "added_tokens.json")
    return {**vocabulary, **more}, special | set(more)


def gguf_tokenizer(metadata: Mapping[str, Any], path: Path) -> TokenizerEvidence | None:
    """The tokenizer in GGUF metadata; None without one. Raises MalformedInput."""
    tokens = metadata.get("tokenizer.ggml.tokens")
    if tokens is None:
        return None
    merges = metadata.get("tokenizer.ggml.merges", ())
    kinds = metadata.get("tokenizer.ggml.token_type", ())
    template = metadata.get("tokenizer.chat_template", "")
    if not all(isinstance(v, tuple) for v in (tokens, merges, kinds)) or not isinstance(
        template, str
    ):
        raise _bad("its lists of tokens are none", path)
    if not all(isinstance(t, str) for t in (*tokens, *merges)):
        raise _bad("its lists of tokens hold what is no text", path)
    special = {t for t, kind in zip(tokens, kinds, strict=False) if kind in (CONTROL, USER_DEFINED)}
    vocabulary = {t: i for i, t in reversed(list(enumerate(tokens)))}
    with _naming(path):
        pairs = _pairs(merges)
    return TokenizerEvidence(vocabulary, pairs, frozenset(special), _bounded(template, path))


Parts = tuple[dict[str, int], tuple[tuple[str, str], ...], set[str]]


def _whole(path: Path) -> Parts:
    data = _bytes(path, LARGEST_FILE)
    with _naming(path):
        vocabulary, merges, special = _parts(data)
    return dict(vocabulary), merges, set(special)


@lru_cache(maxsize=1)
def _parts(data: bytes) -> Parts:
    """What a tokenizer.json says; kept, for copies of one model have the same file."""
    value = _object(data)
    model = value.get("model")
    if not isinstance(model, dict):
        raise BadValue("it has no model")
    words = model.get("vocab")
    if isinstance(words, list):  # a unigram model: tokens with their scores, in order
        if not all(isinstance(w, list) and w and isinstance(w[0], str) for w in words):
            raise BadValue("its vocabulary is none")
        words = {w[0]: i for i, w in reversed(list(enumerate(words)))}
    vocabulary = _vocabulary(words)
    special: set[str] = set()
    added = value.get("added_tokens") or []
    if not isinstance(added, list):
        raise BadValue("its added tokens are no list")
    for token in added:
        match token:
            case {"content": str(text), "id": int(at)}:
                vocabulary[text] = at
                special.add(text)
            case _:
                raise BadValue("an added token has no content or id")
    merges = model.get("merges") or []
    if not isinstance(merges, list):
        raise BadValue("its merges are no list")
    return vocabulary, _pairs(merges), special


def _vocabulary(value: Any) -> dict[str, int]:
    if not isinstance(value, dict) or not all(type(n) is int for n in value.values()):
        raise BadValue("its vocabulary is none")
    return dict(value)


def _pairs(merges: Iterable[Any]) -> tuple[tuple[str, str], ...]:
    out: list[tuple[str, str]] = []
    for merge in merges:
        pair = merge.split(" ") if isinstance(merge, str) else merge
        # There are tens of thousands of them: `match` would take five times as long.
        if not isinstance(pair, list) or len(pair) != 2:
            raise BadValue(f"{printable(str(merge), 40)!r} is no merge of two")
        left, right = pair
        if not isinstance(left, str) or not isinstance(right, str):
            raise BadValue(f"{printable(str(merge), 40)!r} is no merge of two")
        out.append((left, right))
    return tuple(out)


def _lines(folder: Path) -> tuple[tuple[str, str], ...]:
    path = folder / "merges.txt"
    if not path.is_file():
        return ()
    text = _bytes(path, LARGEST_FILE).decode("utf-8", "replace")
    with _naming(path):
        return _pairs(line for line in text.split("\n") if line and not line.startswith("#version"))


def _words(path: Path) -> dict[str, int]:
    data = _bytes(path, LARGEST_FILE)
    with _naming(path):
        return _vocabulary(_object(data))


def _template(folder: Path) -> str:
    alone = folder / "chat_template.jinja"
    if alone.is_file():
        return _bytes(alone, LARGEST_TEMPLATE).decode("utf-8", "replace")
    path = folder / "tokenizer_config.json"
    value = None
    if path.is_file():
        data = _bytes(path, LARGEST_FILE)
        with _naming(path):
            value = _object(data).get("chat_template")
    match value:
        case str(text):
            return _bounded(text, path)
        case [*named] if named:
            texts = (t.get("template") for t in named if isinstance(t, dict))
            return _bounded("\n".join(t for t in texts if isinstance(t, str)), path)
        case _:
            return ""


def _bounded(template: str, path: Path) -> str:
    refuse_long_template(len(template), path, "look at it in a sandbox")
    return template


def _object(data: bytes) -> dict[str, Any]:
    value = parse_json(data)
    if not isinstance(value, dict):
        raise BadValue("it is no JSON object")
    return value


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """A reason why bytes are no tokenizer, told with the file that holds them."""
    try:
        yield
    except BadValue as error:
        raise _bad(printable(str(error), 80), path) from error


def _bytes(path: Path, limit: int) -> bytes:
    with reading(path, "check the file"), path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise _too_large(path, limit)
    return data


def _too_large(path: Path, limit: int) -> ResourceLimit:
    return ResourceLimit(
        f"larger than {limit:,} bytes", where=path, next_step="look at it in a sandbox"
    )


def _bad(reason: str, path: Path, step: str = "copy the tokenizer's files again") -> MalformedInput:
    return MalformedInput(f"not a readable tokenizer: {reason}", where=path, next_step=step)
