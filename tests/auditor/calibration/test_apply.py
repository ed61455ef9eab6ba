"""A case under a calibration: capped words in both directions, Holm over candidates, third
sources, what lies outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.calibration.apply import unknown_makers, unweighed, vendors_of, weighed
from auditor.calibration.case import weigh_case
from auditor.calibration.conclusions import concluded
from auditor.calibration.record import Calibration, write_calibration
from auditor.evidence.kinship import Kin, Open, Tie
from auditor.evidence.records import Candidate, Finding, Verdict
from auditor.evidence.weight import reaches
from detectors.base import Case, Measurement
from detectors.measurement import AmongSiblings
from detectors.registry import load_detector
from fingerprints.records import Identity
from fingerprints.transcript import Transcript
from tests.auditor.calibration.population import (
    NAMES,
    PROMPTS,
    STRANGERS,
    STUDENTS,
    student,
    teachers,
)
from tests.detectors.authors import speaker, transcript

pytestmark = pytest.mark.timeout(400)  # the population is measured once, on a busy machine slowly


def findings(suspect: Transcript) -> list[Finding]:
    out = []
    stored = teachers()
    for name in NAMES:
        fitted = load_detector(name).fit(stored, suspect)
        for teacher in stored:
            found = fitted.measure(
                Case(suspect, teacher, tuple(t for t in stored if t is not teacher))
            )
            assert isinstance(found, Measurement)
            out.append(Finding.of(found, "inheritance", name, teacher.name))
    return out


def candidates() -> list[Candidate]:
    return [
        Candidate(
            name=t.name,
            vendor=t.vendor,
            family="",
            identity=Identity(kind="recording", name=t.name),
            n_answers=PROMPTS,
            n_shared=PROMPTS,
            answers_sha256="0" * 64,
        )
        for t in teachers()
    ]


@pytest.fixture(scope="module")
def taught(calibration: Calibration) -> dict[str, Verdict]:
    found = weighed(findings(student(777, 3)), candidates(), calibration)
    return {str(v.candidate): v for v in found.verdicts}


def test_the_teacher_of_a_new_student_is_supported_and_nobody_else(
    taught: dict[str, Verdict],
) -> None:
    assert set(taught) == {f"vendor:vendor-{i}" for i in range(1, 7)}
    told = taught["vendor:vendor-3"]
    assert told.outcome == "supported"
    assert told.log10_lr is not None
    assert told.cap is not None
    assert 1.0 <= told.log10_lr <= told.cap
    assert "support" in (told.words or "")
    assert told.n_controls == STUDENTS + STRANGERS
    assert {p.detector for p in told.parts} == set(NAMES)
    assert [m.name for m in told.members] == ["author-3"]
    others = [v for name, v in taught.items() if not name.endswith("-3")]
    assert all(v.outcome != "supported" for v in others)


def test_p_values_are_raised_for_the_number_of_candidates_and_never_below_what_so_many_controls_allow(
    taught: dict[str, Verdict],
) -> None:
    told = taught["vendor:vendor-3"]
    assert told.p_single is not None
    assert told.p_value is not None
    assert told.p_single >= 1 / (STUDENTS + STRANGERS + 1) - 1e-5
    assert told.p_value == pytest.approx(min(1.0, 6 * told.p_single), rel=1e-3)


def test_nobody_is_supported_for_a_model_that_nobody_taught(calibration: Calibration) -> None:
    found = weighed(findings(speaker(901, PROMPTS)), candidates(), calibration)
    outcomes = {v.outcome for v in found.verdicts}
    assert outcomes <= {"not_supported", "inconclusive"}
    none = outcomes == {"not_supported"}
    assert concluded(found.verdicts)[0] == ("none_of_the_candidates" if none else "inconclusive")


def test_a_finding_carries_its_own_ratio_and_the_calibrations_name(
    calibration: Calibration,
) -> None:
    found = weighed(findings(student(777, 3)), candidates(), calibration)
    mine = [f for f in found.findings if f.candidate == "author-3"]
    assert all(f.calibration == "authors" and f.log10_lr is not None and f.words for f in mine)


def test_too_few_prompts_and_another_metric_are_not_assessed_and_say_why(
    calibration: Calibration,
) -> None:
    few = [f.model_copy(update={"n": PROMPTS - 1}) for f in findings(student(777, 3))]
    told = weighed(few, candidates(), calibration)
    assert {v.outcome for v in told.verdicts} == {"not_assessable"}
    assert all(
        "begins at 40 prompts; this comparison rests on 39" in v.reason for v in told.verdicts
    )
    other = [
        f.model_copy(update={"metric_id": "another_number"}) for f in findings(student(777, 3))
    ]
    told = weighed(other, candidates(), calibration)
    assert {v.outcome for v in told.verdicts} == {"not_assessable"}
    assert all(f.log10_lr is None for f in told.findings)


def test_a_store_of_too_few_vendors_is_not_assessed(calibration: Calibration) -> None:
    told = weighed(findings(student(777, 3)), candidates()[:2], calibration)
    assert {v.outcome for v in told.verdicts} == {"not_assessable"}
    assert all("models of 2 vendors, too few" in v.reason for v in told.verdicts)
    assert told.used == ()


def versions() -> tuple[list[Candidate], list[Finding]]:
    """The candidates and a student's findings, the third author being two models of one maker, as
    near as each other, and the first one's maker not known."""
    stored = [
        c.model_copy(update={"vendor": "" if c.name == "author-1" else c.vendor})
        for c in candidates()
    ]
    twin = next(c for c in stored if c.name == "author-3").model_copy(
        update={"name": "author-3b", "vendor": "VENDOR-3"}
    )
    found = findings(student(777, 3))
    more = [
        f.model_copy(update={"candidate": "author-3b"}) for f in found if f.candidate == "author-3"
    ]
    return [*stored, twin], [*found, *more]


