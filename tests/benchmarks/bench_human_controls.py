"""Are controls that people's text, an unlisted assistant or nobody taught ever called taught?

AUDITOR_BENCH_DATA=data python -m tests.benchmarks.bench_human_controls --models DIR --texts DIR
--work DIR [--bodies gemma,smollm2] [--only faq,self] [--fitted DIR]

Two groups of suspects, none of them in a shipped calibration's fit: controls that are trained here
by the project's pipeline (`human_cohort`; ``--texts`` holds the packages of `human_texts`,
``--models`` the bodies), and the QLoRA study's public runs, which differ in their tuning data alone
(``qlora_vicuna80``, evaluated, never copied). Each goes through an ordinary audit against the 34
stored public models, under the calibration that the program chooses and under english-2023. Killed
anywhere, the same command goes on. With ``--fitted`` (the work folder of `ship_calibrations`)
english-2023 is fitted anew with these controls among its untaught models, each lineage left out in
turn, to see what they would change. Prints figures, never a word of anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click

from auditor.evidence.records import Verdict
from auditor.reporting.markdown import table
from detectors.stats.intervals import clopper_pearson
from detectors.stats.lr_validity import auc, resampled
from tests.benchmarks.human_cohort import BODIES, BY_NAME, UNTRAINED, inside, make_all
from tests.benchmarks.human_nulls import told_anew
from tests.benchmarks.human_suspects import CALIBRATIONS, Judged, every_audit


def rate(part: int, whole: int) -> str:
    """A share with Clopper and Pearson's interval."""
    if not whole:
        return "–"
    low, high = clopper_pearson(part, whole)
    return f"{part} of {whole} ({100 * low:.0f}–{100 * high:.0f} %)"


def row_of(found: Judged) -> tuple[str, ...]:
    """One suspect: what the report concludes, and every maker's ratio, the largest first; a star
    marks "supported", brackets a pair without a label; one code where nobody was weighed."""
    told = [v for v in found.verdicts if v.log10_lr is not None]
    codes = sorted({v.reason_code or "" for v in found.verdicts if v.log10_lr is None})
    cells = [_cell(found, v) for v in sorted(told, key=lambda v: -(v.log10_lr or 0.0))]
    who = found.suspect.name + (f", {found.suspect.hidden} hidden" if found.suspect.hidden else "")
    return (who, found.used, found.conclusion.replace("_", " "), ", ".join([*cells, *codes]))


def _cell(found: Judged, verdict: Verdict) -> str:
    mark = "*" if _is(verdict, "supported") else ""
    told = f"{verdict.called} {verdict.log10_lr:+.2f}{mark}"
    return f"({told})" if found.suspect.label(verdict.called) is None else told


def counts(found: Sequence[Judged]) -> Iterator[tuple[str, ...]]:
    """By calibration, group of suspects and kind: how often a maker that did not teach was
    supported, and what the reports concluded."""
    for by in CALIBRATIONS:
        for trained in (True, False):
            for kind in ("people", "self", "unlisted", "taught"):
                some = [
                    f
                    for f in found
                    if f.by == by and f.suspect.kind == kind and trained == f.suspect.trained
                ]
                if some:
                    yield (by, "trained here" if trained else "QLoRA runs", kind, *tally(some))


def tally(found: Sequence[Judged]) -> tuple[str, ...]:
    """Suspects and lineages, pairs and lineages wrongly supported, conclusions, teachers found."""
    wrong = [(f, v) for f in found for label, v in f.pairs() if not label and _is(v, "supported")]
    low = sum(not label and _is(v, "not_supported") for f in found for label, v in f.pairs())
    pairs = sum(not label for f in found for label, _ in f.pairs())
    right = [_is(v, "supported") for f in found for label, v in f.pairs() if label]
    groups = {f.suspect.group for f in found}
    said = [f.conclusion for f in found]
    told = "; ".join(f"{c.replace('_', ' ')} {said.count(c)}" for c in sorted(set(said)))
    return (
        f"{len(found)} ({len(groups)})",
        rate(len(wrong), pairs),
        rate(len({f.suspect.group for f, _ in wrong}), len(groups)),
        rate(low, pairs),
        told,
        rate(sum(right), len(right)),
    )


