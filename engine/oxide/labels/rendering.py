"""Pictures of what differs: of each file whose annotations differ one with before and after drawn over it."""

from __future__ import annotations

import html
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING
from urllib.parse import quote

from oxide import _core
from oxide.errors import AlreadyExists
from oxide.extras import import_extra
from oxide.formats.files import open_picture
from oxide.labels import comparing
from oxide.labels.drawing import Color, Stroke, draw
from oxide.reading import open_content
from oxide.types import Progress, Skipped

if TYPE_CHECKING:
    from PIL.Image import Image

    from oxide._core import Record
    from oxide.labels.annotation import Annotation
    from oxide.labels.comparing import AnnotationChange
    from oxide.repository import Repository
    from oxide.workspace import Tables

REMOVED: Color = (235, 64, 52)
ADDED: Color = (52, 211, 98)
CHANGED: Color = (250, 204, 21)

_QUALITY = 90


@dataclass(frozen=True, slots=True)
class Drawn:
    """The pictures that were made, relative to their folder, and the files that could not be read as pictures."""

    pictures: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def render(
    repository: Repository,
    folder: str,
    before: Tables,
    after: Tables,
    paths: Sequence[str],
    progress: Progress | None,
) -> Drawn:
    """Draw the annotations that differ into a new folder, each picture as JPEG below the path of its file, and an
    ``index.html``. What was removed is red, what was added green, what changed yellow: dashed as it was, solid as it
    is. A picture is the file that ``after`` has, of a removed one that of ``before``.

    Raises:
        AlreadyExists: the folder is there and not empty.
        MissingExtra: drawing needs the extra ``vision``.
    """
    import_extra("PIL", "vision")
    from PIL import Image, UnidentifiedImageError

    if os.path.lexists(folder) and not (os.path.isdir(folder) and not os.listdir(folder)):
        raise AlreadyExists(f"'{folder}' is there already", hint="name a new folder", path=folder)
    changes = list(comparing.compare(repository.store, before, after, paths))
    by_path = [(path, list(some)) for path, some in groupby(changes, key=lambda change: change.path)]
    drawn = Drawn()
    entries = []
    for number, (path, some) in enumerate(by_path):
        if progress is not None:
            progress("draw", number, len(by_path), 0, 0)
        row = repository.store.file_row(after["files"][1], path) or repository.store.file_row(before["files"][1], path)
        assert row is not None  # only files of either side have changes
        try:
            data = _picture(repository, row, some)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            reason = "it is no picture" if isinstance(error, UnidentifiedImageError) else f"it cannot be read: {error}"
            drawn.skipped.append(Skipped(path, reason))
            continue
        name = f"{path}.jpg"
        target = os.path.join(folder, os.fsdecode(_core.path_to_bytes(name)))
        _core.make_folder(os.path.dirname(target))
        _core.write_file_atomic(target, data)
        drawn.pictures.append(name)
        entries.append((name, path, some))
    if entries:
        page = "\n".join(_index(entries)).encode(errors="replace")
        _core.write_file_atomic(os.path.join(folder, "index.html"), page)
    return drawn


def _picture(repository: Repository, row: Record, changes: list[AnnotationChange]) -> bytes:
    """The JPEG of one file with its changes."""
    if row["type"] == "link":
        raise ValueError("it is a link")
    with (
        open_content(repository.store, row["content_id"], row["size"]) as stream,
        open_picture(stream) as stored,
    ):
        picture = _upright(stored)
    strokes = [stroke for change in changes for stroke in _strokes(change)]
    made = io.BytesIO()
    draw(picture, strokes).save(made, "JPEG", quality=_QUALITY, subsampling=0)  # thin lines keep their colour
    return made.getvalue()


def _upright(stored: Image) -> Image:
    """As one sees it: turned as its EXIF says, its values spread over eight bits."""
    from PIL import Image, ImageOps

    picture = ImageOps.exif_transpose(stored)
    if picture.mode.startswith("I") or picture.mode == "F":
        import numpy

        values = numpy.asarray(picture, dtype=float)
        low, high = float(values.min()), float(values.max())
        picture = Image.fromarray(((values - low) * (255 / ((high - low) or 1))).astype(numpy.uint8))
    return picture.convert("RGB")


def _strokes(change: AnnotationChange) -> Iterator[Stroke]:
    before, after = change.before, change.after
    if before is None and after is not None:
        yield Stroke(after, ADDED, False, f"+ {_words(after)}")
    elif after is None and before is not None:
        yield Stroke(before, REMOVED, False, f"- {_words(before)}")
    elif before is not None and after is not None:
        words = _words(after)
        if before.label != after.label:
            words = f"{_words(before)} -> {words}"
        if "geometry" in change.fields:
            yield Stroke(before, CHANGED, True, "")
        yield Stroke(after, CHANGED, False, f"~ {words}")


def _words(annotation: Annotation) -> str:
    return annotation.label or str((annotation.geometry or {}).get("text") or annotation.type)


def _index(entries: list[tuple[str, str, list[AnnotationChange]]]) -> Iterator[str]:
    """A page that shows all pictures, and says what differs in each."""
    yield '<!doctype html><meta charset="utf-8"><title>Annotations that differ</title>'
    yield "<style>body{font:15px system-ui;margin:2em}img{max-width:100%}figure{margin:0 0 2em}</style>"
    yield f"<h1>Annotations that differ in {len(entries)} pictures</h1>"
    yield "<p>Red: removed. Green: added. Yellow: changed, dashed as it was, solid as it is.</p>"
    for name, path, changes in entries:
        kinds: dict[str, int] = {}
        for change in changes:
            for kind in change.kinds:
                kinds[kind] = kinds.get(kind, 0) + 1
        told = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
        yield (
            f"<figure><figcaption><code>{html.escape(path)}</code>: {told}</figcaption>"
            f'<img loading="lazy" alt="" src="{quote(_core.path_to_bytes(name))}"></figure>'
        )
