"""Shapes of CVAT as Oxide's, and back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from oxide.formats.cvat import CORNERS, SIDES
from oxide.formats.numerals import finite, plain
from oxide.labels import masks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oxide.formats.xml import Element
    from oxide.labels.annotation import Annotation
    from oxide.labels.geometry import Box, Geometry
    from oxide.labels.masks import Mask
    from oxide.labels.ontology import Label

MAXIMUM_PART = 1 << 28
"""Pixels that the columns of a mask may have: larger ones are taken for an attempt to fill the memory."""
_FACES = ("1", "2")


@dataclass(slots=True)
class Shape:
    """What an element says of an object at one time."""

    type: str
    label: str | None = None
    box: Box | None = None
    geometry: Geometry | None = None
    attributes: dict[str, Any] = field(default_factory=dict)


def read_shape(element: Element, labels: Mapping[str, Label], width: int | None, height: int | None) -> Shape:
    """The shape that an element is.

    Raises:
        KeyError: an attribute is missing.
        ValueError: one is not as it should be, or there is no such shape.
    """
    if element.name not in _READERS:
        raise ValueError(f"there is no shape '{element.name}'")
    name = element.attributes["label"]
    label = labels.get(name)
    shape = _READERS[element.name](element, label, width, height)
    shape.label = name
    definitions = label.attributes if label else {}
    for child in element.children:
        if child.name == "attribute":
            attribute = child.attributes["name"]
            shape.attributes[attribute] = _typed(child.text, definitions.get(attribute, {}).get("type", "text"))
    if element.attributes.get("occluded", "0") == "1":
        shape.attributes["occluded"] = True
    return shape


def _typed(text: str, kind: str) -> Any:
    """An attribute's value; one that does not fit its type stays text, for the importer to judge."""
    if kind == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if kind == "number":
        try:
            number = finite(text)
        except ValueError:
            return text
        return int(number) if number == int(number) and "." not in text else number
    return text


def _box(element: Element, *_: Any) -> Shape:
    left, top, right, bottom = (finite(element.attributes[side]) for side in SIDES)
    if right < left or bottom < top:
        raise ValueError("its size is negative")
    angle = finite(element.attributes.get("rotation", "0"))
    if not angle:
        return Shape("box", box=(left, top, right - left, bottom - top))
    center = [(left + right) / 2, (top + bottom) / 2]
    return Shape("rotated_box", geometry={"center": center, "size": [right - left, bottom - top], "angle": angle})


def _points_of(element: Element) -> list[tuple[float, float]]:
    found = []
    for pair in element.attributes["points"].split(";"):
        x, comma, y = pair.partition(",")
        if not comma:
            raise ValueError(f"'{pair}' is no point")
        found.append((finite(x), finite(y)))
    return found


def _flat(element: Element) -> list[float]:
    return [number for point in _points_of(element) for number in point]


def _polygon(element: Element, *_: Any) -> Shape:
    ring = _flat(element)
    if len(ring) < 6:
        raise ValueError("a polygon needs three points")
    return Shape("polygon", geometry={"polygons": [[ring]]})


def _polyline(element: Element, *_: Any) -> Shape:
    return Shape("polyline", geometry={"lines": [_flat(element)]})


def _points(element: Element, *_: Any) -> Shape:
    points = _points_of(element)
    if len(points) == 1:
        return Shape("point", box=(*points[0], 0.0, 0.0))
    return Shape("keypoints", geometry={"points": [number for x, y in points for number in (x, y, 2)]})


def _skeleton(element: Element, label: Label | None, *_: Any) -> Shape:
    found = {}
    for child in element.children:
        if child.name == "points":
            x, y = _points_of(child)[0]
            outside, hidden = (child.attributes.get(name, "0") == "1" for name in ("outside", "occluded"))
            found[child.attributes["label"]] = (x, y, 0 if outside else 1 if hidden else 2)
    order = label.skeleton["points"] if label and label.skeleton else list(found)
    unknown = [name for name in found if name not in order]
    if unknown or not order:
        raise ValueError(f"the skeleton has no point '{unknown[0]}'" if unknown else "it has no point")
    flat = [number for name in order for number in found.get(name, (0.0, 0.0, 0))]
    return Shape("keypoints", geometry={"points": flat})


