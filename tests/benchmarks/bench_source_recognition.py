"""How well is the source of an answer recognised, and how often is a stranger taken for a source?

AUDITOR_BENCH_DATA=data python -m tests.benchmarks.bench_source_recognition [--quick] [--nulls]
[--suspects] [--out DIR]

Data: public outputs on AlpacaEval prompts (CC BY-NC 4.0, not part of this project), laid out as
``alpaca_eval/prompts.jsonl.gz``, ``alpaca_eval/models.csv`` and
``alpaca_eval/outputs/<model>.jsonl.gz``. The task: 34 API models (``role`` teacher) in 12 families
(``lineage_group``); two thirds of the prompts train, the others test; name the family of one
answer, of bags of 10 and of 50. Prints figures and writes them as CSV and Markdown; never a word of
the data.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, logsumexp
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from detectors.base import Teacher
from detectors.pairing import answer_book, style_answers
from detectors.style.attribution import attributions
from detectors.style.authorship import Authorship, Rows
from detectors.style.space import FULL, GUARDED, StyleSpace
from detectors.style.standing import all_prompts, standing
from detectors.text.pages import cut
from fingerprints.records import Arm, Identity, Probe, Reply, Status
from fingerprints.transcript import Header, Transcript

Array = NDArray[np.float64]
BAGS = (1, 10, 50)
COLUMNS = ("system", "bag", "micro", "low", "high", "macro", "n_answers", "n_prompts", "seconds")


@dataclass(frozen=True)
class Answers:
    """All answers of some models: text, model number, prompt number, whether in the training
    third; family by model."""

    texts: list[str]
    model: NDArray[np.int64]
    prompt: NDArray[np.int64]
    train: NDArray[np.bool_]
    family: NDArray[np.int64]
    families: list[str]

    def test(self, values: Array) -> Array:
        """The rows of the test prompts."""
        return np.asarray(values[~self.train])


def folder() -> Path:
    """The data folder, from AUDITOR_BENCH_DATA."""
    root = os.environ.get("AUDITOR_BENCH_DATA")
    if not root:
        sys.exit("set AUDITOR_BENCH_DATA to the folder that holds alpaca_eval/")
    return Path(root) / "alpaca_eval"


def models(*roles: str) -> list[dict[str, str]]:
    """Rows of models.csv with these roles, in file order."""
    with (folder() / "models.csv").open(encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["role"] in roles]


def rows_of(path: Path) -> list[dict[str, str]]:
    """The JSON objects of a gzipped JSONL file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def outputs(model: str) -> dict[int, str]:
    """A model's answers by prompt id, empty ones left out."""
    path = folder() / "outputs" / f"{model.replace('+', '_plus_')}.jsonl.gz"
    return {int(row["id"]): row["output"] for row in rows_of(path) if row["output"].strip()}


def load(prompts: int | None, seed: int) -> Answers:
    """Answers of the API models to all prompts, or to so many drawn ones; two thirds of the
    prompts are for training."""
    ids = np.array([int(row["id"]) for row in rows_of(folder() / "prompts.jsonl.gz")])
    drawn = np.random.default_rng(seed).permutation(ids)[:prompts]
    number = {int(id_): i for i, id_ in enumerate(drawn)}
    table = models("teacher")
    families = sorted({row["lineage_group"] for row in table})
    found = [
        (text, m, number[i])
        for m, row in enumerate(table)
        for i, text in sorted(outputs(row["model"]).items())
        if i in number
    ]
    texts, model, prompt = zip(*found, strict=True)
    numbers = np.array(prompt)
    family = np.array([families.index(row["lineage_group"]) for row in table])
    return Answers(
        [cut(t) for t in texts],
        np.array(model),
        numbers,
        numbers < len(drawn) * 2 // 3,
        family,
        families,
    )


def naive(a: Answers) -> Array:
    """TF-IDF of words and word pairs with logistic regression on families, both as scikit-learn
    ships them."""
    return _tfidf(a, TfidfVectorizer(ngram_range=(1, 2), min_df=2), 1.0)


def naive_tuned(a: Answers) -> Array:
    """The same with case, punctuation and line breaks kept as tokens, sublinear counts and a
    weaker penalty."""
    pattern = r"\w+|[^\w\s]|\n"
    vectors = TfidfVectorizer(
        ngram_range=(1, 2),
        min_df=2,
        max_features=20_000,
        sublinear_tf=True,
        lowercase=False,
        token_pattern=pattern,
    )
    return _tfidf(a, vectors, 20.0)


