"""Lineage against copies that keep a part only, or keep it elsewhere, plain and disguised: found,
not found, or called independent?

    auditor control zoo --out zoo/ --independent 60
    python -m tests.benchmarks.bench_lineage_hidden --zoo zoo/ --seeds 5

Every case is made anew for each seed from the zoo's base and from independent runs as donors. The
disguise turns the residual stream by a random rotation and puts units and heads into another order,
rescaled, signs turned. Nothing is tuned on these rows but what docs/benchmarks.md says.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from auditor.audits.lineage.judge import judged
from auditor.audits.lineage.records import RELATED, WeightComparison
from auditor.audits.lineage.run import opened
from auditor.labs.zoo import disguise, graft
from auditor.labs.zoo.disguise import Nothing, Rescale
from auditor.labs.zoo.graft import Graft, LayerOrder
from auditor.labs.zoo.llama import Llama, read_llama, write_llama
from auditor.labs.zoo.zoo import Zoo, load_zoo
from tests.benchmarks.bench_compare import table

Case = Callable[[Llama, Llama, int], Llama]
"""A copy of a base with parts of a donor, by a seed."""


def disguised(llama: Llama, seed: int) -> Llama:
    """Everything that leaves what is computed as it is."""
    out = disguise.rotate_residual(llama, Nothing(), seed)
    out = disguise.permute_units(out, Nothing(), seed + 1)
    out = disguise.permute_heads(out, Nothing(), seed + 2)
    return disguise.rescale_units(out, Rescale(signs=True), seed + 3)


def shifted(base: Llama, donor: Llama, seed: int) -> Llama:
    return graft.reorder_layers(base, LayerOrder(shift=1), seed)


def shuffled(base: Llama, donor: Llama, seed: int) -> Llama:
    return graft.reorder_layers(base, LayerOrder(), seed)


def grafted(*parts: str, layers: tuple[int, ...] = ()) -> Case:
    """Parts of some layers from the donor."""
    how = Graft.model_validate({"parts": parts, "layers": layers})
    return lambda base, donor, seed: graft.graft([base, donor], how, seed)


def renewed(case: Case) -> Case:
    """The same, with an embedding of random numbers."""
    return lambda base, donor, seed: graft.renew_embedding(
        case(base, donor, seed), Nothing(), seed + 9
    )


def plain(base: Llama, donor: Llama, seed: int) -> Llama:
    return base


CASES: dict[str, Case] = {
    "whole": plain,
    "shifted by one": shifted,
    "layers shuffled": shuffled,
    "every second layer from another": grafted("attention", "mlp", layers=(1, 3)),
    "one middle layer from another": grafted("attention", "mlp", layers=(2,)),
    "only one layer kept": grafted("attention", "mlp", layers=(0, 1, 3)),
    "attention and embedding kept": grafted("mlp"),
    "attention alone kept": grafted("mlp", "embedding"),
    "MLPs alone kept": grafted("attention", "embedding"),
    "embedding alone kept": grafted("attention", "mlp"),
    "new embedding": renewed(plain),
    "shifted by one, new embedding": renewed(shifted),
}


@dataclass(frozen=True)
class Tried:
    """What one case gave under one seed."""

    case: str
    seed: int
    told: WeightComparison
    seconds: float


def tried(zoo: Zoo, start: str, name: str, case: Case, dressed: bool, seed: int) -> Tried:
    """One copy of a member, compared with the base."""
    source, donor = zoo.path(zoo.member(start)), zoo.path(zoo.member(f"independent-{seed:03d}"))
    copy = case(read_llama(source), read_llama(donor), 100 * seed)
    copy = disguised(copy, 100 * seed + 10) if dressed else copy
    with tempfile.TemporaryDirectory() as folder:
        write_llama(copy, Path(folder), source)
        begun = time.process_time()
        with (
            opened("copy", folder) as mine,
            opened("base", str(zoo.path(zoo.member("base")))) as theirs,
        ):
            if mine.side is None or theirs.side is None:
                raise click.ClickException(f"{name}: {mine.reason or theirs.reason}")
            told = judged(mine.side, [theirs.side])[0].told
    return Tried(name, seed, told, time.process_time() - begun)


def row(found: list[Tried]) -> tuple[str, ...]:
    """One case over all seeds."""
    said = Counter(t.told.relation for t in found)
    hits = sum(n for relation, n in said.items() if relation in RELATED)
    p = [t.told.p for t in found if t.told.p is not None]
    words = ", ".join(f"{n} {relation.replace('_', ' ')}" for relation, n in said.most_common())
    return (
        f"{hits} of {len(found)}",
        f"{said['independent']}",
        words,
        f"{max(p):.0e}" if p else "",
        f"{sum(t.seconds for t in found) / len(found):.2f}",
    )


@click.command()
@click.option(
    "--zoo",
    "folder",
    type=click.Path(path_type=Path, exists=True),
    envvar="AUDITOR_ZOO",
    help="A finished zoo.",
)
@click.option("--seeds", default=5, show_default=True, help="How often each case is made.")
@click.option("--start", default="base", show_default=True, help="The member that is copied.")
@click.option("--only", default="", help="Cases whose name holds this.")
def main(folder: Path | None, seeds: int, start: str, only: str) -> None:
    """Prints the table."""
    if folder is None:
        print("skipped: no weight zoo (make one with `auditor control zoo` and give --zoo)")
        return
    zoo, rows = load_zoo(folder), list[tuple[str, ...]]()
    for name, case in CASES.items():
        for dressed in (False, True):
            if only not in name:
                continue
            found = [tried(zoo, start, name, case, dressed, s) for s in range(1, seeds + 1)]
            rows.append((name, "disguised" if dressed else "plain", *row(found)))
            print(rows[-1], file=sys.stderr, flush=True)
    columns = ("copy", "as it is", "found", "called independent", "called", "largest p", "CPU s")
    table(columns, rows)


if __name__ == "__main__":
    main()
