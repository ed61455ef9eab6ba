"""`auditor control zoo`: build the weight zoo."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.commands.options import AS_JSON, out_folder, seed_from_zero
from auditor.console import progress_on, put, put_json, say

if TYPE_CHECKING:
    from auditor.labs.zoo.zoo import Zoo
    from auditor.labs.zoo.zoo_facts import Fact


@click.command(short_help="Build small checkpoints of known weight lineage.")
@out_folder("The zoo's folder. An unfinished zoo is resumed.")
@click.option(
    "--size",
    type=click.Choice(["micro", "tiny"]),
    default="tiny",
    show_default=True,
    help="micro: the smallest models that can be made, to try the command.",
)
@click.option(
    "--independent",
    type=click.IntRange(1),
    default=60,
    show_default=True,
    help="Runs that share nothing but data.",
)
@seed_from_zero("Decides every initialisation and order.")
@click.option(
    "--facts",
    is_flag=True,
    help="Measure every member too: bits per byte, and how far it is from its base.",
)
@AS_JSON
def zoo(out: str, size: str, independent: int, seed: int, facts: bool, as_json: bool) -> int:
    """Build small checkpoints of known weight lineage from nothing, to test what tells lineage from
    likeness.

    Derived members (fine-tuned, quantised, pruned, merged, disguised), independent runs of one
    configuration and data, random weights, siblings from one initialisation. Killed anywhere, the
    same command goes on. The table is DIR/zoo.json.

    \b
    Examples:
      auditor control zoo --out zoo
      auditor control zoo --out zoo --independent 10 --facts
      auditor control zoo --out try --size micro --independent 2 --json
    """
    from auditor.labs.zoo.zoo import build_zoo

    with progress_on("building the zoo") as building:
        made = build_zoo(
            Path(out), "micro" if size == "micro" else "tiny", seed, independent, building
        )
        found: list[Fact] = []
        if facts:
            from auditor.labs.zoo.zoo_facts import measure_zoo

            found = measure_zoo(made, building.step("measuring the zoo"))
    _tell(made, found, as_json)
    say(f"written: {len(made.members)} members and zoo.json in {out}")
    return 0


def _tell(made: Zoo, facts: list[Fact], as_json: bool) -> None:
    told = {fact.name: fact for fact in facts}
    if as_json:
        rows = [
            {
                **m.model_dump(mode="json"),
                "facts": told[m.name].model_dump(mode="json") if m.name in told else None,
            }
            for m in made.members
        ]
        put_json({**made.table.model_dump(mode="json"), "members": rows})
        return
    timings = made.timings()
    for member in made.members:
        taken = f"{timings[member.name].cpu_seconds:8.2f} s" if member.name in timings else " " * 10
        line = (
            f"{member.name:<28} {member.relation:<22} {', '.join(member.parents) or '–':<34}"
            f" {taken}"
        )
        put(line + (f"  {told[member.name].line()}" if member.name in told else ""))
