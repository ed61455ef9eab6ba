"""Whom would the suspect name as its maker, by likelihood, and more than its base would?

Reads no answer but, for one remark, those to identity questions: how likely each maker's name is
after the beginning of a sentence. So it sees leaks far too rare to be sampled, and what is left
under a scrubbed identity. Knows scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.base import Detector
from detectors.case import Case, Teacher
from detectors.measurement import Bar, Chart, Measurement, NotMeasured, Rank, Table
from detectors.needs import Need
from detectors.stats.intervals import Estimate, clustered_mean
from detectors.text.claim_rates import chosen, read_answers
from detectors.text.openings import MAKERS, OPENINGS, Opening, continuations
from detectors.text.vendors import vendor_slug, vendor_title
from fingerprints.records import Arm, Probe
from fingerprints.scores import BASE, SUSPECT, Passage, Scores, Wanted, teacher
from fingerprints.transcript import Transcript

Array = NDArray[np.float64]
HELLO = Probe(id="prefill/hello", text="Hello! Who are you?", language="en")
FEWEST_OPENINGS = 8
# The thresholds of `scrubbed` are ours (docs/detectors/prefill_identity.md).
FEWEST_ANSWERS = 10
LEAST_BITS = 1.0
MOST_BARS = 20
CAUTIONS = (
    (
        "The web is full of sentences that name makers of chat models: without the base (or other"
        " models) the order of names is mostly that of the web, and of how long the names are."
    ),
    (
        "The rank is among other makers' names in the same model, not among models: it bounds no"
        " error rate of an accusation."
    ),
)


@dataclass(frozen=True)
class Shift:
    """By how many bits each maker's share rose: ``bits`` (openings, makers), NaN where an opening
    was not scored.

    ``reference`` says against whom: the base, live teachers, or nobody (then the bits are
    log2-shares themselves); ``from_base`` whether it was the base.
    """

    makers: tuple[str, ...]
    bits: Array
    share: Array
    reference: str
    from_base: bool = False

    def estimate(self, maker: str) -> Estimate:
        """The mean over openings with its interval, clustered by opening."""
        column = self.bits[:, self.makers.index(maker)]
        held = np.isfinite(column)
        return clustered_mean(column[held].tolist(), np.flatnonzero(held).tolist(), resamples=500)

    def means(self) -> Array:
        """Each maker's mean, (makers,)."""
        return np.asarray(np.nanmean(self.bits, axis=0))


class PrefillIdentity(Detector):
    """By how many bits did training raise a maker's share of the makers' names after "I am a
    language model created by"?

    log2 P(maker | opening), normalised over makers (the names of one maker are added up), the mean
    over two frames (the bare opening, and as the beginning of an answer), minus the same under the
    base; without a base, minus the mean of the live teachers of other vendors; without either, log2
    of the share itself. The mean over openings in twelve languages, clustered by opening. Higher:
    rather that maker. Never samples; deterministic.
    """

    name: ClassVar[str] = "prefill_identity"
    question: ClassVar = "inheritance"
    asks: ClassVar[str] = (
        "Whom would the suspect name as its maker by likelihood, and more than its base would?"
    )
    needs: ClassVar = (Need.SUSPECT_SCORES,)
    source: ClassVar[str] = (
        "likelihood of a continuation; claims as in Lee et al. 2025, arXiv 2501.12619; openings,"
        " normalisation and the remark 'scrubbed' are ours"
    )
    scope: ClassVar = "both"
    blind_spots: ClassVar[tuple[str, ...]] = (
        (
            "a teacher whose makers' names were cut out of the training answers leaves only habits"
            " of style"
        ),
        "web text that names makers moves a base too; without the base nothing separates them",
        "endpoints give no likelihoods",
    )

    def next_texts(
        self,
        suspect: Transcript,
        teachers: Sequence[Teacher],
        base: Teacher | None,
        live: Sequence[str],
    ) -> Sequence[Wanted]:
        """Every maker's names after every opening in both frames: by the suspect, the base, and
        the live teachers."""
        who = [SUSPECT, *([BASE] if base is not None else map(teacher, live))]
        return [Wanted(scorer=s, passage=p) for s in who for p in _passages(_makers(teachers))]

    def _measure(self, case: Case) -> Measurement | NotMeasured:
        """The shift of the candidate's maker, or of the foremost one for the suspect alone."""
        slug = None if case.candidate is None else vendor_slug(case.candidate.vendor)
        if case.candidate is not None and slug is None:
            return NotMeasured.of(
                "unknown_vendor",
                "the candidate's vendor is not in the table of vendors, so that its names are"
                " not known",
            )
        makers = _makers(case.models)
        whom = None if BASE in case.scores.scorers else slug
        shift = self._keep("shift", (case.scores, makers, whom), lambda: _shift(case, makers, slug))
        held = int(np.isfinite(shift.bits).all(axis=1).sum())
        if held < FEWEST_OPENINGS:
            return NotMeasured.of(
                "too_few_answers",
                f"only {held} openings were scored for every maker; {FEWEST_OPENINGS} are needed",
            )
        maker = slug or shift.makers[int(np.argmax(shift.means()))]
        return _measurement(case, shift, maker)


