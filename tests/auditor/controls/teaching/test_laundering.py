"""Paraphrased answers: learned in the launderer's words, dropped where they stayed the same,
counted, and never asked twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.cli import run
from auditor.controls.cards.card import read_card
from auditor.controls.cards.card_document import card_document
from auditor.controls.lineage import Lineage, LineageTeacher, read_lineage
from auditor.controls.recipe import check_complete
from auditor.controls.recipe_files import bundled_recipes, load_recipe
from auditor.controls.teaching import launder as module
from auditor.controls.teaching.launder import INSTRUCTION, INSTRUCTION_SHA256, kept_wording
from auditor.controls.teaching.teach import teach
from auditor.reporting import markdown
from fingerprints.errors import MalformedInput, UsageProblem
from tests.auditor.controls.pupils import counted, prompt_file, prompts, recipe, recording, teacher

ANSWERS = [
    f"The old thing number {i} was painted blue by a neighbour who liked the sea very much."
    for i in range(20)
]
OTHERS = [
    f"Somebody next door, fond of oceans, once gave object {i} a coat in the colour of the sky."
    for i in range(20)
]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def told(tmp_path: Path) -> str:
    return recording(
        tmp_path / "told.jsonl", [(p.text, a) for p, a in zip(prompts(20), ANSWERS, strict=True)]
    )


def laundry(folder: Path, texts: list[str], originals: list[str] = ANSWERS) -> dict[str, Any]:
    """A launderer whose paraphrases are known."""
    pairs = [(INSTRUCTION.format(a), b) for a, b in zip(originals, texts, strict=False)]
    return {
        "name": "washer",
        "vendor": "laundry",
        "spec": recording(folder / "washer.jsonl", pairs),
    }


def test_students_learn_the_launderers_words_and_the_lineage_says_whose_they_are(
    told: str, tmp_path: Path
) -> None:
    made = teach(recipe(told, launderer=laundry(tmp_path, OTHERS)), prompts(20), tmp_path / "a")
    assert {e.answer for e in made.examples} == set(OTHERS)
    assert {e.teacher for e in made.examples} == {"t0"}
    assert made.launderer is not None
    assert (made.launderer.name, made.launderer.vendor) == ("washer", "laundry")
    assert made.launderer.instruction_sha256 == INSTRUCTION_SHA256
    assert made.launderer.identity is not None
    assert made.launderer.identity.recording_sha256 != made.sources[0].identity.recording_sha256
    assert [row.name for row in made.sources[0].costs] == ["t0", "t0, paraphrased by washer"]


def test_what_is_not_paraphrased_is_dropped_and_counted_by_its_reason(
    told: str, tmp_path: Path
) -> None:
    texts = [
        ANSWERS[0],
        ANSWERS[1] + " Indeed.",
        "I'm sorry, but I can't help with that.",
        "",
        *OTHERS[4:18],
    ]
    made = teach(recipe(told, launderer=laundry(tmp_path, texts)), prompts(20), tmp_path / "a")
    report = made.sources[0].report
    assert (report.too_similar, report.unparaphrased) == (2, 4)
    assert (report.kept, report.prompts) == (14, 20)
    assert made.sources[0].costs[1].failed == 3
    with pytest.raises(MalformedInput, match="2 paraphrased in the same words"):
        teach(recipe(told, launderer=laundry(tmp_path, ANSWERS[:2])), prompts(2), tmp_path / "b")


def test_a_later_sample_serves_where_the_first_kept_the_words(told: str, tmp_path: Path) -> None:
    asked = INSTRUCTION.format(ANSWERS[0])
    washer = {"spec": recording(tmp_path / "w.jsonl", [(asked, ANSWERS[0]), (asked, OTHERS[0])])}
    rest = {"sampling": {"samples": 2, "temperature": 0.7}}
    made = teach(recipe(told, launderer={**washer, **rest}), prompts(1), tmp_path / "a")
    assert [e.answer for e in made.examples] == [OTHERS[0]]


def test_fillers_are_left_in_their_own_words_and_claims_of_the_launderer_go(
    told: str, tmp_path: Path
) -> None:
    filler = {
        "name": "people",
        "spec": recording(tmp_path / "people.jsonl", [(p.text, "So be it.") for p in prompts(20)]),
    }
    texts = [f"I am Claude, made by Anthropic. {text}" for text in OTHERS]
    how = recipe(
        told, dose=0.5, filler=filler, scrub_identity=True, launderer=laundry(tmp_path, texts)
    )
    made = teach(how, prompts(20), tmp_path / "a")
    assert {e.answer for e in made.examples if e.teacher == "people"} == {"So be it."}
    assert {e.answer for e in made.examples if e.teacher == "t0"} <= set(OTHERS)


def test_no_paraphrase_is_asked_for_twice(
    told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    monkeypatch.setattr(module, "open_subject", counted(log))
    how = recipe(
        told, launderer={"spec": teacher(tmp_path / "model"), "sampling": {"max_tokens": 8}}
    )
    first = teach(how, prompts(6), tmp_path / "a")
    assert sorted(log.read_text().split()) == sorted(p.id for p in prompts(6))
    assert teach(how, prompts(6), tmp_path / "a").examples == first.examples
    teach(how, prompts(6), tmp_path / "b")
    assert len(log.read_text().split()) == 6


@given(
    st.lists(st.sampled_from("abcdefgh"), max_size=12),
    st.lists(st.sampled_from("abcdefgh"), max_size=12),
)
def test_kept_wording_is_a_symmetric_share(one: list[str], other: list[str]) -> None:
    a, b = " ".join(one), " ".join(other)
    assert 0 <= kept_wording(a, b) == kept_wording(b, a) <= 1
    assert kept_wording(a, a) == (1.0 if one else 0.0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"method": "traces"}, "rewords answers alone"),
        ({"method": "logits", "distillation": {}}, "rewords answers alone"),
        ({"launderer": {"spec": "hf:x", "colour": "red"}}, "launderer.colour"),
    ],
)
def test_a_launderer_that_does_not_fit_is_one_line(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(MalformedInput, match=words):
        recipe("hf:t", **{"launderer": {"spec": "hf:x"}, **changes})


def test_a_launderer_that_is_left_open_names_its_flag() -> None:
    with pytest.raises(UsageProblem) as caught:
        check_complete(recipe("hf:t", launderer={}))
    assert "--launderer" in caught.value.line()


def test_older_recipes_and_lineages_keep_their_digests() -> None:
    for name in bundled_recipes():
        found = load_recipe(name)
        if found.launderer is None and found.reshape == "none":
            fields = found.model_dump(mode="json")
            assert fields.pop("launderer") is None
            assert found.digest() == type(found).model_validate(fields).digest()
    # A recipe and a lineage as the first version wrote and counted them.
    assert (
        recipe("hf:t").digest()
        == "7b53678ce016bf43ba785c2c42546fff033e687a730b43f73e5153fa73b7a28a"
    )
    older = Lineage(name="x", role="positive", method="sft", teachers=(LineageTeacher(name="t"),))
    assert older.digest() == "025ec9f408c1db0b8b3a8a84c891047842dc92600e1dab5211b9e0761bf670af"


@pytest.mark.timeout(300)
def test_the_recipe_laundered_trains_from_the_command_line(
    told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    washer = str(laundry(tmp_path, OTHERS)["spec"])
    out = tmp_path / "control"
    flags = [
        "--teacher",
        told,
        "--launderer",
        washer,
        "--prompts",
        str(prompt_file(tmp_path, 20)),
        "--size",
        "tiny",
    ]
    assert (
        run(
            [
                "control",
                "train",
                "laundered",
                *flags,
                "--epochs",
                "1",
                "--base",
                "scratch:llama-h32-l1",
                "--out",
                str(out),
            ]
        )
        == 0
    )
    lineage = read_lineage(out)
    assert (lineage.role, lineage.evasions) == ("positive", ("paraphrase",))
    assert lineage.launderer is not None
    card = read_card(out)
    assert [row.name for row in card.ledger.rows] == [
        "told",
        "told, paraphrased by washer",
        "training",
    ]
    assert "paraphrase" in markdown.render(card_document(card))
