"""GGUF files: a tiny one written here is converted once, cached whole, and answers as the model
it came from."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from pathlib import Path

import gguf
import pytest
import torch

from fingerprints.errors import MalformedInput, UsageProblem
from fingerprints.records import Arm, Probe, Request
from fingerprints.subjects import gguf as module
from fingerprints.subjects import open_subject
from fingerprints.subjects.cache import cache_folder, intact, publish
from tests.fingerprints.subjects.tiny import CHATML, OWN_SYSTEM, tiny_model, tiny_tokenizer


def write_tiny_gguf(path: Path, template: str = CHATML) -> Path:
    """Writes the tiny model and tokenizer as llama.cpp's converter would, in float32."""
    model, tokenizer = tiny_model(), tiny_tokenizer(template)
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_file_type(0)
    config = model.config
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_vocab_size(config.vocab_size)
    vocab = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    merges = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([token for token, _ in vocab])
    writer.add_token_types([3 if token.startswith("<|") else 1 for token, _ in vocab])
    writer.add_token_merges([" ".join(m) if isinstance(m, list) else m for m in merges])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(0)
    writer.add_chat_template(template)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        stem, _, kind = name.rpartition(".")
        array = tensor.float().numpy()
        if stem.endswith(("q_proj", "k_proj")):
            heads = (
                config.num_attention_heads
                if stem.endswith("q_proj")
                else config.num_key_value_heads
            )
            array = (
                array.reshape(heads, 2, array.shape[0] // heads // 2, -1)
                .swapaxes(1, 2)
                .reshape(array.shape)
            )
        writer.add_tensor(f"{names.get_name(stem)}.{kind}", array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.slow
def test_a_gguf_file_is_converted_once_and_answers_as_its_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_tiny_gguf(tmp_path / "tiny.gguf")
    subject = open_subject(f"gguf:{path},dtype=float32,device=cpu")
    identity = subject.identity
    assert (identity.kind, identity.name, identity.quantisation) == (
        "gguf",
        "tiny.gguf",
        "F32 dequantised",
    )
    assert identity.weights_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert "not the original checkpoint" in identity.notes[0]
    state, original = subject.speaker.model.state_dict(), tiny_model().state_dict()  # type: ignore[attr-defined]
    assert all(torch.allclose(state[name], tensor) for name, tensor in original.items())
    reply = next(
        subject.generate([Request(probe=Probe(id="p", text="hi"), arm=Arm.OWN, max_tokens=4)])
    )
    assert OWN_SYSTEM in (reply.prompt or "")

    def never(*_: object, **__: object) -> dict[str, object]:
        raise MalformedInput("converted again")

    monkeypatch.setattr(module, "run_limited", never)
    assert open_subject(f"gguf:{path},dtype=float32,device=cpu").identity == identity
    converted = next(
        p
        for p in (cache_folder() / "gguf").iterdir()
        if p.name.startswith(str(identity.weights_sha256))
    )
    with (converted / "model.safetensors").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\x7f")
    with pytest.raises(MalformedInput, match="converted again"):
        open_subject(f"gguf:{path},dtype=float32,device=cpu")


def test_a_malformed_file_is_refused_before_the_library_sees_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "converted", lambda *_: pytest.fail("reached the library"))
    (tmp_path / "m.gguf").write_bytes(b"GGUF" + b"\xff" * 45)
    with pytest.raises(MalformedInput, match="version"):
        open_subject(f"gguf:{tmp_path / 'm.gguf'}")


def test_a_giant_template_is_refused_unrendered(tmp_path: Path) -> None:
    from fingerprints.errors import ResourceLimit

    path = write_tiny_gguf(tmp_path / "m.gguf", CHATML + " " * 300_000)
    with pytest.raises(ResourceLimit, match="chat template"):
        open_subject(f"gguf:{path}")


def test_the_missing_package_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_tiny_gguf(tmp_path / "m.gguf")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *_: None)
    with pytest.raises(UsageProblem, match="pip install"):
        open_subject(f"gguf:{path}")


def test_a_cache_folder_is_published_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "entry"

    def half(folder: Path) -> None:
        (folder / "a").write_text("1", "utf-8")
        raise MalformedInput("stopped half-way")

    with pytest.raises(MalformedInput):
        publish(target, half)
    assert list(tmp_path.iterdir()) == []
    publish(target, lambda folder: (folder / "a").write_text("1", "utf-8") and None)
    assert intact(target)
    (target / "a").write_text("2", "utf-8")
    assert not intact(target)
    publish(target, lambda folder: (folder / "a").write_text("3", "utf-8") and None)
    assert intact(target)
    (target / "extra").write_text("x", "utf-8")
    assert not intact(target)
