"""What a query may say."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oxide.errors import OxideError, QueryError
from oxide.sql.connection import Sandbox
from oxide.sql.statement import Statement, parse


def checked(text: str) -> Statement:
    return parse(Sandbox(threads=1), text)


ALLOWED = [
    "SELECT 1",
    "SELECT 1;",
    "-- a comment\nSELECT 1 -- another",
    "VALUES (1), (2)",
    "FROM files",
    "TABLE files",
    "DESCRIBE files",
    "DESCRIBE SELECT 1",
    "SUMMARIZE files",
    "WITH t AS (SELECT 1 AS a) SELECT * FROM t",
    "WITH t AS MATERIALIZED (SELECT 1 AS a) SELECT * FROM t",
    "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 9) SELECT * FROM t",
    "SELECT * FROM files JOIN items USING (item_id)",
    "SELECT count(*) FILTER (size > 1) OVER w FROM files WINDOW w AS (ORDER BY path)",
    "SELECT * EXCLUDE (size) REPLACE (upper(path) AS path) FROM files",
    "SELECT list_transform([1, 2], lambda x: x + 1), [x FOR x IN [1]], {'a': 1}.a, now(), uuid(), random()",
    "PIVOT files ON size IN (1, 2) USING count(*)",
    "UNPIVOT files ON path, item_id",
    "FROM range(5) UNION ALL FROM generate_series(1, 2)",
    "SELECT unnest([1, 2])",
    "SELECT json_transform('[1]', '[\"INT\"]'), from_json('{}', '{\"a\": [\"INT\"]}')",
    "FROM files TABLESAMPLE 10 ROWS",
    "FROM files ASOF JOIN items ON files.size >= items.score",
]

REFUSED = [
    "",
    ";",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE x",
    "SELEC 1",
    # statements that are no SELECT
    "INSERT INTO files VALUES (1)",
    "UPDATE files SET path = ''",
    "DELETE FROM files",
    "CREATE TABLE t (a INT)",
    "CREATE VIEW v AS SELECT 1",
    "CREATE MACRO m() AS 1",
    "DROP VIEW files",
    "COPY files TO 'x.csv'",
    "COPY (SELECT 1) TO 'x.parquet' (FORMAT parquet, USE_TMP_FILE false)",
    "ATTACH 'x.db'",
    "DETACH memory",
    "USE memory",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET threads = 1",
    "SET VARIABLE x = 1",
    "RESET threads",
    "PRAGMA database_list",
    "CALL duckdb_settings()",
    "EXPORT DATABASE 'x'",
    "IMPORT DATABASE 'x'",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "DEALLOCATE p",
    "EXPLAIN SELECT 1",
    "EXPLAIN ANALYZE SELECT 1",
    "CHECKPOINT",
    "VACUUM",
    "ANALYZE",
    "BEGIN",
    "CREATE SECRET s (TYPE s3)",
    "SHOW TABLES",
    "SHOW ALL TABLES",
    "SELECT * FROM (SHOW TABLES)",
    "PIVOT files ON size",
    # writing through WITH
    "WITH a AS (COPY (SELECT 1) TO 'x.csv') SELECT 1",
    "WITH a AS (INSERT INTO files VALUES (1) RETURNING *) SELECT * FROM a",
    "WITH a AS (DELETE FROM files RETURNING *) SELECT * FROM a",
    "WITH a AS (UPDATE files SET path = '' RETURNING *) SELECT * FROM a",
    "SELECT (WITH a AS (DELETE FROM files RETURNING *) SELECT 1)",
    # parameters
    "SELECT ?",
    "SELECT $1",
    "SELECT $name",
    # table functions
    *[
        f"FROM {name}('x')"
        for name in ("read_parquet", "parquet_scan", "read_csv", "read_csv_auto", "read_json", "read_text")
    ],
    *[
        f"FROM {name}('x')"
        for name in ("read_blob", "glob", "sniff_csv", "parquet_metadata", "parquet_schema", "read_duckdb")
    ],
    *[
        f"FROM {name}()"
        for name in ("duckdb_settings", "duckdb_views", "duckdb_secrets", "pragma_version", "duckdb_functions")
    ],
    "FROM query('SELECT 1')",
    "FROM query_table('files')",
    "FROM json_execute_serialized_sql('{}')",
    "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
    "FROM pandas_scan(1)",
    "FROM python_map_function(1)",
    "FROM arrow_scan(1, 2, 3)",
    "FROM seq_scan('files')",
    "FROM enable_logging()",
    "FROM system.main.range(3)",
    "FROM main.read_csv('x')",
    "FROM \"READ_CSV\"('x')",
    # system tables
    "FROM information_schema.tables",
    "FROM pg_catalog.pg_class",
    "FROM main.files",
    "FROM memory.main.files",
    "FROM system.main.duckdb_views",
    # names that could be taken for something else
    "WITH duckdb_views AS (SELECT 1) SELECT * FROM duckdb_views",
    "WITH PG_class AS (SELECT 1) SELECT * FROM pg_class",
    'WITH "x.csv" AS (SELECT 1) SELECT * FROM "x.csv"',
    'WITH "a/b" AS (SELECT 1) SELECT 1',
    # functions
    "SELECT getenv('HOME')",
    "SELECT current_setting('secret_directory')",
    "SELECT pg_catalog.current_setting('x')",
    "SELECT 'secret_directory'.current_setting()",
    "SELECT getvariable('x')",
    "SELECT read_text('/etc/passwd')",
    "SELECT json_execute_serialized_sql('x')",
    "SELECT json_serialize_plan('SELECT 1')",
    "SELECT sleep_ms(1000)",
    "SELECT pg_sleep(1000)",
    "SELECT write_log('x')",
    "SELECT nextval('s')",
    "SELECT pg_get_viewdef(1)",
    "SELECT __internal_decompress_string('x')",
    "SELECT current_query()",
    # what goes as deep as JSON is nested
    "SELECT json_contains('[1]', '1')",
    "SELECT '[1]'::JSON::VARIANT",
    "SELECT CAST('[1]' AS STRUCT(a VARIANT[]))",
    "SELECT json_transform('[1]', '[' || '\"INT\"]')",
    "SELECT from_json(json := '[1]', structure := repeat('[', 5))",
    # our own, wrongly
    "FROM files AT (TIMESTAMP => now())",
    "FROM files AT (VERSION => 1)",
    "FROM files AT (VERSION => 'a' || 'b')",
    "FROM diff()",
    "FROM diff('a', 'b', 'c', 'd')",
    "FROM diff(1, 2)",
    "FROM history('a', 'b')",
    "FROM history((SELECT 'a'))",
    "FROM diff('a') WITH ORDINALITY",
    "FROM main.diff('a')",
    "SELECT \0",
    "SELECT '\ud800'",
    "FROM files AT (VERSION => '\udc80')",
]

CLAUSES = [
    "SELECT (SELECT 1 FROM {})",
    "SELECT 1 WHERE EXISTS (FROM {})",
    "SELECT 1 FROM files WHERE path IN (SELECT 1 FROM {})",
    "SELECT 1 FROM files JOIN {} ON true",
    "SELECT 1 FROM files JOIN items ON (SELECT true FROM {})",
    "SELECT 1 FROM files, LATERAL (SELECT 1 FROM {})",
    "SELECT 1 GROUP BY (SELECT 1 FROM {})",
    "SELECT 1 FROM files GROUP BY ALL HAVING (SELECT true FROM {})",
    "SELECT 1 FROM files QUALIFY (SELECT true FROM {})",
    "SELECT 1 ORDER BY (SELECT 1 FROM {})",
    "SELECT 1 LIMIT (SELECT 1 FROM {})",
    "SELECT 1 OFFSET (SELECT 1 FROM {})",
    "SELECT sum(1) OVER (PARTITION BY (SELECT 1 FROM {}))",
    "SELECT sum(1) OVER (ORDER BY (SELECT 1 FROM {}))",
    "SELECT sum(1) FILTER (WHERE (SELECT true FROM {}))",
    "SELECT CASE WHEN (SELECT true FROM {}) THEN 1 END",
    "SELECT CAST((SELECT 1 FROM {}) AS INT)",
    "SELECT [(SELECT 1 FROM {})]",
    "SELECT {{'a': (SELECT 1 FROM {})}}",
    "SELECT list_transform([1], lambda x: (SELECT 1 FROM {}))",
    "SELECT 1 UNION ALL SELECT 1 FROM {}",
    "SELECT 1 EXCEPT (SELECT 1 FROM {})",
    "VALUES ((SELECT 1 FROM {}))",
    "WITH a AS (SELECT 1 FROM {}) SELECT 1",
    "WITH RECURSIVE a AS (SELECT 1 UNION ALL SELECT 1 FROM {}) SELECT 1",
    "DESCRIBE SELECT 1 FROM {}",
    "SUMMARIZE SELECT 1 FROM {}",
    "PIVOT {} ON size IN (1) USING count(*)",
    "UNPIVOT {} ON path",
    "SELECT ARRAY(SELECT 1 FROM {})",
    "SELECT 1 BETWEEN 0 AND (SELECT 1 FROM {})",
    "SELECT * REPLACE ((SELECT 1 FROM {}) AS path) FROM files",
    "SELECT COLUMNS(lambda c: (SELECT true FROM {})) FROM files",
]


@pytest.mark.parametrize("text", ALLOWED)
def test_allowed(text: str) -> None:
    checked(text)


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text: str) -> None:
    with pytest.raises(QueryError) as caught:
        checked(text)
    assert caught.value.exit_code == 2
    assert str(caught.value)


@pytest.mark.parametrize("clause", CLAUSES)
@pytest.mark.parametrize("source", ["read_csv('/etc/passwd')", "duckdb_settings()", "information_schema.tables"])
def test_refused_in_every_clause(clause: str, source: str) -> None:
    with pytest.raises(QueryError):
        checked(clause.format(source))


@pytest.mark.parametrize("clause", CLAUSES)
def test_resolved_in_every_clause(clause: str) -> None:
    statement = checked(clause.format("(FROM files AT (VERSION => 'v1') UNION ALL FROM diff('a', 'b')) AS x"))
    assert {"files@v1", "diff('a', 'b')"} <= set(statement.references)
    assert " AT " not in statement.text


def test_file_names_are_references_not_files() -> None:
    (reference,) = checked("FROM '/etc/passwd.csv'").references.values()
    assert reference.name == "/etc/passwd.csv"  # a table that no repository has


def test_revisions_that_differ_in_case_are_different() -> None:
    statement = checked("FROM files AT (VERSION => 'v2') UNION ALL FROM files AT (VERSION => 'V2')")
    assert {reference.revision for reference in statement.references.values()} == {"v2", "V2"}
    assert len({name.lower() for name in statement.references}) == 2


def test_versions_keep_their_table_name_as_alias() -> None:
    assert 'FROM "files@it\'s" AS files' in checked("SELECT files.path FROM files AT (VERSION => 'it''s')").text
    assert 'FROM "files@x" AS f' in checked("SELECT f.path FROM files f AT (VERSION => 'x')").text
    assert "AS d(a, b)" in checked("SELECT a FROM diff('x', 'y') d(a, b)").text


def test_with_shadows_a_table() -> None:
    statement = checked("WITH Files AS (SELECT 1) SELECT * FROM files")
    assert statement.shadowed == {"files"}


def test_deep_nesting_is_a_sentence() -> None:
    for text in (
        "SELECT " + "(SELECT " * 400 + "1" + ")" * 400,
        "SELECT " + "NOT " * 5000 + "true",
        "SELECT " + "[" * 3000 + "]" * 3000,
    ):
        with contextlib.suppress(QueryError):
            checked(text)


@given(st.text(max_size=60))
@settings(max_examples=60, deadline=None)
def test_any_revision_survives_the_rewriting(revision: str) -> None:
    if "\0" in revision:
        return
    try:
        revision.encode()
    except UnicodeEncodeError:
        return
    quoted = revision.replace("'", "''")
    statement = checked(f"SELECT * FROM files AT (VERSION => '{quoted}')")
    (reference,) = statement.references.values()
    assert reference.revision == revision


@given(
    st.lists(
        st.sampled_from(
            ["SELECT", "FROM", "files", "AT", "(", ")", "'x'", ",", "WITH", "a", "AS", "COPY", "TO", "1", ";", "*"]
        ),
        max_size=14,
    )
)
@settings(max_examples=150, deadline=None)
def test_no_text_makes_anything_but_our_errors(words: list[str]) -> None:
    with contextlib.suppress(OxideError):
        checked(" ".join(words))
