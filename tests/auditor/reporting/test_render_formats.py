"""All renderers: golden files, forbidden words, plug-ins."""

from __future__ import annotations

import re
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from auditor import reporting as renderers
from auditor.audits.report.file import load_report
from auditor.audits.report.outcomes import weight_chart
from auditor.errors import UsageProblem
from auditor.evidence.records import Report
from auditor.reporting import formats
from tests.auditor.reporting.example import EXAMPLES, report
from tests.auditor.reporting.example import in_json as to_json
from tests.auditor.reporting.example import rendered as render
from tests.auditor.reporting.regenerate import SUFFIX, golden

FORBIDDEN = re.compile(r"\b(guilty|stole|stolen|proves|confirmed|match)\b", re.IGNORECASE)
NAMES = ("uncalibrated", "calibrated")


def without_exhibits(text: str, format: str) -> str:
    """A rendering less the words of strangers that it quotes."""
    if format == "html":
        return re.sub(r"<blockquote.*?</blockquote>", "", text, flags=re.DOTALL)
    if format == "markdown":
        return re.sub(r"^(`{3,})text\n.*?^\1$", "", text, flags=re.DOTALL | re.MULTILINE)
    return text


def bare(made: Report) -> Report:
    """The report less its exhibits."""
    return made.model_copy(
        update={"findings": tuple(f.model_copy(update={"exhibits": ()}) for f in made.findings)}
    )


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("format", sorted(SUFFIX))
def test_every_rendering_equals_its_golden_file_byte_for_byte(name: str, format: str) -> None:
    made = render(EXAMPLES[name](), format).encode("utf-8")
    assert made == golden(name, format).read_bytes(), (
        "run `python -m tests.auditor.reporting.regenerate` and look at the difference"
    )


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_released_golden_report_is_read_back_and_rendered_to_the_same_bytes(
    name: str,
) -> None:
    read = load_report(golden(name, "json"))
    assert read == EXAMPLES[name]()
    for format in SUFFIX:
        assert render(read, format).encode("utf-8") == golden(name, format).read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_a_report_of_before_there_were_ids_and_codes_is_read_and_shown_as_it_was(
    name: str,
) -> None:
    read = load_report(golden(f"{name}-without-ids", "json"))
    assert {f.metric_id for f in read.findings} == {""}
    assert {v.reason_code for v in read.verdicts} == {None}
    with_ids = load_report(golden(f"{name}-by-model", "json"))
    for format in ("html", "markdown", "terminal"):
        assert render(read, format) == render(with_ids, format)


def test_a_report_of_before_there_was_one_verdict_a_maker_is_read_and_its_makers_are_charted() -> (
    None
):
    read = load_report(golden("calibrated-by-model", "json"))
    assert len(read.verdicts) == 4
    assert not any(v.members for v in read.verdicts)
    chart = weight_chart(read.verdicts)
    assert chart is not None
    assert [b.label[:4] for b in chart.bars] == ["acme"]
    page = render(read, "html")
    for verdict in read.verdicts:
        assert f'badge {verdict.outcome.replace("_", "-")}"' in page


@pytest.mark.parametrize("calibrated", [False, True])
@pytest.mark.parametrize("format", ["html", "json", "markdown", "terminal"])
def test_no_renderer_says_a_word_of_verdict_outside_of_quotations(
    format: str, calibrated: bool
) -> None:
    made = report(calibrated=calibrated)
    text = (
        to_json(bare(made)) if format == "json" else without_exhibits(render(made, format), format)
    )
    assert FORBIDDEN.findall(text) == []


@pytest.mark.parametrize("format", ["html", "json", "markdown"])
def test_the_linter_would_see_the_words_that_the_exhibits_quote(format: str) -> None:
    assert {w.lower() for w in FORBIDDEN.findall(render(report(), format))} == {"stole", "proves"}


@pytest.mark.parametrize("format", ["html", "json", "markdown", "terminal"])
def test_the_same_report_gives_the_same_text_twice(format: str) -> None:
    assert render(report(), format) == render(report(), format)


@pytest.mark.parametrize("format", ["html", "markdown", "terminal"])
def test_an_uncalibrated_report_says_so_and_a_calibrated_one_shows_its_likelihood_ratio(
    format: str,
) -> None:
    assert "Uncalibrated: no cohort" in " ".join(render(report(), format).replace(">", " ").split())
    assert "+0.52" in render(report(calibrated=True), format)


@pytest.mark.parametrize("format", ["html", "json", "markdown", "terminal"])
def test_a_report_with_nothing_in_it_is_rendered(format: str) -> None:
    empty = report().model_copy(
        update={
            k: ()
            for k in (
                "answers",
                "candidates",
                "findings",
                "skipped",
                "verdicts",
                "limits",
                "alternatives",
                "reproduce",
            )
        }
        | {"store": None, "environment": {}, "plan": {}}
    )
    text = render(empty, format)
    assert format == "json" or "not examined" in text


def test_an_unknown_format_is_refused_with_the_list_of_those_there_are() -> None:
    with pytest.raises(UsageProblem, match="html, json, markdown, terminal"):
        render(report(), "docx\x1b")


def test_a_renderer_is_added_by_an_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("first-line", "example_plugin:render", renderers.GROUP)
    monkeypatch.setattr(EntryPoint, "load", lambda self: lambda made: made.record()["id"])
    monkeypatch.setattr(
        renderers,
        "entry_points",
        lambda **kw: [point] if kw.get("name", "first-line") == "first-line" else [],
    )
    assert formats()[-1] == "first-line"
    assert render(report(), "first-line") == report().id


def test_a_renderer_that_returns_no_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("odd", "example_plugin:render", renderers.GROUP)
    monkeypatch.setattr(EntryPoint, "load", lambda self: lambda made: b"bytes")
    monkeypatch.setattr(renderers, "entry_points", lambda **kw: [point])
    with pytest.raises(UsageProblem, match="not text"):
        render(report(), "odd")


def test_the_golden_files_hold_no_path_of_the_machine_that_made_them() -> None:
    here = str(Path(__file__).resolve().parents[3])
    for path in golden("calibrated", "json").parent.glob("report-1-*"):
        assert here not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("format", ["html", "markdown", "terminal"])
def test_an_exact_test_is_told_with_its_design_at_the_head_and_no_missing_calibration(
    format: str,
) -> None:
    text = " ".join(re.sub(r"</?\w[^>]*>|\*\*", "", render(EXAMPLES["exact"](), format)).split())
    assert "Uncalibrated: no cohort" not in text
    assert "9.0e-76" in text
    assert "+61.25" in text
    heads = ("Design: coin.", "Design: public data set.", "What this does not say")
    place = [text.index(part) for part in heads]
    assert place == sorted(place)
