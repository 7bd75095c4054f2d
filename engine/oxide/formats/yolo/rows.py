"""An annotation as a line of a YOLO text file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from oxide.labels.geometry import Box, around, pairs, rotated_corners
from oxide.labels.outlines import joined, outlines

if TYPE_CHECKING:
    from oxide.labels.annotation import Annotation

    Lose = Callable[[str], None]

_NOTICED = 1e-6
"""Pixels: what is further outside the picture is reported."""
_CALLED = {
    "box": "boxes",
    "rotated_box": "rotated boxes",
    "polygon": "polygons",
    "polyline": "polylines",
    "ellipse": "ellipses",
    "keypoints": "keypoints",
    "mask": "masks",
    "cuboid": "cuboids",
}
MOVED = "coordinates outside the picture, moved to its edge"


@dataclass(frozen=True, slots=True)
class Canvas:
    """Where lines are written for: the picture's size, the task, and for poses the number of keypoints."""

    width: int
    height: int
    task: str
    points: int

    def divided(self, flat: Sequence[float]) -> list[float]:
        """``[x, y, x, y, ...]`` as parts of the picture's size."""
        return [value / (self.height if at % 2 else self.width) for at, value in enumerate(flat)]

    def clipped(self, flat: Sequence[float], lose: Lose) -> list[float]:
        """``[x, y, x, y, ...]`` within the picture."""
        limits = self.width, self.height
        inside = [min(max(value, 0.0), float(limits[at % 2])) for at, value in enumerate(flat)]
        if any(abs(a - b) > _NOTICED for a, b in zip(flat, inside, strict=True)):
            lose(MOVED)
        return inside

    def misses(self, box: Box) -> bool:
        """Whether a box is outside of the picture altogether."""
        left, top, width, height = box
        sides = ((left, left + width, self.width), (top, top + height, self.height))
        return any((first < 0 and last <= 0) or (first >= size and last > size) for first, last, size in sides)


def row(annotation: Annotation, number: int, canvas: Canvas, lose: Lose) -> str | None:
    """The line, ``None`` if there is none. ``lose`` is told what the line does not say."""
    box = annotation.box
    if annotation.type not in _CALLED or box is None:
        lose(f"annotations of the type {annotation.type}, left out")
        return None
    if canvas.misses(box):
        lose("annotations outside the picture, left out")
        return None
    values = _WRITERS[canvas.task](annotation, box, canvas, lose)
    return " ".join([str(number), *(f"{value:.12g}" for value in values)])


def _detect(annotation: Annotation, box: Box, canvas: Canvas, lose: Lose) -> list[float]:
    if annotation.type != "box":
        lose(f"{_CALLED[annotation.type]}, written as boxes")
    return _box(box, canvas, lose)


def _box(box: Box, canvas: Canvas, lose: Lose) -> list[float]:
    left, top, width, height = box
    whole = canvas.divided([left + width / 2, top + height / 2, width, height])
    if all(0 <= value <= 1 for value in whole):
        return whole  # a box may leave the picture a little, as labels that were rounded do
    left, top, right, bottom = canvas.clipped([left, top, left + width, top + height], lose)
    return canvas.divided([(left + right) / 2, (top + bottom) / 2, right - left, bottom - top])


def _segment(annotation: Annotation, box: Box, canvas: Canvas, lose: Lose) -> list[float]:
    geometry: dict[str, Any] = annotation.geometry or {}
    if annotation.type == "polygon":
        rings = [ring for part in geometry["polygons"] for ring in part]
        if len(rings) > 1:
            lose("parts and holes of polygons, joined to one outline")
        return canvas.divided(canvas.clipped(joined(rings), lose))
    if annotation.type == "mask":
        lose("masks, written as their outlines")
        return canvas.divided(canvas.clipped(joined(outlines(geometry)), lose))
    lose(f"{_CALLED[annotation.type]}, written as polygons with four corners")
    return canvas.divided(canvas.clipped(_corners(annotation, box), lose))


def _obb(annotation: Annotation, box: Box, canvas: Canvas, lose: Lose) -> list[float]:
    if annotation.type != "rotated_box":
        lose(f"{_CALLED[annotation.type]}, written as rotated boxes")
    corners = _corners(annotation, box)
    left, top, width, height = around(pairs(canvas.divided(corners)))
    middle = left + width / 2, top + height / 2
    if all(0 <= value <= 1 for value in (*middle, width, height)):
        return canvas.divided(corners)  # corners may be outside as long as what is around them is not too large
    return canvas.divided(canvas.clipped(corners, lose))


def _corners(annotation: Annotation, box: Box) -> list[float]:
    if annotation.type == "rotated_box" and annotation.geometry:
        return [number for corner in rotated_corners(annotation.geometry) for number in corner]
    left, top, width, height = box
    return [left, top, left + width, top, left + width, top + height, left, top + height]


def _pose(annotation: Annotation, box: Box, canvas: Canvas, lose: Lose) -> list[float]:
    flat = list(annotation.geometry["points"]) if annotation.type == "keypoints" and annotation.geometry else []
    if annotation.type not in ("keypoints", "box"):
        lose(f"{_CALLED[annotation.type]}, written as boxes")
    elif flat and not any(flat[2::3]):
        lose("keypoints of which none is marked, written as boxes")
    elif flat and len(flat) < 3 * canvas.points:
        lose("numbers of keypoints, filled up with such as are not marked")
    flat += [0.0] * (3 * canvas.points - len(flat))
    places = [value for at, value in enumerate(flat) if at % 3 != 2]
    divided = canvas.divided(canvas.clipped(places, lose))
    marked = [
        value
        for x, y, visibility in zip(divided[::2], divided[1::2], flat[2::3], strict=True)
        for value in (x, y, visibility)
    ]
    return [*_box(box, canvas, lose), *marked]


_WRITERS: dict[str, Callable[[Annotation, Box, Canvas, Lose], list[float]]] = {
    "detect": _detect,
    "segment": _segment,
    "obb": _obb,
    "pose": _pose,
}
