"""`auditor lineage`: where do a suspect's weights come from?"""

from __future__ import annotations

from pathlib import Path

import click

from auditor.audits.lineage.declared import contradicted
from auditor.audits.lineage.judge import ALPHA
from auditor.audits.lineage.plan import LineagePlan
from auditor.audits.lineage.records import LineageSection
from auditor.audits.lineage.report import report_of
from auditor.audits.lineage.run import is_closed, lineages
from auditor.audits.report.bundle import ready_folder
from auditor.commands.audits import tell
from auditor.commands.custody import custody_options, kept
from auditor.commands.documents import FULL
from auditor.commands.options import AS_JSON, FORCE, out_folder, store_folder
from auditor.console import progress_on, say
from auditor.evidence.records import Report
from fingerprints.errors import UsageProblem, printable

CONTRADICTED = 10
"""The exit code where weights contradict a declaration, under ``--fail-on contradiction``."""


@click.command()
@click.argument("suspect")
@click.argument("bases", nargs=-1, metavar="BASE...")
@store_folder("Look the suspect up in a store of `auditor bases`.", envvar="AUDITOR_BASES")
@click.option(
    "--answers",
    metavar="DIR",
    envvar="AUDITOR_STORE",
    help=(
        "Where SUSPECT's weights are out of sight: the store of answers that BASE names models of."
        " Default: the bundled one."
    ),
)
@out_folder("Folder of the report.", "lineage")
@click.option(
    "--alpha",
    type=click.FloatRange(0, 0.5, min_open=True),
    default=ALPHA,
    show_default=True,
    help="Chance of any false common origin among all bases.",
)
@click.option(
    "--tokenizer-only",
    is_flag=True,
    help="Compare tokenizers, templates and model cards; leave the weights alone.",
)
@click.option(
    "--digest/--no-digest",
    default=True,
    show_default=True,
    help="Hash the suspect's weights (up to 8 GiB).",
)
@click.option(
    "--history",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="A commit log (`git log > FILE`): its lines that name a base are told beside the weights.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["contradiction"]),
    help="Exit with 10 where the weights contradict a base that the suspect's files name.",
)
@custody_options
@FORCE
@FULL
@AS_JSON
def lineage(
    suspect: str,
    bases: tuple[str, ...],
    store_dir: str | None,
    answers: str | None,
    out: str,
    alpha: float,
    tokenizer_only: bool,
    digest: bool,
    history: str | None,
    fail_on: str | None,
    force: bool,
    as_json: bool,
) -> int:
    """Compare SUSPECT's weights with those of each BASE: derived, from one initialisation, or
    independent?

    \b
    Examples:
      auditor lineage ./suspect ./base-a ./base-b
      auditor lineage ./suspect.gguf llama=hf:org/llama qwen=hf:org/qwen --out lineage/
      auditor lineage gguf:./base.gguf,adapter=./lora ./base.gguf
      auditor lineage ./suspect --store bases/
      auditor lineage ./suspect ./base --tokenizer-only
      auditor lineage ./suspect ./named-base --history log.txt --fail-on contradiction
      auditor lineage openai:NAME,base_url=http://localhost:8000/v1 --answers teachers/

    Reads safetensors and GGUF a few rows at a time, without loading a model; checkpoints of other
    precision, depth, width or vocabulary are compared, and so are copies whose units were permuted,
    rotated or rescaled. Nobody is asked anything, unless the suspect is an endpoint or recorded
    answers: then BASE names stored models, and next words are compared. Writes report.json and
    report.html. A common origin is no proof of who came first.
    """
    folder = Path(out)
    ready_folder(folder, force)
    if is_closed(suspect):
        if fail_on is not None or history is not None:
            raise UsageProblem(
                "declarations are read beside weights, and this suspect's are out of sight",
                where="--fail-on" if fail_on is not None else "--history",
                next_step="leave it away, or give the suspect's files",
            )
        return _closed(suspect, bases, folder, answers, force, as_json)
    plan = LineagePlan.make(
        {
            "suspect": suspect,
            "bases": bases,
            "store": store_dir,
            "history": history,
            "alpha": alpha,
            "tokenizer_only": tokenizer_only,
        }
    )
    with progress_on("reading weights") as reading:
        found = lineages(
            suspect,
            bases,
            alpha=alpha,
            store=Path(store_dir) if store_dir is not None else None,
            tokenizer_only=tokenizer_only,
            digest=digest,
            reading=reading,
        )
    report = report_of(found, plan)
    tell(kept(report, plan, folder, force), folder, as_json)
    return CONTRADICTED if fail_on is not None and _contradicted(report) else 0


def _contradicted(report: Report) -> bool:
    """Whether the weights contradict a base that the suspect's files name; said on stderr."""
    told = report.section(LineageSection)
    names = () if told is None else contradicted(told.declarations)
    if names:
        say(
            f"--fail-on contradiction: the suspect's files name {printable(', '.join(names), 200)},"
            " and its weights are independent of that as far as was seen"
        )
    return bool(names)


def _closed(
    suspect: str,
    bases: tuple[str, ...],
    folder: Path,
    answers: str | None,
    force: bool,
    as_json: bool,
) -> int:
    # Loads what asks models, which a comparison of files does without.
    from auditor.audits.inheritance.closed import closed_lineage

    with progress_on("opening the suspect") as progress:
        report, plan = closed_lineage(suspect, bases, folder, answers, progress)
    tell(kept(report, plan, folder, force), folder, as_json)
    return 0
