"""The stored models that a suspect was compared with: all of them in one table, then maker by maker
with everything that was found of each.

Knows findings and the order of things; gives no verdict.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditor.audits.report import view, wording
from auditor.audits.report.findings import finding, in_figures, sentence
from auditor.audits.report.lines import status_of, verdicts_on
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

MOST_LISTED, MOST_WHOLE = 10, 2
ELSEWHERE = " only the figures stand here; report.json has the rest, and `auditor serve` shows it."
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
    borne_out = _borne_out(report)
    yield GridTable(
        "Summary",
        ("Model", *(sentence(n) for n in names)),
        tuple(_glance_row(i, row, names, tied, borne_out) for i, row in enumerate(rows, 1)),
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


def _borne_out(report: Report) -> frozenset[str]:
    """The models whose verdict is supported in a report whose answer is: first in rank is no
    highlight for anybody else, since some model is always first."""
    if status_of(report, "inheritance") != "supported":
        return frozenset()
    told = [v for v in verdicts_on(report, "inheritance") if v.outcome == "supported"]
    return frozenset(n for v in told for n in (v.candidate or "", *(m.name for m in v.members)))


def _glance_row(
    place: int,
    row: ComparedWith,
    names: tuple[str, ...],
    tied: set[str],
    borne_out: frozenset[str],
) -> tuple[Words, ...]:
    found = {f.detector: f for f in reversed(row.findings)}
    twin = (" ", Stretch("the suspect's own weights", "tag")) if row.same_weights else ()
    maker = row.about.vendor if row.about is not None else ""
    whose = (Stretch(maker, "line"),) if maker else ()
    who = (Stretch(row.name, "name", target=f"c{place}"), *twin, *whose)
    told = row.name in borne_out
    return (who, *(_glimpse(found.get(d), d in tied, told) for d in names))


def _glimpse(f: Finding | None, tied: bool, borne_out: bool) -> Words:
    if f is None:
        return aside("not measured")
    bounds = (" ", aside(interval(f.interval))) if f.interval else ()
    lines = []
    if f.rank and not tied:
        # The first of many with a rate of zero is first of nothing.
        first = borne_out and f.rank.position == 1 and f.rank.of > 1 and f.value > 0
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
    found = view.compared(report)
    makers = view.by_maker(found, report.candidates)
    whole = _told_whole(report, found)
    blocks: list[Block] = [Paragraph(_order_told(makers), "lead")] if _several(makers) else []
    for i, maker in enumerate(makers, 1):
        blocks.append(_maker(i, maker, whole))
    nothing = (Paragraph("The suspect was compared with no stored model."),)
    listed = tuple((m.title, f"m{i}") for i, m in enumerate(makers[:MOST_LISTED], 1))
    if len(makers) > MOST_LISTED:
        rest = f"and {len(makers) - MOST_LISTED} more"
        listed += ((rest, f"m{MOST_LISTED + 1}"),)
    told = tuple(blocks) or nothing
    return Section("candidates", "Candidates", told, ONLY, listed, appendix=True)


def _told_whole(report: Report, found: Sequence[ComparedWith]) -> frozenset[str]:
    """The few models that a page tells in full: those that a supported verdict is about or that
    were asked about, then the first; of the others it tells the figures."""
    asked = {m.name for v in report.verdicts for m in v.members if m.named}
    near = {v.nearest for v in report.verdicts if v.outcome == "supported"}
    wanted = [c.name for c in found if c.name in near or c.name in asked]
    wanted += [c.name for c in found if c.name in _borne_out(report)]
    wanted += [c.name for c in found if c.findings]
    return frozenset(tuple(dict.fromkeys(wanted))[:MOST_WHOLE])


def _several(makers: Sequence[ComparedMaker]) -> bool:
    return sum(len(m.models) for m in makers) > 1


def _order_told(makers: Sequence[ComparedMaker]) -> str:
    found = [c for m in makers for _, c in m.models]
    twins = any(c.same_weights for c in found)
    told = "Models with the suspect's own weights first, then by" if twins else "By"
    told += " maker, and within one by best rank. Some model is always first: verdicts are of"
    told += " makers, and stand above."
    if len(found) > MOST_WHOLE:
        told += f" Of all but {MOST_WHOLE}{ELSEWHERE}"
    return told


def _maker(place: int, maker: ComparedMaker, whole: frozenset[str]) -> Group:
    """A maker's models under its name; a lone model whose maker is not known by itself."""
    if not maker.maker:
        ((at, alone),) = maker.models
        return Group((_model(at, alone, 3, whole),), anchor=f"m{place}")
    size = aside(f" {counted(len(maker.models), 'model')}")
    inside = tuple(_model(at, c, 4, whole) for at, c in maker.models)
    return Group(inside, (name(maker.maker), size), anchor=f"m{place}")


def _model(place: int, c: ComparedWith, level: int, whole: frozenset[str]) -> Group:
    blocks: list[Block] = [Paragraph(wording.SAME_WEIGHTS, "notice")] if c.same_weights else []
    if c.name in whole:
        blocks += [finding(f, level + 1) for f in c.findings]
    else:
        blocks += [in_figures(f) for f in c.findings]
    link = Stretch("Not measured", target="skipped")
    if not c.findings:
        blocks.append(Paragraph(("No detector measured this candidate; see ", link, ".")))
    heading = (name(c.name), *_about(c))
    folded = c.name not in whole and not c.same_weights
    return Group(tuple(blocks), heading, "candidate", folded, level, f"c{place}")


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
