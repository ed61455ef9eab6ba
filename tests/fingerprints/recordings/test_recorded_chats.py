"""Recorded chats and responses of services: every answer is read with what stood before it, thoughts
apart, and what can't be read is refused by its fields."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fingerprints.errors import MalformedInput
from fingerprints.importing import import_answers, looked_through
from fingerprints.probes import load_probe_set
from fingerprints.recordings import rows, trees
from fingerprints.records import Reply, Status
from fingerprints.store import FingerprintStore
from fingerprints.transcript import Transcript
from tests.fingerprints.recordings.recorded import opened, write

WHO = next(p for p in load_probe_set("identity").probes if p.language == "en")


def turn(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def chat(*said: str, system: str = "") -> list[dict[str, Any]]:
    roles = ("user", "assistant")
    turns = [turn(roles[i % 2], text) for i, text in enumerate(said)]
    return [turn("system", system), *turns] if system else turns


def recorded(tmp_path: Path, *given: Any) -> Transcript:
    return opened(write(tmp_path / "chats.jsonl", *given)).recorded()


def only(transcript: Transcript) -> Reply:
    (reply,) = transcript.replies
    return reply


def test_a_later_answer_is_of_a_dialogue_and_says_nothing_of_style(tmp_path: Path) -> None:
    said = recorded(tmp_path, {"messages": chat("Deploy it?", "No.", "You are X.", "No, I am Y.")})
    probes = {r.text: said.probes[r.probe_id] for r in said.replies}
    assert (probes["No."].kind, probes["No, I am Y."].kind) == ("style", "dialogue")
    assert probes["No."].shows_style
    assert not probes["No, I am Y."].shows_style
    assert probes["No, I am Y."].cluster == probes["No."].cluster


def test_a_chat_with_one_answer_is_what_it_was(tmp_path: Path) -> None:
    said = recorded(tmp_path, {"id": "7", "messages": chat("Hello?", "Yes.", system="Be brief.")})
    (probe,) = said.probes.values()
    assert probe.kind == "style"
    assert [m.content for m in probe.history] == ["Be brief."]
    assert not said.events


def test_a_bank_question_under_a_system_prompt_is_still_one(tmp_path: Path) -> None:
    turns = chat(WHO.text, "I am Kimi.", system="Answer as you like.")
    said = recorded(tmp_path, {"messages": turns})
    probe = said.probes[only(said).probe_id]
    assert (probe.kind, probe.cluster, probe.language) == ("identity", WHO.cluster, "en")
    assert probe.id != WHO.id
    assert [m.role for m in probe.history] == ["system"]


def test_turns_of_an_assistant_in_a_request_are_context_and_counted(tmp_path: Path) -> None:
    request = {"messages": chat("Hi", "Example.", "Who?"), "model": "m"}
    said = recorded(tmp_path, {"request": request, "response": {"content": "Me."}})
    assert [r.text for r in said.replies] == ["Me."]
    assert [(e.kind, e.detail[0]) for e in said.events] == [("given_turns", "1")]


def test_what_is_not_taken_of_a_chat_is_counted(tmp_path: Path) -> None:
    turns = [turn("assistant", "Welcome."), *chat("Hi", "Hello."), turn("assistant", "Again.")]
    said = recorded(tmp_path, {"messages": turns})
    assert [r.text for r in said.replies] == ["Hello."]
    assert [(e.kind, e.detail[0]) for e in said.events] == [("turns", "2")]


def test_a_chat_that_ends_with_a_question_keeps_the_answers_before_it(tmp_path: Path) -> None:
    said = recorded(tmp_path, {"messages": chat("Hi", "Hello.", "And?")})
    assert [r.text for r in said.replies] == ["Hello."]


def test_a_chat_too_long_to_be_taken_whole_keeps_its_first_answers_and_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MOST_CONTEXT", 100)
    lines = [f"{'question' if i % 2 == 0 else 'answer'} {i:02d}" for i in range(40)]
    said = recorded(tmp_path, {"messages": chat(*lines)})
    texts = sorted(r.text for r in said.replies)
    assert texts[0] == "answer 01"
    assert texts[-1] == "answer 39"
    assert 2 < len(texts) < 10
    assert said.events[0].detail.startswith(f"{20 - len(texts)} turns")


ASKED = [turn("user", "Who are you?")]


@pytest.mark.parametrize(
    "given",
    [
        {
            "request": {"messages": ASKED},
            "response": {
                "type": "message",
                "content": [
                    {"type": "thinking", "thinking": "Hm."},
                    {"type": "text", "text": "I am Y."},
                ],
                "stop_reason": "max_tokens",
            },
        },
        {
            "request": {"messages": ASKED, "stream": False},
            "response": {
                "message": turn("assistant", "I am Y.", thinking="Hm."),
                "done_reason": "length",
            },
        },
        {
            "request": {"input": "Who are you?"},
            "response": {
                "output": [
                    {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
                    {
                        "type": "message",
                        "content": [{"type": "output_text", "text": "I am Y."}],
                    },
                ],
                "status": "incomplete",
                "incomplete_details": {"reason": "max_output_tokens"},
            },
        },
        {
            "request": {"messages": ASKED},
            "response": {
                "choices": [
                    {
                        "message": turn("assistant", "I am Y.", reasoning_content="Hm."),
                        "finish_reason": "length",
                    }
                ]
            },
        },
    ],
    ids=["anthropic", "ollama", "responses", "chat"],
)
def test_a_response_of_a_service_gives_answer_thoughts_and_end(
    tmp_path: Path, given: dict[str, Any]
) -> None:
    said = recorded(tmp_path, given)
    reply = only(said)
    assert said.probes[reply.probe_id].text == "Who are you?"
    assert (reply.text, reply.thoughts) == ("I am Y.", "Hm.")
    assert reply.status is Status.TRUNCATED


def test_a_traced_generation_with_input_and_output_is_read(tmp_path: Path) -> None:
    traced = {"type": "GENERATION", "model": "m", "input": ASKED, "usage": {}}
    said = recorded(tmp_path, {**traced, "output": turn("assistant", "I am Y.")})
    assert only(said).text == "I am Y."
    assert said.identity.name == "m"


def test_thoughts_in_the_text_of_a_chat_and_beside_it_are_kept_apart(tmp_path: Path) -> None:
    turns = [*ASKED, turn("assistant", "<think>A.</think>I am Y.", reasoning="B.")]
    reply = only(recorded(tmp_path, {"messages": turns}))
    assert reply.text == "<think>A.</think>I am Y."
    assert (reply.answer, reply.thinking) == ("I am Y.", "B.\nA.")


def test_a_system_prompt_beside_the_messages_is_history(tmp_path: Path) -> None:
    request = {"system": [{"type": "text", "text": "You are Z."}], "messages": ASKED}
    said = recorded(tmp_path, {"request": request, "response": {"content": "I am Z."}})
    (probe,) = said.probes.values()
    assert [(m.role, m.content) for m in probe.history] == [("system", "You are Z.")]


def test_a_response_of_no_known_shape_is_refused_by_its_fields(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", {"prompt": "Q", "response": {"said": [], "x": 1}})
    with pytest.raises(MalformedInput, match="its fields: said, x"):
        opened(path)


def test_a_response_that_tells_of_an_error_is_an_attempt_that_failed(tmp_path: Path) -> None:
    body = {"status_code": 500, "body": {"error": {"message": "no"}}}
    said = recorded(tmp_path, {"prompt": "Q", "response": body}, {"prompt": "R", "answer": "A"})
    assert said.counts() == {"error": 1, "ok": 1}


def test_a_store_gives_back_chats_and_thoughts_as_they_were(tmp_path: Path) -> None:
    turns = [*ASKED, turn("assistant", "<think>A.</think>I am Y.", reasoning="B.")]
    path = write(
        tmp_path / "m.jsonl",
        {"messages": [*turns, turn("user", "Sure?"), turn("assistant", "Yes.")]},
    )
    with FingerprintStore.create(tmp_path / "store") as store:
        report = import_answers(store, looked_through(path))
        assert report.answers == 2
        held = store.transcript("m")
        assert store.verify() == []
    assert held.replies == opened(path).recorded().replies
    assert {p.kind for p in held.probes.values()} == {"style", "dialogue"}


def test_leaves_on_a_long_stem_are_not_walked_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def node(role: str, parent: str | None) -> dict[str, Any]:
        return {
            "parent": parent,
            "message": {"author": {"role": role}, "content": {"parts": [role]}},
        }

    stem = {f"s{i}": node("assistant" if i % 2 else "user", f"s{i - 1}") for i in range(40)}
    leaves = {f"l{i}": node("user", "s39") for i in range(20)}
    export = {"id": "c", "mapping": {**stem, **leaves}}
    assert len(recorded(tmp_path, export).replies) == 20
    monkeypatch.setattr(trees, "MOST_WALKED", 400)
    with pytest.raises(MalformedInput, match="branches add up to more than 400 turns"):
        recorded(tmp_path, export)
