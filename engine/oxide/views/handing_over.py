"""Views as frames and datasets of other libraries. Each is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from oxide._core import json_text
from oxide.extras import import_extra

if TYPE_CHECKING:
    import duckdb
    import pandas
    import polars
    import pyarrow

    from oxide.views.item import Item

_COLUMNS = {
    "id": "string",
    "path": "string",
    "type": "string",
    "size": "int64",
    "mimetype": "string",
    "width": "int64",
    "height": "int64",
    "frames": "int64",
    "fps": "float64",
    "duration": "float64",
    "createdAt": "string",
    "creator": "string",
    "contentId": "string",
}
_ANNOTATION_COLUMNS = {
    "id": "string",
    "item_id": "string",
    "path": "string",
    "type": "string",
    "label": "string",
    "score": "float64",
    "source": "string",
    "author": "string",
}


class Exports:
    """What a view becomes. ``annotations`` of an item are a list of structs; JSON is text."""

    if TYPE_CHECKING:

        @property
        def ids(self) -> list[str]: ...
        def items_of(self, ids: Sequence[str]) -> list[Item]: ...

    def batches(self) -> Iterator[pyarrow.RecordBatch]:
        """Items as Arrow batches: their facts, ``metadata`` as JSON text, ``annotations`` as a list of structs."""
        from oxide.views.view import parts

        for part in parts(self.ids):
            yield batch_of(self.items_of(part))

    def to_arrow(self) -> pyarrow.Table:
        """All items as one Arrow table, with the columns of :meth:`batches`."""
        import pyarrow

        return pyarrow.Table.from_batches(self.batches(), schema=table_schema())

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        import pyarrow

        reader = pyarrow.RecordBatchReader.from_batches(table_schema(), self.batches())
        return reader.__arrow_c_stream__(requested_schema)

    def to_polars(self) -> polars.DataFrame:
        """The table as a Polars frame. Raises MissingExtra."""
        frame: polars.DataFrame = import_extra("polars").DataFrame(self.to_arrow())
        return frame

    def to_pandas(self) -> pandas.DataFrame:
        """The table as a pandas frame. Raises MissingExtra."""
        import_extra("pandas")
        frame: pandas.DataFrame = self.to_arrow().to_pandas()
        return frame

    def to_duckdb(self, connection: duckdb.DuckDBPyConnection | None = None) -> duckdb.DuckDBPyRelation:
        """The table as a relation of a connection of yours, else of DuckDB's own."""
        import duckdb

        return duckdb.from_arrow(self.to_arrow(), connection=connection or duckdb.default_connection())

    def to_torch(self, transform: Callable[[Item], Any] | None = None) -> Any:
        """A map-style dataset: ``dataset[i]`` is ``transform(item)``, without one ``(array, item)``.

        It needs nothing of torch: ``torch.utils.data.DataLoader`` takes whatever has a length and indexes.
        """
        from oxide.views.datasets import MapDataset

        return MapDataset(self, transform)  # type: ignore[arg-type]

    def to_hf_dataset(self) -> Any:
        """A ``datasets.Dataset`` of the table with a column ``image`` of the contents. Raises MissingExtra."""
        from oxide.views.datasets import hugging_face

        return hugging_face(self)  # type: ignore[arg-type]


def table_schema() -> pyarrow.Schema:
    """The columns of a view's table."""
    import pyarrow

    def fields(columns: dict[str, str]) -> list[pyarrow.Field]:
        return [pyarrow.field(name, pyarrow.type_for_alias(kind)) for name, kind in columns.items()]

    box = pyarrow.field("bbox", pyarrow.list_(pyarrow.float64()))
    texts = [pyarrow.field(name, pyarrow.string()) for name in ("geometry", "attributes")]
    struct = pyarrow.struct([*fields(_ANNOTATION_COLUMNS)[3:], pyarrow.field("id", pyarrow.string()), box, *texts])
    metadata = pyarrow.field("metadata", pyarrow.string())
    return pyarrow.schema([*fields(_COLUMNS), metadata, pyarrow.field("annotations", pyarrow.list_(struct))])


def batch_of(items: Sequence[Item]) -> pyarrow.RecordBatch:
    import pyarrow

    schema = table_schema()
    columns: dict[str, list[Any]] = {name: [item.record.get(name) for item in items] for name in _COLUMNS}
    columns["metadata"] = [json_text(item.metadata) for item in items]
    columns["annotations"] = [[_struct(each) for each in item.annotations] for item in items]
    arrays = [pyarrow.array(columns[field.name], field.type) for field in schema]
    return pyarrow.RecordBatch.from_arrays(arrays, schema=schema)


def _struct(annotation: Any) -> dict[str, Any]:
    return {
        "id": annotation.id,
        "type": annotation.type,
        "label": annotation.label,
        "score": annotation.score,
        "source": annotation.source,
        "author": annotation.author,
        "bbox": list(annotation.box) if annotation.box is not None else None,
        "geometry": json_text(annotation.geometry) if annotation.geometry is not None else None,
        "attributes": json_text(annotation.attributes),
    }
