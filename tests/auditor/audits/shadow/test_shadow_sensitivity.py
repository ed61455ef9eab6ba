"""A shadow audit says which seed, which source and which set of prompts carries its verdicts."""

from __future__ import annotations

import pytest

from auditor.audits.report.sensitivity import sentences
from auditor.audits.shadow.judging import judge, without_itself
from auditor.audits.shadow.sensitivity import groups_of, sensitivity
from auditor.evidence.sensitivity import Sensitivity
from fingerprints.progress import Progress
from fingerprints.records import ProbeSet
from fingerprints.transcript import Transcript
from tests.detectors.inheritance.test_shadow_ratio import BASE, TAUGHT, said, shadows

SEEDS = (1, 2, 3)
ALONE = (
    ("alpha", "source=(untrained)", -0.8429863215877308, -0.8429863215877308, -0.6464383455788025),
    ("alpha", "source=gamma", -0.5891394009914777, -0.5891394009914777, -0.2125088217297808),
    ("beta", "seed=1", 0.8709629732462242, -0.08843757848819567, 0.8709629732462242),
    ("beta", "seed=2", 0.8538719643217619, -0.08708905702404035, 0.8538719643217619),
    ("beta", "seed=3", 0.8636451763487663, -0.0987404075649414, 0.8636451763487663),
    ("beta", "source=(own samples)", 0.9459050776277673, 0.054887597100648944, 0.9459050776277673),
    ("beta", "source=(untrained)", 1.0170333392987805, 0.09885808819401254, 1.0170333392987805),
    ("beta", "source=alpha", 0.8403449443424645, -0.05375613384614475, 0.8403449443424645),
    ("beta", "source=gamma", 0.8840160795994824, -0.05400016942798824, 0.8840160795994824),
    ("gamma", "source=(untrained)", -0.8429863215877308, -0.8429863215877308, -0.6124185778009648),
    ("gamma", "source=alpha", -0.5200425256403018, -0.5200425256403018, -0.17333727498409823),
    ("alpha", "few", -0.8315955696106097, -0.8315955696106097, -0.46572513387121095),
    ("beta", "few", 1.0419025412604301, 0.11527434975721951, 1.0419025412604301),
    ("gamma", "few", -0.8315955696106097, -0.8315955696106097, -0.43463155741567117),
)
"""Candidate, piece, log10 LR and its interval, as they were when every fold was fitted by
itself and every text was read anew for every piece."""


class Counting(Progress):
    """Keeps what is told."""

    def __init__(self, steps: list[tuple[int, int]]) -> None:
        self.steps = steps

    def __call__(self, done: int, total: int, left: float | None = None) -> None:
        self.steps.append((done, total))


def whole(suspect: Transcript) -> ProbeSet:
    probes = tuple(suspect.probes.values())
    return ProbeSet(name="all", version="1", max_tokens=64, probes=probes)


def parts(suspect: Transcript) -> list[ProbeSet]:
    """Its prompts as a large set, and one of a few."""
    probes = tuple(suspect.probes.values())
    cut = len(probes) - 10
    named = {"version": "1", "max_tokens": 64}
    return [
        ProbeSet(name="most", probes=probes[:cut], **named),
        ProbeSet(name="few", probes=probes[cut:], **named),
    ]


def left_out(suspect: Transcript, sets: list[ProbeSet], seeds: tuple[int, ...]) -> Sensitivity:
    known = shadows(seeds)
    found = judge(suspect, BASE, known, TAUGHT, "shadows abc")
    told = sensitivity(found, suspect, BASE, known, TAUGHT, sets)
    assert told is not None
    return told


def test_every_row_is_what_the_rest_would_have_given() -> None:
    suspect = said("beta", 7, 0.5)
    found = left_out(suspect, parts(suspect), SEEDS)
    assert found.prompts == ("few", "most")
    assert found.shadows[:3] == ("seed=1", "seed=2", "seed=3")
    assert {"source=alpha", "source=beta", "source=gamma"} < set(found.shadows)
    for row in found.rows:
        if row.kind != "shadows":
            continue
        gone = groups_of(shadows(SEEDS))[row.piece]
        rest = [s for s in shadows(SEEDS) if s.name not in gone]
        others = [c for c in TAUGHT if row.piece != f"source={c}"]
        again = {v.candidate: v for v in judge(suspect, BASE, rest, others, "x").verdicts}
        verdict = again[row.candidate]
        assert (row.outcome, row.log10_lr, row.cap) == (
            verdict.outcome,
            verdict.log10_lr,
            verdict.cap,
        )
    without = {row.piece: row for row in found.of("beta") if row.kind == "prompts"}
    # Fifty prompts still tell, ten do not.
    assert without["few"].log10_lr is not None
    assert (without["most"].outcome, without["most"].changes) == ("not_assessable", True)


