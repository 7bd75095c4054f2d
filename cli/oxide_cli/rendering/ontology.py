"""The ontology and its changes as JSON objects and as lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from oxide_cli.definitions import attribute_text, label_record
from oxide_cli.rendering.text import columns, count, number, short

if TYPE_CHECKING:
    from oxide.labels.impact import Conflict, LabelChange
    from oxide.labels.ontology import Label, Ontology

    from oxide_cli.output import Console

Record = dict[str, object]


def ontology(value: Ontology, used: dict[str, int] | None) -> Record:
    """The object that ``label list --json`` prints; with counts where they were asked for."""
    labels = [label_record(label) for label in value.labels.values()]
    record: Record = {"closed": value.closed, "labels": labels}
    if used is not None:
        record["labels"] = [{**label, "annotations": used.get(str(label["name"]), 0)} for label in labels]
        record["unknown"] = [
            {"name": name, "annotations": amount} for name, amount in used.items() if name not in value.labels
        ]
    return record


def ontology_lines(value: Ontology, used: dict[str, int] | None) -> Iterator[str]:
    """One line a label, those below another one indented behind it; then labels that are only in use."""
    rows = [
        (
            "  " * depth + label.name,
            *(() if used is None else (number(used.get(label.name, 0)),)),
            label.color or "-",
            ", ".join(label.tools) or "any",
            " ".join(attribute_text(name, each) for name, each in label.attributes.items()),
        )
        for depth, label in _by_hierarchy(value)
    ]
    yield from columns(rows, right=() if used is None else (1,))
    if not value.labels:
        yield "no labels are defined"
    yield "closed: no other labels are taken" if value.closed else "open: other labels are taken too"
    unknown = [name for name in used or {} if name not in value.labels]
    if used is not None and unknown:
        yield ""
        yield "In use, but not defined:"
        yield from columns([(name, number(used[name])) for name in unknown], right=(1,), indent="  ")


def _by_hierarchy(value: Ontology) -> list[tuple[int, Label]]:
    """The labels with their depth, each below its parent; those whose parents a merge took away are at the top."""
    shown: dict[str, tuple[int, Label]] = {}

    def show(label: Label, depth: int) -> None:
        if label.name not in shown:
            shown[label.name] = depth, label
            for other in value.labels.values():
                if other.parent == label.name:
                    show(other, depth + 1)

    tops = [label for label in value.labels.values() if label.parent not in value.labels]
    for label in (*tops, *value.labels.values()):
        show(label, 0)
    return list(shown.values())


def conflict(value: Conflict) -> Record:
    """Annotations that do not fit, as JSON."""
    return {
        "label": value.label,
        "problem": value.problem,
        "annotations": value.annotations,
        "examples": list(value.examples),
    }


def conflict_line(value: Conflict) -> str:
    """``'dog' does not know the attribute 'pose': 12 annotations (66…, …)``."""
    return f"{value.problem}: {count(value.annotations, 'annotation')}, such as {value.examples[0]}"


def change(value: LabelChange, dry_run: bool) -> Record:
    """The impact of a change of labels, as JSON."""
    return {
        "annotations": value.annotations,
        "keyframes": value.keyframes,
        "items": value.items,
        "sources": dict(sorted(value.sources.items())),
        "labels": [{"old": old, "new": new, "annotations": n} for (old, new), n in sorted(value.labels.items())],
        "left": value.left,
        "conflicts": [conflict(each) for each in value.conflicts],
        "added": value.added,
        "changed": value.changed,
        "removed": value.removed,
        "closed": value.closed,
        "commit": value.commit,
        "dry_run": dry_run,
    }


def change_lines(value: LabelChange, dry_run: bool) -> Iterator[str]:
    """What changed or would change, a line for each kind of it."""
    would = "would be " if dry_run else ""
    for (old, new), amount in sorted(value.labels.items()):
        yield f"{old} -> {new}: {count(amount, 'annotation')}"
    if value.annotations or value.keyframes:
        by = ", ".join(f"{number(amount)} {source}" for source, amount in sorted(value.sources.items()))
        tracks = f" and {count(value.keyframes, 'keyframe')}" if value.keyframes else ""
        files, sources = count(value.items, "file"), f" ({by})" if by else ""
        yield f"{count(value.annotations, 'annotation')}{tracks} of {files} {would}relabelled{sources}"
    if value.left:
        yield f"{count(value.left, 'annotation')} {'would keep' if dry_run else 'kept'} the label"
    for names, word in ((value.added, "added"), (value.changed, "changed"), (value.removed, "removed")):
        if names:
            yield f"{would}{word}: {', '.join(names)}"
    if value.closed is not None:
        yield f"the ontology {'would be' if dry_run else 'is'} {'closed' if value.closed else 'open'}"


def tell(console: Console, value: LabelChange, as_json: bool, dry_run: bool) -> None:
    """Print a change, and warn of what does not fit."""
    if as_json:
        console.json(change(value, dry_run))
        return
    if dry_run:
        console.lines(change_lines(value, dry_run))
    else:
        for line in change_lines(value, dry_run):
            console.done(line)
    for each in value.conflicts:
        console.warn(conflict_line(each))
    if dry_run:
        return
    if value.commit is not None:
        console.done(f"committed as {short(value.commit)}")
    console.undoable()
    if value.commit is None:
        console.next("oxide commit -m TEXT")
