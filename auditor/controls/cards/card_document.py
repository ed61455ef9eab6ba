"""A data card arranged as a document: what changed, how it was trained, from whom it learned, what
became of the prompts, and what it cost.

Holds numbers and names, never an answer's text. Knows the card and the course of the training;
computes no figure and knows no format.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from auditor.controls.cards import card_view
from auditor.controls.cards.card import CARD, PAGE, TEXT, Card
from auditor.controls.cards.card_view import ShownChange
from auditor.controls.cards.courses import read_courses
from auditor.controls.cards.rewards import reward_blocks
from auditor.controls.evaluation.figure import PairedFigure
from auditor.controls.evaluation.scaling import scaling_table
from auditor.controls.teaching.ledger import NUMBERS, LedgerRow
from auditor.reporting import html, labels, markdown
from auditor.reporting.charts import BoundedValue, Course, Dumbbells, Flow, PairedRow, Stacks
from auditor.reporting.document import (
    DASH,
    Block,
    Document,
    Group,
    Paragraph,
    Section,
    Verbatim,
    Words,
    aside,
    brief,
    full,
    grid,
    name,
    pairs,
)
from auditor.reporting.text import date, number
from detectors.measurement import Bar, Chart
from fingerprints.durable import replacing
from fingerprints.record_files import write_record

SOURCE_COLUMNS = ("source", "kind", "vendor", "prompts", "learned", "held out")
COST_COLUMNS = (
    "source",
    "answers",
    "failed",
    "tokens in",
    "tokens out",
    "seconds",
    "cost",
    "energy, Wh (estimate)",
)
CHARTED_COSTS = (
    ("Seconds", "seconds", "seconds"),
    ("Tokens written", "tokens_out", "tokens"),
    ("Money", "cost", "cost"),
)


def write_card(folder: Path, card: Card) -> None:
    """Writes ``card.md``, ``card.html``, then ``card.json``, each whole or not at all.

    They draw the training from the journals in the folder. Raises MalformedInput for a journal
    that is none.
    """
    document = card_document(card, read_courses(folder))
    for file_name, text in ((TEXT, markdown.render(document)), (PAGE, html.render(document))):
        with replacing(folder / file_name) as file:
            file.write(text.encode("utf-8"))
    # The record last: where it is, the card counts as written.
    write_record(folder / CARD, card)


def card_document(card: Card, courses: Sequence[Course] = ()) -> Document:
    """The whole card; the same card and courses give the same document."""
    recipe = card.recipe
    told = [Paragraph(recipe.about, "about")] if recipe.about else []
    told += [Paragraph(f"Imitates: {recipe.imitates}", "caption")] if recipe.imitates else []
    meta = tuple(_meta(card))
    short = ", ".join(f"{label.lower()} {value}" for label, value in meta)
    table = scaling_table(card.figures)
    scaled = () if table is None else (Section("scaling", "Test-time scaling", table, "full"),)
    recipe_told = ("The recipe as it ran ", aside("(recipe.yaml)"))
    recipe_block = Group((Verbatim(recipe.to_yaml()),), recipe_told, folded=True)
    return Document(
        kicker="Control model, data card",
        title=("Control ", name(recipe.name)),
        subject=name(recipe.name),
        meta=tuple((label, name(value)) for label, value in meta),
        about=(*told, brief(Paragraph(short))),
        sections=(
            Section("changed", "Before and after", tuple(_changed(card))),
            *scaled,
            Section("course", "Training", tuple(_training(card, courses))),
            Section("sources", "What it learned from whom", tuple(_sources(card))),
            Section("prompts", "What became of the prompts", tuple(_prompts(card))),
            Section("costs", "Costs", tuple(_costs(card))),
            Section("lineage", "Lineage", tuple(_lineage(card)), "full"),
            Section("recipe", "Recipe", (recipe_block,), "full"),
        ),
        record=lambda: card.model_dump(mode="json"),
        note="card.json is the record; this page is a view of it. No answer's text is in it.",
    )


def _meta(card: Card) -> Iterator[tuple[str, str]]:
    lineage = card.lineage
    teachers = ", ".join(t.name for t in lineage.teachers if t.kind == "teacher") or "none"
    yield "Role", lineage.role
    yield "Method", card.recipe.method
    yield "Teacher", teachers
    yield "Dose", f"{100 * card.recipe.dose:g} %"
    yield "Base", lineage.base.name if lineage.base is not None else card.recipe.student.base
    yield "Trained as", "adapter" if lineage.adapter else "all weights"
    yield "Evasions", ", ".join(lineage.evasions) or "none"
    yield "Seed", str(card.recipe.seed)
    if lineage.created:
        yield "Made", date(lineage.created)


def _changed(card: Card) -> Iterator[Block]:
    found = card_view.groups(card)
    about = (
        "The same questions to the base and to the student. Change is after minus before, paired"
        " by question; intervals are 95 %, clustered by question."
    )
    if found:
        yield full(Paragraph(about, "lead"))
        for group in found:
            said = (Paragraph(group.about, "lead"),) if group.about else ()
            charts = (_dumbbells(group.title, chart) for chart in group.charts)
            yield full(Group((*said, *charts), group.title, "topic"))
        whole = tuple(chain.from_iterable(group.changes for group in found))
        yield brief(_dumbbells("Figures", whole))
    else:
        yield Paragraph("Nothing could be measured.")
    yield full(Paragraph(f"{number(card.held_out)} prompts were held out of training.", "caption"))


def _dumbbells(title: str, chart: Sequence[ShownChange]) -> Dumbbells:
    title = f"{title}: {', '.join(c.name for c in chart)}"
    return Dumbbells(title, tuple(map(_row, chart)), all(c.share for c in chart))


def _row(c: ShownChange) -> PairedRow:
    told = (None if f is None else _bounded(f) for f in (c.before, c.after, c.change))
    return PairedRow(c.name, max(f.n for f in c.told), *told)


def _bounded(f: PairedFigure) -> BoundedValue:
    return BoundedValue(f.value, f.low, f.high)


def _training(card: Card, courses: Sequence[Course]) -> Iterator[Block]:
    yield full(*courses)
    yield brief(*(c for c in courses if c.weights is not None))
    about = (
        "By step. Faint: single steps; line: the mean over a twentieth of the steps, weighted by"
        " tokens."
    )
    absent = Paragraph("No journal of the training lies beside the card.")
    yield full(Paragraph(about, "caption") if courses else absent)
    whose = "loss" if card.rewards is None else "loss of the warm-up"
    ends = f"{number(card.first_loss)} → {number(card.last_loss)} nats a token"
    yield pairs(
        (
            ("steps", number(card.steps)),
            (f"{whose}, first and last step", ends),
            ("tokens learned from", number(card.learned_tokens)),
            ("answers cut to fit", number(card.truncated)),
            ("examples without room", number(card.left_out)),
            *((key, number(n)) for key, n in card.counts.items()),
            ("device and arithmetic", f"{card.device}, {card.precision}"),
        )
    )


def _sources(card: Card) -> Iterator[Block]:
    known = {t.name: t for t in card.lineage.teachers}
    whole = sum(s.kept for s in card.sources)
    lost = [r for r in card_view.LOSSES if any(card_view.lost_by(s, r) for s in card.sources)]
    rows, parts, notes = [], [], []
    for s in card.sources:
        teacher = known.get(s.name)
        kind = "teacher" if teacher is None else teacher.kind
        vendor = (teacher.vendor if teacher is not None else "") or DASH
        counts = (s.prompts, s.kept, s.held_out, *(card_view.lost_by(s, r) for r in lost))
        rows.append((s.name, kind, vendor, *map(number, counts)))
        share = f"{100 * s.kept / whole:.3g} % of what was learned" if whole else "nothing learned"
        parts.append((s.name, f"{kind}, {share}"))
        notes.append(
            f"{s.name}: {s.refusals} answers begin with a refusal, {s.truncated} were cut at the"
            f" length limit; {s.sentences_scrubbed} sentences were scrubbed from {s.scrubbed}"
            " answers."
        )
    bars = (
        ("asked", tuple(s.prompts for s in card.sources)),
        ("learned", tuple(s.kept for s in card.sources)),
        ("held out", tuple(s.held_out for s in card.sources)),
    )
    if rows:
        columns = (*SOURCE_COLUMNS, *(card_view.LOSSES[reason] for reason in lost))
        yield full(Stacks("Examples by source", bars, tuple(parts)))
        yield grid("Sources", columns, rows, range(3, len(columns)))
    elif card.rewards is None:
        yield Paragraph("From nobody.")
    yield from () if card.rewards is None else reward_blocks(card.rewards)
    yield from (full(Paragraph(note, "caption")) for note in notes)


def _prompts(card: Card) -> Iterator[Block]:
    c = card.curation
    flows = (("Prompts", card_view.prompt_flow(card)), ("Answers", card_view.answer_flow(card)))
    yield Flow(*flows[0])
    yield full(Flow(*flows[1]))
    clean = [title.lower() for title, steps in flows if not any(s.kind == "loss" for s in steps)]
    if clean:
        told = f"No {' and no '.join(clean)} were lost on the way."
        yield full(Paragraph(told, "caption"))
    for what, found in (("source", c.sources), ("licence", c.licences)):
        rows = [(key, number(n)) for key, n in found.items()]
        if rows:
            yield full(grid(f"Prompts by {what}", (what, "prompts"), rows, (1,)))
    if c.copies:
        rows_of = [(x.prompt, x.copies, x.reason) for x in c.copies]
        table = grid("Copies", ("dropped prompt", "copies", "rule"), rows_of)
        heading = ("Prompts dropped as copies ", aside(f"({len(c.copies)})"))
        yield full(Group((table,), heading, folded=True))


def _costs(card: Card) -> Iterator[Block]:
    for title, key, unit in CHARTED_COSTS:
        told = [(row.name, getattr(row, key)) for row in card.ledger.rows]
        told = [(label, value) for label, value in told if value is not None]
        if any(value for _, value in told):
            bars = tuple(Bar(label=label, value=value) for label, value in told)
            yield full(Chart(kind="bars", title=title, x_label=unit, bars=bars))
    rows = [cost_row(row) for row in (*card.ledger.rows, card.ledger.total)]
    yield grid("Ledger", COST_COLUMNS, rows, range(1, 8))
    yield Paragraph(f"Energy: {card.ledger.energy_basis}.", "caption")


def cost_row(row: LedgerRow) -> tuple[str, ...]:
    """A row of the ledger as texts, a dash for what is unknown."""
    return (row.name, *(number(getattr(row, field)) for field in ("answers", "failed", *NUMBERS)))


def _lineage(card: Card) -> Iterator[Block]:
    found = card.lineage
    weights = found.base.weights_sha256 if found.base else None
    yield pairs(
        (
            ("base", found.base_spec),
            ("base weights sha256", weights or "unknown"),
            ("examples", number(found.n_examples)),
            ("prompts sha256", found.prompts_sha256 or "unknown"),
            ("examples sha256", found.examples_sha256 or "unknown"),
            ("recipe sha256", found.recipe_sha256 or "unknown"),
            ("checkpoint", found.checkpoint or "elsewhere"),
            ("tool", found.tool or "unknown"),
            *(("note", note) for note in found.notes),
        )
    )
    who: list[tuple[Words, tuple[tuple[str, str], ...]]] = []
    if found.base is not None:
        who.append(("Base", labels.identity(found.base)))
    for t in found.teachers:
        if t.identity:
            who.append(((f"{t.kind.capitalize()} ", name(t.name)), labels.identity(t.identity)))
    yield from (Group((pairs(rows),), title, folded=True) for title, rows in who)
