"""Queries as they are typed."""

from __future__ import annotations


def read_query(query: str) -> str:
    """A query's text, or that of the file behind an ``@``. Raises InvalidInput for a file that cannot be read."""
    if not query.startswith("@"):
        return query
    from oxide.errors import InvalidInput

    try:
        with open(query[1:], encoding="utf-8-sig") as source:
            return source.read()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{query[1:]} cannot be read: {error}", hint="give a file of JSON, or text") from error
