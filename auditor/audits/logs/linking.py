"""Which accounts of a log belong together: what they share, how many share it, and what they ask.

SQL lays out who uses which template and which network, payment, key or client; the tests of chance
are `detectors.extraction.links`. Accounts that are tied, and all others alone, are the units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor.audits.logs.warehouse import Warehouse
from detectors.extraction.links import GroupTest, TiedGroup, beyond_chance, components

Hashes = NDArray[np.uint64]
Ints = NDArray[np.int64]
ATTRIBUTES = ("network", "payment", "key_prefix", "client")
OWNED = ("payment", "key_prefix")
"""What belongs to one customer: few accounts that share it are one customer's without more."""
FEW = 50
"""Accounts that one customer may have by what it owns alone; a template must agree beyond that."""
RARE_CLIENT = 0.01
"""A client's template is often its own: accounts of a popular tool share both by that alone. Only a
client that so few use, and no more than one customer may have, ties."""
LEAST_SHARE, LEAST_SEEN = 0.1, 0.02
"""A template counts for an account from this share of its prompts on, an address from that one."""
EDGE_HOURS = 24
"""Accounts active in a log's first or last hours began or ended before or after it, as far as it
tells: such a beginning is shared by chance."""


@dataclass(frozen=True)
class Links:
    """The tested groups that tie accounts, each with its unit; the accounts' hashes, and the unit
    of each."""

    groups: tuple[GroupTest, ...]
    group_units: tuple[int, ...]
    n_tests: int
    accounts: Hashes
    units: Ints


def link(house: Warehouse, table: str, held: Sequence[str]) -> Links:
    """Ties the accounts of a table and writes ``{table}_unit`` (account_h, unit).

    ``held`` names the canonical columns that the log has. Deterministic.
    """
    _accounts(house, table)
    _attributes(house, table, [a for a in ATTRIBUTES if a in held])
    _templates(house, table)
    accounts = house.arrays(f"SELECT account_h FROM {table}_accounts ORDER BY account_h")
    ids = np.asarray(accounts["account_h"], dtype=np.uint64)
    groups = [*_owned(house, table), *_agreeing(house, table)]
    kept, n_tests = beyond_chance(groups, len(ids))
    ties = _members(house, table, kept)
    units = components(ids, ties)
    _write_units(house, table, ids, units)
    return Links(tuple(kept), _unit_of(ties, ids, units, len(kept)), n_tests, ids, units)


def _unit_of(
    ties: Sequence[tuple[Hashes, Ints]], ids: Hashes, units: Ints, n_groups: int
) -> tuple[int, ...]:
    out = np.zeros(n_groups, dtype=np.int64)
    for accounts, groups in ties:
        out[groups] = units[np.searchsorted(ids, accounts)]
    return tuple(int(u) for u in out)


def _accounts(house: Warehouse, table: str) -> None:
    house.run(
        f"CREATE OR REPLACE TABLE {table}_accounts AS SELECT account_h, any_value(account) AS"
        " account, count(*) AS n, min(time) AS first, max(time) AS last"
        f" FROM {table} WHERE fault = 0 GROUP BY account_h"
    )


def _attributes(house: Warehouse, table: str, held: Sequence[str]) -> None:
    """Who has which value, and how many have it; values that one account alone has are left out."""
    parts = [
        f"SELECT account_h, {i} AS kind, hash({name}) AS v, any_value({name}) AS word,"
        f" count(*) AS n FROM {table} WHERE fault = 0 AND {name} IS NOT NULL GROUP BY 1, 3"
        for i, name in enumerate(ATTRIBUTES)
        if name in held
    ]
    first, last = house.one(f"SELECT min(first), max(last) FROM {table}_accounts")
    edge = f"INTERVAL {EDGE_HOURS} HOUR"
    for i, (name, inside) in enumerate(
        (
            ("first", f"first > TIMESTAMP '{first}' + {edge}"),
            ("last", f"last < TIMESTAMP '{last}' - {edge}"),
        )
    ):
        hour = f"date_trunc('hour', {name})"
        parts.append(
            f"SELECT account_h, {len(ATTRIBUTES) + i} AS kind, hash({hour}) AS v,"
            f" strftime({hour}, '%Y-%m-%d %H:00') AS word, n FROM {table}_accounts WHERE {inside}"
        )
    house.run(
        f"CREATE OR REPLACE TABLE {table}_attributes AS WITH a AS ({' UNION ALL '.join(parts)}),"
        " k AS (SELECT kind, v, count(*) AS k FROM a GROUP BY 1, 2 HAVING count(*) >= 2)"
        f" SELECT a.*, k.k FROM a JOIN k USING (kind, v) JOIN {table}_accounts c USING (account_h)"
        f" WHERE a.n >= {LEAST_SEEN} * c.n AND (a.kind <> {ATTRIBUTES.index('client')} OR (k.k <="
        f" {FEW} AND k.k <= {RARE_CLIENT} * (SELECT count(*) FROM {table}_accounts)))"
    )


