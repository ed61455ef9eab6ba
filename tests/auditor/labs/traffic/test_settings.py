"""Settings, books and wordings: what ships is whole, and what is wrong is told in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.labs.traffic.book import BOOKS, load_book
from auditor.labs.traffic.settings import (
    Campaign,
    bundled_settings,
    load_settings,
    with_length,
)
from auditor.labs.traffic.wording import WORDINGS, WordingFile, load_wording
from fingerprints.errors import MalformedInput, UsageProblem
from fingerprints.record_files import RecordFile, bundled_names, bundled_text

KINDS = {
    "chat",
    "agent",
    "ci",
    "rag",
    "evaluation",
    "translation",
    "classroom",
    "aggregator",
    "catalogue",
}
CAMPAIGNS = {"single", "hydra", "drip", "proxy", "mixed", "switching"}


@pytest.mark.parametrize("name", bundled_settings())
def test_bundled_settings_survive_being_written_and_read(name: str, tmp_path: Path) -> None:
    settings = load_settings(name)
    (tmp_path / "again.yaml").write_text(settings.to_yaml(), "utf-8")
    assert load_settings(str(tmp_path / "again.yaml")) == settings


@pytest.mark.parametrize("name", bundled_names(*BOOKS))
def test_a_book_knows_every_kind_of_account_and_campaign(name: str) -> None:
    book = load_book(name)
    assert set(book.kinds) == KINDS
    assert set(book.campaigns) == CAMPAIGNS


def test_the_held_out_wording_and_book_share_nothing_that_a_threshold_could_learn() -> None:
    reader = RecordFile(WordingFile, "none", "", form="yaml")
    first, second = (
        reader.parse(bundled_text(*WORDINGS, name), name) for name in ("first", "second")
    )
    ours = {s for d in (first.bodies, first.heads, first.systems) for v in d.values() for s in v}
    other = {
        s for d in (second.bodies, second.heads, second.systems) for v in d.values() for s in v
    }
    assert not ours & other
    assert not first.words.keys() & second.words.keys()
    books = load_book("first"), load_book("second")
    for kind in KINDS:
        one, two = (book.kinds[kind] for book in books)
        assert not one.clients.keys() & two.clients.keys()
        assert one.gap != two.gap
        assert one.rows_per_day != two.rows_per_day
    for name in ("held-out", "held-out-benign"):
        assert (load_settings(name).wording, load_settings(name).book) == ("second", "second")


def test_another_length_moves_campaigns_and_models_with_it() -> None:
    longer = with_length(load_settings("campaigns"), 28)
    assert longer.models[1].day == 12
    assert next((c.from_day, c.days) for c in longer.campaigns) == (4, 14)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"days": 3}, "ends after the log"),
        ({"models": [{"name": "m", "day": 2}]}, "day 0"),
        ({"campaigns": [Campaign(name="a", kind="drip", share=0.95, days=7)]}, "0.9 at most"),
        ({"benign": [{"kind": "chat", "share": 0.1}] * 2}, "one name"),
        ({"benign": []}, "benign"),
        ({"nonsense": 1}, "unknown key"),
    ],
)
def test_settings_that_cannot_be_made_are_refused(
    change: dict[str, object], told: str, tmp_path: Path
) -> None:
    import yaml

    value = {**load_settings("small").model_dump(mode="json"), **change}
    value["campaigns"] = [c if isinstance(c, dict) else c.model_dump() for c in value["campaigns"]]
    path = tmp_path / "bad.yaml"
    path.write_text(yaml.safe_dump(value), "utf-8")
    with pytest.raises(MalformedInput, match=told):
        load_settings(str(path))


def test_unknown_names_are_told_with_those_there_are() -> None:
    with pytest.raises(UsageProblem, match="held-out"):
        load_settings("nothing")
    with pytest.raises(UsageProblem, match="second"):
        load_book("third")
    with pytest.raises(UsageProblem, match="second"):
        load_wording("third")


@pytest.mark.parametrize(
    ("sentence", "told"),
    [("About {nowhere}.", "no words for 'nowhere'"), ("From {#9-2}.", "no range of numbers")],
)
def test_a_sentence_with_a_slot_that_nothing_fills_is_refused(
    sentence: str, told: str, tmp_path: Path
) -> None:
    path = tmp_path / "wording.yaml"
    path.write_text(
        "format: wording/1\nname: mine\nchat_languages: {en: 1}\nwords: {thing: [a]}\n"
        f"bodies: {{chat.en: ['{sentence}']}}\nheads: {{}}\n",
        "utf-8",
    )
    with pytest.raises(MalformedInput, match=told):
        load_wording(str(path))


def test_a_slot_takes_the_words_of_its_sentences_language() -> None:
    wording = load_wording("first")
    spanish = wording.registers[wording.place("chat.es")]
    used = {p.words for s in spanish for p in s.pieces if not isinstance(p, str)}
    assert "topic.es" in used
    assert "topic.en" not in used
