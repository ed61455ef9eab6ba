"""A report without the folders of the machine that it was made on.

A path beside the working folder is told from there, any other by its last part alone. What a
suspect or a stored model said is never touched. Knows texts; opens no file.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from auditor.evidence.custody import Custody
from auditor.evidence.records import Report, ReportSection, SubjectSection
from fingerprints.records import Identity, canonical_json

ELSEWHERE = "…/"
"""What stands for the folders of a path that is told by its last part alone."""
LEAST_SHARED = 3
"""So many leading parts (the root is one) must a path share with the working folder to be told from
there: with fewer its folders would be those of another user or project."""
# A path begins a text, or stands behind a scheme, an option's name or another option's value; it
# goes on to the next option. An address (https://…) is none.
_PATH = re.compile(
    r"(?:^|(?<=[:=,])|(?<=file://))(?:/(?!/)|\\\\|[A-Za-z]:[\\/])[^,]*(?:,(?![a-z_]+=)[^,]*)*"
)
# What `told` makes of one.
_TOLD = re.compile(
    r"(?:^|(?<=[:=,])|(?<=file://))(?:\.{1,2}/|\.{1,2}(?=$|,)|…/)[^,]*(?:,(?![a-z_]+=)[^,]*)*"
)
# In sentences only what begins as folders of a machine do: "/v1/chat" is an address.
_IN_PROSE = re.compile(
    r"(?<![\w./:\\-])(?:/(?:home|Users|root|tmp|var|mnt|media|data|work|workspace|opt|private|srv"
    r"|usr|content|scratch|Volumes)|[A-Za-z]:\\)[^\s'\"<>|,;:()]*"
)


def portable(report: Report, here: Path | None = None) -> Report:
    """The report without an absolute path of this machine in what it tells itself.

    ``here`` is the working folder of an audit that was just made; without it no path is told from
    there. Doing it twice changes nothing.
    """
    subject = _subject(report.subject, here)
    base = report.base
    if base is not None:
        spec = None if base.spec is None else told(base.spec, here)
        base = base.model_copy(update={"spec": spec, "identity": _identity(base.identity)})
    transcript = report.transcript
    if transcript is not None:
        transcript = transcript.model_copy(
            update={"events": tuple(map(in_prose, transcript.events))}
        )
    store = report.store
    if store is not None:
        store = store.model_copy(update={"name": told(store.name, here)})
    return report.model_copy(
        update={
            "subject": subject,
            "base": base,
            "plan": _values(report.plan, here),
            "store": store,
            "transcript": transcript,
            "headline": tuple(map(in_prose, report.headline)),
            "custody": _custody(report, here),
            "limits": tuple(map(in_prose, report.limits)),
            "reproduce": tuple(command(line, here) for line in report.reproduce),
            "sections": {k: _section(s, here) for k, s in report.sections.items()},
            "skipped": tuple(
                s.model_copy(update={"reason": in_prose(s.reason)}) for s in report.skipped
            ),
            "verdicts": tuple(
                v.model_copy(update={"reason": in_prose(v.reason)}) for v in report.verdicts
            ),
        }
    )


def told(text: str, here: Path | None = None) -> str:
    """A path, a spec or an option's value without this machine's folders.

    >>> told("gguf:/home/a/m.gguf,adapter=/srv/lora")
    'gguf:…/m.gguf,adapter=…/lora'
    >>> told("/home/a/audits/x/m.gguf", Path("/home/a/audits"))
    './x/m.gguf'
    >>> told("openai:m,base_url=http://localhost:8000/v1")
    'openai:m,base_url=http://localhost:8000/v1'
    """
    return _PATH.sub(lambda found: _shown(found[0], here), text)


def one_place(was: str, now: str, here: Path) -> bool:
    """Whether two texts, of which `told` made ``now`` in the working folder ``here`` and ``was`` in
    one that nobody knows, may be of the same path, spec or option's value.

    >>> one_place("hf:./teachers", "hf:../w1/teachers", Path("/home/a/w2"))
    True
    >>> one_place("hf:./others", "hf:../w1/teachers", Path("/home/a/w2"))
    False
    """
    if _TOLD.sub(ELSEWHERE, was) != _TOLD.sub(ELSEWHERE, now):
        return False
    pairs = zip(_TOLD.findall(was), _TOLD.findall(now), strict=True)
    return all(_may_be(before, after, here) for before, after in pairs)


def _may_be(was: str, now: str, here: Path) -> bool:
    """Whether a told path leads to the end of the path that ``now`` leads to from ``here``."""
    known = now.startswith(".")
    parts = Path(os.path.normpath(here / now)).parts if known else (now.removeprefix(ELSEWHERE),)
    rest = [part for part in was.removeprefix(ELSEWHERE).split("/") if part not in (".", "..")]
    shared = rest if known else rest[-1:]
    return bool(shared) and list(parts[-len(shared) :]) == shared


def in_prose(text: str) -> str:
    """A sentence without this machine's folders.

    >>> in_prose("'/home/a/x.json' can't be read; POST /v1/chat failed")
    "'…/x.json' can't be read; POST /v1/chat failed"
    """
    return _IN_PROSE.sub(lambda found: _shown(found[0], None), text)


def command(line: str, here: Path | None = None) -> str:
    """A command without this machine's folders; one that names none stays as it is written."""
    try:
        words = shlex.split(line)
    except ValueError:  # a record of somebody else: no shell could read it
        return in_prose(line)
    shown = [told(word, here) for word in words]
    return line if shown == words else shlex.join(shown)


