"""Units are done once, in the order of their needs, in any process; a failure is told and stops
nobody else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from auditor.execution.forecast import forecast
from auditor.execution.here import ThisProcess
from auditor.execution.local import LocalProcesses
from auditor.execution.order import Executor, do_all
from auditor.execution.tasks import WorkTask, line_of, succeeded, task_in
from auditor.execution.telling import UnitsTold, check_ends
from fingerprints.errors import Incomplete, MalformedInput, UsageProblem
from fingerprints.progress import Progress
from tests.auditor.execution.units import Failing, Heard, Mistaken, Writing, lines


def chain(folder: Path) -> list[WorkTask]:
    return [
        Writing.make(folder, "last", needs=("one", "two")),
        Writing.make(folder, "one"),
        Writing.make(folder, "two", needs=("one",)),
    ]


def test_units_are_done_after_what_they_need_and_never_twice(tmp_path: Path) -> None:
    heard = Heard()
    ends = do_all(chain(tmp_path), ThisProcess(), heard)
    assert heard.ids == ["one", "two", "last"]
    assert heard.counts == [1, 2, 3]
    assert all(end.exit_code == 0 and end.peak_bytes > 0 for end in ends.values())
    again = do_all(chain(tmp_path), ThisProcess(), Heard())
    assert again == ends
    assert [len(lines(tmp_path, name)) for name in ("one", "two", "last")] == [1, 1, 1]


def test_another_key_is_another_unit(tmp_path: Path) -> None:
    first = Writing.make(tmp_path, "one")
    do_all([first], ThisProcess(), Heard())
    do_all([first.model_copy(update={"key": "other"})], ThisProcess(), Heard())
    assert len(lines(tmp_path, "one")) == 2


@pytest.mark.timeout(300)
def test_processes_do_the_same_in_one_thread_each_and_see_their_device(tmp_path: Path) -> None:
    with LocalProcesses(2) as executor:
        ends = do_all(chain(tmp_path), executor, Heard())
    assert {end.exit_code for end in ends.values()} == {0}
    assert [lines(tmp_path, n)[0]["OMP_NUM_THREADS"] for n in ("one", "two", "last")] == ["1"] * 3


def failing(folder: Path) -> list[WorkTask]:
    return [
        Failing.make(folder, "bad"),
        Writing.make(folder, "behind", needs=("bad",)),
        Writing.make(folder, "beside"),
    ]


class Said(Progress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def test_a_failure_is_named_stops_who_needs_it_alone_and_is_tried_again(tmp_path: Path) -> None:
    said = Said()
    tasks = failing(tmp_path)
    ends = do_all(tasks, ThisProcess(), UnitsTold("units", 3, said))
    assert {name: end.exit_code for name, end in ends.items()} == {
        "bad": 3,
        "behind": 3,
        "beside": 0,
    }
    assert said.lines[0].startswith("bad: exit code 3: a damaged file")
    with pytest.raises(Incomplete, match="2 of 3 units failed: bad: a damaged file") as caught:
        check_ends(ends, "units")
    assert caught.value.next_step == (
        "mend it; then run the same command again: what was finished is kept"
    )
    assert not succeeded(tasks[0])
    (tmp_path / "mended").touch()
    check_ends(do_all(tasks, ThisProcess(), Heard()), "units")
    assert [len(lines(tmp_path, t.id)) for t in tasks] == [1, 1, 1]


@pytest.mark.parametrize(
    ("needs", "words"), [(("nobody",), "nobody"), (("b",), "wait for each other")]
)
def test_needs_that_nothing_meets_are_refused(
    tmp_path: Path, needs: tuple[str, ...], words: str
) -> None:
    tasks = [Writing.make(tmp_path, "a", needs=needs), Writing.make(tmp_path, "b", needs=("a",))]
    with pytest.raises(UsageProblem, match=words):
        do_all(tasks, ThisProcess(), Heard())


class Counting(ThisProcess):
    """Two at once, though one after the other."""

    at_once = 2


def test_what_is_not_carried_is_left_out_with_what_needs_it(tmp_path: Path) -> None:
    tasks = [Writing.make(tmp_path, str(n)) for n in range(4)]
    tasks.append(Writing.make(tmp_path, "behind", needs=("3",)))
    asked: list[tuple[str, int]] = []

    def carried(task: WorkTask, running: int) -> bool:
        asked.append((task.id, running))
        return len(asked) <= 2

    ends = do_all(tasks, Counting(), Heard(), carried)
    assert sorted(ends) == ["0", "1"]
    # Never more at work than there is room for.
    assert [n for _, n in asked] == [0, 1, 0, 0]
    assert not lines(tmp_path, "behind")


def test_a_line_names_no_class_but_a_task(tmp_path: Path) -> None:
    task = Writing.make(tmp_path, "one")
    assert task_in(line_of(task)) == task
    told = json.loads(line_of(task))
    with pytest.raises(MalformedInput, match="no task of ours"):
        task_in(json.dumps({**told, "kind": "os:system"}))
    with pytest.raises(MalformedInput, match="no task of ours"):
        task_in(json.dumps({**told, "kind": "auditor.version:VERSION"}))


def test_a_forecast_is_by_what_finished_units_took(tmp_path: Path) -> None:
    tasks = [Writing.make(tmp_path, str(n)) for n in range(5)]
    before = forecast(tasks, "local", 2)
    assert (before.units, before.done, before.seconds, before.peak_bytes) == (5, 0, None, None)
    do_all(tasks[:1], ThisProcess(), Heard())
    path = tmp_path / "0.end"
    end = {**json.loads(path.read_text()), "seconds": 10.0, "peak_bytes": 300 << 20}
    path.write_text(json.dumps(end))
    told = forecast(tasks, "local", 2)
    assert (told.done, told.seconds, told.peak_bytes) == (1, 20.0, 300 << 20)
    assert any("600 MiB in all" in line for line in told.lines())


def test_what_a_cluster_does_at_once_is_not_made_up(tmp_path: Path) -> None:
    tasks = [Writing.make(tmp_path, str(n)) for n in range(5)]
    do_all(tasks[:1], ThisProcess(), Heard())
    path = tmp_path / "0.end"
    path.write_text(json.dumps({**json.loads(path.read_text()), "seconds": 10.0}))
    told = forecast(tasks, "ray", None)
    assert (told.at_once, told.seconds, told.work_seconds) == (None, None, 40.0)
    words = " ".join(told.lines())
    assert "by ray, which tells how many at once" in words
    assert "40 s by what the finished ones took, divided by" in words
    assert "in all" not in words


def test_what_is_done_without_an_end_is_done(tmp_path: Path) -> None:
    tasks = [Writing.make(tmp_path, str(n)) for n in range(3)]
    do_all(tasks[:1], ThisProcess(), Heard())
    assert forecast(tasks, "local", 1, {"0", "2"}).done == 2


@pytest.mark.timeout(300)
@pytest.mark.parametrize("damage", ["{", "[]", '{"id": "one"}', "\x00", "[" * 100_000])
def test_a_damaged_end_is_told_done_again_and_stops_nobody(tmp_path: Path, damage: str) -> None:
    tasks, said = chain(tmp_path), Said()
    do_all(tasks, ThisProcess(), Heard())
    end = tmp_path / "one.end"
    end.write_text(damage)
    assert forecast(tasks, "local", 1).done == 2
    ends = do_all(tasks, ThisProcess(), UnitsTold("units", 3, said))
    assert {e.exit_code for e in ends.values()} == {0}
    assert [line.split(" (")[0].split(":")[:3] for line in said.lines] == [
        ["one", " done again", " not how a task ended"]
    ]
    assert str(end) in said.lines[0]
    assert [len(lines(tmp_path, name)) for name in ("one", "two", "last")] == [2, 1, 1]
    # Once: the next run finds an end that is whole.
    do_all(tasks, ThisProcess(), UnitsTold("units", 3, said))
    assert len(said.lines) == 1


@pytest.mark.timeout(300)
def test_a_bug_in_a_process_is_told_as_one_and_costs_its_unit_alone(tmp_path: Path) -> None:
    tasks = [Mistaken.make(tmp_path, "bad"), Writing.make(tmp_path, "beside")]
    with LocalProcesses(1) as executor:
        ends = do_all(tasks, executor, Heard())
    assert {n: (e.exit_code, e.code) for n, e in ends.items()} == {
        "bad": (70, "E-INTERNAL"),
        "beside": (0, ""),
    }


def test_a_unit_whose_end_can_not_be_written_is_no_done_one_and_stops_nobody(
    tmp_path: Path,
) -> None:
    """As on a disk that is full by then."""
    (tmp_path / "file").touch()
    ends = {"ends": str(tmp_path / "file" / "one.end")}
    tasks = [Writing.make(tmp_path, "one", **ends), Writing.make(tmp_path, "two")]
    found = do_all(tasks, ThisProcess(), Heard())
    assert {n: e.exit_code for n, e in found.items()} == {"one": 3, "two": 0}
    assert str(tmp_path / "file") in found["one"].what
    assert not succeeded(tasks[0])


def runs(executor: Executor) -> int:
    """Any of them is one."""
    return executor.at_once


def test_executors_say_how_many_they_do_at_once() -> None:
    with LocalProcesses(3) as processes:
        assert (runs(processes), runs(ThisProcess())) == (3, 1)
