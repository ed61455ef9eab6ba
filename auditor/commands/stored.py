"""What the commands of a store open and tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from auditor.audits.frame import open_store
from auditor.audits.plan import BUNDLED
from auditor.commands.audits import cost_lines
from auditor.console import put, put_json, say
from detectors.lineup import counted
from detectors.text.model_names import meant
from fingerprints import remote_store
from fingerprints.address import is_address
from fingerprints.catalog_file import CATALOG
from fingerprints.catalog_rows import StoredTeacher
from fingerprints.embed import Embedder, HashedNgrams, SentenceTransformer
from fingerprints.errors import UsageProblem, printable
from fingerprints.importing import ImportReport
from fingerprints.inspection import StoreProblem, repair
from fingerprints.late_store import LateStore
from fingerprints.nearest import Recall
from fingerprints.publishing import Published
from fingerprints.store import FingerprintStore
from fingerprints.store_costs import cost_of_adding
from fingerprints.store_folder import refuse_occupied


def hit(opened: FingerprintStore, score: float, number: int) -> dict[str, Any]:
    """One stored answer that is near to a text."""
    found = opened.answer(number)
    reply = next(
        r
        for r in opened.transcript(found.teacher).replies
        if r.key == (found.probe_id, found.arm, found.sample)
    )
    return {
        "cosine": round(score, 4),
        "model": found.teacher,
        "probe": found.probe_id,
        "answer": reply.text[:80],
    }


def list_hits(rows: Sequence[Mapping[str, Any]]) -> None:
    """Prints stored answers that are near to a text."""
    _table(("cosine", "model", "probe", "answer begins"), [list(row.values()) for row in rows])


def list_stored(rows: Sequence[StoredTeacher]) -> None:
    """Prints what models a store holds."""
    columns = ("name", "vendor", "family", "answers", "kind", "weights SHA-256")
    cells = [
        (
            row.name,
            row.vendor,
            row.family,
            row.n_answers,
            row.identity.kind,
            (row.identity.weights_sha256 or "")[:12],
        )
        for row in rows
    ]
    _table(columns, cells)


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    table = Table(*(Column(title, overflow="fold") for title in columns))
    for row in rows:
        table.add_row(*(Text(printable(str(cell))) for cell in row))
    Console().print(table)


def repair_of(store_dir: str, problems: Sequence[StoreProblem]) -> str:
    """What to do about a damaged store, where it can be done: nothing repairs one that is read."""
    if is_address(store_dir):
        return remote_store.REPAIR
    if store_dir == BUNDLED:
        return "install the toolkit anew: this store came with it"
    return repair(store_dir, problems)


def recall_line(recall: Recall | None) -> str:
    """What a search by the index finds."""
    if recall is None:
        return "this store is searched exactly, with its index too"
    return (
        f"the index found {recall.found:.1%} [{recall.low:.1%}, {recall.high:.1%}] of the"
        f" {recall.k} nearest of {counted(recall.queries, 'stored answer')} when it was built"
        f" ({recall.probed:,} of {counted(recall.cells, 'cell')} looked at): other texts may fare"
        " worse"
    )


@contextmanager
def where_there_is_one(store_dir: str) -> Iterator[FingerprintStore | None]:
    """The store as it is, read-only; None where there is none yet."""
    if not is_address(store_dir) and not (Path(store_dir) / CATALOG).is_file():
        yield None
        return
    with open_store(store_dir) as opened:
        yield opened


def show_cost(cost: Mapping[str, Any], as_json: bool) -> int:
    """Prints what something would cost; the exit code."""
    if as_json:
        put_json(dict(cost))
    else:
        put("\n".join(cost_lines(cost)))
    return 0


def show_import(found: ImportReport, as_json: bool) -> int:
    """What an import would add and what it would cost."""
    indexed = found.answers - found.unreadable
    cost = cost_of_adding(indexed, found.characters, HashedNgrams().dimension).model_dump(
        mode="json"
    )
    if as_json:
        put_json({**found.model_dump(mode="json"), "cost": cost})
        return 0
    would = counted(len(found.added), "model")
    put(f"{would} would be added with {counted(found.answers, 'answer')},")
    put(f"{len(found.unchanged)} unchanged, {len(found.skipped)} skipped")
    say(f"of the files: {found.reading.line}")
    for skipped in found.skipped:
        say(f"would be skipped: {skipped.what}: {skipped.reason}")
    return show_cost(cost, as_json=False)


def warn_of_slip(vendor: str, late: LateStore) -> None:
    """Says that a maker's name looks misspelt: it is kept as it was given."""
    stored = [] if late.there is None else late.there.teachers()
    maker = meant(vendor, [t.vendor for t in stored])
    if maker is not None:
        say(f"no maker is called {vendor} (--vendor): did you mean {maker}?")


