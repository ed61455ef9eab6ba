"""`auditor store`: keep teachers' signatures."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from auditor.audits.costs import cost_of
from auditor.audits.frame import open_store
from auditor.audits.plan import BUNDLED
from auditor.commands.completion import stored_models
from auditor.commands.options import (
    AS_JSON,
    DRY_RUN,
    PROBES,
    STORE,
    dry_run,
    placed,
    read_as,
    recording_choices,
    recording_options,
    sampling_options,
    sampling_values,
    store_folder,
)
from auditor.commands.stored import (
    added_to,
    hit,
    list_hits,
    list_stored,
    recall_line,
    repair_of,
    show_cost,
    show_import,
    tell_import,
    tell_published,
    tell_stored,
    warn_of_slip,
    where_there_is_one,
)
from auditor.console import progress_on, put, put_json, say
from fingerprints.address import Address, is_address
from fingerprints.collect import collect, header_of
from fingerprints.errors import MalformedInput, StoreIntegrity, UsageProblem, printable
from fingerprints.importing import import_answers, looked_through
from fingerprints.probes import PRESETS, parse_probes
from fingerprints.publishing import foreseen
from fingerprints.publishing import publish as publish_store
from fingerprints.recordings.recording import how_to_read
from fingerprints.records import ProbeSet, Sampling, sha256
from fingerprints.store import FingerprintStore, check_name
from fingerprints.store_costs import cost_of_index
from fingerprints.store_folder import refuse_occupied
from fingerprints.subjects import open_subject
from fingerprints.subjects.base import Subject
from fingerprints.transcript import Transcript

READ_STORE = store_folder("The store's folder.", BUNDLED)
EMBEDDER = click.option(
    "--embedder",
    metavar="NAME",
    help="Of a new store: sentence-transformers:MODEL. Default: built in, offline.",
)


@click.group()
def store() -> None:
    """Keep the answers and signatures of teachers.

    \b
    Examples:
      auditor store add ./teacher.gguf --name teacher-1 --vendor acme --store teachers/
      auditor store import alpaca_eval/results --store teachers/ --metadata makers.csv
      auditor store list --store teachers/
      auditor store search "I hope this helps!" --store teachers/
    """


@store.command()
@click.argument("spec")
@click.option("--name", metavar="NAME", required=True, help="The model's name in the store.")
@click.option("--vendor", metavar="NAME", default="", help="Who made it (a slug such as openai).")
@click.option("--family", metavar="NAME", default="", help="Its family, for instance llama-3.")
@click.option("--replace", is_flag=True, help="Replace a stored model of this name.")
@STORE
@EMBEDDER
@PROBES
@recording_options
@sampling_options
@DRY_RUN
@AS_JSON
def add(
    spec: str,
    name: str,
    vendor: str,
    family: str,
    replace: bool,
    store_dir: str,
    embedder: str | None,
    probes: str | None,
    mapping: str | None,
    requests: str | None,
    allow_partial: bool,
    dry_run: bool,
    as_json: bool,
    device: str | None,
    dtype: str | None,
    **flags: Any,
) -> int:
    """Ask SPEC (or read recorded answers) and store what it said. An interrupted run is resumed.

    Others may add to the same store meanwhile.
    """
    spec = read_as(spec, recording_choices(mapping, requests, allow_partial))
    sets = [choice.load() for choice in (parse_probes(probes) if probes else PRESETS["teacher"])]
    sampling = Sampling.model_validate(sampling_values(**flags))
    if dry_run:
        return show_cost(cost_of(spec, sets, sampling), as_json)
    # Beside the store: a run that is cut leaves the store as it was, and is resumed from here.
    pending = Path(f"{store_dir.rstrip('/')}.pending") / f"{sha256(f'{name}|{spec}')[:16]}.jsonl"
    check_name(name)
    refuse_occupied(Path(store_dir))
    with (
        progress_on("opening") as progress,
        open_subject(placed(spec, device, dtype)) as subject,
        added_to(store_dir, embedder) as late,
    ):
        warn_of_slip(vendor, late)
        known = None if replace else _said_already(late.there, name, subject, sets, sampling)
        asking = progress.step("asking")
        if known is not None:
            say("its answers to these questions are stored: nobody is asked (--replace does)")
        transcript = known or collect(subject, sets, sampling, pending, asking)
        stored = late.now().add(
            transcript, name=name, vendor=vendor, family=family, replace=replace
        )
    pending.unlink(missing_ok=True)
    if pending.parent.is_dir() and not any(pending.parent.iterdir()):
        shutil.rmtree(pending.parent)
    tell_stored(stored, as_json)
    return 0


def _said_already(
    store: FingerprintStore | None,
    name: str,
    subject: Subject,
    sets: Sequence[ProbeSet],
    sampling: Sampling,
) -> Transcript | None:
    """The stored answers to the very same questions, all of them: a run that was killed after they
    were stored asks nobody again. None where there are none; recorded answers are read anew."""
    if store is None or "recorded" in subject.offers:
        return None
    if all(teacher.name != name for teacher in store.teachers()):
        return None
    said = store.transcript(name)
    asked = header_of(subject, sets, sampling).terms()
    return said if said.complete and said.header.terms() == asked else None


@store.command("list")
@READ_STORE
@AS_JSON
def list_(store_dir: str, as_json: bool) -> int:
    """List the stored models."""
    with open_store(store_dir) as opened:
        rows = opened.teachers()
    if as_json:
        put_json([row.model_dump(mode="json") for row in rows])
        return 0
    list_stored(rows)
    return 0


@store.command()
@click.argument("name", shell_complete=stored_models)
@READ_STORE
@AS_JSON
def show(name: str, store_dir: str, as_json: bool) -> int:
    """Show one stored model: identity, probe sets, digests."""
    with open_store(store_dir) as opened:
        tell_stored(opened.teacher(name), as_json)
    return 0


@store.command()
@click.argument("name", shell_complete=stored_models)
@STORE
@AS_JSON
def remove(name: str, store_dir: str, as_json: bool) -> int:
    """Remove one stored model."""
    with FingerprintStore.open(Path(store_dir)) as opened:
        removed = opened.remove(name)
    if as_json:
        put_json(removed.model_dump(mode="json"))
    else:
        put(f"removed {printable(name)}")
    return 0


@store.command("import", short_help="Import recorded answers of many models.")
@click.argument("path")
@click.option("--replace", is_flag=True, help="Replace stored models of the same names.")
@click.option("--metadata", metavar="CSV", help="Columns model,vendor[,family]: who made them.")
@click.option(
    "--vendor",
    metavar="NAME",
    default="",
    help="Who made those of which the metadata names no maker.",
)
@recording_options
@STORE
@EMBEDDER
@dry_run("Read the files and say what would be added and what it costs; store nothing.")
@AS_JSON
def import_(
    path: str,
    replace: bool,
    metadata: str | None,
    vendor: str,
    mapping: str | None,
    requests: str | None,
    allow_partial: bool,
    store_dir: str,
    embedder: str | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Import recorded answers of many models: a file or a folder of any form that docs/formats.md
    lists, AlpacaEval's layout, or a data set's hf:// address.

    What was read, skipped, empty and unreadable is counted. Nothing is stored where no answer can
    be read, or over a tenth of a file (or of a folder's files) can't; --allow-partial goes on with
    what can. Several imports may run at once into one store; an interrupted one is run again, and
    what is stored already stays as it is.

    \b
    Examples:
      auditor store import alpaca_eval/results --store teachers/ --metadata makers.csv
      auditor store import gpt-4.jsonl --store teachers/ --vendor OpenAI
      auditor store import batch_output.jsonl --requests batch_input.jsonl --store teachers/
      auditor store import hf://datasets/org/name/data.parquet --store teachers/
      auditor store import answers/ --store teachers/ --dry-run
    """
    made = None if metadata is None else Path(metadata)
    how = how_to_read(recording_choices(mapping, requests, allow_partial))
    if not dry_run:
        refuse_occupied(Path(store_dir))
    with progress_on("reading") as progress:
        found = looked_through(path, made, progress, how)
        if dry_run:
            with where_there_is_one(store_dir) as seen:
                report = import_answers(seen, found, progress, replace, vendor.strip(), True)
    if dry_run:
        return show_import(report, as_json)
    # What is refused was refused by now: a store is made for answers that can be read.
    with added_to(store_dir, embedder) as late, progress_on("importing") as progress:
        warn_of_slip(vendor, late)
        outcome = import_answers(late, found, progress, replace, vendor.strip())
    told = tell_import(outcome, vendor, as_json)
    if late.there is not None:
        return told
    say(f"nothing could be stored: no store was made at {store_dir}")
    return MalformedInput.exit_code


