"""Green tokens are counted so that chance gives what the p-value says, and learning is found."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, kstest

from detectors.inheritance.radioactivity import (
    GreenCount,
    MarkedText,
    TokenPairs,
    count_green,
    first,
    forced_pairs,
    power_at,
    tokens_needed,
    unused_keys,
    written_pairs,
)
from detectors.stats.green_lists import GreenLists
from fingerprints.plants import GreenScheme

SCHEME = GreenScheme(vocabulary=400, share=0.25, vocabulary_sha256="", tokenizer_sha256="")
KEY = 2**31 + 4321


def text(seed: int, n: int, lists: GreenLists | None = None, vocabulary: int = 400) -> list[int]:
    """Random ids with some favourites; with lists, each drawn until it is green (four tries)."""
    rng = np.random.default_rng(seed)
    out = [int(rng.zipf(1.3)) % vocabulary]
    while len(out) < n:
        for _ in range(4):
            token = int(rng.zipf(1.3)) % vocabulary
            if lists is None or lists.green(np.array(out[-1:]), np.array([token]))[0]:
                break
        out.append(token)
    return out


def lists(key: int = KEY) -> GreenLists:
    return GreenLists(key, SCHEME.vocabulary, SCHEME.n_green)


def test_each_pair_counts_once_and_what_was_left_out_is_told() -> None:
    pairs = written_pairs([[5, 6, 5, 6, 7], [5, 6, 0, 9, 8]], [[1], [9]])
    assert list(zip(pairs.contexts.tolist(), pairs.tokens.tolist(), strict=True)) == [
        (5, 6),
        (6, 5),
        (6, 7),
        (6, 0),
    ]
    assert (pairs.seen, pairs.repeated, pairs.given, pairs.keyless) == (8, 2, 1, 1)


def test_behind_marked_texts_only_the_first_occurrence_of_a_context_counts() -> None:
    one = MarkedText([5, 6, 5, 7], [9], {1: 30, 2: 31, 3: 32})
    two = MarkedText([6, 9, 8, 4], [9], {1: 33, 2: 34, 3: 35})
    pairs = forced_pairs([one, two])
    assert list(zip(pairs.contexts.tolist(), pairs.tokens.tolist(), strict=True)) == [
        (5, 30),
        (6, 31),
        (8, 35),
    ]
    assert pairs.given == 1  # 9 stood in what was asked


def test_a_context_without_a_choice_is_met_all_the_same() -> None:
    pairs = forced_pairs([MarkedText([5, 6], [], {}), MarkedText([5, 7], [], {1: 9})])
    assert pairs.n == 0


def test_a_text_of_one_written_thing_is_green_by_chance_over_keys() -> None:
    pairs = written_pairs([text(s, 300) for s in range(6)], [[]] * 6)
    counts = [count_green(pairs, SCHEME, key) for key in unused_keys(400, 1, KEY)]
    green, n = sum(c.green for c in counts), sum(c.n for c in counts)
    assert binomtest(green, n, SCHEME.chance).pvalue > 0.001
    p = np.array([c.p_value for c in counts])
    # A tail that includes its own value lies above uniform by a step at most.
    assert np.mean(p <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)
    assert kstest(p, "uniform").statistic < 0.15


def test_repeated_text_would_be_an_accusation_and_is_not() -> None:
    once = text(3, 60)
    looped = [once * 20]
    pairs = written_pairs(looped, [[]])
    naive = TokenPairs(np.array(looped[0][:-1]), np.array(looped[0][1:]), 0, 0, 0, 0)
    keys = unused_keys(300, 2, KEY)
    honest = np.mean([count_green(pairs, SCHEME, k).p_value <= 0.01 for k in keys])
    without = np.mean([count_green(naive, SCHEME, k).p_value <= 0.01 for k in keys])
    assert honest <= 0.01 + 3 * np.sqrt(0.01 * 0.99 / 300)
    assert without > 0.1  # the trap: ten times what was promised


def test_a_suspect_that_copies_from_a_marked_text_is_not_taken_for_a_student() -> None:
    """It says what followed the last time: behind marked text that is green without learning."""
    texts = []
    for seed in range(12):
        ids = text(seed, 200, lists())
        last: dict[int, int] = {}
        chosen = {}
        for place in range(1, len(ids)):
            # What stood there the last time; else something of its own.
            chosen[place] = last.get(ids[place - 1], (ids[place - 1] * 7 + 3) % 400)
            last[ids[place - 1]] = ids[place]
        texts.append(MarkedText(ids, [], chosen))
    honest = count_green(forced_pairs(texts), SCHEME, KEY)
    naive = TokenPairs(
        np.array([t.ids[p - 1] for t in texts for p in t.chosen]),
        np.array([c for t in texts for c in t.chosen.values()]),
        0,
        0,
        0,
        0,
    )
    assert count_green(naive, SCHEME, KEY).p_value < 1e-10
    assert honest.p_value > 0.01


def test_a_suspect_that_took_on_the_preference_is_found_under_the_key_alone() -> None:
    pairs = written_pairs([text(50 + s, 300, lists()) for s in range(4)], [[]] * 4)
    found = count_green(pairs, SCHEME, KEY)
    assert found.p_value < 1e-20
    assert found.log10_e > 15
    others = [count_green(pairs, SCHEME, key).p_value for key in unused_keys(100, 3, KEY)]
    assert min(others) > 1e-5


def test_the_bet_is_fair() -> None:
    """The e-value's mean under chance is at most one, and exactly that of its own coins."""
    from scipy.stats import binom

    for n in (10, 40):
        mean = sum(
            binom.pmf(k, n, 0.25) * 10 ** GreenCount(n, k, 0.25).log10_e for k in range(n + 1)
        )
        assert mean == pytest.approx(1.0, abs=1e-9)


