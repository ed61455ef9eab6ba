"""Scores on disk: appended, cut, resumed, refused when they are somebody else's; and passages as
the subject reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fingerprints.errors import Locked, MalformedInput
from fingerprints.records import Arm, Identity, Probe
from fingerprints.scores import SUSPECT, Passage, ScoreReading, score_of
from fingerprints.scoring import ScoresWriter, collect_scores
from fingerprints.subjects import open_subject
from fingerprints.subjects.checkpoint import Checkpoint
from tests.fingerprints.subjects.tiny import CHATML, tiny_checkpoint

ASKED = Probe(id="asked/1", text="which bird sings")
PASSAGES = [
    Passage(text=" the brown fox", lead="over the lazy dog"),
    Passage(text="nobody answers", probe=ASKED, by_token=True),
    Passage(text=" briefly", lead="nobody answers", probe=ASKED, arm=Arm.NEUTRAL),
]
WHO = Identity(kind="checkpoint", name="tiny")


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    folder = tiny_checkpoint(tmp_path_factory.mktemp("scores") / "tiny", template=CHATML)
    opened = open_subject(f"hf:{folder},dtype=float32")
    assert isinstance(opened, Checkpoint)
    return opened


def test_a_question_is_read_through_the_template_and_its_lead_begins_the_answer(
    subject: Checkpoint,
) -> None:
    found = subject.score_passages(PASSAGES)
    rendered = "<|im_start|>system\nAnswer briefly.<|im_end|>\n<|im_start|>user\nwhich bird sings<|im_end|>\n<|im_start|>assistant\n"
    alone = subject.score(
        [PASSAGES[0].text, " briefly"], [PASSAGES[0].lead, rendered + "nobody answers"]
    )
    assert not any(isinstance(f, str) for f in found)
    assert found[0].bits == pytest.approx(alone[0].bits, abs=1e-3)  # type: ignore[union-attr]
    # This tokenizer adds no special token of its own, so the plain context is read as the
    # template's.
    assert found[2].bits == pytest.approx(alone[1].bits, abs=1e-3)  # type: ignore[union-attr]


def test_a_passage_that_does_not_fit_is_a_reason_and_the_others_are_scored(
    subject: Checkpoint, tmp_path: Path
) -> None:
    long = Passage(text="fox " * 400)
    with ScoresWriter(tmp_path / "s.jsonl") as writer:
        collect_scores(subject, SUSPECT, [long, *PASSAGES], writer)
        scores = writer.scores()
    assert scores.of(SUSPECT, long) is None
    assert "above the model's 256" in scores.rows[SUSPECT, long.digest()].reason
    assert all(scores.of(SUSPECT, p) is not None for p in PASSAGES)


def test_only_asked_for_bits_by_token_are_kept(subject: Checkpoint, tmp_path: Path) -> None:
    with ScoresWriter(tmp_path / "s.jsonl") as writer:
        collect_scores(subject, SUSPECT, PASSAGES, writer)
        scores = writer.scores()
    kept = [scores.of(SUSPECT, p) for p in PASSAGES]
    assert [bool(s and s.token_bits) for s in kept] == [False, True, False]
    assert kept[1] is not None
    assert sum(kept[1].token_bits) == pytest.approx(kept[1].bits, abs=0.01)


def test_a_cut_file_goes_on_and_scores_nothing_twice(subject: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    with ScoresWriter(path) as writer:
        collect_scores(subject, SUSPECT, PASSAGES, writer)
        whole = writer.scores()
    rows = path.read_bytes()
    path.write_bytes(rows[: len(rows) - 7])
    with ScoresWriter(path) as writer:
        assert [p.digest() for p in writer.missing(SUSPECT, [*PASSAGES, *PASSAGES])] == [
            PASSAGES[2].digest()
        ]
        collect_scores(subject, SUSPECT, PASSAGES, writer)
        assert writer.scores().digest() == whole.digest()
    assert len(path.read_bytes().splitlines()) == len(rows.splitlines())


def test_scores_by_another_model_of_that_name_are_not_mixed_in(tmp_path: Path) -> None:
    with ScoresWriter(tmp_path / "s.jsonl") as writer:
        writer.scorer(SUSPECT, WHO)
        writer.scorer(SUSPECT, WHO.model_copy(update={"notes": ("a remark",)}))
        with pytest.raises(MalformedInput, match="another suspect"):
            writer.scorer(SUSPECT, WHO.model_copy(update={"weights_sha256": "0" * 64}))
        with pytest.raises(Locked):
            ScoresWriter(tmp_path / "s.jsonl")


@pytest.mark.parametrize(
    "rows",
    [
        b'{"type":"score","scorer":"suspect","passage_sha256":"x"}\n',
        b'{"type":"header","format":"scores/1"}\n{"type":"score","scorer":"suspect","passage_sha256":"x"}\n',
        b'{"type":"header","format":"scores/9"}\n',
        b'{"type":"header","format":"scores/1"}\n{"type":"scorer"}\n',
        b"[]\n",
        b"\xff\xfe\n",
    ],
)
def test_a_file_of_something_else_is_one_line(tmp_path: Path, rows: bytes) -> None:
    path = tmp_path / "s.jsonl"
    path.write_bytes(rows)
    with pytest.raises(MalformedInput) as caught:
        ScoreReading().read(path)
    assert "row of scores" in caught.value.line()


def test_a_reason_is_no_score() -> None:
    made = score_of(SUSPECT, PASSAGES[0], "no room")
    assert (made.reason, made.tokens, made.bits_per_byte) == ("no room", 0, 0)
