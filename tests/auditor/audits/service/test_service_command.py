"""`auditor service`: tiny real models, and invented services over HTTP that change, die, run hot
or misreport."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from auditor.audits.report.bundle import load_bundle
from auditor.audits.report.file import schema
from auditor.audits.service.audit import outcome_of
from auditor.audits.service.power import Size, statement
from auditor.audits.service.records import ServiceSection
from auditor.cli import run
from fingerprints.transcript import Transcript, load_transcript
from tests.auditor.audits.service.served import counts, prompt_tokens, speaks
from tests.auditor.calibration.population import write_transcript
from tests.auditor.rescoring import judged_again
from tests.detectors.services import Chain, chain, hotter, probes, service
from tests.faultserver import Exchange, FaultServer, fails
from tests.fingerprints.subjects.tiny import tiny_checkpoint

FAST = ["--max-tokens", "6", "--samples", "3", "--reference-samples", "4", "--questions", "20"]
MODEL, OTHER = chain(1), chain(2)


@pytest.fixture
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("httpx2", reason="the extra 'openai' is not installed")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"hf:{tiny_checkpoint(tmp_path_factory.mktemp('a') / 'claimed', seed=1, initializer_range=0.9)},dtype=float32,batch=128"


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"hf:{tiny_checkpoint(tmp_path_factory.mktemp('b') / 'other', seed=2, initializer_range=0.9)},dtype=float32,batch=128"


def spec_of(folder: Path, seed: int) -> str:
    return f"hf:{tiny_checkpoint(folder, seed=seed, initializer_range=0.9)},dtype=float32,batch=128"


@pytest.fixture
def claimed(tmp_path: Path) -> str:
    """Recorded answers of the claimed chain, with its token counts."""
    return str(write_transcript(tmp_path / "claimed.jsonl", reference(MODEL)))


def reference(model: Chain, n: int = 48) -> Transcript:
    return service("claimed", model, 1, n, 6, tokens=[prompt_tokens(p.text) for p in probes(n)])


def endpoint(server: FaultServer | str) -> str:
    url = server if isinstance(server, str) else server.url
    return f"openai:lamb,base_url={url},concurrency=2"


def told(out: Path) -> dict[str, Any]:
    return json.loads((out / "report.json").read_text("utf-8"))  # type: ignore[no-any-return]


def answer(report: dict[str, Any]) -> dict[str, Any]:
    return next(a for a in report["answers"] if a["question"] == "service")


def finding(report: dict[str, Any], detector: str) -> dict[str, Any]:
    return next(f for f in report["findings"] if f["detector"] == detector)


def test_the_claimed_model_itself_is_not_called_different(model: str, tmp_path: Path) -> None:
    out = tmp_path / "report"
    assert run(["service", model, model, "--out", str(out), "--fail-on-difference", *FAST]) == 0
    assert judged_again(out) == []
    report = told(out)
    section = report["service"]
    assert section["decision"] == "no_difference_found"
    assert (section["asked"], section["planned"], section["answers"]) == (20, 20, 60)
    assert [a["conclusion"] for a in report["answers"]] == [
        "not_examined",
        "not_examined",
        "no_difference_found",
    ]
    (verdict,) = report["verdicts"]
    assert (verdict["question"], verdict["candidate"]) == ("service", "claimed")
    assert verdict["words"] == "no difference found at this size"
    assert verdict["p_value"] == section["p_value"] > 0.01
    assert finding(report, "token_counts")["value"] == 1.0
    assert {f["detector"] for f in report["findings"]} >= {
        "model_equality",
        "sequential_equality",
        "rank_uniformity",
    }
    assert [s["detector"] for s in report["skipped"]] == ["model_identification"]
    assert report["candidates"][0]["same_weights"]


def test_another_checkpoint_is_different_after_few_questions_and_resumes_to_the_same(
    model: str, other: str, tmp_path: Path
) -> None:
    out = tmp_path / "report"
    asked = ["service", model, other, "--out", str(out), "--fail-on-difference", *FAST[:-1], "32"]
    assert run(asked) == 1
    report = told(out)
    assert run(asked) == 1
    assert told(out)["service"] == report["service"]
    assert report["service"]["stopped"]
    assert report["service"]["asked"] < report["service"]["planned"] == 32
    assert report["verdicts"][0]["outcome"] == "not_supported"
    assert "Different: on" in answer(report)["answer"]
    page = (out / "report.html").read_text("utf-8")
    assert "Service and claim" in page
    assert "uncalibrated" not in page.split("<main>")[1].split('id="glossary"')[0]
    assert load_bundle(out).section(ServiceSection) is not None
    assert run(["report", str(out), "--format", "markdown"]) == 0


@pytest.mark.usefixtures("_key")
def test_an_endpoint_that_dies_leaves_code_6_and_is_resumed_without_asking_twice(
    claimed: str, tmp_path: Path
) -> None:
    out = tmp_path / "report"
    answered = Counter[int]()
    with FaultServer(speaks(lambda n: MODEL, dies_at=10, answered=answered)) as server:
        asked = [
            "service",
            claimed,
            endpoint(server),
            "--out",
            str(out),
            "--samples",
            "3",
            "--all",
            "--questions",
            "12",
        ]
        assert run(asked) == 6
        held = len(load_transcript(out / "transcript.jsonl").replies)
        assert 1 <= held <= 10
        server.script = (speaks(lambda n: MODEL, answered=answered),)
        before = len(server.requests)
        assert run(asked) == 0
        assert len(server.requests) - before == 36 - held
    assert told(out)["service"]["decision"] == "no_difference_found"


@pytest.mark.usefixtures("_key")
def test_a_swap_during_the_run_is_told_with_the_names_that_changed(
    claimed: str, tmp_path: Path
) -> None:
    out, at = tmp_path / "report", 96

    def renamed(number: int, body: dict[str, Any]) -> dict[str, Any]:
        return {
            **body,
            "model": "lamb-1" if number < at else "lamb-2",
            "system_fingerprint": f"fp-{number >= at}",
        }

    with FaultServer(speaks(lambda n: MODEL if n < at else hotter(OTHER, 0.3), renamed)) as server:
        assert run(["service", claimed, endpoint(server), "--out", str(out), "--all"]) == 0
    report = told(out)
    assert len([e for e in report["transcript"]["events"] if e.startswith("drift")]) == 2
    change = finding(report, "mid_run_change")
    assert change["null"]["p"] <= 0.01
    assert {row[0] for row in change["tables"][1]["rows"]} == {
        "lamb-1 / fp-False",
        "lamb-2 / fp-True",
    }
    assert "changed during the run" in answer(report)["answer"]
    assert any("calls itself" in limit for limit in report["limits"])
    assert report["service"]["decision"] == "different"


@pytest.mark.usefixtures("_key")
def test_counts_of_another_tokenizer_are_told_and_leave_no_clean_answer(
    claimed: str, tmp_path: Path
) -> None:
    out = tmp_path / "report"

    def estimated(number: int, body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "usage": {"prompt_tokens": 20 + number // 4 % 9, "completion_tokens": 8}}

    with FaultServer(speaks(lambda n: MODEL, estimated)) as server:
        assert run(["service", claimed, endpoint(server), "--out", str(out), "--all"]) == 0
    report = told(out)
    assert report["service"]["decision"] == "inconclusive"
    assert "token counts" in answer(report)["answer"]
    assert report["verdicts"][0]["outcome"] == "inconclusive"


@pytest.mark.usefixtures("_key")
def test_a_hotter_service_is_different_and_the_spread_says_how(
    claimed: str, tmp_path: Path
) -> None:
    out = tmp_path / "report"
    with FaultServer(speaks(lambda n: hotter(MODEL, 4.0))) as server:
        assert run(["service", claimed, endpoint(server), "--out", str(out), "--all"]) == 0
    report = told(out)
    assert report["service"]["decision"] == "different"
    assert "higher temperature" in answer(report)["answer"]


@pytest.mark.usefixtures("_key")
@pytest.mark.parametrize(("words", "code"), [(1, 0), (5, 2)], ids=["greedy", "copied"])
def test_two_services_may_both_be_greedy_but_none_repeats_the_other(
    words: int, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A question's k-th answer is the same from both; of one word alone nothing was drawn."""
    out, few = tmp_path / "report", ["--questions", "20", "--samples", "2", "--all"]
    with FaultServer(counts(words)) as one, FaultServer(counts(words)) as other:
        # One call at a time, so that numbers come in order.
        both = [f"openai:lamb,base_url={server.url},concurrency=1" for server in (one, other)]
        asked = ["service", *both, "--reference-samples", "2", *few]
        assert run([*asked, "--out", str(out)]) == code
    if code:
        assert "one repeats the other" in capsys.readouterr().err
        assert not (out / "report.json").exists()
    else:
        assert told(out)["service"]["decision"] == "inconclusive"


