"""Facts about a zoo's members, from the models themselves: how well each reads held-out text, and
how far it is from its base.

They check that the zoo is what its table says: disguises keep the logits, fine-tunes moved, random
weights read nothing. Knows models; judges no lineage.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM

from auditor.controls.training.batches import encode, make_batch
from auditor.controls.training.losses import IGNORED
from auditor.controls.training.students import byte_tokenizer
from auditor.labs.zoo.zoo import Zoo, ZooMember
from auditor.labs.zoo.zoo_texts import held_out
from detectors.stats.intervals import clustered_mean
from fingerprints.errors import MalformedInput
from fingerprints.progress import SILENT, Progress
from fingerprints.record_files import RecordFile, write_json
from fingerprints.records import Record
from fingerprints.subjects import open_subject
from fingerprints.subjects.checkpoint import Checkpoint
from fingerprints.subjects.library import quiet
from fingerprints.subjects.safety import inspect_checkpoint
from fingerprints.subjects.template import open_chat

FACTS = "facts.json"
PIECES = 64
"""Pieces of text that nothing was trained on."""


class Fact(Record):
    """What was measured on one member.

    ``bits_per_byte``: mean over ``n`` pieces of text that nothing was trained on, with a 95 %
    interval over pieces. ``logits_off``: largest difference of a logit from the base's, on the
    tokens that both have. ``moved``: root mean square difference of the matrices from the base's,
    as a share of the base's own root mean square; None where shapes differ.
    """

    name: str
    bits_per_byte: float
    low: float
    high: float
    n: int
    logits_off: float
    moved: float | None
    parameters: int

    def line(self) -> str:
        """The fact in one line."""
        moved = "–" if self.moved is None else f"{self.moved:.3f}"
        bits = f"{self.bits_per_byte:.2f} bits a byte [{self.low:.2f}, {self.high:.2f}]"
        return f"{bits}, logits off {self.logits_off:.1e}, moved {moved}"


def measure_zoo(zoo: Zoo, progress: Progress = SILENT) -> list[Fact]:
    """Measures every member on the CPU in float32, and writes ``facts.json`` in table order.

    Deterministic on one machine. A GGUF member is converted into the cache first. Raises the errors
    of `open_subject`.
    """
    ids, labels, sizes = _held_out()
    bases = {m.name: _read(zoo, m, ids) for m in zoo.of("base") + zoo.of("base", "untied-base")}
    facts = []
    for done, member in enumerate(zoo.members):
        progress(done, len(zoo.members))
        facts.append(_fact(member, _read(zoo, member, ids), bases[member.base], labels, sizes))
    write_json(zoo.folder / FACTS, [fact.model_dump(mode="json") for fact in facts])
    progress(len(zoo.members), len(zoo.members))
    return facts


def read_facts(folder: Path) -> list[Fact]:
    """The facts in a zoo's folder. Raises MalformedInput where they are missing or none."""
    return list(_FILE.read(folder / FACTS))


_FILE: RecordFile[tuple[Fact, ...]] = RecordFile(
    tuple[Fact, ...], "no facts", "run `auditor control zoo` with --facts"
)


class _Read:
    """A member's logits of the held-out text, and its matrices by name."""

    def __init__(self, logits: Tensor, weights: dict[str, Tensor], parameters: int) -> None:
        self.logits, self.weights, self.parameters = logits, weights, parameters


def _held_out() -> tuple[Tensor, Tensor, list[int]]:
    """Token rows, labels (`IGNORED` where nothing is asked) and the bytes of each piece; the end
    of a row counts for none."""
    pieces = held_out(PIECES)
    chat = open_chat(byte_tokenizer(), None)
    encoded = [encode(piece, chat, traces=False) for piece in pieces]
    batch = make_batch(encoded, tuple((i,) for i in range(len(encoded))), 0, torch.device("cpu"))
    ends = batch.labels == chat.tokenizer.eos_token_id
    return (
        batch.ids,
        batch.labels.masked_fill(ends, IGNORED),
        [len(piece.answer.encode("utf-8")) for piece in pieces],
    )


def _read(zoo: Zoo, member: ZooMember, ids: Tensor) -> _Read:
    model = _opened(zoo, member)
    with torch.inference_mode():
        logits = model(input_ids=ids, use_cache=False).logits.float()
    parameters = {name: tensor.detach() for name, tensor in model.named_parameters()}
    matrices = {name: tensor for name, tensor in parameters.items() if tensor.ndim == 2}
    return _Read(logits, matrices, sum(tensor.numel() for tensor in parameters.values()))


def _opened(zoo: Zoo, member: ZooMember) -> Any:
    """The member's model in float32: a folder is inspected as any suspect's, but its tokenizer
    is ours and not tried out."""
    path = zoo.path(member)
    if path.is_dir():
        inspect_checkpoint(path)
        with quiet():
            model: Any = AutoModelForCausalLM.from_pretrained(
                str(path),
                dtype=torch.float32,
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
            )
        return model.eval()
    with open_subject(f"{zoo.spec(member)},dtype=float32,device=cpu") as subject:
        if not isinstance(subject, Checkpoint):
            raise MalformedInput(
                "a member has no weights", where=path, next_step="build the zoo again"
            )
        return subject.speaker.model


def _fact(member: ZooMember, read: _Read, base: _Read, labels: Tensor, sizes: list[int]) -> Fact:
    losses = cross_entropy(
        read.logits.transpose(1, 2), labels, ignore_index=IGNORED, reduction="none"
    ).sum(dim=1)
    bits = [float(loss) / math.log(2) / size for loss, size in zip(losses, sizes, strict=True)]
    told = clustered_mean(bits, list(range(len(bits))))
    low, high = told.interval
    shared = min(read.logits.shape[-1], base.logits.shape[-1])
    return Fact(
        name=member.name,
        bits_per_byte=round(told.value, 4),
        low=round(low, 4),
        high=round(high, 4),
        n=told.clusters,
        logits_off=float((read.logits[..., :shared] - base.logits[..., :shared]).abs().max()),
        moved=_moved(read.weights, base.weights),
        parameters=read.parameters,
    )


def _moved(weights: dict[str, Tensor], base: dict[str, Tensor]) -> float | None:
    ours, theirs = ({name: t.shape for name, t in held.items()} for held in (weights, base))
    if ours != theirs:
        return None
    off = sum(float((weights[name] - t).double().square().sum()) for name, t in base.items())
    whole = sum(float(t.double().square().sum()) for t in base.values())
    return round(math.sqrt(off / whole), 4)
