"""A transformers checkpoint as a subject: a folder or a hub model, with or without an adapter.

Opens only what `fingerprints.subjects.safety` let pass. Never runs code of a checkpoint.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer

from fingerprints.choices import Choices
from fingerprints.errors import (
    MalformedInput,
    ResourceLimit,
    missing_extra,
    printable,
)
from fingerprints.records import Identity, Likelihoods, Reply, Request
from fingerprints.scores import Passage
from fingerprints.subjects.base import Offer, Subject
from fingerprints.subjects.child import UNLIMITED
from fingerprints.subjects.choosing import choices
from fingerprints.subjects.digests import (
    adapter_sha256,
    config_sha256,
    files_sha256,
    template_sha256,
    tokenizer_sha256,
    weight_files,
)
from fingerprints.subjects.forcing import answer_forced
from fingerprints.subjects.generation import Speaker, answer, limits_of, out_of_memory, settings
from fingerprints.subjects.kinds import SubjectSpec
from fingerprints.subjects.library import quiet
from fingerprints.subjects.likelihood import likelihoods, passage_likelihoods
from fingerprints.subjects.placement import Placement, check_fits, place
from fingerprints.subjects.preflight import LOADING_ERRORS, no_tokenizer, preflight, said_by
from fingerprints.subjects.safety import Inspected, inspect_adapter, inspect_checkpoint
from fingerprints.subjects.snapshot import locate
from fingerprints.subjects.template import open_chat, template_option
from fingerprints.subjects.thinking import Forcing, forcing_option
from fingerprints.subjects.watermark import marked

LOCAL = {"local_files_only": True, "trust_remote_code": False}


class Checkpoint(Subject):
    """A causal language model in this process: it answers, scores, and shows its weights."""

    offers: frozenset[Offer] = frozenset({"generate", "score", "weights"})

    def __init__(
        self,
        spec: str,
        identity: Identity,
        speaker: Speaker,
        folder: Path,
        forcing: Forcing | None = None,
    ) -> None:
        self.spec = spec
        self.identity = identity
        self.folder = folder
        self.forcing = forcing
        self._speaker: Speaker | None = speaker

    @property
    def speaker(self) -> Speaker:
        """The loaded model with its tokenizer. Raises MalformedInput after `close`."""
        if self._speaker is None:
            said = "the subject is closed"
            raise MalformedInput(said, where=self.spec, next_step="open it again")
        return self._speaker

    def generate(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Answers in batches, sorted so that little is padded; see
        `fingerprints.subjects.generation.answer`.

        With the options thinking and waits: as `fingerprints.subjects.forcing.answer_forced` tells.
        """
        if self.forcing is not None:
            return answer_forced(self.speaker, self.forcing, requests)
        return answer(self.speaker, requests)

    def score(
        self, texts: Sequence[str], contexts: Sequence[str] | None = None
    ) -> list[Likelihoods]:
        """Bits per text and token; see `fingerprints.subjects.likelihood.likelihoods`."""
        return likelihoods(self.speaker, texts, contexts)

    def score_passages(self, passages: Sequence[Passage]) -> list[Likelihoods | str]:
        """Bits of passages; see `fingerprints.subjects.likelihood.passage_likelihoods`."""
        return passage_likelihoods(self.speaker, passages)

    def choices(
        self, passages: Sequence[Passage], against: Subject | None = None
    ) -> Iterator[Choices | str]:
        """See `fingerprints.subjects.choosing.choices`."""
        if against is not None and not isinstance(against, Checkpoint):
            raise against._no_choices()
        return choices(self.speaker, passages, None if against is None else against.speaker)

    def close(self) -> None:
        """Lets go of the model; its memory is free once nothing else refers to it."""
        self._speaker = None
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def open_checkpoint(spec: SubjectSpec) -> Checkpoint:
    """Opens ``hf:./folder`` or ``hf:org/name`` with its options (revision, dtype, device, batch,
    adapter, template, thinking, waits).

    Raises MalformedInput for a folder that is no whole checkpoint, UnsafeInput for one that asks to
    run code, carries only pickles or reaches outside itself, ResourceLimit for one that does not
    fit, Incomplete when the hub can't be reached, UsageProblem for options that this machine does
    not have.
    """
    folder, hub = locate(spec)
    who = Identity(kind="checkpoint", name=Path(spec.target).name, revision=hub)
    return load_folder(spec, folder, who, from_hub=hub is not None)


