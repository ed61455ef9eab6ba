"""The four sets of public answers with their labels: stored teachers, suspects of known history.

AUDITOR_BENCH_DATA=data python -m tests.benchmarks.known_history

The answers stay outside, under AUDITOR_BENCH_DATA; the printing needs the tables alone. Prints, of
each set, what its models can carry: whom they were taught by, how many independent lineages and
labs were not, and the controls.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from auditor.calibration.rows import KnownModel
from detectors.base import Teacher
from fingerprints.records import Probe
from fingerprints.transcript import Transcript
from tests.benchmarks import public_models
from tests.benchmarks.bench_source_recognition import folder, rows_of
from tests.benchmarks.known_labels import (
    ALPACA,
    CONTROLS,
    EVERYBODY,
    NO_SUSPECTS,
    SELF,
    SETS,
    Ground,
    History,
    first_public,
    histories,
    labels,
    makers_of,
    stored_of,
    suspects_of,
)

LANGUAGES = {ALPACA: "en", "arena_hard_en": "en", "arena_hard_ko": "ko", "shaberi_ja": "ja"}
"""In which language each set asks."""
LABELLED = frozenset({Ground.DOCUMENTED, Ground.INFERRED, Ground.PRESUMED})


def as_known(
    one: History,
    stored: Sequence[History],
    transcript: Transcript,
    first: Mapping[str, str],
    grounds: frozenset[Ground] = LABELLED,
    lineage_first: bool = True,
    language: str = "",
) -> KnownModel:
    """A model as a suspect against the stored ones; a label on other grounds than these is left
    out. Makers without a label are kin: no candidates."""
    by_maker = labels(one, stored, first, lineage_first, language)
    used = {m: label for m, label in by_maker.items() if label.ground in grounds}
    taught = frozenset(m for m, label in used.items() if label.value == 1)
    return KnownModel(
        name=one.model,
        group=one.lineage,
        transcript=transcript,
        teachers=frozenset(
            h.model for h in stored if h.known_as in one.teacher_models and h.maker in taught
        ),
        vendors=taught,
        kin=one.own | (by_maker.keys() - used.keys()),
        start=one.family,
    )


def data(of: str) -> Path:
    """The folder of a set's answers."""
    return folder().parent / of


def probes(of: str) -> dict[str, Probe]:
    """The prompts of a set, by their id there."""
    if of == ALPACA:
        return {str(i): p for i, p in public_models.probes().items()}
    rows = rows_of(data(of) / "prompts.jsonl.gz")
    return {r["id"]: Probe(id=f"{of}/{r['id']}", text=r["prompt"]) for r in rows}


def transcript_of(of: str, model: str, asked: Mapping[str, Probe]) -> Transcript:
    """A model's recorded answers to these prompts; empty ones are left out, cut ones say that they
    are."""
    rows = rows_of(data(of) / "outputs" / f"{_file(of, model)}.jsonl.gz")
    said = {str(r["id"]): r["output"] for r in rows if r["output"].strip()}
    return public_models.transcript_of(
        model, said, asked, frozenset(str(r["id"]) for r in rows if r.get("cut"))
    )


def _file(of: str, model: str) -> str:
    if of == ALPACA:
        return model.replace("+", "_plus_")
    return model.replace("(", "_").replace(")", "_")


def stored_teachers(of: str, asked: Mapping[str, Probe]) -> list[Teacher]:
    """The stored models of a set with their answers."""
    return [
        Teacher(h.model, h.maker, h.family, transcript_of(of, h.model, asked))
        for h in stored_of(histories(of))
    ]


def known_suspects(
    of: str,
    asked: Mapping[str, Probe],
    without: Collection[str] = NO_SUSPECTS,
    grounds: frozenset[Ground] = LABELLED,
    lineage_first: bool = True,
) -> list[KnownModel]:
    """The models of a set that have any label on these grounds, as suspects; kinds in ``without``
    are left out."""
    rows = histories(of)
    stored, first = stored_of(rows), first_public()
    labelled = [
        h
        for h in suspects_of(rows, without)
        if any(
            by.ground in grounds
            for by in labels(h, stored, first, lineage_first, LANGUAGES[of]).values()
        )
    ]
    return [
        as_known(
            h,
            stored,
            transcript_of(of, h.model, asked),
            first,
            grounds,
            lineage_first,
            LANGUAGES[of],
        )
        for h in labelled
    ]


