"""Drawing annotations onto pictures: outlines solid or dashed, masks blended, labels as text."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from oxide.labels import geometry, masks

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

    from oxide.labels.annotation import Annotation

Color = tuple[int, int, int]
Point = tuple[float, float]

_BLENDED = 96
"""How opaque a mask is, of 255."""
_ELLIPSE_CORNERS = 64


@dataclass(frozen=True, slots=True)
class Stroke:
    """An annotation as it is to be drawn, with the words beside it."""

    annotation: Annotation
    color: Color
    dashed: bool
    words: str


def draw(picture: Image, strokes: Sequence[Stroke]) -> Image:
    """The upright picture, as RGB, with annotations drawn over it."""
    from PIL import Image as pillow
    from PIL import ImageDraw, ImageFont

    layer = pillow.new("RGBA", picture.size)
    for stroke in strokes:
        _blend_mask(layer, stroke)
    pen = ImageDraw.Draw(layer)
    size = max(11, min(picture.size) // 40)
    width = max(2, min(picture.size) // 250)
    font = ImageFont.load_default(size)
    line = 0
    for stroke in strokes:
        for points in outlines(stroke.annotation):
            _draw_line(pen, points, stroke, width)
        place = _corner(stroke.annotation)
        if place is None:  # what has no place is listed in the corner
            place, line = (2.0, 2.0 + line * (size + 4)), line + 1
        _write(pen, picture.size, place, stroke, font, size)
    return pillow.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")


def outlines(annotation: Annotation) -> list[list[Point]]:
    """The lines of a shape; a closed one ends where it begins."""
    shape, box = annotation.geometry or {}, annotation.box
    if annotation.type == "polygon":
        return [_closed(geometry.pairs(ring)) for part in shape["polygons"] for ring in part]
    if annotation.type == "polyline":
        return [geometry.pairs(line) for line in shape["lines"]]
    if annotation.type == "rotated_box":
        return [_closed(geometry.rotated_corners(shape))]
    if annotation.type == "ellipse":
        return [_closed(list(_around_ellipse(shape)))]
    if annotation.type == "keypoints":
        points = shape["points"]
        seen = [(points[at], points[at + 1]) for at in range(0, len(points), 3) if points[at + 2]]
        return [line for point in seen for line in _cross(point)]
    if annotation.type == "cuboid" and "corners" in shape:
        corners = [(corner[0], corner[1]) for corner in shape["corners"]]
        faces = [_closed(corners[:4]), _closed(corners[4:])]
        return faces + [[near, far] for near, far in zip(corners[:4], corners[4:], strict=True)]
    if box is None:
        return []
    if annotation.type == "point":
        return _cross((box[0], box[1]))
    left, top, width, height = box
    return [_closed([(left, top), (left + width, top), (left + width, top + height), (left, top + height)])]


def _closed(points: list[Point]) -> list[Point]:
    return [*points, points[0]]


def _cross(point: Point) -> list[list[Point]]:
    x, y = point
    return [[(x - 4, y), (x + 4, y)], [(x, y - 4), (x, y + 4)]]


def _around_ellipse(shape: geometry.Geometry) -> Iterator[Point]:
    (x, y), (across, down) = shape["center"], shape["radii"]
    angle = math.radians(shape.get("angle", 0))
    for corner in range(_ELLIPSE_CORNERS):
        turn = 2 * math.pi * corner / _ELLIPSE_CORNERS
        dx, dy = across * math.cos(turn), down * math.sin(turn)
        yield x + dx * math.cos(angle) - dy * math.sin(angle), y + dx * math.sin(angle) + dy * math.cos(angle)


def _blend_mask(layer: Image, stroke: Stroke) -> None:
    """Masks of the picture's own size; one of another size says nothing about where it lies."""
    shape = stroke.annotation.geometry
    if stroke.annotation.type != "mask" or shape is None or tuple(shape["size"]) != (layer.height, layer.width):
        return
    import numpy
    from PIL import Image as pillow

    cover = pillow.fromarray(masks.decode(shape).astype(numpy.uint8) * _BLENDED)
    layer.paste((*stroke.color, _BLENDED), mask=cover.point(lambda value: 255 if value else 0))


def _draw_line(pen: ImageDraw, points: Sequence[Point], stroke: Stroke, width: int) -> None:
    for start, end in itertools.pairwise(points):
        pieces = _dashes(start, end, 4.0 * (width + 1)) if stroke.dashed else [(start, end)]
        for piece in pieces:
            pen.line(piece, fill=(*stroke.color, 255), width=width)


_MOST_DASHES = 2000


def _dashes(start: Point, end: Point, length: float) -> Iterator[tuple[Point, Point]]:
    """Every other piece of a line."""
    whole = math.dist(start, end)
    count = min(_MOST_DASHES, max(1, math.ceil(whole / length)))
    for at in range(0, count, 2):
        yield _between(start, end, at / count), _between(start, end, min(1.0, (at + 1) / count))


def _between(start: Point, end: Point, part: float) -> Point:
    return start[0] + (end[0] - start[0]) * part, start[1] + (end[1] - start[1]) * part


def _corner(annotation: Annotation) -> Point | None:
    return None if annotation.box is None else (annotation.box[0], annotation.box[1])


def _write(pen: ImageDraw, picture: tuple[int, int], place: Point, stroke: Stroke, font: object, size: int) -> None:
    """Words on a ground of their own, inside the picture."""
    if not stroke.words:
        return
    long = pen.textlength(stroke.words, font=font)  # type: ignore[arg-type]
    left = max(0.0, min(place[0], picture[0] - long - 4))
    top = max(0.0, min(place[1] - size - 4, picture[1] - size - 4))
    pen.rectangle((left, top, left + long + 4, top + size + 3), fill=(0, 0, 0, 160))
    pen.text((left + 2, top + 1), stroke.words, fill=(*stroke.color, 255), font=font)  # type: ignore[arg-type]
