"""run_fleet(plan, …) → FleetReport: the straight line of a fleet. Cells, tasks, an executor, and
what came of them; then the correction for so many, what changed, the table and the pages.

Killed anywhere, the same call goes on: nothing that was answered is asked again, and nothing that
was judged is judged again unless what it was judged by has changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Literal

from auditor.execution.order import Executor, do_all
from auditor.execution.telling import UnitsTold
from auditor.fleet.cells import Cell, cells_of
from auditor.fleet.changes import changes
from auditor.fleet.discoveries import corrected
from auditor.fleet.pages import write_pages
from auditor.fleet.plan import FleetPlan, Named
from auditor.fleet.records import FLEET_REPORT, FleetCell, FleetReport
from auditor.fleet.table import write_tables
from auditor.fleet.tasks_of import FleetTasks, tasks_of
from auditor.fleet.told import cell_told
from auditor.version import VERSION
from fingerprints.collect import timestamp
from fingerprints.errors import MalformedInput, printable
from fingerprints.progress import SILENT, Progress
from fingerprints.record_files import RecordFile, write_record
from fingerprints.records import Record
from fingerprints.work_folder import WorkFolder

MARK, RECORD, RUNS = "mark.json", "fleet.json", "runs"
BUSY = "another process works on this fleet"


class FleetMark(Record):
    """Whose work a folder holds."""

    format: Literal["fleet-mark/1"] = "fleet-mark/1"
    name: Named


_MARK = RecordFile(
    FleetMark, nothing="not the mark of a fleet's folder", next_step="give another --out"
)


def run_fleet(
    plan: FleetPlan,
    path: Path,
    out: Path,
    executor: Executor,
    progress: Progress = SILENT,
    operator: str = "",
) -> FleetReport:
    """Examines the fleet of the file ``path`` in ``out`` and returns its record, which lies there
    with the table and the pages. ``operator`` is who runs it, as given: each report that is made
    says so.

    What fails is told in its cell, and tried again by the next call. Raises MalformedInput for a
    folder of another fleet and for what is wrong with the plan, Locked while another process works
    there.
    """
    home, out = path.resolve().parent, out.absolute()
    with fleet_folder(plan.name, out):
        cells, tasks = foreseen(plan, path, home, out)
        tasks = tasks.run_by(operator)
        ends = do_all(tasks.tasks, executor, UnitsTold("fleet", len(tasks.tasks), progress))
        found = [
            cell_told(cell, task, None if task is None else ends[task.id], out)
            for number, cell in enumerate(cells)
            for task in [tasks.of_cell.get(number)]
        ]
        return _kept(plan, found, out)


@contextmanager
def fleet_folder(name: str, out: Path) -> Iterator[None]:
    """The folder of a fleet, made or recognised, for this process alone. Raises MalformedInput for
    that of another fleet or of something else, Locked while another process works there."""

    def recognise(mark: Path) -> None:
        """Raises MalformedInput where another fleet has been examined here."""
        found = _MARK.read(mark).name
        if found != name:
            raise MalformedInput(
                f"the folder holds the fleet {printable(found, 64)!r}",
                where=out,
                next_step="give another --out",
            )

    mark = FleetMark(name=name).model_dump_json(indent=1) + "\n"
    with WorkFolder(out, BUSY, MARK).held(recognise, mark):
        yield


def foreseen(
    plan: FleetPlan, path: Path, home: Path, out: Path
) -> tuple[tuple[Cell, ...], FleetTasks]:
    """The fleet's cells and tasks; asks nobody. Raises what `cells_of` and `tasks_of` raise."""
    with chdir(home):
        cells = cells_of(plan, path)
        return cells, tasks_of(cells, home, out)


def _kept(plan: FleetPlan, found: Sequence[FleetCell], out: Path) -> FleetReport:
    """Writes the record, the table and the pages; a run that gave what the last one gave is that
    run."""
    cells, families = corrected(found, plan.false_discoveries)
    last = _last(out)
    made = FleetReport(
        made=timestamp(),
        tool=f"distillation-auditor {VERSION}",
        plan=plan,
        cells=cells,
        families=families,
    )
    if last is not None and _same(last, made):
        made = last
    elif last is not None:
        told = {"run": last.run + 1, "since": last.made}
        made = made.model_copy(update={**told, "changes": changes(last.cells, cells)})
    # The earlier run first: whoever is killed between the two has lost none.
    write_record(out / RUNS / f"{made.run:06d}.json", made, by_alias=True)
    write_record(out / RECORD, made, by_alias=True)
    write_tables(made, out)
    write_pages(made, out)
    return made


def _last(out: Path) -> FleetReport | None:
    """The record of the run before. Raises MalformedInput for a damaged one: to begin anew beside
    it would tell no change."""
    try:
        return FLEET_REPORT.read(out / RECORD) if (out / RECORD).is_file() else None
    except MalformedInput as error:
        raise MalformedInput(
            error.what,
            where=out / RECORD,
            next_step=f"copy the newest file of {RUNS}/ over it and run the same command again:"
            " nothing is asked or judged anew",
        ) from error


def _same(last: FleetReport, made: FleetReport) -> bool:
    """Whether two runs came to the same: all but dates and seconds."""

    def bare(report: FleetReport) -> tuple[object, ...]:
        """What counts of a run."""
        plain = tuple(c.model_copy(update={"seconds": 0.0, "made": ""}) for c in report.cells)
        return (report.plan, report.tool, plain, report.families)

    return bare(last) == bare(made)