def _ellipse(element: Element, *_: Any) -> Shape:
    x, y, across, down = (finite(element.attributes[name]) for name in ("cx", "cy", "rx", "ry"))
    if across < 0 or down < 0:
        raise ValueError("a radius is negative")
    angle = finite(element.attributes.get("rotation", "0"))
    return Shape("ellipse", geometry={"center": [x, y], "radii": [across, down], "angle": angle})


def _cuboid(element: Element, *_: Any) -> Shape:
    corners = [
        [finite(element.attributes[f"x{corner}{face}"]), finite(element.attributes[f"y{corner}{face}"]), 0.0]
        for face in _FACES
        for corner in CORNERS
    ]
    return Shape("cuboid", geometry={"corners": corners})


def _mask(element: Element, label: Label | None, width: int | None, height: int | None) -> Shape:
    if not width or not height:
        raise ValueError("the size of its picture is nowhere said")
    left, top, across, down = (int(element.attributes[name]) for name in ("left", "top", "width", "height"))
    if min(left, top) < 0 or min(across, down) < 1 or left + across > width or top + down > height:
        raise ValueError(f"it is not within the picture, which has {width} x {height} pixels")
    runs = [int(run) for run in element.attributes["rle"].split(",")]
    if min(runs) < 0 or sum(runs) != across * down:
        raise ValueError(f"its runs cover {sum(runs)} of {across * down} pixels")
    if across * height > MAXIMUM_PART or width * height > masks.MAXIMUM_PIXELS:
        raise ValueError(f"a mask of {width} x {height} pixels is too large")
    return Shape("mask", geometry=_placed(runs, (left, top, across, down), width, height))


def _placed(runs: list[int], part: tuple[int, int, int, int], width: int, height: int) -> Mask:
    """A mask out of the runs along the rows of a part of it."""
    import numpy

    left, top, across, down = part
    values = numpy.arange(len(runs)) % 2 == 1
    columns = numpy.zeros((height, across), dtype=bool)
    columns[top : top + down] = numpy.repeat(values, runs).reshape((down, across))
    inner = masks.runs_of(masks.encode(columns))
    inner[0] += left * height
    after = (width - left - across) * height
    if len(inner) % 2:
        inner[-1] += after
    elif after:
        inner.append(after)
    return masks.from_runs(inner, height, width)


_READERS: dict[str, Callable[..., Shape]] = {
    "box": _box,
    "polygon": _polygon,
    "polyline": _polyline,
    "points": _points,
    "skeleton": _skeleton,
    "ellipse": _ellipse,
    "cuboid": _cuboid,
    "mask": _mask,
    "tag": lambda *_: Shape("class"),
}


def rotation(angle: float) -> dict[str, str]:
    """The attribute for a rotation, none where there is none."""
    return {"rotation": plain(angle)} if angle else {}


def listed(flat: list[float]) -> str:
    """``[x, y, x, y, ...]`` as CVAT lists points."""
    return ";".join(f"{plain(x)},{plain(y)}" for x, y in zip(flat[::2], flat[1::2], strict=True))


def box_sides(left: float, top: float, width: float, height: float) -> dict[str, str]:
    """The attributes of a box."""
    return dict(zip(SIDES, map(plain, (left, top, left + width, top + height)), strict=True))


def cuboid_corners(corners: list[list[float]]) -> dict[str, str]:
    """The attributes of a cuboid."""
    names = [f"{corner}{face}" for face in _FACES for corner in CORNERS]
    return {
        f"{axis}{name}": plain(value)
        for name, corner in zip(names, corners, strict=True)
        for axis, value in zip("xy", corner[:2], strict=True)
    }


def mask_runs(mask: Mask) -> dict[str, str]:
    """The attributes of a mask that is not empty."""
    import numpy

    left, top, across, down = (int(side) for side in masks.bounds(mask))
    part = masks.decode(mask)[top : top + down, left : left + across]
    runs = masks.runs_of(masks.encode(numpy.ascontiguousarray(part).T))  # along the columns of what lies on its side
    places = {"left": left, "top": top, "width": across, "height": down}
    return {"rle": ",".join(map(str, runs)), **{name: str(value) for name, value in places.items()}}


def same_place(annotation: Annotation) -> Shape:
    """The shape of an annotation."""
    return Shape(annotation.type, annotation.label, annotation.box, annotation.geometry, annotation.attributes)