@contextmanager
def added_to(store_dir: str, embedder: str | None) -> Iterator[LateStore]:
    """A store that is added to: joined at once where there is one, so that what is wrong with it
    shows before anybody is asked; elsewhere made with the first model that is stored, so that work
    which ends before leaves no empty one. Raises what `FingerprintStore.join` raises, UsageProblem
    for an unknown embedder, and what `refuse_occupied` raises."""
    path, chosen = Path(store_dir), _embedder(embedder)
    refuse_occupied(path)
    with LateStore(lambda: FingerprintStore.join(path, embedder=chosen)) as late:
        if (path / CATALOG).is_file():
            late.now()
        yield late


def _embedder(name: str | None) -> Embedder | None:
    if name is None:
        return None
    model = name.removeprefix("sentence-transformers:")
    if model == name or not model:
        raise UsageProblem(
            "unknown embedder", where="--embedder", next_step="write sentence-transformers:MODEL"
        )
    return SentenceTransformer(model)


def tell_stored(stored: StoredTeacher, as_json: bool) -> None:
    """Prints what a store says of one model."""
    value = stored.model_dump(mode="json")
    if as_json:
        put_json(value)
        return
    table = Table(Column(), Column(overflow="fold"), show_header=False, box=None)
    for key, value_of in value.items():
        told = (
            ", ".join(f"{k}={v}" for k, v in value_of.items() if v)
            if isinstance(value_of, dict)
            else str(value_of)
        )
        table.add_row(key.replace("_", " "), Text(told))
    Console().print(table)


def tell_import(outcome: ImportReport, vendor: str, as_json: bool) -> int:
    """Prints what an import added to stdout, what it left out to stderr; 0."""
    if as_json:
        put_json(outcome.model_dump(mode="json"))
        return 0
    put(
        f"{counted(len(outcome.added), 'model')} added with {counted(outcome.answers, 'answer')},"
        f" {len(outcome.unchanged)} unchanged"
    )
    say(f"of the files: {outcome.reading.line}")
    if outcome.other_vendor:
        say(
            f"the metadata names another maker than {vendor} for"
            f" {counted(len(outcome.other_vendor), 'model')}, {outcome.other_vendor[0]} first: the"
            " metadata's was kept"
        )
    for skipped in outcome.skipped:
        say(f"skipped {skipped.what}: {skipped.reason}")
    if outcome.without_metadata:
        say(
            f"the metadata does not list {counted(len(outcome.without_metadata), 'model')},"
            f" {outcome.without_metadata[0]} first"
        )
    return 0


def tell_published(done: Published, foreseen: bool, as_json: bool) -> int:
    """Prints what was sent, or would be; 0."""
    if as_json:
        put_json(done.model_dump(mode="json"))
        return 0
    would, about = "would be sent" if foreseen else "sent", "about " if done.reckoned else ""
    put(
        f"{counted(done.sent, 'object')} {would} ({about}{done.sent_bytes:,} bytes),"
        f" {done.there} there already ({done.there_bytes:,} bytes)"
    )
    if done.reckoned:
        say("the store is packed when it is sent; what that changes is reckoned")
    return 0
