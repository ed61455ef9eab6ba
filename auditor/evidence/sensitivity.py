"""How a verdict fares when one thing that it rests on is left out. Records only."""

from __future__ import annotations

from typing import Literal

from auditor.evidence.codes import Outcome, ReasonCode
from fingerprints.records import Record

PieceKind = Literal["detector", "prompts", "lineage", "shadows"]
"""A detector; a set of prompts; a lineage of models of known history that the calibration was
fitted on; all shadows of one seed or one source."""


def of_source(source: str) -> str:
    """What the shadows of one source are called: a candidate's students, or the controls of one
    kind.

    >>> of_source("alpha")
    'source=alpha'
    """
    return f"source={source}"


class WithoutPiece(Record):
    """One verdict as it would be without one piece, under the same calibration.

    ``log10_lr``, ``interval`` and ``cap`` are as in a verdict: capped, None where nothing was left
    to weigh, which ``reason_code`` explains. ``changes``: its outcome is another one than with
    everything.
    """

    candidate: str | None
    kind: PieceKind
    piece: str
    outcome: Outcome
    log10_lr: float | None = None
    interval: tuple[float, float] | None = None
    cap: float | None = None
    reason_code: ReasonCode | None = None
    changes: bool


class Sensitivity(Record):
    """Every weighed verdict without each piece that it rests on, one at a time.

    ``detectors``, ``prompts``, ``lineages`` and ``shadows`` (``seed=1``, ``source=alpha``) are the
    pieces that were left out in turn. Of lineages and shadows only those have a row that change an
    outcome, and for each verdict the two without which its ratio is lowest and highest. No
    ``lineages``: the calibration does not keep what it would be without them.
    """

    detectors: tuple[str, ...]
    prompts: tuple[str, ...]
    lineages: tuple[str, ...]
    shadows: tuple[str, ...] = ()
    rows: tuple[WithoutPiece, ...]

    def of(self, candidate: str | None) -> tuple[WithoutPiece, ...]:
        """The rows of one verdict."""
        return tuple(row for row in self.rows if row.candidate == candidate)

    def shadows_beside(self, candidate: str | None) -> tuple[str, ...]:
        """The groups of shadows that one verdict was weighed without: all but its candidate's own
        students, without whom there is no verdict."""
        return tuple(piece for piece in self.shadows if piece != of_source(candidate or ""))
