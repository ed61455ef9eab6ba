"""The bundle on disk: whole or not at all, and never over somebody else's files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from auditor.audits.report.bundle import (
    TEMPORARY,
    bundle_names,
    load_bundle,
    ready_folder,
    write_bundle,
)
from auditor.errors import MalformedInput, ResourceLimit
from fingerprints.journal import TranscriptWriter
from fingerprints.records import Arm, Identity, Probe, Reply, Status
from fingerprints.transcript import Header, load_transcript
from tests.auditor.reporting.example import in_html, report

FILES = {"report.json", "report.html", "transcript.jsonl", "plan.yaml"}
PLAN = "suspect: hf:./suspect\n"


def transcript(path: Path, spec: str = "hf:./suspect", answer: str = "Hill.") -> Path:
    header = Header(spec=spec, identity=Identity(kind="checkpoint", name=spec))
    probe = Probe(id="who", text="Who are you?")
    with TranscriptWriter(path, header, [probe]) as writer:
        writer.add(Reply(probe_id="who", arm=Arm.OWN, status=Status.OK, text=answer))
        writer.finish()
    return path


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


@pytest.fixture
def said(tmp_path: Path) -> Path:
    return transcript(tmp_path / "said.jsonl")


def test_a_bundle_holds_four_files_and_is_read_back(tmp_path: Path, said: Path) -> None:
    out = tmp_path / "a" / "b" / "report"
    write_bundle(report(), said, PLAN, out)
    assert names(out) == FILES
    assert load_bundle(out) == load_bundle(out / "report.json") == report()
    assert (out / "report.html").read_text(encoding="utf-8") == in_html(report())
    assert (out / "transcript.jsonl").read_bytes() == said.read_bytes()
    assert (out / "plan.yaml").read_text(encoding="utf-8") == PLAN
    assert said.exists()


def test_a_transcript_that_is_there_already_is_left_as_it_is(tmp_path: Path) -> None:
    out = tmp_path / "report"
    path = transcript(out / "transcript.jsonl")
    before = path.stat().st_ino
    write_bundle(report(), path, PLAN, out)
    assert path.stat().st_ino == before
    assert names(out) == FILES


def test_the_same_run_may_update_its_bundle_and_gives_the_same_bytes(
    tmp_path: Path, said: Path
) -> None:
    out = tmp_path / "report"
    write_bundle(report(), said, PLAN, out)
    first = {p.name: p.read_bytes() for p in out.iterdir()}
    write_bundle(report(), out / "transcript.jsonl", PLAN, out)
    assert {p.name: p.read_bytes() for p in out.iterdir()} == first
    write_bundle(report(calibrated=True), said, PLAN, out)
    assert load_bundle(out) == report(calibrated=True)


def test_what_a_killed_run_left_half_written_is_taken_away_and_refuses_nothing(
    tmp_path: Path,
) -> None:
    """A report's registration, a scan's page: whatever is written whole or not at all."""
    for ours, name in ((None, "registration.json"), (frozenset({"scan.html"}), "scan.html")):
        out = tmp_path / name
        out.mkdir()
        (out / f"tmp-{name}").write_text("<ht")
        ready_folder(out, ours=ours)
        assert names(out) == set()
        (out / "tmp-thesis.tex").write_text("years of work")
        with pytest.raises(MalformedInput, match="thesis"):
            ready_folder(out, ours=ours)


def test_a_foreign_file_is_refused_without_force_and_kept_with_it(
    tmp_path: Path, said: Path
) -> None:
    out = tmp_path / "report"
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")
    with pytest.raises(MalformedInput, match="thesis") as caught:
        write_bundle(report(), said, PLAN, out)
    assert caught.value.exit_code == 3
    assert names(out) == {"thesis.tex"}
    write_bundle(report(), said, PLAN, out, force=True)
    assert (out / "thesis.tex").read_text() == "years of work"
    assert names(out) == FILES | {"thesis.tex"}


def test_the_bundle_of_another_run_is_refused_without_force(tmp_path: Path, said: Path) -> None:
    out = tmp_path / "report"
    write_bundle(report(), said, PLAN, out)
    other = transcript(tmp_path / "other.jsonl", spec="hf:./other")
    with pytest.raises(MalformedInput, match="another run"):
        write_bundle(report(), other, PLAN, out)
    identity = report().subject.identity.model_copy(update={"weights_sha256": "9" * 64})
    stranger = report().model_copy(
        update={"subject": report().subject.model_copy(update={"identity": identity})}
    )
    with pytest.raises(MalformedInput, match="another run"):
        write_bundle(stranger, said, PLAN, out)
    assert load_bundle(out) == report()
    write_bundle(stranger, other, PLAN, out, force=True)
    assert load_bundle(out) == stranger
    assert load_transcript(out / "transcript.jsonl").header.spec == "hf:./other"


def test_a_damaged_report_in_the_folder_is_not_replaced_unasked(tmp_path: Path, said: Path) -> None:
    out = tmp_path / "report"
    out.mkdir()
    (out / "report.json").write_text("somebody's own report")
    with pytest.raises(MalformedInput, match="can't be read"):
        write_bundle(report(), said, PLAN, out)
    assert (out / "report.json").read_text() == "somebody's own report"


def test_a_sealed_bundle_is_changed_by_force_only_and_then_loses_its_seal(
    tmp_path: Path, said: Path
) -> None:
    out = tmp_path / "report"
    write_bundle(report(), said, PLAN, out)
    (out / "attestation.json").write_text("{}")
    write_bundle(report(), said, PLAN, out)
    assert (out / "attestation.json").exists()
    with pytest.raises(MalformedInput, match="sealed"):
        write_bundle(report(calibrated=True), said, PLAN, out)
    write_bundle(report(calibrated=True), said, PLAN, out, force=True)
    assert names(out) == FILES


def test_symlinks_files_and_odd_folders_are_refused(tmp_path: Path, said: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    (tmp_path / "file").write_text("")
    odd = tmp_path / "odd"
    (odd / "report.json").mkdir(parents=True)
    for out in (tmp_path / "link", tmp_path / "file", tmp_path / "file" / "below", odd):
        for force in (False, True):
            with pytest.raises(MalformedInput):
                write_bundle(report(), said, PLAN, out, force=force)
    assert names(real) == set()


@pytest.mark.parametrize("name", sorted(bundle_names()))
def test_a_link_under_one_of_our_names_is_never_followed(
    tmp_path: Path, said: Path, name: str
) -> None:
    out, precious = tmp_path / "report", tmp_path / "precious"
    out.mkdir()
    precious.write_text("keep")
    (out / name).symlink_to(precious)
    for force in (False, True):
        with pytest.raises(MalformedInput, match="is a link"):
            write_bundle(report(), said, PLAN, out, force=force)
    assert precious.read_text() == "keep"


def test_a_missing_transcript_is_said_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(MalformedInput, match="no such transcript"):
        write_bundle(report(), tmp_path / "none.jsonl", PLAN, tmp_path / "report")
    assert not (tmp_path / "report").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_can_not_be_written_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "report"
    out.mkdir(mode=0o500)
    with pytest.raises(MalformedInput, match="can't be written"):
        ready_folder(out)


@pytest.mark.parametrize("call", ["fsync", "replace", "open"])
def test_whichever_disk_operation_fails_every_final_name_is_whole(
    tmp_path: Path, said: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    out = tmp_path / "report"
    write_bundle(report(), said, PLAN, out)
    old, new = in_html(report()), in_html(report(calibrated=True))
    real, failures = getattr(os, call), 0
    for nth in range(1, 12):
        count = 0

        def failing(*args: object, **kwargs: object) -> object:
            nonlocal count
            count += 1
            if count == nth:  # noqa: B023
                raise OSError(28, "No space left on device")
            return real(*args, **kwargs)

        monkeypatch.setattr(os, call, failing)
        try:
            write_bundle(report(calibrated=True), said, PLAN, out)
        except ResourceLimit:
            failures += 1
        finally:
            monkeypatch.setattr(os, call, real)
        assert names(out) == FILES
        assert (out / "report.html").read_text(encoding="utf-8") in (old, new)
        assert load_bundle(out) in (report(), report(calibrated=True))
        write_bundle(report(), said, PLAN, out)
    assert failures >= 3


KILLER = """
import os, random, signal, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from tests.auditor.reporting.example import in_html, report
from auditor.audits.report.bundle import TEMPORARY, load_bundle, write_bundle
said, out = Path(sys.argv[1]), Path(sys.argv[2])
reports = [report(), report(calibrated=True)]
pages = {in_html(r) for r in reports}
write_bundle(reports[0], said, "plan", out)
rng, torn = random.Random(7), 0
trial = 0
while trial < 15 or (torn == 0 and trial < 150):
    trial += 1
    child = os.fork()
    if child == 0:
        while True:
            for r in reports:
                write_bundle(r, said, "plan", out)
    time.sleep(rng.uniform(0.02, 0.3))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    torn += any(p.name.startswith(TEMPORARY) for p in out.iterdir())
    assert load_bundle(out) in reports
    assert (out / "report.html").read_text(encoding="utf-8") in pages
    assert (out / "transcript.jsonl").read_bytes() == said.read_bytes()