def _templates(house: Warehouse, table: str) -> None:
    """Which accounts use which template, in how many prompts, and how many of these prompts other
    accounts asked, too."""
    house.run(
        f"CREATE OR REPLACE TABLE {table}_asked AS SELECT account_h, prompt_h,"
        " any_value(head_h) AS head_h, any_value(tail_h) AS tail_h, count(*) AS n"
        f" FROM {table} WHERE fault = 0 GROUP BY 1, 2"
    )
    house.run(
        f"CREATE OR REPLACE TABLE {table}_common AS SELECT prompt_h FROM {table}_asked"
        " GROUP BY 1 HAVING count(*) > 1"
    )
    both = " UNION ALL ".join(
        f"SELECT account_h, {key} AS t, sum(n) AS n, count(*) AS distinct_n,"
        " count(common.prompt_h) AS shared_n"
        f" FROM {table}_asked LEFT JOIN {table}_common common USING (prompt_h)"
        f" WHERE {key} IN (SELECT {key} FROM {table}_asked GROUP BY 1 HAVING"
        " min(account_h) < max(account_h)) GROUP BY 1, 2"
        for key in ("head_h", "tail_h")
    )
    house.run(
        f"CREATE OR REPLACE TABLE {table}_templates AS WITH m AS ({both}), kept AS ("
        f" SELECT m.* FROM m JOIN {table}_accounts c USING (account_h)"
        f" WHERE m.n >= {LEAST_SHARE} * c.n), k AS (SELECT t, count(*) AS k FROM kept GROUP BY 1"
        " HAVING count(*) >= 2) SELECT kept.*, k.k FROM kept JOIN k USING (t)"
    )


def _owned(house: Warehouse, table: str) -> list[TiedGroup]:
    """Payments and keys that few accounts share: their owner is one customer."""
    kinds = ", ".join(str(ATTRIBUTES.index(name)) for name in OWNED)
    found = house.rows(
        f"SELECT kind, v, any_value(word), k FROM {table}_attributes WHERE kind IN ({kinds})"
        f" AND k BETWEEN 2 AND {FEW} GROUP BY kind, v, k ORDER BY kind, v"
    )
    return [TiedGroup(kind, v, word, None, k, k, k, 0.0) for kind, v, word, k in found]


def _agreeing(house: Warehouse, table: str) -> list[TiedGroup]:
    """Accounts that use one template and share one attribute, with how many do either."""
    found = house.rows(
        f"SELECT a.kind, a.v, any_value(a.word), t.t, count(*), any_value(t.k), any_value(a.k),"
        f" sum(t.shared_n) / sum(t.distinct_n) FROM {table}_templates t"
        f" JOIN {table}_attributes a USING (account_h) GROUP BY a.kind, a.v, t.t"
        " HAVING count(*) >= 2 ORDER BY ALL"
    )
    return [TiedGroup(*row) for row in found]


def _members(
    house: Warehouse, table: str, groups: Sequence[GroupTest]
) -> list[tuple[Hashes, Ints]]:
    """Of all groups together: the account's hash, the number of its group."""
    if not groups:
        return []
    told: dict[str, NDArray[Any]] = {
        "i": np.arange(len(groups), dtype=np.int64),
        "kind": np.array([g.group.kind for g in groups], dtype=np.int8),
        "v": np.array([g.group.value for g in groups], dtype=np.uint64),
        "t": np.array([g.group.template or 0 for g in groups], dtype=np.uint64),
        "owned": np.array([g.group.template is None for g in groups], dtype=np.bool_),
    }
    house.given(f"{table}_ties", told)
    found = house.arrays(
        f"SELECT a.account_h, g.i FROM {table}_ties g JOIN {table}_attributes a USING (kind, v)"
        " WHERE g.owned UNION ALL SELECT a.account_h, g.i"
        f" FROM {table}_ties g JOIN {table}_templates m ON m.t = g.t JOIN {table}_attributes a"
        " ON a.kind = g.kind AND a.v = g.v AND a.account_h = m.account_h WHERE NOT g.owned"
        " ORDER BY ALL"
    )
    return [(np.asarray(found["account_h"], np.uint64), np.asarray(found["i"], np.int64))]


def _write_units(house: Warehouse, table: str, accounts: Hashes, units: Ints) -> None:
    house.given(f"{table}_unit", {"account_h": accounts, "unit": units.astype(np.int32)})
