"""Checkpoints from a folder: opened, identified, adapted, asked through `collect`, killed and
resumed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file

from fingerprints.collect import collect
from fingerprints.errors import Incomplete, MalformedInput, ResourceLimit, UnsafeInput, UsageProblem
from fingerprints.records import Probe, ProbeSet, Request, Sampling
from fingerprints.subjects import open_subject, placement
from fingerprints.subjects.checkpoint import Checkpoint
from fingerprints.subjects.library import quiet
from fingerprints.transcript import Reading, load_transcript
from tests.fingerprints.subjects.tiny import TURNS, edit_json, tiny_checkpoint, tiny_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def subject(folder: Path) -> Checkpoint:
    opened = open_subject(f"hf:{folder},dtype=float32,device=cpu")
    assert isinstance(opened, Checkpoint)
    return opened


def probes(n: int = 6, tokens: int = 8) -> ProbeSet:
    made = tuple(Probe(id=f"p{i}", text=f"who made you, number {i}?") for i in range(n))
    return ProbeSet(name="tiny", version="1", probes=made, max_tokens=tokens)


def test_the_identity_says_everything_that_changes_an_answer(
    subject: Checkpoint, folder: Path
) -> None:
    identity = subject.identity
    assert (identity.kind, identity.name, identity.dtype, identity.device) == (
        "checkpoint",
        folder.name,
        "float32",
        "cpu",
    )
    assert (identity.architecture, identity.template) == ("LlamaForCausalLM", "model")
    assert identity.backend.startswith("transformers ")
    for digest in ("weights_sha256", "config_sha256", "tokenizer_sha256", "template_sha256"):
        assert len(getattr(identity, digest)) == 64
    assert identity.parameters == sum(p.numel() for p in tiny_model().parameters())
    assert subject.offers == {"generate", "score", "weights"}


def test_other_weights_or_another_template_are_another_identity(
    subject: Checkpoint, tmp_path: Path
) -> None:
    other = open_subject(
        f"hf:{tiny_checkpoint(tmp_path / 'a', template=TURNS, seed=1)},dtype=float32"
    ).identity
    assert not other.same_weights(subject.identity)
    assert other.template_sha256 != subject.identity.template_sha256
    same = open_subject(f"hf:{tiny_checkpoint(tmp_path / 'b')},dtype=float32").identity
    assert same.same_weights(subject.identity)


def test_the_loaded_weights_are_those_of_the_file(subject: Checkpoint, folder: Path) -> None:
    saved = load_file(folder / "model.safetensors")
    state = subject.speaker.model.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in saved.items())


def test_collect_asks_and_scores_through_the_subject(subject: Checkpoint, tmp_path: Path) -> None:
    transcript = collect(subject, [probes()], Sampling(), tmp_path / "t.jsonl")
    assert transcript.complete
    assert transcript.counts()["truncated"] + transcript.counts().get("ok", 0) == 6
    assert (
        transcript.digest()
        == collect(subject, [probes()], Sampling(), tmp_path / "again.jsonl").digest()
    )
    assert subject.score(["the fox"])[0].bits > 0


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("dtype=int3", "unknown dtype"),
        ("device=tpu", "no device"),
        ("batch=0", "not a batch size"),
        ("batch=many", "not a batch size"),
        ("template=mine", "unknown template"),
        ("revision=main", "no revision"),
    ],
)
def test_an_option_that_is_not_there_is_a_usage_problem(
    folder: Path, option: str, words: str
) -> None:
    with pytest.raises(UsageProblem, match=words):
        open_subject(f"hf:{folder},{option}")


def test_a_model_larger_than_the_memory_is_refused_unloaded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "available_memory", lambda device: 1000)
    with pytest.raises(ResourceLimit, match="GiB left"):
        open_subject(f"hf:{folder}")


def test_weights_that_are_not_all_there_are_refused_and_not_invented(tmp_path: Path) -> None:
    path = tiny_checkpoint(tmp_path) / "model.safetensors"
    tensors = load_file(path)
    tensors.pop("model.layers.1.mlp.up_proj.weight")
    save_file(tensors, path, metadata={"format": "pt"})
    with pytest.raises(MalformedInput, match=r"lack 1 tensors.*up_proj"):
        open_subject(f"hf:{tmp_path}")


def test_shapes_that_do_not_fit_the_config_are_refused(tmp_path: Path) -> None:
    edit_json(tiny_checkpoint(tmp_path) / "config.json", intermediate_size=48)
    with pytest.raises(MalformedInput, match="can't load it"):
        open_subject(f"hf:{tmp_path}")


def test_an_unsafe_folder_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    edit_json(
        tiny_checkpoint(tmp_path) / "config.json", auto_map={"AutoModelForCausalLM": "evil.Model"}
    )
    (tmp_path / "evil.py").write_text("open('ran', 'w')", "utf-8")
    with pytest.raises(UnsafeInput):
        open_subject(f"hf:{tmp_path}")


def test_a_hub_model_without_a_hub_can_be_tried_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(Incomplete, match="hub can't be reached"):
        open_subject("hf:nobody/nothing")
    with pytest.raises(MalformedInput, match="no such folder"):
        open_subject("hf:./not/there")


def save_lora(folder: Path, hidden: int = 32, **options: Any) -> Any:
    with quiet():
        adapted = get_peft_model(tiny_model(hidden_size=hidden), LoraConfig(r=4, **options))
        adapted.save_pretrained(folder)
    return adapted


def test_an_adapter_changes_the_answers_and_the_identity(
    folder: Path, tmp_path: Path, subject: Checkpoint
) -> None:
    adapted = save_lora(
        tmp_path / "lora", target_modules=["q_proj", "v_proj"], init_lora_weights=False
    )
    with open_subject(f"hf:{folder},adapter={tmp_path / 'lora'},dtype=float32") as with_it:
        assert with_it.identity.adapter_sha256
        assert not with_it.identity.same_weights(subject.identity)
        expected = adapted.eval()(torch.tensor([[0, 5, 6]])).logits
        found = with_it.speaker.model(torch.tensor([[0, 5, 6]])).logits  # type: ignore[attr-defined]
        assert torch.allclose(expected, found, atol=1e-4)
    with pytest.raises(MalformedInput, match="closed"):
        list(with_it.generate([Request(probe=Probe(id="p", text="x"))]))


def test_an_adapter_of_another_base_is_refused(tmp_path: Path, folder: Path) -> None:
    save_lora(tmp_path / "lora", hidden=64, target_modules=["q_proj"])
    with pytest.raises(MalformedInput, match="does not fit"):
        open_subject(f"hf:{folder},adapter={tmp_path / 'lora'}")


SLOWED = """
import sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
from fingerprints.collect import collect
from fingerprints.records import ProbeSet, Sampling
from fingerprints.subjects import generation, open_subject
advance = generation._advance
def slow(*a):
    time.sleep(0.3)
    return advance(*a)
