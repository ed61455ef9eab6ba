"""Rows become a table with the columns of an API's log, and files of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from auditor.labs.traffic.mixing import Seeds, mix
from auditor.labs.traffic.prompts import Writer
from auditor.labs.traffic.rows import NONE, RequestRows
from auditor.labs.traffic.settings import Answers, Faults

# Of UTF-8: scripts of three bytes a letter take a token for about every letter and a half, Latin
# ones for every four.
BYTES_A_TOKEN = 4.2
MOST_SENTENCES = 40
JUMP = 3 * 3600.0
SCHEMA = pa.schema(
    [
        ("time", pa.timestamp("ms", tz="UTC")),
        ("account", pa.string()),
        ("prompt", pa.string()),
        ("answer", pa.string()),
        ("system", pa.string()),
        ("model", pa.string()),
        ("tokens_in", pa.int32()),
        ("tokens_out", pa.int32()),
        ("max_tokens", pa.int32()),
        ("finish", pa.string()),
        ("temperature", pa.float32()),
        ("top_p", pa.float32()),
        ("network", pa.string()),
        ("client", pa.string()),
        ("key_prefix", pa.string()),
        ("payment", pa.string()),
        ("request_id", pa.string()),
        ("status", pa.int16()),
    ]
)


@dataclass(frozen=True)
class Directory:
    """What each account is called and brings along, one value an account; of all sources."""

    names: pa.Array
    systems: pa.Array
    clients: pa.Array
    keys: pa.Array
    payments: pa.Array
    styles: NDArray[np.int64]


def named(prefix: str, seeds: Seeds, digits: int) -> list[str | None]:
    """Names made of seeds; none for seed 0."""
    return [f"{prefix}{int(s):016x}"[: len(prefix) + digits] if s else None for s in seeds]


def table_of(
    rows: RequestRows,
    directory: Directory,
    writer: Writer,
    models: tuple[str, ...],
    answers: Answers,
    seed: int,
) -> pa.Table:
    """The log's columns for rows, in their order."""
    who = pa.array(rows.account)
    prompts = writer.prompts(rows, directory.styles[rows.account])
    cut = (rows.cap > 0) & (rows.wanted > rows.cap)
    served = rows.status == 200
    out = np.where(served, np.where(cut, rows.cap, rows.wanted), 0).astype(np.int32)
    told = pa.array(np.where(cut, "length", "stop"))
    asked = pc.binary_length(prompts).to_numpy(zero_copy_only=False) / BYTES_A_TOKEN
    columns = {
        "time": pa.array((rows.time * 1000).astype(np.int64)).cast(SCHEMA.field("time").type),
        "account": directory.names.take(who),
        "prompt": prompts,
        "answer": _answers(rows, out, served, writer, answers),
        "system": directory.systems.take(who),
        "model": pa.array(models).take(pa.array(rows.model)),
        "tokens_in": pa.array((asked + rows.context + 4).astype(np.int32)),
        "tokens_out": pa.array(out, mask=None if answers != "none" else np.ones(out.size, bool)),
        "max_tokens": pa.array(rows.cap, mask=rows.cap == 0),
        "finish": pc.if_else(pa.array(served), told, pa.scalar("error")),
        "temperature": pa.array(rows.temperature, mask=np.isnan(rows.temperature)),
        "top_p": pa.array(np.ones(len(rows), np.float32), mask=np.isnan(rows.temperature)),
        "network": _dotted(rows.network),
        "client": directory.clients.take(who),
        "key_prefix": directory.keys.take(who),
        "payment": directory.payments.take(who),
        "request_id": _request_ids(rows, seed),
        "status": pa.array(rows.status),
    }
    return pa.table(columns, SCHEMA)


def _answers(
    rows: RequestRows,
    tokens: NDArray[np.int32],
    served: NDArray[np.bool_],
    writer: Writer,
    kind: Answers,
) -> pa.Array:
    if kind != "text":
        return pa.nulls(len(rows), pa.string())
    made = writer.answers(rows, tokens.astype(np.int64), "prose", MOST_SENTENCES)
    return pc.if_else(pa.array(served), made, pa.scalar(None, pa.string()))


def _request_ids(rows: RequestRows, seed: int) -> pa.Array:
    moment = (rows.time * 1000).astype(np.int64)
    ids = mix(moment, rows.account, rows.seed, np.uint64(seed), 71)
    return pc.binary_join_element_wise("req-", pa.array(ids).cast(pa.string()), "")


def _dotted(networks: NDArray[np.uint32]) -> pa.Array:
    parts = [
        pa.array((networks >> np.uint32(s)) & np.uint32(255)).cast(pa.string())
        for s in (24, 16, 8, 0)
    ]
    return pc.binary_join_element_wise(*parts, ".")


def spoilt(table: pa.Table, faults: Faults, rng: np.random.Generator) -> pa.Table:
    """The table with what is wrong in real logs: rows twice, no account, clocks that jumped."""
    n = table.num_rows
    if faults.clock_jumps:
        jumps = np.where(rng.random(n) < faults.clock_jumps, rng.uniform(-JUMP, JUMP, n), 0.0)
        moved = pc.add(table["time"].cast(pa.int64()), pa.array((jumps * 1000).astype(np.int64)))
        table = _replaced(table, "time", moved.cast(SCHEMA.field("time").type))
    if faults.missing_accounts:
        gone = pa.array(rng.random(n) < faults.missing_accounts)
        bare = pc.if_else(gone, pa.scalar(None, pa.string()), table["account"])
        table = _replaced(table, "account", bare)
    if faults.duplicates:
        often = 1 + (rng.random(n) < faults.duplicates)
        table = table.take(pa.array(np.repeat(np.arange(n), often)))
    return table


def _replaced(table: pa.Table, name: str, column: Any) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), SCHEMA.field(name), column)


def campaign_rows(rows: RequestRows, n: int) -> NDArray[np.int64]:
    """How many rows of a campaign each of n accounts sent."""
    return np.bincount(rows.account[rows.campaign != NONE], minlength=n)
