"""Every example that a help or a page of the documentation prints is one line of a shell, of a command that
exists with options that it has."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from auditor.cli import cli

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
