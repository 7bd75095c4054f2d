"""Dataloop's coordinates as Oxide's shapes, and back.

===============  =====================================================================================================
class            none
box              ``[{x, y, z}, {x, y, z}]``: left top, right bottom; a third element is the angle around the middle
segment          ``[[{x, y}, ...], hole, ...]``
polyline         ``[[{x, y}, ...], ...]``
point            ``{x, y, z}``
ellipse          ``{"center": {x, y, z}, "rx", "ry", "angle"}``
binary           a PNG of the item's size as a data URI; the mask is what is not transparent
cube             ``{"front_tl": {x, y, z}, "front_tr", "front_br", "front_bl", "back_tl", ...}``
cube_3d          ``{"position": {x, y, z}, "scale", "rotation"}``
pose             ``{"templateId", "instanceId"}``; the points are annotations of their own
text             the text
subtitle         ``{"text"}``; its times are in ``metadata.system``
note             ``{"box": [{x, y}, {x, y}], "note": {"messages": [...], ...}}``
===============  =====================================================================================================
"""

from __future__ import annotations

import base64
import binascii
import io
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from oxide.errors import InvalidInput
from oxide.extras import import_extra
from oxide.formats import files
from oxide.labels import fitting, masks
from oxide.labels.outlines import joined

if TYPE_CHECKING:
    from oxide.labels.fitting import Size
    from oxide.labels.geometry import Box, Geometry
    from oxide.labels.masks import Mask

    Shape = tuple[str, Box | None, Geometry | None]
    Lose = Callable[[str], None]

CORNERS = tuple(f"{face}_{corner}" for face in ("front", "back") for corner in ("tl", "tr", "br", "bl"))
_SPACES = {"center": "position", "size": "scale", "rotation": "rotation"}
_PNG = "data:image/png;base64,"
_MAXIMUM_PIXELS = 1 << 28


def read_shape(kind: str, coordinates: Any, system: dict[str, Any], size: Size = (None, None)) -> Shape | None:
    """(type, box, geometry) of a shape, ``None`` if its type is none that Oxide knows. ``size``: width and height of
    the picture, as far as they are known.

    Raises:
        KeyError: a member is missing.
        ValueError: one is not as it should be.
    """
    if kind == "class":
        return "class", None, None
    try:
        return _read(kind, coordinates, system, size)
    except (AttributeError, IndexError, TypeError) as error:
        said = "it has no coordinates" if coordinates is None else f"its coordinates are not those of a {kind}"
        raise ValueError(said) from error


def _read(kind: str, coordinates: Any, system: dict[str, Any], size: Size) -> Shape | None:
    if kind == "subtitle":
        times = {"start": _number(system["startTime"]), "end": _number(system["endTime"])}
        return "subtitle", None, {"text": coordinates["text"], **times}
    if kind == "binary":
        return _binary(coordinates, size)
    return _READERS[kind](coordinates) if kind in _READERS else None


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return float(value)


def _point(point: Any) -> tuple[float, float]:
    return _number(point["x"]), _number(point["y"])


def _space(point: Any) -> list[float]:
    return [*_point(point), _number(point.get("z") or 0)]


def _flat(points: Any) -> list[float]:
    return [number for point in points for number in _point(point)]


def _box(coordinates: Any) -> Shape:
    left, top, right, bottom = *_point(coordinates[0]), *_point(coordinates[1])
    angle = _number(coordinates[2]) if len(coordinates) > 2 and coordinates[2] is not None else 0.0
    if right < left or bottom < top:
        raise ValueError("its size is negative")
    if not angle:
        return "box", (left, top, right - left, bottom - top), None
    center = [(left + right) / 2, (top + bottom) / 2]
    return "rotated_box", None, {"center": center, "size": [right - left, bottom - top], "angle": angle}


def _segment(coordinates: Any) -> Shape:
    return "polygon", None, {"polygons": [[_flat(ring) for ring in _nested(coordinates)]]}


def _polyline(coordinates: Any) -> Shape:
    return "polyline", None, {"lines": [_flat(line) for line in _nested(coordinates)]}


def _nested(coordinates: Any) -> Any:
    """Older items hold a single line as a plain list of points."""
    return [coordinates] if coordinates and isinstance(coordinates[0], dict) else coordinates


def _read_point(coordinates: Any) -> Shape:
    return "point", (*_point(coordinates), 0.0, 0.0), None


def _ellipse(coordinates: Any) -> Shape:
    radii = [_number(coordinates["rx"]), _number(coordinates["ry"])]
    center, angle = list(_point(coordinates["center"])), _number(coordinates.get("angle") or 0)
    return "ellipse", None, {"center": center, "radii": radii, "angle": angle}


def _binary(coordinates: Any, size: Size) -> Shape:
    if isinstance(coordinates, dict):
        coordinates = coordinates["data"]
    if not isinstance(coordinates, str) or not coordinates.startswith(_PNG):
        raise ValueError("it is no PNG as a data URI")
    try:
        content = base64.b64decode(coordinates[len(_PNG) :], validate=True)
    except binascii.Error as error:
        raise ValueError(f"its data URI is broken: {error}") from error
    return "mask", None, _pixels(content, size)


