"""CSV: a row for each annotation, after a first row with the names of the columns.

=================================  ====================================================================================
column                             meaning
=================================  ====================================================================================
path, file, filename, file_name,   the picture
image, image_path
label, class, class_name, category what it is
x, y, w, h; left, top and width,   the box: left, top, width, height in pixels
height
xmin, ymin, xmax, ymax             the box by its corners; ``width`` and ``height`` are then those of the picture
type                               the type of annotation; without it a box, or a class where there is no box
geometry                           the shape of other types, in JSON
score, confidence                  from 0 to 1
description, id, sha256            as they are called; an id of 24 hex digits is kept
attributes                         a JSON object
attributes.NAME, and any other     an attribute of that name; JSON or text
=================================  ====================================================================================

Rows are separated by commas, semicolons or tabs, as the first row has them. A row with a path alone names a picture
without annotations. Names of columns may be in capital letters.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oxide.errors import InvalidInput
from oxide.formats.base import Labelled, Picture, wrong
from oxide.formats.json_text import refuse_constant
from oxide.formats.lines import LONGEST, lines
from oxide.formats.losses import lose_definition, lose_facts, lose_fields
from oxide.labels import ids
from oxide.labels.annotation import Annotation
from oxide.labels.metadata import parse_value

if TYPE_CHECKING:
    from oxide.formats.base import Dataset, Fidelity, LabelledPicture
    from oxide.labels.ontology import Label

    Cells = dict[str, str]

NAME = "csv"
DEFAULT_NAME = "labels.csv"
"""The file in a target that is a folder."""
ATTRIBUTE = "attributes."

_ALIASES = {
    "file": "path",
    "filename": "path",
    "file_name": "path",
    "image": "path",
    "image_path": "path",
    "class": "label",
    "class_name": "label",
    "category": "label",
    "left": "x",
    "top": "y",
    "confidence": "score",
}
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_BOX = ("x", "y", "w", "h")
_KNOWN = frozenset(
    (*_CORNERS, *_BOX, "path", "label", "type", "geometry", "score", "description", "id", "sha256", "attributes")
)
_WRITTEN = ("path", "label", *_BOX, "type", "score")


def format() -> Csv:
    """The format."""
    return Csv()


class Csv:
    """A row for each annotation."""

    name = NAME

    def read(self, source: Path) -> Iterator[Picture | Labelled | Label]:
        """The rows; a picture comes with the first row that names it."""
        met: set[str] = set()
        for place, cells, columns in _rows(source):
            path = cells.get("path", "")
            if not path:
                raise wrong(source, place, "it has no path")
            try:
                if path not in met:
                    met.add(path)
                    yield _picture(cells, columns, path, place)
                annotation = _annotation(cells, columns)
            except ValueError as error:
                raise wrong(source, place, str(error)) from error
            except InvalidInput as error:
                raise wrong(source, place, error.message, error.hint) from error
            if annotation is not None:
                yield Labelled(path, annotation, place)

    def write(self, dataset: Dataset, target: Path, fidelity: Fidelity) -> None:
        """One file. The dataset is gone through twice, as the columns come first."""
        target = target / DEFAULT_NAME if target.is_dir() else target
        for label in dataset.ontology.labels.values():
            fields = ("parent", "color", "attributes", "tools", "description", "skeleton", "foreign")
            lose_definition(label, fidelity, fields=fields)
        names = sorted({name for each in dataset.pictures() for one in each.annotations for name in one.attributes})
        with target.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow([*_WRITTEN, *(ATTRIBUTE + name for name in names), "description", "geometry", "id"])
            for picture in dataset.pictures():
                _lose(picture, fidelity)
                if not picture.annotations:
                    writer.writerow([picture.path, *[""] * (len(_WRITTEN) + len(names) + 2)])
                for annotation in picture.annotations:
                    writer.writerow(_written(picture.path, annotation, names))


class _Columns:
    """What the first row says: the columns by their usual names, and which are attributes."""

    def __init__(self, source: Path, header: Sequence[str]) -> None:
        self.names = [self._name(cell) for cell in header]
        if {"x", "y"} <= set(self.names) and "w" not in self.names and "h" not in self.names:
            sides = {"width": "w", "height": "h"}
            self.names = [sides.get(name, name) for name in self.names]
        if "path" not in self.names:
            raise wrong(
                source,
                "line 1",
                "it does not name a column for the path",
                hint="the first row names the columns, as in path,label,x,y,w,h; nothing was imported",
            )
        doubled = next((name for name in self.names if name and self.names.count(name) > 1), None)
        if doubled is not None:
            raise wrong(source, "line 1", f"two columns mean '{doubled}'")
        self.corners = set(_CORNERS) <= set(self.names)
        self.attributes = {name: _attribute_name(name) for name in self.names if name and self._is_attribute(name)}

    @staticmethod
    def _name(cell: str) -> str:
        if cell.startswith(ATTRIBUTE):  # as an export names them, where a space may be all of a name
            return cell
        name = cell.strip()
        known = _ALIASES.get(name.lower(), name.lower())
        return known if known in _KNOWN or known in ("width", "height") else name

    @staticmethod
    def _is_attribute(name: str) -> bool:
        return name not in _KNOWN and name not in ("width", "height")


def _attribute_name(column: str) -> str:
    return column[len(ATTRIBUTE) :] if column.startswith(ATTRIBUTE) else column


def _rows(source: Path) -> Iterator[tuple[str, Cells, _Columns]]:
    """(place, cells by column, columns) of each row."""
    csv.field_size_limit(LONGEST)
    text = lines(source)
    first = next(text, None)
    if first is None:
        raise wrong(source, "the file", "it is empty")
    separator = max(",;\t", key=first[1].count)
    try:
        header = next(csv.reader([first[1]], delimiter=separator, strict=True))
        columns = _Columns(source, header)
        reader = csv.reader((line for _, line in text), delimiter=separator, strict=True)
        for row in reader:
            place = f"line {reader.line_num + 1}"
            if not any(row):
                continue
            if len(row) != len(columns.names):
                raise wrong(source, place, f"it has {len(row)} cells, and the first row has {len(columns.names)}")
            yield place, dict(zip(columns.names, row, strict=True)), columns
    except csv.Error as error:
        raise wrong(source, "the file", f"this is no CSV: {error}") from error


def _picture(cells: Cells, columns: _Columns, path: str, place: str) -> Picture:
    width, height = (None if not cells.get(side) else int(_number(cells, side)) for side in ("width", "height"))
    digest = cells.get("sha256") or None
    if digest is not None and len(bytes.fromhex(digest)) != 32:
        raise ValueError("sha256 is 64 hex digits")
    return Picture(path, path, place, width, height, digest)


def _number(cells: Cells, column: str) -> float:
    try:
        return float(cells[column])
    except ValueError as error:
        raise ValueError(f"'{cells[column]}' in the column {column} is no number") from error


def _annotation(cells: Cells, columns: _Columns) -> Annotation | None:
    """The annotation of a row; ``None`` where it only names a picture."""
    box = _box(cells, columns)
    shape = _json(cells, "geometry")
    kind = cells.get("type") or ("box" if box is not None else "class")
    attributes = _json(cells, "attributes") or {}
    attributes |= {name: parse_value(cells[column]) for column, name in columns.attributes.items() if cells[column]}
    label = cells.get("label") or None
    if box is None and shape is None and label is None and not cells.get("type"):
        return None
    own, foreign = cells.get("id") or None, {}
    if own is not None and not ids.is_id(own):
        own, foreign = None, {NAME: {"id": own}}
    return Annotation(
        kind,
        label,
        box,
        shape,
        attributes,
        _number(cells, "score") if cells.get("score") else None,
        "import",
        own,
        description=cells.get("description") or None,
        foreign=foreign,
    )


def _box(cells: Cells, columns: _Columns) -> tuple[float, float, float, float] | None:
    names = _CORNERS if columns.corners else _BOX
    given = [name for name in names if cells.get(name)]
    if not given:
        return None
    if len(given) < len(names):
        missing = next(name for name in names if name not in given)
        raise ValueError(f"a box has four numbers, and {missing} is missing")
    left, top, third, fourth = (_number(cells, name) for name in names)
    return (left, top, third - left, fourth - top) if columns.corners else (left, top, third, fourth)


def _json(cells: Cells, column: str) -> dict[str, Any] | None:
    if not cells.get(column):
        return None
    try:
        value = json.loads(cells[column], parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the column {column} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise ValueError(f"the column {column} holds an object")
    return value


def _written(path: str, annotation: Annotation, names: Sequence[str]) -> list[Any]:
    box = ["" if number is None else repr(number) for number in annotation.box or (None,) * 4]
    score = "" if annotation.score is None else repr(annotation.score)
    attributes = [_cell(annotation.attributes[name]) if name in annotation.attributes else "" for name in names]
    shape = "" if annotation.geometry is None else json.dumps(annotation.geometry, ensure_ascii=False)
    label, told = annotation.label or "", annotation.description or ""
    return [path, label, *box, annotation.type, score, *attributes, told, shape, annotation.id]


def _cell(value: Any) -> str:
    """A value so that :func:`parse_value` gives it back."""
    if isinstance(value, str) and value and parse_value(value) == value:
        return value
    return json.dumps(value, ensure_ascii=False)


def _lose(picture: LabelledPicture, fidelity: Fidelity) -> None:
    if picture.metadata:
        fidelity.lose("metadata of files", picture.path)
    lose_facts(picture, fidelity)
    for annotation in picture.annotations:
        lose_fields(annotation, f"{picture.path} {annotation.id}", fidelity, keeps="")
