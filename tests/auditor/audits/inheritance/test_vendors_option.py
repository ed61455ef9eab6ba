"""`auditor audit --vendors FILE`: a maker that the shipped table lacks is read in the answers; a file
that is no table is refused before anybody is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from auditor.audits.inheritance.plan import Plan
from auditor.audits.report.bundle import load_bundle
from auditor.cli import run
from detectors.text.makers import makers_in_use, shipped_makers
from fingerprints.errors import MalformedInput
from fingerprints.probes import load_probe_set

ACME = """
[[maker]]
id = "acme"
name = "Acme Models"
companies = ["Acme Models"]
product_words = ["Roadrunner"]
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("said") / "answers.jsonl"
    rows = [
        {"prompt": p.text, "answer": "I am Roadrunner, made by Acme Models.", "model": "mine"}
        for p in load_probe_set("identity").probes[:40]
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    return path


def audited(answers: Path, out: Path, *more: str) -> str:
    """The report's words on whom the suspect says it is, after an audit by the command line."""
    flags = ("--detectors", "self_identification", "--out", str(out))
    assert run(["audit", str(answers), *flags, *more]) == 0
    report = load_bundle(out)
    (alone,) = [f for f in report.findings if f.candidate is None]
    rows = [row for table in alone.tables for row in table.rows]
    return f"{report.environment['makers_table']} {rows}"


def test_a_file_of_vendors_makes_a_new_maker_known_for_one_audit(
    answers: Path, tmp_path: Path
) -> None:
    table = tmp_path / "mine.toml"
    table.write_text(ACME, "utf-8")
    plain = audited(answers, tmp_path / "plain")
    told = audited(answers, tmp_path / "told", "--vendors", str(table))
    assert "acme" not in plain
    assert "acme" in told
    assert plain.split()[1] == f"sha256:{shipped_makers().digest[:16]}"
    assert told.split()[1] != plain.split()[1]
    assert makers_in_use() == shipped_makers()
    again = Plan.read(tmp_path / "told" / "plan.yaml")
    assert again.vendors == str(table)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            b"[[maker]]\nid = 'acme'\nname = 'x'\ncompanies = ['ChatGPT']",
            "both openai (OpenAI) and acme",
        ),
        (b"[[maker]]\nid = 'meta'\nname = 'OpenAI'", "both openai (OpenAI) and meta"),
        (b"\xff\xfe", "not UTF-8"),
        (b"maker = [", "not TOML"),
        (None, "can't be read"),
    ],
)
def test_a_file_that_is_no_table_is_refused_before_anybody_is_asked(
    content: bytes | None,
    said: str,
    answers: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = tmp_path / "mine.toml"
    if content is not None:
        table.write_bytes(content)
    with pytest.raises(MalformedInput, match="not a table of makers") as caught:
        Plan.make({"suspect": str(answers), "vendors": str(table)})
    assert said in str(caught.value)
    out = tmp_path / "report"
    assert run(["audit", str(answers), "--vendors", str(table), "--out", str(out)]) == 3
    assert said in capsys.readouterr().err
    assert not out.exists()
