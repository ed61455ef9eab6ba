"""`auditor control derive`: make a copy of known history of a checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_origin

import click

from auditor.commands.options import AS_JSON, seed_from_zero
from auditor.console import put, put_json, say
from fingerprints.errors import UsageProblem, printable

if TYPE_CHECKING:
    from auditor.controls.lineage import Lineage
    from auditor.labs.zoo.derivation import Derivation
    from auditor.labs.zoo.derive import DerivedKind
    from fingerprints.records import Record


@click.command(short_help="Make a copy of known history of a checkpoint.")
@click.argument("kind", required=False)
@click.argument("sources", nargs=-1, metavar="SOURCE…")
@click.option("--out", metavar="DIR", help="The copy's folder. An earlier copy there is replaced.")
@seed_from_zero("Decides what a kind draws.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of the kind; once for each.",
)
@click.option(
    "--list",
    "list_kinds",
    is_flag=True,
    help="Print every kind with its settings, and make nothing.",
)
@AS_JSON
def derive(
    kind: str | None,
    sources: tuple[str, ...],
    out: str | None,
    seed: int,
    settings: tuple[str, ...],
    list_kinds: bool,
    as_json: bool,
) -> int:
    """Make a copy of known history of SOURCE: quantised, pruned, merged, disguised. For testing
    lineage, not for hiding it.

    SOURCE is a checkpoint's folder or a control's; a merge takes several. KIND is one of `--list`.
    The copy's folder holds an ordinary checkpoint, derivation.json, and lineage.json where every
    source has one.

    \b
    Examples:
      auditor control derive --list
      auditor control derive rotate_residual ./model --out copies/rotated --seed 1
      auditor control derive quantise controls/a --set bits=4 --out copies/int4
      auditor control derive drop_layers ./model --set layers=3,4 --out copies/short
      auditor control derive merge_linear ./one ./other --set weights=0.3,0.7 --out copies/merged
    """
    if list_kinds:
        _put_kinds(as_json)
        return 0
    if kind is None or not sources or out is None:
        raise click.UsageError("give KIND, SOURCE and --out DIR, or --list")
    made, lineage, untold = _made(
        kind, [Path(source) for source in sources], Path(out), seed, settings
    )
    if as_json:
        told = None if lineage is None else lineage.model_dump(mode="json", exclude_none=True)
        put_json({"derivation": made.model_dump(mode="json"), "lineage": told})
    else:
        put(
            f"{made.kind} of {', '.join(parent.name for parent in made.parents)}: weights"
            f" {made.weights_sha256}"
        )
    say(
        f"written: the copy{'' if lineage is None else ', lineage.json'} and derivation.json in"
        f" {out}"
    )
    if 0 < untold < len(sources):
        say(f"note: {untold} of {len(sources)} sources have no lineage.json, so the copy gets none")
    return 0


def _made(
    kind: str, sources: list[Path], out: Path, seed: int, settings: tuple[str, ...]
) -> tuple[Derivation, Lineage | None, int]:
    """The copy's derivation, its lineage where every source has one, and how many sources have
    none."""
    from auditor.controls.lineage import write_lineage
    from auditor.labs.zoo.derivation import inherited, open_source
    from auditor.labs.zoo.derive import derive as make_copy

    opened = [open_source(source) for source in sources]
    folders = [source.checkpoint for source in opened]
    made = make_copy(
        folders if len(folders) > 1 else folders[0], kind, out, seed, **_settings(kind, settings)
    )
    histories = [source.lineage for source in opened if source.lineage is not None]
    if len(histories) < len(opened):
        return made, None, len(opened) - len(histories)
    lineage = inherited(out.resolve().name, histories, [made])
    write_lineage(out, lineage)
    return made, lineage, 0


def _settings(kind: str, given: tuple[str, ...]) -> dict[str, Any]:
    """The settings as values: JSON where it is JSON, else text; several with commas between
    them."""
    from auditor.labs.zoo.derive import ALL_KINDS

    fields = ALL_KINDS[kind].settings.model_fields if kind in ALL_KINDS else {}
    out: dict[str, Any] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key or key in out:
            raise UsageProblem(
                f"{printable(text, 60)!r} is {'there twice' if key in out else 'no KEY=VALUE'}",
                where="--set",
                next_step=(
                    "write it like --set bits=4; `auditor control derive --list` shows the settings"
                ),
            )
        values = _values(value)
        listed = key in fields and get_origin(fields[key].annotation) is tuple
        out[key] = tuple(values) if listed or len(values) != 1 else values[0]
    return out


def _values(text: str) -> list[Any]:
    try:
        found = json.loads(f"[{text}]")
    except (ValueError, RecursionError):
        return [text]
    return found if isinstance(found, list) else [text]


def _put_kinds(as_json: bool) -> None:
    from auditor.labs.zoo.derive import ALL_KINDS

    rows = [_told(name, kind) for name, kind in ALL_KINDS.items()]
    if as_json:
        put_json(rows)
        return
    for row in rows:
        put(_line(row))


def _line(row: dict[str, Any]) -> str:
    marks = [
        mark
        for mark, key in (("function kept", "keeps_function"), ("several parents", "several"))
        if row[key]
    ]
    settings = " ".join(f"{key}={_shown(value)}" for key, value in row["settings"].items())
    said = f"{row['about']} ({', '.join(marks)})" if marks else row["about"]
    return (
        f"{row['kind']:<18} {said}; settings: {settings}"
        if settings
        else f"{row['kind']:<18} {said}"
    )


def _told(name: str, kind: DerivedKind) -> dict[str, Any]:
    settings: Record = kind.settings()
    return {
        "kind": name,
        "about": kind.about,
        "settings": settings.model_dump(mode="json"),
        "keeps_function": kind.keeps_function,
        "several": kind.several,
    }


def _shown(value: Any) -> str:
    return (
        ",".join(str(item) for item in value)
        if isinstance(value, list)
        else json.dumps(value).strip('"')
    )
