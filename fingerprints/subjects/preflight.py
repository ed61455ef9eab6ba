"""Loads a tokenizer and renders its chat template once, to see what the template does to a conversation."""

from __future__ import annotations

from pathlib import Path


def preflight(folder: Path, template: str | None) -> tuple[str, ...]:
    """Anomalies of a checkpoint folder's chat template, as sentences."""
    return ()
