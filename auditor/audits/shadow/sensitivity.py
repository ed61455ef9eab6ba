"""How every verdict of a shadow audit fares without the shadows of one seed or of one source, and
without one set of prompts. Weighs what was answered again; asks and trains nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from auditor.audits.inheritance.sensitivity import prompt_sets, without_prompts
from auditor.audits.shadow.judging import JudgedShadows, judge_panel
from auditor.calibration.sensitivity import compared, telling
from auditor.evidence.sensitivity import Sensitivity, WithoutPiece, of_source
from detectors.base import Shadow, Teacher
from detectors.inheritance.shadow_ratio import ShadowRatio
from detectors.style.shadow_panel import ShadowPanel
from fingerprints.progress import SILENT, Progress
from fingerprints.records import ProbeSet
from fingerprints.transcript import Transcript


def sensitivity(
    judged: JudgedShadows,
    suspect: Transcript,
    base: Teacher,
    shadows: Sequence[Shadow],
    candidates: Sequence[str],
    sets: Sequence[ProbeSet],
    progress: Progress = SILENT,
) -> Sensitivity | None:
    """All verdicts with one piece left out at a time, and the ratios fitted anew on the shadows
    that are left; None where no ratio was given. Deterministic. ``sets``: what the plan asks.
    Every piece takes as long as the judgement itself, minutes with hundreds of shadows.

    A candidate's own students are no piece of its verdict: without them there is none.
    """
    if not any(v.assessed for v in judged.verdicts):
        return None
    counted = judged.panel.shadows if judged.panel is not None else ()
    groups, asked = groups_of(counted), _style_sets(sets, suspect)
    cases = [(suspect, [s for s in shadows if s.name not in left]) for left in groups.values()]
    cases += [(without_prompts(suspect, prompts), [*shadows]) for prompts in asked.values()]
    panels = ShadowPanel.of_each(cases, base.transcript)
    rows: list[WithoutPiece] = []
    step, total = progress.step("weighing with one piece left out"), len(cases)
    for done, (piece, panel) in enumerate(zip(groups, panels, strict=False), 1):
        others = [c for c in candidates if piece != of_source(c)]
        rows += compared("shadows", piece, judged.verdicts, judge_panel(panel, others))
        step(done, total)
    rows = list(telling(rows))
    for done, (name, panel) in enumerate(zip(asked, panels, strict=True), 1 + len(groups)):
        again = judge_panel(panel, candidates)
        rows += compared("prompts", name, judged.verdicts, again)
        step(done, total)
    return Sensitivity(
        detectors=(ShadowRatio.name,),
        prompts=tuple(asked),
        lineages=(),
        shadows=tuple(groups),
        rows=tuple(rows),
    )


def groups_of(shadows: Sequence[Shadow]) -> Mapping[str, frozenset[str]]:
    """The names of the shadows of every seed, then of every source: a candidate's students, or the
    controls of one kind."""
    found: dict[str, set[str]] = {}
    for key, name in (*_seeds(shadows), *_sources(shadows)):
        found.setdefault(key, set()).add(name)
    return {key: frozenset(names) for key, names in found.items()}


def _seeds(shadows: Sequence[Shadow]) -> Iterator[tuple[str, str]]:
    for seed, name in sorted((s.seed, s.name) for s in shadows if s.seed is not None):
        yield f"seed={seed}", name


def _sources(shadows: Sequence[Shadow]) -> Iterator[tuple[str, str]]:
    for source, name in sorted((source, s.name) for s in shadows for source in s.sources):
        yield of_source(source), name


def _style_sets(sets: Sequence[ProbeSet], suspect: Transcript) -> dict[str, frozenset[str]]:
    """The sets of which an answer can be compared by how it is written."""
    found = prompt_sets(sets, suspect)
    return {
        name: ids for name, ids in found.items() if any(suspect.probes[i].shows_style for i in ids)
    }
