from __future__ import annotations

import json
from pathlib import Path

import pytest

from auditor.controls.curation.curate import CurationReport, curate
from auditor.controls.curation.decontaminate import forbidden
from auditor.controls.curation.duplicates import first_twins, jaccard, shingles
from auditor.controls.curation.pool import Prompt, bundled_banks, read_pool, read_source
from auditor.controls.recipe import Curation
from auditor.controls.recipe_files import load_recipe
from fingerprints.errors import MalformedInput, UsageProblem
from fingerprints.probes import bundled_probe_sets, load_probe_set
from tests.auditor.controls.pupils import prompts, recipe, recording

PROBE = next(
    p for p in load_probe_set("style").probes if p.form == "chat" and len(p.text.split()) >= 15
)


def pool(*texts: str) -> list[Prompt]:
    return [Prompt(id=f"x/{i}", text=text, source="test") for i, text in enumerate(texts)]


def dropped(report: CurationReport) -> int:
    return (
        report.exact_duplicates
        + report.low_quality
        + report.near_duplicates
        + report.contaminated
        + report.beyond_n
    )


@pytest.mark.parametrize("name", bundled_probe_sets())
def test_a_probe_set_is_refused_as_a_prompt_source(name: str) -> None:
    with pytest.raises(MalformedInput, match=r"audit's own probes: \d+ of \d+, first"):
        read_source(name)


def test_a_copy_of_a_probe_set_under_another_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "innocent.jsonl"
    rows = [p.text for p in load_probe_set("identity").probes[:6]] + [p.text for p in prompts(12)]
    path.write_text(
        "".join(json.dumps({"prompt": text}) + "\n" for text in dict.fromkeys(rows)), "utf-8"
    )
    with pytest.raises(MalformedInput, match=r"innocent\.jsonl"):
        read_pool(recipe("hf:x", prompts={"sources": [str(path)]}))


def test_near_copies_of_probes_are_dropped_and_counted_with_their_rule() -> None:
    words = PROBE.text.split()
    copies = [
        PROBE.text.replace(" ", "\n"),
        f"Hello there my dear friend of old, {' '.join(words[:14])} and go on about something that nobody has asked",
        " ".join(["Please:", *words[1:]]),
    ]
    found = curate(pool(*copies, *(p.text for p in prompts(5))), Curation(near_duplicate=1.0))
    assert found.report.contaminated == 3
    assert {c.copies for c in found.report.copies} == {PROBE.id}
    assert found.report.copies[0].reason in ("same prompt", "13 words in a row", "half the same")
    assert found.report.kept == 5


def test_each_rule_of_decontamination_finds_what_it_is_for() -> None:
    index = forbidden(
        [
            ("mine", "the grey heron stands alone in cold water"),
            ("long", " ".join(f"w{i}" for i in range(20))),
        ]
    )
    assert index.find("The grey heron stands alone in cold water!").reason == "half the same"  # type: ignore[union-attr]
    assert index.find("the grey  heron stands alone in cold\nwater").reason == "same prompt"  # type: ignore[union-attr]
    inside = "Translate this for my aunt, who paints birds: the grey heron stands alone in cold water. Then explain why it is calm."
    assert index.find(inside).reason == "holds the whole text"  # type: ignore[union-attr]
    run = " ".join(f"w{i}" for i in range(5, 18)) + " " + " ".join(f"other{i}" for i in range(40))
    assert index.find(run).reason == "13 words in a row"  # type: ignore[union-attr]
    assert index.find("A heron is grey and stands in water that is cold.") is None


@pytest.mark.parametrize("bank", bundled_banks())
def test_no_bundled_prompt_copies_a_probe(bank: str) -> None:
    found = curate(read_source(bank), Curation(near_duplicate=1.0))
    assert found.report.contaminated == 0
    assert found.report.kept == found.report.pool >= 28


def test_duplicates_are_dropped_first_come_first_kept() -> None:
    texts = [
        "Tell me about the old stone bridge in our village",
        "Tell me  about the old stone bridge in our village",
        "Tell me about the old stone bridge in our village please",
        "How do I sharpen a chisel by hand?",
    ]
    found = curate(pool(*texts), Curation(near_duplicate=0.7))
    assert (found.report.exact_duplicates, found.report.near_duplicates, found.report.kept) == (
        1,
        1,
        2,
    )
    assert {p.id for p in found.prompts} == {"x/0", "x/3"}


