"""The derived copies of commits and operations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from oxide.sql import query
from oxide.types import Branch, OperationEntry, Tag
from sql.plain_repository import PERSON, PlainRepository

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class HistoryRepository(PlainRepository):
    """Counts what is read of a history that grows."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.store = self  # type: ignore[assignment]
        self.records: dict[str, dict[str, Any]] = {}
        self.heads: dict[str, str] = {}
        self.marks: dict[str, str] = {}
        self.chain: list[OperationEntry] = []
        self.oldest = 1
        self.read: list[str] = []

    def hold(self) -> AbstractContextManager[None]:
        return nullcontext()

    def grow(self, name: str, *parents: str) -> None:
        self.records[name] = {
            "parents": list(parents),
            "author": {"name": "Ada", "email": "ada@example.org"},
            "time": 1_000_000 * (len(self.records) + 1),
            "message": f"message of {name}\nand a second line",
            "generation": len(self.records),
        }

    def operate(self, identity: str) -> None:
        number = len(self.chain) + 1
        time = EPOCH + timedelta(seconds=number)
        self.chain.append(OperationEntry(number, identity, "commit", f"did {identity}", time, PERSON, False))

    def read_record(self, kind: str, identity: str) -> dict[str, Any]:
        self.read.append(identity)
        return self.records[identity]

    def head(self) -> dict[str, Any] | None:
        return {"number": len(self.chain)} if self.chain else None

    def oldest_operation(self) -> int:
        return self.oldest

    def branches(self) -> list[Branch]:
        return [Branch(name, head, False, None) for name, head in self.heads.items()]

    def tags(self) -> list[Tag]:
        return [Tag(name, commit) for name, commit in self.marks.items()]

    def operations(self, limit: int | None = None) -> Iterator[OperationEntry]:
        for entry in self.chain[::-1][:limit]:
            self.read.append(entry.id)
            yield entry


@pytest.fixture
def grown(tmp_path: Path) -> HistoryRepository:
    repository = HistoryRepository(tmp_path)
    repository.grow("a")
    repository.grow("b", "a")
    repository.grow("c", "a")
    repository.grow("d", "b", "c")
    repository.heads = {"main": "d"}
    return repository


def ids(repository: HistoryRepository) -> list[Any]:
    return [row[0] for row in query(repository, "SELECT id FROM commits ORDER BY generation").fetch_rows()]


def test_commits(grown: HistoryRepository) -> None:
    result = query(grown, "SELECT * FROM commits ORDER BY generation DESC LIMIT 1")
    assert result.columns == ["id", "parents", "author_name", "author_email", "time", "message", "generation"]
    moment = EPOCH + timedelta(seconds=4)
    message = "message of d\nand a second line"
    assert result.fetch_rows() == [("d", ["b", "c"], "Ada", "ada@example.org", moment, message, 3)]


def test_each_commit_is_read_once(grown: HistoryRepository) -> None:
    assert ids(grown) == ["a", "b", "c", "d"]
    assert sorted(grown.read) == ["a", "b", "c", "d"]
    assert ids(grown) == ["a", "b", "c", "d"]
    grown.grow("e", "d")
    grown.heads["main"] = "e"
    assert ids(grown) == ["a", "b", "c", "d", "e"]
    assert sorted(grown.read) == ["a", "b", "c", "d", "e"]


def test_only_what_is_reachable_is_listed(grown: HistoryRepository) -> None:
    assert len(ids(grown)) == 4
    grown.heads = {"main": "b"}
    assert ids(grown) == ["a", "b"]
    grown.marks = {"v1": "c"}
    assert ids(grown) == ["a", "b", "c"]
    grown.heads, grown.marks = {}, {}
    assert ids(grown) == []


def test_a_damaged_copy_is_made_again(grown: HistoryRepository) -> None:
    ids(grown)
    for copy in (Path(grown.control) / "cache" / "history").iterdir():
        copy.write_bytes(b"damaged")
    grown.grow("e", "d")
    grown.heads["main"] = "e"
    assert len(ids(grown)) == 5


def test_few_copies_are_kept(grown: HistoryRepository) -> None:
    for name in "efghij":
        grown.grow(name, "d")
        grown.heads["main"] = name
        ids(grown)
    assert len(list((Path(grown.control) / "cache" / "history").iterdir())) == 4


def test_operations(grown: HistoryRepository) -> None:
    assert query(grown, "FROM operations").fetch_rows() == []
    for identity in ("o1", "o2", "o3"):
        grown.operate(identity)
    text = "SELECT number, id, kind, description, time, author FROM operations ORDER BY number DESC"
    first = (1, "o1", "commit", "did o1", EPOCH + timedelta(seconds=1), "Ada <ada@example.org>")
    assert query(grown, text).fetch_rows()[-1] == first
    grown.operate("o4")
    grown.read.clear()
    assert [row[1] for row in query(grown, text).fetch_rows()] == ["o4", "o3", "o2", "o1"]
    assert grown.read == ["o4", "o4", "o3"]  # the newest for the copy's name; then down to the first known one
    grown.oldest = 3
    assert [row[0] for row in query(grown, text).fetch_rows()] == [4, 3]
