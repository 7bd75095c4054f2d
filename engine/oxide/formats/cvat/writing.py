"""Writing CVAT XML."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from oxide.errors import InvalidInput
from oxide.formats import files
from oxide.formats.cvat import IMAGES, NAME
from oxide.formats.cvat.meta import kind_of, spoken, write_labels
from oxide.formats.cvat.shapes import (
    Shape,
    box_sides,
    cuboid_corners,
    listed,
    mask_runs,
    rotation,
    same_place,
)
from oxide.formats.numerals import plain
from oxide.formats.unsaid import lose_parts, lose_picture, where
from oxide.formats.xml import Writer, clean
from oxide.labels.geometry import checked
from oxide.labels.outlines import joined

if TYPE_CHECKING:
    from pathlib import Path

    from oxide.formats.base import Dataset, Fidelity, LabelledPicture
    from oxide.labels.annotation import Annotation, Keyframe
    from oxide.labels.ontology import Label

_SOURCES = {"human": "manual", "model": "auto", "import": "file"}
_KEPT = ("attributes", "source")
_KEPT_OF_TRACK = (*_KEPT, "track", "frames", "keyframes")
_LEFT_OUT = ("text", "note", "subtitle")
Written = tuple[str, dict[str, str]]


def write(dataset: Dataset, target: Path, fidelity: Fidelity) -> None:
    """See :meth:`oxide.formats.cvat.Cvat.write`."""
    _lose_labels(dataset, fidelity)
    videos = sum(map(_is_video, files.shown(dataset)))
    pictures = sum(1 for _ in files.shown(dataset)) - videos
    if target.suffix == ".xml":
        if videos > 1 or (videos and pictures):
            raise InvalidInput(
                "one file holds either pictures or one video in CVAT's format", hint="name a folder as the target"
            )
        if not videos:
            _write_images(dataset, target, pictures, fidelity)
        for picture in filter(_is_video, files.shown(dataset)):
            _write_video(target, picture, dataset.ontology.labels, fidelity)
        return
    files.made_folder(target, NAME)
    _write_images(dataset, target / IMAGES, pictures, fidelity)
    for picture in filter(_is_video, files.shown(dataset)):
        path = target / "videos" / f"{picture.path}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_video(path, picture, dataset.ontology.labels, fidelity)


def _write_images(dataset: Dataset, path: Path, number: int, fidelity: Fidelity) -> None:
    labels = dataset.ontology.labels
    with path.open("x", encoding="utf-8", newline="\n") as stream:
        writer = Writer(stream)
        _begin(writer, dataset.name, "annotation", number, list(labels.values()))
        for at, picture in enumerate(each for each in files.shown(dataset) if not _is_video(each)):
            _write_image(writer, picture, at, labels, fidelity)
        writer.end()


def _is_video(picture: LabelledPicture) -> bool:
    return files.is_video(picture.path, picture.facts.get("media"))


def _lose_labels(dataset: Dataset, fidelity: Fidelity) -> None:
    for label in dataset.ontology.labels.values():
        if label.parent:
            fidelity.lose("labels above labels", label.name)
        if label.description:
            fidelity.lose("descriptions of labels", label.name)
        kind = kind_of(label)
        if label.tools and kind in ("any", "skeleton") and label.tools != ("keypoints",):
            fidelity.lose("tools of labels", label.name)
        if any(name != NAME for name in label.foreign):
            fidelity.lose("what other formats keep about labels", label.name)
        for name, definition in label.attributes.items():
            if definition.get("required") or definition.get("type") == "multi_select":
                fidelity.lose(
                    "definitions of attributes that are required or of several values", f"{label.name}: {name}"
                )
    if dataset.ontology.closed:
        fidelity.lose("that the ontology is closed", dataset.name)


def _begin(
    writer: Writer,
    name: str,
    mode: str,
    size: int,
    labels: list[Label],
    frame: tuple[int | None, int | None] = (None, None),
    source: str | None = None,
) -> None:
    """The document up to the end of ``<meta>``. What is known of the task from an import stays."""
    kept: dict[str, Any] = next(
        (label.foreign[NAME]["task"] for label in labels if "task" in label.foreign.get(NAME, {})), {}
    )
    writer.start("annotations")
    writer.leaf("version", "1.1")
    writer.start("meta")
    writer.start("task")
    for key, value in {**kept, "name": kept.get("name", name), "size": str(size), "mode": mode}.items():
        writer.value(key, value)
    write_labels(writer, labels)
    if all(frame):
        writer.start("original_size")
        for side, pixels in zip(("width", "height"), frame, strict=True):
            writer.leaf(side, str(pixels))
        writer.end()
    if source is not None:
        writer.leaf("source", source)
    writer.end()
    writer.end()


def _write_image(
    writer: Writer, picture: LabelledPicture, number: int, labels: dict[str, Label], fidelity: Fidelity
) -> None:
    if clean(picture.path) != picture.path:
        fidelity.lose("characters that XML cannot hold", picture.path)
    split = picture.metadata.get("split")
    told = isinstance(split, str) and split != "default" and split != ""
    lose_picture(fidelity, picture, ("split",) if told else ())
    said = {"id": str(number), "name": picture.path}
    if told:
        said["subset"] = str(split)
    if picture.width and picture.height:
        said |= {"width": str(picture.width), "height": str(picture.height)}
    writer.start("image", said)
    for annotation in picture.annotations:
        place = where(picture, annotation)
        if not _can_write(annotation, place, fidelity):
            continue
        lose_parts(fidelity, picture, annotation, _KEPT, own=NAME)
        extra = _said(annotation)
        for shape in _pieces(same_place(annotation), labels, place, fidelity):
            flags = {} if annotation.type == "class" else {"occluded": _flag(shape.attributes.get("occluded"))}
            if annotation.type == "class":
                extra = {name: value for name, value in extra.items() if name != "z_order"}
            _write_shape(writer, shape, labels, {"label": annotation.label or "", **flags, **extra}, place, fidelity)
    writer.end()


def _can_write(annotation: Annotation, place: str, fidelity: Fidelity) -> bool:
    if annotation.type in _LEFT_OUT:
        fidelity.leave_out(f"annotations of the type {annotation.type}, left out", place)
    elif annotation.label is None:
        fidelity.leave_out("annotations without a label, left out", place)
    elif annotation.type == "cuboid" and "corners" not in (annotation.geometry or {}):
        fidelity.leave_out("cuboids in a space of their own, left out", place)
    elif annotation.type == "mask" and annotation.box is not None and not annotation.area:
        fidelity.leave_out("masks without a pixel, left out", place)
    elif clean(annotation.label) != annotation.label:
        fidelity.leave_out("annotations whose label XML cannot hold, left out", place)
    else:
        return True
    return False


def _said(annotation: Annotation) -> dict[str, str]:
    kept = annotation.foreign.get(NAME, {})
    source = kept.get("source") if annotation.source == "human" else None
    said = {"source": source or _SOURCES[annotation.source], "z_order": str(kept.get("z_order", 0))}
    return said | ({"group_id": str(kept["group_id"])} if "group_id" in kept else {})


def _flag(value: Any) -> str:
    return "1" if value is True else "0"


def _pieces(shape: Shape, labels: dict[str, Label], place: str, fidelity: Fidelity) -> list[Shape]:
    """A shape of a picture in as many as CVAT needs for it."""
    if shape.type == "polyline" and shape.geometry and len(shape.geometry["lines"]) > 1:
        fidelity.lose("polylines of several lines, written as one for each", place)
        return [replace(shape, geometry={"lines": [line]}) for line in shape.geometry["lines"]]
    return [_single(shape, labels, place, fidelity)]


def _single(shape: Shape, labels: dict[str, Label], place: str, fidelity: Fidelity) -> Shape:
    """A shape as CVAT can say it."""
    geometry = shape.geometry or {}
    if shape.type == "polyline" and len(geometry["lines"]) > 1:
        fidelity.lose("lines of a polyline besides the first", place)
    if shape.type == "polygon":
        rings = [ring for part in geometry["polygons"] for ring in part]
        if len(rings) > 1:
            fidelity.lose("parts and holes of polygons, joined to one outline", place)
        return replace(shape, geometry={"polygons": [[joined(rings)]]})
    if shape.type == "cuboid" and any(corner[2] for corner in geometry["corners"]):
        fidelity.lose("depths of the corners of cuboids", place)
    if shape.type == "keypoints" and not _has_skeleton(shape, labels):
        if any(visibility != 2 for visibility in geometry["points"][2::3]):
            fidelity.lose("visibility of keypoints of labels without a skeleton", place)
        if len(geometry["points"]) == 3:
            fidelity.lose("keypoints of one point, written as a point", place)
    if shape.type == "keypoints" and shape.box is not None:
        around = checked("keypoints", None, geometry)
        if around is None or any(abs(a - b) > 1e-6 for a, b in zip(around, shape.box, strict=True)):
            fidelity.lose("boxes drawn around keypoints", place)
    return shape


def _has_skeleton(shape: Shape, labels: dict[str, Label]) -> bool:
    label = labels.get(shape.label or "")
    points = (shape.geometry or {}).get("points", ())
    return bool(label and label.skeleton) and len(label.skeleton["points"]) * 3 == len(points)  # type: ignore[union-attr,index]


def _element(shape: Shape, labels: dict[str, Label]) -> Written:
    """The element and the attributes that say a shape."""
    geometry: dict[str, Any] = shape.geometry or {}
    if shape.type == "class":
        return "tag", {}
    if shape.type == "box" and shape.box is not None:
        return "box", box_sides(*shape.box)
    if shape.type == "rotated_box":
        (x, y), (width, height) = geometry["center"], geometry["size"]
        return "box", {**box_sides(x - width / 2, y - height / 2, width, height), **rotation(geometry["angle"])}
    if shape.type == "polygon":
        return "polygon", {"points": listed(geometry["polygons"][0][0])}
    if shape.type == "polyline":
        return "polyline", {"points": listed(geometry["lines"][0])}
    if shape.type == "point" and shape.box is not None:
        return "points", {"points": listed(list(shape.box[:2]))}
    if shape.type == "ellipse":
        values = dict(zip(("cx", "cy", "rx", "ry"), [*geometry["center"], *geometry["radii"]], strict=True))
        return "ellipse", {**{k: plain(v) for k, v in values.items()}, **rotation(geometry.get("angle", 0))}
    if shape.type == "cuboid":
        return "cuboid", cuboid_corners(geometry["corners"])
    if shape.type == "mask":
        return "mask", mask_runs(geometry)
    if _has_skeleton(shape, labels):
        return "skeleton", {}
    return "points", {"points": listed([value for at, value in enumerate(geometry["points"]) if at % 3 != 2])}


def _write_shape(
    writer: Writer, shape: Shape, labels: dict[str, Label], said: dict[str, str], place: str, fidelity: Fidelity
) -> None:
    name, attributes = _element(shape, labels)
    if name == "skeleton":
        said.pop("occluded", None)
    writer.start(name, {**said, **attributes})
    label = labels.get(shape.label or "")
    if name == "skeleton" and label and label.skeleton and shape.geometry:
        flat = shape.geometry["points"]
        for point, x, y, visibility in zip(label.skeleton["points"], flat[::3], flat[1::3], flat[2::3], strict=True):
            flags = {"outside": _flag(visibility == 0), "occluded": _flag(visibility == 1)}
            writer.leaf("points", None, {"label": point, **flags, "points": listed([x, y])})
    definitions = label.attributes if label else {}
    for attribute, value in shape.attributes.items():
        if attribute == "occluded" and isinstance(value, bool) and name not in ("skeleton", "tag"):
            if not value:
                fidelity.lose("that a shape is not occluded, which is left out", place)
            continue
        text = spoken(value)
        if not _reads_back(value, definitions.get(attribute, {}).get("type", "text")) or clean(text) != text:
            fidelity.lose("types of attributes, written as text", f"{place}: {attribute}")
        writer.leaf("attribute", text, {"name": attribute})
    writer.end()


def _reads_back(value: Any, kind: str) -> bool:
    """Whether an attribute comes back as it is, its label's definition being what it is."""
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, (int, float)):
        return kind == "number"
    return isinstance(value, str) and kind not in ("boolean", "number")


