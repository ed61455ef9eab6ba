"""Published packages and ours on the same answers: who names the source, and who accuses strangers?

    python -m venv /tmp/peers && /tmp/peers/bin/pip install knowlyr-modelaudit==0.4.1 lmscan==0.6.1
    AUDITOR_BENCH_DATA=data python -m tests.benchmarks.bench_peers --peers /tmp/peers/bin/python
    [--sizes 20,0]

The peers run by an interpreter of their own, never in the project's environment; without one they
are skipped and it is said. Data: public outputs of API models on AlpacaEval prompts. Prints
figures; never a word of the data.
"""

from __future__ import annotations

import functools
import json
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import click
import numpy as np

from auditor.calibration.apply import weighed
from auditor.calibration.record import shipped_calibrations
from auditor.calibration.rows import KnownModel, MeasuredRow, measured_rows
from auditor.evidence.records import Candidate, Finding
from detectors.base import Teacher
from detectors.registry import load_detector
from detectors.stats.intervals import clopper_pearson, clustered_rate
from tests.benchmarks.bench_compare import table
from tests.benchmarks.bench_source_recognition import (
    drawn_probes,
    in_families,
    load,
    models,
    ours,
    outputs,
    p_values,
    stored,
)

PUBLIC = "public-models"
SIDE = Path(__file__).parent / "peers_side.py"
PATIENCE = 3600
# What either package calls a maker's models; a maker that it doesn't know can't be named by it.
NAMES = {
    "knowlyr": {
        "OpenAI": ("gpt-4", "gpt-3.5"),
        "Anthropic": ("claude",),
        "Google": ("gemini",),
        "Meta": ("llama",),
        "Mistral AI": ("mistral",),
        "Alibaba": ("qwen",),
        "Cohere": ("cohere",),
    },
    "lmscan": {
        "OpenAI": ("GPT",),
        "Anthropic": ("Claude",),
        "Google": ("Gemini",),
        "Meta": ("Llama",),
        "Mistral AI": ("Mistral", "Mixtral"),
        "Alibaba": ("Qwen",),
        "Cohere": ("Cohere", "Command"),
    },
}


