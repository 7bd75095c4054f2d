"""Tasks as pictures with annotations."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from oxide.errors import NotFound
from oxide.formats.base import Labelled, Picture, wrong
from oxide.formats.json_text import document
from oxide.formats.label_studio import runs
from oxide.labels import masks
from oxide.labels.annotation import Annotation, Keyframe

if TYPE_CHECKING:
    from oxide.formats.base import Find
    from oxide.labels.ontology import Label

    Size = tuple[int | None, int | None]

NAME = "labelstudio"
_UPLOAD = re.compile(r"^(?:[0-9a-f]{8}-)?(.*)$")
_SHAPES = (
    "rectanglelabels",
    "polygonlabels",
    "keypointlabels",
    "ellipselabels",
    "brushlabels",
    "rectangle",
    "polygon",
    "keypoint",
    "ellipse",
    "brush",
    "videorectangle",
)
_SAID = ("choices", "textarea", "number", "rating")
_KINDS = ("annotations", "predictions")
_MISTAKES = (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError)
"""What reading a value of another kind than Label Studio writes ends with."""


def read(source: Path, find: Find | None) -> Iterator[Picture | Labelled | Label]:
    """The tasks of a JSON file, or of ``tasks.json`` in a folder; ``find`` knows the sizes of videos.

    Raises InvalidInput and NotFound.
    """
    path = source / "tasks.json" if source.is_dir() else source
    if not path.is_file():
        raise NotFound(f"there is no '{path}'", hint="name a JSON export of Label Studio", path=str(path))
    tasks = document(path)
    if not isinstance(tasks, list):
        raise wrong(path, "at its start", "it is no list of tasks")
    for number, task in enumerate(tasks):
        place = f"/{number}"
        if not isinstance(task, dict) or not isinstance(task.get("data"), dict):
            raise wrong(path, place, "the task has no data")
        for kind in _KINDS:
            if not isinstance(task.get(kind) or [], list):
                raise wrong(path, f"{place}/{kind}", "it is no list")
        picture = _picture(path, place, number, task)
        yield picture
        known = find(picture.path) if find is not None and picture.path else None
        size = known[1:] if known is not None else (picture.width, picture.height)
        for kind in _KINDS:
            for at, said in enumerate(task.get(kind) or []):
                where = f"{place}/{kind}/{at}"
                if not isinstance(said, dict) or not isinstance(said.get("result", []), list):
                    raise wrong(path, where, "there is no list of results")
                if not said.get("was_cancelled"):
                    yield from _results(path, where, number, said, size, is_model=kind == "predictions")


def _picture(path: Path, place: str, number: int, task: dict[str, Any]) -> Picture:
    data: dict[str, Any] = task["data"]
    named = next(((key, data[key]) for key in ("image", "video", "img") if isinstance(data.get(key), str)), None)
    if named is None:
        named = next(((key, value) for key, value in data.items() if isinstance(value, str) and "." in value), None)
    if named is None:
        raise wrong(path, f"{place}/data", "it names neither a picture nor a video")
    key, value = named
    others = {name: said for name, said in data.items() if name != key}
    sizes = [
        (result.get("original_width"), result.get("original_height"))
        for kind in _KINDS
        for said in task.get(kind) or []
        if isinstance(said, dict) and isinstance(said.get("result"), list)
        for result in said["result"]
        if isinstance(result, dict) and result.get("original_width")
    ]
    width, height = sizes[0] if sizes and key != "video" else (None, None)
    identity = task.get("id")
    return Picture(
        number,
        path_of(value),
        f"{path}, {place}",
        width,
        height,
        metadata=others,
        source_id=None if identity is None else str(identity),
    )


def path_of(value: str) -> str:
    """The path that a task's data names."""
    parts = urlsplit(value)
    local = parse_qs(parts.query).get("d")
    if local:
        return local[0].lstrip("/")
    path = unquote(parts.path) if parts.scheme or value.startswith("/") else value
    if "/data/upload/" in path:
        name = _UPLOAD.match(path.rsplit("/", 1)[-1])
        return name[1] if name else path
    return path.lstrip("/")


def _results(
    path: Path, where: str, key: int, said: dict[str, Any], size: Size, *, is_model: bool
) -> Iterator[Labelled]:
    results = said.get("result") or []
    for at, result in enumerate(results):
        place = f"{where}/result/{at}"
        if not isinstance(result, dict):
            raise wrong(path, place, "it is no result")
        if not isinstance(result.get("id"), str | int | None):
            raise wrong(path, f"{place}/id", "it is no id")
        if not isinstance(result.get("value") or {}, dict):
            raise wrong(path, f"{place}/value", "it is no object")
    extra: dict[Any, dict[str, Any]] = defaultdict(dict)
    shapes = {result.get("id") for result in results if result.get("type") in _SHAPES}
    for result in results:
        if result.get("type") in _SAID and result.get("id") in shapes:
            value = result.get("value") or {}
            told = value.get("text" if result["type"] == "textarea" else result["type"])
            extra[result["id"]][str(result.get("from_name"))] = (
                told[0] if isinstance(told, list) and len(told) == 1 else told
            )
    for at, result in enumerate(results):
        place = f"{where}/result/{at}"
        kind = result.get("type")
        if kind == "relation" or (kind in _SAID and result.get("id") in shapes):
            continue
        try:
            found = list(_annotations(result, size))
            origin = _origin(said, result, is_model=is_model)
        except _MISTAKES as error:
            raise wrong(path, place, f"it is not as Label Studio writes it: {error}") from error
        for annotation in found:
            yield Labelled(
                key,
                replace(
                    annotation,
                    attributes={**annotation.attributes, **extra.get(result.get("id"), {})},
                    **origin,
                ),
                f"{path}, {place}",
                by_hand=not is_model and said.get("completed_by") is not None,
            )


