"""Whom one verdict is about: all stored models of a maker, or one whose maker is not known.

Versions of one maker answer too much alike to be told apart by what tells makers apart: nine of
them would be nine verdicts on one question. Knows names, makers and digests.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from auditor.evidence.records import VENDOR
from fingerprints.records import Identity


class Stored(Protocol):
    """A stored model, as a store or a report describes it."""

    @property
    def name(self) -> str:
        """What the store calls it."""
        ...

    @property
    def vendor(self) -> str:
        """Who made it; empty where nobody is named."""
        ...

    @property
    def identity(self) -> Identity:
        """Digests of its weights, where they were in sight."""
        ...


@dataclass(frozen=True)
class CandidateGroup:
    """What one verdict is about: ``name`` as the verdict calls it, ``maker`` as the store writes it
    (empty where not known), and the models' names in the store's order."""

    name: str
    maker: str
    members: tuple[str, ...]


def groups_of(models: Iterable[Stored]) -> tuple[CandidateGroup, ...]:
    """The groups of stored models, in order of their first members; every model is in one.

    A model whose maker is not known joins the group of a model that has its weights, or that lies
    on the same weights as an adapter. One whose maker is known stays with it, whatever weights it
    began with: what a student learns is answers, and they are of whoever tuned them.
    """
    stored = list(models)
    home: dict[str, str] = {}
    for m in stored:
        sha = m.identity.weights_sha256
        if sha is not None and (m.vendor or sha not in home):
            # The first known maker, else the first model, gives its name to all that lack one.
            known = home.get(sha, "")
            if not known.startswith(VENDOR):
                home[sha] = _group_name(m)
    members: dict[str, list[Stored]] = {}
    for m in stored:
        shared = home.get(m.identity.weights_sha256 or "", m.name)
        members.setdefault(_group_name(m) if m.vendor else shared, []).append(m)
    return tuple(
        CandidateGroup(name, next((m.vendor for m in found if m.vendor), ""), _names(found))
        for name, found in members.items()
    )


def _group_name(model: Stored) -> str:
    return VENDOR + model.vendor.casefold() if model.vendor else model.name


def _names(models: Iterable[Stored]) -> tuple[str, ...]:
    return tuple(m.name for m in models)
