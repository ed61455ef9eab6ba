"""In which script a text is written: by most of its letters, code and names aside."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.text.ngrams import words_of
from detectors.text.scripts import script_of


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Water boils at a lower temperature.", "latin"),
        ("山の上では水は低い温度で沸騰します。", "japanese"),
        ("水在低气压下沸点更低。", "han"),
        ("기압이 낮으면 물이 더 낮은 온도에서 끓습니다.", "hangul"),
        ("Вода кипит при более низкой температуре.", "cyrillic"),
        ("कम दबाव पर पानी जल्दी उबलता है।", "devanagari"),
        ("น้ำเดือดที่อุณหภูมิต่ำลง", "thai"),
        ("PythonでHTTPリクエストを送る方法を説明します。", "japanese"),
        ("42 + 1 = 43 ✓ ।؟…", ""),
        ("", ""),
    ],
)
def test_most_letters_decide_and_latin_names_weigh_less(text: str, script: str) -> None:
    assert script_of(text) == script


@given(st.text(st.characters(exclude_categories=()), max_size=200))
def test_any_text_has_a_script_or_none(text: str) -> None:
    assert isinstance(script_of(text), str)
    assert "".join(words_of(text)).replace("\n", "") == "".join(text.split()).replace("\n", "")


def test_words_keep_their_marks_and_unspaced_scripts_are_parted() -> None:
    assert words_of("नमस्ते दुनिया") == ["नमस्ते", "दुनिया"]
    assert words_of("e\u0301cole") == ["e\u0301cole"]
    assert words_of("ผมชื่อ") == ["ผ", "ม", "ชื่", "อ"]
    assert words_of("日本語 ok") == ["日", "本", "語", "ok"]
