"""Metadata of many files out of a JSONL or CSV file: a record a file, read as a stream, applied as one operation.

What is read lands in a table of its own first, so that a mistake in the last line leaves nothing behind and memory does
not grow with the file; then it is laid over the metadata that there is.
"""

from __future__ import annotations

import csv
import itertools
import json
import os
from collections.abc import Callable, Iterable, Iterator
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from oxide import _core, clock
from oxide.errors import InvalidInput, NotFound, NothingToDo
from oxide.labels import reading
from oxide.labels.advancing import Advance
from oxide.labels.changes import Changes, publish_edit, refuse_undecided
from oxide.labels.metadata import parse_value, place, with_value
from oxide.wording import count
from oxide.workspace import read_state

if TYPE_CHECKING:
    from oxide._core import Record, Session, Store
    from oxide.repository import Repository
    from oxide.types import Progress
    from oxide.workspace import Tables

MATCHES = ("path", "name", "content")
AT_ONCE = 10_000
LONGEST_LINE = 64 << 20
_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_INCOMING: Record = {
    "name": "incoming_metadata",
    "fields": [
        {"id": 1, "name": "item_id", "type": {"fixed": 12}, "merge": "conflict"},
        {"id": 2, "name": "value", "type": "json", "merge": "conflict"},
        {"id": 3, "name": "line", "type": "int", "merge": "conflict"},
    ],
    "key": [1],
    "target_rows": 32_768,
}


class Entry(NamedTuple):
    """A record: the line where it begins, what names its file, and values by dotted key."""

    line: int
    name: str
    values: dict[str, Any]


def import_metadata(
    repository: Repository, source: str, key: str, match: str, *, dry_run: bool, progress: Progress | None
) -> int:
    """Set the metadata that a file says. Returns how many files of the repository it is about."""
    if match not in MATCHES:
        raise InvalidInput(f"files are not matched by '{match}'", hint=f"use {', '.join(MATCHES)}")
    store = repository.store
    with store.begin() as session:
        state = read_state(store)
        incoming = _Incoming(repository, session, source, progress)
        find = _finder(store, state.pending, match)
        for entries in _in_groups(_told(_read(source, key), progress), AT_ONCE):
            items = find(source, entries)
            refuse_undecided(repository, state, items)
            incoming.take(entries, items)
        if not incoming.number:
            raise NothingToDo(f"'{source}' has no record", hint="one JSON object a line, or a table with a header")
        session.flush()  # what was taken is read again through the store
        if dry_run:
            incoming.lay_over(state.pending)
        else:
            what = f"metadata: import of {count(incoming.number, 'file')}"
            publish_edit(repository, session, state, "metadata", what, incoming.lay_over)
    return incoming.number


class _Incoming:
    """The records of a source by item."""

    def __init__(self, repository: Repository, session: Session, source: str, progress: Progress | None) -> None:
        self._repository = repository
        self._progress = progress
        self._session = session
        self._source = source
        self._table = session.write_schema(_INCOMING), _core.EMPTY_ROOT
        self.number = 0

    def take(self, entries: list[Entry], items: list[str]) -> None:
        """Keep some records. Raises InvalidInput for a file that had one already."""
        import pyarrow

        lines = {row["item_id"]: row["line"] for row in _core.item_rows(self._session, self._table, items)}
        for entry, item in zip(entries, items, strict=True):
            if item in lines:
                raise _wrong(self._source, entry.line, f"'{entry.name}' has a record in line {lines[item]} already")
            lines[item] = entry.line
        rows = pyarrow.table(
            {
                "item_id": pyarrow.array([bytes.fromhex(item) for item in items], pyarrow.binary(12)),
                "value": [json.dumps(entry.values, ensure_ascii=False) for entry in entries],
                "line": [entry.line for entry in entries],
            }
        )
        schema, root = self._table
        self._table = schema, self._session.edit_table(schema, root, rows, None)
        self.number += len(entries)

    def lay_over(self, tables: Tables) -> Tables:
        """The tables with the metadata of each item extended by its record."""
        import pyarrow

        store = self._repository.store
        author, now = str(self._repository.settings.author()), clock.to_datetime(clock.now())
        changes, before = Changes(self._session), tables
        advance = Advance(self._progress, "setting metadata", self.number)
        for batch in pyarrow.RecordBatchReader.from_stream(store.scan(self._table)):
            items = [item.hex() for item in batch.column("item_id").to_pylist()]
            known = reading.metadata_of(store, before, items)
            for item, text, line in zip(items, batch.column("value").to_pylist(), batch.column("line"), strict=True):
                value = known.get(item)
                try:
                    for key, new in json.loads(text).items():
                        value = with_value(value, key, new)
                except InvalidInput as error:
                    raise _wrong(self._source, line.as_py(), error.message) from error
                if value != known.get(item):
                    row = {"item_id": item, "value": value, "updated": now, "updated_by": author}
                    changes.upsert("metadata", [row])
                advance.by(1)
            tables = changes.apply(tables)
            changes.clear()
        return tables


