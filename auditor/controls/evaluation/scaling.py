"""Test-time scaling: known answers reached while thinking is cut and prolonged.

Held-out prompts with a known answer are asked once for every number of waits (budget forcing,
Muennighoff et al. 2025, arXiv 2501.19393). Knows questions, answers and figures; knows nothing of
tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from auditor.controls.answer_cache import cached
from auditor.controls.curation.pool import Prompt
from auditor.controls.curation.verify import agrees
from auditor.controls.evaluation.figure import (
    CAPPED,
    RIGHT,
    THOUGHT,
    PairedFigure,
    figure_of,
    parts_of,
)
from auditor.controls.recipe import Inference
from auditor.reporting.document import DASH, Block, GridTable, Paragraph
from auditor.reporting.plots import bounded
from fingerprints.collect import collect
from fingerprints.progress import SILENT, Progress
from fingerprints.records import ProbeSet, Reply, Sampling, Status
from fingerprints.subjects import open_subject
from fingerprints.subjects.spec import parse_spec
from fingerprints.subjects.thinking import END_THINK, Forcing, forced_in

COLUMNS = {
    RIGHT: "known answers reached",
    THOUGHT: "tokens of thinking",
    CAPPED: "thinking cut at its cap",
}
ANSWER_TOKENS = 128
"""Tokens of an answer beside the thinking; without a cap on the thinking, of both together it is
`UNCAPPED_TOKENS`."""
UNCAPPED_TOKENS = 1024


def scaling(
    student: str,
    how: Inference,
    prompts: Sequence[Prompt],
    folder: Path,
    progress: Progress = SILENT,
) -> tuple[PairedFigure, ...]:
    """Three figures for each number of waits up to the recipe's, over prompts of known answer.

    The share of answers that come to the known one (one that failed or never left its thinking is
    wrong), the tokens of thinking, and the share of thoughts that reached the cap; n is questions.
    A prompt without room in the context is left out. Greedy; transcripts are kept, and resumed, in
    ``folder``. Raises the errors of `open_subject` and `collect`.
    """
    known = [p for p in prompts if p.answer is not None]
    if not known:
        return ()
    found: list[PairedFigure] = []
    for waits in range(how.waits + 1):
        replies = _asked(
            _forced(student, Forcing(how.thinking, waits)),
            known,
            how,
            folder / f"waits-{waits}.jsonl",
            progress,
        )
        found += _figures(waits, replies, {p.id: p.answer or "" for p in known})
    return tuple(found)


def _forced(student: str, forcing: Forcing) -> str:
    spec = parse_spec(student)
    told = {
        "thinking": None if forcing.thinking is None else str(forcing.thinking),
        "waits": str(forcing.waits),
    }
    return str(spec.having({key: value for key, value in told.items() if value is not None}))


def _asked(
    spec: str, prompts: Sequence[Prompt], how: Inference, journal: Path, progress: Progress
) -> list[Reply]:
    probes = tuple(p.probe() for p in prompts)
    tokens = UNCAPPED_TOKENS if how.thinking is None else ANSWER_TOKENS
    asked = ProbeSet(name="known-answers", version="1", max_tokens=tokens, probes=probes)
    with open_subject(spec) as subject:
        return list(collect(cached(subject), [asked], Sampling(), journal, progress).replies)


def is_right(reply: Reply, answer: str) -> bool:
    """Whether what a reply says after its thinking comes to the known answer."""
    _, ended, said = reply.text.partition(END_THINK)
    return reply.readable and bool(ended) and agrees(said, answer)


def _figures(
    waits: int, replies: Sequence[Reply], answers: dict[str, str]
) -> Iterator[PairedFigure]:
    told = [r for r in replies if r.status is not Status.SKIPPED_CONTEXT]
    thoughts = {r.probe_id: found for r in told if (found := forced_in(r)) is not None}
    right = {r.probe_id: float(is_right(r, answers[r.probe_id])) for r in told}
    yield from figure_of(f"{RIGHT}:{waits}", "after", right)
    tokens = {key: float(t.tokens) for key, t in thoughts.items()}
    yield from figure_of(f"{THOUGHT}:{waits}", "after", tokens)
    capped = {key: float(t.capped) for key, t in thoughts.items()}
    yield from figure_of(f"{CAPPED}:{waits}", "after", capped)


def scaling_table(figures: Sequence[PairedFigure]) -> tuple[Block, ...] | None:
    """The figures of `scaling` as a table, a row for each number of waits; None without any."""
    rows: dict[int, dict[str, PairedFigure]] = {}
    for figure in figures:
        kind, waits = parts_of(figure.figure_id)
        if kind in COLUMNS:
            rows.setdefault(int(waits), {})[kind] = figure
    if not rows:
        return None
    told = tuple(
        (str(n), *(_cell(row.get(kind)) for kind in COLUMNS), str(max(f.n for f in row.values())))
        for n, row in sorted(rows.items())
    )
    columns = ("waits forced", *COLUMNS.values(), "questions")
    about = (
        "Held-out prompts with a known answer, asked of the student with its thinking forced;"
        " 95 % intervals in brackets."
    )
    table = GridTable("Test-time scaling", columns, told, frozenset(range(1, 5)), look="quiet")
    return table, Paragraph(about, "caption")


def _cell(figure: PairedFigure | None) -> str:
    return DASH if figure is None else bounded(figure)
