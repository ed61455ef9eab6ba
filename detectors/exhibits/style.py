"""How a stylistic overlap is shown: the cuts, the feature families, the stored models, the telling
phrases, quoted answers.

Knows figures; computes no probability. A stranger's text goes into exhibits unchanged, escaping is
the renderer's.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from detectors.base import Cell, Chart, Exhibit, Span, Table
from detectors.lineup import MOST_BARS, Ranking, lineup, rounded
from detectors.pairing import AnswerBook, ProbeAnswer
from detectors.stats.openset import conformal, rivals
from detectors.style.standing import Standing
from detectors.text.phrases import Phrase, places_of

Array = NDArray[np.float64]
MOST_EXHIBITS = 6
QUOTED = 1500


@dataclass(frozen=True)
class StyleViews:
    """Everything that is shown of one candidate: its standings by cut, the family parts, phrases
    and answers."""

    book: AnswerBook
    candidate: int
    usable: NDArray[np.bool_]
    main: Standing
    matched: Standing | None
    n_matched: int
    guarded: Standing | None
    cut: Standing | None
    log_p: Array
    families: dict[str, Array]
    answered: NDArray[np.bool_]
    answers: dict[int, ProbeAnswer]
    phrases: list[Phrase]


def tables(views: StyleViews) -> tuple[Table, ...]:
    """The tables of one measurement, the cuts first."""
    return (_cuts(views), _families(views), _models(views), _telling(views))


def _cuts(views: StyleViews) -> Table:
    cuts = (
        ("all shared prompts", views.main),
        ("length-matched prompts", views.matched),
        ("length-matched, cut to the candidate's length", views.cut),
        ("content guard: topic words masked", views.guarded),
    )
    rows = tuple(_cut_row(name, s, views.candidate) for name, s in cuts if s is not None)
    columns = (
        *("cut", "prompts", "value", "low", "high", "nats per answer"),
        *("rank", "of", "margin", "p", "p of margin", "null models"),
    )
    caption = (
        "Value and 95 % interval (bootstrap over prompts); margin is against the best model of"
        " another vendor; p is conformal among unrelated models. Length-matched: within a factor of"
        " 1.5. In the third row unrelated models are not cut."
    )
    return Table(title="The same score on other cuts", columns=columns, rows=rows, caption=caption)


def _cut_row(name: str, s: Standing, candidate: int) -> tuple[Cell, ...]:
    low, high = s.interval()
    p_margin = conformal(s.margin, s.null_margins)[1] if s.normal and s.margin is not None else None
    figures: tuple[Cell, ...] = (
        rounded(s.value),
        rounded(low),
        rounded(high),
        rounded(float(s.raw[candidate])),
        s.rank,
        len(s.raw),
    )
    return (name, s.n, *figures, rounded(s.margin), rounded(s.p), rounded(p_margin), len(s.null))


def _families(views: StyleViews) -> Table:
    """Each family's part of the candidate's logit over other vendors', and the score and rank
    without the family."""
    t, rows = views.candidate, []
    others = rivals(views.book.vendors, t)
    kept = views.answered
    log_p = views.log_p[kept]
    for name, placed in views.families.items():
        part = placed[kept]
        lift = float((part[:, t] - part[:, others].mean(axis=1)).mean())
        without = log_softmax(log_p - part, axis=1).mean(axis=0)
        rows.append(
            (name, rounded(lift), rounded(float(without[t])), 1 + int((without > without[t]).sum()))
        )
    rows.sort(key=lambda row: -float(row[1] or 0.0))
    caption = (
        f"n = {int(kept.sum())} prompts. Lift: the family's part of the candidate's logit less its"
        " mean over other vendors'. Without: mean log-probability and rank by it when the family's"
        " part is taken out (the classifier is not refitted)."
    )
    return Table(
        title="What each feature family brings",
        columns=("family", "lift", "nats without", "rank without"),
        rows=tuple(rows),
        caption=caption,
    )


def _models(views: StyleViews) -> Table:
    main, book = views.main, views.book
    order = np.argsort(-np.nan_to_num(main.scores, nan=-np.inf), kind="stable")[:MOST_BARS]
    rows = tuple(
        (
            book.names[i],
            book.teachers[i].vendor,
            rounded(float(main.scores[i])),
            rounded(float(main.raw[i])),
        )
        for i in order
    )
    columns = ("model", "vendor", "normalised score" if main.normal else "score", "nats per answer")
    caption = f"n = {main.n} prompts; the {len(rows)} highest of {len(book.names)} stored models."
    return Table(
        title="Nearest stored models by style", columns=columns, rows=rows, caption=caption
    )


def _telling(views: StyleViews) -> Table:
    rows = tuple(
        (
            " ".join(p.words),
            rounded(p.candidate_z),
            rounded(p.suspect_z),
            len(p.suspect_answers),
            p.candidate_count,
            rounded(p.cohort_per_model),
        )
        for p in views.phrases
    )
    columns = (
        "phrase",
        "z candidate",
        "z suspect",
        "suspect answers",
        "candidate uses",
        "uses per unrelated model",
    )
    caption = (
        "Log-odds against the unrelated models with an informative Dirichlet prior; chosen because"
        " both over-use them."
    )
    return Table(title="Phrases that both over-use", columns=columns, rows=rows, caption=caption)


def charts(views: StyleViews) -> tuple[Chart, ...]:
    """Bars of the score of the nearest stored models with intervals, the candidate strong."""
    main, book = views.main, views.book
    bars = Ranking(lineup(book.teachers), main.scores, views.candidate).each(main.interval)
    label = "normalised score" if main.normal else "mean log-probability, nats per answer"
    reference = float(np.quantile(main.null, 0.99)) if main.normal else None
    return (
        Chart(
            kind="bars",
            title="Which stored model the answers read like",
            x_label=label,
            bars=bars,
            reference=reference,
            reference_label="99 % of unrelated models on the candidate" if main.normal else "",
            caption=(
                f"{main.n} prompts; 95 % intervals by bootstrap over prompts; {len(bars)} of"
                f" {len(book.names)} models."
            ),
        ),
    )


def exhibits(views: StyleViews) -> tuple[Exhibit, ...]:
    """The most telling phrases in the suspect's words and in the candidate's, to the same prompt
    where both use one there."""
    numbers = list(views.answers)
    out: list[Exhibit] = []
    used: set[int] = set()
    for phrase in views.phrases:
        if len(out) >= MOST_EXHIBITS:
            break
        prompt = _place(views, [numbers[i] for i in phrase.suspect_answers], phrase, used)
        if prompt is not None:
            used.add(prompt)
            out.extend(_pair(views, phrase, prompt))
    return tuple(out[:MOST_EXHIBITS])


def _place(views: StyleViews, prompts: list[int], phrase: Phrase, used: set[int]) -> int | None:
    """The first unused prompt where both use the phrase; else the first where the suspect does
    and the candidate answered."""
    said = views.book.answers[views.candidate]
    free = [
        p
        for p in prompts
        if p not in used and p in said and places_of(phrase.words, views.answers[p].text)
    ]
    both = (p for p in free if places_of(phrase.words, said[p]))
    return next(chain(both, free), None)


def _pair(views: StyleViews, phrase: Phrase, prompt: int) -> list[Exhibit]:
    answer, name = views.answers[prompt], views.book.names[views.candidate]
    uses = (
        f"in {len(phrase.suspect_answers)} of the suspect's answers and {phrase.candidate_count}"
        " times in the candidate's"
    )
    why = (
        f"“{' '.join(phrase.words)}” stands {uses}; an unrelated model uses it"
        f" {phrase.cohort_per_model:.1f} times"
    )
    pair = (("suspect", answer.text), (name, views.book.answers[views.candidate][prompt]))
    return [
        answer.shown(quoted, source, why, phrase.weight, spans)
        for source, (quoted, spans) in ((source, _quote(text, phrase)) for source, text in pair)
    ]


def _quote(text: str, phrase: Phrase) -> tuple[str, tuple[Span, ...]]:
    """Up to 1,500 characters around the first place of the phrase, and where it stands in them."""
    places = places_of(phrase.words, text)
    start = max(0, places[0][0] - QUOTED // 2) if places and places[0][1] > QUOTED else 0
    quoted = text[start : start + QUOTED]
    spans = tuple(
        Span(start=a - start, end=b - start, why="over-used phrase")
        for a, b in places
        if a >= start and b <= start + QUOTED
    )
    return quoted, spans
