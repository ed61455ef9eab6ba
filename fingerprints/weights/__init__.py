"""A model's weights as they lie on the disk, read lazily and in bounded memory; what they are
called, and compact signatures.

Nothing here imports torch or transformers: safetensors and GGUF are read as bytes, and decoded in
numpy.
"""

from fingerprints.weights.anatomy import anatomy_of
from fingerprints.weights.open import open_weights
from fingerprints.weights.parts import Anatomy, Layer, Mlp, Norm, TensorPart
from fingerprints.weights.tensors import TensorInfo
from fingerprints.weights.view import Weights

__all__ = [
    "Anatomy",
    "Layer",
    "Mlp",
    "Norm",
    "TensorInfo",
    "TensorPart",
    "Weights",
    "anatomy_of",
    "open_weights",
]
