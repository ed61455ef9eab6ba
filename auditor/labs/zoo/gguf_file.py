"""Writes a Llama-like checkpoint as a quantised GGUF file, laid out as llama.cpp does.

The package gguf rounds and writes; this file knows names and the order of rotary dimensions. For
controls: plain round-to-nearest in one format, not the mixed formats of llama.cpp's own quantiser.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor
from transformers import AutoTokenizer

from auditor.labs.zoo.llama import KEY, QUERY, Llama
from fingerprints.errors import MalformedInput, UsageProblem, missing_extra, printable
from fingerprints.records import Record
from fingerprints.subjects.library import quiet
from fingerprints.subjects.preflight import LOADING_ERRORS

GGUF_NAME = "model.gguf"
BLOCK = 32
"""Neighbours in a row that share a scale."""
NORMAL, CONTROL = 1, 3
"""How GGUF names the kinds of token."""


class GgufFile(Record):
    """``type``: the format of every matrix; vectors stay float32, and matrices whose rows are no
    whole blocks of it float16."""

    type: Literal["F32", "F16", "Q8_0", "Q4_0"] = Field(default="Q8_0")


def write_gguf(llama: Llama, path: Path, source: Path, how: GgufFile) -> None:
    """Writes weights, and the tokenizer in ``source``, into a GGUF file, the same bytes each time.

    Raises UsageProblem without the package gguf and for a model that the architecture ``llama`` of
    GGUF does not hold: another model type, biases, scaled rotary positions; MalformedInput for a
    tokenizer that can't be loaded or is no byte-level BPE.
    """
    if importlib.util.find_spec("gguf") is None:
        raise missing_extra("gguf", "gguf", "writing a GGUF file")
    import gguf

    _check(llama, source)
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_file_type({"F32": 0, "F16": 1, "Q4_0": 2, "Q8_0": 7}[how.type])
    _add_sizes(writer, llama)
    _add_tokenizer(writer, source)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, llama.layers)
    for name, tensor in llama.tensors.items():
        stem = name.removesuffix(".weight")
        array = _laid_out(llama, stem, tensor)
        form = gguf.GGMLQuantizationType[_form(array, how)]
        stored = gguf.quants.quantize(array, form)
        writer.add_tensor(f"{names.get_name(stem)}.weight", stored, raw_dtype=form)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _check(llama: Llama, source: Path) -> None:
    kind = llama.config.get("model_type")
    rotary = llama.config.get("rope_parameters") or llama.config.get("rope_scaling") or {}
    scaling = rotary.get("rope_type", "default")
    reasons = {
        f"the model type {printable(str(kind), 40)}": kind != "llama",
        "biases": any(name.endswith(".bias") for name in llama.tensors),
        f"{printable(str(scaling), 40)} rotary positions": scaling != "default",
    }
    for reason, found in reasons.items():
        if found:
            raise UsageProblem(
                f"this file format can't be written with {reason}",
                where=source,
                next_step="derive a folder instead: recast, or quantise",
            )


def _form(array: NDArray[np.float32], how: GgufFile) -> str:
    if array.ndim == 1:
        return "F32"
    return "F16" if how.type in ("Q8_0", "Q4_0") and array.shape[1] % BLOCK else how.type


def _add_sizes(writer: Any, llama: Llama) -> None:
    rotary = llama.config.get("rope_parameters") or {}
    writer.add_context_length(int(llama.config.get("max_position_embeddings", 2048)))
    writer.add_embedding_length(llama.hidden)
    writer.add_block_count(llama.layers)
    writer.add_feed_forward_length(llama.units)
    writer.add_head_count(llama.heads)
    writer.add_head_count_kv(llama.groups)
    writer.add_layer_norm_rms_eps(float(llama.config.get("rms_norm_eps", 1e-6)))
    writer.add_rope_dimension_count(llama.head_width)
    # Else readers take the width over the heads, which a config may say otherwise.
    writer.add_key_length(llama.head_width)
    writer.add_value_length(llama.head_width)
    # A config that names no base means that of RoPE's paper (Su et al. 2021, arXiv 2104.09864).
    theta = rotary.get("rope_theta") or llama.config.get("rope_theta") or 10_000.0
    writer.add_rope_freq_base(float(theta))
    writer.add_vocab_size(llama.vocabulary)


def _add_tokenizer(writer: Any, source: Path) -> None:
    with quiet():
        try:
            tokenizer = AutoTokenizer.from_pretrained(
                str(source), local_files_only=True, trust_remote_code=False
            )
        except LOADING_ERRORS as error:
            raise _no_tokenizer(source, printable(" ".join(str(error).split()), 120)) from error
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    special = set(tokenizer.all_special_ids)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([token for token, _ in vocabulary])
    writer.add_token_types([CONTROL if number in special else NORMAL for _, number in vocabulary])
    merges = _merges(tokenizer, source)
    if merges:
        writer.add_token_merges(merges)
    else:  # the format holds no empty list, and without either list readers refuse the file
        writer.add_token_scores([0.0] * len(vocabulary))
    for name in ("bos", "eos", "pad"):
        number = getattr(tokenizer, f"{name}_token_id")
        if number is not None:
            getattr(writer, f"add_{name}_token_id")(int(number))
    if isinstance(tokenizer.chat_template, str):
        writer.add_chat_template(tokenizer.chat_template)


def _merges(tokenizer: Any, source: Path) -> list[str]:
    model = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    if model.get("type") != "BPE":
        raise _no_tokenizer(source, "it is no byte-level BPE")
    return [" ".join(pair) if isinstance(pair, list) else pair for pair in model["merges"]]


def _no_tokenizer(source: Path, reason: str) -> MalformedInput:
    return MalformedInput(
        f"its tokenizer can't be written as GGUF: {reason}",
        where=source,
        next_step="derive a folder instead of a file",
    )


def _laid_out(llama: Llama, stem: str, tensor: Tensor) -> NDArray[np.float32]:
    """The tensor as llama.cpp reads it: a head's rotary pairs side by side, not half apart."""
    array: NDArray[np.float32] = tensor.float().numpy()
    if stem.endswith((QUERY, KEY)):
        heads = llama.heads if stem.endswith(QUERY) else llama.groups
        halves = array.reshape(heads, 2, array.shape[0] // heads // 2, -1)
        array = halves.swapaxes(1, 2).reshape(array.shape)
    return np.ascontiguousarray(array)
