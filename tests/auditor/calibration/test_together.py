"""Verdicts read together: common third sources, and what may be concluded from all of them."""

from __future__ import annotations

import pytest

from auditor.audits.report import view
from auditor.calibration.conclusions import concluded
from auditor.calibration.together import third_source
from auditor.commands.audits import exit_code
from auditor.evidence.records import Verdict
from auditor.evidence.weight import reaches
from tests.auditor.reporting import example


def vendor(name: str, log10_lr: float) -> Verdict:
    outcome = "supported" if log10_lr >= 1 else "inconclusive"
    return Verdict(
        question="inheritance",
        candidate=f"vendor:{name}",
        outcome=outcome,
        log10_lr=log10_lr,
        cap=2.5,
        words="…",
    )


def test_several_supported_vendors_may_have_a_common_third_source() -> None:
    told = third_source([vendor("acme", 1.3), vendor("bolt", 1.1), vendor("core", 0.4)])
    assert [(v.outcome, v.third_source) for v in told] == [
        ("inconclusive", True),
        ("inconclusive", True),
        ("inconclusive", False),
    ]
    assert "common third source" in told[0].reason.lower()
    assert concluded(told)[0] == "common_third_source"
    assert reaches(told, "weak")  # the third by itself
    assert reaches(told[:2], "weak")  # together, whoever of them it was
    assert not reaches(told[:2], "moderate")


def test_the_strongest_of_several_stays_where_it_is_ten_times_ahead() -> None:
    told = third_source([vendor("acme", 2.2), vendor("bolt", 1.1)])
    assert [(v.outcome, v.third_source) for v in told] == [
        ("supported", False),
        ("inconclusive", True),
    ]
    conclusion, sentence = concluded(told)
    assert conclusion == "supported"
    assert "explained by it as well" in sentence


def test_whoever_is_as_much_like_a_kin_of_the_suspect_is_not_supported_for_that() -> None:
    kin = [vendor("core", 1.2)]
    (told,) = third_source([vendor("acme", 1.3)], kin)
    assert (told.outcome, told.third_source, told.reason_code) == (
        "inconclusive",
        True,
        "third_source",
    )
    assert "core" in told.reason
    (beside,) = third_source([vendor("acme", 1.3)], (), [vendor("dune", 1.2)])
    assert beside.third_source
    assert "acme, dune" in beside.reason
    (ahead,) = third_source([vendor("acme", 2.3)], kin)
    assert ahead.outcome == "supported"
    (alone,) = third_source([vendor("acme", 1.3)], [vendor("core", 0.7)])
    assert alone.outcome == "supported"


def against(name: str, log10_lr: float = -1.2) -> Verdict:
    return vendor(name, log10_lr).model_copy(update={"outcome": "not_supported"})


def test_one_supported_vendor_and_none_at_all_are_ordinary_answers() -> None:
    alone = [vendor("acme", 1.3), vendor("bolt", -0.5)]
    assert third_source(alone) == alone
    assert concluded(alone)[0] == "supported"
    assert concluded([vendor("acme", 0.2), vendor("bolt", -0.5)])[0] == "inconclusive"
    assert concluded([])[0] == "not_assessable"


def test_nobody_is_cleared_by_ratios_below_even_odds_whose_intervals_reach_them() -> None:
    conclusion, sentence = concluded([vendor("acme", -0.2), vendor("bolt", -0.5)])
    assert conclusion == "inconclusive"
    assert "None of the candidates" not in sentence


def test_who_is_spoken_against_and_who_is_open_are_told_apart() -> None:
    conclusion, sentence = concluded([vendor("acme", -0.2), against("bolt"), against("core")])
    assert conclusion == "inconclusive"
    assert "speaks against bolt, core; open: acme." in sentence


def test_none_of_the_candidates_is_said_only_where_every_one_was_weighed() -> None:
    conclusion, sentence = concluded([against("acme"), against("bolt", -2.0)])
    assert (conclusion, sentence[:24]) == ("none_of_the_candidates", "None of the candidates: ")
    silent = Verdict(question="inheritance", candidate="vendor:core", outcome="not_assessable")
    related = silent.model_copy(
        update={"candidate": "vendor:dune", "reason_code": "not_separable_from_lineage"}
    )
    conclusion, sentence = concluded([against("acme"), silent, related])
    assert conclusion == "inconclusive"
    assert sentence.startswith("Inconclusive: the evidence speaks against 1 of 3 candidates (acme)")
    assert "None of the candidates" not in sentence
    assert "Not separable from lineage: dune" in sentence
    assert sentence.endswith("Not assessed: core.")


def test_makers_that_nobody_looked_at_are_not_cleared_by_the_others() -> None:
    conclusion, sentence = concluded([against("acme"), against("bolt")], None, 5)
    assert conclusion == "inconclusive"
    assert "speaks against 2 of 7 candidates (acme, bolt)" in sentence
    assert sentence.endswith("Not looked at: the models of 5 further stored makers.")
    assert "5 further stored makers" in concluded([vendor("acme", 1.5)], None, 5)[1]


def copied(name: str) -> Verdict:
    return Verdict(
        question="inheritance",
        candidate=f"vendor:{name}",
        outcome="not_assessable",
        kinship=("same_answers",),
        reason_code="not_separable_from_lineage",
    )


def test_equal_answers_are_told_first_and_as_no_more_than_equal_answers() -> None:
    conclusion, sentence = concluded([vendor("acme", -0.2), against("bolt"), copied("core")])
    assert conclusion == "inconclusive"
    assert sentence.startswith("Not separable from lineage: core, since nearly all answers")
    assert "word for word, and why is not known" in sentence
    assert "shares weights or a maker" not in sentence
    assert "the nearest of those is acme" in sentence
    kin = copied("dune").model_copy(update={"kinship": ("same_answers", "shared_weights")})
    both = concluded([vendor("acme", -0.2), copied("core"), kin])[1]
    assert "dune, of which it is known that the suspect shares weights or a maker" in both
    assert concluded([copied("core")])[0] == "not_assessable"
    assert "why is not known" in concluded([copied("core")])[1]


def test_a_gate_says_of_whom_it_read_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    report = example.report(calibrated=True)
    told = [v for v in report.verdicts if v.reason_code != "not_separable_from_lineage"]
    assert exit_code(report.model_copy(update={"verdicts": tuple(told)}), "strong") == 0
    assert capsys.readouterr().err == ""
    verdicts = (vendor("acme", -0.2), copied("core"))
    assert exit_code(report.model_copy(update={"verdicts": verdicts}), "weak") == 0
    assert capsys.readouterr().err == (
        "--fail-on weak: not compared with it, since lineage can't be told from learning: core\n"
    )


def test_a_model_whose_maker_was_not_weighed_has_no_weight_with_it() -> None:
    report = example.report(calibrated=True)
    silent = tuple(
        v.model_copy(update={"outcome": "not_assessable", "log10_lr": None, "words": None})
        for v in report.verdicts
    )
    plain = [f.model_copy(update={"log10_lr": None, "words": None}) for f in report.findings]
    unweighed = report.model_copy(update={"verdicts": silent, "findings": tuple(plain)})
    assert "not weighed" in example.in_terminal(unweighed)


def test_a_cap_stands_on_the_side_of_its_ratio() -> None:
    assert view.on_its_side(1.05, -1.05) == -1.05
    assert view.on_its_side(1.05, 0.3) == 1.05
    assert view.on_its_side(None, None) is None