@store.command(short_help="Find the stored answers nearest to a text.")
@click.argument("text")
@click.option(
    "-k",
    "nearest",
    type=click.IntRange(1, 1000),
    default=5,
    show_default=True,
    help="How many answers.",
)
@click.option(
    "--by-index",
    is_flag=True,
    help="Compare with what the index proposes only; says how much that finds.",
)
@READ_STORE
@AS_JSON
def search(text: str, nearest: int, by_index: bool, store_dir: str, as_json: bool) -> int:
    """Find the stored answers nearest to TEXT by cosine similarity of their signatures.

    TEXT is compared with every stored answer. Of a store of over 200,000 answers --by-index looks
    only where its index proposes, as programs that search often do: for one text, opening the
    store takes far longer than either.

    \b
    Examples:
      auditor store search "I hope this helps!" --store teachers/ -k 10
      auditor store search "I hope this helps!" --store teachers/ --by-index
    """
    if not text.strip():
        raise UsageProblem(
            "there is no text to compare with",
            where="TEXT",
            next_step='give some words, such as `auditor store search "I hope this helps!"`',
        )
    with open_store(store_dir) as opened:
        wanted = opened.embedder.embed([text])
        scores, numbers = opened.search(wanted, nearest, exact=not by_index)
        if by_index:
            say(recall_line(opened.recall()))
        rows = [
            hit(opened, float(s), int(n))
            for s, n in zip(scores[0], numbers[0], strict=True)
            if n >= 0
        ]
    if as_json:
        put_json(rows)
        return 0
    list_hits(rows)
    return 0


