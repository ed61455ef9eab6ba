"""Plans, costs and budgets of shadow audits: what the flags mean, what fits, and what is refused
in one line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auditor.audits.shadow.budget import Purse, Spent
from auditor.audits.shadow.costs import Costs, decide
from auditor.audits.shadow.judging import judge
from auditor.audits.shadow.plan import ShadowPlan, candidate, split_teachers
from auditor.cli import run
from detectors.base import Shadow
from detectors.stats.lr_bounds import elub
from fingerprints.errors import MalformedInput, UsageProblem
from tests.auditor.audits.shadow.small import teacher
from tests.detectors.inheritance.test_shadow_ratio import BASE, TAUGHT, said, shadows
from tests.fingerprints.subjects.tiny import tiny_checkpoint
from tests.recordings import answers_of, write_jsonl


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("shadow-plans")
    tiny_checkpoint(home / "base")
    for manner in ("alpha", "beta"):
        teacher(home, manner)
    write_jsonl(home / "few.jsonl", answers_of("alpha", n=5), model="few")
    write_jsonl(home / "said.jsonl", answers_of("gamma", n=60), model="said")
    return home


def arguments(
    folder: Path, *more: str, suspect: str = "hf:nobody/here", out: str = "audit"
) -> list[str]:
    base = ["--base", f"hf:{folder / 'base'}"]
    teachers = ["--teachers", f"{folder / 'alpha.jsonl'},{folder / 'beta.jsonl'}"]
    return ["shadow", "--suspect", suspect, *base, *teachers, "--out", str(folder / out), *more]


def test_a_dry_run_tells_the_shadows_and_their_cost_and_leaves_no_trace(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments(folder, "--seeds", "2", "--size", "tiny"), "--dry-run", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["decision"]["shadows"] == len(told["shadows"]) == 11
    # Of 48 shared prompts no more can be learned, and controls come before students, seed by seed.
    assert told["decision"]["n"] == 48
    assert told["shadows"][0] == "untrained-base0"
    assert told["shadows"][1:6] == [
        "none-base0-seed0",
        "human-base0-seed0",
        "look-base0-seed0",
        "alpha-dose100-base0-seed0",
        "beta-dose100-base0-seed0",
    ]
    assert told["decision"]["tokens"] > 0
    assert told["decision"]["students"] == 4
    assert not (folder / "audit").exists()


def test_a_dry_run_counts_minutes_one_by_one_where_a_cluster_was_not_asked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [*arguments(folder, "--seeds", "2", "--size", "tiny"), "--dry-run"]
    assert run([*command, "--executor", "ray"]) == 0
    assert "those of one shadow after the other" in capsys.readouterr().out
    assert run([*command, "--executor", "ray", "--jobs", "2"]) == 0
    told = capsys.readouterr().out
    assert "with 2 at once" in told
    assert "one shadow after the other" not in told


def test_a_file_where_the_folder_should_be_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "plain").touch()
    for out in ("plain", "plain/audit"):
        assert run(arguments(folder, out=out)) == 3
        told = capsys.readouterr().err.strip().splitlines()[-1]
        assert "a file, where a folder is needed" in told
        assert f"{folder / 'plain'})" in told


def test_of_many_shadows_a_dry_run_names_a_few(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments(folder, "--seeds", "60", "--size", "tiny"), "--dry-run"]) == 0
    told = capsys.readouterr().out.splitlines()
    named = next(line for line in told if line.startswith("# shadows: untrained-base0, none-"))
    assert named.count("-base0") == 25
    assert named.endswith(" and 276 more")


def test_doses_are_rungs_of_their_own(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = (
        "--seeds",
        "2",
        "--size",
        "tiny",
        "--dose",
        "1",
        "--dose",
        "0.25",
        "--dry-run",
        "--json",
    )
    assert run(arguments(folder, *more)) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["decision"]["shadows"] == len(told["shadows"]) == 15
    assert "alpha-dose025-base0-seed1" in told["shadows"]


def test_a_recorded_suspects_own_prompts_are_asked_and_never_learned(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The teachers answered 48 of its 60 prompts; 32 of the 60 are asked, and the others of the
    48 are learned."""
    suspect = f"recording:{folder / 'said.jsonl'}"
    assert run([*arguments(folder, "--size", "tiny", suspect=suspect), "--dry-run", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert 48 - 32 <= told["decision"]["n"] < 48 - 20


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (("--teachers", "nowhere.jsonl"), 3, "no such file"),
        (("--teacher", "alpha=hf:./x"), 2, "two teachers are called 'alpha'"),
        (("--recipe", "logit-kd", "--dry-run"), 2, "plain answers"),
        (("--budget-minutes", "0.01", "--dry-run"), 2, "too small: the least"),
        (("--budget-tokens", "10", "--dry-run"), 2, "too small: the least"),
        (("--base", "openai:x,base_url=http://localhost:1/v1"), 2, "none to open"),
        (("--seeds", "1"), 2, "--seeds"),
        (("--dose", "0"), 2, "--dose"),
        (("--teachers", "FEW", "--dry-run"), 3, "hold 5 prompts"),
        (("--probes", "style:0"), 2, "asks no probe"),
    ],
)
def test_what_can_not_be_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], code: int, words: str
) -> None:
    given = [str(folder / "few.jsonl") if word == "FEW" else word for word in more]
    assert run(arguments(folder, *given)) == code
    told = capsys.readouterr().err
    assert words in told
    assert len(told.strip().splitlines()) == 1
    assert not (folder / "audit").exists()


