"""Writing COCO: one file, of which no more than the ids is held in memory.

Texts about whole pictures are captions. COCO has those in files of their own, without categories, so they are written
where there is nothing else to say.
"""

from __future__ import annotations

import json
import math
import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oxide.formats.coco import NAME, TOLERANCE
from oxide.formats.files import shown
from oxide.formats.losses import lose_definition, lose_facts, lose_fields, lose_foreign
from oxide.labels import geometry, masks

if TYPE_CHECKING:
    from typing import IO

    from oxide.formats.base import Dataset, Fidelity, LabelledPicture
    from oxide.labels.annotation import Annotation
    from oxide.labels.ontology import Label, Ontology

    Element = dict[str, Any]

DEFAULT_NAME = "instances.json"
"""The file in a target that is a folder."""
ELLIPSE_POINTS = 64
_dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def write(dataset: Dataset, target: Path, fidelity: Fidelity) -> None:
    """Write a file. Images and annotations wait in files of their own until all ids are known."""
    target = target / DEFAULT_NAME if target.is_dir() else target
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", dir=target.parent) as images,
        tempfile.TemporaryFile("w+", encoding="utf-8", dir=target.parent) as annotations,
        tempfile.TemporaryFile("w+", encoding="utf-8", dir=target.parent) as captions,
    ):
        categories = _Categories(dataset.ontology, fidelity)
        image_ids, annotation_ids, caption_ids = _Ids(), _Ids(), _Ids()
        for number, picture in enumerate(shown(dataset)):
            known, image = _image(picture, fidelity)
            image_ids.note(known)
            images.write(f"{_dump(known)}\t{_dump(image)}\n")
            for annotation in picture.annotations:
                is_caption = _is_caption(annotation)
                element = _caption(annotation) if is_caption else _element(annotation, picture, categories, fidelity)
                if element is not None:
                    known = _kept(annotation).get("id")
                    (caption_ids if is_caption else annotation_ids).note(known)
                    waiting = captions if is_caption else annotations
                    waiting.write(f"{_dump(known)}\t{number}\t{_dump(element)}\n")
                if is_caption and annotation.description:
                    fidelity.lose("descriptions of annotations", f"{picture.path} {annotation.id}")
                if is_caption:
                    lose_fields(annotation, f"{picture.path} {annotation.id}", fidelity, keeps=NAME)
        alone = captions.tell() > 0 and annotations.tell() == 0
        if alone:
            annotations, annotation_ids = captions, caption_ids
            for label in dataset.ontology.labels:
                fidelity.lose("labels beside captions", label)
        elif captions.tell() > 0:
            _lose_captions(captions, fidelity)
        with target.open("w", encoding="utf-8") as out:
            out.write('{"info":' + _dump({"description": dataset.name}))
            if not alone:
                out.write(',\n"categories":[')
                _write_list(out, map(_dump, categories.elements()))
                out.write("]")
            out.write(',\n"images":[')
            numbered = array("q")
            _write_list(out, _images(images, image_ids, numbered, fidelity))
            out.write('],\n"annotations":[')
            _write_list(out, _annotations(annotations, annotation_ids, numbered, fidelity))
            out.write("]}\n")


def _is_caption(annotation: Annotation) -> bool:
    return annotation.type == "text" and annotation.label is None and annotation.box is None


def _caption(annotation: Annotation) -> Element:
    kept = {name: value for name, value in _kept(annotation).items() if name not in ("id", "said")}
    element: Element = {"caption": (annotation.geometry or {})["text"], **kept}
    if annotation.attributes:
        element["attributes"] = annotation.attributes
    if annotation.score is not None:
        element["score"] = annotation.score
    return {**element, "oxide_id": annotation.id}


def _lose_captions(waiting: IO[str], fidelity: Fidelity) -> None:
    waiting.seek(0)
    for line in waiting:
        said = json.loads(line.rstrip("\n").split("\t", 2)[2])
        fidelity.leave_out("captions beside other annotations (alone: --where annotations.type:text)", said["caption"])


def _write_list(out: IO[str], elements: Iterable[str]) -> None:
    separator = "\n"
    for element in elements:
        out.write(separator + element)
        separator = ",\n"


