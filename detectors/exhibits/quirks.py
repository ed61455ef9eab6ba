"""How shared wrong answers are shown: the questions, the letters, the stored models, both answers
quoted.

Knows figures; computes no expectation. A stranger's text goes into exhibits unchanged, escaping is
the renderer's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.base import Exhibit, Table
from detectors.lineup import Lineup, Ranking, rounded
from detectors.stats.wrong_answers import WrongAgreement
from detectors.text.choices import Choice
from fingerprints.records import Probe

Array = NDArray[np.float64]
MOST_ROWS = 20
MOST_EXHIBITS = 6


@dataclass(frozen=True)
class SharedQuirk:
    """Everything that is shown of one candidate. ``errors`` (models + suspect, items, options), the
    suspect in the last row; ``to_all`` holds the suspect's agreement with each stored model, None
    where too little is shared."""

    lineup: Lineup
    candidate: int
    items: tuple[str, ...]
    probes: tuple[Probe, ...]
    suspect: Mapping[str, Choice]
    answers: Sequence[Mapping[str, Choice]]
    errors: Array
    found: WrongAgreement
    to_all: Sequence[WrongAgreement | None]
    p_z: float | None
    p: float | None

    @property
    def ranking(self) -> Ranking:
        """The stored models by kappa."""
        kappas = np.array([np.nan if a is None else a.kappa for a in self.to_all])
        return Ranking(self.lineup, kappas, self.candidate)

    @property
    def rarest(self) -> list[int]:
        """Places in ``found`` of the agreements, the least expected first."""
        places = np.flatnonzero(self.found.same > 0)
        return [int(i) for i in places[np.argsort(self.found.expected[places], kind="stable")]]

    def others(self, item: int) -> tuple[int, int]:
        """How many unrelated models give the same wrong option to an item, of how many that have
        it wrong."""
        mine = self.errors[:-1, item][self.lineup.strangers(self.candidate)]
        return int(mine[:, int(self.errors[-1, item].argmax())].sum()), int(mine.sum())


def tables(shared: SharedQuirk) -> tuple[Table, ...]:
    """The tables of one measurement: the rarest agreements, the letters, the figures, the stored
    models."""
    return (_agreements(shared), _letters(shared), _figures(shared), _models(shared))


def _agreements(shared: SharedQuirk) -> Table:
    rows = []
    for place in shared.rarest[:MOST_ROWS]:
        item = int(shared.found.items[place])
        probe, said = shared.probes[item], int(shared.errors[-1, item].argmax())
        same, wrong = shared.others(item)
        rows.append(
            (
                probe.id,
                probe.options[said],
                str(probe.answer),
                rounded(float(shared.found.expected[place])),
                f"{same} of {wrong}",
            )
        )
    return Table(
        title="Wrong answers that both give, the least expected first",
        columns=("question", "both say", "right", "expected", "unrelated models that err alike"),
        rows=tuple(rows),
        caption=(
            f"{len(rows)} of {int(shared.found.same.sum())}; expected is the chance that both give"
            " the same wrong option."
        ),
    )


def _letters(shared: SharedQuirk) -> Table:
    given = shared.errors.sum(axis=1)
    rows = tuple(
        (
            chr(ord("A") + k),
            int(given[-1, k]),
            int(given[shared.candidate, k]),
            int(given[:-1, k].sum()),
        )
        for k in range(given.shape[1])
    )
    return Table(
        title="Letters of wrong answers",
        columns=("letter", "suspect", "candidate", "all stored models"),
        rows=rows,
        caption="Habits of position: the expectation is conditional on them.",
    )


def _figures(shared: SharedQuirk) -> Table:
    found = shared.found
    row = (
        len(found.items),
        int(found.same.sum()),
        rounded(float(found.expected.sum())),
        rounded(found.kappa),
        rounded(shared.p),
        rounded(found.z),
        rounded(shared.p_z),
        rounded(found.information),
    )
    columns = (
        "both wrong",
        "same",
        "same expected",
        "kappa",
        "p",
        "z",
        "p of z",
        "different expected",
    )
    caption = (
        "p: conformal among unrelated models; z: the excess in standard deviations of independent"
        " questions."
    )
    return Table(title="Observed and expected", columns=columns, rows=(row,), caption=caption)


def _models(shared: SharedQuirk) -> Table:
    def extra(i: int) -> tuple[float | int | None, ...]:
        """Of model i: both wrong, same, same expected; None where it can't be compared."""
        found = shared.to_all[i]
        if found is None:
            return (None, None, None)
        return (len(found.items), int(found.same.sum()), rounded(float(found.expected.sum())))

    columns = ("kappa", "both wrong", "same", "same expected")
    caption = "Each against the errors of the models of other vendors than its own."
    title = "Stored models by shared wrong answers"
    return shared.ranking.table(extra, columns, title, caption)


def exhibits(shared: SharedQuirk) -> tuple[Exhibit, ...]:
    """The least expected agreements, the suspect's answer and the candidate's, the chosen option
    highlighted."""
    out: list[Exhibit] = []
    for place in shared.rarest[: MOST_EXHIBITS // 2]:
        item = int(shared.found.items[place])
        expected = float(shared.found.expected[place])
        same, wrong = shared.others(item)
        why = (
            "both wrongly say"
            f" “{shared.probes[item].options[int(shared.errors[-1, item].argmax())]}”; chance"
            f" {expected:.2f}, {same} of {wrong} unrelated models that err say it too"
        )
        sources = (
            ("suspect", shared.suspect),
            (shared.lineup.names[shared.candidate], shared.answers[shared.candidate]),
        )
        out.extend(
            _exhibit(said[shared.items[item]], source, why, 1 - expected)
            for source, said in sources
        )
    return tuple(out)


def _exhibit(choice: Choice, source: str, why: str, weight: float) -> Exhibit:
    return Exhibit.of(
        choice.probe,
        choice.reply.arm,
        choice.reply.answer,
        source=source,
        spans=() if choice.span is None else (choice.span,),
        why=why,
        weight=weight,
    )
