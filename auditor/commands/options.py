"""Options that several commands share, and how they become plan values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from auditor.commands.completion import probe_sets
from auditor.commands.custody import custody_options
from auditor.commands.documents import FULL
from auditor.evidence.weight import LEVELS
from fingerprints.errors import UsageProblem, printable
from fingerprints.probes import PRESETS
from fingerprints.subjects.kinds import scheme_in
from fingerprints.subjects.spec import parse_spec

if TYPE_CHECKING:
    from auditor.controls.sizes import Size

Decorated = Callable[..., Any]


def out_folder(help: str, default: str | None = None) -> Decorated:
    """``--out DIR``, which must be given where there is no default."""
    told: dict[str, Any] = (
        {"required": True} if default is None else {"default": default, "show_default": True}
    )
    return click.option("--out", metavar="DIR", help=help, **told)


def store_folder(
    help: str, default: str | None = None, envvar: str = "AUDITOR_STORE", **more: Any
) -> Decorated:
    """``--store DIR``, as ``store_dir``."""
    told = {**more} if default is None else {**more, "default": default, "show_default": True}
    return click.option("--store", "store_dir", metavar="DIR", envvar=envvar, help=help, **told)


def dry_run(help: str) -> Decorated:
    """``--dry-run``."""
    return click.option("--dry-run", is_flag=True, help=help)


def size_option(default: Size, help: str) -> Decorated:
    """``--size``: how much of a recipe is made."""
    # Loaded by the commands that train: the others do without.
    from auditor.controls.sizes import Size

    choice = click.Choice(get_args(Size))
    return click.option("--size", type=choice, default=default, show_default=True, help=help)


def seed_from_zero(help: str) -> Decorated:
    """``--seed``, 0 where it is not given."""
    return click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help=help)


AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")
OUT = out_folder("Folder of the report bundle.", "report")
FORCE = click.option(
    "--force", is_flag=True, help="Write into a folder that holds other files (they stay)."
)
DRY_RUN = dry_run("Print the plan and what it costs; ask nothing.")
FAIL_ON = click.option(
    "--fail-on",
    type=click.Choice(LEVELS),
    help=(
        "Exit with 1 when a verdict is supported at this level or above; at `weak` also where an"
        " inconclusive one leans towards support, or several makers are supported together."
    ),
)


def _own(_: click.Context, __: click.Parameter, value: str) -> str:
    """A store that is to be changed is a folder."""
    # Loaded by the commands that change one: the others do without.
    from fingerprints.address import is_address

    if is_address(value):
        raise UsageProblem(
            "a published store is only read",
            where="--store",
            next_step="change the folder that it was made from, and publish that again",
        )
    return value


STORE = store_folder("The store's folder.", required=True, callback=_own)
PROBES = click.option(
    "--probes",
    metavar="SETS",
    shell_complete=probe_sets,
    help=(
        f"A preset ({', '.join(PRESETS)}) or a list such as identity,style:96 (a set, or its first"
        " 96 probes), or YAML files."
    ),
)


def _all_of(command: Decorated, *options: Decorated) -> Decorated:
    """The command with options in the order in which they are named."""
    for option in reversed(options):
        command = option(command)
    return command


def place_options(command: Decorated) -> Decorated:
    """Adds the flags that say where models run here, for `placed`."""
    return _all_of(
        command,
        click.option(
            "--device",
            type=click.Choice(["cuda", "mps", "cpu"]),
            help="Default: the fastest there is.",
        ),
        click.option(
            "--dtype",
            type=click.Choice(["float32", "bfloat16", "float16"]),
            help="Default: by device.",
        ),
    )


def verdict_options(command: Decorated) -> Decorated:
    """Adds the flags of commands that write a report with verdicts, after its ``--out``."""
    return _all_of(command, custody_options, FAIL_ON, FORCE, DRY_RUN, FULL, AS_JSON)


def recording_options(command: Decorated) -> Decorated:
    """Adds the flags that say how recorded answers are read, for `read_as` and `how_to_read`."""
    from fingerprints.recordings.plain import FIELDS

    return _all_of(
        command,
        click.option(
            "--map",
            "mapping",
            metavar="FIELD=KEY,…",
            help=f"Where a recording has its {', '.join(FIELDS)}, as in prompt=question.",
        ),
        click.option(
            "--requests",
            metavar="FILE",
            help="What was sent, where a recording holds answers alone (batch output, MT-Bench).",
        ),
        click.option(
            "--allow-partial",
            is_flag=True,
            help="Go on where over a tenth of a recording can't be read.",
        ),
    )


def recording_choices(
    mapping: str | None, requests: str | None, allow_partial: bool
) -> dict[str, str]:
    """Those flags as options of a recording's spec. Raises UsageProblem for a map that is none."""
    from fingerprints.recordings.plain import FieldMap

    out: dict[str, str] = {}
    for item in filter(None, (part.strip() for part in (mapping or "").split(","))):
        name, equals, path = item.partition("=")
        if not equals or not path or f"map_{name}" in out:
            raise UsageProblem(
                f"no field, or one given twice: {printable(item, 60)!r}",
                where="--map",
                next_step="write it as prompt=question,answer=reply",
            )
        out[f"map_{name}"] = path
    FieldMap.parse({name.removeprefix("map_"): path for name, path in out.items()})
    out |= {} if requests is None else {"requests": requests}
    return {**out, "partial": "yes"} if allow_partial else out