def test_a_maker_has_one_verdict_whatever_the_number_of_its_models_and_a_lone_model_its_own(
    calibration: Calibration, taught: dict[str, Verdict]
) -> None:
    stored, found = versions()
    told = {str(v.candidate): v for v in weighed(found, stored, calibration).verdicts}
    assert set(told) == {"author-1", *(f"vendor:vendor-{i}" for i in range(2, 7))}
    both = told["vendor:vendor-3"]
    assert [m.name for m in both.members] == ["author-3", "author-3b"]
    assert both.log10_lr == taught["vendor:vendor-3"].log10_lr
    lone = told["author-1"]
    assert (lone.outcome, lone.reason_code) == ("not_assessable", "maker_unknown")
    assert "--metadata" in lone.reason


def test_a_model_among_others_of_its_maker_has_neither_ratio_nor_words_of_its_own(
    calibration: Calibration,
) -> None:
    stored, found = versions()
    weights = {
        (f.candidate, f.log10_lr is None, f.words is None, f.calibration)
        for f in weighed(found, stored, calibration).findings
    }
    assert {w for w in weights if w[0] in ("author-3", "author-3b")} == {
        (name, True, True, "authors") for name in ("author-3", "author-3b")
    }
    assert ("author-2", False, False, "authors") in weights


def test_without_a_paired_test_a_makers_models_are_ranked_and_not_told_apart(
    calibration: Calibration,
) -> None:
    stored, found = versions()
    told = weighed(found, stored, calibration, named=("author-3b",)).verdicts
    both = next(v for v in told if v.candidate == "vendor:vendor-3")
    assert (both.nearest, both.told_apart, both.apart_p) == (None, False, None)
    assert [(m.name, m.named) for m in both.members] == [("author-3", False), ("author-3b", True)]
    assert {m.position for m in both.members} == {1}


@pytest.mark.parametrize(("p", "apart"), [(0.002, True), (0.2, False)])
def test_a_paired_test_tells_the_nearest_from_its_siblings_or_it_doesnt(
    calibration: Calibration, p: float, apart: bool
) -> None:
    stored, found = versions()
    place = {"author-3": 2, "author-3b": 1}
    among = [
        f.model_copy(
            update={
                "siblings": AmongSiblings(
                    score=0.3 / place[f.candidate],
                    position=place[f.candidate],
                    of=2,
                    prompts=PROMPTS,
                    p_values={"author-3": p} if f.candidate == "author-3b" else {},
                )
            }
        )
        if f.candidate in place and f.detector == NAMES[0]
        else f
        for f in found
    ]
    told = weighed(among, stored, calibration).verdicts
    both = next(v for v in told if v.candidate == "vendor:vendor-3")
    assert (both.nearest, both.told_apart, both.apart_p) == ("author-3b", apart, p)
    assert [m.name for m in both.members] == ["author-3b", "author-3"]
    assert both.outcome == "supported"


def test_one_candidate_of_a_large_store_is_weighed_against_the_makers_of_all(
    calibration: Calibration,
) -> None:
    one = [c for c in candidates() if c.name == "author-3"]
    mine = [f for f in findings(student(777, 3)) if f.candidate == "author-3"]
    (told,) = weighed(mine, one, calibration, vendors_of(candidates())).verdicts
    assert (told.candidate, told.outcome) == ("vendor:vendor-3", "supported")