# -- videos ------------------------------------------------------------------------------------------------------------
def _write_video(path: Path, picture: LabelledPicture, labels: dict[str, Label], fidelity: Fidelity) -> None:
    lose_picture(fidelity, picture)
    frames = picture.facts.get("frames") or max(
        (each.frames[1] + 1 for each in picture.annotations if each.frames), default=0
    )
    with path.open("x", encoding="utf-8", newline="\n") as stream:
        writer = Writer(stream)
        size = picture.width, picture.height
        _begin(writer, picture.path, "interpolation", int(frames), list(labels.values()), size, picture.path)
        number = 0
        for annotation in picture.annotations:
            place = where(picture, annotation)
            if annotation.frames is None or annotation.type == "class":
                fidelity.leave_out("annotations of videos that are no tracks, left out", place)
            elif _can_write(annotation, place, fidelity):
                lose_parts(fidelity, picture, annotation, _KEPT_OF_TRACK, own=NAME)
                number += 1
                _write_track(writer, annotation, annotation.frames, number, labels, place, fidelity)
        writer.end()


def _write_track(
    writer: Writer,
    annotation: Annotation,
    frames: tuple[int, int],
    number: int,
    labels: dict[str, Label],
    place: str,
    fidelity: Fidelity,
) -> None:
    extra = _said(annotation)
    order = {"z_order": extra.pop("z_order")}
    identity = annotation.track if annotation.track is not None else str(number)
    if annotation.track is None:
        fidelity.lose("tracks without a name, which get a number", place)
    writer.start("track", {"id": identity, "label": annotation.label or "", **extra})
    for frame, visible, shape in _over_time(annotation, frames, place, fidelity):
        piece = _single(shape, labels, place, fidelity)
        flags = {"outside": _flag(not visible), "occluded": _flag(piece.attributes.get("occluded"))}
        said = {"frame": str(frame), "keyframe": "1", **flags, **order}
        _write_shape(writer, piece, labels, said, place, fidelity)
    writer.end()


def _over_time(
    annotation: Annotation, frames: tuple[int, int], place: str, fidelity: Fidelity
) -> Iterator[tuple[int, bool, Shape]]:
    """A track's shapes with frame and visibility, the last being one that ends it."""
    shape = same_place(annotation)
    keyframes: list[Keyframe] = list(annotation.keyframes)
    if not keyframes or keyframes[0].frame > frames[0]:
        yield frames[0], True, shape
    visible, last = True, frames[0]
    for keyframe in keyframes:
        if keyframe.box is not None or keyframe.geometry is not None:
            shape = replace(shape, box=keyframe.box, geometry=keyframe.geometry)
        if keyframe.attributes is not None:
            shape = replace(shape, attributes=keyframe.attributes)
        if keyframe.label is not None and keyframe.label != annotation.label:
            fidelity.lose("labels that change within a track", f"{place}, frame {keyframe.frame}")
        visible, last = keyframe.visible, keyframe.frame
        yield last, visible, shape
    if visible and frames[1] >= last:
        yield frames[1] + 1, False, shape
