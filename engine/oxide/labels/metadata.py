"""Metadata of an item: one JSON object. Dotted keys name places in it; ``user.`` in front of a key may be left out."""

from __future__ import annotations

import json
from typing import Any

from oxide.errors import InvalidInput

RESERVED = ("user", "system")
"""Names at the top that users do not set: ``user.foo`` and ``foo`` are one place, ``system`` is kept for imports."""


def place(key: str) -> list[str]:
    """The names along a dotted key.

    Raises:
        InvalidInput: a name is empty, or reserved.
    """
    names = key.split(".")
    if names[0] == "user" and len(names) > 1:
        names = names[1:]
    if not all(names):
        raise InvalidInput(f"'{key}' is no key of metadata: a name in it is empty", hint="as in a.b.c")
    if names[0] in RESERVED:
        raise InvalidInput(f"the key '{names[0]}' is reserved", hint="use another name at the top")
    return names


def with_value(metadata: Any, key: str, value: Any) -> dict[str, Any]:
    """Metadata with one value set; objects on the way are made. Raises InvalidInput where no object can be."""
    _check_json(key, value)
    *above, last = place(key)
    changed = dict(metadata or {})
    at = changed
    for depth, name in enumerate(above):
        below = at.get(name, {})
        if not isinstance(below, dict):
            there = ".".join(above[: depth + 1])
            raise InvalidInput(
                f"'{key}' cannot be set: '{there}' is {json.dumps(below)}, no object", hint=f"unset '{there}' first"
            )
        at[name] = dict(below)
        at = at[name]
    at[last] = value
    return changed


def without_value(metadata: Any, key: str) -> dict[str, Any]:
    """Metadata without one value; objects that become empty by it go too."""
    *above, last = place(key)
    changed = dict(metadata or {})
    ways = [changed]
    for name in above:
        below = ways[-1].get(name)
        if not isinstance(below, dict):
            return dict(metadata or {})
        ways[-1][name] = dict(below)
        ways.append(ways[-1][name])
    ways[-1].pop(last, None)
    for way, name in reversed(list(zip(ways, above, strict=False))):
        if way[name] == {}:
            del way[name]
    return changed


def check_names(metadata: dict[str, Any]) -> None:
    """Look at the names at the top. Raises InvalidInput for a reserved one."""
    for name in metadata:
        if name in RESERVED:
            raise InvalidInput(f"the key '{name}' is reserved", hint="use another name at the top")


def flattened(metadata: dict[str, Any]) -> dict[str, Any]:
    """Metadata as other platforms write it, with ``user`` as an object of its own, as it is stored here."""
    own = {name: value for name, value in metadata.items() if name != "user"}
    user = metadata.get("user")
    return {**own, **user} if isinstance(user, dict) else metadata if user is not None else own


def parse_value(text: str) -> Any:
    """A value as typed: JSON where it is JSON, else text."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except ValueError:
        return text


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _check_json(key: str, value: Any) -> None:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"the value of '{key}' is no JSON: {error}", hint="use text, numbers, lists, objects"
        ) from error
