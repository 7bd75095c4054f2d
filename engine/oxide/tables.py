"""Tables of a revision as lazy views that hand over Arrow, Polars, pandas or DuckDB."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from oxide import _core
from oxide.errors import InvalidInput

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

    from oxide._core import Hold
    from oxide.sql import SqlResult
    from oxide.sql.sources import RepositoryLike

_SHOWN = 20


class TableView:
    """A table as it is in one revision. Nothing is read before it is asked for.

    Ids and hashes are shown as lower-case hex; ``raw=True`` hands them over as the bytes that are stored.
    """

    def __init__(
        self,
        repository: RepositoryLike,
        name: str,
        schema: str,
        root: str,
        columns: Sequence[str] | None = None,
        *,
        hold: Hold | None = None,
    ) -> None:
        self._repository = repository
        self._hold = hold
        self._schema = schema
        self._root = root
        self._columns = columns
        self.name = name

    @property
    def columns(self) -> list[str]:
        """Column names."""
        return list(self._columns) if self._columns is not None else self._all_columns()

    @property
    def schema(self) -> pyarrow.Schema:
        """The Arrow schema, with ids and hashes as text."""
        return self.batches().schema

    def __len__(self) -> int:
        return self._repository.store.count(self._root)

    def select(self, *columns: str) -> TableView:
        """The same rows with fewer columns; only these are read."""
        unknown = [column for column in columns if column not in self.columns]
        if unknown or not columns:
            wrong = ", ".join(unknown) or "no column"
            raise InvalidInput(
                f"the table {self.name} has no column {wrong}", hint=f"columns: {', '.join(self.columns)}"
            )
        return TableView(self._repository, self.name, self._schema, self._root, columns, hold=self._hold)

    def batches(self, *, raw: bool = False) -> pyarrow.RecordBatchReader:
        """The rows by key as a stream of Arrow batches, read as they are asked for."""
        import pyarrow

        from oxide.sql.arrow import hex_batches, hex_schema

        reader = self._reader()
        if raw:
            return reader
        return pyarrow.RecordBatchReader.from_batches(hex_schema(reader.schema), hex_batches(reader))

    def _reader(self) -> pyarrow.RecordBatchReader:
        """The rows as they are stored."""
        import pyarrow

        from oxide.labels.rows import arrow_schema
        from oxide.labels.schemas import IDS

        if self._root == _core.EMPTY_ROOT and self._schema == IDS.get(self.name):  # the store may not know the schema
            return arrow_schema(self.name).empty_table().select(self.columns).to_reader()
        stream = self._repository.store.scan((self._schema, self._root), list(self._columns or ()))
        return pyarrow.RecordBatchReader.from_stream(stream)

    def to_arrow(self, *, raw: bool = False) -> pyarrow.Table:
        """All rows as an Arrow table."""
        return self.batches(raw=raw).read_all()

    def to_polars(self) -> polars.DataFrame:
        """All rows as a Polars frame."""
        from oxide.extras import import_extra

        frame: polars.DataFrame = import_extra("polars").DataFrame(self.to_arrow())
        return frame

    def to_pandas(self) -> pandas.DataFrame:
        """All rows as a pandas frame."""
        from oxide.extras import import_extra

        import_extra("pandas")
        frame: pandas.DataFrame = self.to_arrow().to_pandas()
        return frame

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.batches().__arrow_c_stream__(requested_schema)

    def rows(self, limit: int | None = None) -> list[dict[str, Any]]:
        """The rows as dicts, by key, at most ``limit`` of them."""
        rows: list[dict[str, Any]] = []
        for batch in self.batches():
            rows.extend(batch.slice(0, batch.num_rows if limit is None else limit - len(rows)).to_pylist())
            if limit is not None and len(rows) >= limit:
                break
        return rows

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self.batches():
            yield from batch.to_pylist()

    def sql(self, query: str, *, timeout: float | None = None, memory_limit: str | None = None) -> SqlResult:
        """A query in which ``self`` is this table: ``view.sql("SELECT count(*) FROM self")``."""
        from oxide.sql import query as run

        own = {"self": (self._schema, self._root)}
        return run(self._repository, query, timeout=timeout, memory_limit=memory_limit, tables=own)

    def __repr__(self) -> str:
        return f"TableView({self.name}: {len(self)} rows, columns {', '.join(self.columns)})"

    def _repr_html_(self) -> str:
        from oxide.sql.result import html_table

        shown = [tuple(row.values()) for row in self.rows(_SHOWN)]
        return html_table(self.columns, shown, f"{len(shown)} of {len(self)} rows of {self.name}")

    def _all_columns(self) -> list[str]:
        from oxide.labels.schemas import read

        return [field["name"] for field in read(self._repository.store, self._schema)["fields"]]
