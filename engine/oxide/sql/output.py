"""Results as files: CSV, JSON or Parquet, written beside the target and moved into place when they are whole."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import os
import secrets
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from itertools import chain
from typing import IO, TYPE_CHECKING, Any

from oxide.errors import FileSystemError, InvalidInput

if TYPE_CHECKING:
    from oxide.sql.result import SqlResult

FORMATS = ("csv", "json", "parquet")


def write(result: SqlResult, path: str, format: str | None) -> int:
    """Write a result; returns the number of rows."""
    chosen = (format or os.path.splitext(path)[1].lstrip(".")).lower()
    if chosen not in FORMATS:
        raise InvalidInput(
            f"a result can be written as {', '.join(FORMATS)}, not {chosen or 'without a format'}", path=path
        )
    writer = {"csv": write_csv, "json": write_json, "parquet": _write_parquet}[chosen]
    try:
        with _replacing(path) as stream:
            return writer(result, stream)
    except OSError as error:
        raise FileSystemError(f"{path} could not be written: {error.strerror or error}", path=path) from error


def write_csv(result: SqlResult, stream: IO[bytes]) -> int:
    """Comma-separated UTF-8 with a header. Times are ISO 8601, bytes hex, lists and structs JSON, null is empty."""
    found = _begun(result)
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(result.columns)
    rows = 0
    for row in found:
        lines.writerow([_cell(value) for value in row])
        rows += 1
    text.detach()
    return rows


def write_json(result: SqlResult, stream: IO[bytes]) -> int:
    """One array of objects, one object a line."""
    found = _begun(result)
    stream.write(b"[")
    rows = 0
    for row in found:
        record = dict(zip(result.columns, map(json_value, row), strict=True))
        stream.write(b",\n" if rows else b"\n")
        stream.write(json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        rows += 1
    stream.write(b"\n]\n" if rows else b"]\n")
    return rows


def _begun(result: SqlResult) -> Iterator[tuple[Any, ...]]:
    """The rows, once the first of them are there: a query that fails before has written nothing."""
    rows = iter(result)
    first = next(rows, None)
    return iter(()) if first is None else chain((first,), rows)


def _write_parquet(result: SqlResult, stream: IO[bytes]) -> int:
    import pyarrow.parquet

    batches = result.arrow_batches()
    rows = 0
    with pyarrow.parquet.ParquetWriter(stream, batches.schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


def json_value(value: Any) -> Any:
    """A cell as JSON: times ISO 8601, bytes hex; numbers that JSON lacks are null."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, dict):
        return {str(key): json_value(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(each) for each in value]
    return str(value)


def _cell(value: Any) -> Any:
    shown = json_value(value) if not isinstance(value, Decimal | float) else value
    return json.dumps(shown, ensure_ascii=False) if isinstance(shown, dict | list) else shown


@contextlib.contextmanager
def _replacing(path: str) -> Iterator[IO[bytes]]:
    """A stream whose bytes become ``path`` when the block ends well; otherwise nothing is left."""
    folder, name = os.path.split(os.path.abspath(path))
    temporary = os.path.join(folder, f".{name[:100]}.{secrets.token_hex(6)}.tmp")
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
