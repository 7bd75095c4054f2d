"""One revision, read only."""

from __future__ import annotations

import difflib
import html
import os
import posixpath
from typing import IO, TYPE_CHECKING, Any, Protocol

from oxide import _core
from oxide.errors import InvalidInput, NotFound
from oxide.reading import open_content
from oxide.types import Commit, FileEntry
from oxide.workspace import present

if TYPE_CHECKING:
    from oxide._core import Hold
    from oxide.labels.annotation import Annotation
    from oxide.query.running import QueryResult
    from oxide.sql import SqlResult
    from oxide.sql.sources import RepositoryLike
    from oxide.tables import TableView
    from oxide.views.view import View

    class SnapshotRepository(RepositoryLike, Protocol):
        """What a snapshot needs of a repository besides its tables."""

        def ls(
            self, revision: str = "HEAD", path: str | os.PathLike[str] = "", *, recursive: bool = False
        ) -> list[FileEntry]: ...
        def query(self, query: Any = None, *, at: str | None = None) -> QueryResult: ...
        def view(self, at: str | None = None) -> View: ...


class Snapshot:
    """``repo.at(REV)``: lazy; nothing is read before it is asked for."""

    commit: Commit

    def __init__(self, repository: SnapshotRepository, commit: Commit, hold: Hold | None = None) -> None:
        self._repository = repository
        self._hold = hold
        self.commit = commit

    @property
    def files(self) -> TableView:
        """The files and links, by path."""
        return self.table("files")

    @property
    def items(self) -> TableView:
        """The items, by id."""
        return self.table("items")

    @property
    def annotations(self) -> TableView:
        """The annotations, by item and id."""
        return self.table("annotations")

    @property
    def keyframes(self) -> TableView:
        """The keyframes of tracks, by item, annotation and frame."""
        return self.table("keyframes")

    @property
    def metadata(self) -> TableView:
        """The metadata, by item."""
        return self.table("metadata")

    @property
    def ontology(self) -> TableView:
        """The labels that there are, by name, and whether others are refused."""
        return self.table("ontology")

    def annotations_of(self, path: str | os.PathLike[str]) -> list[Annotation]:
        """The annotations of a file, by id. Raises NotFound."""
        from oxide.labels.reading import annotations_of

        item = self._file(os.fspath(path))["item_id"]
        return annotations_of(self._repository.store, self.commit.tables, [item])

    def table(self, name: str) -> TableView:
        """Any table of the commit; a table of labels that it does not have is empty."""
        from oxide.labels.schemas import IDS
        from oxide.tables import TableView

        tables = self.commit.tables
        if name not in tables and name in IDS:
            return TableView(self._repository, name, IDS[name], _core.EMPTY_ROOT, hold=self._hold)
        if name not in tables:
            hint = _suggestion(name, tables) + f"tables: {', '.join(sorted(tables))}"
            raise NotFound(f"the commit {self.commit.id[:16]} has no table {name}", hint=hint)
        return TableView(self._repository, name, *present(tables)[name], hold=self._hold)

    def ls(self, path: str | os.PathLike[str] = "", *, recursive: bool = False) -> list[FileEntry]:
        """The files and folders below a path."""
        return self._repository.ls(self.commit.id, path, recursive=recursive)

    def open(self, path: str | os.PathLike[str]) -> IO[bytes]:
        """A file of the revision, open for reading. A link is not followed: its content is its target."""
        row = self._file(os.fspath(path))
        return open_content(self._repository.store, row["content_id"], row["size"])

    def read(self, path: str | os.PathLike[str]) -> bytes:
        """The whole content of a file."""
        return self._repository.store.content(self._file(os.fspath(path))["content_id"])

    def sql(self, query: str, *, timeout: float | None = None, memory_limit: str | None = None) -> SqlResult:
        """A query that sees this revision."""
        from oxide.sql import query as run

        return run(self._repository, query, at=self.commit.id, timeout=timeout, memory_limit=memory_limit)

    def query(self, query: Any = None, **how: Any) -> QueryResult:
        """Find items or annotations of this revision: see :meth:`oxide.Repository.query`."""
        return self._repository.query(query, at=self.commit.id, **how)

    def view(self) -> View:
        """All items of this revision as a lazy view."""
        return self._repository.view(self.commit.id)

    def __repr__(self) -> str:
        return f"Snapshot({self.commit.id[:16]}: {self.commit.summary})"

    def _repr_html_(self) -> str:
        counts = ", ".join(f"{name}: {len(self.table(name))} rows" for name in sorted(self.commit.tables))
        author = f"{self.commit.author.name}, {self.commit.time:%Y-%m-%d %H:%M}"
        lines = (self.commit.summary, author, counts)
        return f"<p><code>{self.commit.id[:16]}</code> {'<br>'.join(map(html.escape, lines))}</p>"

    def _file(self, asked: str) -> dict[str, Any]:
        """The row at a path."""
        root = self.commit.tables["files"][1] if "files" in self.commit.tables else None
        path = _inside(asked, asked)
        row = self._repository.store.file_row(root, path) if root is not None else None
        if row is None:
            raise self._no_file(root, path, asked)
        return row

    def _no_file(self, root: str | None, path: str, asked: str) -> NotFound:
        at = self.commit.id[:16]
        if root is not None and self._repository.store.has_folder(root, path):
            return NotFound(f"{asked} is a folder at {at}", path=asked, hint=f"oxide ls {at} {path} lists it")
        near: list[str] = []
        if root is not None:
            folder = posixpath.dirname(path)
            near = [row["path"] for row in self._repository.store.file_rows(root, [folder] if folder else [])]
        return NotFound(f"there is no file {asked} at {at}", path=asked, hint=_suggestion(path, near).strip())


def _inside(path: str, asked: str) -> str:
    plain = posixpath.normpath(path)
    if plain.startswith(("/", "../")) or plain in ("..", "."):
        raise InvalidInput(
            f"{asked} leads out of the tree", path=asked, hint="paths are relative to the repository's root"
        )
    return plain


def _suggestion(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, list(known), 1)
    return f"did you mean {close[0]}? " if close else ""
