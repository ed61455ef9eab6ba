"""Do parts of speech alone tell who wrote an answer, and whose student a model is?

AUDITOR_BENCH_DATA=data python -m tests.benchmarks.bench_pos_templates [--prompts N] [--rounds N]

Data and task as in `tests.benchmarks.bench_source_recognition`: 34 API models in 12 families on
AlpacaEval prompts (CC BY-NC 4.0, not part of this project). Then the students of `pairs.csv` and
every suspect whose main teacher is documented: the place of the teacher's family among the stored
models, by templates and by the whole style. Never prints a word of the data.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from auditor.reporting.markdown import inline, table
from detectors.base import Teacher
from detectors.pairing import answer_book, style_answers
from detectors.stats.intervals import clopper_pearson
from detectors.stats.openset import suspect_scores
from detectors.style.attribution import Attribution, attributions
from detectors.style.authorship import Authorship, Rows
from detectors.style.space import FULL, GUARDED, TEMPLATES, StyleSpace, transform_all
from fingerprints.records import Probe
from tests.benchmarks.bench_source_recognition import (
    BAGS,
    Answers,
    accuracy,
    drawn_probes,
    folder,
    in_families,
    load,
    models,
    stored,
)

Array = NDArray[np.float64]
SPACES: dict[str, Mapping[str, tuple[int, float]]] = {
    "templates of parts of speech": TEMPLATES,
    "masked words, punctuation, layout (content guard)": GUARDED,
    "the whole style": FULL,
}
FAMILY = {
    "d003": "openai-gpt3",
    "gpt35": "openai-gpt35",
    "gpt4": "openai-gpt4",
    "gpt4t": "openai-gpt4turbo",
    "gpt4o": "openai-gpt4o",
    "claude2": "anthropic-claude12",
    "claude3": "anthropic-claude3",
    "mixtral": "mistral",
    "qwen": "qwen",
}


def recognition(a: Answers, rounds: int) -> str:
    """Micro accuracy by family of one answer and of bags, answers alone and against the others'
    to the same prompt."""
    rows = []
    for name, families in SPACES.items():
        started = time.process_time()
        x = (
            StyleSpace(families)
            .fit([t for t, keep in zip(a.texts, a.train, strict=True) if keep])
            .transform(a.texts)
        )
        for centred in (False, True):
            log_p = in_families(a, _log_p(a, _less_others(a, x) if centred else x))
            figures = [accuracy(a, log_p, bag, rounds) for bag in BAGS]
            cells = [f"{m:.3f} ({low:.3f}–{high:.3f})" for m, low, high, _ in figures]
            seconds = f"{time.process_time() - started:.0f}"
            rows.append(
                (
                    name,
                    "with stored answers" if centred else "alone",
                    *cells,
                    str(int((~a.train).sum())),
                    seconds,
                )
            )
    return table(
        ("features", "answers", *(f"bags of {b}" for b in BAGS), "test answers", "seconds so far"),
        rows,
    )


def _log_p(a: Answers, x: NDArray[np.float32]) -> Array:
    model = Authorship(len(a.family), np.arange(a.prompt.max() + 1) % 5, centred=False)
    model.fit(Rows(x[a.train], a.model[a.train], a.prompt[a.train]))
    return np.asarray(log_softmax(model.score(x, np.full(len(x), -1)), axis=1))


def _less_others(a: Answers, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each answer less the mean of the other models' answers to its prompt."""
    sums = np.zeros((a.prompt.max() + 1, x.shape[1]), dtype=np.float32)
    np.add.at(sums, a.prompt, x)
    others = np.maximum(1, np.bincount(a.prompt)[a.prompt] - 1)[:, None].astype(np.float32)
    return np.asarray(x - (sums[a.prompt] - x) / others)


