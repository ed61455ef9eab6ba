"""Under which names an endpoint answers, look by look: another one, or several in turn as behind a
router. Knows names and the numbers of looks; knows nothing of answers."""

from __future__ import annotations

from pydantic import Field

from fingerprints.records import Record

RECENT = 8
"""For how many looks a name that isn't heard counts as one that may come back. A router that gives
a model a hundredth of 24 calls a look would be silent about it for eight looks once in seven."""


class NamesTold(Record):
    """What the names of a look tell: ``before`` and ``after``, or that they take ``turns``."""

    before: tuple[str, ...]
    after: tuple[str, ...]
    turns: bool


class ServedNames(Record):
    """Every name of the last `RECENT` looks, with the one at which it was last heard; ``turns``:
    several are in use."""

    last: dict[str, int] = Field(default_factory=dict)
    turns: bool = False

    def heard(
        self, look: int, names: tuple[str, ...], before: tuple[str, ...]
    ) -> tuple[ServedNames, NamesTold | None]:
        """After a look that gave ``names``: what is known now, and what it tells (None: nothing
        new). ``before`` are the names of the look before, where none were kept.

        Several names in one look, or one that comes back within `RECENT` looks, are a router's:
        told once, and no change from then on. Another name, and one of a router's that is heard no
        more, are changes.
        """
        held = self.last or dict.fromkeys(before, look - 1)
        heard = {**held, **dict.fromkeys(names, look)}
        last = {name: at for name, at in heard.items() if look - at < RECENT}
        was, now = tuple(sorted(held)), tuple(sorted(last))
        newest = tuple(name for name in was if held[name] == max(held.values()))
        fresh = not set(names) <= set(was)
        if not names:
            return ServedNames(last=held, turns=self.turns), None
        if self.turns:
            told = NamesTold(before=was, after=now, turns=False)
            after = ServedNames(last=last, turns=len(now) > 1)
            return after, told if now != was else None
        if len(names) > 1 or (was and names != newest and not fresh):
            told = NamesTold(before=newest, after=tuple(sorted({*newest, *names})), turns=True)
            return ServedNames(last=last, turns=True), told
        told = NamesTold(before=newest, after=names, turns=False)
        return ServedNames(last=last), told if was and fresh else None
