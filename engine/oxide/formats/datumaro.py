"""Datumaro: ``annotations/<subset>.json`` with items, and pictures below ``images/``.

``categories`` has the labels with the names of those above them and of their attributes, and by ``points`` the names
and joints of skeletons. An annotation has a ``type``: ``label`` (about the whole item), ``bbox``, ``rotated_bbox``
(center, size, clockwise radians), ``polygon``, ``polyline``, ``points`` (a skeleton), ``ellipse`` (its box), ``mask``
(run lengths as COCO has them), ``caption``. ``label_id`` counts the labels from 0. Parts of a polygon and lines of a
polyline have one ``group`` besides label and type in common; a hole has no place in the format. The subset of an item
is its metadata ``split``; ``default`` is none. Images are at ``images/<subset>/<id>`` or ``images/<id>``.

Source: Datumaro 1.10, ``datumaro/plugins/data_formats/datumaro/exporter.py`` and ``base.py``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oxide.errors import InvalidInput, NotFound
from oxide.formats import files
from oxide.formats.base import Labelled, Picture, wrong
from oxide.formats.json_text import document
from oxide.formats.unsaid import lose_labels, lose_parts, lose_picture, where
from oxide.labels.annotation import Annotation
from oxide.labels.ontology import Label

if TYPE_CHECKING:
    from oxide.formats.base import Dataset, Fidelity, LabelledPicture

NAME = "datumaro"
SPLIT = "split"
DEFAULT = "default"
_PARTED = {"polygon": "polygons", "polyline": "lines"}
_TYPES = {
    "class": "label",
    "box": "bbox",
    "rotated_box": "rotated_bbox",
    "polygon": "polygon",
    "polyline": "polyline",
    "point": "points",
    "keypoints": "points",
    "ellipse": "ellipse",
    "mask": "mask",
    "text": "caption",
}


@dataclass
class Datumaro:
    """The format."""

    name: str = NAME
    needs_pictures: bool = False
    _subsets: dict[str, str] = field(default_factory=dict)

    def read(self, source: Path) -> Iterator[Picture | Labelled | Label]:
        """Every subset of a folder, or a single JSON file.

        Raises:
            InvalidInput: a file is not of the format.
            NotFound: there is no such file or folder.
        """
        if source.is_file():
            found = [source]
        elif source.is_dir():
            found = sorted((source / "annotations").glob("*.json"))
        else:
            raise NotFound(f"there is no '{source}'", hint="name the folder of annotations/", path=str(source))
        if not found:
            raise InvalidInput(f"there is no annotations/*.json in '{source}'", hint="name the folder above it")
        defined: set[str] = set()
        for path in found:
            record = _load(path)
            names = _labels(path, record)
            for label in names:
                if label.name not in defined:
                    defined.add(label.name)
                    yield replace(label, position=len(defined) - 1)
            yield from _read_items(path, record["items"], [label.name for label in names])

    def write(self, dataset: Dataset, target: Path, fidelity: Fidelity) -> None:
        """A file a subset."""
        files.made_folder(target, NAME)
        lose_labels(fidelity, dataset, ("parent", "attributes", "skeleton"), NAME)
        labels = list(dataset.ontology.labels.values())
        numbers = {label.name: number for number, label in enumerate(labels)}
        for label in labels:
            if label.attributes:
                fidelity.lose("types and values of attributes, of which the names are kept", label.name)
        subsets: dict[str, list[dict[str, Any]]] = {}
        for picture in files.shown(dataset):
            subset = _subset(picture)
            self._subsets[picture.path] = subset
            subsets.setdefault(subset, []).append(_item(picture, numbers, fidelity))
        (target / "annotations").mkdir()
        for subset, items in subsets.items() or {DEFAULT: []}.items():
            record = {"dm_format_version": "1.0", "infos": {}, "categories": _categories(labels), "items": items}
            with (target / "annotations" / f"{subset}.json").open("x", encoding="utf-8", newline="\n") as stream:
                json.dump(record, stream, ensure_ascii=False)

    def picture_path(self, picture: LabelledPicture) -> str:
        """Where a picture goes."""
        return f"images/{self._subsets.get(picture.path, DEFAULT)}/{picture.path}"


def format() -> Datumaro:
    """The format."""
    return Datumaro()


# -- reading -----------------------------------------------------------------------------------------------------------
def _load(path: Path) -> dict[str, Any]:
    record = document(path)
    if not isinstance(record, dict) or not isinstance(record.get("items"), list):
        raise wrong(path, "/items", "there are no items in it")
    return record


def _labels(path: Path, record: dict[str, Any]) -> list[Label]:
    try:
        categories = record.get("categories") or {}
        told = (categories.get("label") or {}).get("labels") or []
        skeletons = {}
        for each in (categories.get("points") or {}).get("items") or []:
            joints = [[first - 1, second - 1] for first, second in each.get("joints") or []]
            skeletons[each["label_id"]] = {"points": [str(name) for name in each["labels"]], "edges": joints}
        return [
            Label(
                str(each["name"]),
                parent=str(each.get("parent") or "") or None,
                skeleton=skeletons.get(number),
                foreign={NAME: {"attributes": each["attributes"]}} if each.get("attributes") else {},
            )
            for number, each in enumerate(told)
        ]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise wrong(path, "/categories", f"they are not as Datumaro writes them: {error!r}") from error


def _read_items(path: Path, items: list[Any], names: list[str]) -> Iterator[Picture | Labelled]:
    subset = path.stem
    for number, item in enumerate(items):
        place = f"{path}, /items/{number}"
        if not isinstance(item, dict) or not isinstance(item.get("id"), str):
            raise wrong(path, f"/items/{number}", "the item has no id")
        image = item.get("image") or item.get("media") or {}
        named = image.get("path") if isinstance(image, dict) else None
        size = image.get("size") if isinstance(image, dict) else None
        height, width = size if isinstance(size, list) and len(size) == 2 else (None, None)
        metadata: dict[str, Any] = {SPLIT: subset} if subset != DEFAULT else {}
        if item.get("attr"):
            metadata[NAME] = item["attr"]
        if not isinstance(named or "", str):
            raise wrong(path, f"/items/{number}/image/path", "it is no path")
        if not isinstance(item.get("annotations") or [], list):
            raise wrong(path, f"/items/{number}/annotations", "they are no list")
        key = f"{subset}/{item['id']}"
        yield Picture(key, named or item["id"], place, width, height, metadata=metadata)
        for at, annotation in _joined(path, number, item.get("annotations") or [], names):
            yield Labelled(key, annotation, f"{place}/annotations/{at}")


def _joined(path: Path, number: int, annotations: list[Any], names: list[str]) -> Iterator[tuple[int, Annotation]]:
    """The annotations of an item; parts of one polygon or polyline are one."""
    groups: dict[tuple[Any, ...], tuple[int, Annotation]] = {}
    for at, record in enumerate(annotations):
        place = f"/items/{number}/annotations/{at}"
        try:
            made = _annotation(record, names)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise wrong(path, place, f"it is not as Datumaro writes it: {error!r}") from error
        group = record.get("group") or 0
        if not isinstance(group, int):
            raise wrong(path, f"{place}/group", "it is no number of a group")
        key = (made.type, made.label, group) if group and made.type in _PARTED else (at,)
        if key in groups:
            first, before = groups[key]
            name = _PARTED[made.type]
            parts = [*(before.geometry or {})[name], *(made.geometry or {})[name]]
            groups[key] = first, replace(before, geometry={name: parts})
        else:
            groups[key] = at, made
    yield from groups.values()


def _annotation(record: dict[str, Any], names: list[str]) -> Annotation:
    kind, number = record["type"], record.get("label_id")
    attributes = dict(record.get("attributes") or {})
    score = attributes.pop("score", None)
    kept = {name: record[name] for name in ("group", "z_order") if record.get(name)}
    made = Annotation(
        "class",
        None if number is None or number < 0 else names[number],
        attributes=attributes,
        score=float(score) if isinstance(score, (int, float)) and 0 <= score <= 1 else None,
        source="model" if score is not None else "import",
        foreign={NAME: kept} if kept else {},
    )
    if kind == "label":
        return made
    if kind == "bbox":
        left, top, width, height = map(float, record["bbox"])
        return replace(made, type="box", box=(left, top, width, height))
    if kind == "rotated_bbox":
        x, y, width, height, turn = map(float, record["rbbox"])
        return replace(
            made, type="rotated_box", geometry={"center": [x, y], "size": [width, height], "angle": math.degrees(turn)}
        )
    if kind in _PARTED:
        flat = [float(each) for each in record["points"]]
        return replace(made, type=kind, geometry={_PARTED[kind]: [[flat] if kind == "polygon" else flat]})
    if kind == "points":
        return _points(made, [float(each) for each in record["points"]], record.get("visibility"))
    if kind == "ellipse":
        x1, y1, x2, y2 = map(float, record["points"])
        radii = [abs(x2 - x1) / 2, abs(y2 - y1) / 2]
        return replace(
            made, type="ellipse", geometry={"center": [(x1 + x2) / 2, (y1 + y2) / 2], "radii": radii, "angle": 0}
        )
    if kind == "mask":
        height, width = record["rle"]["size"]
        return replace(made, type="mask", geometry={"size": [height, width], "counts": record["rle"]["counts"]})
    if kind == "caption":
        return replace(made, type="text", geometry={"text": str(record["caption"])})
    raise ValueError(f"annotations of the type '{kind}' are not known")


def _points(made: Annotation, flat: list[float], visibility: list[int] | None) -> Annotation:
    """A single point without a say of whether it is seen is one; others are keypoints."""
    if len(flat) == 2 and visibility is None:
        return replace(made, type="point", box=(flat[0], flat[1], 0.0, 0.0))
    seen = visibility if visibility is not None else [2] * (len(flat) // 2)
    points = [number for x, y, v in zip(flat[::2], flat[1::2], seen, strict=True) for number in (x, y, int(v))]
    return replace(made, type="keypoints", geometry={"points": points})


# -- writing -----------------------------------------------------------------------------------------------------------
def _subset(picture: LabelledPicture) -> str:
    split = picture.metadata.get(SPLIT)
    return split if isinstance(split, str) and split and "/" not in split and not split.startswith(".") else DEFAULT


def _categories(labels: list[Label]) -> dict[str, Any]:
    told = [
        {
            "name": label.name,
            "parent": label.parent or "",
            "attributes": sorted({*label.attributes, *label.foreign.get(NAME, {}).get("attributes", ())}),
        }
        for label in labels
    ]
    skeletons = [
        {
            "label_id": number,
            "labels": list(label.skeleton["points"]),
            "joints": [[first + 1, second + 1] for first, second in label.skeleton.get("edges", ())],
        }
        for number, label in enumerate(labels)
        if label.skeleton
    ]
    return {"label": {"labels": told, "attributes": []}, **({"points": {"items": skeletons}} if skeletons else {})}


def _item(picture: LabelledPicture, numbers: dict[str, int], fidelity: Fidelity) -> dict[str, Any]:
    attributes = picture.metadata.get(NAME)
    kept = [*([SPLIT] if _subset(picture) != DEFAULT else []), *([NAME] if isinstance(attributes, dict) else [])]
    lose_picture(fidelity, picture, kept)
    records: list[dict[str, Any]] = []
    groups = [each.foreign.get(NAME, {}).get("group") for each in picture.annotations]
    free = max((group for group in groups if isinstance(group, int)), default=0) + 1
    for annotation in picture.annotations:
        place = where(picture, annotation)
        if annotation.type not in _TYPES:
            fidelity.leave_out(f"annotations of the type {annotation.type}, left out", place)
            continue
        kept_fields = ("score", "source") if annotation.source == "model" and annotation.score is not None else ()
        lose_parts(fidelity, picture, annotation, (*kept_fields, "attributes"), own=NAME)
        told = annotation.foreign.get(NAME, {})
        shapes = list(_shapes(annotation, place, fidelity))
        group = told.get("group", 0)
        if len(shapes) > 1 and not group:
            group, free = free, free + 1
        score = {"score": annotation.score} if kept_fields else {}
        for shape in shapes:
            records.append(
                {
                    "id": len(records),
                    "type": _TYPES[annotation.type],
                    "attributes": {**annotation.attributes, **score},
                    "group": group,
                    "label_id": numbers.get(annotation.label) if annotation.label is not None else None,
                    "z_order": told.get("z_order", 0),
                    **shape,
                }
            )
    image = {"path": picture.path, **({"size": [picture.height, picture.width]} if picture.width else {})}
    return {
        "id": files.without_ending(picture.path),
        "annotations": records,
        "attr": attributes if isinstance(attributes, dict) else {},
        "image": image,
    }


def _shapes(annotation: Annotation, place: str, fidelity: Fidelity) -> Iterator[dict[str, Any]]:
    """What says the shape, for each part of it."""
    shape = annotation.geometry or {}
    if annotation.type == "box":
        yield {"bbox": list(annotation.box or ())}
    elif annotation.type == "rotated_box":
        yield {"rbbox": [*shape["center"], *shape["size"], math.radians(shape["angle"])]}
    elif annotation.type == "polygon":
        for outline, *holes in shape["polygons"]:
            if holes:
                fidelity.lose("holes of polygons", place)
            yield {"points": list(outline)}
    elif annotation.type == "polyline":
        yield from ({"points": list(line)} for line in shape["lines"])
    elif annotation.type == "point":
        yield {"points": list((annotation.box or ())[:2])}
    elif annotation.type == "keypoints":
        points = shape["points"]
        flat = [number for at in range(0, len(points), 3) for number in points[at : at + 2]]
        yield {"points": flat, "visibility": points[2::3]}
    elif annotation.type == "ellipse":
        if shape["angle"] % 180 and shape["radii"][0] != shape["radii"][1]:
            fidelity.lose("angles of ellipses", place)
        (x, y), (rx, ry) = shape["center"], shape["radii"]
        yield {"points": [x - rx, y - ry, x + rx, y + ry]}
    elif annotation.type == "mask":
        yield {"rle": {"counts": shape["counts"], "size": list(shape["size"])}}
    elif annotation.type == "text":
        if annotation.box is not None:
            fidelity.lose("places of texts", place)
        yield {"caption": shape["text"]}
    else:
        yield {}
