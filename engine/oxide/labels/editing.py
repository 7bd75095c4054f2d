"""Annotating and describing single files by hand: each call is one operation, pending for the next commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from oxide import clock
from oxide.errors import InvalidInput, NotFound, NothingToDo
from oxide.labels import fitting, ids, ontology, reading, sizes
from oxide.labels.advancing import Advance
from oxide.labels.changes import Changes, publish_edit, refuse_undecided
from oxide.labels.metadata import with_value, without_value
from oxide.labels.rows import annotation_row, keyframe_rows
from oxide.wording import count
from oxide.workspace import read_state

if TYPE_CHECKING:
    from oxide.labels.annotation import Annotation
    from oxide.labels.fitting import Size
    from oxide.labels.ontology import Ontology
    from oxide.repository import Repository
    from oxide.types import Progress


def annotate(
    repository: Repository, path: str, annotations: Sequence[Annotation], progress: Progress | None = None
) -> list[Annotation]:
    """Add annotations to a file, or replace those whose id it has. Returns them with ids, author and times."""
    if not annotations:
        raise NothingToDo("there is no annotation to add", hint="give one or more")
    store = repository.store
    with store.begin() as session:
        state = read_state(store)
        item = reading.item_of(store, state.pending, path)
        refuse_undecided(repository, state, [item])
        rules = ontology.read(store, state.pending)
        known = {each.id: each for each in reading.annotations_of(store, state.pending, [item])}
        size = sizes.of_file(store, state.pending, path)
        author, now = str(repository.settings.author()), clock.to_datetime(clock.now())
        new_ids = ids.new_ids()
        changes, made = Changes(session, progress), []
        advance = Advance(progress, "annotating", len(annotations))
        for annotation in annotations:
            advance.by(1)
            old = _replaced(known, annotation, path)
            complete = replace(
                _checked(annotation, old, rules, size, path),
                id=annotation.id or next(new_ids),
                item_id=item,
                author=annotation.author or (old.author if old else author),
                created=annotation.created or (old.created if old else now),
            )
            complete = _with_last_change(complete, old, author, now)
            made.append(complete)
            if old is not None:
                changes.remove("keyframes", [(item, old.id, keyframe.frame) for keyframe in old.keyframes])
            changes.upsert("annotations", [annotation_row(complete)])
            changes.upsert("keyframes", keyframe_rows(complete))
        what = f"annotate {path}: {count(len(made), 'annotation')}"
        publish_edit(repository, session, state, "annotate", what, changes.apply)
    return made


def _checked(annotation: Annotation, old: Annotation | None, rules: Ontology, size: Size, path: str) -> Annotation:
    """An annotation of a file with its box, after it was looked at as an import does. A shape that it had already may
    be where it was: its label can be mended all the same.
    """
    try:
        rules.check(annotation)
        checked = annotation.checked()
        same = old is not None and (old.box, old.geometry) == (checked.box, checked.geometry)
        fitting.check(checked, *((None, None) if same else size))
    except InvalidInput as error:
        raise InvalidInput(f"'{path}': {error.message}", hint=error.hint, path=path) from error
    return checked


def _with_last_change(annotation: Annotation, old: Annotation | None, author: str, now: datetime) -> Annotation:
    """An annotation with who changed it last and when, where it does not say so itself. What it says of that because it
    was read so, and changed since, it does not say itself.
    """
    if old is not None and annotation != old and annotation.updated == old.updated:
        annotation = replace(annotation, updated=None)
        if annotation.updated_by == old.updated_by:
            annotation = replace(annotation, updated_by=None)
    return replace(annotation, updated=annotation.updated or now, updated_by=annotation.updated_by or author)


def _replaced(known: dict[str | None, Annotation], annotation: Annotation, path: str) -> Annotation | None:
    """The annotation that one with an id replaces. Raises NotFound."""
    if annotation.id is None:
        return None
    if ids.checked(annotation.id, "an annotation") not in known:
        raise NotFound(f"'{path}' has no annotation {annotation.id}", hint=f"see `oxide annotations {path}`", path=path)
    return known[annotation.id]


def remove(repository: Repository, annotation_ids: Sequence[str], progress: Progress | None = None) -> int:
    """Remove annotations by their ids. Returns how many."""
    store = repository.store
    wanted = [ids.checked(each, "an annotation") for each in annotation_ids]
    with store.begin() as session:
        state = read_state(store)
        found = reading.find_annotations(store, state.pending, wanted, progress)
        refuse_undecided(repository, state, list(found.values()))
        changes = Changes(session, progress)
        for annotation in reading.annotations_of(store, state.pending, sorted(set(found.values()))):
            if annotation.id in found:
                changes.remove("annotations", [(annotation.item_id, annotation.id)])
                frames = [(annotation.item_id, annotation.id, each.frame) for each in annotation.keyframes]
                changes.remove("keyframes", frames)
        what = f"annotate: remove {count(len(found), 'annotation')}"
        publish_edit(repository, session, state, "annotate", what, changes.apply)
    return len(found)


def set_metadata(
    repository: Repository, paths: Sequence[str], values: dict[str, Any], progress: Progress | None = None
) -> int:
    """Set metadata of every file at and below some paths: dotted keys to JSON values. Returns how many changed."""
    if not values:
        raise InvalidInput("there is nothing to set", hint="give KEY=VALUE")

    def changed(value: Any) -> Any:
        for key, new in values.items():
            value = with_value(value, key, new)
        return value

    return _change_metadata(repository, paths, changed, f"set {', '.join(sorted(values))}", progress)


def unset_metadata(
    repository: Repository, paths: Sequence[str], keys: Sequence[str], progress: Progress | None = None
) -> int:
    """Remove keys from the metadata of every file at and below some paths. Returns how many files changed."""
    if not keys:
        raise InvalidInput("there is nothing to remove", hint="give the keys")

    def changed(value: Any) -> Any:
        for key in keys:
            value = without_value(value, key)
        return value

    return _change_metadata(repository, paths, changed, f"unset {', '.join(sorted(keys))}", progress)


def _change_metadata(
    repository: Repository, paths: Sequence[str], change: Any, what: str, progress: Progress | None
) -> int:
    store = repository.store
    with store.begin() as session:
        state = read_state(store)
        items = sorted(set(reading.items_below(store, state.pending, paths).values()))
        refuse_undecided(repository, state, items)
        author, now = str(repository.settings.author()), clock.to_datetime(clock.now())
        changes, changed = Changes(session, progress), 0
        advance = Advance(progress, "changing metadata", len(items))
        for start in range(0, len(items), Changes.BATCH):
            some = items[start : start + Changes.BATCH]
            before = reading.metadata_of(store, state.pending, some)
            for item in some:
                advance.by(1)
                old = before.get(item)
                new = change(old)
                if new == old:
                    continue
                changed += 1
                if new:
                    row = {"item_id": item, "value": new, "updated": now, "updated_by": author}
                    changes.upsert("metadata", [row])
                else:
                    changes.remove("metadata", [(item,)])
        if changed:
            description = f"metadata: {what} of {count(changed, 'file')}"
            publish_edit(repository, session, state, "metadata", description, changes.apply)
    return changed
