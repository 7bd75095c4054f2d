"""Pictures and clips in a folder: which they are, and how large."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from oxide.errors import InvalidInput, NotFound
from oxide.extras import import_extra
from oxide.formats.base import wrong
from oxide.labels import fitting

if TYPE_CHECKING:
    from PIL import Image

    from oxide.formats.base import Dataset, LabelledPicture

PICTURES = frozenset(
    ("bmp", "dng", "gif", "heic", "heif", "jfif", "jp2", "jpeg", "jpg", "mpo", "pfm", "png", "tif", "tiff", "webp")
)
VIDEOS = frozenset(("asf", "avi", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "ts", "webm", "wmv"))
_ORIENTATION = 274


def ending(path: str) -> str:
    """The ending of a file's name in small letters, without the point."""
    name = path.rsplit("/", 1)[-1]
    return name.rsplit(".", 1)[1].lower() if "." in name else ""


def without_ending(path: str) -> str:
    """A path without the ending of its name."""
    return path[: -len(ending(path)) - 1] if ending(path) else path


def is_media(path: str) -> bool:
    """Whether a name is that of a picture or a clip."""
    return ending(path) in PICTURES or ending(path) in VIDEOS


def is_video(path: str, media: str | None) -> bool:
    """Whether a file is a clip, by its media type where that is known, else by its name."""
    return media.startswith("video") if media else ending(path) in VIDEOS


def below(folder: Path) -> Iterator[str]:
    """The files below a folder, by folder and name, ``/`` between names; what begins with a point is left out."""
    for at, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield (Path(at) / name).relative_to(folder).as_posix()


def sources(source: Path, kind: str) -> Iterator[tuple[Path, str]]:
    """The files with an ending below a folder, each with its path in the folder; or a single file with its name.

    Raises:
        InvalidInput: there is none below the folder.
        NotFound: there is no such file or folder.
    """
    if source.is_file():
        yield source, source.name
        return
    if not source.is_dir():
        raise NotFound(f"there is no '{source}'", hint=f"name a folder of {kind.upper()} files", path=str(source))
    found = [path for path in below(source) if ending(path) == kind]
    if not found:
        hint = "name the folder with the annotations"
        raise InvalidInput(f"there is no {kind.upper()} file below '{source}'", hint=hint)
    yield from ((source / path, path) for path in found)


def shown(dataset: Dataset) -> Iterator[LabelledPicture]:
    """The pictures and clips of a dataset, and what else has labels; not the texts and tables beside them."""
    return filter(is_shown, dataset.pictures())


def is_shown(picture: LabelledPicture) -> bool:
    """Whether an item is a picture or a clip, or has labels all the same."""
    return bool(picture.annotations or picture.facts.get("media") or is_media(picture.path))


def made_folder(target: Path, format: str) -> None:
    """Make the folder that an export goes into, if it is not there.

    Raises:
        InvalidInput: the target is a file, as names with an ending are.
    """
    if target.suffix and not target.is_dir():
        raise InvalidInput(f"{format} is written into a folder, not a file", hint="name a target without an ending")
    target.mkdir(parents=True, exist_ok=True)


def open_picture(source: str | os.PathLike[str] | IO[bytes], kinds: list[str] | None = None) -> Image.Image:
    """A picture as Pillow opens it: its header is read. Some packages put a function of their own into Pillow, which
    asks for a further package where a file is no picture.

    Raises:
        OSError: it is no picture.
        MissingExtra: the extra ``vision`` is not installed.
    """
    import_extra("PIL", "vision")
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            # Who opens a picture looks at its size; twice that many pixels are an error all the same.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(source, formats=kinds)
    except ImportError as error:
        raise UnidentifiedImageError(f"cannot identify image file {source!r}") from error


def size_of(path: Path) -> tuple[int, int]:
    """(width, height) in pixels of the upright picture; only its header is read.

    Raises:
        InvalidInput: it is no picture.
        MissingExtra: the extra ``vision`` is not installed.
    """
    import_extra("PIL", "vision")
    from PIL import Image

    try:
        with open_picture(path) as picture:
            width, height = picture.size
            told = picture.format != "PNG" or "exif" in picture.info  # or else Pillow reads all pixels to look behind
            orientation = picture.getexif().get(_ORIENTATION) if told else None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise wrong(path, "at its header", f"its size cannot be read: {error}") from error
    return fitting.upright(width, height, orientation)


def check_size(path: Path, has: tuple[int, int], size: fitting.Size) -> None:
    """Refuse a picture of the masks of another: (width, height) that its header says, and that must be there."""
    try:
        fitting.check_mask_size(has, *size)
    except InvalidInput as error:
        raise wrong(path, "at its header", error.message, error.hint) from error
