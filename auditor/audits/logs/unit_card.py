"""One unit of a scan as a card: how much, what is loud, when, which templates, which ties, who."""

from __future__ import annotations

from auditor.audits.logs.records import LogScan, TieFound, UnitFound
from auditor.reporting.charts import TiesChart
from auditor.reporting.document import (
    Block,
    Bullets,
    Definitions,
    GridTable,
    Group,
    code,
    grid,
    name,
    strong,
)
from auditor.reporting.text import number
from detectors.extraction.signals import SIGNALS
from detectors.measurement import Bar, Chart

MOST_ROWS, MOST_DRAWN = 60, 24
TITLES = {s.name: s.title for s in SIGNALS}


def card(unit: UnitFound, found: LogScan) -> Group:
    """All that is told of one unit."""
    told = "accounts" if unit.n_accounts > 1 else "account"
    heading = (strong(unit.id), f": {number(unit.n_accounts)} {told}, {unit.status}")
    tokens = "–" if unit.tokens_out is None else number(round(unit.tokens_out))
    facts = Definitions(
        (
            ("p", f"{unit.p_value:.3g}"),
            ("Requests", number(unit.n_requests)),
            ("Tokens given", tokens),
            ("First", f"{unit.first} UTC"),
            ("Last", f"{unit.last} UTC"),
        ),
        "figures",
    )
    blocks: list[Block] = [facts, _signals(unit), _windows(unit, found), *_templates(unit, found)]
    blocks += [*_ties(unit), _names(unit, found)]
    return Group(tuple(blocks), heading, "card", anchor=f"unit-{unit.id}")


def _signals(unit: UnitFound) -> Block:
    bars = tuple(
        Bar(label=TITLES[s.signal], value=s.above)
        for s in sorted(unit.signals, key=lambda s: -s.above)
    )
    return Chart(
        kind="bars",
        title="What stands out",
        x_label="above benign traffic of like volume, in spreads (median to 90th percentile)",
        bars=bars,
        reference=1.0,
        reference_label="one in ten benign units is beyond",
    )


def _windows(unit: UnitFound, found: LogScan) -> Block:
    rows = (
        (str(w.window + 1), number(w.n), f"{w.score:.2f}", f"{w.p_value:.2g}")
        for w in unit.windows[:MOST_ROWS]
    )
    length = found.calibration.window_seconds / 3600
    title = f"By window of {length:g} hours"
    return grid(title, ("window", "requests", "score", "p in it"), rows, (1, 2, 3))


def _templates(unit: UnitFound, found: LogScan) -> tuple[Block, ...]:
    if not unit.templates:
        return ()
    rows = tuple((code(t.words), number(t.n), number(t.distinct)) for t in unit.templates)
    about = "Of a sample of prompts; ▢ is what changes."
    if found.private:
        about += " Words are left out (--private)."
    columns = ("template", "prompts", "different")
    table = GridTable("Templates", columns, rows, frozenset({1, 2}), headed=False, caption=about)
    return (table,)


def _ties(unit: UnitFound) -> tuple[Block, ...]:
    if not unit.ties:
        return ()
    rows = tuple(
        (
            _attribute(t),
            name(t.value),
            "yes" if t.template else "–",
            number(t.accounts),
            f"{100 * t.overlap:.0f} %" if t.template else "–",
            "one customer's" if t.p_value is None else f"{t.p_value:.2g}",
        )
        for t in unit.ties
    )
    columns = ("shared", "value", "and a template", "accounts", "prompts in common", "by chance")
    table = GridTable("What ties them", columns, rows, frozenset({3, 4}), headed=False)
    return (_drawn(unit), table)


def _drawn(unit: UnitFound) -> TiesChart:
    ties = unit.ties[:MOST_DRAWN]
    return TiesChart(
        f"{number(unit.n_accounts)} accounts",
        tuple(f"{_attribute(t)}: {t.value}" for t in ties),
        tuple(t.accounts for t in ties),
        tuple(t.template for t in ties),
    )


def _attribute(tie: TieFound) -> str:
    return tie.attribute.replace("_", " ")


def _names(unit: UnitFound, found: LogScan) -> Block:
    rest = unit.n_accounts - len(unit.accounts)
    items = tuple(name(a) for a in unit.accounts)
    more = (f"and {number(rest)} more, in accounts.jsonl",) if rest > 0 else ()
    heading = "Accounts (salted hashes)" if found.private else "Accounts"
    return Group((Bullets((*items, *more)),), heading, "folded", folded=True)
