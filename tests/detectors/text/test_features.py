"""The features: what they count, and that no text breaks them."""

from __future__ import annotations

import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.style.space import FULL, GUARDED, StyleSpace, transform_all
from detectors.text.counted import COUNTED, function_words, markdown, moments
from detectors.text.features import EDGE, FAMILIES, HASHED
from detectors.text.lexicons import ADDRESS, HEDGES, REASONING, REFUSALS
from detectors.text.masking import masked_words
from detectors.text.ngrams import (
    WordCodes,
    character_codes,
    counts_of,
    hashed_counts,
    held_by,
    summed_counts,
    words_of,
)
from detectors.text.pages import CutText, cut
from detectors.text.shingles import page_of

HOSTILE = [
    "",
    " ",
    "\x00",
    "\ud800\udfff",
    "\u202e\u2066",
    "a" * 9000,
    "*" * 9000,
    "\n" * 9000,
    "|" * 9000,
    "<" * 9000,
    "# " * 4000,
]
MANY_SCRIPTS = [
    "你好，世界。这是一个测试！",
    "مرحبا بالعالم، هذا اختبار؟",
    "Привет, мир.",
    "こんにちは「世界」",
    "नमस्ते दुनिया।",
    "İstanbul ẞ ﬁ",
]


def column(family: str, name: str, text: str) -> float:
    measured = FAMILIES[family]([CutText(text)])
    return float(measured[0, FAMILIES[family].columns.index(name)])


def test_every_family_has_as_many_values_as_names() -> None:
    pages = [CutText(t) for t in [*HOSTILE, *MANY_SCRIPTS]]
    for family in FAMILIES.values():
        assert family(pages).shape == (len(pages), len(family.columns))


def test_column_names_are_unique_within_a_family() -> None:
    for family in COUNTED:
        assert len(set(family.columns)) == len(family.columns)


@pytest.mark.parametrize(
    ("mark", "text"),
    [
        ("header_2", "## One\ntext"),
        ("bullet_dash", "- one\n- two"),
        ("bullet_star", "* one"),
        ("numbered_dot", "1. one\n2. two"),
        ("numbered_bold", "1. **One**: it"),
        ("bold", "a **b** c"),
        ("table_row", "|a|b|"),
        ("fence", "```py\nx\n```"),
        ("emoji", "good 😀"),
        ("inline_code", "the `x` there"),
        ("bold_colon_inside", "**Name:** x"),
        ("bold_colon_outside", "**Name**: x"),
    ],
)
def test_a_markdown_mark_is_seen_where_it_stands_and_nowhere_else(mark: str, text: str) -> None:
    assert column("markdown", mark, text) > 0
    assert column("markdown", mark, "Plain words, nothing else.") == 0


def test_marks_are_rates_per_thousand_characters() -> None:
    text = "- one line\n" * 100
    place = FAMILIES["markdown"].columns.index("bullet_dash")
    assert markdown([CutText(text)])[0, place] == pytest.approx(1000 * 100 / len(text.strip()))


def test_em_dashes_hedges_refusals_and_reasoning_markers_are_counted() -> None:
    assert column("punctuation", "—", "a — b") > 0
    assert column("hedges", "it's worth noting", "It’s worth noting this.") > 0
    assert column("refusals", "i cannot", "I cannot do that.") > 0
    assert column("refusals", "抱歉", "抱歉，我不能。") > 0
    assert column("reasoning", "wait", "Wait, no. Hmm.") > 0
    assert column("reasoning", "<think>", "<think>so</think>") > 0
    assert column("reasoning", "wait", "awaited waiter") == 0


def test_function_words_are_counted_in_several_languages() -> None:
    columns = FAMILIES["function words"].columns
    for word, text in (
        ("the", "The end."),
        ("don't", "I don't."),
        ("的", "我的书"),
        ("من", "كتاب من هنا"),
        ("nicht", "Ich nicht"),
    ):
        assert function_words([CutText(text)])[0, columns.index(word)] > 0


def test_moments_of_a_known_text() -> None:
    values = dict(
        zip(
            FAMILIES["moments"].columns,
            moments([CutText("One two three. Four five.\n\nSix.")])[0],
            strict=True,
        )
    )
    assert values["sentences"] == 3
    assert values["sentence_mean"] == pytest.approx(2.0)
    assert values["paragraphs"] == 2
    assert values["words"] == 6
    assert values["word_max"] == 5


def test_openings_and_closings_ignore_the_middle() -> None:
    start, end = "one two three four five", "six seven eight nine ten"
    first, second = (
        CutText(f"{start} {middle} {end}") for middle in ("alpha beta", "gamma delta epsilon")
    )
    for name in ("openings", "closings"):
        counts = FAMILIES[name]([first, second])
        assert (counts[0] != counts[1]).nnz == 0
    assert EDGE == 5


def test_a_text_is_cut_before_it_is_measured() -> None:
    assert len(cut("a" * 10_000)) == 4000
    for family in FAMILIES.values():
        whole, head = (family([CutText(t)]) for t in ("abc." * 5000, ("abc." * 5000)[:4000]))
        assert abs(whole - head).sum() == 0


def test_hashed_counts_agree_with_counting_by_hand() -> None:
    counts = hashed_counts([character_codes("abab"), character_codes("ab")], (2,), 20)
    assert sorted(counts[0].data.tolist()) == [1.0, 2.0]
    assert counts[1].data.tolist() == [1.0]
    assert counts[0, counts[1].indices[0]] == 2.0