def test_recorded_answers_stand_for_weights_and_the_judgement_repeats_from_the_bundle(
    claimed: str, tmp_path: Path
) -> None:
    served = str(write_transcript(tmp_path / "served.jsonl", service("served", MODEL, 9, 48, 4)))
    foreign = str(write_transcript(tmp_path / "foreign.jsonl", service("foreign", OTHER, 9, 48, 4)))
    for suspect, decision in ((served, "no_difference_found"), (foreign, "different")):
        out, again = tmp_path / f"{decision}", tmp_path / f"{decision}-again"
        assert run(["service", claimed, suspect, "--out", str(out), "--all"]) == 0
        report = told(out)
        assert report["service"]["decision"] == decision
        assert any(s["detector"] == "rank_uniformity" for s in report["skipped"])
        assert (
            run(
                [
                    "service",
                    str(out / "reference.jsonl"),
                    str(out / "transcript.jsonl"),
                    "--out",
                    str(again),
                    "--all",
                ]
            )
            == 0
        )
        assert told(again)["service"]["p_value"] == report["service"]["p_value"]
    assert run(["service", served, served, "--out", str(tmp_path / "same")]) == 2


def test_greedy_answers_are_compared_and_not_judged(model: str, other: str, tmp_path: Path) -> None:
    out = tmp_path / "report"
    assert run(["service", model, other, "--temperature", "0", "--out", str(out), *FAST]) == 0
    report = told(out)
    assert report["service"]["decision"] == "inconclusive"
    assert "Greedy" in answer(report)["answer"]
    assert finding(report, "model_equality")["metric"] == "MMD² of whole answers"


