"""COCO: one JSON file with images, annotations and categories (instances, keypoints, captions).

Source of the format: https://cocodataset.org/#format-data. Boxes are left, top, width, height; outlines are lists of
``x, y, x, y, ...``, one a part; masks are run lengths, plain or compressed. ``score``, ``attributes`` (as other tools
write them) and ``oxide_id`` are keys of annotations beyond that. What else an annotation, a category or an image has is
kept under ``coco``, in ``foreign`` of annotations and labels and in the metadata of files, and written back.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import sub
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oxide.errors import InvalidInput
from oxide.formats.base import Labelled, Picture, wrong
from oxide.formats.json_text import last_list, members
from oxide.labels import geometry, masks
from oxide.labels.annotation import Annotation
from oxide.labels.ids import is_id
from oxide.labels.ontology import Label

if TYPE_CHECKING:
    from oxide.formats.base import Dataset, Fidelity

    Element = dict[str, Any]

NAME = "coco"
LISTS = ("images", "categories", "annotations")
TOLERANCE = 1e-6
"""Pixels by which a box or an area may differ from that of the outline and still be the same."""

_ANNOTATION_KEYS = frozenset(
    ("image_id", "category_id", "bbox", "segmentation", "keypoints", "num_keypoints", "score", "attributes", "oxide_id")
)
_NUMBERS = frozenset((int, float))
_CATEGORY_KEYS = frozenset(("name", "supercategory", "keypoints", "skeleton"))


def format() -> Coco:
    """The format."""
    return Coco()


class Coco:
    """COCO's annotation files."""

    name = NAME

    def read(self, source: Path) -> Iterator[Picture | Labelled | Label]:
        """Images and categories, then annotations: read twice where annotations come before one of these, but for the
        usual place of the categories at the end.
        """
        reader = _Reader(source)
        met: set[str] = set()
        postponed = False
        for index, element in enumerate(last_list(source, "categories")):
            met.add("categories")
            yield from reader.labels(_object_at(source, element, f"/categories/{index}"), f"/categories/{index}")
        ahead = bool(met)
        for name, index, element in members(source, LISTS):
            met.add(name)
            place = f"/{name}/{index}"
            _object_at(source, element, place)
            if name == "images":
                yield reader.picture(element, place)
            elif name == "categories":
                if not ahead:
                    yield from reader.labels(element, place)
            elif postponed or not {"images", "categories"} <= met:
                postponed = True
            else:
                yield reader.labelled(element, place)
        if not met:
            raise wrong(source, "the file", "it has neither images nor annotations", hint="is it of another format?")
        if postponed:
            for name, index, element in members(source, ("annotations",)):
                yield reader.labelled(element, f"/{name}/{index}")

    def write(self, dataset: Dataset, target: Path, fidelity: Fidelity) -> None:
        """One file."""
        from oxide.formats.coco_writing import write

        write(dataset, target, fidelity)


