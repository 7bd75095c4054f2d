"""Ids of the rows that changed since a revision or a time."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from oxide._core import EMPTY_ROOT
from oxide.errors import QueryError, UnknownRevision
from oxide.query.tree import Resource
from oxide.query.values import moment

if TYPE_CHECKING:
    import pyarrow

    from oxide.repository import Repository
    from oxide.workspace import Tables

_TABLES = {"items": ("files", "items", "metadata"), "annotations": ("annotations", "keyframes")}
_IDS = {"items": "item_id", "annotations": "ann_id"}


def tables_since(repository: Repository, since: str) -> Tables:
    """The tables at a revision, or of the newest commit of HEAD's history that is not younger than a time."""
    try:
        return repository.state_at(since)
    except UnknownRevision as error:
        try:
            when = datetime.fromisoformat(moment(since, "$changedSince"))
        except QueryError:
            raise QueryError(f"$changedSince: {error.message}", hint=error.hint) from None
    try:
        for entry in repository.log():
            if entry.commit.time <= when:
                return repository.state_at(entry.commit.id)
    except UnknownRevision:  # nothing is committed yet
        pass
    return {}


def changed_ids(repository: Repository, resource: Resource, before: Tables, after: Tables) -> pyarrow.Table:
    """A table with a column ``id`` of bytes. Rows that are no longer there may be in it: no query finds them."""
    import pyarrow

    from oxide.sql.arrow import concatenated

    name = _IDS[resource]
    found = []
    for table in _TABLES[resource]:
        one, other = before.get(table), after.get(table)
        schema = (other or one or ("", ""))[0]
        roots = (one[1] if one else EMPTY_ROOT, other[1] if other else EMPTY_ROOT)
        if schema and roots[0] != roots[1]:
            stream = repository.store.diff_stream(schema, *roots)
            found += [batch.column(name) for batch in pyarrow.RecordBatchReader.from_stream(stream)]
    return pyarrow.table({"id": concatenated(found)})
