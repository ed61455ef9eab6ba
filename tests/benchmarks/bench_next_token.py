"""Whom does `next_token_agreement` call kin? The weight zoo, whose history is known, and stored
models on other real ones.

``python -m tests.benchmarks.bench_next_token ZOO [--texts held-out] [--openings 360] [--work DIR]``
asks every member of a zoo (`auditor control zoo`) the openings, kept in DIR, and prints Markdown.
Texts are the bundled set, or text of the kind that the zoo's bases learned and none of them saw,
cut at several words. Each member plays the suspect, the base the candidate, the independent members
the controls, each of a vendor of its own. False accusations are counted on independent members,
students by distillation and models of the same initialisation apart.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from auditor.labs.zoo.zoo_texts import held_out
from auditor.reporting.markdown import table
from detectors.base import Teacher
from detectors.lineage.next_token_agreement import OpeningBook, book_of
from detectors.stats.intervals import clopper_pearson
from detectors.stats.openset import conformal
from detectors.stats.pvalues import holm
from fingerprints.collect import collect
from fingerprints.errors import AuditError
from fingerprints.probes import load_probe_set
from fingerprints.records import Probe, ProbeSet, Sampling
from fingerprints.subjects import open_subject
from fingerprints.transcript import Transcript

ALPHA = 0.05


@dataclass(frozen=True)
class Row:
    """One member as the suspect: what it is, its margin, its largest p over controls, its p
    among unrelated models."""

    name: str
    what: str
    margin: float
    p: float
    conformal: float
    controls: int

    @property
    def accused(self) -> bool:
        """Whether the tests over openings alone would call it kin of the candidate."""
        return self.p <= ALPHA

    @property
    def unusual(self) -> bool:
        """Whether it is besides nearer to the candidate than unrelated models are, at 5 %."""
        return self.accused and self.conformal <= ALPHA


def what_it_is(member: dict[str, Any]) -> str:
    """The history of a member in two words."""
    if "distilled" in member["kind"]:
        return "distilled"
    return str(member["relation"])


def held_out_openings() -> ProbeSet:
    """Unseen pieces of the banks that a zoo's bases learned from, each cut after some of its
    words."""
    probes = []
    for number, piece in enumerate(held_out()):
        words = piece.answer.split(" ")
        for cut in range(4, len(words) - 1, 3):
            text = " ".join(words[:cut])
            probes.append(
                Probe(
                    id=f"openings/held-out-{number}-{cut}",
                    text=text,
                    form="completion",
                    topic="held out",
                )
            )
    unique = {p.prompt_sha256(): p for p in probes if p.text.strip()}
    return ProbeSet(
        name="held-out", version="1", form="completion", max_tokens=8, probes=tuple(unique.values())
    )


def asked(
    zoo: Path, members: Sequence[dict[str, Any]], probes: ProbeSet, work: Path
) -> dict[str, Transcript]:
    """What every member says after the openings, by name; members that can't be opened are left
    out and named."""
    out = {}
    for member in members:
        name = member["name"]
        try:
            with open_subject(f"{zoo / name / member['checkpoint']},device=cpu") as subject:
                out[name] = collect(subject, [probes], Sampling(), work / f"{name}.jsonl")
        except AuditError as error:
            print(f"left out {name}: {error.line()}", flush=True)
    return out


def judged(
    book: OpeningBook, place: int, name: str, what: str, strangers: bool = True
) -> Row | None:
    """The member that plays the suspect in a book, against one stored model; its p among
    strangers only where asked for."""
    found = book.against(place)
    if found is None:
        return None
    p = float(holm([b.p for b in found.beside]).max())
    played = book.played(place) if strangers else np.zeros(0)
    unusual = (
        conformal(found.best.margin, played[np.isfinite(played)])[1] if strangers else float("nan")
    )
    return Row(name, what, found.best.margin, p, unusual, len(found.beside))


def rows_of(
    transcripts: dict[str, Transcript], members: Sequence[dict[str, Any]], base: str
) -> list[Row]:
    """Every member of one base's table as the suspect, the base the candidate; an independent
    member never its own control."""
    mine = [m for m in members if m["base"] == base and m["name"] in transcripts]
    strangers = [m["name"] for m in mine if what_it_is(m) == "independent"]
    out = []
    for member in mine:
        name = member["name"]
        if name == base:
            continue
        names = [base, *(s for s in strangers if s != name)]
        stored = [Teacher(s, f"vendor of {s}", "", transcripts[s]) for s in names]
        book = book_of(stored, transcripts[name])
        row = judged(book, book.lineup.names.index(base), name, what_it_is(member))
        out += [row] if row else []
    return out


def pairs_of(
    transcripts: dict[str, Transcript], members: Sequence[dict[str, Any]], base: str
) -> list[Row]:
    """Every independent member as the suspect against every other one as the candidate:
    accusations without any kinship."""
    names = [
        m["name"]
        for m in members
        if m["base"] == base and what_it_is(m) == "independent" and m["name"] in transcripts
    ]
    out = []
    for name in names:
        stored = [Teacher(s, f"vendor of {s}", "", transcripts[s]) for s in names if s != name]
        if len(stored) > 1:
            book = book_of(stored, transcripts[name])
            out += [
                row
                for i in range(len(stored))
                if (row := judged(book, i, name, "independent", strangers=False))
            ]
    return out


def summary(rows: Sequence[Row]) -> str:
    """By history: how many are accused by the tests over openings, and how many are unusual
    among unrelated models besides."""
    out = []
    for what in sorted({r.what for r in rows}):
        mine = [r for r in rows if r.what == what]
        n, margins = len(mine), [r.margin for r in mine]
        accused, unusual = sum(r.accused for r in mine), sum(r.unusual for r in mine)
        spread = f"{np.median(margins):+.2f} ({min(margins):+.2f} to {max(margins):+.2f})"
        out.append(
            (
                what,
                str(n),
                str(max(r.controls for r in mine)),
                spread,
                share(accused, n),
                share(unusual, n),
            )
        )
    return table(
        (
            "history",
            "n",
            "controls",
            "margin, median (range)",
            f"p ≤ {ALPHA}",
            "and unusual among strangers",
        ),
        out,
    )


def share(k: int, n: int) -> str:
    """A count with its Clopper–Pearson interval."""
    low, high = clopper_pearson(k, n)
    return f"{k} of {n} ({low:.2f} to {high:.2f})"


def main() -> None:
    """Asks, judges and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("zoo", type=Path)
    parser.add_argument("--texts", choices=("openings", "held-out"), default="openings")
    parser.add_argument("--openings", type=int, default=360)
    parser.add_argument("--work", type=Path, default=Path("bench-next-token"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.work.mkdir(parents=True, exist_ok=True)
    members = json.loads((args.zoo / "zoo.json").read_text("utf-8"))["members"]
    probes = (
        load_probe_set("openings").head(args.openings)
        if args.texts == "openings"
        else held_out_openings()
    )
    transcripts = asked(args.zoo, members, probes, args.work)
    for base in [
        m["name"] for m in members if m["relation"] == "base" and m["name"] in transcripts
    ]:
        rows = rows_of(transcripts, members, base)
        print(f"\n### Candidate: {base}\n\n{summary(rows)}\n")
        detail = [
            (r.name, r.what, f"{r.margin:+.2f}", f"{r.p:.2g}", f"{r.conformal:.3f}") for r in rows
        ]
        print(
            table(("suspect", "history", "margin", "largest p (Holm)", "p among strangers"), detail)
        )
        pairs = pairs_of(transcripts, members, base)
        if pairs:
            accusations = share(sum(r.accused for r in pairs), len(pairs))
            print(
                f"\nIndependent against independent, tests over openings alone: {accusations} pairs"
            )
            accused = {r.name for r in pairs if r.accused}
            print(
                f"\nsuspects with any accusation: {share(len(accused), len({r.name for r in pairs}))}"
            )


if __name__ == "__main__":
    main()