def _tfidf(a: Answers, vectors: TfidfVectorizer, c: float) -> Array:
    train = vectors.fit_transform([t for t, keep in zip(a.texts, a.train, strict=True) if keep])
    fitted = LogisticRegression(C=c, max_iter=60, tol=1e-3).fit(train, a.family[a.model][a.train])
    return np.asarray(fitted.predict_log_proba(vectors.transform(a.texts)))


def length_only(a: Answers) -> Array:
    """Logistic regression of the family on log length, its square and the number of lines: what
    verbosity alone gives."""
    size = np.log1p([[len(t), t.count("\n"), len(t.split())] for t in a.texts])
    x = StandardScaler().fit_transform(np.hstack([size, size**2]))
    return np.asarray(
        LogisticRegression(max_iter=500)
        .fit(x[a.train], a.family[a.model][a.train])
        .predict_log_proba(x)
    )


def ours(a: Answers, *, centred: bool, guarded: bool = False) -> Array:
    """Log-probabilities of models. ``centred``: each answer less the mean of the other models'
    answers to its prompt."""
    kept = [t for t, keep in zip(a.texts, a.train, strict=True) if keep]
    x = StyleSpace(GUARDED if guarded else FULL).fit(kept).transform(a.texts)
    if centred:
        sums = np.zeros((a.prompt.max() + 1, x.shape[1]), dtype=np.float32)
        np.add.at(sums, a.prompt, x)
        others = np.maximum(1, np.bincount(a.prompt)[a.prompt] - 1)[:, None].astype(np.float32)
        x = x - (sums[a.prompt] - x) / others
    model = Authorship(len(a.family), np.arange(a.prompt.max() + 1) % 5, centred=False)
    model.fit(Rows(x[a.train], a.model[a.train], a.prompt[a.train]))
    return np.asarray(log_softmax(model.score(x, np.full(len(x), -1)), axis=1))


def in_families(a: Answers, log_p: Array) -> Array:
    """Sums model log-probabilities of a bag into families; family log-probabilities pass
    through."""
    if log_p.shape[1] == len(a.families):
        return log_p
    return np.stack(
        [logsumexp(log_p[:, a.family == f], axis=1) for f in range(len(a.families))], axis=1
    )


