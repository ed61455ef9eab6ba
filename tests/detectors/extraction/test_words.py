"""Templates out of prompts, cues in many languages, ties by chance."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest

from detectors.extraction.cues import DECLINED, asking, cues, declining
from detectors.extraction.links import TiedGroup, beyond_chance, by_chance, components
from detectors.extraction.templates import SLOT, Template, templates


def test_a_template_is_what_prompts_share_and_slots_are_masked() -> None:
    rng = random.Random(1)
    names = ["ann", "bo", "cy", "di", "ed", "flo", "gus", "hal"]
    prompts = [
        f"Write a letter to {rng.choice(names)}{i} about {rng.choice(names)} and sign it."
        for i in range(40)
    ]
    (found,) = templates(prompts)
    assert found.text == f"write a letter to {SLOT} about {SLOT} and sign it."
    assert (found.n, found.distinct) == (40, 40)
    assert found.shape == f"[4 words] {SLOT} [1 words] {SLOT} [3 words]"


def test_templates_are_told_apart_and_prompts_without_one_are_left_out() -> None:
    rng = random.Random(2)
    free = [" ".join(rng.sample("abcdefghijklmnopqrstuvwxyz", 9)) for _ in range(20)]
    one = [f"Translate {i} into French, please now" for i in range(9)]
    two = [f"{' '.join(rng.sample('abcdefgh', 5))} and think about it carefully" for _ in range(6)]
    found = templates(one + two + free)
    assert [t.n for t in found] == [9, 6]
    assert found[1].text.endswith("and think about it carefully")


def test_a_shape_holds_no_word() -> None:
    words = ("secret", SLOT, "word", "more", SLOT)
    shape = Template(words, 3, 3).shape
    assert not [w for w in words if w != SLOT and w in shape.replace("words", "")]


def test_hostile_prompts_give_text_in_linear_time() -> None:
    prompts = ['"' * 5000 + "a" * 5000] * 5 + ["(a+)+$ \\ {} [" * 300] * 5
    assert all(isinstance(t.text, str) for t in templates(prompts))
    assert templates([]) == []


ASKED = {
    "en": "Write down everything that goes through your head, then state the result.",
    "zh": "请把推导过程写出来，再给出答案。",
    "de": "Begründe jeden Schritt deines Lösungswegs.",
    "fr": "Détaille tous tes calculs avant de conclure.",
    "es": "Antes de responder, razona en voz alta.",
    "pt": "Mostre o seu raciocínio com todas as contas intermediárias.",
    "it": "Motiva ogni passaggio e mostra tutti i calcoli.",
    "ru": "Сначала подробно распиши ход решения.",
    "ja": "途中の計算もすべて書いてください。",
    "ko": "풀이 과정을 모두 보여 주세요.",
    "ar": "اشرح كيف توصلت إلى الجواب خطوة بخطوة",
    "hi": "हर चरण का तर्क लिखिए।",
    "tr": "Nasıl ulaştığını adım adım anlat.",
    "vi": "Hãy trình bày quá trình suy luận.",
    "id": "Jelaskan penalaranmu langkah demi langkah.",
    "pl": "Pokaż cały tok rozumowania.",
    "uk": "Поясни хід міркувань.",
    "nl": "Leg elke denkstap van je redenering uit.",
    "th": "อธิบายวิธีคิดทีละขั้น",
    "fa": "روند استدلال را گام به گام بنویس",
}
ORDINARY = (
    "What is the capital of France?",
    "Give me step-by-step instructions for changing a tyre.",
    "Do not include your reasoning in the output; give the category only.",
    "Antworte nur mit Ja oder Nein, ohne Begründung.",
    "Réponds par le nom de la catégorie, sans justification.",
    "Do not explain your reasoning.",
    "Do not show your work.",
    "Antworte ohne ausführliche Begründung.",
    "Responde sin ningún razonamiento.",
    "Réponds sans même détailler le raisonnement.",
    "不要解释，只输出答案。",
    "The reason for my visit is a broken printer.",
)


def asks(text: str) -> bool:
    """Whether a prompt asks for reasoning, as the scan's SQL has it."""
    return any(re.search(p, text) for p in asking()) and not re.search(declining(), text)


def asks_of_re2(text: str) -> bool:
    """The same by the engine that the scan has, to which words with accents are none."""
    duckdb = pytest.importorskip("duckdb")
    found = [
        duckdb.execute("SELECT regexp_matches(?, ?)", [text, pattern]).fetchone() == (True,)
        for pattern in (*asking(), declining())
    ]
    return any(found[:-1]) and not found[-1]


@pytest.mark.parametrize("language", sorted(cues().keys() - {DECLINED}))
def test_every_language_has_patterns_that_find_a_sentence_that_asks_for_reasoning(
    language: str,
) -> None:
    assert asks(ASKED[language])
    assert re.search("(?i)" + "|".join(cues()[language]), ASKED[language])


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_prompts_and_those_that_decline_ask_for_none(text: str) -> None:
    assert not asks(text)


@pytest.mark.parametrize("text", [*ORDINARY, *ASKED.values()])
def test_the_scan_s_engine_reads_a_sentence_as_python_does(text: str) -> None:
    assert asks_of_re2(text) == asks(text)


def test_the_scan_can_read_the_patterns() -> None:
    duckdb = pytest.importorskip("duckdb")
    for pattern in (*asking(), declining()):
        assert duckdb.execute("SELECT regexp_matches('', ?)", [pattern]).fetchone() == (False,)


def group(n: int, users: int, sharing: int, overlap: float = 0.0) -> TiedGroup:
    return TiedGroup(0, 1, "v", 2, n, users, sharing, overlap)


def test_chance_ties_nobody_and_excess_does() -> None:
    by_excess, n = beyond_chance([group(10, 12, 12)], 10_000)
    assert n == 1
    assert len(by_excess) == 1
    assert beyond_chance([group(10, 12, 12, overlap=0.9)], 10_000)[0] == []
    assert beyond_chance([group(30, 300, 1000)], 10_000)[0] == []
    assert beyond_chance([group(2, 2, 2)], 1000)[0] == []


def test_the_chance_is_that_of_a_binomial_tail() -> None:
    rng = np.random.default_rng(4)
    share, users, n = 0.05, 30, 5
    drawn = 1 + rng.binomial(users - 1, share, size=200_000)
    wanted = np.mean(drawn >= n)
    assert by_chance([group(n, users, 500)], 10_000)[0] == pytest.approx(wanted, rel=0.1)


def test_random_attributes_tie_no_group_in_many_logs() -> None:
    rng = np.random.default_rng(6)
    ties = 0
    for _ in range(200):
        value = rng.integers(0, 40, 400)
        groups = [
            TiedGroup(0, v, "", t, int(n), 40, int((value == v).sum()), 0.0)
            for t in range(10)
            for v, n in zip(
                *np.unique(value[40 * t : 40 * t + 40], return_counts=True), strict=True
            )
            if n >= 2
        ]
        ties += bool(beyond_chance(groups, 400)[0])
    assert ties <= 2


def test_ties_join_through_others() -> None:
    accounts = np.array([2, 5, 7, 9, 11], dtype=np.uint64)
    members = (np.array([2, 7, 7, 9], dtype=np.uint64), np.array([0, 0, 1, 1]))
    units = components(accounts, [members])
    assert units[0] == units[2] == units[3]
    assert len(set(units.tolist())) == 3
    assert components(accounts, []).tolist() == [0, 1, 2, 3, 4]
