"""What the tensors of a model are to it, from names and shapes alone: asks the naming habit of its
format.

Where names are nobody's, roles are guessed from shapes, and the anatomy says so. What is not
understood is refused with the name of what is missing. Knows no weights' values, but for one
question: whether a stored output layer is the embedding over again.
"""

from __future__ import annotations

from fingerprints.errors import MalformedInput
from fingerprints.weights.gguf_names import gguf_anatomy
from fingerprints.weights.guessed import guessed_anatomy
from fingerprints.weights.hf_names import hf_anatomy
from fingerprints.weights.layouts import known_words
from fingerprints.weights.parts import Anatomy
from fingerprints.weights.roles import UnknownNames
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
    if weights.format == "gguf":
        return gguf_anatomy(weights)
    try:
        return hf_anatomy(weights)
    except UnknownNames as error:
        return _guessed(weights, error)


def _guessed(weights: Weights, error: UnknownNames) -> Anatomy:
    """Roles guessed from shapes; raises what names lack where most of them are known, as in a
    checkpoint that is not whole, or where shapes tell nothing."""
    if 2 * sum(map(_known, weights.tensors)) > len(weights.tensors):
        raise error
    try:
        return guessed_anatomy(weights)
    except MalformedInput as shapes:
        what = f"{error.what}; {shapes.what}"
        raise UnknownNames(what, where=error.where, next_step=error.next_step) from shapes


def _known(name: str) -> bool:
    """Whether a tensor's own word is one that published layouts have."""
    words = name.split(".")
    return len(words) > 1 and words[-2] in known_words()
