"""Units that stand out and use the same templates: one campaign may be many units, where only its
words are shared. Likeness, not a tie: nothing is judged by it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from auditor.audits.logs.records import Family, UnitFound
from auditor.audits.logs.warehouse import Warehouse
from detectors.extraction.links import components

LEAST_SHARE = 0.2
"""A template is a unit's from this share of its requests on: a phrase used now and then is none."""
MOST_TEMPLATES = 3


def family_of(house: Warehouse, table: str, ranked: Sequence[int]) -> dict[int, str]:
    """The family of each unit, numbered by the first unit of each; units in order of rank."""
    if not ranked:
        return {}
    house.given("ranked_units", {"unit": np.array(ranked, dtype=np.int32)})
    ends = " UNION ALL ".join(
        f"SELECT unit, {key} AS t, count(*) AS n FROM {table} r JOIN {table}_unit USING (account_h)"
        f" JOIN ranked_units USING (unit) WHERE fault = 0 GROUP BY 1, 2"
        for key in ("head_h", "tail_h")
    )
    found = house.arrays(
        f"WITH e AS ({ends}), k AS (SELECT * FROM e QUALIFY n >= 2 AND n >= {LEAST_SHARE} * 0.5"
        " * sum(n) OVER (PARTITION BY unit)) SELECT unit, dense_rank() OVER (ORDER BY t) - 1 AS i"
        " FROM k ORDER BY ALL"
    )
    units = np.array(sorted(ranked), dtype=np.uint64)
    members = (np.asarray(found["unit"], np.uint64), np.asarray(found["i"], np.int64))
    groups = components(units, [members] if len(members[0]) else [])
    of = dict(zip(units.tolist(), groups.tolist(), strict=True))
    names: dict[int, str] = {}
    for unit in ranked:
        names.setdefault(of[unit], f"f{len(names) + 1}")
    return {unit: names[of[unit]] for unit in ranked}


def families_told(
    ranked: Sequence[int],
    of: Mapping[int, str],
    sizes: Mapping[int, int],
    requests: Mapping[int, int],
    units: Sequence[UnitFound],
) -> tuple[Family, ...]:
    """The families of more than one unit as records, that of most accounts first."""
    members: dict[str, list[int]] = defaultdict(list)
    for unit in ranked:
        members[of[unit]].append(unit)
    words: dict[str, Counter[str]] = defaultdict(Counter)
    for told in units:
        words[told.family].update(t.words for t in told.templates)
    out = [
        Family(
            id=name,
            n_units=len(own),
            n_accounts=sum(sizes[u] for u in own),
            n_requests=sum(requests[u] for u in own),
            templates=tuple(w for w, _ in words[name].most_common(MOST_TEMPLATES)),
        )
        for name, own in members.items()
        if len(own) > 1
    ]
    return tuple(sorted(out, key=lambda f: (-f.n_accounts, -f.n_requests, f.id)))
