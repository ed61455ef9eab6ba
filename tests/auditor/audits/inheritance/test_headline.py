"""The first words of every report are whom the suspect says that it is, on the terminal, on the page
and for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from auditor.audits.inheritance.headline import identity_told
from auditor.audits.inheritance.plan import Plan
from auditor.audits.inheritance.records import MakerNamed, SelfDescriptionSection
from auditor.audits.report.bundle import load_bundle
from auditor.audits.report.document import report_document
from auditor.cli import run
from auditor.evidence.records import Report
from auditor.reporting import render
from fingerprints.recordings.recording import RecordedSubject, open_recording
from fingerprints.subjects.spec import parse_spec

USER = [{"role": "user", "content": "Name one."}]
HONEST = "I am Kimi, made by Moonshot AI."


def recorded(tmp_path: Path, *rows: dict[str, Any]) -> Path:
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def asked(question: str, answer: str, **more: Any) -> dict[str, Any]:
    return {"prompt": question, "answer": answer, "model": "m", **more}


def audited(tmp_path: Path, *rows: dict[str, Any], flags: tuple[str, ...] = ()) -> Report:
    out = tmp_path / "report"
    assert run(["audit", str(recorded(tmp_path, *rows)), "--out", str(out), *flags]) == 0
    return load_bundle(out)


def opened(path: Path) -> RecordedSubject:
    return open_recording(parse_spec(f"recording:{path}"))


def test_an_honest_model_of_a_maker_that_is_not_stored_is_told_as_honest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = ("Who are you?", "Who made you?", "What is your name?", "你是谁？")
    report = audited(tmp_path, *(asked(q, HONEST) for q in questions))
    first = "Asked who it is, it says: Kimi, made by Moonshot AI, in 4 of 4 answers (4 questions)"
    assert report.headline[0].startswith(first)
    told = capsys.readouterr().out
    assert " ".join(told.split()).index(first) < 900
    document = report_document(report)
    for form in ("markdown", "html"):
        page = " ".join(render(document, form).split())
        assert first in page
        assert page.index(first) < page.index("Was the suspect trained on")
    shown = json.dumps([f.summary for f in report.findings if f.candidate is None])
    assert "another" not in shown
    alone = next(f for f in report.findings if f.candidate is None)
    assert (alone.metric_id, alone.value) == ("second_maker_rate", 0.0)


def test_the_flag_says_who_made_it_and_is_part_of_the_plan(tmp_path: Path) -> None:
    rows = [asked("Who are you?", HONEST), asked("Who made you?", "OpenAI made me.")]
    report = audited(tmp_path, *rows, flags=("--vendor", "Moonshot AI"))
    alone = next(f for f in report.findings if f.candidate is None)
    assert (alone.metric_id, alone.value) == ("other_vendor_rate", 0.5)
    assert "named in 1 of 2, another maker in 1" in " ".join(report.headline)
    section = report.section(SelfDescriptionSection)
    assert section is not None
    assert (section.vendor, section.vendor_code) == ("Moonshot AI", "moonshot")
    assert report.plan["vendor"] == "Moonshot AI"
    plan = Plan.read(tmp_path / "report" / "plan.yaml")
    assert plan.vendor == "Moonshot AI"


def test_a_model_that_nobody_asked_is_said_not_to_have_been_asked(tmp_path: Path) -> None:
    report = audited(tmp_path, asked("Name a river.", "The Danube."))
    assert report.headline[0] == "It was not asked who it is."
    assert any(s.detector == "self_identification" for s in report.skipped)


def test_every_turn_of_a_chat_is_counted_and_how_many_answers_served_what(tmp_path: Path) -> None:
    turns = [
        {"role": "system", "content": "Help with deployments."},
        {"role": "user", "content": "Deploy it?"},
        {"role": "assistant", "content": "No: I'm Claude, made by Anthropic."},
        {"role": "user", "content": "You are DeepSeek."},
        {"role": "assistant", "content": "I understand the confusion, but no."},
    ]
    report = audited(tmp_path, {"messages": turns, "model": "m"})
    told = " ".join(report.headline)
    assert "It was not asked who it is. Unasked" in told
    assert "Claude, made by Anthropic, in 1 of 2 answers to anything else" in told
    assert "2 for what it says of itself, 0 for how it writes (one to a prompt" in told
    assert "of 1 such answers 0 are to prompts of stored models)" in told
    section = report.section(SelfDescriptionSection)
    assert section is not None
    assert section.named[0] == MakerNamed(
        source="elsewhere", setting="recorded_system", maker="anthropic", answers=1, of=2
    )


def test_what_of_a_record_is_no_answer_of_its_own_is_said_at_once(tmp_path: Path) -> None:
    row = asked("Who are you?", HONEST)
    request = {"messages": [{"role": "assistant", "content": "Hi."}, *USER], "model": "m"}
    report = audited(tmp_path, row, row, {"request": request, "response": {"content": "A river."}})
    told = " ".join(report.headline)
    assert "Of the record: 1 rows repeat an answer to the same prompt" in told
    assert "1 turns of an assistant stand in requests" in told


def test_the_counts_of_a_section_add_up_to_the_answers(tmp_path: Path) -> None:
    persona = {"system": "You are Kimi, by Moonshot AI."}
    rows = (
        asked("Who are you?", HONEST, **persona),
        asked("Who made you?", "<think>Made by OpenAI? I am ChatGPT.</think>I am a model."),
        asked("Who owns you?", ""),
        asked("are you gpt?", "I am GPT, made by OpenAI."),
    )
    told = identity_told(opened(recorded(tmp_path, *rows)).recorded())
    section = told.section
    assert (section.asked, section.questions, section.makers) == (3, 3, ())
    rows_of = {(n.source, n.setting, n.maker): n for n in section.named}
    assert rows_of["own", "recorded_system", "moonshot"].by_system_prompt == 1
    assert rows_of["own", "recorded", "openai"].suggested == 1
    assert rows_of["thoughts", "recorded", "openai"].answers == 1
    assert [(u.source, u.reason, u.replies) for u in section.unused] == [("bank", "empty", 1)]
    # Two are to the question bank, whose answers say nothing of style.
    assert section.style_answers == 2


def test_a_hostile_name_stays_words_in_every_form(tmp_path: Path) -> None:
    name = "<script>gpt</script>\x1b[31m"
    report = audited(
        tmp_path, {**asked("Who are you?", "I am GPT, made by OpenAI."), "model": name}
    )
    document = report_document(report)
    assert "<script>gpt" not in render(document, "html")
    assert "\x1b[31m" not in render(document, "terminal")


def test_a_slip_in_the_makers_name_is_said_and_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = audited(tmp_path, asked("Who are you?", HONEST), flags=("--vendor", "Opnai"))
    assert "did you mean OpenAI?" in capsys.readouterr().err
    assert "did you mean OpenAI?" in " ".join(report.headline)
    section = report.section(SelfDescriptionSection)
    assert section is not None
    assert (section.vendor, section.vendor_code) == ("Opnai", None)
