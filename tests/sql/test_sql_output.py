"""Results as files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from oxide.errors import FileSystemError, InvalidInput, QueryError
from oxide.sql import query
from sql.plain_repository import PlainRepository

TEXT = """
    SELECT path, size, content_id, TIMESTAMPTZ '2026-01-02 03:04:05Z' AS time, [1, 2] AS list,
    {'a': 1.5::DECIMAL(3, 1)} AS struct, NULL AS nothing, 'NaN'::DOUBLE AS number, 'x'::BLOB AS bytes
    FROM files ORDER BY path LIMIT 2
"""


def test_csv(plain: PlainRepository, tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    assert query(plain, TEXT).write(target) == 2
    lines = target.read_text().splitlines()
    assert lines[0] == "path,size,content_id,time,list,struct,nothing,number,bytes"
    assert lines[1] == f'a.png,11,{4:064x},2026-01-02T03:04:05+00:00,"[1, 2]","{{""a"": 1.5}}",,nan,78'


def test_json(plain: PlainRepository, tmp_path: Path) -> None:
    target = tmp_path / "out"
    query(plain, TEXT).write(target, "json")
    records = json.loads(target.read_text())
    assert [record["path"] for record in records] == ["a.png", "it's.png"]
    assert records[0]["list"] == [1, 2]
    assert records[0]["struct"] == {"a": 1.5}
    assert records[0]["number"] is None
    query(plain, "SELECT 1 WHERE false").write(target, "json")
    assert json.loads(target.read_text()) == []


def test_parquet(plain: PlainRepository, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    result = query(plain, TEXT)
    assert result.write(tmp_path / "out.parquet") == 2
    assert parquet.read_table(tmp_path / "out.parquet").column_names == result.columns


def test_a_failure_leaves_what_was_there(plain: PlainRepository, tmp_path: Path) -> None:
    target = tmp_path / "files" / "out.csv"
    target.parent.mkdir()
    target.write_text("before")
    failing = query(plain, "SELECT CASE WHEN range < 20000 THEN 1 ELSE CAST(range || 'x' AS INT) END FROM range(30000)")
    for chosen in ("csv", "json", "parquet"):
        with pytest.raises(QueryError):
            failing.write(target, chosen)
        assert target.read_text() == "before"
    assert os.listdir(target.parent) == ["out.csv"]


def test_wrong_targets(plain: PlainRepository, tmp_path: Path) -> None:
    result = query(plain, "SELECT 1")
    with pytest.raises(InvalidInput, match="csv, json, parquet"):
        result.write(tmp_path / "out.xlsx")
    with pytest.raises(FileSystemError, match="could not be written"):
        result.write(tmp_path / "missing" / "out.csv")
