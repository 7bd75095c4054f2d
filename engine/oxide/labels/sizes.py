"""Sizes of pictures for formats that cannot be read without them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from oxide.formats import files
from oxide.formats.base import Picture
from oxide.labels import fitting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oxide._core import Store
    from oxide.formats.base import Known
    from oxide.labels.fitting import Size
    from oxide.labels.matching import Images, Matcher
    from oxide.workspace import Tables


def of_file(store: Store, tables: Tables, path: str) -> Size:
    """(width, height) of a tracked picture, upright; ``None`` where they are not known, as of what is no picture."""
    row = store.file_row(tables["files"][1], path) or {}
    return fitting.upright(row.get("width"), row.get("height"), row.get("orientation"))


class Sizes:
    """Finds a picture as the import does, among what is tracked and in the folder of ``--images``.

    Its size is what is known of the tracked file, or else what its header says where it lies.
    """

    def __init__(self, root: str | Path, matcher: Matcher, images: Images | None) -> None:
        self._root, self._matcher, self._images = Path(root), matcher, images

    def __call__(self, path: str) -> Known | None:
        """(path, width, height) of the picture with a path, which may be without its ending. Raises InvalidInput."""
        for name in _candidates(path):
            picture = Picture(name, name, f"'{name}'")
            found = self._matcher.find(picture)
            if found is not None:
                if found.width and found.height:
                    return name, found.width, found.height
                return self._measured(name, self._root / found.path)
            place = self._images.place(picture) if self._images is not None else None
            if place is not None:
                return self._measured(name, Path(place))
        return None

    @staticmethod
    def _measured(name: str, place: Path) -> Known:
        return (name, *files.size_of(place)) if place.is_file() else (name, None, None)


def _candidates(path: str) -> Iterator[str]:
    yield path
    if not files.is_media(path):
        for ending in sorted(files.PICTURES):
            yield f"{path}.{ending}"
            yield f"{path}.{ending.upper()}"
