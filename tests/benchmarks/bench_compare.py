"""Do the matrix and the tree of `auditor compare` bring known relatives together, and better than
overlap of word lists?

AUDITOR_BENCH_DATA=data python -m tests.benchmarks.bench_compare [--prompts 20,100,0] [--resamples
N]

Data: public outputs on AlpacaEval prompts, and the word lists of slop-forensics (MIT), of which the
answers aren't public. Labels: ``lineage_group`` and ``lab`` of models.csv, relations of pairs.csv.
Prints figures; never a word of the data.
"""

from __future__ import annotations

import csv
import re
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from detectors.stats.intervals import clopper_pearson
from detectors.stats.trees import Split, Tree, neighbour_joining, supports
from detectors.style.distances import apart, mean_apart, resampled
from tests.benchmarks.bench_source_recognition import folder, models, outputs, rows_of

Array = NDArray[np.float64]
RELATIONS = (
    "same_weights_other_sampling_or_host",
    "same_weights_other_prompt",
    "same_model_other_version",
    "fine_tune_of_same_chat_weights",
    "verbatim_overlap",
    "post_edited_copy",
    "student_teacher",
    "same_base_other_teacher",
)
WORDS, GRAMS = 1000, 200
SHUFFLES = 300
_WORD = re.compile(r"[a-z][a-z'-]+")
# The slop profiles' models that AlpacaEval has too, by name there; Claude 3.5 Sonnet's date isn't
# given in the profiles.
BOTH = {
    "openai/gpt-4o-mini": "gpt-4o-mini-2024-07-18",
    "openai/gpt-3.5-turbo-0613": "gpt-3.5-turbo-0613",
    "openai/gpt-4-0314": "gpt4_0314",
    "meta-llama/llama-3.1-405b-instruct": "Meta-Llama-3.1-405B-Instruct-Turbo",
    "meta-llama/llama-3.1-70b-instruct": "Meta-Llama-3.1-70B-Instruct-Turbo",
    "anthropic/claude-3.5-sonnet": "claude-3-5-sonnet-20240620",
}
# Makers of the base, for fine-tunes that others published and for names without a maker.
MAKERS = {
    "gemini-2.5-pro-exp-03-25": "google",
    "chatgpt-4o-latest": "openai",
    "openrouter/quasar-alpha": "openai",
    "sam-paech/Darkest-muse-v1": "google",
    "ifable/gemma-2-Ifable-9B": "google",
    "ToastyPigeon/Gemma-3-Starshine-12B": "google",
    "allura-org/Gemma-3-Glitter-12B": "google",
}


def nearest(matrix: Array) -> NDArray[np.int64]:
    """The nearest other model of each."""
    return np.asarray(np.argmin(matrix + np.diag(np.full(len(matrix), np.inf)), axis=1))


def same_of_nearest(
    matrix: Array, labels: Sequence[str], groups: list[str]
) -> tuple[str, int, float]:
    """Share of models whose nearest has their label, of those with another of it: text with
    interval, n, share by chance."""
    held = np.array(labels)
    partners = np.array([(held == label).sum() - 1 for label in held])
    asked = np.flatnonzero(partners > 0)
    right = held[nearest(matrix)] == held
    by_chance = float((partners[asked] / (len(held) - 1)).mean())
    low, high = share_interval([bool(right[i]) for i in asked], [groups[i] for i in asked])
    return f"{right[asked].mean():.2f} ({low:.2f} to {high:.2f})", len(asked), by_chance


def share_interval(
    hits: Sequence[bool], groups: list[str], rounds: int = 2000
) -> tuple[float, float]:
    """95 % interval of a share: whole groups redrawn; where all agree, Clopper and Pearson's
    with n the number of groups."""
    names = sorted(set(groups))
    counts = np.array(
        [
            [sum(h for h, g in zip(hits, groups, strict=True) if g == n), groups.count(n)]
            for n in names
        ]
    )
    if counts[:, 0].sum() in (0, counts[:, 1].sum()):
        return clopper_pearson(len(names) if counts[:, 0].sum() else 0, len(names))
    drawn = np.random.default_rng(0).integers(len(names), size=(rounds, len(names)))
    shares = counts[drawn, 0].sum(axis=1) / counts[drawn, 1].sum(axis=1)
    return float(np.quantile(shares, 0.025)), float(np.quantile(shares, 0.975))


def clades(tree: Tree, labels: Sequence[str]) -> list[bool]:
    """For each label that two or more leaves have, in order: do these leaves stand together on
    one side of an edge?"""
    everybody = frozenset(range(tree.n_leaves))
    splits = set(tree.splits().values())
    sides = splits | {everybody - s for s in splits}
    groups: dict[str, set[int]] = {}
    for i, label in enumerate(labels):
        groups.setdefault(label, set()).add(i)
    return [frozenset(g) in sides for _, g in sorted(groups.items()) if len(g) > 1]


