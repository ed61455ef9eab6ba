"""The data card as one HTML file: the report's look and policy, the drawings of what changed, and
every number as text.

Holds numbers and names, never an answer's text. Knows the card and the course of the training;
computes no figure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from auditor.controls.cards import card_view
from auditor.controls.cards.card_view import PipelineStep, ShownChange
from auditor.controls.cards.courses import Course
from auditor.reporting import view
from auditor.reporting.html import environment, styled
from auditor.reporting.plots import COLOURS, Mark, Segment, line, mark, shared_scale, stack
from auditor.reporting.text import date, interval, number, tick
from detectors.base import Bar, Chart

if TYPE_CHECKING:
    from auditor.controls.cards.card import Card
    from auditor.controls.cards.rewards import RewardTold
    from auditor.controls.evaluation.evaluate import PairedFigure
    from auditor.controls.teaching.ledger import LedgerRow

SOURCE_COLUMNS = ("source", "kind", "vendor", "prompts", "learned", "held out")
COST_COLUMNS = (
    "",
    "answers",
    "failed",
    "tokens in",
    "tokens out",
    "seconds",
    "cost",
    "energy, Wh (estimate)",
)


@dataclass(frozen=True)
class _Row:
    name: str
    n: str
    before: Mark | None
    after: Mark | None
    values: str
    change: str


@dataclass(frozen=True)
class _Dumbbells:
    title: str
    rows: tuple[_Row, ...]
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class _Bar:
    label: str
    kind: str
    start: float
    width: float
    told: str


@dataclass(frozen=True)
class _Stack:
    label: str
    segments: tuple[Segment, ...]
    told: str


def card_page(card: Card, courses: Sequence[Course] = ()) -> str:
    """The whole page as text: the same card and courses give the same bytes."""
    recipe = card.recipe
    return (
        environment()
        .get_template("card.html")
        .render(
            **styled("style.css", "plots.css"),
            name=recipe.name,
            meta=_meta(card),
            about=recipe.about,
            imitates=recipe.imitates,
            groups=[_group(g) for g in card_view.groups(card)],
            held_out=number(card.held_out),
            lines=[line(c.label, c.steps, c.values, c.smoothed()) for c in courses],
            training=_training(card),
            **_sources(card),
            rewards=None if card.rewards is None else _rewards(card.rewards),
            **_prompts(card),
            cost_charts=_cost_charts(card),
            cost_columns=COST_COLUMNS,
            cost_rows=[cost_row(row) for row in (*card.ledger.rows, card.ledger.total)],
            energy_basis=card.ledger.energy_basis,
            lineage=_lineage(card),
            identities=_identities(card),
            recipe_text=recipe.to_yaml(),
            next_number=count(1).__next__,
        )
    )


def _meta(card: Card) -> list[tuple[str, str]]:
    lineage = card.lineage
    base = lineage.base.name if lineage.base is not None else card.recipe.student.base
    teachers = ", ".join(t.name for t in lineage.teachers if t.kind == "teacher") or "none"
    rows = [
        ("Role", lineage.role),
        ("Method", card.recipe.method),
        ("Teacher", teachers),
        ("Dose", f"{100 * card.recipe.dose:g} %"),
        ("Base", base),
        ("Trained as", "adapter" if lineage.adapter else "all weights"),
        ("Evasions", ", ".join(lineage.evasions) or "none"),
        ("Seed", str(card.recipe.seed)),
    ]
    return [*rows, ("Made", date(lineage.created))] if lineage.created else rows


def _group(group: card_view.FigureGroup) -> dict[str, Any]:
    charts = [_dumbbells(group.title, chart) for chart in group.charts]
    return {"title": group.title, "about": group.about, "charts": charts}


def _dumbbells(title: str, chart: Sequence[ShownChange]) -> _Dumbbells:
    told = [f for c in chart for f in (c.before, c.after) if f is not None]
    axis = shared_scale(
        [v for f in told for v in (f.value, f.low, f.high)], zero=all(c.share for c in chart)
    )

    def drawn(figure: PairedFigure | None) -> Mark | None:
        return None if figure is None else mark(axis, figure.value, figure.low, figure.high)

    rows = tuple(
        _Row(c.name, _n(c), drawn(c.before), drawn(c.after), values(c), change(c)) for c in chart
    )
    return _Dumbbells(
        f"{title}: {', '.join(c.name for c in chart)}",
        rows,
        tuple((axis.at(t), tick(t)) for t in axis.ticks),
    )


def _n(found: ShownChange) -> str:
    return number(
        max((f.n for f in (found.before, found.after, found.change) if f is not None), default=0)
    )


def values(found: ShownChange) -> str:
    """A figure's value before and after as one text; of one that was measured once, that value
    with its interval."""
    told = [f for f in (found.before, found.after) if f is not None]
    if len(told) == 2:
        return f"{number(told[0].value)} → {number(told[1].value)}"
    return " ".join(with_interval(f) for f in told) or "–"


def change(found: ShownChange) -> str:
    """A figure's paired change with its sign and interval; empty where there is none."""
    return "" if found.change is None else with_interval(found.change, sign=True)


