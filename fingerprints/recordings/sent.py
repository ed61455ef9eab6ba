"""The requests that answers belong to, where both stand in files of their own: a batch's input, a
benchmark's questions, the body that was sent to get one saved response.

Joined by id; one request and one response without ids belong together. Knows files; knows nothing
of answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fingerprints.errors import MalformedInput, printable
from fingerprints.recordings.formats import items_in
from fingerprints.recordings.json_items import RecordedItem, RestUnread
from fingerprints.recordings.packed import open_regular
from fingerprints.recordings.rows import RecordParts
from fingerprints.subjects.strict_json import BadValue

KEYS = ("custom_id", "question_id", "uid", "key", "request_id", "id")
BODIES = ("body", "params", "request")


@dataclass
class SentRequests:
    """What was sent, by id and in order."""

    by_id: dict[str, Any] = field(default_factory=dict)
    bodies: list[Any] = field(default_factory=list)
    joined_alone: int = 0

    @classmethod
    def read(cls, path: Path) -> SentRequests:
        """The requests of a file. Raises MalformedInput for one that can't be read whole, for no
        request and for two of one id."""
        out = cls()
        try:
            with open_regular(path) as file:
                for item in items_in(file, path):
                    out._add(item)
        except (BadValue, RestUnread) as error:
            raise MalformedInput(
                printable(str(error), 200),
                where=path,
                next_step="give --requests the file that was sent, as it was",
            ) from error
        if not out.bodies:
            raise MalformedInput("no request in it", where=path, next_step="check --requests")
        return out

    def _add(self, item: RecordedItem) -> None:
        value = item.value
        if item.bad is not None or not isinstance(value, dict):
            raise BadValue(f"{item.where}: {item.bad or 'not an object'}")
        body = next((value[k] for k in BODIES if isinstance(value.get(k), dict)), value)
        named = next((value[k] for k in KEYS if isinstance(value.get(k), str | int)), None)
        self.bodies.append(body)
        if named is None:
            return
        if str(named) in self.by_id:
            raise BadValue(f"{item.where}: a second request of the id {str(named)[:40]!r}")
        self.by_id[str(named)] = body

    def joined(self, parts: RecordParts) -> RecordParts:
        """A record's parts with what was asked. Raises BadValue where that is not known."""
        body = self.by_id.get(str(parts.id)) if parts.id is not None else None
        alone = len(self.bodies) == 1 and not self.by_id  # an id that differs is another request's
        if body is None and alone and not self.joined_alone:
            body = self.bodies[0]
            self.joined_alone += 1
        if body is None:
            said = "no request has the id of this answer" if parts.id is not None else "no id"
            raise BadValue(said)
        model = body.get("model") if isinstance(body, Mapping) else None
        return replace(parts, asked=body, model=model if parts.model is None else parts.model)
