"""One revision, read only."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from oxide.types import Commit

if TYPE_CHECKING:
    from oxide.sql import SqlResult
    from oxide.tables import TableView


class Snapshot:
    """``repo.at(REV)``: lazy; nothing is read before it is asked for."""

    commit: Commit

    @property
    def files(self) -> TableView: ...
    @property
    def items(self) -> TableView: ...
    def table(self, name: str) -> TableView: ...
    def open(self, path: str) -> IO[bytes]: ...
    def read(self, path: str) -> bytes: ...
    def sql(self, query: str, *, timeout: float | None = None) -> SqlResult: ...
