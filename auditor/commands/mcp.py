"""`auditor mcp`: the toolkit as tools for a language model's client."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from auditor.commands.custody import OPERATOR
from auditor.console import say
from auditor.errors import missing_extra


@click.command()
@click.option(
    "--root",
    metavar="DIR",
    default=".",
    show_default=True,
    help="The only folder whose files are read and written.",
)
@click.option(
    "--allow-network",
    is_flag=True,
    help="Let requests ask the makers' own endpoints and download from the hub.",
)
@click.option(
    "--base-url",
    "addresses",
    metavar="URL",
    multiple=True,
    help="An address that requests may ask besides, with --allow-network; may be repeated.",
)
@OPERATOR
def mcp(root: str, allow_network: bool, addresses: tuple[str, ...], operator: str) -> int:
    """Serve audit, lineage, report, compare and store_list to an MCP client on stdin and stdout.

    A client is driven by a language model, so it may read and write below --root only, and nothing
    is asked or downloaded without --allow-network. It gets statuses, digests and paths; words of a
    suspect reach it as marked quotations only. It needs the extra `mcp` (docs/mcp.md).

    \b
    Examples:
      auditor mcp --root ./models
      OPENAI_API_KEY=… auditor mcp --root ./work --allow-network
    """
    if find_spec("mcp") is None:
        raise missing_extra("mcp", "mcp", "serving tools to a client")
    from auditor.mcp.fence import entered  # the extra may be missing
    from auditor.mcp.server import served

    fence = entered(Path(root), allow_network, addresses)
    server = served(fence, operator)
    say(f"serving {fence.root.name} on stdin and stdout; end it with Ctrl-C")
    server.run("stdio")
    return 0