def _images(waiting: IO[str], given: _Ids, numbered: array[int], fidelity: Fidelity) -> Iterator[str]:
    waiting.seek(0)
    choose = given.chooser()
    for line in waiting:
        known, _, element = line.rstrip("\n").partition("\t")
        number, kept = choose(json.loads(known))
        if not kept:
            fidelity.lose("ids of images that others have too", known)
        numbered.append(number)
        yield f'{{"id":{number},{element[1:]}'


def _annotations(waiting: IO[str], given: _Ids, images: array[int], fidelity: Fidelity) -> Iterator[str]:
    waiting.seek(0)
    choose = given.chooser()
    for line in waiting:
        known, image, element = line.rstrip("\n").split("\t", 2)
        number, kept = choose(None if known == "null" else json.loads(known))
        if not kept:
            fidelity.lose("ids of annotations that others have too", known)
        yield f'{{"id":{number},"image_id":{images[int(image)]},{element[1:]}'


class _Ids:
    """Numbers that elements have had in COCO, in eight bytes each, and new ones for the others."""

    def __init__(self) -> None:
        self._given = array("q")

    def note(self, known: Any) -> None:
        """Note the number that an element had, if it had one."""
        if _is_number(known):
            self._given.append(known)

    def chooser(self) -> Callable[[Any], tuple[int, bool]]:
        """A function that gives the number of an element, and whether it is not another than it had."""
        import numpy

        values = numpy.sort(numpy.frombuffer(self._given, numpy.int64)) if self._given else numpy.empty(0, numpy.int64)
        shared = set(values[1:][values[1:] == values[:-1]].tolist())
        largest = int(values[-1]) if len(values) else 0
        new = count(max(largest, 0) + 1)
        used: set[int] = set()

        def choose(known: Any) -> tuple[int, bool]:
            if known is None:
                return next(new), True
            if not _is_number(known) or known in used:
                return next(new), False
            if known in shared:
                used.add(known)
            return known, True

        return choose


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(1 << 63) <= value < (1 << 63)


class _Categories:
    """Labels as categories. Those that only stand above others, and that nothing carries, are none."""

    def __init__(self, labels: Ontology, fidelity: Fidelity) -> None:
        self._labels = labels.labels
        self._fidelity = fidelity
        ids = _Ids()
        known = {name: label.foreign.get(NAME, {}) for name, label in self._labels.items()}
        for kept in known.values():
            ids.note(kept.get("id"))
        choose = ids.chooser()
        self._ids: dict[str, int] = {}
        for name, kept in known.items():
            self._ids[name], unchanged = choose(kept.get("id"))
            if not unchanged:
                fidelity.lose("ids of categories that others have too", name)
        self._above = {name for name, kept in known.items() if kept.get("above")}

    def id(self, label: str) -> int:
        """The number of a label."""
        self._above.discard(label)
        return self._ids[label]

    def elements(self) -> Iterator[Element]:
        """The categories in the order of their ids."""
        for name, number in sorted(self._ids.items(), key=lambda each: each[1]):
            if name not in self._above:
                yield self._element(number, self._labels[name])

    def _element(self, number: int, label: Label) -> Element:
        kept = {key: value for key, value in label.foreign.get(NAME, {}).items() if key not in ("id", "above")}
        element: Element = {"id": number, "name": label.name, **kept}
        if label.parent is not None:
            element["supercategory"] = label.parent
        if label.skeleton is not None:
            element["keypoints"] = label.skeleton.get("points", [])
            element["skeleton"] = [[a + 1, b + 1] for a, b in label.skeleton.get("edges", [])]
        lose_definition(label, self._fidelity, fields=("color", "attributes", "tools", "description"))
        lose_foreign(label.foreign, label.name, "labels", self._fidelity, keeps=NAME)
        return element


