"""The time left of a ladder: right when rungs are there already, unknown before one was made;
one line a rung."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from auditor import console
from auditor.controls.cards.card_document import write_card
from auditor.controls.lineage import write_lineage
from auditor.labs.population.pace import THERE, Pace, PieceDone, duration, is_there
from tests.auditor.controls.cards.cards import card


def make(folder: Path) -> None:
    folder.mkdir(parents=True)
    write_card(folder, card())
    write_lineage(folder, card().lineage)


def climbed(folder: Path, there: int, total: int, probes: bool = False) -> list[PieceDone]:
    """A climb of which the first rungs are there (one second each); the others take a minute."""
    names = [f"rung{i}" for i in range(total)]
    for name in names[:there]:
        make(folder / name)
    groups = [THERE if is_there(folder / name, probes) else "made" for name in names]
    pace, told = Pace(known=1.0), list[PieceDone]()
    for done, (name, group) in enumerate(zip(names, groups, strict=True), 1):
        if done > there:
            make(folder / name)
        seconds = 1.0 if done <= there else 60.0
        pace.add(group, seconds)
        left = pace.left(groups[done:])
        told.append(PieceDone(done, total, name, group, folder / name, seconds, left))
    return told


def test_the_time_left_counts_made_rungs_alone(tmp_path: Path) -> None:
    told = climbed(tmp_path, there=3, total=6)
    assert [t.group for t in told] == [THERE] * 3 + ["made"] * 3
    assert [t.left for t in told] == [None, None, None, 120.0, 60.0, 0.0]


def test_a_finished_ladder_is_passed_by_with_its_own_pace(tmp_path: Path) -> None:
    assert [t.left for t in climbed(tmp_path, there=3, total=3)] == [2.0, 1.0, 0.0]


def test_a_rung_without_its_whole_transcript_is_not_there_yet(tmp_path: Path) -> None:
    assert not any(t.group == THERE for t in climbed(tmp_path, there=2, total=2, probes=True))


def test_a_rungs_line_tells_what_came_of_it(tmp_path: Path) -> None:
    told = climbed(tmp_path, there=1, total=3)
    assert told[0].line() == "1 of 3: rung0: already there"
    assert told[1].line() == (
        "2 of 3: rung1: positive, dose 50 %, loss 2.500 to 1.250, bits per byte -0.200 (-0.250 to -0.150), 1 min 0 s; "
        "about 1 min 0 s left"
    )
    assert "left" not in told[2].line()


def test_a_piece_without_a_card_is_told_by_its_group(tmp_path: Path) -> None:
    told = PieceDone(1, 3, "said/a", "asking a teacher", tmp_path, 4.0, 90.0).line()
    assert told == "1 of 3: said/a: asking a teacher, 4 s; about 1 min 30 s left"


def test_several_at_once_are_as_many_times_faster_and_half_the_groups_must_be_known() -> None:
    pace = Pace(known=0.5)
    pace.add("a", 10.0)
    assert pace.left(["a", "b"], jobs=2) == 10.0
    assert pace.left(["a", "b", "c"]) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59.7, "1 min 0 s"), (3599, "59 min 59 s"), (7260, "2 h 1 min")],
)
def test_times_are_told_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_the_whole_stays_above_its_steps_and_tells_the_time_left_that_it_was_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = Console(force_terminal=True, width=100, record=True, file=io.StringIO())
    monkeypatch.setattr(console, "Console", lambda stderr: shown)
    with console.progress_on("opening") as progress:
        whole = progress.step("rungs", whole=True)
        asking, training = progress.step("asking"), progress.step("training")
        whole(1, 4, 3725.0)
        asking(1, 2)
        training(5, 10)
        whole.bars.refresh()
        lines = [task.description for task in whole.bars.tasks if task.visible]
        assert lines == ["rungs", "training"]
    assert "1:02:05" in shown.export_text()


def test_without_a_terminal_there_is_no_bar_and_a_line_instead(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with console.progress_on("opening") as progress:
        progress.step("rungs", whole=True)(1, 2)
        progress.step("asking")(1, 2)
        progress.note("1 of 2")
    assert capsys.readouterr().err == "1 of 2\n"
