"""Opens the suspect and the bases, compares them, and tells: the straight line of a lineage audit
by weights.

Nobody is asked anything; files are read a few rows at a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from auditor.audits.lineage.judge import ALPHA, JudgedPair, judged, merge_told, merged
from auditor.audits.lineage.records import RELATED, WeightComparison
from auditor.audits.lineage.sides import Side
from fingerprints.errors import (
    AuditError,
    Incomplete,
    MalformedInput,
    ResourceLimit,
    UsageProblem,
    printable,
)
from fingerprints.progress import SILENT, Progress
from fingerprints.records import Identity
from fingerprints.subjects.cache import file_sha256
from fingerprints.subjects.digests import (
    adapter_sha256,
    config_sha256,
    files_sha256,
    template_sha256,
    tokenizer_sha256,
    weight_files,
)
from fingerprints.subjects.kinds import kind_of, scheme_in
from fingerprints.subjects.spec import parse_spec
from fingerprints.weights import Weights, anatomy_of, open_weights
from fingerprints.weights.card import DeclaredLineage, declared_lineage
from fingerprints.weights.likeness import TokenizerEvidence, TokenizerLikeness, tokenizer_likeness
from fingerprints.weights.tokenizer import tokenizer_of

if TYPE_CHECKING:
    from fingerprints.weights.bases import BaseStore

NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,63})=(.+)")
HASHED = 8 << 30
"""Bytes of weights up to which they are hashed for the report: beyond, reading them costs more
than comparing them."""

NARROW = 1024
"""Up to so many coordinates products are so small that the threads of the linear algebra library
wait for each other: two take 1.3 to 1.8 times the processor time of one, and no less by the
clock."""


@dataclass(frozen=True)
class Opened:
    """A model whose files were opened: its weights, its tokenizer (None: none, or none that can be
    read), its declarations.

    ``side`` is None where its anatomy is not understood, and ``reason`` says why.
    """

    name: str
    weights: Weights
    side: Side | None
    tokenizer: TokenizerEvidence | None
    declared: DeclaredLineage
    reason: str = ""


@dataclass(frozen=True)
class Tokenizers:
    """The suspect's tokenizer against one base's; None where one of them is not there."""

    base: str
    likeness: TokenizerLikeness | None


@dataclass(frozen=True)
class Lineages:
    """Everything that a lineage audit found: the suspect, every base judged, tokenizers, and a
    mixture in words. ``repeated``: other names that a base was given by besides, with its own.
    ``unopened``: names and reasons of bases that were asked about and could not be opened.
    ``unsearched``: a store was not looked through, since the suspect's roles were guessed."""

    suspect: Opened
    bases: tuple[Opened, ...]
    judged: tuple[JudgedPair, ...]
    tokenizers: tuple[Tokenizers, ...]
    merge: str
    alpha: float
    identity: Identity
    screened: tuple[WeightComparison, ...] = ()
    stored: int = 0
    repeated: tuple[tuple[str, str], ...] = ()
    unopened: tuple[tuple[str, str], ...] = ()
    unsearched: bool = False

    @property
    def told(self) -> tuple[WeightComparison, ...]:
        """Every comparison of weights: by weights first, then by signature."""
        return (*(j.told for j in self.judged), *self.screened)


def named(spec: str, taken: Sequence[str] = ()) -> tuple[str, str]:
    """The name and the spec of ``NAME=SPEC`` or ``SPEC``; without a name the last part of its
    path, made unique."""
    found = NAMED.fullmatch(spec)
    if found and not Path(spec).exists() and scheme_in(spec) is None:
        return found[1], found[2]
    bare = (spec.partition(":")[2] if scheme_in(spec) else spec).split(",")[0]
    parts = [p for p in re.split(r"[/\\]", bare) if p not in ("", ".", "..")]
    last = printable(parts[-1] if parts else bare, 60)
    if last == "student" and len(parts) > 1:
        last = printable(parts[-2], 60)
    name, number = last, 2
    while name in taken:
        name, number = f"{last}-{number}", number + 1
    return name, spec


