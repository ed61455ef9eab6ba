"""The owner's tiny models, made once."""

from __future__ import annotations

import pytest

from tests.auditor.audits.harvest.owners import Owner, grow


@pytest.fixture(scope="session")
def owner(tmp_path_factory: pytest.TempPathFactory) -> Owner:
    """A teacher, its log, a student of it and a student of its other answers."""
    return grow(tmp_path_factory.mktemp("owner"))
