"""Whether a shape fits its picture: what every way in refuses, and what it remarks on."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from oxide.errors import InvalidInput

if TYPE_CHECKING:
    from oxide.labels.annotation import Annotation

STICKS_OUT = 1.0
"""Pixels by which a shape may leave its picture without a remark."""
_TURNED = (5, 6, 7, 8)

Size = tuple[int | None, int | None]
Side = TypeVar("Side")


def upright(width: Side, height: Side, orientation: int | None) -> tuple[Side, Side]:
    """(width, height) of a picture as EXIF turns it, of those that are stored."""
    return (height, width) if orientation in _TURNED else (width, height)


def check_mask_size(size: tuple[float, float], width: float | None, height: float | None) -> None:
    """Refuse a mask of (width, height) for a picture of another size; a size of 0 or ``None`` is unknown."""
    if width and height and size != (width, height):
        raise InvalidInput(
            f"the mask has {size[0]:g} x {size[1]:g} pixels, and its picture has {width:g} x {height:g}",
            hint="a mask has a pixel for each of the picture, which is upright as EXIF turns it",
        )


def check(annotation: Annotation, width: float | None, height: float | None) -> bool:
    """Refuse a shape that lies wholly outside its picture, and a mask of another size than that.

    Returns whether it stays within. The annotation was checked, or has no box. A size of 0 or ``None`` is unknown.
    """
    if not width or not height:
        return True
    if annotation.type == "mask" and annotation.geometry is not None:
        down, across = annotation.geometry["size"]
        check_mask_size((across, down), width, height)
    if annotation.box is None:
        return True
    left, top, across, down = annotation.box
    right, bottom = left + across, top + down
    if left > width or top > height or right < 0 or bottom < 0:
        raise InvalidInput(
            f"the box {[left, top, across, down]} is outside the picture, which has {width:g} x {height:g} pixels",
            hint="boxes are left, top, width, height in pixels of the upright picture",
        )
    return max(-left, -top, right - width, bottom - height) <= STICKS_OUT
