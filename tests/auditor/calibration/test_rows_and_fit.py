"""From models of known history to ratios: labels, what is left out, held-out figures that can be
believed."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import pytest

from auditor.calibration.cohort import population_of
from auditor.calibration.figures import RESAMPLES, _resampled
from auditor.calibration.fit import calibrated
from auditor.calibration.held_out import left_out, values_of
from auditor.calibration.record import Calibration
from auditor.calibration.rows import (
    KnownModel,
    MeasuredRow,
    chosen_prompts,
    limited,
    mean_by_vendor,
    measured_rows,
)
from auditor.calibration.weigher import Weigher
from detectors.pairing import style_answers
from detectors.registry import load_detector
from detectors.stats.lr_validity import auc, cllr, resampled
from fingerprints.errors import Incomplete
from tests.auditor.calibration.population import (
    NAMES,
    PROMPTS,
    STRANGERS,
    STUDENTS,
    known,
    teachers,
)

pytestmark = pytest.mark.timeout(400)  # the population is measured once, on a busy machine slowly


def test_a_row_is_labelled_by_the_history_and_another_version_of_a_teachers_maker_is_left_out() -> (
    None
):
    stored = teachers()
    twin = [*stored, type(stored[0])("author-1b", "vendor-1", "synthetic", stored[1].transcript)]
    pupil = known()[0]
    found = measured_rows(
        [pupil], twin, [functools.partial(load_detector, "neighbours")], [PROMPTS]
    )
    labels = {r.candidate: r.label for r in found}
    assert labels["author-1"] == labels["vendor:vendor-1"] == 1
    assert labels["author-2"] == labels["vendor:vendor-2"] == 0
    assert "author-1b" not in labels


def test_a_models_own_maker_is_no_candidate() -> None:
    own = KnownModel(
        name="x", group="x", transcript=known()[0].transcript, kin=frozenset({"Vendor-3"})
    )
    found = measured_rows(
        [own], teachers(), [functools.partial(load_detector, "neighbours")], [PROMPTS]
    )
    assert {r.candidate for r in found if r.level == "vendor"} == {
        f"vendor:vendor-{i}" for i in (1, 2, 4, 5, 6)
    }


def test_fewer_prompts_are_a_subset_that_depends_on_nothing_but_the_prompts() -> None:
    models, stored = known(), teachers()
    few, many = chosen_prompts(models, stored, 20), chosen_prompts(models[::-1], stored[::-1], 30)
    assert (len(few), len(many)) == (20, 30)
    assert few < many
    cut = limited(models[0].transcript, few)
    assert set(style_answers(cut)) == few


def test_the_value_of_a_vendor_is_the_mean_of_its_models() -> None:
    assert mean_by_vendor([("Acme", 1.0), ("acme", 3.0), ("", 9.0)]) == {"vendor:acme": 2.0}


def test_students_and_strangers_are_told_apart_on_what_was_left_out(
    calibration: Calibration,
) -> None:
    for scheme in ("lineage", "teacher", "base", "teacher and base"):
        found = next(
            f
            for f in calibration.figures
            if (f.scheme, f.level, f.size, f.facet) == (scheme, "vendor", PROMPTS, "all")
        )
        assert found.auc > 0.9, scheme
        assert found.cllr < 0.7, scheme
        assert (found.n_h1, found.n_h2) == (STUDENTS, STUDENTS + STRANGERS)
        assert found.false_support <= 0.05


def test_lineages_teachers_and_bases_are_left_out_at_every_number_of_prompts(
    rows: tuple[MeasuredRow, ...],
) -> None:
    fewer = [r.model_copy(update={"size": PROMPTS // 2}) for r in rows]
    found = calibrated("two", [*rows, *fewer], population_of(known(), teachers(), ""), "0" * 64)
    for scheme in ("lineage", "teacher", "base", "teacher and base"):
        sizes = [f.size for f in found.figures if (f.scheme, f.facet) == (scheme, "all")]
        assert sizes == [PROMPTS // 2, PROMPTS]
    assert [c.size for c in found.curves] == [PROMPTS]


def test_no_ratio_is_stronger_than_so_many_models_can_show(calibration: Calibration) -> None:
    for fit in calibration.fitted:
        assert fit.fusion.bounds.high <= np.log10(STUDENTS + STRANGERS + 1) + 1e-9
        assert -fit.fusion.bounds.low <= np.log10(STUDENTS + 1) + 1e-9


def test_a_detector_that_says_the_same_twice_moves_no_fused_ratio(
    rows: tuple[MeasuredRow, ...],
) -> None:
    chosen = [r for r in rows if r.level == "vendor" and r.size == PROMPTS]
    labels, groups = [r.label for r in chosen], [r.group for r in chosen]
    once = values_of(chosen, NAMES)
    twice = np.column_stack([once, once[:, 0]])
    whom = [r.candidate for r in chosen]
    alone = Weigher(NAMES).fit(once, labels, groups, whom)
    doubled = Weigher((*NAMES, "copy")).fit(twice, labels, groups, whom)
    assert np.allclose(alone.log10_lr(once, whom), doubled.log10_lr(twice, whom), atol=1e-6)


def test_a_left_out_teacher_is_learned_from_by_nobody(
    rows: tuple[MeasuredRow, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = [r for r in rows if r.level == "vendor" and r.size == PROMPTS]
    labels, groups = [r.label for r in chosen], [r.group for r in chosen]
    weigher = Weigher(NAMES).fit(
        values_of(chosen, NAMES), labels, groups, [r.candidate for r in chosen]
    )
    learned: list[int] = []
    fit = Weigher.fit

    def counting(
        self: Weigher,
        x: object,
        y: Sequence[int],
        groups: Sequence[str],
        whom: Sequence[str],
        of: Sequence[str],
    ) -> Weigher:
        learned.append(len(groups))
        return fit(self, x, y, groups, whom, of)  # type: ignore[arg-type]

    monkeypatch.setattr(Weigher, "fit", counting)
    held = left_out(weigher, chosen, "teacher")
    assert np.isfinite(held).all()
    assert len(learned) >= 6
    assert max(learned) < len(chosen)


def test_rows_of_one_kind_alone_calibrate_nothing(rows: tuple[MeasuredRow, ...]) -> None:
    untaught = [r for r in rows if r.label == 0]
    with pytest.raises(Incomplete, match="too small"):
        calibrated("none", untaught, population_of(known(), teachers(), ""), "0" * 64)


def test_a_cohort_of_which_nothing_could_be_measured_says_so() -> None:
    with pytest.raises(Incomplete, match="nothing could be measured"):
        calibrated("none", [], population_of(known(), teachers(), ""), "0" * 64)


def test_intervals_taken_all_at_once_are_those_taken_one_by_one(
    rows: tuple[MeasuredRow, ...],
) -> None:
    chosen = [r for r in rows if r.level == "vendor" and r.size == PROMPTS]
    x = np.array([r.values["neighbours"] for r in chosen])
    labels, groups = np.array([r.label for r in chosen]), [r.group for r in chosen]
    for found, statistic in zip(_resampled(x, labels, groups), (cllr, auc), strict=True):
        slow = resampled(statistic, x, labels, groups, resamples=RESAMPLES)
        assert found == pytest.approx((slow.value, slow.low, slow.high), abs=1e-9)