def path_in(spec: str) -> str | None:
    """The path that ``SPEC`` or ``NAME=SPEC`` names; None where that may be something else, as a
    hub id."""
    where = named(spec)[1]
    scheme = scheme_in(where)
    if scheme is None:
        return where if Path(where).exists() else where.split(",")[0]
    path = where.partition(":")[2].split(",")[0]
    surely = kind_of(scheme).recorded or path.startswith((".", "/", "~")) or path.endswith(".gguf")
    return path if surely else None


def is_closed(spec: str) -> bool:
    """Whether a spec names a subject whose weights are out of sight: an endpoint, or recorded
    answers."""
    try:
        return parse_spec(spec).kind.weights is None
    except AuditError:
        return False


def refuse_absent(spec: str) -> None:
    """Raises Incomplete for a model whose files were read and are not on this machine. Recorded
    answers lie beside the report, and nobody read weights there."""
    if is_closed(spec):
        return
    path = path_in(spec)
    if path is not None and kind_of("recording").recognises(Path(path)):
        return
    if path is None or not Path(path).expanduser().exists():
        raise Incomplete(
            "its files were weighed, and are not at hand",
            where=printable(spec, 100),
            next_step="verify where they lie as the plan says",
        )


def lineages(
    suspect: str,
    bases: Sequence[str],
    *,
    alpha: float = ALPHA,
    store: Path | None = None,
    tokenizer_only: bool = False,
    digest: bool = True,
    reading: Progress = SILENT,
) -> Lineages:
    """Compares a suspect's files with those of every base (``SPEC`` or ``NAME=SPEC``); what
    `auditor lineage` does.

    ``store`` is a folder of weight signatures to look the suspect up in; ``tokenizer_only`` leaves
    the weights alone. Deterministic. Raises UsageProblem without a base or for two of one name, and
    what opening and reading the weights raises; a base whose anatomy is not understood is told, not
    raised.
    """
    signatures = None if store is None else _signatures(store)
    if not bases and signatures is None:
        raise UsageProblem(
            "no base to compare with", where="BASE", next_step="name one or more, or --store DIR"
        )
    with ExitStack() as stack:
        mine = stack.enter_context(opened(*named(suspect)))
        theirs, repeated = _bases(bases, stack)
        if mine.side is not None and mine.side.anatomy.hidden <= NARROW:
            stack.enter_context(threadpool_limits(limits=1, user_api="blas"))
        if mine.side is None and not tokenizer_only:
            raise MalformedInput(
                mine.reason, where=printable(suspect, 100), next_step="try --tokenizer-only"
            )
        found: list[JudgedPair] = []
        if not tokenizer_only and mine.side is not None:
            found = judged(
                mine.side, [o.side for o in theirs if o.side is not None], alpha, reading
            )
        mixture = merged(found)
        parents = [j.side.name for j in found if j.told.relation in RELATED]
        looked: list[WeightComparison] = []
        guessed = mine.side is not None and mine.side.anatomy.guessed
        unsearched = bool(bases) and guessed and signatures is not None
        signatures = None if unsearched else signatures
        if signatures is not None and mine.side is not None and not tokenizer_only:
            looked = _screened(mine, signatures, alpha, [o.name for o in theirs])
        return Lineages(
            mine,
            tuple(theirs),
            tuple(found),
            tuple(_tokenizers(mine, base) for base in theirs),
            merge_told(mixture, parents) if mixture is not None else "",
            alpha,
            identity_of(mine, digest),
            tuple(looked),
            len(signatures.names()) if signatures is not None else 0,
            tuple(repeated),
            unsearched=unsearched,
        )


def _signatures(store: Path) -> BaseStore:
    # Loaded where a store is given: a comparison of files does without.
    from fingerprints.weights.bases import BaseStore

    return BaseStore.open(store)


