"""A GGUF file as a subject: its header checked by us, dequantised once in a limited child, then a
checkpoint.

What answers is the *dequantised* model under transformers: close to, and not the same as, the
original checkpoint or what llama.cpp says. The identity says so. The child is this module, run with
``-m``: FILE FOLDER DTYPE.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer

from fingerprints.errors import AuditError, MalformedInput, ResourceLimit, missing_extra
from fingerprints.records import Identity
from fingerprints.subjects.cache import cache_folder, file_sha256, intact, publish
from fingerprints.subjects.checkpoint import LOCAL, Checkpoint, load_folder
from fingerprints.subjects.child import run_limited, speak, speak_error
from fingerprints.subjects.gguf_header import GgufHeader, read_gguf_header
from fingerprints.subjects.kinds import SubjectSpec
from fingerprints.subjects.placement import check_fits, place
from fingerprints.subjects.preflight import LOADING_ERRORS, said_by
from fingerprints.subjects.safety import LARGEST_TEMPLATE

CONVERSION_SECONDS = 900
LIBRARIES = 12 << 30
"""Address space that torch and transformers may map beside the model."""


def open_gguf(spec: SubjectSpec) -> Checkpoint:
    """Opens ``gguf:./file.gguf`` with its options (dtype, device, batch, adapter, template,
    thinking, waits).

    The first opening converts (seconds to minutes) into the cache, keyed by the file's SHA-256 and
    the dtype; later ones verify and read that. Raises MalformedInput for a file that is not whole,
    ResourceLimit where it does not fit, UsageProblem without the package gguf.
    """
    path = Path(spec.target).expanduser()
    header = read_gguf_header(path)
    if importlib.util.find_spec("gguf") is None:
        raise missing_extra("gguf", "gguf", "opening a GGUF file")
    _check_template(header, path)
    placement = place(spec.options)
    check_fits(header.parameters * placement.dtype.itemsize, placement.device, path)
    digest = file_sha256(path)
    folder = converted(path, header, digest, placement.dtype_name)
    known = Identity(
        kind="gguf",
        name=path.name,
        weights_sha256=digest,
        quantisation=f"{header.quantisation} dequantised",
        notes=(
            (
                f"dequantised from {header.quantisation} by transformers: not the original"
                " checkpoint, nor llama.cpp's answers"
            ),
        ),
    )
    return load_folder(spec, folder, known)


def _check_template(header: GgufHeader, path: Path) -> None:
    template = header.metadata.get("tokenizer.chat_template", "")
    if not isinstance(template, str) or len(template) > LARGEST_TEMPLATE:
        raise ResourceLimit(
            f"a chat template above {LARGEST_TEMPLATE:,} bytes",
            where=path,
            next_step="read it before you use it",
        )


def converted(path: Path, header: GgufHeader, digest: str, dtype: str) -> Path:
    """The folder of a GGUF file's safetensors conversion, made now if the cache has no intact one.

    The library that reads the whole file runs in a child with memory and time limits.
    """
    version = transformers.__version__
    target = cache_folder() / "gguf" / f"{digest}-{dtype}-{version}"
    if intact(target):
        return target
    memory = LIBRARIES + header.parameters * 16

    def fill(folder: Path) -> None:
        """Converts into an empty folder, in a child. Raises what `run_limited` raises."""
        run_limited(
            "fingerprints.subjects.gguf",
            [str(path.resolve()), str(folder), dtype],
            memory=memory,
            seconds=CONVERSION_SECONDS,
            where=path,
        )

    return publish(target, fill)


def convert(source: Path, target: Path, dtype: str) -> None:
    """Writes model, config, tokenizer and chat template of a GGUF file into an existing folder, in
    the given dtype.

    Raises MalformedInput where the library can't read the file or does not know its architecture.
    """
    place: dict[str, Any] = {"gguf_file": source.name, **LOCAL}
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(source.parent), **place)
        loaded = AutoModelForCausalLM.from_pretrained(
            str(source.parent), dtype=getattr(torch, dtype), **place
        )
    except LOADING_ERRORS as error:
        raise MalformedInput(
            f"transformers can't open this GGUF file: {said_by(error)}",
            where=source,
            next_step="let llama.cpp answer for it: backend=llama.cpp in the spec",
        ) from error
    tokenizer.save_pretrained(target)
    _save(loaded, target)


def _save(loaded: Any, target: Path) -> None:
    config, kind, state = loaded.config, type(loaded), loaded.state_dict()
    # The library refuses to save what it calls quantised, though it has dequantised it: the state
    # moves to a model built anew from the cleaned config.
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    with torch.device("meta"):
        fresh = kind(config)
    fresh.load_state_dict(state, assign=True)
    fresh.tie_weights()
    fresh.generation_config = loaded.generation_config
    fresh.save_pretrained(target)


def main(arguments: list[str]) -> None:
    """Converts and says so, or says the error."""
    torch.set_num_threads(1)
    source, target, dtype = arguments
    try:
        convert(Path(source), Path(target), dtype)
    except AuditError as error:
        speak_error(error)
        return
    speak({"converted": True})


if __name__ == "__main__":
    main(sys.argv[1:])
