"""Which file each picture of a source is: by path, by name, or by content."""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from oxide.errors import InvalidInput, NotFound
from oxide.formats.base import EXAMPLES
from oxide.labels import fitting

if TYPE_CHECKING:
    from oxide._core import Store
    from oxide.formats.base import Picture
    from oxide.workspace import Tables

Key = TypeVar("Key", str, bytes)

MATCHES = ("path", "name", "content")
_COLUMNS = ("path", "item_id", "sha256", "width", "height", "orientation")


class Found(NamedTuple):
    """A tracked file. ``width`` and ``height`` in pixels of the upright picture, where they are known."""

    path: str
    item: bytes
    width: int | None
    height: int | None


class Matcher(Protocol):
    """Finds what is tracked already."""

    def find(self, picture: Picture) -> Found | None:
        """The file that a picture is, ``None`` where there is none.

        Raises:
            InvalidInput: several fit.
        """
        ...


class Tracked:
    """The tracked files below a folder, compact: asking the store for one after the other would take too long."""

    def __init__(self, store: Store, tables: Tables, prefix: str) -> None:
        import pyarrow
        import pyarrow.compute as compute

        table = pyarrow.RecordBatchReader.from_stream(store.scan(tables["files"])).read_all()
        wanted = [name for name in _COLUMNS if name in table.column_names]
        table = table.select(wanted)
        if prefix:
            table = table.filter(compute.starts_with(table.column("path"), prefix + "/"))
        columns = {name: table.column(name).combine_chunks() for name in wanted}
        unknown = pyarrow.nulls(len(table), pyarrow.int64())
        self._items, self._digests = columns["item_id"], columns["sha256"]
        self._widths, self._heights = columns.get("width", unknown), columns.get("height", unknown)
        self._orientations = columns.get("orientation", unknown)
        self.paths = {path: number for number, path in enumerate(columns["path"].to_pylist())}

    def digests(self) -> Iterator[tuple[bytes, str]]:
        """(SHA-256, path) of the files."""
        return zip(self._digests.to_pylist(), self.paths, strict=True)

    def at(self, path: str) -> Found | None:
        """The file at a path."""
        number = self.paths.get(path)
        if number is None:
            return None
        columns = (self._items, self._widths, self._heights, self._orientations)
        item, width, height, orientation = (column[number].as_py() for column in columns)
        return Found(path, item, *fitting.upright(width, height, orientation))


def relative(path: str) -> str | None:
    """A path as sources write it, in the repository's form; ``None`` for one that leads out of its folder."""
    found = posixpath.normpath(path.replace("\\", "/"))
    return None if found in (".", "..") or found.startswith(("/", "../")) or found[1:3] == ":/" else found


def below(prefix: str, path: str) -> str:
    """A path below a folder of the repository."""
    return f"{prefix}/{path}" if prefix else path


class ByPath:
    """The file at the picture's path below ``prefix``."""

    def __init__(self, tracked: Tracked, prefix: str) -> None:
        self._tracked = tracked
        self._prefix = prefix

    def find(self, picture: Picture) -> Found | None:
        path = relative(picture.path) if picture.path else None
        return None if path is None else self._tracked.at(below(self._prefix, path))

    def folder_with(self, picture: Picture) -> str | None:
        """The only folder in which the picture's path leads to a tracked file."""
        path = relative(picture.path) if picture.path else None
        if path is None:
            return None
        folders = [known[: -len(path) - 1] for known in self._tracked.paths if known.endswith(f"/{path}")]
        return folders[0] if len(folders) == 1 else None


class ByName:
    """The only file whose last name is that of the picture."""

    def __init__(self, tracked: Tracked) -> None:
        self._tracked = tracked
        self._paths: dict[str, str | list[str]] = {}
        for path in tracked.paths:
            _note(self._paths, posixpath.basename(path), path)

    def find(self, picture: Picture) -> Found | None:
        name = posixpath.basename((picture.path or "").replace("\\", "/"))
        found = self._paths.get(name)
        if isinstance(found, list):
            raise several(picture, f"the name '{name}'", found)
        return None if found is None else self._tracked.at(found)