def test_a_model_with_the_candidates_weights_is_that_model_and_not_its_student(
    calibration: Calibration,
) -> None:
    same = [c.model_copy(update={"same_weights": c.name == "author-3"}) for c in candidates()]
    told = {v.candidate: v for v in weighed(findings(student(777, 3)), same, calibration).verdicts}
    assert told["vendor:vendor-3"].outcome == "not_assessable"
    assert told["vendor:vendor-3"].reason_code == "same_weights"


def test_a_maker_one_of_whose_models_is_the_suspect_is_not_assessed(
    calibration: Calibration,
) -> None:
    stored, found = versions()
    same = [c.model_copy(update={"same_weights": c.name == "author-3b"}) for c in stored]
    told = {v.candidate: v for v in weighed(found, same, calibration).verdicts}
    assert told["vendor:vendor-3"].reason_code == "not_separable_from_lineage"
    assert told["vendor:vendor-3"].kinship == ("same_weights",)
    assert "author-3b" in told["vendor:vendor-3"].reason


def test_kin_of_a_maker_is_neither_supported_nor_cleared_and_its_support_tempers_others(
    calibration: Calibration,
) -> None:
    base = Tie("base", "its base author-3 is a model of theirs")
    kin = Kin({"vendor:vendor-3": [base]}, ())
    found = weighed(findings(student(777, 3)), candidates(), calibration, kin=kin)
    told = {v.candidate: v for v in found.verdicts}["vendor:vendor-3"]
    assert (told.outcome, told.log10_lr, told.words) == ("not_assessable", None, None)
    assert told.reason_code == "not_separable_from_lineage"
    assert found.used
    assert all(f.log10_lr is None for f in found.findings if f.candidate == "author-3")
    assert "Not separable from lineage: vendor-3" in concluded(found.verdicts, kin)[1]
    assert unweighed(candidates(), (), kin)[2].reason_code == "not_separable_from_lineage"


@pytest.mark.parametrize("open_", [("base", "maker"), ("maker",), ()])
def test_a_supported_verdict_carries_the_kinship_that_nobody_knows_of(
    calibration: Calibration, open_: tuple[Open, ...]
) -> None:
    kin = Kin({}, open_)
    found = weighed(findings(student(777, 3)), candidates(), calibration, kin=kin)
    told = {v.candidate: v for v in found.verdicts}["vendor:vendor-3"]
    assert told.outcome == "supported"
    sentence = concluded(found.verdicts, kin)[1]
    assert ("would look the same" in sentence) == bool(open_)
    assert ("would look the same" in told.reason) == bool(open_)


def test_a_calibration_of_single_models_assesses_no_maker(calibration: Calibration) -> None:
    single = calibration.model_copy(
        update={"fitted": tuple(f for f in calibration.fitted if f.level == "model")}
    )
    told = weighed(findings(student(777, 3)), candidates(), single).verdicts
    assert {v.reason_code for v in told} == {"not_fitted_for_makers"}


def test_a_case_outside_of_the_population_is_told_so(calibration: Calibration) -> None:
    suspect = student(777, 3)
    longer = Transcript(
        suspect.header,
        suspect.probes,
        tuple(r.model_copy(update={"text": r.text * 9}) for r in suspect.replies),
    )
    from auditor.calibration.case import distance

    found = weighed(findings(suspect), candidates(), calibration)
    assert distance(calibration, found, vendors_of(candidates()), suspect) == ()
    told = distance(calibration, found, vendors_of(candidates()[:2]), longer)
    assert any("characters" in line for line in told)
    assert any("vendors" in line for line in told)


def test_without_a_calibration_every_verdict_says_why_there_is_none() -> None:
    case = weigh_case("none", findings(student(777, 3)), candidates(), student(777, 3))
    assert case.section is None
    assert {v.outcome for v in case.verdicts} == {"not_assessable"}
    assert all("not a verdict" in v.reason for v in case.verdicts)


def test_models_that_were_passed_over_count_for_whoever_was_chosen_for_likeness_alone(
    calibration: Calibration,
) -> None:
    found, everyone = findings(student(777, 3)), candidates()
    usual, chosen = (
        {v.candidate: v for v in weighed(found, everyone, calibration, None, who, 1000).verdicts}
        for who in ((), ("author-3",))
    )
    for name, verdict in usual.items():
        assert verdict.p_value is not None
        after = chosen[name]
        assert after.p_single == verdict.p_single
        assert after.p_value == 1.0 or name != "vendor:vendor-3"
    lowered = chosen["vendor:vendor-3"]
    assert usual["vendor:vendor-3"].outcome == "supported"
    assert (lowered.outcome, lowered.reason_code) == ("inconclusive", "chosen_for_likeness")
    assert "1000 models that were passed over" in lowered.reason
    assert not reaches([lowered], "weak")


