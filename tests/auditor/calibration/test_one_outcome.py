"""All views of a report say one outcome: JSON, page, Markdown, terminal and exit code, whatever was
found."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.audits.inheritance.narrative import answers
from auditor.audits.report.document import report_document
from auditor.audits.report.glance import ASKED as LABEL_OF
from auditor.audits.report.glance import glance
from auditor.audits.report.lines import LABELS, STATUS
from auditor.audits.report.wording import OUTCOMES
from auditor.calibration.apply import unweighed, weighed
from auditor.calibration.record import Calibration
from auditor.commands.audits import exit_code
from auditor.evidence.codes import Conclusion, Kinship
from auditor.evidence.kinship import Kin, Open, Tie
from auditor.evidence.records import Candidate, Finding, Report, Verdict
from auditor.evidence.weight import SCALE
from auditor.reporting import html, markdown, terminal
from auditor.reporting import json as as_json
from detectors.measurement import AmongSiblings, Rank
from fingerprints.records import Identity
from tests.auditor.calibration.population import NAMES, PROMPTS
from tests.auditor.reporting.example import report
from tests.detectors.authors import speaker

MAKERS = tuple(f"Maker{letter}" for letter in "ABCDEF")
IDS = {"stylistic_overlap": "author_score_normalised", "neighbours": "nearest_share_excess"}
SCALES = {"stylistic_overlap": 2.0, "neighbours": 0.2}
ASKED = speaker(1, 20)


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Candidate], list[Finding], Kin, tuple[str, ...]]:
    """Stored models of six makers and some of nobody's, what two detectors measured of them, what
    is known of kinship, and who was looked at for likeness."""
    stored, found, ties = [], [], dict[str, list[Tie]]()
    makers = [*MAKERS, *[""] * draw(st.integers(0, 2))]
    for number, maker in enumerate(makers):
        size = draw(st.integers(1, 3)) if maker else 1
        near = draw(st.sampled_from([-2.0, -1.0, 0.0, 1.0, 3.0, 6.0]))
        names = [f"m{number}v{i}" for i in range(size)]
        stored += [candidate(name, maker, draw(st.integers(0, 30)) == 0) for name in names]
        for place, name in enumerate(names):
            found += measured(name, place, names, near, draw(st.sampled_from([0.001, 0.4])))
        if draw(st.integers(0, 6)) == 0:
            kinship: Kinship = draw(st.sampled_from(["base", "own_maker", "declared"]))
            group = f"vendor:{maker.casefold()}" if maker else names[0]
            ties[group] = [Tie(kinship, "its base is a model of theirs")]
    open_: tuple[Open, ...] = draw(st.sampled_from([(), ("maker",), ("base", "maker")]))
    guests = draw(st.sets(st.sampled_from([c.name for c in stored]), max_size=2))
    return stored, found, Kin(ties, open_), tuple(sorted(guests))


def candidate(name: str, maker: str, same: bool) -> Candidate:
    return Candidate(
        name=name,
        vendor=maker,
        family="",
        identity=Identity(kind="recording", name=name),
        n_answers=PROMPTS,
        n_shared=PROMPTS,
        answers_sha256="0" * 64,
        same_weights=same,
    )


def measured(name: str, place: int, names: list[str], near: float, p: float) -> list[Finding]:
    among = AmongSiblings(
        score=1.0 - place,
        position=1 + place,
        of=len(names),
        prompts=PROMPTS,
        p_values={} if place else dict.fromkeys(names[1:], p),
    )
    return [
        Finding(
            question="inheritance",
            detector=detector,
            candidate=name,
            metric=detector,
            metric_id=IDS[detector],
            value=near * SCALES[detector],
            n=PROMPTS,
            n_unit="prompts",
            counts_prompts=True,
            direction="higher: more alike",
            interval=None,
            level=0.95,
            rank=Rank(position=1 + place, of=len(names)),
            siblings=among if len(names) > 1 and detector == NAMES[0] else None,
        )
        for detector in NAMES
    ]


def built(
    stored: list[Candidate], found: tuple[Finding, ...], verdicts: tuple[Verdict, ...], kin: Kin
) -> Report:
    return report(calibrated=True).model_copy(
        update={
            "answers": answers(ASKED, stored, found, verdicts, None, kin),
            "candidates": tuple(stored),
            "findings": found,
            "verdicts": verdicts,
            "skipped": (),
        }
    )


def expected(outcomes: list[str], third: bool) -> str:
    """The conclusion by the outcomes alone, as the docs have it."""
    told = [o for o in outcomes if o != "not_assessable"]
    if "supported" in told:
        return "supported"
    if third:
        return "common_third_source"
    if outcomes and set(outcomes) == {"not_supported"}:
        return "none_of_the_candidates"
    return "inconclusive" if told else "not_assessable"


class Told(HTMLParser):
    """The badges of a page: those of table rows by the row's first name, in every table apart, and
    those outside of tables, by section."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[dict[str, str]] = []
        self.alone: list[tuple[str, str]] = []
        self.section, self.row, self.name, self.naming = "", False, "", False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {key: value or "" for key, value in attrs}
        if tag == "section":
            self.section = known.get("id", "")
        elif tag == "table":
            self.tables.append({})
        elif tag == "tr":
            self.row, self.name = True, ""
        elif tag == "bdi" and self.row and not self.name:
            self.naming = True
        elif tag == "span" and known.get("class", "").startswith("badge "):
            told = known["class"].removeprefix("badge ").replace("-", "_")
            if self.row:
                self.tables[-1][self.name] = told
            else:
                self.alone.append((self.section, told))

    def handle_endtag(self, tag: str) -> None:
        if tag == "tr":
            self.row = False
        self.naming = self.naming and tag != "bdi"

    def handle_data(self, data: str) -> None:
        if self.naming:
            self.name += data


