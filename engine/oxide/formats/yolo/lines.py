"""A line of a YOLO text file."""

from __future__ import annotations

import math
from dataclasses import dataclass

from oxide.formats.numerals import finite
from oxide.labels.annotation import Annotation
from oxide.labels.geometry import around, pairs, ring_area, rotated_corners

BOX, ROTATED = 5, 9
_ROUNDED = 1.0
"""How many pixels corners may be from a rectangle, which they are seldom exactly once they are rounded."""
_OUTSIDE = 0.01
"""How far, as a part of the picture, coordinates may be outside of it, as the loader of Ultralytics allows."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What is known of the lines beforehand: (number of keypoints, numbers for each), and the task if it is named."""

    keypoints: tuple[int, int] | None = None
    task: str | None = None


def parse_line(line: str, layout: Layout, names: dict[int, str], width: int, height: int) -> Annotation:
    """The annotation that a line says.

    Five numbers are a box, or with keypoints in the layout a pose; nine are a rotated box if the task is ``obb`` and
    they are the corners of a rectangle; an odd number from seven on is a polygon.

    Raises:
        ValueError: it says none.
    """
    words = line.split()
    try:
        number, values = int(words[0]), [finite(word) for word in words[1:]]
    except ValueError:
        number, values = _class_of(words[0]), [finite(word) for word in words[1:]]
    if number not in names:
        raise ValueError(f"there is no class {number} among the {len(names)} names")
    annotation = _shape(values, layout, width, height)
    return Annotation(annotation.type, names[number], annotation.box, annotation.geometry, source="import")


def _class_of(word: str) -> int:
    """Some tools write the class as ``0.0``."""
    number = finite(word)
    if number != int(number):
        raise ValueError(f"'{word}' is no number of a class")
    return int(number)


def _check(values: list[float]) -> None:
    if any(not -_OUTSIDE <= value <= 1 + _OUTSIDE for value in values):
        raise ValueError("its coordinates are not divided by the picture's size: they must be from 0 to 1")


def _shape(values: list[float], layout: Layout, width: int, height: int) -> Annotation:
    count = len(values) + 1
    if layout.keypoints:
        points, each = layout.keypoints
        if count != BOX + points * each:
            raise ValueError(f"it has {count} numbers instead of {BOX + points * each} for {points} keypoints")
        flat = [number for point in _points(values[4:], each, width, height) for number in point]
        box = _box(values, width, height)
        if not any(flat[2::3]):
            return Annotation("box", box=box)  # nothing is marked in it
        return Annotation("keypoints", box=box, geometry={"points": flat})
    if count == BOX:
        return Annotation("box", box=_box(values, width, height))
    if count < 7 or count % 2 == 0:
        raise ValueError(f"it has {count} numbers: a box has 5, a polygon an odd number from 7 on")
    ring = [value * (height if at % 2 else width) for at, value in enumerate(values)]
    left, top, across, down = around(pairs(values))
    _check([left + across / 2, top + down / 2, across, down])
    if count == ROTATED and layout.task == "obb" and (turned := rectangle(ring)) is not None:
        return Annotation("rotated_box", geometry=turned)
    return Annotation("polygon", geometry={"polygons": [[ring]]})


def _box(values: list[float], width: int, height: int) -> tuple[float, float, float, float]:
    _check(values[:4])
    x, y, w, h = values[0] * width, values[1] * height, values[2] * width, values[3] * height
    if w < 0 or h < 0:
        raise ValueError("its size is negative")
    return x - w / 2, y - h / 2, w, h


def _points(values: list[float], each: int, width: int, height: int) -> list[tuple[float, float, int]]:
    found = []
    for at in range(0, len(values), each):
        x, y = values[at], values[at + 1]
        _check([max(x, 0), max(y, 0)])  # negative ones say that the point is not marked
        visibility = int(values[at + 2]) if each == 3 else (0 if x < 0 or y < 0 or x == y == 0 else 2)
        if visibility not in (0, 1, 2):
            raise ValueError(f"the visibility {values[at + 2]} is not 0, 1 or 2")
        found.append((x * width, y * height, visibility))
    return found


def rectangle(ring: list[float]) -> dict[str, object] | None:
    """The rotated box with these four corners, of which the first is its top left one; ``None`` if they are more than
    a pixel from any rectangle."""
    a, b, c, d = pairs(ring)
    if ring_area(ring) < 0:
        b, d = d, b
    width, height = (math.dist(a, b) + math.dist(d, c)) / 2, (math.dist(a, d) + math.dist(b, c)) / 2
    along = b[0] - a[0] + c[0] - d[0], b[1] - a[1] + c[1] - d[1]
    found = {
        "center": [(a[0] + b[0] + c[0] + d[0]) / 4, (a[1] + b[1] + c[1] + d[1]) / 4],
        "size": [width, height],
        "angle": math.degrees(math.atan2(along[1], along[0])),
    }
    fits = all(math.dist(*both) <= _ROUNDED for both in zip(rotated_corners(found), (a, b, c, d), strict=True))
    return found if fits else None
