"""The figures of each unit in each window, by SQL: what `detectors.extraction.signals` names.

Entropies are in nats; of templates and of hours the smaller entropy of heads and tails counts, and
hours are corrected for few requests (Miller and Madow 1955).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from auditor.audits.logs.warehouse import Warehouse
from detectors.extraction.signals import LEAST_ROWS, NAMES

Array = NDArray[np.float64]
LEAST_GAPS, LEAST_HOURS = 8, 24
"""Gaps and requests from which on their evenness says anything."""
NEW_MODEL_HOURS = 24


@dataclass(frozen=True)
class UnitFigures:
    """Rows of one unit in one window each: which, how many requests and accounts, and the signals
    by `NAMES`, NaN where absent."""

    unit: NDArray[np.int64]
    window: NDArray[np.int64]
    n: NDArray[np.int64]
    signals: Array

    @property
    def judged(self) -> NDArray[np.bool_]:
        """Rows with enough requests."""
        return self.n >= LEAST_ROWS


def measure(house: Warehouse, table: str, start: datetime, seconds: float) -> UnitFigures:
    """The figures of a table's units (``{table}_unit``) in windows of so many seconds from
    ``start`` on."""
    house.run(
        f"CREATE OR REPLACE TABLE {table}_e AS SELECT u.unit, CAST(floor(epoch(r.time - TIMESTAMP"
        f" '{start}') / {seconds}) AS INTEGER) AS w, r.account_h, r.time, r.prompt_h, r.head_h,"
        " r.tail_h, r.topic_h, r.tokens_in, r.tokens_out, r.saturated, r.elicits"
        f" FROM {table} r JOIN {table}_unit u USING (account_h) WHERE r.fault = 0"
    )
    parts = (
        _totals(table),
        *(_entropy(table, key, f"h_{key}") for key in ("head_h", "tail_h")),
        _distinct(table, "prompt_h", "nd"),
        _distinct(table, "topic_h", "nt"),
        _hours(table),
        _gaps(table),
    )
    # One at a time: in one statement they would share out the memory, and a log of 1e8 rows asks
    # each of them for all of it.
    for i, part in enumerate(parts):
        house.run(f"CREATE OR REPLACE TABLE {table}_p{i} AS {part}")
    house.run(f"CREATE OR REPLACE TABLE {table}_s AS {_switch(table)}")
    joined = " ".join(f"LEFT JOIN {table}_p{i} USING (unit, w)" for i in range(1, len(parts)))
    found = house.arrays(
        f"SELECT *, coalesce(switched, 0) AS moved FROM {table}_p0 {joined}"
        f" LEFT JOIN {table}_s USING (unit) ORDER BY unit, w"
    )
    for name in ("s", *(f"p{i}" for i in range(len(parts)))):
        house.run(f"DROP TABLE {table}_{name}")
    house.run(f"DROP TABLE {table}_e")
    return _signals({name: _plain(values) for name, values in found.items()})


def _totals(table: str) -> str:
    return (
        "SELECT unit, w, sum(n) AS n, count(*) AS accounts, sum(tin) AS tin, sum(tout) AS tout,"
        " sum(nout) AS nout, sum(sat) / nullif(sum(nsat), 0) AS saturation, sum(elicits) / sum(n)"
        " AS reasoning, sum(topics) AS topics FROM (SELECT unit, w, account_h, count(*) AS n,"
        " sum(tokens_in) AS tin, sum(tokens_out) AS tout, count(tokens_out) AS nout,"
        " count(*) FILTER (saturated) AS sat, count(saturated) AS nsat,"
        f" count(*) FILTER (elicits) AS elicits, count(topic_h) AS topics FROM {table}_e"
        " GROUP BY 1, 2, 3) GROUP BY 1, 2"
    )


def _entropy(table: str, key: str, name: str) -> str:
    return (
        f"SELECT unit, w, ln(sum(c)) - sum(c * ln(c)) / sum(c) AS {name} FROM (SELECT unit, w,"
        f" {key}, count(*) AS c FROM {table}_e GROUP BY 1, 2, 3) GROUP BY 1, 2"
    )


def _distinct(table: str, key: str, name: str) -> str:
    return (
        f"SELECT unit, w, count(*) AS {name} FROM (SELECT DISTINCT unit, w, {key} FROM {table}_e"
        f" WHERE {key} IS NOT NULL) GROUP BY 1, 2"
    )


def _hours(table: str) -> str:
    return (
        "SELECT unit, w, ln(sum(c)) - sum(c * ln(c)) / sum(c) + (count(*) - 1) / (2.0 * sum(c))"
        f" AS h_hour FROM (SELECT unit, w, hour(time) AS hour, count(*) AS c FROM {table}_e"
        " GROUP BY 1, 2, 3) GROUP BY 1, 2"
    )


def _gaps(table: str) -> str:
    return (
        "SELECT unit, w, count(gap) AS gaps, stddev_samp(ln(0.1 + gap)) AS gap_sd FROM (SELECT"
        " unit, w, epoch(time - lag(time) OVER (PARTITION BY account_h ORDER BY time)) AS gap"
        f" FROM {table}_e) WHERE gap IS NOT NULL GROUP BY 1, 2"
    )


def _switch(table: str) -> str:
    """Units that moved most of their later traffic to a new model within a day of its start."""
    day = f"INTERVAL {NEW_MODEL_HOURS} HOUR"
    return (
        f"WITH f AS (SELECT model, min(time) AS began FROM {table} WHERE fault = 0 AND model IS"
        f" NOT NULL GROUP BY 1), n AS (SELECT * FROM f WHERE began > (SELECT min(began) FROM f)"
        f" + {day}), r AS (SELECT u.unit, r.time, r.model FROM {table} r JOIN {table}_unit u"
        " USING (account_h) WHERE r.fault = 0 AND EXISTS (SELECT 1 FROM n)), x AS (SELECT unit,"
        " model, min(time) AS moved, any_value(n.began) AS began FROM r JOIN n USING (model)"
        f" GROUP BY 1, 2 HAVING min(time) <= any_value(n.began) + {day}) SELECT DISTINCT x.unit,"
        " 1.0 AS switched FROM x JOIN r ON r.unit = x.unit GROUP BY x.unit, x.model HAVING"
        " count(*) FILTER (r.time < x.moved) >= 5 AND count(*) FILTER (r.time >= x.moved AND"
        " r.model = x.model) >= 0.5 * count(*) FILTER (r.time >= x.moved)"
    )


def _plain(values: NDArray[np.float64]) -> Array:
    floats = np.ma.masked_invalid(np.ma.asarray(values, dtype=np.float64))
    return np.asarray(np.ma.filled(floats, np.nan), dtype=np.float64)


def _signals(f: dict[str, Array]) -> UnitFigures:
    n, nd = f["n"], f["nd"]
    entropy = np.fmin(f["h_head_h"], f["h_tail_h"])
    with np.errstate(divide="ignore", invalid="ignore"):
        told = {
            "volume": np.log(n),
            "spread": np.log(f["accounts"]),
            "distinct": nd / n,
            "slots": np.log(nd) - entropy,
            "templated": np.where(n > 1, -entropy / np.log(n), np.nan),
            "reasoning": f["reasoning"],
            "ratio": np.log((f["tout"] + 1) / (f["tin"] + 1)),
            "length": np.log1p(f["tout"] / f["nout"]),
            "saturation": f["saturation"],
            "regularity": np.where(f["gaps"] >= LEAST_GAPS, -f["gap_sd"], np.nan),
            "flatness": np.where(
                n >= LEAST_HOURS, np.minimum(1.0, f["h_hour"] / math.log(24)), np.nan
            ),
            "topics": f["nt"] / f["topics"],
            "switch": f["moved"],
        }
    signals = np.column_stack([told[name] for name in NAMES])
    whole = {name: f[name].astype(np.int64) for name in ("unit", "w", "n")}
    return UnitFigures(whole["unit"], whole["w"], whole["n"], signals)
