"""A simulated log: whole, in order, as its truth says, and the same again."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.csv
import pyarrow.parquet
import pytest
from click.testing import CliRunner

from auditor.commands import simulate as command
from auditor.labs.traffic.settings import (
    BenignGroup,
    Campaign,
    Faults,
    Model,
    TrafficSettings,
    load_settings,
)
from auditor.labs.traffic.simulate import (
    ROWS_AT_ONCE,
    forecast,
    in_order,
    simulate,
    stretches,
)
from auditor.labs.traffic.sources import cast_of
from fingerprints.errors import MalformedInput

SMALL = load_settings("small").model_copy(update={"rows": 6000})
Row = dict[str, Any]


def log_of(settings: TrafficSettings, folder: Path, seed: int = 1) -> list[Row]:
    simulate(settings, seed, folder)
    return pyarrow.parquet.read_table(folder / "log.parquet").to_pylist()


def truth_of(folder: Path) -> dict[str, Row]:
    lines = (folder / "truth.jsonl").read_text("utf-8").splitlines()
    return {row["account"]: row for row in map(json.loads, lines)}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Row], dict[str, Row]]:
    folder = tmp_path_factory.mktemp("small") / "log"
    return log_of(SMALL, folder), truth_of(folder)


def only(kind: str, accounts: int, **more: Any) -> TrafficSettings:
    """A log of one kind of ordinary account."""
    return TrafficSettings(
        name="one-kind",
        days=7,
        rows=3000,
        benign=(BenignGroup.model_validate({"kind": kind, "share": 1, "accounts": accounts}),),
        **more,
    )


def steered(campaign: Campaign, **more: Any) -> TrafficSettings:
    """A log of chat and one campaign."""
    chat = BenignGroup(kind="chat", share=1)
    return TrafficSettings(
        name="one-campaign", days=7, rows=4000, benign=(chat,), campaigns=(campaign,), **more
    )


def test_the_same_seed_makes_the_same_log_and_another_one_another(tmp_path: Path) -> None:
    digests = [
        simulate(SMALL, seed, tmp_path / name).log_sha256
        for seed, name in ((1, "a"), (1, "b"), (2, "c"))
    ]
    assert digests[0] == digests[1] != digests[2]


def test_rows_are_in_order_of_time_and_within_the_log(
    small: tuple[list[Row], dict[str, Row]],
) -> None:
    times = [row["time"] for row in small[0]]
    assert times == sorted(times)
    assert times[0].timestamp() >= SMALL.begins()
    assert times[-1].timestamp() < SMALL.begins() + SMALL.days * 86_400
    assert len({row["request_id"] for row in small[0]}) == len(small[0])


def test_about_as_many_rows_come_as_were_asked_for(tmp_path: Path) -> None:
    made = simulate(load_settings("small"), 3, tmp_path / "log")
    assert made.rows == pytest.approx(20_000, rel=0.25)


def test_the_truth_counts_every_row_of_every_account(
    small: tuple[list[Row], dict[str, Row]],
) -> None:
    rows, truth = small
    counted: dict[str, int] = defaultdict(int)
    for row in rows:
        counted[row["account"]] += 1
    assert counted == {name: told["rows"] for name, told in truth.items() if told["rows"]}
    assert {t["campaign"] for t in truth.values()} == {None, "hydra-20", "one"}


def test_no_prompt_of_a_campaign_comes_twice_on_any_of_its_accounts(
    small: tuple[list[Row], dict[str, Row]],
) -> None:
    rows, truth = small
    for campaign in ("hydra-20", "one"):
        prompts = [r["prompt"] for r in rows if truth[r["account"]]["campaign"] == campaign]
        assert len(prompts) > 100
        assert len(set(prompts)) == len(prompts)


def test_every_address_is_one_that_nobody_has(small: tuple[list[Row], dict[str, Row]]) -> None:
    assert all(240 <= int(row["network"].split(".")[0]) <= 255 for row in small[0])


def test_answers_end_at_their_cap_and_failed_requests_have_none(
    small: tuple[list[Row], dict[str, Row]],
) -> None:
    for row in small[0]:
        cap = row["max_tokens"]
        assert cap is None or row["tokens_out"] <= cap
        assert (row["finish"] == "error") == (row["status"] != 200)
        if row["finish"] == "length":
            assert row["tokens_out"] == cap
    assert {"stop", "length", "error"} == {row["finish"] for row in small[0]}


def test_a_class_shares_payment_campus_and_questions(tmp_path: Path) -> None:
    rows = log_of(only("classroom", 60), tmp_path / "log")
    by_payment = defaultdict(set)
    for row in rows:
        by_payment[row["payment"]].add(row["account"])
    assert max(len(accounts) for accounts in by_payment.values()) > 10
    assert all(row["network"].startswith("248.") for row in rows)
    assert len({row["prompt"] for row in rows}) < 0.7 * len(rows)


def test_evaluations_of_different_accounts_ask_the_same_public_questions(tmp_path: Path) -> None:
    settings = only("evaluation", 30).model_copy(update={"rows": 20_000})
    rows = log_of(settings, tmp_path / "log")
    askers = defaultdict(set)
    for row in rows:
        askers[row["prompt"]].add(row["account"])
    assert sum(len(a) > 1 for a in askers.values()) > 0.05 * len(askers)


def test_a_translator_says_who_it_works_for_in_the_same_line_each_time(tmp_path: Path) -> None:
    rows = log_of(only("translation", 12), tmp_path / "log")
    lines = defaultdict(set)
    for row in rows:
        if not row["prompt"].startswith(("Translate", "Give")):
            lines[row["account"]].add(row["prompt"].split("\n")[0])
    assert lines
    assert all(len(found) == 1 for found in lines.values())
    assert len(set.union(*lines.values())) == len(lines)


@pytest.mark.parametrize("per", [1, 7, 40])
def test_a_hydra_shares_payments_as_told(per: int, tmp_path: Path) -> None:
    campaign = Campaign(
        name="h", kind="hydra", accounts=40, share=0.4, days=7, per_payment=per, per_network=per
    )
    rows = log_of(steered(campaign), tmp_path / "log")
    truth = truth_of(tmp_path / "log")
    of = {r["account"]: r["payment"] for r in rows if truth[r["account"]]["campaign"]}
    assert len(of) == 40
    assert len(set(of.values())) == -(-40 // per)


def test_a_switching_campaign_has_moved_within_a_day_and_a_pinned_service_never(
    tmp_path: Path,
) -> None:
    models = (Model(name="old"), Model(name="new", day=3))
    campaign = Campaign(name="s", kind="switching", accounts=10, share=0.4, days=7)
    settings = steered(campaign, models=models)
    rows = log_of(settings, tmp_path / "log")
    truth = truth_of(tmp_path / "log")
    late = settings.begins() + 4 * 86_400
    ours = [r for r in rows if truth[r["account"]]["campaign"]]
    assert {r["model"] for r in ours if r["time"].timestamp() > late} == {"new"}
    assert {r["model"] for r in ours} == {"old", "new"}
    others = {
        r["model"]
        for r in rows
        if not truth[r["account"]]["campaign"] and r["time"].timestamp() > late
    }
    assert others == {"old", "new"}


def test_cover_traffic_is_on_the_same_accounts_and_not_counted_as_the_campaigns(
    tmp_path: Path,
) -> None:
    campaign = Campaign(name="m", kind="mixed", accounts=6, share=0.2, days=7, cover=0.5)
    log_of(steered(campaign), tmp_path / "log")
    ours = [t for t in truth_of(tmp_path / "log").values() if t["campaign"] == "m"]
    share = sum(t["campaign_rows"] for t in ours) / sum(t["rows"] for t in ours)
    assert 0.3 < share < 0.7


def test_a_campaign_keeps_to_its_days_and_share(tmp_path: Path) -> None:
    campaign = Campaign(name="d", kind="single", share=0.2, from_day=2, days=3)
    settings = steered(campaign)
    rows = log_of(settings, tmp_path / "log")
    truth = truth_of(tmp_path / "log")
    days = [
        (r["time"].timestamp() - settings.begins()) / 86_400
        for r in rows
        if truth[r["account"]]["campaign"]
    ]
    assert min(days) >= 2
    assert max(days) < 5
    assert len(days) == pytest.approx(0.2 * settings.rows, rel=0.15)


def test_a_plain_campaign_asks_for_no_reasoning_and_gets_answers_as_people_do(
    tmp_path: Path,
) -> None:
    lengths = {}
    for elicits in (True, False):
        campaign = Campaign(name="p", kind="single", share=0.3, days=7, elicits=elicits)
        rows = log_of(steered(campaign), tmp_path / str(elicits))
        truth = truth_of(tmp_path / str(elicits))
        ours = [r for r in rows if truth[r["account"]]["campaign"]]
        asked = sum("step" in r["prompt"] or "reason" in r["prompt"] for r in ours)
        assert (asked > 0.1 * len(ours)) == elicits
        lengths[elicits] = sum(r["tokens_out"] for r in ours) / len(ours)
    assert lengths[False] < 0.6 * lengths[True]


def test_faults_are_written_as_often_as_told(tmp_path: Path) -> None:
    faults = Faults(duplicates=0.1, missing_accounts=0.05, clock_jumps=0.1)
    rows = log_of(only("chat", 100, faults=faults), tmp_path / "log")
    ids = [row["request_id"] for row in rows]
    assert len(ids) / len(set(ids)) == pytest.approx(1.1, abs=0.04)
    missing = sum(row["account"] is None for row in rows)
    assert missing / len(rows) == pytest.approx(0.05, abs=0.02)
    times = [row["time"] for row in rows]
    assert times != sorted(times)


def test_text_answers_are_made_only_on_demand(tmp_path: Path) -> None:
    plain = log_of(only("chat", 50), tmp_path / "plain")
    told = log_of(only("chat", 50, answers="text"), tmp_path / "told")
    silent = log_of(only("chat", 50, answers="none"), tmp_path / "silent")
    assert all(row["answer"] is None and row["tokens_out"] is not None for row in plain)
    assert all(row["answer"] for row in told if row["status"] == 200)
    assert all(row["answer"] is None and row["tokens_out"] is None for row in silent)
    assert [r["prompt"] for r in plain] == [r["prompt"] for r in told]


def test_the_forms_hold_the_same_rows(tmp_path: Path) -> None:
    settings = only("chat", 40)
    for form in ("parquet", "jsonl", "csv"):
        simulate(settings, 1, tmp_path / form, form)
    table = pyarrow.parquet.read_table(tmp_path / "parquet" / "log.parquet")
    lines = (tmp_path / "jsonl" / "log.jsonl").read_text("utf-8").splitlines()
    as_lines = [json.loads(line) for line in lines]
    as_csv = pyarrow.csv.read_csv(
        tmp_path / "csv" / "log.csv",
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
    )
    for column in ("account", "prompt", "request_id"):
        wanted = table[column].to_pylist()
        assert [row[column] for row in as_lines] == wanted
        assert as_csv[column].to_pylist() == wanted


def test_a_log_of_any_length_is_made_in_parts_of_bounded_size() -> None:
    huge = load_settings("campaigns").model_copy(update={"rows": 100_000_000})
    parts = stretches(huge)
    assert huge.rows / len(parts) <= 2 * ROWS_AT_ONCE
    assert all(a.end == b.start for a, b in pairwise(parts))


def test_sessions_run_on_over_the_end_of_a_stretch(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = only("evaluation", 40).model_copy(update={"rows": 120_000})
    whole = sum(len(rows) for rows in in_order(cast_of(settings, 1)))
    # In parts of ten minutes, which no run of a thousand questions fits into.
    monkeypatch.setattr("auditor.labs.traffic.simulate.ROWS_AT_ONCE", 1)
    assert len(stretches(settings)) > 1000
    cut = sum(len(rows) for rows in in_order(cast_of(settings, 1)))
    assert cut == pytest.approx(whole, rel=0.5)


def test_a_folder_with_the_log_of_other_settings_is_refused(tmp_path: Path) -> None:
    simulate(SMALL, 1, tmp_path / "log")
    with pytest.raises(MalformedInput, match="other settings"):
        simulate(SMALL, 2, tmp_path / "log")
    with pytest.raises(MalformedInput, match="other settings"):
        simulate(SMALL.model_copy(update={"rows": 500}), 1, tmp_path / "log")
    assert simulate(SMALL, 1, tmp_path / "log").seed == 1


def test_the_manifest_tells_what_was_written(tmp_path: Path) -> None:
    made = simulate(SMALL, 1, tmp_path / "log")
    data = (tmp_path / "log" / "log.parquet").read_bytes()
    assert made.log_sha256 == hashlib.sha256(data).hexdigest()
    assert made.log_bytes == len(data)
    assert load_settings(str(tmp_path / "log" / "settings.yaml")) == SMALL


def test_a_forecast_is_near_what_is_made(tmp_path: Path) -> None:
    told, made = forecast(SMALL, 1, "parquet"), simulate(SMALL, 1, tmp_path / "log")
    assert told.log_bytes == pytest.approx(made.log_bytes, rel=0.5)
    assert sum(told.accounts.values()) + sum(told.campaign_accounts.values()) == made.accounts


def test_the_command_foretells_without_writing_and_makes_what_it_said(tmp_path: Path) -> None:
    run, out = CliRunner(), tmp_path / "log"
    asked = ["--settings", "small", "--rows", "3e3", "--out", str(out)]
    told = run.invoke(command.simulate, [*asked, "--dry-run", "--json"], catch_exceptions=False)
    assert json.loads(told.stdout)["rows"] == 3000
    assert not out.exists()
    made = run.invoke(command.simulate, [*asked, "--json"], catch_exceptions=False)
    assert json.loads(made.stdout)["log"] == "log.parquet"
    assert sorted(p.name for p in out.iterdir()) == [
        "log.parquet",
        "manifest.json",
        "settings.yaml",
        "truth.jsonl",
    ]


def test_the_settings_that_it_shows_are_the_settings_that_it_reads(tmp_path: Path) -> None:
    shown = CliRunner().invoke(command.simulate, ["--settings", "benign", "--show-settings"])
    (tmp_path / "mine.yaml").write_text(shown.stdout, "utf-8")
    assert load_settings(str(tmp_path / "mine.yaml")) == load_settings("benign")


def test_without_its_extra_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "find_spec", lambda _name: None)
    failed = CliRunner().invoke(command.simulate, ["--out", str(tmp_path / "log")])
    assert "distillation-auditor[logs]" in str(failed.exception)
