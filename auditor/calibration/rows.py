"""Models of known history play the suspect: what every detector measures of each of them against
every candidate.

A row is one such model against one candidate, a stored model or a vendor, with its label where the
history knows one. Knows records; fits nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from pydantic import Field

from auditor.evidence.records import VENDOR
from detectors.base import Case, Detector, NotMeasured, Teacher, Value
from detectors.pairing import FEWEST, style_answers
from fingerprints.progress import Progress
from fingerprints.records import Record, sha256
from fingerprints.transcript import Transcript

Level = Literal["model", "vendor"]
EVERY = slice(None)


@dataclass(frozen=True)
class KnownModel:
    """A model of known history as a suspect.

    ``group`` names the independent lineage that it belongs to: models of one group are one model to
    the statistics. ``teachers`` and ``vendors`` are whom it learned from, empty for a control
    without a teacher; ``kin`` are makers whose models are no candidates: its own, and that of the
    tuned weights that it began with. ``start`` names what it was trained from (a whole one is held
    out), ``base`` holds that model's answers where they are known.
    """

    name: str
    group: str
    transcript: Transcript
    teachers: frozenset[str] = frozenset()
    vendors: frozenset[str] = frozenset()
    kin: frozenset[str] = frozenset()
    start: str = ""
    base: Teacher | None = None
    dose: float | None = None
    evasions: tuple[str, ...] = ()


class MeasuredRow(Record):
    """One model of known history against one candidate.

    ``label`` is 1 where the history names the candidate as a teacher, 0 where it doesn't. ``size``
    is the number of prompts that the measurement was limited to. ``values`` and ``metric_ids`` are
    by detector; one that measured nothing is absent. ``sources`` are the teachers (by level: models
    or vendors) that must not be learned from when this row is tested.
    """

    suspect: str
    group: str
    start: str
    level: Level
    candidate: str
    label: Literal[0, 1]
    size: int
    sources: tuple[str, ...]
    dose: float | None = None
    evasions: tuple[str, ...] = ()
    values: dict[str, float] = Field(default_factory=dict)
    metric_ids: dict[str, str] = Field(default_factory=dict)


def vendor_name(vendor: str) -> str:
    """How a vendor is called as a candidate: ``vendor:`` and its name in small letters."""
    return VENDOR + vendor.casefold()


def mean_by_vendor(values: Iterable[tuple[str, float]]) -> dict[str, float]:
    """The mean value of each vendor's models, from (vendor, value) pairs; models without a vendor
    count for none.

    The mean, not the largest: the best of many versions comes near to anybody, and a vendor with
    more versions nearer still.
    """
    out: dict[str, list[float]] = {}
    for vendor, value in values:
        if vendor:
            out.setdefault(vendor_name(vendor), []).append(value)
    return {name: fmean(of_models) for name, of_models in out.items()}


def measured_rows(
    known: Sequence[KnownModel],
    teachers: Sequence[Teacher],
    detectors: Sequence[Callable[[], Detector]],
    sizes: Sequence[int],
    progress: Progress | None = None,
    part: slice = EVERY,
) -> tuple[MeasuredRow, ...]:
    """Rows of every model of known history (of those in ``part`` alone) against every stored model
    and vendor, for each number of prompts.

    Detectors are fitted once for each size, on the prompts that any of the models answered; the
    models play the suspect one after another. A size that a model has too few shared prompts for is
    left out for that model; one that there are not prompts enough for is all that there are
    (`reachable`). Deterministic.
    """
    rows: list[MeasuredRow] = []
    suspects, reached = known[part], reachable(sizes, known, teachers)
    total, done = len(reached) * len(detectors) * len(suspects), 0
    for size in reached:
        prompts = chosen_prompts(known, teachers, size)
        stored = [limited_teacher(t, prompts) for t in teachers]
        found: list[dict[str, dict[str, Value]]] = [{} for _ in suspects]
        for make in detectors:
            fitted = make().fit(stored)
            for number, model in enumerate(suspects):
                found[number][fitted.name] = _values(fitted, model, stored, prompts)
                done += 1
                if progress:
                    progress(done, total)
        for model, by_detector in zip(suspects, found, strict=True):
            rows += _rows(model, teachers, by_detector, size)
    return tuple(rows)


def reachable(
    sizes: Iterable[int], known: Sequence[KnownModel], teachers: Sequence[Teacher]
) -> tuple[int, ...]:
    """The numbers of prompts at which something can be measured, each once: where there are fewer
    than a size wants all that there are, so that no figure claims more; none where they are too few
    for a detector, too."""
    there = len(_shared(known, teachers))
    return tuple(dict.fromkeys(min(s, there) for s in sizes if min(s, FEWEST) <= there))


def chosen_prompts(
    known: Sequence[KnownModel], teachers: Sequence[Teacher], size: int
) -> frozenset[str]:
    """Digests of at most ``size`` prompts that a model of known history and a stored model both
    answered.

    Drawn by the digest of the digest, so that which ones are taken depends on nothing but their
    number and themselves.
    """
    return frozenset(sorted(_shared(known, teachers), key=sha256)[:size])


def _shared(known: Sequence[KnownModel], teachers: Sequence[Teacher]) -> set[str]:
    """The prompts, by digest, that anybody of either side answered; those of the models of known
    history where no stored one did."""
    theirs = {p for t in teachers for p in style_answers(t.transcript)}
    ours = {p for k in known for p in style_answers(k.transcript)}
    return theirs & ours or ours


def limited(transcript: Transcript, prompts: frozenset[str]) -> Transcript:
    """The transcript without style answers to other prompts; what is no style answer stays."""
    dropped = {a.probe.id for p, a in style_answers(transcript).items() if p not in prompts}
    kept = tuple(r for r in transcript.replies if r.probe_id not in dropped)
    probes = {i: p for i, p in transcript.probes.items() if i not in dropped}
    return Transcript(transcript.header, probes, kept)


def limited_teacher(teacher: Teacher, prompts: frozenset[str]) -> Teacher:
    """A stored model with the answers to these prompts alone; one that answered none of them
    keeps all of its own."""
    if not prompts & style_answers(teacher.transcript).keys():
        return teacher
    return Teacher(
        teacher.name, teacher.vendor, teacher.family, limited(teacher.transcript, prompts)
    )


def _values(
    detector: Detector, model: KnownModel, stored: Sequence[Teacher], prompts: frozenset[str]
) -> dict[str, Value]:
    """What the fitted detector measures of one model against each stored model of another maker,
    by name."""
    suspect = limited(model.transcript, prompts)
    base = None if model.base is None else limited_teacher(model.base, prompts)
    out: dict[str, Value] = {}
    for teacher in stored:
        if _own(model, teacher.vendor) or teacher.name == model.name:
            continue
        background = tuple(t for t in stored if t is not teacher)
        value = detector.value(Case(suspect, teacher, background, base=base))
        if not isinstance(value, NotMeasured):
            out[teacher.name] = value
    return out


def _own(model: KnownModel, vendor: str) -> bool:
    return vendor.casefold() in {k.casefold() for k in model.kin if k}


def _rows(
    model: KnownModel, teachers: Sequence[Teacher], found: dict[str, dict[str, Value]], size: int
) -> list[MeasuredRow]:
    vendor_of = {t.name: t.vendor for t in teachers}
    values: dict[str, dict[str, float]] = {}
    metric_ids: dict[str, dict[str, str]] = {}
    for detector, by_name in found.items():
        named = {name: v.value for name, v in by_name.items()}
        pooled = named | mean_by_vendor((vendor_of[n], value) for n, value in named.items())
        ids = {name: v.metric_id for name, v in by_name.items()}
        for candidate, value in pooled.items():
            values.setdefault(candidate, {})[detector] = value
            own = ids.get(candidate, next(iter(ids.values())))
            metric_ids.setdefault(candidate, {})[detector] = own
    out = []
    for candidate in sorted(values):
        label = _label(model, candidate, vendor_of)
        if label is None:
            continue
        # A model whose maker nobody knows stands for itself, as a maker does.
        lone = not vendor_of.get(candidate, "")
        level: Level = "vendor" if lone else "model"
        out.append(
            MeasuredRow(
                suspect=model.name,
                group=model.group,
                start=model.start,
                level=level,
                candidate=candidate,
                label=label,
                size=size,
                sources=_sources(model, candidate),
                dose=model.dose,
                evasions=model.evasions,
                values=values[candidate],
                metric_ids=metric_ids[candidate],
            )
        )
    return out


def _label(model: KnownModel, candidate: str, vendor_of: dict[str, str]) -> Literal[0, 1] | None:
    """1: learned from it; 0: did not; None: another version of a teacher's maker, of which the
    history knows nothing."""
    makers = {vendor_name(v) for v in model.vendors}
    if candidate.startswith(VENDOR):
        return 1 if candidate in makers else 0
    if candidate in model.teachers:
        return 1
    return None if vendor_name(vendor_of[candidate]) in makers else 0


def _sources(model: KnownModel, candidate: str) -> tuple[str, ...]:
    return tuple(sorted({candidate, *model.teachers, *map(vendor_name, model.vendors)}))
