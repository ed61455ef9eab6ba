"""`--follow`: a log that grows is told window by window, goes on where it stopped, and alarms benign
accounts no more often for being looked at often."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from auditor.audits.logs.follow import FILE, JudgedAccount, _alarms, _mean_of_new, _short
from auditor.audits.logs.plan import LogInput, ScanPlan
from auditor.cli import run
from detectors.extraction.calibration import BenignTraffic, fit_calibration
from detectors.extraction.signals import NAMES
from detectors.extraction.stream import Watched, departed, watched
from tests.auditor.audits.logs.made_logs import START, Row, chats, hydra, write_jsonl

pytest.importorskip("duckdb")


def calibration(windows: int, units: int = 2000, seed: int = 1) -> BenignTraffic:
    rng = np.random.default_rng(seed)
    unit = np.repeat(np.arange(units), windows)
    x = rng.normal(size=(units, 1)).repeat(windows, axis=0) + rng.normal(
        size=(units * windows, len(NAMES))
    )
    return fit_calibration(
        unit,
        x,
        (unit % 2).astype(bool),
        source="benign",
        simulated=False,
        created="2026-03-02",
        window_seconds=86400.0,
        n_windows=windows,
        n_accounts=units,
        columns=(),
    )


def test_an_account_that_is_looked_at_after_every_window_alarms_as_rarely_as_p_says() -> None:
    known, rng, alarms = calibration(4), np.random.default_rng(7), 0
    for _ in range(1500):
        level, held = rng.normal(), None
        for window in range(12):  # three times as long as was calibrated
            score = float(known.scale.score(level + rng.normal(size=(1, len(NAMES))))[0])
            held = watched(known, held, window, score)
        alarms += held is not None and held.p_value <= 0.05
    assert alarms / 1500 <= 0.05


def test_what_an_account_reached_is_kept_and_what_it_did_not_is_forgotten() -> None:
    known = calibration(2)
    held = watched(known, None, 0, known.peaks[0] + 1)
    assert held is not None
    assert held.p_value == pytest.approx(2 * known.floor)
    later = watched(known, held, 3, -9.0)
    assert later == Watched(part=1, peak=-9.0, p_value=held.p_value)
    assert watched(known, None, 0, -9.0) is None


def test_traffic_that_left_its_calibration_is_said_and_traffic_that_did_not_is_not() -> None:
    known, rng = calibration(2), np.random.default_rng(3)
    same = rng.uniform(0.42, 0.58, size=100)
    assert departed(same.tolist(), known) < 2
    assert departed((same + 0.3).tolist(), known) > 2
    assert departed([], known) == 0


def test_accounts_are_told_among_all_that_were_ever_judged() -> None:
    known = {"a": JudgedAccount(0, 9.0, 0.001, 50)}
    after = {"a": Watched(part=0, peak=9.0, p_value=0.001)}
    # At a p that is rare but can't be told: however many, they lower the bar for nobody.
    after |= {f"b{i}": Watched(part=0, peak=3.0, p_value=0.01) for i in range(400)}
    plan, began = ScanPlan(log=LogInput(("log",))), START
    assert [a.account for a in _alarms(plan, after, known, 50, set(), began)] == ["a"]
    assert _alarms(plan, after, known, 2000, set(), began) == ()


def test_a_new_unit_counts_once_however_many_accounts_it_has() -> None:
    known = {f"h{i}": JudgedAccount(0, 5.0, 0.0, 9) for i in range(500)}
    known["a"] = JudgedAccount(1, 0.0, 0.8, 9)
    known |= {"b": JudgedAccount(2, 0.0, 0.1, 9), "c": JudgedAccount(2, 0.0, 0.1, 9)}
    assert _mean_of_new(known, {_short("c")}) == (pytest.approx(0.6),)
    assert _mean_of_new(known, {_short(name) for name in known}) == ()


@pytest.fixture
def stream(tmp_path: Path) -> tuple[list[Row], str]:
    """Rows of two weeks in order of time, and benign traffic of other accounts."""
    rows = sorted(chats(150, 1) + hydra(30, 140, 2), key=lambda r: r["time"])
    benign = write_jsonl(tmp_path / "benign.jsonl", chats(1500, 5, prefix="other"))
    return rows, benign


def test_a_log_that_grows_is_followed_and_gone_on_with(
    stream: tuple[list[Row], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, benign = stream
    log, out = tmp_path / "log.jsonl", tmp_path / "out"
    command = ["logs", "scan", str(log), "--benign", benign, "--window", "7d", "--out", str(out)]
    first = [r for r in rows if r["time"] < "2026-03-10"]
    write_jsonl(log, first)
    assert run([*command, "--follow", "--once"]) == 0
    one = capsys.readouterr()
    assert {json.loads(line)["account"] for line in one.out.splitlines()} >= {"hydra-0", "hydra-29"}
    assert one.err.count("requests of") == 1
    assert FILE.read(out / "follow.json").next_window == 1

    assert run([*command, "--follow", "--once"]) == 0  # nothing new
    assert capsys.readouterr().out == ""

    rest = [r for r in rows if r["time"] >= "2026-03-10"]
    write_jsonl(log, first + rest + [rows[-1] | {"time": "2026-03-17T00:00:00Z"}])
    assert run([*command, "--follow", "--once"]) == 0
    state = FILE.read(out / "follow.json")
    assert state.next_window == 2
    told = {alarm.account for alarm in state.alarms}
    assert {f"hydra-{i}" for i in range(30)} <= told
    assert len([a for a in told if a.startswith("chat")]) <= 1
    assert len(told) == len(state.alarms)  # nobody is told twice


def test_a_followed_log_can_end_at_the_first_alarm(
    stream: tuple[list[Row], str], tmp_path: Path
) -> None:
    rows, benign = stream
    log = write_jsonl(tmp_path / "log.jsonl", [r for r in rows if r["time"] < "2026-03-10"])
    command = ["logs", "scan", log, "--benign", benign, "--window", "7d", "--follow", "--once"]
    assert run([*command, "--out", str(tmp_path / "o"), "--fail-on", "found"]) == 1


@pytest.mark.parametrize("flags", [["--once"], ["--every", "5"]])
def test_flags_of_following_alone_are_refused(flags: list[str], tmp_path: Path) -> None:
    log = write_jsonl(tmp_path / "log.jsonl", chats(5, 1))
    assert run(["logs", "scan", log, "--out", str(tmp_path / "o"), *flags]) == 2


def test_a_state_of_another_kind_of_scan_is_refused(
    stream: tuple[list[Row], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, benign = stream
    log = write_jsonl(tmp_path / "log.jsonl", [r for r in rows if r["time"] < "2026-03-10"])
    command = ["logs", "scan", log, "--benign", benign, "--window", "7d", "--follow", "--once"]
    command += ["--out", str(tmp_path / "o")]
    assert run(command) == 0
    assert run([*command, "--private"]) == 3
    assert "another scan's state" in capsys.readouterr().err


def test_names_of_another_salt_and_another_calibration_are_refused(
    stream: tuple[list[Row], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, benign = stream
    log = write_jsonl(tmp_path / "log.jsonl", [r for r in rows if r["time"] < "2026-03-10"])
    out = tmp_path / "o"
    command = ["logs", "scan", log, "--follow", "--once", "--private", "--out", str(out)]
    assert run([*command, "--benign", benign, "--window", "7d"]) == 0
    assert run(command) == 0  # it is compared with what the folder holds
    for other in (["--benign", log], ["--benign", benign, "--window", "1d"]):
        assert run([*command, *other]) == 3
        assert "another calibration" in capsys.readouterr().err
    (tmp_path / "o.salt").unlink()  # a new one is made
    assert run(command) == 3
    assert "or salt" in capsys.readouterr().err
