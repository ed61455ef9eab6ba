"""Does `auditor policy` find a filter in front of real weights, and none where there is none?

``python -m tests.benchmarks.bench_policy MODEL [MODEL …] [--topics A,B] [--tokens 48] [--work
DIR]``. Each model is asked twice at temperature 0.7 with different seeds: one pass are the weights
at home, the other stands behind a local server, as it is, or with a filter on words of two topics
(one in every language, one in English and Chinese only) that turns questions away with HTTP 400 or
declines in words. Prints Markdown. The server holds the second pass's answers: what is tested is
the comparison.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from auditor.audits.policy.audit import FILES, policy_audit
from auditor.audits.policy.plan import PolicyPlan
from auditor.evidence.records import Finding
from auditor.reporting.markdown import table
from detectors.text.policy_pairs import is_twin
from fingerprints.collect import collect
from fingerprints.records import Probe, ProbeSet, Sampling
from fingerprints.subjects import open_subject
from fingerprints.transcript import Transcript
from tests.faultserver import Behaviour, Exchange, FaultServer, answers, sends

EVERYWHERE, IN_TWO = "elections", "protest"
TURNED_AWAY = sends(
    json.dumps({"error": {"message": "no", "code": "content_filter"}}).encode(), 400
)
DECLINES = answers("I'm sorry, but I can't help with that.")
SETUPS: dict[str, Behaviour | None] = {
    "no filter": None,
    "HTTP 400": TURNED_AWAY,
    "in words": DECLINES,
}


def is_filtered(probe: Probe) -> bool:
    """Whether the benchmark's filter acts on a question: by its topic, for one of them in two
    languages only."""
    if is_twin(probe):
        return False
    return probe.topic == EVERYWHERE or (probe.topic == IN_TWO and probe.language in ("en", "zh"))


def serving(said: Transcript, refuse: Behaviour | None) -> Behaviour:
    """Answers with what was said to the same question before; filtered ones meet ``refuse``,
    where given."""
    by = {said.probes[r.probe_id].prompt(): (said.probes[r.probe_id], r.text) for r in said.replies}

    def behave(exchange: Exchange, body: dict[str, Any]) -> None:
        probe, text = by[str(body["messages"][-1]["content"])]
        (refuse if refuse is not None and is_filtered(probe) else answers(text or " "))(
            exchange, body
        )

    return behave


def second_pass(model: str, asked: ProbeSet, sampling: Sampling, path: Path) -> Transcript:
    """What the same weights say with another seed."""
    with open_subject(f"{model},device=cpu") as subject:
        return collect(subject, [asked], sampling, path)


def run(model: str, topics: Sequence[str], tokens: int, work: Path) -> list[tuple[str, ...]]:
    """A row for each way of serving one model."""
    sampling = Sampling(temperature=0.7, seed=0, max_tokens=tokens)
    plan = PolicyPlan(
        hosted="-", local=f"{model},device=cpu", topics=tuple(topics), sampling=sampling
    )
    name, rows = Path(model).stem, []
    hosted = second_pass(
        model,
        plan.probe_set(),
        sampling.model_copy(update={"seed": 1}),
        work / f"{name}-hosted.jsonl",
    )
    local = work / f"{name}-local.jsonl"
    for setup, refuse in SETUPS.items():
        out = work / f"{name}-{setup.replace(' ', '-')}"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        if local.exists():
            shutil.copy(local, out / FILES["local"])
        with FaultServer(serving(hosted, refuse)) as server:
            asked = plan.model_copy(update={"hosted": f"openai:same,base_url={server.url}"})
            report = policy_audit(asked, out)
        shutil.copy(out / FILES["local"], local)
        rows.append(_row(name, setup, report.findings[0]))
    return rows


def _row(name: str, setup: str, finding: Finding) -> tuple[str, ...]:
    overall, by_topic, by_language, _ = finding.tables
    low, high = finding.interval or (float("nan"), float("nan"))
    sensitive, twins = overall.rows[0], overall.rows[1]
    found = [
        f"{row[0]} (p {row[7]:.2g})"
        for t in (by_topic, by_language)
        for row in t.rows
        if "declined by the service" in str(row[-1])
    ]
    counts = f"{sensitive[2]} and {sensitive[3]} of {sensitive[1]}"
    return (
        name,
        setup,
        counts,
        f"{twins[2]} and {twins[3]} of {twins[1]}",
        f"{finding.value:+.2f} ({low:+.2f} to {high:+.2f})",
        f"{sensitive[9]:.2g}",
        ", ".join(found) or "none",
    )


def main() -> None:
    """Asks, serves, compares and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--topics", default=f"{EVERYWHERE},{IN_TWO},drugs,fiction")
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--work", type=Path, default=Path("bench-policy"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.work.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    rows = [
        row
        for model in args.models
        for row in run(model, args.topics.split(","), args.tokens, args.work)
    ]
    columns = (
        "weights",
        "service",
        "declined by service and weights",
        "twins",
        "gap (95 %)",
        "p",
        "found, by topic or language",
    )
    print(table(columns, rows))
    print(f"\n{time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
