"""Opens the model that will learn, and saves what it became: a checkpoint or an adapter.

A base passes the same safety checks as any suspect. Knows weights and tokenizers; knows nothing of
examples.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from auditor.controls.recipe import Lora, Student, Training
from auditor.controls.training.checkpoint import seeded, tensors_sha256, whole_folder
from fingerprints.errors import MalformedInput, UsageProblem, missing_extra, printable
from fingerprints.records import Identity
from fingerprints.subjects.checkpoint import Checkpoint
from fingerprints.subjects.digests import template_sha256
from fingerprints.subjects.generation import limits_of
from fingerprints.subjects.kinds import SubjectSpec
from fingerprints.subjects.library import quiet
from fingerprints.subjects.placement import place
from fingerprints.subjects.spec import open_subject, parse_spec
from fingerprints.subjects.template import Chat, open_chat

SCRATCH = re.compile(r"scratch:llama-h([1-9]\d{1,3})-l([1-9]\d?)(?:-c([1-9]\d{1,4}))?(-untied)?")
SCRATCH_CONTEXT = 1024
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CONTROL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


@dataclass
class Learner:
    """A model that can be trained, with how it is spoken to and where it came from.

    ``half``: the format that autocast computes in, None for float32. ``trims``: whether the model
    can be asked for the scores of some positions alone. ``generation``: the base's own generation
    settings, kept for saving.
    """

    base: str
    identity: Identity
    model: Any
    chat: Chat
    device: torch.device
    half: torch.dtype | None
    lora: bool
    pad: int
    context: int | None
    trims: bool
    generation: dict[str, Any] | None

    @property
    def tokenizer(self) -> Any:
        """What turns its text into tokens."""
        return self.chat.tokenizer

    @property
    def precision(self) -> Literal["float32", "bfloat16"]:
        """The format that its sums are computed in."""
        return "float32" if self.half is None else "bfloat16"

    @property
    def vocabulary(self) -> int:
        """How many tokens its output layer scores."""
        return int(self.model.config.get_text_config().vocab_size)

    def spec(self, folder: Path) -> str:
        """The subject spec that opens the student again from the folder it was saved to."""
        if not self.lora:
            return str(SubjectSpec("hf", str(folder)))
        return str(parse_spec(self.base).having({"adapter": str(folder)}))


def open_student(student: Student, training: Training, seed: int) -> Learner:
    """The student of a recipe: a checkpoint, a GGUF file dequantised, or random weights.

    Weights that learn are float32; with precision bfloat16 the sums are computed in bfloat16 and an
    adapter's frozen base is kept in it. New weights (scratch, adapter) depend on the seed alone.
    Raises UsageProblem for a base that can't be trained, and what
    `fingerprints.subjects.open_subject` raises.
    """
    new = student.base.startswith("scratch:")
    learner = _scratch(student, training, seed) if new else _from_subject(student, training)
    if student.lora is not None:
        learner.model = _with_lora(learner.model, student.lora, seed)
    # In bfloat16, of 8 significant bits, an update below 1/256 of a weight would be lost.
    for parameter in learner.model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return learner


def save_student(learner: Learner, folder: Path) -> None:
    """Writes the student, or its adapter, with its tokenizer, in full or not at all.

    Trained weights are written as they are, in float32. Raises ResourceLimit on a full disk; an
    older folder of that name then stands.
    """
    with whole_folder(folder) as fresh, quiet():
        if learner.lora:
            _save_adapter(learner, fresh)
        else:
            learner.model.save_pretrained(str(fresh))
            if learner.generation is not None:
                told = json.dumps(learner.generation, indent=1)
                (fresh / "generation_config.json").write_text(told, "utf-8")
        template = learner.tokenizer.chat_template
        try:
            # Trained on the plain form, it must be asked in the plain form.
            learner.tokenizer.chat_template = template if learner.chat.kind == "model" else None
            with _DiskErrors():
                learner.tokenizer.save_pretrained(str(fresh))
        finally:
            learner.tokenizer.chat_template = template


class _DiskErrors:
    """Makes an OSError again of the bare exception that tokenizers raise on a full disk."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        number = re.search(r"\(os error (\d+)\)$", str(error)) if kind is Exception else None
        if number is not None:
            raise OSError(int(number[1]), os.strerror(int(number[1]))) from error


