"""`auditor logs scan` and `select` end to end: what is found, what isn't, what is written."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from auditor.audits.logs.document import scan_document
from auditor.audits.logs.folder import FILE, read_scan
from auditor.audits.logs.plan import LogInput
from auditor.audits.logs.records import ListedAccount, LogScan
from auditor.audits.logs.select import select
from auditor.cli import run
from auditor.reporting import formats, render
from detectors.extraction.signals import SIGNALS
from fingerprints.served import LogReader
from tests.auditor.audits.logs.made_logs import (
    chats,
    classroom,
    hydra,
    row,
    tool_users,
    write_jsonl,
)

pytest.importorskip("duckdb")

HYDRA = {f"hydra-{i}" for i in range(24)}
FORBIDDEN = ("guilty", "stolen", "thief", "attack", "malicious", "distill")


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A log with a hydra and hard negatives among chats, scanned against other chats."""
    folder = tmp_path_factory.mktemp("logs")
    hard = classroom(25, 8, 3) + tool_users(25, 12, 4)
    log = write_jsonl(folder / "log.jsonl", chats(300, 1) + hydra(24, 40, 2) + hard)
    usual = chats(900, 5, prefix="other") + classroom(25, 8, 6) + tool_users(120, 12, 7)
    benign = write_jsonl(folder / "benign.jsonl", usual)
    out = folder / "scan"
    assert run(["logs", "scan", log, "--benign", benign, "--out", str(out)]) == 0
    return out, log


def record(out: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((out / "scan.json").read_text("utf-8"))
    return loaded


def told(out: Path) -> set[str]:
    lines = (out / "accounts.jsonl").read_text("utf-8").splitlines()
    return {json.loads(line)["account"] for line in lines}


def test_a_hydra_is_found_as_clusters_by_network_and_hardly_anybody_else(
    scanned: tuple[Path, str],
) -> None:
    out, _ = scanned
    one, two = record(out)["units"][:2]
    assert one["n_accounts"] == two["n_accounts"] == 12
    assert one["status"] == two["status"] == "found"
    assert one["family"] == two["family"]
    family = next(f for f in record(out)["families"] if f["id"] == one["family"])
    assert family["n_accounts"] >= 24
    others = told(out) - HYDRA
    assert told(out) >= HYDRA
    assert len(others) <= 3  # of 350; the level bounds false finds on average
    assert not [name for name in others if name.startswith("pupil")]
    assert {tie["attribute"] for tie in one["ties"]} == {"network"}
    assert one["templates"][0]["words"].startswith("solve problem ▢")


def test_the_page_says_what_it_is_and_never_what_it_is_not(scanned: tuple[Path, str]) -> None:
    page = (scanned[0] / "scan.html").read_text("utf-8")
    assert "ulk programmatic generation" in page
    assert "not an intention" in page
    assert all(signal.about in page for signal in SIGNALS)
    assert "<script" not in page
    assert not [word for word in FORBIDDEN if word in page.lower()]


def test_the_first_day_of_the_timeline_is_marked_as_nothing(scanned: tuple[Path, str]) -> None:
    page = (scanned[0] / "scan.html").read_text("utf-8")
    timeline = page.split('id="timeline"')[1].split("</section>")[0]
    assert "<polyline" in timeline
    assert 'class="reference"' not in timeline


@pytest.mark.parametrize("form", ["html", "json", "markdown", "terminal"])
def test_every_format_tells_the_scan(form: str, scanned: tuple[Path, str]) -> None:
    assert form in formats()
    text = render(scan_document(read_scan(scanned[0])), form)
    assert "u1" in text


def test_what_a_cluster_was_served_is_taken_out_by_a_second_command(
    scanned: tuple[Path, str], tmp_path: Path
) -> None:
    out, log = scanned
    served = tmp_path / "served.jsonl"
    command = [
        "logs",
        "select",
        log,
        "--scan",
        str(out),
        "--cluster",
        "u1,u2",
        "--out",
        str(served),
    ]
    assert run(command) == 0
    rows = [json.loads(line) for line in served.read_text("utf-8").splitlines()]
    assert len(rows) == 24 * 40
    assert {r["account"] for r in rows} == HYDRA
    assert rows == sorted(rows, key=lambda r: r["time"])
    assert rows[0]["max_tokens"] == 2048


def test_what_was_served_is_not_written_over_the_log(scanned: tuple[Path, str]) -> None:
    out, log = scanned
    before = Path(log).read_bytes()
    command = ["logs", "select", log, "--scan", str(out), "--cluster", "u1", "--out", log]
    assert run(command) == 2
    assert Path(log).read_bytes() == before


def test_answers_that_are_lists_of_messages_are_those_of_the_assistant(tmp_path: Path) -> None:
    said = [{"role": "user", "content": "hm"}, {"role": "assistant", "content": "Yes."}]
    log = write_jsonl(
        tmp_path / "log.jsonl", [row("a", i, f"ask {i}", answer=said) for i in (1, 2)]
    )
    ann = ListedAccount(unit="u1", family="f1", account="a", status="found", n_requests=2)
    made = select(LogInput((log,)), [ann], tmp_path / "served.jsonl", None)
    assert (made.rows, made.without_answer) == (2, 0)
    lines = (tmp_path / "served.jsonl").read_text("utf-8").splitlines()
    assert {json.loads(line)["answer"] for line in lines} == {"Yes."}


def test_a_conversation_is_taken_out_whole(tmp_path: Path) -> None:
    asked = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Name a river."},
        {"role": "assistant", "content": "The Elbe."},
        {"role": "user", "content": [{"type": "text", "text": "And a lake?"}]},
    ]
    parts = [{"type": "text", "text": "And"}, {"type": "text", "text": "a lake?"}]
    row = {"time": "2026-03-02T10:00:00Z", "account": "a", "prompt": asked, "answer": "Müritz."}
    several = row | {"account": "c", "prompt": [*asked[:3], {"role": "user", "content": parts}]}
    plain = row | {"account": "b", "prompt": "Hello?"}
    log = write_jsonl(tmp_path / "log.jsonl", [row, plain, several])
    accounts = [
        ListedAccount(unit="u1", family="f1", account=name, status="found", n_requests=1)
        for name in ("a", "b", "c")
    ]
    select(LogInput((log,)), accounts, tmp_path / "served.jsonl", None)
    reader = LogReader(tmp_path / "served.jsonl")
    served = {row.account: row for row in reader.rows()}
    assert reader.tally.unreadable == 1  # how its two parts were put together is not known
    assert served["a"].prompt == "And a lake?"
    assert served["a"].system == "Be brief."
    assert [(m.role, m.content) for m in served["a"].history] == [
        ("user", "Name a river."),
        ("assistant", "The Elbe."),
    ]
    assert (served["b"].prompt, served["b"].history) == ("Hello?", ())


