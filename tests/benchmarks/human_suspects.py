"""Suspects of known history that the shipped calibrations never saw, and what an ordinary audit says
of each.

Controls that are trained here (`human_cohort`) and the QLoRA study's runs (`human_qlora`), each
against the 34 stored public models. A report that is there is read back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from auditor.audits.inheritance.audit import audit
from auditor.audits.report.bundle import TRANSCRIPT
from auditor.audits.report.file import load_report
from auditor.calibration.case import SHIPPED as CHOICE
from auditor.calibration.case import weigh_case
from auditor.calibration.conclusions import concluded
from auditor.calibration.record import read_calibration, write_calibration
from auditor.calibration.rows import mean_by_vendor
from auditor.evidence.kinship import Kin, Tie
from auditor.evidence.records import Report, Verdict
from fingerprints.record_files import write_json
from fingerprints.store import FingerprintStore
from fingerprints.transcript import load_transcript
from tests.benchmarks import human_cohort, known_history
from tests.benchmarks.human_cohort import BY_NAME, UNTRAINED, Kind, made
from tests.benchmarks.human_qlora import RUNS, asked_ids, run_rows
from tests.benchmarks.known_labels import ALPACA
from tests.benchmarks.ship_calibrations import SHIPPED

CALIBRATIONS = ("chosen", "english-2023", "english-2023 unbound")
"""The calibration that the program chooses; english-2023 whatever the suspect; and the same as if
the least familiar suspect were weighed like any other."""
HIDDEN_SIZE = "13b"
"""The size at which a run's maker is also hidden: the four sizes of one source are one lineage."""
OPEN = {"gemma": ("Google",), "smollm2": ("Hugging Face", "Meta", "OpenAI", "Alibaba")}
"""Makers with whom a body itself has to do, so that likeness to them is nobody's mistake: Google
made Gemma; SmolLM2 was tuned on answers of models of Meta, OpenAI and Alibaba (its card, from
memory)."""


@dataclass(frozen=True)
class Suspect:
    """One suspect under one store: ``group`` is its independent lineage (who wrote what it
    learned), ``hidden`` the maker whose models were taken out of the store, ``maker`` who taught it,
    ``open`` the makers about whom its history says nothing."""

    name: str
    group: str
    kind: Kind
    maker: str
    open: tuple[str, ...]
    file: Path
    base: Path | None = None
    hidden: str = ""

    @property
    def trained(self) -> bool:
        """Whether it was trained here: its lineage says what, its folder that it was."""
        return self.file.name == "transcript.jsonl"

    def label(self, maker: str) -> int | None:
        """Whether this maker's answers taught it; None where that can't be said."""
        if maker in self.open:
            return None
        return int(bool(self.maker) and maker == self.maker and not self.hidden)


@dataclass(frozen=True)
class Judged:
    """What one audit said of one suspect, maker by maker."""

    suspect: Suspect
    by: str
    used: str
    conclusion: str
    verdicts: tuple[Verdict, ...]
    values: dict[str, dict[str, float]]

    def pairs(self) -> Iterator[tuple[int, Verdict]]:
        """Label and verdict of every maker that was assessed and about whom the label is known."""
        for v in self.verdicts:
            label = self.suspect.label(v.called)
            if label is not None and v.assessed:
                yield label, v


def store_of(work: Path, name: str, asked: Collection[str], hidden: str) -> Path:
    """A store of the public API models with their answers to these prompts, without a maker's."""
    path = (
        work
        / "stores"
        / (name + (f"-without-{hidden.split(maxsplit=1)[0].casefold()}" if hidden else ""))
    )
    if (path / "complete").exists():
        return path / "store"
    path.mkdir(parents=True, exist_ok=True)
    probes = known_history.probes(ALPACA)
    with FingerprintStore.join(path / "store") as store:
        for t in known_history.stored_teachers(ALPACA, {k: probes[k] for k in asked}):
            if t.vendor != hidden:
                store.add(t.transcript, t.name, vendor=t.vendor, family=t.family)
    write_json(path / "complete", {"hidden": hidden})
    return path / "store"


