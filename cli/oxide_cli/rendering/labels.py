"""Annotations and metadata as JSON objects and as lines."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from oxide_cli.rendering.text import Painter, columns, count, moment, quote_path, short

if TYPE_CHECKING:
    from oxide.labels.annotation import Annotation
    from oxide.labels.comparing import AnnotationChange
    from oxide.labels.history import AnnotationBlame
    from oxide.labels.runs import Run

Record = dict[str, object]


def annotation(value: Annotation) -> Record:
    """The object that ``annotations --json`` promises, and more."""
    record: Record = {
        "id": value.id,
        "type": value.type,
        "label": value.label,
        "bbox": list(value.box) if value.box is not None else None,
        "geometry": value.geometry,
        "attributes": value.attributes,
        "score": value.score,
        "source": value.source,
        "author": value.author,
        "created": value.created.isoformat() if value.created else None,
        "updated": value.updated.isoformat() if value.updated else None,
        "updated_by": value.updated_by,
        "item_id": value.item_id,
    }
    optional: Record = {
        "model": value.model,
        "run_id": value.run_id,
        "track": value.track,
        "frames": list(value.frames) if value.frames else None,
        "description": value.description,
        "foreign": value.foreign or None,
        "keyframes": [
            {
                "frame": keyframe.frame,
                "bbox": list(keyframe.box) if keyframe.box is not None else None,
                "geometry": keyframe.geometry,
                "visible": keyframe.visible,
                "attributes": keyframe.attributes,
            }
            for keyframe in value.keyframes
        ]
        or None,
    }
    return record | {name: cell for name, cell in optional.items() if cell is not None}


def annotation_lines(values: Sequence[Annotation]) -> Iterator[str]:
    """One line each: id, type, label, place, attributes."""
    widths = [max((len(text) for text in column), default=0) for column in zip(*map(_words, values), strict=True)]
    for value in values:
        words = _words(value)
        line = "  ".join(word.ljust(width) for word, width in zip(words, widths, strict=True))
        yield line.rstrip()


def _words(value: Annotation) -> tuple[str, ...]:
    place = _place(value)
    attributes = json.dumps(value.attributes, ensure_ascii=False) if value.attributes else ""
    score = f"{value.score:g}" if value.score is not None else ""
    return value.id or "", value.type, value.label or "-", place, score, value.updated_by or "", attributes


def _place(value: Annotation) -> str:
    place = " ".join(f"{number:g}" for number in value.box) if value.box is not None else "-"
    if value.frames is not None:
        place += f" frames {value.frames[0]}-{value.frames[1]}"
    return place


def annotation_change(change: AnnotationChange) -> Record:
    """The object that ``diff --rows annotations --json`` lists."""
    return {
        "key": change.item + change.id,
        "path": change.path,
        "item_id": change.item,
        "id": change.id,
        "kinds": list(change.kinds),
        "fields": list(change.fields),
        "iou": change.iou,
        "before": annotation(change.before) if change.before is not None else None,
        "after": annotation(change.after) if change.after is not None else None,
    }


_STYLES = {"added": ("+", "green"), "removed": ("-", "red"), "renumbered": ("=", "dim")}
_TOLD_LESS = ("updated", "updated_by", "keyframes")


def change_lines(changes: Sequence[AnnotationChange], paint: Painter) -> Iterator[str]:
    """One line each: path, id, label, and what changed; then the numbers of each kind."""
    for change in changes:
        sign, style = _STYLES.get(change.kinds[0], ("~", "yellow"))
        known = change.before or change.after
        label = (known and known.label) or "-"
        yield paint(f"{sign} {quote_path(change.path)}  {change.id}  {label}  {_what(change)}", style)
    if changes:
        kinds = Counter(kind for change in changes for kind in change.kinds)
        pictures = len({change.path for change in changes})
        yield ""
        yield f"annotations: {', '.join(f'{number:,} {kind}' for kind, number in kinds.items())} in " + count(
            pictures, "file"
        )


def _what(change: AnnotationChange) -> str:
    before, after = change.before, change.after
    if before is None or after is None:
        known = after or before
        return "" if known is None else f"{known.type} {_place(known)}".strip()
    said = []
    for kind in change.kinds:
        if kind in ("moved", "reshaped"):
            covered = f" (IoU {change.iou:.2f})" if change.iou is not None else ""
            said.append(f"{kind} {_place(before)} -> {_place(after)}{covered}")
        elif kind == "relabelled":
            said.append(f"relabelled {before.label or '-'} -> {after.label or '-'}")
    if "renumbered" in change.kinds:
        said.append(f"was {before.id}")
    elif before.id == after.id:
        told = [name for name in change.fields if name not in ("geometry", "label", *_TOLD_LESS)]
        said += [f"{name}: {_value(before, name)} -> {_value(after, name)}" for name in told]
    else:
        said.append(f"was {before.id}")
    return ", ".join(said) or ", ".join(change.fields)


def _value(value: Annotation, name: str) -> str:
    head, _, key = name.partition(".")
    cell: Any = getattr(value, head)
    cell = cell.get(key) if key else cell
    return "none" if cell is None else cell if isinstance(cell, str) else json.dumps(cell, default=str)


def annotation_blame(found: AnnotationBlame) -> Record:
    """The object of ``blame --annotation --json``: the annotation, and for each field the commit behind its value."""
    from oxide_cli.rendering import records

    return {
        "path": found.path,
        "annotation": annotation(found.annotation),
        "made": records.commit(found.made),
        "fields": [
            {"field": each.field, "value": _plain(each.value), "by": each.by, "commit": records.commit(each.commit)}
            for each in found.fields
        ],
    }


def _plain(value: Any) -> object:
    """A field's value as JSON; a place as the cells that it is made of."""
    if isinstance(value, tuple) and value and hasattr(value[0], "frame"):
        return len(value)
    if isinstance(value, dict) and "box" in value:
        return {"type": value["type"], "bbox": value["box"] and list(value["box"]), "geometry": value["geometry"]}
    return value


