"""A model with a watermark writes what the library's own would, says so, and never tells the key."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, WatermarkingConfig

from fingerprints.errors import MalformedInput, UsageProblem
from fingerprints.plants import WATERMARKS, GreenScheme, SealedWatermark, new_salt
from fingerprints.records import Probe, Request, sha256
from fingerprints.scores import Passage
from fingerprints.subjects import open_subject
from fingerprints.subjects.checkpoint import Checkpoint
from fingerprints.subjects.vocabulary import LoneTokenizer, saved, vocabulary_sha256
from tests.fingerprints.subjects.tiny import tiny_checkpoint, tiny_tokenizer

KEY = 3_000_000_019


def seal(path: Path, **changes: object) -> Path:
    tokenizer = tiny_tokenizer()
    told = {
        "vocabulary": 320,
        "bias": 2.0,
        "vocabulary_sha256": vocabulary_sha256(tokenizer.get_vocab()),
        "tokenizer_sha256": sha256(saved(tokenizer)),
        **changes,
    }
    scheme = GreenScheme.model_validate(told)
    sealed = SealedWatermark(scheme=scheme, key=KEY, salt=new_salt(), created="2026")
    WATERMARKS.write(path, sealed)
    return path


def requests(temperature: float = 0.0) -> list[Request]:
    texts = ["the quick brown fox", "which bird sings", "a river at night, and who made it?"]
    return [
        Request(
            probe=Probe(id=f"style/{i}", text=t, form="completion"),
            max_tokens=40,
            temperature=temperature,
        )
        for i, t in enumerate(texts)
    ]


def test_greedy_answers_are_those_of_the_librarys_own_watermark(tmp_path: Path) -> None:
    folder, key = tiny_checkpoint(tmp_path / "m"), seal(tmp_path / "s.json")
    with open_subject(f"hf:{folder},dtype=float32,watermark={key}") as subject:
        ours = {r.probe_id: r.text for r in subject.generate(requests())}
        assert isinstance(subject, Checkpoint)
        stop = list(subject.speaker.stop)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer = tiny_tokenizer()
    config = WatermarkingConfig(bias=2.0, greenlist_ratio=0.25, hashing_key=KEY)
    for request in requests():
        ids = tokenizer(request.probe.text, return_tensors="pt")
        made = model.generate(
            **ids,
            max_new_tokens=40,
            do_sample=False,
            watermarking_config=config,
            eos_token_id=stop,
            pad_token_id=0,
        )
        said = tokenizer.decode(made[0, ids.input_ids.shape[1] :], skip_special_tokens=True)
        assert ours[request.probe.id] == said
    with open_subject(f"hf:{folder},dtype=float32") as plain:
        assert {r.probe_id: r.text for r in plain.generate(requests())} != ours


def test_sampled_answers_do_not_depend_on_the_batch(tmp_path: Path) -> None:
    folder, key = tiny_checkpoint(tmp_path / "m"), seal(tmp_path / "s.json")
    said = []
    for batch in (1, 3):
        spec = f"hf:{folder},dtype=float32,watermark={key},batch={batch}"
        with open_subject(spec) as subject:
            said.append({r.probe_id: r.text for r in subject.generate(requests(1.0))})
    assert said[0] == said[1]


def test_its_identity_says_so_without_the_key(tmp_path: Path) -> None:
    folder, key = tiny_checkpoint(tmp_path / "m"), seal(tmp_path / "s.json")
    with open_subject(f"hf:{folder},watermark={key}") as marked, open_subject(f"hf:{folder}") as m:
        assert marked.identity.backend != m.identity.backend
        assert "watermark" in " ".join(marked.identity.notes)
        assert str(KEY) not in marked.identity.model_dump_json() + marked.spec


@pytest.mark.parametrize("changes", [{"vocabulary": 321}, {"vocabulary_sha256": "0" * 64}])
def test_a_key_of_another_tokenizer_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    folder, key = tiny_checkpoint(tmp_path / "m"), seal(tmp_path / "s.json", **changes)
    with pytest.raises(UsageProblem, match=r"another (tokenizer|vocabulary)") as failed:
        open_subject(f"hf:{folder},watermark={key}")
    assert str(KEY) not in str(failed.value)


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_key_that_others_can_read_is_warned_of(tmp_path: Path) -> None:
    folder, key = tiny_checkpoint(tmp_path / "m"), seal(tmp_path / "s.json")
    key.chmod(0o640)
    with pytest.warns(UserWarning, match="others than its owner"):
        open_subject(f"hf:{folder},watermark={key}").close()


TEXT = "the quick brown fox jumps over the lazy dog — and asks: who?"


def test_choices_are_the_likeliest_tokens_where_the_text_breaks(tmp_path: Path) -> None:
    with open_subject(f"hf:{tiny_checkpoint(tmp_path / 'm')},dtype=float32") as subject:
        assert isinstance(subject, Checkpoint)
        (found,) = subject.choices([Passage(text=TEXT)])
        assert not isinstance(found, str)
        tokenizer, model = subject.speaker.tokenizer, subject.speaker.model
        ids = [tokenizer.bos_token_id, *tokenizer(TEXT, add_special_tokens=False).input_ids]
        with torch.no_grad():
            scores = model(torch.tensor([ids])).logits[0].clone()
        scores[:, list(tokenizer.all_special_ids)] = -torch.inf
        said = dict(zip(found.starts, found.chosen, strict=True))
        checked = 0
        for i in range(2, len(ids)):
            start = len(tokenizer.decode(ids[1:i]))
            wanted = tokenizer.decode([int(scores[i - 1].argmax())])
            if "\ufffd" not in wanted and "\ufffd" not in tokenizer.decode(ids[1:i]):
                assert said[start] == wanted
                checked += 1
        assert checked > 10


def test_with_a_base_the_choice_is_what_rose_most(tmp_path: Path) -> None:
    flat = {"initializer_range": 0.1}
    one, two = (tiny_checkpoint(tmp_path / str(s), seed=s, **flat) for s in (0, 1))
    with (
        open_subject(f"hf:{one},dtype=float32") as subject,
        open_subject(f"hf:{two},dtype=float32") as base,
    ):
        (alone,) = subject.choices([Passage(text=TEXT)])
        (rose,) = subject.choices([Passage(text=TEXT)], base)
        assert not isinstance(rose, str)
        assert alone != rose
        assert isinstance(subject, Checkpoint)
        assert isinstance(base, Checkpoint)
        tokenizer = subject.speaker.tokenizer
        ids = [tokenizer.bos_token_id, *tokenizer(TEXT, add_special_tokens=False).input_ids]
        with torch.no_grad():
            p, q = (
                s.speaker.model(torch.tensor([ids])).logits[0].softmax(-1) for s in (subject, base)
            )
        start = rose.starts[0]
        place = next(i for i in range(1, len(ids)) if len(tokenizer.decode(ids[1:i])) == start)
        worth = (p - q)[place - 1].clone()
        worth[list(tokenizer.all_special_ids)] = -1
        assert rose.chosen[0] == tokenizer.decode([int(worth.argmax())])


def test_a_passage_that_cant_be_read_says_why(tmp_path: Path) -> None:
    with open_subject(f"hf:{tiny_checkpoint(tmp_path / 'm')},dtype=float32") as subject:
        (long,) = subject.choices([Passage(text="word " * 400)])
        assert "pass the context" in str(long)


def test_a_tokenizer_file_of_other_bytes_is_not_parsed(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(saved(tiny_tokenizer()))
    digest = sha256(path.read_text())
    found = LoneTokenizer.open(path, digest)
    assert found.digest == vocabulary_sha256(tiny_tokenizer().get_vocab())
    (tokens,) = found.read([TEXT], places=True)
    assert TEXT[tokens.starts[3] :].startswith(tiny_tokenizer().decode([tokens.ids[3]]))
    path.write_text("{}")
    with pytest.raises(MalformedInput, match="not the tokenizer"):
        LoneTokenizer.open(path, digest)
