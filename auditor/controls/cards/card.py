"""The data card of a control: what it imitates, what it learned from whom, what it cost and what
changed. JSON, Markdown, HTML.

Holds numbers and names, never an answer's text. Knows the records; computes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field

from auditor.controls.cards.card_page import card_page
from auditor.controls.cards.courses import read_courses
from auditor.controls.cards.rewards import RewardTold, reward_lines
from auditor.controls.curation.curate import CurationReport
from auditor.controls.evaluation.evaluate import PairedFigure
from auditor.controls.evaluation.scaling import is_scaling, scaling_lines
from auditor.controls.lineage import Lineage
from auditor.controls.recipe import Recipe
from auditor.controls.teaching.ledger import Ledger, LedgerRow
from auditor.controls.teaching.teach import SourceReport
from auditor.reporting.markdown import code, inline, table
from auditor.reporting.text import number
from fingerprints.durable import replacing
from fingerprints.record_files import RecordFile, write_record
from fingerprints.records import Record

CARD, TEXT, PAGE = "card.json", "card.md", "card.html"


class Card(Record):
    """Everything that a reader of a control wants to know; ``card.md`` and ``card.html`` are views
    of it.

    Losses are in nats a token. ``rewards`` is there where no teacher spoke but a reward; the losses
    are then those of the warm-up, None without one.
    """

    format: Literal["card/1"] = "card/1"
    recipe: Recipe
    lineage: Lineage
    curation: CurationReport
    sources: tuple[SourceReport, ...]
    held_out: int
    steps: int
    learned_tokens: int
    truncated: int
    left_out: int
    counts: dict[str, int] = Field(default_factory=dict)
    first_loss: float | None
    last_loss: float | None
    device: str
    precision: str
    ledger: Ledger
    figures: tuple[PairedFigure, ...]
    rewards: RewardTold | None = None


def write_card(folder: Path, card: Card) -> None:
    """Writes ``card.md``, ``card.html``, then ``card.json``, each whole or not at all.

    The page draws the training from the journals in the folder. Raises MalformedInput for a journal
    that is none.
    """
    page = card_page(card, read_courses(folder))
    for name, text in ((TEXT, card_markdown(card)), (PAGE, page)):
        with replacing(folder / name) as file:
            file.write(text.encode("utf-8"))
    write_record(folder / CARD, card)


def read_card(folder: Path) -> Card:
    """The card in a control's folder. Raises MalformedInput where it is missing or none."""
    return _FILE.read(folder / CARD)


_FILE = RecordFile(
    Card,
    "not a card",
    "train the control with `auditor control train`",
    absent="no finished control is here",
)


def card_markdown(card: Card) -> str:
    """The card as Markdown: deterministic, every name of a stranger escaped."""
    learned = _learned(card) if card.rewards is None else reward_lines(card.rewards)
    return (
        "\n".join([*_head(card), *learned, *_figures(card), *_costs(card), *_prompts(card)]) + "\n"
    )


def _head(card: Card) -> Iterator[str]:
    recipe, lineage = card.recipe, card.lineage
    yield f"# Control: {inline(recipe.name)}"
    yield ""
    yield inline(recipe.about)
    if recipe.imitates:
        yield ""
        yield f"Imitates: {inline(recipe.imitates)}"
    yield ""
    rows = [
        ("role", lineage.role),
        ("method", recipe.method),
        ("base", code(recipe.student.base)),
        (
            "base weights (SHA-256)",
            code((lineage.base.weights_sha256 if lineage.base else None) or "unknown"),
        ),
        ("trained as", "adapter" if lineage.adapter else "all weights"),
        ("dose", f"{100 * recipe.dose:g} %"),
        ("evasions", ", ".join(lineage.evasions) or "none"),
        ("seed", str(recipe.seed)),
        ("steps", str(card.steps)),
        *_losses(card),
        ("device and arithmetic", f"{inline(card.device)}, {inline(card.precision)}"),
    ]
    yield table(("", ""), rows)


def _losses(card: Card) -> Iterator[tuple[str, str]]:
    if card.first_loss is not None and card.last_loss is not None:
        whose = "loss" if card.rewards is None else "loss of the warm-up"
        yield (
            f"{whose}, first and last step",
            f"{number(card.first_loss)} → {number(card.last_loss)} nats a token",
        )


