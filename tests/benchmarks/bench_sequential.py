"""`--sequential`: how many questions does it save, and how often does it decide wrongly?

AUDITOR_BENCH_DATA=data python -m tests.benchmarks.bench_sequential --work DIR [--alpha 0.05]
[--planned 72,180,536]

Every public model plays the suspect: 68 open models against all stored API models, 34 API models
against those of the other makers. The prompts come in betting order, and looks are taken every 16
answers, as an audit takes them. Levels are those of the shipped calibration, which was fitted on 47
of the open models, and for these once more without the suspect's whole lineage. The stored models
are learned from all prompts of the store, however few are planned. What was bet is kept in
``--work``, so that an interrupted run goes on. Prints figures only, never a word of the data.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

import click
import numpy as np

from auditor.audits.inheritance.sequential import EVERY
from auditor.calibration.fit import share_levels
from auditor.calibration.record import Calibration, shipped_calibrations
from auditor.calibration.rows import KnownModel
from auditor.reporting.markdown import table
from detectors.base import Teacher
from detectors.style.likeness import Bet, Sequential
from fingerprints.records import Probe
from tests.benchmarks.bench_shadow import rate
from tests.benchmarks.bench_source_recognition import models
from tests.benchmarks.public_models import (
    UNDOCUMENTED,
    documented,
    known_of,
    known_suspects,
    probes,
    stored_teachers,
)

OPEN, API = "open models", "API models, their maker not stored"
SHIPPED, HELD_OUT = "shipped", "without its lineage"


@dataclass(frozen=True)
class Watched:
    """One suspect's bets on every vendor: who it is, its lineage, and what its history says of each
    vendor.

    ``truth``: taught, untaught, or open where the history doesn't tell.
    """

    kind: str
    name: str
    group: str
    levels: str
    truth: dict[str, str]
    bets: dict[str, Bet]

    def decided(self, planned: int, alpha: float) -> dict[str, tuple[int | None, str]]:
        """After how many of the first ``planned`` prompts each vendor is decided, and how."""
        each = alpha / len(self.bets)
        return {v: _head(bet, planned).decided(each) for v, bet in self.bets.items()}

    def asked(self, planned: int, alpha: float) -> int:
        """How many questions an audit asks that looks every 16 answers and stops when every
        vendor is decided."""
        found = [after for after, _ in self.decided(planned, alpha).values()]
        last = max((after for after in found if after is not None), default=planned)
        return planned if None in found else min(planned, EVERY * ceil(last / EVERY))

    def wrong(self, planned: int, alpha: float) -> bool:
        """Whether a vendor that is known not to have taught it was called more alike."""
        return any(
            how == "more" and self.truth[v] == "untaught"
            for v, (_, how) in self.decided(planned, alpha).items()
        )


def _head(bet: Bet, n: int) -> Bet:
    less = None if bet.log10_less is None else bet.log10_less[:n]
    return replace(bet, log10_more=bet.log10_more[:n], log10_less=less)


def truth_of(known: KnownModel, vendors: Sequence[str], told: bool) -> dict[str, str]:
    """What a history says of each vendor; ``told`` is whether the history is documented at all."""
    makers, kin = ({v.casefold() for v in names} for names in (known.vendors, known.kin))
    return {
        v: "open" if v in kin or not told else "taught" if v in makers else "untaught"
        for v in vendors
    }


def open_models(
    asked: dict[int, Probe], teachers: Sequence[Teacher], calibration: Calibration, work: Path
) -> Iterator[Watched]:
    """The open models against the whole store, under the shipped levels and under levels without
    their lineage."""
    told = {r["model"] for r in documented()}
    watched = Sequential(teachers)
    known = known_suspects(asked, models("suspect"))
    truths = {k.name: truth_of(k, watched.vendors, k.name in told) for k in known}
    shipped = {
        k.name: _bets(
            watched, k, SHIPPED, calibration.taught_share, calibration.untaught_share, work
        )
        for k in known
    }
    for one in known:
        yield Watched(OPEN, one.name, one.group, SHIPPED, truths[one.name], shipped[one.name])
    for one in (k for k in known if k.name in told):
        others = [k for k in known if k.name in told and k.group != one.group]
        means = [
            (k.group, truths[k.name][v], b.rate) for k in others for v, b in shipped[k.name].items()
        ]
        taught = {
            g: [m for group, truth, m in means if group == g and truth == "taught"]
            for g, _, _ in means
        }
        levels = share_levels(
            {g: m for g, m in taught.items() if m},
            [m for _, truth, m in means if truth == "untaught"],
        )
        yield Watched(
            OPEN,
            one.name,
            one.group,
            HELD_OUT,
            truths[one.name],
            _bets(watched, one, HELD_OUT, *levels, work),
        )


def api_models(
    asked: dict[int, Probe], teachers: Sequence[Teacher], calibration: Calibration, work: Path
) -> Iterator[Watched]:
    """Each API model against the stored models of the other makers; nobody stored is known to
    have taught it."""
    rows = models("teacher")
    for lab in sorted({r["lab"] for r in rows}):
        watched = Sequential([t for t in teachers if t.vendor != lab])
        for row in (r for r in rows if r["lab"] == lab):
            one = known_of(row, asked)
            bets = _bets(
                watched, one, SHIPPED, calibration.taught_share, calibration.untaught_share, work
            )
            told = row["openai_label"] not in UNDOCUMENTED
            yield Watched(
                API, one.name, one.group, SHIPPED, truth_of(one, watched.vendors, told), bets
            )


def _bets(
    watched: Sequential,
    one: KnownModel,
    levels: str,
    taught: float | None,
    untaught: float | None,
    work: Path,
) -> dict[str, Bet]:
    """A suspect's bets, read back where an earlier run kept them."""
    path = work / f"{levels.replace(' ', '-')}-{one.name.replace('/', '_')}.json"
    if not path.exists():
        found = [
            replace(b, log10_more=np.round(b.log10_more, 4))
            for b in watched.bets(one.transcript, taught, untaught or 0.0)
        ]
        kept = [
            {
                **vars(b),
                "log10_more": b.log10_more.tolist(),
                "log10_less": None if b.log10_less is None else b.log10_less.tolist(),
            }
            for b in found
        ]
        path.write_text(json.dumps(kept), "utf-8")
    bets = []
    for fields in json.loads(path.read_text("utf-8")):
        arrays = {
            k: None if fields[k] is None else np.array(fields[k])
            for k in ("log10_more", "log10_less")
        }
        bets.append(Bet(**{**fields, **arrays}))
    return {b.vendor: b for b in bets}