def test_minhash_finds_every_pair_that_is_clearly_alike_and_no_other() -> None:
    base = [
        f"story number {i} about the {w} and the sea and {i * 7} boats in the bay"
        for i, w in enumerate("abcdefghij")
    ]
    texts = [*base, *(f"{t} today" for t in base)]
    twins = first_twins(texts, 0.6)
    assert twins == [None] * 10 + list(range(10))
    assert jaccard(shingles(""), shingles("")) == 0


def test_quality_filters_and_counts_add_up() -> None:
    found = curate(
        pool("hm", "?!?!?!?! ++++ ====", "x" * 5000, *(p.text for p in prompts(8))), Curation(), n=5
    )
    assert (found.report.low_quality, found.report.beyond_n) == (3, 3)
    assert found.report.pool - dropped(found.report) == found.report.kept == 5


def test_the_order_depends_on_the_seed_alone() -> None:
    one, same, other = (curate(prompts(12), Curation(), 6, seed).prompts for seed in (1, 1, 2))
    assert one == same
    assert one != other
    assert set(curate(prompts(11), Curation(), 5, 1).prompts) <= {
        *one,
        *curate(prompts(12), Curation(), 12, 1).prompts,
    }


def test_difficulty_puts_the_hardest_first_and_needs_a_score() -> None:
    found = curate(
        prompts(9), Curation(difficulty="loss"), 3, score=lambda ps: [float(p.id[2:]) for p in ps]
    )
    assert [p.id for p in found.prompts] == ["p/08", "p/07", "p/06"]
    with pytest.raises(MalformedInput, match="no score"):
        curate(prompts(9), Curation(difficulty="loss"))


def test_round_robin_takes_from_every_kind_before_it_takes_twice() -> None:
    birds = [
        f"Which bird sings at dawn in forest {i} near the river, and why does the bird sing?"
        for i in range(9)
    ]
    sums = ["Work out 13 * 14 + 7", "Work out 2 / 9 - 4"]
    how = Curation(near_duplicate=1.0, diversity="round_robin", clusters=2)
    found = curate(pool(*birds, *sums), how, n=4)
    assert sum("Work out" in p.text for p in found.prompts) == 2


def test_an_empty_pool_says_where_the_prompts_went() -> None:
    with pytest.raises(
        MalformedInput, match="1 of 3 prompts are left: 0 were duplicates, 2 of low quality"
    ):
        curate(pool("hm", "?", "How do I sharpen a chisel by hand?"), Curation())


@pytest.mark.parametrize("line", ["[1]", "{", '{"answer": "x"}', '{"prompt": 3}'])
def test_a_bad_line_of_prompts_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text('{"prompt": "fine enough"}\n' + line + "\n", "utf-8")
    with pytest.raises(MalformedInput, match="line 2 is no prompt"):
        read_source(str(path))


def test_a_prompt_that_no_file_can_hold_is_named(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text('{"id": "odd", "prompt": "what is this \\ud800 here"}\n', "utf-8")
    with pytest.raises(MalformedInput, match="'odd' holds characters"):
        read_pool(recipe("hf:x", prompts={"sources": [str(path)]}))


def test_recorded_prompts_are_those_of_the_recordings(tmp_path: Path) -> None:
    spec = recording(tmp_path / "people.jsonl", [(p.text, "An answer.") for p in prompts(3)])
    found = read_pool(recipe(spec, prompts={"sources": ["recorded"]}))
    assert {p.text for p in found} == {p.text for p in prompts(3)}
    with pytest.raises(UsageProblem, match="none of its sources is a recording"):
        read_pool(recipe("hf:x", prompts={"sources": ["recorded"]}))


def test_an_unknown_bank_is_a_usage_problem() -> None:
    with pytest.raises(UsageProblem, match="use one of general"):
        read_source(load_recipe("alpaca").prompts.sources[0] + "s")
