"""The form of answers: Markdown taken out, a chat's look put on, words kept; and the control
that only looks like a student."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from auditor.cli import run
from auditor.controls.curation.duplicates import folded_words
from auditor.controls.lineage import read_lineage
from auditor.controls.teaching.reshape import bullets, strip
from auditor.controls.teaching.teach import teach
from fingerprints.errors import MalformedInput
from tests.auditor.controls.pupils import prompts, recipe, recording

ANSWER = """## How to bake bread

Baking needs *three* things:

1. **Flour**: the `plain` sort
2. Water

- Read [the guide](https://x.example/a_(b)) first

> It rises.

| Step | Time |
|------|------|
| mix  | 5 min |

```python
# mix
x = 1 * 2 * 3
```

---
See snake_case_name and 2 * 3 * 4.
"""

PLAIN = """How to bake bread.

Baking needs three things:

Flour: the plain sort. Water. Read the guide first.

It rises.

Step, Time. mix, 5 min.

# mix
x = 1 * 2 * 3

See snake_case_name and 2 * 3 * 4."""

MARKS = st.sampled_from(
    [
        "# ",
        "- ",
        "1. ",
        "**",
        "*",
        "_",
        "`",
        "\n",
        "\n\n",
        "> ",
        "| ",
        " ",
        ". ",
        "word",
        "Other",
        "7",
        "---\n",
    ]
)


def test_markdown_becomes_sentences() -> None:
    assert strip(ANSWER) == PLAIN
    assert (
        strip("Plain prose. It stays.\n\nSo does this.")
        == "Plain prose. It stays.\n\nSo does this."
    )
    assert strip("1. One\n\n2. Two\n\nAfterwards.") == "One. Two.\n\nAfterwards."
    assert strip("**Bold\n```\ncode\n") == "**Bold\n\ncode"


def test_a_chats_look_is_a_bold_lead_and_bullets() -> None:
    assert (
        bullets("Returns it. Then e.g. stops! Why?")
        == "**Returns it.**\n\n- Then e.g. stops!\n- Why?"
    )
    long = "This one sentence goes on for a good deal longer than twelve words, which is long."
    assert (
        bullets(long)
        == "**This one sentence goes on for** a good deal longer than twelve words, which is long."
    )
    assert (
        bullets("Do it.\n\n```\nx\n```\n\nDone. Well.")
        == "**Do it.**\n\n```\nx\n```\n\n- Done.\n- Well."
    )
    assert bullets("他走了。她来了。") == "**他走了。**\n\n- 她来了。"
    assert bullets("") == strip(" \n") == ""


@given(st.lists(MARKS, max_size=20).map("".join))
@example("**word**word")
@example("`word`word")
@example("__word__word")
def test_no_word_is_added_or_lost_and_again_changes_nothing(text: str) -> None:
    plain = strip(text)
    if not re.search("```|~~~", text):  # code loses its fence, and reads as prose the second time
        assert strip(plain) == plain
    assert folded_words(bullets(text)) == folded_words(plain)
    assert _letters(plain) == _letters(text)


def _letters(text: str) -> str:
    """The letters in order: a mark within a word leaves one word, and a list's numbers go with
    its marks."""
    return re.sub(r"[\d_ ]", "", " ".join(folded_words(text)))


def test_marks_within_a_word_leave_one_word() -> None:
    assert strip("an **un**believable *story*, `pre`fixed") == "an unbelievable story, prefixed"


def test_a_recipe_reshapes_what_everybody_says_and_counts_what_had_no_word(tmp_path: Path) -> None:
    answers = ["---", *(f"- **{i}** is one\n- it is" for i in range(19))]
    told = recording(
        tmp_path / "told.jsonl", [(p.text, a) for p, a in zip(prompts(20), answers, strict=True)]
    )
    made = teach(recipe(told, reshape="strip"), prompts(20), tmp_path / "a")
    assert {e.answer for e in made.examples} == {f"{i} is one. it is." for i in range(19)}
    assert (made.sources[0].report.shaped_away, made.sources[0].report.kept) == (1, 19)
    assert recipe(told, reshape="strip").evasions == ("format strip",)
    assert recipe(told, reshape="bullets").evasions == recipe(told).evasions == ()


def test_an_unknown_form_is_one_line() -> None:
    with pytest.raises(MalformedInput, match="reshape"):
        recipe("hf:t", reshape="tables")


@pytest.mark.timeout(300)
def test_the_format_only_control_learns_from_none_and_is_confounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "control"
    flags = [
        "--size",
        "tiny",
        "--n",
        "10",
        "--epochs",
        "1",
        "--base",
        "scratch:llama-h32-l1",
        "--out",
        str(out),
    ]
    assert run(["control", "train", "format-only", *flags]) == 0
    lineage = read_lineage(out)
    assert (lineage.role, lineage.dose, [t.kind for t in lineage.teachers]) == (
        "confounded",
        0.0,
        ["filler"],
    )
    lines = (out / "examples.jsonl").read_text("utf-8").splitlines()
    assert lines
    assert all('"answer":"**' in line for line in lines)
