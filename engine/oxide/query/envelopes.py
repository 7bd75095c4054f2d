"""Whole queries as JSON, the way Dataloop's client sends them, or a bare filter; and sorts as users type them."""

from __future__ import annotations

import difflib
import json
from typing import Any

from oxide.errors import QueryError
from oxide.query.fields import SYSTEM_FACTS, Reached, resolve
from oxide.query.reading import Reader, escaped
from oxide.query.tree import Has, Node, OfItem, Query, Resource, Sorting, both, opposite
from oxide.query.values import canonical, shown

_KEYS = {
    *("filter", "join", "sort", "page", "pageSize", "resource", "intersect", "except", "update", "delete"),
    *("context", "systemSpace", "references"),
}
_MARKS = _KEYS - {"systemSpace", "references"}
LARGEST_PAGE = 1_000_000


def read_query(value: Any, place: str = "") -> Query:
    """A query out of an envelope or a bare filter. Raises QueryError with the JSON pointer of what is wrong."""
    if not isinstance(value, dict):
        raise QueryError(f"{place or '/'}: a query is an object, not {shown(value)}", hint='as in {"name": "a.jpg"}')
    if not _MARKS & value.keys():
        return Query("items", Reader("items").filter(value, place))
    for key in value:
        if key not in _KEYS:
            close = difflib.get_close_matches(str(key), sorted(_KEYS), 1)
            hint = f"did you mean '{close[0]}'?" if close else f"there are {', '.join(sorted(_KEYS))}"
            raise QueryError(f"{place}/{escaped(key)}: a query has no '{key}'", hint=hint)
    if "references" in value:
        raise QueryError(f"{place}/references: there are no tasks to refer to", hint="leave it out")
    resource = _resource(value.get("resource", "items"), f"{place}/resource")
    return Query(
        resource=resource,
        tree=_tree(value, resource, place),
        sort=read_sort(value["sort"], resource, f"{place}/sort") if _is_given(value.get("sort")) else (),
        page=_whole(value.get("page", 0), 0, f"{place}/page"),
        page_size=_whole(value["pageSize"], 1, f"{place}/pageSize") if value.get("pageSize") is not None else None,
        update=_update(value, resource, place),
        delete=_flag(value.get("delete", False), f"{place}/delete"),
    )


def _resource(value: Any, place: str) -> Resource:
    if value not in ("items", "annotations"):
        raise QueryError(f"{place}: there are no {shown(value)} to ask for", hint="'items' or 'annotations'")
    return value  # type: ignore[no-any-return]


def _is_given(part: Any) -> bool:
    """Whether a part of an envelope says anything; clients send empty objects. Other empty values are mistakes."""
    return part is not None and part != {}


def _tree(value: dict[str, Any], resource: Resource, place: str) -> Node:
    parts = [Reader(resource).filter({} if value.get("filter") is None else value["filter"], f"{place}/filter")]
    if _is_given(value.get("join")):
        parts.append(_join(value["join"], resource, f"{place}/join"))
    for key in ("intersect", "except"):
        if _is_given(value.get(key)):
            other = _other(value[key], resource, f"{place}/{key}")
            parts.append(other if key == "intersect" else opposite(other))
    return both(*parts)


def _join(value: Any, resource: Resource, place: str) -> Node:
    """One row of the other kind that fulfils the whole filter."""
    other: Resource = "annotations" if resource == "items" else "items"
    if not isinstance(value, dict) or not value.keys() <= {"on", "filter"}:
        raise QueryError(f"{place}: a join has 'on' and 'filter'", hint='{"on": {...}, "filter": {"label": "cat"}}')
    asked = (value.get("on") or {}).get("resource", other) if isinstance(value.get("on") or {}, dict) else None
    if asked != other:
        raise QueryError(
            f"{place}/on/resource: {resource} are joined to {other}, not to {shown(asked)}", hint=f"'{other}'"
        )
    part = Reader(other).filter({} if value.get("filter") is None else value["filter"], f"{place}/filter")
    return Has(part) if resource == "items" else OfItem(part)


def _other(value: Any, resource: Resource, place: str) -> Node:
    inner = value.get("query") if isinstance(value, dict) else None
    if not isinstance(inner, dict):
        raise QueryError(f"{place}: it needs a query", hint='{"query": {"filter": {...}}}')
    query = read_query(
        {"filter": {}, "resource": resource, **inner} if _MARKS & inner.keys() else inner, f"{place}/query"
    )
    if query.resource != resource:
        raise QueryError(
            f"{place}: it asks for {query.resource}, the query for {resource}", hint="ask both for one kind"
        )
    return query.tree