def peer(interpreter: Path, task: dict[str, Any]) -> dict[str, Any]:
    """What the peers say to one task."""
    done = subprocess.run(
        [str(interpreter), "-I", str(SIDE)],
        input=json.dumps(task),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    if done.returncode:
        raise click.ClickException(f"the peers failed: {done.stderr.strip().splitlines()[-1:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def share(hits: Sequence[bool], clusters: Sequence[object]) -> str:
    """A share with its interval over prompts."""
    found = clustered_rate([float(h) for h in hits], [str(c) for c in clusters])
    return f"{np.mean(hits):.3f} ({found.low:.3f} to {found.high:.3f})"


def naming(interpreter: Path | None, prompts: int, most: int, seed: int) -> None:
    """Prints how often the maker of one answer is named, ours after learning from other prompts."""
    data = load(prompts, seed)
    labs = [row["lab"] for row in models("teacher")]
    of_family = {data.family[m]: labs[m] for m in range(len(labs))}
    test = np.flatnonzero(~data.train)
    start = time.perf_counter()
    scored = data.test(in_families(data, ours(data, centred=False)))
    seconds = time.perf_counter() - start
    named = [of_family[int(k)] for k in np.argmax(scored, axis=1)]
    drawn = np.sort(np.random.default_rng(seed).permutation(len(test))[:most])
    truth = [labs[data.model[test[i]]] for i in drawn]
    where = [int(data.prompt[test[i]]) for i in drawn]
    counts = Counter(truth)
    rows: list[Sequence[object]] = [
        (
            "always the commonest maker",
            len(drawn),
            share([t == counts.most_common(1)[0][0] for t in truth], where),
            f"{1 / len(counts):.3f}",
            "–",
            "–",
        ),
        _named(
            "ours, the answer alone, learned from other prompts",
            [named[i] for i in drawn],
            truth,
            where,
            f"{seconds:.0f} (learning and {len(test)} answers)",
        ),
    ]
    if interpreter is not None:
        texts = [data.texts[test[i]] for i in drawn]
        found = peer(interpreter, {"kind": "named", "texts": texts})
        for name in ("knowlyr", "lmscan"):
            makers = [_maker(name, said) for said in found[name]]
            label = {"knowlyr": "knowlyr-modelaudit", "lmscan": "lmscan"}[name]
            rows.append(
                _named(
                    f"{label} {found['versions'][label]}",
                    makers,
                    truth,
                    where,
                    f"{found['seconds'][name]:.1f}",
                )
            )
    columns = (
        "who names the maker of one answer",
        "answers",
        "right (95 % over prompts)",
        "mean over makers",
        "most often says",
        "seconds",
    )
    table(columns, rows)


def _maker(package: str, said: str) -> str:
    for maker, names in NAMES[package].items():
        if said.startswith(names):
            return maker
    return f"{said} (no maker here)"


def _named(
    label: str, makers: list[str], truth: list[str], where: list[int], seconds: str
) -> Sequence[object]:
    right = [m == t for m, t in zip(makers, truth, strict=True)]
    each = [
        np.mean([r for r, t in zip(right, truth, strict=True) if t == lab])
        for lab in sorted(set(truth))
    ]
    first, n = Counter(makers).most_common(1)[0]
    return (
        label,
        len(right),
        share(right, where),
        f"{np.mean(each):.3f}",
        f"{first}, {n / len(makers):.0%}",
        seconds,
    )


def strangers(interpreter: Path | None, size: int, seed: int) -> list[Sequence[object]]:
    """Rows: how many cross-vendor pairs of API models are called derived, theirs and ours."""
    rows = models("teacher")
    probes = drawn_probes(size or None, seed)
    said = {row["model"]: outputs(row["model"]) for row in rows}
    shared = [i for i in probes if all(i in s for s in said.values())]
    pairs = [[a["model"], b["model"]] for a, b in combinations(rows, 2) if a["lab"] != b["lab"]]
    out: list[Sequence[object]] = []
    if interpreter is not None:
        answers = {name: [s[i] for i in shared] for name, s in said.items()}
        found = peer(interpreter, {"kind": "audited", "answers": answers, "pairs": pairs})
        verdicts = found["verdicts"]
        version = f"knowlyr-modelaudit {found['versions']['knowlyr-modelaudit']}"
        took = f"{found['seconds']:.0f}"
        for label, hits in (
            ("llmmap: derived", [v[1] for v in verdicts]),
            ("dli: derived", [v[2] for v in verdicts]),
            ("audit: likely derived", [v[0] == "likely_derived" for v in verdicts]),
            ("audit: independent", [v[0] == "independent" for v in verdicts]),
        ):
            out.append((len(shared), version, label, *_counted(hits), took))
    start = time.perf_counter()
    everyone = [stored(row, probes) for row in rows]
    found_p = []
    for vendor in sorted({t.vendor for t in everyone}):
        inside, outside = (
            [t for t in everyone if (t.vendor == vendor) is same] for same in (True, False)
        )
        found_p += p_values(outside, inside)
    took = f"{time.perf_counter() - start:.0f}"
    p, nulls = np.array([f[3] for f in found_p]), np.array([f[4] for f in found_p])
    able = nulls + 1 >= 20
    for label, hits in (
        ("ordered pairs", p <= 0.05),
        ("those whose null can reach it", p[able] <= 0.05),
    ):
        told = f"stylistic_overlap: p ≤ 0.05, {label}"
        out.append((len(probes), "ours, uncalibrated", told, *_counted(hits.tolist()), took))
    return [*out, *calibrated(everyone)]


def calibrated(everyone: Sequence[Teacher]) -> list[Sequence[object]]:
    """Rows: how many cross-vendor pairs our shipped calibration calls supported, which begins at
    moderate support."""
    start, found = time.perf_counter(), []
    calibration = next(c for c in shipped_calibrations() if c.name == PUBLIC)
    loaders = [functools.partial(load_detector, name) for name in calibration.fitted[0].detectors]
    size = max(len(t.transcript.replies) for t in everyone)
    for vendor in sorted({t.vendor for t in everyone}):
        inside, outside = (
            [t for t in everyone if (t.vendor == vendor) is same] for same in (True, False)
        )
        known = [KnownModel(t.name, t.name, t.transcript, kin=frozenset({vendor})) for t in inside]
        rows = [r for r in measured_rows(known, outside, loaders, [size]) if r.level == "model"]
        for one in inside:
            mine = [
                finding(row, name) for row in rows if row.suspect == one.name for name in row.values
            ]
            found += weighed(mine, [_candidate(t) for t in outside], calibration).verdicts
    took, out = f"{time.perf_counter() - start:.0f}", []
    told = [v for v in found if v.assessed]
    most = max(v.log10_lr or 0.0 for v in told)
    label = f"{calibration.name}, makers: moderate support or above (largest log10 LR {most:.2f})"
    counted = _counted([v.outcome == "supported" for v in told])
    out.append((size, "ours, calibrated", label, *counted, took))
    return out


def finding(row: MeasuredRow, detector: str) -> Finding:
    """One detector's value of a row as a report would hold it."""
    return Finding(
        question="inheritance",
        detector=detector,
        candidate=row.candidate,
        metric=detector,
        metric_id=row.metric_ids[detector],
        value=row.values[detector],
        n=row.size,
        n_unit="prompts",
        counts_prompts=True,
        direction="",
        interval=None,
        level=0.95,
    )


def _candidate(stored_one: Teacher) -> Candidate:
    said = stored_one.transcript
    return Candidate(
        name=stored_one.name,
        vendor=stored_one.vendor,
        family="",
        identity=said.identity,
        n_answers=len(said.replies),
        n_shared=len(said.replies),
        answers_sha256="0" * 64,
    )


def _counted(hits: Sequence[bool]) -> tuple[int, str]:
    low, high = clopper_pearson(int(sum(hits)), len(hits))
    return len(hits), f"{np.mean(hits):.3f} ({low:.3f} to {high:.3f})"


@click.command()
@click.option(
    "--peers",
    type=click.Path(path_type=Path),
    help="The interpreter that has the peers; without it they are skipped.",
)
@click.option(
    "--sizes",
    default="20,0",
    show_default=True,
    help="Prompts of the accusations, 0 for all; empty for none.",
)
@click.option(
    "--prompts",
    default=150,
    show_default=True,
    help="Prompts of the naming, two thirds to learn from; 0 for none.",
)
@click.option("--most", default=1500, show_default=True, help="Answers to be named at most.")
@click.option("--seed", default=0, show_default=True)
def main(peers: Path | None, sizes: str, prompts: int, most: int, seed: int) -> None:
    """Prints the tables."""
    if peers is None or not peers.is_file():
        click.echo(
            "peers skipped: "
            + ("no --peers given" if peers is None else f"no interpreter at {peers}")
        )
        peers = None
    if prompts:
        naming(peers, prompts, most, seed)
    for size in (int(n) for n in sizes.split(",") if n):
        columns = (
            "prompts",
            "who",
            "what it says of a cross-vendor pair",
            "pairs",
            "share (95 %)",
            "seconds",
        )
        table(columns, strangers(peers, size, seed))


if __name__ == "__main__":
    main()