generation._advance = slow
asked = ProbeSet.model_validate_json(sys.argv[3])
collect(open_subject(sys.argv[1]), [asked], Sampling(), Path(sys.argv[2]))
"""


@pytest.mark.slow
def test_a_killed_run_keeps_what_it_wrote_and_is_resumed(folder: Path, tmp_path: Path) -> None:
    spec, journal = f"hf:{folder},dtype=float32,batch=2,device=cpu", tmp_path / "t.jsonl"
    root = Path(__file__).resolve().parents[3]
    child = subprocess.Popen(
        [sys.executable, "-c", SLOWED, spec, str(journal), probes(40).model_dump_json()],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and (
            not journal.exists() or len(Reading().read(journal).replies) < 5
        ):
            time.sleep(0.05)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    kept = load_transcript(journal)
    assert 5 <= len(kept.replies) < 40
    assert not kept.complete
    whole = collect(open_subject(spec), [probes(40)], Sampling(), journal)
    assert whole.complete
    assert len(whole.replies) == 40
    assert {r.key: r for r in kept.replies}.items() <= {r.key: r for r in whole.replies}.items()
    fresh = collect(open_subject(spec), [probes(40)], Sampling(), tmp_path / "fresh.jsonl")
    assert fresh.digest() == whole.digest()
