"""What the tests of stores begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fingerprints.stored import filled


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with a few teachers."""
    return filled(tmp_path / "store")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Where what is fetched is kept."""
    return tmp_path / "cache"