def pairs(found: Sequence[Watched], sizes: Sequence[int], alpha: float) -> str:
    """Suspect and vendor: what was decided, by what the history says."""
    rows = []
    for kind, levels in dict.fromkeys((w.kind, w.levels) for w in found):
        mine = [w for w in found if (w.kind, w.levels) == (kind, levels)]
        for size in sizes:
            decided = [(w, v, *d) for w in mine for v, d in w.decided(size, alpha).items()]
            for truth in ("taught", "untaught", "open"):
                part = [(w, after, how) for w, v, after, how in decided if w.truth[v] == truth]
                if not part:
                    continue
                counts = [
                    sum(how == name for _, _, how in part) for name in ("more", "less", "open")
                ]
                when = [after for _, after, _ in part if after is not None]
                rows.append(
                    (
                        kind,
                        levels,
                        str(size),
                        truth if truth != "open" else "not told",
                        str(len({w.group for w, _, _ in part})),
                        rate(counts[0], len(part)),
                        rate(counts[1], len(part)),
                        rate(counts[2], len(part)),
                        f"{np.median(when):g}" if when else "–",
                    )
                )
    head = (
        "suspects",
        "levels",
        "planned",
        "the vendor did it",
        "lineages",
        "more",
        "less",
        "open",
        "median prompts, decided",
    )
    return table(head, rows)


def savings(found: Sequence[Watched], sizes: Sequence[int], alpha: float) -> str:
    """Suspects: how many questions were asked, and whether any untaught vendor was called more
    alike."""
    rows = []
    for kind, levels in dict.fromkeys((w.kind, w.levels) for w in found):
        mine = [w for w in found if (w.kind, w.levels) == (kind, levels)]
        for size in sizes:
            asked = np.array([w.asked(size, alpha) for w in mine])
            able = [w for w in mine if "untaught" in w.truth.values()]
            wrong = [w for w in able if w.wrong(size, alpha)]
            lineages = [len({w.group for w in some}) for some in (wrong, able)]
            rows.append(
                (
                    kind,
                    levels,
                    str(size),
                    str(len(mine)),
                    rate(int((asked < size).sum()), len(mine)),
                    f"{np.median(asked):g}",
                    f"{1 - asked.mean() / size:.2f}",
                    rate(len(wrong), len(able)),
                    "/".join(map(str, lineages)),
                )
            )
    head = (
        "suspects",
        "levels",
        "planned",
        "n",
        "stopped early",
        "median asked",
        "share of questions saved",
    )
    return table((*head, "some untaught vendor called more alike", "the same, lineages"), rows)


@click.command()
@click.option(
    "--work", type=click.Path(path_type=Path), required=True, help="Where what was bet is kept."
)
@click.option("--alpha", default=0.05, show_default=True)
@click.option(
    "--planned",
    default="72,180,536",
    show_default=True,
    help="Comma-separated numbers of planned questions.",
)
@click.option(
    "--prompts",
    default=0,
    show_default=True,
    help="The store's prompts, so many drawn ones; 0 for all.",
)
def main(work: Path, alpha: float, planned: str, prompts: int) -> None:
    """Prints both tables."""
    work.mkdir(parents=True, exist_ok=True)
    sizes = [int(n) for n in planned.split(",")]
    calibration = next(c for c in shipped_calibrations() if c.taught_share is not None)
    every = probes()
    drawn = np.random.default_rng(0).permutation(sorted(every))[: prompts or None].tolist()
    asked = {i: every[i] for i in sorted(drawn)}
    teachers = stored_teachers(asked)
    found = [
        *open_models(asked, teachers, calibration, work),
        *api_models(asked, teachers, calibration, work),
    ]
    levels = f"taught {calibration.taught_share}, untaught {calibration.untaught_share}"
    click.echo(
        f"{len(asked)} prompts; α {alpha:g}; levels of the shipped {calibration.name}: {levels}\n"
    )
    click.echo(f"{savings(found, sizes, alpha)}\n\n{pairs(found, sizes, alpha)}")


if __name__ == "__main__":
    main()
