"""The Rust core. Ids cross as lower-case hex, tables as (schema id, root id), rows as Arrow over the C stream.

Long calls release the GIL, call ``progress(phase, files_done, files_total, bytes_done, bytes_total)`` about every
100 ms on the calling thread (totals are 0 while unknown), and end with ``KeyboardInterrupt`` after Ctrl-C.
Failures are raised as the classes of :mod:`oxide.errors` by their code.
"""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Protocol, final

Progress = Callable[[str, int, int, int, int], None]
Record = dict[str, Any]
Table = tuple[str, str]
"""(schema id, root id)"""
FileRoots = tuple[str, str]
"""(root of files, root of items)"""

class ArrowStreamExportable(Protocol):
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

@final
class ArrowStream:
    """What the core hands over: rows for one reader."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

class ArrowArrayExportable(Protocol):
    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]: ...

@final
class ArrowArray:
    """What the core hands over: a column."""

    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]: ...

@final
class DocumentTest:
    """A condition on JSON documents, given in the JSON form of the core's ``documents``."""

    def __init__(self, condition: str) -> None: ...
    def holds(self, document: str | None) -> bool:
        """Whether a document, as canonical JSON, fulfils it; ``None``: there is no document."""
    def holds_each(self, column: ArrowArrayExportable) -> ArrowArray:
        """The same for a column of text; null: there is no document."""

def document_keys(column: ArrowArrayExportable, path: Sequence[str], descending: bool) -> ArrowArray:
    """Bytes that sort as the values at a path of documents do."""

VERSION: str
FILES_SCHEMA: str
"""Id of the built-in schema of ``files``; a session stores it with ``write_builtin_schemas``."""
EARLIER_FILES_SCHEMA: str
"""Id of the schema of ``files`` before there were facts of media; its tables are read with the present one."""
ITEMS_SCHEMA: str
EMPTY_ROOT: str
"""Root of every table without rows."""

def discover(start: str) -> str | None:
    """The folder at or above ``start`` that has a ``.oxide`` folder."""

def counters() -> dict[str, int]: ...
def reset_counters() -> None: ...
def path_to_text(path: bytes) -> str: ...
def path_to_bytes(path: str) -> bytes: ...
def canonical_json(text: str) -> str: ...
def json_text(value: object) -> str:
    """A value of JSON's types as text. Raises InvalidInput for another type and for NaN and infinity."""

def json_objects(text: str, start: int) -> tuple[list[Record], int]:
    """The objects of a list from a position in a JSON text on that are each followed by a comma, and the position
    behind the last such comma. They end before what is no such object, is not ASCII, or is better read by Python.
    """

def measure_polygon(parts: object) -> tuple[float, float, float, float, float] | None:
    """(left, top, width, height, area) of a polygon's parts; ``None`` where they are no lists of finite numbers."""

def move_path(old: str, new: str) -> None:
    """Rename a file or folder to a name that must be free; makes the folders above it."""

def make_folder(folder: str) -> None:
    """Make a folder and those above it, flushed to the disk."""

def remove_folder_if_empty(folder: str) -> bool:
    """``False`` when it is not empty or not there."""

def remove_file(path: str) -> None:
    """Remove a file; one that is gone is no error."""

def nameless_file(control: str) -> int:
    """Create a file without a name below a control folder, gone when it is closed. Returns its descriptor."""

def mark_used(path: str) -> None:
    """Note that a file is in use now, by its time of change."""

def supports_reflink(control: str) -> bool:
    """Whether the file system of a control folder can share blocks between files."""

def make_link(target: bytes, path: str) -> None:
    """Make a symbolic link, and the folders above it. The name must be free."""

def write_cached(folder: str, stem: str, data: bytes) -> str:
    """Write a Parquet file ``<stem>-<checksum>.parquet`` of a cache, without flushing; its path."""

def find_cached(folder: str, stem: str) -> str | None:
    """Path of the file with this stem in a cache, if there is one whose bytes have the checksum in its name."""

def write_file_atomic(path: str, data: bytes) -> None:
    """Replace a file so that readers see the old content or the new, and flush it."""

