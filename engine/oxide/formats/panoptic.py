"""COCO panoptic: a JSON file whose annotations have a PNG each, in a folder beside it with the file's name.

A pixel's colour is the id of its segment, red + 256 green + 65536 blue, 0 for none; ``segments_info`` says the
category of each. A segment is a mask here; what else is said of it (``iscrowd``, other keys) is kept. Categories have
``isthing`` and a colour. Segments do not overlap: where annotations do, the last one has the pixel.

Source: "Panoptic Segmentation" in the data format of the COCO API, and ``panopticapi/utils.py``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oxide.errors import InvalidInput, NotFound
from oxide.extras import import_extra
from oxide.formats import files
from oxide.formats.base import Labelled, Picture, wrong
from oxide.formats.json_text import document
from oxide.formats.pixels import pixels_of
from oxide.formats.unsaid import lose_labels, lose_parts, lose_picture, where
from oxide.labels import masks
from oxide.labels.annotation import Annotation
from oxide.labels.ontology import Label

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    from oxide.formats.base import Dataset, Fidelity, Find, LabelledPicture
    from oxide.labels.fitting import Size

NAME = "panoptic"
JSON = "panoptic.json"
_SEGMENT_KEYS = ("id", "category_id", "area", "bbox")


@dataclass
class Panoptic:
    """The format."""

    name: str = NAME
    needs_pictures: bool = False
    find: Find | None = None

    def read(self, source: Path) -> Iterator[Picture | Labelled | Label]:
        """A JSON file, or the one in a folder, with its PNG files.

        Raises:
            InvalidInput: a file is not of the format, or a PNG does not fit it.
            NotFound: there is no such file.
            MissingExtra: reading pictures needs the extra ``vision``.
        """
        import_extra("PIL", "vision")
        path = source / JSON if source.is_dir() else source
        if not path.is_file():
            raise NotFound(f"there is no '{path}'", hint="name the JSON file", path=str(path))
        record = _load(path)
        names: dict[Any, str] = {}
        for position, category in enumerate(record["categories"]):
            label = _label(path, position, category)
            names[category["id"]] = label.name
            yield label
        images: dict[Any, dict[str, Any]] = {}
        sizes: dict[Any, Size] = {}
        for number, image in enumerate(record["images"]):
            named = isinstance(image, dict) and isinstance(image.get("file_name"), str)
            if not named or not _is_id(image.get("id")):
                raise wrong(path, f"/images/{number}", "it has no id or no file_name")
            images[image["id"]] = image
            place = f"{path}, /images/{number}"
            yield Picture(image["id"], image["file_name"], place, image.get("width"), image.get("height"))
            known = self.find(image["file_name"]) if self.find is not None else None
            sizes[image["id"]] = known[1:] if known else (image.get("width"), image.get("height"))
        for number, annotation in enumerate(record["annotations"]):
            place = f"/annotations/{number}"
            if not isinstance(annotation, dict) or not _is_id(annotation.get("image_id")):
                raise wrong(path, place, "it is no annotation of an image")
            if annotation["image_id"] not in images:
                raise wrong(path, place, "it is of no image of the file")
            for segment, made in _segments(path, place, annotation, names, sizes[annotation["image_id"]]):
                yield Labelled(annotation["image_id"], made, f"{path}, {place}/segments_info/{segment}")

    def write(self, dataset: Dataset, target: Path, fidelity: Fidelity) -> None:
        """``panoptic.json`` and ``panoptic/`` with a PNG for each picture."""
        import_extra("PIL", "vision")
        files.made_folder(target, NAME)
        lose_labels(fidelity, dataset, ("color",), NAME)
        labels = list(dataset.ontology.labels.values())
        categories = {label.name: number for number, label in enumerate(labels, start=1)}
        images, annotations = [], []
        for number, picture in enumerate(files.shown(dataset), start=1):
            lose_picture(fidelity, picture)
            images.append({"id": number, "file_name": picture.path, "width": picture.width, "height": picture.height})
            name = f"{picture.path}.png"
            segments = _write(picture, target / "panoptic" / name, categories, fidelity)
            annotations.append({"image_id": number, "file_name": name, "segments_info": segments})
        told = [*map(_category, labels, categories.values())]
        record = {"images": images, "annotations": annotations, "categories": told}
        with (target / JSON).open("x", encoding="utf-8", newline="\n") as stream:
            json.dump(record, stream, ensure_ascii=False)

    def picture_path(self, picture: LabelledPicture) -> str:
        """Where a picture goes."""
        return f"images/{picture.path}"


def format() -> Panoptic:
    """The format."""
    return Panoptic()


# -- reading -----------------------------------------------------------------------------------------------------------
def _load(path: Path) -> dict[str, Any]:
    record = document(path)
    lists = ("images", "annotations", "categories")
    if not isinstance(record, dict) or not all(isinstance(record.get(name), list) for name in lists):
        raise wrong(path, "at its start", f"it has not all of {', '.join(lists)}")
    return record


def _label(path: Path, position: int, category: Any) -> Label:
    if not isinstance(category, dict) or not _is_id(category.get("id")) or not isinstance(category.get("name"), str):
        raise wrong(path, f"/categories/{position}", "it has no id or no name")
    color = category.get("color")
    if color is not None and not _is_color(color):
        raise wrong(path, f"/categories/{position}/color", "it is no list of three numbers up to 255")
    told = {name: value for name, value in category.items() if name not in ("id", "name", "color", "supercategory")}
    return Label(
        category["name"],
        color="#{:02x}{:02x}{:02x}".format(*color) if color is not None else None,
        position=position,
        foreign={NAME: told} if told else {},
    )


def _segments(
    path: Path, place: str, annotation: dict[str, Any], names: dict[Any, str], size: Size
) -> Iterator[tuple[int, Annotation]]:
    name, segments = annotation.get("file_name"), annotation.get("segments_info") or []
    if not isinstance(name, str) or not name:
        raise wrong(path, f"{place}/file_name", "it does not name its picture")
    if not isinstance(segments, list):
        raise wrong(path, f"{place}/segments_info", "they are no list")
    file = path.with_suffix("") / name
    ids = _ids(file, size)
    for number, segment in enumerate(segments):
        at = f"{place}/segments_info/{number}"
        if not isinstance(segment, dict) or type(segment.get("id")) is not int:
            raise wrong(path, at, "it is no segment with a number")
        if not _is_id(segment.get("category_id")) or segment["category_id"] not in names:
            raise wrong(path, at, "it is of no category of the file")
        pixels = ids == segment.get("id")
        if not pixels.any():
            raise wrong(path, at, f"'{file}' has no pixel of the segment {segment.get('id')}")
        kept = {name: value for name, value in segment.items() if name not in _SEGMENT_KEYS and value != 0}
        yield (
            number,
            Annotation(
                "mask",
                names[segment["category_id"]],
                geometry=masks.encode(pixels),
                source="import",
                foreign={NAME: kept} if kept else {},
            ),
        )


def _is_id(value: Any) -> bool:
    return isinstance(value, (int, str)) and not isinstance(value, bool)


def _is_color(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(type(part) is int and 0 <= part < 256 for part in value)


def _ids(file: Path, size: Size) -> NDArray[numpy.int64]:
    import numpy
    from PIL import Image

    try:
        with files.open_picture(file) as picture:
            files.check_size(file, picture.size, size)
            colors = numpy.asarray(picture.convert("RGB")).astype(numpy.int64)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidInput(f"'{file}' cannot be read: {error}", hint="nothing was imported", path=str(file)) from error
    ids: NDArray[numpy.int64] = colors @ numpy.array([1, 256, 65536])
    return ids


# -- writing -----------------------------------------------------------------------------------------------------------
def _category(label: Label, number: int) -> dict[str, Any]:
    color = [int(label.color[at : at + 2], 16) for at in (1, 3, 5)] if label.color else None
    kept = label.foreign.get(NAME, {})
    return {"id": number, "name": label.name, "isthing": 1, **kept, **({"color": color} if color else {})}


def _write(
    picture: LabelledPicture, path: Path, categories: dict[str, int], fidelity: Fidelity
) -> list[dict[str, Any]]:
    import numpy
    from PIL import Image

    if not picture.width or not picture.height:
        for annotation in picture.annotations:
            fidelity.leave_out("annotations of pictures of unknown size, left out", where(picture, annotation))
        return []
    ids = numpy.zeros((picture.height, picture.width), numpy.uint32)
    written: dict[int, Annotation] = {}
    for annotation in picture.annotations:
        place = where(picture, annotation)
        pixels = pixels_of(annotation, picture.width, picture.height)
        if annotation.label not in categories:
            fidelity.leave_out("annotations without a label, left out", place)
        elif pixels is None or not pixels.any():
            fidelity.leave_out(f"annotations of the type {annotation.type}, left out", place)
        else:
            if annotation.type == "polygon":
                fidelity.lose("outlines of polygons, written as pixels", place)
            if (ids[pixels] != 0).any():
                fidelity.lose("pixels of other annotations below", place)
            lose_parts(fidelity, picture, annotation, own=NAME)
            written[len(written) + 1] = annotation
            ids[pixels] = len(written)
    segments = []
    for number, annotation in written.items():
        pixels = ids == number
        if not pixels.any():
            fidelity.leave_out("annotations that others cover, left out", where(picture, annotation))
            continue
        mask = masks.encode(pixels)
        segments.append(
            {
                "id": number,
                "category_id": categories[str(annotation.label)],
                "area": masks.area(mask),
                "bbox": [int(side) for side in masks.bounds(mask)],
                "iscrowd": 0,
                **annotation.foreign.get(NAME, {}),
            }
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    colors = numpy.stack([ids >> shift & 255 for shift in (0, 8, 16)], axis=2).astype(numpy.uint8)
    Image.fromarray(colors).save(path, "PNG")
    return segments