def test_a_suspect_without_a_base_is_asked_for_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [
        "shadow",
        "--suspect",
        "hf:org/name",
        "--teachers",
        str(folder / "alpha.jsonl"),
        "--out",
        "x",
    ]
    assert run(given) == 2
    assert "base is not known" in capsys.readouterr().err
    assert run(["shadow", "--suspect", "hf:org/name", "--base", "hf:org/base", "--out", "x"]) == 2
    assert "--teachers" in capsys.readouterr().err


def test_a_folder_of_something_else_is_left_alone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "other").mkdir()
    (folder / "other" / "diary.txt").write_text("dear diary")
    assert run(arguments(folder, out="other")) == 3
    assert "holds other files" in capsys.readouterr().err
    (folder / "other" / "diary.txt").rename(folder / "other" / "plan.yaml")
    assert run(arguments(folder, out="other")) == 3
    assert "not a shadow plan" in capsys.readouterr().err


def test_teachers_are_split_at_commas_that_are_no_options() -> None:
    given = "a=recording:x.jsonl,model=gpt,b=openai:n,base_url=http://h/v1,tokens=9,c=gguf:./c.gguf"
    assert split_teachers(given) == [
        "a=recording:x.jsonl,model=gpt",
        "b=openai:n,base_url=http://h/v1,tokens=9",
        "c=gguf:./c.gguf",
    ]


def test_a_name_is_given_or_made_of_the_file(folder: Path) -> None:
    assert candidate(str(folder / "alpha.jsonl")).name == "alpha"
    assert candidate("hf:Org/Big Model-7B").name == "big-model-7b"
    assert candidate("x1=hf:Org/Model,dtype=float32").model_dump() == {
        "name": "x1",
        "spec": "hf:Org/Model,dtype=float32",
    }
    assert candidate("GPT-4=hf:Org/Model").name == "gpt-4"
    with pytest.raises(UsageProblem, match="no name can be made"):
        candidate("hf:../..")


def plan(**changes: Any) -> ShadowPlan:
    value = {
        "suspect": "hf:s",
        "base": "hf:b",
        "base_origin": "user",
        "max_tokens": 50,
        "teachers": [{"name": "a", "spec": "hf:a"}, {"name": "b", "spec": "hf:b"}],
        "probes": [{"set": "style", "head": 40}],
    }
    return ShadowPlan.model_validate({**value, **changes})


def costs(chosen: ShadowPlan) -> Costs:
    return Costs(
        chosen, probes=40, answer=50.0, asking_seconds=0.0, rate=100.0, opening=5.0, basis="a test"
    )


def test_more_is_made_of_a_larger_budget_and_never_more_than_it_carries() -> None:
    free = decide(costs(plan()))
    assert (free.seeds, free.n, free.students) == (5, 128, 10)
    found = {minutes: decide(costs(plan(budget_minutes=minutes))) for minutes in (30, 45, 90, 600)}
    assert [(d.seeds, d.n) for d in found.values()] == sorted(
        (d.seeds, d.n) for d in found.values()
    )
    assert all(d.seconds <= 60 * minutes for minutes, d in found.items())
    assert found[600].seeds == 5
    fixed = decide(costs(plan(budget_minutes=60, seeds=4)))
    assert fixed.seeds == 4
    assert fixed.n < 128
    tight = decide(costs(plan(budget_tokens=200_000)))
    assert tight.tokens <= 200_000
    assert decide(costs(plan()), most=20).n == 20


def test_a_shadow_costs_what_it_learns_what_it_is_asked_and_a_few_words_before_and_after() -> None:
    """Two epochs of 20 rows (prompt 30, template 30, answer 50 tokens), 40 answers of 50, twice
    4 of 16."""
    tokens, seconds = costs(plan()).rung(20)
    assert tokens == 2 * 20 * 110 + 40 * 50 + 2 * 4 * 16
    assert seconds == tokens / 100 + 5


def test_several_at_once_take_whole_rounds_and_the_budget_is_the_clocks(tmp_path: Path) -> None:
    one, three = costs(plan()), replace(costs(plan()), at_once=3)
    alone, together = one.whole(5, 128), three.whole(5, 128)
    _, each = one.rung(128)
    assert alone.shadows == together.shadows == 26
    assert alone.tokens == together.tokens
    assert alone.seconds - together.seconds == pytest.approx((25 - 9) * each, abs=0.2)
    assert "with 3 at once" in together.lines()[-1]
    expected = Spent(seconds=25, tokens=1000, trained=True)
    purse = Purse.open(plan(budget_minutes=1), tmp_path, expected, 3)
    # Seven of 25 seconds are 175, of which the clock of three at once shows 58; eight are too many.
    assert [purse.carries_another(running) for running in (0, 6, 7)] == [True, True, False]
    purse.put("one", Spent(seconds=100, tokens=900, trained=True))
    assert purse.each.seconds == 100
    assert not purse.carries_another()
    assert not Purse.open(plan(budget_tokens=2500), tmp_path, expected, 3).carries_another(2)


