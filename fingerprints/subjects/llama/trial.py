"""The limited child that opens a stranger's GGUF file with llama.cpp before this process does: its
tokenizer, its template, its weights, and one token read.

The child is this module, run with ``-m``: FILE TEMPLATE. Knows files; knows nothing of questions.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from fingerprints.errors import MalformedInput, ResourceLimit
from fingerprints.records import sha256
from fingerprints.subjects.child import run_limited
from fingerprints.subjects.gguf_header import GgufHeader, read_gguf_header
from fingerprints.subjects.llama.engine import LoadedGguf, RowReader
from fingerprints.subjects.llama.library import BUILD
from fingerprints.subjects.llama.tokens import GgufTokenizer, renderer
from fingerprints.subjects.preflight import QUESTION, examined, remembered, tell
from fingerprints.subjects.safety import LARGEST_TEMPLATE

LIBRARIES = 6 << 30
"""Address space that the libraries and the tokenizer may map beside the weights."""
SECONDS = 300


def checked_template(header: GgufHeader, path: Path) -> str:
    """The file's chat template, empty for none. Raises ResourceLimit for one of a size that no
    template has."""
    template = header.metadata.get("tokenizer.chat_template", "")
    if not isinstance(template, str) or len(template) > LARGEST_TEMPLATE:
        raise ResourceLimit(
            f"a chat template above {LARGEST_TEMPLATE:,} bytes",
            where=path,
            next_step="read it before you use it",
        )
    return template


def tried(path: Path, digest: str, template: str | None) -> tuple[str, ...]:
    """What a reader must know of the file's template, as sentences; a file that passed once is not
    tried again.

    Raises MalformedInput, UnsafeInput (it makes the library abort) or ResourceLimit.
    """
    key = sha256(f"llama 1 {BUILD} {template} {digest}")
    return remembered(
        key,
        lambda: run_limited(
            "fingerprints.subjects.llama.trial",
            [str(path.resolve()), template or "model"],
            # Weights that are laid out anew for speed are mapped and copied.
            memory=LIBRARIES + 3 * path.stat().st_size,
            seconds=SECONDS,
            where=path,
        ),
    )


def attempt(path: Path, template: str) -> dict[str, Any]:
    """Opens a file, reads a question with it and renders its template; the child's part."""
    header = read_gguf_header(path)
    renderer()  # imported before any clock of a template runs
    with LoadedGguf(path) as model:
        tokenizer = GgufTokenizer(model.library, model.vocabulary, header)
        ids = tokenizer(QUESTION).input_ids[:64]
        if not ids:
            raise MalformedInput("its tokenizer makes nothing of a question", where=path)
        with RowReader(model, 1, 256, 1) as reader:
            reader.read_row(0, ids)
        return examined(tokenizer, template, path)


def main(path: str, template: str) -> None:
    """Tries one file and says what was found, or the error."""
    # None makes an import fail, which the types of the table leave out.
    sys.modules["torch"] = None  # type: ignore[assignment]
    tell(lambda: attempt(Path(path), template), path)


if __name__ == "__main__":
    main(*sys.argv[1:])
