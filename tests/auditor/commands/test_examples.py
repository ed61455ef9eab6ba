"""Every example that a help or a page of the documentation prints is one line of a shell, of a command that
exists with options that it has; and every file that it shows is one that is read."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from auditor.cli import cli
from auditor.commands.config_file import config_file
from auditor.fleet.plan import FLEET
from auditor.labs.traffic.settings import load_settings
from detectors.text.makers import read_makers, shipped_makers

ROOT = Path(__file__).parents[3]
MEASURED = ("benchmarks.md", "tree.md")
PAGES = [
    ROOT / "README.md",
    *sorted(p for p in (ROOT / "docs").rglob("*.md") if p.name not in MEASURED),
]
ENDS = ("&&", "||", "|", ";", ">", "<")


def commands(
    found: click.Command = cli, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, found
    if isinstance(found, click.Group):
        for name in found.list_commands(click.Context(found)):
            below = found.get_command(click.Context(found), name)
            assert below is not None
            yield from commands(below, (*path, name))


COMMANDS = dict(commands())


def joined(text: str) -> list[str]:
    """Lines, those that end in a backslash with the next."""
    return re.sub(r"\\\n\s*", " ", text).splitlines()


def check(line: str) -> bool:
    """Whether the line calls the command; it must call one that there is, with options that it has."""
    words = shlex.split(line, comments=True)
    while words and re.match(r"[A-Z_]+=", words[0]):
        words = words[1:]
    if words[:1] != ["auditor"]:
        return False
    words = words[1 : next((i for i, w in enumerate(words) if w in ENDS), len(words))]
    long = next(n for n in (3, 2, 1, 0) if tuple(words[:n]) in COMMANDS)
    path = tuple(words[:long])
    # Without a word of its own `harvest` is `harvest audit`.
    path = ("harvest", "audit") if path == ("harvest",) and len(words) > 1 else path
    found = COMMANDS[path]
    assert path or words[0].startswith("-"), line
    known = {o for p in found.params for o in (*p.opts, *p.secondary_opts)} | {
        "--help",
        "--version",
    }
    given = {w.partition("=")[0] for w in words[long:] if w.startswith("--")}
    assert given <= known, line
    return True


@pytest.mark.parametrize(
    "line", ["auditor audt x", "auditor audit x --stor y", "auditor harvest x --m 3"]
)
def test_a_line_that_can_not_run_is_seen(line: str) -> None:
    with pytest.raises(AssertionError):
        check(line)
    assert not check("--out report/")


def test_examples_are_found_where_they_stand() -> None:
    assert sum("Examples:" in (command.help or "") for command in COMMANDS.values()) > 30
    lines = joined(PAGES[0].read_text("utf-8"))
    assert sum(line.startswith("auditor ") and check(line) for line in lines) >= 12


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_the_examples_of_a_help_run_as_they_stand(path: tuple[str, ...]) -> None:
    told = joined(COMMANDS[path].help or "")
    marks = [i for i, line in enumerate(told) if re.match(r"Examples?:$", line.strip())]
    for begin in marks:
        block = told[begin + 1 :]
        end = next((i for i, line in enumerate(block) if not line.strip()), len(block))
        assert end
        assert all(check(line) for line in block[:end]), block[:end]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_commands_of_a_page_exist_with_their_options(page: Path) -> None:
    text = page.read_text("utf-8")
    blocks = re.findall(r"^```(?:sh|bash|)\n(.*?)^```", text, re.M | re.S)
    blocks += re.findall(r"(?:^    auditor .*\n)(?:^     .*\n)*", text, re.M)
    for block in blocks:
        for line in joined(block):
            if re.match(r"\s*(?:[A-Z_]+=\S+ )*auditor ", line):
                check(line.strip())
    plain = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    for quoted in re.findall(r"`(auditor [^`]+)`", plain):
        words = quoted.split()
        if not any(w.isupper() for w in words[1:2]) and "…" not in words:
            check(" ".join(words))


def shown(page: str, form: str, first: str) -> str:
    """The file in a page's block that begins so."""
    text = (ROOT / "docs" / page).read_text("utf-8")
    (found,) = re.findall(rf"^```{form}\n({re.escape(first)}.*?)^```", text, re.M | re.S)
    return str(found)


def test_the_plan_of_a_fleet_that_page_and_help_show_is_read(tmp_path: Path) -> None:
    helped = re.split(r"  A file:\n", COMMANDS["fleet",].help or "")[1].split("\n\n")[0]
    for text in (shown("fleet.md", "yaml", "format: fleet/1"), textwrap.dedent(helped)):
        (tmp_path / "fleet.yaml").write_text(text, "utf-8")
        assert len(FLEET.read(tmp_path / "fleet.yaml").audits) >= 3


def test_the_settings_of_traffic_that_the_page_shows_are_read(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(shown("logs-simulate.md", "yaml", "format: traffic/1"))
    assert load_settings(str(tmp_path / "mine.yaml")).campaigns[0].kind == "hydra"


def test_the_table_of_makers_that_the_page_shows_is_read() -> None:
    text = shown("vendors.md", "toml", "dated")
    read = read_makers(text, "mine.toml", shipped_makers())
    assert read.makers["acme"].name == "Acme Models"
    page = (ROOT / "docs" / "vendors.md").read_text("utf-8")
    assert f": {len(shipped_makers().makers)} makers" in page


def test_the_options_file_that_the_page_shows_is_read(tmp_path: Path) -> None:
    (tmp_path / "auditor.toml").write_text(shown("config.md", "toml", "[shared]"), "utf-8")
    found = config_file(str(tmp_path / "auditor.toml"), tmp_path)
    assert found is not None
    found.check_names(cli)
    assert found.defaults(COMMANDS["audit",], ("audit",))["max_tokens"] == 256
    assert found.defaults(COMMANDS["control", "train"], ("control", "train"))["size"] == "small"
