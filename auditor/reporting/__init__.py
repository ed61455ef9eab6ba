"""Renderers: each turns a document into one format. Its record is the truth, the others are views
of it.

A lazy table, name → module:function; third parties add theirs by the entry-point group
``auditor.renderers`` (a callable that takes a `Document` and returns a str).
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from auditor.errors import UsageProblem, printable
from auditor.reporting.document import Document
from fingerprints.plugged import entry_points

TABLE: dict[str, str] = {
    "html": "auditor.reporting.html:render",
    "json": "auditor.reporting.json:render",
    "markdown": "auditor.reporting.markdown:render",
    "terminal": "auditor.reporting.terminal:render",
}
GROUP = "auditor.renderers"


def formats() -> list[str]:
    """Names of all formats, our own first, then those of installed plug-ins."""
    return [*TABLE, *sorted(p.name for p in entry_points(group=GROUP) if p.name not in TABLE)]


def render(document: Document, format: str) -> str:
    """The document in one format, as text. The same one gives the same text (the terminal's width
    aside).

    Raises UsageProblem for a format that nobody offers, or a plug-in that returns something else
    than text.
    """
    if format in TABLE:
        module, _, name = TABLE[format].partition(":")
        text = getattr(import_module(module), name)(document)
    else:
        text = _plugged(format)(document)
    if not isinstance(text, str):
        raise UsageProblem(
            "the renderer returned something that is not text", where=printable(format, 60)
        )
    return text


def _plugged(format: str) -> Callable[[Document], object]:
    """A stranger's renderer, of which only a call shows whether it returns text."""
    for point in entry_points(group=GROUP, name=format):
        found: Callable[[Document], object] = point.load()
        return found
    raise UsageProblem(
        f"no renderer is called {printable(format, 60)!r}",
        next_step=f"choose one of: {', '.join(formats())}",
    )
