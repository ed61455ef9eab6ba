"""No prose is data: with every sentence rewritten no figure, order, outcome or exit code moves, and
no module tests a sentence."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from auditor.audits.report import view
from auditor.audits.report.document import report_document
from auditor.audits.report.view import by_detector, unanimous
from auditor.audits.service.judging import JudgedService
from auditor.audits.service.narrative import clues
from auditor.calibration.case import WeighedCase, weigh_case
from auditor.calibration.conclusions import concluded
from auditor.calibration.record import shipped_calibrations
from auditor.calibration.together import third_source
from auditor.evidence.records import Candidate, Finding, Report, Verdict
from auditor.evidence.weight import LEVELS, reaches
from auditor.reporting import render
from detectors.measurement import Null, WhyNot
from fingerprints.records import Identity
from tests.auditor.prose import DISPLAY, NAMES, rewritten, texts_of
from tests.auditor.reporting.example import report
from tests.detectors.authors import speaker

ROOT = Path(__file__).parents[2]
VENDORS = 24
SCALES = {"stylistic_overlap": 1.0, "shared_wording": 0.1}
LABELS = {
    "stylistic_overlap": "normalised author score (z-norm, then t-norm)",
    "shared_wording": "shared wording: the maker's log share less the best other maker's",
}
IDS = {
    "stylistic_overlap": "author_score_normalised",
    "shared_wording": "shared_wording_margin",
}


def candidates() -> list[Candidate]:
    """Stored models of many vendors, two each; one of them is the suspect itself."""
    return [
        Candidate(
            name=f"model-{i}",
            vendor=f"vendor-{i // 2}",
            family="",
            identity=Identity(kind="recording", name=f"model-{i}"),
            n_answers=120,
            n_shared=120,
            answers_sha256="0" * 64,
            same_weights=i == 3,
        )
        for i in range(2 * VENDORS)
    ]


def finding(detector: str, candidate: str, value: float, n: int = 120) -> Finding:
    return Finding(
        question="inheritance",
        detector=detector,
        candidate=candidate,
        metric=LABELS[detector],
        metric_id=IDS[detector],
        value=value,
        n=n,
        n_unit="prompts",
        counts_prompts=True,
        direction="higher: more alike",
        interval=None,
        level=0.95,
        summary="Alike. Or not.",
        notes=("Beyond all doubt: a note.",),
    )


def findings() -> list[Finding]:
    """What two detectors measure: two vendors far beyond the others, one model on few prompts, one
    measured in another way."""
    rng, out = np.random.default_rng(0), []
    for candidate in candidates():
        # One far beyond all that was calibrated on, one that leans towards support.
        taught = {"vendor-5": 40.0, "vendor-7": 1.0}.get(candidate.vendor, 0.0)
        for detector in LABELS:
            value = float(rng.normal(taught, 1)) * SCALES[detector]
            out.append(finding(detector, candidate.name, value))
    for i in range(4):  # both models of the first vendor, by both detectors
        out[i] = out[i].model_copy(update={"n": 7})
    out[-1] = out[-1].model_copy(update={"metric_id": "shared_wording_otherwise"})
    return out


def figures(case: WeighedCase) -> object:
    """All of a weighed case but its words."""
    told = (
        [f.model_dump(exclude=DISPLAY[Finding]) for f in case.findings],
        [v.model_dump(exclude=DISPLAY[Verdict]) for v in case.verdicts],
    )
    return told if case.section is None else (*told, case.section)


@pytest.mark.parametrize("choice", ["shipped", "none"])
def test_rewritten_findings_weigh_the_same(choice: str) -> None:
    asked = speaker(1, 40)
    plain = weigh_case(choice, findings(), candidates(), asked)
    turned = weigh_case(choice, [rewritten(f) for f in findings()], candidates(), asked)
    assert figures(turned) == figures(plain)
    assert [v.reason for v in turned.verdicts] == [v.reason for v in plain.verdicts]
    assert [f.metric for f in turned.findings] != [f.metric for f in plain.findings]


def test_the_case_that_is_rewritten_has_every_kind_of_verdict() -> None:
    case = weigh_case("shipped", findings(), candidates(), speaker(1, 40))
    codes = {v.reason_code for v in case.verdicts}
    assert {"not_separable_from_lineage", "too_few_prompts", "outside_support"} <= codes
    assert {v.outcome for v in case.verdicts} >= {"inconclusive", "not_assessable"}
    outside = [v for v in case.verdicts if v.outside and not v.third_source]
    assert all(v.reason_code == "outside_support" for v in outside)
    assert case.section is not None
    assert any(f"For {len(outside)} candidate" in line for line in case.section.distance)


def test_a_third_source_is_a_code_and_its_verdicts_are_not_counted_as_outside() -> None:
    told = [
        Verdict(
            question="inheritance",
            candidate=f"vendor:{i}",
            outcome="supported",
            log10_lr=1.5,
            outside=("movement",),
            reason_code="outside_support",
        )
        for i in range(2)
    ]
    lowered = third_source(told)
    assert [v.reason_code for v in lowered] == ["third_source"] * 2
    assert [v.outside for v in lowered] == [("movement",)] * 2
    assert third_source([rewritten(v) for v in told]) == lowered


def test_rewritten_verdicts_conclude_the_same_and_end_with_the_same_exit_code() -> None:
    told = weigh_case("shipped", findings(), candidates(), speaker(1, 40)).verdicts
    for verdicts in (told, told[:1], tuple(v for v in told if v.outcome != "inconclusive")):
        turned = [rewritten(v) for v in verdicts]
        assert concluded(turned)[0] == concluded(verdicts)[0]
        assert [reaches(turned, level) for level in LEVELS] == [
            reaches(verdicts, level) for level in LEVELS
        ]
        assert unanimous(turned) == unanimous(verdicts)


def test_clues_of_a_service_are_told_from_figures() -> None:
    change = Null(n=999, p=0.001, unit="relabellings")
    told = [
        ("mid_run_change", {"after_question": 31}, change),
        ("model_identification", {"models": 12, "nearest": "v1. 5"}, None),
        ("token_counts", {}, None),
    ]
    found = [
        finding("shared_wording", "claimed", 0.25).model_copy(
            update={"detector": name, "question": "service", "facts": facts, "null": null}
        )
        for name, facts, null in told
    ]
    said = clues(JudgedService(tuple(found), (), "inconclusive", 0.2, ""))
    turned = tuple(rewritten(f) for f in found)
    assert clues(JudgedService(turned, (), "inconclusive", 0.2, "")) == said
    assert said[1:] == [
        "Something changed during the run, most evidently after question 31 of 120.",
        "Of 12 models v1. 5 is the nearest, not claimed.",
    ]


@pytest.mark.parametrize("calibrated", [False, True])
@pytest.mark.parametrize("format", ["html", "markdown", "terminal", "json"])
def test_a_rewritten_report_shows_the_same_figures_in_the_same_order(
    format: str, calibrated: bool
) -> None:
    plain = report(calibrated=calibrated)
    one, other = (
        render(report_document(plain), format),
        render(report_document(rewritten(plain)), format),
    )
    assert one != other
    assert re.findall(r"\d+", other) == re.findall(r"\d+", one)


@pytest.mark.parametrize("calibrated", [False, True])
def test_a_rewritten_report_is_arranged_alike(calibrated: bool) -> None:
    plain = report(calibrated=calibrated)
    turned = rewritten(plain)
    assert [c.name for c in view.compared(turned)] == [c.name for c in view.compared(plain)]
    for one, other in zip(view.cards(turned), view.cards(plain), strict=True):
        assert [v.candidate for v in one.verdicts] == [v.candidate for v in other.verdicts]
        assert [u.names for u in one.skipped] == [u.names for u in other.skipped]
        assert one.answer.conclusion == other.answer.conclusion
    grouped = [[f.candidate for f in g.findings] for g in by_detector(plain.findings)]
    assert [[f.candidate for f in g.findings] for g in by_detector(turned.findings)] == grouped


def test_every_text_of_a_report_is_for_people_or_a_name() -> None:
    """A new field says which it is: what is for people is rewritten by the tests above."""
    held = set(texts_of(Report))
    told = {(kind, name) for kind, names in DISPLAY.items() for name in names}
    named = {(kind, name) for kind, names in NAMES.items() for name in names}
    assert not told & named
    assert held == told | named


def test_a_calibration_joins_on_ids_and_holds_no_sentence() -> None:
    for made in shipped_calibrations():
        for fit in made.fitted:
            assert set(fit.metric_ids) == set(fit.detectors)
            assert all(re.fullmatch(r"[a-z0-9_]+", i) for i in fit.metric_ids.values())


def test_ids_and_codes_are_documented() -> None:
    page = (ROOT / "docs" / "ids.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`([a-z0-9_]+)`", page))
    assert set(get_args(WhyNot)) <= told
    for name, tree in modules():
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and _measures(name, call):
                given = [k.value for k in call.keywords if k.arg == "metric_id"]
                assert given, f"{name}:{call.lineno} measures without an id"
                held = {n.value for n in ast.walk(given[0]) if isinstance(n, ast.Constant)}
                assert held <= told, name


def _measures(name: str, call: ast.Call) -> bool:
    """Whether a detector of ours makes a measurement there, or a lineage audit a finding."""
    made = ast.unparse(call.func)
    return made == "Measurement" or (made == "_finding" and "lineage/findings" in name)


# ---------------------------------------------------------------------------------------------

PROSE = {
    *("summary", "metric", "reason", "direction", "words", "caption", "why", "notes", "about"),
    *("distance", "does_not_say", "declared_told", "kinds", "x_label", "effect_name", "limits"),
    *("alternatives", "reference_label", "asks", "power"),
}
TESTS = {
    *("startswith", "endswith", "split", "rsplit", "partition", "rpartition", "removeprefix"),
    *("removesuffix", "find", "rfind", "index", "count", "replace"),
}
MATCHES = {"re.match", "re.search", "re.split", "re.fullmatch"}
FOREIGN = ("detectors/text/", "detectors/stats/", "auditor/controls/", "auditor/labs/")
"""Modules that read strangers' texts, files and numbers, and no sentence of ours."""
PYDANTIC = "Value error, "
"""What pydantic puts before the message of a validator of ours."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    for package in ("auditor", "detectors"):
        for path in sorted((ROOT / package).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith(FOREIGN):
                yield name, ast.parse(path.read_text(encoding="utf-8"))


def sentences(node: ast.AST) -> bool:
    """Whether a literal with a space between words stands in an expression."""
    return any(
        isinstance(n, ast.Constant) and isinstance(n.value, str) and " " in n.value.strip()
        for n in ast.walk(node)
    )


def literals(node: ast.AST) -> bool:
    return any(
        isinstance(n, ast.Constant) and isinstance(n.value, str) and n.value for n in ast.walk(node)
    )


def display(node: ast.AST) -> bool:
    """Whether an expression is a text for people, by the name of its attribute."""
    return isinstance(node, ast.Attribute) and node.attr in PROSE


def read_in(tree: ast.AST) -> Iterator[ast.AST]:
    """Every place where a sentence is taken apart or compared with a literal."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            parts = [node.left, *node.comparators]
            if any(map(sentences, parts)) or (
                any(map(display, parts)) and any(map(literals, parts))
            ):
                yield node
        elif isinstance(node, ast.Call) and _reads(node):
            yield node


def _reads(call: ast.Call) -> bool:
    """Whether a call takes a sentence apart, or looks for one."""
    if ast.unparse(call.func) in MATCHES:
        return any(map(display, call.args))
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in TESTS or _spaced(call):
        return False
    return display(call.func.value) or any(map(sentences, call.args))


def _spaced(call: ast.Call) -> bool:
    """``metric.replace('_', ' ')`` only shows a label, and pydantic's mark is no text of ours."""
    return [a.value for a in call.args if isinstance(a, ast.Constant)] in (["_", " "], [PYDANTIC])


def test_no_module_tests_or_splits_a_sentence() -> None:
    found = [
        f"{name}:{getattr(node, 'lineno', 0)}: {ast.unparse(node)}"
        for name, tree in modules()
        for node in read_in(tree)
    ]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "v.reason.startswith('Beyond')",
        "f.summary.split('. ')[0]",
        "verdict.words == 'moderate'",
        "'is not known' in told",
        "re.match('Beyond', v.reason)",
        "case.metric in ('a', 'b')",
    ],
)
def test_the_scan_sees_such_a_test(text: str) -> None:
    assert list(read_in(ast.parse(text)))
