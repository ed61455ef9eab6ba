"""Makes copies of known history of a checkpoint: disguised, pruned, grown, rounded, merged. For
testing lineage, not hiding it.

Knows the table of kinds, folders and the record beside each copy; what is done to the weights
stands in one file a noun.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from auditor.controls.training.checkpoint import whole_folder
from auditor.labs.zoo import disguise, graft, merge, quantise, resize
from auditor.labs.zoo.derivation import DERIVATION, Derivation, Parent, write_derivation
from auditor.labs.zoo.gguf_file import GGUF_NAME, GgufFile, write_gguf
from auditor.labs.zoo.llama import Llama, copy_checkpoint, read_llama, write_llama
from auditor.version import VERSION
from fingerprints.errors import MalformedInput, UsageProblem, printable
from fingerprints.record_files import first_problem
from fingerprints.records import Record
from fingerprints.subjects.cache import file_sha256
from fingerprints.subjects.digests import config_sha256, files_sha256, weight_files

Change = Callable[[Sequence[Llama], Any, int], Llama]
"""The derived model from its parents, the kind's settings and a seed."""


@dataclass(frozen=True)
class DerivedKind:
    """One way to derive a checkpoint: what it is in one line, its settings, its function, and what
    may be said of it.

    ``several``: it takes several parents; ``keeps_function``: up to rounding, the copy computes
    what its parent does.
    """

    about: str
    settings: type[Record]
    change: Change
    several: bool = False
    keeps_function: bool = False


def _of_one(change: Callable[[Llama, Any, int], Llama]) -> Change:
    return lambda parents, how, seed: change(parents[0], how, seed)


def _disguise(
    about: str,
    change: Callable[[Llama, Any, int], Llama],
    settings: type[Record] = disguise.Nothing,
) -> DerivedKind:
    """A kind whose copy computes what its parent does, from other numbers."""
    return DerivedKind(about, settings, _of_one(change), keeps_function=True)


KINDS: dict[str, DerivedKind] = {
    "copy": _disguise("the same bytes", lambda parent, how, seed: parent),
    "recast": DerivedKind(
        "stored in another number format", quantise.Recast, _of_one(quantise.recast)
    ),
    "permute_units": _disguise("every MLP's hidden units in another order", disguise.permute_units),
    "permute_heads": _disguise("attention heads in another order", disguise.permute_heads),
    "permute_residual": _disguise(
        "the residual stream's dimensions in another order", disguise.permute_residual
    ),
    "rotate_residual": _disguise(
        "the residual stream turned by a random rotation", disguise.rotate_residual
    ),
    "rescale_units": _disguise(
        "every MLP unit scaled up and down again", disguise.rescale_units, disguise.Rescale
    ),
    "drop_layers": DerivedKind("without some layers", resize.Layers, _of_one(resize.drop_layers)),
    "repeat_layers": DerivedKind(
        "with some layers twice", resize.Layers, _of_one(resize.repeat_layers)
    ),
    "prune_units": DerivedKind(
        "without the smallest units of every MLP", resize.PruneUnits, _of_one(resize.prune_units)
    ),
    "extend_vocabulary": DerivedKind(
        "with more tokens", resize.ExtendVocabulary, _of_one(resize.extend_vocabulary)
    ),
    "quantise": DerivedKind(
        "rounded to few levels, and stored as before", quantise.Quantise, _of_one(quantise.quantise)
    ),
    "noise": DerivedKind(
        "with Gaussian noise on the weights", quantise.Noise, _of_one(quantise.add_noise)
    ),
    "reorder_layers": DerivedKind(
        "its layers in another order", graft.LayerOrder, _of_one(graft.reorder_layers)
    ),
    "renew_embedding": DerivedKind(
        "with an embedding of random numbers", disguise.Nothing, _of_one(graft.renew_embedding)
    ),
    "graft": DerivedKind(
        "with parts of a second parent in their places", graft.Graft, graft.graft, several=True
    ),
    "merge_linear": DerivedKind(
        "the weighted mean of several parents", merge.MergeRule, merge.merge_linear, several=True
    ),
    "merge_slerp": DerivedKind(
        "several parents joined along the sphere", merge.MergeRule, merge.merge_slerp, several=True
    ),
}

FILES: dict[str, DerivedKind] = {
    "gguf": DerivedKind(
        "a GGUF file, its matrices in one format", GgufFile, lambda parents, how, seed: parents[0]
    )
}
"""Kinds whose copy is no folder of safetensors: a single file in the folder, under the name
`GGUF_NAME`."""
ALL_KINDS = {**KINDS, **FILES}


