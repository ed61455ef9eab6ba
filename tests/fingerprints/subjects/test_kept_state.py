"""A model's kept state is handed on under the word that the installed library knows, through an
adapter too; and what is kept has room for more."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from transformers import AutoModelForCausalLM
from transformers.cache_utils import Cache, DynamicLayer, DynamicSlidingWindowLayer

from fingerprints.subjects.kept_state import RoomyLayer, state_bytes, with_room
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


def fed(layer: DynamicLayer, steps: list[int], seed: int = 0) -> list[torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    out = []
    for step in steps:
        new = torch.randn((3, 2, step, 4), generator=draw)
        keys, values = layer.update(new, -new)
        out += [keys.clone(), values.clone()]
    return out


def both(read: int) -> tuple[DynamicLayer, RoomyLayer]:
    plain, other = DynamicLayer(), DynamicLayer()
    fed(plain, [read])
    fed(other, [read])
    return plain, RoomyLayer(other)


def test_a_roomy_layer_gives_what_the_library_s_gives() -> None:
    plain, roomy = both(5)
    for ours, theirs in zip(fed(roomy, [1] * 150, 1), fed(plain, [1] * 150, 1), strict=True):
        assert torch.equal(ours, theirs)
    assert roomy.get_seq_length() == 155


def test_a_roomy_layer_copies_what_is_there_every_64th_token_only() -> None:
    _, roomy = both(5)
    places = [(fed(roomy, [1]), roomy.keys.data_ptr())[1] for _ in range(200)]
    assert len({*places}) == 4  # up to 64, 128, 192 and 256 tokens


def test_what_the_library_does_with_a_roomy_layer_leaves_no_trace_of_before() -> None:
    plain, roomy = both(5)
    rows = torch.tensor([2, 0])
    for layer in (plain, roomy):
        fed(layer, [1, 1, 1], 1)
        layer.crop(-2)
        layer.batch_select_indices(rows)
        layer.batch_repeat_interleave(2)
        draw = torch.Generator().manual_seed(5)
        layer.update(*(torch.randn((4, 2, 2, 4), generator=draw) for _ in range(2)))
    assert roomy.keys.shape == (4, 2, 8, 4)
    assert torch.equal(roomy.keys, plain.keys)
    assert torch.equal(roomy.values, plain.values)


def test_only_plain_growing_layers_get_room() -> None:
    window = DynamicSlidingWindowLayer(sliding_window=4)
    read, empty = DynamicLayer(), DynamicLayer()
    fed(read, [3])
    fed(window, [3])
    cache = with_room(Cache(layers=[window, read, empty]))
    assert [type(layer) for layer in cache.layers] == [
        DynamicSlidingWindowLayer,
        RoomyLayer,
        DynamicLayer,
    ]
    assert with_room(cache) is cache
    assert with_room(None) is None


def test_what_a_token_takes_is_what_the_library_keeps(tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_checkpoint(tmp_path / "m")).eval()
    with torch.inference_mode():
        kept = state_of(model(input_ids=torch.arange(5, 15)[None], use_cache=True))
    taken = sum(x.numel() * x.element_size() for one in kept.layers for x in (one.keys, one.values))
    assert state_bytes(model) * 10 == taken
