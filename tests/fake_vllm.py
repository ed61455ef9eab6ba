"""A stand-in for the package vllm: the part of its interface that is used, as strict as version 0.33
is, over a real tiny model that transformers runs.

Unknown arguments are refused as there, prompts are token ids as there, and what is computed is
computed: greedy tokens and the log-probabilities of prompt tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

__version__ = "0.33.0"
DTYPES = {"auto", "half", "float16", "bfloat16", "float", "float32"}


@dataclass(kw_only=True)
class SamplingParams:
    n: int = 1
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    stop: str | list[str] | None = None
    stop_token_ids: list[int] | None = None
    max_tokens: int | None = 16
    prompt_logprobs: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= 2:
            raise ValueError(f"temperature must be in [0, 2], got {self.temperature}.")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be in (0, 1], got {self.top_p}.")
        if self.max_tokens is not None and self.max_tokens < 1:
            raise ValueError(f"max_tokens must be at least 1, got {self.max_tokens}.")


@dataclass
class Logprob:
    logprob: float
    rank: int | None = None
    decoded_token: str | None = None


@dataclass
class CompletionOutput:
    index: int
    text: str
    token_ids: list[int]
    finish_reason: str | None
    stop_reason: int | str | None = None


@dataclass
class RequestOutput:
    request_id: str
    prompt: str | None
    prompt_token_ids: list[int]
    prompt_logprobs: list[dict[int, Logprob] | None] | None
    outputs: list[CompletionOutput]
    finished: bool = True


MADE: list[dict[str, Any]] = []
"""With what every engine was made, the newest last."""


@dataclass
class Portion:
    """What one call of generate was handed."""

    prompts: list[list[int]] = field(default_factory=list)
    params: list[SamplingParams] = field(default_factory=list)


class LLM:
    """vLLM's LLM: the first argument is the model, all others are named."""

    def __init__(
        self,
        model: str,
        *,
        trust_remote_code: bool = False,
        tensor_parallel_size: int = 1,
        dtype: str = "auto",
        seed: int = 0,
        gpu_memory_utilization: float = 0.92,
        max_model_len: int | None = None,
        load_format: str = "auto",
        generation_config: str = "auto",
    ) -> None:
        if dtype not in DTYPES:
            raise ValueError(f"Unknown dtype: {dtype}")
        if gpu_memory_utilization < 0.1:
            raise ValueError("No available memory for the cache blocks.")
        MADE.append({**locals()} | {"self": None})
        self.portions: list[Portion] = []
        self._most = max_model_len
        self._tokenizer = AutoTokenizer.from_pretrained(model)  # type: ignore[no-untyped-call]
        self._model = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).eval()

    def generate(
        self,
        prompts: list[dict[str, list[int]]],
        sampling_params: SamplingParams | list[SamplingParams] | None = None,
        *,
        use_tqdm: bool = True,
    ) -> list[RequestOutput]:
        params = sampling_params if isinstance(sampling_params, list) else None
        assert params is not None, "one for all is not how we call it"
        if len(params) != len(prompts):
            raise ValueError("The lengths of prompts and params must be the same.")
        portion = Portion()
        self.portions.append(portion)
        out = []
        for number, (prompt, param) in enumerate(zip(prompts, params, strict=True)):
            (name,) = prompt
            assert name == "prompt_token_ids"
            ids = prompt[name]
            if self._most is not None and len(ids) >= self._most + 1:
                raise ValueError(f"The decoder prompt (length {len(ids)}) is longer than the model")
            portion.prompts.append(ids)
            portion.params.append(param)
            out.append(self._one(str(number), ids, param))
        return out

    def _one(self, number: str, ids: list[int], param: SamplingParams) -> RequestOutput:
        told = None if param.prompt_logprobs is None else self._prompt_logprobs(ids)
        ends = {*(param.stop_token_ids or ()), self._tokenizer.eos_token_id}
        tokens, why = list[int](), "length"
        drawn = torch.Generator().manual_seed(param.seed or 0)
        for _ in range(param.max_tokens or 16):
            with torch.no_grad():
                scores = self._model(torch.tensor([[*ids, *tokens]])).logits[0, -1].float()
            if param.temperature == 0:
                token = int(scores.argmax())
            else:
                chances = torch.softmax(scores / param.temperature, -1)
                token = int(torch.multinomial(chances, 1, generator=drawn))
            tokens.append(token)
            if token in ends:
                why = "stop"
                break
        said = tokens[:-1] if why == "stop" else tokens
        text = self._tokenizer.decode(said, skip_special_tokens=True)
        for stop in param.stop or ():
            if stop in text:
                text, why = text.partition(stop)[0], "stop"
        output = CompletionOutput(0, text, tokens, why)
        return RequestOutput(number, None, ids, told, [output])

    def _prompt_logprobs(self, ids: list[int]) -> list[dict[int, Logprob] | None]:
        with torch.no_grad():
            scores = torch.log_softmax(self._model(torch.tensor([ids])).logits[0].float(), -1)
        told = (Logprob(float(scores[i - 1, ids[i]])) for i in range(1, len(ids)))
        return [None, *({ids[i]: one} for i, one in enumerate(told, 1))]
