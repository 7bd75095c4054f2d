"""The pixels that shapes cover."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oxide.labels import masks

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    from oxide.labels.annotation import Annotation


def pixels_of(annotation: Annotation, width: int, height: int) -> NDArray[numpy.bool_] | None:
    """The pixels of a mask or polygon, (height, width); ``None`` for other shapes, and masks of another size.

    Polygons are filled as Pillow does, their holes left open.
    """
    import numpy
    from PIL import Image, ImageDraw

    shape: dict[str, Any] = annotation.geometry or {}
    if annotation.type == "mask":
        pixels = masks.decode(shape)
        return pixels if pixels.shape == (height, width) else None
    if annotation.type != "polygon":
        return None
    filled = numpy.zeros((height, width), bool)
    for outline, *holes in shape["polygons"]:
        drawn = Image.new("1", (width, height))
        pen = ImageDraw.Draw(drawn)
        pen.polygon(outline, 1, 1)
        for hole in holes:
            pen.polygon(hole, 0, 0)
        filled |= numpy.asarray(drawn)
    return filled
