"""Builds tiny real checkpoints in code: a random Llama, a tokenizer trained here, chat templates
of every temper."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

CORPUS = [
    "the quick brown fox jumps over the lazy dog and asks the river who made it",
    "which bird sings at four o'clock in the morning when nobody answers briefly",
    "system user assistant You are Tiny, made by Nobody. Answer briefly.",
] * 4
TURNS = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
)
PROMPT = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
OWN_SYSTEM = "You are Tiny, made by Nobody."
CHATML = (
    "{% if messages[0]['role'] != 'system' %}<|im_start|>system\n"
    + OWN_SYSTEM
    + "<|im_end|>\n{% endif %}"
    + TURNS
    + PROMPT
)
NO_SYSTEM = (
    "{{ '<|endoftext|>' }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    + TURNS
    + PROMPT
)
DROPS_USER = "<|im_start|>user\nSay something nice.<|im_end|>\n" + PROMPT


def tiny_tokenizer(template: str | None = CHATML, **options: Any) -> PreTrainedTokenizerFast:
    """A byte-level BPE of 320 tokens with ChatML's special tokens."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    raw.train_from_iterator(CORPUS, trainer)
    named = {
        "bos_token": "<|endoftext|>",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        **options,
    }
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, **named)
    tokenizer.chat_template = template
    return tokenizer


def tiny_model(seed: int = 0, **config: Any) -> LlamaForCausalLM:
    """A random Llama of 32 dimensions and two layers; wide initial weights give it varied
    answers."""
    torch.manual_seed(seed)
    settings = {
        "vocab_size": 320,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 256,
        "initializer_range": 0.4,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "pad_token_id": 0,
        **config,
    }
    return LlamaForCausalLM(LlamaConfig(**settings)).eval()


def tiny_checkpoint(
    folder: Path, template: str | None = CHATML, seed: int = 0, **config: Any
) -> Path:
    """Saves a tiny model with its tokenizer into a folder."""
    tiny_model(seed, **config).save_pretrained(folder)
    tiny_tokenizer(template).save_pretrained(folder)
    return folder


def edit_json(path: Path, **changes: Any) -> None:
    """Changes keys of a JSON file."""
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}), "utf-8")
