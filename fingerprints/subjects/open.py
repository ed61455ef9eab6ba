"""Opens a subject from its spec; each kind is imported only when it is asked for."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

from fingerprints.errors import UsageProblem
from fingerprints.subjects.base import Subject
from fingerprints.subjects.spec import SubjectSpec, parse_spec


def open_subject(spec: str | SubjectSpec) -> Subject:
    """The subject that a spec names, ready to be asked.

    Third parties add kinds through the entry-point group ``auditor.subjects`` (name: scheme, value:
    a callable that takes the text after the colon). Raises the errors of `parse_spec` and of the
    kind that is opened.
    """
    if isinstance(spec, str):
        foreign = _foreign(spec)
        if foreign is not None:
            return foreign
    parsed = parse_spec(spec) if isinstance(spec, str) else spec
    match parsed.scheme:
        case "hf":
            from fingerprints.subjects.checkpoint import open_checkpoint

            return open_checkpoint(parsed)
        case "gguf":
            from fingerprints.subjects.gguf import open_gguf

            return open_gguf(parsed)
        case "openai":
            from fingerprints.subjects.endpoint import open_endpoint

            return open_endpoint(parsed)
        case "recording":
            from fingerprints.subjects.recording import open_recording

            return open_recording(parsed)


def refuse_bad_spec(spec: str) -> None:
    """Raises now what `open_subject` would raise later of a spec, as far as that costs nothing: no
    model is loaded for it.

    Endpoints and recordings are opened and closed (nothing is sent), and so are files and folders
    that are not there. For runs that ask one subject for long, or for money, before they open the
    next.
    """
    if any(entry_points(group="auditor.subjects", name=spec.partition(":")[0])):
        return
    parsed = parse_spec(spec)
    missing = (
        parsed.target.startswith((".", "/", "~")) and not Path(parsed.target).expanduser().exists()
    )
    if parsed.scheme in ("openai", "recording") or missing:
        with open_subject(spec):
            pass


def _foreign(spec: str) -> Subject | None:
    scheme, colon, rest = spec.partition(":")
    if not colon:
        return None
    for point in entry_points(group="auditor.subjects", name=scheme):
        subject = point.load()(rest)
        if not isinstance(subject, Subject):
            raise UsageProblem(f"the plug-in {point.value} returned no Subject", where=scheme)
        return subject
    return None
