"""Frames that were taken out before, here or on another branch: they are neither decoded nor stored again."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from oxide import _core
from oxide.workspace import Tables

if TYPE_CHECKING:
    from oxide._core import Record, Store

_AT_ONCE = 10_000
SYSTEM_KEY = "video"
"""Where a frame's ``system`` metadata says what it was taken from: ``{"content": id, "frames": number}``."""


class Origin(NamedTuple):
    """What a picture was taken from: a video's content, which has ``total`` frames."""

    content: str
    total: int


def origin_of(metadata: Any) -> Origin | None:
    """What an item's metadata says that it was taken from. Other programs may keep other things in the same place."""
    system = metadata.get("system") if isinstance(metadata, dict) else None
    said = system.get(SYSTEM_KEY) if isinstance(system, dict) else None
    if (
        not isinstance(said, dict)
        or not isinstance(said.get("content"), str)
        or not isinstance(said.get("frames"), int)
    ):
        return None
    return Origin(said["content"], said["frames"])


class Frame(NamedTuple):
    """A picture that is the frame ``number`` of a content, ``time`` seconds after the first of ``total``.

    ``row``: as in ``files``.
    """

    content: str
    number: int
    time: float
    total: int
    row: Record

    @property
    def suffix(self) -> str:
        """The format, as the ending of the name."""
        path: str = self.row["path"]
        return posixpath.splitext(path)[1]


def frames_of(store: Store, tables: Tables, videos: Collection[str]) -> Iterator[Frame]:
    """The frames that the tables have of some videos, which are named by their items."""
    import pyarrow
    import pyarrow.compute as compute

    if "metadata" not in tables:
        return
    wanted = pyarrow.array([bytes.fromhex(video) for video in videos], pyarrow.binary(12))
    places: dict[str, tuple[int, float]] = {}
    stream = store.scan(tables["items"], ["item_id", "source_item", "frame_index", "frame_time"])
    for batch in pyarrow.RecordBatchReader.from_stream(stream):
        taken = compute.and_(compute.is_valid(batch["frame_index"]), compute.is_in(batch["source_item"], wanted))
        for row in batch.filter(taken).to_pylist():
            places[row["item_id"].hex()] = row["frame_index"], row["frame_time"]
    for some in _some(sorted(places)):
        rows = dict(zip(some, _core.files_of(store, tables["files"][1], some), strict=True))
        for record in _core.item_rows(store, tables["metadata"], some):
            item, origin = record["item_id"], origin_of(record["value"])
            row = rows[item]
            if origin is not None and row is not None:
                yield Frame(origin.content, *places[item], origin.total, row)


def _some(items: list[str]) -> Iterable[list[str]]:
    for first in range(0, len(items), _AT_ONCE):
        yield items[first : first + _AT_ONCE]