def _origin(said: dict[str, Any], result: dict[str, Any], *, is_model: bool) -> dict[str, Any]:
    foreign = {"from_name": result.get("from_name"), "id": result.get("id")}
    fields: dict[str, Any] = {"foreign": {NAME: {name: told for name, told in foreign.items() if told}}}
    if is_model:
        score = result.get("score", said.get("score"))
        fields["source"] = "model"
        fields["model"] = str(said.get("model_version") or "") or None
        fields["score"] = score if isinstance(score, (int, float)) and 0 <= score <= 1 else None
        return fields
    by = said.get("completed_by")
    author = by.get("email") if isinstance(by, dict) else by
    fields["author"] = None if author is None else str(author)
    for ours, theirs in (("created", "created_at"), ("updated", "updated_at")):
        if said.get(theirs):
            fields[ours] = datetime.fromisoformat(str(said[theirs]).replace("Z", "+00:00"))
    return fields


def _annotations(result: dict[str, Any], size: Size) -> Iterator[Annotation]:
    """One for each label of a shape, or for each choice."""
    kind, value = result["type"], result["value"]
    if kind == "choices":
        for choice in value["choices"]:
            yield Annotation("class", str(choice))
        return
    if kind == "textarea":
        for text in value["text"] if isinstance(value["text"], list) else [value["text"]]:
            yield Annotation("text", None, geometry={"text": str(text)})
        return
    if kind in ("number", "rating"):
        yield Annotation("text", None, geometry={"text": str(value[kind])})
        return
    if kind not in _SHAPES:
        raise ValueError(f"results of the type '{kind}' are not known")
    labels = value.get("labels") or value.get(kind) or [None]
    if kind == "videorectangle":
        shape = _track(value, size)
    else:
        width, height = float(result["original_width"]) / 100, float(result["original_height"]) / 100
        shape = _shape(kind.removesuffix("labels"), value, width, height)
    for label in labels:
        yield replace(shape, label=None if label is None else str(label))


def _shape(kind: str, value: dict[str, Any], sx: float, sy: float) -> Annotation:
    """A shape in percent; ``sx`` and ``sy`` are pixels a percent."""
    turn = float(value.get("rotation") or 0)
    if kind == "rectangle":
        left, top = value["x"] * sx, value["y"] * sy
        width, height = value["width"] * sx, value["height"] * sy
        if not turn % 360:
            return Annotation("box", box=(left, top, width, height))
        cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
        center = [left + width / 2 * cos - height / 2 * sin, top + width / 2 * sin + height / 2 * cos]
        return Annotation("rotated_box", geometry={"center": center, "size": [width, height], "angle": turn})
    if kind == "polygon":
        flat = [number for x, y in value["points"] for number in (x * sx, y * sy)]
        return Annotation("polygon", geometry={"polygons": [[flat]]})
    if kind == "keypoint":
        return Annotation("point", box=(value["x"] * sx, value["y"] * sy, 0.0, 0.0))
    if kind == "ellipse":
        radii = [value["radiusX"] * sx, value["radiusY"] * sy]
        return Annotation(
            "ellipse", geometry={"center": [value["x"] * sx, value["y"] * sy], "radii": radii, "angle": turn}
        )
    if value.get("format", "rle") != "rle":
        raise ValueError(f"brushes of the form '{value['format']}' are not known")
    if not isinstance(value["rle"], list):
        raise ValueError("the runs are no list of numbers")
    pixels = runs.decode(value["rle"], round(sy * 100), round(sx * 100))
    return Annotation("mask", geometry=masks.encode(pixels))


def _track(value: dict[str, Any], size: Size) -> Annotation:
    """A track in percent of the frame, whose size only the video knows."""
    sequence = sorted(value["sequence"], key=lambda each: each["frame"])
    width, height = size
    if not width or not height:
        raise ValueError("the size of the video is not known, so its tracks have no place")
    sx, sy = width / 100, height / 100
    keyframes: list[Keyframe] = []
    for each in sequence:
        box = each["x"] * sx, each["y"] * sy, each["width"] * sx, each["height"] * sy
        frame = int(each["frame"]) - 1
        if keyframes and keyframes[-1].frame == frame:
            keyframes.pop()  # it was gone for no frame
        keyframes.append(Keyframe(frame, box))
        if not each.get("enabled", True):
            keyframes.append(Keyframe(frame + 1, box, visible=False))
    frames = keyframes[0].frame, int(value.get("framesCount") or keyframes[-1].frame + 1) - 1
    return Annotation("box", box=keyframes[0].box, frames=frames, keyframes=tuple(keyframes))
