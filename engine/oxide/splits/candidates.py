"""The pictures and videos that splits are made of, with their classes and what they belong to."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from oxide import _core
from oxide.errors import InvalidInput
from oxide.formats.files import is_media
from oxide.labels import reading
from oxide.splits.choosing import Candidate
from oxide.video.known import origin_of

if TYPE_CHECKING:
    from oxide._core import Record, Store
    from oxide.workspace import Tables

CLASSES = ("label", "folder", "filename")
SPLIT = "split"
"""The key of metadata that names a file's split."""
_AT_ONCE = 10_000
_WORD = re.compile(r"[^\W\d_]+", re.UNICODE)


class Item:
    """A picture or video of a state: its row of ``files``, its metadata, and the content that it is a frame of."""

    __slots__ = ("metadata", "row", "source")

    def __init__(self, row: Record, metadata: dict[str, Any]) -> None:
        self.row = row
        self.metadata = metadata
        origin = origin_of(metadata)
        self.source = origin.content if origin is not None else None

    @property
    def split(self) -> str | None:
        """The name of its split."""
        name = self.metadata.get(SPLIT)
        return name if isinstance(name, str) and name else None

    @property
    def contents(self) -> list[str]:
        """Its content, and that of the video that it was taken from."""
        return [self.row["content_id"], *([self.source] if self.source else [])]


def items_of(store: Store, tables: Tables) -> list[Item]:
    """The pictures and videos of a state, by path."""
    rows = [
        row
        for row in store.file_rows(tables["files"][1])
        if row["type"] != "link" and (row["media"] or is_media(row["path"]))
    ]
    found = []
    for some in _some(rows):
        metadata = reading.metadata_of(store, tables, sorted(row["item_id"] for row in some))
        found += [Item(row, metadata.get(row["item_id"]) or {}) for row in some]
    return found


def candidates(
    store: Store, tables: Tables, items: Sequence[Item], class_from: str, group_by: str | None
) -> list[Candidate]:
    """Items as they can be chosen. ``class_from``: ``label`` (of the classification, else of the only label on it), the
    ``folder`` that the file is in, or the first word of the ``filename``. ``group_by``: ``metadata.KEY``, whose equal
    values belong together.

    Raises:
        InvalidInput: there is no such source of a class, or such a key cannot be.
    """
    if class_from not in CLASSES:
        raise InvalidInput(f"'{class_from}' gives no class", hint=f"use one of {', '.join(CLASSES)}")
    if group_by is not None and not group_by.startswith("metadata."):
        raise InvalidInput(f"files are not grouped by '{group_by}'", hint="as in metadata.video")
    labels = _labels(store, tables, items) if class_from == "label" else {}
    found = []
    for item in items:
        row = item.row
        label = labels.get(row["item_id"]) if class_from == "label" else _named(row["path"], class_from)
        tied = [f"content {item.source}"] if item.source else []
        if group_by is not None and (value := _value(item.metadata, group_by.split(".")[1:])) is not None:
            tied.append(f"{group_by} {value!r}")
        found.append(Candidate(row["item_id"], row["path"], row["content_id"], label, tuple(tied)))
    return found


def _named(path: str, class_from: str) -> str | None:
    if class_from == "folder":
        return posixpath.basename(posixpath.dirname(path)) or None
    word = _WORD.match(posixpath.basename(path))
    return word[0].lower() if word else None


def _value(metadata: Any, names: Sequence[str]) -> Any:
    for name in names:
        metadata = metadata.get(name) if isinstance(metadata, dict) else None
    return metadata


def _labels(store: Store, tables: Tables, items: Sequence[Item]) -> dict[str, str]:
    """The class of each item that has one: what it is classified as, or the only label of what is on it."""
    if "annotations" not in tables:
        return {}
    said: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    ids = sorted(item.row["item_id"] for item in items)
    for some in _some(ids):
        for row in _core.item_rows(store, tables["annotations"], some):
            if row["label"] is not None:
                said[row["item_id"]][row["type"] != "class"].add(row["label"])
    found = {}
    for item, (classes, others) in said.items():
        names = classes or others
        if len(names) == 1:
            (found[item],) = names
    return found


def _some(things: list[Any]) -> list[list[Any]]:
    return [things[first : first + _AT_ONCE] for first in range(0, len(things), _AT_ONCE)]