def item_rows(objects: Store | Session, table: Table, items: Sequence[str]) -> list[Record]:
    """Rows whose key begins with one of some items, in key order, as in ``diff_rows``. A session also sees what it has
    not flushed."""

def item_values(objects: Store | Session, root: str, items: Sequence[str]) -> list[tuple[str, str]]:
    """The same rows as (hex key, hex value), as conflicts carry them."""

def changed_items(objects: Store | Session, before: str, after: str) -> list[str]:
    """The items of which any row differs between two tables whose key begins with the item."""

def items_that_differ(objects: Store | Session, before: str, after: str) -> tuple[list[str], list[str]]:
    """(added, removed): items that only the second and only the first of two tables ``items`` has."""

def files_of(objects: Store | Session, files: str, items: Sequence[str]) -> list[Record | None]:
    """The rows of ``files`` that some items are, as in ``file_rows``, in the order of ``items``."""

def replace_item_rows(session: Session, schema: str, target: str, source: str, items: Sequence[str]) -> str:
    """Root of ``target`` with the rows of some items as they are in ``source``."""

def rekey_items(session: Session, schema: str, root: str, pairs: Sequence[tuple[str, str]]) -> str:
    """Root of a table in which the rows of some items belong to others: (old, new). Rows that the new item has stay."""

@final
class Store:
    control: str

    @staticmethod
    def create(control: str) -> Store: ...
    @staticmethod
    def open(control: str) -> Store: ...
    def begin(self) -> Session: ...
    def hold(self) -> Hold:
        """While it is open no collector takes away what is readable now. Costs a small file, and waits for nobody."""
    def read_record(self, kind: str, id: str) -> Record:
        """``kind``: commit, view, list or schema."""
    def contains(self, kind: str, id: str) -> bool: ...
    def find(self, kind: str, prefix: str, limit: int = 16) -> list[str]: ...
    def has_content(self, id: str) -> bool: ...
    def content(self, id: str) -> bytes: ...
    def copy_content(self, id: str, descriptor: int) -> int:
        """Write a content into an open file. Returns its length."""
    def head(self) -> Record | None:
        """The newest operation; ``None`` before the first."""
    def operation(self, number: int) -> Record: ...
    def oldest_operation(self) -> int: ...
    def publish(self, number: int, operation: Record) -> bool:
        """Publish operation ``number``; ``False`` when another process was first. Flush the session before."""
    def tidy(self) -> None:
        """Consolidate packs and operations in bounded steps. Cheap when there is nothing to do; what the file system
        refuses is left to the next time."""
    def count(self, root: str) -> int:
        """Number of rows of a table."""
    def file_rows(self, root: str, paths: Sequence[str] = ()) -> list[Record]:
        """Rows of ``files`` at and below ``paths`` (empty: all), by path. Keys: path, content_id, size, item_id,
        sha256, type ("file"|"link"|"reference"), executable; and what is known of pictures and videos, else ``None``:
        facts_version, media, width, height, orientation, channels, bit_depth, frames, fps, duration, broken.
        """
    def file_row(self, root: str, path: str) -> Record | None: ...
    def has_folder(self, root: str, path: str) -> bool:
        """Whether any row of ``files`` lies below ``path``."""
    def diff_files(self, before: str, after: str, paths: Sequence[str] = ()) -> Record:
        """{added: [path], modified: [path], removed: [path], renamed: [[old, new]], facts: n} (a renamed file may also
        differ in content: it is then in ``modified`` too, under its new path). ``facts``: number of files that are
        equal but for what is known of their media.
        """
    def diff_counts(self, before: str, after: str) -> tuple[int, int, int]:
        """(added, modified, removed) rows of any table."""
    def diff_rows(self, schema: str, before: str, after: str) -> list[Record]:
        """[{key: hex, before: {column: value}|None, after: {column: value}|None}]: values as JSON types, hashes
        and bytes as hex, times as RFC 3339.
        """
    def diff_stream(self, schema: str, before: str, after: str) -> ArrowStreamExportable:
        """Columns ``change`` (added, modified, removed) and the table's columns: after's values, for removed rows
        before's.
        """
    def scan(self, table: Table, columns: Sequence[str] = ()) -> ArrowStreamExportable:
        """All rows, one batch a segment."""
    def get_rows(self, table: Table, keys: Sequence[str]) -> list[Record | None]:
        """Rows by hex key, as in ``diff_rows``."""
    def export_parquet(
        self,
        table: Table,
        folder: str,
        conditions: str = "[]",
        item: str | None = None,
        progress: Progress | None = None,
    ) -> Record:
        """Make Parquet files with all rows that can fulfil conditions; what is there is used again.

        ``conditions`` is a JSON list of {column, among: [value] | least: value | most: value | present: bool}, ids in
        hex and times in microseconds; ``item`` asks for rows whose key begins with an item's id. Gives {files: [(path,
        wanted)], segments, opened}: ``wanted`` are inclusive ranges of the column ``__segment``, ``None`` all rows.
        """
    def restore_parquet(self, schema: str, path: str) -> None:
        """Write a file that an export of this process gave, and that was removed since, again as it was."""
    def gc(
        self, keep_seconds: int, now: int, immediate: bool, dry_run: bool, progress: Progress | None = None
    ) -> Record:
        """{live_bytes, held: [{kind, live, name, about, bytes}], dead_bytes, freed_bytes, waiting_bytes, objects,
        packs}
        """
    def fsck(self, data: bool, repair: bool, progress: Progress | None = None) -> Record:
        """{checked: {kind: n}, problems: [{object, kind, problem, remedy, repaired}]}"""
    def disk_usage(self) -> Record:
        """{packs, pack_bytes, object_files, object_bytes, operations, cache_bytes, index_bytes, files, total_bytes}"""

