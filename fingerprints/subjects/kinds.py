"""The kinds of subject: one table that says of each what its spec may hold, what it offers before
it is opened, how a path of it is recognised, and how it opens.

To add a kind here is one entry; to add one from outside, the entry-point group
``auditor.subjects`` (name: the scheme) gives a `SubjectKind`, or only a callable that takes the
text after the colon. Everything else asks the table, so that a kind is a suspect, a base, a
teacher, a store's model or an endpoint wherever it offers what is needed. Knows names and paths;
a kind's own code is imported when it is opened.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from fingerprints.errors import MalformedInput, UsageProblem, missing_library, printable
from fingerprints.plugged import entry_points
from fingerprints.sheets.forms import is_sheet
from fingerprints.subjects.base import Offer, Subject

GROUP = "auditor.subjects"
"""The entry points by which others add kinds."""
RECORDINGS = frozenset(
    {".jsonl", ".json", ".eval", ".gz", ".csv", ".tsv", ".parquet", ".har", ".zst", ".ndjson"}
    | {".zip", ".txt", ".log"}
)
"""Endings of files that may be recorded answers."""
HUB_MODEL_PARAMETERS = 7e9
"""What a hub model that is not here is taken for, in estimates."""


@dataclass(frozen=True)
class SubjectSpec:
    """A parsed spec: scheme, target (a path, a hub id or an endpoint's model name) and options."""

    scheme: str
    target: str
    options: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """The spec as one string that parses back to an equal value."""
        options = (f"{key}={value}" for key, value in sorted(self.options.items()))
        return ",".join([f"{self.scheme}:{self.target}", *options])

    @property
    def kind(self) -> SubjectKind:
        """The table's entry for its scheme."""
        return kind_of(self.scheme)

    def having(self, changes: Mapping[str, str]) -> SubjectSpec:
        """The same subject with further options, or other values of them."""
        return SubjectSpec(self.scheme, self.target, {**self.options, **changes})


@dataclass(frozen=True)
class SubjectKind:
    """What can be known of a kind of subject before one is opened.

    ``opens`` makes the `Subject` of a spec, and ``weights`` its `fingerprints.weights.Weights`
    (None where weights are out of sight); both are callables or ``module:function``. ``options``
    are those of its specs. ``whole``: everything after the colon is the target, and there are no
    options. ``offers``: what it offers at least. ``recognises``: whether a path alone is of this
    kind. ``parameters``: a rough count for estimates, None where it can't be known. ``opens_free``:
    opening one loads no model and costs nothing, so that a bad spec is found by opening it.
    """

    opens: str | Callable[[SubjectSpec], Subject]
    options: frozenset[str] = frozenset()
    offers: frozenset[Offer] = frozenset({"generate"})
    weights: str | Callable[[SubjectSpec], Any] | None = None
    recognises: Callable[[Path], bool] = lambda path: False
    parameters: Callable[[SubjectSpec], float | None] = lambda spec: None
    opens_free: bool = False
    whole: bool = False

    @property
    def recorded(self) -> bool:
        """Whether it is recorded answers, which are read and not asked."""
        return "recorded" in self.offers

    def opened(self, spec: SubjectSpec) -> Subject:
        """The subject of a spec, ready to be asked. Raises what its kind raises, and UsageProblem
        for a plug-in that makes something else."""
        subject = load_named(self.opens)(spec)
        if not isinstance(subject, Subject):
            raise UsageProblem("the plug-in returned no Subject", where=spec.scheme)
        return subject

    def opened_weights(self, spec: SubjectSpec) -> Any:
        """The weights of a spec. Raises UsageProblem where they are out of sight."""
        if self.weights is None:
            raise UsageProblem(
                "this subject's weights are out of sight",
                where=printable(str(spec), 80),
                next_step="give a checkpoint folder, a .safetensors file, a .gguf file or a hub id",
            )
        return load_named(self.weights)(spec)


def load_named(named: str | Callable[[SubjectSpec], Any]) -> Callable[[SubjectSpec], Any]:
    """The function that a ``module:function`` names. Raises UsageProblem where a library that loads
    models isn't installed."""
    if not isinstance(named, str):
        return named
    try:
        found: Callable[[SubjectSpec], Any] = pkgutil.resolve_name(named)
    except ModuleNotFoundError as error:
        missing = missing_library(error)
        raise error if missing is None else missing from error
    return found


def _parameters_here(spec: SubjectSpec, bytes_a_parameter: float) -> float:
    """A rough count from the sizes of files; raises MalformedInput where there are none."""
    path = Path(spec.target)
    if not path.exists():
        raise MalformedInput("no such file", where=path, next_step="check the path")
    files = [path] if path.is_file() else sorted(path.glob("*.safetensors"))
    size = sum(file.stat().st_size for file in files)
    if size == 0:
        said, step = "no safetensors in this folder", "convert the checkpoint to safetensors"
        raise MalformedInput(said, where=path, next_step=step)
    return size / bytes_a_parameter


def _parameters_of_checkpoint(spec: SubjectSpec) -> float:
    if Path(spec.target).exists():
        return _parameters_here(spec, 2.0)  # 16-bit numbers
    if spec.target.startswith((".", "/", "~")):
        raise MalformedInput("no such folder", where=spec.target, next_step="check the path")
    return HUB_MODEL_PARAMETERS


def _is_checkpoint(path: Path) -> bool:
    configs = (path / "config.json", path / "adapter_config.json")
    return path.is_dir() and any(config.exists() for config in configs)


_RUN_HERE = frozenset(
    {"dtype", "device", "adapter", "batch", "template", "thinking", "waits", "watermark"}
)
_LOADED: frozenset[Offer] = frozenset({"generate", "score", "weights"})

_ASKED = frozenset(
    {"base_url", "concurrency", "deadline", "tokens", "cost", "price_in", "price_out", "key_env"}
    | {"thoughts"}
)


def _remote(opens: str, *options: str) -> SubjectKind:
    named = f"fingerprints.subjects.endpoint:{opens}"
    return SubjectKind(opens=named, options=_ASKED | set(options), opens_free=True)


_MAPPED = frozenset(
    f"map_{name}" for name in ("prompt", "answer", "system", "model", "thoughts", "finish", "id")
)

TABLE: dict[str, SubjectKind] = {
    "hf": SubjectKind(
        opens="fingerprints.subjects.checkpoint:open_checkpoint",
        options=_RUN_HERE | {"revision"},
        offers=_LOADED,
        weights="fingerprints.weights.open:checkpoint_weights",
        recognises=_is_checkpoint,
        parameters=_parameters_of_checkpoint,
    ),
    "gguf": SubjectKind(
        opens="fingerprints.subjects.backends:open_gguf",
        options=_RUN_HERE | {"backend", "threads"},
        offers=_LOADED,
        weights="fingerprints.weights.open:gguf_weights",
        recognises=lambda path: not path.is_dir() and path.suffix.lower() == ".gguf",
        # Rough: four-bit files with their tables.
        parameters=partial(_parameters_here, bytes_a_parameter=0.68),
    ),
    "vllm": SubjectKind(
        opens="fingerprints.subjects.engine:open_vllm",
        options=frozenset({"revision", "dtype", "template", "gpus", "memory", "context"}),
        offers=_LOADED,
        weights="fingerprints.weights.open:checkpoint_weights",
        parameters=_parameters_of_checkpoint,
    ),
    "openai": _remote("open_endpoint"),
    "responses": _remote("open_responses"),
    "anthropic": _remote("open_anthropic"),
    "gemini": _remote("open_gemini"),
    "azure": _remote("open_azure", "api_version"),
    "bedrock": _remote("open_bedrock", "region"),
    # Before recordings, since a filled page is JSON too.
    "sheet": SubjectKind(
        opens="fingerprints.recordings.sheet:open_sheet",
        options=frozenset({"model", "probes"}),
        offers=frozenset({"recorded"}),
        recognises=is_sheet,
        opens_free=True,
    ),
    "recording": SubjectKind(
        opens="fingerprints.recordings.recording:open_recording",
        options=frozenset({"model", "format", "requests", "partial"} | _MAPPED),
        offers=frozenset({"recorded"}),
        recognises=lambda path: not path.is_dir() and path.suffix.lower() in RECORDINGS,
        opens_free=True,
    ),
}
"""The kinds that come with the toolkit, by scheme; an earlier one recognises a path first."""


def schemes() -> list[str]:
    """Every scheme: the built-in ones, then those of plug-ins in order of name."""
    return [*TABLE, *sorted({p.name for p in entry_points(group=GROUP)} - TABLE.keys())]


def scheme_in(text: str) -> str | None:
    """The scheme that a text begins with, None where it begins with none that is known."""
    scheme, colon, _ = text.partition(":")
    return scheme if colon and scheme in schemes() else None


def kind_of(scheme: str) -> SubjectKind:
    """The kind of a scheme; a plug-in never takes a built-in one's place. Raises UsageProblem for
    an unknown scheme or a plug-in that can't be loaded."""
    if scheme in TABLE:
        return TABLE[scheme]
    for point in entry_points(group=GROUP, name=scheme):
        return _foreign(point)
    raise UsageProblem(
        f"unknown scheme {printable(scheme, 30)!r}",
        next_step=f"use one of {', '.join(f'{name}:' for name in schemes())}",
    )


def _foreign(point: EntryPoint) -> SubjectKind:
    try:
        made = point.load()
    except (ImportError, AttributeError) as error:
        raise UsageProblem(
            f"the plug-in {point.value} can't be loaded: {printable(str(error), 120)}",
            where=point.name,
            next_step="mend it, or uninstall it",
        ) from error
    if isinstance(made, SubjectKind):
        return made
    return SubjectKind(opens=lambda spec: made(spec.target), whole=True)


def recognised(path: Path) -> str | None:
    """The scheme whose kind an existing path is by itself, None where no kind knows it.

    Plug-ins are asked for what no built-in kind recognises; one that can't be loaded is told only
    where no other one recognises the path either.
    """
    broken: UsageProblem | None = None
    for name in schemes():
        try:
            if kind_of(name).recognises(path):
                return name
        except UsageProblem as error:
            broken = broken or error
    if broken is not None:
        raise broken
    return None
