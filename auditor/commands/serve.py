"""`auditor serve`: a local page over many reports."""

from __future__ import annotations

import socket
from pathlib import Path

import click

from auditor.console import progress_on, put_json, say
from auditor.errors import ResourceLimit, missing_extra
from auditor.gallery.found import ReportEntry, ReportFolder, left_out

HERE = "127.0.0.1"
PORT = 8642


@click.command()
@click.argument("folder", metavar="DIR")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=PORT,
    show_default=True,
    help="Port on this machine; 0 takes a free one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON and serve nothing.")
def serve(folder: str, port: int, as_json: bool) -> int:
    """Show the reports below DIR on a page of this machine, until Ctrl-C.

    The page lists every report.json with its three answers, filters and sorts them, opens a report
    and each of its exhibits, and puts two reports side by side. It only reads, loads nothing from
    anywhere, and answers to this machine alone. It needs the extra `serve`.

    \b
    Examples:
      auditor serve reports/
      auditor serve reports/ --port 0
      auditor serve reports/ --json
    """
    found = ReportFolder.open(Path(folder))
    with progress_on("reading the reports") as progress:
        entries = found.entries(progress)
    if left_out(entries):
        say(left_out(entries))
    if as_json:
        put_json([_told(entry) for entry in entries])
        return 0
    _serve(found, port)
    return 0


def _told(entry: ReportEntry) -> dict[str, object]:
    return {
        "place": entry.place,
        "suspect": entry.name,
        "created": entry.created,
        "statuses": entry.statuses,
        "says": entry.says,
        "problem": entry.problem or None,
    }


def _serve(found: ReportFolder, port: int) -> None:
    from auditor.gallery.app import application  # the extra may be missing

    app = application(found)
    try:
        import uvicorn
    except ImportError as error:
        raise missing_extra("uvicorn", "serve", "a page over many reports") from error
    with _listening(port) as listener:
        say(f"http://{HERE}:{listener.getsockname()[1]}/ shows {found.root.name} until Ctrl-C")
        config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
        try:
            uvicorn.Server(config).run(sockets=[listener])
        except KeyboardInterrupt:  # how it is meant to end
            say("ended")


def _listening(port: int) -> socket.socket:
    """A socket on this machine alone. Raises ResourceLimit where the port is taken."""
    try:
        return socket.create_server((HERE, port))
    except OSError as error:
        raise ResourceLimit(
            f"port {port} can't be opened: {error.strerror}",
            next_step="end what uses it, or give another one with --port (0: any free one)",
        ) from error
