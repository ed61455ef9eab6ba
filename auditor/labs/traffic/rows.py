"""Rows of a simulated log as columns of numbers; texts and names are made of them at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

NONE = -1


@dataclass(frozen=True)
class RequestRows:
    """Columns of equal length.

    ``time``: seconds since 1970; ``account``: its place in the directory; ``seed`` and ``theme``:
    what the prompt's words, and those of its theme, follow from. The prompt is, in this order, an
    opening, a head, ``bodies`` sentences of a register, ``pastes`` of another, a closing; registers
    by their place in the wording, -1 where there is none. ``context``: tokens beside the prompt;
    ``cap``: max_tokens, 0 where not set; ``wanted``: tokens that an answer would have without it;
    ``temperature``: NaN where not set; ``network``: an IPv4 address as a number.
    """

    time: NDArray[np.float64]
    account: NDArray[np.int32]
    seed: NDArray[np.uint64]
    theme: NDArray[np.uint64]
    opening: NDArray[np.int16]
    head_register: NDArray[np.int16]
    head: NDArray[np.int16]
    body_register: NDArray[np.int16]
    bodies: NDArray[np.int16]
    paste_register: NDArray[np.int16]
    pastes: NDArray[np.int16]
    closing: NDArray[np.int16]
    wanted: NDArray[np.int32]
    context: NDArray[np.int32]
    cap: NDArray[np.int32]
    temperature: NDArray[np.float32]
    network: NDArray[np.uint32]
    model: NDArray[np.int16]
    status: NDArray[np.int16]
    campaign: NDArray[np.int16]

    def __len__(self) -> int:
        """How many rows."""
        return int(self.time.size)

    def taken(self, chosen: NDArray[np.int64] | NDArray[np.bool_] | slice) -> RequestRows:
        """The chosen rows, in the given order."""
        return RequestRows(**{f.name: getattr(self, f.name)[chosen] for f in fields(self)})

    @staticmethod
    def together(parts: Sequence[RequestRows]) -> RequestRows:
        """One after the other; at least one part."""
        return RequestRows(
            **{
                f.name: np.concatenate([getattr(p, f.name) for p in parts])
                for f in fields(RequestRows)
            }
        )