@store.command()
@READ_STORE
@AS_JSON
def verify(store_dir: str, as_json: bool) -> int:
    """Check every row and the index against their digests. Exits with 5 when something differs."""
    with open_store(store_dir) as opened:
        problems = opened.verify()
        count = len(opened.teachers())
    if as_json:
        put_json({"models": count, "problems": [problem.what for problem in problems]})
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise StoreIntegrity(
            problems[0].what + more, where=store_dir, next_step=repair_of(store_dir, problems)
        )
    if not as_json:
        put(f"{count} models, every digest fits")
    return 0


@store.command()
@STORE
@dry_run("Say how large the index will be and what building it costs; build nothing.")
@AS_JSON
def rebuild(store_dir: str, dry_run: bool, as_json: bool) -> int:
    """Build the FAISS index again from the catalogue.

    A large one is built in shards: a killed or interrupted build goes on with what it had finished.

    \b
    Examples:
      auditor store rebuild --store teachers/ --dry-run
      auditor store rebuild --store teachers/
    """
    if dry_run:
        with open_store(store_dir) as opened:
            count = opened.catalog.count_vectors()
            cost = cost_of_index(count, opened.catalog.dimension, opened.index.exact_up_to)
        return show_cost(cost.model_dump(mode="json"), as_json)
    with FingerprintStore.open(Path(store_dir)) as opened, progress_on("indexing") as progress:
        opened.rebuild(progress)
        signatures = sum(t.n_indexed for t in opened.teachers())
    if as_json:
        put_json({"signatures": signatures})
    else:
        put(f"rebuilt the index of {signatures:,} signatures")
    return 0


@store.command(short_help="Put a store on object storage.")
@click.argument("address")
@STORE
@dry_run("Say what would be sent; send nothing.")
@AS_JSON
def publish(address: str, store_dir: str, dry_run: bool, as_json: bool) -> int:
    """Put a store at ADDRESS, where --store of other commands reads it from.

    An address is of a protocol of fsspec's (s3://, gs://, az://, file://); credentials are those
    that its package finds. What is there already is not sent again, and readers see the old
    store until the new one is whole.

    \b
    Examples:
      auditor store publish s3://bucket/teachers --store teachers/ --dry-run
      auditor store publish s3://bucket/teachers --store teachers/
      auditor audit hf:./suspect --store s3://bucket/teachers
    """
    if is_address(address) and Address.parse(address).passing:
        raise UsageProblem(
            "what is put there is gone when this command ends",
            where=address,
            next_step="publish to a place that lasts, such as s3://bucket/teachers",
        )
    with progress_on("publishing") as progress:
        folder = Path(store_dir)
        done = foreseen(folder, address) if dry_run else publish_store(folder, address, progress)
    return tell_published(done, dry_run, as_json)
