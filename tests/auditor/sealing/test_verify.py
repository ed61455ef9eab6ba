"""Every tampering with a sealed report is found and named by file and record."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor.audits.report.bundle import load_bundle, write_bundle
from auditor.cli import run
from auditor.reporting.json import pretty
from auditor.sealing.differing import differences
from auditor.sealing.digests import digest_of, digests_of
from auditor.sealing.findings import ProblemCode
from auditor.sealing.keys import file_signer, public_key
from auditor.sealing.records import ATTESTATIONS
from auditor.sealing.rescore import RescoreAgainst, rescored
from auditor.sealing.seal import add, seal_report
from auditor.sealing.signing import Signing
from auditor.sealing.verify import verify
from tests.auditor.reporting.example import report as example
from tests.auditor.sealing.conftest import SealedCase
from tests.recordings import stored

Found = set[tuple[ProblemCode, str, str]]


def found(case: SealedCase) -> Found:
    told = verify(case.report, (public_key(case.public),))
    assert told.intact == (not told.problems)
    return {(p.code, p.file, p.record) for p in told.problems}


def edit_json(path: Path, change: Callable[[Any], None]) -> None:
    value = json.loads(path.read_text("utf-8"))
    change(value)
    path.write_text(pretty(value), "utf-8")


def lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines(keepends=True)


def test_an_untouched_report_is_intact_and_says_who_sealed_it(sealed: SealedCase) -> None:
    told = verify(sealed.report, (public_key(sealed.public),))
    assert told.intact
    assert [(s.keyid, s.trusted) for s in told.signers] == [(public_key(sealed.public).keyid, True)]
    assert {u.code for u in told.unchecked} == {"time"}
    assert {u.code for u in verify(sealed.report).unchecked} == {"time", "signer"}


def test_a_link_is_named_and_hides_no_other_tampering(sealed: SealedCase, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.yaml").write_bytes((sealed.report / "plan.yaml").read_bytes())
    (sealed.report / "plan.yaml").unlink()
    (sealed.report / "plan.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    (sealed.report / "more.txt").symlink_to("/etc/hostname")
    one_outcome(sealed)
    told = found(sealed)
    assert ("file_unsafe", "plan.yaml", "") in told
    assert ("file_unsafe", "more.txt", "") in told
    assert ("file_removed", "plan.yaml", "") not in told
    assert any(code == "record_changed" and file == "report.json" for code, file, _ in told)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "name", ["plan.yaml", "attestation.json", "report.json", "report.html", "transcript.jsonl"]
)
def test_a_pipe_is_named_and_never_opened(sealed: SealedCase, name: str) -> None:
    (sealed.report / name).unlink()
    os.mkfifo(sealed.report / name)
    assert ("file_unsafe", name, "") in found(sealed)
    told = verify(sealed.report)
    assert not told.intact
    against = RescoreAgainst()
    assert not rescored(sealed.report, told, against).intact


def edited_answer(case: SealedCase) -> None:
    path = case.report / "transcript.jsonl"
    rows = lines(path)
    row = json.loads(rows[70])
    rows[70] = json.dumps({**row, "text": row["text"] + "!"}) + "\n"
    path.write_text("".join(rows), "utf-8")


def removed_answer(case: SealedCase) -> None:
    path = case.report / "transcript.jsonl"
    rows = lines(path)
    path.write_text("".join(rows[:70] + rows[71:]), "utf-8")


def one_number(case: SealedCase) -> None:
    def change(value: Any) -> None:
        value["findings"][2]["value"] += 1e-9

    edit_json(case.report / "report.json", change)


def one_outcome(case: SealedCase) -> None:
    def change(value: Any) -> None:
        value["verdicts"][0]["outcome"] = "inconclusive"

    edit_json(case.report / "report.json", change)


def removed_exhibit(case: SealedCase) -> None:
    def change(value: Any) -> None:
        next(f for f in value["findings"] if len(f["exhibits"]) > 1)["exhibits"].pop(0)

    edit_json(case.report / "report.json", change)


def reordered_journal(case: SealedCase) -> None:
    path = case.report / "transcript.jsonl"
    rows = lines(path)
    rows[70], rows[80] = rows[80], rows[70]
    path.write_text("".join(rows), "utf-8")


def edited_page(case: SealedCase) -> None:
    path = case.report / "report.html"
    path.write_text(path.read_text("utf-8").replace("beta", "gamma"), "utf-8")


def edited_plan(case: SealedCase) -> None:
    path = case.report / "plan.yaml"
    path.write_text(path.read_text("utf-8").replace("calibration: none", "calibration: shipped"))


def removed_file(case: SealedCase) -> None:
    (case.report / "transcript.jsonl").unlink()


def added_file(case: SealedCase) -> None:
    (case.report / "added-0001.txt").write_text("I confess.")


def renamed_file(case: SealedCase) -> None:
    (case.report / "plan.yaml").rename(case.report / "Plan.yaml")


def spaced_json(case: SealedCase) -> None:
    path = case.report / "report.json"
    path.write_text(path.read_text("utf-8") + "\n")


TAMPERINGS: dict[Callable[[SealedCase], None], tuple[ProblemCode, str, str]] = {
    edited_answer: ("record_changed", "transcript.jsonl", "line 71 reply"),
    removed_answer: ("record_removed", "transcript.jsonl", "line 71 reply"),
    one_number: ("record_changed", "report.json", "findings[2]"),
    one_outcome: ("record_changed", "report.json", "verdicts[0]"),
    removed_exhibit: ("record_removed", "report.json", "findings["),
    reordered_journal: ("records_reordered", "transcript.jsonl", ""),
    edited_page: ("page_differs", "report.html", ""),
    edited_plan: ("record_changed", "plan.yaml", "line "),
    removed_file: ("file_removed", "transcript.jsonl", ""),
    added_file: ("file_added", "added-0001.txt", ""),
    renamed_file: ("file_renamed", "Plan.yaml", ""),
    spaced_json: ("bytes_changed", "report.json", ""),
}


@pytest.mark.parametrize("tamper", TAMPERINGS, ids=lambda t: t.__name__)
def test_a_tampering_is_named(tamper: Callable[[SealedCase], None], sealed: SealedCase) -> None:
    code, file, record = TAMPERINGS[tamper]
    tamper(sealed)
    told = found(sealed)
    assert any((c, f) == (code, file) and r.startswith(record) for c, f, r in told), told


def test_a_removed_exhibit_is_the_only_record_that_is_missed(sealed: SealedCase) -> None:
    removed_exhibit(sealed)
    told = {(c, r) for c, f, r in found(sealed) if f == "report.json"}
    assert len(told) == 1
    assert all(r.endswith("exhibits[0]") for _, r in told)


def test_a_forger_who_hashes_and_signs_anew_has_another_key(sealed: SealedCase) -> None:
    report = load_bundle(sealed.report).model_copy(update={"limits": ()})
    plan = (sealed.report / "plan.yaml").read_text()
    write_bundle(report, sealed.report / "transcript.jsonl", plan, sealed.report, force=True)
    seal_report(sealed.report, Signing(file_signer(sealed.other)))
    assert found(sealed) == {("foreign_key", "attestation.json", "entry 0")}
    assert verify(sealed.report).intact  # nobody was named whose word counts, and it says so
    assert "signer" in {u.code for u in verify(sealed.report).unchecked}


def test_a_forger_can_not_pass_under_the_id_of_the_trusted_key(sealed: SealedCase) -> None:
    path = sealed.report / "attestation.json"
    trusted = public_key(sealed.public).keyid
    path.unlink()
    seal_report(sealed.report, Signing(file_signer(sealed.other)))
    told = path.read_text().replace(public_key(sealed.folder / "other.pub").keyid, trusted)
    path.write_text(told)
    assert ("signature_wrong", "attestation.json", "entry 0") in found(sealed)
    assert not verify(sealed.report).intact  # without any trusted key, too


def test_a_foreign_signature_added_beside_a_forged_statement_is_no_help(
    sealed: SealedCase,
) -> None:
    """The trusted key's old signature under a new statement does not hold."""
    path = sealed.report / "attestation.json"
    old = json.loads(path.read_text())
    one_number(sealed)
    path.unlink()
    (sealed.report / "report.html").unlink()
    seal_report(sealed.report, Signing(file_signer(sealed.other)))
    new = json.loads(path.read_text())
    new["chain"][0]["envelope"]["signatures"] += old["chain"][0]["envelope"]["signatures"]
    new["chain"][0]["keys"] |= old["chain"][0]["keys"]
    path.write_text(json.dumps(new))
    told = {c for c, _, _ in found(sealed)}
    assert told >= {"signature_wrong", "foreign_key"}


