"""What a test for a plant adds to a report's document: the plant, and what was counted of it."""

from __future__ import annotations

from auditor.audits.plants.records import PlantSection
from auditor.evidence.records import Report
from auditor.reporting.document import Block, Bullets, GridTable, Section, pairs
from auditor.reporting.text import number, percent, probability

KINDS = {"watermark": "watermark (green lists under a secret key)", "habit": "habits dealt by lot"}
WRITTEN = {"forced": "choices behind marked answers", "written": "what it wrote"}


def sections(report: Report) -> tuple[Section, ...]:
    """The plant and, for a brief reading, other explanations; nothing where none was tested."""
    s = report.section(PlantSection)
    if s is None:
        return ()
    blocks: list[Block] = [pairs(_rows(s))]
    if s.green:
        blocks.append(_green(s))
    if s.accounts:
        blocks.append(_accounts(s))
    if s.shares:
        blocks.append(_shares(s))
    others = Bullets(report.alternatives)
    return (
        Section("plant", "The plant", tuple(blocks)),
        Section("others", "Alternative explanations", (others,), "brief"),
    )


def _rows(s: PlantSection) -> tuple[tuple[str, str], ...]:
    rows = [
        ("plant", s.name),
        ("kind", KINDS[s.kind]),
        ("teacher", s.teacher),
        ("planted", s.created),
        ("commitment", s.commitment),
        ("served when it answered", "no longer" if s.retired else "perhaps still"),
        ("readable answers", f"{s.answers:,}"),
    ]
    if s.watermark is not None:
        w = s.watermark
        rows.append(("green", f"{w.n_green:,} of {w.vocabulary:,} tokens, bias {w.bias:g}"))
        rows += [
            (f"tokens that find a lead of {lead}", f"{n:,} (p ≤ 0.001, nine times in ten)")
            for lead, n in s.needed.items()
        ]
    if s.habits is not None:
        h = s.habits
        every = "1 day" if h.days == 1 else f"{h.days} days"
        dealt = f"{h.windows} of {len(h.habits)} habits an account, by turns of {every}"
        rows.append(("dealt", dealt))
        rows.append(("accounts", f"{s.n_accounts:,}"))
        rows += [(f"dealt to {a.account}", ", ".join(a.habits)) for a in s.accounts if a.habits]
        usual = "the bank's models" if s.usual_from == "bank" else "the suspect's base"
        rows.append(("what is usual", f"as measured on {usual}"))
    if s.expect is not None:
        rows.append(("stated effect", f"{s.expect:g}"))
    if s.power is not None:
        rows.append(("chance of finding it", percent(s.power)))
    return tuple(rows)


def _green(s: PlantSection) -> GridTable:
    rows = tuple(
        (
            WRITTEN[t.way] + (", those that rose most against the base" if t.rose else ""),
            number(t.tokens),
            number(t.green),
            percent(t.green / t.tokens),
            probability(t.p_value),
        )
        for t in s.green
    )
    heads = ("Counted", "Tokens", "Green", "Share", "Exact p")
    return GridTable("Green tokens", heads, rows, frozenset({1, 2, 3, 4}), look="quiet")


def _accounts(s: PlantSection) -> GridTable:
    rows = tuple((a.account, probability(a.p_value), probability(a.corrected)) for a in s.accounts)
    heads = ("Account", "Exact p", "Corrected")
    return GridTable("Accounts", heads, rows, frozenset({1, 2}), look="quiet")


def _shares(s: PlantSection) -> GridTable:
    known = sorted(s.shares, key=lambda h: (-h.found, h.habit))
    rows = tuple((h.habit, number(h.found), f"{h.usual:.2%}") for h in known if h.found)
    heads = ("Habit", f"Of {s.answers:,} answers", "Usual")
    return GridTable("Habits that it has", heads, rows, frozenset({1, 2}), look="quiet")