def derive(
    source: Path | list[Path], kind: str, out: Path, seed: int = 0, **settings: Any
) -> Derivation:
    """A checkpoint of known history in ``out``, with its ``derivation.json``.

    ``source`` is a checkpoint folder, or for a merge several; ``kind`` a name of `ALL_KINDS`,
    ``settings`` those of its record. Equal weights, settings and seed give equal bytes. ``out``
    appears whole or not at all; one that was derived before is replaced. Raises UsageProblem for an
    unknown kind or setting, sizes that do not fit, or an ``out`` that holds something else;
    MalformedInput for a source that is no Llama-like checkpoint; ResourceLimit on a full disk.
    """
    sources = [source] if isinstance(source, Path) else list(source)
    chosen, how = _chosen(kind, sources), _settings(kind, settings)
    _check_seed(seed)
    _check_place(out, sources)
    for folder in sources:
        if not folder.is_dir():
            raise MalformedInput(
                "no such checkpoint folder", where=folder, next_step="check the path of the source"
            )
    # A copy is of bytes, and needs no look at the tensors.
    llamas = [] if kind == "copy" else [read_llama(folder) for folder in sources]
    derived = chosen.change(llamas, how, seed) if llamas else None
    with whole_folder(out) as fresh:
        if derived is None:
            copy_checkpoint(sources[0], fresh)
        elif isinstance(how, GgufFile):
            write_gguf(derived, fresh / GGUF_NAME, sources[0], how)
        else:
            write_llama(derived, fresh, sources[0])
        if isinstance(how, resize.ExtendVocabulary):
            resize.extend_tokenizer(sources[0], fresh, how.n)
        derivation = Derivation(
            kind=kind,
            parents=tuple(_parent(folder) for folder in sources),
            settings=how.model_dump(mode="json"),
            seed=seed,
            keeps_function=chosen.keeps_function,
            weights_sha256=_weights_sha256(fresh),
            tool=f"distillation-auditor {VERSION}",
        )
        write_derivation(fresh, derivation)
    return derivation


def _chosen(kind: str, sources: list[Path]) -> DerivedKind:
    if kind not in ALL_KINDS:
        raise UsageProblem(
            f"unknown kind of derivation {printable(kind, 40)!r}",
            where="kind",
            next_step=f"use one of {', '.join(ALL_KINDS)}",
        )
    several = ALL_KINDS[kind].several
    if (len(sources) < 2) if several else (len(sources) != 1):
        raise UsageProblem(
            f"{kind} takes {'two or more parents' if several else 'one parent'}, and {len(sources)}"
            " were given",
            where="source",
            next_step="give that many checkpoint folders",
        )
    return ALL_KINDS[kind]


def _settings(kind: str, settings: dict[str, Any]) -> Record:
    record = ALL_KINDS[kind].settings
    try:
        return record.model_validate(settings)
    except ValidationError as error:
        known = ", ".join(record.model_fields) or "none"
        raise UsageProblem(
            printable(first_problem(error), 180),
            where=f"settings of {kind}",
            next_step=f"its settings: {known}",
        ) from error


def _check_seed(seed: int) -> None:
    if not 0 <= seed < 1 << 63:
        raise UsageProblem(
            f"not a seed: {seed}", where="seed", next_step="give a whole number from 0"
        )


def _check_place(out: Path, sources: list[Path]) -> None:
    """Refuses to replace what is no derivation, and a place that overlaps with a source."""
    place = out.resolve()
    for folder in (source.resolve() for source in sources):
        if place == folder or place in folder.parents or folder in place.parents:
            raise UsageProblem(
                "the copy would lie in its source, or over it",
                where=out,
                next_step="give another folder",
            )
    empty = out.is_dir() and not any(out.iterdir())
    if out.exists() and not empty and not (out / DERIVATION).is_file():
        raise UsageProblem(
            "it is there already, and no derived checkpoint",
            where=out,
            next_step="give another folder",
        )


def _parent(folder: Path) -> Parent:
    return Parent(
        name=folder.resolve().name,
        weights_sha256=_weights_sha256(folder),
        config_sha256=config_sha256(folder),
    )


def _weights_sha256(folder: Path) -> str:
    file = folder / GGUF_NAME
    digest = file_sha256(file) if file.is_file() else files_sha256(weight_files(folder))
    if digest is None:
        raise MalformedInput(
            "no weights (*.safetensors)", where=folder, next_step="save the model as safetensors"
        )
    return digest
