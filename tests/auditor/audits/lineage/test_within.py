"""Lineage inside an ordinary audit: candidate bases are compared by weights, and the one that
fits is asked for `movement`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from auditor import audit
from auditor.audits.inheritance.plan import Plan
from auditor.audits.lineage.narrative import lineage_told
from auditor.audits.lineage.records import LineageSection
from auditor.audits.lineage.within import lineage_within
from auditor.audits.report.bundle import load_bundle
from auditor.cli import run
from tests.auditor.audits.lineage.relatives import base, nudged

PROBES = "identity:2,style:6"
FAST = ["--probes", PROBES, "--max-tokens", "8", "--dtype", "float32"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("within")
    made = {name: base(folder / name, seed=i + 1) for i, name in enumerate(("base", "other"))}
    made["tuned"] = nudged(made["base"], folder / "tuned", 0.2)
    for name in ("base", "other"):
        who = ["--name", name, "--store", str(folder / "store")]
        assert run(["store", "add", str(made["other"]), *who, *FAST]) == 0
    return {**made, "store": folder / "store"}


def test_the_base_is_found_by_weights_told_as_such_and_asked(
    models: dict[str, Path], tmp_path: Path
) -> None:
    report = audit(
        f"hf:{models['tuned']},dtype=float32",
        tmp_path / "out",
        store=str(models["store"]),
        bases=[str(models["other"]), str(models["base"])],
        probes=PROBES,
        sampling={"max_tokens": 8},
    )
    assert report.base is not None
    assert (report.base.origin, report.base.name) == ("lineage", "base")
    lineage = next(a for a in report.answers if a.question == "lineage")
    assert lineage.conclusion == "supported"
    assert {v.candidate: v.outcome for v in report.verdicts if v.question == "lineage"} == {
        "other": "not_supported",
        "base": "supported",
    }
    assert report.section(LineageSection) is not None
    assert (tmp_path / "out" / "base.jsonl").exists()


def test_a_named_base_is_compared_by_the_way(models: dict[str, Path]) -> None:
    plan = Plan.make({"suspect": str(models["tuned"]), "base": str(models["base"])})
    within = lineage_within(plan.suspect, plan.weighed_against)
    assert [v.outcome for v in within.verdicts] == ["supported"]
    assert within.answer is not None


def test_a_base_that_is_named_twice_is_compared_once(models: dict[str, Path]) -> None:
    base = str(models["base"])
    plan = Plan.make({"suspect": str(models["tuned"]), "base": f"hf:{base}", "bases": [base]})
    (verdict,) = lineage_within(plan.suspect, plan.weighed_against).verdicts
    assert (verdict.candidate, verdict.p_value) == ("base", verdict.p_single)


def test_a_second_store_of_signatures_is_told_as_not_looked_through(
    models: dict[str, Path], tmp_path: Path
) -> None:
    stores = [str(tmp_path / name) for name in ("one", "two")]
    for store in stores:
        assert run(["bases", "add", str(models["base"]), "--store", store]) == 0
    within = lineage_within(str(models["tuned"]), stores)
    assert within.found is not None
    assert [s.candidate for s in within.skipped] == [stores[1]]


def test_recorded_answers_have_no_weights_to_compare(
    models: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / "answers.jsonl"
    plan = Plan.make({"suspect": str(path), "bases": [str(models["base"])]})
    assert lineage_within(plan.suspect, plan.weighed_against).found is None
    assert lineage_within(str(models["tuned"]), ()).skipped == ()


def test_weights_that_can_not_be_compared_are_a_reason(
    models: dict[str, Path], tmp_path: Path
) -> None:
    odd = tmp_path / "odd"
    odd.mkdir()
    (odd / "config.json").write_text('{"model_type": "llama"}', "utf-8")
    within = lineage_within(str(models["tuned"]), [str(odd)])
    assert within.found is None
    assert len(within.skipped) == 1
    assert within.limits == ()


def test_a_base_that_can_not_be_opened_leaves_the_others_compared(
    models: dict[str, Path], tmp_path: Path
) -> None:
    odd = tmp_path / "odd"
    odd.mkdir()
    (odd / "config.json").write_text('{"auto_map": {"AutoModel": "x.Y"}}', "utf-8")
    within = lineage_within(str(models["tuned"]), [str(odd), str(models["base"])])
    assert [v.outcome for v in within.verdicts] == ["supported"]
    assert "odd" in {s.candidate for s in within.skipped}
    assert within.section is not None
    assert {c.base: c.relation for c in within.section.comparisons} == {
        "base": "derived",
        "odd": "not_compared",
    }


def test_a_base_that_can_not_be_opened_is_not_cleared_by_another(
    models: dict[str, Path], tmp_path: Path
) -> None:
    odd = tmp_path / "odd"
    odd.mkdir()
    (odd / "config.json").write_text("{}", "utf-8")
    alone = lineage_within(str(models["other"]), [str(models["base"])]).found
    both = lineage_within(str(models["other"]), [str(odd), str(models["base"])]).found
    assert alone is not None
    assert both is not None
    # Models as small as these are seldom cleared at all: what they come to apart is put in.
    apart = [replace(j, told=j.told.model_copy(update=CLEARED)) for j in alone.judged]
    assert lineage_told(replace(alone, judged=tuple(apart)))[0] == "none_of_the_candidates"
    conclusion, told = lineage_told(replace(both, judged=tuple(apart)))
    assert conclusion == "inconclusive"
    assert told.endswith("Of odd, whose weights could not be compared, nothing is said.")


CLEARED = {"relation": "independent", "p_holm": 0.5, "reason_code": None, "reason": ""}


def test_a_dry_run_names_the_bases_whose_weights_will_be_read(
    models: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [
        "audit",
        str(models["tuned"]),
        "--store",
        str(models["store"]),
        "--bases",
        str(models["base"]),
        "--dry-run",
    ]
    assert run(asked) == 0
    assert "weights compared with" in capsys.readouterr().out


def test_closed_weights_are_compared_by_next_words_and_never_called_kin(
    models: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "answers"
    asked = ["--probes", "openings:60", "--max-tokens", "8", "--dtype", "float32"]
    for name in ("base", "other"):
        who = [str(models[name]), "--name", name, "--vendor", name, "--store", str(store)]
        assert run(["store", "add", *who, *asked]) == 0
    assert run(["probe", str(models["tuned"]), "--out", str(tmp_path / "tuned.jsonl"), *asked]) == 0
    tuned, closed = [str(tmp_path / "tuned.jsonl")], str(tmp_path / "closed")
    rest = ["--answers", str(store), "--out"]
    assert run(["lineage", *tuned, "base", *rest, closed, "--force"]) == 0
    report = load_bundle(tmp_path / "closed")
    lineage = next(a for a in report.answers if a.question == "lineage")
    assert lineage.conclusion == "inconclusive"
    assert [f.detector for f in report.findings] == ["next_token_agreement"]
    assert report.verdicts == ()
    assert run(["lineage", *tuned, "nobody", *rest, str(tmp_path / "x")]) == 2
    told = capsys.readouterr().err
    assert "no model called 'nobody'" in told
    assert "--candidate" not in told
    assert run(["lineage", *tuned, str(models["base"]), *rest, str(tmp_path / "x")]) == 2
    assert "no weights in sight" in capsys.readouterr().err