def clades_by_chance(tree: Tree, labels: Sequence[str], seed: int = 0) -> float:
    """The same share where labels are dealt out at random, mean of many deals."""
    rng = np.random.default_rng(seed)
    return float(
        np.mean([np.mean(clades(tree, rng.permutation(labels).tolist())) for _ in range(SHUFFLES)])
    )


def word_lists(texts: Sequence[Sequence[str]]) -> list[set[str]]:
    """The words, pairs and triples that each model uses more than all together do, after
    slop-forensics: 1,000, 200, 200.

    Their baseline is a word-frequency table; ours is the pooled answers. A word must occur three
    times.
    """
    counts = []
    for said in texts:
        words = [_WORD.findall(text.lower()) for text in said]
        lists = [
            [" ".join(w[i : i + n]) for w in words for i in range(len(w) - n + 1)]
            for n in (1, 2, 3)
        ]
        counts.append([Counter(grams) for grams in lists])
    pooled: list[Counter[str]] = [Counter() for _ in range(3)]
    for model in counts:
        for total, own in zip(pooled, model, strict=True):
            total.update(own)
    most = (WORDS, GRAMS, GRAMS)
    return [
        set().union(
            *(_over(own, total, k) for own, total, k in zip(model, pooled, most, strict=True))
        )
        for model in counts
    ]


def _over(own: Counter[str], pooled: Counter[str], most: int) -> set[str]:
    size, whole = sum(own.values()), sum(pooled.values())
    ratio = {w: (n / size) / (pooled[w] / whole) for w, n in own.items() if n >= 3}
    return set(sorted(ratio, key=lambda w: (-ratio[w], w))[:most])


def jaccard(sets: Sequence[set[str]]) -> Array:
    """1 - shared over all, between all sets."""
    return np.array(
        [[0.0 if a is b else 1 - len(a & b) / max(1, len(a | b)) for b in sets] for a in sets]
    )


def profiles() -> tuple[list[str], list[set[str]]]:
    """The slop profiles: names, and the words, pairs and triples of each."""
    rows = rows_of(folder().parent / "slop_profiles" / "slop_profiles.jsonl.gz")
    lists = (("top_repetitive_words", "word"), ("top_bigrams", "ngram"), ("top_trigrams", "ngram"))
    entries: list[dict[str, Any]] = [dict(row) for row in rows]
    held = [{str(entry[word]) for key, word in lists for entry in row[key]} for row in entries]
    return [row["model"] for row in rows], held


def maker_of(name: str) -> str:
    """Who made a profiled model, or the base that a fine-tune started from."""
    return MAKERS.get(name, name.partition("/")[0])


def places(matrix: Array, names: Sequence[str], relation: str) -> list[int]:
    """The place of either model of each pair in the other's line of nearest ones, 1 for the
    nearest."""
    with (folder() / "pairs.csv").open(encoding="utf-8") as file:
        pairs = [
            (row["model_a"], row["model_b"])
            for row in csv.DictReader(file)
            if row["relation"] == relation
        ]
    at = {name: i for i, name in enumerate(names)}
    both = [(at[a], at[b]) for a, b in pairs] + [(at[b], at[a]) for a, b in pairs]
    return [int((np.delete(matrix[i], i) < matrix[i, j]).sum()) + 1 for i, j in both]


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Prints rows as Markdown."""
    print("\n| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print(flush=True)


def families(
    rows: list[dict[str, str]], said: list[dict[int, str]], sizes: Sequence[int], seed: int
) -> list[Array]:
    """Prints the table of families and returns the last matrix, of all models."""
    shared = sorted(set.intersection(*(set(s) for s in said)))
    kept = [i for i, row in enumerate(rows) if row["role"] in ("teacher", "suspect")]
    teachers = [i for i, row in enumerate(rows) if row["role"] == "teacher"]
    lines, matrices = [], []
    for size in sizes:
        ids = (
            shared if not size else np.random.default_rng(seed).permutation(shared)[:size].tolist()
        )
        start = time.perf_counter()
        ours = mean_apart(apart([{k: s[i] for k, i in enumerate(ids)} for s in said], len(ids)))
        seconds = time.perf_counter() - start
        lists = jaccard(word_lists([[s[i] for i in ids] for s in said]))
        matrices = [ours, lists]
        for name, matrix, took in (
            ("auditor compare", ours, f"{seconds:.0f}"),
            ("word lists, Jaccard", lists, "–"),
        ):
            for who, chosen in (("API models", teachers), ("API models and suspects", kept)):
                sub = matrix[np.ix_(chosen, chosen)]
                group, lab = ([rows[i][key] for i in chosen] for key in ("lineage_group", "lab"))
                tree = neighbour_joining(sub)
                together = clades(tree, group)
                by_group, n_group, luck = same_of_nearest(sub, group, group)
                by_lab, n_lab, luck_lab = same_of_nearest(sub, lab, lab)
                low, high = clopper_pearson(sum(together), len(together))
                lines.append(
                    (
                        len(ids),
                        name,
                        f"{who} ({len(chosen)})",
                        f"{by_group} n={n_group}; {luck:.2f}",
                        f"{by_lab} n={n_lab}; {luck_lab:.2f}",
                        f"{np.mean(together):.2f} ({low:.2f} to {high:.2f}) n={len(together)}; {clades_by_chance(tree, group):.2f}",
                        took,
                    )
                )
    columns = (
        "prompts",
        "method",
        "models",
        "nearest is of the lineage group; chance",
        "nearest is of the lab; chance",
        "lineage groups that are one branch; chance",
        "seconds",
    )
    table(columns, lines)
    return matrices


def relations(matrices: Sequence[Array], names: Sequence[str]) -> None:
    """Prints where related models stand in each other's line."""
    lines = []
    for relation in RELATIONS:
        row: list[object] = [relation.replace("_", " ")]
        for matrix in matrices:
            found = places(matrix, names, relation)
            first = sum(place == 1 for place in found)
            low, high = clopper_pearson(first, len(found))
            row.append(
                f"{first} of {len(found)} ({low:.2f} to {high:.2f}); {np.median(found):.0f}; {max(found)}"
            )
        lines.append(row)
    table(
        ("relation", "auditor compare: nearest; median place; worst", "word lists: the same"), lines
    )


