"""From a query's text to a locked connection on which it can run: only what the query names is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oxide.errors import QueryError
from oxide.sql.connection import Sandbox
from oxide.sql.relations import Relation, create
from oxide.sql.result import SqlResult
from oxide.sql.sources import RepositoryLike, RepositoryView, Sources
from oxide.sql.statement import Reference, Statement, parse

if TYPE_CHECKING:
    from oxide.types import Progress

_PARSED: dict[str, Statement] = {}
_MOST_PARSED = 256


def query(
    repository: RepositoryLike,
    text: str,
    *,
    at: str | None = None,
    timeout: float | None = None,
    memory_limit: str | None = None,
    tables: dict[str, tuple[str, str]] | None = None,
    progress: Progress | None = None,
) -> SqlResult:
    """Check a query, find what it reads, and prepare its result.

    ``tables`` adds tables of the store by name, such as a view's ``self``.
    """
    hold = repository.store.hold()
    sandbox = Sandbox(timeout=timeout, memory_limit=memory_limit)
    statement = _parsed(sandbox, text)
    sources = Sources(RepositoryView(repository, at), progress)
    relations = _relations(sources, statement, tables or {})
    used = sources.files_used(list(relations.values()))
    sandbox.close_to_files(used)
    for name, relation in relations.items():
        create(sandbox, name, relation)
    sandbox.lock()
    sources.trim(used)
    return SqlResult(sandbox, statement.text, lambda: sources.files_used(list(relations.values())), hold)


def _parsed(sandbox: Sandbox, text: str) -> Statement:
    """The checked query: the same is often asked again of another state. A long text takes time before it runs: that
    time is limited too, and Ctrl-C ends it."""
    statement = _PARSED.get(text)
    if statement is None:
        run = sandbox.run()
        try:
            statement = run.call(lambda _: parse(sandbox, text))
        finally:
            run.close()
        if len(_PARSED) >= _MOST_PARSED:
            _PARSED.clear()
        _PARSED[text] = statement
    return statement


def _relations(sources: Sources, statement: Statement, extra: dict[str, tuple[str, str]]) -> dict[str, Relation]:
    found: dict[str, Relation] = {}
    for view, reference in statement.references.items():
        relation = _relation(sources, reference, extra)
        if relation is not None:
            found[view] = relation
        elif reference.revision is not None or reference.name not in statement.shadowed:
            raise sources.unknown(reference)
    return found


def _relation(sources: Sources, reference: Reference, extra: dict[str, tuple[str, str]]) -> Relation | None:
    if reference.function == "table" and reference.name in extra:
        if reference.revision is not None:
            raise QueryError(f"{reference.name} has no versions", hint="leave out AT")
        return sources.stored(extra[reference.name])
    return sources.relation(reference)