def test_a_guest_counts_for_no_vendor(calibration: Calibration) -> None:
    twin = candidates()[3].model_copy(update={"name": "twin"})
    found = findings(student(777, 3))
    guest = [
        f.model_copy(update={"candidate": "twin", "value": f.value + 5})
        for f in found
        if f.candidate == twin.name or f.candidate == candidates()[3].name
    ]
    whose = f"vendor:{twin.vendor.casefold()}"
    everyone = [*candidates(), twin]
    without = weighed(found, candidates(), calibration).verdicts
    beside = weighed([*found, *guest], everyone, calibration, None, {"twin"}).verdicts
    inside = weighed([*found, *guest], everyone, calibration).verdicts
    parts = [
        next(v.parts for v in verdicts if v.candidate == whose)
        for verdicts in (without, beside, inside)
    ]
    assert parts[0] == parts[1] != parts[2]


def test_ratios_that_are_no_better_than_none_on_left_out_models_weigh_nothing(
    calibration: Calibration,
) -> None:
    fit = calibration.at("vendor", PROMPTS)
    assert fit is not None
    cost = calibration.cost(fit)
    assert cost is not None
    assert cost < 1
    worse = tuple(
        f.model_copy(update={"cllr": 1.02}) if f.scheme == "lineage" and f.facet == "all" else f
        for f in calibration.figures
    )
    useless = calibration.model_copy(update={"figures": worse})
    told = weighed(findings(student(777, 3)), candidates(), useless)
    assert {v.outcome for v in told.verdicts} == {"not_assessable"}
    assert {v.reason_code for v in told.verdicts} == {"no_use"}
    assert "1.02 bits" in told.verdicts[0].reason
    assert told.used


def renamed(made: list[Candidate], old: str, new: str) -> list[Candidate]:
    return [c.model_copy(update={"vendor": new}) if c.vendor == old else c for c in made]


def test_a_makers_spelling_moves_no_ratio(calibration: Calibration) -> None:
    # As the calibration knows it, and as the table of makers has it besides.
    known = calibration.model_copy(
        update={
            "fitted": tuple(
                f.model_copy(
                    update={
                        "norms": {
                            d: n.model_copy(
                                update={
                                    "known": {
                                        k.replace("vendor-3", "openai"): v
                                        for k, v in n.known.items()
                                    }
                                }
                            )
                            for d, n in f.norms.items()
                        }
                    }
                )
                for f in calibration.fitted
            )
        }
    )
    found, seen = findings(student(777, 3)), set()
    for spelling in ("OpenAI", "openai", "Open AI", "Open-AI Inc."):
        told = weighed(found, renamed(candidates(), "vendor-3", spelling), known)
        verdict = next(v for v in told.verdicts if v.called == spelling)
        seen.add((verdict.outcome, verdict.log10_lr))
        assert unknown_makers(told) == ()
    assert len(seen) == 1
    strange = weighed(found, renamed(candidates(), "vendor-3", "Nobody Yet"), known)
    assert unknown_makers(strange) == ("Nobody Yet",)


def test_several_spellings_of_one_maker_are_one_candidate(calibration: Calibration) -> None:
    stored = candidates()
    stored[0] = stored[0].model_copy(update={"vendor": "Mistral AI"})
    stored[1] = stored[1].model_copy(update={"vendor": "mistralai"})
    told = weighed(findings(student(777, 3)), stored, calibration).verdicts
    assert sum(v.candidate == "vendor:mistral ai" for v in told) == 1
    assert len(told) == len(stored) - 1


def test_a_calibration_of_another_language_weighs_nothing_even_where_it_was_chosen(
    calibration: Calibration, tmp_path: Path
) -> None:
    about = calibration.population.model_copy(update={"languages": ("ja",)})
    path = tmp_path / "ja.json"
    write_calibration(path, calibration.model_copy(update={"population": about}))
    english = transcript(["The answer is that water boils where the air is thin."] * 40)
    told = weigh_case(str(path), findings(student(777, 3)), candidates(), english)
    assert {v.reason_code for v in told.verdicts} == {"no_population"}
    assert "English, but in Japanese" in told.verdicts[0].reason
    assert told.section is None


def test_where_many_stored_models_have_no_maker_nobody_is_weighed(
    calibration: Calibration,
) -> None:
    stored = [
        c.model_copy(update={"vendor": ""}) if n < 2 else c for n, c in enumerate(candidates())
    ]
    told = weighed(findings(student(777, 3)), stored, calibration)
    assert {v.outcome for v in told.verdicts} == {"not_assessable"}
    assert "2 have no maker named" in told.verdicts[-1].reason
