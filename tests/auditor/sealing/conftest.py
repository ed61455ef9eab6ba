"""A real audit of recorded answers, sealed once; each test works on a copy."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from auditor.audits.inheritance.audit import audit
from auditor.sealing.keys import file_signer, new_key
from auditor.sealing.seal import seal_report
from auditor.sealing.signing import Signing
from tests.recordings import answers_of, stored, write_jsonl


@dataclass(frozen=True)
class SealedCase:
    """A folder with ``report``, ``teachers``, and the keys ``key`` and ``other``."""

    folder: Path

    @property
    def report(self) -> Path:
        return self.folder / "report"

    @property
    def key(self) -> Path:
        return self.folder / "key"

    @property
    def public(self) -> Path:
        return self.folder / "key.pub"

    @property
    def other(self) -> Path:
        return self.folder / "other"

    def signing(self) -> Signing:
        return Signing(file_signer(self.key))


@pytest.fixture(scope="package")
def made(tmp_path_factory: pytest.TempPathFactory) -> SealedCase:
    folder = tmp_path_factory.mktemp("sealed")
    suspect = write_jsonl(folder / "suspect.jsonl", answers_of("beta", seed=9))
    store = stored(folder)
    audit(str(suspect), folder / "report", store=str(store), calibration="none")
    case = SealedCase(folder)
    new_key(case.key)
    new_key(case.other)
    seal_report(case.report, case.signing(), "A. Examiner")
    return case


@pytest.fixture
def sealed(made: SealedCase, tmp_path: Path) -> SealedCase:
    """A copy whose report may be tampered with; its plan names the store of the original."""
    shutil.copytree(made.folder, tmp_path / "copy")
    return SealedCase(tmp_path / "copy")
