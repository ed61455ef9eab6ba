"""Measured rows → a Calibration: fit, hold out, tell how well it did.

Knows rows; asks no model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.calibration.figures import SMALLEST_FACET, curves_of, figures_of
from auditor.calibration.held_out import (
    GROUP,
    left_out,
    schemes_of,
    values_of,
)
from auditor.calibration.record import (
    Calibration,
    Curves,
    Figures,
    Fitted,
    LineageOut,
    Population,
)
from auditor.calibration.rows import KnownModel, Level, MeasuredRow
from auditor.calibration.weigher import Weigher
from auditor.version import VERSION
from detectors.base import Teacher
from detectors.style.likeness import Sequential
from fingerprints.collect import timestamp
from fingerprints.errors import Incomplete
from fingerprints.progress import Progress
from fingerprints.records import Record

Array = NDArray[np.float64]
LEVELS: tuple[Level, ...] = ("vendor",)
"""What is fitted: one verdict is given a maker, and a model whose maker is unknown is its own."""
BORROWED = (
    "No two lineages of this population are documented to be taught: its figures set the taught"
    " models of the other populations against its own untaught ones."
)
FEWEST_TAUGHT = 5


@dataclass(frozen=True)
class MeasuredPopulation:
    """Measured models of known history that were asked the same prompts and compared with the same
    stored models. ``shares`` are as `shares_of` gives them, ``least_familiar`` as
    `auditor.calibration.familiar` does."""

    name: str
    rows: tuple[MeasuredRow, ...]
    about: Population
    cohort_sha256: str
    notes: tuple[str, ...] = ()
    shares: tuple[float | None, float | None] = (None, None)
    least_familiar: float | None = None


def calibrated(
    name: str,
    rows: Sequence[MeasuredRow],
    population: Population,
    cohort_sha256: str,
    notes: Sequence[str] = (),
    shares: tuple[float | None, float | None] = (None, None),
    progress: Progress | None = None,
    least_familiar: float | None = None,
) -> Calibration:
    """The calibration that the rows of one population give: `calibrated_together` of it alone."""
    one = MeasuredPopulation(
        name, tuple(rows), population, cohort_sha256, tuple(notes), shares, least_familiar
    )
    return calibrated_together([one], progress)[0]


def calibrated_together(
    populations: Sequence[MeasuredPopulation], progress: Progress | None = None
) -> tuple[Calibration, ...]:
    """One calibration for each population: ratios for every number of prompts, with held-out
    figures.

    Each has scales of its own (what unrelated suspects get against each candidate there); on these
    scales the maps from values to ratios are fitted to all populations' rows, so that the number of
    independent lineages is that of all together. A lineage that is in several counts once. A number
    of prompts at which no detector measured two independent models of either kind is left out and
    noted. Deterministic but for the date. Raises Incomplete where nothing could be fitted.
    """
    rows = {p.name: p.rows for p in populations}
    cells = _cells_of(rows)
    fits = []
    for number, cell in enumerate(cells):
        fits.append(cell_fits(rows, cell))
        if progress:
            progress(number + 1, len(cells))
    return joined(populations, fits)


class CellFit(Record):
    """What was fitted of one population's rows at one level and number of prompts; nothing but
    notes where there were too few."""

    fitted: tuple[Fitted, ...] = ()
    figures: tuple[Figures, ...] = ()
    curves: tuple[Curves, ...] = ()
    notes: tuple[str, ...] = ()


def _cells_of(rows: Mapping[str, Sequence[MeasuredRow]]) -> list[tuple[Level, int]]:
    """Levels and numbers of prompts, ascending: each is fitted by itself."""
    sizes = sorted({r.size for own in rows.values() for r in own})
    return [(level, size) for level in LEVELS for size in sizes]


def cell_fits(
    rows: Mapping[str, Sequence[MeasuredRow]], cell: tuple[Level, int]
) -> dict[str, CellFit]:
    """The fit of one cell for each population, by name; it needs no other cell. ``rows``: those of
    the populations, of other cells too."""
    level, size = cell
    every = [(name, r) for name, own in rows.items() for r in own]
    chosen = [(name, r) for name, r in every if r.level == level and r.size == size]
    made = {name: _Making([], [], [], []) for name in rows}
    try:
        weigher = _weigher([r for _, r in chosen], [name for name, _ in chosen])
    except ValueError as problem:
        told = f"Nothing is fitted for {level}s at {size} prompts: {problem}."
        return {name: CellFit(notes=(told,)) for name in made}
    _add(made, weigher, chosen, level, size)
    return {name: one.whole() for name, one in made.items()}


def joined(
    populations: Sequence[MeasuredPopulation], fits: Sequence[Mapping[str, CellFit]]
) -> tuple[Calibration, ...]:
    """The calibrations of cells in ascending order, dated now. Raises Incomplete where nothing was
    measured or could be fitted."""
    if not fits:
        raise Incomplete(
            "nothing could be measured of any control against a stored model",
            next_step="store the models that taught the controls, asked the same prompts",
        )
    if not any(one.fitted for cell in fits for one in cell.values()):
        first = populations[0]
        notes = (*first.notes, *(note for cell in fits for note in cell[first.name].notes))
        raise Incomplete(
            "the cohort is too small to calibrate anything: " + " ".join(notes)[:300],
            next_step="add controls of either kind, from at least two lineages each",
        )
    return tuple(_calibration(p, [cell[p.name] for cell in fits]) for p in populations)


@dataclass(frozen=True)
class _Making:
    """What has been made of one population's cell so far."""

    fitted: list[Fitted]
    figures: list[Figures]
    curves: list[Curves]
    notes: list[str]

    def whole(self) -> CellFit:
        """All of it."""
        return CellFit(
            fitted=tuple(self.fitted),
            figures=tuple(self.figures),
            curves=tuple(self.curves),
            notes=tuple(self.notes),
        )


