"""Plans: YAML round trips, flags, estimates, one-line refusals."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.audits.costs import estimate
from auditor.audits.inheritance.plan import Plan
from fingerprints.errors import MalformedInput, UsageProblem
from fingerprints.probes import PRESETS, ProbeChoice, parse_probes
from fingerprints.records import Arm, Sampling


def test_a_plan_written_as_yaml_reads_back_equal(tmp_path: Path) -> None:
    plan = Plan.make(
        {
            "suspect": "gguf:./m.gguf",
            "probes": [{"set": "identity", "head": 3, "arms": ["own"]}],
            "sampling": {"temperature": 0.5, "seed": 7},
            "candidates": ["a"],
            "base": "hf:./base",
            "teachers": {"b": "gguf:./b.gguf"},
            "scores": "scores.jsonl",
        }
    )
    path = tmp_path / "plan.yaml"
    path.write_text(plan.to_yaml())
    assert Plan.read(path, {}) == plan


def test_flags_win_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(Plan(suspect="gguf:./m.gguf").to_yaml())
    assert Plan.read(path, {"suspect": "gguf:./other.gguf"}).suspect == "gguf:./other.gguf"


def test_presets_grow_and_probe_lists_are_parsed() -> None:
    assert [c.set for c in parse_probes("full")] == [
        "identity",
        "leading",
        "style",
        "choices",
        "openings",
        "policy",
    ]
    assert parse_probes("identity,style:96") == (
        ProbeChoice(set="identity"),
        ProbeChoice(set="style", head=96),
    )
    sizes = [
        estimate([c.load() for c in PRESETS[name]], Sampling(), 1e8).questions
        for name in ("quick", "standard", "full")
    ]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == 3


def test_an_estimate_counts_questions_arms_and_samples() -> None:
    plan = Plan.make(
        {
            "suspect": "x",
            "probes": [{"set": "identity", "head": 5}],
            "sampling": {"samples": 2, "max_tokens": 10},
        }
    )
    cost = estimate(plan.probe_sets(), plan.sampling, 1e8)
    assert cost.questions == 5 * 3 * 2
    assert cost.tokens_out_at_most == 5 * 3 * 2 * 10
    assert estimate(plan.probe_sets(), plan.sampling, 1e9).seconds > cost.seconds
    assert "endpoint" in estimate(plan.probe_sets(), plan.sampling, None).basis


def test_arms_can_be_chosen() -> None:
    assert ProbeChoice(set="identity", head=1, arms=(Arm.NEUTRAL,)).load().arms == (Arm.NEUTRAL,)


@pytest.mark.parametrize(
    "text", ["", "[]", "- a", "suspect: 3\nprobes: x", "suspect: x\ncolour: red", "\x00", "a: [b"]
)
def test_a_bad_plan_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    with pytest.raises(MalformedInput) as caught:
        Plan.read(path, {})
    assert "plan.yaml" in caught.value.line()


def test_unknown_detectors_sets_and_counts_are_usage_problems() -> None:
    with pytest.raises(UsageProblem, match="no detector"):
        Plan.make({"suspect": "x", "detectors": ["magic"]})
    with pytest.raises(UsageProblem, match="no probe set"):
        parse_probes("nonsense")[0].load()
    with pytest.raises(UsageProblem, match="asks no probe"):
        parse_probes("style:0")
