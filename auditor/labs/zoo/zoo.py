"""The weight zoo: checkpoints of known history, made from nothing.

A base and its fine-tunes, quantisations, prunings, merges and disguises; runs of the same
configuration and data that share no weights with it; siblings from the same initialisation. Knows
the folder and its table; each member is made in `auditor.labs.zoo.zoo_make`.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from auditor.controls.lineage import LINEAGE
from auditor.labs.zoo.zoo_plan import SCALES, Relation, ZooMaking, ZooSize, zoo_plan
from auditor.labs.zoo.zoo_texts import texts_digest
from auditor.version import VERSION
from fingerprints.errors import Incomplete, MalformedInput, UsageProblem, printable
from fingerprints.progress import SILENT, Progress
from fingerprints.record_files import RecordFile, write_json, write_record
from fingerprints.records import Record
from fingerprints.subjects.cache import file_sha256
from fingerprints.subjects.digests import files_sha256, weight_files
from fingerprints.subjects.kinds import SubjectSpec
from fingerprints.work_folder import WorkFolder

TABLE, TIMINGS = "zoo.json", "timings.json"
MOST_INDEPENDENT = 10_000
NAME = r"^[a-z0-9][a-z0-9-]{0,63}$"
GGUF_PLACE: Literal["student/model.gguf"] = "student/model.gguf"


class ZooMember(Record):
    """One checkpoint of the zoo: a row of ``zoo.json``.

    ``relation`` is that to its family's ``base``; ``kind`` its history in a word; ``parents`` the
    members that its weights come from; ``keeps_function``: whether it computes what its parent
    does, up to rounding; ``checkpoint`` its place in its folder: ``student``, or a GGUF file.
    ``weights_sha256`` is the digest that `fingerprints.records.Identity` has.
    """

    name: Annotated[str, Field(pattern=NAME)]
    relation: Relation
    kind: str
    base: str
    tied: bool
    parents: tuple[str, ...]
    keeps_function: bool
    checkpoint: Literal["student", "student/model.gguf"]
    weights_sha256: str


class ZooTable(Record):
    """``zoo.json``: what decides a zoo, and a row for every member made so far, in order."""

    format: Literal["zoo/1"] = "zoo/1"
    size: ZooSize
    model: str
    seed: int
    independent: int
    texts_sha256: str
    complete: bool = False
    tool: str = ""
    members: tuple[ZooMember, ...] = ()

    def terms(self) -> tuple[str, int, str]:
        """What must be equal for a zoo to go on; the independent runs may become more."""
        return self.size, self.seed, self.texts_sha256


class Timing(Record):
    """How long a member took: on the clock, and of processors."""

    seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class Zoo:
    """A zoo on the disk: its folder and its table."""

    folder: Path
    table: ZooTable

    @property
    def members(self) -> tuple[ZooMember, ...]:
        """Every member, in the order of making."""
        return self.table.members

    def of(self, relation: Relation, base: str = "base") -> tuple[ZooMember, ...]:
        """The members with a relation to a base: ``base``, or ``untied-base``."""
        return tuple(m for m in self.members if m.relation == relation and m.base == base)

    def member(self, name: str) -> ZooMember:
        """A member by name. Raises UsageProblem for one that the zoo does not hold."""
        found = next((m for m in self.members if m.name == name), None)
        if found is None:
            raise UsageProblem(
                f"the zoo holds no member {printable(name, 60)!r}",
                where=self.folder / TABLE,
                next_step="look for its name in zoo.json",
            )
        return found

    def path(self, member: ZooMember) -> Path:
        """Where a member's weights lie: a checkpoint folder, or a GGUF file."""
        return self.folder / member.name / member.checkpoint

    def spec(self, member: ZooMember) -> str:
        """The subject spec that opens a member."""
        kind = "gguf" if member.checkpoint == GGUF_PLACE else "hf"
        return str(SubjectSpec(kind, str(self.path(member))))

    def timings(self) -> dict[str, Timing]:
        """How long each member took, by name, where it was kept."""
        return _read_timings(self.folder)


def load_zoo(path: Path) -> Zoo:
    """The zoo in a folder. Raises MalformedInput for a folder that holds none, Incomplete for
    one that is not finished."""
    table = _read_table(path)
    if not table.complete:
        raise Incomplete(
            f"the zoo is not finished: {len(table.members)} members are there",
            where=path,
            next_step="run `auditor control zoo` on it again",
        )
    zoo = Zoo(path, table)
    for member in zoo.members:
        if not zoo.path(member).exists():
            raise MalformedInput(
                "a member is missing", where=zoo.path(member), next_step="build the zoo again"
            )
    return zoo


