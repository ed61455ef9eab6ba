"""Opens a subject from its spec; each kind is imported only when it is asked for."""

from __future__ import annotations

from pathlib import Path

from fingerprints.subjects.base import Subject
from fingerprints.subjects.kinds import SubjectSpec
from fingerprints.subjects.spec import parse_spec


def open_subject(spec: str | SubjectSpec) -> Subject:
    """The subject that a spec names, ready to be asked.

    Raises the errors of `parse_spec` and of the kind that is opened.
    """
    parsed = parse_spec(spec) if isinstance(spec, str) else spec
    return parsed.kind.opened(parsed)


def refuse_bad_spec(spec: str) -> None:
    """Raises now what `open_subject` would raise later of a spec, as far as that costs nothing: no
    model is loaded for it.

    Endpoints and recordings are opened and closed (nothing is sent), and so are files and folders
    that are not there. For runs that ask one subject for long, or for money, before they open the
    next.
    """
    parsed = parse_spec(spec)
    missing = (
        parsed.target.startswith((".", "/", "~")) and not Path(parsed.target).expanduser().exists()
    )
    if parsed.kind.opens_free or (missing and parsed.kind.weights is not None):
        with open_subject(parsed):
            pass
