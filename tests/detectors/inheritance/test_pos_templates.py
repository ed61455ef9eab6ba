"""Templates of parts of speech: who builds sentences alike is found whatever the words, and only
in English."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from detectors.base import Case, Measurement, NotMeasured, Teacher
from detectors.exhibits.templates import template_places
from detectors.inheritance.pos_templates import PosTemplates, is_english
from detectors.pairing import style_answers
from fingerprints.records import Arm, Identity, Probe, Reply, Status
from fingerprints.transcript import Header, Transcript
from tests.detectors.authors import transcript

N = 30
NOUNS = [
    "castle",
    "river",
    "engine",
    "market",
    "garden",
    "letter",
    "signal",
    "planet",
    "doctor",
    "window",
]
VERBED = ["guarded", "painted", "mended", "watched", "followed", "counted", "opened", "carried"]
PARTS: dict[str, list[str]] = {
    "N": NOUNS,
    "V": VERBED,
    "D": ["the", "a", "every", "this"],
    "J": ["old", "large", "famous", "useful", "simple"],
    "I": ["of", "near", "with", "behind", "under"],
    "R": ["slowly", "often", "quickly"],
    "P": ["they", "we", "you"],
    "M": ["should", "might", "could"],
    "T": ["to"],
    ",": [","],
    "C": ["and", "but"],
}
PATTERNS = [
    "DJNRVDN",
    "PMVDNIDN",
    "IDN,PVDN",
    "DNIDJNVR",
    "RPVDJN",
    "DNVDNCDN",
    "PVDNTVDN",
    "IDJN,DNV",
    "DNCDNVRIDN",
    "PMRVDJN",
]


def writer(seed: int, words: int, n: int = N) -> list[str]:
    """Answers in the sentence patterns of one seed; ``words`` chooses the words, which say
    nothing of the author."""
    habits = random.Random(seed).sample(PATTERNS, 3)
    dice = random.Random(f"{seed}/{words}")
    return [
        " ".join(
            " ".join(dice.choice(PARTS[p]) for p in dice.choice(habits)).capitalize() + "."
            for _ in range(6)
        )
        for _ in range(n)
    ]


STORED = tuple(
    Teacher(f"m{seed}", f"maker {seed}", "", transcript(writer(seed, words=seed), f"m{seed}"))
    for seed in range(6)
)


def case(suspect: Transcript, place: int, stored: tuple[Teacher, ...] = STORED) -> Case:
    return Case(suspect, stored[place], tuple(t for i, t in enumerate(stored) if i != place))


def test_the_same_sentence_patterns_in_other_words_rank_first() -> None:
    suspect = transcript(writer(3, words=99), "suspect")
    detector = PosTemplates().fit(STORED, suspect)
    found = [detector.measure(case(suspect, place)) for place in range(len(STORED))]
    assert all(isinstance(m, Measurement) and m.null is not None and m.null.n == 5 for m in found)
    ranks = [m.rank.position for m in found if isinstance(m, Measurement) and m.rank is not None]
    assert ranks[3] == 1
    values = [m.value for m in found if isinstance(m, Measurement)]
    assert values[3] > 1 + max(v for i, v in enumerate(values) if i != 3)


def test_exhibits_quote_the_shared_templates_in_both_answers() -> None:
    suspect = transcript(writer(3, words=99), "suspect")
    found = PosTemplates().measure(case(suspect, 3))
    assert isinstance(found, Measurement)
    assert [e.source for e in found.exhibits[:2]] == ["suspect", "m3"]
    for exhibit in found.exhibits:
        assert exhibit.spans
        assert all(exhibit.answer[s.start : s.end].strip() for s in exhibit.spans)
    template, wording = found.tables[1].rows[0][:2]
    assert len(str(template).split()) >= 4
    assert len(str(wording).split()) >= 3


def test_a_template_is_found_where_it_stands() -> None:
    text = "Well, the old castle was closed. The new river was opened."
    assert [text[a:b] for a, b in template_places(("DT", "JJ", "NN", "BE", "VN"), text)] == [
        "the old castle was closed",
        "The new river was opened",
    ]


def foreign(language: str, texts: list[str]) -> Transcript:
    probes = [
        Probe(id=f"style/{i}", text=f"Tell me about topic {i}.", language=language)
        for i in range(len(texts))
    ]
    replies = [
        Reply(probe_id=p.id, arm=Arm.OWN, status=Status.OK, text=t)
        for p, t in zip(probes, texts, strict=True)
    ]
    return Transcript(
        Header(spec="x", identity=Identity(kind="recording", name="x")),
        {p.id: p for p in probes},
        tuple(replies),
    )


def test_answers_in_other_languages_are_not_read() -> None:
    german = [
        "Der alte Hafen liegt an der Küste und wurde von den Fischern gebaut, die dort lebten."
    ] * N
    for said in (transcript(german, "x"), foreign("fr", writer(3, 1))):
        result = PosTemplates().measure(case(said, 3))
        assert isinstance(result, NotMeasured)
        assert "0 style answers are in English" in result.reason
    mixed = PosTemplates().measure(case(transcript([*writer(3, 1, 25), *german[:5]], "x"), 3))
    assert isinstance(mixed, Measurement)
    assert mixed.n == 25
    assert "25 of the suspect's 30" in mixed.notes[0]
    assert all(is_english(a) for a in style_answers(STORED[0].transcript).values())


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda s: Case(s, None, STORED), "names none"),
        (lambda s: Case(s, STORED[0]), "fewer than two stored models"),
        (
            lambda s: Case(s, Teacher("short", "x", "", transcript(writer(0, 0, 10))), STORED),
            "only 10 shared",
        ),
    ],
)
def test_what_cannot_be_measured_says_why(made: Callable[[Transcript], Case], reason: str) -> None:
    result = PosTemplates().measure(made(transcript(writer(3, 99), "suspect")))
    assert isinstance(result, NotMeasured)
    assert reason in result.reason


def test_with_few_models_the_value_is_a_margin_and_the_order_of_the_store_does_not_matter() -> None:
    suspect = transcript(writer(1, words=50), "suspect")
    few = STORED[:3]
    one = PosTemplates().fit(few, suspect).measure(case(suspect, 1, few))
    other = PosTemplates().fit(few[::-1], suspect).measure(case(suspect, 1, few[::-1]))
    assert isinstance(one, Measurement)
    assert "nats per answer" in one.direction
    assert one.value > 0
    assert isinstance(other, Measurement)
    assert other.model_copy(update={"tables": ()}) == one.model_copy(update={"tables": ()})
