"""The suspect's base: found where somebody says which it is, asked what the suspect was asked,
and told with its origin."""

from __future__ import annotations

import json
from pathlib import Path

import peft
import pytest
import torch
from click.testing import CliRunner

from auditor import audit
from auditor.audits.inheritance.base_model import asked_again, base_spec, find_base
from auditor.audits.inheritance.plan import Plan
from auditor.audits.report.bundle import load_bundle
from auditor.cli import cli, run
from detectors.base import Case, Detector, Measurement
from detectors.registry import TABLE
from fingerprints.errors import MalformedInput, UsageProblem
from fingerprints.records import Arm
from fingerprints.store import FingerprintStore
from fingerprints.subjects.library import quiet
from fingerprints.transcript import load_transcript
from tests.fingerprints.subjects.tiny import tiny_checkpoint, tiny_model
from tests.recordings import recorded

PROBES = "identity:2,style:6"
FAST = ["--probes", PROBES, "--max-tokens", "8", "--dtype", "float32"]


class ReadsBase(Detector):
    """How many readable answers the base gave: a detector that needs a base, for these tests."""

    name, question, scope = "reads_base", "inheritance", "suspect"
    asks, needs, source = "How many answers has the base?", ("base:replies",), "these tests"

    def measure(self, case: Case) -> Measurement:
        """The count, 0 without a base."""
        n = 0 if case.base is None else len(case.base.transcript.readable())
        return Measurement(
            metric="base answers", value=n, n=n, n_unit="answers", direction="higher: more"
        )