def _shown(path: str, here: Path | None) -> str:
    if here is not None and path.startswith("/"):
        clean = os.path.normpath(path)
        shared = Path(os.path.commonpath([here, clean]))
        if len(shared.parts) >= LEAST_SHARED or (shared == here and len(here.parts) > 1):
            near = os.path.relpath(clean, here)
            return near if near.startswith("..") else f"./{near}"
    last = re.split(r"[\\/]+", path.rstrip("\\/"))[-1]
    return ELSEWHERE + last


def _custody(report: Report, here: Path | None) -> Custody | None:
    """Who ran it, with deviations whose values name no folder of this machine."""
    held = report.custody
    if held is None or held.registration is None:
        return held
    shown = tuple(
        d.model_copy(
            update={
                side: None if value is None else _json_value(value, here)
                for side, value in (("registered", d.registered), ("run", d.run))
            }
        )
        for d in held.registration.deviations
    )
    registration = held.registration.model_copy(update={"deviations": shown})
    return held.model_copy(update={"registration": registration})


def _json_value(text: str, here: Path | None) -> str:
    return canonical_json(_values(json.loads(text), here)).decode("utf-8")


def _subject(subject: SubjectSection, here: Path | None) -> SubjectSection:
    spec, identity = told(subject.spec, here), _identity(subject.identity)
    return subject.model_copy(update={"spec": spec, "identity": identity})


def _identity(identity: Identity) -> Identity:
    return identity.model_copy(update={"notes": tuple(map(in_prose, identity.notes))})


def _values(value: Any, here: Path | None) -> Any:
    """A plan's values, however deep."""
    if isinstance(value, str):
        return told(value, here)
    if isinstance(value, Mapping):
        return {key: _values(inner, here) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_values(inner, here) for inner in value]
    return value


def _section(section: ReportSection, here: Path | None) -> ReportSection:
    """A section whose specs are told like the subject's, wherever they stand in it."""
    values = section.model_dump(mode="json")
    shown = _specs(values, here)
    return section if shown == values else type(section).model_validate_json(json.dumps(shown))


def _specs(value: Any, here: Path | None) -> Any:
    if isinstance(value, Mapping):
        return {
            key: told(inner, here)
            if key == "spec" and isinstance(inner, str)
            else _specs(inner, here)
            for key, inner in value.items()
        }
    return [_specs(inner, here) for inner in value] if isinstance(value, list) else value
