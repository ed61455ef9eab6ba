"""What the benchmark of the scan counts, on outcomes small enough to count by hand."""

from __future__ import annotations

import math

import pytest

from auditor.labs.traffic.settings import Campaign, load_settings
from auditor.labs.traffic.simulate import TruthRow
from tests.benchmarks.bench_logs_detection import cases
from tests.benchmarks.log_worlds import Outcome, Tally, campaign_found, ordinary, with_campaign
from tests.benchmarks.ship_log_calibration import varied_book


def account(name: str, campaign: str | None) -> TruthRow:
    kind = "hydra" if campaign else "chat"
    return TruthRow(account=name, kind=kind, campaign=campaign, rows=9, campaign_rows=0)


TRUTH = {n: account(n, "h") for n in ("h1", "h2", "h3", "h4")} | {
    n: account(n, None) for n in ("a", "b", "c")
}


def test_recall_precision_and_unit_are_counted_by_account() -> None:
    seen = Outcome(TRUTH, {"h1": "u1", "h2": "u1", "a": "u1"}, {"h3": "u2", "b": "u3"}, 7)
    told = campaign_found(seen)
    assert told.accounts == 4
    assert (told.recall, told.recall_noticed) == (0.5, 0.75)
    assert told.precision == pytest.approx(2 / 3)
    assert (told.in_one_unit, told.purity) == (0.5, pytest.approx(2 / 3))


def test_where_nothing_is_found_precision_is_unknown_and_recall_is_zero() -> None:
    told = campaign_found(Outcome(TRUTH, {}, {}, 7))
    assert (told.recall, told.recall_noticed, told.in_one_unit) == (0, 0, 0)
    assert math.isnan(told.precision)
    assert math.isnan(told.purity)


def test_a_tally_counts_ordinary_accounts_only_and_a_found_one_as_noticed_too() -> None:
    tally = Tally()
    tally.add(Outcome(TRUTH, {"h1": "u1", "a": "u1"}, {"b": "u3"}, 7))
    assert dict(tally.all) == {"chat": 3}
    assert (tally.found["chat"], tally.noticed["chat"]) == (1, 2)


def test_judged_traffic_is_held_out_and_calibrated_traffic_is_not() -> None:
    for part in ("share", "days", "plain"):
        for case in cases(part):
            settings = case.settings(100_000)
            assert (settings.wording, settings.book) == ("second", "second")
    assert ordinary("benign", 100_000).wording == "first"


def test_every_case_has_files_of_its_own() -> None:
    keys = [case.key for part in ("share", "days", "plain") for case in cases(part)]
    assert len(set(keys)) == len(keys)


def test_a_campaign_joins_settings_that_stay_as_they_are() -> None:
    campaign = Campaign(name="h", kind="hydra", accounts=3, share=0.1, days=7)
    settings = load_settings("held-out-benign")
    assert with_campaign(settings, campaign).model_copy(update={"campaigns": ()}) == settings


def test_a_varied_book_moves_numbers_and_stays_a_book() -> None:
    import numpy as np

    one, two = (varied_book(np.random.default_rng(seed)) for seed in (1, 2))
    assert one != two
    assert one.kinds["chat"].rows_per_day != two.kinds["chat"].rows_per_day
    assert one.campaigns == two.campaigns
