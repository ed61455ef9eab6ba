"""`auditor declared`: do a model's weights bear out the base that its card declares?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from auditor.audits.lineage.card_check import (
    checked,
    declared_bases,
    hub_id,
    specs_of,
)
from auditor.audits.lineage.judge import ALPHA
from auditor.audits.lineage.plan import LineagePlan
from auditor.audits.lineage.report import report_of
from auditor.audits.lineage.run import lineages, named
from auditor.audits.report.bundle import ready_folder
from auditor.commands.custody import custody_options, kept, refuse_unkept
from auditor.commands.lineage import CONTRADICTED
from auditor.commands.options import AS_JSON, FORCE
from auditor.console import progress_on, put, put_json, say
from fingerprints.errors import Incomplete, printable
from fingerprints.weights.open import open_weights


@click.command()
@click.argument("model")
@click.option(
    "--base",
    "known",
    metavar="NAME=SPEC",
    multiple=True,
    help="Where a declared base is found, by the name that the card gives it; may be repeated.",
)
@click.option("--out", metavar="DIR", help="Write the report into this folder. Default: none.")
@click.option(
    "--fail-on",
    type=click.Choice(["contradiction"]),
    help="Exit with 10 where the weights are independent of every declared base.",
)
@click.option("--require", is_flag=True, help="Exit with 1 where no base is declared.")
@custody_options
@FORCE
@AS_JSON
def declared(
    model: str,
    known: tuple[str, ...],
    out: str | None,
    fail_on: str | None,
    require: bool,
    force: bool,
    as_json: bool,
) -> int:
    """Compare MODEL's weights with the base that its own files declare (base_model of the card, the
    adapter's base, GGUF metadata).

    A declared base is taken from the hub unless --base says where it is. For repositories of
    models, as a GitHub Action and a pre-commit hook (docs/ci.md). Weights that are independent of a
    declared base are mostly a slip in the card.

    \b
    Examples:
      auditor declared ./model --fail-on contradiction
      auditor declared ./model --base org/base=./base --out lineage/
      auditor declared ./adapter --base org/base=hf:./base --json
    """
    folder = None if out is None else Path(out)
    refuse_unkept(folder)
    if folder is not None:
        ready_folder(folder, force)
    names = declared_bases(model)
    places = dict(map(_pair, known))
    if len(places) < len(known):
        raise click.UsageError("--base names one base twice, and only one place can be meant")
    for unused in places.keys() - {n for name in names for n in (name, hub_id(name))}:
        say(f"--base {printable(unused, 100)!r}: the model's files declare no base of that name")
    found, missed = None, dict[str, Incomplete]()
    if names:
        specs = specs_of(names, places)
        specs, missed = _reached(specs)
        plan = LineagePlan.make({"suspect": model, "bases": specs, "alpha": ALPHA})
        with progress_on("reading weights") as reading:
            found = lineages(model, specs, digest=folder is not None, reading=reading)
        found = replace(found, unopened=tuple((name, e.what) for name, e in missed.items()))
        if folder is not None:
            kept(report_of(found, plan), plan, folder, force)
            say(f"written: {folder / 'report.html'} and {folder / 'report.json'}")
    result = checked(names, found)
    if as_json:
        put_json(result.model_dump(mode="json"))
    else:
        put("\n".join(result.lines()))
    if missed:
        # What was found is told first: the rest can be asked for again.
        raise next(iter(missed.values()))
    if fail_on is not None and result.conclusion == "contradicted":
        return CONTRADICTED
    return int(require and result.conclusion == "nothing_declared")


def _reached(specs: list[str]) -> tuple[list[str], dict[str, Incomplete]]:
    """The declared bases that are within reach, and of the others what failed, by name; raises that
    where none is."""
    here, missed = list[str](), dict[str, Incomplete]()
    for spec in specs:
        name, where = named(spec)
        try:
            open_weights(where).close()
            here.append(spec)
        except Incomplete as error:
            missed[name] = error
    if not here:
        raise next(iter(missed.values()))
    return here, missed


def _pair(text: str) -> tuple[str, str]:
    name, equals, spec = text.partition("=")
    if not (name and equals and spec):
        raise click.UsageError("--base is written NAME=SPEC, with the name that the card gives")
    return name, spec
