"""The manners of the model library: how it is kept quiet while it works, and what it calls the
state that a model keeps of what it has read (``cache``, and ``past_key_values`` before 5.24).

Knows settings, signatures and fields; knows nothing of what is in the state.
"""

from __future__ import annotations

import inspect
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from transformers.utils import logging as library

NEW, OLD = "cache", "past_key_values"


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars, log lines or warnings of transformers inside; the former settings come
    back at the end."""
    verbosity, bars = library.get_verbosity(), library.is_progress_bar_enabled()
    library.set_verbosity(logging.CRITICAL)
    library.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        library.set_verbosity(verbosity)
        if bars:
            library.enable_progress_bar()  # type: ignore[no-untyped-call]


def state_word(model: Any) -> str:
    """The keyword under which a model takes its kept state; an adapter is asked for the model
    that it wraps."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    return NEW if NEW in inspect.signature(base.forward).parameters else OLD


def state_of(made: Any) -> Any:
    """The kept state in what a model's call or `generate` returned; None where it kept none."""
    return made[NEW] if NEW in made else made.get(OLD)