def test_an_older_report_under_a_newer_seal_is_told_as_that(sealed: SealedCase) -> None:
    older = load_bundle(sealed.report).model_copy(update={"created": "2020-01-01T00:00:00Z"})
    (sealed.report / "report.json").write_text(
        pretty(older.model_dump(mode="json", by_alias=True)), "utf-8"
    )
    told = [p for p in verify(sealed.report).problems if p.code == "other_report"]
    assert len(told) == 1
    assert "an earlier one" in told[0].line()


def test_a_swapped_store_is_told(sealed: SealedCase, made: SealedCase, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    swapped = stored(tmp_path / "b", seed=3)
    plan = sealed.report / "plan.yaml"
    plan.write_text(plan.read_text().replace(str(made.folder / "teachers"), str(swapped)))
    assert any(c == "store_differs" for c, _, _ in found(sealed))


def test_another_calibration_is_told(tmp_path: Path) -> None:
    from auditor.calibration.record import shipped_calibrations
    from auditor.sealing.consistency import inner_problems
    from fingerprints.record_files import write_record

    write_record(tmp_path / "c.json", shipped_calibrations()[0])
    (tmp_path / "plan.yaml").write_text(f"calibration: {tmp_path / 'c.json'}\n")
    told = list(inner_problems(tmp_path, example(calibrated=True)))
    assert "calibration_differs" in {t.code for t in told}
    right = example(calibrated=True)
    assert right.calibration is not None
    same = right.calibration.model_copy(update={"sha256": shipped_calibrations()[0].digest()})
    fitting = right.model_copy(update={"calibration": same})
    assert not [t for t in inner_problems(tmp_path, fitting) if t.code == "calibration_differs"]


def test_a_page_of_another_version_is_not_called_tampered_with(sealed: SealedCase) -> None:
    report = load_bundle(sealed.report)
    old = report.model_copy(update={"tool": "distillation-auditor 0.0.1"})
    text = pretty(old.model_dump(mode="json", by_alias=True))
    (sealed.report / "report.json").write_text(text, "utf-8")
    told = verify(sealed.report)
    assert "page_differs" not in {p.code for p in told.problems}
    assert "page" in {u.code for u in told.unchecked}


def test_a_page_of_other_code_of_the_same_version_is_not_called_tampered_with(
    sealed: SealedCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As sealed, but the code that shows and judges was changed since."""
    from auditor.sealing import verify as module

    monkeypatch.setattr(module, "codes", lambda: {"auditor": "0" * 64})
    monkeypatch.setattr("auditor.reporting.html.render", lambda document: "another page")
    told = verify(sealed.report, (public_key(sealed.public),))
    assert told.intact
    assert {u.code for u in told.unchecked} == {"code", "page", "time"}
    edited_page(sealed)
    assert {p.code for p in verify(sealed.report).problems} == {"file_changed"}


@pytest.mark.parametrize("damage", ["{}", "nonsense", '{"format":"attestation/1","chain":[]}'])
def test_a_damaged_seal_is_a_problem_and_no_crash(sealed: SealedCase, damage: str) -> None:
    (sealed.report / "attestation.json").write_text(damage)
    assert ("seal_unreadable", "attestation.json", "") in found(sealed)


def test_bytes_of_the_seal_itself_are_signed(sealed: SealedCase) -> None:
    path = sealed.report / "attestation.json"
    good = ATTESTATIONS.read(path).chain[0].envelope
    whole = path.read_text()
    lot = random.Random(5)
    for _ in range(12):
        i = lot.randrange(len(good.payload))
        other = "A" if good.payload[i] != "A" else "B"
        path.write_text(
            whole.replace(good.payload, good.payload[:i] + other + good.payload[i + 1 :])
        )
        assert found(sealed)


def leaves(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict | list) and value:
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in entries:
            yield from leaves(inner, (*place, key))
    else:
        yield place


def other(leaf: Any) -> Any:
    if isinstance(leaf, bool) or leaf is None:
        return not leaf
    return leaf + 1 if isinstance(leaf, int | float) else "otherwise" if leaf else "x"


def test_every_leaf_of_a_report_is_found_in_the_record_that_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    whole = example(calibrated=True).model_dump(mode="json", by_alias=True)
    path.write_text(pretty(whole), "utf-8")
    sealed_as = [digest_of(path, "report.json")]
    places = list(leaves(whole))
    assert len(places) > 500
    for place in places:
        at = whole
        for key in place[:-1]:
            at = at[key]
        kept = at[place[-1]]
        at[place[-1]] = other(kept)
        path.write_text(pretty(whole), "utf-8")
        told = list(differences(sealed_as, [digest_of(path, "report.json")]))
        at[place[-1]] = kept
        index = f"[{place[1]}]" if len(place) > 1 and isinstance(place[1], int) else ""
        assert [(p.code, p.file) for p in told] == [("record_changed", "report.json")], place
        assert told[0].record.startswith(f"{place[0]}{index}"), place
        if place[2:3] == ("exhibits",) and len(place) > 3:
            assert told[0].record.endswith(f"exhibits[{place[3]}]")


def test_a_bit_anywhere_in_any_file_is_found(made: SealedCase, tmp_path: Path) -> None:
    folder = tmp_path / "report"
    shutil.copytree(made.report, folder)
    sealed_as = digests_of(folder)
    lot = random.Random(3)
    for file in (folder / f.name for f in sealed_as):
        good = file.read_bytes()
        for i in (0, len(good) - 1, *(lot.randrange(len(good)) for _ in range(25))):
            bad = bytearray(good)
            bad[i] ^= 1 << lot.randrange(8)
            file.write_bytes(bad)
            told = list(differences(sealed_as, digests_of(folder)))
            assert {p.file for p in told} == {file.name}
        for cut in (0, len(good) // 2, len(good) - 1):
            file.write_bytes(good[:cut])
            assert {p.file for p in differences(sealed_as, digests_of(folder))} == {file.name}
        file.write_bytes(good)
    assert not list(differences(sealed_as, digests_of(folder)))


def test_what_is_added_is_chained_and_a_cut_or_swapped_entry_is_told(
    sealed: SealedCase, tmp_path: Path
) -> None:
    reply = tmp_path / "reply.txt"
    for i in (1, 2, 3):
        reply.write_text(f"Reply {i}: we trained on our own data.")
        add(sealed.report, reply, sealed.signing(), "B. Accused", f"reply {i}")
    assert verify(sealed.report, (public_key(sealed.public),)).added == 3
    assert not found(sealed)
    path = sealed.report / "attestation.json"
    whole = json.loads(path.read_text())
    swapped = {**whole, "chain": [whole["chain"][i] for i in (0, 2, 1, 3)]}
    path.write_text(json.dumps(swapped))
    assert ("chain_broken", "attestation.json", "entry 1") in found(sealed)
    cut = {**whole, "chain": [whole["chain"][i] for i in (0, 1, 3)]}
    path.write_text(json.dumps(cut))
    told = found(sealed)
    assert ("chain_broken", "attestation.json", "entry 2") in told
    assert ("file_added", "added-0002.txt", "") in told
    path.write_text(json.dumps(whole))
    (sealed.report / "added-0002.txt").write_text("We did it.")
    assert found(sealed) == {("file_changed", "added-0002.txt", "")}


def test_verify_exits_with_8_and_a_line_for_each_problem(
    sealed: SealedCase, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--key", str(sealed.public)]
    assert run(["verify", str(sealed.report), *flags]) == 0
    assert "as sealed" in capsys.readouterr().out
    one_outcome(sealed)
    assert run(["verify", str(sealed.report), *flags]) == 8
    said = capsys.readouterr().out
    assert "report.json: verdicts[0]" in said
    assert "Traceback" not in said
    assert run(["verify", str(sealed.report), *flags, "--json"]) == 8
    assert json.loads(capsys.readouterr().out)["intact"] is False


def test_an_unsealed_report_exits_with_8_and_says_that_it_is_unsealed(
    sealed: SealedCase, capsys: pytest.CaptureFixture[str]
) -> None:
    (sealed.report / "attestation.json").unlink()
    assert run(["verify", str(sealed.report)]) == 8
    assert "nothing was sealed here" in capsys.readouterr().out


def test_judged_again_from_the_records_every_figure_is_the_same(
    sealed: SealedCase, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--key", str(sealed.public), "--rescore"]
    assert run(["verify", str(sealed.report), *flags]) == 0, capsys.readouterr()
    assert "judged again from its records" in capsys.readouterr().out
    assert run(["verify", str(sealed.report), *flags[:2]]) == 0
    assert "judged again" not in capsys.readouterr().out


def test_a_forged_verdict_that_was_sealed_by_its_forger_is_told_by_judging_again(
    sealed: SealedCase, capsys: pytest.CaptureFixture[str]
) -> None:
    report = load_bundle(sealed.report)
    forged = report.findings[0].model_copy(update={"value": 0.123})
    changed = report.model_copy(update={"findings": (forged, *report.findings[1:])})
    plan = (sealed.report / "plan.yaml").read_text()
    write_bundle(changed, sealed.report / "transcript.jsonl", plan, sealed.report, force=True)
    seal_report(sealed.report, sealed.signing())
    assert run(["verify", str(sealed.report), "--key", str(sealed.public)]) == 0
    assert run(["verify", str(sealed.report), "--key", str(sealed.public), "--rescore"]) == 8
    said = capsys.readouterr().out
    assert "findings[0].value" in said
    assert "0.123" in said
    assert "judged again from its records" not in said


def test_where_the_store_is_not_at_hand_judging_again_is_left_open(
    sealed: SealedCase, made: SealedCase, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = sealed.report / "plan.yaml"
    plan.write_text(plan.read_text().replace(str(made.folder / "teachers"), "/nowhere/teachers"))
    (sealed.report / "attestation.json").unlink()
    seal_report(sealed.report, sealed.signing())
    assert run(["verify", str(sealed.report), "--rescore"]) == 6
    told = capsys.readouterr().err
    assert "the judgement" in told
    assert "the store: it is not at hand" in told
    there = ["--store", str(made.folder / "teachers")]
    assert run(["verify", str(sealed.report), "--rescore", *there]) == 0
    assert "the store" not in capsys.readouterr().err
