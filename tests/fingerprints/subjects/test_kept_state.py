"""A model's kept state is handed on under the word that the installed library knows, through an
adapter too."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from fingerprints.subjects.library import state_of, state_word
from tests.fingerprints.subjects.tiny import tiny_checkpoint


def test_the_word_is_the_one_that_the_signature_has() -> None:
    def new(cache: Any = None) -> None: ...

    def old(past_key_values: Any = None) -> None: ...

    assert state_word(SimpleNamespace(forward=new)) == "cache"
    assert state_word(SimpleNamespace(forward=old)) == "past_key_values"
    wrapped = SimpleNamespace(
        forward=lambda *args, **kwargs: None, get_base_model=lambda: SimpleNamespace(forward=new)
    )
    assert state_word(wrapped) == "cache"
    assert state_of({"past_key_values": 3}) == state_of({"cache": 3}) == 3
    assert state_of({"logits": 0}) is None


def test_a_text_read_in_two_pieces_scores_as_in_one_and_without_a_warning(tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_checkpoint(tmp_path / "m")).eval()
    ids = torch.arange(5, 15)[None]
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("error")
        whole = model(input_ids=ids).logits[:, 6:]
        begun = model(input_ids=ids[:, :6], use_cache=True)
        rest = model(input_ids=ids[:, 6:], use_cache=True, **{state_word(model): state_of(begun)})
    assert torch.allclose(rest.logits, whole, atol=1e-5)
