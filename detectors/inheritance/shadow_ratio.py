"""Did the suspect move from its base the way the candidate's students do, which were trained to
find out?

The flagship of the inheritance question: shadow models (students of each candidate, controls
without a teacher) are trained from the suspect's base, and a regularised linear score learns what
sets one candidate's students apart. Knows records; trains nothing and gives no likelihood ratio:
`auditor.audits.shadow` calibrates the value on the same shadows.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from detectors.base import Case, Detector, Measurement, Need, NotMeasured, Null, Question, Rank
from detectors.exhibits.shadows import exhibits_of, families_table, scores_chart, shadows_table
from detectors.lineup import counted
from detectors.stats.pvalues import conformal_p
from detectors.style.shadow_panel import ShadowPanel

METRIC = "score of the candidate's students (+1) against all other shadows (−1)"


class ShadowRatio(Detector):
    """The suspect's score on the direction in which the candidate's shadow students went from the
    base.

    Every model is the mean, over prompts, of what its answers differ in from the base's, in the
    space of `detectors.style.space`, scaled to length 1: where it went, not how far. Ridge
    regression on the shadows, with +1 for the candidate's students and −1 for all others, either
    side weighing half. Each shadow is scored by a fit that knew neither its seed nor, unless it is
    the candidate's student, its source; the suspect by the mean of the fits that leave out one
    seed. The interval resamples prompts.
    """

    name: ClassVar[str] = "shadow_ratio"
    question: ClassVar[Question] = "inheritance"
    asks: ClassVar[str] = (
        "Did the suspect move from its base as students of the candidate do, trained here to find"
        " out?"
    )
    needs: ClassVar = (Need.SHADOWS, Need.TEACHER, Need.STYLE)
    source: ClassVar[str] = (
        "shadow models after Shokri et al. 2017 (arXiv 1610.05820); difference from the base;"
        " cross-conformal p after Vovk 2015 (arXiv 1208.0806)"
    )
    blind_spots: ClassVar[tuple[str, ...]] = (
        "a smaller dose than the shadows' looks like no teacher at all",
        "a teacher who is not among the candidates can resemble one who is",
        (
            "shadows of another base or recipe than the suspect's tell less, and how much less is"
            " not known"
        ),
    )

    def _measure(self, case: Case) -> Measurement | NotMeasured:
        """The score of one candidate, above 0 where the suspect is nearer to its students than to
        the others.

        `NotMeasured` for a candidate without a student among them, without
        a shadow that is no student of it, and where fewer than twenty prompts were answered by
        suspect and base.
        """
        panel, name = self.panel(case), case.the_candidate.name
        found = bare(panel, name)
        if panel is None or isinstance(found, NotMeasured):
            return found
        return found.model_copy(
            update={
                "tables": (shadows_table(panel, name), families_table(panel, name)),
                "charts": (scores_chart(panel, name, found.value, _resampled(panel, name)),),
                "exhibits": exhibits_of(panel, name),
            }
        )

    def panel(self, case: Case) -> ShadowPanel | None:
        """The panel of a case's suspect, base and shadows; the last one is kept, as candidates
        share it."""
        return self._keep(
            "panel",
            (case.suspect, case.base, case.shadows),
            lambda: ShadowPanel.of(case.suspect, case.the_base.transcript, case.shadows),
        )


def bare(panel: ShadowPanel | None, candidate: str) -> Measurement | NotMeasured:
    """What `ShadowRatio` measures of one candidate on a panel, without tables, charts and quoted
    answers: all that a verdict rests on."""
    if panel is None:
        return NotMeasured.of(
            "too_few_answers",
            "suspect and base share fewer than 20 style prompts, or no shadow answered 80 %"
            " of them",
        )
    problem = _lacking(panel, candidate)
    if problem:
        return NotMeasured(reason=problem, code="no_shadows")
    place = panel.candidates.index(candidate)
    value = float(panel.scores[place])
    low, high = _resampled(panel, candidate)
    null = null_of(panel, candidate, value)
    rank = Rank(position=1 + int((panel.scores > value).sum()), of=len(panel.candidates))
    return Measurement(
        metric=METRIC,
        metric_id="shadow_student_score",
        value=value,
        n=len(panel.suspect),
        n_unit="prompts",
        counts_prompts=True,
        direction="higher: the suspect went from its base the way the candidate's students went",
        interval=(min(low, value), max(high, value)),
        rank=rank,
        null=null,
        summary=_summary(panel, candidate, value, null, rank),
        notes=_notes(panel, candidate),
    )


def _resampled(panel: ShadowPanel, candidate: str) -> tuple[float, float]:
    """The middle 95 % of the suspect's scores under resampling of prompts."""
    rounds = panel.rounds[:, panel.candidates.index(candidate)]
    low, high = np.quantile(rounds, [0.025, 0.975])
    return float(low), float(high)


def _lacking(panel: ShadowPanel, candidate: str) -> str:
    """Why a candidate can't be measured on these shadows, empty where it can."""
    if candidate not in panel.candidates:
        return "no shadow student of this candidate has answered"
    if all(candidate in s.teachers for s in panel.shadows):
        return "every shadow is a student of the candidate: there is nothing to tell it from"
    return ""


def _summary(panel: ShadowPanel, candidate: str, value: float, null: Null, rank: Rank) -> str:
    students = [h.value for h in panel.held_out if h.candidate == candidate and h.taught]
    found = f"The suspect scores {value:+.2f} on the direction of {candidate}'s students"
    if students:
        found += f", who score {np.mean(students):+.2f} on average when held out"
    if null.mean is not None:
        found += f"; {counted(null.n, 'other shadow')} average {null.mean:+.2f}"
    return f"{found}. Rank {rank.position} of {counted(rank.of, 'candidate')}."


def null_of(panel: ShadowPanel, candidate: str, value: float) -> Null:
    """The candidate's held-out scores of the shadows that it did not teach.

    p is conformal with a source (a teacher, or a kind of control) counted once, however many of its
    students there are: for a suspect of a source that is not among them. It can't fall below 1/(1 +
    sources).
    """
    rows = [h for h in panel.held_out if h.candidate == candidate and not h.taught]
    values = np.array([h.value for h in rows])
    sources = ["; ".join(sorted(panel.shadows[h.shadow].sources)) for h in rows]
    count = len(set(sources))
    population = (
        f"{counted(len(rows), 'shadow')} of {counted(count, 'source')}, none a student of"
        f" {candidate}, each held out"
    )
    if not rows:
        return Null(n=0, population=population)
    return Null(
        n=len(rows),
        mean=float(values.mean()),
        sd=float(values.std(ddof=1)) if len(rows) > 1 else None,
        at_least=int((values >= value).sum()),
        p=conformal_p(value, values, sources),
        quantiles=(("0.50", float(np.median(values))), ("1.00", float(values.max()))),
        population=population + "; a source counts once in p",
    )


def _notes(panel: ShadowPanel, candidate: str) -> tuple[str, ...]:
    out = [f"{counted(len(panel.shadows), 'shadow')} with {counted(len(panel.seeds), 'seed')}."]
    if len({s.seed for s in panel.shadows if candidate in s.teachers}) < 2:
        out.append(
            "The candidate's students are of one seed, so that none of them could be held out."
        )
    if panel.left_out:
        out.append(
            "Left out, as they answered less than 80 % of the prompts:"
            f" {', '.join(panel.left_out)}."
        )
    return tuple(out)