def _pixels(content: bytes, size: Size) -> Mask:
    import_extra("PIL", "vision")
    import numpy
    from PIL import Image

    try:
        with files.open_picture(io.BytesIO(content), ["PNG"]) as picture:
            fitting.check_mask_size(picture.size, *size)
            if picture.width * picture.height > _MAXIMUM_PIXELS:
                raise ValueError(f"a mask of {picture.width} x {picture.height} pixels is too large")
            shown = numpy.asarray(picture.convert("RGBA"))[:, :, 3] > 0
    except InvalidInput as error:
        raise ValueError(error.message) from error
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"its PNG cannot be read: {error}") from error
    return masks.encode(shown)


def _cube(coordinates: Any) -> Shape:
    return "cuboid", None, {"corners": [_space(coordinates[corner]) for corner in CORNERS]}


def _cube_3d(coordinates: Any) -> Shape:
    return "cuboid", None, {ours: _space(coordinates[theirs]) for ours, theirs in _SPACES.items()}


def _text(coordinates: Any) -> Shape:
    if not isinstance(coordinates, str):
        raise ValueError("its text is no text")
    return "text", None, {"text": coordinates}


def _note(coordinates: Any) -> Shape:
    box = coordinates.get("box")
    messages = coordinates["note"]["messages"]
    if not isinstance(messages, list):
        raise ValueError("its messages are no list")
    return "note", (_box(box)[1] if box else None), {"messages": messages}


_READERS: dict[str, Callable[[Any], Shape]] = {
    "box": _box,
    "segment": _segment,
    "polyline": _polyline,
    "point": _read_point,
    "ellipse": _ellipse,
    "cube": _cube,
    "cube_3d": _cube_3d,
    "text": _text,
    "note": _note,
}
TYPES = {
    "class": "class",
    "box": "box",
    "rotated_box": "box",
    "polygon": "segment",
    "polyline": "polyline",
    "point": "point",
    "ellipse": "ellipse",
    "keypoints": "pose",
    "mask": "binary",
    "cuboid": "cube",
    "text": "text",
    "note": "note",
    "subtitle": "subtitle",
}
"""Dataloop's type by Oxide's; a cuboid in a space of its own is a ``cube_3d``."""


def write_shape(kind: str, box: Box | None, geometry: Geometry | None, color: str | None, lose: Lose) -> Any:
    """Coordinates of a shape that is neither a class nor keypoints. ``lose`` is told what they do not say."""
    shape: dict[str, Any] = geometry or {}
    if kind == "box" and box is not None:
        return _sides(*box)
    if kind == "point" and box is not None:
        return {"x": box[0], "y": box[1], "z": 0}
    if kind == "rotated_box":
        (x, y), (width, height) = shape["center"], shape["size"]
        if not shape["angle"]:
            lose("that a box is a rotated one, its angle being 0")
        return [*_sides(x - width / 2, y - height / 2, width, height), shape["angle"]]
    if kind == "polygon":
        return [_points(ring) for ring in _rings(shape["polygons"], lose)]
    if kind == "polyline":
        return [_points(line) for line in shape["lines"]]
    if kind == "ellipse":
        (x, y), (across, down) = shape["center"], shape["radii"]
        return {"center": {"x": x, "y": y, "z": 0}, "rx": across, "ry": down, "angle": shape.get("angle", 0)}
    if kind == "mask":
        return _data_uri(shape, color)
    if kind == "cuboid":
        return _cuboid(shape)
    if kind == "note":
        return {"box": _sides(*box) if box else [], "note": {"messages": shape["messages"]}}
    if box is not None:
        lose(f"places of annotations of the type {kind}")
    return shape["text"] if kind == "text" else {"text": shape["text"]}


def _sides(left: float, top: float, width: float, height: float) -> list[Any]:
    return [{"x": left, "y": top, "z": 0}, {"x": left + width, "y": top + height, "z": 0}]


def _points(flat: list[float]) -> list[dict[str, float]]:
    return [{"x": x, "y": y} for x, y in zip(flat[::2], flat[1::2], strict=True)]


def _rings(parts: list[list[list[float]]], lose: Lose) -> list[list[float]]:
    """The outer ring and its holes. Dataloop has a single outer ring: several parts become one outline."""
    if len(parts) == 1:
        return parts[0]
    lose("parts of polygons, joined to one outline")
    return [joined([ring for part in parts for ring in part])]


def _cuboid(shape: dict[str, Any]) -> dict[str, Any]:
    if "corners" in shape:
        return {name: _vector(corner) for name, corner in zip(CORNERS, shape["corners"], strict=True)}
    return {theirs: _vector(shape[ours]) for ours, theirs in _SPACES.items()}


def _vector(numbers: list[float]) -> dict[str, float]:
    return dict(zip("xyz", numbers, strict=True))


def _data_uri(mask: Mask, color: str | None) -> str:
    import_extra("PIL", "vision")
    import numpy
    from PIL import Image

    shown = masks.decode(mask)
    pixels = numpy.zeros((*shown.shape, 4), dtype=numpy.uint8)
    pixels[shown] = [*bytes.fromhex((color or "#ffffff")[1:]), 255]
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return _PNG + base64.b64encode(content.getvalue()).decode()
