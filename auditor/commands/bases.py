"""`auditor bases`: keep small signatures of many bases' weights, to look a suspect up among
them."""

from __future__ import annotations

from pathlib import Path

import click

from auditor.audits.lineage.run import named
from auditor.commands.options import AS_JSON, store_folder
from auditor.console import progress_on, put, put_json, say
from fingerprints.errors import printable
from fingerprints.weights import open_weights
from fingerprints.weights.bases import CATALOGUE, BaseStore
from fingerprints.weights.signature import weight_signature

STORE = store_folder("The store's folder.", envvar="AUDITOR_BASES", required=True)


@click.group()
def bases() -> None:
    """Keep weight signatures of base models: a few hundred kilobytes each, without their weights.

    \b
    Examples:
      auditor bases add llama=hf:org/llama ./qwen.gguf --store bases/
      auditor bases list --store bases/
      auditor lineage ./suspect --store bases/
    """


@bases.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@STORE
@click.option(
    "--digest/--no-digest", default=True, show_default=True, help="Hash the weight files too."
)
@click.option("--replace", is_flag=True, help="Replace a stored model of the same name.")
def add(models: tuple[str, ...], store_dir: str, digest: bool, replace: bool) -> int:
    """Read each MODEL (SPEC, or NAME=SPEC) and store its signature."""
    path = Path(store_dir)
    store = BaseStore.open(path) if (path / CATALOGUE).exists() else BaseStore.create(path)
    with progress_on("reading weights") as reading:
        for number, spec in enumerate(models):
            name, where = named(spec)
            with open_weights(where) as weights:
                store.add(weight_signature(weights, name, digest=digest), replace=replace)
            reading(number + 1, len(models))
            say(f"stored: {printable(name, 80)}")
    return 0


@bases.command(name="list")
@STORE
@AS_JSON
def list_bases(store_dir: str, as_json: bool) -> int:
    """List the stored models; every signature's digest is verified."""
    store = BaseStore.open(Path(store_dir))
    facts = [store.get(name).facts for name in store.names()]
    if as_json:
        put_json([f.model_dump(mode="json") for f in facts])
        return 0
    for f in facts:
        size = f"{f.layers} layers of {f.hidden:,} coordinates, {max(f.units):,} units"
        put(f"{printable(f.name, 60)}  {printable(f.family, 30)}, {size}, {f.format}")
    if not facts:
        say("the store is empty")
    return 0


@bases.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@STORE
def remove(names: tuple[str, ...], store_dir: str) -> int:
    """Take models out of the store."""
    store = BaseStore.open(Path(store_dir))
    for name in names:
        store.remove(name)
        say(f"removed: {printable(name, 80)}")
    return 0
