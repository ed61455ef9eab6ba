"""Do the suspect's answers hold long stretches of the candidate's very words, which prompts and
other models don't?

Knows the words of recorded answers only. A shared long text may also come from a common third
source that no other stored model recites.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from detectors.base import FittedDetector
from detectors.case import Case, Teacher
from detectors.lineup import Lineup, Ranking, against, counted, lineup, null_of, rounded
from detectors.measurement import Exhibit, Measurement, NotMeasured, Null, Span, Table
from detectors.needs import Need
from detectors.pairing import (
    FEWEST,
    AnswerBook,
    ProbeAnswer,
    answer_book,
    few_shared,
    style_answers,
)
from detectors.stats.intervals import clustered_mean
from detectors.text.copies import Copy, CopyIndex
from detectors.text.shingles import page_of
from fingerprints.transcript import Transcript

Array = NDArray[np.float64]
MOST_ROWS = 20
MOST_EXHIBITS = 6
QUOTED = 1500
ROUNDS = 1000
THRESHOLD = 100.0
"""Spans per 100 answers: where the interval lies above it, answers as such were reused; one
model sampled twice stays below."""

CAUTIONS = (
    (
        "A text that both recite (a licence, a poem, a well-known program) is no copy of one from"
        " the other: look at the spans; what another vendor's stored model or a prompt holds too is"
        " left out, the rest is not."
    ),
    "Long shared spans are rare in paraphrased or sampled training data: none found says little.",
)


@dataclass(frozen=True)
class Found:
    """What one model has of another's words: the copies, how many more were dropped, the prompts
    both answered."""

    copies: list[Copy]
    dropped: int
    prompts: tuple[int, ...]

    @property
    def rate(self) -> float:
        """Copies per 100 answers."""
        return 100 * len(self.copies) / len(self.prompts)


class Overlap(FittedDetector):
    """How many long spans of the candidate's words stand in the suspect's answers?

    A span is a maximal run of at least 13 tokens, or at least 50 characters (and eight tokens), six
    different words in it, in answers to the same probe; of at least 13 tokens across probes.
    Stretches that a prompt or a stored model of another vendor holds too don't count, and each text
    counts once. The value is the number of spans per 100 answers, 0 or more, higher: more of the
    candidate's words. Deterministic.
    """

    name: ClassVar[str] = "overlap"
    question: ClassVar = "inheritance"
    asks: ClassVar[str] = (
        "Do the suspect's answers hold long stretches of the candidate's very words?"
    )
    needs: ClassVar = (Need.STYLE, Need.TEACHER)
    source: ClassVar[str] = (
        "exact n-gram overlap as in contamination checks (13 tokens: Brown et al. 2020, arXiv"
        " 2005.14165; 50 characters: OpenAI 2023, arXiv 2303.08774), discounted by a cohort"
    )
    blind_spots: ClassVar[tuple[str, ...]] = (
        "any paraphrase, translation or reformatting removes it",
        "answers sampled at a temperature seldom repeat the recorded ones",
        "a text that both learned elsewhere, and no other stored model recites, looks like a copy",
    )

    def _learn(self, teachers: Sequence[Teacher], suspect: Transcript | None) -> None:
        self.book_ = answer_book(teachers, suspect)
        self.lineup_ = lineup(self.book_.teachers)
        self.index_ = CopyIndex(self.book_.answers, self.lineup_.vendors, _prompts(self.book_))

    def _measure(self, case: Case) -> Measurement | NotMeasured:
        book, few = self.book_, few_shared(case, self.book_)
        if few:
            return NotMeasured(reason=few, code="too_few_answers")
        place = book.names.index(case.the_candidate.name)
        answers, to_all = self._keep("scored", case.suspect, lambda: self._score(case.suspect))
        played = self._played(place, set(answers))
        return _measurement(RunViews(book, self.lineup_, place, answers, to_all, played, self.seed))

    def _played(self, place: int, asked: set[int]) -> Array:
        """What every stranger has of a candidate's words, spans per 100 answers, (models,); NaN
        for those that can't play."""
        book, played = self.book_, np.full(len(self.book_.names), np.nan)
        for i in np.flatnonzero(self.lineup_.strangers(place)):
            both = book.answers[i].keys() & book.answers[place].keys() & asked
            if len(both) >= FEWEST:
                copies, _ = self.index_.copies(int(i), None, place)
                played[i] = _found([c for c in copies if c.prompt in both], 0, both).rate
        return played

    def _score(self, suspect: Transcript) -> tuple[dict[int, ProbeAnswer], list[Found]]:
        """The suspect's answers and what they have of every stored model's words."""
        answers = self.book_.answers_of(suspect)
        spoken = self.index_.read({i: a.text for i, a in answers.items()})
        return answers, [
            _found(*self.index_.copies(None, spoken, i), answers.keys() & said.keys())
            for i, said in enumerate(self.book_.answers)
        ]


