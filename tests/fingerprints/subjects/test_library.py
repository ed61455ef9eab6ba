"""Libraries below ours say nothing on stderr, which is for what we say."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from fingerprints.subjects.library import BESIDE, quiet
from tests.tree import ROOT

LOAD = (
    "from fingerprints.subjects.library import quiet\nwith quiet():\n    import peft, bitsandbytes"
)


def test_settings_come_back() -> None:
    loggers = [logging.getLogger(f"{name}.inside") for name in BESIDE]
    before = [logger.isEnabledFor(logging.WARNING) for logger in loggers]
    with quiet():
        assert not any(logger.isEnabledFor(logging.ERROR) for logger in loggers)
    assert [logger.isEnabledFor(logging.WARNING) for logger in loggers] == before


@pytest.mark.slow
def test_what_an_adapter_needs_is_loaded_without_a_word() -> None:
    pytest.importorskip("peft", reason="the extra 'train' is not installed")
    pytest.importorskip("bitsandbytes")
    command = [sys.executable, "-c", LOAD]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("", "")
