"""A folder is shared where the word in it is read back."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.execution.shared_folder import WORD, SharedFolder
from fingerprints.errors import UsageProblem


def test_a_machine_that_sees_another_folder_is_named_in_one_line(tmp_path: Path) -> None:
    shared = SharedFolder.marked(tmp_path / "out")
    shared.check()
    (tmp_path / "out" / WORD).write_text("another machine's disk")
    with pytest.raises(UsageProblem, match="does not see the folder") as caught:
        shared.check()
    assert "mount it there under the same name" in caught.value.line()
    shared.unmark()
    with pytest.raises(UsageProblem):
        shared.check()
    shared.unmark()