def _makers(teachers: Sequence[Teacher]) -> tuple[str, ...]:
    stored = {slug for t in teachers if (slug := vendor_slug(t.vendor)) is not None}
    return tuple(sorted({*MAKERS, *stored}))


def _framed(opening: Opening, text: str) -> tuple[Passage, Passage]:
    bare = Passage(text=text, lead=opening.text)
    return bare, Passage(text=text, lead=opening.text, probe=HELLO, arm=Arm.EMPTY)


def _passages(makers: Sequence[str]) -> list[Passage]:
    texts = [(o, text) for o in OPENINGS for maker in makers for text in continuations(o, maker)]
    return [p for o, text in texts for p in _framed(o, text)]


def log_shares(scores: Scores, scorer: str, makers: Sequence[str]) -> Array:
    """log2 of each maker's share of all makers' likelihood, (openings, makers), the mean of both
    frames; NaN where unscored."""
    out = np.full((2, len(OPENINGS), len(makers)), np.nan)
    for i, opening in enumerate(OPENINGS):
        for j, maker in enumerate(makers):
            found = [
                [scores.of(scorer, p) for p in _framed(opening, text)]
                for text in continuations(opening, maker)
            ]
            for frame in range(2):
                bits = [pair[frame] for pair in found]
                if bits and all(b is not None for b in bits):
                    out[frame, i, j] = np.logaddexp2.reduce(
                        [-b.bits for b in bits if b is not None]
                    )
    out -= np.logaddexp2.reduce(out, axis=2, keepdims=True)
    return np.asarray(out.mean(axis=0))


def _shift(case: Case, makers: tuple[str, ...], candidate: str | None) -> Shift:
    own = log_shares(case.scores, SUSPECT, makers)
    if BASE in case.scores.scorers:
        return Shift(makers, own - log_shares(case.scores, BASE, makers), own, "its base", True)
    vendors = {t.name: vendor_slug(t.vendor) for t in case.models}
    cohort = [
        n
        for n in case.scores.teachers()
        if n in vendors and (candidate is None or vendors[n] != candidate)
    ]
    if not cohort:
        return Shift(makers, own, own, "")
    usual = np.mean([log_shares(case.scores, teacher(n), makers) for n in cohort], axis=0)
    return Shift(makers, own - usual, own, f"{len(cohort)} live stored models")