def test_with_a_store_it_tells_who_else_it_could_be(model: str, other: str, tmp_path: Path) -> None:
    store, out = tmp_path / "store", tmp_path / "report"
    for seed in (2, 3, 4):
        where = tiny_checkpoint(tmp_path / f"stored-{seed}", seed=seed, initializer_range=0.9)
        made = ["--name", f"stored-{seed}", "--vendor", f"maker-{seed}", "--store", str(store)]
        asked = ["--probes", "style:40", "--max-tokens", "12", "--dtype", "float32"]
        assert run(["store", "add", str(where), *made, *asked]) == 0
    flags = ["--store", str(store), "--identify", "40", "--out", str(out)]
    assert run(["service", model, other, *flags, *FAST]) == 0
    report = told(out)
    assert finding(report, "model_identification")["rank"]["of"] == 4
    assert report["verdicts"][0]["n_controls"] == 3
    assert judged_again(out) == []
    (out / "reference.jsonl").unlink()
    (why,) = judged_again(out)
    assert "the judgement: it can't be repeated here" in why
    assert "reference.jsonl" in why
    assert report["store"]["n_models"] == 3


def test_a_dry_run_tells_plan_costs_and_power_and_asks_nothing(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = "openai:lamb,base_url=http://127.0.0.1:9/v1"
    assert run(["service", model, asked, "--dry-run", "--json", "--questions", "16"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["costs"]["endpoint"]["answers"] == 64
    assert value["costs"]["claimed"]["answers"] == 128
    assert value["plan"]["questions"] == 16
    assert value["power"]
    assert run(["service", model, asked, "--dry-run"]) == 0
    assert "# endpoint answers: 256" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_the_power_statement_is_that_of_the_largest_size_that_is_not_above() -> None:
    assert "with 32 questions: another model of its size in 20 of 20" in statement(Size(40))
    assert "a fine-tuned copy in 20 of 20" in statement(Size(64))
    assert "on SmolLM2-135M-Instruct with 24 questions: a fine-tuned copy in 10 of 10" in statement(
        Size(64)
    )
    assert "would find fewer" in statement(Size(64, alpha=0.001))
    for small in (Size(40, samples=3), Size(7), Size(40, references=4), Size(40, tokens=4)):
        assert "nothing is known" in statement(small)


def test_a_claim_is_supported_only_at_a_size_that_finds_a_fine_tuned_copy() -> None:
    assert outcome_of("no_difference_found", Size(32)) == "supported"
    for small in (
        Size(31),
        Size(64, samples=3),
        Size(64, references=7),
        Size(64, alpha=0.001),
        Size(64, tokens=8),
    ):
        assert outcome_of("no_difference_found", small) == "inconclusive"
    assert outcome_of("different", Size(64)) == "not_supported"


@pytest.mark.parametrize("bad", ["openai:lamb,base_url=", "hf:./not-there", "./not-there.gguf"])
def test_an_endpoint_that_can_not_be_opened_is_told_before_the_claimed_model_is_asked(
    bad: str, model: str, tmp_path: Path
) -> None:
    out = tmp_path / "report"
    assert run(["service", model, bad, "--out", str(out)]) in (2, 3)
    assert not (out / "reference.jsonl").exists()


def test_bad_flags_are_one_line_of_usage(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["service", model, model, "--questions", "3"]) == 2
    assert run(["service", model, model, "--probes", "nothing-such"]) == 2
    assert run(["service", model]) == 2
    assert "ENDPOINT" in capsys.readouterr().err


def test_the_schema_knows_the_section_and_the_new_conclusions() -> None:
    made = schema()
    assert "ServiceSection" in made["$defs"]
    assert {"different", "no_difference_found"} <= set(
        json.dumps(made["$defs"]["Answer"]).replace('"', " ").split()
    )


@pytest.mark.usefixtures("_key")
def test_an_endpoint_that_refuses_the_temperature_is_never_called_different_for_it(
    claimed: str, tmp_path: Path
) -> None:
    out = tmp_path / "report"
    speak = speaks(lambda n: OTHER)

    def behave(exchange: Exchange, body: dict[str, Any]) -> None:
        if "temperature" in body:
            fails(400, "Unsupported value: 'temperature' only supports the default")(exchange, body)
        else:
            speak(exchange, body)

    with FaultServer(behave) as server:
        run(["service", claimed, endpoint(server), "--out", str(out), "--all", *FAST[:2], *QUICK])
    report = told(out)
    assert report["service"]["decision"] == "inconclusive"
    assert report["verdicts"][0]["reason_code"] == "sampled_unlike"
    assert "temperature asked for was not sent as planned on one side" in json.dumps(
        report["verdicts"]
    )
    assert report["transcript"]["adjusted"]["server_temperature"] == 36
    page = (out / "report.html").read_text("utf-8")
    assert "own default" in page
    assert any("answers as" in limit and "lamb-1" in limit for limit in report["limits"])
    assert "answers as 'lamb-1'" in answer(report)["answer"]


QUICK = ["--samples", "3", "--questions", "12"]