def _is(verdict: Verdict, outcome: str) -> bool:
    return verdict.outcome == outcome


def areas(found: Sequence[Judged]) -> Iterator[tuple[str, ...]]:
    """AUC of taught pairs against those of each kind of control, on the makers that taught
    anybody of the same group of suspects; intervals over lineages."""
    for by in CALIBRATIONS:
        for runs in (False, True):
            some = [f for f in found if f.by == by and f.suspect.trained is not runs]
            taught = [(f.suspect.group, v) for f in some for label, v in f.pairs() if label]
            makers = {v.called for _, v in taught}
            for kind in ("people", "self", "unlisted"):
                null = [
                    (f.suspect.group, v)
                    for f in some
                    if f.suspect.kind == kind
                    for label, v in f.pairs()
                    if not label and v.called in makers
                ]
                told = area(taught, null)
                yield (by, "QLoRA runs" if runs else "trained here", kind, told)


def area(taught: Sequence[tuple[str, Verdict]], null: Sequence[tuple[str, Verdict]]) -> str:
    """AUC with its interval over lineages."""
    one, two = ({g for g, _ in part} for part in (taught, null))
    if len(one) < 2 or len(two) < 2:
        return f"too few lineages ({len(one)} : {len(two)})"
    values = [v.log10_lr or 0.0 for _, v in (*taught, *null)]
    labels = [1] * len(taught) + [0] * len(null)
    found = resampled(auc, values, labels, [g for g, _ in (*taught, *null)])
    return f"{found.value:.2f} ({found.low:.2f}–{found.high:.2f}; {len(one)} : {len(two)} lineages)"


def tell(found: Sequence[Judged]) -> None:
    """Prints the tables."""
    for by in CALIBRATIONS:
        click.echo(f"\n### Every suspect, calibration {by}\n")
        rows = [row_of(f) for f in found if f.by == by]
        click.echo(table(("suspect", "weighed by", "conclusion", "log10 LR by maker"), rows))
    click.echo("\n### Counts\n")
    head = (
        "calibration",
        "suspects",
        "kind",
        "n (lineages)",
        "untaught pairs supported",
        "lineages with any",
        "untaught pairs not supported",
        "conclusions",
        "true teachers supported",
    )
    click.echo(table(head, list(counts(found))))
    click.echo("\n### AUC, taught against controls\n")
    click.echo(table(("calibration", "suspects", "controls", "AUC"), list(areas(found))))


def _names(text: str, known: Iterable[str]) -> list[str]:
    chosen = [name for name in text.split(",") if name]
    unknown = set(chosen) - set(known)
    if unknown:
        raise click.BadParameter(f"unknown: {', '.join(sorted(unknown))}")
    return chosen


@click.command(help=__doc__)
@click.option("--models", type=click.Path(path_type=Path, file_okay=False), help="GGUF files.")
@click.option(
    "--texts", type=click.Path(path_type=Path, file_okay=False), help="Unpacked packages."
)
@click.option("--work", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--bodies", default=",".join(BODIES), show_default=True, help="Which, in order.")
@click.option("--only", default=",".join((UNTRAINED, *BY_NAME)), help="Which controls, in order.")
@click.option("--fitted", type=click.Path(path_type=Path, file_okay=False, exists=True))
def main(
    models: Path | None,
    texts: Path | None,
    work: Path,
    bodies: str,
    only: str,
    fitted: Path | None,
) -> None:
    """Trains what is missing where ``--models`` and ``--texts`` are given, audits, and tells."""
    chosen, names = _names(bodies, BODIES), _names(only, (UNTRAINED, *BY_NAME))
    if models is not None and texts is not None:
        with inside(work, models):
            make_all(chosen, names, texts.resolve())
    found = list(every_audit(work))
    tell(found)
    if fitted is not None:
        told_anew(fitted, found)


if __name__ == "__main__":
    main()