def build_zoo(
    out: Path,
    size: ZooSize = "tiny",
    seed: int = 0,
    independent: int = 60,
    progress: Progress = SILENT,
) -> Zoo:
    """Makes every member that is not there yet; what a killed run finished is kept, and the
    independent runs can be made more.

    Deterministic on one device: ``zoo.json`` holds the digests; times lie apart. ``progress`` is
    told members done and all. Raises UsageProblem for a number that does not fit, MalformedInput
    for a folder of another zoo or with other files, Locked while another process works there, and
    the errors of `distill` and `derive`.
    """
    _check(seed, independent)
    scale = SCALES[size]
    wanted = ZooTable(
        size=size,
        model=f"scratch:{scale.model}",
        seed=seed,
        independent=independent,
        texts_sha256=texts_digest(scale.examples, scale.tuned),
        tool=f"distillation-auditor {VERSION}",
    )
    folder = WorkFolder(out, "another process builds this zoo", TABLE)
    with folder.held(lambda _: _check_same(_read_table(out), wanted, out)):
        if not (out / TABLE).exists():
            write_record(out / TABLE, wanted)
        plan = zoo_plan(seed, independent)
        table = wanted
        for done, making in enumerate(plan):
            progress(done, len(plan))
            if not (out / making.name / LINEAGE).is_file():
                _timed(making, size, out)
            table = table.model_copy(update={"members": (*table.members, _row(making, out))})
            write_record(out / TABLE, table)
        table = table.model_copy(update={"complete": True})
        write_record(out / TABLE, table)
        progress(len(plan), len(plan))
    return Zoo(out, table)


def _check(seed: int, independent: int) -> None:
    if not 1 <= independent <= MOST_INDEPENDENT:
        raise UsageProblem(
            f"{independent} independent runs", where="--independent", next_step="give 1 to 10000"
        )
    if not 0 <= seed < 1 << 32:
        raise UsageProblem(
            f"not a seed: {seed}", where="--seed", next_step="give a whole number from 0 below 2^32"
        )


def _timed(making: ZooMaking, size: ZooSize, out: Path) -> None:
    from auditor.labs.zoo.zoo_make import make_member

    clock, processor = time.monotonic(), _cpu_seconds()
    make_member(making, SCALES[size], out)
    wall, cpu = time.monotonic() - clock, _cpu_seconds() - processor
    taken = Timing(seconds=round(wall, 2), cpu_seconds=round(cpu, 2))
    found = {**_read_timings(out), making.name: taken}
    write_json(
        out / TIMINGS, {name: timing.model_dump(mode="json") for name, timing in found.items()}
    )


def _cpu_seconds() -> float:
    """Time of processors that this process and its finished children took."""
    return sum(os.times()[:4])


def _row(making: ZooMaking, out: Path) -> ZooMember:
    folder = out / making.name
    file = folder / GGUF_PLACE
    digest = file_sha256(file) if file.is_file() else files_sha256(weight_files(folder / "student"))
    if digest is None:
        raise MalformedInput(
            "a member has no weights", where=folder, next_step="remove this folder and run again"
        )
    return ZooMember(
        name=making.name,
        relation=making.relation,
        kind=making.kind,
        base=making.base,
        tied=making.tied,
        parents=making.parents,
        keeps_function=making.keeps_function,
        checkpoint=GGUF_PLACE if file.is_file() else "student",
        weights_sha256=digest,
    )


def _check_same(found: ZooTable, wanted: ZooTable, out: Path) -> None:
    if found.terms() != wanted.terms():
        raise MalformedInput(
            f"the folder holds another zoo: size {found.size}, seed {found.seed}, or other texts"
            " are installed now",
            where=out / TABLE,
            next_step="give another folder with --out",
        )
    if found.independent > wanted.independent:
        raise UsageProblem(
            f"the zoo has {found.independent} independent runs already",
            where="--independent",
            next_step=f"give {found.independent} or more, or another folder",
        )


def _read_table(path: Path) -> ZooTable:
    return _TABLE.read(path / TABLE)


def _read_timings(path: Path) -> dict[str, Timing]:
    return _TIMINGS.read(path / TIMINGS) if (path / TIMINGS).is_file() else {}


_AGAIN = "build a zoo with `auditor control zoo --out DIR`"
_TABLE = RecordFile(ZooTable, "no zoo", _AGAIN)
_TIMINGS: RecordFile[dict[str, Timing]] = RecordFile(dict[str, Timing], "no timings", _AGAIN)