def students(prompts: int | None) -> tuple[str, str]:
    """The named pairs, then all suspects of a documented main teacher: the family's best place
    among the stored models."""
    probes = drawn_probes(prompts, 0)
    teachers = [stored(row, probes) for row in models("teacher")]
    known = attributions(answer_book(teachers, None), tuple(SPACES.values()))
    table_of = {row["model"]: row for row in models("teacher", "suspect")}
    with (folder() / "pairs.csv").open(encoding="utf-8") as file:
        pairs = [
            (r["model_a"], r["model_b"])
            for r in csv.DictReader(file)
            if r["relation"] == "student_teacher"
        ]
    named = [
        (
            inline(student),
            inline(teacher),
            *(f"{_place(s, k, {teacher})} of {len(k.book.names)}" for s, k in each),
        )
        for student, teacher in pairs
        if student in table_of and teacher in known[0].book.names
        for each in [_scored(stored(table_of[student], probes), known)]
    ]
    return table(("student", "teacher", *SPACES), named), _documented(table_of, probes, known)


def _documented(
    table_of: Mapping[str, Mapping[str, str]],
    probes: dict[int, Probe],
    known: Sequence[Attribution],
) -> str:
    firsts: dict[str, list[list[tuple[int, bool]]]] = {}
    for row in table_of.values():
        family = FAMILY.get(row["teachers"].split(";")[0])
        if row["role"] != "suspect" or row["confidence"] != "documented" or family is None:
            continue
        mine = {
            t.name
            for t in known[0].book.teachers
            if t.family == family and t.family != row["lineage_group"]
        }
        if mine:
            each = _scored(stored(dict(row), probes), known)
            vendor = {t.name for t in known[0].book.teachers if t.vendor == _vendor(known[0], mine)}
            firsts.setdefault(family, []).append(
                [(_place(s, k, mine), _place(s, k, vendor) == 1) for s, k in each]
            )
    rows = []
    for family, held in [
        *sorted(firsts.items()),
        ("all", [h for some in firsts.values() for h in some]),
    ]:
        cells = [
            f"{_share([h[i][0] == 1 for h in held])}; vendor {_share([h[i][1] for h in held])}; median place "
            f"{np.median([h[i][0] for h in held]):g}"
            for i in range(len(SPACES))
        ]
        rows.append((family, str(len(held)), *cells))
    return table(
        ("documented teacher's family", "suspects", *(f"first, {s}" for s in SPACES)), rows
    )


def _vendor(known: Attribution, names: set[str]) -> str:
    return next(t.vendor for t in known.book.teachers if t.name in names)


def _share(hits: list[bool]) -> str:
    low, high = clopper_pearson(sum(hits), len(hits))
    return f"{sum(hits)}/{len(hits)} ({low:.2f}–{high:.2f})"


def _scored(suspect: Teacher, known: Sequence[Attribution]) -> list[tuple[Array, Attribution]]:
    """The normalised scores of every stored model in every space; stored models of the suspect's
    own lineage get none."""
    book = known[0].book
    said = style_answers(suspect.transcript)
    numbers = [i for i, k in enumerate(book.prompts) if k in said]
    arrays = transform_all([k.space for k in known], [said[book.prompts[i]].text for i in numbers])
    kin = np.array([t.family == suspect.family for t in book.teachers])
    out = []
    for k, x in zip(known, arrays, strict=True):
        raw = k.score(x, numbers).mean(axis=0)
        strangers = np.nanmean(k.strangers[:, numbers], axis=1)
        scores = suspect_scores(raw, strangers, book.vendors, ~kin)
        out.append((np.where(kin, -np.inf, scores), k))
    return out


def _place(scores: Array, known: Attribution, names: set[str]) -> int:
    mine = max(scores[known.book.names.index(n)] for n in names)
    return 1 + int((scores > mine).sum())


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--prompts", type=int, default=None, help="so many prompts, drawn (all by default)"
    )
    parser.add_argument("--rounds", type=int, default=200)
    args = parser.parse_args()
    print(f"### Who wrote it\n\n{recognition(load(args.prompts, 0), args.rounds)}\n", flush=True)
    named, documented = students(args.prompts)
    print(f"### Named students\n\n{named}\n\n### Suspects of a documented teacher\n\n{documented}")


if __name__ == "__main__":
    main()
