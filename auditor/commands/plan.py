"""`auditor plan`: fix how an audit will be made before the suspect is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from auditor.commands.options import AS_JSON
from auditor.commands.seal import OPERATOR, signing_options, signing_with
from auditor.console import put, put_json, say
from auditor.sealing.plans import plan_in
from auditor.sealing.reading import head_of
from auditor.sealing.register import decided_by, register


@click.group()
def plan() -> None:
    """Fix how an audit will be made before the suspect is asked."""


@plan.command("register")
@click.argument("plan_file", metavar="PLAN", type=click.Path(path_type=Path))
@click.option(
    "--out", metavar="FILE", default="registration.json", show_default=True, help="Where it goes."
)
@signing_options
@OPERATOR
@click.option("--dry-run", is_flag=True, help="Print what would be registered; sign nothing.")
@AS_JSON
def register_plan(
    plan_file: Path, out: str, operator: str, dry_run: bool, as_json: bool, **keys: Any
) -> int:
    """Sign PLAN (plan.yaml, of any kind of audit) with all that decides its audit: thresholds,
    and digests of code, probe sets, calibrations and store.

    Hand the digest that is printed to somebody else before the suspect is asked, or have it stamped
    (--timestamp). The audit then takes --registered FILE and lists every deviation.

    \b
    Examples:
      auditor audit ./model.gguf --store teachers/ --dry-run > plan.yaml
      auditor plan register plan.yaml --key examiner.key --operator "A. Examiner"
      auditor audit --plan plan.yaml --registered registration.json --out report/
    """
    if dry_run:
        told = decided_by(plan_in(plan_file))
        put_json({**told, "calibrations": list(told["calibrations"])})
        return 0
    made = register(plan_file, Path(out), signing_with(keys), operator)
    head = head_of(made)
    if as_json:
        put_json({"registration": out, "sha256": head})
    else:
        put(f"registered: {head}")
    say(f"written: {out}; give the digest to somebody else before the suspect is asked")
    return 0
