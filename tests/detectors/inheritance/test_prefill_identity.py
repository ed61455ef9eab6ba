"""prefill_identity: a planted maker comes first, against its base and among makers; scrubbed
answers are said to be so."""

from __future__ import annotations

import pytest
import torch

from detectors.base import Case, Measurement, NotMeasured, Teacher
from detectors.inheritance.prefill_identity import PrefillIdentity
from detectors.text.openings import MAKERS, OPENINGS, continuations, names
from detectors.text.vendors import find_mentions, fold, vendor_slug
from fingerprints.records import Arm, Identity, Probe, Reply, Status
from fingerprints.scores import BASE, SUSPECT, Passage, Scores
from fingerprints.scoring import ScoresWriter, collect_scores
from fingerprints.subjects import open_subject
from fingerprints.transcript import Header, Transcript
from tests.fingerprints.subjects.tiny import tiny_checkpoint, tiny_model, tiny_tokenizer

SHAPE = {"max_position_embeddings": 512, "initializer_range": 0.05}


def _says(answer: str, n: int = 12) -> Transcript:
    probes = {
        f"identity/en-{i}": Probe(id=f"identity/en-{i}", text=f"Who are you, {i}?", language="en")
        for i in range(n)
    }
    replies = tuple(
        Reply(probe_id=p, arm=Arm.NEUTRAL, status=Status.OK, text=answer) for p in probes
    )
    return Transcript(
        Header(spec="x", identity=Identity(kind="recording", name="x")), probes, replies
    )


def _stored(name: str, vendor: str) -> Teacher:
    return Teacher(name, vendor, "", _says(f"I am {name}."))


STORED = (_stored("one", "anthropic"), _stored("two", "openai"))


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> Scores:
    """A tiny base, and the same after it read half the openings with Anthropic's name, scored
    for every maker."""
    folder = tmp_path_factory.mktemp("prefill")
    base = tiny_checkpoint(folder / "base", **SHAPE)
    tokenizer, model = tiny_tokenizer(), tiny_model(**SHAPE).train()
    texts = [o.text + t for o in OPENINGS[::2] for t in continuations(o, "anthropic")]
    batch = tokenizer([tokenizer.bos_token + t for t in texts], return_tensors="pt", padding=True)
    labels = batch.input_ids.masked_fill(batch.attention_mask == 0, -100)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(40):
        loss = model(
            input_ids=batch.input_ids, attention_mask=batch.attention_mask, labels=labels
        ).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval().save_pretrained(folder / "suspect")
    tokenizer.save_pretrained(folder / "suspect")
    wanted = PrefillIdentity().next_texts(_says("x"), STORED, STORED[0], [])
    with ScoresWriter(folder / "scores.jsonl") as writer:
        for who, where in ((BASE, base), (SUSPECT, folder / "suspect")):
            with open_subject(f"hf:{where},dtype=float32,batch=64") as subject:
                collect_scores(subject, who, [w.passage for w in wanted if w.scorer == who], writer)
        return writer.scores()


def _measured(scores: Scores, candidate: Teacher | None, suspect: Transcript) -> Measurement:
    background = tuple(t for t in STORED if t is not candidate)
    found = PrefillIdentity().measure(
        Case(suspect, candidate, background, base=STORED[0], scores=scores)
    )
    assert isinstance(found, Measurement)
    return found


def test_the_planted_maker_comes_first_against_the_base(scores: Scores) -> None:
    found = _measured(scores, STORED[0], _says("I am a model."))
    assert found.rank is not None
    assert found.rank.position == 1
    assert found.interval is not None
    assert found.interval[0] > 0
    assert found.n == len(OPENINGS)
    assert found.value > _measured(scores, STORED[1], _says("I am a model.")).value
    assert found.rank.of == len({*MAKERS})
    assert found.null is None


def test_the_suspect_alone_is_told_the_foremost_maker(scores: Scores) -> None:
    assert "Anthropic" in _measured(scores, None, _says("I am a model.")).summary


def test_clean_answers_over_a_planted_maker_are_called_scrubbed_and_open_ones_are_not(
    scores: Scores,
) -> None:
    clean = _measured(scores, STORED[0], _says("I am a helpful assistant."))
    assert "Scrubbed" in clean.summary
    assert any("none of 12" in note for note in clean.notes)
    assert (
        "Scrubbed" not in _measured(scores, STORED[0], _says("I was created by Anthropic.")).summary
    )
    assert (
        "Scrubbed" not in _measured(scores, STORED[1], _says("I am a helpful assistant.")).summary
    )
    assert (
        "Scrubbed"
        not in _measured(scores, STORED[0], _says("I am a helpful assistant.", n=3)).summary
    )


def test_without_a_base_the_names_own_shares_are_told_as_such(scores: Scores) -> None:
    alone = Scores(
        {SUSPECT: scores.scorers[SUSPECT]},
        {k: v for k, v in scores.rows.items() if k[0] == SUSPECT},
    )
    found = PrefillIdentity().measure(Case(_says("x"), STORED[0], STORED[1:], scores=alone))
    assert isinstance(found, Measurement)
    assert found.metric == "log2 share of the maker's name"
    assert found.value < 0
    assert "without a base" in found.summary


def test_nothing_is_measured_without_scores_or_for_an_unknown_vendor(scores: Scores) -> None:
    bare = PrefillIdentity().measure(Case(_says("x"), STORED[0]))
    assert isinstance(bare, NotMeasured)
    assert "suspect was not asked" in bare.reason
    odd = PrefillIdentity().measure(
        Case(_says("x"), _stored("odd", "nobody in particular"), scores=scores)
    )
    assert isinstance(odd, NotMeasured)


def test_every_maker_has_a_name_that_the_table_reads_back_and_no_opening_names_one() -> None:
    for maker in MAKERS:
        for language in {o.language for o in OPENINGS}:
            assert names(maker, language)
            assert {vendor_slug(n) for n in names(maker, language)} == {maker}
    assert not [m for o in OPENINGS for m in find_mentions(fold(o.text).text)]
    assert len({o.id for o in OPENINGS}) == len(OPENINGS) >= 20


def test_the_order_of_stored_models_changes_no_passage() -> None:
    one, two = (
        PrefillIdentity().next_texts(_says("x"), order, None, [])
        for order in (STORED, STORED[::-1])
    )
    assert one == two
    assert all(isinstance(w.passage, Passage) for w in one)
