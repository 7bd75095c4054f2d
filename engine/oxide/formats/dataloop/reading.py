"""Reading Dataloop's JSON."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oxide.errors import InvalidInput, NotFound
from oxide.formats import files
from oxide.formats.base import Labelled, Picture, wrong
from oxide.formats.dataloop import NAME
from oxide.formats.dataloop.coordinates import read_shape
from oxide.labels.annotation import Annotation, Keyframe
from oxide.labels.ids import DIGITS
from oxide.labels.metadata import flattened
from oxide.labels.ontology import Label

if TYPE_CHECKING:
    from oxide.formats.base import Find
    from oxide.labels.fitting import Size


Object = dict[str, Any]
FACTS = ("width", "height", "size")
"""What ``metadata.system`` of an item says that Oxide reads from the file itself."""
READ = (
    "id",
    "creator",
    "createdAt",
    "updatedAt",
    "updatedBy",
    "label",
    "type",
    "coordinates",
    "attributes",
    "metadata",
)
LINKS = ("url", "item", "itemId", "dataset", "datasetId", "annotations", "hash")
"""What is about the platform and of no use elsewhere."""
SYSTEM = ("automated", "attributes", "frame", "endFrame", "objectId", "snapshots_")
ORIGINS = {"ui": "human", "sdk": "import"}
_CHILD = "parentId"


def read(source: Path, find: Find | None = None) -> Iterator[Picture | Labelled | Label]:
    """See :meth:`oxide.formats.dataloop.Dataloop.read`."""
    if not source.exists():
        raise NotFound(f"there is no '{source}'", hint="name a folder of JSON files", path=str(source))
    found = [source]
    if source.is_dir():
        found = [source / path for path in files.below(source) if files.ending(path) in ("json", "jsonl")]
        if not found:
            raise InvalidInput(f"there is no JSON file below '{source}'", hint="name the folder with the items")
    for file in found:
        for place, item in _items(file):
            yield from _item(file, place, item, find)


def _items(file: Path) -> Iterator[tuple[str, Object]]:
    """The items of a file, with where they stand."""
    by_line = files.ending(file.name) == "jsonl"
    try:
        with file.open(encoding="utf-8-sig") as stream:
            if not by_line:
                yield "", _object(file, stream.read(), 1)
                return
            for number, line in enumerate(stream, 1):
                if line.strip():
                    yield f"line {number} ", _object(file, line, number)
    except UnicodeDecodeError as error:
        raise wrong(file, "its text", f"it is not UTF-8: {error.reason}") from error


def _object(file: Path, text: str, line: int) -> Object:
    try:
        found = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        place = f"line {line + error.lineno - 1}, column {error.colno}"
        raise wrong(file, place, f"this is no JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise wrong(file, f"line {line}", f"this is no JSON: {error}") from error
    if not isinstance(found, dict):
        hint = "a file holds one item, or one a line if it is called .jsonl"
        raise wrong(file, f"line {line}", "it is no item: an item is an object", hint=hint)
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _item(file: Path, place: str, item: Object, find: Find | None) -> Iterator[Picture | Labelled]:
    if item.get("type") == "dir":
        return
    name = item.get("filename") or item.get("name")
    if not isinstance(name, str) or not name.strip("/"):
        raise wrong(file, f"{place}/filename", "the item has no filename")
    metadata = _member(file, place, item, "metadata") or _member(file, place, item, "itemMetadata")
    system = dict(_member(file, f"{place}/metadata", metadata, "system"))
    width, height, _ = (system.pop(fact, None) for fact in FACTS)
    source_id = item.get("id") or item.get("_id") or item.get("itemId")
    key = f"{file}#{place}{source_id or name}"
    yield Picture(
        key,
        name.lstrip("/"),
        f"{file}, {place or '/'}".rstrip(),
        width if isinstance(width, int) and width > 0 else None,
        height if isinstance(height, int) and height > 0 else None,
        metadata=flattened(
            {**{k: v for k, v in metadata.items() if k != "system"}, **({"system": system} if system else {})}
        ),
        source_id=source_id if isinstance(source_id, str) else None,
        created=_moment(file, f"{place}/createdAt", item.get("createdAt")),
        creator=item.get("creator") or None,
        hidden=True if item.get("hidden") is True else None,
    )
    annotations = item.get("annotations")
    if not isinstance(annotations, list):
        return  # an address where they can be asked for
    parts = _parts(annotations)
    known = find(name.lstrip("/")) if find is not None and any(map(_has_pixels, annotations)) else None
    size = known[1:] if known else (None, None)
    for number, entry in enumerate(annotations):
        pointer = f"{place}/annotations/{number}"
        if not isinstance(entry, dict) or not isinstance(entry.get("type"), str):
            raise wrong(file, pointer, "an annotation is an object with a type")
        if entry["type"] == "point" and _parent(entry) in parts:
            continue  # it is read with its pose
        annotation = _annotation(file, pointer, entry, parts, size)
        yield Labelled(key, annotation, f"{file}, {pointer}", by_hand=annotation.source == "human")


def _member(file: Path, place: str, holder: Object, name: str) -> Object:
    """A member that is an object, empty if there is none."""
    found = holder.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise wrong(file, f"{place}/{name}", "it is no object")
    return found


def _moment(file: Path, place: str, text: Any) -> datetime | None:
    if text is None or text == "":
        return None
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise wrong(file, place, f"{text!r} is no time") from error
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _parent(entry: Object) -> Any:
    metadata = entry.get("metadata")
    system = metadata.get("system") if isinstance(metadata, dict) else None
    return system.get(_CHILD) if isinstance(system, dict) else None


def _has_pixels(entry: Any) -> bool:
    return isinstance(entry, dict) and entry.get("type") == "binary"


def _parts(annotations: list[Any]) -> dict[str, list[Object]]:
    """The points of each pose of an item by its id."""
    entries = [entry for entry in annotations if isinstance(entry, dict)]
    poses = {entry.get("id") for entry in entries if entry.get("type") == "pose"}
    found: dict[str, list[Object]] = defaultdict(list)
    for entry in entries:
        parent = _parent(entry)
        if entry.get("type") == "point" and isinstance(parent, str) and parent in poses:
            found[parent].append(entry)
    return found


def _annotation(file: Path, pointer: str, entry: Object, parts: dict[str, list[Object]], size: Size) -> Annotation:
    metadata = _member(file, pointer, entry, "metadata")
    system = _member(file, f"{pointer}/metadata", metadata, "system")
    user = _member(file, f"{pointer}/metadata", metadata, "user")
    model = user.get("model") if isinstance(user.get("model"), dict) else None
    attributes, listed = _attributes(file, pointer, entry, system)
    try:
        kind, box, geometry, kept = _shape(entry, system, parts, size)
        frames, keyframes = _life(entry, system, box, geometry, attributes, size)
        label = entry.get("label")
        if label is not None and not isinstance(label, str):
            raise ValueError("its label is no text")
        description = entry.get("description")
        origin = (
            "model" if model or system.get("automated") is True else ORIGINS.get(str(entry.get("source")), "import")
        )
        return Annotation(
            kind,
            label,
            box,
            geometry,
            attributes=attributes,
            score=model.get("confidence") if model else None,
            source=origin,
            id=_id(entry),
            model=model.get("name") if model else None,
            author=entry.get("creator") or None,
            created=_moment(file, f"{pointer}/createdAt", entry.get("createdAt")),
            updated=_moment(file, f"{pointer}/updatedAt", entry.get("updatedAt")),
            updated_by=entry.get("updatedBy") or None,
            track=None if system.get("objectId") is None else str(system["objectId"]),
            frames=frames,
            description=description if isinstance(description, str) else None,
            foreign=_foreign(entry, system, user, model, listed, kept),
            keyframes=keyframes,
        )
    except KeyError as error:
        raise wrong(file, pointer, f"this is no {entry['type']}: it has no {error}") from error
    except ValueError as error:
        raise wrong(file, pointer, f"this is no {entry['type']}: {error}") from error
    except (TypeError, IndexError, AttributeError) as error:
        why = f"this is no {entry['type']}: what it holds is not of the kind that belongs there"
        raise wrong(file, pointer, why) from error


def _id(entry: Object) -> str | None:
    given = entry.get("id")
    return given if isinstance(given, str) and _is_id(given) else None


def _is_id(text: str) -> bool:
    return len(text) == DIGITS and all(character in "0123456789abcdef" for character in text)


def _attributes(file: Path, pointer: str, entry: Object, system: Object) -> tuple[Object, list[str]]:
    """Attributes of both versions, and the names of those of the first."""
    valued = _member(file, f"{pointer}/metadata/system", system, "attributes")
    listed = entry.get("attributes") or []
    if isinstance(listed, dict):
        return {**listed, **valued}, []
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise wrong(file, f"{pointer}/attributes", "it is no list of names")
    return {**dict.fromkeys(listed, True), **valued}, listed


def _shape(entry: Object, system: Object, parts: dict[str, list[Object]], size: Size) -> tuple[str, Any, Any, Object]:
    """(type, box, geometry) and what else the coordinates say."""
    kind: str = entry["type"]
    coordinates: Any = entry.get("coordinates")
    if kind == "pose" and (points := parts.get(entry.get("id") or "")):
        flat: list[float] = []
        for point in points:
            place = read_shape("point", point["coordinates"], {})
            visibility = ((point.get("metadata") or {}).get("user") or {}).get("visibility", 2)
            flat += [*(place[1] or ())[:2], visibility] if place else []
        names = [point.get("label") for point in points]
        return "keypoints", None, {"points": flat}, {"coordinates": coordinates or {}, "points": names}
    shape = read_shape(kind, coordinates, system, size)
    if shape is None:
        return "note", None, {"messages": []}, {"type": kind, "coordinates": coordinates}
    kept: Object = {}
    if kind == "note":
        kept = {name: value for name, value in coordinates["note"].items() if name != "messages"}
        kept = {"note": kept} if kept else {}
    elif kind == "cube" and coordinates.get("angle") is not None:
        kept = {"angle": coordinates["angle"]}
    return *shape, kept


def _life(
    entry: Object, system: Object, box: Any, geometry: Any, attributes: Object, size: Size
) -> tuple[tuple[int, int] | None, tuple[Keyframe, ...]]:
    """The frames in which an object lives, and its key frames."""
    first = system.get("frame")
    if first is None:
        return None, ()
    last = system.get("endFrame", first)
    if not isinstance(first, int) or not isinstance(last, int) or not 0 <= first <= last:
        raise ValueError(f"it lives from frame {first!r} to {last!r}")
    found: list[Keyframe] = []
    before = attributes
    snapshots = system.get("snapshots_") or []
    if not isinstance(snapshots, list) or not all(isinstance(each, dict) for each in snapshots):
        raise ValueError("its snapshots_ are no list of objects")
    for snapshot in snapshots:
        if snapshot.get("fixed") is False or snapshot["frame"] == first:
            continue
        shape = (
            None
            if snapshot.get("data") is None
            else read_shape(snapshot.get("type") or entry["type"], snapshot["data"], {}, size)
        )
        named = snapshot.get("namedAttributes") or before
        label = snapshot.get("label")
        found.append(
            Keyframe(
                snapshot["frame"],
                shape[1] if shape else None,
                shape[2] if shape else None,
                snapshot.get("objectVisible") is not False,
                named if named != before else None,
                label if label != entry.get("label") else None,
            )
        )
        before = named
    return (first, last), (Keyframe(first, box, geometry), *found) if found else ()


def _foreign(
    entry: Object, system: Object, user: Object, model: Object | None, listed: list[str], kept: Object
) -> Object:
    """What an annotation says that nothing else holds."""
    found: Object = {name: value for name, value in entry.items() if name not in (*READ, *LINKS) and value is not None}
    if isinstance(found.get("description"), str):
        del found["description"]
    if found.get("source") in ORIGINS:
        del found["source"]
    taken = (*SYSTEM, "startTime", "endTime") if entry["type"] == "subtitle" else SYSTEM
    others = {name: value for name, value in system.items() if name not in taken}
    own = {name: value for name, value in user.items() if name != "model" or not model}
    more = {name: value for name, value in (model or {}).items() if name not in ("name", "confidence")}
    for name, value in (("system", others), ("user", own), ("model", more), ("attributes", listed)):
        if value:
            found[name] = value
    if entry.get("id") and _id(entry) is None:
        found["id"] = entry["id"]
    found.update(kept)
    return {NAME: found} if found else {}