def judged(work: Path, suspect: Suspect, store: Path) -> Iterator[Judged]:
    """One audit, or its report read back, and its measurements weighed by each calibration."""
    name = suspect.name + (f"-no-{suspect.hidden}" if suspect.hidden else "")
    out = work / "reports" / name
    base = None if suspect.base is None else str(suspect.base)
    if not (out / "report.json").exists():
        audit(str(suspect.file), out, store=str(store), base=base)
    report = load_report(out / "report.json")
    values, ties = values_in(report), _of_makers(report.verdicts)
    kin = Kin({v.candidate or "": [Tie(k, v.reason) for k in v.kinship] for v in ties if v.kinship})
    asked = load_transcript(out / TRANSCRIPT)
    for by, choice in choices(work).items():
        case = weigh_case(choice, report.findings, report.candidates, asked, kin=kin)
        told = _of_makers(case.verdicts)
        used = case.section.name if case.section else "none"
        yield Judged(suspect, by, used, concluded(told)[0], told, values)


def choices(work: Path) -> dict[str, str]:
    """What a plan would give for each calibration; the one without a bound is written here."""
    english, free = SHIPPED / "english-2023.json", work / "english-2023-unbound.json"
    if not free.exists():
        known = read_calibration(english)
        write_calibration(free, known.model_copy(update={"least_familiar": None}))
    return dict(zip(CALIBRATIONS, (CHOICE, str(english), str(free)), strict=True))


def _of_makers(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    return tuple(v for v in verdicts if v.question == "inheritance" and v.of_vendor)


def values_in(report: Report) -> dict[str, dict[str, float]]:
    """The detectors' values by maker and detector: what a fit would read of this suspect."""
    vendor = {c.name: c.vendor for c in report.candidates}
    found: dict[str, list[tuple[str, float]]] = {}
    for f in report.findings:
        if f.candidate in vendor and f.counts_prompts:
            found.setdefault(f.detector, []).append((vendor[f.candidate], f.value))
    out: dict[str, dict[str, float]] = {}
    for detector, pairs in found.items():
        for maker, value in mean_by_vendor(pairs).items():
            out.setdefault(maker, {})[detector] = value
    return out


def trained_suspects(work: Path) -> list[Suspect]:
    """Every finished control; those with a teacher once more with its maker hidden."""
    out = []
    for (body, name), member in made(work).items():
        source, base = BY_NAME[name], work / body / UNTRAINED / "transcript.jsonl"
        one = Suspect(
            f"{body}-{name}",
            f"{source.kind}/{source.maker or name}",
            source.kind,
            source.maker if source.kind == "taught" else "",
            OPEN[body],
            member.folder / "transcript.jsonl",
            base if base.exists() else None,
        )
        out.append(one)
        if source.kind == "taught":
            out.append(hidden(one))
    return out


def hidden(one: Suspect) -> Suspect:
    """The same student, its teacher on no list."""
    return replace(one, group=f"unlisted/{one.maker}", kind="unlisted", hidden=one.maker)


def run_suspects(work: Path) -> list[Suspect]:
    """The QLoRA study's runs; LLaMA, which they began with, is Meta's."""
    out = []
    for run in RUNS:
        file = work / "runs" / f"{run.name}.jsonl"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("".join(run_rows(run)), "utf-8")
        one = Suspect(run.name, f"qlora/{run.source}", run.kind, run.maker, ("Meta",), file)
        out.append(one)
        if run.kind == "taught" and run.name.startswith(HIDDEN_SIZE):
            out.append(hidden(one))
    return out


def every_audit(work: Path) -> Iterator[Judged]:
    """All suspects under both calibrations."""
    sets: tuple[tuple[str, list[str], list[Suspect]], ...] = (
        ("asked", human_cohort.split()[0], trained_suspects(work)),
        ("runs", asked_ids(), run_suspects(work)),
    )
    for name, asked, suspects in sets:
        for one in suspects:
            store = store_of(work, name, asked, one.hidden)
            yield from judged(work, one, store)
