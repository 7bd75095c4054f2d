"""LabelMe: a JSON file beside each picture.

``shapes`` have a ``shape_type``: ``rectangle`` (two corners), ``polygon``, ``linestrip``, ``line``, ``point``,
``circle`` (its centre and a point on it; an ellipse here) and ``mask`` (a PNG whose corners are the ``points``, both
inclusive). ``flags`` of a shape are attributes that are true or false; its ``description`` is kept. Parts of a polygon
and lines of a polyline are shapes with one ``group_id``; so are those that a source groups, where label and type
agree. ``flags`` of the picture that are true are classifications. A picture in ``imageData`` is not read.

Source: LabelMe 5.8, ``labelme/_label_file.py`` and ``labelme/_shape.py``.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oxide.extras import import_extra
from oxide.formats import files
from oxide.formats.base import Labelled, Picture, wrong
from oxide.formats.json_text import document
from oxide.formats.unsaid import lose_labels, lose_parts, lose_picture, where
from oxide.labels import masks
from oxide.labels.annotation import Annotation

if TYPE_CHECKING:
    from oxide.formats.base import Dataset, Fidelity, LabelledPicture
    from oxide.labels.masks import Mask
    from oxide.labels.ontology import Label

NAME = "labelme"
VERSION = "5.8.1"
_PARTS = {"polygon": "polygons", "linestrip": "lines", "line": "lines"}
"""Shape types that one annotation may have several of, and the place of the parts in its geometry."""
_WRITTEN = ("box", "polygon", "polyline", "point", "ellipse", "mask", "class")


@dataclass
class LabelMe:
    """The format."""

    name: str = NAME
    needs_pictures: bool = False

    def read(self, source: Path) -> Iterator[Picture | Labelled | Label]:
        """The JSON files below a folder that have ``shapes``, or a single one.

        Raises:
            InvalidInput: a file is no LabelMe annotation.
            NotFound: there is no such file or folder.
        """
        for path, name in files.sources(source, "json"):
            yield from _read_file(path, name)

    def write(self, dataset: Dataset, target: Path, fidelity: Fidelity) -> None:
        """A file for each picture, in the folders in which the pictures are."""
        files.made_folder(target, NAME)
        lose_labels(fidelity, dataset)
        for picture in files.shown(dataset):
            path = target / (files.without_ending(picture.path) + ".json")
            path.parent.mkdir(parents=True, exist_ok=True)
            record = _record(picture, fidelity)
            try:
                with path.open("x", encoding="utf-8", newline="\n") as stream:
                    json.dump(record, stream, ensure_ascii=False, indent=2)
                    stream.write("\n")
            except FileExistsError:
                fidelity.lose("labels of pictures whose name differs from another's in the ending alone", picture.path)

    def picture_path(self, picture: LabelledPicture) -> str:
        """Where a picture goes: beside its file."""
        return picture.path


def format() -> LabelMe:
    """The format."""
    return LabelMe()


# -- reading -----------------------------------------------------------------------------------------------------------
def _read_file(file: Path, name: str) -> Iterator[Picture | Labelled]:
    record = document(file)
    if not isinstance(record, dict) or not isinstance(record.get("shapes"), list):
        raise wrong(file, "at its start", "there are no shapes in it")
    picture = record.get("imagePath")
    if not isinstance(picture, str) or not picture:
        raise wrong(file, "/imagePath", "it does not name its picture")
    folder = name.rpartition("/")[0]
    base = picture.replace("\\", "/").rsplit("/", 1)[-1]
    sides = [record.get(side) or None for side in ("imageWidth", "imageHeight")]
    if not all(side is None or (isinstance(side, int) and not isinstance(side, bool) and side > 0) for side in sides):
        raise wrong(file, "/imageWidth", "a side of the picture is no number of pixels")
    yield Picture(name, f"{folder}/{base}" if folder else base, str(file), sides[0], sides[1])
    for flag, said in _flags(file, "", record).items():
        if said:
            yield Labelled(name, Annotation("class", str(flag), source="import"), f"{file}, /flags/{flag}")
    for place, annotation in _annotations(file, record["shapes"], sides):
        yield Labelled(name, annotation, f"{file}, {place}")


def _annotations(file: Path, shapes: list[Any], sides: list[Any]) -> Iterator[tuple[str, Annotation]]:
    """One annotation a shape, or a group of shapes of one kind and label."""
    groups: dict[tuple[Any, ...], list[tuple[str, dict[str, Any]]]] = {}
    for number, shape in enumerate(shapes):
        place = f"/shapes/{number}"
        if not isinstance(shape, dict):
            raise wrong(file, place, "it is no shape")
        kind, group = _kind(file, place, shape), shape.get("group_id")
        together = group is not None and kind in _PARTS
        key = (_PARTS[kind], repr(shape.get("label")), repr(group)) if together else (number,)
        groups.setdefault(key, []).append((place, shape))
    for members in groups.values():
        place, first = members[0]
        made = _annotation(file, place, first, sides)
        if len(members) > 1:
            (name,) = made.geometry or {"": None}
            parts = [_annotation(file, at, shape, sides).geometry for at, shape in members]
            made = Annotation(
                made.type,
                made.label,
                geometry={name: [part for geometry in parts if geometry for part in geometry[name]]},
                attributes=made.attributes,
                source=made.source,
                description=made.description,
                foreign=made.foreign,
            )
        yield place, made


def _annotation(file: Path, place: str, shape: dict[str, Any], sides: list[Any]) -> Annotation:
    kind, label = _kind(file, place, shape), shape.get("label")
    if not isinstance(label, str) or not label:
        raise wrong(file, f"{place}/label", "the shape has no label")
    points = _points(file, place, shape)
    if not isinstance(shape.get("description") or "", str):
        raise wrong(file, f"{place}/description", "it is no text")
    flags = _flags(file, place, shape)
    group = shape.get("group_id")
    said: dict[str, Any] = {
        "label": label,
        "attributes": {str(name): bool(value) for name, value in flags.items()},
        "source": "import",
        "description": shape.get("description") or None,
        "foreign": {NAME: {"group": group}} if group is not None else {},
    }
    needed = {"rectangle": 2, "circle": 2, "line": 2, "point": 1, "mask": 2}.get(kind)
    if needed is not None and len(points) != needed:
        raise wrong(file, f"{place}/points", f"a {kind} has {needed} points, not {len(points)}")
    flat = [number for point in points for number in point]
    if kind == "rectangle":
        (x1, y1), (x2, y2) = points
        return Annotation("box", box=(min(x1, x2), min(y1, y2), abs(x2 - x1), abs(y2 - y1)), **said)
    if kind == "point":
        return Annotation("point", box=(*points[0], 0.0, 0.0), **said)
    if kind == "circle":
        radius = math.dist(*points)
        return Annotation("ellipse", geometry={"center": [*points[0]], "radii": [radius, radius], "angle": 0}, **said)
    if kind in ("line", "linestrip"):
        return Annotation("polyline", geometry={"lines": [flat]}, **said)
    if kind == "polygon":
        return Annotation("polygon", geometry={"polygons": [[flat]]}, **said)
    if kind == "mask":
        return Annotation("mask", geometry=_mask(file, place, shape, points, sides), **said)
    raise wrong(file, f"{place}/shape_type", f"shapes of the type '{kind}' are not known")


def _kind(file: Path, place: str, shape: dict[str, Any]) -> str:
    kind = shape.get("shape_type") or "polygon"
    if not isinstance(kind, str):
        raise wrong(file, f"{place}/shape_type", "it is no type of shapes")
    return kind


def _flags(file: Path, place: str, record: dict[str, Any]) -> dict[str, Any]:
    flags = record.get("flags") or {}
    if not isinstance(flags, dict):
        raise wrong(file, f"{place}/flags", "they are no object")
    return flags


def _points(file: Path, place: str, shape: dict[str, Any]) -> list[tuple[float, float]]:
    points = shape.get("points")
    try:
        return [(float(x), float(y)) for x, y in points]  # type: ignore[union-attr]
    except (TypeError, ValueError) as error:
        raise wrong(file, f"{place}/points", "they are no list of pairs of numbers") from error


def _mask(file: Path, place: str, shape: dict[str, Any], points: list[tuple[float, float]], sides: list[Any]) -> Mask:
    import_extra("PIL", "vision")
    import numpy
    from PIL import Image

    if None in sides:
        raise wrong(file, "/imageWidth", "the size of the picture is needed for its masks")
    width, height = sides
    left, top = (math.floor(number) for number in points[0])
    try:
        data = base64.b64decode(shape.get("mask") or "", validate=True)
        with files.open_picture(io.BytesIO(data)) as picture:
            across, down = picture.size
            if left < 0 or top < 0 or top + down > height or left + across > width:
                raise wrong(file, f"{place}/mask", "it does not lie within the picture")
            part = numpy.asarray(picture.convert("L")) > 0
    except (OSError, TypeError, ValueError, SyntaxError, binascii.Error, Image.DecompressionBombError) as error:
        raise wrong(file, f"{place}/mask", f"it is no picture: {error}") from error
    try:
        pixels = numpy.zeros((height, width), bool)
    except (MemoryError, ValueError) as error:
        raise wrong(file, "/imageWidth", f"no picture has {width} x {height} pixels") from error
    pixels[top : top + part.shape[0], left : left + part.shape[1]] = part
    return masks.encode(pixels)


# -- writing -----------------------------------------------------------------------------------------------------------
def _record(picture: LabelledPicture, fidelity: Fidelity) -> dict[str, Any]:
    lose_picture(fidelity, picture)
    flags: dict[str, bool] = {}
    shapes: list[dict[str, Any]] = []
    free = max((_group(each) for each in picture.annotations), default=0) + 1
    for annotation in picture.annotations:
        place = where(picture, annotation)
        if not _can_write(annotation, place, fidelity):
            continue
        if annotation.type == "class":
            lose_parts(fidelity, picture, annotation, own=NAME)
            flags[str(annotation.label)] = True
            continue
        kept = [name for name, value in annotation.attributes.items() if isinstance(value, bool)]
        lose_parts(fidelity, picture, annotation, ("description",), kept, NAME)
        pieces = list(_pieces(annotation, place, fidelity))
        group = _group(annotation) or None
        if len(pieces) > 1 and group is None:
            group, free = free, free + 1
        for kind, points, more in pieces:
            shapes.append(
                {
                    "label": annotation.label,
                    "points": points,
                    "group_id": group,
                    "description": annotation.description or "",
                    "shape_type": kind,
                    "flags": {name: annotation.attributes[name] for name in kept},
                    **more,
                }
            )
    return {
        "version": VERSION,
        "flags": flags,
        "shapes": shapes,
        "imagePath": picture.path.rsplit("/", 1)[-1],
        "imageData": None,
        "imageHeight": picture.height,
        "imageWidth": picture.width,
    }


def _group(annotation: Annotation) -> int:
    group = annotation.foreign.get(NAME, {}).get("group")
    return group if isinstance(group, int) and group > 0 else 0


def _can_write(annotation: Annotation, place: str, fidelity: Fidelity) -> bool:
    if not annotation.label:
        fidelity.leave_out("annotations without a label, left out", place)
        return False
    if annotation.type in _WRITTEN:
        return True
    if annotation.box is None or annotation.type in ("text", "note", "subtitle"):
        fidelity.leave_out(f"annotations of the type {annotation.type}, left out", place)
        return False
    fidelity.lose(f"shapes of the type {annotation.type}, written as boxes", place)
    return True


def _pieces(
    annotation: Annotation, place: str, fidelity: Fidelity
) -> Iterator[tuple[str, list[list[float]], dict[str, Any]]]:
    """Type, points and what else belongs to each shape of an annotation."""
    shape = annotation.geometry or {}
    assert annotation.box is not None  # filled for every type with a place
    left, top, width, height = annotation.box
    if annotation.type == "polygon":
        for outline, *holes in shape["polygons"]:
            if holes:
                fidelity.lose("holes of polygons", place)
            yield "polygon", _pairs(outline), {}
    elif annotation.type == "polyline":
        for line in shape["lines"]:
            yield "linestrip", _pairs(line), {}
    elif annotation.type == "point":
        yield "point", [[left, top]], {}
    elif annotation.type == "mask":
        yield "mask", *_png(shape)
    elif annotation.type == "ellipse" and shape["radii"][0] == shape["radii"][1]:
        x, y = shape["center"]
        yield "circle", [[x, y], [x + shape["radii"][0], y]], {}
    else:
        if annotation.type == "ellipse":
            fidelity.lose("ellipses that are no circles, written as boxes", place)
        yield "rectangle", [[left, top], [left + width, top + height]], {}


def _pairs(flat: list[float]) -> list[list[float]]:
    return [[x, y] for x, y in zip(flat[::2], flat[1::2], strict=True)]


def _png(mask: dict[str, Any]) -> tuple[list[list[float]], dict[str, Any]]:
    import_extra("PIL", "vision")
    from PIL import Image

    left, top, width, height = (int(number) for number in masks.bounds(mask))
    part = masks.decode(mask)[top : top + height, left : left + width]
    data = io.BytesIO()
    Image.fromarray(part).save(data, "PNG")
    corners = [[float(left), float(top)], [float(left + width - 1), float(top + height - 1)]]
    return corners, {"mask": base64.b64encode(data.getvalue()).decode()}
