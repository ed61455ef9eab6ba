"""Which reports of a list are shown, and in which order: the words of an address, checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from auditor.audits.report.lines import LABELS, Status
from auditor.evidence.questions import QUESTIONS
from auditor.gallery.found import ReportEntry
from detectors.measurement import Question

SORTS = ("suspect", "made", *QUESTIONS)
STATUSES: tuple[Status, ...] = tuple(LABELS)
LONGEST = 200


@dataclass(frozen=True)
class ListOrder:
    """What is looked for, and the order: ``words`` stand in a suspect's name, its folder or what
    it says; ``wanted`` has a status by question; ``down``: the last come first."""

    words: str = ""
    wanted: Mapping[Question, Status] = field(default_factory=dict)
    sort: str = "suspect"
    down: bool = False

    @classmethod
    def of(cls, given: Mapping[str, str]) -> ListOrder:
        """What an address asks for; words that mean nothing there are passed over."""
        wanted: dict[Question, Status] = {}
        for question in QUESTIONS:
            status = next((s for s in STATUSES if s == given.get(question)), None)
            if status is not None:
                wanted[question] = status
        sort = given.get("sort", "")
        return cls(
            given.get("words", "")[:LONGEST].strip(),
            wanted,
            sort if sort in SORTS else "suspect",
            given.get("down") == "1",
        )

    def of_all(self, entries: Iterable[ReportEntry]) -> tuple[ReportEntry, ...]:
        """The entries that are shown, in order; those that can't be read are never among them."""
        fitting = [e for e in entries if not e.problem and self._fits(e)]
        return tuple(sorted(fitting, key=self._order, reverse=self.down))

    def sorted_by(self, sort: str) -> str:
        """The address of the same list in another order; the same order asked again is turned."""
        turned = replace(self, sort=sort, down=sort == self.sort and not self.down)
        return "/?" + urlencode(turned.told())

    def told(self) -> dict[str, str]:
        """As the words of an address."""
        down = {"down": "1"} if self.down else {}
        wanted = {str(question): str(status) for question, status in self.wanted.items()}
        return {"words": self.words, **wanted, "sort": self.sort, **down}

    def _fits(self, entry: ReportEntry) -> bool:
        text = f"{entry.name} {entry.place} {entry.says}".casefold()
        return self.words.casefold() in text and all(
            entry.statuses.get(q) == s for q, s in self.wanted.items()
        )

    def _order(self, entry: ReportEntry) -> tuple[object, ...]:
        name = (entry.name.casefold(), entry.place)
        if self.sort == "made":
            return (entry.created, *name)
        for question in QUESTIONS:
            if self.sort == question:
                return (STATUSES.index(entry.statuses.get(question, "not_examined")), *name)
        return name