class ByContent:
    """The only file with the content that the source says, or that the picture has in ``images``.

    Of several with the same content it is the one with the picture's path.
    """

    def __init__(self, tracked: Tracked, prefix: str, images: Images | None) -> None:
        self._tracked = tracked
        self._prefix = prefix
        self._images = images
        self._paths: dict[bytes, str | list[str]] = {}
        for digest, path in tracked.digests():
            if digest is not None:
                _note(self._paths, digest, path)

    def find(self, picture: Picture) -> Found | None:
        digest = self._digest(picture)
        found = None if digest is None else self._paths.get(digest)
        if isinstance(found, list):
            path = relative(picture.path) if picture.path else None
            if path is None or below(self._prefix, path) not in found:
                raise several(picture, "the content", found)
            found = below(self._prefix, path)
        return None if found is None else self._tracked.at(found)

    def _digest(self, picture: Picture) -> bytes | None:
        if picture.sha256 is not None:
            return bytes.fromhex(picture.sha256)
        place = self._images.place(picture) if self._images is not None else None
        if place is None:
            return None
        with open(place, "rb") as file:
            return hashlib.file_digest(file, "sha256").digest()


class Images:
    """The folder that pictures which are not tracked are taken from."""

    def __init__(self, folder: str, by_name: bool) -> None:
        if not os.path.isdir(folder):
            raise NotFound(f"there is no folder '{folder}'", hint="name the folder with the pictures", path=folder)
        self.folder = folder
        self._names: dict[str, str | list[str]] | None = None
        if by_name:
            self._names = {}
            for path in _walk(folder):
                _note(self._names, posixpath.basename(path), path)

    def path(self, picture: Picture) -> str | None:
        """Where a picture lies, relative to the folder; ``None`` where it does not. Raises InvalidInput."""
        if picture.path is None:
            return None
        if self._names is not None:
            name = posixpath.basename(picture.path.replace("\\", "/"))
            found = self._names.get(name)
            if isinstance(found, list):
                raise several(picture, f"the name '{name}'", found)
            return found
        path = relative(picture.path)
        return path if path is not None and os.path.isfile(os.path.join(self.folder, path)) else None

    def place(self, picture: Picture) -> str | None:
        """Where a picture lies on disk."""
        path = self.path(picture)
        return None if path is None else os.path.join(self.folder, path)


def make(match: str, store: Store, tables: Tables, prefix: str, images: Images | None) -> Matcher:
    """The matcher by its name. Raises InvalidInput."""
    if match not in MATCHES:
        raise InvalidInput(f"pictures cannot be matched by '{match}'", hint=f"use {', '.join(MATCHES)}")
    tracked = Tracked(store, tables, prefix)
    if match == "path":
        return ByPath(tracked, prefix)
    return ByName(tracked) if match == "name" else ByContent(tracked, prefix, images)


def several(picture: Picture, what: str, paths: list[str]) -> InvalidInput:
    """The failure for a picture that could be several files."""
    listed = ", ".join(sorted(paths)[:EXAMPLES]) + (
        f" and {len(paths) - EXAMPLES} more" if len(paths) > EXAMPLES else ""
    )
    return InvalidInput(
        f"'{picture.path}' ({picture.place}): {what} is that of several files: {listed}",
        hint="match by path, with --into where the paths begin in a folder; nothing was imported",
        path=picture.path,
    )


def _note(found: dict[Key, str | list[str]], key: Key, path: str) -> None:
    """Note a path; those that share a key become a list."""
    known = found.get(key)
    if known is None:
        found[key] = path
    elif isinstance(known, list):
        known.append(path)
    else:
        found[key] = [known, path]


def _walk(folder: str) -> Iterator[str]:
    """Files below a folder, relative to it; control folders are left out."""
    for above, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != ".oxide"]
        start = os.path.relpath(above, folder)
        for name in names:
            yield name if start == "." else f"{start}/{name}"