write_bundle(reports[0], said, "plan", out)
print(torn, sorted(p.name for p in out.iterdir()))
"""

FULL_DISK = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from tests.auditor.reporting.example import in_html, report
from auditor.errors import ResourceLimit
from auditor.audits.report.bundle import write_bundle
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
try:
    write_bundle(report(), Path(sys.argv[1]), "plan", Path(sys.argv[2]))
except ResourceLimit as error:
    print(error.exit_code, sorted(p.name for p in Path(sys.argv[2]).iterdir()))
"""


def run(script: str, said: Path, out: Path) -> str:
    here = str(Path(__file__).parents[3])
    command = [sys.executable, "-c", script, str(said), str(out), here]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def test_a_kill_at_any_moment_leaves_no_half_written_file_under_a_final_name(
    tmp_path: Path, said: Path
) -> None:
    torn, _, left = run(KILLER, said, tmp_path / "report").partition(" ")
    assert int(torn) > 0, "no kill fell between two writes: the test saw nothing"
    assert set(json.loads(left.replace("'", '"'))) == FILES


def test_a_full_disk_leaves_no_file_at_all(tmp_path: Path, said: Path) -> None:
    assert run(FULL_DISK, said, tmp_path / "report") == "7 []"


def test_the_names_of_temporary_files_are_no_bundle_names() -> None:
    assert not any(name.startswith(TEMPORARY) for name in bundle_names())
