"""Saves where a training stands, so that it goes on bit by bit as if it had never stopped.

Weights that learn, the optimizer's state and the random generators as safetensors, the rest as
JSON; no pickle. A folder is there whole or not at all. Knows tensors and files; knows nothing of
examples and losses.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.utils import deterministic

from fingerprints.durable import TEMPORARY, disk_problem, sync_files, sync_folder
from fingerprints.errors import MalformedInput, ResourceLimit, printable
from fingerprints.records import Record, canonical_json
from fingerprints.subjects.cache import file_sha256
from fingerprints.subjects.generation import out_of_memory

STATE = "state.json"
WEIGHTS, OPTIMIZER, RANDOM = "weights.safetensors", "optimizer.safetensors", "random.safetensors"
STATES, STEP = "state", "step-"
"""Where a run's checkpoints lie in its folder, and what each is called."""


class TrainingState(Record):
    """Where a run stands: its digest, the updates made, and the digests of the files beside.

    ``seconds`` is the time that the run had taken. The position in the data and the learning rate
    follow from ``step``.
    """

    format: Literal["training-state/1"] = "training-state/1"
    run: str
    step: int
    seconds: float
    torch: str
    files: dict[str, str]


@dataclass(frozen=True)
class Bench:
    """What a checkpoint holds: weights that learn, their optimizer, the generator's device."""

    weights: Mapping[str, torch.nn.Parameter]
    optimizer: torch.optim.Optimizer
    device: torch.device


def save_state(folder: Path, bench: Bench, run: str, step: int, seconds: float) -> None:
    """Writes ``folder/step-N``, makes sure that the disk has it, and only then removes older ones.

    Raises ResourceLimit on a full disk; the checkpoint before stands then.
    """
    target = folder / f"{STEP}{step:08d}"
    with whole_folder(target) as fresh:
        weights = {name: p.detach().contiguous() for name, p in bench.weights.items()}
        save_file(weights, fresh / WEIGHTS)
        save_file(_optimizer_tensors(bench), fresh / OPTIMIZER)
        save_file(_random_tensors(bench.device), fresh / RANDOM)
        files = {name: file_sha256(fresh / name) for name in (WEIGHTS, OPTIMIZER, RANDOM)}
        state = TrainingState(
            run=run, step=step, seconds=round(seconds, 3), torch=torch.__version__, files=files
        )
        (fresh / STATE).write_bytes(canonical_json(state.model_dump(mode="json")))
    for older in _steps(folder):
        if older != target:
            shutil.rmtree(older)


def load_state(folder: Path, bench: Bench, run: str) -> TrainingState | None:
    """Puts the newest checkpoint of a folder into model, optimizer and random generators; None
    where there is none yet.

    Raises MalformedInput for a checkpoint of another run or a damaged one. Leftovers of a killed
    writer are removed.
    """
    sweep(folder)
    found = _steps(folder)
    if not found:
        return None
    newest = found[-1]
    state = _read_state(newest)
    if state.run != run:
        raise other_run(newest)
    for name in (WEIGHTS, OPTIMIZER, RANDOM):
        if not (newest / name).is_file() or state.files.get(name) != file_sha256(newest / name):
            raise _damaged(newest, f"{name} is not what was written")
    try:
        _restore(newest, bench)
    except (SafetensorError, KeyError, RuntimeError) as error:
        raise _damaged(newest, printable(" ".join(str(error).split()), 120)) from error
    return state


def other_run(where: Path) -> MalformedInput:
    """The error for what was left by a run with another recipe, other examples or another base."""
    return MalformedInput(
        "it belongs to another run: the recipe, the examples or the base differ",
        where=where,
        next_step="train into another folder, or remove this one",
    )


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A folder to fill that takes ``target``'s place, synced, when the block ends without an error.

    After an error the old folder stands and the new one is gone. Raises ResourceLimit on a full
    disk.
    """
    # Beside the target, and so on one file system with it: only there a rename is all or nothing.
    fresh = target.with_name(f"{TEMPORARY}{target.name}")
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        yield fresh
        # Synced before the rename: after a power cut a new name must not stand before its bytes.
        sync_files(fresh)
        if target.exists():
            shutil.rmtree(target)
        fresh.rename(target)
        sync_folder(target.parent)
    except SafetensorError as error:
        raise ResourceLimit(
            f"could not write: {printable(' '.join(str(error).split()), 120)}; what was saved"
            " before is kept",
            where=target,
            next_step="free some space and run the same command again",
        ) from error
    except OSError as error:
        raise disk_problem(error, target) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Removes what a killed writer left half-written."""
    if folder.is_dir():
        for path in folder.iterdir():
            if path.name.startswith(TEMPORARY) and path.is_dir():
                shutil.rmtree(path)


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Random generators start from a seed inside; the caller's come back at the end."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


