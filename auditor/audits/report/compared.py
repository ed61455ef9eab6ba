"""The stored models that a suspect was compared with: all of them in one table, then maker by maker
with everything that was found of each.

Knows findings and the order of things; gives no verdict.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditor.audits.report import view, wording
from auditor.audits.report.findings import finding, sentence
from auditor.audits.report.outcomes import glimpse
from auditor.audits.report.view import ComparedMaker, ComparedWith
from auditor.evidence.records import Finding, Report
from auditor.reporting.document import (
    Block,
    GridTable,
    Group,
    Paragraph,
    Reading,
    Section,
    Stretch,
    Words,
    aside,
    name,
    strong,
)
from auditor.reporting.text import interval, number, probability, signed
from detectors.lineup import counted

MOST_LISTED = 10
ONLY: Reading = "full"


def at_a_glance(report: Report) -> Iterator[Block]:
    """The verdicts, then every stored model by every detector."""
    yield from glimpse(view.cards(report))
    names, rows = view.detectors(report), view.compared(report)
    if not (names and rows):
        yield Paragraph("No candidate was measured.")
        return
    if any(f.rank is not None for f in report.findings) or report.store is not None:
        yield Paragraph(
            "Every stored model by every detector, the best rank first: value with its interval,"
            " rank among the stored models, and conformal p-value against the null cohort. A model"
            " that is first here has no verdict of its own.",
            "lead",
        )
    tied = {d for d in names if _tied(report.findings, d)}
    yield GridTable(
        "Summary",
        ("Model", *(sentence(n) for n in names)),
        tuple(_glance_row(i, row, names, tied) for i, row in enumerate(rows, 1)),
        caption="Values of different detectors are on different scales and can't be compared with"
        " each other, nor quite those of different makers: strangers come nearer to some than to"
        " others, which verdicts allow for and ranks don't. In brackets after p: the number of null"
        " models, or of relabellings.",
        look="glance",
    )


def _tied(findings: Sequence[Finding], detector: str) -> bool:
    """Whether a detector gave all models one value: then nobody is first by it."""
    values = [f.value for f in findings if f.detector == detector and f.candidate is not None]
    return len(set(values)) == 1


def _glance_row(
    place: int, row: ComparedWith, names: tuple[str, ...], tied: set[str]
) -> tuple[Words, ...]:
    found = {f.detector: f for f in reversed(row.findings)}
    twin = (" ", Stretch("the suspect's own weights", "tag")) if row.same_weights else ()
    maker = row.about.vendor if row.about is not None else ""
    whose = (Stretch(maker, "line"),) if maker else ()
    who = (Stretch(row.name, "name", target=f"c{place}"), *twin, *whose)
    return (who, *(_glimpse(found.get(d), d in tied) for d in names))


def _glimpse(f: Finding | None, tied: bool) -> Words:
    if f is None:
        return aside("not measured")
    bounds = (" ", aside(interval(f.interval))) if f.interval else ()
    lines = []
    if f.rank and not tied:
        first = f.rank.position == 1 and f.rank.of > 1
        told = f"rank {f.rank.position} of {f.rank.of}"
        lines.append(Stretch(told, "line", "first" if first else ""))
    if f.null and f.null.p is not None and f.null.n:
        lines.append(Stretch(f"p = {number(f.null.p)} ({f.null.n})", "line"))
    if f.log10_lr is not None:
        lines.append(Stretch(f"log10 LR {signed(f.log10_lr)}", "line"))
    if f.exact is not None:
        lines.append(Stretch(f"exact p {probability(f.exact.p_value)}", "line"))
    return (strong(number(f.value)), *bounds, *lines)


def candidates(report: Report) -> Section:
    """Every model with all findings, in its maker's group."""
    makers = view.by_maker(view.compared(report), report.candidates)
    blocks: list[Block] = [Paragraph(_order_told(makers), "lead")] if _several(makers) else []
    for i, maker in enumerate(makers, 1):
        blocks.append(_maker(i, maker))
    nothing = (Paragraph("The suspect was compared with no stored model."),)
    listed = tuple((m.title, f"m{i}") for i, m in enumerate(makers[:MOST_LISTED], 1))
    if len(makers) > MOST_LISTED:
        rest = f"and {len(makers) - MOST_LISTED} more"
        listed += ((rest, f"m{MOST_LISTED + 1}"),)
    return Section("candidates", "Candidates", tuple(blocks) or nothing, ONLY, listed)


def _several(makers: Sequence[ComparedMaker]) -> bool:
    return sum(len(m.models) for m in makers) > 1


def _order_told(makers: Sequence[ComparedMaker]) -> str:
    found = [c for m in makers for _, c in m.models]
    twins = any(c.same_weights for c in found)
    told = "Models with the suspect's own weights first, then by" if twins else "By"
    told += " maker, and within one by best rank. Some model is always first: verdicts are of"
    told += " makers, and stand above."
    opened = sum(c.opened for c in found)
    if opened < len(found):
        told += f" The {opened} of best rank are unfolded; on paper the others stay folded."
    return told


def _maker(place: int, maker: ComparedMaker) -> Group:
    """A maker's models under its name; a lone model whose maker is not known by itself."""
    if not maker.maker:
        ((at, alone),) = maker.models
        return Group((_model(at, alone, 3),), anchor=f"m{place}")
    size = aside(f" {counted(len(maker.models), 'model')}")
    inside = tuple(_model(at, c, 4) for at, c in maker.models)
    return Group(inside, (name(maker.maker), size), anchor=f"m{place}")


def _model(place: int, c: ComparedWith, level: int) -> Group:
    blocks: list[Block] = [Paragraph(wording.SAME_WEIGHTS, "notice")] if c.same_weights else []
    blocks += [finding(f, level + 1) for f in c.findings]
    link = Stretch("Not measured", target="skipped")
    if not c.findings:
        blocks.append(Paragraph(("No detector measured this candidate; see ", link, ".")))
    heading = (name(c.name), *_about(c))
    return Group(tuple(blocks), heading, "candidate", not c.opened, level, f"c{place}")


def _about(c: ComparedWith) -> tuple[Stretch, ...]:
    a = c.about
    if a is None or not (a.vendor or a.n_shared):
        return ()
    told = ", ".join(filter(None, (a.vendor, a.family)))
    told += "; " if told else ""
    told += f"{number(a.n_shared)} shared prompts"
    if a.n_identical:
        told += f", {number(a.n_identical)} answered in the very same words"
    return (aside(f" {told}"),)
