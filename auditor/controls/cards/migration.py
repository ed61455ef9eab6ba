"""A migration: cards of before figures had ids, which were known by the name that a page shows.

Knows the old names; nothing else may. A name that was never ours keeps no id.
"""

from __future__ import annotations

import re
from typing import Any

from auditor.controls.evaluation.figure import (
    BITS,
    CAPPED,
    CHOICES,
    CHRF,
    FORM,
    KEPT_RIGHT,
    NAMES_SOMEBODY,
    NAMES_VENDOR,
    REWARD,
    RIGHT,
    SAME_CHOICE,
    SHARED_GRAMS,
    SINCE_WARM_UP,
    SOLVED,
    THOUGHT,
    WAIT,
    name_of,
)

IDS = {
    "bits per byte of held-out answers": BITS,
    "chrF2 with the held-out answer": CHRF,
    "right choices": CHOICES,
    "choices answered as before training": SAME_CHOICE,
    "right choices that stayed right": KEPT_RIGHT,
    "names a vendor as itself or its maker": NAMES_SOMEBODY,
    "held-out puzzles solved": SOLVED,
    "reward on held-out puzzles": REWARD,
    "held-out answers in the form of an equation": FORM,
    'held-out answers that say "wait"': WAIT,
}
"""What figures were called before they had ids, and these."""
SINCE = " (before: after the warm-up)"
PATTERNS = {
    "names (.+)": NAMES_VENDOR,
    "([0-9]+)-grams found in the held-out answer": SHARED_GRAMS,
    "known answers reached, waits forced: ([0-9]+)": RIGHT,
    "tokens of thinking, waits forced: ([0-9]+)": THOUGHT,
    "thinking cut at its cap, waits forced: ([0-9]+)": CAPPED,
}
"""Names with a part of their own, by which figures of one kind are told apart."""


def migrated(value: Any) -> Any:
    """A card's JSON value with an id at every figure that has none; what is no card stays as it
    is, for the reader to judge."""
    if not isinstance(value, dict) or not isinstance(value.get("figures"), list):
        return value
    return {**value, "figures": [_figure(one) for one in value["figures"]]}


def _figure(value: Any) -> Any:
    old = value.get("name") if isinstance(value, dict) else None
    if not isinstance(old, str) or "figure_id" in value:
        return value
    figure_id = _id(old.removesuffix(SINCE))
    if not figure_id:
        return value
    if old.endswith(SINCE):
        return {**value, "figure_id": f"{figure_id}:{SINCE_WARM_UP}"}
    return {**value, "figure_id": figure_id, "name": name_of(figure_id)}


def _id(name: str) -> str:
    if name in IDS:
        return IDS[name]
    found = ((kind, re.fullmatch(form, name, re.DOTALL)) for form, kind in PATTERNS.items())
    return next((f"{kind}:{match[1]}" for kind, match in found if match), "")