def annotation_blame_lines(found: AnnotationBlame) -> Iterator[str]:
    """Who made it, then a line for each field."""
    value = found.annotation
    yield f"{quote_path(found.path)}: {value.type} {value.label or '-'} {_place(value)}  {value.id}"
    yield f"made by {value.author or 'nobody known'}, in {short(found.made.id)} {found.made.summary}"
    rows: list[tuple[str, ...]] = [
        (
            each.field,
            _place(value) if each.field == "geometry" else _said(each.value),
            short(each.commit.id),
            moment(each.commit.time),
            each.by or each.commit.author.name,
            each.commit.summary,
        )
        for each in found.fields
    ]
    yield from columns(rows, indent="  ")


def _said(value: Any) -> str:
    plain = _plain(value)
    text = plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False, default=str)
    return text if len(text) <= 40 else text[:39] + "…"


def run(value: Run) -> Record:
    """A run as a JSON object."""
    return {
        "id": value.id,
        "kind": value.kind,
        "name": value.name,
        "origin": value.origin,
        "author": value.author,
        "created": value.created.isoformat() if value.created else None,
        "configuration": value.configuration,
        "counts": value.counts,
    }


def run_lines(values: Sequence[Run]) -> list[str]:
    """One line each: id, time, kind, format or model, counts, where it came from."""
    rows: list[tuple[str, ...]] = []
    for value in values:
        counts = ", ".join(f"{number:,} {name}" for name, number in value.counts.items() if isinstance(number, int))
        created = moment(value.created) if value.created else "-"
        rows.append((value.id, created, value.kind or "-", value.name or "-", counts, value.origin or ""))
    return columns(rows)


def run_details(value: Run) -> list[str]:
    """A line for each thing that is known of a run."""
    known = [(name, cell) for name, cell in run(value).items() if cell not in (None, {})]
    return columns([(name, cell if isinstance(cell, str) else json.dumps(cell)) for name, cell in known])
