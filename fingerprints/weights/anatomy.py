"""What the tensors of a model are to it, from names and shapes alone: asks the naming habit of its
format.

What is not understood is refused with the name of what is missing; nothing is guessed. Knows no
weights' values, but for one question: whether a stored output layer is the embedding over again.
"""

from __future__ import annotations

from fingerprints.weights.gguf_names import gguf_anatomy
from fingerprints.weights.hf_names import hf_anatomy
from fingerprints.weights.parts import Anatomy
from fingerprints.weights.view import Weights


def anatomy_of(weights: Weights) -> Anatomy:
    """The roles of a model's tensors, for transformers checkpoints and GGUF files of decoder-only
    language models.

    Raises MalformedInput, naming the role or tensor, for what is missing, fits neither the config
    nor its neighbours, or is of an anatomy that is not known here; lineage by weights is then not
    possible.
    """
    if weights.refusal is not None:
        raise weights.refusal
    return gguf_anatomy(weights) if weights.format == "gguf" else hf_anatomy(weights)