def test_some_columns_and_the_sum_are_those_of_all_counts() -> None:
    texts = [
        character_codes(t)
        for t in ("the tide is low", "the tide", "", "a" * 300, *map(str, range(200)))
    ]
    counts = hashed_counts(texts, (2, 3), 12)
    columns = np.unique(counts.indices)[::3].astype(np.int64)
    assert (counts_of(texts, (2, 3), 12, columns) == counts[:, columns].toarray()).all()
    assert (held_by(texts, (2, 3), 12) == (counts > 0).toarray().sum(axis=0)).all()
    assert (summed_counts(texts, (2, 3), 12).toarray() == counts.sum(axis=0)).all()


@settings(max_examples=150, deadline=None)
@given(st.text("aZ9'’_.!\n \t\x1c\x85İΣß你か\u0307", max_size=60))
def test_plain_ascii_takes_the_short_way_to_the_same_tokens(text: str) -> None:
    page = CutText(text)
    counts = Counter(words_of(page.low.replace("'", "_")))
    assert function_words([page])[
        0, FAMILIES["function words"].columns.index("a")
    ] == pytest.approx(
        1000 * counts["a"] / max(40, sum(n for word, n in counts.items() if word[0].isalnum()))
    )
    assert page_of(text).tokens == tuple(
        "\n" if t[0] == "\n" else t.lower() for t in words_of(cut(text))
    )


SPOKEN = (
    *("wait", "step by", " step", "İ", "ΟΔΟΣ", "I’m not ", "sure", "first,", " ", "\n", "<think>"),
    *("as an ai", " language model", "对不起", "抱歉抱歉", "don't", " have", "may may", "you're"),
)
PHRASED = st.lists(st.sampled_from(SPOKEN), max_size=25).map("".join)


@settings(max_examples=200, deadline=None)
@given(st.lists(PHRASED, min_size=1, max_size=4))
def test_phrases_counted_by_numbers_are_those_that_stand_between_spaces(texts: list[str]) -> None:
    pages = [CutText(text) for text in texts]
    lists = {"hedges": HEDGES, "refusals": REFUSALS, "reasoning": REASONING, "address": ADDRESS}
    for name, phrases in lists.items():
        counted = next(f for f in COUNTED if f.name == name).measure(pages)
        for page, row in zip(pages, counted, strict=True):
            spaced = f" {' '.join(words_of(page.low))} "
            expected = [
                spaced.count(f" {' '.join(words_of(p))} ") if p.isascii() else page.low.count(p)
                for p in phrases
            ]
            assert (row * max(200, len(page.text)) / 1000).round(6).tolist() == expected


@settings(max_examples=100, deadline=None)
@given(st.lists(PHRASED, min_size=2, max_size=5))
def test_a_text_is_counted_in_company_as_it_is_alone(texts: list[str]) -> None:
    for family in COUNTED:
        together = family([CutText(text) for text in texts])
        alone = [family([CutText(text)])[0] for text in texts]
        assert (together == np.array(alone)).all()


def test_no_ngram_crosses_from_one_text_into_the_next() -> None:
    alone = hashed_counts([character_codes("abc")], (2, 3), 20)
    beside = hashed_counts([character_codes(t) for t in ("xyz", "abc", "q", "")], (2, 3), 20)
    assert (alone[0] != beside[1]).nnz == 0
    assert beside[2].nnz == beside[3].nnz == 0


def test_words_split_chinese_characters_and_keep_arabic_words() -> None:
    assert words_of("你好 world") == ["你", "好", "world"]
    assert words_of("مرحبا بالعالم") == ["مرحبا", "بالعالم"]


def test_the_mask_hides_topics_and_keeps_style() -> None:
    one = words_of("The Louvre was opened in 1793, and tourists walked slowly.")
    other = words_of("The Prado was closed in 1819, and artists talked quietly.")
    assert masked_words(one) == masked_words(other)
    assert len(masked_words(one)) == len(one)
    assert "Louvre" not in masked_words(one)


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(), max_size=300))
def test_no_text_breaks_a_family(text: str) -> None:
    page = CutText(text)
    for family in FAMILIES.values():
        values = family([page])
        data = values if isinstance(values, np.ndarray) else values.data
        assert np.isfinite(data).all()
        assert (data >= 0).all()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_measured_in_linear_time(text: str) -> None:
    began = time.perf_counter()
    for family in FAMILIES.values():
        family([CutText(text * 3)])
    assert time.perf_counter() - began < 2.0


@pytest.mark.parametrize("families", [FULL, GUARDED])
def test_a_space_is_deterministic_and_its_names_fit_its_columns(
    families: dict[str, tuple[int, float]],
) -> None:
    texts = [
        f"{a} text {i}, about **{a}**.\n- one" for i, a in enumerate(["You", "We", "They"] * 5)
    ]
    space = StyleSpace(families).fit(texts)
    array = space.transform([*texts, *HOSTILE, *MANY_SCRIPTS])
    assert len(space.names()) == len(set(space.names())) == array.shape[1]
    assert np.isfinite(array).all()
    assert np.array_equal(
        array, StyleSpace(families).fit(texts).transform([*texts, *HOSTILE, *MANY_SCRIPTS])
    )


def test_two_spaces_read_the_same_as_one_at_a_time() -> None:
    texts = [f"Sentence {i} of the test; it is **short**." for i in range(20)]
    spaces = [StyleSpace(f).fit(texts) for f in (FULL, GUARDED)]
    for array, space in zip(transform_all(spaces, texts), spaces, strict=True):
        assert np.array_equal(array, space.transform(texts))


def test_the_same_word_has_the_same_number_in_any_order() -> None:
    first, second = WordCodes(), WordCodes()
    first(["a", "b"])
    assert first(["b", "c"]).tolist() == second(["b", "c"]).tolist()


def test_every_hashed_family_is_in_the_table() -> None:
    assert {f.name for f in HASHED} | {f.name for f in COUNTED} == set(FAMILIES)
