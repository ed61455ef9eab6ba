"""Was a public model taught by OpenAI's answers? The product's detectors and two controls on models
of documented history.

AUDITOR_BENCH_DATA=data python -m tests.benchmarks.bench_inheritance --work DIR [--sizes 536,100,20]

Data: public outputs on AlpacaEval prompts (CC BY-NC 4.0, not part of this project). 34 API models
are stored; suspects of documented history are weighed, whole lineages left out; what was measured
is kept in ``--work`` by detector and size. Prints figures only, never a word of the data.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from auditor.calibration.rows import MeasuredRow, measured_rows
from detectors.registry import load_detector
from detectors.stats.cohort_norm import CohortNorm
from detectors.stats.fusion import FusedLogLikelihoodRatio
from detectors.stats.log_lr import LogLikelihoodRatio
from detectors.stats.lr_validity import auc
from detectors.text.pages import cut
from tests.benchmarks.bench_source_recognition import models, outputs
from tests.benchmarks.public_models import documented, known_suspects, probes, stored_teachers

Array = NDArray[np.float64]
Table = Mapping[str, dict[str, str]]
DETECTORS = ("stylistic_overlap", "shared_wording")
OPENAI = "vendor:openai"
HUMAN = ("guanaco-7b", "guanaco-65b", "humpback-llama-65b")
ASSISTANT = re.compile(r"\bas an ai\b|\bai language model\b", re.I)
LIKE_LENGTH = (800.0, 1600.0)
ROUNDS = 1000


def measured(work: Path, detector: str, size: int) -> list[MeasuredRow]:
    """Rows of all suspects and stored models as suspects, by one detector at one number of
    prompts; read back if kept."""
    kept = work / f"inheritance-{detector}-{size}.json"
    if not kept.exists():
        asked = probes()
        known = known_suspects(asked, models("suspect", "teacher"))
        rows = measured_rows(
            known, stored_teachers(asked), [functools.partial(load_detector, detector)], (size,)
        )
        kept.write_text(
            json.dumps([r.model_dump(mode="json") for r in rows if r.level == "vendor"])
        )
    return [MeasuredRow.model_validate(row) for row in json.loads(kept.read_text())]


def joined(work: Path, names: Sequence[str], size: int) -> list[MeasuredRow]:
    """Rows with the values of several detectors."""
    found: dict[tuple[str, str], MeasuredRow] = {}
    for name in names:
        for row in measured(work, name, size):
            at = found.setdefault(
                (row.suspect, row.candidate), row.model_copy(update={"values": {}})
            )
            at.values.update(row.values)
    return [found[at] for at in sorted(found) if len(found[at].values) == len(names)]


class Weights:
    """Ratios fitted on rows as the product fits them: centred by candidate, a map for each
    detector, fused."""

    def __init__(self, names: Sequence[str], rows: Sequence[MeasuredRow]) -> None:
        self.names = tuple(names)
        labels, groups, whom = (
            [r.label for r in rows],
            [r.group for r in rows],
            [r.candidate for r in rows],
        )
        columns = []
        self.norms, self.maps = {}, {}
        for name in self.names:
            norm = CohortNorm().fit([r.values[name] for r in rows], labels, whom, groups)
            self.maps[name] = LogLikelihoodRatio().fit(norm.held_out_, labels, groups)
            self.norms[name] = norm
            columns.append(self.maps[name].held_out_)
        self.fusion = FusedLogLikelihoodRatio(self.names).fit(
            np.column_stack(columns), labels, groups
        )

    def log10_lr(self, rows: Sequence[MeasuredRow]) -> tuple[Array, Array]:
        """The fused log10 LRs of other rows, within the bounds and before them (for ranking)."""
        whom = [r.candidate for r in rows]
        columns = [
            self.maps[n].uncapped(self.norms[n].transform([r.values[n] for r in rows], whom))
            for n in self.names
        ]
        x = np.column_stack(columns)
        return self.fusion.log10_lr(x), self.fusion.uncapped(x)


def left_out(
    names: Sequence[str], rows: Sequence[MeasuredRow], learned: set[str]
) -> tuple[Array, Array]:
    """Each row's ratio (capped, uncapped) by a fit on the learned models without the row's whole
    lineage."""
    capped, free = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    for group in sorted({r.group for r in rows}):
        train = [r for r in rows if r.group != group and r.suspect in learned]
        test = [i for i, r in enumerate(rows) if r.group == group]
        capped[test], free[test] = Weights(names, train).log10_lr([rows[i] for i in test])
    return capped, free


def cuts(table: Table, lengths: Mapping[str, float]) -> dict[str, tuple[list[str], list[str]]]:
    """Who is compared with whom: suspects with documented OpenAI data, and those of each kind
    without."""
    suspects = {name: r for name, r in table.items() if r["role"] == "suspect"}
    pos = [n for n, r in suspects.items() if r["openai_label"] == "pos"]
    strict = [n for n, r in suspects.items() if r["openai_label"] == "neg"]
    every = [n for n, r in suspects.items() if r["openai_label"] in ("neg", "neg_presumed")]
    old = {n for n, r in suspects.items() if r["base_family"] == "LLaMA-1"}
    alike = {n for n in suspects if LIKE_LENGTH[0] <= lengths[n] <= LIKE_LENGTH[1]}
    return {
        "documented negatives": (pos, strict),
        "with presumed negatives": (pos, every),
        "human-data negatives": (pos, [n for n in strict if n in HUMAN]),
        "LLaMA-1 bases": ([n for n in pos if n in old], [n for n in strict if n in old]),
        "like length, documented": (
            [n for n in pos if n in alike],
            [n for n in strict if n in alike],
        ),
        "like length, presumed too": (
            [n for n in pos if n in alike],
            [n for n in every if n in alike],
        ),
    }


def interval(
    table: Table, score: Mapping[str, float], pos: Sequence[str], neg: Sequence[str]
) -> str:
    """AUC of a score with a 95 % interval by bootstrap over lineages, each kind among its like."""
    pos, neg = [n for n in pos if n in score], [n for n in neg if n in score]
    rng = np.random.default_rng(0)
    value = _auc([score[n] for n in pos], [score[n] for n in neg])
    rounds = []
    for _ in range(ROUNDS):
        drawn = []
        for names in (pos, neg):
            lineages = sorted({table[n]["lineage_group"] for n in names})
            chosen = rng.choice(lineages, size=len(lineages))
            drawn.append(
                [score[n] for g in chosen for n in names if table[n]["lineage_group"] == g]
            )
        rounds.append(_auc(*drawn))
    low, high = np.quantile(rounds, [0.025, 0.975])
    return f"{value:.3f} ({low:.2f}–{high:.2f})"


def _auc(one: Sequence[float], two: Sequence[float]) -> float:
    return auc(np.asarray(one), np.asarray(two))


def controls(table: Table) -> tuple[dict[str, float], dict[str, float]]:
    """Median length of the answers and rate of answers that speak of themselves as an AI, by
    model."""
    said = {name: list(outputs(name).values()) for name in table}
    lengths = {n: float(np.median([len(cut(t)) for t in texts])) for n, texts in said.items()}
    return lengths, {
        n: float(np.mean([bool(ASSISTANT.search(t)) for t in texts])) for n, texts in said.items()
    }


def baseline(table: Table, every: int) -> dict[str, float]:
    """TF-IDF classifier of the API models' families on every so-manieth prompt, mean probabilities,
    logistic regression on documented suspects; each suspect scored without its own lineage."""
    asked = sorted(probes())[::every]
    stored = models("teacher")
    texts = [
        (cut(said[p]), r["lineage_group"])
        for r in stored
        for said in [outputs(r["model"])]
        for p in asked
        if p in said
    ]
    vectors = TfidfVectorizer(ngram_range=(1, 2), min_df=2, max_features=20_000, sublinear_tf=True)
    x = vectors.fit_transform([t for t, _ in texts])
    families = LogisticRegression(C=5.0, max_iter=60, tol=1e-3).fit(x, [f for _, f in texts])
    suspects = [n for n, r in table.items() if r["role"] == "suspect"]
    mean = {
        n: families.predict_proba(
            vectors.transform([cut(said[p]) for p in asked if p in said])
        ).mean(axis=0)
        for n in suspects
        for said in [outputs(n)]
    }
    out = {}
    for name in suspects:
        kept = [n for n in suspects if table[n]["openai_label"] in ("pos", "neg", "neg_presumed")]
        kept = [n for n in kept if table[n]["lineage_group"] != table[name]["lineage_group"]]
        scale = StandardScaler().fit([mean[n] for n in kept])
        labels = [table[n]["openai_label"] == "pos" for n in kept]
        fitted = LogisticRegression(class_weight="balanced").fit(
            scale.transform([mean[n] for n in kept]), labels
        )
        out[name] = float(fitted.decision_function(scale.transform([mean[name]]))[0])
    return out


def accusations(table: Table, rows: Sequence[MeasuredRow], capped: Array) -> str:
    """Share of pairs of a suspect and a maker that it is known not to have learned from, with
    log10 LR ≥ 1 and ≥ 0.301."""
    documented_negatives = {n for n, r in table.items() if r["openai_label"] == "neg"}
    known = {r["model"] for r in documented()} | {
        n for n, r in table.items() if r["role"] == "teacher"
    }
    mine = [
        i
        for i, r in enumerate(rows)
        if r.label == 0
        and r.suspect in known
        and (r.candidate != OPENAI or r.suspect in documented_negatives)
    ]
    lr = capped[mine]
    lineages = len({rows[i].group for i in mine})
    return f"{int((lr >= 1).sum())}/{len(lr)} | {int((lr >= 0.301).sum())}/{len(lr)} | {lineages} | {lr.max():.2f}"


@click.command()
@click.option("--work", type=click.Path(file_okay=False, path_type=Path), required=True)
@click.option("--sizes", default="536,100,20", show_default=True, help="Numbers of prompts.")
@click.option(
    "--every", default=4, show_default=True, help="The baseline reads every so-manieth prompt."
)
def main(work: Path, sizes: str, every: int) -> None:
    """Prints the tables as Markdown."""
    work.mkdir(parents=True, exist_ok=True)
    table = {r["model"]: r for r in models("suspect", "teacher")}
    lengths, assistant = controls(table)
    kinds = cuts(table, lengths)
    learned = {r["model"] for r in documented()}
    told = [f"{name} ({len(p)} : {len(n)})" for name, (p, n) in kinds.items()]
    print("| score | prompts | " + " | ".join(told) + " |\n|" + "---|" * (2 + len(told)))

    def line(name: str, size: int | str, score: Mapping[str, float]) -> None:
        print(
            f"| {name} | {size} | "
            + " | ".join(interval(table, score, *pair) for pair in kinds.values())
            + " |",
            flush=True,
        )

    line("control: shorter answers", 805, {n: -v for n, v in lengths.items()})
    line('control: rate of "as an AI"', 805, assistant)
    line("baseline: TF-IDF, 12 mean probabilities", f"{-(-536 // every)}", baseline(table, every))
    false: list[str] = []
    for size in map(int, sizes.split(",")):
        for names in (("stylistic_overlap",), ("shared_wording",), DETECTORS):
            rows = joined(work, names, size)
            if len(names) == 1:
                line(
                    f"{names[0]}, value",
                    size,
                    {r.suspect: r.values[names[0]] for r in rows if r.candidate == OPENAI},
                )
            capped, free = left_out(names, rows, learned)
            of = [i for i, r in enumerate(rows) if r.candidate == OPENAI]
            line(
                f"{' + '.join(names)}, log10 LR",
                size,
                {rows[i].suspect: float(free[i]) for i in of},
            )
            best = [capped[i] for i in of if table[rows[i].suspect]["openai_label"] == "pos"]
            false.append(
                f"| {' + '.join(names)} | {size} | {accusations(table, rows, capped)} | {np.mean(best):+.2f} |"
            )
    print(
        "\n| detectors | prompts | pairs ≥ 1 | pairs ≥ 0.301 | lineages | largest | mean of students for OpenAI |\n|"
        + "---|" * 7
    )
    print("\n".join(false))


if __name__ == "__main__":
    main()
