"""`auditor harvest` of recorded suspects: designs, refusals, corrections, bad input."""

from __future__ import annotations

import json
import shlex
import shutil
from math import log10
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from auditor.audits.harvest.judging import looks_of
from auditor.audits.harvest.plan import HarvestPlan
from auditor.audits.harvest.records import HarvestSection
from auditor.audits.report.bundle import load_bundle
from auditor.audits.report.file import schema
from auditor.cli import run
from auditor.evidence.records import Report
from tests.auditor.audits.harvest.parrots import PROMPTS, rows, suspect, write_log, write_twins
from tests.auditor.rescoring import judged_again


class World:
    """A folder with a log, its twins, a suspect that learned it, one that did not, a base."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.runs = folder, 0
        self.told = rows()
        self.log = write_log(folder / "log.jsonl", self.told)
        self.twins = write_twins(folder / "twins.jsonl", self.log)
        self.taught = suspect(folder / "taught.jsonl", self.told, 0.6)
        self.innocent = suspect(folder / "innocent.jsonl", self.told, 0.0)
        self.base = suspect(folder / "base.jsonl", self.told, 0.0, seed=3)

    @property
    def out(self) -> Path:
        """Where the last report is."""
        return self.folder / f"out-{self.runs}"

    def harvest(self, who: Path, *more: object, twins: Path | None = None) -> tuple[int, Report]:
        """Audits a suspect; exit code and report."""
        self.runs += 1
        out = self.out
        code = run(
            [
                *("harvest", str(who), "--log", str(self.log), "--twins", str(twins or self.twins)),
                *("--out", str(out), *map(str, more)),
            ]
        )
        return code, load_bundle(out)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def section(report: Report) -> HarvestSection:
    found = report.section(HarvestSection)
    assert found is not None
    return found


def test_a_suspect_that_says_again_what_was_served_is_told_from_one_that_does_not(
    world: World,
) -> None:
    code, report = world.harvest(world.taught, "--base", world.base, "--fail-on", "very-strong")
    (verdict,) = report.verdicts
    assert (code, verdict.outcome) == (1, "supported")
    assert verdict.log10_lr is verdict.cap is None
    assert verdict.exact is not None
    assert verdict.exact.by_design
    assert verdict.exact.p_value < 1e-15
    assert verdict.exact.log10_e > 6
    assert verdict.words == "extremely strong support"
    assert report.findings[0].detector == "served_or_twin"
    jsonschema.validate(json.loads((world.out / "report.json").read_text()), schema())
    page = (world.out / "report.html").read_text("utf-8")
    assert "Design: regenerated." in page
    assert judged_again(world.out) == []
    for stale in ("samples.jsonl", "base-samples.jsonl"):
        shutil.copy(world.out / "transcript.jsonl", world.out / stale)
    assert judged_again(world.out) == [], "recorded answers are read once, whatever lies there"
    assert "thing number" not in page
    assert world.told[0]["answer"] not in page
    code, report = world.harvest(world.innocent, "--base", world.base, "--fail-on", "weak")
    assert (code, report.verdicts[0].outcome) == (0, "inconclusive")
    assert report.verdicts[0].p_value is not None
    assert report.verdicts[0].p_value > 0.05


def test_nothing_found_clears_only_at_a_dose_that_would_have_been_found(world: World) -> None:
    _, report = world.harvest(world.innocent, "--base", world.base, "--d", 1.5, "--used", 1)
    (verdict,) = report.verdicts
    assert verdict.outcome == "not_supported"
    assert report.answers[0].conclusion == "not_supported"
    assert "100% of these answers" in report.answers[0].answer
    assert report.answers[0].answer.startswith("Not supported")


def test_twins_drawn_after_the_fact_that_nobody_checked_support_nothing(world: World) -> None:
    code, report = world.harvest(world.taught, "--fail-on", "weak")
    (verdict,) = report.verdicts
    assert (code, verdict.outcome, verdict.reason_code) == (0, "inconclusive", "unchecked_design")
    assert verdict.words is None
    assert verdict.exact is not None
    assert not verdict.exact.by_design
    assert verdict.reason in report.answers[0].answer


def test_a_data_set_that_somebody_chose_supports_nothing(world: World) -> None:
    code, report = world.harvest(
        world.taught, "--base", world.base, "--public-dataset", "--fail-on", "weak"
    )
    (verdict,) = report.verdicts
    assert (code, verdict.outcome, verdict.reason_code) == (0, "inconclusive", "exploratory")
    assert verdict.words is None


DIFFERENT: dict[str, dict[str, Any]] = {
    "model": {"model": "teacher-v2"},
    "temperature": {"temperature": 1.0},
    "top_p": {"top_p": 1.0},
    "max_tokens": {"max_tokens": 32},
    "finish": {"finish": "length"},
    "length": {"words": 9},
}


@pytest.mark.parametrize("what", DIFFERENT)
@pytest.mark.parametrize("design", ["regenerated", "sealed"])
def test_what_could_not_have_changed_places_is_refused(
    world: World, what: str, design: str
) -> None:
    changed = DIFFERENT[what]
    path = world.folder / "changed.jsonl"
    twins = write_twins(path, world.log, header={"drawn": design}, **changed)
    code, report = world.harvest(
        world.taught, "--base", world.base, "--fail-on", "weak", twins=twins
    )
    (verdict,) = report.verdicts
    assert (code, verdict.outcome) == (0, "not_assessable")
    assert verdict.reason_code == "not_exchangeable"
    assert verdict.exact is None
    assert not report.findings
    assert what in [c.compared for c in section(report).checks if not c.held]
    assert report.answers[0].conclusion == "not_assessable"


def test_a_log_that_tells_less_is_compared_in_what_it_tells(world: World) -> None:
    told = ("prompt", "answer", "account")
    bare = [{k: v for k, v in row.items() if k in told} for row in world.told]
    write_log(world.log, bare)
    world.twins.unlink()
    write_twins(world.twins, world.log, finish="length", model="anything")
    _, report = world.harvest(world.taught, "--base", world.base)
    assert report.verdicts[0].outcome == "supported"
    compared = {c.compared for c in section(report).checks}
    assert not compared & {"model", "temperature", "top_p", "max_tokens"}


def test_a_name_that_its_drawer_vouches_for_must_not_change_on_the_way(world: World) -> None:
    world.twins.unlink()
    write_twins(world.twins, world.log, model="t-7", header={"served_as": "teacher"})
    _, report = world.harvest(world.taught, "--base", world.base)
    assert report.verdicts[0].outcome == "supported"
    lines = world.twins.read_text().splitlines()
    changed = [*lines[:-1], lines[-1].replace("t-7", "t-8")]
    world.twins.write_text("\n".join(changed) + "\n")
    _, report = world.harvest(world.taught, "--base", world.base)
    assert [c.compared for c in section(report).checks if not c.held] == ["model"]
    assert report.verdicts[0].outcome == "not_assessable"


def test_an_innocent_that_prefers_what_was_served_voids_the_test(world: World) -> None:
    _, report = world.harvest(world.taught, "--innocent", world.innocent)
    assert report.verdicts[0].outcome == "supported"
    told = suspect(world.folder / "no-innocent.jsonl", world.told, 0.5, seed=9)
    _, report = world.harvest(world.taught, "--innocent", told)
    assert report.verdicts[0].reason_code == "not_exchangeable"
    assert [i.held for i in section(report).innocents] == [False]


def test_accounts_are_tested_apart_and_corrected_for_each_other_and_for_suspects(
    world: World,
) -> None:
    world.told = rows(150)
    world.log = write_log(world.log, world.told)
    world.twins.unlink()
    write_twins(world.twins, world.log)
    of_a = {row["prompt"] for row in world.told if row["account"] == "a-1"}
    learned = suspect(world.folder / "a.jsonl", world.told, 0.7)
    lines = [json.loads(line) for line in learned.read_text().splitlines()]
    rest = suspect(world.folder / "none.jsonl", world.told, 0.0)
    plain = [json.loads(line) for line in rest.read_text().splitlines()]
    mixed = [a if a["prompt"] in of_a else b for a, b in zip(lines, plain, strict=True)]
    learned.write_text("".join(json.dumps(row) + "\n" for row in mixed))
    base = suspect(world.folder / "base-more.jsonl", world.told, 0.0, seed=3)
    flags = ["--base", base, "--account", "a-1", "--account", "b-2"]
    _, report = world.harvest(learned, *flags)
    by_name = {v.candidate: v for v in report.verdicts}
    assert by_name["account a-1"].outcome == "supported"
    assert by_name["account b-2"].outcome == "inconclusive"
    single = by_name["account a-1"].p_single
    assert single is not None
    assert by_name["account a-1"].p_value == pytest.approx(2 * single)
    _, more = world.harvest(learned, *flags, "--suspects", 10)
    corrected = {v.candidate: v for v in more.verdicts}["account a-1"]
    assert corrected.p_value == pytest.approx(20 * single)
    # Words come from the e-value: it is shared as the p-value is corrected.
    once = by_name["account a-1"].exact
    assert once is not None
    assert corrected.exact is not None
    assert corrected.exact.log10_e == pytest.approx(once.log10_e - 1)
    assert corrected.exact.power is not None
    assert once.power is not None
    assert corrected.exact.power < once.power
    (alone,) = world.harvest(learned, *flags[:4])[1].verdicts
    assert alone.exact is not None
    assert once.log10_e == pytest.approx(alone.exact.log10_e - log10(2), abs=0.2)
    for finding in more.findings:
        assert finding.exact is not None
        told = finding.tables[0].rows[-1][1]
        assert told == pytest.approx(finding.exact.log10_e, abs=0.006)
    cluster = world.folder / "c1.txt"
    cluster.write_text("a-1\nb-2\n")
    _, report = world.harvest(learned, "--base", base, "--cluster", cluster)
    assert [v.candidate for v in report.verdicts] == ["cluster c1"]
    assert section(report).groups[0].accounts == 2
    assert section(report).groups[0].prompts == 100
    assert section(report).tally.rows_of_others == 50


def test_what_is_left_out_is_counted_and_what_came_again_is_no_new_evidence(
    world: World,
) -> None:
    again = [{**row, "time": "2026-11-05T00:00:00Z"} for row in world.told[:10]]
    bad = [
        world.told[0],
        {**world.told[1], "answer": None},
        {**world.told[2], "finish": "content_filter", "prompt": "Another?"},
        {**world.told[3], "prompt": "Nobody drew twins of this.", "tokens_out": float("nan")},
    ]
    lines = [json.dumps(row) + "\n" for row in [*world.told, *again, *bad]]
    world.log.write_text("".join(lines) + "{half a row\n", "utf-8")
    _, report = world.harvest(world.taught, "--base", world.base)
    tally = section(report).tally
    assert (tally.rows_read, tally.sets_used) == (PROMPTS + 15, PROMPTS)
    assert tally.rows_repeated_prompt == 10
    assert tally.rows_duplicate == tally.rows_without_answer == tally.rows_unusable == 1
    assert tally.rows_unreadable == tally.rows_without_twins == tally.rows_bad_numbers == 1


def test_sets_with_equal_answers_are_left_out_whichever_was_served(world: World) -> None:
    lines = [json.loads(line) for line in world.twins.read_text().splitlines()]
    served = {row["prompt"]: row["answer"] for row in world.told}
    first, second = lines[1]["row"], lines[4]["row"]
    for line in lines[1:]:
        if line["row"] == first and line["sample"] == 1:
            line["text"] = served[world.told[0]["prompt"]] + "  "
        if line["row"] == second:
            line["text"] = lines[4]["text"]
    world.twins.write_text("".join(json.dumps(line) + "\n" for line in lines))
    _, report = world.harvest(world.taught, "--base", world.base)
    tally = section(report).tally
    assert (tally.sets_not_distinct, tally.sets_served_again) == (2, 1)
    assert tally.sets_used == PROMPTS - 2


def test_bad_input_is_told_in_one_line_with_its_code(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_log(world.folder / "other.jsonl", rows(seed=5))
    few = write_log(world.folder / "few.jsonl", rows(9))
    few_twins = write_twins(world.folder / "few-twins.jsonl", few)
    cut = world.folder / "cut.jsonl.gz"
    cut.write_bytes(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03+\xcaH")
    who, twins = str(world.taught), str(world.twins)
    for code, said, arguments in (
        (3, "twins of another log", [who, "--log", str(other), "--twins", twins]),
        (3, "at least 24", [who, "--log", str(few), "--twins", str(few_twins)]),
        (3, "middle of its packing", [who, "--log", str(cut), "--twins", twins]),
        (3, "holds no twins", [who, "--log", str(few), "--twins", "/dev/null"]),
        (3, "not a row of twins", [who, "--log", str(few), "--twins", str(world.log)]),
        (2, "no log is given", [who, "--twins", twins]),
        (2, "commitments belong", [who, "--twins", twins, "--commitments", twins]),
        (2, "nothing is saved", [who, "--log", str(world.log), "--twins", twins, "--sequential"]),
        (2, "not both", [who, "--twins", twins, "--account", "a", "--cluster", twins]),
        (2, "named twice", [who, "--twins", twins, "--account", "a", "--account", "a"]),
    ):
        out = str(world.folder / "bad")
        assert run(["harvest", *arguments, "--out", out]) == code, said
        err = capsys.readouterr().err
        assert said in err
        assert err.count("\n") == 1


def test_a_dry_run_says_what_is_compared_and_the_plan_is_a_plan_again(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["harvest", str(world.taught), "--log", str(world.log), "--twins", str(world.twins)]
    assert run([*arguments, "--dry-run", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["texts"] == 4 * told["prompts"] == 4 * PROMPTS
    assert told["groups"] == {"all accounts": PROMPTS}
    assert HarvestPlan.make(told["plan"]).told() == told["plan"]
    assert not world.out.exists()


def test_the_plan_says_how_many_are_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["harvest", "plan", "--d", "2.5", "--used", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["prompts"] == 6
    assert told["answers_to_draw"] == 18
    assert run(["harvest", "plan", "--d", "0"]) == 2
    assert run(["harvest"]) == 2


def test_quotes_stand_in_the_report_only_where_they_are_asked_for(world: World) -> None:
    for row in world.told:
        row["prompt"] += " <script>alert(1)</script>"
    write_log(world.log, world.told)
    world.twins.unlink()
    write_twins(world.twins, world.log)
    base = suspect(world.folder / "base2.jsonl", world.told, 0.0, seed=3)
    learned = suspect(world.folder / "taught2.jsonl", world.told, 0.6)
    _, report = world.harvest(learned, "--base", base, "--quote", 2)
    assert len(report.findings[0].exhibits) == 4
    assert {e.source for e in report.findings[0].exhibits} == {"served", "twin"}
    page = (world.out / "report.html").read_text("utf-8")
    assert "alert(1)" in page
    assert "<script" not in page


def test_a_groups_looks_are_the_sequences_own_and_none_before_it_can_be_tested() -> None:
    every_other = [i // 32 for i in range(0, 160, 2)]
    assert looks_of(every_other) == (32, 48, 64, 80)
    assert looks_of([0] * 31 + [1] * 3 + [4] * 9) == (31, 34, 43)
    assert looks_of([0] * 23) == ()


def test_the_command_that_a_report_gives_makes_the_same_plan(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world.folder)
    flags = ["--base", world.base, "--innocent", world.innocent, "--text-only"]
    flags += ["--account", "a-1", "--account", "b-2"]
    numbers = ["--samples", 2, "--max-tokens", 99, "--seed", 5, "--quote", 1, "--suspects", 3]
    _, report = world.harvest(world.taught, *flags, *numbers, "--d", 1.5, "--used", 0.3)
    capsys.readouterr()
    assert report.reproduce
    assert run([*shlex.split(report.reproduce[0])[1:], "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["plan"] == report.plan
