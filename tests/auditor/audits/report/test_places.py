"""No report tells a folder of the machine that it was made on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.audits.report.document import report_document
from auditor.audits.report.places import command, in_prose, one_place, portable, told
from auditor.evidence.records import SubjectSection
from auditor.reporting import render
from detectors.base import Exhibit
from fingerprints.records import Arm
from tests.auditor.reporting.example import report

PARTS = (
    st.text("abcXYZ019._- ", min_size=1, max_size=8)
    .map(str.strip)
    .filter(lambda part: part.strip("."))
)
FOLDERS = st.lists(PARTS, min_size=2, max_size=5).map("/".join)
SECRET = "kept-to-myself"


def spoken(path: str) -> list[str]:
    """The ways in which a path enters a report."""
    return [path, f"gguf:{path}", f"hf:./base,adapter={path}", f"teacher=hf:{path},dtype=bfloat16"]


@settings(max_examples=150, deadline=None)
@given(FOLDERS, PARTS)
def test_a_path_is_told_by_its_last_part_alone(folders: str, last: str) -> None:
    for path in (f"/{SECRET}/{folders}/{last}", f"C:\\{SECRET}\\{last}", f"\\\\{SECRET}\\{last}"):
        for text in spoken(path):
            shown = told(text)
            assert SECRET not in shown
            assert last in shown
            assert told(shown) == shown


@pytest.mark.parametrize("format", ["html", "json", "markdown", "terminal"])
def test_no_format_of_a_report_holds_an_absolute_path(format: str) -> None:
    folder = f"/home/{SECRET}/models"
    made = report(calibrated=True)
    base = made.base and made.base.model_copy(update={"spec": f"hf:{folder}/base"})
    there = made.model_copy(
        update={
            "subject": SubjectSection(
                spec=f"hf:{folder}/s,adapter={folder}/a",
                identity=made.subject.identity.model_copy(
                    update={"notes": (f"'{folder}/x' is no model",)}
                ),
            ),
            "base": base,
            "store": made.store and made.store.model_copy(update={"name": f"{folder}/store"}),
            "plan": {"suspect": f"{folder}/s", "teachers": {"t": [f"gguf:{folder}/t.gguf"]}},
            "reproduce": (f"auditor audit '{folder}/s' --store={folder}/store --out again/",),
            "limits": (f"{folder}/notes.txt can't be read: it is empty.",),
            "headline": (f"By its file {folder}/x.jsonl it is X.",),
        }
    )
    text = render(report_document(there), format)
    assert SECRET not in text
    assert not re.search(r"[\s:='\"(]/(?:home|Users|root|tmp|work)/", text)


def test_what_a_suspect_said_is_quoted_as_it_was() -> None:
    said = Exhibit(probe_id="p", arm=Arm.OWN, prompt="?", answer="look in /home/user/x", source="s")
    made = report()
    first = made.findings[0].model_copy(update={"exhibits": (said,)})
    shown = portable(made.model_copy(update={"findings": (first,)}))
    assert shown.findings[0].exhibits == (said,)


def test_a_path_beside_the_working_folder_is_told_from_there_and_can_be_run_again() -> None:
    here = Path("/home/a/audits")
    assert told("hf:/home/a/models/m", here) == "hf:../models/m"
    assert told("hf:/home/a/audits/m", here) == "hf:./m"
    assert told("hf:/home/b/m", here) == "hf:…/m"
    assert told("/m", Path("/")) == "…/m"
    line = "auditor audit '/home/a/audits/my model' --out again/"
    assert command(line, here) == "auditor audit './my model' --out again/"


def test_addresses_and_relative_paths_stay_as_they_are() -> None:
    for text in (
        "openai:m,base_url=http://localhost:8000/v1",
        "hf:org/name,revision=main",
        "https://example.org/a/b",
        "../x/y",
        "identity,style:96",
    ):
        assert told(text) == text
    assert (
        in_prose("POST /v1/chat/completions and/or 3/4") == "POST /v1/chat/completions and/or 3/4"
    )
    assert command("auditor audit 'a b' --out \"again/\"") == "auditor audit 'a b' --out \"again/\""


@pytest.mark.parametrize(
    ("was", "now", "one"),
    [
        ("./teachers", "../w1/teachers", True),
        ("../../x/w1/teachers", "../w1/teachers", True),
        ("…/teachers", "../w1/teachers", True),
        ("../w1/teachers", "…/teachers", True),
        ("gguf:./m.gguf,adapter=../lora", "gguf:…/m.gguf,adapter=…/lora", True),
        ("gguf:./m.gguf,adapter=../lora", "gguf:…/m.gguf,adapter=…/other", False),
        ("hf:./m", "gguf:./m", False),
        ("./others", "../w1/teachers", False),
        ("./w3/teachers", "../w1/teachers", False),
        ("./eachers", "../w1/teachers", False),
        ("…/others", "…/teachers", False),
        ("..", "../w1/teachers", False),
        ("teachers", "../w1/teachers", False),
        ("Acme", "Acme", True),
        ("Acme", "Other", False),
    ],
)
def test_a_path_is_known_again_from_another_working_folder(was: str, now: str, one: bool) -> None:
    assert one_place(was, now, Path("/home/x/w2")) is one