def _screened(
    mine: Opened, signatures: BaseStore, alpha: float, skip: Sequence[str]
) -> list[WeightComparison]:
    """A suspect beside the signatures of a store."""
    from auditor.audits.lineage.screening import screened
    from fingerprints.weights.signature import weight_signature

    mark = weight_signature(mine.weights, mine.name, digest=False, words=False)
    return screened(mark, signatures, alpha, skip)


def _bases(specs: Sequence[str], stack: ExitStack) -> tuple[list[Opened], list[tuple[str, str]]]:
    """The bases, opened, and the other names of those that were given twice.

    The same files are one base, however they are spelled: p-values are raised for the number of
    bases. Raises UsageProblem for two of one name.
    """
    out, repeated = list[Opened](), list[tuple[str, str]]()
    for spec in specs:
        name, where = named(spec, [o.name for o in out])
        base = stack.enter_context(opened(name, where))
        same = next((o for o in out if o.weights.files == base.weights.files), None)
        if same is not None:
            if named(spec)[0] != same.name:
                repeated.append((named(spec)[0], same.name))
        elif name in [o.name for o in out]:
            raise UsageProblem(
                f"two bases are called {printable(name, 60)!r}",
                where="BASE",
                next_step="write NAME=SPEC",
            )
        else:
            out.append(base)
    return out, repeated


@contextmanager
def opened(name: str, spec: str) -> Iterator[Opened]:
    """A model's files, opened for as long as the block lasts. Raises what `open_weights` raises."""
    with open_weights(spec) as weights:
        yield _opened(name, weights)


def _opened(name: str, weights: Weights) -> Opened:
    declared, reason = declared_lineage(weights), ""
    try:
        tokenizer = tokenizer_of(weights)
    except (MalformedInput, ResourceLimit) as error:
        tokenizer, reason = None, error.line()
    try:
        anatomy = anatomy_of(weights)
    except MalformedInput as error:
        return Opened(name, weights, None, tokenizer, declared, error.what)
    words = {} if tokenizer is None else tokenizer.vocabulary
    return Opened(name, weights, Side(name, weights, anatomy, words), tokenizer, declared, reason)


def _tokenizers(suspect: Opened, base: Opened) -> Tokenizers:
    if suspect.tokenizer is None or base.tokenizer is None:
        return Tokenizers(base.name, None)
    return Tokenizers(base.name, tokenizer_likeness(suspect.tokenizer, base.tokenizer))


def identity_of(one: Opened, digest: bool) -> Identity:
    """Who was examined, by digests of its files; weights above 8 GiB are not hashed, and a note
    says so."""
    weights, notes = one.weights, (*one.weights.notes, *one.declared.notes)
    if one.side is not None:
        notes = (*notes, *one.side.anatomy.notes)
    folder = weights.path if weights.path.is_dir() else None
    files = [weights.path] if folder is None else weight_files(folder)
    hashed = digest and weights.bytes_total <= HASHED
    sha256 = None
    if hashed:
        sha256 = file_sha256(files[0]) if weights.format == "gguf" else files_sha256(files)
    else:
        notes = (*notes, f"the weights were not hashed: {weights.bytes_total / 1e9:.1f} GB")
    template = None if one.tokenizer is None else one.tokenizer.template
    return Identity(
        kind="gguf" if weights.format == "gguf" else "checkpoint",
        name=one.name,
        weights_sha256=sha256,
        config_sha256=None if folder is None else config_sha256(folder),
        tokenizer_sha256=None if folder is None else tokenizer_sha256(folder),
        template_sha256=template_sha256(template),
        adapter_sha256=None if weights.adapter is None else adapter_sha256(weights.adapter),
        quantisation=", ".join(
            f"{name} {share:.0%}" for name, share in list(weights.quantisation.items())[:3]
        ),
        architecture="" if one.side is None else one.side.anatomy.family,
        parameters=sum(t.elements for t in weights.tensors.values()),
        notes=notes,
    )
