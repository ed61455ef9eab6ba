"""`auditor logs`: an API's own logs. `scan` finds bulk programmatic generation, `select` takes out
what was served to whom."""

from __future__ import annotations

import click


@click.group()
def logs() -> None:
    """Look for bulk extraction in an API's logs."""
