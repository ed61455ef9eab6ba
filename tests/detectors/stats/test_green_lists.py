"""Green lists drawn without torch are the library's own, token for token."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import WatermarkingConfig

from detectors.stats.green_lists import GreenLists, depends_on_key, seed_of
from fingerprints.plants import GreenScheme


@pytest.mark.parametrize(
    ("vocabulary", "share", "key"),
    [(320, 0.25, 2**31 + 1), (49_152, 0.25, 3_141_592_653), (151_936, 0.5, 2**32 - 1)],
)
def test_a_list_is_the_one_that_transformers_draws(vocabulary: int, share: float, key: int) -> None:
    config = WatermarkingConfig(hashing_key=key, greenlist_ratio=share)
    theirs = config.construct_processor(vocabulary, "cpu")
    rng = np.random.default_rng(0)
    contexts = np.concatenate([rng.integers(1, vocabulary, 25), [1, vocabulary - 1]]).repeat(40)
    tokens = rng.integers(0, vocabulary, len(contexts))
    tokens[:2] = (0, vocabulary - 1)
    lists = {
        c: set(theirs._get_greenlist_ids(torch.LongTensor([7, c])).tolist())
        for c in contexts.tolist()
    }
    scheme = GreenScheme(
        vocabulary=vocabulary, share=share, vocabulary_sha256="", tokenizer_sha256=""
    )
    ours = GreenLists(key, vocabulary, scheme.n_green).green(contexts, tokens)
    wanted = [t in lists[c] for c, t in zip(contexts.tolist(), tokens.tolist(), strict=True)]
    assert ours.tolist() == wanted
    assert 0 < sum(wanted) < len(wanted)


def test_every_token_of_a_small_vocabulary_is_placed_right() -> None:
    theirs = WatermarkingConfig(hashing_key=2**31 + 9, greenlist_ratio=0.4).construct_processor(
        50, "cpu"
    )
    lists = GreenLists(2**31 + 9, 50, 20)
    for context in range(1, 50):
        green = lists.green(np.full(50, context), np.arange(50))
        wanted = theirs._get_greenlist_ids(torch.LongTensor([context])).tolist()
        assert sorted(np.flatnonzero(green).tolist()) == sorted(wanted)
        assert green.sum() == 20


def test_the_token_zero_has_one_list_for_all_keys_and_is_named_so() -> None:
    assert [seed_of(key, 0) for key in (2**31 + 1, 2**32 - 1)] == [0, 0]
    assert not depends_on_key(0)
    assert depends_on_key(1)


def test_the_context_width_of_lefthash_changes_nothing() -> None:
    # Why no width is offered: the library looks at the last token alone.
    wide = WatermarkingConfig(hashing_key=2**31 + 1, context_width=4).construct_processor(99, "cpu")
    one = WatermarkingConfig(hashing_key=2**31 + 1).construct_processor(99, "cpu")
    seen = torch.LongTensor([3, 4, 5, 6])
    assert wide._get_greenlist_ids(seen).tolist() == one._get_greenlist_ids(seen[-1:]).tolist()


def test_an_odd_key_gives_every_context_another_seed() -> None:
    key = 2**31 + 12345
    assert len({seed_of(key, c) for c in range(1, 200_000)}) == 199_999
    assert seed_of(2**31, 2) == seed_of(2**31, 4) == 0  # an even one does not
