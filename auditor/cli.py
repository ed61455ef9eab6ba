"""The command line: parses, calls one function, prints, and turns every failure into one line and
an exit code.

Exit codes: 0 done · 1 done and at or above ``--fail-on`` · 2 usage · 3 malformed input · 4 unsafe
input refused · 5 store integrity · 6 endpoint or data incomplete · 7 resource limit · 8
verification failed · 9 locked · 10 weights contradict a declaration, under ``--fail-on
contradiction`` · 70 a bug · 130/143 interrupted, with everything answered so far
kept.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

import click
from click.exceptions import NoArgsIsHelpError

import auditor.circles  # noqa: F401  (what it sets counts for all that is loaded after it)
from auditor.commands.configured import HELP, where_from
from auditor.commands.naming import asks_json
from auditor.commands.table import TABLE, Commands, Listing
from auditor.console import put_error, say
from auditor.version import VERSION
from fingerprints.errors import (
    AuditError,
    MalformedInput,
    ResourceLimit,
    UsageProblem,
    missing_library,
)

CONTEXT = {
    "help_option_names": ["-h", "--help"],
    "max_content_width": 100,
}
BUG = 70


class Terminated(BaseException):
    """SIGTERM arrived: unwind, keep what is written, exit 143."""


@click.group(cls=Listing, context_settings=CONTEXT)
@click.version_option(VERSION, prog_name="auditor")
@click.option("--config", metavar="FILE", help=HELP)
def cli(config: str | None) -> None:
    """Was a model trained on another's answers? Where do its weights come from? Is a service what
    it claims?

    \b
    Audit a GGUF file against the bundled reference store, and look at report/report.html:
      auditor audit ./model.gguf --out report/
    Audit an endpoint against your own store:
      OPENAI_API_KEY=… auditor audit openai:NAME,base_url=http://localhost:8000/v1 --store teachers/
    Say what would be asked and what it costs, without asking:
      auditor audit hf:org/model --dry-run

    Every option has a twin in the environment, for instance AUDITOR_AUDIT_STORE, and a key in a
    file auditor.toml; `auditor config show` says where values come from. Data goes to stdout, talk
    to stderr.
    """


cli.commands = Commands(TABLE)


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Runs the command line and exits with the code that its docstring lists."""
    sys.exit(run(sys.argv[1:] if argv is None else list(argv)))


def run(argv: list[str]) -> int:  # noqa: PLR0911  (one return a kind of ending)
    """Runs the command line and returns its exit code; raises nothing."""
    signal.signal(signal.SIGTERM, _terminate)
    told: dict[str, object] = {}

    def as_json() -> bool:
        """Whether an ending is told as JSON: ``--json`` among the words, or set in the
        environment or `auditor.toml`."""
        return "--json" in argv or asks_json(told)

    try:
        code = cli.main(args=argv, prog_name="auditor", standalone_mode=False, obj=told)
        return int(code) if isinstance(code, int) else 0
    except click.ClickException as error:
        return _usage(error, as_json())
    except AuditError as error:
        put_error(error, as_json())
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        say("interrupted: what was finished is kept; run the same command again to go on")
        return 130
    except Terminated:
        say("terminated: what was finished is kept; run the same command again to go on")
        return 143
    except BrokenPipeError:
        # Python flushes stdout once more as it ends, and would fail on the closed pipe again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except MemoryError:
        put_error(
            ResourceLimit(
                "out of memory",
                next_step="use a smaller batch (batch=4 in the spec) or a smaller dtype",
            ),
            as_json(),
        )
        return ResourceLimit.exit_code
    except ModuleNotFoundError as error:
        missing = missing_library(error)
        if missing is None:
            return _bug()
        put_error(missing, as_json())
        return missing.exit_code
    except OSError as error:
        return _system(error, as_json())
    except Exception:  # noqa: BLE001  a bug of ours: kept in a file for the report of it, never a traceback on the terminal
        return _bug()


def _usage(error: click.ClickException, as_json: bool) -> int:
    if isinstance(error, NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return 2
    help_for = (
        error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "auditor"
    )
    said = error.format_message().rstrip(".")
    put_error(
        UsageProblem(said, where=_told_by(error), next_step=f"see `{help_for} --help`"), as_json
    )
    return 2


def _told_by(error: click.ClickException) -> str | None:
    """The variable or file that a bad value is from, where no flag gave it."""
    if not isinstance(error, click.BadParameter) or error.ctx is None:
        return None
    option = error.param
    return where_from(error.ctx, option) if isinstance(option, click.Option) else None


def _system(error: OSError, as_json: bool) -> int:
    what = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENOMEM, errno.EMFILE):
        problem: AuditError = ResourceLimit(
            what, where=error.filename, next_step="make room and run the same command again"
        )
    else:
        problem = MalformedInput(
            what, where=error.filename, next_step="check the path and its permissions"
        )
    put_error(problem, as_json)
    return problem.exit_code


def _bug() -> int:
    with tempfile.NamedTemporaryFile(
        "w", prefix="auditor-crash-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write(traceback.format_exc())
    say(
        f"error[E-INTERNAL]: this is a bug in the toolkit; the details are in {file.name}. What was"
        " answered is kept."
    )
    return BUG


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated


if __name__ == "__main__":
    main()
