"""Texts that mean harm, a repository that holds each wherever a text can be, and what a query that is wrong must do."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from labels.workbench import make_repository
from oxide import Annotation, Repository
from oxide.errors import QueryError

LONGEST = 300
INJECTIONS = [
    "' OR 1=1 --",
    "'; DROP TABLE files; --",
    '" OR ""="',
    "') UNION SELECT path FROM files --",
    "') OR EXISTS (FROM read_text('/etc/passwd')) --",
    "' || (SELECT content FROM read_text('/etc/passwd')) || '",
    "x'); ATTACH 'evil.db'; --",
    "\\'; SELECT 1; --",
    "$1",
    "$a",
    "?",
    "%",
    "_%",
    "%s {} {0} {path}",
    '"]',
    "[0]",
    "$[0]",
    "#",
    "/",
    "~1",
    "a'b\"c`d",
    "/* */ -- \n;",
    "{'a': 1}",
    '{"$ne": 1}',
    "null",
    "true",
    "1e5",
    "\u202e\u0000'",
    "\uff07 OR 1=1",
]
WITHOUT_DOTS = [text for text in INJECTIONS if "." not in text]


@contextlib.contextmanager
def alarm() -> Iterator[None]:
    """Ends what hangs, far beyond what any of it takes."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"it takes more than {LONGEST} seconds")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(LONGEST)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def path_of(text: str) -> str:
    """The path of the file that is about a text; it is in the path as far as a path can hold it."""
    return f"{INJECTIONS.index(text):02} {text}".replace("/", "\u2215").replace("\0", "")


def build(folder: Path) -> Repository:
    """A file for each text, which is its name, its label, in its attributes and in its metadata."""
    repository = make_repository(folder / "tree", *map(path_of, INJECTIONS), "plain")
    for text in INJECTIONS:
        repository.set_metadata([path_of(text)], {"text": text, "names": {text: 1}, "list": [{text: text}, text]})
        repository.annotate(path_of(text), Annotation("class", text, attributes={"text": text}, description=text))
    repository.set_metadata(["plain"], {"long": "a" * 50_000})
    repository.commit("hostile")
    return repository


def paths(repository: Repository, query: Any, **options: Any) -> list[str]:
    """What a query finds."""
    found: list[str] = repository.query(query, **options).paths
    return found


def refused(repository: Repository, query: Any) -> QueryError:
    """The failure of a query; it is short, however long the query is."""
    with pytest.raises(QueryError) as caught:
        result = repository.query(query)
        _ = result.ids
    assert caught.value.code == "query"
    assert len(caught.value.message) < 2000
    return caught.value