def check(made: Report, stored: list[Candidate]) -> None:
    groups = {c.vendor.casefold() or c.name for c in stored}
    outcomes = {v.called: v.outcome for v in made.verdicts}
    assert {(v.candidate or "").removeprefix("vendor:") for v in made.verdicts} == groups
    assert len(made.verdicts) == len(groups)
    told = expected(list(outcomes.values()), any(v.third_source for v in made.verdicts))
    check_record(made, told, outcomes)
    check_page(made, told, outcomes)
    check_text(made, told, outcomes)
    assert exit_code(made, "moderate") == int(told == "supported")
    weak = [v for v in made.verdicts if v.outcome == "inconclusive"]
    weak = [v for v in weak if v.reason_code != "chosen_for_likeness" and v.words]
    likely = any((v.log10_lr or 0.0) >= SCALE[0][0] for v in weak)
    assert exit_code(made, "weak") == int(told == "supported" or likely)


def check_record(made: Report, told: str, outcomes: dict[str, str]) -> None:
    read = json.loads(as_json.render(report_document(made)))
    answer = next(a for a in read["answers"] if a["question"] == "inheritance")
    assert answer["conclusion"] == told
    assert [v["outcome"] for v in read["verdicts"]] == list(outcomes.values())
    several = {m["name"] for v in read["verdicts"] if len(v["members"]) > 1 for m in v["members"]}
    assert all(f["words"] is None for f in read["findings"] if f["candidate"] in several)
    for verdict in read["verdicts"]:
        kin = verdict["reason_code"] in ("not_separable_from_lineage", "same_weights")
        assert bool(verdict["kinship"]) == kin
        assert not kin or (verdict["outcome"], verdict["log10_lr"]) == ("not_assessable", None)


def check_page(made: Report, told: str, outcomes: dict[str, str]) -> None:
    page = Told(html.render(report_document(made)))
    tables = [t for t in page.tables if t]
    assert len(tables) >= 2  # with the answer, and at a glance
    assert all(t == outcomes for t in tables)
    status = at_first_sight(made, told)
    # The first screen, then the card of the question: one word for both.
    assert page.alone[0] == ("", status)
    assert next(t for s, t in page.alone if s == "answers") == status
    first = re.search(r'class="line first"', html.render(report_document(made)))
    assert first is None or status == "supported"


