"""Masks as pictures: of each picture a PNG of its size whose pixels are numbers of classes.

``labels.txt`` names them, a name a line, the first for 0, the background; ``masks/`` has a PNG for each picture, in the
folders in which the pictures are: 8 bits with a palette up to 256 classes, else 16 bits. What is read is one mask for
each class of a picture; 255 is not read where ``labels.txt`` has no name for it, since it usually marks what is left
undecided. A ``labelmap.txt`` (``name:r,g,b::`` a line, as CVAT writes it) with coloured pictures in
``SegmentationClass/`` is read too.

Polygons are filled as Pillow does, their holes left open. Where annotations cover one pixel the last one has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from oxide.errors import InvalidInput, NotFound
from oxide.extras import import_extra
from oxide.formats import files
from oxide.formats.base import Labelled, Picture, wrong
from oxide.formats.lines import lines
from oxide.formats.pixels import pixels_of
from oxide.formats.unsaid import lose_labels, lose_parts, lose_picture, where
from oxide.labels import masks
from oxide.labels.annotation import Annotation
from oxide.labels.ontology import Label

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    from oxide.formats.base import Dataset, Fidelity, Find, LabelledPicture
    from oxide.labels.fitting import Size

NAME = "masks"
BACKGROUND = "background"
UNDECIDED = 255


@dataclass
class MaskPictures:
    """The format."""

    name: str = NAME
    needs_pictures: bool = False
    find: Find | None = None

    def read(self, source: Path) -> Iterator[Picture | Labelled | Label]:
        """The masks of a folder.

        Raises:
            InvalidInput: there are no names, or a picture is no mask.
            NotFound: there is no such folder.
            MissingExtra: reading pictures needs the extra ``vision``.
        """
        import_extra("PIL", "vision")
        if not source.is_dir():
            raise NotFound(f"there is no folder '{source}'", hint="name one with labels.txt", path=str(source))
        colors = _color_map(source / "labelmap.txt") if (source / "labelmap.txt").is_file() else None
        folder = source / ("masks" if colors is None else "SegmentationClass")
        if colors is None and not (source / "labels.txt").is_file():
            raise InvalidInput(f"there is neither labels.txt nor labelmap.txt in '{source}'", hint="name its folder")
        names = _names(source / "labels.txt") if colors is None else list(colors)
        for position, name in enumerate(name for name in names if name and name != BACKGROUND):
            yield Label(name, position=position)
        if not folder.is_dir():
            raise InvalidInput(
                f"there is no folder '{folder.name}' in '{source}', where the masks belong",
                hint="name the folder above it",
                path=str(folder),
            )
        for path in files.below(folder):
            if files.ending(path) == "png":
                key = files.without_ending(path)
                known = self.find(key) if self.find is not None else None
                numbers = _numbers(folder / path, colors, known[1:] if known else (None, None))
                height, width = numbers.shape
                yield Picture(key, known[0] if known else key, str(folder / path), width, height)
                for number, annotation in _annotations(folder / path, numbers, names):
                    yield Labelled(key, annotation, f"{folder / path}, class {number}")

    def write(self, dataset: Dataset, target: Path, fidelity: Fidelity) -> None:
        """``labels.txt`` and a PNG for each picture."""
        import_extra("PIL", "vision")
        files.made_folder(target, NAME)
        lose_labels(fidelity, dataset)
        names = [BACKGROUND, *(name for name in dataset.ontology.labels if name != BACKGROUND and "\n" not in name)]
        (target / "labels.txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8", newline="\n")
        numbers = {name: number for number, name in enumerate(names)}
        for picture in files.shown(dataset):
            path = target / "masks" / f"{picture.path}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(picture, path, numbers, fidelity)

    def picture_path(self, picture: LabelledPicture) -> str:
        """Where a picture goes."""
        return f"images/{picture.path}"


def format() -> MaskPictures:
    """The format."""
    return MaskPictures()


# -- reading -----------------------------------------------------------------------------------------------------------
def _names(path: Path) -> list[str]:
    names = [line.rstrip("\r\n") for _, line in lines(path)]
    if len(set(filter(None, names))) != len(list(filter(None, names))):
        raise wrong(path, "in its lines", "a class is named twice")
    return names


def _color_map(path: Path) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for number, line in ((number, line.strip()) for number, line in lines(path)):
        if not line or line.startswith("#"):
            continue
        name, _, rest = line.partition(":")
        try:
            color = tuple(int(part) for part in rest.partition(":")[0].split(","))
        except ValueError as error:
            raise wrong(path, f"line {number}", f"'{line}' names no colour") from error
        if len(color) != 3 or not all(0 <= part <= 255 for part in color) or name in found:
            raise wrong(path, f"line {number}", f"'{line}' is no class of its own with a colour of three numbers")
        found[name] = color
    return found


def _numbers(path: Path, colors: dict[str, tuple[int, ...]] | None, size: Size) -> NDArray[numpy.int64]:
    """The number of the class of each pixel, (height, width); of a coloured picture by the map. ``size``: what its
    header must say before it is unpacked, as far as that is known.
    """
    import numpy
    from PIL import Image

    try:
        with files.open_picture(path) as picture:
            files.check_size(path, picture.size, size)
            if colors is None:
                if picture.mode not in ("P", "L", "1", "I", "I;16"):
                    raise wrong(
                        path, "at its start", f"its pixels are colours ({picture.mode}), not numbers of classes"
                    )
                return numpy.asarray(picture.convert("L") if picture.mode == "1" else picture).astype(numpy.int64)
            pixels = numpy.asarray(picture.convert("RGB")).astype(numpy.int64)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise wrong(path, "at its start", f"it is no picture: {error}") from error
    codes = pixels @ [65536, 256, 1]
    found = numpy.full(codes.shape, -1, numpy.int64)
    for number, (red, green, blue) in enumerate(colors.values()):
        found[codes == red * 65536 + green * 256 + blue] = number
    if (found < 0).any():
        row, column = (int(each[0]) for each in numpy.nonzero(found < 0))
        raise wrong(path, f"pixel {column}, {row}", f"labelmap.txt has no class of the colour {pixels[row, column]}")
    return found


def _annotations(path: Path, numbers: NDArray[numpy.int64], names: list[str]) -> Iterator[tuple[int, Annotation]]:
    import numpy

    for number in (int(each) for each in numpy.unique(numbers)):
        named = number < len(names) and names[number]
        if (named and names[number] == BACKGROUND) or (number == 0 and not named):
            continue
        if not named:
            if number == UNDECIDED:
                continue
            raise wrong(path, f"class {number}", f"labels.txt has no name for it, only {len(names)} lines")
        yield number, Annotation("mask", names[number], geometry=masks.encode(numbers == number), source="import")


# -- writing -----------------------------------------------------------------------------------------------------------
def _write(picture: LabelledPicture, path: Path, numbers: dict[str, int], fidelity: Fidelity) -> None:
    import numpy
    from PIL import Image

    lose_picture(fidelity, picture)
    if not picture.width or not picture.height:
        for annotation in picture.annotations:
            fidelity.leave_out("annotations of pictures of unknown size, left out", where(picture, annotation))
        return
    found = numpy.zeros((picture.height, picture.width), numpy.uint16)
    seen: set[str] = set()
    for annotation in picture.annotations:
        place = where(picture, annotation)
        if not annotation.label or annotation.label not in numbers or numbers[annotation.label] == 0:
            fidelity.leave_out("annotations without a label that a line can hold, left out", place)
            continue
        pixels = pixels_of(annotation, picture.width, picture.height)
        if pixels is None:
            fidelity.leave_out(f"annotations of the type {annotation.type}, left out", place)
            continue
        if annotation.type == "polygon":
            fidelity.lose("outlines of polygons, written as pixels", place)
        if annotation.label in seen:
            fidelity.lose("which of several of a label a pixel belongs to", place)
        seen.add(annotation.label)
        others = found[pixels]
        if ((others != 0) & (others != numbers[annotation.label])).any():
            fidelity.lose("pixels of other labels below", place)
        lose_parts(fidelity, picture, annotation, own=NAME)
        found[pixels] = numbers[annotation.label]
    if len(numbers) > UNDECIDED:
        Image.fromarray(found).save(path, "PNG")
        return
    drawn = Image.fromarray(found.astype(numpy.uint8)).convert("P")
    drawn.putpalette(_palette())
    drawn.save(path, "PNG")


def _palette() -> list[int]:
    """256 colours that are easily told apart, as the VOC devkit's ``labelcolormap`` makes them: bits from the top."""
    colors = []
    for number in range(256):
        color = [0, 0, 0]
        for bit in range(8):
            for channel in range(3):
                color[channel] |= (number >> (3 * bit + channel) & 1) << (7 - bit)
        colors += color
    return colors