def support_of_clades(rows: list[dict[str, str]], said: list[dict[int, str]], rounds: int) -> None:
    """Prints whether branches with high support are more often true ones."""
    kept = [i for i, row in enumerate(rows) if row["role"] in ("teacher", "suspect")]
    shared = sorted(set.intersection(*(set(said[i]) for i in kept)))
    cube = apart([{k: said[i][p] for k, p in enumerate(shared)} for i in kept], len(shared))
    tree = neighbour_joining(mean_apart(cube))
    share = supports(tree, (neighbour_joining(d) for d in resampled(cube, shared, rounds, 0)))
    group = [rows[i]["lineage_group"] for i in kept]
    lab = [rows[i]["lab"] for i in kept]
    lines = []
    for low, high in ((0.95, 1.01), (0.7, 0.95), (0.0, 0.7)):
        inside = [s for s, v in share.items() if low <= v < high]
        small = [s for s in (_smaller(s, len(kept)) for s in inside) if len(s) <= 6]
        one_group = sum(len({group[i] for i in s}) == 1 for s in small)
        one_lab = sum(len({lab[i] for i in s}) == 1 for s in small)
        lines.append(
            (
                f"{100 * low:.0f} to {100 * min(high, 1):.0f} %",
                len(inside),
                len(small),
                one_group,
                one_lab,
            )
        )
    table(
        ("support", "branches", "of 2 to 6 models", "all of one lineage group", "all of one lab"),
        lines,
    )


def _smaller(split: Split, n: int) -> Split:
    return split if 2 * len(split) <= n else frozenset(range(n)) - split


def slop(matrix: Array, names: Sequence[str]) -> None:
    """Prints how often the nearest profile is of the same maker, of all and of those that
    AlpacaEval has too."""
    profiled, sets = profiles()
    theirs, makers = jaccard(sets), [maker_of(name) for name in profiled]
    found, n, luck = same_of_nearest(theirs, makers, makers)
    both = [(profiled.index(a), names.index(b)) for a, b in BOTH.items()]
    some = [makers[i] for i, _ in both]
    lines: list[Sequence[object]] = [
        ("word lists of slop-forensics, creative writing", len(profiled), found, n, f"{luck:.2f}")
    ]
    for label, chosen, m in (
        ("the same, models that AlpacaEval has too", [i for i, _ in both], theirs),
        ("auditor compare on AlpacaEval, the same models", [j for _, j in both], matrix),
    ):
        _, n, luck = same_of_nearest(m[np.ix_(chosen, chosen)], some, some)
        hits = sum(some[i] == some[j] for i, j in enumerate(nearest(m[np.ix_(chosen, chosen)])))
        low, high = clopper_pearson(hits, n)
        lines.append(
            (label, len(both), f"{hits / n:.2f} ({low:.2f} to {high:.2f})", n, f"{luck:.2f}")
        )
    table(("method", "models", "nearest is of the same maker", "n", "chance"), lines)


@click.command()
@click.option(
    "--prompts", default="20,100,0", show_default=True, help="How many shared prompts; 0 means all."
)
@click.option("--resamples", type=click.IntRange(10), default=100, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(prompts: str, resamples: int, seed: int) -> None:
    """Prints the tables."""
    rows = models("teacher", "suspect", "variant", "contaminated")
    said = [outputs(row["model"]) for row in rows]
    names = [row["model"] for row in rows]
    matrices = families(rows, said, [int(n) for n in prompts.split(",")], seed)
    relations(matrices, names)
    support_of_clades(rows, said, resamples)
    slop(matrices[0], names)


if __name__ == "__main__":
    main()
