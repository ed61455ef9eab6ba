"""Style is compared by first answers as they were said: without thoughts, and without what came
later on in a chat."""

from __future__ import annotations

from pathlib import Path

from detectors.case import Case, Teacher
from detectors.pairing import answer_book, style_answers
from fingerprints.records import Arm, Identity, Message, Probe, Reply, Status
from fingerprints.store import FingerprintStore
from fingerprints.transcript import Header, Transcript
from tests.detectors import authors

ASKED = Probe(id="recorded/a", text="Name a river.")
THOUGHT = "<think>\nRivers. OpenAI would say the Danube.\n</think>\n\nThe Danube."


def transcript(*said: tuple[Probe, str]) -> Transcript:
    replies = (
        Reply(probe_id=p.id, arm=Arm.RECORDED, status=Status.OK, text=text) for p, text in said
    )
    header = Header(spec="x", identity=Identity(kind="recording", name="m"))
    return Transcript(header, {p.id: p for p, _ in said}, tuple(replies))


def texts(held: Transcript) -> list[str]:
    return [answer.text for answer in style_answers(held).values()]


def test_a_stored_reasoner_is_compared_by_its_answers_and_kept_with_its_thoughts(
    tmp_path: Path,
) -> None:
    unended = Probe(id="recorded/b", text="Name a lake.")
    said = transcript((ASKED, THOUGHT), (unended, "<think>\nA lake"))
    with FingerprintStore.create(tmp_path / "store") as store:
        store.add(said, "m")
        held = store.transcript("m")
        assert store.verify() == []
        vectors = store.embedder.embed(["The Danube."])
        scores, ids = store.search(vectors, 5)
        assert ids.shape == (1, 1)
        assert scores[0, 0] > 0.999
    assert [r.text for r in held.replies] == [THOUGHT, "<think>\nA lake"]
    assert held.digest() == said.digest()
    assert texts(held) == ["The Danube."]


def test_later_answers_of_a_chat_say_nothing_of_style_and_a_system_prompt_hinders_nothing() -> None:
    told = Message(role="system", content="Be brief.")
    chat = (Message(role="user", content="Hi"), Message(role="assistant", content="Hello."))
    briefed = Probe(id="recorded/c", text="Name a river.", history=(told,))
    later = Probe(id="recorded/d", text="Name a sea.", history=chat, kind="dialogue")
    assert texts(transcript((briefed, "The Volga."), (later, "The Baltic."))) == ["The Volga."]


def test_answers_in_another_script_than_most_are_left_aside_and_counted() -> None:
    japanese = [f"{i}番目の質問にお答えします。水は低い温度で沸騰します。" for i in range(40)]
    english = [f"To answer question {i}: water boils at a lower temperature." for i in range(40)]
    stored = [Teacher(f"m{n}", f"v{n}", "", authors.transcript(japanese)) for n in range(3)]
    foreign = Teacher("abroad", "v9", "", authors.transcript(english))
    mixed = Teacher("mixed", "v8", "", authors.transcript([*english[:10], *japanese[10:]]))
    suspect = authors.transcript([*japanese[:30], *english[30:]])
    book = answer_book([*stored, foreign, mixed], suspect)
    assert "abroad" not in book.names
    assert book.left_out == ("abroad",)
    assert set(book.scripts) == {"japanese"}
    assert len(book.answers[book.names.index("mixed")]) == 30
    assert len(book.answers_of(suspect)) == 30
    assert book.foreign(suspect) == 10
    assert "10 answers are in another script" in book.aside(suspect)[0]
    assert book.aside(authors.transcript(japanese)) == ()
    case = Case(suspect, mixed, tuple(stored))
    assert book.shared(case) == 20