def load_folder(
    spec: SubjectSpec, folder: Path, identity: Identity, from_hub: bool = False
) -> Checkpoint:
    """Inspects, preflights and loads a checkpoint folder; ``identity`` holds what the caller knows,
    and wins.

    Raises what `open_checkpoint` raises.
    """
    placement, forcing = place(spec.options), forcing_option(spec.options)
    found = inspect_checkpoint(folder, from_hub=from_hub)
    check_fits(found.parameters * placement.dtype.itemsize, placement.device, folder)
    adapter = Path(spec.options["adapter"]).expanduser() if "adapter" in spec.options else None
    adapted = inspect_adapter(adapter) if adapter else ()
    template = template_option(spec.options)
    anomalies = preflight(folder, template)
    with quiet():
        tokenizer = _load_tokenizer(folder)
        model = _load_model(folder, placement, adapter)
    speaker = _speaker(model, tokenizer, placement, template)
    told = (*identity.notes, *found.notes, *adapted, *UNLIMITED, *speaker.chat.notes, *anomalies)
    notes = (*told, forcing.note) if forcing else told
    known = identity.model_copy(update={"notes": notes})
    who = _identity(known, folder, adapter, found, speaker, placement)
    if "watermark" in spec.options:
        speaker, who = marked(speaker, who, Path(spec.options["watermark"]).expanduser())
    if forcing is not None:
        # Not only a remark: answers under forcing are another signature, and are filed apart.
        who = who.model_copy(update={"backend": f"{who.backend} + budget forcing ({forcing})"})
    return Checkpoint(str(spec), who, speaker, folder, forcing)


def _load_model(folder: Path, placement: Placement, adapter: Path | None) -> Any:
    # An adapter is merged in float32, so that only the sum is rounded.
    dtype = torch.float32 if adapter else placement.dtype
    how = {"dtype": dtype, "use_safetensors": True, "output_loading_info": True}
    loaded: Any
    try:
        loaded = AutoModelForCausalLM.from_pretrained(str(folder), **how, **LOCAL)
    except LOADING_ERRORS as error:
        raise _no_model(error, folder) from error
    model, info = loaded
    missing = sorted(info["missing_keys"])
    if missing:
        raise MalformedInput(
            f"the weights lack {len(missing)} tensors that the config asks for, such as"
            f" {printable(missing[0], 80)!r}",
            where=folder,
            next_step="copy the whole checkpoint; a model with invented weights can't be audited",
        )
    model = _with_adapter(model, adapter) if adapter else model
    return model.to(device=placement.device, dtype=placement.dtype).eval()


def _no_model(error: Exception, folder: Path) -> MalformedInput | ResourceLimit:
    if isinstance(error, RuntimeError) and out_of_memory(error):
        said, step = (
            "memory ran out while loading the weights",
            "use dtype=bfloat16 or another device",
        )
        return ResourceLimit(said, where=folder, next_step=step)
    return MalformedInput(
        f"transformers can't load it: {said_by(error)}",
        where=folder,
        next_step="check that config.json and the weights belong together",
    )


def _load_tokenizer(folder: Path) -> Any:
    try:
        return AutoTokenizer.from_pretrained(str(folder), **LOCAL)
    except LOADING_ERRORS as error:
        raise no_tokenizer(error, folder) from error


def _speaker(model: Any, tokenizer: Any, placement: Placement, template: str | None) -> Speaker:
    chat = open_chat(tokenizer, template)
    named = model.generation_config.eos_token_id
    named = [] if named is None else named if isinstance(named, list) else [named]
    stop = {int(i) for i in (*named, tokenizer.eos_token_id, *chat.stop) if i is not None}
    pad = next((i for i in (tokenizer.pad_token_id, *sorted(stop)) if i is not None), 0)
    # What its makers recommend for chatting (temperature, penalties) must not leak into what the
    # plan asks for.
    model.generation_config = settings(pad_token_id=int(pad))
    return Speaker(
        model, tokenizer, chat, tuple(sorted(stop)), int(pad), placement.batch, limits_of(model)
    )


def _identity(
    known: Identity,
    folder: Path,
    adapter: Path | None,
    found: Inspected,
    speaker: Speaker,
    placement: Placement,
) -> Identity:
    return Identity(
        kind=known.kind,
        name=f"{known.name} + {adapter.resolve().name}" if adapter else known.name,
        weights_sha256=known.weights_sha256 or files_sha256(weight_files(folder)),
        config_sha256=config_sha256(folder),
        tokenizer_sha256=tokenizer_sha256(folder),
        template_sha256=template_sha256(speaker.tokenizer.chat_template),
        template=speaker.chat.kind,
        backend=f"transformers {transformers.__version__}",
        dtype=placement.dtype_name,
        quantisation=known.quantisation,
        device=placement.device.type,
        architecture=found.architecture,
        parameters=sum(p.numel() for p in speaker.model.parameters()),
        revision=known.revision,
        adapter_sha256=adapter_sha256(adapter) if adapter else None,
        notes=known.notes,
    )


def _with_adapter(model: Any, folder: Path) -> Any:
    """The base model with the adapter of a folder merged in, which is as fast as the base.

    The folder must have passed `fingerprints.subjects.safety.inspect_adapter`. Raises UsageProblem
    without peft and MalformedInput for an adapter that does not belong to this base.
    """
    if importlib.util.find_spec("peft") is None:
        raise missing_extra("peft", "train", "opening an adapter")
    with quiet():
        from peft import PeftModel

    try:
        adapted = PeftModel.from_pretrained(model, str(folder), use_safetensors=True)
        return adapted.merge_and_unload().eval()
    except (ValueError, KeyError, RuntimeError, TypeError, OSError) as error:
        raise MalformedInput(
            f"the adapter does not fit this base: {said_by(error)}",
            where=folder,
            next_step="name the base that it was trained on: hf:BASE,adapter=DIR",
        ) from error
