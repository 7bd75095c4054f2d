"""Relations as views of a sandbox: immutable Parquet files, a handful of rows, or an Arrow stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from oxide.sql.connection import Sandbox, quote_name, quote_text

if TYPE_CHECKING:
    from oxide._core import ArrowStreamExportable


class Column(NamedTuple):
    """A column of a relation. ``fixed``: ids and hashes, stored as bytes and shown as lower-case hex."""

    name: str
    type: str
    fixed: bool = False

    @property
    def shown(self) -> str:
        """The column as a query sees it."""
        name = quote_name(self.name)
        return f"lower(hex({name})) AS {name}" if self.fixed else name

    @property
    def stored(self) -> Column:
        """The column as it is stored."""
        return Column(self.name, "BLOB") if self.fixed else self


Wanted = Sequence[tuple[int, int]] | None
"""Inclusive ranges of the segments of a file that are wanted; ``None``: all of its rows."""
SEGMENT_COLUMN = "__segment"


class ParquetRelation(NamedTuple):
    """Rows in Parquet files.

    ``restore`` writes a file that left the cache again; ``condition`` comes from this package, never from a user.
    ``segments``: of the table, and of those the ones that are read.
    """

    columns: Sequence[Column]
    files: Sequence[tuple[str, Wanted]]
    restore: Callable[[str], object]
    condition: str = ""
    segments: tuple[int, int] = (0, 0)

    @property
    def paths(self) -> list[str]:
        """The files."""
        return [path for path, _ in self.files]


class RowsRelation(NamedTuple):
    """Rows at hand."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[object]]


class StreamRelation(NamedTuple):
    """Rows that come as an Arrow stream."""

    columns: Sequence[Column]
    stream: ArrowStreamExportable


class DerivedRelation(NamedTuple):
    """Rows that SQL of this package makes of other relations, which it names in braces."""

    columns: Sequence[Column]
    text: str
    inputs: Mapping[str, Relation]


Relation = ParquetRelation | RowsRelation | StreamRelation | DerivedRelation


def parquet_of(relations: Iterable[Relation]) -> list[ParquetRelation]:
    """Those among relations, and among what they are made of, that are files."""
    found: list[ParquetRelation] = []
    for relation in relations:
        if isinstance(relation, ParquetRelation):
            found.append(relation)
        elif isinstance(relation, DerivedRelation):
            found += parquet_of(relation.inputs.values())
    return found


_SQL_TYPES = {
    "bool": "BOOLEAN",
    "int": "BIGINT",
    "float": "DOUBLE",
    "text": "VARCHAR",
    "bytes": "BLOB",
    "json": "VARCHAR",
    "time": "TIMESTAMP WITH TIME ZONE",
    "vector": "FLOAT[]",
}


def schema_columns(schema: dict[str, Any]) -> list[Column]:
    """The columns of a schema record."""
    columns = []
    for field in schema["fields"]:
        fixed = isinstance(field["type"], dict)  # {"fixed": 32}
        columns.append(Column(field["name"], "VARCHAR" if fixed else _SQL_TYPES[field["type"]], fixed))
    return columns


def create(sandbox: Sandbox, name: str, relation: Relation, *, hexadecimal: bool = True) -> None:
    """Make a relation visible under a name; without ``hexadecimal`` the ids of Parquet files stay bytes."""
    if isinstance(relation, ParquetRelation) and relation.files:
        shown = ", ".join(column.shown if hexadecimal else quote_name(column.name) for column in relation.columns)
        sandbox.trusted(f"CREATE VIEW {quote_name(name)} AS {_reading(relation, shown)}")
    elif isinstance(relation, DerivedRelation):
        names = {key: f"{name}/{key}" for key in relation.inputs}
        for key, inner in relation.inputs.items():
            create(sandbox, names[key], inner, hexadecimal=hexadecimal)
        text = relation.text.format(**{key: quote_name(each) for key, each in names.items()})
        sandbox.trusted(f"CREATE VIEW {quote_name(name)} AS {text}")
    elif isinstance(relation, StreamRelation):
        import pyarrow

        # Copied: what is registered belongs to one connection, and each run of a query has a connection of its own.
        rows = pyarrow.RecordBatchReader.from_stream(relation.stream).read_all()
        shown = ", ".join(column.shown if hexadecimal else quote_name(column.name) for column in relation.columns)
        with sandbox.visible("stream", rows):
            sandbox.trusted(f"CREATE TABLE {quote_name(name)} AS SELECT {shown} FROM stream")
    else:
        columns = relation.columns if hexadecimal else [each.stored for each in relation.columns]
        _create_rows(sandbox, name, columns, relation.rows if isinstance(relation, RowsRelation) else ())


def _reading(relation: ParquetRelation, shown: str) -> str:
    """The rows of all files: those of whole ones together, and of each other one only the wanted segments."""
    whole = [path for path, wanted in relation.files if wanted is None]
    parts = [(whole, relation.condition)] if whole else []
    parts += [([path], _segments(wanted)) for path, wanted in relation.files if wanted is not None]
    selects = []
    for paths, condition in parts:
        files = ", ".join(quote_text(path) for path in paths)
        where = f" WHERE {condition}" if condition else ""
        selects.append(f"SELECT {shown} FROM read_parquet([{files}]){where}")
    return " UNION ALL ".join(selects)


def _segments(wanted: Sequence[tuple[int, int]]) -> str:
    return " OR ".join(f"{SEGMENT_COLUMN} BETWEEN {first} AND {last}" for first, last in wanted)


def _create_rows(sandbox: Sandbox, name: str, columns: Sequence[Column], rows: Sequence[Sequence[object]]) -> None:
    typed = ", ".join(f"{quote_name(column.name)} {column.type}" for column in columns)
    sandbox.trusted(f"CREATE TABLE {quote_name(name)} ({typed})")
    if rows:
        # One statement with a list a column: a row at a time would cost a millisecond each.
        lists = ", ".join(f"unnest(?::{column.type}[])" for column in columns)
        sandbox.trusted(
            f"INSERT INTO {quote_name(name)} SELECT {lists}", [list(values) for values in zip(*rows, strict=True)]
        )
