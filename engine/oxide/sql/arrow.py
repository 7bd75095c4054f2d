"""Ids and hashes of Arrow batches as hex text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow


def hex_schema(schema: pyarrow.Schema) -> pyarrow.Schema:
    """The schema with each fixed-size binary column as text."""
    import pyarrow

    fields = [
        pyarrow.field(field.name, pyarrow.string(), field.nullable, field.metadata) if _is_fixed(field.type) else field
        for field in schema
    ]
    return pyarrow.schema(fields, schema.metadata)


def hex_batches(batches: Iterable[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
    """The batches with each fixed-size binary column as lower-case hex."""
    import pyarrow

    for batch in batches:
        columns = [hex_text(column) if _is_fixed(column.type) else column for column in batch.columns]
        yield pyarrow.RecordBatch.from_arrays(columns, schema=hex_schema(batch.schema))


def hex_text(column: pyarrow.FixedSizeBinaryArray) -> pyarrow.StringArray:
    """A fixed-size binary column as text, without a Python object a cell."""
    import numpy
    import pyarrow
    import pyarrow.compute

    width = column.type.byte_width
    missing = column.is_null()
    filled = column.fill_null(b"\0" * width) if column.null_count else column
    data = numpy.frombuffer(filled.buffers()[1] or b"", dtype=numpy.uint8)
    cells = data[filled.offset * width : (filled.offset + len(filled)) * width]
    digits = numpy.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), dtype=numpy.uint16)
    offsets = numpy.arange(0, 2 * width * (len(column) + 1), 2 * width, dtype=numpy.int32)
    text = pyarrow.StringArray.from_buffers(
        len(column), pyarrow.py_buffer(offsets), pyarrow.py_buffer(digits[cells].tobytes())
    )
    return pyarrow.compute.if_else(missing, None, text) if column.null_count else text


def concatenated(columns: Sequence[pyarrow.Array]) -> pyarrow.Array:
    """Columns of ids one behind the other, as bytes of any length."""
    import pyarrow

    return pyarrow.concat_arrays(
        [column.cast(pyarrow.binary()) for column in columns] or [pyarrow.array([], pyarrow.binary())]
    )


def _is_fixed(kind: pyarrow.DataType) -> bool:
    import pyarrow

    return bool(pyarrow.types.is_fixed_size_binary(kind))
