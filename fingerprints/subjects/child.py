"""Runs one of our own modules in a limited child process: for parsers that a hostile file can hang,
bloat or abort.

The child gets a memory, a CPU and a wall-clock limit, no network use by the model libraries, and an
environment without secrets. It prints one JSON object; an object with ``error`` becomes the error
of that name. Knows processes; knows nothing of models.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fingerprints.errors import (
    AuditError,
    MalformedInput,
    ResourceLimit,
    UnsafeInput,
    printable,
    raised_again,
)
from fingerprints.system import module_here

resource = module_here("resource")
LARGEST_ANSWER = 64 << 20
OUT_OF_TIME = tuple(
    -getattr(signal, name) for name in ("SIGALRM", "SIGXCPU", "SIGKILL") if hasattr(signal, name)
)
_NO_LIMITS = (
    "this system limits neither the memory nor the processor time of the child that reads"
    " strangers' files, only how long it takes"
)
UNLIMITED = () if resource is not None else (_NO_LIMITS,)
"""What a reader of the evidence must know of the limits, as notes on an identity."""
PASSED_ON = (
    "PATH",
    "HOME",
    "TMPDIR",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "OMP_NUM_THREADS",
    "SYSTEMROOT",
)
ANSWERING = {"E-INPUT", "E-UNSAFE", "E-LIMIT", "E-USAGE"}
"""Codes of the errors that a child may name."""


def run_limited(
    module: str, arguments: Sequence[str], *, memory: int, seconds: int, where: object
) -> dict[str, Any]:
    """The JSON object that ``python -m module arguments`` prints under limits.

    ``memory`` is the address space in bytes (libraries alone map several GiB), ``seconds`` the wall
    clock. Raises the error that the child names, ResourceLimit when it ran out of time or memory,
    UnsafeInput when it was aborted.
    """
    # -P: a module that lies in the current folder, which may be the stranger's, is not imported.
    command = [sys.executable, "-P", "-m", module, *arguments]
    try:
        done = subprocess.run(  # noqa: S603  (our own interpreter and module; paths are arguments, never a shell's)
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
            env=_environment(),
            preexec_fn=_limits(memory, seconds),
        )
    except subprocess.TimeoutExpired as error:
        raise _too_much(f"took longer than {seconds} seconds", where) from error
    return _answer(done, where)


def speak(value: dict[str, Any]) -> None:
    """Prints the child's one answer."""
    sys.stdout.write(json.dumps(value))
    sys.stdout.flush()


def speak_error(error: AuditError) -> None:
    """Prints an error as the child's answer, so that the parent raises the same one."""
    speak({"error": error.told()})


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    root = str(Path(__file__).resolve().parents[2])
    return {
        **kept,
        "PYTHONPATH": root,
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "TRANSFORMERS_VERBOSITY": "error",
        "TOKENIZERS_PARALLELISM": "false",
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONWARNINGS": "ignore",
    }


def _limits(memory: int, seconds: int) -> Callable[[], None] | None:
    """What sets the limits in the child before it runs; None on a system without them."""
    system = resource
    if system is None:
        return None

    def limit() -> None:
        """Sets the limits of the process that it is called in."""
        system.setrlimit(system.RLIMIT_CORE, (0, 0))
        # Processor time is counted over all threads, and may pass the clock's.
        system.setrlimit(system.RLIMIT_CPU, (seconds * 4, seconds * 4 + 5))
        if sys.platform == "linux":
            system.setrlimit(system.RLIMIT_AS, (memory, memory))

    return limit


def limit_further(memory: int) -> None:
    """In the child: so many bytes beyond what is mapped already, where that can be told."""
    statm = Path("/proc/self/statm")
    if resource is not None and statm.exists():
        mapped = int(statm.read_text("ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (mapped + memory, mapped + memory))


def _answer(done: subprocess.CompletedProcess[bytes], where: object) -> dict[str, Any]:
    said = done.stderr[-2000:].decode("utf-8", "replace").strip()
    last = printable(said.splitlines()[-1], 160) if said else ""
    if done.returncode in OUT_OF_TIME:
        raise _too_much("took too long", where)
    if done.returncode < 0:
        raise UnsafeInput(
            f"reading it killed the limited child process (signal {-done.returncode})",
            where=where,
            next_step="the file is damaged or hostile: do not open it outside a sandbox",
        )
    if "MemoryError" in last or "DefaultCPUAllocator" in last or "alloc" in last:
        raise _too_much("needed more memory than the limited child may use", where)
    try:
        value = json.loads(done.stdout) if len(done.stdout) <= LARGEST_ANSWER else None
    except ValueError:
        value = None
    if done.returncode or not isinstance(value, dict):
        said = f"can't be read: {last or 'the reader said nothing'}"
        raise MalformedInput(said, where=where, next_step="check the file")
    if "error" in value:
        told = {"where": str(where)} | {k: v for k, v in value["error"].items() if v is not None}
        code = told["code"] if told["code"] in ANSWERING else MalformedInput.code
        raise raised_again({"next_step": None, **told, "code": code})
    return value


def _too_much(reason: str, where: object) -> ResourceLimit:
    return ResourceLimit(
        f"reading the tokenizer, the chat template or the weights {reason}",
        where=where,
        next_step="the file is too large for this machine or built to exhaust it: look at it in a"
        " sandbox",
    )