def stranger_rates(fitted: Overlap, candidates: Sequence[int]) -> Array:
    """What every stored model has of these candidates' words, spans per 100 answers, (candidates,
    players).

    NaN for siblings and for pairs that share too few prompts: the nulls of a fitted detector, for
    who wants to look at them.
    """
    everything = set(range(len(fitted.book_.prompts)))
    return np.stack([fitted._played(place, everything) for place in candidates])


def _found(copies: list[Copy], dropped: int, both: set[int]) -> Found:
    return Found([c for c in copies if c.prompt in both], dropped, tuple(sorted(both)))


def _prompts(book: AnswerBook) -> list[str]:
    """What was asked in all the prompts, earlier turns included."""
    asked: dict[str, str] = {}
    for teacher in book.teachers:
        for probe in (a.probe for a in style_answers(teacher.transcript).values()):
            asked.setdefault(
                probe.prompt_sha256(),
                "\n".join([*(m.content for m in probe.history), probe.prompt()]),
            )
    return [asked[sha] for sha in book.prompts]


@dataclass(frozen=True)
class RunViews:
    """Everything that is shown of one candidate; ``played`` (models,) are the strangers' rates,
    NaN where none."""

    book: AnswerBook
    lineup: Lineup
    candidate: int
    answers: dict[int, ProbeAnswer]
    to_all: list[Found]
    played: Array
    seed: int

    @property
    def found(self) -> Found:
        """What the suspect has of the candidate's words."""
        return self.to_all[self.candidate]

    def interval(self, model: int) -> tuple[float, float]:
        """95 % interval of a rate per 100 answers: the wider of the bootstrap over questions and
        the exact Poisson interval (Garwood 1936), so that no span at all isn't taken for certainty.
        """
        found = self.to_all[model]
        counts, n = {p: 0 for p in found.prompts}, len(found.prompts)
        for copy in found.copies:
            counts[copy.prompt] += 1
        clusters = [self.answers[p].probe.cluster for p in counts]
        spread = clustered_mean(list(counts.values()), clusters, seed=self.seed, resamples=ROUNDS)
        k = len(found.copies)
        low = stats.chi2.ppf(0.025, 2 * k) / 2 / n if k else 0.0
        high = stats.chi2.ppf(0.975, 2 * k + 2) / 2 / n
        return 100 * max(0.0, min(spread.low, low)), 100 * max(spread.high, high)


def _measurement(views: RunViews) -> Measurement:
    found, line, place = views.found, views.lineup, views.candidate
    ranking = Ranking(
        line, np.array([f.rate if f.prompts else np.nan for f in views.to_all]), place
    )
    title = "Whose very words the answers hold"
    null = null_of(found.rate, views.played, line, place, "the same prompts")
    low, high = views.interval(place)
    usual = (
        "nothing known of what is expected"
        if null.mean is None
        else f"{null.mean:.2f} expected from unrelated models"
    )
    return Measurement(
        metric="long shared spans per 100 answers",
        metric_id="long_spans_per_100_answers",
        value=found.rate,
        n=len(found.prompts),
        n_unit="prompts",
        counts_prompts=True,
        interval=(low, high),
        direction="higher: more of the candidate's very words; 0: none",
        rank=ranking.rank,
        null=null,
        summary=(
            f"{counted(len(found.copies), 'long span')} of {line.names[place]}'s words in"
            f" {len(found.prompts)} answers: {found.rate:.2f} per 100 (95 % {low:.2f} to"
            f" {high:.2f}), {usual}; {against(null)}."
        ),
        tables=(_figures(views, null), _spans(views), _models(views, ranking)),
        charts=(ranking.bars(views.interval, null, title, "spans per 100"),),
        exhibits=_exhibits(views),
        notes=_notes(views, null),
    )


