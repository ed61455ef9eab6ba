"""The records of known tools, as their documentation and their files have them: every answer with
what stood before it, whoever's it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fingerprints.recordings import shapes
from fingerprints.recordings.reading import AnswerReader
from tests.fingerprints.recordings.recorded import ASKED, SAID, opened, read, told, write

HUMAN = {"content": "Who are you?", "type": "human"}
CONSTRUCTED = {
    "lc": 1,
    "type": "constructor",
    "id": ["langchain", "schema", "messages", "HumanMessage"],
    "kwargs": {"content": "Who are you?"},
}
GEMINI = {"contents": [{"role": "user", "parts": [{"text": "Who are you?"}]}]}
CANDIDATES = {
    "candidates": [
        {
            "content": {
                "role": "model",
                "parts": [{"text": "Hm.", "thought": True}, {"text": "I am Y."}],
            },
            "finishReason": "STOP",
        }
    ],
    "modelVersion": "gemini-2.5-pro",
}

ONE_ANSWER: dict[str, Any] = {
    "sharegpt": {
        "conversations": [
            {"from": "system", "value": "Be brief."},
            {"from": "human", "value": "Who are you?"},
            {"from": "gpt", "value": "I am Y."},
        ]
    },
    "chat and its choices in one": {"messages": ASKED, "choices": [{"message": SAID}]},
    "a chat with a tool": {
        "messages": [
            *ASKED,
            {"role": "assistant", "content": None, "tool_calls": [{"id": "c"}]},
            {"role": "tool", "tool_call_id": "c", "content": "Who are you?"},
            SAID,
        ]
    },
    "a refusal": {
        "request": {"messages": ASKED},
        "response": {"choices": [{"message": {"content": None, "refusal": "I am Y."}}]},
    },
    "responses of text alone": {
        "request": {"input": "Who are you?"},
        "response": {
            "object": "response",
            "output": [
                {"type": "reasoning", "summary": []},
                {"type": "message", "content": [{"type": "output_text", "text": "I am Y."}]},
            ],
        },
    },
    "gemini": {"request": GEMINI, "response": CANDIDATES},
    "gemini in one": {**GEMINI, **CANDIDATES},
    "a gemini history": {
        "contents": [*GEMINI["contents"], {"role": "model", "parts": [{"text": "I am Y."}]}]
    },
    "ai studio": {
        "runSettings": {"model": "models/gemini-2.5-pro"},
        "systemInstruction": {},
        "chunkedPrompt": {
            "chunks": [
                {"text": "Who are you?", "role": "user"},
                {"text": "Hm.", "role": "model", "isThought": True},
                {"text": "I am Y.", "role": "model", "finishReason": "STOP"},
            ]
        },
    },
    "ollama generate": {
        "request": {"model": "kimi", "prompt": "Who are you?"},
        "response": {"model": "kimi", "response": "I am Y.", "done": True, "context": [1]},
    },
    "langfuse": {
        "id": "g",
        "traceId": "t",
        "type": "GENERATION",
        "model": "m",
        "input": {"messages": ASKED},
        "output": SAID,
        "usageDetails": {"input": 3},
    },
    "langfuse of texts": {
        "type": "GENERATION",
        "input": json.dumps(ASKED),
        "output": "I am Y.",
        "level": "DEFAULT",
    },
    "a langfuse trace": {
        "id": "t",
        "input": "x",
        "output": "y",
        "observations": [
            {"type": "SPAN", "traceId": "t", "input": None, "output": None},
            {"type": "GENERATION", "traceId": "t", "input": ASKED, "output": SAID},
        ],
    },
    "langsmith": {
        "id": "r",
        "run_type": "llm",
        "extra": {"metadata": {"ls_model_name": "m"}},
        "inputs": {"messages": [[CONSTRUCTED]]},
        "outputs": {
            "generations": [
                [
                    {
                        "text": "I am Y.",
                        "generation_info": {"finish_reason": "stop"},
                        "message": {
                            "lc": 1,
                            "type": "constructor",
                            "id": ["langchain", "schema", "messages", "AIMessage"],
                            "kwargs": {"content": "I am Y."},
                        },
                    }
                ]
            ]
        },
    },
    "langsmith's own": {
        "run_type": "llm",
        "inputs": {"messages": ASKED, "model": "m"},
        "outputs": {"choices": [{"message": SAID, "finish_reason": "stop"}]},
    },
    "promptfoo": {
        "evalId": "e",
        "results": {
            "version": 3,
            "prompts": [{"raw": "{{q}}", "provider": "openai:gpt"}],
            "results": [
                {
                    "promptIdx": 0,
                    "testIdx": 0,
                    "prompt": {"raw": json.dumps(ASKED), "label": "{{q}}"},
                    "vars": {"q": "Who are you?"},
                    "provider": {"id": "openai:gpt", "label": ""},
                    "response": {"output": "I am Y.", "tokenUsage": {"total": 5}},
                    "success": True,
                }
            ],
        },
    },
    "lm-eval": {
        "doc_id": 0,
        "doc": {"question": "q", "answer": "gold"},
        "target": "gold",
        "arguments": {"gen_args_0": {"arg_0": "Who are you?", "arg_1": {"until": ["\n"]}}},
        "resps": [["I am Y."]],
        "filtered_resps": ["Y"],
        "exact_match": 0.0,
    },
    "an older lm-eval": {
        "doc_id": 0,
        "doc": {},
        "arguments": [["Who are you?", {"until": ["\n"]}]],
        "resps": [["I am Y."]],
    },
    "deepeval": {
        "testCases": [
            {
                "name": "t",
                "input": "Who are you?",
                "actualOutput": "I am Y.",
                "expectedOutput": "I am X.",
                "success": True,
            }
        ],
        "conversationalTestCases": [],
    },
    "a deepeval data set": {
        "input": "Who are you?",
        "actual_output": "I am Y.",
        "expected_output": "I am X.",
        "retrieval_context": None,
    },
    "ragas": {
        "user_input": "Who are you?",
        "retrieved_contexts": ["c"],
        "response": "I am Y.",
        "reference": "I am X.",
    },
    "ragas of turns": {"user_input": [HUMAN, {"content": "I am Y.", "type": "ai"}]},
    "arena-hard of today": {
        "uid": "u",
        "ans_id": "a",
        "model": "m",
        "messages": [*ASKED, {"role": "assistant", "content": {"answer": "I am Y."}}],
        "tstamp": 1.0,
    },
    "wildchat": {
        "conversation_hash": "h",
        "model": "m",
        "conversation": [
            {**ASKED[0], "language": "English", "toxic": False},
            {**SAID, "language": "English"},
        ],
        "turn": 1,
    },
    "open webui": {
        "id": "c",
        "chat": {
            "models": ["m"],
            "history": {
                "currentId": "b",
                "messages": {
                    "a": {"id": "a", "parentId": None, "childrenIds": ["b"], **ASKED[0]},
                    "b": {
                        "id": "b",
                        "parentId": "a",
                        "role": "assistant",
                        "model": "m",
                        "content": '<details type="reasoning" done="true">\nHm.\n</details>\nI am Y.',
                    },
                },
            },
        },
    },
    "claude": {
        "uuid": "c",
        "name": "t",
        "chat_messages": [
            {"uuid": "1", "text": "Who are you?", "content": [], "sender": "human"},
            {
                "uuid": "2",
                "text": "",
                "sender": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm."},
                    {"type": "text", "text": "I am Y."},
                ],
            },
        ],
    },
}


@pytest.mark.parametrize("tool", sorted(ONE_ANSWER))
@pytest.mark.parametrize("form", ["lines", "list", "printed"])
def test_the_answer_in_a_tools_record_is_read(tmp_path: Path, tool: str, form: str) -> None:
    value = ONE_ANSWER[tool]
    told = {"lines": json.dumps(value), "list": json.dumps([value])}
    path = tmp_path / "a.json"
    path.write_text(told.get(form) or json.dumps(value, indent=2))
    (row,) = AnswerReader(path).rows()
    assert (row.prompt, row.answer) == ("Who are you?", "I am Y.")
    assert row.error is None


@pytest.mark.parametrize(
    ("tool", "model"),
    [
        ("gemini", "gemini-2.5-pro"),
        ("ai studio", "models/gemini-2.5-pro"),
        ("ollama generate", "kimi"),
        ("langfuse", "m"),
        ("langsmith", "m"),
        ("langsmith's own", "m"),
        ("promptfoo", "openai:gpt"),
        ("open webui", "m"),
        ("wildchat", "m"),
    ],
)
def test_the_model_of_a_record_is_known(tmp_path: Path, tool: str, model: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([ONE_ANSWER[tool]]))
    assert opened(path).identity.name == model


@pytest.mark.parametrize("tool", ["gemini", "ai studio", "open webui", "claude"])
def test_what_was_thought_stands_apart(tmp_path: Path, tool: str) -> None:
    (row,) = AnswerReader(write(tmp_path / "a.jsonl", ONE_ANSWER[tool])).rows()
    assert row.thoughts == "Hm."


def test_a_battle_holds_the_answers_of_two_models(tmp_path: Path) -> None:
    other = {**SAID, "content": "I am Z."}
    battle = {
        "model_a": "a",
        "model_b": "b",
        "winner": "tie",
        "conversation_a": [*ASKED, SAID],
        "conversation_b": [*ASKED, other],
    }
    assert told(read(tmp_path, battle, model="b")) == [("Who are you?", "I am Z.")]
    listed = {
        "model_a": "a",
        "model_b": "b",
        "prompt": ["One?", "Two?"],
        "response_a": ["1", "2"],
        "response_b": ["3", "4"],
    }
    assert told(read(tmp_path, listed, model="b")) == [("One?", "3"), ("Two?", "4")]


def test_garaks_report_gives_attempts_under_the_model_of_its_setup(tmp_path: Path) -> None:
    setup = {"entry_type": "start_run setup", "plugins.model_type": "x", "plugins.model_name": "m"}
    attempt = {
        "entry_type": "attempt",
        "uuid": "u",
        "status": 2,
        "probe_classname": "dan.Dan",
        "prompt": {"turns": [{"role": "user", "content": {"text": "Who are you?", "lang": "en"}}]},
        "outputs": [{"text": "I am Y."}, {"text": "I am Y."}, None],
    }
    said = read(tmp_path, setup, {**attempt, "status": 1}, attempt, {"entry_type": "eval"})
    assert said.identity.name == "m"
    assert [(r.sample, r.text) for r in said.replies] == [(0, "I am Y."), (1, "I am Y."), (2, "")]
    assert {e.kind for e in said.events} == {"duplicates", "set_aside"}
    older = {**attempt, "prompt": "Who are you?", "outputs": ["I am Y."]}
    assert told(read(tmp_path, older)) == [("Who are you?", "I am Y.")]


def test_likelihoods_and_spans_and_gold_are_set_aside_by_reason(tmp_path: Path) -> None:
    asked = {"gen_args_0": {"arg_0": "Who?", "arg_1": " I am"}}
    scored = {"doc": {}, "arguments": asked, "resps": [[["-1.0", "False"]]], "acc": float("nan")}
    said = opened(write(tmp_path / "a.jsonl", scored, ONE_ANSWER["lm-eval"]))
    assert said.remark == "a: 1 answers read; skipped: 1 are likelihoods of given texts"
    chain = {"run_type": "chain", "inputs": {"question": "Q"}, "outputs": {"output": "A"}}
    said = opened(write(tmp_path / "b.jsonl", chain, ONE_ANSWER["langsmith"]))
    assert said.remark == "b: 1 answers read; skipped: 1 hold no answer"


def test_a_failed_promptfoo_call_is_an_attempt_that_failed(tmp_path: Path) -> None:
    (result,) = ONE_ANSWER["promptfoo"]["results"]["results"]
    bare = {k: v for k, v in result.items() if k != "response"}
    said = read(tmp_path, result, {**bare, "error": "API error: 500"})
    assert said.counts() == {"ok": 1, "error": 1}


def test_every_shape_has_a_key_by_which_rows_of_tools_are_told_from_others() -> None:
    assert [shape.tool for shape in shapes.SHAPES if not shape.has & shapes._MARKS] == []
