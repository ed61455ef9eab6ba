"""Opens a model's weights from a subject spec, without loading the model.

A folder is looked over first as any suspect's is (`fingerprints.subjects.safety`). Knows where
weights lie; knows nothing of what they mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fingerprints.errors import MalformedInput, UsageProblem, printable
from fingerprints.subjects.kinds import SubjectSpec
from fingerprints.subjects.safety import inspect_adapter, inspect_folder, read_config
from fingerprints.subjects.snapshot import locate
from fingerprints.subjects.spec import parse_spec
from fingerprints.subjects.tensors_header import read_safetensors_header
from fingerprints.weights.gguf_adapter import adapter_over_gguf
from fingerprints.weights.gguf_table import read_gguf
from fingerprints.weights.low_rank import read_adapter
from fingerprints.weights.packed import Packed
from fingerprints.weights.packing import put_together
from fingerprints.weights.tensors import TensorInfo
from fingerprints.weights.view import Weights

ADAPTER = "adapter_model.safetensors"


def open_weights(spec: str | Path) -> Weights:
    """A lazy view of the weights that a spec names; nothing but headers, configs and an adapter is
    read.

    A checkpoint folder, one .safetensors file, one .gguf file (of a split model: any of its files),
    ``hf:`` and ``gguf:`` specs, a hub id, and any of them with ``,adapter=DIR``, whose rows come
    with the adapter's share. Options that decide only how a model is run (dtype, device, batch, …)
    change nothing here.

    Raises UsageProblem for a spec without weights, MalformedInput for files that are not whole or
    an adapter that does not fit, UnsafeInput and ResourceLimit as `fingerprints.subjects.safety`
    does, Incomplete when the hub can't be reached.
    """
    text = str(spec)
    target = text.removeprefix("hf:")
    if target.endswith(".safetensors") and Path(target).expanduser().is_file():
        return _one_file(text, Path(target).expanduser())
    parsed = parse_spec(text)
    view = parsed.kind.opened_weights(parsed)
    if not isinstance(view, Weights):
        raise UsageProblem("the plug-in returned no Weights", where=parsed.scheme)
    view.spec = text  # as it was written, not as it was understood
    return view


def _one_file(spec: str, path: Path) -> Weights:
    beside = path.parent / "config.json"
    told = read_config(beside, runs=False) if beside.is_file() else {}
    tensors, packed, refusal = _unpacked(table([path]), told, path)
    view = Weights(spec, path, tensors, told)
    view.packed, view.refusal = packed, refusal
    return view


def _unpacked(
    stored: dict[str, TensorInfo], config: Mapping[str, Any], place: Path
) -> tuple[dict[str, TensorInfo], dict[str, Packed], MalformedInput | None]:
    """The tensors with packed matrices put together, and why not, where they can't be: the other
    files of such a model can be compared all the same."""
    try:
        return *put_together(stored, config, place), None
    except MalformedInput as error:
        return stored, {}, error


def gguf_weights(parsed: SubjectSpec) -> Weights:
    """The weights of a GGUF file. Raises what `open_weights` raises."""
    spec, path = str(parsed), Path(parsed.target).expanduser()
    tensors, config, metadata = read_gguf(path)
    plain = Weights(spec, path, tensors, config, "gguf", metadata)
    adapter = parsed.options.get("adapter")
    if adapter is None:
        return plain
    place = Path(adapter).expanduser()
    inspect_adapter(place)
    with plain:
        told, changed = adapter_over_gguf(
            plain, place, read_config(place / "adapter_config.json"), table([place / ADAPTER])
        )
    view = Weights(spec, path, changed, config, "gguf", metadata)
    view.adapter, view.changes = place, told.changes
    return view


def checkpoint_weights(parsed: SubjectSpec) -> Weights:
    """The weights of a checkpoint folder. Raises what `open_weights` raises."""
    spec, (folder, hub) = str(parsed), locate(parsed)
    found = inspect_folder(folder, from_hub=hub is not None)
    stored = table(loaded_files(folder, found.files))
    tensors, packed, refusal = _unpacked(stored, found.config, folder)
    adapter = parsed.options.get("adapter")
    if adapter is None:
        view = Weights(spec, folder, tensors, found.config)
        view.notes, view.packed, view.refusal = found.notes, packed, refusal
        return view
    place = Path(adapter).expanduser()
    inspect_adapter(place)
    told = read_adapter(
        place, read_config(place / "adapter_config.json"), table([place / ADAPTER]), tensors
    )
    view = Weights(spec, folder, {**tensors, **told.replaced}, found.config, "safetensors+lora")
    view.adapter, view.changes, view.notes = place, told.changes, found.notes
    view.refusal = refusal
    view.packed = {n: p for n, p in packed.items() if n not in told.replaced}
    return view


def loaded_files(folder: Path, files: tuple[Path, ...]) -> tuple[Path, ...]:
    """The files that a library would load: one whole file goes before a list of shards."""
    whole = folder / "model.safetensors"
    return (whole,) if whole.is_file() else files


def table(files: Iterable[Path]) -> dict[str, TensorInfo]:
    """The tensors of files by name. Raises MalformedInput for one in two files."""
    out: dict[str, TensorInfo] = {}
    for path in files:
        slots = read_safetensors_header(path)
        if not slots:
            continue
        # The tensors fill the data part from end to end, so that its start follows from the file's
        # size.
        start = path.stat().st_size - slots[-1].stop
        for slot in slots:
            if slot.name in out:
                raise MalformedInput(
                    f"tensor {printable(slot.name, 80)!r} stands in"
                    f" {printable(out[slot.name].file.name, 60)} and in another",
                    where=path,
                    next_step="copy the checkpoint again: which of both a loader takes is open",
                )
            place = path, start + slot.start
            out[slot.name] = TensorInfo(
                slot.name, slot.dtype, slot.shape, slot.stop - slot.start, *place
            )
    return out