def _finder(store: Store, tables: Tables, match: str) -> Callable[[str, list[Entry]], list[str]]:
    """What finds the items of records."""
    files = tables["files"][1]
    if match == "path":
        return lambda source, entries: [_by_path(store, files, source, entry) for entry in entries]
    known: dict[str, list[str]] = {}
    for row in store.file_rows(files):
        said = row["sha256"] if match == "content" else row["path"].rpartition("/")[2]
        known.setdefault(said, []).append(row["item_id"])

    def find(source: str, entries: list[Entry]) -> list[str]:
        found = []
        for entry in entries:
            items = known.get(entry.name.lower() if match == "content" else entry.name, [])
            if len(items) != 1:
                many = f"{len(items)} files have" if items else "no tracked file has"
                raise _wrong(source, entry.line, f"{many} the {match} '{entry.name}'")
            found += items
        return found

    return find


def _by_path(store: Store, files: str, source: str, entry: Entry) -> str:
    row = store.file_row(files, entry.name.removeprefix("./"))
    if row is None:
        raise _wrong(
            source, entry.line, f"'{entry.name}' is not tracked", "paths are relative to the root; add it first"
        )
    item: str = row["item_id"]
    return item


def _read(source: str, key: str) -> Iterator[Entry]:
    """The records of a file, by its ending."""
    try:
        with open(source, "rb") as file:
            ending = os.path.splitext(source)[1].lower()
            if ending in _DELIMITERS:
                yield from _read_table(source, _lines(source, file), key, _DELIMITERS[ending])
            else:
                yield from _read_lines(source, _lines(source, file), key)
    except FileNotFoundError as error:
        raise NotFound(f"there is no file '{source}'", hint="check the spelling", path=source) from error
    except IsADirectoryError as error:
        raise InvalidInput(f"'{source}' is a folder", hint="name a .jsonl or .csv file", path=source) from error


def _lines(source: str, file: IO[bytes]) -> Iterator[str]:
    """The lines of a file with their ends."""
    for number in itertools.count(1):
        line = file.readline(LONGEST_LINE + 1)
        if not line:
            return
        if len(line) > LONGEST_LINE:
            raise _wrong(source, number, f"it is longer than {LONGEST_LINE >> 20} MiB", "one record is one line")
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            convert = f"convert it: iconv -f latin1 -t utf-8 '{source}'"
            raise _wrong(source, number, f"it is not UTF-8 ({error.reason})", convert) from error
        yield text.removeprefix("\ufeff") if number == 1 else text


def _read_lines(source: str, lines: Iterator[str], key: str) -> Iterator[Entry]:
    for line, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            record = json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise _wrong(source, line, f"this is no JSON: {error}") from error
        if not isinstance(record, dict):
            raise _wrong(source, line, "this is no JSON object")
        name = record.pop(key, None)
        if not isinstance(name, str) or not name:
            raise _wrong(source, line, f"the record has no text '{key}'", "--key names the field with the path")
        yield _entry(source, line, name, _leaves(record))


def _read_table(source: str, lines: Iterator[str], key: str, delimiter: str) -> Iterator[Entry]:
    table = csv.reader(lines, delimiter=delimiter, strict=True)
    header, line = next(table, []), 1
    if key not in header:
        raise _wrong(source, 1, f"there is no column '{key}'", f"--key names the column: {', '.join(header)}")
    if len(set(header)) != len(header):
        raise _wrong(source, 1, "two columns have one name")
    try:
        while True:
            line = table.line_num + 1
            cells = next(table, None)
            if cells is None:
                return
            if not cells:
                continue
            if len(cells) != len(header):
                raise _wrong(source, line, f"{count(len(cells), 'cell')}, but the header has {len(header)}")
            record = dict(zip(header, cells, strict=True))
            name = record.pop(key)
            if not name:
                raise _wrong(source, line, f"the cell '{key}' is empty")
            yield _entry(source, line, name, [(column, parse_value(cell)) for column, cell in record.items() if cell])
    except csv.Error as error:
        raise _wrong(source, line, str(error)) from error


def _leaves(record: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys of the values in nested objects; an empty object is a value."""
    for name, value in record.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _entry(source: str, line: int, name: str, values: Iterable[tuple[str, Any]]) -> Entry:
    found: dict[str, Any] = {}
    for key, value in values:
        try:
            dotted = ".".join(place(key))
        except InvalidInput as error:
            raise _wrong(source, line, error.message, error.hint) from error
        if dotted in found:
            raise _wrong(source, line, f"the key '{dotted}' comes twice")
        found[dotted] = value
    return Entry(line, name, found)


def _told(entries: Iterator[Entry], progress: Progress | None) -> Iterator[Entry]:
    """The records, with progress."""
    advance = Advance(progress, "reading metadata")
    for entry in entries:
        yield entry
        advance.by(1)


def _in_groups(entries: Iterator[Entry], size: int) -> Iterator[list[Entry]]:
    while group := list(itertools.islice(entries, size)):
        yield group


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _wrong(source: str, line: int, why: str, hint: str = "") -> InvalidInput:
    return InvalidInput(f"'{source}', line {line}: {why}", hint=hint or "nothing was imported", path=source)
