"""A transformers checkpoint run by vLLM in this process, for machines with a GPU.

The folder passes the same inspection as for `hf:`, the prompts are rendered and cut into tokens as
there, and vLLM is handed tokens only: what differs is who computes. Never runs code of a
checkpoint.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fingerprints.errors import (
    MalformedInput,
    ResourceLimit,
    UsageProblem,
    missing_extra,
    printable,
)
from fingerprints.records import Identity, Likelihoods, Reply, Request, Status
from fingerprints.scores import Passage
from fingerprints.subjects.base import Offer, Subject
from fingerprints.subjects.checkpoint import LOCAL
from fingerprints.subjects.child import UNLIMITED
from fingerprints.subjects.digests import (
    config_sha256,
    files_sha256,
    template_sha256,
    tokenizer_sha256,
    weight_files,
)
from fingerprints.subjects.generation import Speaker
from fingerprints.subjects.kinds import SubjectSpec
from fingerprints.subjects.preflight import LOADING_ERRORS, no_tokenizer, preflight, said_by
from fingerprints.subjects.prompting import Limits, PromptRow, first_row
from fingerprints.subjects.safety import inspect_checkpoint, read_config
from fingerprints.subjects.scored_lines import (
    ScoredLine,
    lines_of_passages,
    lines_of_texts,
    record_of,
    records_of,
)
from fingerprints.subjects.snapshot import locate
from fingerprints.subjects.spec import number_option
from fingerprints.subjects.template import open_chat, template_option

AT_ONCE = 256
"""Questions that vLLM is handed together: its own batches are smaller, and after each portion the
answers are on disk."""
LONGEST_CONTEXT = 32768
"""More is not planned for unless asked: keys and values of a whole context must fit."""
DTYPES = ("auto", "bfloat16", "float16", "float32")
BATCHED = "vLLM batches as it goes: greedy answers may differ a little from run to run"


@dataclass(frozen=True)
class Served:
    """vLLM's engine with the module that made it."""

    llm: Any
    module: Any

    def run(self, prompts: Sequence[Sequence[int]], params: Sequence[Any]) -> list[Any]:
        """What the engine makes of token ids, one output a prompt, in order."""
        given = [{"prompt_token_ids": list(ids)} for ids in prompts]
        outputs: list[Any] = self.llm.generate(given, list(params), use_tqdm=False)
        return outputs


