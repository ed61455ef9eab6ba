"""`auditor compare`: several models' answers side by side, as a tree and a matrix."""

from __future__ import annotations

from pathlib import Path

import click

from auditor.audits.compare.document import comparison_document
from auditor.audits.compare.folder import ready, write_comparison
from auditor.audits.compare.records import Method
from auditor.audits.compare.run import RESAMPLES
from auditor.audits.compare.run import compare as compared
from auditor.audits.compare.sources import named_sources, stored_sources
from auditor.audits.frame import open_store
from auditor.audits.plan import BUNDLED
from auditor.commands.documents import in_format, show_document
from auditor.commands.options import AS_JSON, FORCE, out_folder, store_folder
from auditor.console import progress_on, say
from fingerprints.recordings.tally import OF_THE_FILE


@click.command()
@click.argument("models", nargs=-1)
@store_folder("Where names are from.", BUNDLED)
@click.option(
    "--all", "with_store", is_flag=True, help="Add every model of the store to the named ones."
)
@click.option(
    "--method",
    type=click.Choice(["nj", "average"]),
    default="nj",
    show_default=True,
    help="The tree: neighbour joining, or average linkage.",
)
@click.option(
    "--resamples",
    type=click.IntRange(0, 2000),
    default=RESAMPLES,
    show_default=True,
    help="How often prompts are redrawn.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the redrawing.")
@out_folder("Folder of the files.", "compare")
@FORCE
@in_format
@AS_JSON
def compare(
    models: tuple[str, ...],
    store_dir: str,
    with_store: bool,
    method: Method,
    resamples: int,
    seed: int,
    out: str,
    force: bool,
    form: str,
    as_json: bool,
) -> int:
    """Draw the tree and the matrix of MODELS: who answers like whom. Nearness is not inheritance.

    \b
    A model is one of:
      answers.jsonl        a transcript or recorded answers (of one model or several)
      report/              the folder of a report
      NAME                 a model of the store
      NAME=answers.jsonl   one of these under another name
    Without any, all models of the store are compared.

    \b
    Examples:
      auditor compare --store teachers/
      auditor compare report/ --all --store teachers/ --out compare/
      auditor compare a.jsonl b.jsonl c=other/answers.jsonl --method average

    Only prompts that all models answered count, and nobody is asked anything. Writes compare.json,
    compare.html, tree.svg, matrix.svg and tree.nwk.
    """
    folder = Path(out)
    ready(folder, force)
    with progress_on("comparing answers"), open_store(store_dir) as store:
        sources = named_sources(models, store)
        whole = with_store or not models
        rest, left_out = (
            stored_sources(store, frozenset(s.name for s in sources)) if whole else ([], [])
        )
        for source, event in ((s, e) for s in sources for e in s.transcript.events):
            if event.kind in OF_THE_FILE:
                say(f"{source.name}: {event.detail}")
        found = compared([*sources, *rest], left_out, method, resamples, seed)
    paths = write_comparison(found, folder, force)
    document = comparison_document(found)
    show_document(document, form, as_json)
    if found.newick is None:
        say("two models have a distance and no tree; name a third one for that")
    say(f"written: {', '.join(path.name for path in paths)} in {folder}")
    return 0