@final
class Hold:
    """What a reader holds against the collector, until it is closed or dropped. Use as a context manager."""

    def __enter__(self) -> Hold: ...
    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def close(self) -> None: ...

@final
class Session:
    """A writer. Nothing can be referenced by others before ``flush``. Use as a context manager."""

    def __enter__(self) -> Session: ...
    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def write_record(self, kind: str, record: Record) -> str: ...
    def has_made(self, id: str) -> bool:
        """Whether this session has written the record."""
    def is_beside_tombstones(self) -> bool:
        """Whether a collector was about to remove something when the session began: what nothing reaches may go at any
        moment then, else the session keeps it.
        """
    def file_row(self, root: str, path: str) -> Record | None:
        """As :meth:`Store.file_row`; also sees what this session wrote and did not flush yet."""
    def file_rows(self, root: str, paths: Sequence[str] = ()) -> list[Record]:
        """As :meth:`Store.file_rows`."""
    def scan(self, files: str, paths: Sequence[str], *, all: bool = False, progress: Progress | None = None) -> Scanned:
        """Read facts of media from the stored contents of tracked files at and below ``paths`` (empty: all) whose facts
        are missing or of an earlier version; ``all``: of every one. Changes no table.
        """
    def row_value(self, root: str, key: str) -> str | None:
        """The value of a row in hex, as conflicts carry it."""
    def write_builtin_schemas(self) -> None: ...
    def write_schema(self, schema: Record) -> str:
        """Validate and store a schema record: {name, fields: [{id, name, type, merge, content?}], key: [id],
        target_rows}.
        """
    def put_content(self, data: bytes, name: str) -> Record:
        """{content_id, sha256, size, new}"""
    def put_file(self, path: str, name: str, progress: Progress | None = None) -> Record: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...
    def empty_table(self) -> str:
        """Root of the table without rows."""
    def build_table(self, schema: str, rows: ArrowStreamExportable) -> str:
        """Rows in any order; a repeated key is an error."""
    def edit_table(
        self, schema: str, root: str, upserts: ArrowStreamExportable | None, deletes: ArrowStreamExportable | None
    ) -> str:
        """``deletes`` holds the key columns."""
    def set_rows(self, schema: str, root: str, rows: Sequence[tuple[str, str | None]]) -> str:
        """Set or remove rows by (hex key, hex value), as conflicts carry them."""
    def merge_table(self, schema: str, base: str, ours: str, theirs: str) -> tuple[str, list[Record]]:
        """(root, conflicts): {key: hex, fields: [name], base, ours, theirs: {value: hex, row: {column: value}} |
        None}
        """
    def decide_row(self, schema: str, base: str | None, ours: str | None, theirs: str | None, side: str) -> str | None:
        """The row of a conflict, by hex values: what is contested as ``side`` has it, everything else merged."""
    def merge_files(
        self, base: FileRoots, ours: FileRoots, theirs: FileRoots
    ) -> tuple[FileRoots, list[Record], list[tuple[str, str]]]:
        """(roots, conflicts, rekeyed items): conflicts are {path, reason, base, ours, theirs} with rows as in
        ``file_rows`` or ``None``.
        """
    def replace_files(self, target: FileRoots, source: FileRoots, paths: Sequence[str]) -> FileRoots:
        """``target`` with the rows at and below ``paths`` replaced by those of ``source`` (empty: all)."""
    def set_files(self, roots: FileRoots, removes: Sequence[str], upserts: Sequence[Record]) -> FileRoots:
        """Edit rows of ``files`` (records as in ``file_rows``, optionally with ``created`` in microseconds and
        ``creator`` for an item that is new); an items row is made for a new item and dropped with its last
        file.
        """