def _learned(card: Card) -> Iterator[str]:
    yield "\n## What it learned from whom\n"
    kinds = {t.name: (t.kind, t.vendor) for t in card.lineage.teachers}
    rows = []
    for s in card.sources:
        kind, vendor = kinds.get(s.name, ("teacher", ""))
        dropped = (
            s.unanswered,
            s.rejected,
            s.without_trace,
            s.unverified,
            s.scrubbed_away,
            s.beyond_dose,
        )
        told = (s.prompts, s.kept, s.held_out, *dropped)
        rows.append((inline(s.name), kind, inline(vendor or "–"), *(str(n) for n in told)))
    yield table(
        (
            "source",
            "kind",
            "vendor",
            "prompts",
            "learned",
            "held out",
            "unanswered",
            "rejected",
            "no trace",
            "not verified",
            "scrubbed away",
            "beyond the dose",
        ),
        rows,
    )
    for s in card.sources:
        yield (
            f"\n{inline(s.name)}: {s.refusals} answers begin with a refusal, {s.truncated} were cut"
            f" at the length limit; {s.sentences_scrubbed} sentences were scrubbed from"
            f" {s.scrubbed} answers."
        )
        if s.unparaphrased or s.too_similar or s.shaped_away:
            yield (
                f"\n{inline(s.name)}: {s.unparaphrased} answers weren't paraphrased,"
                f" {s.too_similar} kept their words and {s.shaped_away} had no word left in their"
                " new form; none of them was learned."
            )
    if card.counts:
        yield (
            "\nOf the method: "
            + "; ".join(f"{inline(name)} {n:,}" for name, n in card.counts.items())
            + "."
        )
    if card.truncated or card.left_out:
        yield (
            f"\nIn training {card.truncated} answers were cut to fit, and {card.left_out} examples"
            " had no room."
        )


def _figures(card: Card) -> Iterator[str]:
    yield "\n## Before and after\n"
    if not card.figures:
        yield "Nothing could be measured."
        return
    yield table(
        ("figure", "when", "value", "95 % interval", "questions"),
        [
            (inline(f.name), f.when, number(f.value), _interval(f), str(f.n))
            for f in card.figures
            if not is_scaling(f)
        ],
    )
    yield (
        f"\nChange is after minus before, paired by question. {card.held_out} prompts were held out"
        " of training."
    )
    yield from scaling_lines(card.figures)


def _interval(figure: PairedFigure) -> str:
    return (
        "–"
        if figure.low is None or figure.high is None
        else f"{number(figure.low)} to {number(figure.high)}"
    )


def _costs(card: Card) -> Iterator[str]:
    yield "\n## Costs\n"
    yield table(
        (
            "",
            "answers",
            "failed",
            "tokens in",
            "tokens out",
            "seconds",
            "cost",
            "energy, Wh (estimate)",
        ),
        [_cost(row) for row in (*card.ledger.rows, card.ledger.total)],
    )
    yield f"\nEnergy: {card.ledger.energy_basis}."


def _cost(row: LedgerRow) -> tuple[str, ...]:
    told = (row.tokens_in, row.tokens_out, row.seconds, row.cost, row.energy_wh_estimate)
    return (
        inline(row.name),
        str(row.answers),
        str(row.failed),
        *("–" if v is None else number(v) for v in told),
    )


def _prompts(card: Card) -> Iterator[str]:
    c = card.curation
    yield "\n## Prompts\n"
    yield (
        f"{c.pool} in the pool; {c.exact_duplicates} exact duplicates, {c.low_quality} of low"
        f" quality, {c.near_duplicates} near-duplicates and {c.contaminated} copies of the audit's"
        f" probes were dropped, {c.beyond_n} were not needed; {c.kept} kept."
    )
    yield ""
    yield table(("source", "prompts"), [(inline(k), str(v)) for k, v in c.sources.items()])
    yield ""
    yield table(("licence", "prompts"), [(inline(k), str(v)) for k, v in c.licences.items()])
    if c.copies:
        yield ""
        yield table(
            ("dropped prompt", "copies", "rule"),
            [(inline(x.prompt), inline(x.copies), x.reason) for x in c.copies],
        )
