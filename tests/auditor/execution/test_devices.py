"""Shares of devices, by stand-ins: no test has a GPU."""

from __future__ import annotations

import stat
import threading
import time
from pathlib import Path

import pytest

from auditor.cli import run
from auditor.execution.devices import MOST_A_DEVICE, Devices, seen_devices, share_of
from auditor.execution.local import LocalProcesses
from auditor.execution.order import do_all
from tests.auditor.execution.units import Heard, Writing, lines

GIB = 1 << 30


def driver(folder: Path, monkeypatch: pytest.MonkeyPatch, rows: str) -> None:
    """A stand-in for the driver's own program."""
    path = folder / "nvidia-smi"
    path.write_text(f"#!/bin/sh\nprintf '{rows}'\n")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


TWO = "0, GPU-a, 81000\\n1, GPU-b, 40000\\n"


def test_the_share_is_what_nine_tenths_of_the_free_memory_hold() -> None:
    assert share_of(80 * GIB, 9 * GIB) == 8
    assert share_of(80 * GIB, 36 * GIB) == 2
    assert share_of(80 * GIB, 37 * GIB) == 1
    assert share_of(8 * GIB, 9 * GIB) == 1
    assert share_of(0, GIB) == share_of(GIB, 0) == 1
    assert share_of(80 * GIB, 1) == MOST_A_DEVICE


def test_the_devices_seen_are_those_that_cuda_would_see(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver(tmp_path, monkeypatch, TWO)
    assert seen_devices({}) == {"0": 81000 << 20, "1": 40000 << 20}
    assert seen_devices({"CUDA_VISIBLE_DEVICES": "1"}) == {"1": 40000 << 20}
    assert seen_devices({"CUDA_VISIBLE_DEVICES": "GPU-b,0"}) == {
        "GPU-b": 40000 << 20,
        "0": 81000 << 20,
    }
    assert seen_devices({"CUDA_VISIBLE_DEVICES": "0,-1,1"}) == {"0": 81000 << 20}
    assert seen_devices({"CUDA_VISIBLE_DEVICES": ""}) == {}
    # A slice of a device is taken as it is named, and its memory is not known.
    assert seen_devices({"CUDA_VISIBLE_DEVICES": "MIG-1"}) == {"MIG-1": 0}


def test_without_a_driver_there_is_no_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert seen_devices({}) == seen_devices({"CUDA_VISIBLE_DEVICES": "0"}) == {}
    driver(tmp_path, monkeypatch, "no devices were found\\n")
    assert seen_devices({}) == {}


def test_the_first_is_alone_and_then_as_many_as_its_memory_allows() -> None:
    devices = Devices({"0": 80 * GIB, "1": 20 * GIB})
    assert (devices.places, devices.room("0")) == (2, 1)
    devices.learn(9 * GIB)
    assert (devices.room("0"), devices.room("1")) == (8, 2)
    devices.learn(5 * GIB)  # the dearest so far decides
    assert devices.places == 10
    assert Devices({"0": 1}, 3).room("0") == 3


def test_a_full_device_is_waited_for_and_a_whole_one_is_alone() -> None:
    devices = Devices({"0": 0, "1": 0}, 2)
    order: list[str] = []
    with devices.taken("share") as a, devices.taken("share") as b, devices.taken("share") as c:
        assert sorted([a or "", b or ""]) == ["0", "1"], "the emptiest is taken first"
        assert c in ("0", "1")

        def whole() -> None:
            with devices.taken("whole"):
                order.append("whole")

        waiting = threading.Thread(target=whole)
        waiting.start()
        time.sleep(0.05)
        order.append("shares")
    waiting.join(10)
    assert order == ["shares", "whole"]
    with devices.taken("none") as none, Devices({}).taken("share") as nowhere:
        assert none is nowhere is None


@pytest.mark.timeout(300)
def test_each_process_sees_the_device_that_it_was_dealt(tmp_path: Path) -> None:
    tasks = [Writing.make(tmp_path, str(n), device="share") for n in range(3)]
    tasks.append(Writing.make(tmp_path, "none"))
    with LocalProcesses(2, Devices({"4": 0, "GPU-7": 0}, 1)) as executor:
        do_all(tasks, executor, Heard())
    dealt = [lines(tmp_path, str(n))[0]["CUDA_VISIBLE_DEVICES"] for n in range(3)]
    assert set(dealt) <= {"4", "GPU-7"}
    assert len(set(dealt[:2])) == 2
    assert lines(tmp_path, "none")[0]["CUDA_VISIBLE_DEVICES"] is None


def test_sharing_devices_that_there_are_not_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    out = str(tmp_path / "out")
    assert run(["control", "ladder", "tiny", "--out", out, "--students-a-device", "3"]) == 2
    assert "no CUDA device that could be shared" in capsys.readouterr().err