def with_interval(figure: PairedFigure, sign: bool = False) -> str:
    """A figure's value, with its 95 % interval where there is one."""
    plus = "+" if sign and figure.value > 0 else ""
    bounds = None if figure.low is None or figure.high is None else (figure.low, figure.high)
    return f"{plus}{number(figure.value)} {interval(bounds)}".rstrip()


def _training(card: Card) -> list[tuple[str, str]]:
    whose = "loss" if card.rewards is None else "loss of the warm-up"
    return [
        ("steps", number(card.steps)),
        (
            f"{whose}, first and last step",
            f"{number(card.first_loss)} → {number(card.last_loss)} nats a token",
        ),
        ("tokens learned from", number(card.learned_tokens)),
        ("answers cut to fit", number(card.truncated)),
        ("examples without room", number(card.left_out)),
        *((name, number(n)) for name, n in card.counts.items()),
        ("device and arithmetic", f"{card.device}, {card.precision}"),
    ]


def _sources(card: Card) -> dict[str, Any]:
    known = {t.name: t for t in card.lineage.teachers}
    rows, names, notes = [], [], []
    whole = sum(s.kept for s in card.sources)
    reasons = [
        reason
        for reason in card_view.LOSSES
        if any(card_view.lost_by(s, reason) for s in card.sources)
    ]
    for i, s in enumerate(card.sources):
        kind, vendor = (
            (known[s.name].kind, known[s.name].vendor or "–")
            if s.name in known
            else ("teacher", "–")
        )
        lost = (card_view.lost_by(s, reason) for reason in reasons)
        rows.append(
            (s.name, kind, vendor, *(number(n) for n in (s.prompts, s.kept, s.held_out, *lost)))
        )
        share = f"{100 * s.kept / whole:.3g} % of what was learned" if whole else "nothing learned"
        names.append((i % COLOURS + 1, s.name, f"{kind}, {share}"))
        notes.append(
            f"{s.name}: {s.refusals} answers begin with a refusal, {s.truncated} were cut at the"
            f" length limit; {s.sentences_scrubbed} sentences were scrubbed from {s.scrubbed}"
            " answers."
        )
    counts = {
        "asked": [s.prompts for s in card.sources],
        "learned": [s.kept for s in card.sources],
        "held out": [s.held_out for s in card.sources],
    }
    stacks = [_Stack(label, stack(found), number(sum(found))) for label, found in counts.items()]
    return {
        "stacks": stacks,
        "names": names,
        "source_columns": (*SOURCE_COLUMNS, *(card_view.LOSSES[reason] for reason in reasons)),
        "source_rows": rows,
        "source_notes": notes,
    }