class _Reader:
    """What is known of a file while it is read."""

    def __init__(self, source: Path) -> None:
        self.source = source
        self.categories: dict[Any, str] = {}
        self.names: set[str] = set()

    def _key(self, element: Element, name: str, place: str) -> Any:
        """A number or a text by which other elements name this one."""
        key = element.get(name)
        if isinstance(key, bool) or not isinstance(key, (int, str)):
            raise wrong(self.source, f"{place}/{name}", "a number or a text belongs here")
        return key

    def picture(self, element: Element, place: str) -> Picture:
        key = self._key(element, "id", place)
        path = element.get("file_name")
        if not isinstance(path, str) or not path:
            raise wrong(self.source, f"{place}/file_name", "the name of a file belongs here")
        for side in ("width", "height"):
            if not _is_size(element.get(side)):
                raise wrong(self.source, f"{place}/{side}", "a number of pixels belongs here")
        kept = {name: value for name, value in element.items() if name != "file_name"}
        return Picture(key, path, place, element.get("width"), element.get("height"), metadata={NAME: kept})

    def labels(self, element: Element, place: str) -> Iterator[Label]:
        """A category, and the one above it."""
        key = self._key(element, "id", place)
        name = element.get("name")
        if not isinstance(name, str) or not name:
            raise wrong(self.source, f"{place}/name", "the name of a category belongs here")
        if key in self.categories:
            raise wrong(self.source, f"{place}/id", f"the category {key!r} is there already")
        if name in self.categories.values():
            raise wrong(self.source, f"{place}/name", f"the name '{name}' is that of another category")
        self.categories[key] = name
        above = element.get("supercategory")
        parent = above if isinstance(above, str) and above and above != name else None
        kept = {other: value for other, value in element.items() if other not in _CATEGORY_KEYS}
        if above is not None and parent is None:
            kept["supercategory"] = above
        if parent is not None and parent not in self.names:
            yield Label(parent, position=len(self.names), foreign={NAME: {"above": True}})
            self.names.add(parent)
        position = len(self.names)
        self.names.add(name)
        skeleton = self._skeleton(element, place)
        yield Label(name, parent=parent, position=position, skeleton=skeleton, foreign={NAME: kept})

    def _skeleton(self, element: Element, place: str) -> dict[str, Any] | None:
        points, edges = element.get("keypoints"), element.get("skeleton", [])
        if not points:
            return None
        try:
            # COCO counts from 1.
            return {"points": list(map(str, points)), "edges": [[int(a) - 1, int(b) - 1] for a, b in edges]}
        except (TypeError, ValueError) as error:
            raise wrong(self.source, f"{place}/skeleton", "pairs of numbers of keypoints belong here") from error

    def labelled(self, element: Element, place: str) -> Labelled:
        key = self._key(element, "image_id", place)
        label = None
        if "category_id" in element:
            category = self._key(element, "category_id", place)
            if category not in self.categories:
                raise wrong(self.source, f"{place}/category_id", f"there is no category {category!r}")
            label = self.categories[category]
        foreign = {name: value for name, value in element.items() if name not in _ANNOTATION_KEYS}
        own = element.get("oxide_id")
        if own is None and isinstance(foreign.get("id"), str) and is_id(foreign["id"]):
            own = foreign.pop("id")
        if not isinstance(foreign.get("id"), str | int | float | None):
            raise wrong(self.source, f"{place}/id", "it is no id")
        if foreign.get("iscrowd") == 0:
            del foreign["iscrowd"]
        try:
            kind, box, shape = self._shape(element, foreign)
            # A box beside a shape of its own is looked at where the two differ.
            ours = geometry.checked(kind, None if kind in ("polygon", "mask") else box, shape)
            _keep_measures(kind, ours, shape, element, foreign)
            attributes = _object(element.get("attributes"))
        except (TypeError, ValueError, KeyError, OverflowError) as error:
            raise wrong(self.source, place, str(error)) from error
        except InvalidInput as error:
            raise wrong(self.source, place, error.message, error.hint) from error
        kept = {NAME: foreign} if foreign else {}
        score = element.get("score")
        annotation = Annotation(kind, label, ours, shape, attributes, score, "import", own, foreign=kept)
        return Labelled(key, annotation, place, measured=True)

    def _shape(self, element: Element, foreign: Element) -> tuple[str, Any, Any]:
        """(type, box, geometry). What the type cannot hold goes to ``foreign``."""
        box, outline, points = element.get("bbox"), element.get("segmentation"), element.get("keypoints")
        if points is not None:
            if any(points[2::3]):
                if outline:
                    foreign["segmentation"] = outline
                return "keypoints", box, {"points": points}
            foreign.update({name: element[name] for name in ("keypoints", "num_keypoints") if name in element})
        if isinstance(outline, dict):
            height, width = outline["size"]
            counts = outline["counts"]
            mask = masks.from_runs(counts, height, width) if isinstance(counts, list) else outline
            return "mask", box, {"size": [height, width], "counts": mask["counts"]}
        if outline:
            if not isinstance(outline, list):
                raise TypeError("a segmentation is a list of outlines, or run lengths")
            return "polygon", box, {"polygons": [[ring] for ring in outline]}
        if "caption" in element and box is None:
            return "text", None, {"text": foreign.pop("caption")}
        if box is None:
            return "class", None, None
        return "box", box, None


def _object_at(source: Path, element: Any, place: str) -> Element:
    """An element that must be an object."""
    if not isinstance(element, dict):
        raise wrong(source, place, "this is no object")
    return element


def _is_size(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0)


def _object(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise TypeError("attributes are an object")
    return value


def _is_near(box: Any, ours: geometry.Box) -> bool:
    """Whether what should be a box is one, and the same as ours."""
    return (
        type(box) is list
        and len(box) == len(ours)
        and _NUMBERS.issuperset(map(type, box))
        and sum(map(abs, map(sub, box, ours))) <= TOLERANCE
    )


def _keep_measures(
    kind: str, ours: geometry.Box | None, shape: Element | None, element: Element, foreign: Element
) -> None:
    """Keep a box and an area that are not those of the shape, with what they were said of."""
    given, box = foreign.pop("area", None), element.get("bbox")
    measured = geometry.area(kind, ours, shape)
    said: Element = {}
    if given is not None and abs(float(given) - measured) > TOLERANCE * max(1.0, measured):
        said["area"] = given
    if box is not None and shape is not None and not (ours is not None and _is_near(box, ours)):
        theirs = geometry.checked("box", box, None)
        if ours is not None and theirs is not None and max(map(abs, map(sub, theirs, ours))) > TOLERANCE:
            said["bbox"] = box
    if said:
        foreign["said"] = {**said, "of": list(ours or ()), "measured": measured}
