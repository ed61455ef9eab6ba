"""A calibration made by an executor: parts of the cohort measured against the store at a number of
prompts, and the fit at each number, are units of their own.

What units gave lies in a folder beside the calibration until it is written, so that a killed run
goes on. Knows cohorts and stores by their places; shows nothing.
"""

from __future__ import annotations

import functools
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from auditor.audits.frame import open_store
from auditor.audits.plan import BUNDLED
from auditor.calibration.cohort import known_models, population_of
from auditor.calibration.familiar import least_familiar
from auditor.calibration.fit import (
    LEVELS,
    CellFit,
    MeasuredPopulation,
    cell_fits,
    joined,
    shares_of,
)
from auditor.calibration.record import Calibration, write_calibration
from auditor.calibration.rows import KnownModel, MeasuredRow, measured_rows
from auditor.controls.cohort import Cohort, load_cohort
from auditor.execution.order import Executor, do_all
from auditor.execution.tasks import WorkTask
from auditor.execution.telling import UnitsTold, check_ends
from auditor.version import VERSION
from detectors.base import Teacher
from detectors.registry import load_detector
from fingerprints.errors import Incomplete, UsageProblem
from fingerprints.progress import SILENT, Progress
from fingerprints.record_files import RecordFile, write_record
from fingerprints.records import Record, canonical_json, sha256
from fingerprints.work_folder import WorkFolder

BUSY = "another process makes this calibration"
MARK, MARKED = "mark.txt", "units of a calibration\n"
MODELS_A_UNIT = 50
"""Each unit fits every detector once more: so few units that this is little, so many that a dozen
processes have something to do."""


class MeasuredRows(Record):
    """What one unit measured."""

    rows: tuple[MeasuredRow, ...]


ROWS = RecordFile(MeasuredRows, nothing="no measured rows", next_step="remove it", largest=1 << 31)
FIT = RecordFile(CellFit, nothing="no fit", next_step="remove it", largest=1 << 31)


@dataclass(frozen=True)
class CalibrationPlan:
    """What a calibration is made of: the places of a cohort and a store, the detectors, numbers of
    prompts, and how it is called."""

    cohort: Path
    store: str
    detectors: tuple[str, ...]
    sizes: tuple[int, ...]
    name: str
    about: str = ""


@dataclass(frozen=True)
class _Gathered:
    """A cohort and a store, read."""

    cohort: Cohort
    teachers: tuple[Teacher, ...]
    known: tuple[KnownModel, ...]

    def state(self) -> str:
        """The digest of everything that is measured."""
        said = [[m.name, m.transcript.digest()] for m in self.known]
        stored = [[t.name, t.vendor, t.family, t.transcript.digest()] for t in self.teachers]
        return sha256(canonical_json([VERSION, self.cohort.digest(), said, stored]))


_READ: dict[str, _Gathered] = {}
"""What this process read last, by its state: units of one calibration share it."""


def _gathered(cohort: str, store: str, state: str) -> _Gathered:
    """What a unit measures. Raises Incomplete where it is no longer what the calibration began
    with."""
    if state not in _READ:
        _keep_read(_loaded(cohort, store))
    if state not in _READ:
        raise Incomplete(
            "the cohort or the store changed while it was measured",
            where=cohort,
            next_step="run the same command again",
        )
    return _READ[state]


def _keep_read(read: _Gathered) -> str:
    """Its state, by which it is found again."""
    state = read.state()
    _READ.clear()
    _READ[state] = read
    return state


def _loaded(cohort: str, store: str) -> _Gathered:
    found = load_cohort(Path(cohort))
    with open_store(store) as opened:
        teachers = tuple(
            Teacher(t.name, t.vendor, t.family, opened.transcript(t.name))
            for t in opened.teachers()
        )
    return _Gathered(found, teachers, known_models(found, teachers))


class MeasuringTask(WorkTask):
    """Measures the models ``start`` to ``stop`` of a cohort against a store, at one number of
    prompts, into ``file``."""

    cohort: str
    store: str
    state: str
    detectors: tuple[str, ...]
    size: int
    start: int
    stop: int
    file: str

    def do(self, progress: Progress = SILENT) -> None:
        """Measures; what was measured before the process died is measured again."""
        read = _gathered(self.cohort, self.store, self.state)
        makers = [functools.partial(load_detector, name) for name in self.detectors]
        part = slice(self.start, self.stop)
        measuring = progress.step("measuring models of known history")
        rows = measured_rows(read.known, read.teachers, makers, [self.size], measuring, part)
        write_record(Path(self.file), MeasuredRows(rows=rows))

    def leaves(self) -> tuple[Path, ...]:
        """The rows."""
        return (Path(self.file),)


