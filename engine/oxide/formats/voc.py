"""Pascal VOC: an XML file for each picture.

A box is given by its first and last pixel, counted from 1: ``xmin`` to ``xmax`` with both in it. In Oxide's
coordinates, whose origin is the corner of the first pixel, that is ``left = xmin - 1`` and
``width = xmax - xmin + 1``, and on the way out ``xmin = left + 1`` and ``xmax = left + width``; numbers with fractions
are written as they are. ``truncated``, ``difficult`` and ``occluded`` are read as true or false, other elements of an
object that are only text (``pose``) as text, all as attributes. ``part`` elements are kept in ``foreign``, and
what the file says of the picture besides its size as its metadata ``voc``. Masks of segmentations are not read.

Source: the development kit of the PASCAL Visual Object Classes Challenge 2012, section "Annotation Files".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oxide.formats import files
from oxide.formats.base import Labelled, Picture, wrong
from oxide.formats.numerals import finite, plain
from oxide.formats.unsaid import lose_labels, lose_parts, lose_picture, where
from oxide.formats.xml import Element, Writer, clean, elements
from oxide.labels.annotation import Annotation

if TYPE_CHECKING:
    from oxide.formats.base import Dataset, Fidelity, LabelledPicture
    from oxide.labels.geometry import Box
    from oxide.labels.ontology import Label

NAME = "voc"
FLAGS = ("truncated", "difficult", "occluded")
_SIDES = ("xmin", "ymin", "xmax", "ymax")
_OWN = ("name", "bndbox", "part")
_ABOUT = ("folder", "source", "owner", "segmented")
_ELEMENT_NAME = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)


@dataclass
class Voc:
    """The format."""

    name: str = NAME
    needs_pictures: bool = False

    def read(self, source: Path) -> Iterator[Picture | Labelled | Label]:
        """The XML files below a folder, below its folder ``Annotations`` if there is one, or a single file.

        Raises:
            InvalidInput: a file is no VOC annotation.
            NotFound: there is no such file or folder.
        """
        inside = sorted(source.iterdir()) if source.is_dir() else []
        folder = next((path for path in inside if path.name.lower() == "annotations"), source)
        for path, name in files.sources(folder, "xml"):
            yield from _read_file(path, name)

    def write(self, dataset: Dataset, target: Path, fidelity: Fidelity) -> None:
        """``Annotations/`` with a file for each picture, in the folders in which the pictures are."""
        files.made_folder(target, NAME)
        lose_labels(fidelity, dataset)
        for picture in files.shown(dataset):
            path = target / "Annotations" / (files.without_ending(picture.path) + ".xml")
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                stream = path.open("x", encoding="utf-8", newline="\n")
            except FileExistsError:
                fidelity.lose("labels of pictures whose name differs from another's in the ending alone", picture.path)
                continue
            with stream:
                _write_picture(Writer(stream), picture, fidelity)

    def picture_path(self, picture: LabelledPicture) -> str:
        """Where a picture goes."""
        return f"JPEGImages/{picture.path}"


def format() -> Voc:
    """The format."""
    return Voc()


def _read_file(file: Path, name: str) -> Iterator[Picture | Labelled]:
    root = next(elements(file, "annotation", 0))
    picture = root.text_of("filename")
    if picture is None:
        raise wrong(file, f"line {root.line}", "the annotation has no filename")
    folder = name.rpartition("/")[0]
    path = f"{folder}/{picture}" if folder and "/" not in picture else picture
    width, height = _size(file, root, "width"), _size(file, root, "height")
    about = _about(root)
    yield Picture(name, path, f"{file}, line {root.line}", width, height, metadata={NAME: about} if about else {})
    for element in root.children:
        if element.name == "object":
            yield Labelled(name, _annotation(file, element), f"{file}, line {element.line}")


def _size(file: Path, root: Element, side: str) -> int | None:
    text = root.text_of("size", side)
    if text is None:
        return None
    try:
        return int(finite(text)) or None  # some tools write 0 for what they do not know
    except ValueError as error:
        raise wrong(file, f"line {root.line}", f"'{text}' is no {side}") from error


def _about(root: Element) -> dict[str, Any]:
    about = {element.name: _value(element) for element in root.children if element.name in _ABOUT}
    depth = root.text_of("size", "depth")
    return {name: value for name, value in {**about, "depth": depth}.items() if value}


def _value(element: Element) -> Any:
    if element.children:
        return {child.name: _value(child) for child in element.children}
    return element.text.strip()


def _annotation(file: Path, element: Element) -> Annotation:
    label = element.text_of("name")
    box = element.find("bndbox")
    if label is None or box is None:
        raise wrong(file, f"line {element.line}", f"the object has no {'name' if label is None else 'bndbox'}")
    attributes: dict[str, Any] = {}
    parts = []
    for child in element.children:
        text = child.text.strip()
        if child.name == "part":
            parts.append({"name": child.text_of("name"), "box": list(_box(file, child.find("bndbox") or child))})
        elif child.name in FLAGS and text:
            attributes[child.name] = _flag(file, child, text)
        elif child.name not in _OWN and not child.children and text:
            attributes[child.name] = text
    foreign = {NAME: {"parts": parts}} if parts else {}
    return Annotation("box", label, _box(file, box), attributes=attributes, source="import", foreign=foreign)


def _flag(file: Path, element: Element, text: str) -> bool:
    if text.lower() in ("0", "1", "true", "false"):
        return text.lower() in ("1", "true")
    raise wrong(file, f"line {element.line}", f"'{text}' is neither 0 nor 1")


def _box(file: Path, element: Element) -> Box:
    numbers = []
    for side in _SIDES:
        text = element.text_of(side)
        try:
            numbers.append(finite(text or ""))
        except ValueError as error:
            why = f"'{text}' is no {side}" if text else f"it has no {side}"
            raise wrong(file, f"line {element.line}", f"{why}") from error
    left, top, right, bottom = numbers
    if right < left - 1 or bottom < top - 1:
        raise wrong(
            file, f"line {element.line}", f"the box from {left}, {top} to {right}, {bottom} has a negative size"
        )
    return left - 1, top - 1, right - left + 1, bottom - top + 1


def _write_picture(writer: Writer, picture: LabelledPicture, fidelity: Fidelity) -> None:
    about = picture.metadata.get(NAME)
    known: dict[str, Any] = about if isinstance(about, dict) else {}
    lose_picture(fidelity, picture, (NAME,) if known else ())
    folder, _, name = picture.path.rpartition("/")
    if clean(picture.path) != picture.path:
        fidelity.lose("characters that XML cannot hold", picture.path)
    writer.start("annotation")
    writer.leaf("folder", str(known.get("folder", folder)))
    writer.leaf("filename", name)
    for element in ("source", "owner"):
        if element in known:
            writer.value(element, known[element])
    if picture.width and picture.height:
        writer.start("size")
        writer.leaf("width", str(picture.width))
        writer.leaf("height", str(picture.height))
        writer.leaf("depth", str(known.get("depth") or picture.facts.get("channels") or 3))
        writer.end()
    writer.leaf("segmented", str(known.get("segmented", 0)))
    for annotation in picture.annotations:
        _write_object(writer, picture, annotation, fidelity)
    writer.end()


def _write_object(writer: Writer, picture: LabelledPicture, annotation: Annotation, fidelity: Fidelity) -> None:
    place = where(picture, annotation)
    if annotation.box is None or annotation.type in ("point", "text", "note"):
        fidelity.leave_out(f"annotations of the type {annotation.type}, left out", place)
        return
    if annotation.label is None or clean(annotation.label.strip()) != annotation.label or not annotation.label:
        fidelity.leave_out("annotations without a label that XML can hold, left out", place)
        return
    if annotation.type != "box":
        fidelity.lose(f"shapes of the type {annotation.type}, written as boxes", place)
    kept = [name for name, value in annotation.attributes.items() if _can_say(name, value)]
    lose_parts(fidelity, picture, annotation, kept_attributes=kept, own=NAME)
    writer.start("object")
    writer.leaf("name", annotation.label)
    for name in kept:
        value = annotation.attributes[name]
        writer.leaf(name, str(int(value)) if name in FLAGS else value)
    _write_box(writer, annotation.box)
    for part in annotation.foreign.get(NAME, {}).get("parts", ()):
        writer.start("part")
        writer.leaf("name", part["name"] or "")
        _write_box(writer, tuple(part["box"]))
        writer.end()
    writer.end()


def _can_say(name: str, value: Any) -> bool:
    if name in FLAGS:
        return isinstance(value, bool)
    held = isinstance(value, str) and value != "" and clean(value.strip()) == value
    return held and name not in _OWN and _ELEMENT_NAME.fullmatch(name) is not None


def _write_box(writer: Writer, box: Box) -> None:
    left, top, width, height = box
    writer.start("bndbox")
    for side, value in zip(_SIDES, (left + 1, top + 1, left + width, top + height), strict=True):
        writer.leaf(side, plain(value))
    writer.end()
