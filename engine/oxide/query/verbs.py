"""The verb about questions as methods: :class:`oxide.Repository` inherits them."""

from __future__ import annotations

from collections.abc import Mapping

from oxide.holding import holding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from oxide._core import Store
    from oxide.query.running import QueryResult
    from oxide.query.tree import Query
    from oxide.repository import Repository
    from oxide.sql import SqlResult
    from oxide.types import Progress
    from oxide.views.saving import SavedView
    from oxide.views.view import View

    Sort = str | Mapping[str, str | int] | list[str | Mapping[str, str | int]]


class QueryVerbs:
    """Questions about a repository."""

    store: Store

    def _with_queries(self) -> Repository:
        return self  # type: ignore[return-value]  # nothing else inherits this

    def query(
        self,
        query: Any = None,
        *,
        at: str | None = None,
        sort: Sort | None = None,
        limit: int | None = None,
        after: str | None = None,
        progress: Progress | None = None,
    ) -> QueryResult:
        """Find items or annotations of a revision; without ``at``: of HEAD with what is pending.

        ``query`` is a filter or an envelope of the JSON language as a dict or as JSON text, the text form, a
        :class:`oxide.Filters`, or nothing: everything. ``docs/queries.md`` defines the language. ``limit`` is the size
        of a page, ``after`` the cursor of an earlier one.

        Raises:
            QueryError: the query is not understood; the message says where.
            InvalidInput: the cursor is of another query, or a page was given for a query that changes what it finds.
        """
        from dataclasses import replace

        from oxide.errors import InvalidInput
        from oxide.query.asking import understood
        from oxide.query.envelopes import LARGEST_PAGE, read_sort
        from oxide.query.running import QueryResult

        asked: Query = understood(query)
        if sort:
            asked = replace(asked, sort=read_sort(sort, asked.resource, "sort"))
        if limit is not None:
            if not 0 < limit <= LARGEST_PAGE:
                raise InvalidInput(f"a page has 1 to {LARGEST_PAGE} rows, not {limit}", hint="leave it out for all")
            asked = replace(asked, page_size=limit)
        if (limit is not None or after is not None) and (asked.update is not None or asked.delete):
            raise InvalidInput(
                "a change is of everything that is found, not of a page",
                hint="leave out limit and after, or ask for less",
            )
        repository = self._with_queries()
        hold = repository.store.hold()
        commit = None if at is None else repository.resolve_revision(at)
        return QueryResult(repository, asked, commit, after, hold, progress)

    @holding
    def sql(
        self,
        query: str,
        *,
        at: str | None = None,
        timeout: float | None = None,
        memory_limit: str | None = None,
        progress: Progress | None = None,
    ) -> SqlResult:
        """One SELECT over the tables of a revision; without ``at``: HEAD with what is pending in the workspace."""
        from oxide.sql import query as run_query

        limits = self.query_limits()
        timeout = limits[0] if timeout is None else timeout
        memory_limit = limits[1] if memory_limit is None else memory_limit
        return run_query(
            self._with_queries(), query, at=at, timeout=timeout, memory_limit=memory_limit, progress=progress
        )

    def view(self, at: str | None = None) -> View:
        """All items of a revision as a lazy view; without ``at``: of HEAD with what is pending. Raises NotFound."""
        from oxide.query.running import Engine
        from oxide.views.view import View

        repository = self._with_queries()
        hold = repository.store.hold()
        commit = None if at is None else repository.resolve_revision(at)
        return View(repository, Engine(repository, commit), commit, (), hold)

    def save_view(self, name: str, view: View, description: str | None = None) -> None:
        """Keep the steps of a view under a name, pending for the next commit. A view of that name is replaced.

        Raises InvalidInput for what is no name, and for what is no view.
        """
        from oxide.errors import InvalidInput
        from oxide.views import saving
        from oxide.views.view import View

        if not isinstance(view, View):
            raise InvalidInput(f"{view!r} is no view", hint="save_view(name, repo.view().match('label:cat'))")
        saving.save(self._with_queries(), name, view.steps, description)

    def load_view(self, name: str, at: str | None = None) -> View:
        """A view that was saved, over the revision that it is read from. Raises NotFound."""
        from oxide.views import saving

        repository = self._with_queries()
        found = saving.find(repository, repository.state_at(at), name)
        return self.view(at)._with(*found.steps)

    def views(self, at: str | None = None) -> list[SavedView]:
        """The saved views of a revision, by name; without ``at`` of what is pending."""
        from oxide.views import saving

        repository = self._with_queries()
        return saving.listed(repository, repository.state_at(at))

    def remove_view(self, name: str) -> None:
        """Forget a saved view, pending for the next commit. Raises NotFound."""
        from oxide.views import saving

        saving.remove(self._with_queries(), name)

    def apply_query(self, result: QueryResult, *, dry_run: bool = False) -> int:
        """Do what a query's ``update`` or ``delete`` says to what it finds, as one operation, pending.

        Returns how many rows it changes. Raises InvalidInput for a query that changes nothing, or is about a revision.
        """
        from oxide.query import editing

        return editing.apply(self._with_queries(), result, dry_run=dry_run)

    def query_limits(self) -> tuple[float | None, str | None]:
        """Seconds and memory that a query may take, as the settings say."""
        settings = self._with_queries().settings
        memory = settings.get("sql.memory")
        return settings.number("sql.timeout"), memory.value if memory else None