def test_the_rows_are_those_of_fits_one_by_one() -> None:
    """The interval's ends come from means of single precision, whose sums are rounded by the
    order in which they are added up."""
    suspect = said("beta", 7, 0.5)
    rows = [r for r in left_out(suspect, parts(suspect), SEEDS).rows if r.log10_lr is not None]
    assert [(r.candidate, r.piece) for r in rows] == [row[:2] for row in ALONE]
    for row, (_, _, ratio, low, high) in zip(rows, ALONE, strict=True):
        assert row.log10_lr == pytest.approx(ratio, abs=1e-9)
        assert row.interval == pytest.approx((low, high), abs=1e-6)


def test_no_candidate_is_judged_without_its_own_students() -> None:
    suspect = said("beta", 7, 0.5)
    rows = left_out(suspect, [whole(suspect)], SEEDS).rows
    assert not [r for r in rows if r.piece == f"source={r.candidate}"]


def test_the_groups_that_a_verdict_was_weighed_without_are_counted_and_no_others() -> None:
    suspect, known = said("beta", 7, 0.5), shadows((1, 2, 3, 4, 5, 6))
    found = judge(suspect, BASE, known, TAUGHT, "shadows abc")
    told = sensitivity(found, suspect, BASE, known, TAUGHT, [whole(suspect)])
    assert told is not None
    beta = [v for v in found.verdicts if v.candidate == "beta" and v.outcome == "supported"]
    groups = len(groups_of(known))
    # All but its own students, without whom there is no verdict.
    assert sentences(told, beta) == (
        f"beta: supported, and it stays so with any one of {groups - 1} groups of shadows"
        " left out.",
    )


def test_a_verdict_that_hangs_on_one_seed_is_told() -> None:
    """Of two seeds none can be held out when one is gone."""
    suspect = said("beta", 7, 0.5)
    known = shadows((1, 2))
    found = judge(suspect, BASE, known, TAUGHT, "shadows abc")
    steps: list[tuple[int, int]] = []
    counting = Counting(steps)
    told = sensitivity(found, suspect, BASE, known, TAUGHT, [whole(suspect)], counting)
    assert told is not None
    # Hundreds of shadows take minutes a piece: each is told.
    pieces = len(told.shadows) + len(told.prompts)
    assert steps == [(done, pieces) for done in range(1, pieces + 1)]
    lost = {r.piece for r in told.rows if r.kind == "shadows" and r.outcome == "not_assessable"}
    assert {"seed=1", "seed=2"} <= lost
    assert told.prompts == ("all",)
    decided = [v for v in found.verdicts if v.outcome == "supported"]
    assert all("seed=1" in line for line in sentences(told, decided))


def test_a_candidate_whose_weights_the_suspect_has_is_given_no_ratio_anywhere() -> None:
    suspect, known = said("beta", 7, 0.5), shadows(SEEDS)
    whole_set = [whole(suspect)]
    plain = judge(suspect, BASE, known, TAUGHT, "shadows abc")
    found = without_itself(plain, frozenset({"beta"}))
    beta = next(v for v in found.verdicts if v.candidate == "beta")
    assert (beta.outcome, beta.reason_code, beta.log10_lr) == (
        "not_assessable",
        "same_weights",
        None,
    )
    finding = next(f for f in found.findings if f.candidate == "beta")
    assert (finding.log10_lr, finding.words, finding.calibration) == (None, None, None)
    assert finding.value == next(f.value for f in plain.findings if f.candidate == "beta")
    told = sensitivity(found, suspect, BASE, known, TAUGHT, whole_set)
    assert told is not None
    assert {row.candidate for row in told.rows} == {"alpha", "gamma"}
    nobody = without_itself(plain, frozenset(TAUGHT))
    assert sensitivity(nobody, suspect, BASE, known, TAUGHT, whole_set) is None


def test_where_nothing_was_weighed_there_is_nothing_to_leave_out() -> None:
    suspect, known = said("beta", 7, 0.5), shadows((1,))
    found = judge(suspect, BASE, known, TAUGHT, "shadows abc")
    assert sensitivity(found, suspect, BASE, known, TAUGHT, [whole(suspect)]) is None


@pytest.mark.parametrize("seeds", [SEEDS, (1, 2)])
def test_every_shadow_is_of_one_seed_or_none_and_of_its_sources(seeds: tuple[int, ...]) -> None:
    known = shadows(seeds)
    groups = groups_of(known)
    for shadow in known:
        held = [key for key, names in groups.items() if shadow.name in names]
        assert sum(key.startswith("seed=") for key in held) == (shadow.seed is not None)
        assert sum(key.startswith("source=") for key in held) == len(shadow.sources)
