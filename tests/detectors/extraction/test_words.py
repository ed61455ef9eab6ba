"""Templates out of prompts, cues in many languages, ties by chance."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest

from detectors.extraction.cues import cue_pattern, cues
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


@pytest.mark.parametrize("language", sorted(cues()))
def test_every_language_has_cues_that_the_pattern_finds(language: str) -> None:
    pattern = re.compile(cue_pattern())
    for cue in cues()[language]:
        assert pattern.search(f"xx {cue.upper() if language == 'en' else cue} yy")
    assert not pattern.search("What is the capital of France?")


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
