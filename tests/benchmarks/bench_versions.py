"""Can one maker's models be told apart by what a suspect's answers share with them?

    AUDITOR_BENCH_DATA=data python -m tests.benchmarks.bench_versions

Public models of documented history against OpenAI's stored ones: who is nearest, whether the paired
test tells it from its siblings, and whether it is one that the history names. By wording, as a
report's ranks are, and by author scores, which they are not. Prints figures only, never a word of
an answer.
"""

from __future__ import annotations

from collections.abc import Sequence

import click
import numpy as np
from numpy.typing import NDArray

from auditor.calibration.members import ALPHA
from auditor.calibration.rows import KnownModel
from auditor.reporting.markdown import table
from detectors.inheritance.shared_wording import SharedWording
from detectors.inheritance.siblings import among_siblings
from detectors.lineup import Lineup
from detectors.pairing import style_answers
from detectors.style.attribution import Attribution, attributions
from detectors.style.space import FULL
from tests.benchmarks.public_models import known_suspects, probes, stored_teachers

MAKER = "openai"
Array = NDArray[np.float64]


def nearest(centred: Array, lineup: Lineup) -> tuple[str, bool]:
    """The maker's nearest model, and whether it is told apart from its siblings."""
    for place in np.flatnonzero(lineup.vendors == MAKER).tolist():
        found = among_siblings(centred, lineup, place)
        if found is not None and found.position == 1:
            return lineup.names[place], max(found.p_values.values()) <= ALPHA
    raise SystemExit("the maker's models share too few prompts")


def by_author(suspect: KnownModel, known: Attribution) -> Array:
    """Log P(author | answer) less what strangers of the maker get on the same prompt, (prompts,
    models), NaN where the suspect has no answer."""
    said = known.book.answers_of(suspect.transcript)
    numbers = list(said)
    x = known.space.transform([a.text for a in said.values()])
    strangers = known.strangers[known.book.vendors != MAKER]
    n = np.isfinite(strangers).sum(axis=0)
    usual = np.nansum(strangers, axis=0) / np.maximum(n, 1)
    out = np.full((len(known.book.prompts), len(known.book.teachers)), np.nan)
    out[numbers] = known.score(x, numbers) - usual[numbers]
    return out


def rows(suspects: Sequence[KnownModel], label: str) -> list[tuple[str, ...]]:
    """One row for each way of reading answers."""
    fitted = SharedWording().fit(stored_teachers(probes()))
    known = attributions(fitted.book_, (FULL,))[0]
    found: dict[str, list[tuple[str, bool, bool]]] = {"wording": [], "author scores": []}
    for suspect in suspects:
        assert style_answers(suspect.transcript)
        centred = fitted._score(suspect.transcript)[1].centred
        for how, scores in (("wording", centred), ("author scores", by_author(suspect, known))):
            name, apart = nearest(scores, fitted.lineup_)
            found[how].append((name, apart, name in suspect.teachers))
    return [
        (
            label,
            how,
            str(len(told)),
            str(sum(right for *_, right in told)),
            str(sum(apart for _, apart, _ in told)),
            str(sum(apart and right for _, apart, right in told)),
        )
        for how, told in found.items()
    ]


@click.command()
def main() -> None:
    """Prints the table."""
    known = known_suspects(probes())
    taught = [k for k in known if any(v.casefold() == MAKER for v in k.vendors)]
    others = [k for k in known if not k.vendors]
    heads = ("suspects", "read by", "n", "nearest is named", "told apart", "told apart and named")
    print(table(heads, [*rows(taught, "taught"), *rows(others, "not taught")]))


if __name__ == "__main__":
    main()