@contextmanager
def repeatable() -> Iterator[None]:
    """Deterministic algorithms inside; the caller's settings come back at the end."""
    before = torch.are_deterministic_algorithms_enabled()
    warned = torch.is_deterministic_algorithms_warn_only_enabled()
    filled = deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]  # a property of the module's class
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Filling fresh memory costs a tenth of the time and guards against what is not done here:
    # reading it before writing.
    deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # as above
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warned)
        deterministic.fill_uninitialized_memory = filled  # type: ignore[attr-defined]  # as above


@contextmanager
def memory_told(step: int, out: Path, smaller: str) -> Iterator[None]:
    """Tells in one line that memory ran out, and what to set smaller. Raises ResourceLimit."""
    try:
        yield
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
        raise ResourceLimit(
            f"memory ran out at step {step}{_kept(out)}",
            where=out,
            next_step=f"set {smaller}, into another folder",
        ) from error


def no_number(what: str, step: int, steps: int, out: Path, rate: float) -> ResourceLimit:
    """The error for a run that learned too fast: its scores, loss or gradient are no numbers."""
    return ResourceLimit(
        f"{what} at step {step} of {steps}{_kept(out)}",
        where=out,
        next_step=f"use a smaller learning_rate (now {rate:g}), into another folder",
    )


def _kept(out: Path) -> str:
    """What there is to fall back on."""
    found = _steps(out / STATES)
    return f"; {STATES}/{found[-1].name} is kept, the last good checkpoint" if found else ""


def tensors_sha256(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, formats, shapes and bytes of tensors, in order of name."""
    whole = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name].detach().cpu().contiguous()
        whole.update(canonical_json([name, str(value.dtype), list(value.shape)]))
        whole.update(value.flatten().view(torch.uint8).numpy().tobytes())
    return whole.hexdigest()


def _optimizer_tensors(bench: Bench) -> dict[str, Tensor]:
    return {
        f"{name}/{key}": value.detach().contiguous()
        for name, parameter in bench.weights.items()
        for key, value in bench.optimizer.state[parameter].items()
    }


def _random_tensors(device: torch.device) -> dict[str, Tensor]:
    found = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        found["cuda"] = torch.cuda.get_rng_state(device)
    if device.type == "mps":
        found["mps"] = torch.mps.get_rng_state()
    return found


def _restore(folder: Path, bench: Bench) -> None:
    stored = load_file(folder / WEIGHTS)
    moments = load_file(folder / OPTIMIZER)
    generators = load_file(folder / RANDOM)
    with torch.no_grad():
        for name, parameter in bench.weights.items():
            parameter.copy_(stored[name])
    for place, value in moments.items():
        name, _, key = place.rpartition("/")
        # The step counter lies where the moments lie: a fused optimizer asks for that.
        bench.optimizer.state[bench.weights[name]][key] = value.to(bench.weights[name].device)
    torch.set_rng_state(generators["cpu"])
    if bench.device.type == "cuda":
        torch.cuda.set_rng_state(generators["cuda"], bench.device)
    if bench.device.type == "mps":
        torch.mps.set_rng_state(generators["mps"])


def _steps(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.name.startswith(STEP)) if folder.is_dir() else []


def _read_state(folder: Path) -> TrainingState:
    try:
        return TrainingState.model_validate_json((folder / STATE).read_bytes())
    except (OSError, ValueError) as error:
        raise _damaged(folder, f"no readable {STATE}") from error


def _damaged(folder: Path, reason: str) -> MalformedInput:
    return MalformedInput(
        f"the training checkpoint is damaged: {reason}",
        where=folder,
        next_step="remove it; the run then starts again",
    )
