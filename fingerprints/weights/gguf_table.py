"""The tensors of a GGUF file, split or whole, and the few config keys that its metadata stand for.

Knows the container through `fingerprints.subjects.gguf_header`; reads no tensor.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fingerprints.errors import MalformedInput, printable
from fingerprints.subjects.gguf_header import TYPES, GgufHeader, read_gguf_header
from fingerprints.weights.tensors import TensorInfo

MOST_SPLITS = 1000
_SPLIT = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf")
_KEYS = {
    "num_hidden_layers": "block_count",
    "hidden_size": "embedding_length",
    "intermediate_size": "feed_forward_length",
    "num_attention_heads": "attention.head_count",
    "num_key_value_heads": "attention.head_count_kv",
    "head_dim": "attention.key_length",
    "num_local_experts": "expert_count",
}
EMBEDDING, HEAD = "token_embd.weight", "output.weight"


def read_gguf(path: Path) -> tuple[dict[str, TensorInfo], dict[str, Any], Mapping[str, Any]]:
    """Tensors by name, the synthesised config, and the first file's metadata.

    Raises MalformedInput for what `read_gguf_header` refuses, a missing split, and a tensor that
    stands in two splits.
    """
    tensors: dict[str, TensorInfo] = {}
    files = _splits(path)
    headers = [read_gguf_header(file) for file in files]
    for file, header in zip(files, headers, strict=True):
        for entry in header.tensors:
            if entry.name in tensors:
                raise _bad(f"tensor {printable(entry.name, 80)!r} stands in two files", file)
            shape = tuple(reversed(entry.shape))
            kind = TYPES[entry.type]
            tensors[entry.name] = TensorInfo(
                entry.name, kind, shape, entry.bytes, file, header.data_start + entry.offset
            )
    return tensors, _config(headers[0], tensors), headers[0].metadata


def _splits(path: Path) -> list[Path]:
    found = _SPLIT.fullmatch(path.name)
    if not found:
        return [path]
    count = int(found["count"])
    if not 0 < count <= MOST_SPLITS:
        raise _bad(f"it calls itself one of {count:,} files", path)
    files = [
        path.with_name(f"{found['stem']}-{i:05d}-of-{count:05d}.gguf") for i in range(1, count + 1)
    ]
    missing = [f.name for f in files if not f.is_file()]
    if missing:
        raise _bad(f"the file {printable(missing[0], 80)!r} of the same model is missing", path)
    return files


def _config(header: GgufHeader, tensors: Mapping[str, TensorInfo]) -> dict[str, Any]:
    architecture = header.architecture
    out: dict[str, Any] = {"model_type": architecture}
    for key, name in _KEYS.items():
        value = header.metadata.get(f"{architecture}.{name}")
        if isinstance(value, tuple) and value and all(v == value[0] for v in value):
            value = value[0]  # a list of one entry a layer
        if isinstance(value, int) and not isinstance(value, bool):
            out[key] = value
    if EMBEDDING in tensors:
        out["vocab_size"] = tensors[EMBEDDING].rows
    if "head_dim" not in out and out.get("num_attention_heads", 0) > 0 and "hidden_size" in out:
        out["head_dim"] = out["hidden_size"] // out["num_attention_heads"]
    out.setdefault("num_key_value_heads", out.get("num_attention_heads"))
    out["tie_word_embeddings"] = HEAD not in tensors
    return {k: v for k, v in out.items() if v is not None}


def _bad(reason: str, path: Path) -> MalformedInput:
    return MalformedInput(
        f"not a whole GGUF model: {reason}",
        where=path,
        next_step="download all files of the model again",
    )
