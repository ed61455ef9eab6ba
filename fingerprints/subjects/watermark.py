"""A model whose answers carry a watermark: the spec's option ``watermark=FILE`` names the sealed
key.

Knows a loaded model and a sealed file; the key goes into no identity, note or error.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

from fingerprints.errors import UsageProblem
from fingerprints.plants import WATERMARKS, backend_mark
from fingerprints.records import Identity
from fingerprints.subjects.generation import Speaker
from fingerprints.subjects.library import Watermark
from fingerprints.subjects.vocabulary import vocabulary_sha256


def marked(speaker: Speaker, identity: Identity, path: Path) -> tuple[Speaker, Identity]:
    """The model with the watermark of a sealed file, and an identity that says so: its answers are
    not those of the plain model.

    Raises MalformedInput for a file that is none, UsageProblem for a key of another tokenizer or
    vocabulary; warns of a file that others can read.
    """
    sealed = WATERMARKS.read(path, lambda said: warnings.warn(said, stacklevel=2))
    vocabulary = int(speaker.model.config.get_text_config().vocab_size)
    same = sealed.scheme.vocabulary_sha256 == vocabulary_sha256(speaker.tokenizer.get_vocab())
    if not same or sealed.scheme.vocabulary != vocabulary:
        what = "vocabulary" if same else "tokenizer"
        raise UsageProblem(
            f"the watermark was planted for another {what} than this model's",
            where="watermark",
            next_step="plant one for this model with `auditor plant watermark`",
        )
    told = f"its answers carry the watermark with the commitment {sealed.digest()[:16]}"
    backend = f"{identity.backend}{backend_mark(sealed.digest())}"
    notes = (*identity.notes, told)
    known = identity.model_copy(update={"notes": notes, "backend": backend})
    return replace(speaker, mark=Watermark(sealed)), known