def _image(picture: LabelledPicture, fidelity: Fidelity) -> tuple[Any, Element]:
    kept = picture.metadata.get(NAME)
    kept = dict(kept) if isinstance(kept, dict) else {}
    known = kept.pop("id", None)
    width, height = picture.width or kept.pop("width", None), picture.height or kept.pop("height", None)
    if width is None or height is None:
        fidelity.lose("sizes of pictures, which are not known", picture.path)
    if set(picture.metadata) - {NAME}:
        fidelity.lose("metadata of files", picture.path)
    lose_facts(picture, fidelity)
    sizes = {name: value for name, value in (("width", width), ("height", height)) if value is not None}
    return known, {**kept, "file_name": picture.path, **sizes}


def _kept(annotation: Annotation) -> Element:
    kept = annotation.foreign.get(NAME)
    return kept if isinstance(kept, dict) else {}


def _element(
    annotation: Annotation, picture: LabelledPicture, categories: _Categories, fidelity: Fidelity
) -> Element | None:
    where = f"{picture.path} {annotation.id}"
    if annotation.label is None:
        fidelity.leave_out("annotations without a label", where)
        return None
    shape = _shape(annotation, where, fidelity)
    if shape is None:
        fidelity.leave_out(f"annotations of the type {annotation.type}", where)
        return None
    kept = {name: value for name, value in _kept(annotation).items() if name not in ("id", "said")}
    element: Element = {"category_id": categories.id(annotation.label), **shape, "iscrowd": 0, **kept}
    if annotation.box is not None:
        element["bbox"] = list(annotation.box)
    element["area"] = annotation.area
    _say_again(annotation, element)
    if element["iscrowd"] and annotation.type == "mask":
        element["segmentation"] = {**shape["segmentation"], "counts": masks.expand(shape["segmentation"]["counts"])}
    if annotation.attributes:
        element["attributes"] = annotation.attributes
    if annotation.score is not None:
        element["score"] = annotation.score
    element["oxide_id"] = annotation.id
    if annotation.description:
        fidelity.lose("descriptions of annotations", where)
    lose_fields(annotation, where, fidelity, keeps=NAME)
    return element


def _shape(annotation: Annotation, where: str, fidelity: Fidelity) -> Element | None:
    """What COCO says of a shape; ``None`` where it cannot say it."""
    kind, shape = annotation.type, annotation.geometry or {}
    if kind == "box":
        return {"segmentation": []}
    if kind == "polygon":
        if any(len(part) > 1 for part in shape["polygons"]):
            fidelity.lose("holes of polygons", where)
        return {"segmentation": [part[0] for part in shape["polygons"]]}
    if kind == "mask":
        counts = shape["counts"]
        return {
            "segmentation": {
                "size": shape["size"],
                "counts": counts if isinstance(counts, str) else masks.compress(counts),
            }
        }
    if kind == "keypoints":
        seen = sum(visibility > 0 for visibility in shape["points"][2::3])
        return {"segmentation": [], "keypoints": shape["points"], "num_keypoints": seen}
    if kind == "rotated_box":
        fidelity.lose("rotated boxes, written as polygons", where)
        return {"segmentation": [_flat(geometry.rotated_corners(shape))]}
    if kind == "ellipse":
        fidelity.lose("ellipses, written as polygons", where)
        return {"segmentation": [_flat(_ellipse_points(shape))]}
    return None


def _flat(points: Iterable[tuple[float, float]]) -> list[float]:
    return [number for point in points for number in point]


def _ellipse_points(shape: Element) -> Iterator[tuple[float, float]]:
    (x, y), (rx, ry), turn = shape["center"], shape["radii"], math.radians(shape.get("angle", 0))
    for step in range(ELLIPSE_POINTS):
        at = 2 * math.pi * step / ELLIPSE_POINTS
        dx, dy = rx * math.cos(at), ry * math.sin(at)
        yield x + dx * math.cos(turn) - dy * math.sin(turn), y + dx * math.sin(turn) + dy * math.cos(turn)


def _say_again(annotation: Annotation, element: Element) -> None:
    """The box and the area that the annotation came with, unless its shape was changed since."""
    said = _kept(annotation).get("said")
    if not isinstance(said, dict):
        return
    of, measured = said.get("of"), said.get("measured", 0.0)
    same_box = of == list(annotation.box or ())
    if same_box and abs(measured - annotation.area) <= TOLERANCE * max(1.0, measured):
        element.update({name: said[name] for name in ("area", "bbox") if name in said})