def test_what_more_shadows_can_and_cannot_give_is_told_beforehand() -> None:
    few, many = costs(plan()).whole(2, 128), costs(plan()).whole(60, 128)
    assert (few.shadows, many.shadows) == (11, 301)
    # Two candidates and four kinds of control: of a student of neither, five sources are others.
    assert few.least_p == many.least_p == pytest.approx(1 / 6)
    assert (round(few.most, 2), round(many.most, 2)) == (0.98, 2.48)
    assert round(few.unseen, 3) == round(1 - 0.025 ** (1 / 9), 3)
    assert round(many.unseen, 4) == round(1 - 0.025 ** (1 / 241), 4)
    assert "no p-value under 0.167 (0.33 corrected" in many.lines()[2]
    older = many.model_copy(update={"teachers": 0})
    assert len(older.lines()) == 3


def test_how_long_hundreds_of_shadows_are_weighed_is_told_beforehand() -> None:
    """It grows with their square and with the pieces that are left out; of few nothing is said."""
    few, many = costs(plan()).whole(2, 128), costs(plan()).whole(60, 128)
    assert few.weighing_seconds < 10 < 120 < many.weighing_seconds < 3600
    told = [line for line in many.lines() if line.startswith("weighing a suspect")]
    minutes = round(many.weighing_seconds / 60)
    assert told == [
        f"weighing a suspect against them takes about {minutes} minutes of one processor core"
    ]
    assert not [line for line in few.lines() if line.startswith("weighing")]
    # What is trained takes as long as before.
    assert many.lines()[-1] == many.model_copy(update={"teachers": 0}).lines()[-1]


def among_all_kinds(seeds: tuple[int, ...], taught: tuple[str, ...]) -> tuple[Shadow, ...]:
    """Students of these candidates and every kind of control."""
    trained = shadows(seeds, taught)
    kinds = [
        replace(s, kind=kind, name=f"{kind}-{s.name}")
        for s in trained
        if not s.teachers and s.seed is not None
        for kind in ("none", "human", "look")
    ]
    untrained = [replace(s, kind="untrained") for s in trained if s.seed is None]
    return (*(s for s in trained if s.teachers), *kinds, *untrained)


@pytest.mark.parametrize("taught", [TAUGHT, TAUGHT[:1]])
def test_the_largest_ratio_is_that_of_so_many_shadows_told_apart(taught: tuple[str, ...]) -> None:
    """What is told beforehand against the map of such shadows, were their scores apart."""
    found = judge(said("beta", 7, 0.5), BASE, among_all_kinds((1, 2, 3), taught), taught, "shadows")
    assert found.fitted is not None
    known = found.fitted.numbers_.bounds
    far = np.full(known.n_h1, 9.0), np.full(known.n_h2, -9.0)
    chosen = plan(teachers=[{"name": n, "spec": f"hf:{n}"} for n in taught])
    assert costs(chosen).whole(3, 128).most == pytest.approx(elub(*far)[1])


def test_the_least_p_value_is_that_of_the_panel_itself() -> None:
    """What is told beforehand against what the detector makes of such shadows."""
    among = among_all_kinds((1, 2, 3), TAUGHT)
    found = judge(said("beta", 7, 0.5), BASE, among, TAUGHT, "shadows")
    beta = next(v for v in found.verdicts if v.candidate == "beta")
    chosen = plan(teachers=[{"name": n, "spec": f"hf:{n}"} for n in TAUGHT])
    assert beta.p_single == pytest.approx(costs(chosen).whole(3, 128).least_p)


def test_a_purse_counts_all_runs_and_stops_before_the_shadow_that_does_not_fit(
    tmp_path: Path,
) -> None:
    limited = plan(budget_minutes=1)
    expected = Spent(seconds=25, tokens=1000, trained=True)
    purse = Purse.open(limited, tmp_path, expected)
    assert purse.carries_another()
    purse.put("one", Spent(seconds=20, tokens=900, trained=True))
    again = Purse.open(limited, tmp_path, expected)
    assert (again.seconds, again.tokens, again.carries_another()) == (20, 900, True)
    again.put("two", Spent(seconds=22, tokens=900, trained=True))
    assert not again.carries_another()
    assert Purse.open(plan(budget_tokens=1900), tmp_path, expected).carries_another() is False
    (tmp_path / "spent.json").write_text("[")
    with pytest.raises(MalformedInput, match="spent"):
        Purse.open(limited, tmp_path, expected)


def test_a_plan_reads_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(plan(budget_minutes=2.5, doses=[1.0, 0.25]).to_yaml())
    assert ShadowPlan.read(path) == plan(budget_minutes=2.5, doses=[1.0, 0.25])