class VllmModel(Subject):
    """A causal language model that vLLM runs here: it answers and scores."""

    offers: frozenset[Offer] = frozenset({"generate", "score", "weights"})

    def __init__(self, spec: str, identity: Identity, speaker: Speaker, served: Served) -> None:
        self.spec, self.identity = spec, identity
        self._speaker, self._served = speaker, served

    def generate(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Answers in portions of 256, each portion's replies together.

        A prompt that leaves no room in the context yields ``skipped_context``, a template that
        fails ``error``, as for `hf:`.
        """
        found = [first_row(self._speaker, request) for request in requests]
        yield from (row for row in found if isinstance(row, Reply))
        rows = [row for row in found if isinstance(row, PromptRow)]
        for start in range(0, len(rows), AT_ONCE):
            part = rows[start : start + AT_ONCE]
            outputs = self._served.run([row.ids for row in part], [*map(self._drawn, part)])
            for row, output in zip(part, outputs, strict=True):
                yield self._reply(row, output.outputs[0])

    def _drawn(self, row: PromptRow) -> Any:
        request, chat = row.request, self._speaker.chat
        bare = chat.kind == "plain" and request.probe.form != "completion"
        return self._served.module.SamplingParams(
            temperature=request.temperature,
            top_p=request.top_p,
            max_tokens=request.max_tokens,
            seed=request.seed if request.temperature > 0 else None,
            stop_token_ids=list(self._speaker.stop),
            stop=list(chat.cut) if bare else None,
        )

    def _reply(self, row: PromptRow, output: Any) -> Reply:
        text, whole = str(output.text), output.finish_reason == "stop"
        if self._speaker.chat.kind == "plain" and row.request.probe.form != "completion":
            text = text.strip()
        status = Status.OK if whole else Status.TRUNCATED
        return row.request.reply(
            status if text.strip() else Status.EMPTY,
            text,
            finish_reason="stop" if whole else "length",
            prompt=row.prompt,
            tokens_in=len(row.ids),
            tokens_out=len(output.token_ids),
        )

    def score(
        self, texts: Sequence[str], contexts: Sequence[str] | None = None
    ) -> list[Likelihoods]:
        """Bits per text and token; see `fingerprints.subjects.likelihood.likelihoods`."""
        bits = self._bits(lines_of_texts(self._speaker, texts, contexts))
        return [record_of(text, bits[i]) for i, text in enumerate(texts)]

    def score_passages(self, passages: Sequence[Passage]) -> list[Likelihoods | str]:
        """Bits of passages; see `fingerprints.subjects.likelihood.passage_likelihoods`."""
        found = lines_of_passages(self._speaker, passages)
        bits = self._bits([line for line in found if isinstance(line, ScoredLine)])
        return records_of([passage.text for passage in passages], found, bits)

    def _bits(self, items: Sequence[ScoredLine]) -> dict[int, list[float]]:
        """Bits of every scored token, as the engine tells them of a prompt's tokens."""
        bits: dict[int, list[float]] = {item.index: [] for item in items}
        todo = [item for item in items if not item.empty]
        params = self._served.module.SamplingParams(
            temperature=0.0, max_tokens=1, prompt_logprobs=0
        )
        for start in range(0, len(todo), AT_ONCE):
            part = todo[start : start + AT_ONCE]
            outputs = self._served.run([item.ids for item in part], [params] * len(part))
            for item, output in zip(part, outputs, strict=True):
                told = output.prompt_logprobs
                bits[item.index] = [
                    -told[i][item.ids[i]].logprob / math.log(2)
                    for i in range(item.scored_from, len(item.ids))
                ]
        return bits


def open_vllm(spec: SubjectSpec) -> VllmModel:
    """Opens ``vllm:./folder`` or ``vllm:org/name`` with its options: revision, dtype, template,
    gpus (over how many a model is spread), memory (the share of each that it may take), context
    (the longest).

    Raises UsageProblem without the package vllm or for an option that doesn't fit, ResourceLimit
    where the model does not fit, and what `fingerprints.subjects.checkpoint.open_checkpoint`
    raises.
    """
    if importlib.util.find_spec("vllm") is None:
        raise missing_extra("vllm", "vllm", "running a model by vLLM")
    options = _engine_options(spec.options)
    folder, hub = locate(spec)
    found = inspect_checkpoint(folder, from_hub=hub is not None)
    template = template_option(spec.options)
    anomalies = preflight(folder, template)
    context = _context(spec.options, read_config(folder / "config.json"))
    speaker = _speaker(folder, template, context)
    served = _served(folder, {**options, "max_model_len": context})
    notes = (*found.notes, *UNLIMITED, *speaker.chat.notes, *anomalies, BATCHED)
    identity = Identity(
        kind="checkpoint",
        name=Path(spec.target).name,
        weights_sha256=files_sha256(weight_files(folder)),
        config_sha256=config_sha256(folder),
        tokenizer_sha256=tokenizer_sha256(folder),
        template_sha256=template_sha256(speaker.tokenizer.chat_template),
        template=speaker.chat.kind,
        backend=f"vllm {served.module.__version__}",
        dtype=options["dtype"],
        device="cuda",
        architecture=found.architecture,
        parameters=found.parameters,
        revision=hub,
        notes=notes,
    )
    return VllmModel(str(spec), identity, speaker, served)


def _engine_options(options: Mapping[str, str]) -> dict[str, Any]:
    dtype = options.get("dtype", "auto")
    if dtype not in DTYPES:
        said = f"vLLM has no number format {printable(dtype, 30)!r}"
        raise UsageProblem(said, where="dtype=", next_step=f"use one of {', '.join(DTYPES)}")
    return {
        "dtype": dtype,
        "tensor_parallel_size": int(number_option(options, "gpus", 1, 1, 64, whole=True)),
        "gpu_memory_utilization": number_option(options, "memory", 0.9, 0.05, 0.99),
    }


def _context(options: Mapping[str, str], config: Mapping[str, Any]) -> int:
    text = config.get("text_config")
    told = (text if isinstance(text, dict) else config).get("max_position_embeddings")
    most = told if isinstance(told, int) and told > 0 else LONGEST_CONTEXT
    usual = min(most, LONGEST_CONTEXT)
    return int(number_option(options, "context", usual, 1, most, whole=True))


def _speaker(folder: Path, template: str | None, context: int) -> Speaker:
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), **LOCAL)
    except LOADING_ERRORS as error:
        raise no_tokenizer(error, folder) from error
    chat = open_chat(tokenizer, template)
    stop = {int(i) for i in (tokenizer.eos_token_id, *chat.stop) if i is not None}
    limits = Limits(context=context, window=None, divisible=True)
    return Speaker(None, tokenizer, chat, tuple(sorted(stop)), 0, AT_ONCE, limits)


def _served(folder: Path, options: Mapping[str, Any]) -> Served:
    module = importlib.import_module("vllm")
    try:
        llm = module.LLM(
            str(folder),
            trust_remote_code=False,
            load_format="safetensors",
            # What its makers recommend for chatting must not leak into what the plan asks for.
            generation_config="vllm",
            **options,
        )
    except LOADING_ERRORS as error:
        said = said_by(error)
        if "memory" in said.casefold():
            step = "use memory=0.95, context=4096, more gpus= or a smaller dtype="
            raise ResourceLimit(f"it does not fit: {said}", where=folder, next_step=step) from error
        raise MalformedInput(
            f"vLLM can't load it: {said}",
            where=folder,
            next_step="check that vLLM knows this architecture and finds a GPU, or use hf:",
        ) from error
    return Served(llm, module)
