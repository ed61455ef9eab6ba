"""Whom one verdict is about: all stored models of a maker, or one whose maker is not known.

Versions of one maker answer too much alike to be told apart by what tells makers apart: nine of
them would be nine verdicts on one question. Knows names, makers and digests.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from auditor.evidence.records import VENDOR
from detectors.text.model_names import maker_key
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

    A maker's spellings (OpenAI, Open AI, openai) are one. A model whose maker is not known joins
    the group of a model that has its weights, or that lies on the same weights as an adapter. One
    whose maker is known stays with it, whatever weights it began with: what a student learns is
    answers, and they are of whoever tuned them.
    """
    stored = list(models)
    home: dict[str, str] = {}
    for m in stored:
        sha = m.identity.weights_sha256
        if sha is not None and (m.vendor or sha not in home):
            # The first known maker, else the first model, gives its name to all that lack one.
            known = home.get(sha, "")
            if not known.startswith(VENDOR):
                home[sha] = _key(m)
    members: dict[str, list[Stored]] = {}
    for m in stored:
        shared = home.get(m.identity.weights_sha256 or "", m.name)
        members.setdefault(_key(m) if m.vendor else shared, []).append(m)
    return tuple(_group(found) for found in members.values())


def _group(found: Sequence[Stored]) -> CandidateGroup:
    """Called as its first member's maker is written."""
    maker = next((m.vendor for m in found if m.vendor), "")
    name = VENDOR + maker.casefold() if maker else found[0].name
    return CandidateGroup(name, maker, _names(found))


def _key(model: Stored) -> str:
    """What a group's members share: a maker, however it is spelled, or a lone model's name."""
    return VENDOR + maker_key(model.vendor) if model.vendor else model.name


def _names(models: Iterable[Stored]) -> tuple[str, ...]:
    return tuple(m.name for m in models)
