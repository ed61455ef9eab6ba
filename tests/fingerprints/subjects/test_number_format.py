"""The number format is what is faster here, told once and kept: nothing changes it unnoticed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from fingerprints.subjects import number_format
from fingerprints.subjects.number_format import faster_format
from fingerprints.subjects.placement import place


@pytest.fixture(autouse=True)
def _fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "cache"))
    faster_format.cache_clear()
    yield
    faster_format.cache_clear()


def taking(monkeypatch: pytest.MonkeyPatch, half: float) -> None:
    times = {torch.float32: 1.0, torch.bfloat16: half}
    monkeypatch.setattr(number_format, "_seconds", times.__getitem__)


@pytest.mark.parametrize(
    ("half", "chosen"),
    [(0.3, torch.bfloat16), (0.79, torch.bfloat16), (0.95, torch.float32), (6.0, torch.float32)],
)
def test_half_precision_is_taken_where_it_is_clearly_faster(
    half: float, chosen: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    taking(monkeypatch, half)
    assert faster_format() is chosen
    assert place({"device": "cpu"}).dtype is chosen


def test_the_next_process_keeps_the_choice_whatever_it_would_measure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taking(monkeypatch, 0.3)
    assert faster_format() is torch.bfloat16
    faster_format.cache_clear()
    taking(monkeypatch, 6.0)
    assert faster_format() is torch.bfloat16


def test_a_damaged_note_is_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    place_of_note = number_format._place()
    place_of_note.parent.mkdir(parents=True)
    place_of_note.write_text('{"format": "pickle"}', "utf-8")
    taking(monkeypatch, 6.0)
    assert faster_format() is torch.float32


def test_a_cache_that_can_t_be_written_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("x", "utf-8")
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "file"))
    taking(monkeypatch, 0.5)
    assert faster_format() is torch.bfloat16


def test_what_the_user_names_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    taking(monkeypatch, 6.0)
    assert place({"device": "cpu", "dtype": "bf16"}).dtype is torch.bfloat16


def test_a_measurement_takes_some_processor_time() -> None:
    assert 0 < number_format._seconds(torch.float32) < 5
