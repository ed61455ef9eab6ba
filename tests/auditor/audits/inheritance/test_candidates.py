"""Whom an audit looks at: all of a small store, a chosen part of a large one, everybody once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from auditor.audits.frame import open_store
from auditor.audits.inheritance.audit import judge
from auditor.audits.inheritance.candidates import NEAREST, looked_at
from auditor.audits.inheritance.plan import Plan
from auditor.audits.inheritance.shelf import SAMPLED, Shelf, shelf
from auditor.evidence.records import Report
from detectors.lineup import lineup
from fingerprints.catalog import Catalog
from fingerprints.errors import StoreIntegrity, UsageProblem
from fingerprints.store import FingerprintStore
from fingerprints.transcript import Transcript
from tests.benchmarks.invented_store import Inventor

PROMPTS, VENDORS, MODELS = 24, 5, 70
TEACHER = 13


def plan(store: Path, **more: object) -> Plan:
    return Plan.make(
        {"suspect": "x.jsonl", "store": str(store), "detectors": ["shared_wording"], **more}
    )


def filled(path: Path, inventor: Inventor, models: int) -> Path:
    with FingerprintStore.create(path) as store:
        for number in range(models):
            vendor = number % VENDORS
            said = inventor.transcript(f"m{number}", inventor.habits(vendor, number), number)
            store.add(said, f"model-{number:02d}", vendor=f"Maker {vendor}")
        store.rebuild()
    return path


@pytest.fixture(scope="module")
def inventor() -> Inventor:
    return Inventor(PROMPTS, words=40)


@pytest.fixture(scope="module")
def large(inventor: Inventor, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled(tmp_path_factory.mktemp("large") / "store", inventor, MODELS)


@pytest.fixture(scope="module")
def small(inventor: Inventor, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled(tmp_path_factory.mktemp("small") / "store", inventor, 12)


@pytest.fixture(scope="module")
def student(inventor: Inventor) -> Transcript:
    habits = inventor.habits(TEACHER % VENDORS, TEACHER)
    return inventor.transcript("suspect", habits, 990_000)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """How often each stored transcript was decoded."""
    counts: Counter[str] = Counter()
    plain = Catalog.transcript

    def counted(self: Catalog, number: int, teacher: object) -> Transcript:
        counts[teacher.name] += 1  # type: ignore[attr-defined]
        return plain(self, number, teacher)  # type: ignore[arg-type]

    monkeypatch.setattr(Catalog, "transcript", counted)
    return counts


def judged(said: Transcript, chosen: Plan) -> Report:
    with open_store(chosen.store) as store:
        models = shelf(store, chosen)
        return judge(chosen, said, models, looked_at(models, chosen, said))


def opened(chosen: Plan, store: FingerprintStore) -> Shelf:
    return shelf(store, chosen)


def test_a_small_store_is_looked_at_in_full_and_each_transcript_decoded_once(
    small: Path, student: Transcript, decoded: Counter[str]
) -> None:
    report = judged(student, plan(small))
    assert [c.name for c in report.candidates] == [f"model-{i:02d}" for i in range(12)]
    assert report.store is not None
    assert report.store.choice is None
    assert dict(decoded) == {f"model-{i:02d}": 1 for i in range(12)}
    assert not any("passed over" in limit for limit in report.limits)


def test_a_large_store_is_looked_at_in_part_and_the_report_tells_how_many_were_passed_over(
    large: Path, student: Transcript, decoded: Counter[str]
) -> None:
    report = judged(student, plan(large))
    assert report.store is not None
    assert report.store.choice is not None
    choice = report.store.choice
    assert (choice.looked_at, choice.sampled, len(choice.nearest)) == (64, SAMPLED, NEAREST)
    assert len(report.candidates) == 64 == len(decoded)
    assert set(decoded.values()) == {1}
    assert any("64 were looked at and 6 passed over" in limit for limit in report.limits)
    assert 0 < choice.recall_interval[0] <= choice.recall <= choice.recall_interval[1] <= 1


def test_a_nearest_model_is_a_guest_and_no_part_of_any_null(
    large: Path, student: Transcript
) -> None:
    report = judged(student, plan(large))
    assert report.store is not None
    assert report.store.choice is not None
    for finding in report.findings:
        if finding.candidate is not None:
            assert finding.null is not None
            assert finding.null.n < SAMPLED
    assert f"model-{TEACHER:02d}" in {c.name for c in report.candidates}


def test_the_sample_does_not_depend_on_the_suspect_and_spreads_over_vendors(
    large: Path, inventor: Inventor, student: Transcript
) -> None:
    chosen = plan(large)
    other = inventor.transcript("other", inventor.habits(3, 3), 5)
    with open_store(str(large)) as store:
        models = opened(chosen, store)
        samples = [
            {t.name for t in looked_at(models, chosen, said).teachers if not t.guest}
            for said in (student, other)
        ]
        assert samples[0] == samples[1] == set(models.sampled())
        made = Counter(models.records[name].vendor for name in models.sampled())
    assert set(made.values()) == {SAMPLED // VENDORS}


def test_all_candidates_looks_at_everybody(large: Path, student: Transcript) -> None:
    chosen = plan(large, all_candidates=True)
    with open_store(str(large)) as store:
        looked = looked_at(opened(chosen, store), chosen, student)
    assert len(looked.teachers) == MODELS
    assert looked.choice is None
    assert not looked.guests


def test_a_named_candidate_is_always_looked_at_and_its_makers_other_models_with_it(
    large: Path, student: Transcript
) -> None:
    with open_store(str(large)) as store:
        models = opened(plan(large), store)
        usual = {t.name for t in looked_at(models, plan(large), student).teachers}
        missed = sorted(set(models.records) - usual)[0]
        chosen = plan(large, candidates=[missed])
        looked = looked_at(models, chosen, student)
    maker = models.records[missed].vendor
    theirs = [n for n, r in models.records.items() if r.vendor == maker]
    assert len(theirs) > 1
    assert [r.name for r in looked.records] == theirs
    assert looked.choice is not None
    assert missed in looked.choice.named
    assert set(looked.choice.named) <= set(theirs)
    assert missed in looked.guests


def test_for_lineage_alone_a_named_candidate_stands_for_itself(
    large: Path, student: Transcript
) -> None:
    chosen = plan(large, candidates=["model-00"], detectors=["next_token_agreement"])
    with open_store(str(large)) as store:
        looked = looked_at(opened(chosen, store), chosen, student)
    assert [r.name for r in looked.records] == ["model-00"]


def test_a_named_candidate_of_a_large_store_is_weighed_with_all_its_makers_models(
    large: Path, student: Transcript
) -> None:
    report = judged(student, plan(large, candidates=[f"model-{TEACHER:02d}"]))
    (verdict,) = report.verdicts
    assert len(verdict.members) == len(report.candidates) == MODELS // VENDORS
    assert [m.name for m in verdict.members if m.named] == [f"model-{TEACHER:02d}"]
    assert verdict.reason_code != "chosen_for_likeness"


def test_a_candidate_that_is_not_stored_is_refused(large: Path, student: Transcript) -> None:
    chosen = plan(large, candidates=["nobody"])
    with open_store(str(large)) as store, pytest.raises(UsageProblem, match="nobody"):
        looked_at(opened(chosen, store), chosen, student)


def test_a_slip_in_a_candidates_name_and_a_makers_name_are_told_what_to_write(large: Path) -> None:
    chosen = plan(large)
    with open_store(str(large)) as store:
        models = opened(chosen, store)
        maker = next(iter(models.records.values())).vendor
        for asked, said in (("modle-03", "did you mean 'model-03'?"), (maker, f"for {maker}")):
            with pytest.raises(UsageProblem) as caught:
                models.named([asked])
            assert said in str(caught.value.next_step)


def test_a_damaged_index_is_refused_and_a_missing_one_is_made_in_memory(
    inventor: Inventor, large: Path, student: Transcript, tmp_path: Path
) -> None:
    import shutil

    for name in ("damaged", "missing"):
        shutil.copytree(large, tmp_path / name)
    [index] = (tmp_path / "damaged").glob("gen-*/*.faiss")
    data = bytearray(index.read_bytes())
    data[len(data) // 2] ^= 1
    index.write_bytes(bytes(data))
    (tmp_path / "missing" / "CURRENT").unlink()
    with open_store(str(tmp_path / "damaged")) as store, pytest.raises(StoreIntegrity):
        looked_at(opened(plan(large), store), plan(large), student)
    looked = []
    for path in (large, tmp_path / "missing"):
        with open_store(str(path)) as store:
            looked.append(looked_at(opened(plan(large), store), plan(large), student))
    assert looked[0].choice == looked[1].choice


def test_guests_play_no_stranger(large: Path, student: Transcript) -> None:
    with open_store(str(large)) as store:
        models = opened(plan(large), store)
        line = lineup(looked_at(models, plan(large), student).teachers)
    for place in range(len(line.teachers)):
        assert not np.any(line.strangers(place) & ~line.population)
    assert line.population.sum() == SAMPLED


def test_detectors_contrast_the_groups_that_verdicts_are_about(
    inventor: Inventor, tmp_path: Path
) -> None:
    """A model of no known maker counts with whoever has its weights; the report keeps what the
    store says."""
    whose = {"base": ("acme", "w"), "tuned": ("", "w"), "lone": ("", ""), "other": ("bolt", "v")}
    with FingerprintStore.create(tmp_path / "s") as store:
        for number, (name, (vendor, weights)) in enumerate(whose.items()):
            said = inventor.transcript(name, inventor.habits(number, number), number)
            who = said.identity.model_copy(update={"weights_sha256": weights or None})
            header = said.header.model_copy(update={"identity": who})
            store.add(Transcript(header, said.probes, said.replies), name=name, vendor=vendor)
    asked = inventor.transcript("suspect", inventor.habits(9, 9), 9)
    chosen = plan(tmp_path / "s")
    with open_store(str(tmp_path / "s")) as store:
        makers = {
            t.name: t.vendor for t in looked_at(opened(chosen, store), chosen, asked).teachers
        }
    assert makers == {"base": "acme", "tuned": "acme", "lone": "", "other": "bolt"}
    report = judged(asked, chosen)
    assert {c.name: c.vendor for c in report.candidates}["tuned"] == ""
    told = {v.candidate: {m.name for m in v.members} for v in report.verdicts}
    assert told == {"vendor:acme": {"base", "tuned"}, "lone": {"lone"}, "vendor:bolt": {"other"}}