def read_sort(value: Any, resource: Resource, place: str) -> tuple[Sorting, ...]:
    """An order: an object of directions, or a list of such objects or of names with ``:desc``."""
    if isinstance(value, dict):
        return tuple(_sorting(name, way, resource, f"{place}/{escaped(name)}") for name, way in value.items())
    if isinstance(value, str):
        name, _, way = value.rpartition(":")
        if way.lower() not in _DIRECTIONS or not name:
            name, way = value, "asc"
        return (_sorting(name, way, resource, place),)
    if isinstance(value, list | tuple):
        return tuple(each for at, part in enumerate(value) for each in read_sort(part, resource, f"{place}/{at}"))
    raise QueryError(f"{place}: an order is an object of fields", hint='{"createdAt": "descending"}')


_DIRECTIONS = {"ascending": False, "descending": True, "asc": False, "desc": True}


def _sorting(name: Any, way: Any, resource: Resource, place: str) -> Sorting:
    try:
        field = resolve(resource, str(name), place)
    except Reached:
        raise QueryError(f"{place}: {resource} cannot be sorted by '{name}'", hint="it may have many values") from None
    if field.kind in ("list", "box"):
        raise QueryError(f"{place}: {resource} cannot be sorted by '{name}'", hint="sort by a single value")
    if way in (1, -1) and not isinstance(way, bool):
        return Sorting(field, way == -1)
    if not isinstance(way, str) or way.lower() not in _DIRECTIONS:
        raise QueryError(f"{place}: {shown(way)} is no direction", hint="'ascending' or 'descending'")
    return Sorting(field, _DIRECTIONS[way.lower()])


def _update(value: dict[str, Any], resource: Resource, place: str) -> str | None:
    update = value.get("update")
    may_set_system = value.get("systemSpace") is not None and _flag(value["systemSpace"], f"{place}/systemSpace")
    if update is None:
        return None
    place = f"{place}/update"
    if update == {}:
        raise QueryError(f"{place}: the update sets nothing", hint="say what to set, or leave it out to search")
    if value.get("delete"):
        raise QueryError(f"{place}: a query updates or deletes, not both", hint="leave one out")
    if not isinstance(update, dict):
        raise QueryError(f"{place}: an update is an object", hint='{"metadata": {"user": {"a": 1}}}')
    allowed = ("metadata",) if resource == "items" else ("label", "attributes", "score", "description")
    for key in update:
        if key not in allowed:
            raise QueryError(
                f"{place}/{key}: '{key}' of {resource} cannot be set", hint=f"it sets {', '.join(allowed)}"
            )
    metadata = update.get("metadata")
    if isinstance(metadata, dict) and "system" in metadata:
        _check_system(metadata["system"], f"{place}/metadata/system", is_allowed=may_set_system)
    return canonical(update, place)


def _check_system(system: Any, place: str, *, is_allowed: bool) -> None:
    """Look at what an update sets below ``metadata.system``: what imports keep, not what files say of themselves."""
    if not is_allowed:
        raise QueryError(
            f"{place}: system metadata comes from files and imports", hint="set 'user', or add \"systemSpace\": true"
        )
    if not isinstance(system, dict):
        raise QueryError(f"{place}: metadata is an object", hint='{"metadata": {"system": {"a": 1}}}')
    for name in sorted(SYSTEM_FACTS & system.keys()):
        raise QueryError(f"{place}/{name}: '{name}' is read from the file", hint="leave it out")


def _whole(value: Any, least: int, place: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= LARGEST_PAGE:
        raise QueryError(f"{place}: {shown(value)} is no whole number from {least} to {LARGEST_PAGE}", hint="as in 100")
    return value


def _flag(value: Any, place: str) -> bool:
    if not isinstance(value, bool):
        raise QueryError(f"{place}: {shown(value)} is neither true nor false", hint="use true")
    return value


def load_json(text: str) -> Any:
    """The value of JSON text. Raises QueryError with the line and column of a mistake."""
    try:
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_without_doubles)
    except RecursionError:
        raise QueryError("the query is nested too deeply", hint="make it flatter") from None
    except json.JSONDecodeError as error:
        raise QueryError(
            f"the query is no JSON: {error.msg} at line {error.lineno}, column {error.colno}",
            hint="text without braces is read as the text form: label:cat",
        ) from None
    except ValueError:  # Python reads no integers of thousands of digits
        raise QueryError("the query has an integer beyond those of 64 bits", hint="write it as 1e20") from None


def _refuse_constant(name: str) -> Any:
    raise QueryError(f"{name} is no number in JSON", hint="use a finite one")


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; the same name twice would silently be one condition only."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise QueryError(f"the query names '{double}' twice in one object", hint='put both into {"$and": [...]}')
    return found
