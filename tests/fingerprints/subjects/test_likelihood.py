"""Likelihoods against sums done by hand; a batch scores what single texts score."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from fingerprints.errors import ResourceLimit
from fingerprints.records import sha256
from fingerprints.scores import Passage
from fingerprints.subjects import likelihood
from fingerprints.subjects.checkpoint import _speaker
from fingerprints.subjects.generation import Speaker
from fingerprints.subjects.likelihood import likelihoods
from fingerprints.subjects.placement import Placement
from fingerprints.subjects.prompting import NO_NUMBERS
from tests.fingerprints.subjects.tiny import tiny_model, tiny_tokenizer

TEXTS = ["the quick brown fox", "a", "", "which bird sings at four o'clock, 哪只鸟？", "dog " * 40]


@pytest.fixture(scope="module")
def tiny() -> Speaker:
    return _speaker(
        tiny_model(), tiny_tokenizer(), Placement(torch.device("cpu"), torch.float32, 8), None
    )


def by_hand(tiny: Speaker, head: list[int], text: str) -> list[float]:
    ids = head + tiny.tokenizer(text, add_special_tokens=False).input_ids
    with torch.inference_mode():
        scores = tiny.model(torch.tensor([ids])).logits[0].double()
    out = []
    for i in range(len(head), len(ids)):
        row = scores[i - 1]
        out.append(
            -(row[ids[i]].item() - math.log(sum(math.exp(v) for v in row.tolist()))) / math.log(2)
        )
    return out


def test_bits_are_those_of_a_sum_by_hand(tiny: Speaker) -> None:
    (one,) = likelihoods(tiny, [TEXTS[0]], None)
    expected = by_hand(tiny, [0], TEXTS[0])
    assert one.token_bits == pytest.approx(expected, abs=1e-4)
    assert one.bits == pytest.approx(sum(expected), abs=1e-3)
    assert (one.tokens, one.bytes, one.text_sha256) == (
        len(expected),
        len(TEXTS[0]),
        sha256(TEXTS[0]),
    )


def test_a_model_whose_scores_are_no_numbers_scores_nothing_and_says_so() -> None:
    made = _speaker(
        tiny_model(), tiny_tokenizer(), Placement(torch.device("cpu"), torch.float32, 8), None
    )
    with torch.no_grad():
        made.model.get_output_embeddings().weight.fill_(float("nan"))
    passages = [Passage(text="the quick brown fox"), Passage(text="dog")]
    assert likelihood.passage_likelihoods(made, passages) == [NO_NUMBERS, NO_NUMBERS]


def test_a_context_is_read_and_not_counted(tiny: Speaker) -> None:
    (one,) = likelihoods(tiny, ["brown fox"], ["the quick "])
    assert one.token_bits == pytest.approx(
        by_hand(tiny, tiny.tokenizer("the quick ").input_ids, "brown fox"), abs=1e-4
    )


def test_a_model_that_finds_all_equal_gives_the_logarithm_of_its_vocabulary() -> None:
    model = tiny_model()
    with torch.no_grad():
        model.lm_head.weight.zero_()
    flat = _speaker(model, tiny_tokenizer(), Placement(torch.device("cpu"), torch.float32, 8), None)
    (one,) = likelihoods(flat, ["the quick"], None)
    assert one.bits / one.tokens == pytest.approx(math.log2(320), abs=1e-5)


@pytest.mark.parametrize("stretch", [1 << 30, 320 * 5 * 7])
def test_a_batch_scores_what_single_texts_score(
    tiny: Speaker, stretch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = [likelihoods(tiny, [t], None)[0] for t in TEXTS]
    monkeypatch.setattr(likelihood, "CHUNK_SCORES", stretch)
    together = likelihoods(tiny, TEXTS, None)
    for one, other in zip(alone, together, strict=True):
        assert (one.text_sha256, one.tokens) == (other.text_sha256, other.tokens)
        assert one.bits == pytest.approx(other.bits, abs=1e-3)
    assert together[2].tokens == 0


def test_a_text_beyond_the_context_is_refused_and_not_cut(tiny: Speaker) -> None:
    with pytest.raises(ResourceLimit, match="text 1 has"):
        likelihoods(tiny, ["a", "zz " * 300], None)


def test_memory_that_runs_out_halves_the_batch(
    tiny: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [x.bits for x in likelihoods(tiny, TEXTS, None)]
    original = likelihood._score

    def scarce(s: Speaker, items: Any) -> Any:
        if len(items) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return original(s, items)

    monkeypatch.setattr(likelihood, "_score", scarce)
    assert [x.bits for x in likelihoods(replace(tiny, batch=4), TEXTS, None)] == pytest.approx(
        expected, abs=1e-3
    )
