"""rescored(plan, folder, report) → Report: scores and answers as they lie beside a report, tested
again against the log and its twins. Asks nobody."""

from __future__ import annotations

from pathlib import Path

from auditor.audits.harvest.audit import report_of
from auditor.audits.harvest.gathering import Gathered, gather
from auditor.audits.harvest.judging import decided, judge
from auditor.audits.harvest.observing import (
    SCORES,
    TEACHER,
    ObservedSets,
    WordsUsed,
    likely_table,
    looks,
    passages_of,
    said_files,
    scoring,
    speakers,
    tables,
)
from auditor.audits.harvest.plan import HarvestPlan
from auditor.audits.harvest.records import HarvestSection
from auditor.evidence.records import Report
from fingerprints.errors import Incomplete
from fingerprints.scores import SUSPECT, ScoreReading, Scores
from fingerprints.transcript import Transcript, load_transcript


def rescored(plan: HarvestPlan, folder: Path, report: Report) -> Report:
    """The report that the records give now. Raises what a log, twins or records raise that are
    missing or damaged: the log stays its owner's, and must lie where the plan says."""
    gathered = gather(plan)
    section = report.section(HarvestSection)
    likely = section is not None and section.mode == "likelihood"
    seen = _by_likelihood if likely else _by_words
    observed = seen(plan, gathered, folder, report)
    return report_of(plan, gathered, observed, judge(plan, gathered, observed))


def _by_likelihood(
    plan: HarvestPlan, gathered: Gathered, folder: Path, report: Report
) -> ObservedSets:
    passages = passages_of(gathered.sets)
    scores = ScoreReading().read(folder / SCORES).scores()
    absent, who = _absent(report), report.subject
    present = [name for name, _, _ in scoring(plan) if name not in absent]
    if not plan.sequential:
        return tables(plan, passages, present, who, scores, absent)
    for until in looks(len(passages)):
        found = tables(plan, passages[:until], present, who, scores, absent)
        if decided(plan, gathered, found):
            break
    return found


def _by_words(plan: HarvestPlan, gathered: Gathered, folder: Path, report: Report) -> ObservedSets:
    others = {name: _said(plan, folder, name) for name, _ in speakers(plan)}
    if plan.teacher is None:
        words = WordsUsed(plan, gathered.sets, others, None, Scores(), {})
        return words.observed(_said(plan, folder, SUSPECT))
    if report.scores is None:
        raise Incomplete(
            "why the teacher gave no likelihoods was not kept",
            where=folder / SCORES,
            next_step="run the harvest again without --teacher, which changes nothing here",
        )
    known = ScoreReading().read(folder / SCORES).scores()
    told = likely_table(known, TEACHER, passages_of(gathered.sets))
    words = WordsUsed(plan, gathered.sets, others, told, known, {})
    return words.observed(_said(plan, folder, SUSPECT))


def _absent(report: Report) -> dict[str, str]:
    """Why somebody gave no scores, as it was told then: whoever opened the model knew."""
    return {} if report.scores is None else dict(report.scores.absent)


def _said(plan: HarvestPlan, folder: Path, name: str) -> list[Transcript]:
    """What somebody answered, greedily and, where the plan has that asked, by chance: whatever else
    lies there is nobody's. Recorded answers are read once."""
    first, more = (folder / file for file in said_files(name))
    greedily = load_transcript(first)
    if plan.sampled() is None or greedily.identity.kind == "recording":
        return [greedily]
    return [greedily, load_transcript(more)]