def _save_adapter(learner: Learner, folder: Path) -> None:
    target = parse_spec(learner.base).target
    name = Path(target).name if Path(target).expanduser().exists() else target
    config = learner.model.peft_config["default"]
    config.base_model_name_or_path = name
    learner.model.save_pretrained(str(folder), safe_serialization=True, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)  # a form of the library's, to be filled in


def _from_subject(student: Student, training: Training) -> Learner:
    spec = _trainable(student)
    half = _half(training, spec.options)
    stored = "bfloat16" if half is not None and student.lora is not None else "float32"
    subject = open_subject(spec.having({"dtype": stored}))
    if not isinstance(subject, Checkpoint):
        raise _untrainable(student.base)
    speaker, folder = subject.speaker, subject.folder
    own = folder / "generation_config.json"
    return Learner(
        base=student.base,
        identity=subject.identity,
        model=speaker.model,
        chat=speaker.chat,
        device=speaker.model.device,
        half=half,
        lora=student.lora is not None,
        pad=speaker.pad,
        context=speaker.limits.context,
        trims=trims_logits(speaker.model),
        generation=json.loads(own.read_text("utf-8")) if own.is_file() else None,
    )


def _trainable(student: Student) -> SubjectSpec:
    spec = parse_spec(student.base)
    if spec.kind.weights is None:
        raise _untrainable(student.base)
    if "dtype" in spec.options:
        raise UsageProblem(
            "a student's number format is set by the training",
            where="dtype",
            next_step="write training.precision instead",
        )
    if {"thinking", "waits", "watermark"} & set(spec.options):
        raise UsageProblem(
            "a student is trained without budget forcing, and without a watermark",
            where=printable(student.base, 120),
            next_step=(
                "leave thinking, waits and watermark out of the base, and write the recipe's"
                " section `inference`"
            ),
        )
    if "adapter" in spec.options and student.lora is not None:
        raise UsageProblem(
            "a base with an adapter can't take a second one",
            where=printable(student.base, 120),
            next_step="train it in full, or merge the adapter first",
        )
    return spec


def _untrainable(base: str) -> UsageProblem:
    return UsageProblem(
        "not a model whose weights can be trained",
        where=printable(base, 120),
        next_step="give hf:…, gguf:… or scratch:llama-h128-l4",
    )


def _half(training: Training, options: dict[str, str]) -> torch.dtype | None:
    chosen = place({**options, "dtype": training.precision}).dtype
    return None if chosen == torch.float32 else chosen


def trims_logits(model: Any) -> bool:
    """Whether a model can be asked for the scores of some positions alone."""
    return "logits_to_keep" in inspect.signature(model.forward).parameters


def _with_lora(model: Any, lora: Lora, seed: int) -> Any:
    if importlib.util.find_spec("peft") is None:
        raise missing_extra("peft", "train", "training an adapter")
    with quiet():
        from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]  # a whole number by annotation alone
        lora_dropout=lora.dropout,
        target_modules=lora.modules if isinstance(lora.modules, str) else list(lora.modules),
        task_type="CAUSAL_LM",
    )
    try:
        with seeded(seed, model.device), quiet():
            return get_peft_model(model, config)
    except ValueError as error:
        raise UsageProblem(
            f"the adapter does not fit: {printable(' '.join(str(error).split()), 160)}",
            where="student.lora.modules",
            next_step="use all-linear, or names of linear layers of this model",
        ) from error


