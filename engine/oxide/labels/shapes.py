"""Whether two annotations have the same shape, be it in different places."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from oxide.labels import masks

if TYPE_CHECKING:
    from oxide.labels.annotation import Annotation
    from oxide.labels.geometry import Box, Geometry

TOLERANCE = 1e-6
"""Pixels. Coordinates that differ by less are one: moving a shape by a fraction does not leave its size exact."""


def same_shape(before: Annotation, after: Annotation) -> bool:
    """Whether moving one annotation as a whole gives the other; of tracks, in each of the same frames."""
    if before.type != after.type or len(before.keyframes) != len(after.keyframes):
        return False
    if not _same(before.type, before.box, before.geometry, after.box, after.geometry):
        return False
    return all(
        (old.frame, old.visible) == (new.frame, new.visible)
        and _same(before.type, old.box, old.geometry, new.box, new.geometry)
        for old, new in zip(before.keyframes, after.keyframes, strict=True)
    )


def _same(kind: str, box: Box | None, geometry: Geometry | None, other_box: Box | None, other: Geometry | None) -> bool:
    if (box is None) != (other_box is None) or (geometry is None) != (other is None):
        return False
    if box is not None and other_box is not None and not _close(list(box[2:]), list(other_box[2:])):
        return False
    if geometry is None or other is None:
        return True
    if kind not in _FORMS:
        return geometry == other
    form = _FORMS[kind]
    return _close(form(geometry), form(other))


def _close(one: Any, other: Any) -> bool:
    """Equal, numbers within the tolerance."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_close(one[name], other[name]) for name in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_close, one, other))
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return math.isclose(one, other, abs_tol=TOLERANCE)
    return bool(one == other)


def _from(origin: tuple[float, float], flat: list[float]) -> list[float]:
    return [number - origin[at % 2] for at, number in enumerate(flat)]


def _polygon(shape: Geometry) -> Any:
    origin = tuple(shape["polygons"][0][0][:2])
    return [[_from(origin, ring) for ring in part] for part in shape["polygons"]]


def _polyline(shape: Geometry) -> Any:
    origin = tuple(shape["lines"][0][:2])
    return [_from(origin, line) for line in shape["lines"]]


def _keypoints(shape: Geometry) -> Any:
    points = shape["points"]
    seen = [(points[at], points[at + 1]) for at in range(0, len(points), 3) if points[at + 2]]
    origin = seen[0] if seen else (0, 0)
    return [
        [points[at] - origin[0], points[at + 1] - origin[1], points[at + 2]] if points[at + 2] else None
        for at in range(0, len(points), 3)
    ]


def _mask(shape: Geometry) -> Any:
    """The pixels inside the box around them, and the size of the picture."""
    left, top, width, height = map(int, masks.bounds(shape))
    inside = masks.decode(shape)[top : top + height, left : left + width]
    return shape["size"], masks.encode(inside)["counts"] if inside.size else ""


def _cuboid(shape: Geometry) -> Any:
    if "corners" not in shape:
        return {"size": shape["size"], "rotation": shape["rotation"]}
    origin = shape["corners"][0]
    return [[number - start for number, start in zip(corner, origin, strict=True)] for corner in shape["corners"]]


_FORMS: dict[str, Callable[[Geometry], Any]] = {
    "rotated_box": lambda shape: (shape["size"], shape["angle"]),
    "ellipse": lambda shape: (shape["radii"], shape.get("angle", 0)),
    "polygon": _polygon,
    "polyline": _polyline,
    "keypoints": _keypoints,
    "mask": _mask,
    "cuboid": _cuboid,
}
