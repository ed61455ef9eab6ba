"""A detector's short codes as people read them: the arms of a chart, a table or an exhibit, and
intervals in one column.

Knows what a code means; changes no record, only what is shown of it. report.json keeps the codes.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from auditor.reporting.text import interval, places
from detectors.measurement import Cell, Chart, Table
from fingerprints.records import Arm, Identity

ARMS: dict[str, str] = {
    Arm.OWN.value: "its own system prompt",
    Arm.EMPTY.value: "empty system prompt",
    Arm.NEUTRAL.value: "neutral system prompt",
    Arm.RECORDED.value: "recorded (prompt unknown)",
}
SETTINGS = {**ARMS, "recorded_system": "recorded, with a system prompt"}
"""The arms, and a record that holds the system prompt."""
ARM_COLUMN, ARM_HEADING = "arm", "asked with"


class Shown(str):
    """A cell that a renderer has put into words itself: no stranger's text, nothing to be
    escaped as one."""

    __slots__ = ()


def arm(code: str) -> str:
    """An arm in words; a code that is none stays as it is.

    >>> arm("empty")
    'empty system prompt'
    """
    return ARMS.get(code, code)


def chart(made: Chart) -> Chart:
    """The chart with its groups in words where all of them are arms: a vendor called 'own' keeps
    its name."""
    groups = {b.group for b in made.bars}
    if not groups or not groups <= set(ARMS):
        return made
    return made.model_copy(
        update={"bars": tuple(b.model_copy(update={"group": arm(b.group)}) for b in made.bars)}
    )


def table(made: Table) -> Table:
    """The table with its arms in words, and its neighbouring columns 'low' and 'high' as one
    bracketed interval, 'rank' and 'of' as one rank."""
    shown = _joined(_with_arms(made), ("low", "high"), "low to high", _interval)
    return _joined(shown, ("rank", "of"), "rank", _rank)


def _with_arms(made: Table) -> Table:
    if ARM_COLUMN not in made.columns:
        return made
    at = made.columns.index(ARM_COLUMN)
    columns = (*made.columns[:at], ARM_HEADING, *made.columns[at + 1 :])
    rows = tuple(
        tuple(_arm_cell(value) if i == at else value for i, value in enumerate(row))
        for row in made.rows
    )
    return made.model_copy(update={"columns": columns, "rows": rows})


def _arm_cell(value: Cell) -> Cell:
    return Shown(SETTINGS[value]) if isinstance(value, str) and value in SETTINGS else value


def _joined(
    made: Table, pair: tuple[str, str], heading: str, join: Callable[[Cell, Cell], Cell]
) -> Table:
    """The table with the first such pair of neighbouring columns as one; as it is where a row
    doesn't fit its columns."""
    pairs = [i for i in range(len(made.columns) - 1) if made.columns[i : i + 2] == pair]
    if not pairs or any(len(row) != len(made.columns) for row in made.rows):
        return made
    at = pairs[0]
    columns = (*made.columns[:at], heading, *made.columns[at + 2 :])
    rows = tuple((*row[:at], join(row[at], row[at + 1]), *row[at + 2 :]) for row in made.rows)
    return made.model_copy(update={"columns": columns, "rows": rows})


def _interval(low: Cell, high: Cell) -> Cell:
    if isinstance(low, str) or isinstance(high, str) or low is None or high is None:
        return Shown("–")
    return Shown(interval((float(low), float(high))))


def _rank(position: Cell, of: Cell) -> Cell:
    whole = isinstance(position, int) and isinstance(of, int)
    return Shown(f"{position} of {of}") if whole else Shown("–")


def numeric(made: Table) -> frozenset[int]:
    """The columns that hold numbers and gaps only: they are set flush right."""
    return frozenset(
        i
        for i in range(len(made.columns))
        if made.rows and not any(isinstance(row[i], str) for row in made.rows if i < len(row))
    )


def decimals(made: Table) -> tuple[int | None, ...]:
    """The decimals of each column, by its largest number, so that its points stand below each
    other.

    None where each number keeps its own: no fractions, or a small one that would lose its second
    digit.
    """
    columns = ([row[i] for row in made.rows if i < len(row)] for i in range(len(made.columns)))
    return tuple(
        _decimals([abs(v) for v in column if isinstance(v, float) and math.isfinite(v)])
        for column in columns
    )


def _decimals(sizes: list[float]) -> int | None:
    if not sizes:
        return None
    wanted = places(max(sizes))
    return wanted if all(size == 0 or size >= 10.0 ** (1 - wanted) for size in sizes) else None


def identity(who: Identity) -> tuple[tuple[str, str], ...]:
    """What was loaded, as label and value; what is not known is left out."""
    rows: list[tuple[str, object]] = [
        ("kind", who.kind),
        ("name", who.name),
        ("architecture", who.architecture),
        ("parameters", None if who.parameters is None else f"{who.parameters:,}"),
        ("backend", who.backend),
        ("dtype", who.dtype),
        ("quantisation", who.quantisation),
        ("device", who.device),
        ("revision", who.revision),
        ("base URL", who.base_url),
        ("chat template", who.template),
        ("weights sha256", who.weights_sha256),
        ("adapter sha256", who.adapter_sha256),
        ("config sha256", who.config_sha256),
        ("tokenizer sha256", who.tokenizer_sha256),
        ("template sha256", who.template_sha256),
        ("recording sha256", who.recording_sha256),
    ]
    return (*((k, str(v)) for k, v in rows if v), *(("note", n) for n in who.notes))
