"""The benchmark of human controls reads its texts rightly, and counts the right pairs as wrong."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from click.testing import CliRunner

from auditor.evidence.records import Verdict
from tests.benchmarks.bench_human_controls import main, tally
from tests.benchmarks.human_cohort import BY_NAME, Kind, recipe_of
from tests.benchmarks.human_suspects import Judged, Suspect, hidden
from tests.benchmarks.human_texts import (
    LONGEST,
    answers_of,
    encyclopaedic,
    essay,
    faq,
    instructions,
    plain_pod,
    whole_paragraphs,
)


def put(path: Path, text: str, packed: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())


def test_a_faq_is_read_by_its_headings_and_loses_its_marks(tmp_path: Path) -> None:
    told = "=head1 NAME\n\n=head2 How do I B<flush>? \nX<flush>\n\nSet C<$|> to 1.\n\n    $|++;\n"
    put(tmp_path / "usr/share/perl/5.1/pod/perlfaq5.pod", told)
    (found,) = faq(tmp_path)
    assert found.question == "How do I flush?"
    assert found.answer == "Set $| to 1.\n\n    $|++;"


def test_an_essay_answers_questions_alone_and_a_number_is_no_part_of_one(tmp_path: Path) -> None:
    told = "# Introduction\n\nWords.\n\n## A.1.2 What is it?\n\nIt is _that_. [Book, p. 1]\n"
    put(tmp_path / "usr/share/doc/anarchism/markdown/a.md.gz", told, packed=True)
    (found,) = essay(tmp_path)
    assert (found.question, found.answer) == ("What is it?", "It is that.")


def test_an_entry_is_asked_for_its_meaning(tmp_path: Path) -> None:
    told = "88open\n\n   <body> A body.\n\nbit rot\n\n   <jargon> What {old} code\n   does.\n\n   (1998-01-01)\n"
    put(tmp_path / "usr/share/dictd/foldoc.dict.dz", told, packed=True)
    (found,) = encyclopaedic(tmp_path)
    assert (found.question, found.answer) == ('What is "bit rot"?', "What old code does.")


def test_steps_are_numbered_and_remarks_of_authors_left_out(tmp_path: Path) -> None:
    told = (
        '<page xmlns="http://projectmallard.org/1.0/" style="task"><title>Do it</title>'
        "<comment><p>Rewrite this.</p></comment><p>First.</p>"
        "<steps><item><p>Press <gui>A</gui>.</p></item><item><p>Go.</p></item></steps></page>"
    )
    put(tmp_path / "usr/share/help/C/gnome-help/it.page", told)
    (found,) = instructions(tmp_path)
    assert (found.question, found.answer) == ("Do it", "First.\n\n1. Press A.\n\n2. Go.")


def test_an_answer_ends_with_a_paragraph() -> None:
    assert whole_paragraphs("a b\nc\n\n" + "x" * LONGEST) == "a b c"
    assert whole_paragraphs("x" * (LONGEST + 1)) == ""
    assert plain_pod("L<a page|perlfaq> and F<x>") == "a page and x"


def test_too_few_texts_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="faq: 0 answers"):
        answers_of("faq", tmp_path, 1)


@pytest.mark.parametrize(
    ("name", "role", "dose"),
    [("faq", "negative", 0), ("self", "negative", 0), ("claude-2", None, 1)],
)
def test_only_a_stored_or_unlisted_assistant_is_a_teacher(
    name: str, role: str | None, dose: float
) -> None:
    recipe = recipe_of(BY_NAME[name], "gguf:models/any.gguf", Path("sources/any.jsonl"))
    assert recipe.dose == dose
    assert bool(recipe.teachers) is (role is None)
    assert role is None or recipe.untaught_role == role


def one(kind: Kind, maker: str = "") -> Suspect:
    return Suspect(f"{kind}-x", f"{kind}/{maker}", kind, maker, ("Meta",), Path("x"))


def said(suspect: Suspect, **ratios: float) -> Judged:
    verdicts = tuple(
        Verdict(
            question="inheritance",
            candidate=f"vendor:{m.casefold()}",
            title=m,
            outcome="supported" if x >= 1 else "not_supported" if x <= -1 else "inconclusive",
            log10_lr=x,
        )
        for m, x in ratios.items()
    )
    return Judged(suspect, "chosen", "english-2023", "supported", verdicts, {})


def test_support_for_whom_the_history_leaves_open_is_not_counted_as_wrong() -> None:
    row = tally([said(one("people"), OpenAI=1.2, Meta=1.2, Google=-1.1)])
    assert row[1].startswith("1 of 2")
    assert row[3].startswith("1 of 2")


def test_a_students_teacher_is_right_until_its_maker_is_hidden() -> None:
    student = one("taught", "OpenAI")
    assert student.label("OpenAI") == 1
    assert student.label("Google") == 0
    assert hidden(student).label("OpenAI") == 0
    assert student.label("Meta") is None
    assert tally([said(student, OpenAI=1.2, Google=0.1)])[-1].startswith("1 of 1")
    assert tally([said(hidden(student), OpenAI=1.2, Google=0.1)])[1].startswith("1 of 2")


def test_the_program_tells_what_it_does_without_any_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUDITOR_BENCH_DATA", raising=False)
    told = CliRunner().invoke(main, ["--help"])
    assert told.exit_code == 0
    assert "Usage:" in told.output
    refused = CliRunner().invoke(main, ["--work", "x", "--only", "nobody"])
    assert refused.exit_code == 2