class FittingTask(WorkTask):
    """Fits, and leaves out, what was measured at one number of prompts; ``rows`` are the files of
    that, in order."""

    NAME: ClassVar[str] = "population"

    rows: tuple[str, ...]
    file: str

    def do(self, progress: Progress = SILENT) -> None:
        """Fits."""
        rows = tuple(r for file in self.rows for r in ROWS.read(Path(file)).rows)
        fitted = CellFit()
        if rows:
            fitted = cell_fits({self.NAME: rows}, (LEVELS[0], rows[0].size))[self.NAME]
        write_record(Path(self.file), fitted)

    def leaves(self) -> tuple[Path, ...]:
        """The fit."""
        return (Path(self.file),)


def make_calibration(
    plan: CalibrationPlan, out: Path, executor: Executor, progress: Progress = SILENT
) -> Calibration:
    """Makes the calibration of a plan and writes it into the file ``out``; units lie beside it
    until then.

    Deterministic but for the date, whoever does it: each unit is done once, by the same arithmetic.
    Raises Incomplete where units failed or nothing could be fitted, what loading a cohort and
    opening a store raise, Locked while another process works there, UsageProblem where ``out`` is a
    folder, MalformedInput where other files lie in that of the units. A file that can't be written
    costs no unit.
    """
    if out.is_dir():
        raise UsageProblem("a folder, and no file", where=out, next_step="give a file as --out")
    read, work = _loaded(*_places(plan)), work_folder(out)
    state = _keep_read(read)
    with WorkFolder(work, BUSY, MARK).held(text=MARKED):
        tasks = tasks_of(plan, state, len(read.known), work)
        check_ends(do_all(tasks, executor, UnitsTold("units", len(tasks), progress)), "units")
        fits = [FIT.read(Path(t.file)) for t in tasks if isinstance(t, FittingTask)]
        _READ.clear()
        try:
            made = _joined(plan, read, fits)
        except Incomplete:
            shutil.rmtree(work)  # nothing can be fitted to these, however often they are joined
            raise
        write_calibration(out, made)
        # While it is held: whoever comes next finds no folder that is taken away under it.
        shutil.rmtree(work)
    return made


def work_folder(out: Path) -> Path:
    """Where units lie until the calibration in the file ``out`` is written."""
    return out.with_name(f"{out.name}.units")


def _joined(plan: CalibrationPlan, read: _Gathered, fits: Sequence[CellFit]) -> Calibration:
    population = MeasuredPopulation(
        name=plan.name,
        rows=(),
        about=population_of(read.known, read.teachers, plan.about),
        cohort_sha256=read.cohort.digest(),
        shares=shares_of(read.known, read.teachers),
        least_familiar=least_familiar(read.known, read.teachers),
    )
    # At a number of prompts that no model has nothing is fitted, and nothing is told.
    (made,) = joined([population], [{plan.name: fit} for fit in fits if fit != CellFit()])
    return made


def foreseen(plan: CalibrationPlan, out: Path) -> Sequence[WorkTask]:
    """The units of a plan; none is done. Raises what loading a cohort and opening a store raise."""
    read = _loaded(*_places(plan))
    return tasks_of(plan, read.state(), len(read.known), work_folder(out))


def tasks_of(
    plan: CalibrationPlan, state: str, models: int, work: Path
) -> tuple[MeasuringTask | FittingTask, ...]:
    """Every part at every number of prompts, and the fits behind their parts."""
    made: list[MeasuringTask | FittingTask] = []
    for size in plan.sizes:
        parts = tuple(_parts(plan, state, models, size, work.absolute()))
        made += parts
        made.append(_fitting(parts, size, work.absolute()))
    return tuple(made)


def _parts(
    plan: CalibrationPlan, state: str, models: int, size: int, work: Path
) -> Iterator[MeasuringTask]:
    cohort, store = _places(plan)
    for start in range(0, models, MODELS_A_UNIT):
        stop = min(models, start + MODELS_A_UNIT)
        name = f"{size}-prompts-models-{start + 1}-{stop}"
        told = {"detectors": list(plan.detectors), "size": size, "start": start, "stop": stop}
        yield MeasuringTask(
            id=name,
            key=sha256(canonical_json([state, told])),
            home=str(Path.cwd()),
            ends=str(work / f"{name}.end.json"),
            cohort=cohort,
            store=store,
            state=state,
            detectors=plan.detectors,
            size=size,
            start=start,
            stop=stop,
            file=str(work / f"{name}.json"),
        )


def _fitting(parts: Sequence[MeasuringTask], size: int, work: Path) -> FittingTask:
    name = f"{size}-prompts-fit"
    return FittingTask(
        id=name,
        key=sha256(canonical_json([part.key for part in parts])),
        home=str(Path.cwd()),
        ends=str(work / f"{name}.end.json"),
        needs=tuple(part.id for part in parts),
        rows=tuple(part.file for part in parts),
        file=str(work / f"{name}.json"),
    )


def _places(plan: CalibrationPlan) -> tuple[str, str]:
    """Cohort and store by names that hold on every machine that sees the same folders."""
    from fingerprints.address import is_address

    named = plan.store == BUNDLED or is_address(plan.store)
    store = plan.store if named else str(Path(plan.store).absolute())
    return str(plan.cohort.absolute()), store
