"""A DuckDB of its own for one run: bounded memory, a spill folder, nothing fetched, nothing kept.

Knows DuckDB; knows no log. Whatever stands in a log reaches SQL through `identifier` and `literal`.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from numpy.typing import NDArray

from fingerprints.durable import disk_problem
from fingerprints.errors import MalformedInput, ResourceLimit, missing_extra, printable

if TYPE_CHECKING:
    import duckdb

Told = TypeVar("Told")
ROWS_AT_ONCE = 2000
THREADS, MEMORY_GB = 2, 3.0
"""The goal is 4 GB for the whole process: DuckDB's own limit leaves out Python, NumPy and the
buffers of its readers."""


def identifier(name: str) -> str:
    """A name as a quoted identifier of SQL, whatever it holds."""
    return '"' + name.replace("\0", "").replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as a quoted constant of SQL, whatever it holds."""
    return "'" + text.replace("\0", "").replace("'", "''") + "'"


class Warehouse:
    """Tables of one run, on disk where memory is short."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self.connection, self.folder = connection, folder

    def run(self, sql: str, values: Sequence[Any] = ()) -> None:
        """Runs one statement. Raises ResourceLimit where memory or disk ran out."""
        self._asked(sql, values)

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of one question. Raises ResourceLimit where memory or disk ran out."""
        return self._asked(sql, values).fetchall()

    def stream(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """The rows of one question, some at a time. Raises what `rows` raises."""
        found = self._asked(sql, ())
        while rows := self._told(lambda: found.fetchmany(ROWS_AT_ONCE)):
            yield from rows

    def one(self, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...]:
        """The one row of a question."""
        return self.rows(sql, values)[0]

    def arrays(self, sql: str, values: Sequence[Any] = ()) -> dict[str, Any]:
        """The columns of one question as NumPy arrays (masked where values are absent)."""
        return dict(self._asked(sql, values).fetchnumpy())

    def given(self, table: str, columns: Mapping[str, NDArray[Any]]) -> None:
        """Makes a table of arrays."""
        self.connection.register("arrays_given", dict(columns))
        self.run(f"CREATE OR REPLACE TABLE {table} AS SELECT * FROM arrays_given")
        self.connection.unregister("arrays_given")

    def _asked(self, sql: str, values: Sequence[Any]) -> duckdb.DuckDBPyConnection:
        return self._told(lambda: self.connection.execute(sql, list(values)))

    def _told(self, work: Callable[[], Told]) -> Told:
        """What DuckDB gives, its failures told as ours: some come with the rows only."""
        import duckdb

        try:
            return work()
        except duckdb.OutOfMemoryException as error:
            raise ResourceLimit(
                "the log's figures don't fit into memory and spill folder",
                where=self.folder,
                next_step="give more with --memory, or a folder on a larger disk with --spill",
            ) from error
        except (duckdb.IOException, duckdb.InvalidInputException) as error:
            raise MalformedInput(
                f"a file of the log can't be read: {printable(str(error).splitlines()[0], 160)}",
                next_step="leave it out, or look whether it is what its name says",
            ) from error


@contextmanager
def warehouse(
    spill: Path | None = None,
    memory_gb: float = MEMORY_GB,
    threads: int = THREADS,
    *,
    ordered: bool = False,
) -> Iterator[Warehouse]:
    """A warehouse that is gone, with its folder, when the block ends; ``ordered``: rows come in the
    order of their file.

    Raises UsageProblem where DuckDB is not installed, ResourceLimit on a full disk.
    """
    try:
        import duckdb
    except ImportError as error:
        raise missing_extra("duckdb", "logs", "reading logs") from error
    try:
        if spill is not None:
            spill.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="auditor-logs-", dir=spill))
    except OSError as error:
        raise disk_problem(error, spill or Path(tempfile.gettempdir())) from error
    connection = duckdb.connect(
        str(folder / "tables.duckdb"), config=_settings(memory_gb, threads, ordered)
    )
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"SET temp_directory = {literal(str(folder / 'spill'))}")
        yield Warehouse(connection, folder)
    finally:
        connection.close()
        shutil.rmtree(folder, ignore_errors=True)


def _settings(
    memory_gb: float, threads: int, ordered: bool
) -> dict[str, str | bool | int | float | list[str]]:
    # Nothing is fetched from the network because of a log's name or words. A scan's rows need no
    # order, and keeping it would hold whole files in memory.
    return {
        "memory_limit": f"{memory_gb}GB",
        "threads": threads,
        "preserve_insertion_order": ordered,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
