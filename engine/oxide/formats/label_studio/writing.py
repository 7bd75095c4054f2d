"""Pictures with annotations as tasks, and the labelling interface that shows them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oxide.formats import files
from oxide.formats.label_studio import runs
from oxide.formats.label_studio.reading import NAME
from oxide.formats.unsaid import lose_labels, lose_parts, lose_picture, where
from oxide.formats.xml import Writer, clean
from oxide.labels import masks
from oxide.labels.annotation import Annotation

if TYPE_CHECKING:
    from oxide.formats.base import Dataset, Fidelity, LabelledPicture

_CONTROLS = {
    "class": "choices",
    "box": "rectanglelabels",
    "rotated_box": "rectanglelabels",
    "polygon": "polygonlabels",
    "point": "keypointlabels",
    "ellipse": "ellipselabels",
    "mask": "brushlabels",
    "text": "textarea",
}
_TAGS = {
    "rectanglelabels": "RectangleLabels",
    "polygonlabels": "PolygonLabels",
    "keypointlabels": "KeyPointLabels",
    "ellipselabels": "EllipseLabels",
    "brushlabels": "BrushLabels",
}


def write(dataset: Dataset, target: Path, fidelity: Fidelity) -> None:
    """``tasks.json`` and ``config.xml`` in a folder."""
    lose_labels(fidelity, dataset, ("color",))
    with (target / "tasks.json").open("x", encoding="utf-8", newline="\n") as stream:
        stream.write("[")
        for number, picture in enumerate(files.shown(dataset), start=1):
            stream.write(",\n" if number > 1 else "\n")
            json.dump(_task(picture, number, fidelity), stream, ensure_ascii=False)
        stream.write("\n]\n")
    with (target / "config.xml").open("x", encoding="utf-8", newline="\n") as stream:
        writer = Writer(stream)
        writer.start("View")
        writer.start("Image", {"name": "image", "value": "$image"})
        writer.end()
        for control, tag in (*_TAGS.items(), ("choices", "Choices")):
            writer.start(tag, {"name": control, "toName": "image"})
            for label in dataset.ontology.labels.values():
                if clean(label.name) == label.name:
                    child = "Choice" if control == "choices" else "Label"
                    color = {"background": label.color} if label.color and child == "Label" else {}
                    writer.start(child, {"value": label.name, **color})
                    writer.end()
            writer.end()
        writer.start("TextArea", {"name": "textarea", "toName": "image"})
        writer.end()
        writer.end()


def _task(picture: LabelledPicture, number: int, fidelity: Fidelity) -> dict[str, Any]:
    is_video = files.is_video(picture.path, picture.facts.get("media"))
    kept = {name: value for name, value in picture.metadata.items() if name not in ("image", "video", "system")}
    lose_picture(fidelity, picture, kept)
    by_people: list[dict[str, Any]] = []
    by_models: dict[tuple[str | None, float | None], list[dict[str, Any]]] = {}
    for at, annotation in enumerate(picture.annotations):
        place = where(picture, annotation)
        results = list(_results(annotation, f"r{at}", picture, is_video, place, fidelity))
        if not results:
            continue
        model = annotation.source == "model"
        fields = ("source", "score", "model") if model else ()
        lose_parts(fidelity, picture, annotation, (*fields, "attributes", *_OF_TRACKS), own=NAME)
        if model:
            by_models.setdefault((annotation.model, annotation.score), []).extend(results)
        else:
            by_people += results
    return {
        "id": number,
        "data": {"video" if is_video else "image": picture.path, **kept},
        "annotations": [{"id": number, "result": by_people, "was_cancelled": False}] if by_people else [],
        "predictions": [
            {"model_version": model or "", "score": score, "result": results}
            for (model, score), results in by_models.items()
        ],
    }


_OF_TRACKS = ("frames", "keyframes")


def _results(
    annotation: Annotation, identity: str, picture: LabelledPicture, is_video: bool, place: str, fidelity: Fidelity
) -> Iterator[dict[str, Any]]:
    track = annotation.frames is not None and annotation.type == "box"
    control = "videorectangle" if track else _CONTROLS.get(annotation.type)
    about_all = annotation.type in ("class", "text")
    if control is None or (is_video and not track and not about_all):
        fidelity.leave_out(f"annotations of the type {annotation.type}, left out", place)
        return
    if not annotation.label and annotation.type != "text":
        fidelity.leave_out("annotations without a label, left out", place)
        return
    if annotation.type == "text" and (annotation.label or annotation.box):
        fidelity.lose("labels and places of texts", place)
    if not about_all and not (picture.width and picture.height):
        fidelity.leave_out("annotations of pictures of unknown size, left out", place)
        return
    if about_all and annotation.attributes:
        fidelity.lose("attributes", place)
    told = annotation.foreign.get(NAME, {})
    to_name = "video" if is_video else "image"
    common: dict[str, Any] = {"from_name": told.get("from_name", control), "to_name": to_name, "type": control}
    if not about_all and not track:
        common |= {"original_width": picture.width, "original_height": picture.height, "image_rotation": 0}
    values = list(_values(annotation, picture, track, place, fidelity))
    if len(values) > 1:
        fidelity.lose("which polygons are parts of one annotation", place)
    for part, value in enumerate(values):
        name = told.get("id", identity) if part == 0 else f"{identity}.{part}"
        labels = {} if about_all else {"labels" if track else control: [annotation.label]}
        yield {"id": name, **common, "value": {**value, **labels}}
        if not about_all:
            for attribute, said in annotation.attributes.items():
                yield _said(attribute, said, {"id": name, "to_name": to_name}, place, fidelity)


def _said(attribute: str, said: Any, of: dict[str, Any], place: str, fidelity: Fidelity) -> dict[str, Any]:
    """An attribute of a shape: a number, a choice, or its JSON as text."""
    base = {**of, "from_name": attribute}
    if isinstance(said, (int, float)) and not isinstance(said, bool):
        return {**base, "type": "number", "value": {"number": said}}
    if isinstance(said, str):
        return {**base, "type": "choices", "value": {"choices": [said]}}
    if isinstance(said, list) and len(said) != 1 and all(isinstance(each, str) for each in said):
        return {**base, "type": "choices", "value": {"choices": said}}
    fidelity.lose("types of attributes, written as text", place)
    return {**base, "type": "textarea", "value": {"text": [json.dumps(said)]}}


def _values(
    annotation: Annotation, picture: LabelledPicture, track: bool, place: str, fidelity: Fidelity
) -> Iterator[dict[str, Any]]:
    shape = annotation.geometry or {}
    if annotation.type == "class":
        yield {"choices": [annotation.label]}
        return
    if annotation.type == "text":
        yield {"text": [shape["text"]]}
        return
    assert picture.width and picture.height and annotation.box is not None
    sx, sy = 100 / picture.width, 100 / picture.height
    if track:
        yield _sequence(annotation, sx, sy, place, fidelity)
    elif annotation.type == "box":
        yield {**_rectangle(annotation.box, sx, sy), "rotation": 0}
    elif annotation.type == "rotated_box":
        (x, y), (width, height), turn = shape["center"], shape["size"], shape["angle"]
        cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
        corner = x - width / 2 * cos + height / 2 * sin, y - width / 2 * sin - height / 2 * cos
        yield {**_rectangle((*corner, width, height), sx, sy), "rotation": turn}
    elif annotation.type == "polygon":
        for outline, *holes in shape["polygons"]:
            if holes:
                fidelity.lose("holes of polygons", place)
            pairs = zip(outline[::2], outline[1::2], strict=True)
            yield {"points": [[x * sx, y * sy] for x, y in pairs], "closed": True}
    elif annotation.type == "point":
        yield {"x": annotation.box[0] * sx, "y": annotation.box[1] * sy, "width": 0.5}
    elif annotation.type == "ellipse":
        (x, y), (rx, ry) = shape["center"], shape["radii"]
        yield {"x": x * sx, "y": y * sy, "radiusX": rx * sx, "radiusY": ry * sy, "rotation": shape["angle"]}
    else:
        yield {"format": "rle", "rle": runs.encode(masks.decode(shape))}


def _rectangle(box: tuple[float, ...], sx: float, sy: float) -> dict[str, float]:
    left, top, width, height = box
    return {"x": left * sx, "y": top * sy, "width": width * sx, "height": height * sy}


def _sequence(annotation: Annotation, sx: float, sy: float, place: str, fidelity: Fidelity) -> dict[str, Any]:
    """Keyframes of a track; one that is not seen ends the stretch at the frame before."""
    assert annotation.frames is not None and annotation.box is not None
    if any(keyframe.attributes or keyframe.label for keyframe in annotation.keyframes):
        fidelity.lose("labels and attributes of keyframes", place)
    sequence: list[dict[str, Any]] = []
    for at, keyframe in enumerate(annotation.keyframes):
        box = keyframe.box or annotation.box
        if keyframe.visible:
            sequence.append({"frame": keyframe.frame + 1, "enabled": True, **_rectangle(box, sx, sy)})
        elif sequence and annotation.keyframes[at - 1].visible:
            last = annotation.keyframes[at - 1]
            if keyframe.frame - 1 > last.frame:
                fidelity.lose("movements up to a keyframe that is not seen", place)
                place_then = _rectangle(last.box or annotation.box, sx, sy)
                sequence.append({"frame": keyframe.frame, "enabled": False, **place_then})
            else:
                sequence[-1]["enabled"] = False
    if not annotation.keyframes:
        sequence.append({"frame": annotation.frames[0] + 1, "enabled": True, **_rectangle(annotation.box, sx, sy)})
    if annotation.track is not None:
        fidelity.lose("names of tracks", place)
    return {"framesCount": annotation.frames[1] + 1, "sequence": sequence}
