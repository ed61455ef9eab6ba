"""Reads a recording to its end and counts everything: answers, empty ones, failures, what was set
aside, and what can't be read.

Nothing is left out unsaid: every value of a file is an answer, set aside with its reason, or
unreadable with its place. Knows files, tools and counts; knows nothing of probes and transcripts.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

from fingerprints.errors import printable
from fingerprints.field_path import value_at
from fingerprints.recordings.cells import opened_cells
from fingerprints.recordings.counts import ReadingCounts, refuse_poor
from fingerprints.recordings.formats import DEFAULT_CAPS, items_in
from fingerprints.recordings.har import parts_of_entry
from fingerprints.recordings.inspect_log import rows_of_sample
from fingerprints.recordings.json_items import RecordedItem, RestUnread
from fingerprints.recordings.lists import known_list, only_list
from fingerprints.recordings.packed import Caps, open_regular
from fingerprints.recordings.plain import (
    FieldMap,
    UnknownFields,
    mapped_parts,
    plain_parts,
    suggested_map,
)
from fingerprints.recordings.rows import (
    AsideReason,
    RecordedRow,
    RecordParts,
    SetAsideRows,
    Told,
    rows_of_parts,
)
from fingerprints.recordings.sent import SentRequests
from fingerprints.recordings.shapes import MODEL_HEADERS, RecordShape, shape_of
from fingerprints.recordings.trees import claude_code, is_claude_code, rows_of_tree, tree_of
from fingerprints.subjects.strict_json import BadValue


@dataclass(frozen=True)
class HowToRead:
    """What the user says of a recording: where its fields stand, the requests that its answers
    belong to, and whether what can be read of a poor one is enough."""

    fields: FieldMap = field(default_factory=FieldMap)
    requests: Path | None = None
    allow_partial: bool = False


AS_IT_IS = HowToRead()
DEEPEST = 2
"""Lists of records within objects, one in the other."""


@dataclass
class AnswerReader:
    """One pass over a recording: rows come out, counts are kept."""

    path: Path
    how: HowToRead = AS_IT_IS
    caps: Caps = DEFAULT_CAPS
    counts: ReadingCounts = field(default_factory=ReadingCounts)
    sha256: str = ""
    _model: str | None = None
    _session: list[Mapping[str, Any]] = field(default_factory=list)
    _sent: SentRequests | None = None
    _nameless: list[RecordedRow] = field(default_factory=list)
    _named: bool = False

    def rows(self) -> Iterator[RecordedRow]:
        """Every answer of the file, in its order; the models of the rows may differ.

        Raises MalformedInput, at the end, where nothing was read or too much can't be;
        ResourceLimit and UnsafeInput at the caps.
        """
        with open_regular(self.path) as file:
            self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            yield from self._counted(file)
        refuse_poor(self.path, self.counts, self.how.allow_partial)

    def _counted(self, file: io.BufferedReader) -> Iterator[RecordedRow]:
        if self.how.requests is not None:
            self._sent = SentRequests.read(self.how.requests)
        try:
            for item in items_in(file, self.path, self.caps):
                for told in self._of(item):
                    if (row := self._taken(told)) is not None:
                        yield row
        except RestUnread as error:
            self.counts.cut = str(error)
        for chat in claude_code(self._session):
            try:
                for told in rows_of_tree(chat):
                    if (row := self._taken(told)) is not None:
                        yield row
            except BadValue as error:
                self.counts.bad(f"session {printable(str(chat.id), 60)}", str(error))
        if not self._named:  # else nobody knows whose failures they are, and they are only counted
            yield from self._nameless

    def _taken(self, told: Told) -> RecordedRow | None:
        """Counts what was read; the row where it is one that is given on now."""
        if isinstance(told, SetAsideRows):
            self.counts.aside[told.reason] += told.n
            return None
        self.counts.take(told)
        if told.model is None and told.error is not None:
            self._nameless.append(told)
            return None
        self._named = self._named or told.model is not None
        return told

    def _of(self, item: RecordedItem, depth: int = 0) -> Iterable[Told]:
        """The rows of one item; one that can't be read is counted."""
        if item.bad is not None and not item.lenient:
            self.counts.bad(item.where, item.bad, item.lines)
            return ()
        inner = known_list(item) if depth < DEEPEST else None
        if inner is None:
            try:
                # All of them before the first: what breaks off in the middle is not half read.
                told = list(self._rows_of(item))
            except UnknownFields as error:
                inner = only_list(item) if depth < DEEPEST else None
                if inner is None:
                    self.counts.bad(item.where, str(error), hint=suggested_map(item.value))
                    return ()
            except BadValue as error:
                self.counts.bad(item.where, str(error))
                return ()
            else:
                self.counts.items += 1
                return told
        return chain.from_iterable(self._of(one, depth + 1) for one in inner)

    def _rows_of(self, item: RecordedItem) -> Iterable[Told]:
        value = item.value
        if item.kind == "inspect_ai":
            return rows_of_sample(value, item.model)
        if not isinstance(value, dict):
            raise BadValue("not an object")
        if item.kind == "cells":
            value = opened_cells(value, bool(self.how.fields.paths))
        if item.kind == "har":
            found = parts_of_entry(value)
            if isinstance(found, AsideReason):
                return [SetAsideRows(found)]
            return rows_of_parts(found)
        if self.how.fields.paths:
            return self._joined(mapped_parts(value, self.how.fields), item)
        return self._known(value, item)

    def _known(self, value: dict[str, Any], item: RecordedItem) -> Iterable[Told]:
        if is_claude_code(value):
            self._session.append(value)
            return ()
        shape = shape_of(value)
        if item.bad is not None and (shape is None or not shape.lenient):
            raise BadValue(item.bad)
        if shape is not None:
            return self._shaped(shape, value, item)
        tree = tree_of(value)
        if tree is not None:
            return rows_of_tree(tree)
        return self._joined(plain_parts(value), item)

    def _shaped(
        self, shape: RecordShape, value: dict[str, Any], item: RecordedItem
    ) -> Iterable[Told]:
        reason = shape.aside or shape.refuses(value)
        if reason is None:
            return chain.from_iterable(self._joined(p, item) for p in shape.parts(value))
        found = next((m for p in MODEL_HEADERS if (m := value_at(value, p))), None)
        self._model = found if isinstance(found, str) else self._model
        return [SetAsideRows(reason)]

    def _joined(self, parts: RecordParts, item: RecordedItem) -> Iterable[Told]:
        """The rows of a record's parts, with its question where that stands elsewhere."""
        model = item.model or self._model
        if parts.model is None and model is not None:
            parts = replace(parts, model=model)
        if parts.asked is None:
            if self._sent is None:
                raise BadValue(NO_QUESTION)
            parts = self._sent.joined(parts)
        return rows_of_parts(parts)


NO_QUESTION = "the answer without its question; give the requests that were sent: --requests FILE"
