"""How the documentation site is built: pages of `docs/` as they are, and the API from docstrings.

`make docs` builds it, with every warning an error. Nothing of a page comes from elsewhere: no font,
no script, no counter; the search is a file beside the pages and works without a server.
"""

from collections.abc import Iterator

import click
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from auditor.cli import cli
from auditor.version import VERSION

project = "distillation-auditor"
author = "the distillation-auditor authors"
version = release = VERSION
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx_copybutton"]
exclude_patterns = ["_build", "**/.ipynb_checkpoints"]
default_role = "code"  # docstrings mark code by single backticks, as Markdown does
highlight_language = "text"

html_theme = "furo"
html_title = "distillation-auditor"
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False

myst_heading_anchors = 4  # as the links between pages are written for GitHub
myst_enable_extensions = ["deflist"]
nb_execution_mode = "off"  # a test runs the notebook; what is committed is what is shown
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
copybutton_exclude = ".linenos, .gp, .go"

# Levels of headings are as the figures were appended to the benchmarks.
suppress_warnings = ["myst.header"]


class EveryCommand(SphinxDirective):
    """``auditor … --help`` of every command, as a terminal shows it, each below its name."""

    def run(self) -> list[nodes.Node]:
        """One section a command, in the order of the names."""
        return [self._section(words, told) for words, told in helps(cli, ("auditor",))]

    def _section(self, words: tuple[str, ...], told: str) -> nodes.section:
        name = " ".join(words)
        section = nodes.section(ids=["-".join(words)])
        section += nodes.title(name, name)
        section += nodes.literal_block(told, told, language="text")
        return section


def helps(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """A command's words and help, then those of the commands below it."""
    context = click.Context(command, info_name=" ".join(words), terminal_width=88)
    yield words, command.get_help(context)
    if isinstance(command, click.Group):
        for name in sorted(command.list_commands(context)):
            below = command.get_command(context, name)
            if below is not None and not below.hidden:
                yield from helps(below, (*words, name))


def setup(app: Sphinx) -> dict[str, bool]:
    """What this site needs beside its extensions."""
    app.add_directive("every-command", EveryCommand)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
