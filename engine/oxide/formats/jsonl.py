"""Oxide's own exchange format, which holds everything that labels and metadata say: one item a line, in JSON.

The first line is ``{"oxide": 1, "ontology": {"labels": [...]}, "runs": [...]}``; runs, which annotations name by their
``run_id``, have the fields of :class:`oxide.labels.runs.Run`. Each other line is an object with ``path``,
``sha256``, ``width``, ``height``, ``created``, ``creator``, ``source_id``, ``hidden``, ``metadata``, ``annotations``;
an annotation has the fields of :class:`oxide.Annotation` by their names, boxes as ``[left, top, width, height]``, times
in RFC 3339. Fields without a value are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oxide.errors import InvalidInput
from oxide.formats.base import Labelled, Picture, wrong
from oxide.formats.json_text import refuse_constant
from oxide.formats.lines import lines
from oxide.labels.annotation import Annotation, Keyframe
from oxide.labels.ids import checked
from oxide.labels.ontology import Label
from oxide.labels.runs import Run

if TYPE_CHECKING:
    from oxide.formats.base import Dataset, Fidelity, LabelledPicture

    Record = dict[str, Any]

NAME = "jsonl"
VERSION = 1
DEFAULT_NAME = "labels.jsonl"
"""The file in a target that is a folder."""

_PLAIN = ("type", "label", "geometry", "attributes", "score", "source", "id", "model", "author", "track", "description")
_TEXTS = ("type", "label", "source", "id", "model", "author", "track", "description", "updated_by")
_FACTS = ("width", "height", "creator", "source_id", "hidden")
_RUN_FIELDS = ("kind", "name", "origin", "author")
_LABEL_FIELDS = ("parent", "color", "attributes", "description", "position", "skeleton", "foreign")
_dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def format() -> Jsonl:
    """The format."""
    return Jsonl()


class Jsonl:
    """One item a line."""

    name = NAME

    def read(self, source: Path) -> Iterator[Picture | Labelled | Label | Run]:
        """The labels and runs of the first line, then the items."""
        started = False
        for number, line in lines(source):
            if not line.strip():
                continue
            place = f"line {number}"
            record = _parse(source, place, line)
            if not started and "oxide" in record:
                yield from _labels(source, place, record)
                yield from _runs(source, place, record)
            else:
                yield from _item(source, place, record)
            started = True
        if not started:
            raise wrong(source, "the file", "it is empty")

    def write(self, dataset: Dataset, target: Path, fidelity: Fidelity) -> None:
        """One file."""
        target = target / DEFAULT_NAME if target.is_dir() else target
        if dataset.ontology.closed:
            fidelity.lose("that the ontology is closed", dataset.name)
        first: Record = {
            "oxide": VERSION,
            "ontology": {"labels": list(map(_label_record, dataset.ontology.labels.values()))},
        }
        if dataset.runs:
            first["runs"] = list(map(_run_record, dataset.runs))
        runs = {None, *(run.id for run in dataset.runs)}
        with target.open("w", encoding="utf-8") as out:
            out.write(_dump(first) + "\n")
            for picture in dataset.pictures():
                out.write(_dump(_item_record(picture)) + "\n")
                for annotation in picture.annotations:
                    if annotation.run_id not in runs:
                        fidelity.lose("runs of which nothing is known", f"{picture.path} {annotation.id}")


def _parse(source: Path, place: str, line: str) -> Record:
    try:
        record = json.loads(line, parse_constant=refuse_constant)
    except json.JSONDecodeError as error:
        raise wrong(source, f"{place}, column {error.colno}", f"this is no JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise wrong(source, place, why) from error
    if not isinstance(record, dict):
        raise wrong(source, place, "a line is an object")
    return record


def _labels(source: Path, place: str, record: Record) -> Iterator[Label]:
    if record["oxide"] != VERSION:
        raise wrong(
            source, place, f"version {record['oxide']!r} is not known", hint="a newer version of oxide reads it"
        )
    try:
        for each in record.get("ontology", {}).get("labels", []):
            fields = {name: each[name] for name in _LABEL_FIELDS if each.get(name) is not None}
            yield Label(each["name"], tools=tuple(each.get("tools", ())), **fields)
    except (KeyError, TypeError, AttributeError) as error:
        raise wrong(source, f"{place}, /ontology/labels", f"this is no label: {error}") from error


def _runs(source: Path, place: str, record: Record) -> Iterator[Run]:
    for index, each in enumerate(record.get("runs") or []):
        where = f"{place}, /runs/{index}"
        try:
            yield Run(
                checked(each["id"], "a run"),
                _text(each.get("kind")),
                _text(each.get("name")),
                _text(each.get("origin")),
                _text(each.get("author")),
                _moment(each.get("created")),
                _object(each.get("configuration")),
                _object(each.get("counts")),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise wrong(source, where, f"this is no run: {_reason(error)}") from error
        except InvalidInput as error:
            raise wrong(source, where, error.message, error.hint) from error


def _item(source: Path, place: str, record: Record) -> Iterator[Picture | Labelled]:
    path = record.get("path")
    if not isinstance(path, str) or not path:
        raise wrong(source, f"{place}, /path", "the path of a file belongs here")
    try:
        yield Picture(
            path,
            path,
            place,
            record.get("width"),
            record.get("height"),
            _digest(record.get("sha256")),
            _object(record.get("metadata")),
            source_id=record.get("source_id"),
            created=_moment(record.get("created")),
            creator=record.get("creator"),
            hidden=record.get("hidden"),
        )
        annotations = record.get("annotations") or []
    except (TypeError, ValueError) as error:
        raise wrong(source, place, str(error)) from error
    for index, each in enumerate(annotations):
        where = f"{place}, /annotations/{index}"
        try:
            yield Labelled(path, _annotation(each), where, by_hand=each.get("source", "human") == "human")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise wrong(source, where, f"this is no annotation: {_reason(error)}") from error
        except InvalidInput as error:
            raise wrong(source, where, error.message, error.hint) from error


def _reason(error: Exception) -> str:
    return f"it has no {error}" if isinstance(error, KeyError) else str(error)


def _digest(value: str | None) -> str | None:
    if value is not None and len(bytes.fromhex(value)) != 32:
        raise ValueError("sha256 is 64 hex digits")
    return value


def _object(value: Any) -> Record:
    if value is not None and not isinstance(value, dict):
        raise TypeError(f"{json.dumps(value)} is no object")
    return value or {}


def _text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{json.dumps(value)} is no text")
    return value


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError(f"the time {value} has no zone")
    return moment


def _box(value: Any) -> Any:
    return None if value is None else tuple(value)


def _annotation(record: Record) -> Annotation:
    plain = {name: record[name] for name in _PLAIN if record.get(name) is not None}
    for name in _TEXTS:
        _text(record.get(name))
    frames = record.get("frames")
    return Annotation(
        **plain,
        box=_box(record.get("box")),
        created=_moment(record.get("created")),
        updated=_moment(record.get("updated")),
        updated_by=record.get("updated_by"),
        run_id=_text(record.get("run_id")),
        frames=None if frames is None else (frames[0], frames[1]),
        foreign=_object(record.get("foreign")),
        keyframes=tuple(
            Keyframe(
                each["frame"],
                _box(each.get("box")),
                each.get("geometry"),
                each.get("visible", True),
                each.get("attributes"),
                each.get("label"),
            )
            for each in record.get("keyframes", ())
        ),
    )


def _item_record(picture: LabelledPicture) -> Record:
    record: Record = {"path": picture.path, "sha256": picture.sha256}
    record |= {name: value for name in _FACTS if (value := getattr(picture, name)) is not None}
    if picture.created is not None:
        record["created"] = picture.created.isoformat()
    if picture.metadata:
        record["metadata"] = picture.metadata
    record["annotations"] = [_annotation_record(annotation) for annotation in picture.annotations]
    return record


def _annotation_record(annotation: Annotation) -> Record:
    record = {name: value for name in _PLAIN if (value := getattr(annotation, name)) not in (None, {})}
    if annotation.box is not None:
        record["box"] = list(annotation.box)
    for name in ("created", "updated"):
        moment = getattr(annotation, name)
        if moment is not None:
            record[name] = moment.isoformat()
    for name in ("updated_by", "run_id"):
        value = getattr(annotation, name)
        if value is not None:
            record[name] = value
    if annotation.frames is not None:
        record["frames"] = list(annotation.frames)
    if annotation.foreign:
        record["foreign"] = annotation.foreign
    if annotation.keyframes:
        record["keyframes"] = [_keyframe_record(each) for each in annotation.keyframes]
    return record


def _keyframe_record(keyframe: Keyframe) -> Record:
    record: Record = {"frame": keyframe.frame, "visible": keyframe.visible}
    if keyframe.box is not None:
        record["box"] = list(keyframe.box)
    for name in ("geometry", "attributes", "label"):
        value = getattr(keyframe, name)
        if value is not None:
            record[name] = value
    return record


def _run_record(run: Run) -> Record:
    record: Record = {"id": run.id}
    record |= {name: value for name in _RUN_FIELDS if (value := getattr(run, name)) is not None}
    if run.created is not None:
        record["created"] = run.created.isoformat()
    return record | {name: value for name in ("configuration", "counts") if (value := getattr(run, name))}


def _label_record(label: Label) -> Record:
    record: Record = {"name": label.name}
    record |= {name: value for name in _LABEL_FIELDS if (value := getattr(label, name)) not in (None, {})}
    return {**record, **({"tools": list(label.tools)} if label.tools else {})}