def _figures(views: RunViews, null: Null) -> Table:
    found = views.found
    expected = None if null.mean is None else null.mean * len(found.prompts) / 100
    most = float(np.nanmax(views.played)) if null.n else None
    across = sum(c.prompt != c.source_prompt for c in found.copies)
    row = (
        len(found.prompts),
        len(found.copies),
        rounded(expected),
        across,
        found.dropped,
        rounded(found.rate),
        rounded(most),
    )
    columns = (
        "answers",
        "spans",
        "spans expected",
        "across probes",
        "left out",
        "per 100",
        "most of an unrelated model",
    )
    caption = (
        "Expected: the unrelated models' mean rate with this candidate. Left out: long runs that"
        " prompts or models of other vendors hold too. p is conformal: the number of unrelated"
        " models caps it, whatever the count."
    )
    return Table(title="Observed and expected", columns=columns, rows=(row,), caption=caption)


def _longest(views: RunViews) -> list[Copy]:
    return sorted(views.found.copies, key=lambda c: (-c.free, c.prompt, c.span))


def _spans(views: RunViews) -> Table:
    rows = []
    for copy in _longest(views)[:MOST_ROWS]:
        beside = views.answers.get(copy.source_prompt)
        source = "another prompt" if beside is None else beside.probe.id
        if copy.prompt == copy.source_prompt:
            source = "same probe"
        rows.append(
            (views.answers[copy.prompt].probe.id, source, copy.tokens, copy.free, copy.characters)
        )
    return Table(
        title="The longest shared spans",
        columns=("probe", "in the candidate's answer to", "tokens", "nobody else's", "characters"),
        rows=tuple(rows),
        caption=f"{len(rows)} of {counted(len(views.found.copies), 'span')}.",
    )


def _models(views: RunViews, ranking: Ranking) -> Table:
    def extra(i: int) -> tuple[float | int | None, ...]:
        """Of model i: spans, answers with one, the longest in tokens that nobody else has."""
        found = views.to_all[i]
        longest = max((c.free for c in found.copies), default=0)
        return (len(found.copies), len(found.prompts), longest)

    columns = ("per 100 answers", "spans", "answers", "longest, tokens")
    caption = "For each, what models of other vendors than its own hold too is left out."
    return ranking.table(extra, columns, "Stored models by shared spans", caption)


def _exhibits(views: RunViews) -> tuple[Exhibit, ...]:
    """The longest spans, highlighted in the suspect's answer and in the candidate's."""
    out: list[Exhibit] = []
    name = views.book.names[views.candidate]
    for copy in _longest(views)[: MOST_EXHIBITS // 2]:
        why = (
            f"{copy.tokens} tokens in a row in both, {copy.free} of them held by no prompt and no"
            " other vendor's model"
        )
        theirs = views.book.answers[views.candidate][copy.source_prompt]
        ours = views.answers[copy.prompt]
        out.append(_exhibit(ours, "suspect", ours.text, copy.span, why, copy.free))
        beside = views.answers[copy.source_prompt]
        out.append(_exhibit(beside, name, theirs, copy.source_span, why, copy.free))
    return tuple(out)


def _exhibit(
    answer: ProbeAnswer, source: str, text: str, span: tuple[int, int], why: str, weight: float
) -> Exhibit:
    page = page_of(text).text
    start = max(0, min(span[0] - QUOTED // 4, len(page) - QUOTED)) if span[1] > QUOTED else 0
    marked = Span(start=span[0] - start, end=min(span[1] - start, QUOTED), why="the same words")
    return answer.shown(page[start : start + QUOTED], source, why, weight, (marked,))


def _notes(views: RunViews, null: Null) -> tuple[str, ...]:
    return (*views.lineup.cautions(null.n, len(views.book.left_out)), *CAUTIONS)
