"""Shadows come out the same whoever makes them, one that fails stops no other, and what the budget
does not carry is left out in order."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from auditor.audits.shadow.budget import Purse, Spent
from auditor.audits.shadow.growing import Questions, ShadowMaking, ends_in, finished, grow
from auditor.audits.shadow.plan import ShadowPlan, make_shadow_plan
from auditor.audits.shadow.prompts import find_prompts
from auditor.audits.shadow.rungs import ShadowRung, shadow_rungs
from auditor.controls.recipe import Recipe
from auditor.execution.here import ThisProcess
from auditor.execution.local import LocalProcesses
from auditor.execution.order import Executor
from auditor.execution.tasks import line_of, task_in
from fingerprints.errors import Incomplete, MalformedInput
from fingerprints.progress import Progress
from fingerprints.records import Sampling
from fingerprints.subjects.cache import file_sha256
from fingerprints.transcript import load_transcript
from tests.auditor.audits.shadow.small import EXAMPLES, base, recipe_file, teacher

EXPECTED = Spent(seconds=5, tokens=100, trained=True)


class Told(Progress):
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.counts: list[tuple[int, int]] = []

    def __call__(self, done: int, total: int, left: float | None = None) -> None:
        self.counts.append((done, total))

    def say(self, line: str) -> None:
        self.lines.append(line)


class World:
    """A base, two recorded teachers, and the plan of two seeds."""

    def __init__(self, home: Path) -> None:
        self.base, self.home = base(home), home
        teachers = [teacher(home, manner) for manner in ("alpha", "beta")]
        self.plan = self.planned(teachers)
        self.sets = [choice.load() for choice in self.plan.probes]
        self.asked = Questions(self.sets, Sampling(max_tokens=8))

    def planned(self, teachers: list[str], **more: object) -> ShadowPlan:
        told = {"n": EXAMPLES, "seeds": 2, "probes": "style:2", "max_tokens": 8, **more}
        recipe = str(recipe_file(self.home))
        suspect = "recording:" + teachers[0]
        return make_shadow_plan(suspect, teachers, self.base, "tiny", recipe=recipe, **told)

    def rungs(self, out: Path) -> list[ShadowRung]:
        out.mkdir(exist_ok=True)
        prompts = find_prompts(self.plan, self.sets, self.home)
        return shadow_rungs(self.plan, 2, EXAMPLES, prompts, out)

    def grown(
        self, rungs: list[ShadowRung], out: Path, executor: Executor, purse: Purse | None = None
    ) -> tuple[tuple[str, ...], Told]:
        told = Told()
        usual = Purse.open(self.plan, out, EXPECTED)
        left = grow(rungs, self.asked, out / "shadows", purse or usual, executor, told)
        return left, told


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    home = tmp_path_factory.mktemp("growing")
    patch = pytest.MonkeyPatch()
    patch.setenv("AUDITOR_CACHE", str(home / "cache"))
    return World(home)


def weights(folder: Path) -> dict[str, str]:
    """Digests of everything that was trained."""
    found = sorted((folder / "shadows").glob("*/student/*.safetensors"))
    return {f"{p.parts[-3]}/{p.name}": file_sha256(p) for p in found}


@pytest.mark.timeout(300)
def test_processes_make_the_same_shadows_as_this_one_to_the_byte(world: World) -> None:
    here, apart = world.home / "here", world.home / "apart"
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        few = world.rungs(here)[:2]
        left, told = world.grown(few, here, ThisProcess())
    finally:
        torch.set_num_threads(threads)
    assert left == ()
    assert told.counts == [(0, 2), (1, 2), (2, 2)]
    with LocalProcesses(1) as executor:
        assert world.grown(world.rungs(apart)[:2], apart, executor)[0] == ()
    assert weights(here) == weights(apart)
    assert len(weights(here)) == 1, "the base itself is not trained"
    for rung in few:
        one, other = (
            load_transcript(out / "shadows" / rung.name / "transcript.jsonl").replies
            for out in (here, apart)
        )
        assert [r.text for r in one] == [r.text for r in other]
    before = {p: p.stat().st_mtime_ns for p in (here / "shadows").rglob("*.safetensors")}
    _, again = world.grown(few, here, ThisProcess())
    assert again.counts == [(2, 2)]
    assert {p: p.stat().st_mtime_ns for p in before} == before
    ends = ends_in(here / "shadows", [r.name for r in few])
    assert len(ends) == 2
    assert all(end.seconds > 0 and end.peak_bytes > 1 << 20 for end in ends)


@pytest.mark.timeout(300)
def test_one_that_fails_is_named_and_the_others_are_made(world: World, tmp_path: Path) -> None:
    rungs = world.rungs(tmp_path)[:3]
    bad = rungs[1]
    assert isinstance(bad.rung, Recipe)
    nowhere = bad.rung.student.model_copy(update={"base": f"hf:{tmp_path / 'nowhere'}"})
    rungs[1] = ShadowRung(
        bad.name, bad.teacher, bad.seed, bad.rung.model_copy(update={"student": nowhere})
    )
    told = Told()
    purse = Purse.open(world.plan, tmp_path, EXPECTED)
    with pytest.raises(Incomplete, match=f"1 of 3 shadows failed: {bad.name}"):
        grow(rungs, world.asked, tmp_path / "shadows", purse, ThisProcess(), told)
    assert [finished(tmp_path / "shadows" / r.name) for r in rungs] == [True, False, True]
    assert len(told.lines) == 1
    assert told.lines[0].startswith(f"{bad.name}: exit code ")


def test_one_whose_card_is_damaged_stops_no_other(world: World, tmp_path: Path) -> None:
    rungs = world.rungs(tmp_path)[:3]
    folder = tmp_path / "shadows" / rungs[1].name
    folder.mkdir(parents=True)
    (folder / "card.json").write_text("{", "utf-8")
    told, purse = Told(), Purse.open(world.plan, tmp_path, EXPECTED)
    with pytest.raises(Incomplete, match=f"1 of 3 shadows failed: {rungs[1].name}"):
        grow(rungs, world.asked, tmp_path / "shadows", purse, ThisProcess(), told)
    assert [finished(tmp_path / "shadows" / r.name) for r in rungs] == [True, False, True]
    assert not purse.rows[rungs[1].name].trained


def test_a_file_in_the_place_of_a_shadow_stops_no_other(world: World, tmp_path: Path) -> None:
    rungs = world.rungs(tmp_path)[:2]
    (tmp_path / "shadows").mkdir()
    (tmp_path / "shadows" / rungs[1].name).touch()
    purse = Purse.open(world.plan, tmp_path, EXPECTED)
    with pytest.raises(Incomplete, match="a file, where a folder is needed") as caught:
        grow(rungs, world.asked, tmp_path / "shadows", purse, ThisProcess())
    assert rungs[1].name in caught.value.what
    assert finished(tmp_path / "shadows" / rungs[0].name)


def moved_to(world: World, home: Path, out: Path) -> list[ShadowRung]:
    """The shadows of the folder ``out``, where its own file of prompts is that of ``home``."""
    prompts = find_prompts(world.plan, world.sets, out)
    assert prompts.controls == str(out / "prompts.jsonl")
    assert (out / "prompts.jsonl").read_bytes() == (home / "prompts.jsonl").read_bytes()
    return shadow_rungs(world.plan, 2, EXAMPLES, prompts, out)


def test_an_audits_folder_is_known_again_where_it_was_copied_or_moved(
    world: World, tmp_path: Path
) -> None:
    home, copy, gone = tmp_path / "home", tmp_path / "copy", tmp_path / "gone"
    home.mkdir()
    prompts = find_prompts(world.plan, world.sets, home)
    began = shadow_rungs(world.plan, 2, EXAMPLES, prompts, home)
    shutil.copytree(home, copy)
    # While the old file is there, the shadows are the very same: half-made ones go on.
    assert moved_to(world, home, copy) == began
    home.rename(gone)
    after = moved_to(world, gone, gone)
    assert [r.name for r in after] == [r.name for r in began]
    recipes = [r.rung for r in after if isinstance(r.rung, Recipe)]
    sources = {source for r in recipes for source in r.prompts.sources}
    assert str(gone / "prompts.jsonl") in sources
    assert not any(str(home / "prompts.jsonl") == source for source in sources)
    assert moved_to(world, gone, gone) == after


def test_another_recipe_is_refused_wherever_its_prompts_lie(world: World, tmp_path: Path) -> None:
    home, copy = tmp_path / "home", tmp_path / "copy"
    home.mkdir()
    prompts = find_prompts(world.plan, world.sets, home)
    shadow_rungs(world.plan, 2, EXAMPLES, prompts, home)
    shutil.copytree(home, copy)
    with pytest.raises(MalformedInput, match="shadows of another recipe"):
        shadow_rungs(world.plan, 2, EXAMPLES - 1, find_prompts(world.plan, world.sets, copy), copy)


def test_a_shadow_of_which_half_was_taken_away_is_made_again(world: World, tmp_path: Path) -> None:
    (untrained,) = world.rungs(tmp_path)[:1]
    world.grown([untrained], tmp_path, ThisProcess())
    folder = tmp_path / "shadows" / untrained.name
    (folder / "transcript.jsonl").unlink()
    assert world.grown([untrained], tmp_path, ThisProcess())[0] == ()
    assert finished(folder)


def test_what_the_budget_does_not_carry_is_left_out_and_so_is_what_follows(
    world: World, tmp_path: Path
) -> None:
    rungs = world.rungs(tmp_path)
    plan = world.plan.model_copy(update={"budget_minutes": 1.0})
    purse = Purse.open(plan, tmp_path, EXPECTED.model_copy(update={"seconds": 61.0}))
    left, told = world.grown(rungs, tmp_path, ThisProcess(), purse)
    assert list(left) == [r.name for r in rungs[1:]], "the base itself is always there"
    assert told.counts[-1] == (1, len(rungs))


def test_a_shadow_crosses_to_another_process_as_a_line(world: World, tmp_path: Path) -> None:
    rung = world.rungs(tmp_path)[2]
    task = ShadowMaking.make(rung, world.asked, tmp_path / rung.name)
    assert task_in(line_of(task)) == task
    assert (task.device, task.threads) == ("share", 1)
    others = Questions(world.sets, Sampling(max_tokens=9))
    assert ShadowMaking.make(rung, others, tmp_path / rung.name).key != task.key
