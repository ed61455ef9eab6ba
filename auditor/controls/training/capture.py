"""What a teacher finds likely at every learned token: asked once, kept on disk.

Shards of safetensors, memory-mapped, beside a manifest that names the teacher's digests. Knows
tensors and files; knows nothing of how a student learns from them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from auditor.controls.recipe import Distillation
from auditor.controls.training.batches import Encoded, make_batch
from auditor.controls.training.losses import IGNORED, TopLogits, top_logits
from auditor.controls.training.scores import kept_scores
from auditor.controls.training.students import Learner, same_tokenizer, trims_logits
from fingerprints.durable import replacing
from fingerprints.errors import MalformedInput, UsageProblem
from fingerprints.progress import SILENT, Told
from fingerprints.record_files import write_record
from fingerprints.records import Identity, Record, canonical_json, sha256
from fingerprints.subjects.base import Subject
from fingerprints.subjects.cache import file_sha256
from fingerprints.subjects.checkpoint import Checkpoint
from fingerprints.subjects.generation import Speaker
from fingerprints.subjects.library import quiet

MANIFEST = "manifest.json"
SHARD_VALUES = 1 << 20
"""About how many numbers a shard holds: 8 MiB of tokens and log-probabilities, and some four
times that while it is made."""
ROWS = 4
"""Examples that the teacher reads at once."""


class Shard(Record):
    """One file of the capture: which examples it holds, and its digest."""

    file: str
    first: int
    last: int
    sha256: str


class CaptureManifest(Record):
    """Whose distributions a folder holds, of which texts, and how much of them.

    ``examples`` is the digest of the tokens and labels; ``top_k`` tokens of ``vocabulary`` are kept
    at ``temperature``.
    """

    format: Literal["teacher-logits/1"] = "teacher-logits/1"
    teacher: Identity
    teacher_sha256: str
    examples: str
    vocabulary: int
    top_k: int
    temperature: float
    shards: tuple[Shard, ...] = ()

    def terms(self) -> CaptureManifest:
        """What must be equal for a capture to be used again: everything but the shards."""
        return self.model_copy(update={"shards": ()})


@dataclass(frozen=True)
class TeacherLogits:
    """A finished capture, open for reading; only what is asked for comes into memory."""

    manifest: CaptureManifest
    folder: Path
    lengths: tuple[int, ...]

    def rows(self, order: Sequence[int], device: torch.device) -> TopLogits:
        """The teacher's distributions at the learned tokens of these examples, in order."""
        parts = [self._one(number) for number in order]
        tokens = torch.cat([p.tokens for p in parts]).to(device=device, dtype=torch.long)
        logs = torch.cat([p.logs for p in parts]).to(device)
        rests = [p.rest for p in parts if p.rest is not None]
        return TopLogits(tokens, logs, torch.cat(rests).to(device) if rests else None)

    def _one(self, number: int) -> TopLogits:
        shard = next(s for s in self.manifest.shards if s.first <= number <= s.last)
        start = sum(self.lengths[shard.first : number])
        piece = slice(start, start + self.lengths[number])
        with safe_open(str(self.folder / shard.file), framework="pt") as file:
            tokens, logs = file.get_slice("tokens")[piece], file.get_slice("logs")[piece]
            whole = self.manifest.top_k == self.manifest.vocabulary
            return TopLogits(tokens, logs, None if whole else file.get_slice("rest")[piece])


def capture(
    teacher: Subject,
    learner: Learner,
    examples: Sequence[Encoded],
    settings: Distillation,
    folder: Path,
    progress: Told = SILENT,
) -> TeacherLogits:
    """The teacher's top-k log-probabilities of every learned token, asked where not there yet.

    Finished shards are verified and used again. ``progress`` is told examples done and all. Raises
    UsageProblem for a teacher without weights or with another tokenizer, MalformedInput for a
    folder of another teacher or other examples and for a damaged shard, ResourceLimit on a full
    disk.
    """
    speaker = scoring_speaker(teacher, "logits")
    check_tokenizer(speaker, learner, examples, "logits", teacher.spec)
    scored = int(speaker.model.config.get_text_config().vocab_size)
    vocabulary = min(scored, learner.vocabulary)
    wanted = CaptureManifest(
        teacher=teacher.identity,
        teacher_sha256=teacher.identity.digest(),
        examples=sha256(canonical_json([[e.taught, list(e.ids)] for e in examples])),
        vocabulary=vocabulary,
        top_k=min(settings.top_k or vocabulary, vocabulary),
        temperature=settings.temperature,
    )
    lengths = tuple(e.learned for e in examples)
    manifest = fill(
        folder,
        wanted,
        lengths,
        lambda first, last: _ask(speaker, examples[first : last + 1], wanted),
        progress,
    )
    return TeacherLogits(manifest, folder, lengths)


