"""Tamperings by somebody who knows how a seal is made, has a key of their own, and may be trusted
with something else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from auditor.audits.inheritance.audit import audit
from auditor.audits.report.bundle import load_bundle, write_bundle
from auditor.audits.report.document import report_document
from auditor.cli import run
from auditor.reporting import html
from auditor.reporting.json import pretty
from auditor.sealing import digests
from auditor.sealing.differing import differences
from auditor.sealing.digests import digest_of
from auditor.sealing.findings import SealSigner
from auditor.sealing.keys import file_signer, new_key, public_key
from auditor.sealing.reading import head_of
from auditor.sealing.records import ADDED, ATTESTATIONS, AddedPredicate, Statement
from auditor.sealing.seal import add, seal_report
from auditor.sealing.signing import Signing
from auditor.sealing.verify import verify
from fingerprints.errors import MalformedInput, UnsafeInput, VerificationFailed
from fingerprints.journal import TranscriptWriter
from fingerprints.record_files import write_record
from tests.auditor.audits.lineage.relatives import base
from tests.auditor.sealing.conftest import SealedCase
from tests.fingerprints.subjects.tiny import tiny_checkpoint
from tests.recordings import answers_of, recorded, stored, write_jsonl


def forged(case: SealedCase, *names: str) -> None:
    """Another report with its page; entries of the chain say that its files were "added"."""
    report = load_bundle(case.report).model_copy(update={"limits": ()})
    (case.report / "report.json").write_text(
        pretty(report.model_dump(mode="json", by_alias=True)), "utf-8"
    )
    (case.report / "report.html").write_bytes(html.render(report_document(report)).encode())
    held = ATTESTATIONS.read(case.report / "attestation.json")
    signing = Signing(file_signer(case.other))
    for name in names:
        told = AddedPredicate(
            number=len(held.chain),
            who="B. Accused",
            why="reply",
            added="2026-01-01T00:00:00Z",
            was_called="reply.pdf",
            previous=head_of(held),
        )
        file = digest_of(case.report / name, name)
        entry = signing.entry(Statement.about((file,), ADDED, told))
        held = held.model_copy(update={"chain": (*held.chain, entry)})
    write_record(case.report / "attestation.json", held, by_alias=True, exclude_none=True)


@pytest.mark.parametrize("both", [True, False], ids=["both trusted", "nobody named"])
def test_an_addition_never_stands_for_a_file_that_was_sealed(
    sealed: SealedCase, both: bool
) -> None:
    """Whoever may sign a reply to a report may not replace the report by it."""
    forged(sealed, "report.json", "report.html")
    keys = (public_key(sealed.public), public_key(sealed.folder / "other.pub"))
    told = verify(sealed.report, keys if both else ())
    assert not told.intact
    assert [p.code for p in told.problems] == ["seal_unreadable"]


def test_an_addition_by_a_second_trusted_key_is_still_right(
    sealed: SealedCase, tmp_path: Path
) -> None:
    reply = tmp_path / "reply.pdf"
    reply.write_bytes(b"%PDF")
    add(sealed.report, reply, Signing(file_signer(sealed.other)), "B. Accused", "reply")
    keys = (public_key(sealed.public), public_key(sealed.folder / "other.pub"))
    assert verify(sealed.report, keys).intact


def test_an_addition_never_replaces_a_file_of_an_earlier_seal(
    sealed: SealedCase, tmp_path: Path
) -> None:
    """Whoever seals anew, as `seal` advises, seals what was added before as well."""
    reply = tmp_path / "reply.pdf"
    reply.write_bytes(b"%PDF first")
    add(sealed.report, reply, sealed.signing(), "B. Accused", "reply")
    (sealed.report / "attestation.json").unlink()
    seal_report(sealed.report, sealed.signing())
    reply.write_bytes(b"%PDF second")
    add(sealed.report, reply, sealed.signing(), "B. Accused", "second reply")
    assert verify(sealed.report, (public_key(sealed.public),)).intact
    kept = sorted(p.read_bytes() for p in sealed.report.glob("added-*"))
    assert kept == [b"%PDF first", b"%PDF second"]


def test_a_name_that_is_no_text_is_refused_before_anything_is_written(sealed: SealedCase) -> None:
    (sealed.report / "attestation.json").unlink()
    (sealed.report / "\udcff.txt").write_text("x")
    with pytest.raises(UnsafeInput):
        seal_report(sealed.report, sealed.signing())
    assert not (sealed.report / "attestation.json").exists()


def test_a_folder_that_is_not_there_is_not_called_tampered_with(sealed: SealedCase) -> None:
    for place in (sealed.folder / "nothing", sealed.report / "report.json"):
        with pytest.raises(MalformedInput):
            verify(place)


def test_a_transcript_that_was_left_out_before_sealing_is_said_to_be_missing(
    sealed: SealedCase,
) -> None:
    (sealed.report / "attestation.json").unlink()
    (sealed.report / "transcript.jsonl").unlink()
    seal_report(sealed.report, sealed.signing())
    told = verify(sealed.report, (public_key(sealed.public),))
    assert {u.code for u in told.unchecked} == {"time", "transcript"}


def test_other_answers_beside_a_report_are_told_and_never_sealed(
    sealed: SealedCase, tmp_path: Path
) -> None:
    """Whole and well-formed, but not those that the report was made from."""
    other, place = recorded(tmp_path, "gamma"), sealed.report / "transcript.jsonl"
    place.unlink()
    with TranscriptWriter(place, other.header, other.probes.values()) as writer:
        for reply in other.replies:
            writer.add(reply)
        writer.finish()
    assert "transcript_differs" in {p.code for p in verify(sealed.report).problems}
    (sealed.report / "attestation.json").unlink()
    with pytest.raises(VerificationFailed, match="not those that the report was made from"):
        seal_report(sealed.report, sealed.signing())


def test_a_cut_report_is_told_as_none(sealed: SealedCase) -> None:
    path = sealed.report / "report.json"
    path.write_bytes(path.read_bytes()[:-20])
    told = {(p.code, p.file) for p in verify(sealed.report).problems}
    assert ("report_unreadable", "report.json") in told


def test_what_nobody_vouches_for_is_told_as_said_only() -> None:
    gpg = SealSigner(keyid="ab" * 20, trusted=False, entry=0, time="2020-01-01")
    assert "any key can be given this name" in gpg.line()
    assert "said to be stamped 2020-01-01" in gpg.line()
    trusted = SealSigner(keyid="ab" * 20, trusted=True, entry=0, time="2020", time_trusted=True)
    assert trusted.line().endswith("(trusted, stamped 2020), entry 0")


def test_of_a_file_of_very_many_records_the_last_one_is_told_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "MOST_RECORDS", 3)
    file = tmp_path / "many.json"
    file.write_text(json.dumps({"rows": [1, 2, 3, 4, 5]}))
    before = (digest_of(file, file.name),)
    file.write_text(json.dumps({"rows": [1, 2, 3, 4, 6]}))
    [problem] = differences(before, (digest_of(file, file.name),))
    assert (problem.code, problem.record) == ("record_changed", "later records")


def test_a_lineage_report_that_was_just_made_can_be_sealed(
    sealed: SealedCase, tmp_path: Path
) -> None:
    """Its page shows tables whose rows stand in another order in report.json."""
    suspect, other = (str(base(tmp_path / name, seed)) for name, seed in (("a", 0), ("b", 11)))
    assert run(["lineage", suspect, other, "--out", str(tmp_path / "lineage")]) == 0
    seal_report(tmp_path / "lineage", sealed.signing())
    told = verify(tmp_path / "lineage", (public_key(sealed.public),))
    assert told.intact
    assert {u.code for u in told.unchecked} == {"time"}


def test_a_store_that_was_moved_and_renamed_is_no_other_judgement(
    sealed: SealedCase, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = sealed.folder / "known models"
    (sealed.folder / "teachers").rename(moved)
    asked = ["verify", str(sealed.report), "--rescore", "--store", str(moved)]
    assert run(asked) == 0, capsys.readouterr()


def test_a_report_that_was_moved_and_renamed_is_no_other_judgement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_jsonl(Path("suspect.jsonl"), answers_of("beta", seed=9))
    stored(Path())
    audit("suspect.jsonl", "report", store="teachers", calibration="none")
    new_key(Path("key"))
    seal_report(Path("report"), Signing(file_signer(Path("key"))))
    Path("inbox").mkdir()
    received = Path("report").rename("inbox/what they sent")
    for named in (received, received.absolute()):
        asked = ["verify", str(named), "--key", "key.pub", "--rescore"]
        assert run(asked) == 0, capsys.readouterr()


def test_recorded_answers_are_judged_again_from_the_report_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody's weights were compared: neither the suspect's file nor its base's is needed."""
    monkeypatch.chdir(tmp_path)
    known = write_jsonl(Path("base.jsonl"), answers_of("alpha", seed=3))
    write_jsonl(Path("suspect.jsonl"), answers_of("beta", seed=9))
    stored(Path())
    audit("suspect.jsonl", "report", store="teachers", calibration="none", base=str(known))
    new_key(Path("key"))
    seal_report(Path("report"), Signing(file_signer(Path("key"))))
    Path("suspect.jsonl").unlink()
    known.unlink()
    assert run(["verify", "report", "--key", "key.pub", "--rescore"]) == 0, capsys.readouterr()


