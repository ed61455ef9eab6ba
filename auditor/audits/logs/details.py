"""What a report tells of the units that it names: who, when, how much, which templates, what ties
them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from auditor.audits.logs.linking import ATTRIBUTES, Links
from auditor.audits.logs.records import TemplateFound, TieFound
from auditor.audits.logs.warehouse import Warehouse
from detectors.extraction.templates import templates

MOST_ACCOUNTS, MOST_TEXTS, MOST_TIES = 40, 400, 24
KINDS = (*ATTRIBUTES, "first hour", "last hour")


@dataclass(frozen=True)
class UnitTold:
    """What is known of one unit beside its score."""

    n: int
    tokens_out: float | None
    first: str
    last: str
    accounts: tuple[str, ...]
    templates: tuple[TemplateFound, ...]
    ties: tuple[TieFound, ...]
    daily: tuple[tuple[str, int], ...]


def told_of(
    house: Warehouse, table: str, units: Sequence[int], links: Links, private: bool
) -> dict[int, UnitTold]:
    """What is known of each of the units, by its number."""
    house.given(f"{table}_told", {"unit": np.array(units, dtype=np.int32)})
    totals = {row[0]: row[1:] for row in house.rows(_totals(table))}
    names = _grouped(house.rows(_accounts(table)))
    days = _grouped(house.rows(_days(table)))
    words = _templates(house, table, private)
    ties = _ties(links)
    out = {}
    for unit in units:
        n, tokens, first, last = totals[unit]
        out[unit] = UnitTold(
            int(n),
            None if tokens is None else float(tokens),
            first,
            last,
            tuple(name for (name,) in names[unit]),
            words.get(unit, ()),
            ties.get(unit, ()),
            tuple((day, int(count)) for day, count in days[unit]),
        )
    return out


def _from(table: str) -> str:
    return (
        f"FROM {table} r JOIN {table}_unit u USING (account_h) JOIN {table}_told USING (unit)"
        " WHERE r.fault = 0"
    )


def _totals(table: str) -> str:
    when = "'%Y-%m-%d %H:%M'"
    return (
        f"SELECT unit, count(*), sum(tokens_out), strftime(min(time), {when}),"
        f" strftime(max(time), {when}) {_from(table)} GROUP BY unit"
    )


def _accounts(table: str) -> str:
    return (
        f"SELECT unit, account FROM {table}_accounts JOIN {table}_unit USING (account_h)"
        f" JOIN {table}_told USING (unit) QUALIFY row_number() OVER (PARTITION BY unit ORDER BY n"
        f" DESC, account) <= {MOST_ACCOUNTS} ORDER BY unit, n DESC, account"
    )


def _days(table: str) -> str:
    return (
        f"SELECT unit, strftime(time, '%Y-%m-%d') AS day, count(*) {_from(table)}"
        " GROUP BY ALL ORDER BY ALL"
    )


def _templates(house: Warehouse, table: str, private: bool) -> dict[int, tuple[TemplateFound, ...]]:
    texts: dict[int, list[str]] = defaultdict(list)
    for unit, text in house.rows(
        f"SELECT unit, kept {_from(table)} AND kept IS NOT NULL QUALIFY row_number() OVER"
        f" (PARTITION BY unit ORDER BY prompt_h, time) <= {MOST_TEXTS} ORDER BY unit, kept"
    ):
        texts[unit].append(text)
    return {
        unit: tuple(
            TemplateFound(words=t.shape if private else t.text, n=t.n, distinct=t.distinct)
            for t in templates(found)
        )
        for unit, found in texts.items()
    }


def _ties(links: Links) -> dict[int, tuple[TieFound, ...]]:
    out: dict[int, list[TieFound]] = defaultdict(list)
    for test, unit in zip(links.groups, links.group_units, strict=True):
        group = test.group
        out[unit].append(
            TieFound(
                attribute=KINDS[group.kind],
                value=group.word,
                template=group.template is not None,
                accounts=group.n,
                overlap=round(group.overlap, 4),
                p_value=test.p_value,
            )
        )
    return {unit: _main(found) for unit, found in out.items()}


def _main(ties: Sequence[TieFound]) -> tuple[TieFound, ...]:
    """Of the ties by one value the largest; the largest of these first."""
    best: dict[tuple[str, str], TieFound] = {}
    for tie in sorted(ties, key=lambda t: (-t.accounts, t.overlap)):
        best.setdefault((tie.attribute, tie.value), tie)
    ranked = sorted(best.values(), key=lambda t: (-t.accounts, t.attribute, t.value))
    return tuple(ranked[:MOST_TIES])


def _grouped(rows: Sequence[tuple[Any, ...]]) -> Mapping[int, list[tuple[Any, ...]]]:
    """The rest of each row by its first value, a unit."""
    out: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for unit, *rest in rows:
        out[unit].append(tuple(rest))
    return out
