"""Any form of a query as the tree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from oxide.errors import QueryError
from oxide.query.envelopes import load_json, read_query
from oxide.query.tree import Query

_LIST = re.compile(r"\s*\[\s*[{\]]")
"""How a list of JSON begins. In the text form ``[`` may be part of a path."""


def understood(query: Any) -> Query:
    """A query out of whatever it is given as. Raises QueryError."""
    if query is None:
        return Query()
    if isinstance(query, Query):
        return query
    if isinstance(query, str):
        return _of_text(query)
    if hasattr(query, "prepare"):
        query = query.prepare()
    if not isinstance(query, Mapping):
        raise QueryError(f"{type(query).__name__} is no query", hint="give a dict, a text or Filters")
    try:
        return read_query(dict(query))
    except RecursionError:
        raise QueryError("the query is nested too deeply", hint="make it flatter") from None


def _of_text(query: str) -> Query:
    if query.lstrip().startswith("{"):
        try:
            return read_query(load_json(query))
        except RecursionError:
            raise QueryError("the query is nested too deeply", hint="make it flatter") from None
    if _LIST.match(query):
        raise QueryError("at character 1: a query is an object, not a list", hint='all of it: {"$and": [{...}, {...}]}')
    from oxide.query.text import parse

    return Query("items", parse(query, "items"))
