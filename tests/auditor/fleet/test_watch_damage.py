"""What lies in a watch's folder is damaged, cut short or gone: it is named in a line, stops no other
endpoint, and nothing that was heard is lost or taken for something new."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor.cli import run
from auditor.fleet.telling import FEED
from auditor.fleet.watch_files import STATE, open_file, state_file
from tests.auditor.fleet.fleets import answers, written
from tests.auditor.fleet.test_watch import EACH, FIRST, speaks
from tests.faultserver import FaultServer


class Watch:
    """Two endpoints of one server, watched by the command."""

    def __init__(self, folder: Path, server: FaultServer) -> None:
        spec = f"openai:m,base_url={server.url}"
        both = [{"name": name, "spec": spec} for name in ("one", "two")]
        self.server, self.out = server, folder / "out"
        path = written(folder, both, [answers("bundled")])
        self.command = ["watch", str(path), "--out", str(self.out), "--once", "--jobs", "1"]

    def looked(self, *more: str) -> tuple[int, int]:
        """One look: its exit code, and how many questions it asked."""
        before = len(self.server.requests)
        return run([*self.command, *more]), len(self.server.requests) - before

    def looks(self, name: str) -> list[Path]:
        return sorted((self.out / "watch" / name / "looks").iterdir())


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()
    (file / "kept").write_text("x", "utf-8")


def a_text(text: str) -> Callable[[Path], None]:
    return lambda file: file.write_text(text, "utf-8") and None


@pytest.mark.parametrize(
    "damage",
    [a_text("{"), a_text(""), a_text('{"looks": 3}'), a_folder],
    ids=["cut", "empty", "other", "folder"],
)
def test_a_damaged_open_look_is_named_put_aside_and_stops_nobody(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], damage: Callable[[Path], None]
) -> None:
    with FaultServer(speaks(lambda n: 0)) as server:
        watch = Watch(tmp_path, server)
        assert watch.looked() == (0, 2 * FIRST)
        file = open_file(watch.out)
        file.write_text("", "utf-8")
        damage(file)
        capfd.readouterr()
        assert watch.looked() == (6, 2 * EACH)
        told = capfd.readouterr().err
        assert f"({file}); it is now look.damaged-1.json" in told
        assert "2 of 2 endpoints looked at" in told
        aside = file.with_name("look.damaged-1.json")
        assert aside.exists()
        assert not file.exists()
        assert watch.looked() == (0, 2 * EACH)
        file.write_text("[", "utf-8")
        assert watch.looked()[0] == 6
        assert aside.exists()
        assert file.with_name("look.damaged-2.json").read_text("utf-8") == "["


def test_a_change_that_may_not_have_been_told_is_told_again_behind_a_damaged_open_look(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Killed between a change and its telling, and then damaged."""
    with FaultServer(speaks(lambda n: int(n >= 2 * (FIRST + EACH)))) as server:
        watch = Watch(tmp_path, server)
        assert [watch.looked()[0] for _ in range(3)] == [0, 0, 1]
        open_file(watch.out).write_text("{", "utf-8")
        capfd.readouterr()
        assert watch.looked()[0] == 1
        told = capfd.readouterr().out.splitlines()
        assert [line.split(":")[0] for line in told] == ["At look 3 of one", "At look 3 of two"]
        assert watch.looked() == (0, 2 * EACH)


def gone(file: Path) -> None:
    file.unlink()


def cut(file: Path) -> None:
    """Its last answers are lost, at the end of a line: what is left reads well."""
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-3]))


@pytest.mark.parametrize("damage", [gone, cut, a_text("{}\n")], ids=["gone", "cut", "damaged"])
def test_an_earlier_look_that_is_damaged_costs_its_endpoint_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], damage: Callable[[Path], None]
) -> None:
    with FaultServer(speaks(lambda n: 0)) as server:
        watch = Watch(tmp_path, server)
        assert [watch.looked()[0], watch.looked()[0]] == [0, 0]
        first = watch.looks("one")[0]
        whole = first.read_bytes()
        damage(first)
        capfd.readouterr()
        assert watch.looked() == (6, 2 * EACH)
        told = capfd.readouterr().err
        assert "one: not compared: look 1: " in told
        assert str(first) in told
        assert "put it back" in told
        assert "1 of 2 endpoints looked at" in told
        # What was asked is kept: nobody is asked for the same look again.
        assert watch.looked() == (6, EACH)
        first.write_bytes(whole)
        assert watch.looked() == (0, EACH)
        looks = {n: STATE.read(state_file(watch.out, n)).looks for n in ("one", "two")}
        assert looks == {"one": 3, "two": 5}
        # As the line says: without its folder it is watched anew.
        damage(first)
        assert watch.looked()[0] == 6
        shutil.rmtree(first.parent.parent)
        assert watch.looked() == (0, FIRST + EACH)


