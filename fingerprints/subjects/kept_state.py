"""What the library calls the state that a model keeps of what it has read: ``cache``, and
``past_key_values`` before 5.24.

Knows signatures and fields; knows nothing of what is in the state.
"""

from __future__ import annotations

import inspect
from typing import Any

NEW, OLD = "cache", "past_key_values"


def state_word(model: Any) -> str:
    """The keyword under which a model takes its kept state; an adapter is asked for the model
    that it wraps."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    return NEW if NEW in inspect.signature(base.forward).parameters else OLD


def state_of(made: Any) -> Any:
    """The kept state in what a model's call or `generate` returned; None where it kept none."""
    return made[NEW] if NEW in made else made.get(OLD)
