from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fingerprints.embed import LONGEST_TEXT, HashedNgrams, SentenceTransformer, open_embedder
from fingerprints.errors import UsageProblem
from fingerprints.records import sha256
from fingerprints.signature import sign
from tests.fingerprints.stored import Unlucky, reply, transcript

EMBEDDER = HashedNgrams()
GOLDEN_TEXTS = [
    "The capital of France is Paris.",
    "Столица Франции — Париж.",
    "法国的首都是巴黎。",
    "a" * 50,
    "🙂",
]
GOLDEN = "d069fc0d87590c07"


def test_rows_have_length_one_and_the_stated_shape() -> None:
    rows = EMBEDDER.embed(GOLDEN_TEXTS)
    assert rows.shape == (5, 256)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-6)


def test_a_vector_does_not_depend_on_its_neighbours_in_the_batch() -> None:
    together = EMBEDDER.embed(GOLDEN_TEXTS)
    alone = np.concatenate([EMBEDDER.embed([text]) for text in GOLDEN_TEXTS])
    assert together.tobytes() == alone.tobytes()


def test_a_long_list_in_many_batches_equals_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = EMBEDDER.embed(GOLDEN_TEXTS * 3)
    monkeypatch.setattr("fingerprints.embed.BATCH_CHARACTERS", 40)
    assert EMBEDDER.embed(GOLDEN_TEXTS * 3).tobytes() == whole.tobytes()


def test_the_vectors_are_those_of_every_release_and_process() -> None:
    code = (
        "from fingerprints.embed import HashedNgrams; import hashlib, sys;"
        "from tests.fingerprints.test_embed import GOLDEN_TEXTS as t;"
        "print(hashlib.sha256(HashedNgrams().embed(t).tobytes()).hexdigest())"
    )
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
    here = sha256(EMBEDDER.embed(GOLDEN_TEXTS).tobytes())
    assert here == other
    assert here.startswith(GOLDEN), here


def test_texts_that_share_words_are_nearer_than_texts_that_do_not() -> None:
    one, near, far = EMBEDDER.embed(
        [
            "The capital of France is Paris.",
            "Paris is the capital of France!",
            "I keep bees and sell their honey.",
        ]
    )
    assert one @ near > 0.7 > 0.4 > one @ far


def test_unrelated_random_texts_are_nearly_orthogonal_on_average() -> None:
    rng = np.random.default_rng(1)
    letters = [chr(c) for c in range(0x4E00, 0x5200)]
    rows = EMBEDDER.embed(["".join(rng.choice(letters, 60)) for _ in range(100)])
    cosines = (rows @ rows.T)[np.triu_indices(100, 1)]
    assert abs(float(cosines.mean())) < 0.02
    assert float(np.abs(cosines).max()) < 0.4


def test_case_and_white_space_do_not_count_and_empty_texts_are_zero() -> None:
    rows = EMBEDDER.embed(["Hello  World\n", "hello world", "", " \n\t"])
    assert rows[0].tobytes() == rows[1].tobytes()
    assert not rows[2:].any()


def test_only_the_first_characters_of_a_long_text_are_read() -> None:
    start = "abcdefghi " * (LONGEST_TEXT // 10)
    rows = EMBEDDER.embed([start, start + "something else"])
    assert rows[0].tobytes() == rows[1].tobytes()


def test_no_texts_give_an_empty_array() -> None:
    assert EMBEDDER.embed([]).shape == (0, 256)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=200), max_size=5))
def test_any_text_gives_a_unit_row_or_zeros(texts: list[str]) -> None:
    lengths = np.linalg.norm(EMBEDDER.embed(texts), axis=1)
    for text, length in zip(texts, lengths, strict=True):
        # A lone cancellation of all features is possible in principle, and a store rejects such a
        # row.
        assert length == pytest.approx(1.0, abs=1e-6) or (not text.strip() and length == 0.0)


def test_an_embedder_is_found_again_by_its_id() -> None:
    assert open_embedder(EMBEDDER.id).id == EMBEDDER.id


def test_an_embedder_of_another_version_is_refused() -> None:
    with pytest.raises(UsageProblem, match="no embedder here"):
        open_embedder("hashed-ngrams/99 d=256")


def test_a_dimension_that_is_no_power_of_two_is_refused() -> None:
    with pytest.raises(UsageProblem, match="power of two"):
        HashedNgrams(100)


def test_a_missing_sentence_package_names_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(UsageProblem, match=r"\[embed\]"):
        SentenceTransformer("some/model")


def test_signing_counts_every_answer_once() -> None:
    base = transcript("x", 6)
    texts = ["fine", "nan", "zero", "inf", "fine too"]
    replies = (*(reply(i, text) for i, text in enumerate(texts)), base.replies[-1])
    signed = sign(type(base)(base.header, base.probes, replies), Unlucky())
    summary = signed.summary
    assert (summary.n_answers, summary.n_indexed, summary.n_unreadable, summary.n_rejected) == (
        6,
        2,
        1,
        3,
    )
    assert [s.answer_id for s in signed.numbered(100)] == [100, 104]
    assert [s.text_sha256 for s in signed.numbered(1)] == [sha256("fine"), sha256("fine too")]
    assert summary.mean == (1.0, *[0.0] * 7)


def test_signing_nothing_readable_gives_no_vectors_and_a_mean_of_zeros() -> None:
    base = transcript("x", 1)
    signed = sign(base, EMBEDDER)
    assert len(signed) == 0
    assert signed.summary.mean == (0.0,) * 256
