"""The result of a query. Lazy: it keeps no rows, so each call that hands over rows runs the query again."""

from __future__ import annotations

import html
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from oxide.extras import import_extra
from oxide.sql.connection import Run, Sandbox, quote_name

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

    from oxide._core import Hold

_BATCH = 8192
_TIME = "TIMESTAMP WITH TIME ZONE"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN = 20


class SqlResult:
    """``columns`` and ``types`` (DuckDB's names) are known at once. Times with a zone are aware datetimes in UTC.

    Queries without ORDER BY, or with ``random()``, may give other rows when they run again: keep what you fetched.
    """

    columns: list[str]
    types: list[str]

    def __init__(self, sandbox: Sandbox, text: str, keep: Callable[[], object], hold: Hold) -> None:
        self._hold = hold  # rows may be read again, from what the query's cache has dropped by then
        self._sandbox = sandbox
        self._text = text
        self._keep = keep
        run = sandbox.run()
        described: list[tuple[Any, ...]] = run.call(lambda cursor: cursor.execute(f"DESCRIBE {text}").fetchall())
        run.close()
        self.columns = [str(row[0]) for row in described]
        self.types = [str(row[1]) for row in described]

    def fetch_rows(self, limit: int | None = None) -> list[tuple[Any, ...]]:
        """The rows, at most ``limit`` of them."""
        rows: list[tuple[Any, ...]] = []
        for batch in self._batches(limit):
            rows.extend(batch)
        return rows

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        for batch in self._batches(None):
            yield from batch

    def to_arrow(self) -> pyarrow.Table:
        """All rows as an Arrow table."""
        self._keep()
        run = self._sandbox.run()
        try:
            table: pyarrow.Table = run.call(lambda cursor: cursor.sql(self._text).to_arrow_table())
        finally:
            run.close()
            self._sandbox.answered()
        return table

    def arrow_batches(self) -> pyarrow.RecordBatchReader:
        """The rows as a stream of Arrow batches, computed as they are read."""
        import pyarrow

        self._keep()
        run = self._sandbox.run()
        reader: pyarrow.RecordBatchReader = run.call(lambda cursor: cursor.sql(self._text).to_arrow_reader(_BATCH))
        return pyarrow.RecordBatchReader.from_batches(reader.schema, _read(run, reader))

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.arrow_batches().__arrow_c_stream__(requested_schema)

    def to_polars(self) -> polars.DataFrame:
        """All rows as a Polars frame."""
        frame: polars.DataFrame = import_extra("polars").DataFrame(self.to_arrow())
        return frame

    def to_pandas(self) -> pandas.DataFrame:
        """All rows as a pandas frame."""
        import_extra("pandas")
        frame: pandas.DataFrame = self.to_arrow().to_pandas()
        return frame

    def write(self, path: str | os.PathLike[str], format: str | None = None) -> int:
        """Write all rows to a file that appears whole or not at all: ``csv``, ``json`` or ``parquet`` (by default the
        ending of ``path``). Returns the number of rows."""
        from oxide.sql.output import write

        return write(self, os.fspath(path), format)

    def __repr__(self) -> str:
        columns = ", ".join(f"{name} {kind}" for name, kind in zip(self.columns, self.types, strict=True))
        return f"SqlResult({columns})"

    def _repr_html_(self) -> str:
        rows = self.fetch_rows(_SHOWN + 1)
        return html_table(
            self.columns, rows[:_SHOWN], "more rows follow" if len(rows) > _SHOWN else f"{len(rows)} rows"
        )

    def _batches(self, limit: int | None) -> Iterator[list[tuple[Any, ...]]]:
        self._keep()
        run = self._sandbox.run()
        zoned = [index for index, kind in enumerate(self.types) if kind == _TIME]
        try:
            run.call(lambda cursor: cursor.execute(self._row_text(limit)))
            while rows := run.call(lambda cursor: cursor.fetchmany(_BATCH)):
                yield [_with_times(row, zoned) for row in rows] if zoned else rows
        finally:
            run.close()
            self._sandbox.answered()

    def _row_text(self, limit: int | None) -> str:
        """The query with zoned times as numbers: DuckDB needs pytz to make Python values of them, we do not."""
        names = [f"c{index}" for index in range(len(self.types))]
        shown = [_row_column(name, kind) for name, kind in zip(names, self.types, strict=True)]
        if limit is None and shown == [quote_name(name) for name in names]:
            return self._text
        rows = "" if limit is None else f" LIMIT {max(0, int(limit))}"
        return f"SELECT {', '.join(shown)} FROM (\n{self._text}\n) AS q({', '.join(map(quote_name, names))}){rows}"


def _row_column(name: str, kind: str) -> str:
    if kind == _TIME:
        return f"epoch_us({quote_name(name)})"
    if _TIME in kind or "TIME WITH TIME ZONE" in kind:  # inside a list or a struct
        return f"CAST({quote_name(name)} AS VARCHAR)"
    return quote_name(name)


def _with_times(row: tuple[Any, ...], zoned: list[int]) -> tuple[Any, ...]:
    values = list(row)
    for index in zoned:
        values[index] = _moment(values[index])
    return tuple(values)


def _moment(microseconds: int | None) -> datetime | None:
    """``None`` too for what no datetime can hold, such as infinity."""
    if microseconds is None:
        return None
    try:
        return _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        return None


def _read(run: Run, reader: pyarrow.RecordBatchReader) -> Iterator[pyarrow.RecordBatch]:
    try:
        while (batch := run.call(lambda _: next(reader, None))) is not None:
            yield batch
    finally:
        run.close()


def html_table(columns: list[str], rows: list[tuple[Any, ...]], note: str) -> str:
    """Rows for a notebook, everything escaped."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape('' if value is None else str(value))}</td>" for value in row) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{html.escape(note)}</p>"
