"""Matrices that lie on the disk as several tensors: of few bits with their scales, or as two
factors; read a few rows or columns at a time.

The layouts are those that the libraries document which own them; nothing of theirs is imported, as
they need torch or a GPU. Knows arrays and places; knows no names.
"""

from __future__ import annotations

from typing import Protocol

from fingerprints.weights.decode import Indices, Matrix
from fingerprints.weights.tensors import Files, TensorInfo


class Packed(Protocol):
    """A matrix put together from stored tensors."""

    @property
    def pieces(self) -> tuple[TensorInfo, ...]:
        """What it is put together from, in a fixed order."""

    def read(self, files: Files, rows: Indices, columns: Indices | None) -> Matrix:
        """Some rows and columns (None: all), (n, m) float32. Raises MalformedInput for a file that
        ends."""
