"""Keys and values of what a model has read, kept with room for what it writes next.

The library's own layers are joined anew with every token, which copies all that was read: with 32
rows of 200 tokens of a small model that was half of the processor time of writing. Knows tensors;
knows nothing of tokens.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicLayer

CHUNK = 64
"""Tokens that a layer grows by: what was read is copied once in so many steps."""


class RoomyLayer(DynamicLayer):  # type: ignore[no-untyped-call]  # transformers has no types for it
    """A layer of the library's growing kind, of which only every 64th token copies what is there.

    ``keys`` and ``values`` are views of as much of the room as is taken. Whatever the library does
    with them (cut off, pick out rows, repeat rows) leaves other tensors there, and room is made
    anew before the next token.
    """

    def __init__(self, layer: DynamicLayer) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # likewise
        self.device, self.is_initialized = layer.device, layer.is_initialized
        self.keys, self.values = layer.keys, layer.values
        self._rooms: tuple[torch.Tensor, torch.Tensor] | None = None
        self._views: tuple[torch.Tensor, torch.Tensor] | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Adds keys and values behind the others (rows × heads × tokens × width) and gives all."""
        before = self.get_seq_length()
        if not self.is_initialized or before == 0:
            return super().update(key_states, value_states, *args, **kwargs)
        after = before + key_states.shape[-2]
        keys, values = self._with_room(before, after)
        keys[..., before:after, :] = key_states
        values[..., before:after, :] = value_states
        self.keys, self.values = keys[..., :after, :], values[..., :after, :]
        self._rooms, self._views = (keys, values), (self.keys, self.values)
        return self.keys, self.values

    def _with_room(self, before: int, after: int) -> tuple[torch.Tensor, torch.Tensor]:
        ours = self._views is not None and (
            self._views[0] is self.keys and self._views[1] is self.values
        )
        if ours and self._rooms is not None and after <= self._rooms[0].shape[-2]:
            return self._rooms
        size = -(-after // CHUNK) * CHUNK
        return _grown(self.keys, before, size), _grown(self.values, before, size)


def _grown(taken: Any, before: int, size: int) -> torch.Tensor:
    # Zeros and not whatever was in memory: a kernel may read past what is taken, and a NaN stays.
    room: torch.Tensor = taken.new_zeros((*taken.shape[:-2], size, taken.shape[-1]))
    room[..., :before, :] = taken
    return room


def with_room(state: Any) -> Any:
    """A model's kept state with roomy layers in the place of the library's plain growing ones; of
    other kinds (windows, recurrent states, none) it stays what it is."""
    if isinstance(state, Cache):
        state.layers[:] = [
            RoomyLayer(layer) if type(layer) is DynamicLayer and layer.is_initialized else layer
            for layer in state.layers
        ]
    return state


def state_bytes(model: Any) -> int:
    """What keys and values of one token of one row take in a model: by its config, as if no layer
    shared or cut them; 0 where its state has another form (recurrent models)."""
    config = model.config.get_text_config()
    heads = int(getattr(config, "num_attention_heads", None) or 0)
    if not heads:
        return 0
    kept = getattr(config, "num_key_value_heads", None) or heads
    width = getattr(config, "head_dim", None) or int(config.hidden_size) // heads
    number = int(next(model.parameters()).element_size())
    return int(config.num_hidden_layers) * int(kept) * int(width) * 2 * number