@final
class WorkingCopy:
    def __init__(self, store: Store, tree: str) -> None: ...
    def status(self, staged_files: str, progress: Progress | None = None) -> Record:
        """{modified: [path], removed: [path], untracked: [{path, files}], skipped: [{path, reason}],
        empty_folders: [path]}
        """
    def stage(
        self,
        session: Session,
        paths: Sequence[str],
        *,
        base: FileRoots | None,
        staged: FileRoots,
        tracked_only: bool,
        now: int,
        creator: str,
        by_reference: bool = False,
        progress: Progress | None = None,
    ) -> Staged:
        """``by_reference``: the paths are links to files outside the tree, which are read and not copied."""

    def plan(
        self,
        before: str,
        after: str,
        *,
        paths: Sequence[str] = (),
        repair: bool = False,
        force: bool = False,
        progress: Progress | None = None,
    ) -> CheckoutPlan:
        """Compare tables and disk; nothing is written."""
    def remember(self, operation: int, files: str, staged: Staged | None = None) -> None: ...
    def remembered(self) -> tuple[int, str] | None:
        """What the stat index stands for: (operation number, root of ``files``)."""
    def resume(self, before: str, after: str, operation: int, progress: Progress | None = None) -> list[Record]:
        """Finish a checkout that a crash left half done: files that are exactly as in ``before`` become as in
        ``after``.
        """
    def lock(self) -> Lock: ...
    def try_lock(self) -> Lock | None:
        """The lock, unless another process holds it."""
    def check_ignore(self, paths: Sequence[str]) -> list[Record]:
        """[{path, source, line, pattern}] of the ignored ones."""

@final
class Lock:
    def __enter__(self) -> Lock: ...
    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None: ...

@final
class Staged:
    """Changes read from disk, in no table yet. ``changes`` is their number."""

    added: list[str]
    modified: list[str]
    removed: list[str]
    renamed: list[tuple[str, str]]
    skipped: list[Record]
    broken: list[tuple[str, str]]
    """Damaged pictures and videos among what changes: (path, reason)."""
    empty_folders: list[str]
    collisions: list[list[str]]
    bytes: int
    changes: int
    def apply(self, session: Session, roots: FileRoots) -> FileRoots:
        """The roots with these changes; call again when another process moved them."""

@final
class Scanned:
    """Facts of media that were read. ``changed``: number of files of which something else is known now."""

    read: int
    changed: int
    broken: list[tuple[str, str]]
    skipped: list[Record]
    def apply(self, session: Session, files: str) -> str:
        """The root of ``files`` with them, where contents are the same; call again when another process moved it."""

@final
class CheckoutPlan:
    writes: list[str]
    removes: list[str]
    blocked: list[str]
    bytes: int
    def prepare(self, progress: Progress | None = None) -> None:
        """Write all new content into temporary files; a full disk fails here and changes nothing."""
    def apply(
        self, operation: int, files: str, progress: Progress | None = None, *, insist: bool = False
    ) -> list[Record]:
        """Move them into place and remember the result. Returns [{path, reason}] of what could not be changed; with
        ``insist`` the next verb tries that again."""
