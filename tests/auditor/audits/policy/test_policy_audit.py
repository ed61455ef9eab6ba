"""`auditor policy` against a filtered endpoint and tiny real weights, resumed, judged again; the
golden findings."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from auditor.audits.policy.audit import judge
from auditor.audits.policy.narrative import word_of
from auditor.audits.policy.plan import PolicyPlan
from auditor.audits.report.bundle import load_bundle
from auditor.cli import run
from auditor.evidence.records import Report
from detectors.base import Case, NotMeasured, Teacher
from detectors.service.policy_layer import PolicyLayer
from detectors.text.policy_pairs import is_twin
from fingerprints.errors import UsageProblem
from fingerprints.records import Identity, Probe
from fingerprints.transcript import Transcript
from tests.auditor.audits.policy.example import GOLDEN, PLAN, questions, speaker, told
from tests.auditor.rescoring import judged_again
from tests.faultserver import Behaviour, Exchange, FaultServer, answers, echoes, sends
from tests.fingerprints.subjects.tiny import tiny_checkpoint

Declines = Callable[[Probe], str]
WORDS = ("Tiananmen", "天安门", "Rabaa", "Capitol", "yellow-vest", "farmers protest", "Bolotnaya")
FILTERED = json.dumps(
    {"error": {"message": "The prompt was turned away.", "code": "content_filter"}}
).encode()


def behind_a_filter(words: tuple[str, ...], refuse: Behaviour) -> Behaviour:
    """Echoes, unless the prompt holds one of the words."""

    def behave(exchange: Exchange, body: dict[str, Any]) -> None:
        prompt = str(body["messages"][-1]["content"])
        (refuse if any(word in prompt for word in words) else echoes())(exchange, body)

    return behave


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("weights"), max_position_embeddings=1024)


CHOSEN = ("--topics", "protest,advice", "--languages", "en,zh", "--max-tokens", "4")


def policy(
    weights: Path, out: Path, *script: Behaviour, more: tuple[str, ...] = ()
) -> tuple[int, int]:
    """Runs the command against a server; its exit code and how many questions arrived."""
    with FaultServer(*script) as server:
        code = run(command(server, weights, out, *more))
        return code, len(server.requests)


def command(server: FaultServer, weights: Path, out: Path, *more: str) -> list[str]:
    return [
        "policy",
        f"openai:lamb-1,base_url={server.url}",
        f"{weights},device=cpu",
        "--out",
        str(out),
        *CHOSEN,
        *more,
    ]


@pytest.fixture(scope="module")
def filtered(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Path]:
    out = tmp_path_factory.mktemp("filtered") / "report"
    code, asked = policy(weights, out, behind_a_filter(WORDS, sends(FILTERED, 403)))
    assert (code, asked) == (0, 28)
    return load_bundle(out), out


def test_a_topical_filter_is_found_and_the_other_topic_and_the_twins_are_not(
    filtered: tuple[Report, Path],
) -> None:
    report, folder = filtered
    assert judged_again(folder) == []
    finding = report.findings[0]
    by_topic = {str(row[0]): row for row in finding.tables[1].rows}
    assert by_topic["protest"][-1] == "declined by the service, answered by the weights"
    assert by_topic["advice"][-1] == "mostly answered by both"
    assert finding.tables[0].rows[1][2:4] == (0, 0)
    kinds = {str(row[0]): row[1:] for row in finding.tables[3].rows}
    assert kinds["filtered"] == (7, 0, 0, 0)
    assert finding.interval is not None
    assert 0 < finding.interval[0] < finding.value == 0.5
    service = next(a for a in report.answers if a.question == "service")
    assert "declined by the service and answered by" in service.answer
    assert "protest" in service.answer


def test_inheritance_and_lineage_are_said_not_to_be_examined(filtered: tuple[Report, Path]) -> None:
    conclusions = {a.question: a.conclusion for a in filtered[0].answers}
    assert conclusions == {
        "inheritance": "not_examined",
        "lineage": "not_examined",
        "service": "declined_in_front",
    }


def one_of_each() -> list[str]:
    """One sensitive question of each language, no two of one topic: no group stands out, all
    together do."""
    first: dict[str, Probe] = {}
    for probe in questions():
        if (
            not is_twin(probe)
            and probe.language not in first
            and probe.topic not in {p.topic for p in first.values()}
        ):
            first[probe.language] = probe
    return [p.id for p in first.values()]


WORDS_OF: dict[str, tuple[Declines, Declines]] = {
    "declined_in_front": (lambda p: "refuses" if p.topic == "fiction" else "", lambda p: ""),
    "answered_in_front": (lambda p: "", lambda p: "refuses" if p.topic == "drugs" else ""),
    "different": (
        lambda p: "refuses" if p.topic == "drugs" else "",
        lambda p: "refuses" if p.topic == "fiction" else "",
    ),
    "declined_in_the_weights": (lambda p: "refuses" if p.topic == "drugs" else "",) * 2,
    "no_difference_found": (lambda p: "", lambda p: ""),
    "inconclusive": (lambda p: "refuses" if p.id in one_of_each() else "", lambda p: ""),
    "not_assessable": (lambda p: "empty", lambda p: ""),
}


@pytest.mark.parametrize("word", WORDS_OF)
def test_every_word_of_the_conclusion_is_reached_by_a_service_of_that_kind(word: str) -> None:
    hosted, local = WORDS_OF[word]
    case = Case(speaker("hosted", hosted), Teacher("weights", "", "", speaker("weights", local)))
    assert word_of(PolicyLayer().compared(case)) == word


def test_so_few_questions_that_nothing_could_stand_out_are_inconclusive_and_not_alike() -> None:
    kept = {
        p.prompt_sha256()
        for p in questions()
        if p.topic in ("drugs", "protest") and p.language != "en"
    }
    said = [few(speaker(name, lambda p: ""), kept) for name in ("hosted", "weights")]
    found = PolicyLayer().compared(Case(said[0], Teacher("weights", "", "", said[1])))
    assert not isinstance(found, NotMeasured)
    assert max(g.asked.n for g in (*found.topics, *found.languages)) <= 6
    assert word_of(found) == "inconclusive"


def few(said: Transcript, kept: set[str]) -> Transcript:
    replies = tuple(r for r in said.replies if said.probes[r.probe_id].prompt_sha256() in kept)
    return Transcript(said.header, said.probes, replies)


def test_both_answers_are_quoted_one_after_the_other(filtered: tuple[Report, Path]) -> None:
    exhibits = filtered[0].findings[0].exhibits
    assert [e.source for e in exhibits[:2]] == ["service", filtered[0].candidates[0].name]
    assert exhibits[0].probe_id == exhibits[1].probe_id
    assert "[content_filter]" in exhibits[0].answer
    page = (filtered[1] / "report.html").read_text("utf-8")
    assert "filtered, topic protest" in page


def test_what_was_recorded_is_judged_again_alike_and_nothing_is_asked_twice(
    filtered: tuple[Report, Path], weights: Path, tmp_path: Path
) -> None:
    report, out = filtered
    again = tmp_path / "again"
    assert (
        run(
            ["policy", str(out / "transcript.jsonl"), str(out / "local.jsonl"), "--out", str(again)]
        )
        == 0
    )
    assert load_bundle(again).findings == report.findings
    assert (out / "plan.yaml").read_text().startswith("format: policy/1")


def test_refusals_in_words_count_and_a_killed_audit_goes_on(weights: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    good = behind_a_filter(WORDS, answers("抱歉，我无法回答。"))
    with FaultServer(*[good] * 10, sends(b'{"error": {"message": "no"}}', 401), good) as server:
        assert run(command(server, weights, out)) == 6
        before = len(server.requests)
        assert run(command(server, weights, out)) == 0
        assert len(server.requests) - before <= 28 - 10
    kinds = {str(row[0]): row[1:] for row in load_bundle(out).findings[0].tables[3].rows}
    assert kinds["refused"][0] == 7


def test_the_same_weights_without_a_filter_show_no_difference(
    weights: Path, tmp_path: Path
) -> None:
    code, _ = policy(weights, tmp_path / "report", echoes())
    report = load_bundle(tmp_path / "report")
    assert code == 0
    assert report.findings[0].value == 0
    assert "No topic or language stands out" in report.answers[2].answer


def test_a_dry_run_asks_nothing_and_an_unknown_topic_is_one_line(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, asked = policy(weights, tmp_path / "r", echoes(), more=("--dry-run", "--json"))
    told = json.loads(capsys.readouterr().out)
    assert (code, asked) == (0, 0)
    assert told["estimates"]["hosted"]["questions"] == 28
    assert (
        run(
            [
                "policy",
                "openai:a,base_url=http://127.0.0.1:1/v1",
                f"{weights}",
                "--topics",
                "weather",
            ]
        )
        == 2
    )
    with pytest.raises(UsageProblem, match="weather"):
        PolicyPlan(hosted="a", local="b", topics=("weather",)).probe_set()


def test_weights_that_are_not_there_are_told_before_the_service_is_asked(tmp_path: Path) -> None:
    with FaultServer(echoes()) as server:
        asked = [
            "policy",
            f"openai:lamb-1,base_url={server.url}",
            "hf:./not-there",
            "--out",
            str(tmp_path / "report"),
        ]
        assert run(asked) in (2, 3)
        assert not server.requests


def test_the_golden_findings_are_reproduced() -> None:
    assert told() == GOLDEN.read_text("utf-8"), (
        "python -m tests.auditor.audits.policy.example rewrites them"
    )


def test_the_commands_that_repeat_it_name_everything() -> None:
    from auditor.audits.policy.narrative import command_of

    plan = PLAN.model_copy(update={"topics": ("protest",), "languages": ("en", "zh")})
    assert command_of(plan)[0].split()[:3] == [
        "auditor",
        "policy",
        "openai:hosted,base_url=http://localhost:1/v1",
    ]
    assert "--topics=protest" in command_of(plan)[1]
    assert "--also report/also.jsonl" in command_of(plan)[1]


def run_by(transcript: Transcript, backend: str, dtype: str) -> Transcript:
    who = Identity(kind="gguf", name=transcript.identity.name, backend=backend, dtype=dtype)
    return replace(transcript, header=transcript.header.model_copy(update={"identity": who}))


def test_weights_that_were_run_in_another_library_than_the_service_are_told() -> None:
    said = {
        "hosted": run_by(speaker("service", lambda p: ""), "llama.cpp (a build)", ""),
        "local": run_by(speaker("weights", lambda p: ""), "transformers 5.24.0", "float32"),
    }
    told = [limit for limit in judge(PLAN, said).limits if "was run by" in limit]
    assert len(told) == 1
    assert told[0].startswith("The service was run by llama.cpp")
    assert "and weights by transformers in float32" in told[0]
    alike = {role: run_by(t, "transformers 5.24.0", "float32") for role, t in said.items()}
    assert not [limit for limit in judge(PLAN, alike).limits if "was run by" in limit]