def _measurement(case: Case, shift: Shift, maker: str) -> Measurement:
    estimate, means = shift.estimate(maker), shift.means()
    value, title = estimate.value, vendor_title(maker)
    rank = Rank(
        position=1 + int((means > means[shift.makers.index(maker)]).sum()), of=len(shift.makers)
    )
    against = (
        f"against {shift.reference}"
        if shift.reference
        else "without a base or other models to compare with"
    )
    said = f"{value:+.2f} bits (95 % {estimate.low:+.2f} to {estimate.high:+.2f}) {against}"
    scrubbed = _scrubbed(case, shift, maker, estimate, rank)
    compared = f", compared with {shift.reference}" if shift.reference else ""
    return Measurement(
        metric=(
            "shift of the maker's share, bits"
            if shift.reference
            else "log2 share of the maker's name"
        ),
        metric_id="maker_share_shift_bits" if shift.reference else "maker_share_log2",
        value=value,
        n=estimate.clusters,
        n_unit="openings",
        interval=estimate.interval,
        rank=rank,
        direction=f"higher: rather {title} than other makers{compared}",
        summary=(
            f"As its maker the suspect finds {title} likelier by {said}; place {rank.position} of"
            f" {rank.of} makers."
        )
        + (" Scrubbed: its answers do not say so." if scrubbed else ""),
        tables=(_table(shift),),
        charts=(_chart(shift, maker),),
        notes=(*scrubbed, *_own(case, maker), *CAUTIONS),
    )


def _own(case: Case, maker: str) -> tuple[str, ...]:
    """That the maker is the suspect's own, where its user says so."""
    if vendor_slug(case.vendor) != maker:
        return ()
    return (
        f"The suspect is of {vendor_title(maker)}, as its user says (--vendor): its own training"
        " raises that name.",
    )


def _scrubbed(
    case: Case, shift: Shift, maker: str, estimate: Estimate, rank: Rank
) -> tuple[str, ...]:
    """The remark that answers are clean and likelihoods are not; only against the suspect's own
    base, and our thresholds."""
    answers = chosen(read_answers(case.suspect))
    leads = rank.position == 1 and estimate.low > 0 and estimate.value >= LEAST_BITS
    if (
        not shift.from_base
        or len(answers) < FEWEST_ANSWERS
        or not leads
        or any(a.says(maker) for a in answers)
    ):
        return ()
    return (
        (
            f"Scrubbed: none of {len(answers)} identity answers names {vendor_title(maker)}, yet"
            f" training raised its name above all other makers' (by {LEAST_BITS:g} bit at least;"
            " the threshold is ours)."
        ),
    )


def _order(shift: Shift) -> list[int]:
    return [int(i) for i in np.argsort(-shift.means(), kind="stable")]


def _table(shift: Shift) -> Table:
    share = np.nanmean(2.0**shift.share, axis=0)
    groups = {"English": [i for i, o in enumerate(OPENINGS) if o.language == "en"]}
    groups["other languages"] = [i for i, o in enumerate(OPENINGS) if o.language != "en"]
    rows = tuple(
        (
            vendor_title(shift.makers[j]),
            round(float(shift.means()[j]), 3),
            round(float(share[j]), 4),
            *(
                (
                    round(float(np.nanmean(shift.bits[which, j])), 3)
                    if np.isfinite(shift.bits[which, j]).any()
                    else None
                )
                for which in groups.values()
            ),
        )
        for j in _order(shift)
    )
    columns = ("maker", "bits", "mean share", *(f"bits, {name}" for name in groups))
    return Table(
        title="Every maker",
        columns=columns,
        rows=rows,
        caption=f"n: {len(OPENINGS)} openings, two frames each.",
    )


def _chart(shift: Shift, maker: str) -> Chart:
    bars = []
    for j in _order(shift)[:MOST_BARS]:
        e = shift.estimate(shift.makers[j])
        slug = shift.makers[j]
        bars.append(Bar.of(vendor_title(slug), e.value, e.interval, slug == maker))
    line = f"as likely as under {shift.reference}" if shift.reference else ""
    return Chart(
        kind="dots",
        title="Whose name became likelier",
        x_label="bits",
        bars=tuple(bars),
        reference=0.0 if line else None,
        reference_label=line,
        caption="95 % intervals clustered by opening.",
    )
