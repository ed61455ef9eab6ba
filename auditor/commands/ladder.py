"""`auditor control ladder`: train a whole labelled population."""

from __future__ import annotations

from pathlib import Path

import click

from auditor.children import MOST_JOBS
from auditor.commands.options import AS_JSON, dry_run, out_folder
from auditor.console import progress_on, put, put_json, say
from auditor.controls.cohort import Cohort
from auditor.controls.training.launch import refuse_several
from auditor.labs.population.ladder import Ladder, climb, read_ladder
from auditor.labs.population.population import GrownPopulation, is_population, load_population


@click.command(short_help="Train a labelled population: teachers × doses × evasions.")
@click.argument("ladder_file", metavar="LADDER")
@out_folder("The cohort's folder. An unfinished ladder is resumed.")
@dry_run("Print the rungs; ask and train nothing.")
@click.option(
    "--jobs",
    type=click.IntRange(1, MOST_JOBS),
    help="Train so many at once, each in a process of one thread.  [default: 1]",
)
@AS_JSON
def ladder(ladder_file: str, out: str, dry_run: bool, jobs: int | None, as_json: bool) -> int:
    """Train every rung of LADDER (a YAML file): teachers × doses × seeds × bases × evasions, and
    controls without a teacher.

    `tiny` is bundled: a population of byte-level models that is grown from nothing, teachers too
    (docs/recipes.md).

    Killed anywhere, the same command goes on. Every rung is a control of its own; `auditor control
    show DIR/RUNG` tells it, `auditor control show DIR` all of them.

    \b
    Examples:
      auditor control ladder ladder.yaml --out cohort --dry-run
      auditor control ladder ladder.yaml --out cohort
      auditor control ladder tiny --out tiny --jobs 2
    """
    plan = _plan(ladder_file)
    if dry_run:
        names = _names(plan, Path(out))
        if as_json:
            put_json({"ladder": plan.model_dump(mode="json"), "rungs": names})
        else:
            put("\n".join(names))
        return 0
    refuse_several("a ladder")
    cohort = _made(plan, Path(out), jobs)
    _tell(cohort, as_json)
    say(f"written: {len(cohort)} controls in {out}")
    return 0


def _plan(name_or_path: str) -> Ladder | GrownPopulation:
    if is_population(name_or_path) or not Path(name_or_path).suffix:
        return load_population(name_or_path)
    return read_ladder(Path(name_or_path))


def _names(plan: Ladder | GrownPopulation, out: Path) -> list[str]:
    from auditor.labs.population.task_plan import tasks_of

    return (
        [task.name for task in tasks_of(plan, out)]
        if isinstance(plan, GrownPopulation)
        else [name for name, _ in plan.rungs()]
    )


def _made(plan: Ladder | GrownPopulation, out: Path, jobs: int | None) -> Cohort:
    from auditor.labs.population.parallel_runs import climb_together, grow

    with progress_on("opening") as progress:
        if isinstance(plan, GrownPopulation):
            return grow(plan, out, jobs or 1, progress)
        if jobs is not None and jobs > 1:
            return climb_together(plan, out, jobs, progress)
        return climb(plan, out, progress)


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