def test_a_log_that_ends_in_the_middle_is_named_where_rows_are_taken_out(tmp_path: Path) -> None:
    rows = [
        {"time": f"2026-03-02T10:00:{i:02}Z", "account": "a", "prompt": f"p{i}", "answer": "An."}
        for i in range(60)
    ]
    log = write_jsonl(tmp_path / "log.jsonl", rows)
    ann = ListedAccount(unit="u1", family="f1", account="a", status="found", n_requests=60)
    assert select(LogInput((log,)), [ann], tmp_path / "all.jsonl", None).cut_files == ()
    half = tmp_path / "half.jsonl.gz"
    half.write_bytes(gzip.compress(Path(log).read_bytes())[:-40])
    made = select(LogInput((str(half),)), [ann], tmp_path / "served.jsonl", None)
    assert made.cut_files == (str(half),)
    assert 0 < made.rows < 60


def test_a_unit_that_the_scan_does_not_name_is_one_line(
    scanned: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    out, log = scanned
    assert run(["logs", "select", log, "--scan", str(out), "--cluster", "u99"]) == 2
    assert "its units are u1, f1" in capsys.readouterr().err


def test_a_scan_against_its_own_first_days_counts_by_exit_code(tmp_path: Path) -> None:
    later = [r for r in hydra(24, 40, 2) if r["time"] >= "2026-03-09"]
    log = write_jsonl(tmp_path / "log.jsonl", chats(1000, 1) + later)
    command = ["logs", "scan", log, "--benign-until", "2026-03-09", "--out", str(tmp_path / "o")]
    assert run([*command, "--fail-on", "found"]) == 0  # too few benign units for two clusters
    assert run([*command, "--fail-on", "noticed"]) == 1
    assert told(tmp_path / "o") >= HYDRA
    assert len(told(tmp_path / "o") - HYDRA) <= 3  # of 1,000, at 0.003


def test_a_dry_run_tells_the_map_and_what_it_switches_off_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = chats(20, 1)
    asked = [{"ts": r["time"], "user": r["account"], "q": r["prompt"]} for r in rows]
    log = write_jsonl(tmp_path / "log.jsonl", [*asked, {"ts": "never", "user": "x", "q": "y"}])
    command = ["logs", "scan", log, "--map", "time=ts,account=user,prompt=q", "--private"]
    before = sorted(tmp_path.iterdir())
    assert run([*command, "--out", str(tmp_path / "o"), "--dry-run", "--json"]) == 0
    seen = json.loads(capsys.readouterr().out)
    assert seen["columns"] == {"time": "ts", "account": "user", "prompt": "q"}
    assert seen["silent"] == ["ratio", "length", "saturation", "switch"]
    assert seen["no_tie_by"] == ["network", "payment", "key_prefix", "client"]
    assert (seen["first_rows"], seen["first_usable"]) == (len(rows) + 1, len(rows))
    assert sorted(tmp_path.iterdir()) == before
    assert run([*command, "--out", str(tmp_path / "o"), "--dry-run"]) == 0
    assert f"usable: {len(rows)} of the first {len(rows) + 1} rows" in capsys.readouterr().out


def test_colleagues_on_one_payment_are_not_told_for_being_several(tmp_path: Path) -> None:
    log = chats(200, 3)
    for i, sent in enumerate(log):
        if sent["account"] in {f"chat-{k}" for k in range(8)}:
            log[i] = sent | {"payment": "pay-office"}
    path = write_jsonl(tmp_path / "log.jsonl", log)
    benign = write_jsonl(tmp_path / "benign.jsonl", chats(400, 5, prefix="other"))
    out = tmp_path / "o"
    command = ["logs", "scan", path, "--benign", benign, "--noticed-at", "0.05", "--out", str(out)]
    assert run(command) == 0
    assert record(out)["n_tied_accounts"] == 8
    for unit in record(out)["units"]:
        assert all(s["above"] == 0 for s in unit["signals"] if s["signal"] == "spread")


def test_benign_traffic_alone_is_told_as_nothing(tmp_path: Path) -> None:
    log = write_jsonl(tmp_path / "log.jsonl", chats(150, 11))
    benign = write_jsonl(tmp_path / "benign.jsonl", chats(300, 12))
    command = ["logs", "scan", log, "--benign", benign, "--out", str(tmp_path / "o")]
    assert run([*command, "--fail-on", "found"]) == 0
    found = record(tmp_path / "o")
    assert found["n_found_accounts"] == 0
    assert "nobody" in (tmp_path / "o" / "scan.html").read_text("utf-8")


def test_a_calibration_made_before_gives_the_same_finds(
    scanned: tuple[Path, str], tmp_path: Path
) -> None:
    out, log = scanned
    calibration = str(out / "calibration.json")
    command = ["logs", "scan", log, "--calibration", calibration, "--out", str(tmp_path / "o")]
    assert run(command) == 0
    assert record(tmp_path / "o")["units"] == record(out)["units"]


def test_a_log_is_tied_by_nothing_that_its_calibration_did_not_know(tmp_path: Path) -> None:
    def without(*columns: str) -> list[dict[str, Any]]:
        return [{k: v for k, v in r.items() if k not in columns} for r in chats(300, 5)]

    bare = write_jsonl(tmp_path / "bare.jsonl", without("network", "payment"))
    shop = [r | {"payment": "one-card"} for r in chats(20, 3, prefix="shop")]
    log = write_jsonl(tmp_path / "log.jsonl", chats(150, 1) + shop)
    first = tmp_path / "first"
    assert run(["logs", "scan", log, "--benign", bare, "--out", str(first)]) == 0
    assert record(first)["n_tied_accounts"] == 0
    for calibration in (first / "calibration.json", tmp_path / "made.json"):
        if not calibration.exists():
            assert run(["logs", "calibrate", bare, "--out", str(calibration)]) == 0
        out = tmp_path / calibration.stem
        command = ["logs", "scan", log, "--calibration", str(calibration), "--out", str(out)]
        assert run(command) == 0
        assert record(out)["n_tied_accounts"] == 0


def test_a_simulated_calibration_says_so(scanned: tuple[Path, str], tmp_path: Path) -> None:
    _, log = scanned
    usual = write_jsonl(tmp_path / "usual.jsonl", chats(900, 12))
    made = str(tmp_path / "made.json")
    assert run(["logs", "calibrate", usual, "--simulated", "--out", made]) == 0
    assert run(["logs", "scan", log, "--calibration", made, "--out", str(tmp_path / "o")]) == 0
    page = (tmp_path / "o" / "scan.html").read_text("utf-8")
    assert "hold for the simulation, not for your users" in page


def test_private_scans_hold_no_name_and_no_word(tmp_path: Path) -> None:
    secret = [r | {"account": f"Ms Secret {r['account']}"} for r in hydra(24, 40, 2)]
    log = write_jsonl(tmp_path / "log.jsonl", chats(300, 1) + secret)
    benign = write_jsonl(tmp_path / "benign.jsonl", chats(900, 5, prefix="other"))
    out = tmp_path / "scan"
    command = ["logs", "scan", log, "--benign", benign, "--private", "--out", str(out)]
    assert run(command) == 0
    assert record(out)["n_found_accounts"] == 24
    for path in out.iterdir():
        text = path.read_text("utf-8")
        for word in ("Secret", "172.16", "solve", "polynomial", "pay-h"):
            assert word not in text, (path.name, word)
    salt = tmp_path / "scan.salt"
    assert salt.stat().st_mode & 0o777 == 0o600
    served = tmp_path / "served.jsonl"
    select = ["logs", "select", log, "--scan", str(out), "--cluster", "u1,u2", "--out", str(served)]
    assert run(select) == 0
    assert len(served.read_text("utf-8").splitlines()) == 24 * 40
    other = write_jsonl(tmp_path / "other.jsonl", [row("", 1, "nobody"), row("", 2, "nobody")])
    assert run([*select[:2], other, *select[3:]]) == 3
    listed = [json.loads(line) for line in (out / "accounts.jsonl").read_text().splitlines()]
    for unit in {a["unit"] for a in listed}:
        names = [a["account"] for a in listed if a["unit"] == unit]
        assert names == sorted(names)  # not in the order of what they hide
    salt.unlink()
    assert run(select) == 2
    salt.write_bytes(b"x" * 32)
    salt.chmod(0o644)
    assert run(select) == 4


def test_hostile_names_and_words_stay_text(tmp_path: Path) -> None:
    nasty = "'; DROP TABLE log; --\"<script>alert(1)</script>\x1b[31m\u2028"
    bad = [
        r | {"account": f"{nasty}{r['account']}", "network": f"{nasty}{r['network'][:10]}"}
        for r in hydra(24, 40, 2)
    ]
    log = write_jsonl(tmp_path / "log.jsonl", chats(300, 1) + bad)
    benign = write_jsonl(tmp_path / "benign.jsonl", chats(900, 5, prefix="other"))
    out = tmp_path / "scan"
    assert run(["logs", "scan", log, "--benign", benign, "--out", str(out)]) == 0
    assert record(out)["n_found_accounts"] == 24
    page = (out / "scan.html").read_text("utf-8")
    assert "<script" not in page
    assert "\x1b" not in page
    served = str(tmp_path / "served.jsonl")
    select = ["logs", "select", log, "--scan", str(out), "--cluster", "u1,u2", "--out", served]
    assert run(select) == 0


def test_the_record_is_read_back_as_it_was_written(scanned: tuple[Path, str]) -> None:
    found = read_scan(scanned[0])
    assert FILE.parse(found.model_dump_json(), "here") == found
    assert isinstance(found, LogScan)


def test_few_benign_accounts_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write_jsonl(tmp_path / "log.jsonl", chats(60, 1))
    benign = write_jsonl(tmp_path / "benign.jsonl", [row("a", 1, "hello")] * 3)
    command = ["logs", "scan", log, "--benign", benign, "--out", str(tmp_path / "o")]
    assert run(command) == 3
    assert "too little benign traffic" in capsys.readouterr().err


@pytest.mark.parametrize(
    "flags",
    [
        ["--benign", "x", "--benign-until", "2026-03-09"],
        ["--salt", "x"],
        ["--calibration", "x", "--window", "1d"],
        ["--window", "1d"],
        ["--map", "acount=user"],
        ["--benign-until", "soon"],
    ],
)
def test_contradictions_are_refused(flags: list[str], tmp_path: Path) -> None:
    log = write_jsonl(tmp_path / "log.jsonl", chats(5, 1))
    assert run(["logs", "scan", log, "--out", str(tmp_path / "o"), *flags]) == 2
