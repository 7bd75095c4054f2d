"""SQL, table views and snapshots over a real repository."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from oxide.errors import NotFound, QueryError, QueryTimeout, UnknownRevision
from oxide.repository import Repository

PICTURES = {"a.png": b"picture a", "b.png": b"picture b", "dir/c.png": b"picture c", "it's here.png": b"quoted"}


def put(repository: Repository, files: dict[str, bytes | None], message: str) -> str:
    """Commit some files; ``None`` removes one. Returns the commit's id."""
    for name, data in files.items():
        path = repository.root / name
        if data is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    repository.add(["."])
    return repository.commit(message).id


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Two commits: four files; then one changed, one removed, one moved, one new."""
    repository = Repository.init(tmp_path / "data")
    put(repository, dict(PICTURES), "first")
    repository.create_tag("v1")
    changes: dict[str, bytes | None] = {"a.png": b"picture a, better", "b.png": None}
    changes |= {"dir/c.png": None, "dir/moved.png": b"picture c", "new.png": b"brand new"}
    put(repository, changes, "second")
    return repository


def rows(repository: Repository, text: str, **options: Any) -> list[tuple[Any, ...]]:
    return repository.sql(text, **options).fetch_rows()


def test_files_agree_with_the_listing(repository: Repository) -> None:
    text = "SELECT path, content_id, size, sha256, item_id FROM files ORDER BY path"
    for revision in ("HEAD", "v1"):
        listed = [
            (entry.path, entry.content_id, entry.size, entry.sha256, entry.item_id)
            for entry in repository.ls(revision, recursive=True)
        ]
        assert sorted(rows(repository, text, at=revision)) == sorted(listed)


def test_versions_in_one_query(repository: Repository) -> None:
    text = """
        SELECT before.path, files.path FROM files JOIN files before AT (VERSION => 'HEAD~1') USING (item_id)
        WHERE before.content_id <> files.content_id OR before.path <> files.path ORDER BY ALL
    """
    assert rows(repository, text) == [("a.png", "a.png"), ("dir/c.png", "dir/moved.png")]
    assert rows(repository, "SELECT count(*) FROM files AT (VERSION => 'v1')") == [(4,)]
    with pytest.raises(UnknownRevision):
        rows(repository, "FROM files AT (VERSION => 'nowhere')")


def test_pending_changes_are_seen(repository: Repository) -> None:
    (repository.root / "pending.png").write_bytes(b"not committed")
    assert rows(repository, "SELECT * FROM files WHERE path = 'pending.png'") == []
    repository.add(["pending.png"])
    assert rows(repository, "SELECT size FROM files WHERE path = 'pending.png'") == [(13,)]
    assert rows(repository, "SELECT * FROM files WHERE path = 'pending.png'", at="HEAD") == []
    assert rows(repository, "SELECT change, path FROM diff('HEAD')") == [("added", "pending.png")]


def test_an_empty_repository(tmp_path: Path) -> None:
    empty = Repository.init(tmp_path)
    for table in ("files", "items", "commits", "tags"):
        result = empty.sql(f"SELECT * FROM {table}")
        assert result.fetch_rows() == []
        assert result.columns
    assert rows(empty, "SELECT name, head, current FROM branches WHERE head IS NOT NULL") == []
    assert rows(empty, "FROM history('a.png')") == []


def test_diff(repository: Repository) -> None:
    text = "SELECT change, path, old_path FROM diff('v1', 'HEAD') ORDER BY path"
    assert rows(repository, text) == [
        ("modified", "a.png", None),
        ("removed", "b.png", None),
        ("renamed", "dir/moved.png", "dir/c.png"),
        ("added", "new.png", None),
    ]
    sizes = "SELECT size_before, size_after, content_id_before <> content_id_after FROM diff('v1', 'HEAD')"
    assert rows(repository, f"{sizes} WHERE path = 'a.png'") == [(9, 17, True)]
    backwards = "SELECT change, count(*) FROM diff('HEAD', 'v1') GROUP BY ALL ORDER BY ALL"
    assert rows(repository, backwards) == [("added", 1), ("modified", 1), ("removed", 1), ("renamed", 1)]
    assert rows(repository, "FROM diff('HEAD', 'HEAD')") == []
    assert rows(repository, "SELECT change, count(*) FROM diff('v1', 'HEAD', 'items') GROUP BY ALL ORDER BY ALL") == [
        ("added", 1),
        ("removed", 1),
    ]


def test_history(repository: Repository) -> None:
    text = "SELECT change, message, size, commit FROM history('a.png')"
    found = rows(repository, text)
    assert [row[:3] for row in found] == [("modified", "second", 17), ("added", "first", 9)]
    assert found[0][3] == repository.resolve_revision("HEAD")
    assert [row[0] for row in rows(repository, "SELECT change FROM history('b.png')")] == ["removed", "added"]
    assert len(rows(repository, "FROM history('a.png')", at="v1")) == 1


def test_commits_branches_tags_operations(repository: Repository) -> None:
    head, first = repository.resolve_revision("HEAD"), repository.resolve_revision("v1")
    commits = "SELECT id, parents, message FROM commits ORDER BY generation"
    assert rows(repository, commits) == [(first, [], "first"), (head, [first], "second")]
    author = repository.read_commit("HEAD").author
    moment = repository.read_commit("HEAD").time
    text = "SELECT author_name, author_email, time FROM commits WHERE message = 'second'"
    assert rows(repository, text) == [(author.name, author.email, moment)]
    third = put(repository, {"c.png": b"c"}, "third")
    assert rows(repository, commits)[2] == (third, [head], "third")
    assert rows(repository, "SELECT head FROM branches WHERE current") == [(third,)]
    assert rows(repository, "FROM tags") == [("v1", first)]
    listed = [(entry.number, entry.id, entry.kind, entry.description) for entry in repository.operations()]
    numbers = "SELECT number, id, kind, description FROM operations ORDER BY number DESC"
    assert rows(repository, numbers) == listed
    repository.create_tag("v2")
    assert len(rows(repository, numbers)) == len(listed) + 1


def test_queries_leave_the_repository_as_it_was(repository: Repository) -> None:
    def state() -> tuple[int, object]:
        return next(iter(repository.operations(1))).number, repository.status()

    before = state()
    rows(repository, "SELECT * FROM files, items, commits, branches, operations, diff('v1', 'HEAD') LIMIT 5")
    assert state() == before
    assert repository.fsck(data=True).ok


@pytest.mark.parametrize("options", ["", "(FORMAT parquet, USE_TMP_FILE false)"])
def test_segments_cannot_be_overwritten(repository: Repository, options: str) -> None:
    rows(repository, "FROM files")
    segment = next((repository.root / ".oxide" / "cache" / "segments").iterdir())
    before = segment.read_bytes()
    for text in (
        f"COPY (SELECT 1 AS a) TO '{segment}' {options}",
        f"WITH a AS (COPY (SELECT 1 AS a) TO '{segment}' {options}) SELECT * FROM files",
        f"SELECT * FROM '{segment}'",
        f"SELECT * FROM read_parquet('{segment}')",
    ):
        with pytest.raises(QueryError):
            rows(repository, text)
    assert segment.read_bytes() == before


def test_files_outside_cannot_be_read(repository: Repository, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    inside = repository.root / "a.png"
    for path in (secret, inside):
        for text in (f"FROM '{path}'", f"FROM read_csv('{path}')", f"FROM read_text('{path}')", f"FROM glob('{path}')"):
            with pytest.raises(QueryError):
                rows(repository, text)


def test_a_query_ends(repository: Repository) -> None:
    with pytest.raises(QueryTimeout):
        rows(repository, "WITH RECURSIVE t AS (SELECT 1 UNION ALL FROM t) SELECT count(*) FROM t", timeout=0.3)


def test_the_cache_may_vanish(repository: Repository) -> None:
    result = repository.sql("SELECT path FROM files ORDER BY path")
    before = result.fetch_rows()
    for folder in ("segments", "history"):
        for path in (repository.root / ".oxide/cache" / folder).glob("*"):
            path.unlink()
    assert result.fetch_rows() == before
    assert len(rows(repository, "FROM commits")) == 2


def test_table_views(repository: Repository) -> None:
    files = repository.at("v1").files
    assert len(files) == 4
    assert [row["path"] for row in files] == sorted(PICTURES)
    assert {"path", "content_id", "size", "item_id", "sha256"} <= set(files.columns)
    assert files.schema.names == files.columns
    assert files.select("path", "size").to_arrow().column_names == ["path", "size"]
    assert files.rows(1)[0]["content_id"] == repository.ls("v1", "a.png")[0].content_id
    assert files.sql("SELECT sum(size) FROM self").fetch_rows() == [(sum(map(len, PICTURES.values())),)]
    items = repository.at("v1").items
    assert {row["item_id"] for row in items} == {row["item_id"] for row in files}


def test_table_views_as_frames(repository: Repository) -> None:
    pytest.importorskip("polars")
    pytest.importorskip("pandas")
    files = repository.at("v1").files
    assert files.to_polars()["path"].to_list() == files.to_pandas()["path"].tolist() == sorted(PICTURES)


def test_snapshots(repository: Repository) -> None:
    snapshot = repository.at("v1")
    assert snapshot.read("a.png") == b"picture a"
    assert snapshot.open("dir/c.png").read() == b"picture c"
    assert snapshot.sql("SELECT count(*) FROM files").fetch_rows() == [(4,)]
    assert [entry.path for entry in snapshot.ls("dir")] == ["dir/c.png"]
    with pytest.raises(NotFound, match="folder"):
        snapshot.open("dir")
    with pytest.raises(NotFound) as caught:
        snapshot.read("a.pgn")
    assert "a.png" in caught.value.hint
    assert "files: 4 rows" in snapshot._repr_html_()


def test_large_contents_and_links(repository: Repository) -> None:
    large = os.urandom(9 * 1024**2)
    (repository.root / "link.bin").symlink_to("large.bin")
    put(repository, {"large.bin": large}, "large")
    snapshot = repository.at()
    assert snapshot.read("link.bin") == b"large.bin"
    with snapshot.open("large.bin") as stream:
        assert stream.read() == large
        assert stream.seek(-10, os.SEEK_END) == len(large) - 10
        assert stream.read() == large[-10:]