def _add(
    made: Mapping[str, _Making],
    weigher: Weigher,
    chosen: Sequence[tuple[str, MeasuredRow]],
    level: Level,
    size: int,
) -> None:
    """Adds the fit, its figures and curves to every population that has rows here."""
    rows, names = [r for _, r in chosen], [name for name, _ in chosen]
    for name in dict.fromkeys(names):
        made[name].fitted.append(_fitted(weigher, rows, name, level, size))
    for scheme, note in schemes_of(rows, level):
        for one in made.values() if note else ():
            one.notes.append(note)
        if not scheme:
            continue
        held = left_out(weigher, rows, scheme, names)
        for name in dict.fromkeys(names):
            whole = scheme == GROUP
            own, ratios, borrowed = _own(rows, names, held, name)
            found = figures_of(own, ratios, scheme, facets=whole and not borrowed)
            made[name].figures.extend(found)
            if whole:
                made[name].curves.extend(curves_of(own, ratios, scheme))
            if whole and borrowed:
                made[name].notes.append(BORROWED)


def _own(
    rows: Sequence[MeasuredRow], names: Sequence[str], held: Array, name: str
) -> tuple[list[MeasuredRow], Array, bool]:
    """A population's rows with their held-out ratios. Where it has fewer than two lineages under
    H1, those of all others stand for them, and the third part says so."""
    mine = np.array([n == name for n in names])
    taught = {r.group for r, own in zip(rows, mine, strict=True) if own and r.label == 1}
    borrowed = len(taught) < SMALLEST_FACET
    positive = np.array([r.label == 1 for r in rows])
    kept = (mine & ~positive) | positive if borrowed else mine
    return [rows[i] for i in np.flatnonzero(kept).tolist()], held[kept], borrowed


def _calibration(population: MeasuredPopulation, fits: Sequence[CellFit]) -> Calibration:
    # The curves are those of the largest number of prompts at which anything was fitted.
    curves = next((one.curves for one in reversed(fits) if one.fitted), ())
    notes = (*population.notes, *(note for one in fits for note in one.notes))
    return Calibration(
        name=population.name,
        population=population.about,
        cohort_sha256=population.cohort_sha256,
        created=timestamp(),
        tool=f"distillation-auditor {VERSION}",
        fitted=tuple(f for one in fits for f in one.fitted),
        figures=tuple(f for one in fits for f in one.figures),
        curves=curves,
        taught_share=population.shares[0],
        untaught_share=population.shares[1],
        least_familiar=population.least_familiar,
        notes=tuple(dict.fromkeys(notes)),
    )


