"""Shapes in pixels of the upright picture: the origin is the top left corner of the top left pixel, x runs to the
right, y down. A box is (left, top, width, height); every other shape is a JSON object:

=============  ======================================================================================================
type           geometry
=============  ======================================================================================================
class          none, and no box: it is about the whole item
box            none
point          none; the box has the point as its corner, and no size
rotated_box    ``{"center": [x, y], "size": [w, h], "angle": degrees}``, clockwise as one sees it (y runs down)
polygon        ``{"polygons": [[ring, hole, ...], ...]}``: parts; a ring is ``[x, y, x, y, ...]``
polyline       ``{"lines": [[x, y, x, y, ...], ...]}``
ellipse        ``{"center": [x, y], "radii": [rx, ry], "angle": degrees}``
keypoints      ``{"points": [x, y, visibility, ...]}``: 0 not labelled, 1 hidden, 2 visible, in the skeleton's order
mask           ``{"size": [height, width], "counts": "..."}``: run lengths by column, compressed as pycocotools does
cuboid         ``{"corners": [[x, y, z], ...8]}`` projected into the picture, or
               ``{"center": [x, y, z], "size": [l, w, h], "rotation": [x, y, z]}`` in a space of its own
text           ``{"text": "..."}``, with or without a box
note           ``{"messages": [...]}``, with or without a box
subtitle       ``{"text": "...", "start": seconds, "end": seconds}``
=============  ======================================================================================================

Areas of polygons are by the shoelace formula, of masks the number of their pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from operator import mul
from typing import Any

from oxide import _core
from oxide.errors import InvalidInput

Box = tuple[float, float, float, float]
Geometry = dict[str, Any]
Ring = Sequence[float]

_PLAIN = frozenset((int, float))

TYPES = (
    "class",
    "box",
    "rotated_box",
    "polygon",
    "polyline",
    "point",
    "ellipse",
    "keypoints",
    "mask",
    "cuboid",
    "text",
    "note",
    "subtitle",
)
WITHOUT_GEOMETRY = ("class", "box", "point")


def checked(kind: str, box: Sequence[float] | None, geometry: Geometry | None) -> Box | None:
    """The box of a shape, after both were looked at.

    Raises:
        InvalidInput: the type is unknown, or the shape is none of its type.
    """
    if kind not in TYPES:
        import difflib

        close = difflib.get_close_matches(kind, TYPES, 1)
        suggestion = f"did you mean {close[0]}? " if close else ""
        raise InvalidInput(f"'{kind}' is no type of an annotation", hint=f"{suggestion}types: {', '.join(TYPES)}")
    given = _checked_box(kind, box) if box is not None else None
    if kind in WITHOUT_GEOMETRY:
        return _without_geometry(kind, given, geometry)
    if geometry is None:
        raise InvalidInput(f"a {kind} needs a geometry", hint="see the table in the documentation of labels")
    try:
        bounds = _BOUNDS[kind](geometry)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InvalidInput(f"this is no {kind}: {_reason(error)}", hint=_SHAPES[kind]) from error
    if kind in ("keypoints", "text", "note") and given is not None:
        return given  # drawn by hand around more than what is marked
    return bounds


def _reason(error: Exception) -> str:
    return f"it has no {error}" if isinstance(error, KeyError) else str(error)


def _without_geometry(kind: str, box: Box | None, geometry: Geometry | None) -> Box | None:
    if geometry is not None:
        raise InvalidInput(f"a {kind} has no geometry besides its box", hint="use a polygon for other outlines")
    if kind == "class":
        if box is not None:
            raise InvalidInput("a class is about the whole item and has no box", hint="use the type box")
        return None
    if box is None:
        raise InvalidInput(f"a {kind} needs its place", hint="give left, top, width and height in pixels")
    return (box[0], box[1], 0.0, 0.0) if kind == "point" else box


def _checked_box(kind: str, box: Sequence[float]) -> Box:
    try:
        left, top, width, height = _numbers(box)
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"a box is four finite numbers, not {list(box)!r}", hint="left, top, width, height"
        ) from error
    if width < 0 or height < 0:
        raise InvalidInput(
            f"the box {[left, top, width, height]} has a negative size", hint="left, top, width, height in pixels"
        )
    return left, top, width, height


def _numbers(values: Iterable[Any]) -> list[float]:
    given = list(values)
    if _PLAIN.issuperset(map(type, given)) and math.isfinite(sum(given)):
        return list(map(float, given))  # nearly all are; what is not finite makes the sum so too
    numbers = [float(value) for value in given if not isinstance(value, (str, bool))]
    if not all(map(math.isfinite, numbers)):
        raise ValueError("a coordinate is not finite")
    return numbers


def around(points: Iterable[tuple[float, float]]) -> Box:
    """The box around points."""
    found = list(points)
    if not found:
        raise ValueError("it has no point")
    xs, ys = [x for x, _ in found], [y for _, y in found]
    return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)


def pairs(flat: Ring) -> list[tuple[float, float]]:
    """``[x, y, x, y]`` as points."""
    return list(zip(*_coordinates(flat), strict=True))


def _coordinates(flat: Ring) -> tuple[list[float], list[float]]:
    """``[x, y, x, y]`` as all x and all y."""
    numbers = _numbers(flat)
    if len(numbers) != len(flat) or len(numbers) % 2:
        raise ValueError("coordinates are numbers, in pairs")
    return numbers[::2], numbers[1::2]


def _polygon_bounds(geometry: Geometry) -> Box:
    measured = _core.measure_polygon(geometry["polygons"])
    return measured[:4] if measured is not None else _bounds_of_rings(geometry)


def _bounds_of_rings(geometry: Geometry) -> Box:
    """The same of whatever behaves like lists of numbers; says what is wrong with them."""
    xs: list[float] = []
    ys: list[float] = []
    for part in geometry["polygons"]:
        if not part:
            raise ValueError("a part has no ring")
        for at, ring in enumerate(part):
            across, down = _coordinates(ring)
            if len(across) < 3:
                raise ValueError("a ring needs three points")
            if at == 0:
                xs += across
                ys += down
    if not xs:
        raise ValueError("it has no point")
    left, top = min(xs), min(ys)
    return left, top, max(xs) - left, max(ys) - top


def _polyline_bounds(geometry: Geometry) -> Box:
    return around(point for line in geometry["lines"] for point in pairs(line))


def _keypoints_bounds(geometry: Geometry) -> Box | None:
    numbers = _numbers(geometry["points"])
    if len(numbers) % 3 or not numbers or len(numbers) != len(geometry["points"]):
        raise ValueError("points are x, y and visibility, three numbers each")
    if any(visibility not in (0, 1, 2) for visibility in numbers[2::3]):
        raise ValueError("visibility is 0, 1 or 2")
    seen = [(x, y) for x, y, v in zip(*[iter(numbers)] * 3, strict=True) if v > 0]
    return around(seen) if seen else None


def _extent(half_width: float, half_height: float, center: Sequence[float]) -> Box:
    x, y = _numbers(center)
    return x - half_width, y - half_height, 2 * half_width, 2 * half_height


def rotated_corners(geometry: Geometry) -> list[tuple[float, float]]:
    """The four corners of a rotated box, from the one that is top left when the angle is 0, clockwise."""
    (x, y), (width, height) = _numbers(geometry["center"]), _sizes(geometry["size"])
    angle = math.radians(*_numbers([geometry["angle"]]))
    cos, sin = math.cos(angle), math.sin(angle)
    halves = [(-width / 2, -height / 2), (width / 2, -height / 2), (width / 2, height / 2), (-width / 2, height / 2)]
    return [(x + dx * cos - dy * sin, y + dx * sin + dy * cos) for dx, dy in halves]


def _sizes(values: Sequence[float]) -> list[float]:
    sizes = _numbers(values)
    if any(size < 0 for size in sizes):
        raise ValueError("a size is negative")
    return sizes


def _ellipse_bounds(geometry: Geometry) -> Box:
    rx, ry = _sizes(geometry["radii"])
    angle = math.radians(*_numbers([geometry.get("angle", 0)]))
    half_width = math.hypot(rx * math.cos(angle), ry * math.sin(angle))
    half_height = math.hypot(rx * math.sin(angle), ry * math.cos(angle))
    return _extent(half_width, half_height, geometry["center"])


def _mask_bounds(geometry: Geometry) -> Box:
    from oxide.labels import masks

    return masks.bounds(geometry)


def _cuboid_bounds(geometry: Geometry) -> Box | None:
    if "corners" in geometry:
        corners = [_numbers(corner) for corner in geometry["corners"]]
        if len(corners) != 8:
            raise ValueError("a cuboid has eight corners")
        return around((corner[0], corner[1]) for corner in corners)
    for name in ("center", "size", "rotation"):
        if len(_numbers(geometry[name])) != 3:
            raise ValueError(f"{name} is three numbers")
    _sizes(geometry["size"])
    return None


def _text_bounds(geometry: Geometry) -> None:
    if not isinstance(geometry["text"], str):
        raise TypeError("its text is no text")


def _note_bounds(geometry: Geometry) -> None:
    if not isinstance(geometry["messages"], list):
        raise TypeError("its messages are no list")


def _subtitle_bounds(geometry: Geometry) -> None:
    _text_bounds(geometry)
    start, end = _numbers([geometry["start"], geometry["end"]])
    if end < start:
        raise ValueError("it ends before it starts")


_BOUNDS: dict[str, Callable[[Geometry], Box | None]] = {
    "rotated_box": lambda geometry: around(rotated_corners(geometry)),
    "polygon": _polygon_bounds,
    "polyline": _polyline_bounds,
    "ellipse": _ellipse_bounds,
    "keypoints": _keypoints_bounds,
    "mask": _mask_bounds,
    "cuboid": _cuboid_bounds,
    "text": _text_bounds,
    "note": _note_bounds,
    "subtitle": _subtitle_bounds,
}
_SHAPES = {
    "rotated_box": 'as {"center": [x, y], "size": [w, h], "angle": degrees}',
    "polygon": 'as {"polygons": [[[x, y, x, y, x, y], hole, ...], ...]}',
    "polyline": 'as {"lines": [[x, y, x, y, ...], ...]}',
    "ellipse": 'as {"center": [x, y], "radii": [rx, ry], "angle": degrees}',
    "keypoints": 'as {"points": [x, y, visibility, ...]}',
    "mask": 'as {"size": [height, width], "counts": "..."}',
    "cuboid": 'as {"corners": [[x, y, z], ...8]} or {"center", "size", "rotation"}',
    "text": 'as {"text": "..."}',
    "note": 'as {"messages": [...]}',
    "subtitle": 'as {"text": "...", "start": seconds, "end": seconds}',
}


def area(kind: str, box: Box | None, geometry: Geometry | None) -> float:
    """Square pixels that a shape covers: 0 for what has no inside."""
    if kind == "box" and box is not None:
        return box[2] * box[3]
    if geometry is None:
        return 0.0
    if kind == "polygon":
        measured = _core.measure_polygon(geometry["polygons"])
        if measured is not None:
            return measured[4]
        return sum(
            abs(ring_area(part[0])) - sum(abs(ring_area(hole)) for hole in part[1:]) for part in geometry["polygons"]
        )
    if kind == "mask":
        from oxide.labels import masks

        return float(masks.area(geometry))
    if kind == "rotated_box":
        width, height = geometry["size"]
        return float(width * height)
    if kind == "ellipse":
        return math.pi * float(geometry["radii"][0] * geometry["radii"][1])
    return 0.0


def ring_area(ring: Ring) -> float:
    """The signed area of a ring by the shoelace formula: positive when it runs clockwise as one sees it."""
    xs, ys = _coordinates(ring)
    doubled: float = sum(map(mul, xs, ys[1:] + ys[:1])) - sum(map(mul, xs[1:] + xs[:1], ys))
    return doubled / 2


def intersection_over_union(a: Box, b: Box) -> float:
    """How much two boxes cover each other, from 0 to 1."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 1.0 if a == b else 0.0
    shared = width * height
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)