@pytest.mark.parametrize("suspect", ["./model", "./said.jsonl"])
def test_what_a_base_said_lies_beside_the_report_whatever_answered_and_however_it_was_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    suspect: str,
) -> None:
    """A recording of a model's answers is told as that model's: its weights were compared by
    nobody."""
    monkeypatch.chdir(tmp_path)
    asked = ["--probes", "identity:2,style:6", "--max-tokens", "8"]
    for seed, name in enumerate(("model", "below"), 1):
        tiny_checkpoint(Path(name), seed=seed)
        said = "said.jsonl" if name == "model" else "base.jsonl"
        assert run(["probe", f"./{name}", "--out", said, *asked, "--dtype", "float32"]) == 0
    stored(Path())
    placed = ["--dtype", "float32"] if suspect == "./model" else []
    judged = ["--store", "teachers", "--calibration", "none", "--base", "./base.jsonl"]
    assert run(["audit", suspect, *judged, *asked, *placed, "--out", "report"]) == 0
    new_key(Path("key"))
    seal_report(Path("report"), Signing(file_signer(Path("key"))))
    for file in ("base.jsonl", "said.jsonl"):
        Path(file).unlink()
    capsys.readouterr()
    check = ["verify", "report", "--key", "key.pub", "--rescore"]
    assert run(check) == 0, capsys.readouterr()
    # A model's own weights are needed wherever they were read.
    shutil.rmtree("model")
    assert run(check) == (6 if suspect == "./model" else 0)
    assert ("its files were weighed" in capsys.readouterr().err) == (suspect == "./model")


