"""The plan of a fleet, a YAML file: whom to examine, by which audits, against which stores and
calibrations.

Paths in it begin where the file lies. Knows the form; opens no model and no store.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from fingerprints.record_files import RecordFile
from fingerprints.records import Record

Named = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""A name that is a folder's too: no path, no hidden file."""
Texts = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]
MOST_SUSPECTS, MOST_AUDITS = 10_000, 200
ASKED_FOR = ("vendor", "base", "claimed", "local")
"""What is known of a suspect and goes into the plan of every audit that has a field of that
name."""


class FleetSuspect(Record):
    """One suspect: its name in this fleet, the spec that opens it, and what is known of it.

    ``device`` is where it runs, for models that run here. ``vendor`` and ``base`` are of audits of
    answers, ``claimed`` is the model that an endpoint claims to serve, ``local`` the weights that
    are asked the same as a service that declines.
    """

    name: Named
    spec: Annotated[str, Field(min_length=1)]
    device: str | None = None
    vendor: str | None = None
    base: str | None = None
    claimed: str | None = None
    local: str | None = None

    def known(self) -> dict[str, str]:
        """What is known of it, by the field of a plan that it belongs into."""
        told = {name: getattr(self, name) for name in ASKED_FOR}
        return {name: value for name, value in told.items() if value is not None}


class FleetAudit(Record):
    """One kind of audit, made of every suspect that it fits (``only`` these, where they are named),
    once for each of ``stores`` and ``calibrations``. ``options`` are further fields of that kind's
    plan, as its plan.yaml writes them; called ``with`` in the file."""

    name: Named
    kind: str
    stores: Texts | None = None
    calibrations: Texts | None = None
    only: Texts | None = None
    options: dict[str, Any] = Field(default_factory=dict, alias="with")


class FleetPlan(Record):
    """The fleet. ``false_discoveries`` is the share of what the fleet's view lets stand that may be
    false, on average."""

    format: Literal["fleet/1"] = "fleet/1"
    name: Named
    false_discoveries: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    suspects: Annotated[tuple[FleetSuspect, ...], Field(min_length=1, max_length=MOST_SUSPECTS)]
    audits: Annotated[tuple[FleetAudit, ...], Field(min_length=1, max_length=MOST_AUDITS)]

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        """Raises ValueError for a name given twice, in whatever case (some file systems see none),
        and for a suspect that ``only`` names and nobody is."""
        for what, names in (("suspects", self.suspects), ("audits", self.audits)):
            seen: set[str] = set()
            for one in names:
                if one.name.casefold() in seen:
                    raise ValueError(f"two {what} are called {one.name!r}")
                seen.add(one.name.casefold())
        known = {suspect.name for suspect in self.suspects}
        for audit in self.audits:
            unknown = [name for name in audit.only or () if name not in known]
            if unknown:
                raise ValueError(f"audits: {audit.name}.only names no suspect: {unknown[0]!r}")
        return self


FLEET = RecordFile(
    FleetPlan,
    nothing="not the plan of a fleet",
    next_step="docs/fleet.md shows one",
    form="yaml",
)


def read_fleet(path: Path) -> FleetPlan:
    """The fleet in a file. Raises MalformedInput with the file and the field of the first
    problem."""
    return FLEET.read(path)