@pytest.fixture
def reads_base(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(TABLE, "reads_base", f"{__name__}:ReadsBase")
    return "reads_base"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A base, an adapter on it, an unrelated model, and a store of the unrelated one."""
    folder = tmp_path_factory.mktemp("bases")
    made = {
        name: tiny_checkpoint(folder / name, seed=i + 1) for i, name in enumerate(("base", "other"))
    }
    torch.manual_seed(5)
    config = peft.LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False)
    with quiet():
        peft.get_peft_model(tiny_model(1), config).save_pretrained(folder / "lora")
    for model, name, store in (
        ("other", "other", "store"),
        ("other", "other", "with-base"),
        ("base", "the base", "with-base"),
    ):
        where = ["--name", name, "--store", str(folder / store)]
        assert run(["store", "add", str(made[model]), *where, *FAST]) == 0
    return {
        **made,
        "lora": folder / "lora",
        "store": folder / "store",
        "with-base": folder / "with-base",
    }


def _audited(
    spec: str, models: dict[str, Path], out: Path, *more: str, store: str = "store"
) -> Path:
    assert run(["audit", spec, "--store", str(models[store]), "--out", str(out), *FAST, *more]) == 0
    return out


def _adapted(models: dict[str, Path]) -> str:
    return f"hf:{models['base']},adapter={models['lora']}"


def test_a_named_base_is_asked_the_same_and_told_as_claimed(
    models: dict[str, Path], tmp_path: Path
) -> None:
    out = _audited(
        str(models["other"]),
        models,
        tmp_path / "r",
        "--base",
        str(models["base"]),
        store="with-base",
    )
    report, base = load_bundle(out), load_transcript(out / "base.jsonl")
    assert report.base is not None
    assert (report.base.origin, report.base.by_digest, report.base.name) == (
        "user",
        False,
        "the base",
    )
    assert report.base.answers_sha256 == base.digest()
    assert report.base.identity.weights_sha256 == base.identity.weights_sha256 is not None
    assert {r.key for r in base.replies} == {
        r.key for r in load_transcript(out / "transcript.jsonl").replies
    }
    assert report.plan["base"] == "hf:…/base,dtype=float32"
    assert "claimed only" in (out / "report.html").read_text("utf-8")


def test_an_audit_with_a_base_is_resumed_and_judged_again_from_both_transcripts(
    models: dict[str, Path], tmp_path: Path
) -> None:
    out = _audited(
        str(models["other"]),
        models,
        tmp_path / "r",
        "--base",
        str(models["base"]),
        store="with-base",
    )
    whole = (out / "base.jsonl").read_bytes()
    (out / "base.jsonl").write_bytes(b"".join(whole.splitlines(keepends=True)[:-4]))
    assert run(["audit", "--plan", str(out / "plan.yaml"), "--out", str(out)]) == 0
    first = load_bundle(out)
    again = audit(
        str(out / "transcript.jsonl"),
        tmp_path / "again",
        store=str(models["with-base"]),
        base=str(out / "base.jsonl"),
    )
    assert first.base is not None
    assert again.base is not None
    assert (
        again.base.answers_sha256
        == first.base.answers_sha256
        == load_transcript(out / "base.jsonl").digest()
    )
    assert any("--base '…/base.jsonl'" in line for line in first.reproduce)
    assert any("--plan '…/plan.yaml'" in line for line in first.reproduce)


def test_an_adapters_base_is_taken_from_the_store_at_no_cost(
    models: dict[str, Path], tmp_path: Path
) -> None:
    out = _audited(_adapted(models), models, tmp_path / "r", store="with-base")
    report = load_bundle(out)
    assert report.base is not None
    assert (report.base.origin, report.base.name, report.base.by_digest) == (
        "store",
        "the base",
        True,
    )
    assert report.base.n_shared > 0
    assert not (out / "base.jsonl").exists()


def test_an_adapters_base_is_asked_only_where_a_detector_reads_its_answers(
    models: dict[str, Path], tmp_path: Path, reads_base: str
) -> None:
    without = load_bundle(_audited(_adapted(models), models, tmp_path / "without"))
    assert without.base is None
    report = load_bundle(
        _audited(_adapted(models), models, tmp_path / "r", "--detectors", reads_base)
    )
    assert report.base is not None
    assert (report.base.origin, report.base.by_digest) == ("adapter", True)
    assert report.findings[0].value > 0


def test_a_base_that_is_the_suspect_is_refused(models: dict[str, Path], tmp_path: Path) -> None:
    plan = Plan.make(
        {
            "suspect": str(models["other"]),
            "base": str(models["other"]),
            "probes": [{"set": "style", "head": 1}],
        }
    )
    with FingerprintStore.open(models["store"], read_only=True) as store:
        suspect = store.transcript("other")
        with pytest.raises(UsageProblem, match="is the suspect itself"):
            find_base(plan, suspect, store, tmp_path)


def test_a_base_without_a_readable_answer_is_refused(
    models: dict[str, Path], tmp_path: Path
) -> None:
    silent = tmp_path / "silent.jsonl"
    silent.write_text(json.dumps({"prompt": "a", "answer": " "}) + "\n")
    plan = Plan(suspect=str(models["other"]), base=str(silent))
    with (
        FingerprintStore.open(models["store"], read_only=True) as store,
        pytest.raises(MalformedInput, match="no answer was read"),
    ):
        find_base(plan, store.transcript("other"), store, tmp_path)


def test_a_recording_of_unknown_arms_is_asked_again_in_the_bases_own(tmp_path: Path) -> None:
    suspect = recorded(tmp_path, "alpha")
    sets = asked_again(Plan(suspect="answers.jsonl").probe_sets(), suspect)
    assert [(s.arms, len(s.probes)) for s in sets] == [((Arm.OWN,), 60)]
    assert {p.digest() for p in sets[0].probes} == {p.digest() for p in suspect.probes.values()}


def test_a_transcript_of_bundled_sets_is_asked_again_in_their_arms_and_lengths(
    models: dict[str, Path],
) -> None:
    with FingerprintStore.open(models["store"], read_only=True) as store:
        suspect = store.transcript("other")
    sets = asked_again(Plan(suspect="answers.jsonl").probe_sets(), suspect)
    assert [(s.name, len(s.probes), s.arms) for s in sets] == [
        ("identity", 2, (Arm.OWN, Arm.EMPTY, Arm.NEUTRAL)),
        ("style", 6, (Arm.OWN,)),
    ]


def test_the_base_of_a_spec_is_what_the_user_named_or_what_the_adapter_lies_on(
    models: dict[str, Path],
) -> None:
    adapted = _adapted(models)
    assert base_spec(Plan(suspect=adapted)) == (f"hf:{models['base']}", "adapter")
    assert base_spec(Plan(suspect=adapted, base="hf:org/name")) == ("hf:org/name", "user")
    assert base_spec(Plan(suspect=str(models["base"]))) is None


def test_a_dry_run_counts_the_bases_questions(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDITOR_AUDIT_BASE", str(models["base"]))
    args = [
        "audit",
        str(models["other"]),
        "--store",
        str(models["store"]),
        "--dry-run",
        "--json",
        *FAST,
    ]
    told = json.loads(CliRunner().invoke(cli, args, auto_envvar_prefix="AUDITOR").stdout)
    assert told["base"]["questions"] == told["estimate"]["questions"] == 2 * 3 + 6
    assert told["base"]["origin"] == "user"
    assert told["plan"]["base"].startswith("hf:")
