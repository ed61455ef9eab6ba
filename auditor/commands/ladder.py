"""`auditor control ladder`: train a whole labelled population."""

from __future__ import annotations

from pathlib import Path

import click

from auditor.commands.options import AS_JSON
from auditor.console import progress_steps, put, put_json, say
from auditor.controls.cohort import Cohort
from auditor.controls.ladder import climb, read_ladder
from auditor.controls.launch import refuse_several
from auditor.controls.train import Watch


@click.command()
@click.argument("ladder_file", metavar="LADDER")
@click.option("--out", metavar="DIR", required=True, help="The cohort's folder. An unfinished ladder is resumed.")
@click.option("--dry-run", is_flag=True, help="Print the rungs; ask and train nothing.")
@AS_JSON
def ladder(ladder_file: str, out: str, dry_run: bool, as_json: bool) -> int:
    """Train every rung of LADDER (a YAML file): teachers × doses × seeds × bases × evasions, and controls without a teacher.

    Killed anywhere, the same command goes on. Every rung is a control of its own; `auditor control show DIR/RUNG` tells it.

    \b
    Examples:
      auditor control ladder ladder.yaml --out cohort --dry-run
      auditor control ladder ladder.yaml --out cohort
    """
    plan = read_ladder(Path(ladder_file))
    if dry_run:
        names = [name for name, _ in plan.rungs()]
        if as_json:
            put_json({"ladder": plan.model_dump(mode="json"), "rungs": names})
        else:
            put("\n".join(names))
        return 0
    refuse_several("a ladder")
    with progress_steps("asking", "training", "asking before and after", "rungs") as (asking, training, evaluating, rungs):
        cohort = climb(plan, Path(out), rungs, Watch(asking, training, evaluating))
    _tell(cohort, as_json)
    say(f"written: {len(cohort)} controls in {out}")
    return 0


def _tell(cohort: Cohort, as_json: bool) -> None:
    rows = [
        {"name": m.name, "role": m.lineage.role, "teachers": list(m.teachers), "dose": m.lineage.dose, "seed": m.lineage.seed}
        for m in cohort
    ]
    if as_json:
        put_json({"cohort_sha256": cohort.digest(), "members": rows})
        return
    for row in rows:
        put(f"{row['name']}: {row['role']}, dose {row['dose']}, seed {row['seed']}")
