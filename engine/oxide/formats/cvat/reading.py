"""Reading CVAT XML."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from oxide.errors import InvalidInput, NotFound
from oxide.formats import files
from oxide.formats.base import Labelled, Picture, wrong
from oxide.formats.cvat import NAME
from oxide.formats.cvat.meta import Meta, read_meta
from oxide.formats.cvat.shapes import Shape, read_shape
from oxide.formats.xml import Element, elements
from oxide.labels.annotation import Annotation, Keyframe
from oxide.labels.ontology import Label

_SOURCES = {"manual": "human", "auto": "model", "file": "import"}
_LINEAR = ("box", "ellipse")
"""Elements between whose key frames CVAT moves in a straight line, as Oxide does."""


def read(source: Path) -> Iterator[Picture | Labelled | Label]:
    """See :meth:`oxide.formats.cvat.Cvat.read`."""
    if source.is_dir():
        found = [source / path for path in files.below(source) if files.ending(path) == "xml"]
        if not found:
            raise InvalidInput(f"there is no XML file below '{source}'", hint="name the folder with the annotations")
        for file in found:
            yield from _read_file(file)
        return
    if not source.exists():
        raise NotFound(f"there is no '{source}'", hint="name a CVAT XML file", path=str(source))
    yield from _read_file(source)


def _read_file(file: Path) -> Iterator[Picture | Labelled | Label]:
    meta = Meta()
    videos: dict[str | None, str] = {}
    for number, element in enumerate(elements(file, "annotations", 1)):
        place = f"{file}, line {element.line}"
        if element.name == "version" and element.text.strip() not in ("1.1", "1.0"):
            raise wrong(file, f"line {element.line}", f"its version is '{element.text.strip()}', not 1.1")
        if element.name == "meta":
            meta = read_meta(file, element)
            yield from meta.labels.values()
        elif element.name == "image":
            key = f"{file}#{number}"
            picture = _picture(file, element, key, place)
            yield picture
            for child in element.children:
                shape = _shape(file, child, meta, picture.width, picture.height)
                annotation = _finished(shape, shape.label or "", child.attributes)
                yield Labelled(key, annotation, f"{file}, line {child.line}")
        elif element.name == "track":
            task = element.attributes.get("task_id")
            if task not in videos:
                videos[task] = f"{file}#task{task or ''}"
                yield _video(file, meta, task, videos[task], place)
            track = _track(file, element, meta)
            if track is not None:
                yield Labelled(videos[task], track, place)


def _picture(file: Path, element: Element, key: str, place: str) -> Picture:
    name = element.attributes.get("name")
    if not name:
        raise wrong(file, f"line {element.line}", "the image has no name")
    subset = element.attributes.get("subset")
    metadata = {"split": subset} if subset and subset != "default" else {}
    width, height = (_whole(file, element, side) for side in ("width", "height"))
    return Picture(key, name.replace("\\", "/"), place, width, height, metadata=metadata)


def _whole(file: Path, element: Element, name: str) -> int | None:
    text = element.attributes.get(name)
    if text is None:
        return None
    if not text.isdecimal() or len(text) > 9:
        raise wrong(file, f"line {element.line}", f"'{text}' is no {name}")
    return int(text) or None


def _video(file: Path, meta: Meta, task: str | None, key: str, place: str) -> Picture:
    """The video that a file, or in a file of several tasks one task, is about."""
    name = meta.video_of(task)
    if name is None:
        raise wrong(file, "'meta'", "neither source nor name say which video the tracks are of")
    return Picture(key, name, place, *meta.size_of(task))


def _shape(file: Path, element: Element, meta: Meta, width: int | None, height: int | None) -> Shape:
    try:
        return read_shape(element, meta.labels, width, height)
    except KeyError as error:
        raise wrong(file, f"line {element.line}", f"the {element.name} has no {error}") from error
    except (ValueError, InvalidInput) as error:
        raise wrong(file, f"line {element.line}", f"the {element.name} cannot be read: {error}") from error


def _finished(shape: Shape, label: str, said: dict[str, str]) -> Annotation:
    """An annotation of a shape, with what the element ``said`` besides it."""
    source = said.get("source", "manual")
    kept: dict[str, Any] = {name: said[name] for name in ("z_order", "group_id") if said.get(name, "0") != "0"}
    if source not in _SOURCES:
        kept["source"] = source
    return Annotation(
        shape.type,
        label,
        shape.box,
        shape.geometry,
        attributes=shape.attributes,
        source=_SOURCES.get(source, "human"),
        foreign={NAME: kept} if kept else {},
    )


def _track(file: Path, element: Element, meta: Meta) -> Annotation | None:
    """The annotation that a track is; ``None`` if it is nowhere to be seen."""
    label = element.attributes.get("label")
    if label is None:
        raise wrong(file, f"line {element.line}", "the track has no label")
    width, height = meta.size_of(element.attributes.get("task_id"))
    frames: list[tuple[int, bool, Shape]] = []
    last = -1
    for child in element.children:
        frame = _whole_frame(file, child)
        if frame <= last:
            raise wrong(file, f"line {child.line}", f"the frame {frame} comes after the frame {last}")
        last = frame
        child.attributes.setdefault("label", label)
        outside = _is_outside(child)
        between = child.attributes.get("keyframe", "1") == "0"
        if not (between and child.name in _LINEAR) and (frames or not outside):
            frames.append((frame, outside, _shape(file, child, meta, width, height)))
    if not frames:
        return None
    if len({shape.type for _, _, shape in frames}) > 1:
        kinds = ", ".join(sorted({shape.type for _, _, shape in frames}))
        raise wrong(file, f"line {element.line}", f"the track is of several types: {kinds}")
    while frames[-1][1]:
        last = frames.pop()[0] - 1
    first, _, shape = frames[0]
    found = _finished(shape, label, {**element.children[0].attributes, **element.attributes})
    return replace(found, track=element.attributes.get("id"), frames=(first, last), keyframes=_keyframes(frames))


def _is_outside(element: Element) -> bool:
    """A skeleton is outside when all of its points are."""
    if element.name == "skeleton" and "outside" not in element.attributes:
        points = [child for child in element.children if child.name == "points"]
        return bool(points) and all(point.attributes.get("outside") == "1" for point in points)
    return element.attributes.get("outside", "0") == "1"


def _whole_frame(file: Path, element: Element) -> int:
    frame = element.attributes.get("frame", "")
    if not frame.isdecimal() or len(frame) > 9:
        raise wrong(file, f"line {element.line}", f"'{frame}' is no number of a frame")
    return int(frame)


def _keyframes(frames: list[tuple[int, bool, Shape]]) -> tuple[Keyframe, ...]:
    """Key frames; none where the annotation itself says it all."""
    if len(frames) == 1:
        return ()
    found = []
    before = frames[0][2]
    for frame, outside, shape in frames:
        attributes = shape.attributes if shape.attributes != before.attributes else None
        unmoved = outside and (shape.box, shape.geometry) == (before.box, before.geometry)
        box, geometry = (None, None) if unmoved else (shape.box, shape.geometry)
        found.append(Keyframe(frame, box, geometry, not outside, attributes))
        before = shape
    return tuple(found)
