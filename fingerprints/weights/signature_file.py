"""A weight signature on the disk: one safetensors file, its facts as JSON in the header; equal
signatures give equal bytes.

Nothing in it can run. Shapes, versions and sizes are checked before anything is believed.
"""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load, save

from fingerprints.durable import open_plain
from fingerprints.errors import AuditError, StoreIntegrity, printable
from fingerprints.records import canonical_json
from fingerprints.weights.decode import Matrix
from fingerprints.weights.signature import (
    QUANTILES,
    SEARCH_DEPTHS,
    SEARCH_QUANTILES,
    VALUES,
    VERSION,
    SignatureFacts,
    WeightSignature,
)

LARGEST = 64 << 20
HEAD = 128 << 10
"""Bytes that hold the header, the wider numbers and with them the search vectors: the format
orders arrays by width."""
FACTS = "facts"
"""The one key of the header's metadata: several would be written in any order."""
SEARCH = (2, SEARCH_DEPTHS * SEARCH_QUANTILES * VALUES)
_TYPES = dict.fromkeys(("units", "quantiles", "embedding", "ups", "gains", "last_gain"), "float16")
_TYPES |= {"anchors": "uint64", "anchor_norms": "float32", "search": "float32"}


_ODD = (struct.error, ValueError, KeyError, TypeError, RecursionError)
"""What a header that is none can raise."""


def signature_bytes(signature: WeightSignature) -> bytes:
    """The file's bytes; a function of the signature alone."""
    arrays = {
        name: np.ascontiguousarray(getattr(signature, name), dtype=kind)
        for name, kind in _TYPES.items()
    }
    facts = canonical_json(signature.facts.model_dump(mode="json")).decode("utf-8")
    data: bytes = save(arrays, metadata={FACTS: facts})
    return data


def signature_file_bytes(path: Path) -> bytes:
    """A signature file's bytes, at most 64 MiB. Raises StoreIntegrity."""
    try:
        with open_plain(path) as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise damaged(f"it can't be read: {error.strerror}", path) from error
    if len(data) > LARGEST:
        raise damaged(f"it is larger than {LARGEST:,} bytes", path)
    return data


def parse_signature(data: bytes, path: Path) -> WeightSignature:
    """The signature that bytes hold; ``path`` is for messages. Raises StoreIntegrity for
    anything that does not add up."""
    facts = _facts(data, path)
    try:
        arrays: dict[str, NDArray[Any]] = load(data)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise damaged("its arrays can't be read", path) from error
    shapes = _shapes(facts, len(arrays.get("anchors", ())))
    for name, kind in _TYPES.items():
        if name not in arrays or arrays[name].dtype != kind or arrays[name].shape != shapes[name]:
            raise damaged(f"its array {name!r} is not what its facts say", path)
        if not np.isfinite(arrays[name]).all():
            raise damaged(f"its array {name!r} holds NaN or infinity", path)
    return WeightSignature(facts, **{name: arrays[name] for name in _TYPES})


def read_search(path: Path) -> Matrix:
    """The search vectors alone, (2, 512) float32, from the head. Raises StoreIntegrity."""
    try:
        with open_plain(path) as file:
            head = file.read(HEAD)
        header, start = _header(head)
        told = header["search"]
        first = start + int(told["data_offsets"][0])
        if told["dtype"] != "F32" or told["shape"] != list(SEARCH) or first < start:
            raise ValueError("it is of another kind")
        vector = np.frombuffer(head[first : first + 4 * math.prod(SEARCH)], dtype="<f4").reshape(
            SEARCH
        )
    except (OSError, *_ODD, IndexError) as error:
        raise damaged("its search vectors can't be read", path) from error
    if not np.isfinite(vector).all():
        raise damaged("its search vectors are none", path)
    return vector


def damaged(reason: str, path: Path) -> AuditError:
    """The error for a signature that is not what was written."""
    return StoreIntegrity(
        f"not a readable weight signature: {reason}",
        where=path,
        next_step="make the signature again from the model",
    )


def _header(data: bytes) -> tuple[dict[str, Any], int]:
    """The header's JSON object, and where the data begin. Raises one of `_ODD`."""
    (length,) = struct.unpack("<Q", data[:8])
    if length > len(data) - 8:
        raise ValueError("the header is longer than the file")
    header = json.loads(data[8 : 8 + length].decode("utf-8"))
    if not isinstance(header, dict):
        raise TypeError("the header is no object")
    return header, 8 + length


def _facts(data: bytes, path: Path) -> SignatureFacts:
    try:
        text = _header(data)[0]["__metadata__"][FACTS]
        version = json.loads(text)["schema_version"]
    except _ODD as error:
        raise damaged("its header is no signature's", path) from error
    if version != VERSION:
        raise StoreIntegrity(
            f"the signature has the version {printable(str(version), 40)!r}, and this program reads"
            f" {VERSION!r}",
            where=path,
            next_step="make the signature again from the model, or use the program that wrote it",
        )
    try:
        return SignatureFacts.model_validate_json(text)
    except ValidationError as error:
        raise damaged("its facts are none", path) from error


def _shapes(facts: SignatureFacts, anchors: int) -> dict[str, tuple[int, ...]]:
    space = (len(facts.space_layers), facts.hidden)
    return {
        "units": (VALUES, sum(facts.kept)),
        "quantiles": (facts.layers, VALUES, QUANTILES),
        "embedding": (facts.hidden,),
        "ups": space,
        "gains": space,
        "last_gain": (facts.hidden,),
        "anchors": (anchors,),
        "anchor_norms": (anchors,),
        "search": SEARCH,
    }