def read_as(spec: str, choices: Mapping[str, str]) -> str:
    """The spec of a recording with `recording_choices` written into it. Raises UsageProblem for
    another kind of subject."""
    if not choices:
        return spec
    parsed = parse_spec(spec)
    if not parsed.kind.recorded:
        raise UsageProblem(
            f"--map, --requests and --allow-partial are for recordings, not for {parsed.scheme}:",
            where=printable(spec, 80),
            next_step="leave them out",
        )
    return str(parsed.having(choices))


def sampling_options(command: Decorated) -> Decorated:
    """Adds the flags that decide how answers are drawn and where the model runs."""
    return _all_of(
        command,
        click.option(
            "--temperature", type=click.FloatRange(0, 5), help="0 (the default) is greedy."
        ),
        click.option(
            "--samples",
            type=click.IntRange(1, 1000),
            help="Answers per question and arm. Default 1.",
        ),
        click.option(
            "--max-tokens",
            type=click.IntRange(1, 32768),
            help="Cap on every answer; each probe set has its own.",
        ),
        click.option("--seed", type=int, help="Seed of sampling above temperature 0. Default 0."),
        place_options,
    )


def sampling_values(
    temperature: float | None, samples: int | None, max_tokens: int | None, seed: int | None
) -> dict[str, Any]:
    """The sampling flags that were given, as values of `Sampling`."""
    given = {"temperature": temperature, "samples": samples, "max_tokens": max_tokens, "seed": seed}
    return {name: value for name, value in given.items() if value is not None}


def placed(spec: str, device: str | None, dtype: str | None) -> str:
    """The spec with ``--device`` and ``--dtype`` written into it, where its kind knows them.

    Raises what `parse_spec` raises.
    """
    wanted = {k: v for k, v in (("device", device), ("dtype", dtype)) if v is not None}
    if not wanted:
        return spec
    parsed = parse_spec(spec)
    if not wanted.keys() <= parsed.kind.options:
        raise click.UsageError(
            f"--{next(iter(wanted))} is for models that run here, not for {parsed.scheme}: subjects"
        )
    told = parsed.having(wanted)
    bare = not (told.target.startswith((".", "~")) or Path(told.target).is_absolute())
    if bare and scheme_in(spec) is None:
        # A bare path behind a scheme could be a hub id, wherever the plan is run again.
        told = replace(told, target=f"./{told.target}")
    return str(told)


def placed_too(spec: str, device: str | None, dtype: str | None) -> str:
    """Another model's spec, placed like the suspect's where its kind knows where it runs."""
    here = {"device", "dtype"} <= parse_spec(spec).kind.options
    return placed(spec, device, dtype) if here else spec