def _rewards(told: RewardTold) -> dict[str, Any]:
    """Each part of the reward over the first and the last tenth of the steps, and what was
    drawn."""
    ends = [(name, one, told.last[name]) for name, one in told.first.items() if name in told.last]
    axis = shared_scale(
        [v for _, *both in ends for m in both for v in (m.value, m.low, m.high)], zero=True
    )
    rows = [
        _Row(
            name,
            number(max(one.tasks, last.tasks)),
            mark(axis, one.value, one.low, one.high),
            mark(axis, last.value, last.low, last.high),
            f"{number(one.value)} → {number(last.value)}",
            "",
        )
        for name, one, last in ends
    ]
    pairs = [
        ("puzzles", number(told.puzzles)),
        ("answers drawn", number(told.answers)),
        ("tokens drawn", number(told.tokens)),
        ("examples of the warm-up", number(told.warm_up)),
        ("puzzles sha256", told.puzzles_sha256),
        ("held out puzzles sha256", told.held_out_sha256),
    ]
    return {
        "chart": _Dumbbells(
            "Rewards", tuple(rows), tuple((axis.at(t), tick(t)) for t in axis.ticks)
        ),
        "pairs": pairs,
    }


def _prompts(card: Card) -> dict[str, Any]:
    flows = [("Prompts", card_view.prompt_flow(card)), ("Answers", card_view.answer_flow(card))]
    c = card.curation
    clean = [title.lower() for title, steps in flows if not any(s.kind == "loss" for s in steps)]
    return {
        "flows": [(title, list(_bars(steps))) for title, steps in flows],
        "lossless": f"No {' and no '.join(clean)} were lost on the way." if clean else "",
        "prompt_tables": [
            (what, [(k, number(v)) for k, v in found.items()])
            for what, found in (("source", c.sources), ("licence", c.licences))
        ],
        "copies": [(x.prompt, x.copies, x.reason) for x in c.copies],
    }


def _bars(steps: Sequence[PipelineStep]) -> Iterator[_Bar]:
    whole = max(1, *(s.count for s in steps))
    for s in steps:
        sign = "-" if s.kind == "loss" else ""
        yield _Bar(
            s.label,
            s.kind,
            round(100 * s.start / whole, 2),
            round(100 * s.count / whole, 2),
            sign + number(s.count),
        )


def _cost_charts(card: Card) -> list[Chart]:
    wanted = [
        ("Seconds", "seconds", "seconds"),
        ("Tokens written", "tokens_out", "tokens"),
        ("Money", "cost", "cost"),
    ]
    out = []
    for title, name, unit in wanted:
        told = [
            (row.name, getattr(row, name))
            for row in card.ledger.rows
            if getattr(row, name) is not None
        ]
        if any(value for _, value in told):
            bars = tuple(Bar(label=label, value=value) for label, value in told)
            out.append(Chart(kind="bars", title=title, x_label=unit, bars=bars))
    return out


def cost_row(row: LedgerRow) -> tuple[str, ...]:
    """A row of the ledger as texts, a dash for what is unknown."""
    told = (
        row.answers,
        row.failed,
        row.tokens_in,
        row.tokens_out,
        row.seconds,
        row.cost,
        row.energy_wh_estimate,
    )
    return (row.name, *(number(v) for v in told))


def _lineage(card: Card) -> list[tuple[str, str]]:
    found = card.lineage
    rows = [
        ("base", found.base_spec),
        ("base weights sha256", (found.base.weights_sha256 if found.base else None) or "unknown"),
        ("examples", number(found.n_examples)),
        ("prompts sha256", found.prompts_sha256 or "unknown"),
        ("examples sha256", found.examples_sha256 or "unknown"),
        ("recipe sha256", found.recipe_sha256 or "unknown"),
        ("checkpoint", found.checkpoint or "elsewhere"),
        ("tool", found.tool or "unknown"),
    ]
    return [*rows, *(("note", note) for note in found.notes)]


def _identities(card: Card) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    base = [("Base", view.identity(card.lineage.base))] if card.lineage.base is not None else []
    told = [
        (f"{t.kind.capitalize()} {t.name}", view.identity(t.identity))
        for t in card.lineage.teachers
        if t.identity
    ]
    return [*base, *told]