def test_paths_are_told_from_wherever_one_works_and_are_the_same_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("made", "checked/in"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "made")
    suspect = write_jsonl(tmp_path / "made" / "suspect.jsonl", answers_of("beta", seed=9))
    stored(tmp_path / "made")
    store = str(tmp_path / "made" / "teachers")
    audit(str(suspect), tmp_path / "made" / "report", store=store, calibration="none")
    new_key(Path("key"))
    seal_report(Path("report"), Signing(file_signer(Path("key"))))
    report = tmp_path / "made" / "report"
    for here in (tmp_path, tmp_path / "checked" / "in", Path("/")):
        monkeypatch.chdir(here)
        assert run(["verify", str(report), "--rescore"]) == 0, capsys.readouterr()


def test_another_place_in_a_command_or_a_plan_is_told_from_wherever_one_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    suspect = write_jsonl(tmp_path / "suspect.jsonl", answers_of("beta", seed=9))
    stored(tmp_path)
    audit(str(suspect), "report", store=str(tmp_path / "teachers"), calibration="none")
    new_key(Path("key"))
    made = load_bundle(Path("report"))
    lines = tuple(line.replace("./teachers", "./others") for line in made.reproduce)
    assert lines != made.reproduce
    for changed in ({"reproduce": lines}, {"plan": {**made.plan, "store": "./others"}}):
        told = made.model_copy(update=changed)
        plan = Path("report/plan.yaml").read_text()
        write_bundle(told, Path("report/transcript.jsonl"), plan, Path("report"), force=True)
        seal_report(Path("report"), Signing(file_signer(Path("key"))))
        assert run(["verify", "report", "--rescore"]) == 8
        assert f"report.json: {next(iter(changed))}" in capsys.readouterr().out


@pytest.mark.parametrize("field", ["plan", "reproduce"])
def test_judging_again_tells_a_page_that_shows_another_plan_or_command(
    sealed: SealedCase, field: str, capsys: pytest.CaptureFixture[str]
) -> None:
    report = load_bundle(sealed.report)
    other = {"plan": {**report.plan, "vendor": "x"}, "reproduce": ("auditor audit other",)}
    changed = report.model_copy(update={field: other[field]})
    plan = (sealed.report / "plan.yaml").read_text()
    write_bundle(changed, sealed.report / "transcript.jsonl", plan, sealed.report, force=True)
    seal_report(sealed.report, sealed.signing())
    assert run(["verify", str(sealed.report), "--rescore"]) == 8
    assert f"report.json: {field}" in capsys.readouterr().out