def at_first_sight(made: Report, told: str) -> str:
    """The status of the first screen, which says no more than the answer and names nobody as
    supported whom no verdict supports."""
    line = glance(made).lines[0]
    measured = any(f.question == "inheritance" for f in made.findings)
    unseen = told == "not_assessable" and not measured
    assert line.status == ("not_examined" if unseen else STATUS[cast(Conclusion, told)])
    words = " ".join(s if isinstance(s, str) else s.text for s in line.told)
    supported = {v.called for v in made.verdicts if v.outcome == "supported"}
    assert ("closer to" in words and "no closer to" not in words) == (line.status == "supported")
    names = {s.text for s in line.told if not isinstance(s, str)}
    if line.status == "supported":
        assert names <= supported
    if line.status == "not_supported":
        assert not supported
        assert all(v.outcome == "not_supported" for v in made.verdicts)
    return line.status


def check_text(made: Report, told: str, outcomes: dict[str, str]) -> None:
    text = markdown.render(report_document(made))
    rows = re.findall(r"^\| `([^`]+)`[^|]*\| ([a-z ]+?) (?:\(|\|)", text, re.M)
    told_of = {n: w for n, w in rows if n in outcomes and w in OUTCOMES.values()}
    assert told_of == {n: OUTCOMES[o] for n, o in outcomes.items()}
    status = LABELS[glance(made).lines[0].status]
    assert f"- {LABEL_OF['inheritance']} **{status}**: " in text
    lines = terminal.render(report_document(made), width=200).splitlines()
    heads = [line for line in lines if line.startswith("INHERITANCE")]
    assert [line.rsplit("?", 1)[1].strip() for line in heads] == [status]
    shown = {
        name: next(w for w in sorted(OUTCOMES.values(), key=len, reverse=True) if w in line)
        for line in lines
        for name in outcomes
        if re.match(rf"{re.escape(name)}(?: \(\d models\))?  ", line)
        if any(w in line for w in OUTCOMES.values())
    }
    same = set(outcomes.values()) == {"not_assessable"}
    assert shown == ({} if same else {n: OUTCOMES[o] for n, o in outcomes.items()})


FEW = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.timeout(400)
@FEW
@given(cases())
def test_every_view_of_a_weighed_report_says_one_outcome(
    calibration: Calibration,
    case: tuple[list[Candidate], list[Finding], Kin, tuple[str, ...]],
) -> None:
    stored, found, kin, guests = case
    told = weighed(found, stored, calibration, None, guests, 500 if guests else 0, kin)
    check(built(stored, told.findings, told.verdicts, kin), stored)


@settings(FEW, max_examples=15)
@given(cases())
def test_every_view_of_a_report_that_no_calibration_weighs_says_one_outcome(
    case: tuple[list[Candidate], list[Finding], Kin, tuple[str, ...]],
) -> None:
    stored, found, kin, _ = case
    check(built(stored, tuple(found), unweighed(stored, found, kin), kin), stored)


def test_the_property_is_not_empty(calibration: Calibration) -> None:
    """Every conclusion is reached by a case like those that are drawn."""
    stored = [candidate(f"m{i}v0", maker, False) for i, maker in enumerate(MAKERS)]

    def concluded(near: dict[str, float], far: float = -6.0) -> str:
        found = [
            f for c in stored for f in measured(c.name, 0, [c.name], near.get(c.name, far), 1.0)
        ]
        told = weighed(found, stored, calibration)
        made = built(stored, told.findings, told.verdicts, Kin())
        check(made, stored)
        return str(made.answers[0].conclusion)

    assert concluded({"m0v0": 6.0}) == "supported"
    assert concluded({"m0v0": 6.0, "m1v0": 6.0}) == "common_third_source"
    assert concluded({}) == "none_of_the_candidates"
    assert concluded({"m0v0": 0.8}) == "inconclusive"
