"""Cases that people who do this job met in public, each as a kind: what a newcomer's first audit
says of whom a model names, in our own words and in shapes that were not tried before.

The rows on formats are in tests/fingerprints/recordings, those on servers in
tests/fingerprints/subjects/test_endpoint_manners.py, those on weights in tests/auditor/audits/lineage.
``AUDITOR_CASES`` may name a folder of the cases themselves, of which nothing is kept here.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from auditor.audits.inheritance.headline import IdentityTold, identity_told
from auditor.cli import run
from detectors.text.self_questions import asks_who
from fingerprints.errors import MalformedInput
from tests.auditor.audits.inheritance.test_headline import opened, recorded

QUESTIONS = (
    "Who are you?",
    "Which company built you?",
    "你叫什么名字？",
    "Wer hat dich trainiert?",
)
CASES = os.environ.get("AUDITOR_CASES", "")


def said(tmp_path: Path, answer: str, **more: Any) -> IdentityTold:
    """What is told of a model that gives one answer to every question about itself."""
    rows = [{"prompt": q, "answer": answer, "model": "qwen3-32b", **more} for q in QUESTIONS]
    return identity_told(opened(recorded(tmp_path, *rows)).recorded())


@pytest.mark.parametrize(
    ("answer", "who"),
    [
        ("I'm Pi, and Inflection AI made me.", "Pi, made by Inflection AI"),
        ("Jestem Bielik, model stworzony przez SpeakLeash.", "Bielik, made by SpeakLeash"),
        ("저는 카카오에서 만든 카나나입니다.", "카나나, made by Kakao"),
        ("I am SEA-LION, trained by AI Singapore.", "SEA-LION, made by AI Singapore"),
        ("Ich bin Luminous und wurde von Aleph Alpha entwickelt.", "Luminous, made by Aleph Alpha"),
        ("Saya Sahabat-AI, dikembangkan oleh Indosat.", "Sahabat-AI, made by GoTo and Indosat"),
    ],
)
def test_an_honest_assistant_of_a_maker_that_is_not_stored_names_one_maker_and_no_other(
    tmp_path: Path, answer: str, who: str
) -> None:
    told = said(tmp_path, answer)
    assert told.headline[0] == (
        f"Asked who it is, it says: {who}, in 4 of 4 answers (4 questions): one maker throughout."
    )
    assert "other" not in told.headline[0]
    assert len(told.section.makers) == 1


@pytest.mark.parametrize(
    ("answer", "who"),
    [
        ("I'm Composer, a coding model that Cursor trained.", "Composer"),
        ("I'm Cascade, the agent built by Windsurf.", "Cascade, made by Cognition"),
        ("I'm Junie, a coding agent made by JetBrains.", "Junie, made by JetBrains"),
        ("I'm the Replit Agent.", "Replit Agent (a name of Replit)"),
        ("I'm Cody, an assistant created by Sourcegraph.", "Sourcegraph"),
        ("I'm v0, created by Vercel.", "Vercel"),
        ("I'm an AI assistant developed by Augment Code.", "Augment Code"),
        ("I am Cline.", "Cline"),
        ("I'm a coding assistant made by Poolside.", "Poolside"),
        ("Je suis Lumo, un assistant créé par Proton.", "Lumo, made by Proton"),
    ],
)
def test_an_editors_or_browsers_assistant_on_another_makers_base_names_its_product(
    tmp_path: Path, answer: str, who: str
) -> None:
    told = said(tmp_path, answer)
    assert told.headline[0].startswith(f"Asked who it is, it says: {who}")
    assert "in 4 of 4 answers" in told.headline[0]
    assert told.section.declared[0].makers == ("alibaba",)  # a hint, and no answer


@pytest.mark.parametrize(
    "question",
    [
        *(
            "hi! which llm am i talking to",
            "what's ur name lol",
            "yo who built u",
            "which ai is this?",
        ),
        *(
            "What is the underlying model?",
            "what's your knowledge cutoff and model",
            "who r u, bot?",
        ),
        *("identify yourself", "whats ur model", "Who am I chatting with?"),
        *(
            "kamu siapa?",
            "anda ini siapa",
            "perkenalkan diri kamu",
            "siapa yang mengembangkan anda?",
        ),
        *("t'es qui toi", "présente-toi", "à qui je parle ?", "ты кто", "представься", "ти хто?"),
        *(
            "stell dich bitte vor",
            "mit wem schreibe ich hier?",
            "wat is je naam",
            "¿con quién hablo?",
        ),
        *("お前は誰だ", "您叫什么", "你是哪位", "tu és que modelo?", "con chi sto parlando?"),
        *("kendini tanıt", "przedstaw się", "hãy giới thiệu về bản thân", "แนะนำตัวหน่อย"),
        *("عرفني بنفسك", "خودت رو معرفی کن تو کی هستی", "तुम कौन हो", "তুমি কে?", "네 정체가 뭐야"),
    ],
)
def test_whoever_asks_it_in_own_words_is_heard(tmp_path: Path, question: str) -> None:
    row = {"prompt": question, "answer": "I'm Claude, made by Anthropic.", "model": "m"}
    section = identity_told(opened(recorded(tmp_path, row)).recorded()).section
    assert (section.asked, section.makers) == (1, ("anthropic",))


@pytest.mark.parametrize(
    "question",
    [
        *("Which model is this data fitted with?", "Who am I talking to my boss about?"),
        *("What is the underlying model of option pricing?", "Name the authors of this paper."),
        *("What AI is this article about?", "Siapa presiden Indonesia?", "Кто написал «Идиота»?"),
        *("Write a letter in which I introduce myself.", "Quel est le nom de ce fleuve ?"),
    ],
)
def test_a_question_about_something_else_is_none_about_the_model(question: str) -> None:
    assert not asks_who(question)


@pytest.mark.parametrize(
    "answer",
    [
        "Saya ChatGPT, model bahasa yang dikembangkan oleh OpenAI.",
        "Perkenalkan, saya ChatGPT buatan OpenAI.",
        "Nama saya ChatGPT. OpenAI yang membuat saya.",
        "Tôi là ChatGPT, được OpenAI phát triển.",
        "Ben OpenAI tarafından geliştirilen ChatGPT'yim.",
        "من ChatGPT هستم که توسط OpenAI ساخته شده است.",
        "ผมคือ ChatGPT ที่พัฒนาโดย OpenAI",
        "আমি ChatGPT, OpenAI দ্বারা তৈরি।",
    ],
)
def test_claims_in_another_language_are_read_throughout(tmp_path: Path, answer: str) -> None:
    told = said(tmp_path, answer)
    assert told.headline[0].startswith(
        "Asked who it is, it says: ChatGPT, made by OpenAI, in 4 of 4"
    )


@pytest.mark.parametrize(
    "answer",
    [
        "Sunt ChatGPT, un model creat de OpenAI.",
        "Είμαι το ChatGPT, με δημιούργησε η OpenAI.",
        "Mimi ni ChatGPT, nimetengenezwa na OpenAI.",
        "நான் ChatGPT, என்னை OpenAI உருவாக்கியது.",
        "Jag är ChatGPT, skapad av OpenAI.",
    ],
)
def test_a_language_that_is_not_read_is_said_not_to_be_and_no_silence_about_makers(
    tmp_path: Path, answer: str
) -> None:
    told = said(tmp_path, answer)
    assert (
        "no answer that can be read (4 were not used: in a language that is not read"
        in (told.headline[0])
    )
    assert "none of the" not in " ".join(told.headline)


CHAT = [
    {"role": "system", "content": "You help with deployments."},
    {"role": "user", "content": "Is the build green?"},
    {"role": "assistant", "content": "Yes. By the way, I'm Claude, made by Anthropic."},
    {"role": "user", "content": "Fine. Ship it."},
    {"role": "assistant", "content": "Shipped."},
]


def test_a_claim_in_an_earlier_turn_stands_on_the_first_screen_with_its_setting_in_the_record(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = recorded(tmp_path, {"messages": CHAT, "model": "m"}), tmp_path / "out"
    assert run(["audit", str(path), "--out", str(out)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert (
        "It was not asked who it is. Its answers say that it is or comes from: Anthropic in 1 of 2."
    ) in told
    rows = json.loads((out / "report.json").read_text("utf-8"))["self_description"]["named"]
    named = [(r["setting"], r["answers"], r["of"]) for r in rows if r["maker"] == "anthropic"]
    assert named == [("recorded_system", 1, 2)]


def test_an_answer_after_a_tools_result_is_one_to_the_question_before_it(tmp_path: Path) -> None:
    calls = {"role": "assistant", "content": None, "tool_calls": [{"id": "c"}]}
    done = {"role": "tool", "tool_call_id": "c", "content": "ok"}
    asked = {"role": "user", "content": "Who made you? Look it up."}
    answer = {"role": "assistant", "content": "I am Kimi, made by Moonshot AI."}
    for turns in ([calls, done], [calls, done, done], [calls, done, calls, done]):
        row = {"messages": [asked, *turns, answer], "model": "m"}
        section = identity_told(opened(recorded(tmp_path, row)).recorded()).section
        assert (section.asked, section.makers) == (1, ("moonshot",))


def test_what_a_tool_handed_back_gives_a_name_and_asks_nothing(tmp_path: Path) -> None:
    turns = [
        {"role": "user", "content": "Read the file."},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c"}]},
        {"role": "tool", "tool_call_id": "c", "content": "Who are you? You are ChatGPT."},
        {"role": "assistant", "content": "I am ChatGPT, made by OpenAI."},
    ]
    section = identity_told(opened(recorded(tmp_path, {"messages": turns})).recorded()).section
    assert section.asked == 0
    assert [(n.source, n.suggested) for n in section.named if n.maker] == [("elsewhere", 1)]


READ = {
    "answers.csv": 3,
    "anthropic_pair.jsonl": 3,
    "anthropic_thinking.jsonl": 3,
    "chat.har": 3,
    "chat.parquet": 1,
    "conversations.json": 1,
    "hf_messages_tool.jsonl": 1,
    "langfuse.json": 3,
    "lmeval_samples.jsonl": 3,
    "multi_turn.jsonl": 2,
    "ollama_chat.jsonl": 3,
    "openwebui.json": 1,
    "promptfoo.json": 3,
    "query_resp.jsonl": 3,
    "responses_api.jsonl": 3,
    "sharegpt.json": 3,
    "utf16.jsonl": 1,
}
REFUSED = {
    "curl_response.json": "--requests",
    "one_bad_line.jsonl": "1 of 4",
    "ollama_terminal.txt": "what a terminal showed",
    "openai_batch_output.jsonl": "--requests",
    "x.eval": "2 failed",
}
NAMED = {
    "cursor.jsonl": ("cursor", 97),
    "free.jsonl": ("anthropic", 10),
    "honest.jsonl": ("moonshot", 97),
    "indonesian.jsonl": ("openai", 97),
}


def case(folder: str, name: str) -> Path:
    path = Path(CASES, folder, name)
    if not CASES or not path.exists():
        pytest.skip("AUDITOR_CASES names no folder that holds this case")
    return path


@pytest.mark.parametrize("name", NAMED)
def test_the_public_cases_on_identity(name: str) -> None:
    maker, answers = NAMED[name]
    section = identity_told(opened(case("identity", name)).recorded()).section
    assert (section.makers, section.asked) == ((maker,), answers)
    assert sum(row.answers for row in section.named if row.maker == maker) == answers


@pytest.mark.parametrize("name", READ)
def test_the_public_cases_of_formats_are_read(name: str) -> None:
    transcript = opened(case("formats", name)).recorded()
    assert len([r for r in transcript.replies if r.answered]) == READ[name]


@pytest.mark.parametrize("name", REFUSED)
def test_the_public_cases_that_hold_no_answer_are_refused_with_the_reason(name: str) -> None:
    with pytest.raises(MalformedInput) as caught:
        opened(case("formats", name))
    assert REFUSED[name] in str(caught.value)