def fill(
    folder: Path,
    wanted: CaptureManifest,
    lengths: Sequence[int],
    ask: Callable[[int, int], dict[str, Tensor]],
    progress: Told = SILENT,
) -> CaptureManifest:
    """The manifest of a folder that holds every shard, asked for now where it lacks some.

    ``lengths``: rows of each example; ``ask`` gives the tensors of the examples from a first to a
    last one. Raises MalformedInput for a folder of other terms and for a damaged shard,
    ResourceLimit on a full disk.
    """
    manifest = _begin(folder, wanted)
    held = manifest.shards[-1].last + 1 if manifest.shards else 0
    for first, last in _shares(lengths, wanted.top_k, held):
        manifest = _keep(folder, manifest, first, last, ask(first, last))
        progress(last + 1, len(lengths))
    return manifest


def scoring_speaker(teacher: Subject, method: str) -> Speaker:
    """The model of a teacher whose scores can be read. Raises UsageProblem, naming the method,
    for one that only answers."""
    if not isinstance(teacher, Checkpoint):
        raise UsageProblem(
            f"the method {method} reads the teacher's scores, and this teacher only answers",
            where=teacher.spec,
            next_step="use method sft, or a teacher with weights (hf:…, gguf:…)",
        )
    return teacher.speaker


def check_tokenizer(
    speaker: Speaker, learner: Learner, examples: Sequence[Encoded], method: str, where: str
) -> None:
    """Raises UsageProblem where teacher and student don't have one tokenizer."""
    texts = [learner.tokenizer.decode(list(e.ids)) for e in examples[:200]]
    if not same_tokenizer(speaker.tokenizer, learner.tokenizer, texts):
        raise UsageProblem(
            f"teacher and student have different tokenizers, and the method {method} compares them"
            " token by token",
            where=where,
            next_step="use method cross_tokenizer or sft, or a base of the teacher's own family",
        )


def _begin(folder: Path, wanted: CaptureManifest) -> CaptureManifest:
    path = folder / MANIFEST
    if not path.exists():
        write_record(path, wanted)
        return wanted
    try:
        found = CaptureManifest.model_validate_json(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _bad("its manifest can't be read", folder) from error
    if found.terms() != wanted:
        raise _bad(
            "it holds another teacher's logits, or those of other examples or settings", folder
        )
    for shard in found.shards:
        # Only its last part: a manifest that was tampered with must not name a file elsewhere.
        place = folder / Path(shard.file).name
        if not place.is_file() or file_sha256(place) != shard.sha256:
            raise _bad(f"the shard {place.name} is not what was written", folder)
    return found


def _bad(reason: str, folder: Path) -> MalformedInput:
    return MalformedInput(
        reason, where=folder, next_step="remove the folder to ask the teacher again, or use another"
    )


def _shares(lengths: Sequence[int], top_k: int, begin: int) -> list[tuple[int, int]]:
    """First and last example of every shard from an example on; begun at a shard's end it cuts
    where it would have cut."""
    room, shares, first, held = max(1, SHARD_VALUES // top_k), [], begin, 0
    for number, length in enumerate(lengths[begin:], begin):
        if held and held + length > room:
            shares.append((first, number - 1))
            first, held = number, 0
        held += length
    return [*shares, (first, len(lengths) - 1)] if first < len(lengths) else shares


def _ask(
    speaker: Speaker, examples: Sequence[Encoded], terms: CaptureManifest
) -> dict[str, Tensor]:
    found: list[TopLogits] = []
    for start in range(0, len(examples), ROWS):
        some = examples[start : start + ROWS]
        rows = tuple((i,) for i in range(len(some)))
        batch = make_batch(some, rows, speaker.pad, speaker.model.device)
        with torch.inference_mode(), quiet():
            scores, labels = kept_scores(speaker.model, batch, trims=trims_logits(speaker.model))
            learned = scores[labels != IGNORED][:, : terms.vocabulary]
            found.append(top_logits(learned, terms.top_k, terms.temperature))
    tensors = {
        "tokens": torch.cat([t.tokens for t in found]).to(device="cpu", dtype=torch.int32),
        "logs": torch.cat([t.logs for t in found]).cpu(),
    }
    rests = [t.rest for t in found if t.rest is not None]
    return {**tensors, "rest": torch.cat(rests).cpu()} if rests else tensors


def _keep(
    folder: Path, manifest: CaptureManifest, first: int, last: int, tensors: dict[str, Tensor]
) -> CaptureManifest:
    name = f"top-{len(manifest.shards):05d}.safetensors"
    data = save({key: value.contiguous() for key, value in tensors.items()})
    with replacing(folder / name) as file:
        file.write(data)
    shard = Shard(file=name, first=first, last=last, sha256=sha256(data))
    grown = manifest.model_copy(update={"shards": (*manifest.shards, shard)})
    write_record(folder / MANIFEST, grown)
    return grown
