"""Turns a GGUF file into a safetensors checkpoint; runs as a limited child process of
`fingerprints.subjects.gguf`.

``python -m fingerprints.subjects.convert FILE FOLDER DTYPE``. The library dequantises; what it gets
wrong is mended here: it refuses to save what it calls quantised, so the state moves to a model
built anew from the cleaned config.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from fingerprints.errors import AuditError, MalformedInput
from fingerprints.subjects.child import speak, speak_error


def convert(source: Path, target: Path, dtype: str) -> None:
    """Writes model, config, tokenizer and chat template of a GGUF file into an existing folder, in
    the given dtype.

    Raises MalformedInput where the library can't read the file or does not know its architecture.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    place: dict[str, Any] = {
        "gguf_file": source.name,
        "local_files_only": True,
        "trust_remote_code": False,
    }
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(source.parent), **place)
        loaded = AutoModelForCausalLM.from_pretrained(
            str(source.parent), dtype=getattr(torch, dtype), **place
        )
    except (
        ValueError,
        KeyError,
        IndexError,
        RuntimeError,
        TypeError,
        NotImplementedError,
        OSError,
        AttributeError,
    ) as error:
        raise MalformedInput(
            f"transformers can't open this GGUF file: {' '.join(str(error).split())[:160]}",
            where=source,
            next_step="serve it with llama.cpp and audit the endpoint: openai:NAME,base_url=http://localhost:8080/v1",
        ) from error
    tokenizer.save_pretrained(target)
    _save(loaded, target)


def _save(loaded: Any, target: Path) -> None:
    import torch

    config, kind, state = loaded.config, type(loaded), loaded.state_dict()
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
    import torch

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
