"""What evidence knows of a kind of audit: which sections it adds to a report and which files beside
it, found by name.

The kinds themselves are listed in `auditor.audits.kinds`, above; they are looked up here only when
a report is read or written, like those that plug-ins add by the entry-point group
``auditor.audits`` (each names a `Kind`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any

from pydantic import create_model

from fingerprints.plugged import entry_points
from fingerprints.records import Record

GROUP = "auditor.audits"
TABLE = "auditor.audits.kinds:KINDS"


@dataclass(frozen=True)
class Kind:
    """A kind of audit as everything outside of its folder sees it; places are ``module:name``.

    ``plan``: its `AuditPlan`. ``sections``: the record class of each section that it adds to a
    report, by the key in report.json. ``arranged``: by the same keys, a function that takes the
    report and gives the sections of a document that tell it (none where the report has none of
    it). ``glance``: a function that takes the report and gives what it tells at a glance (nothing
    where the report has none of it; a later kind's line replaces an earlier one's). ``files``: what
    it observes and resumes itself beside the report. ``unasked``: sections whose arranger also
    tells of reports that lack them, as of their findings. ``rescored``: takes the plan,
    the folder of a report and the report, and judges again from the records in it, asking nobody
    (none: this kind can't). ``run``: takes the plan, a folder and whom to tell how far it is, goes
    on with what the folder holds, and gives the report (none: no fleet can have it). ``examined``:
    the plan's field that names who is examined. ``shares``: ``run`` takes besides, as ``heard``,
    transcripts by spec, and asks nobody whom they are of.
    """

    name: str
    plan: str
    sections: Mapping[str, str] = field(default_factory=dict)
    arranged: Mapping[str, str] = field(default_factory=dict)
    glance: str = ""
    files: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()
    rescored: str = ""
    run: str = ""
    examined: str = "suspect"
    shares: bool = False


def placed_at(place: str) -> Any:
    """What stands at ``module:name``. Raises ImportError and AttributeError for a wrong entry."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def own_kinds() -> tuple[Kind, ...]:
    """The kinds of this package."""
    kinds: tuple[Kind, ...] = placed_at(TABLE)
    return kinds


def all_kinds() -> tuple[Kind, ...]:
    """Our own kinds, then those of installed plug-ins, by name; a plug-in can't replace ours."""
    points = sorted(entry_points(group=GROUP), key=lambda p: p.name)
    taken = {kind.name for kind in own_kinds()}
    added: list[Kind] = [p.load() for p in points if p.name not in taken]
    return (*own_kinds(), *added)


def sections_of(kinds: tuple[Kind, ...]) -> dict[str, str]:
    """Where the record class of every section is, by its key."""
    return {key: place for kind in kinds for key, place in kind.sections.items()}


def sections_record(places: Mapping[str, str]) -> type[Record]:
    """A record with one field for every section, of its kind's class or None."""
    return _sections_record(tuple((key, placed_at(place)) for key, place in places.items()))


# A model is costly to build: once for each set of kinds, though plug-ins may add some at any time.
@cache
def _sections_record(classes: tuple[tuple[str, type[Record]], ...]) -> type[Record]:
    fields: dict[str, Any] = {key: (found | None, None) for key, found in classes}
    made: type[Record] = create_model("Sections", __base__=Record, **fields)
    return made


def arrangements(present: Collection[str]) -> tuple[Callable[[Any], Iterable[Any]], ...]:
    """Of all kinds in order, who arranges what they add to a report: a report in, the sections of
    a document out. Of sections that are ``present`` alone, and of those that tell without: a
    kind's modules take their time to load."""
    return tuple(
        placed_at(place)
        for kind in all_kinds()
        for key, place in kind.arranged.items()
        if key in present or key in kind.unasked
    )


def glances(present: Collection[str]) -> tuple[Callable[[Any], Any], ...]:
    """Of all kinds in order, who tells a report's answers at a glance: of kinds with sections of
    which one is ``present``, of those that tell without, and of those that add none."""
    return tuple(
        placed_at(kind.glance)
        for kind in all_kinds()
        if kind.glance and (not kind.sections or kind.unasked or set(kind.sections) & set(present))
    )


def files_beside() -> frozenset[str]:
    """Names of the files that some kind observes and resumes itself beside the report."""
    return frozenset(name for kind in all_kinds() for name in kind.files)
