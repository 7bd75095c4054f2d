"""The one place that opens DuckDB connections: in memory, closed to everything but named files, with limits.

A connection owns no data and a query never writes to it; it looks at immutable files. It loads no extension, reads no
home folder, spills nothing to disk, sees no Python variable, and is locked before a user's text runs.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from oxide.errors import OxideError, QueryError, QueryTimeout

if TYPE_CHECKING:
    import pyarrow
    from duckdb import DuckDBPyConnection

    from oxide._core import ArrowArray, ArrowArrayExportable, DocumentTest

Value = TypeVar("Value")

DEFAULT_TIMEOUT = 60.0
"""Seconds that a query may compute."""
_GRACE = 5.0
"""How long an interrupted query may take to notice before it is left behind on its own thread."""
_LONGEST_MESSAGE = 500
_MEGABYTE = 1_000_000
_LARGEST_DEFAULT_MEMORY = 4_000 * _MEGABYTE


Settings = dict[str, str | bool | int | float | list[str]]
_FIXED_SETTINGS: Settings = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
    "python_enable_replacements": "false",
    "temp_directory": "",
}


def _connect(settings: Settings) -> DuckDBPyConnection:
    import duckdb

    try:
        connection = duckdb.connect(":memory:", config=settings)
        connection.execute("SET TimeZone = 'UTC'; SET parquet_metadata_cache = true")
    except duckdb.Error as error:
        raise _query_error(error) from None
    return connection


class _Spares:
    """A fresh database takes longer to open than a page of rows to find. Whoever asks a second time in one process will
    ask again: from then on the next one is opened when an answer is given, while somebody looks at it. None is kept
    across a fork, which copies a database without its threads: the child's first query would wait for them for ever."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked = 0
        self._settings: Settings | None = None
        self._opening: threading.Thread | None = None
        self._spare: DuckDBPyConnection | None = None
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._close_before_fork,
                after_in_parent=self._lock.release,
                after_in_child=self._lock.release,
            )

    def take(self, settings: Settings) -> DuckDBPyConnection:
        """A database that nobody else has."""
        with self._lock:
            self._asked += 1
            spare = None
            if self._opening is not None:
                self._opening.join()
                if self._settings == settings:
                    spare = self._spare
                self._opening = self._spare = None
            self._settings = dict(settings)
        return spare if spare is not None else _connect(settings)

    def open_next(self) -> None:
        """Begin to open another one like the last one taken."""
        with self._lock:
            if self._asked > 1 and self._opening is None and self._settings is not None:
                self._opening = threading.Thread(target=self._open, args=(self._settings,), name="oxide-spare")
                self._opening.start()

    def _close_before_fork(self) -> None:
        """Leaves the lock taken until the fork is over, so that no thread opens another meanwhile."""
        self._lock.acquire()
        if self._opening is not None:
            self._opening.join()
        self._opening = self._spare = None

    def _open(self, settings: Settings) -> None:
        with contextlib.suppress(OxideError):  # whoever needs it opens one itself, and is told
            self._spare = _connect(settings)


_SPARES = _Spares()