def _scratch(student: Student, training: Training, seed: int) -> Learner:
    if student.lora is not None:
        raise UsageProblem(
            "random weights are trained in full, not with an adapter",
            where="student.lora",
            next_step="leave lora out",
        )
    placement = place({"dtype": training.precision})
    tokenizer = byte_tokenizer()
    model: Any = scratch_model(student.base, seed)
    model.to(placement.device)
    chat = open_chat(tokenizer, None)
    return Learner(
        base=student.base,
        identity=Identity(
            kind="checkpoint",
            name=student.base,
            weights_sha256=tensors_sha256(dict(model.named_parameters())),
            template_sha256=template_sha256(tokenizer.chat_template),
            template="model",
            backend=f"transformers {transformers.__version__}",
            dtype="float32",
            device=placement.device.type,
            architecture="LlamaForCausalLM",
            parameters=sum(p.numel() for p in model.parameters()),
            notes=(f"random weights under seed {seed}",),
        ),
        model=model,
        chat=chat,
        device=placement.device,
        half=None if placement.dtype == torch.float32 else placement.dtype,
        lora=False,
        pad=0,
        context=limits_of(model).context,
        trims=True,
        generation=None,
    )


def scratch_model(base: str, seed: int) -> LlamaForCausalLM:
    """A Llama of random weights, such as ``scratch:llama-h128-l4`` (width 128, 4 layers) or
    ``…-c2048`` (context).

    About 0.12 million parameters at h64-l2, 0.82 at h128-l4, 3.2 at h256-l4; with ``-untied`` at
    the end the output layer is a matrix of its own. Equal seeds give equal weights. Raises
    UsageProblem for a name that is none.
    """
    found = SCRATCH.fullmatch(base)
    width, layers, context = (
        (int(v or SCRATCH_CONTEXT) for v in found.groups()[:3]) if found else (0, 0, 0)
    )
    if not (
        32 <= width <= 2048 and width % 32 == 0 and 1 <= layers <= 48 and 32 <= context <= 1 << 15
    ):
        raise UsageProblem(
            f"no such scratch model: {printable(base, 60)!r}",
            where="student.base",
            next_step=(
                "write scratch:llama-hWIDTH-lLAYERS, the width a multiple of 32:"
                " scratch:llama-h128-l4"
            ),
        )
    config = LlamaConfig(
        vocab_size=256 + len(CONTROL_TOKENS),
        hidden_size=width,
        # 8/3 of the width: three matrices of a gated MLP then weigh as much as two of four times
        # the width (Shazeer 2020, arXiv 2002.05202).
        intermediate_size=-(-width * 8 // 3 // 8) * 8,
        num_hidden_layers=layers,
        num_attention_heads=max(2, width // 32),
        num_key_value_heads=max(2, width // 32),
        max_position_embeddings=context,
        tie_word_embeddings=found is None or found[4] is None,
        bos_token_id=0,
        eos_token_id=2,
        pad_token_id=0,
    )
    with seeded(seed, torch.device("cpu")), quiet():
        return LlamaForCausalLM(config)


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """One token a byte after three control tokens, and ChatML: it can write any text."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*CONTROL_TOKENS, *alphabet])}
    raw = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    start, turn, end = CONTROL_TOKENS
    named = {
        "bos_token": start,
        "eos_token": end,
        "pad_token": start,
        "additional_special_tokens": [turn],
    }
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, **named)  # type: ignore[no-untyped-call]  # transformers has no types for it
    tokenizer.chat_template = CHATML
    return tokenizer


def same_tokenizer(one: Any, other: Any, texts: list[str]) -> bool:
    """Whether two tokenizers have one vocabulary and cut these texts alike."""
    if one.get_vocab() != other.get_vocab():
        return False
    cut = [[t(text, add_special_tokens=False).input_ids for text in texts] for t in (one, other)]
    return bool(cut[0] == cut[1])


def check_context(learner: Learner, longest: int) -> None:
    """Raises MalformedInput when rows of ``longest`` tokens don't fit into the model's context."""
    if learner.context is not None and longest > learner.context:
        raise MalformedInput(
            f"rows of {longest} tokens, and the model reads {learner.context}",
            where="training.longest",
            next_step=f"set it to {learner.context} or less",
        )