def test_old_looks_are_not_taken_for_new_ones_where_the_state_is_gone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Else each look after it would read what was heard a year ago, and ask nobody."""
    with FaultServer(speaks(lambda n: int(n >= 2 * (FIRST + EACH)))) as server:
        watch = Watch(tmp_path, server)
        assert [watch.looked()[0] for _ in range(2)] == [0, 0]
        state_file(watch.out, "one").unlink()
        capfd.readouterr()
        # The other model answers by now: it is the new baseline of one, and a change of two.
        assert watch.looked() == (1, FIRST + EACH)
        told = capfd.readouterr()
        assert "one: what was known of it is gone: 2 earlier looks" in told.err
        assert told.out.startswith("At look 3 of two: ")
        assert watch.looked() == (0, EACH + FIRST)
    state = STATE.read(state_file(watch.out, "one"))
    assert (state.looks, state.baseline, state.began, len(state.p)) == (4, 3, 3, 1)


def test_a_first_look_that_was_killed_goes_on_without_a_state(tmp_path: Path) -> None:
    with FaultServer(speaks(lambda n: 0)) as server:
        watch = Watch(tmp_path, server)
        assert watch.looked() == (0, 2 * FIRST)
        # As if killed before any state was written.
        for name in ("one", "two"):
            state_file(watch.out, name).unlink()
        open_file(watch.out).write_text('{"looks": {"one": 0, "two": 0}, "known": {}}', "utf-8")
        assert watch.looked() == (0, 0)
        assert watch.looked() == (0, 2 * EACH)


def test_a_feed_that_can_not_be_written_keeps_no_change_from_being_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with FaultServer(speaks(lambda n: int(n >= 2 * (FIRST + EACH)))) as server:
        watch = Watch(tmp_path, server)
        watch.out.mkdir()
        (watch.out / "mark.json").write_text('{"name": "spring"}', "utf-8")
        (watch.out / FEED).mkdir()
        assert watch.looked() == (3, 2 * FIRST)
        assert f"{FEED}: can't be used" in capfd.readouterr().err
        assert watch.looked()[0] == 3
        assert watch.looked()[0] == 1
        assert "At look 3 of one" in capfd.readouterr().out
        (watch.out / FEED).rmdir()
        assert watch.looked()[0] == 0
        assert b"look 3 of one" in (watch.out / FEED).read_bytes()


@pytest.mark.parametrize("place", ["watch/one", "watch/one/state.json"])
def test_what_of_one_endpoint_can_not_be_written_keeps_no_change_of_another_from_being_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], place: str
) -> None:
    with FaultServer(speaks(lambda n: int(n >= 2 * (FIRST + EACH)))) as server:
        watch = Watch(tmp_path, server)
        assert [watch.looked()[0], watch.looked()[0]] == [0, 0]
        blocked, aside = watch.out / place, tmp_path / "aside"
        blocked.rename(aside)
        if place == "watch/one":
            blocked.write_text("a file, where a folder is needed", "utf-8")
        else:
            (blocked / "held").mkdir(parents=True)
        capfd.readouterr()
        assert watch.looked()[0] == 1
        told = capfd.readouterr()
        assert [line.split(":")[0] for line in told.out.splitlines()] == ["At look 3 of two"]
        why = "can't be used: " if place == "watch/one" else "can't be read: "
        assert f"one: not asked: {why}" in told.err or f"one: not compared: {why}" in told.err
        shutil.rmtree(blocked) if blocked.is_dir() else blocked.unlink()
        aside.rename(blocked)
        assert watch.looked()[0] == 1
        assert capfd.readouterr().out.startswith("At look 3 of one: ")