def shares_of(
    known: Sequence[KnownModel], teachers: Sequence[Teacher]
) -> tuple[float | None, float | None]:
    """What nine in ten taught lineages reach, and what one in twenty models reaches for a vendor
    that did not teach it.

    Both are mean shares of rival vendors below the vendor on the model's own answers
    (`detectors.style.likeness`). A taught lineage counts once, by its mean. None and None where
    fewer than five taught lineages share prompts with the store.
    """
    watched, taught, untaught = Sequential(teachers), dict[str, list[float]](), list[float]()
    for model in known:
        shares = watched.shares(model.transcript)
        makers, kin = ({v.casefold() for v in names} for names in (model.vendors, model.kin))
        means = shares.mean(axis=0).tolist() if len(shares) else ()
        for vendor, mean in zip(watched.vendors, means, strict=False):
            if vendor in makers:
                taught.setdefault(model.group, []).append(mean)
            elif vendor not in kin:
                untaught.append(mean)
    return share_levels(taught, untaught)


def share_levels(
    taught: Mapping[str, Sequence[float]], untaught: Sequence[float]
) -> tuple[float | None, float | None]:
    """The two levels of `shares_of` from mean shares: of taught models by lineage, and of
    untaught ones."""
    if len(taught) < FEWEST_TAUGHT or not untaught:
        return None, None
    # Between two known values a level goes to the side on which less is decided.
    lineages = [float(np.mean(values)) for values in taught.values()]
    reached = float(np.quantile(lineages, 0.1, method="lower"))
    return round(reached, 4), round(float(np.quantile(untaught, 0.95, method="higher")), 4)


def _weigher(rows: Sequence[MeasuredRow], populations: Sequence[str]) -> Weigher:
    if not rows:
        raise ValueError("no row was measured")
    detectors = tuple(sorted({d for r in rows for d in r.values}))
    return Weigher(detectors).fit(
        values_of(rows, detectors),
        [r.label for r in rows],
        [r.group for r in rows],
        [r.candidate for r in rows],
        populations,
    )


def _fitted(
    weigher: Weigher,
    rows: Sequence[MeasuredRow],
    population: str,
    level: Level,
    size: int,
) -> Fitted:
    """The numbers of a weigher for cases that are like those of one population."""
    own, names = weigher.of(population), sorted({r.group for r in rows})
    null = tuple(
        (round(float(held), 6), names.index(row.group))
        for row, held in zip(rows, weigher.held_out_, strict=True)
        if row.label == 0
    )
    ids = {d: next(r.metric_ids[d] for r in rows if d in r.metric_ids) for d in own.used_}
    return Fitted(
        level=level,
        size=size,
        detectors=own.used_,
        metric_ids=ids,
        norms={d: norm.numbers_ for d, norm in own.norms_.items()},
        maps={d: own.maps_[d].numbers_ for d in own.used_},
        fusion=own.fusion_.numbers_,
        null=null,
        left_out=tuple(_without_each(own)),
    )


def _without_each(weigher: Weigher) -> Iterator[LineageOut]:
    """The fit without each lineage. One that a detector never measured leaves its map as it is."""
    for lineage, fused in weigher.fusion_.without_each().items():
        if fused is None:
            yield LineageOut(lineage=str(lineage))
            continue
        maps = {
            name: known.without_.get(lineage, (known.numbers_.intercept, known.numbers_.slope))
            for name, known in weigher.maps_.items()
        }
        yield LineageOut(
            lineage=str(lineage),
            maps={d: (round(a, 6), round(b, 6)) for d, (a, b) in maps.items()},
            fusion=tuple(round(c, 6) for c in fused.coefficients),
            bounds=fused.bounds,
        )