def bag_hits(
    a: Answers, log_p: Array, bag: int, order: NDArray[np.int64]
) -> tuple[Array, NDArray[np.int64]]:
    """Whether each bag's family is named, bags being runs of ``bag`` prompts in ``order``; and
    the bag's true family."""
    hits, truth = [], []
    model, prompt, scores = a.model[~a.train], a.prompt[~a.train], a.test(log_p)
    for m in range(len(a.family)):
        place = np.full(prompt.max() + 1, -1)
        place[prompt[model == m]] = np.flatnonzero(model == m)
        rows = place[order]
        rows = rows[rows >= 0]
        whole = rows[: len(rows) // bag * bag].reshape(-1, bag)
        named = in_families(a, scores[whole].sum(axis=1)).argmax(axis=1)
        hits.append(named == a.family[m])
        truth.append(np.full(len(whole), a.family[m]))
    return np.concatenate(hits).astype(float), np.concatenate(truth)


def accuracy(
    a: Answers, log_p: Array, bag: int, rounds: int, seed: int = 1
) -> tuple[float, float, float, float]:
    """Micro accuracy, its 95 % interval (bootstrap over prompts) and macro accuracy (mean over
    families)."""
    rng = np.random.default_rng(seed)
    prompts = np.unique(a.prompt[~a.train])
    points, macros = [], []
    for _ in range(1 if bag == 1 else 40):
        hits, truth = bag_hits(a, log_p, bag, rng.permutation(prompts))
        points.append(hits.mean())
        macros.append(np.mean([hits[truth == f].mean() for f in np.unique(truth)]))
    drawn = [
        bag_hits(a, log_p, bag, rng.choice(prompts, len(prompts)))[0].mean() for _ in range(rounds)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(np.mean(points)), float(low), float(high), float(np.mean(macros))


def of_like_length(a: Answers, least: int = 700, most: int = 1600) -> Answers:
    """The answers of ``least`` to ``most`` characters, all cut to ``least``: length says nothing
    any more."""
    kept = np.array([least <= len(t) <= most for t in a.texts])
    texts = [t[:least] for t, keep in zip(a.texts, kept, strict=True) if keep]
    return Answers(texts, a.model[kept], a.prompt[kept], a.train[kept], a.family, a.families)


SYSTEMS: dict[str, Callable[[Answers], Array]] = {
    "length only": length_only,
    "TF-IDF + LR, library defaults": naive,
    "TF-IDF + LR, tuned tokens": naive_tuned,
    "ours, the answer alone": lambda a: ours(a, centred=False),
    "ours, with stored answers to the prompt": lambda a: ours(a, centred=True),
    "ours, content guard, with stored answers": lambda a: ours(a, centred=True, guarded=True),
    "length-matched: length only": lambda a: length_only(of_like_length(a)),
    "length-matched: TF-IDF + LR, tuned tokens": lambda a: naive_tuned(of_like_length(a)),
    "length-matched: ours, with stored answers": lambda a: ours(of_like_length(a), centred=True),
}


def recognition(a: Answers, rounds: int) -> list[tuple[object, ...]]:
    """One row a system and bag size, chance first."""
    n = int((~a.train).sum())
    prompts = len(np.unique(a.prompt[~a.train]))
    shares = np.bincount(a.family) / len(a.family)
    rows: list[tuple[object, ...]] = [
        ("chance: the largest family", b, shares.max(), None, None, 1 / len(shares), n, prompts, 0)
        for b in BAGS
    ]
    for name, system in SYSTEMS.items():
        began = time.perf_counter()
        log_p = system(a)
        seconds = round(time.perf_counter() - began, 1)
        used = of_like_length(a) if name.startswith("length-matched") else a
        for bag in BAGS if used is a else BAGS[:2]:
            figures = accuracy(used, log_p, bag, rounds)
            rows.append((name, bag, *figures, int((~used.train).sum()), prompts, seconds))
            point, low, high, macro = figures
            click.echo(
                f"{name:44s} bag {bag:2d}  micro {point:.3f} [{low:.3f}, {high:.3f}]  macro {macro:.3f}  {seconds} s"
            )
    return rows


def transcript(model: str, probes: dict[int, Probe]) -> Transcript:
    """A model's published answers as a recording."""
    said = outputs(model)
    replies = [
        Reply(probe_id=probe.id, arm=Arm.RECORDED, status=Status.OK, text=said[i])
        for i, probe in probes.items()
        if i in said
    ]
    held = {probe.id: probe for probe in probes.values()}
    return Transcript(
        Header(spec=model, identity=Identity(kind="recording", name=model)), held, tuple(replies)
    )


def stored(row: dict[str, str], probes: dict[int, Probe]) -> Teacher:
    """A row of models.csv as a stored model."""
    return Teacher(row["model"], row["lab"], row["lineage_group"], transcript(row["model"], probes))


def drawn_probes(n: int | None, seed: int) -> dict[int, Probe]:
    """So many prompts, drawn; all of them when None."""
    rows = rows_of(folder() / "prompts.jsonl.gz")
    order = np.random.default_rng(seed).permutation(len(rows))[:n]
    return {
        int(rows[i]["id"]): Probe(id=f"recorded/{rows[i]['id']}", text=rows[i]["instruction"])
        for i in sorted(order)
    }


def p_values(
    teachers: list[Teacher], suspects: list[Teacher]
) -> list[tuple[str, str, int, float, int]]:
    """(suspect, candidate, rank, conformal p, null models) of each suspect against each stored
    model that has a null."""
    (model,) = attributions(answer_book(teachers, None), (FULL,))
    book, out = model.book, []
    usable = np.ones(len(book.names), dtype=bool)
    for suspect in suspects:
        said = style_answers(suspect.transcript)
        numbers = [i for i, sha in enumerate(book.prompts) if sha in said]
        log_p = np.full((len(book.prompts), len(book.names)), np.nan)
        log_p[numbers] = model.score(
            model.space.transform([said[book.prompts[i]].text for i in numbers]), numbers
        )
        every = all_prompts(~np.isnan(log_p[:, 0]), len(book.names))
        for place, name in enumerate(book.names):
            found = standing(model, log_p, every, place, usable, rounds=1)
            if found is not None and found.p is not None:
                out.append((suspect.name, name, found.rank, found.p, len(found.null)))
    return out


def nulls(quick: bool) -> list[tuple[object, ...]]:
    """How often a stranger's conformal p is small: each API model against the store without its
    vendor, refitted."""
    table, rows = models("teacher"), []
    for size, draws in ((20, 2 if quick else 5), (100, 1), *(() if quick else ((None, 1),))):
        found = []
        for seed in range(draws):
            everyone = [stored(row, drawn_probes(size, seed)) for row in table]
            for vendor in sorted({t.vendor for t in everyone}):
                inside, outside = (
                    [t for t in everyone if (t.vendor == vendor) is same] for same in (True, False)
                )
                found += p_values(outside, inside)
        p, n = np.array([f[3] for f in found]), np.array([f[4] for f in found])
        for level in (0.05, 0.1, 0.2):
            able = n + 1 >= 1 / level
            share, among = float((p <= level).mean()), float((p[able] <= level).mean())
            rows.append((size or 536, level, len(p), share, int(able.sum()), among))
            told = (
                f"{share:.4f} of {len(p)} pairs; {among:.4f} of the {able.sum()} that can reach it"
            )
            click.echo(f"nulls: {size or 536} prompts, p <= {level}: {told}")
    return rows


def suspects(prompts: int | None) -> list[tuple[object, ...]]:
    """Models of known or presumed history against the 34 API models: nearest stored model, its
    vendor, its conformal p."""
    probes = drawn_probes(prompts, 0)
    teachers = [stored(row, probes) for row in models("teacher")]
    judged = models("suspect")
    found = p_values(teachers, [stored(row, probes) for row in judged])
    vendor = {t.name: t.vendor for t in teachers}
    rows: list[tuple[object, ...]] = []
    for row in judged:
        mine = sorted((f for f in found if f[0] == row["model"]), key=lambda f: f[2])
        rows.append(
            (
                row["model"],
                row["openai_label"],
                row["teachers"],
                mine[0][1],
                vendor[mine[0][1]],
                mine[0][3],
                mine[0][4],
            )
        )
    for label in ("pos", "neg", "neg_presumed"):
        some = [r for r in rows if r[1] == label]
        near = sum(r[4] == "OpenAI" for r in some)
        rare = sum(float(str(r[5])) <= 0.05 for r in some)
        click.echo(
            f"suspects {label}: nearest stored model is OpenAI's for {near} of {len(some)}; p <= 0.05: {rare}"
        )
    return rows


def write(out: Path, name: str, columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    """The rows as ``name.csv`` and ``name.md``."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])
    shown = [
        [f"{v:.3f}" if isinstance(v, float) else "" if v is None else str(v) for v in row]
        for row in rows
    ]
    lines = [list(columns), ["---"] * len(columns), *shown]
    (out / f"{name}.md").write_text(
        "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n", encoding="utf-8"
    )


@click.command()
@click.option("--quick", is_flag=True, help="Fewer prompts and bootstrap rounds.")
@click.option("--nulls", "run_nulls", is_flag=True, help="The false-alarm benchmark instead.")
@click.option(
    "--suspects",
    "run_suspects",
    is_flag=True,
    help="Models of known history against the API models instead.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("bench-results"), help="Where tables go."
)
@click.option("--seed", default=0, help="Seed of the split.")
def main(quick: bool, run_nulls: bool, run_suspects: bool, out: Path, seed: int) -> None:
    """Measures source recognition on public answers of API models."""
    if run_nulls:
        write(
            out,
            "source_nulls",
            ("prompts", "level", "pairs", "share", "pairs able", "share of able"),
            nulls(quick),
        )
    elif run_suspects:
        columns = ("model", "label", "teachers", "nearest", "vendor", "p", "null models")
        write(out, "source_suspects", columns, suspects(100 if quick else None))
    else:
        a = load(150 if quick else None, seed)
        click.echo(
            f"{len(a.texts)} answers, {len(a.family)} models, {len(a.families)} families, {len(np.unique(a.prompt))} prompts"
        )
        write(out, "source_recognition", COLUMNS, recognition(a, 50 if quick else 200))


if __name__ == "__main__":
    main()
