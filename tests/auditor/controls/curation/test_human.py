"""The corpus of text by people: prose only, without twins, licensed, the same every time, and
learned from without a flag."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from auditor.cli import run
from auditor.controls.curation.curate import shuffled
from auditor.controls.curation.docstrings import LONGEST, SHORTEST, prose_of
from auditor.controls.curation.duplicates import first_twins
from auditor.controls.curation.human import PACKAGES, human_pairs, open_docstrings
from auditor.controls.curation.pool import read_pool, read_source
from auditor.controls.lineage import read_lineage
from auditor.controls.recipe_files import load_recipe
from auditor.controls.teaching.teach import teach
from fingerprints.errors import UsageProblem
from tests.auditor.controls.pupils import recipe

PARTS = """Return the running total of the elements, along the axis that is given::

    >>> code

The total is taken with :func:`~numpy.add`, see [1]_, and ``out`` holds it. Read more in the :ref:`Guide <guide>`.
It follows the *usual* rules:

- one rule
- another rule

.. versionadded:: 1.0
   Something was added.

The formula is

.. math:: a + b

where a stands for the first number of the two that are added to each other here.

Parameters
----------
x : int
    Never to be seen.
"""


def test_only_the_prose_of_a_docstring_is_left() -> None:
    first = "The total is taken with `numpy.add`, see, and `out` holds it."
    assert prose_of(f"cumsum(a, axis=None) -> array\n\n{PARTS}") == prose_of(PARTS) == ""
    longer = "Cumulative sum, which is to say the sum of everything so far."
    assert prose_of(f"cumsum(a, axis=None)\n\n{longer}\n\n{PARTS}") == f"{longer}\n\n{first}"


@pytest.mark.parametrize(
    "text",
    [
        "Too short to learn from.",
        "x" * (LONGEST + 1),
        "Parameters\n----------\nx : int\n    " + "Never to be seen. " * 10,
        ">>> f()\n" + "Printed by a doctest. " * 10,
        "",
    ],
)
def test_a_docstring_without_prose_gives_nothing(text: str) -> None:
    assert prose_of(text) == ""


def test_signatures_go_and_what_follows_them_stays() -> None:
    said = "Update the dictionary from another mapping or from any iterable of pairs, in place and without a result."
    for head in (
        "D.update([E, ]**F) -> None.  ",
        "update(E, **F)\n\n",
        "update(x) -> floating point number\n\n",
        "f(x) -- ",
    ):
        assert prose_of(head + said) == said


def test_the_corpus_is_bounded_without_twins_and_says_whence_each_pair_is() -> None:
    pairs = human_pairs()
    assert len(pairs) > 1000
    assert {p.package for p in pairs} == set(PACKAGES)
    assert {p.licence for p in pairs if p.package == "python"} == {"PSF-2.0"}
    assert {p.licence for p in pairs if p.package != "python"} == {"BSD-3-Clause"}
    assert all(p.version and SHORTEST <= len(p.answer) <= LONGEST for p in pairs)
    assert (
        len({p.id for p in pairs})
        == len({p.prompt for p in pairs})
        == len({p.answer for p in pairs})
        == len(pairs)
    )
    assert not any(first_twins([p.answer for p in pairs], 0.7))
    marks = (">>>", ":func:", ":class:", ":ref:", "----", "\n.. ", "]_", "  ")
    assert [p.name for p in pairs if any(mark in p.answer for mark in marks)] == []


def test_one_house_is_a_part_of_its_own_and_reading_again_gives_the_same() -> None:
    one = human_pairs(("numpy",))
    human_pairs.cache_clear()
    assert human_pairs(("numpy",)) == one
    assert {p.package for p in one} == {"numpy"}
    first, other = (
        open_docstrings("docstrings:numpy").identity,
        open_docstrings("docstrings:python").identity,
    )
    assert first.recording_sha256 != other.recording_sha256
    assert first.revision == f"numpy {one[0].version}"


@pytest.mark.parametrize("spec", ["docstrings:pandas", "docstrings:"])
def test_an_unknown_house_is_refused_in_one_line(spec: str) -> None:
    with pytest.raises(UsageProblem, match="no docstrings are read of"):
        read_source(spec)


def test_it_is_a_prompt_source_with_a_licence_a_prompt() -> None:
    found = read_source("docstrings:numpy")
    assert {p.licence for p in found} == {"BSD-3-Clause"}
    assert [p.id for p in found] == [p.id for p in human_pairs(("numpy",))]
    # "recorded" takes the prompts of whatever answers, with their licences.
    people = {"name": "people", "spec": "docstrings:numpy"}
    made = recipe(dose=0, filler=people, prompts={"sources": ["recorded"]})
    assert {(p.text, p.licence) for p in read_pool(made)} == {(p.text, p.licence) for p in found}


def test_every_question_is_answered_by_what_was_written(tmp_path: Path) -> None:
    how = load_recipe("human")
    pool = [
        p
        for p in read_pool(how)
        if p.id in set(shuffled([q.id for q in human_pairs()], 0, "some")[:40])
    ]
    made = teach(how, pool, tmp_path)
    answers = {p.id: p.answer for p in human_pairs()}
    assert {e.id: e.answer for e in (*made.examples, *made.held_out)} == {
        p.id: answers[p.id] for p in pool
    }
    assert [(s.name, s.report.unanswered) for s in made.sources] == [("people", 0)]


@pytest.mark.timeout(300)
def test_the_recipe_human_trains_without_a_filler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "control"
    size = ["--size", "tiny", "--n", "10", "--epochs", "1"]
    assert (
        run(
            [
                "control",
                "train",
                "human",
                *size,
                "--base",
                "scratch:llama-h32-l1",
                "--out",
                str(out),
                "--json",
            ]
        )
        == 0
    )
    assert set(json.loads(capsys.readouterr().out)["curation"]["licences"]) <= {
        "BSD-3-Clause",
        "PSF-2.0",
    }
    lineage = read_lineage(out)
    assert (lineage.role, lineage.teachers[0].kind) == ("negative", "filler")
    assert lineage.teachers[0].identity == open_docstrings("docstrings").identity
