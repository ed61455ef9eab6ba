"""Which texts of a report are for people, and a report with all of them rewritten.

Letters are turned by thirteen places: every sentence is another one, no two become the same, and
digits, lengths and punctuation stay, so that the figures of a page can be compared.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel

from auditor.audits.harvest.records import DesignCheck, HarvestGroup, HarvestSection, InnocentCheck
from auditor.audits.inheritance.records import (
    MakerNamed,
    NameGiven,
    SelfDescriptionSection,
    SequentialRow,
    SequentialSection,
    UnlistedGiven,
)
from auditor.audits.lineage.records import (
    DeclaredOrigin,
    LineageSection,
    PartOrigin,
    WeightComparison,
    WeightTest,
)
from auditor.audits.plants.records import AccountFit, HabitShare, PlantSection
from auditor.audits.service.records import ServiceSection
from auditor.evidence import records as r
from auditor.evidence.custody import Custody, Deviation, Registration
from auditor.evidence.error_rates import CalibrationSection, ErrorRate
from auditor.evidence.kinds import own_kinds, sections_of
from auditor.evidence.sensitivity import Sensitivity, WithoutPiece
from auditor.reporting.labels import SETTINGS
from detectors import measurement as m
from fingerprints.plants import GreenScheme, HabitDesign
from fingerprints.records import Identity, ProbeSetRef, Record

Kind = TypeVar("Kind", bound=Record)
DISPLAY: dict[type[Record], set[str]] = {
    r.Answer: {"asks", "answer", "does_not_say"},
    CalibrationSection: {"about", "distance", "notes"},
    ErrorRate: {"scheme"},
    r.Finding: {"metric", "n_unit", "direction", "summary", "notes", "words"},
    LineageSection: {"weights", "declared", "declared_told"},
    r.Report: {"headline", "limits", "alternatives", "environment", "reproduce"},
    r.ScoresSection: {"absent"},
    ServiceSection: {"power"},
    r.Skipped: {"reason"},
    r.TranscriptSection: {"events"},
    r.Verdict: {"title", "reason", "words"},
    WeightComparison: {"kinds", "facts", "reason"},
    WeightTest: {"name", "effect_name", "n_unit"},
    m.Bar: {"label", "group"},
    m.Chart: {"title", "x_label", "reference_label", "caption"},
    m.Exhibit: {"why"},
    m.HeatMap: {"title", "corner", "columns", "rows", "caption"},
    m.Null: {"population"},
    m.Span: {"why"},
    m.Table: {"title", "columns", "rows", "caption"},
    Identity: {"notes"},
}
"""Texts for people, by record: nothing may be decided, joined or ordered by them."""

NAMES: dict[type[Record], set[str]] = {
    AccountFit: {"account", "habits"},
    GreenScheme: {"vocabulary_sha256", "tokenizer_sha256"},
    HabitDesign: {"bank_sha256", "habits", "start"},
    HabitShare: {"habit"},
    PlantSection: {"name", "teacher", "commitment", "created", "marked_sha256", "needed"},
    r.BaseSection: {"name", "spec", "answers_sha256"},
    CalibrationSection: {"name", "sha256", "created"},
    DesignCheck: {"compared"},
    HarvestGroup: {"name"},
    HarvestSection: {
        "log_sha256",
        "twins_sha256",
        "twins_created",
        "teacher_model",
        "adjusted_for",
    },
    InnocentCheck: {"spec"},
    r.Candidate: {"name", "vendor", "family", "answers_sha256"},
    r.Finding: {"detector", "candidate", "metric_id", "calibration", "facts"},
    MakerNamed: {"maker"},
    NameGiven: {"name", "makers"},
    UnlistedGiven: {"name"},
    r.Part: {"detector"},
    Custody: {"operator", "started", "finished", "place", "code"},
    Deviation: {"field", "registered", "run"},
    WithoutPiece: {"candidate", "piece"},
    Sensitivity: {"detectors", "prompts", "lineages", "shadows"},
    Registration: {"sha256", "registered", "by", "keys"},
    r.Report: {"schema_", "id", "created", "tool", "plan"},
    r.Scorer: {"name"},
    r.ScoresSection: {"sha256"},
    SelfDescriptionSection: {"makers", "vendor", "vendor_code"},
    SequentialRow: {"vendor"},
    SequentialSection: {"calibration", "language"},
    ServiceSection: {"reference_sha256"},
    r.Skipped: {"detector", "candidate"},
    r.StoreChoice: {"nearest", "named"},
    r.StoreSection: {"name", "embedder", "sha256"},
    r.SubjectSection: {"spec"},
    r.TranscriptSection: {"sha256", "counts", "adjusted"},
    r.MemberRank: {"name"},
    r.Verdict: {"candidate", "calibration", "outside", "nearest"},
    WeightComparison: {"base", "spec"},
    DeclaredOrigin: {"says", "base"},
    LineageSection: {"licences"},
    PartOrigin: {"base", "also"},
    m.AmongSiblings: {"p_values"},
    m.Exhibit: {"probe_id", "prompt", "answer", "source", "language"},
    m.Null: {"quantiles"},
    Identity: set(Identity.model_fields) - {"notes", "kind", "parameters", "template"},
    ProbeSetRef: {"name", "version", "sha256"},
}
"""Names, ids, digests, dates and quotations: what programs read, and what strangers said."""

CODES = {*SETTINGS, "arm", "low", "high", "rank", "of"}
"""Cells, groups and headings that are codes, which `auditor.reporting.labels` puts into words."""


def texts_of(kind: type[BaseModel]) -> Iterator[tuple[type[BaseModel], str]]:
    """Every field below a record that can hold free text, with its record; below a report those of
    its kinds' sections, too."""
    if kind is r.Report:
        yield from texts_of(r.sections_record(sections_of(own_kinds())))
    for name, field in kind.model_fields.items():
        if (kind, name) == (r.Report, "sections"):
            continue
        kinds = list(_within(field.annotation))
        if str in kinds or Any in kinds:
            yield kind, name
        for inner in kinds:
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from texts_of(inner)


def _within(annotation: object) -> Iterator[object]:
    """The types that an annotation is made of; a Literal's values are codes and no texts."""
    parts = get_args(annotation)
    if not parts:
        yield annotation
    for part in parts:
        yield from _within(part)


def rewritten(record: Kind) -> Kind:
    """The record with every text for people rewritten, at any depth."""
    wanted = DISPLAY.get(type(record), set())
    return record.model_copy(
        update={
            name: _turned(value) if name in wanted else _below(value)
            for name in type(record).model_fields
            for value in (getattr(record, name),)
        }
    )


def _below(value: Any) -> Any:
    if isinstance(value, Record):
        return rewritten(value)
    if isinstance(value, dict):
        return {name: _below(v) for name, v in value.items()}
    return tuple(_below(v) for v in value) if isinstance(value, tuple) else value


def _turned(value: Any) -> Any:
    if isinstance(value, str):
        return value if value in CODES else codecs.encode(value, "rot13")
    if isinstance(value, tuple):
        return tuple(_turned(v) for v in value)
    if isinstance(value, Mapping):
        return {name: _turned(v) for name, v in value.items()}
    return value
