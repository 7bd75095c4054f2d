"""Changing or removing what a query finds: one operation, pending for the next commit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from oxide import clock
from oxide.errors import InvalidInput, QueryError
from oxide.labels import ontology, reading
from oxide.labels.changes import Changes, publish_edit, refuse_undecided
from oxide.labels.metadata import RESERVED, check_names
from oxide.labels.rows import annotation_row
from oxide.wording import count
from oxide.workspace import State, read_state

if TYPE_CHECKING:
    from oxide.labels.annotation import Annotation
    from oxide.query.running import QueryResult
    from oxide.repository import Repository

    Rows = Callable[[State, Changes], Iterator[int]]

_AT_ONCE = 10_000


def apply(repository: Repository, result: QueryResult, *, dry_run: bool) -> int:
    """Do what the query's ``update`` or ``delete`` says. Returns how many rows that changes.

    Raises:
        InvalidInput: the query neither updates nor deletes, or looks at an earlier revision.
    """
    query = result.query
    if query.update is None and not query.delete:
        raise InvalidInput("the query changes nothing", hint='give it "update": {...} or "delete": true')
    if result.revision is not None:
        raise InvalidInput("only what is pending can be changed", hint="leave out the revision")
    if query.delete and query.resource == "items":
        paths = result.paths
        return len(repository.remove(paths, dry_run=dry_run)) if paths else 0
    if query.delete:
        keys = result.keys
        return len(keys) if dry_run or not keys else repository.remove_annotations([each for _, each in keys])
    assert query.update is not None
    update = json.loads(query.update)
    if query.resource == "items":
        values = _flat(update["metadata"])
        return _update_metadata(repository, result.ids, values, dry_run)
    return _update_annotations(repository, result.keys, update, dry_run)


def _flat(metadata: Any) -> dict[str, Any]:
    """The metadata to set, with what is ``user``'s at the top, as it is stored."""
    if not isinstance(metadata, dict):
        raise QueryError("/update/metadata: metadata is an object", hint='{"metadata": {"user": {"a": 1}}}')
    user = metadata.get("user", {})
    if not isinstance(user, dict):
        raise QueryError("/update/metadata/user: metadata is an object", hint='{"metadata": {"user": {"a": 1}}}')
    values = {name: value for name, value in metadata.items() if name not in RESERVED} | user
    check_names(values)
    return values | ({"system": metadata["system"]} if "system" in metadata else {})


def merged(old: Any, new: Any) -> Any:
    """JSON laid over JSON: object into object, anything else in place of what was; null removes."""
    if not isinstance(new, dict):
        return new
    result = dict(old) if isinstance(old, dict) else {}
    for name, value in new.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def _update_metadata(repository: Repository, items: Sequence[str], values: dict[str, Any], dry_run: bool) -> int:
    def rows(state: State, changes: Changes) -> Iterator[int]:
        author, now = str(repository.settings.author()), clock.to_datetime(clock.now())
        for part in _parts(items):
            before = reading.metadata_of(repository.store, state.pending, part)
            for item in part:
                old = before.get(item)
                new = merged(old or {}, values)
                if new == (old or {}):
                    continue
                yield 1
                if new:
                    changes.upsert("metadata", [{"item_id": item, "value": new, "updated": now, "updated_by": author}])
                else:
                    changes.remove("metadata", [(item,)])

    return _published(repository, items, "metadata", f"set {', '.join(sorted(values))} of {{}}", rows, dry_run)


def _update_annotations(
    repository: Repository, keys: Sequence[tuple[str, str]], update: dict[str, Any], dry_run: bool
) -> int:
    wanted = {annotation for _, annotation in keys}
    items = list(dict.fromkeys(item for item, _ in keys))

    def rows(state: State, changes: Changes) -> Iterator[int]:
        author, now = str(repository.settings.author()), clock.to_datetime(clock.now())
        rules = ontology.read(repository.store, state.pending)
        for part in _parts(items):
            for old in reading.annotations_of(repository.store, state.pending, part):
                new = _updated(old, update) if old.id in wanted else old
                if new == old:
                    continue
                rules.check(new)
                new.check_fields()
                changes.upsert("annotations", [annotation_row(replace(new, updated=now, updated_by=author))])
                yield 1

    return _published(repository, items, "annotate", f"set {', '.join(sorted(update))} of {{}}", rows, dry_run)


def _updated(old: Annotation, update: dict[str, Any]) -> Annotation:
    fields = {name: value for name, value in update.items() if name != "attributes"}
    if "attributes" in update:
        fields["attributes"] = merged(old.attributes, update["attributes"] or {})
    return replace(old, **fields)


def _published(repository: Repository, items: Sequence[str], kind: str, what: str, rows: Rows, dry_run: bool) -> int:
    with repository.store.begin() as session:
        state = read_state(repository.store)
        refuse_undecided(repository, state, items)
        changes = Changes(session)
        changed = sum(rows(state, changes))
        if changed and not dry_run:
            noun = "file" if kind == "metadata" else "annotation"
            publish_edit(repository, session, state, kind, f"query: {what.format(count(changed, noun))}", changes.apply)
    return changed


def _parts(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]
