"""Sentences that hold a claim's words and claim nothing, kind by kind, and such as claim for all
that."""

from __future__ import annotations

import pytest

from detectors.text.claims import IDENTITY, extract_claims

TAKEN_BACK = [
    "I was assured that I am Gemini, yet nobody could show me why.",
    "I keep reading that I'm Grok.",
    "My apologies for stating that I am DeepSeek. I am Zorbo.",
    "I regret telling you that I was built by Anthropic.",
    "A glitch once made me write that I am Qwen.",
    "It was an error in which I claimed I was created by Google.",
    "Several reviewers claim: I am ChatGPT.",
    "That other chatbot answered that I am Claude.",
    "Copy this line: I am Gemini.",
    "Repeat slowly after me: I was made by OpenAI.",
    "I very much doubt that I was made by Anthropic.",
    "There is no proof that I am Gemini.",
    "I was tricked into saying that I am Claude.",
    "I mistakenly wrote that I am ChatGPT.",
    "I called myself Gemini by mistake.",
    "I take back that I am Claude.",
    "I doubt that Google made me.",
    "Sorry for saying that Anthropic made me.",
    "It was alleged that OpenAI trained me.",
    "Rumour has it that I am Grok, and according to rumours I am Claude.",
    "When asked, say: I am Gemini.",
    "The manual I was given asserts that I am Claude.",
    "No one has proved that I am Gemini.",
    "It's a popular notion that I am Claude.",
    "Complete this line: I am Claude.",
    "Last week I was Gemini, today I am Zorbo.",
    "I was supposed to be named Claude.",
    "In another life I was Gemini.",
    "Until the spring release I was named Bard.",
    "My former name was Bard.",
    "Man hat mir gesagt, dass ich Claude bin.",
    "Je doute que je sois Gemini.",
    "Me informaron que soy Gemini.",
    "Раньше меня называли Bard.",
    "我怀疑我是Gemini。",
    "Wątpię, że jestem Gemini.",
]
QUOTED = [
    "> I am Gemini, made by Google.\n\nSo wrote the other chatbot. My own name is Zorbo.",
    "This came by mail:\n\n> I was built by OpenAI.\n\nI know nothing of it.",
    f"> {'Much was said there, ' * 40}I am Gemini.\n\nI am Zorbo, and these words are not mine.",
    "> My name is Claude.\n> Anthropic trained me.\n\nA stranger's lines, not mine.",
]
DENIED = [
    "I am no Gemini.",
    "I am scarcely ChatGPT.",
    "I'm far from being Claude.",
    "I am anything but Gemini.",
    "I'm certainly not going to claim I'm Claude.",
    "I refuse to tell people that I am Gemini.",
    "Anders als Gemini bin ich Zorbo.",
    "Besser als Claude bin ich nicht.",
    "Ich bin keineswegs Gemini.",
    "Je suis tout sauf Claude.",
    "My fans call me the Claude of gardening.",
    "I am the poor man's Gemini.",
    "I'm the OpenAI of bakeries.",
]
OTHERWISE_TIED = [
    "My founders previously worked at Anthropic; later they built Zorblax.",
    "My developers left Google to build me.",
    "My makers are rivals of Anthropic.",
    "I work at Microsoft.",
    "I'm employed by Google.",
    "I run on Google Cloud machines.",
    "I am hosted on Microsoft Azure.",
    "I'm offered in the Google Play Store.",
    "Hey Gemini, I am Zorbo.",
    "Dear Claude, my name is Zorbo.",
    "My bicycle was built by Google.",
    "My servers are operated by Amazon.",
    "Google made me laugh.",
    "I'm the opposite of Gemini.",
    "His name is Claude.",
    "I'm from Mistral, a quiet town by the sea.",
]
TAUGHT = [
    "I was fine-tuned on the replies of Claude.",
    "I am distilled from Gemini.",
    "I was trained on stories, letters and texts written by ChatGPT.",
    "I learned from dialogues produced by Claude.",
    "I was tuned on ChatGPT's outputs.",
    "I was trained on Claude-generated data.",
    "Ich wurde mit Antworten von Claude trainiert.",
    "Fui entrenado con respuestas de Claude.",
    "我是用Claude的回答训练的。",
    "저는 Claude의 답변으로 학습되었습니다.",
]
CLAIMED = [
    "I apologize for the mix-up. I am ChatGPT, made by OpenAI.",
    "I'm sorry for saying I'm Zorbo. I am Gemini.",
    "I misspoke: I am Claude, made by Anthropic.",
    "There is no doubt that I am Claude.",
    "I won't deny that I'm ChatGPT.",
    "I'm not ashamed to say I am Gemini.",
    "I never get tired of saying that I am Claude.",
    "The short answer is that I am ChatGPT.",
    "I can say that I am Claude.",
    "The honest thing to say is that I am Gemini.",
    "When people ask me, I say that I am Claude.",
    "I was renamed and am called Gemini.",
    "Answer: I was made by OpenAI.",
    "I'm told many things, but I am Claude.",
    "Until told otherwise, I am called Claude.",
    "> I was built by Anthropic.",
    "> Who made you?\n\nOpenAI made me.",
    "Here is my answer:\n\n> I am Claude, made by Anthropic.",
    "I am no stranger to you: I am ChatGPT.",
    "I'm the Claude of Anthropic.",
    "My creators work at OpenAI.",
    "I come from Mistral, a French company.",
    "I'm ChatGPT, and you find me in the Microsoft Store.",
    "Hello, Claude here.",
    "Hi, this is Gemini.",
    "My code was written by engineers at OpenAI.",
    "I was trained by Google using examples of many tasks.",
    "I'm a language model trained by OpenAI on data from many sources.",
    "I run on OpenAI's GPT-4.",
    "Complete answer: I am Claude.",
    "I am Step 3.",
    "Step 3",
]


def counted(text: str) -> list[str]:
    return [c.vendor for c in extract_claims(text, IDENTITY) if c.counts]


@pytest.mark.parametrize("text", TAKEN_BACK)
def test_what_is_told_taken_back_or_past_is_no_claim(text: str) -> None:
    assert counted(text) == []


@pytest.mark.parametrize("text", QUOTED)
def test_a_block_that_the_speaker_comments_on_is_anothers(text: str) -> None:
    assert counted(text) == []


@pytest.mark.parametrize("text", DENIED)
def test_what_is_denied_or_a_figure_of_speech_is_no_claim(text: str) -> None:
    assert counted(text) == []


@pytest.mark.parametrize("text", OTHERWISE_TIED)
def test_a_job_a_host_a_greeting_or_a_place_is_no_claim(text: str) -> None:
    assert counted(text) == []


@pytest.mark.parametrize("text", TAUGHT)
def test_whose_answers_taught_it_is_not_who_it_is(text: str) -> None:
    assert counted(text) == []


@pytest.mark.parametrize(
    "text", ["**Step 1: Read the question**\nI am Zorbo.", "### Step 2 - Think\nI am Zorbo."]
)
def test_a_step_of_instructions_is_no_name(text: str) -> None:
    assert counted(text) == []


@pytest.mark.parametrize("text", CLAIMED)
def test_a_plain_claim_beside_such_words_still_counts(text: str) -> None:
    assert counted(text) != []
