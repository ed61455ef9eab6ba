"""The page over many reports: read only, without a script, and blind to what lies elsewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from auditor.audits.inheritance.records import SelfDescriptionSection
from auditor.audits.report.document import report_document
from auditor.cli import run
from auditor.gallery import found as gallery_found
from auditor.gallery import pages
from auditor.gallery.choice import ListOrder
from auditor.gallery.found import ReportEntry, ReportFolder, key_of
from auditor.reporting import json as as_json
from tests.auditor.reporting.example import HOSTILE, exact_report, report
from tests.auditor.reporting.page import Page

starlette = pytest.importorskip("starlette")


@pytest.fixture
def entries(folder: Path) -> tuple[ReportEntry, ...]:
    return ReportFolder.open(folder).entries()


def test_every_report_is_listed_and_none_behind_a_link(entries: tuple[ReportEntry, ...]) -> None:
    assert [e.place for e in entries] == ["a/calibrated", "a/uncalibrated", "b", "broken"]
    assert [bool(e.problem) for e in entries] == [False, False, False, True]
    assert len({e.key for e in entries}) == 4


def test_the_list_is_filtered_by_words_and_status_and_sorted(
    entries: tuple[ReportEntry, ...],
) -> None:
    everything = ListOrder().of_all(entries)
    assert len(everything) == 3
    supported = ListOrder.of({"inheritance": "supported"}).of_all(entries)
    assert {e.place for e in supported} == {"a/calibrated", "b"}
    assert [e.place for e in ListOrder.of({"words": "UNCAL"}).of_all(entries)] == ["a/uncalibrated"]
    assert ListOrder.of({"words": "nobody"}).of_all(entries) == ()
    down = ListOrder.of({"sort": "inheritance", "down": "1"}).of_all(entries)
    assert down[0].place == "a/uncalibrated"
    assert ListOrder.of({"sort": "'; drop", "lineage": "guilty"}) == ListOrder()


def test_hostile_words_stay_words_on_every_page(folder: Path) -> None:
    found = ReportFolder.open(folder)
    key = key_of("a/calibrated")
    made = found.report(key)
    assert made is not None
    hostile = report(calibrated=True).subject.identity.model_copy(update={"name": HOSTILE})
    made = made.model_copy(
        update={"subject": made.subject.model_copy(update={"identity": hostile})}
    )
    odd = ReportEntry("0" * 16, HOSTILE, HOSTILE, HOSTILE, {}, HOSTILE)
    listed = ReportEntry(
        "0" * 16,
        HOSTILE,
        HOSTILE,
        "x",
        dict.fromkeys(("inheritance", "lineage", "service"), "inconclusive"),
        HOSTILE,
    )
    n = len(pages.exhibits_of(made))
    told = (
        pages.listing(
            (listed, ReportEntry("1" * 16, HOSTILE, problem=HOSTILE)), ListOrder(HOSTILE[:90])
        ),
        pages.side_by_side(((key, made), (key, made))),
        pages.whole(key, made),
        pages.exhibits(key, made, 0),
        *(pages.exhibit(key, made, i) for i in range(n)),
    )
    assert odd.name
    for text in told:
        page = Page(text)
        assert not page.elements & {"script", "img", "iframe", "object", "link", "base", "embed"}
        assert not any(name.startswith("on") for _, name, _ in page.attributes)
        for _, name, value in page.attributes:
            if name in ("href", "action"):
                assert re.fullmatch(
                    r"(#[a-z0-9]+|/|/\?[\w=&%+.-]*|/side-by-side|/report/[0-9a-f]{16}(/exhibits?(/\d+)?(\?page=\d+)?)?)",
                    value,
                )
            assert name not in ("src", "style", "srcdoc")


def test_an_exhibit_is_told_in_full_alone(folder: Path) -> None:
    found = ReportFolder.open(folder).report(key_of("a/uncalibrated"))
    assert found is not None
    places = [
        i for i, (_, e) in enumerate(pages.exhibits_of(found)) if e.probe_id == "identity/hostile"
    ]
    assert "alert(1)" in pages.exhibit("0" * 16, found, places[0])


def test_a_report_that_changes_is_read_again_and_one_that_goes_is_gone(tmp_path: Path) -> None:
    place = tmp_path / "r" / "report.json"
    place.parent.mkdir()
    place.write_text(as_json.render(report_document(report())), "utf-8")
    found = ReportFolder.open(tmp_path)
    assert found.entries()[0].statuses["inheritance"] == "inconclusive"
    place.write_text(as_json.render(report_document(report(calibrated=True))), "utf-8")
    assert found.entries()[0].statuses["inheritance"] == "supported"
    place.unlink()
    assert found.entries() == ()
    assert found.report(key_of("r")) is None


def test_the_list_is_printed_as_json_and_a_file_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["serve", str(folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [t["place"] for t in told] == ["a/calibrated", "a/uncalibrated", "b", "broken"]
    assert told[0]["statuses"]["inheritance"] == "supported"
    assert told[3]["problem"]
    assert run(["serve", str(folder / "b" / "report.json")]) == 3


@pytest.mark.parametrize("missing", ["starlette.applications", "uvicorn"])
def test_without_the_extra_one_sentence_says_what_to_install(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    import sys

    monkeypatch.delitem(sys.modules, "auditor.gallery.app", raising=False)
    monkeypatch.setitem(sys.modules, missing, None)
    assert run(["serve", str(folder)]) == 2
    assert "pip install 'distillation-auditor[serve]'" in capsys.readouterr().err


def test_a_list_that_ends_before_the_reports_do_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ReportFolder.open(folder).entries()
    assert "whatever else" not in pages.listing(whole, ListOrder())
    monkeypatch.setattr(gallery_found, "MOST_REPORTS", 2)
    cut = ReportFolder.open(folder).entries()
    assert len(cut) == 2
    assert "The first 2 reports are listed" in pages.listing(cut, ListOrder())
    assert run(["serve", str(folder), "--json"]) == 0
    assert "whatever else lies there is not" in capsys.readouterr().err


def test_the_list_tells_no_folder_of_the_machine_that_a_report_was_made_on(tmp_path: Path) -> None:
    made = exact_report().model_copy(
        update={"headline": ("It was read from '/home/somebody/secret/x.json'.",)}
    )
    made = made.with_section(SelfDescriptionSection(asked=1, questions=1, makers=(), named=()))
    (tmp_path / "report.json").write_text(made.model_dump_json(by_alias=True), "utf-8")
    (entry,) = ReportFolder.open(tmp_path).entries()
    assert entry.problem == ""
    assert "x.json" in entry.says
    assert "somebody" not in entry.says
