"""Writing Dataloop's JSON."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from oxide.formats import files
from oxide.formats.dataloop import NAME
from oxide.formats.dataloop.coordinates import TYPES, write_shape
from oxide.formats.unsaid import lose_labels, lose_parts, where
from oxide.labels.annotation import Annotation
from oxide.labels.geometry import checked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from oxide.formats.base import Dataset, Fidelity, LabelledPicture
    from oxide.labels.ontology import Ontology

    Lose = Callable[[str], None]

Object = dict[str, Any]
_KEPT = frozenset(field.name for field in fields(Annotation)) - {"run_id"}
_SOURCES = {"human": "ui", "import": "sdk", "model": "sdk"}
_OWN = ("system", "user", "model", "attributes", "id", "points", "coordinates", "type", "note", "angle")


def write(dataset: Dataset, target: Path, fidelity: Fidelity) -> None:
    """See :meth:`oxide.formats.dataloop.Dataloop.write`."""
    lose_labels(fidelity, dataset)
    target.mkdir(parents=True, exist_ok=True)
    for picture in dataset.pictures():
        item = _item(picture, dataset.ontology, fidelity)
        path = target / f"{files.without_ending(picture.path)}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():  # another picture of the same name with another ending
            path = target / f"{picture.path}.json"
        with path.open("x", encoding="utf-8", newline="\n") as stream:
            json.dump(item, stream, ensure_ascii=False, allow_nan=False, indent=1)
            stream.write("\n")


def _item(picture: LabelledPicture, ontology: Ontology, fidelity: Fidelity) -> Object:
    folder, _, name = picture.path.rpartition("/")
    identity = picture.source_id or picture.item_id
    annotations = [
        entry
        for annotation in picture.annotations
        for entry in _annotations(picture, annotation, identity, ontology, fidelity)
    ]
    return {
        "id": identity,
        "name": name,
        "filename": f"/{picture.path}",
        "dir": f"/{folder}",
        "type": "file",
        "hidden": bool(picture.hidden),
        "annotated": bool(annotations),
        "annotationsCount": len(annotations),
        "creator": picture.creator,
        "createdAt": _spoken(picture.created),
        "metadata": _metadata(picture),
        "annotations": annotations,
    }


def _metadata(picture: LabelledPicture) -> Object:
    """``user`` and ``system``; the frame rate of a video stands beside them."""
    given = dict(picture.metadata)
    system = given.pop("system", None)
    facts = {"size": picture.size, "width": picture.width, "height": picture.height}
    known = {name: value for name, value in facts.items() if value is not None}
    found: Object = {"system": {**system, **known} if isinstance(system, dict) else known}
    rate = given.get("fps", picture.facts.get("fps"))
    if isinstance(rate, (int, float)) and not isinstance(rate, bool):
        found["fps"] = rate
        given.pop("fps", None)
    return {**found, "user": given}


def _spoken(moment: datetime | None) -> str | None:
    """A time as the platform writes it: UTC, milliseconds unless there are finer ones."""
    if moment is None:
        return None
    exact = moment.microsecond % 1000
    text = moment.astimezone(UTC).isoformat(timespec="microseconds" if exact else "milliseconds")
    return text.replace("+00:00", "Z")


def _annotations(
    picture: LabelledPicture, annotation: Annotation, item: str, ontology: Ontology, fidelity: Fidelity
) -> Iterator[Object]:
    """An annotation, and after a pose its points."""
    place = where(picture, annotation)
    lose_parts(fidelity, picture, annotation, _KEPT, own=NAME)

    def lose(what: str) -> None:
        fidelity.lose(what, place)

    kept: Object = annotation.foreign.get(NAME, {})
    label = ontology.labels.get(annotation.label or "")
    color = label.color if label else None
    at_first = _at_first(annotation, lose)
    others = {name: value for name, value in kept.items() if name not in _OWN}
    yield {
        "source": _SOURCES[annotation.source],
        **others,
        "id": kept.get("id") or annotation.id,
        "itemId": item,
        "type": _type(annotation, kept),
        "label": annotation.label,
        **_coordinates(at_first, kept, color, lose),
        "attributes": _listed(annotation, kept),
        "metadata": {"system": _system(picture, annotation, kept, color, lose), "user": _user(annotation, kept)},
        "creator": annotation.author,
        "createdAt": _spoken(annotation.created),
        "updatedBy": annotation.updated_by,
        "updatedAt": _spoken(annotation.updated),
        **({"description": annotation.description} if annotation.description is not None else {}),
    }
    if annotation.type == "keypoints":
        yield from _points(annotation, item, kept, lose)


def _at_first(annotation: Annotation, lose: Lose) -> Annotation:
    """The annotation with the shape of its first key frame, which the platform has no other place for."""
    if not annotation.keyframes or annotation.frames is None:
        return annotation
    first = annotation.keyframes[0]
    if first.frame != annotation.frames[0] or (first.box is None and first.geometry is None):
        return annotation
    if first.geometry != annotation.geometry or (annotation.geometry is None and first.box != annotation.box):
        lose("shapes of tracks besides their key frames")
    return replace(annotation, box=first.box, geometry=first.geometry)


def _type(annotation: Annotation, kept: Object) -> str:
    if annotation.type == "note" and "type" in kept:
        return str(kept["type"])
    if annotation.type == "cuboid" and "corners" not in (annotation.geometry or {}):
        return "cube_3d"
    return TYPES[annotation.type]


def _coordinates(annotation: Annotation, kept: Object, color: str | None, lose: Lose) -> Object:
    if annotation.type == "class":
        return {}
    if annotation.type == "keypoints" or "type" in kept:
        return {"coordinates": kept.get("coordinates") or {}}
    found = write_shape(annotation.type, annotation.box, annotation.geometry, color, lose)
    if annotation.type == "note":
        found["note"].update(kept.get("note", {}))
    elif annotation.type == "cuboid" and "angle" in kept:
        found["angle"] = kept["angle"]
    return {"coordinates": found}


def _listed(annotation: Annotation, kept: Object) -> list[str]:
    """Attributes of the first version: those that came as such and still are true."""
    return [name for name in kept.get("attributes", []) if annotation.attributes.get(name) is True]


def _system(picture: LabelledPicture, annotation: Annotation, kept: Object, color: str | None, lose: Lose) -> Object:
    found: Object = dict(kept.get("system", {}))
    if annotation.source == "model":
        found["automated"] = True
    listed = _listed(annotation, kept)
    valued = {name: value for name, value in annotation.attributes.items() if name not in listed}
    if valued:
        found["attributes"] = valued
    if annotation.type == "subtitle" and annotation.geometry:
        found |= {"startTime": annotation.geometry["start"], "endTime": annotation.geometry["end"]}
    if annotation.track is not None:
        found["objectId"] = annotation.track
    if annotation.frames is not None:
        first, last = annotation.frames
        found |= {"frame": first, "endFrame": last}
        rate = picture.facts.get("fps")
        if rate and annotation.type != "subtitle":
            found |= {"startTime": first / rate, "endTime": last / rate}
        found["snapshots_"] = _snapshots(annotation, first, color, lose)
    elif annotation.keyframes:
        lose("key frames of annotations without frames")
    return found


def _snapshots(annotation: Annotation, first: int, color: str | None, lose: Lose) -> list[Object]:
    found = []
    attributes = annotation.attributes
    for keyframe in annotation.keyframes:
        if keyframe.attributes == {} and attributes:
            lose("that a key frame has no attributes")
        attributes = keyframe.attributes if keyframe.attributes is not None else attributes
        if keyframe.frame == first:
            if keyframe.attributes not in (None, annotation.attributes) or not keyframe.visible or keyframe.label:
                lose("attributes, label or visibility of the first key frame")
            continue
        shaped = keyframe.box is not None or keyframe.geometry is not None
        if annotation.type == "keypoints" and shaped:
            lose("key frames of keypoints")
            shaped = False
        data = write_shape(annotation.type, keyframe.box, keyframe.geometry, color, lose) if shaped else None
        found.append(
            {
                "frame": keyframe.frame,
                "fixed": True,
                "type": _type(annotation, {}),
                "label": keyframe.label or annotation.label,
                "objectVisible": keyframe.visible,
                "namedAttributes": attributes,
                "data": data,
            }
        )
    return found


def _user(annotation: Annotation, kept: Object) -> Object:
    found: Object = dict(kept.get("user", {}))
    if annotation.model is not None or annotation.score is not None or kept.get("model"):
        found["model"] = {"name": annotation.model, **kept.get("model", {}), "confidence": annotation.score}
    return found


def _points(annotation: Annotation, item: str, kept: Object, lose: Lose) -> Iterator[Object]:
    geometry: Object = annotation.geometry or {}
    around = checked("keypoints", None, geometry)
    if annotation.box is not None and annotation.box != around:
        lose("boxes drawn around keypoints")
    flat = geometry["points"]
    names = kept.get("points", [])
    for number, (x, y, visibility) in enumerate(zip(flat[::3], flat[1::3], flat[2::3], strict=True)):
        user = {} if visibility == 2 else {"visibility": visibility}
        yield {
            "id": None,
            "itemId": item,
            "type": "point",
            "label": names[number] if number < len(names) else str(number),
            "coordinates": {"x": x, "y": y, "z": 0},
            "metadata": {"system": {"parentId": kept.get("id") or annotation.id}, "user": user},
        }