class Sandbox:
    """One in-memory database. Build relations, then :meth:`lock`, then :meth:`run` queries."""

    def __init__(
        self, *, timeout: float | None = None, memory_limit: str | None = None, threads: int | None = None
    ) -> None:
        self.timeout = DEFAULT_TIMEOUT if timeout is None else timeout
        if self.timeout <= 0:
            raise QueryError(f"the time limit must be more than 0 seconds, not {self.timeout}")
        settings: Settings = _FIXED_SETTINGS | {"memory_limit": memory_limit or _default_memory_limit()}
        if threads is not None:
            settings["threads"] = str(threads)
        self._connection = _SPARES.take(settings)

    def close_to_files(self, readable: Sequence[str]) -> None:
        """From here on exactly these files can be opened."""
        self._connection.execute(f"SET allowed_paths = [{', '.join(quote_text(path) for path in readable)}]")
        self._connection.execute("SET enable_external_access = false")

    def lock(self) -> None:
        """No setting can change any more."""
        self._connection.execute("SET lock_configuration = true")

    def trusted(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """Run a statement that this package wrote."""
        import duckdb

        try:
            return self._connection.execute(statement, list(parameters)).fetchall()
        except duckdb.Error as error:
            raise _query_error(error) from None

    @contextlib.contextmanager
    def visible(self, name: str, arrow: object) -> Iterator[None]:
        """Makes an Arrow table visible under a name to :meth:`trusted` for a while."""
        self._connection.register(name, arrow)
        try:
            yield
        finally:
            self._connection.unregister(name)

    def hold_rows(self, name: str, arrow: object) -> None:
        """Copy an Arrow table into a table of this database."""
        with self.visible("incoming", arrow):
            self.trusted(f"CREATE TABLE {quote_name(name)} AS SELECT * FROM incoming")

    def add_test(self, name: str, test: DocumentTest) -> None:
        """Make a condition on JSON text a function of it. Null is no text: ask whether it is null first."""
        self._add_function(name, test.holds_each, "BOOLEAN")

    def add_key(self, name: str, path: Sequence[str], descending: bool) -> None:
        """Make the sort key of a path in JSON text a function of it."""
        from oxide._core import document_keys

        self._add_function(name, lambda column: document_keys(column, path, descending), "BLOB")

    def _add_function(self, name: str, work: Callable[[ArrowArrayExportable], ArrowArray], kind: str) -> None:
        from duckdb.func import PythonUDFType

        def answer(column: pyarrow.Array | pyarrow.ChunkedArray) -> pyarrow.Array:
            import pyarrow  # slow to import, and many queries need none of these functions for any row

            whole = column.combine_chunks() if isinstance(column, pyarrow.ChunkedArray) else column
            return pyarrow.array(work(whole))

        # Without annotations, which DuckDB would evaluate.
        function = cast("Callable[..., bool]", lambda column: answer(column))
        self._connection.create_function(name, function, ["varchar"], kind, type=PythonUDFType.ARROW)

    def statement_types(self, text: str) -> list[str]:
        """The types of the statements in a text, such as ``SELECT``."""
        import duckdb

        try:
            return [statement.type.name for statement in self._connection.extract_statements(text)]
        except duckdb.Error as error:
            raise _query_error(error) from None

    def run(self) -> Run:
        """A query's run, with the whole time limit before it."""
        return Run(self._connection.cursor(), self.timeout)

    def answered(self) -> None:
        """Say that a query has its answer: now there is time to prepare the next one."""
        _SPARES.open_next()


class Run:
    """One query under way. Time counts only while DuckDB works, not while the caller looks at rows."""

    def __init__(self, cursor: DuckDBPyConnection, timeout: float) -> None:
        self.cursor = cursor
        self._timeout = timeout
        self._left = timeout

    def call(self, work: Callable[[DuckDBPyConnection], Value]) -> Value:
        """``work(cursor)`` on a thread of its own, so that this one stays free for Ctrl-C and for the time limit."""
        values: list[Value] = []
        failures: list[BaseException] = []
        done = threading.Event()

        def perform() -> None:
            try:
                values.append(work(self.cursor))
            except BaseException as error:  # handed to the caller's thread below
                failures.append(error)
            finally:
                done.set()

        started = time.monotonic()
        threading.Thread(target=perform, name="oxide-query", daemon=True).start()
        try:
            in_time = done.wait(self._left)
        except BaseException:  # Ctrl-C, or whatever else a signal handler raises
            self._stop(done)
            raise
        self._left = max(0.0, self._left - (time.monotonic() - started))
        if not in_time:
            self._stop(done)
            raise QueryTimeout(
                f"the query was stopped after {self._timeout:g} seconds",
                hint="narrow it with WHERE or LIMIT, or allow more time: oxide config sql.timeout SECONDS",
            )
        if failures:
            raise _translated(failures[0]) from None
        return values[0]

    def close(self) -> None:
        """Forget the result."""
        import duckdb

        with contextlib.suppress(duckdb.Error):  # a query that was left behind still has the cursor
            self.cursor.close()

    def _stop(self, done: threading.Event) -> None:
        give_up = time.monotonic() + _GRACE
        while not done.is_set() and time.monotonic() < give_up:
            self.cursor.interrupt()  # repeated: one that comes before the query has begun is lost
            done.wait(0.02)


def quote_text(text: str) -> str:
    """A text as an SQL literal."""
    if "\0" in text:
        raise QueryError("a name in a query cannot hold a zero character")
    return "'" + text.replace("'", "''") + "'"


def quote_name(name: str) -> str:
    """A name as an SQL identifier."""
    if "\0" in name:
        raise QueryError("a name in a query cannot hold a zero character")
    return '"' + name.replace('"', '""') + '"'


def _default_memory_limit() -> str:
    """Half of the machine's memory, at most 4 GB: a query is a guest."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        memory = 2 * _LARGEST_DEFAULT_MEMORY
    return f"{min(memory // 2, _LARGEST_DEFAULT_MEMORY) // _MEGABYTE}MB"


def _translated(error: BaseException) -> BaseException:
    """Failures inside an Arrow stream come as ``OSError`` with DuckDB's text."""
    import duckdb

    return _query_error(error) if isinstance(error, duckdb.Error | OSError) else error


def _query_error(error: Exception) -> OxideError:
    """DuckDB's failure as ours: its first sentence, without the echo of the query or advice about its settings."""
    import duckdb

    message = str(error).split("\nLINE ", 1)[0].strip()
    if isinstance(error, duckdb.OutOfMemoryException) or message.startswith("Out of Memory"):
        return QueryError(
            "the query needs more memory than it may use",
            hint="select fewer rows or columns, or raise the limit: oxide config sql.memory 8GB",
        )
    if isinstance(error, duckdb.PermissionException):
        return QueryError("a query can read the repository's tables only, and cannot write", hint="see docs/sql.md")
    if "max_expression_depth" in message:
        return QueryError("the query is nested too deeply", hint="split it with WITH")
    if len(message) > _LONGEST_MESSAGE:
        message = message.split("\n", 1)[0]
    if len(message) > _LONGEST_MESSAGE:  # it quotes a value, behind which the reason stands
        message = f"{message[: _LONGEST_MESSAGE // 2]}…{message[-_LONGEST_MESSAGE // 2 :]}"
    return QueryError(message)
