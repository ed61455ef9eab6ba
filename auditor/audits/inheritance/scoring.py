"""Who finds which texts how likely: lets the suspect, its base and the teachers at hand score what
detectors want scored.

One model is open at a time; what a file of scores holds already is not scored again. Knows who can
be opened; judges nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from auditor.audits.inheritance.base_model import Base
from auditor.audits.inheritance.plan import Plan
from auditor.evidence.records import Scorer, ScoresSection
from detectors.base import Detector, Teacher
from detectors.registry import load_detector
from fingerprints.errors import UsageProblem, printable
from fingerprints.progress import SILENT, Progress
from fingerprints.scores import BASE, SUSPECT, Passage, Scores, teacher
from fingerprints.scoring import ScoresWriter, collect_scores
from fingerprints.subjects import open_subject
from fingerprints.transcript import Transcript

SCORES = "scores.jsonl"
"""The scores, beside the transcripts: resumed like them."""


def find_scores(
    plan: Plan,
    suspect: Transcript,
    base: Base | None,
    stored: Sequence[Teacher],
    out: Path,
    scoring: Progress = SILENT,
) -> Scores:
    """All that the plan's detectors want scored, by those who can be opened; empty where none wants
    anything.

    ``stored`` are the stored models other than the suspect that are looked at. Somebody wanted who
    can't score (a recording, an endpoint, a stored model that ``--teacher`` does not open) is named
    with the reason in ``absent``. Raises the errors of `open_subject` and `collect_scores`, and
    UsageProblem where ``--teacher`` names nobody that is stored, or nobody reads what it would
    score.
    """
    wanting = [
        d
        for d in map(load_detector, plan.detectors)
        if type(d).next_texts is not Detector.next_texts
    ]
    if not wanting:
        _refuse_idle(plan)
        return Scores()
    _check_teachers(plan.teachers, stored)
    wanted: dict[str, list[Passage]] = {}
    for detector in wanting:
        for want in detector.next_texts(
            suspect, stored, base.teacher if base else None, sorted(plan.teachers)
        ):
            wanted.setdefault(want.scorer, []).append(want.passage)
    return _collected(plan, wanted, _openable(plan, base), out, scoring)


def _collected(
    plan: Plan,
    wanted: Mapping[str, Sequence[Passage]],
    openable: Mapping[str, str],
    out: Path,
    scoring: Progress,
) -> Scores:
    absent: dict[str, str] = {}
    with ScoresWriter(out / SCORES) as writer:
        if plan.scores is not None:
            writer.copy(Path(plan.scores))
        for scorer in sorted(wanted):
            missing = writer.missing(scorer, wanted[scorer])
            reason = (
                _score(openable.get(scorer), scorer, missing, writer, scoring) if missing else ""
            )
            if reason:
                absent[scorer] = reason
        found = writer.scores()
    return Scores(found.scorers, found.rows, absent)


def _score(
    spec: str | None,
    scorer: str,
    passages: Sequence[Passage],
    writer: ScoresWriter,
    scoring: Progress,
) -> str:
    """Lets one of them score, and returns why it could not ("" where it did)."""
    who = (
        "the suspect"
        if scorer == SUSPECT
        else "the base"
        if scorer == BASE
        else printable(scorer.partition(":")[2], 60)
    )
    if spec is None:
        flag = {SUSPECT: "", BASE: "; name it with --base"}.get(
            scorer, "; open it with --teacher NAME=SPEC"
        )
        return f"{who} is not at hand to say how likely it finds a text{flag}"
    with open_subject(spec) as subject:
        if "score" not in subject.offers:
            return f"{who} is open only as a {subject.identity.kind}, which gives no likelihoods"
        collect_scores(subject, scorer, passages, writer, scoring)
    return ""


def _openable(plan: Plan, base: Base | None) -> dict[str, str]:
    found = {SUSPECT: plan.suspect, **{teacher(name): spec for name, spec in plan.teachers.items()}}
    if base is not None and base.spec is not None:
        found[BASE] = base.spec
    return found


def _refuse_idle(plan: Plan) -> None:
    for flag, given in (("--teacher", plan.teachers), ("--scores", plan.scores)):
        if given:
            raise UsageProblem(
                "none of the chosen detectors reads likelihoods",
                where=flag,
                next_step=(
                    "add one with --detectors (see `auditor detectors`), or leave the flag out"
                ),
            )


def _check_teachers(teachers: Mapping[str, str], stored: Sequence[Teacher]) -> None:
    unknown = sorted(set(teachers) - {t.name for t in stored})
    if unknown:
        raise UsageProblem(
            f"--teacher opens {printable(unknown[0], 60)!r}, and the store holds no other model of"
            " that name",
            where="--teacher",
            next_step="see `auditor store list`, or store it first with `auditor store add`",
        )


def scores_section(scores: Scores) -> ScoresSection | None:
    """The scores as a report tells them; None where nothing was scored."""
    if not scores.rows:
        return None
    scorers = tuple(
        Scorer(
            name=name,
            identity=identity,
            n_scored=sum(
                1 for (who, _), row in scores.rows.items() if who == name and not row.reason
            ),
            n_unscored=sum(
                1 for (who, _), row in scores.rows.items() if who == name and row.reason
            ),
        )
        for name, identity in sorted(scores.scorers.items())
    )
    return ScoresSection(
        sha256=scores.digest(), scorers=scorers, absent=dict(sorted(scores.absent.items()))
    )
