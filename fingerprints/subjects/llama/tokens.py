"""A GGUF file's tokenizer and chat template, with what the rest asks of a tokenizer: ids of a text,
the text of ids, special tokens, and a rendered conversation.

Tokens are llama.cpp's own, templates are rendered by transformers' sandbox, as for every other
model, so that the text that is read is the same whichever backend answers. Knows texts and ids;
knows nothing of tensors.
"""

from __future__ import annotations

import ctypes as c
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fingerprints.errors import MalformedInput, missing_library
from fingerprints.records import canonical_json, sha256
from fingerprints.subjects.gguf_header import GgufHeader

CONTROL, USER_DEFINED = 3, 4
"""Token types of GGUF that stand for no text, and that are kept whole."""
OPTIONAL = ("bos", "eos", "unknown", "padding", "separator")
"""Special tokens by the names that GGUF gives them, and transformers' below."""
NAMES = ("bos_token", "eos_token", "unk_token", "pad_token", "sep_token")


@dataclass(frozen=True)
class SpecialToken:
    """A token that stands whole in a text; ``special`` where it is no text of its own."""

    text: str
    special: bool

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class TokenIds:
    """The ids of a text."""

    input_ids: list[int]


class GgufTokenizer:
    """The tokenizer of a GGUF file: llama.cpp's for ids, the file's metadata for names."""

    def __init__(self, loaded: Any, vocabulary: int, header: GgufHeader) -> None:
        self._library, self._vocabulary, self._told = loaded, vocabulary, header.metadata
        template = self._told.get("tokenizer.chat_template")
        self.chat_template = template if isinstance(template, str) and template else None
        self.bos_token_id = _id(loaded.llama_vocab_bos(vocabulary))
        self.eos_token_id = _id(loaded.llama_vocab_eos(vocabulary))

    def __call__(self, text: str, add_special_tokens: bool = True) -> TokenIds:
        """The ids of a text; special tokens that stand in it are read as such."""
        data = text.encode("utf-8", "replace")
        room = len(data) + 8
        for _ in range(2):
            out = (c.c_int32 * room)()
            count = self._library.llama_tokenize(
                self._vocabulary, data, len(data), out, room, add_special_tokens, True
            )
            if count >= 0:
                return TokenIds(list(out[:count]))
            room = -count
        raise MalformedInput(
            "llama.cpp can't tokenize a text", next_step="try the transformers backend"
        )

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = True) -> str:
        """The text of ids; half of a character becomes U+FFFD."""
        given = (c.c_int32 * len(ids))(*ids)
        room = 16 * len(ids) + 64
        for _ in range(2):
            out = c.create_string_buffer(room)
            count = self._library.llama_detokenize(
                self._vocabulary, given, len(ids), out, room, False, not skip_special_tokens
            )
            if count >= 0:
                return out.raw[:count].decode("utf-8", "replace")
            room = -count
        raise MalformedInput("llama.cpp can't write its own tokens as text")

    def apply_chat_template(
        self,
        conversation: Sequence[Mapping[str, str]],
        tokenize: bool = False,
        add_generation_prompt: bool = True,
    ) -> str:
        """What the file's template makes of messages. Raises what the template raises."""
        rendered, _ = renderer()(
            conversations=[list(conversation)],
            chat_template=self.chat_template,
            add_generation_prompt=add_generation_prompt,
            **self.special_tokens_map,
        )
        return str(rendered[0])

    @cached_property
    def special_tokens_map(self) -> dict[str, str]:
        """The special tokens that the file names, by the names that templates know."""
        listed = self._told.get("tokenizer.ggml.tokens", ())
        tokens = listed if isinstance(listed, tuple) else ()
        out = {}
        for ours, theirs in zip(NAMES, OPTIONAL, strict=True):
            number = self._told.get(f"tokenizer.ggml.{theirs}_token_id")
            if isinstance(number, int) and 0 <= number < len(tokens):
                out[ours] = str(tokens[number])
        return out

    @cached_property
    def added_tokens_decoder(self) -> dict[int, SpecialToken]:
        """Tokens that stand whole in a text, by id."""
        tokens, kinds = (
            self._told.get(f"tokenizer.ggml.{n}", ()) for n in ("tokens", "token_type")
        )
        if not isinstance(tokens, tuple) or not isinstance(kinds, tuple):
            return {}
        return {
            i: SpecialToken(str(token), kind == CONTROL)
            for i, (token, kind) in enumerate(zip(tokens, kinds, strict=False))
            if kind in (CONTROL, USER_DEFINED)
        }

    def ends(self) -> frozenset[int]:
        """The ids after which llama.cpp takes an answer to be over."""
        over = self._library.llama_vocab_is_eog
        near = {*self.added_tokens_decoder, self.eos_token_id, self.bos_token_id}
        return frozenset(i for i in near if i is not None and over(self._vocabulary, i))


def renderer() -> Any:
    """The library's function that renders chat templates in a sandbox. Raises UsageProblem where
    it isn't installed."""
    try:
        from transformers.utils.chat_template_utils import render_jinja_template
    except ModuleNotFoundError as error:
        missing = missing_library(error)
        raise error if missing is None else missing from error
    return render_jinja_template


def _id(number: int) -> int | None:
    return int(number) if number >= 0 else None


def vocabulary_sha256(header: GgufHeader) -> str:
    """Digest over all that a GGUF file says of its tokenizer, its template apart."""
    told = {
        name: value
        for name, value in sorted(header.metadata.items())
        if name.startswith("tokenizer.") and name != "tokenizer.chat_template"
    }
    return sha256(canonical_json(told))
