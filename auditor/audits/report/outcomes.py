"""The verdicts of a question as blocks of a document: everywhere the same ones, in tables, in a
chart, at a glance and in brief; and the models that each is about, as ranks.

Knows verdicts; knows no finding, no kind of audit and no format.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditor.audits.report import view, wording
from auditor.evidence.error_rates import HeldOutRatios
from auditor.evidence.records import MemberRank, Verdict
from auditor.reporting.charts import LadderChart, Strip
from auditor.reporting.document import (
    DASH,
    Block,
    GridTable,
    Group,
    Paragraph,
    Stretch,
    Words,
    aside,
    name,
)
from auditor.reporting.text import interval, number, probability, signed
from detectors.measurement import Bar, Chart

MOST_CHARTED, MOST_SHOWN, MOST_REASONS, MOST_SHORT = 12, 12, 4, 5
LOG10_LR = (
    "log10 LR: how many times likelier the answers are if the suspect learned from the candidate"
    " than if it did not, as a power of ten: +1 is ten times, 0 favours neither, -1 is ten times"
    " the other way. It is no probability that the suspect was taught. Cap: the largest that so few"
    " models of known history can carry."
)
LOG10_E = (
    "log10 e-value: what a bet against chance won, as a power of ten: +3 comes out at most once in"
    " 1,000 times if nothing happened. It needs no model of known history."
)
CONVINCING_P = 0.05
"""Above it a p-value beside "supported" would be read as a contradiction."""


def verdicts(told: Sequence[Verdict]) -> tuple[Block, ...]:
    """All verdicts of a question; once in words and the table folded where they say the same and
    weigh nothing."""
    if not told:
        return ()
    same = view.unanimous(told)
    reasons = view.reasons(told, brief=True)
    notes = (*reasons[:MOST_REASONS], *p_told(told))
    if len(reasons) > MOST_REASONS:
        notes += (f"{len(reasons) - MOST_REASONS} more reasons are in report.json.",)
    why = tuple(Paragraph(reason, "caption") for reason in notes)
    size = aside(f"({len(told)})")
    if same is None:
        once: tuple[Block, ...] = (verdict_table(told[:MOST_SHOWN]), *_explained(told), *why)
        whole = Group(once, ("Weight of evidence by candidate ", size), level=4)
        rest = Group((verdict_table(told),), ("All candidates ", size), "folded", True)
        return (whole, *((rest,) if len(told) > MOST_SHOWN else ()), *members(told))
    alike = Paragraph((_badge(told[0]), " ", aside(f"for {_whom(told)}")))
    rows = Group((verdict_table(told),), ("By candidate ", size), "folded", True)
    return (Group((alike, *why), look="verdict"), rows, *members(told))


def _explained(told: Sequence[Verdict]) -> Iterator[Paragraph]:
    """What the weights of a table mean, once in a report."""
    if any(v.log10_lr is not None for v in told):
        yield Paragraph(LOG10_LR, "caption")
    if any(v.exact is not None for v in told):
        yield Paragraph(LOG10_E, "caption")


def _badge(v: Verdict) -> Stretch:
    return Stretch(wording.OUTCOMES[v.outcome], "badge", v.outcome)


def _who(v: Verdict) -> Words:
    several = (" ", aside(f"({len(v.members)} models)")) if len(v.members) > 1 else ()
    return (name(view.called(v)), *several)


def verdict_table(told: Sequence[Verdict]) -> GridTable:
    """The verdicts as a table; columns of nothing are left out."""
    weighed = any(v.log10_lr is not None for v in told)
    exact = any(v.exact is not None for v in told)
    ranked = any(v.p_value is not None for v in told)
    counted = any(v.n_controls for v in told) or not (ranked or exact)
    shown = (weighed, weighed, exact, ranked, exact, counted)
    kept = [i for i, wanted in enumerate(shown) if wanted]
    columns = ("log10 LR", "Cap", "log10 e-value", "p", "Design", "Controls")
    rows: list[tuple[Words, ...]] = []
    for v in told:
        words = (" ", aside(f"({v.words})")) if v.words else ()
        bounds = (" ", aside(interval(v.interval, sign=True))) if v.interval else ()
        figures: tuple[Words, ...] = (
            (signed(v.log10_lr), *bounds),
            signed(view.on_its_side(v.cap, v.log10_lr)),
            signed(v.exact.log10_e if v.exact else None),
            probability(v.p_value),
            wording.DESIGNS[v.exact.design].label if v.exact else DASH,
            str(v.n_controls or "0") if not ranked else number(v.n_controls or None),
        )
        rows.append((_who(v), (_badge(v), *words), *(figures[i] for i in kept)))
    heads = ("Candidate", "Outcome", *(columns[i] for i in kept))
    return GridTable("Verdicts", heads, tuple(rows), frozenset(range(2, len(heads))), look="quiet")


def short_table(told: Sequence[Verdict]) -> GridTable:
    """The heaviest verdicts, a line each: outcome and weight alone."""
    ordered = sorted(told, key=lambda v: -(v.strength or 0.0))
    exact = all(v.exact is not None for v in told)
    rows = tuple(
        (_who(v), _badge(v), signed(v.strength), "" if exact else interval(v.interval, sign=True))
        for v in ordered[:MOST_SHORT]
    )
    heads = ("Candidate", "Outcome", "log10 e-value" if exact else "log10 LR", "95 %")
    shown = 3 if exact else 4
    return GridTable("", heads[:shown], tuple(row[:shown] for row in rows), look="quiet")


def glimpse(cards: Sequence[view.QuestionCard]) -> Iterator[Block]:
    """Every verdict on inheritance by its outcome and by what is known of its models among each
    other."""
    for card in cards:
        if card.question == "inheritance" and card.verdicts:
            rows = tuple((_who(v), _badge(v), _among(v)) for v in card.verdicts)
            exact = all(v.exact is not None for v in card.verdicts)
            heads = ("Candidate", "Outcome", "Exact p" if exact else "Among its models")
            yield GridTable("Verdicts", heads, rows)


def brief_verdicts(told: Sequence[Verdict]) -> Iterator[Block]:
    """The verdicts for a brief reading: a table, or one line where all of them say the same."""
    if not told:
        return
    outcome = view.unanimous(told)
    reasons = view.reasons(told, brief=True)
    if outcome is None:
        yield verdict_table(told)
        reasons = (*reasons, *p_told(told))
    else:
        line = f"{wording.OUTCOMES[outcome].capitalize()} for {_whom(told)}."
        reasons = (f"{line} {reasons[0]}", *reasons[1:]) if len(reasons) == 1 else (line, *reasons)
    yield from (Paragraph(reason, "caption") for reason in reasons)
    for v in told:
        if len(v.members) > 1 and (v.outcome == "supported" or any(m.named for m in v.members)):
            yield Paragraph((name(view.called(v)), ": ", *_line(_among(v))), "caption")


def p_told(told: Sequence[Verdict]) -> tuple[str, ...]:
    """What the p-values of weighed verdicts are, and how small they can be; nothing where there is
    none. Tests of weights and services have p-values of other kinds, and no ratio."""
    tested = [v for v in told if v.assessed and v.p_value is not None and v.n_controls]
    if not tested:
        return ()
    n = min(v.n_controls for v in tested)
    sentence = (
        f"p: how rare so high a ratio is among {n:,} controls that the candidate did not teach,"
        f" {_corrected_for(len(tested))}: before that never below 1/{n + 1:,} ="
        f" {number(1 / (n + 1))}, whatever the suspect answers. The alternative: that the suspect"
        " did not learn from the candidate."
    )
    if any(v.outcome == "supported" and (v.p_value or 0.0) > CONVINCING_P for v in tested):
        sentence += (
            ' A p that is not small beside "supported" is no contradiction and no proof: the'
            " ratio weighs, and so few lineages can't show by themselves how rare it is."
        )
    return (sentence,)


def _corrected_for(n: int) -> str:
    """For how many candidates p-values were corrected, and what that takes for granted."""
    if n > 1:
        return f"corrected upwards for all {n} candidates"
    return (
        "corrected for no others, since one candidate alone was looked at (fair where it was"
        " chosen before the answers were seen)"
    )


def _whom(told: Sequence[Verdict]) -> str:
    several = len(told) > 1
    return f"all {len(told)} candidates" if several else view.called(told[0])


def members(told: Sequence[Verdict]) -> tuple[Block, ...]:
    """The models that each verdict is about, in order of likeness; folded, and nothing where every
    verdict is about one model."""
    several = [v for v in told if len(v.members) > 1]
    if not several:
        return ()
    lead = Paragraph(wording.MEMBERS_ARE_RANKS, "caption")
    blocks = (
        Group((Paragraph(_among(v)), _ranks(v)), name(view.called(v)), level=4) for v in several
    )
    return (Group((lead, *blocks), "Among a maker's models", "folded", True),)


def _ranks(v: Verdict) -> GridTable:
    rows = tuple(_rank(m, v) for m in v.members)
    heads = ("Model", "Rank", "Likeness", "p against the nearest")
    return GridTable("Models", heads, rows, frozenset({1, 2, 3}), look="quiet")


def _rank(m: MemberRank, v: Verdict) -> tuple[Words, ...]:
    asked = (" ", Stretch("asked about", "tag")) if m.named else ()
    return (
        (name(m.name), *asked),
        number(m.position),
        DASH if m.score is None else f"{m.score:+.4f}",
        "nearest" if m.name == v.nearest else probability(m.p_value),
    )


def _among(v: Verdict) -> Words:
    """What is known of a verdict's models among each other: whom a test tells from the others, if
    anybody, and where those stand that were asked about. An exact test is about no models: its
    corrected p-value."""
    if v.exact is not None:
        return probability(v.p_value)
    if len(v.members) < 2:
        return "one model"
    named = [m for m in v.members if m.named and m.name != v.nearest and m.position is not None]
    asked: list[Stretch | str] = []
    for m in named:
        asked += ["; ", name(m.name), f", asked about, is {number(m.position)} of {len(v.members)}"]
    if v.nearest is None:
        return ("no test compared them: they can't be told apart", *asked)
    test = f"p {probability(v.apart_p)} over {number(v.apart_prompts)} prompts"
    if v.told_apart:
        return ("nearest to ", name(v.nearest), f", told apart from the others ({test})", *asked)
    return (
        "they can't be told apart: ",
        name(v.nearest),
        f" is first, but not by a test ({test})",
        *asked,
    )


def _line(words: Words) -> tuple[Stretch | str, ...]:
    return words if isinstance(words, tuple) else (words,)


def weight_chart(told: Sequence[Verdict]) -> Chart | None:
    """The heaviest verdicts as dots with their intervals. None without one."""
    chosen = [v for v in view.weighed(told) if v.log10_lr is not None]
    if not chosen:
        return None
    heaviest = sorted(chosen, key=lambda v: -(v.log10_lr or 0.0))[:MOST_CHARTED]
    left = len(chosen) - len(heaviest)
    rest = f" Further left, in the table alone: {left}." if left else ""
    return Chart(
        kind="dots",
        title="Weight of evidence",
        x_label="log10 likelihood ratio, capped",
        bars=tuple(map(_bar, heaviest)),
        reference=0.0,
        reference_label="even odds",
        caption="To the right: the answers are likelier if the suspect learned from the candidate."
        f" Lines: what other control models could have made of it (95 %).{rest}",
    )


def ladder(told: Sequence[Verdict], known: HeldOutRatios | None) -> Chart | LadderChart | None:
    """The heaviest verdicts against the calibration's own two populations, where these are told;
    else the verdicts alone. None without one that was weighed."""
    chart = weight_chart(told)
    if chart is None or known is None:
        return chart
    caption = (
        f"{chart.caption} Shaded: where the ratios of models of known history lie that were left"
        f" out, at {known.prompts:,} prompts; the stronger the colour the more of them."
    )
    strips = (
        Strip("known not to have learned from it", known.edges, known.untaught),
        Strip("known to have learned from it", known.edges, known.taught),
    )
    return LadderChart(strips, chart.model_copy(update={"caption": caption}))


def exact_chart(told: Sequence[Verdict]) -> Chart | None:
    """The e-values of exact tests, the largest first, where several were made. None below two."""
    tests = [(v, v.exact.log10_e) for v in told if v.exact is not None]
    if len(tests) < 2:
        return None
    largest = sorted(tests, key=lambda test: -test[1])[:MOST_CHARTED]
    return Chart(
        kind="bars",
        title="Exact tests",
        x_label="log10 e-value",
        bars=tuple(
            Bar(label=view.called(v), value=e, strong=v.outcome == "supported") for v, e in largest
        ),
        reference=0.0,
        reference_label="an even bet",
        caption="What a bet against chance won, its stake shared by all tests that were made. Below"
        " zero it lost, which is no evidence that nothing happened.",
    )


def _bar(v: Verdict) -> Bar:
    low, high = v.interval or (None, None)
    told = v.outcome == "supported"
    return Bar(label=view.called(v), value=v.log10_lr or 0.0, low=low, high=high, strong=told)
