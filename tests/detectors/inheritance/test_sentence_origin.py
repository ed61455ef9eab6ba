"""sentence_origin: sentences are cut with their context, classed by three likelihoods, and
counted against other teachers."""

from __future__ import annotations

from detectors.base import Case, Measurement, NotMeasured, Teacher
from detectors.inheritance.sentence_origin import SentenceOrigin, sentences
from detectors.pairing import style_answers
from fingerprints.records import Arm, Identity, Probe, Reply, Status
from fingerprints.scores import BASE, SUSPECT, Score, Scores, teacher
from fingerprints.transcript import Header, Transcript

ANSWER = "The lake is deep and cold today. Short. Boats cross it every morning before noon!\n\nNobody swims there in the winter."


def _transcript(name: str, n: int = 10) -> Transcript:
    probes = {f"asked/{i}": Probe(id=f"asked/{i}", text=f"Tell me of lake {i}.") for i in range(n)}
    replies = tuple(Reply(probe_id=p, arm=Arm.OWN, status=Status.OK, text=ANSWER) for p in probes)
    return Transcript(
        Header(spec=name, identity=Identity(kind="checkpoint", name=name)), probes, replies
    )


SUSPECTS = _transcript("suspect")
BASES = Teacher("base", "maker-b", "", _transcript("base"))
RIGHT, WRONG = (
    Teacher(name, f"maker-{name}", "", _transcript(name)) for name in ("right", "wrong")
)


def _scores() -> Scores:
    """The first sentence of each answer is the right teacher's, the second the suspect's own,
    the third the base's too."""
    rows = {}
    for answer in style_answers(SUSPECTS).values():
        for sentence, (base, right, own) in zip(
            sentences(answer), ((3, 1, 1), (3, 3, 1), (1, 1, 1)), strict=True
        ):
            size = len(sentence.passage.text.encode())
            for who, bits in (
                (BASE, base),
                (SUSPECT, own),
                (teacher("right"), right),
                (teacher("wrong"), 3),
            ):
                digest = sentence.passage.digest()
                rows[who, digest] = Score(
                    scorer=who, passage_sha256=digest, bits=float(bits * size), tokens=9, bytes=size
                )
    return Scores({who: Identity(kind="checkpoint", name=who) for who, _ in rows}, rows)


def _measure(candidate: Teacher, scores: Scores) -> Measurement | NotMeasured:
    background = tuple(t for t in (RIGHT, WRONG) if t is not candidate)
    return SentenceOrigin().measure(
        Case(SUSPECTS, candidate, background, base=BASES, scores=scores)
    )


def test_a_sentence_keeps_its_place_and_reads_all_that_stands_before_it() -> None:
    found = sentences(next(iter(style_answers(SUSPECTS).values())))
    assert [ANSWER[s.start : s.end] for s in found] == [
        "The lake is deep and cold today.",
        "Boats cross it every morning before noon!",
        "Nobody swims there in the winter.",
    ]
    assert all(s.passage.lead + s.passage.text == ANSWER[: s.end] for s in found)


def test_only_what_teacher_and_suspect_share_against_the_base_counts_and_is_marked() -> None:
    found = _measure(RIGHT, _scores())
    assert isinstance(found, Measurement)
    assert abs(found.value - 1 / 3) < 1e-9
    assert [row[1] for row in found.tables[0].rows] == [10, 10, 10]
    assert {ANSWER[s.start : s.end] for e in found.exhibits for s in e.spans} == {
        "The lake is deep and cold today."
    }
    assert found.rank is not None
    assert found.rank.position == 1
    assert found.null is not None
    assert (found.null.n, found.null.at_least) == (1, 0)


def test_another_live_teacher_gets_nothing() -> None:
    found = _measure(WRONG, _scores())
    assert isinstance(found, Measurement)
    assert found.value == 0
    assert found.interval is not None
    assert found.interval[1] > 0
    assert not found.exhibits


def test_what_is_missing_is_a_reason() -> None:
    unscored = _measure(RIGHT, Scores())
    assert isinstance(unscored, NotMeasured)
    assert "--teacher" in unscored.reason
    baseless = SentenceOrigin().measure(Case(SUSPECTS, RIGHT, (WRONG,), scores=_scores()))
    assert isinstance(baseless, NotMeasured)
    assert "--base" in baseless.reason
    assert not SentenceOrigin().next_texts(SUSPECTS, (RIGHT,), BASES, [])
    assert {
        w.scorer for w in SentenceOrigin().next_texts(SUSPECTS, (RIGHT,), BASES, ["right"])
    } == {
        SUSPECT,
        BASE,
        teacher("right"),
    }
