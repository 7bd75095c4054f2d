"""Queries over plain Parquet files: what they see, what they cannot do."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from oxide.errors import QueryError, QueryTimeout, UnknownRevision
from oxide.sql import SqlResult, query
from oxide.sql.connection import Sandbox, quote_text
from oxide.sql.relations import ParquetRelation, create
from sql.plain_repository import PlainRepository, file_row


def rows(plain: PlainRepository, text: str, **options: Any) -> list[tuple[Any, ...]]:
    return query(plain, text, **options).fetch_rows()


# -- relations --------------------------------------------------------------------------------------------------------
def test_files_now_and_then(plain: PlainRepository) -> None:
    assert rows(plain, "SELECT path, size FROM files ORDER BY path") == [
        ("a.png", 11),
        ("it's.png", 50),
        ("moved.png", 30),
    ]
    assert rows(plain, "SELECT path FROM files ORDER BY path", at="v1") == [("a.png",), ("b.png",), ("dir/c.png",)]
    assert rows(plain, "SELECT path FROM files AT (VERSION => 'v1') WHERE size > 15 ORDER BY ALL") == [
        ("b.png",),
        ("dir/c.png",),
    ]


def test_pending_rows_are_seen_without_a_revision_only(plain: PlainRepository) -> None:
    plain.store.roots["pending"] = [file_row("new.png", 9, 9)]
    plain.pending = {"files": ("files-schema", "pending")}
    assert rows(plain, "SELECT path FROM files") == [("new.png",)]
    assert rows(plain, "SELECT count(*) FROM files", at="HEAD") == [(3,)]
    assert rows(plain, "SELECT count(*) FROM files AT (VERSION => 'HEAD')") == [(3,)]
    assert rows(plain, "SELECT change, path FROM diff('HEAD') WHERE change = 'added'") == [("added", "new.png")]


def test_before_the_first_commit(tmp_path: Path) -> None:
    empty = PlainRepository(tmp_path)
    empty.pending = {"files": ("files-schema", "empty"), "items": ("items-schema", "empty")}
    assert rows(empty, "SELECT * FROM files") == []
    assert rows(empty, "SELECT * FROM history('a')") == []


def test_several_revisions_in_one_query(plain: PlainRepository) -> None:
    text = """
        SELECT new.path FROM files AT (VERSION => 'V2') JOIN files new AT (VERSION => 'v2') USING (content_id)
        WHERE files.path <> new.path
    """
    assert rows(plain, text) == [("dir/c.png",)]


def test_hashes_are_hex(plain: PlainRepository) -> None:
    assert rows(plain, f"SELECT path, item_id FROM files WHERE content_id = '{5:064x}'") == [("it's.png", f"{5:024x}")]


def test_an_empty_table_is_typed(plain: PlainRepository) -> None:
    result = query(plain, "SELECT * FROM items")
    assert result.columns == ["item_id", "created", "hidden", "score", "about", "vector"]
    assert result.types == ["VARCHAR", "TIMESTAMP WITH TIME ZONE", "BOOLEAN", "DOUBLE", "VARCHAR", "FLOAT[]"]
    assert result.fetch_rows() == []
    assert result.to_arrow().num_rows == 0


def test_diff(plain: PlainRepository) -> None:
    assert rows(plain, "SELECT change, path, old_path, size_before, size_after FROM diff('v1', 'v2')") == [
        ("modified", "a.png", None, 10, 11),
        ("removed", "b.png", None, 20, None),
        ("added", "it's.png", None, None, 50),
    ]
    assert rows(plain, "SELECT change, path, old_path, content_id_before = content_id_after FROM diff('v2', 'V2')") == [
        ("renamed", "moved.png", "dir/c.png", True)
    ]


def test_diff_of_any_table(plain: PlainRepository) -> None:
    for commit in plain.history.values():
        commit.tables["copies"] = commit.tables["files"]
    text = "SELECT change, path, content_id, size FROM diff('v1', 'v2', 'copies') ORDER BY path"
    result = query(plain, text)
    expected = [
        ("modified", "a.png", f"{4:064x}", 11),
        ("removed", "b.png", f"{2:064x}", 20),
        ("added", "it's.png", f"{5:064x}", 50),
    ]
    assert result.fetch_rows() == expected
    assert result.fetch_rows() == expected


def test_history(plain: PlainRepository) -> None:
    assert rows(plain, "SELECT commit, change, size FROM history('dir/c.png')") == [
        ("V2", "removed", None),
        ("v1", "added", 30),
    ]
    assert rows(plain, "SELECT time, author, message FROM history('b.png') LIMIT 1")[0][1:] == (
        "Ada <ada@example.org>",
        "made v2",
    )
    assert rows(plain, "SELECT count(*) FROM history('it''s.png')", at="v1") == [(0,)]
    assert rows(plain, "FROM history('nowhere')") == []


def test_branches_and_tags(plain: PlainRepository) -> None:
    assert rows(plain, "FROM branches") == [("main", "V2", True, None), ("empty", None, False, "hub/x")]
    result = query(plain, "FROM tags")
    assert (result.columns, result.fetch_rows()) == (["name", "commit"], [])


def test_only_what_is_named_is_made(plain: PlainRepository) -> None:
    rows(plain, "SELECT 1")
    rows(plain, "WITH files AS (SELECT 1) SELECT * FROM branches")
    assert plain.store.exports == []
    rows(plain, "SELECT * FROM files AT (VERSION => 'v1')")
    assert set(plain.store.exports) == {"v1"}


def test_with_hides_a_table_of_its_name(plain: PlainRepository) -> None:
    assert rows(plain, "WITH files AS (SELECT 7 AS n) SELECT n FROM files") == [(7,)]
    assert rows(plain, "WITH files AS (SELECT size FROM files WHERE size > 40) SELECT * FROM files") == [(50,)]
    assert rows(plain, "WITH nothing AS (SELECT 7 AS n) SELECT n FROM nothing") == [(7,)]


def test_describe_and_summarize(plain: PlainRepository) -> None:
    assert [row[:2] for row in rows(plain, "DESCRIBE files")][:2] == [("path", "VARCHAR"), ("content_id", "VARCHAR")]
    assert len(rows(plain, "SUMMARIZE files")) == 4


# -- failures ---------------------------------------------------------------------------------------------------------
def test_unknown_names_have_suggestions(plain: PlainRepository) -> None:
    with pytest.raises(QueryError) as caught:
        query(plain, "SELECT * FROM filse")
    assert "filse" in str(caught.value)
    assert "files" in caught.value.hint
    with pytest.raises(UnknownRevision):
        query(plain, "SELECT * FROM files AT (VERSION => 'nowhere')")
    with pytest.raises(QueryError, match="has no versions"):
        query(plain, "SELECT * FROM branches AT (VERSION => 'v1')")
    with pytest.raises(QueryError, match="no table missing"):
        query(plain, "FROM diff('v1', 'v2', 'missing')")


@pytest.mark.parametrize(
    "text",
    ["SELECT nope FROM files", "SELECT nope()", "SELECT 'a' + 1 FROM files", "SELECT * FROM files GROUP BY path"],
)
def test_binding_fails_at_once_with_one_sentence(plain: PlainRepository, text: str) -> None:
    with pytest.raises(QueryError) as caught:
        query(plain, text).fetch_rows()
    assert "LINE 1" not in str(caught.value)


def test_failures_while_running(plain: PlainRepository) -> None:
    result = query(plain, "SELECT CAST(path AS INT) FROM files")
    for use in (result.fetch_rows, result.to_arrow, lambda: list(result.arrow_batches())):
        with pytest.raises(QueryError, match="convert"):
            use()


# -- the sandbox ------------------------------------------------------------------------------------------------------
@pytest.fixture
def locked(plain: PlainRepository, tmp_path: Path) -> tuple[Sandbox, str, str]:
    """A sandbox as a query has it, which can open one segment, and a secret file beside it."""
    folder = tmp_path / "cache"
    folder.mkdir()
    ((segment, _),) = plain.store.export_parquet(("files-schema", "v1"), str(folder))["files"]
    ((secret, _),) = plain.store.export_parquet(("files-schema", "v2"), str(folder))["files"]
    sandbox = Sandbox(threads=1)
    sandbox.close_to_files([segment])
    create(sandbox, "files", _whole(segment))
    sandbox.lock()
    return sandbox, segment, secret


def _whole(segment: str) -> ParquetRelation:
    from oxide.sql.relations import Column

    return ParquetRelation([Column("path", "VARCHAR")], [(segment, None)], lambda path: None)


def test_even_unchecked_text_cannot_leave_the_sandbox(locked: tuple[Sandbox, str, str], tmp_path: Path) -> None:
    """The second wall: the connection itself, should a statement ever pass the first."""
    sandbox, segment, secret = locked
    before = Path(segment).read_bytes()
    assert sandbox.trusted("SELECT count(*) FROM files") == [(3,)]
    for text in (
        f"SELECT * FROM {quote_text(secret)}",
        f"SELECT * FROM read_parquet({quote_text(secret)})",
        f"SELECT * FROM read_parquet({quote_text(os.path.dirname(secret) + '/*.parquet')})",
        f"SELECT * FROM read_text({quote_text(secret)})",
        "SELECT * FROM read_text('/etc/passwd')",
        f"SELECT * FROM glob({quote_text(str(tmp_path) + '/*')})",
        f"COPY (SELECT 1) TO {quote_text(str(tmp_path / 'out.csv'))}",
        f"COPY (SELECT 1 AS a) TO {quote_text(segment)} (FORMAT parquet)",
        f"ATTACH {quote_text(str(tmp_path / 'x.db'))}",
        f"EXPORT DATABASE {quote_text(str(tmp_path / 'dump'))}",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT * FROM 'https://example.org/x.parquet'",
        "SET enable_external_access = true",
        "SET allowed_paths = ['/etc/passwd']",
        "SET lock_configuration = false",
        "SET temp_directory = '/tmp'",
        "RESET memory_limit",
        "PRAGMA enable_profiling",
        "SELECT * FROM secret_in_python",
    ):
        secret_in_python = [1]  # noqa: F841 - a replacement scan would find it
        with pytest.raises(QueryError):
            sandbox.trusted(text)
    assert Path(segment).read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["cache"]


@pytest.mark.parametrize(
    "options", ["", "(FORMAT parquet)", "(FORMAT parquet, USE_TMP_FILE false)", "(FORMAT csv, USE_TMP_FILE false)"]
)
def test_copy_onto_a_segment_is_refused(plain: PlainRepository, options: str) -> None:
    rows(plain, "FROM files")
    segment = Path(plain.control) / "cache" / "segments" / "V2.parquet"
    before = segment.read_bytes()
    for text in (
        f"COPY (SELECT 1 AS a) TO '{segment}' {options}",
        f"WITH a AS (COPY (SELECT 1 AS a) TO '{segment}' {options}) FROM files",
    ):
        with pytest.raises(QueryError):
            query(plain, text).fetch_rows()
    assert segment.read_bytes() == before
    with pytest.raises(QueryError, match="no table"):
        query(plain, f"FROM '{segment}'")


# -- limits -----------------------------------------------------------------------------------------------------------
ENDLESS = [
    "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t",
    "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE hash(a.range + b.range) = 3",
    "SELECT * FROM range(10000000) a, range(10000000) b WHERE hash(a.range + b.range) = 3",
    "SELECT count(*) FROM repeat_row(1, num_rows = 1000000000000) WHERE random() = 2",
]


@pytest.mark.parametrize("text", ENDLESS)
def test_endless_queries_are_stopped(plain: PlainRepository, text: str) -> None:
    result = query(plain, text, timeout=0.2)
    for use in (result.fetch_rows, result.to_arrow, lambda: list(result), lambda: list(result.arrow_batches())):
        with pytest.raises(QueryTimeout):
            use()


def test_the_time_limit_holds_before_a_query_runs(plain: PlainRepository) -> None:
    text = f"SELECT 1 IN ({', '.join(map(str, range(150_000)))})"
    with pytest.raises(QueryTimeout):
        query(plain, text, timeout=0.1)


def test_time_counts_only_while_the_query_works(plain: PlainRepository) -> None:
    seen = 0
    for _ in query(plain, "SELECT range FROM range(20000)", timeout=60):
        seen += 1
    assert seen == 20000


def test_a_timeout_must_be_positive(plain: PlainRepository) -> None:
    with pytest.raises(QueryError):
        query(plain, "SELECT 1", timeout=0)
    with pytest.raises(QueryError):
        query(plain, "SELECT 1", memory_limit="lots")


def test_ctrl_c(plain: PlainRepository) -> None:
    result = query(plain, ENDLESS[0], timeout=36_000)  # hours: what ends it is the signal
    threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        result.fetch_rows()


@pytest.mark.parametrize(
    "text",
    [
        "SELECT count(*) FROM (SELECT DISTINCT random() FROM range(50000000))",
        "SELECT length(string_agg(repeat('x', 1000000), '')) FROM range(500)",
        "SELECT random() AS r FROM range(50000000) ORDER BY r",
    ],
)
def test_memory_is_limited(plain: PlainRepository, text: str) -> None:
    with pytest.raises(QueryError, match="memory"):
        query(plain, text, memory_limit="100MB").fetch_rows()


# -- results ----------------------------------------------------------------------------------------------------------
def test_a_result_can_be_read_again(plain: PlainRepository) -> None:
    result = query(plain, "SELECT path FROM files ORDER BY path")
    assert result.fetch_rows(1) == [("a.png",)]
    assert result.fetch_rows(0) == []
    assert len(list(result)) == len(result.fetch_rows()) == 3


def test_a_result_survives_the_cache(plain: PlainRepository) -> None:
    result = query(plain, "SELECT path FROM files ORDER BY path")
    for path in (Path(plain.control) / "cache" / "segments").iterdir():
        path.unlink()
    assert len(result.fetch_rows()) == 3


def test_columns_with_equal_names(plain: PlainRepository) -> None:
    result = query(plain, "SELECT 1 AS a, 2 AS a, now() AS a")
    assert result.columns == ["a", "a", "a"]
    assert result.fetch_rows()[0][:2] == (1, 2)


def test_times_are_aware_and_order_stays(plain: PlainRepository) -> None:
    moment = "TIMESTAMPTZ '2026-01-02 03:04:05.678901+02'"
    text = f"SELECT {moment} + to_days(i::INT) AS t, i FROM range(3000) r(i) ORDER BY i DESC"
    fetched = query(plain, text).fetch_rows()
    assert [row[1] for row in fetched] == list(range(2999, -1, -1))
    assert fetched[-1][0].isoformat() == "2026-01-02T01:04:05.678901+00:00"
    assert query(plain, "SELECT 'infinity'::TIMESTAMPTZ, NULL::TIMESTAMPTZ, [now()] AS nested").fetch_rows()[0][:2] == (
        None,
        None,
    )


def test_hand_over(plain: PlainRepository) -> None:
    pandas, polars, pyarrow = (
        pytest.importorskip("pandas"),
        pytest.importorskip("polars"),
        pytest.importorskip("pyarrow"),
    )
    result: SqlResult = query(plain, "SELECT path, size FROM files ORDER BY path")
    assert result.to_arrow().to_pydict() == {"path": ["a.png", "it's.png", "moved.png"], "size": [11, 50, 30]}
    assert pyarrow.table(result).equals(result.to_arrow())
    assert isinstance(result.to_polars(), polars.DataFrame)
    assert polars.DataFrame(result)["size"].to_list() == [11, 50, 30]
    assert isinstance(result.to_pandas(), pandas.DataFrame)
    assert result.to_pandas()["size"].tolist() == [11, 50, 30]


def test_notebook(plain: PlainRepository) -> None:
    shown = query(plain, "SELECT '<b>' AS \"<i>\" FROM range(30)")._repr_html_()
    assert "<b>" not in shown
    assert "<i>" not in shown
    assert shown.count("&lt;b&gt;") == 20
    assert "more rows" in shown
    assert repr(query(plain, "SELECT 1 AS a")) == "SqlResult(a INTEGER)"