@dataclass(frozen=True)
class Carried:
    """What a set's suspects carry for one candidate maker: models and independent lineages and
    labs, taught and not, by ground."""

    maker: str
    taught: Mapping[Ground, frozenset[History]]
    untaught: Mapping[Ground, frozenset[History]]
    unstored: frozenset[History]


def carried(rows: Sequence[History], first: Mapping[str, str], language: str = "") -> list[Carried]:
    """By candidate maker, whom of a set was taught by it, and who was not."""
    stored = stored_of(rows)
    found = [(h, labels(h, stored, first, language=language)) for h in suspects_of(rows)]

    def those(maker: str, value: int) -> dict[Ground, frozenset[History]]:
        hit = [(h, by[maker].ground) for h, by in found if by[maker].value == value]
        return {g: frozenset(h for h, ground in hit if ground == g) for _, g in hit}

    return [
        Carried(
            maker,
            those(maker, 1),
            those(maker, 0),
            frozenset(h for h, by in found if by[maker].ground is Ground.UNSTORED),
        )
        for maker in makers_of(stored)
    ]


def lineages(models: Iterable[History]) -> int:
    """How many independent lineages these models are."""
    return len({h.lineage for h in models})


def labs(models: Iterable[History]) -> int:
    """How many makers these models have."""
    return len({h.maker for h in models})


def _counted(by_ground: Mapping[Ground, frozenset[History]]) -> str:
    every = frozenset().union(*by_ground.values())
    parts = ", ".join(f"{g} {lineages(by_ground[g])}" for g in Ground if g in by_ground)
    whole = f"{len(every)} models, {lineages(every)} lineages, {labs(every)} labs"
    return f"{whole} ({parts})" if parts else "none"


def _print_set(of: str) -> None:
    rows = histories(of)
    stored = stored_of(rows)
    click.echo(
        f"\n{of}: {len(rows)} models, {lineages(rows)} lineages, {labs(rows)} makers; "
        f"stored {len(stored)} of {len(makers_of(stored))} makers"
    )
    for one in carried(rows, first_public(), LANGUAGES[of]):
        click.echo(f"  {one.maker}")
        click.echo(f"    taught by it:     {_counted(one.taught)}")
        click.echo(f"    not taught by it: {_counted(one.untaught)}")
        if one.unstored:
            click.echo(f"    taught by models not stored: {lineages(one.unstored)} lineages")


def strangers(
    rows: Sequence[History], hidden: str, first: Mapping[str, str]
) -> tuple[History, ...]:
    """Students of a teacher on no list: those that this maker taught and that keep a label of 0
    against another once its models are taken out of the store."""
    left = [h for h in stored_of(rows) if h.maker != hidden]
    taught = (h for h in suspects_of(rows) if h.label(hidden, first).value == 1)
    return tuple(
        h for h in taught if any(label.value == 0 for label in labels(h, left, first).values())
    )


def controls(rows: Iterable[History]) -> dict[str, tuple[History, ...]]:
    """The controls without distillation, by kind; under ``denied``, other suspects of which it is
    documented that no other maker's answers taught them."""
    suspects = suspects_of(rows)
    by_kind = {kind: tuple(h for h in suspects if h.kind == kind) for kind in CONTROLS}
    denied = tuple(
        h
        for h in suspects
        if EVERYBODY in h.not_taught_by and h.kind not in CONTROLS and not h.taught_by - {SELF}
    )
    return {**by_kind, "denied": denied}


def _print_controls() -> None:
    click.echo("\ncontrols")
    for of in SETS:
        rows = histories(of)
        for kind, found in controls(rows).items():
            click.echo(f"  {of}, {kind}: {', '.join(h.model for h in found) or 'none'}")
        for maker in makers_of(stored_of(rows)):
            if apart := strangers(rows, maker, first_public()):
                click.echo(
                    f"  {of}, students of an unlisted teacher once {maker} is hidden: "
                    f"{len(apart)} models, {lineages(apart)} lineages, {labs(apart)} labs"
                )


@click.command()
def main() -> None:
    """Prints what the models of each set can carry."""
    for of in SETS:
        _print_set(of)
    _print_controls()


if __name__ == "__main__":
    main()
