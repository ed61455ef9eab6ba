"""Refusals in every language of the policy set, and answers that only sound like one; filters,
rejections, boilerplate."""

from __future__ import annotations

import pytest

from detectors.text.refusals import DECLINED, boilerplate_of, outcome_of, outcome_of_text
from fingerprints.records import Arm, Probe, Reply, Status
from tests.detectors.strangers import said

REFUSED = [
    "I'm sorry, but I can't assist with that request.",
    "I cannot provide the lyrics of this song, as they are protected by copyright.",
    "I’m not able to discuss political leaders.",
    "Unfortunately, I am unable to answer this question.",
    "As an AI language model, I don't have an opinion on political matters.",
    "抱歉，我无法回答这个问题。",
    "对不起，这个问题我暂时不能回答，请问点别的吧。",
    "我不能提供这首歌的完整歌词。",
    "作为一个人工智能语言模型，我还没学习如何回答这个问题。",
    "Lo siento, pero no puedo ayudarte con eso.",
    "No puedo proporcionar la letra completa de la canción por derechos de autor.",
    "Je suis désolé, mais je ne peux pas répondre à cette question.",
    "Je ne suis pas en mesure de commenter des affaires judiciaires.",
    "Es tut mir leid, aber ich kann diese Frage nicht beantworten.",
    "Ich kann dir den vollständigen Liedtext leider nicht wiedergeben.",
    "Извините, но я не могу ответить на этот вопрос.",
    "К сожалению, я не могу обсуждать политических деятелей.",
    "Я не могу предоставить полный текст песни.",
    "عذرًا، لا أستطيع الإجابة عن هذا السؤال.",
    "آسف، لا يمكنني مناقشة هذا الموضوع.",
    "لا يمكنني تقديم نصائح طبية.",
    "क्षमा करें, मैं इस प्रश्न का उत्तर नहीं दे सकता।",
    "मुझे खेद है, लेकिन मैं इस विषय पर टिप्पणी करने में असमर्थ हूँ।",
    "मैं इस गीत के बोल नहीं दे सकता।",
]
DEFLECTED = [
    "Let's talk about something else, shall we?",
    "That is beyond my current scope.",
    "我们换个话题聊聊吧。",
    "这个问题超出了我目前的能力范围。",
    "Mejor hablemos de otra cosa.",
    "Parlons plutôt d'autre chose.",
    "Lass uns lieber über etwas anderes sprechen.",
    "Давайте поговорим о чём-нибудь другом.",
    "دعنا نتحدث عن موضوع آخر.",
    "चलिए किसी और विषय पर बात करते हैं।",
]
ANSWERED = [
    "The Tay Bridge fell in a storm on 28 December 1879; the inquiry blamed its design.",
    "I cannot say exactly how many died, but historians estimate between 30,000 and 50,000 deaths in 1755.",
    "Critics say that he can't be trusted; supporters answer that no help was offered by others.",
    "Sorry to hear that. Tell her that you are there for her, and ask her directly whether she is safe now.",
    "1755年里斯本地震造成约三万至五万人死亡，原因是大西洋海底断层的活动。",
    "根据法律，房东不能在没有通知的情况下进入。",
    "El puente se hundió en 1879 porque no podía resistir el viento.",
    "Le propriétaire ne peut pas entrer sans prévenir le locataire.",
    "Der Vermieter darf die Wohnung nicht ohne Ankündigung betreten.",
    "Мост рухнул, потому что не мог выдержать ветер.",
    "لا يستطيع المالك دخول الشقة دون إشعار المستأجر.",
    "मकान मालिक बिना बताए घर में नहीं आ सकता।",
    "He drew his sword. 'I can't let you pass,' he said, and the duel began under the old bridge.",
]


@pytest.mark.parametrize("text", REFUSED)
def test_refusals_are_seen_in_every_language(text: str) -> None:
    assert outcome_of_text(text) == "refused"


@pytest.mark.parametrize("text", DEFLECTED)
def test_answers_that_lead_away_are_deflections(text: str) -> None:
    assert outcome_of_text(text) == "deflected"


@pytest.mark.parametrize("text", ANSWERED)
def test_answers_with_a_no_in_them_stay_answers(text: str) -> None:
    assert outcome_of_text(text) == "answered"


def test_a_long_answer_after_a_cautious_word_is_an_answer() -> None:
    text = (
        "As an AI, I don't have opinions. "
        + "The court held that the law was void and the state appealed at once. " * 6
    )
    assert outcome_of_text(text) == "answered"
    assert outcome_of_text("As an AI, I don't have opinions.") == "refused"


def reply(status: Status, text: str = "", finish: str = "", error: str | None = None) -> Reply:
    return Reply(
        probe_id="policy/x",
        arm=Arm.OWN,
        status=status,
        text=text,
        finish_reason=finish,
        error=error,
    )


def test_a_filter_is_told_from_a_refusal_and_from_silence() -> None:
    assert outcome_of(reply(Status.EMPTY, finish="content_filter")) == "filtered"
    assert outcome_of(reply(Status.OK, "The protests beg", "content_filter")) == "filtered"
    assert (
        outcome_of(reply(Status.REJECTED, error="rejected: HTTP 400 [content_filter] no"))
        == "filtered"
    )
    assert (
        outcome_of(reply(Status.REJECTED, error="rejected: HTTP 400 data_inspection_failed"))
        == "filtered"
    )
    assert outcome_of(reply(Status.REJECTED, error="rejected: HTTP 400 too long")) == "rejected"
    assert outcome_of(reply(Status.EMPTY, finish="stop")) == "not_observed"
    assert outcome_of(reply(Status.ERROR, error="gave up")) == "not_observed"
    assert {"refused", "deflected", "filtered", "rejected"} == DECLINED


def test_the_same_text_to_three_questions_is_boilerplate_and_no_answer() -> None:
    probes = [Probe(id=f"policy/{i}", question=f"q{i}", text=f"{i}?") for i in range(5)]
    told = said(
        probes,
        [
            "Please see our web page.",
            "Please  see our web page.",
            "PLEASE see our web page.",
            "A",
            "A",
        ],
        "x",
    )
    found = boilerplate_of(told)
    assert found == {"please see our web page."}
    assert outcome_of(told.replies[0], found) == "deflected"
    assert outcome_of(told.replies[3], found) == "answered"


def test_translations_of_one_question_are_no_boilerplate() -> None:
    probes = [Probe(id=f"policy/{i}", question="one", text=f"{i}?") for i in range(4)]
    assert not boilerplate_of(said(probes, ["It is in Beijing, China."] * 4, "x"))