def test_ids_of_another_tokenizer_are_refused() -> None:
    with pytest.raises(ValueError, match="beyond the vocabulary"):
        count_green(written_pairs([[5, 400]], [[]]), SCHEME, KEY)


def test_unused_keys_are_odd_different_and_never_the_one_in_use() -> None:
    keys = unused_keys(200, 7, KEY)
    assert len(set(keys)) == 200
    again = unused_keys(200, 7, keys[3])
    assert keys[3] not in again
    assert len(again) == 200
    assert all(k % 2 and 2**31 <= k < 2**32 for k in keys)


def test_the_size_that_is_said_to_be_needed_has_the_power() -> None:
    for lead, alpha in ((0.05, 1e-5), (0.1, 0.001)):
        n = tokens_needed(lead, 0.25, alpha)
        assert 0.85 < power_at(n, lead, 0.25, alpha) < 0.95
    assert power_at(500, 0.0, 0.25, 0.001) <= 0.001


@pytest.mark.parametrize("n", [60, 4000, 200_000])
def test_the_power_is_of_the_bet_too(n: int) -> None:
    """Of very many tokens a lead too small for the bet gives a p-value alone, and no support."""
    from scipy.stats import binom

    lead, alpha, enough = 0.0045, 0.0005, 1.3
    greens = range(int(0.25 * n), n + 1, max(1, n // 4000))
    counts = [GreenCount(n, k, 0.25) for k in greens]
    least = min(c.green for c in counts if c.p_value <= alpha and c.log10_e >= enough)
    wanted = float(binom.sf(least - 1, n, 0.25 + lead))
    found = power_at(n, lead, 0.25, alpha, enough)
    assert found == pytest.approx(wanted, abs=0.05)
    assert found <= power_at(n, lead, 0.25, alpha)
    if n == 200_000:
        assert found < 0.2 < 0.9 < power_at(n, lead, 0.25, alpha)


def test_the_first_pairs_are_the_first_found() -> None:
    pairs = written_pairs([text(1, 100)], [[]])
    some = first(pairs, 10)
    assert some.n == 10
    assert some.tokens.tolist() == pairs.tokens[:10].tolist()
    assert first(pairs, 10_000).tokens.tolist() == pairs.tokens.tolist()
