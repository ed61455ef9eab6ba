"""A detector of a third party, installed as a distribution of its own: listed, chosen, and heard."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from auditor.audits.report.bundle import load_bundle
from fingerprints.store import FingerprintStore
from tests.recordings import answers_of, recorded, write_jsonl

MODULE = '''
"""Counts exclamation marks."""

from detectors.base import Case, Detector, Measurement, Need
from detectors.pairing import style_answers


class Exclamations(Detector):
    """The suspect's exclamation marks per answer less the candidate's."""

    name = "exclamations"
    question = "inheritance"
    asks = "Does the suspect exclaim as the candidate does?"
    needs = (Need.STYLE, Need.TEACHER)
    source = "a third party"
    blind_spots = ("calm models",)

    def _measure(self, case: Case) -> Measurement:
        said = [style_answers(t) for t in (case.suspect, case.the_candidate.transcript)]
        ours, theirs = (sum(a.text.count("!") for a in s.values()) / len(s) for s in said)
        return Measurement(
            metric="exclamation marks per answer, less the candidate's",
            value=ours - theirs,
            n=len(said[0]),
            n_unit="answers",
            direction="0: as many",
        )
'''


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """The environment of a Python in which the plug-in is installed."""
    site = tmp_path / "site"
    info = site / "exclaimer-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "exclaimer.py").write_text(MODULE, "utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: exclaimer\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[auditor.detectors]\nexclamations = exclaimer:Exclamations\n"
    )
    here = str(Path(__file__).parents[2])
    return {**os.environ, "PYTHONPATH": os.pathsep.join((here, str(site)))}


def auditor(environment: dict[str, str], *args: str) -> str:
    """What a command of a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-m", "auditor", *args],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_detector_of_an_installed_distribution_is_listed_and_measures_recorded_answers(
    installed: dict[str, str], tmp_path: Path
) -> None:
    listed = {d["name"]: d for d in json.loads(auditor(installed, "detectors", "--json"))}
    assert listed["exclamations"]["needs"] == ["replies:style", "teacher:replies"]
    store = tmp_path / "store"
    with FingerprintStore.create(store) as opened:
        for name in ("alpha", "beta"):
            opened.add(recorded(tmp_path, name), name=name, vendor=name)
    suspect = write_jsonl(tmp_path / "a.jsonl", answers_of("alpha", seed=5))
    where = ["--store", str(store), "--out", str(tmp_path / "r")]
    auditor(installed, "audit", str(suspect), "--detectors", "exclamations", *where)
    found = {f.candidate: f for f in load_bundle(tmp_path / "r").findings}
    assert found["alpha"].detector == "exclamations"
    assert abs(found["alpha"].value) < 0.5 < found["beta"].value
