"""`auditor control ladder`: train a whole labelled population."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auditor.commands.executing import EXECUTOR, JOBS, STUDENTS_A_DEVICE, Execution
from auditor.commands.options import AS_JSON, dry_run, out_folder
from auditor.console import progress_on, put, put_json, say
from auditor.controls.cohort import Cohort
from auditor.controls.training.launch import refuse_several
from auditor.execution.forecast import forecast
from auditor.labs.population.ladder import Ladder, read_ladder
from auditor.labs.population.population import GrownPopulation, is_population, load_population

if TYPE_CHECKING:
    from auditor.labs.population.rungs import RungTask


@click.command(short_help="Train a labelled population: teachers × doses × evasions.")
@click.argument("ladder_file", metavar="LADDER")
@out_folder("The cohort's folder. An unfinished ladder is resumed.")
@dry_run("Print the rungs; ask and train nothing.")
@EXECUTOR
@JOBS
@STUDENTS_A_DEVICE
@AS_JSON
def ladder(ladder_file: str, out: str, dry_run: bool, as_json: bool, **flags: Any) -> int:
    """Train every rung of LADDER (a YAML file): teachers × doses × seeds × bases × evasions, and
    controls without a teacher.

    `tiny` is bundled: a population of byte-level models that is grown from nothing, teachers too
    (docs/recipes.md).

    Killed anywhere, the same command goes on. A rung that fails is named, the others go on, and the
    command exits with 6. Every rung is a control of its own; `auditor control show DIR/RUNG` tells
    it, `auditor control show DIR` all of them. With --jobs or a cluster each rung is trained in a
    process of one thread: in this process alone, which takes all cores, weights may differ in their
    last bits.

    \b
    Examples:
      auditor control ladder ladder.yaml --out cohort --dry-run
      auditor control ladder ladder.yaml --out cohort
      auditor control ladder tiny --out tiny --jobs 2
      RAY_ADDRESS=auto auditor control ladder ladder.yaml --executor ray --out /shared/cohort
    """
    plan, execution = _plan(ladder_file), _execution(ladder_file, flags)
    if dry_run:
        return _dry_run(plan, Path(out), execution, as_json)
    refuse_several("a ladder")
    cohort = _made(plan, Path(out), execution)
    _tell(cohort, as_json)
    say(f"written: {len(cohort)} controls in {out}")
    return 0


def _execution(ladder_file: str, flags: dict[str, Any]) -> Execution:
    """As the flags say; a population that nothing is said of grows in one process of one thread,
    as it does in several: its weights don't depend on their number."""
    asked = Execution.of(flags)
    grown = is_population(ladder_file) and asked == Execution()
    return Execution(jobs=1) if grown else asked


def _plan(name_or_path: str) -> Ladder | GrownPopulation:
    if is_population(name_or_path) or not Path(name_or_path).suffix:
        return load_population(name_or_path)
    return read_ladder(Path(name_or_path))


def _dry_run(plan: Ladder | GrownPopulation, out: Path, execution: Execution, as_json: bool) -> int:
    """The rungs on stdout; what they take, on stderr."""
    from auditor.labs.population.climbing import rungs_there

    tasks = _tasks(plan, out)
    told = forecast(tasks, execution.executor, execution.places(), rungs_there(tasks))
    names = [task.id for task in tasks]
    if as_json:
        said = {"ladder": plan.model_dump(mode="json"), "rungs": names}
        put_json({**said, "forecast": told.model_dump()})
        return 0
    put("\n".join(names))
    for line in told.lines():
        say(line)
    return 0


def _tasks(plan: Ladder | GrownPopulation, out: Path) -> Sequence[RungTask]:
    from auditor.labs.population.climbing import rung_tasks
    from auditor.labs.population.task_plan import tasks_of

    return tasks_of(plan, out) if isinstance(plan, GrownPopulation) else rung_tasks(plan, out)


def _made(plan: Ladder | GrownPopulation, out: Path, execution: Execution) -> Cohort:
    from auditor.labs.population.climbing import climb, grow

    with progress_on("opening") as progress, execution.opened(out, progress) as executor:
        if isinstance(plan, GrownPopulation):
            return grow(plan, out, executor, progress)
        return climb(plan, out, executor, progress)


def _tell(cohort: Cohort, as_json: bool) -> None:
    rows = [
        {
            "name": m.name,
            "role": m.lineage.role,
            "teachers": list(m.teachers),
            "dose": m.lineage.dose,
            "seed": m.lineage.seed,
        }
        for m in cohort
    ]
    if as_json:
        put_json({"cohort_sha256": cohort.digest(), "members": rows})
        return
    for row in rows:
        put(f"{row['name']}: {row['role']}, dose {row['dose']}, seed {row['seed']}")
