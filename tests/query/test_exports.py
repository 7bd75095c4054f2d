"""Exports of what a query finds, and whole tables as Parquet."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pyarrow.parquet
import pytest
from labels.workbench import make_repository
from oxide import Annotation, Repository
from oxide.errors import AlreadyExists, QueryError
from support import Oxide

WITHOUT_ROWS = {"keyframes": 0, "ontology": 0, "runs": 0, "views": 0}


@pytest.fixture
def pets(tmp_path: Path) -> Repository:
    repository = make_repository(tmp_path / "pets", "a.png", "b.png", "c.png")
    for name, label, score in (("a.png", "cat", 0.9), ("a.png", "dog", 0.2), ("b.png", "cat", 0.3)):
        repository.annotate(name, Annotation(type="box", label=label, box=(0, 0, 5, 5), score=score))
    repository.set_metadata(["a.png", "c.png"], {"n": 1})
    repository.commit("Pets")
    return repository


def exported(repository: Repository, target: Path, where: object) -> dict[str, list[str]]:
    repository.export_labels("jsonl", target, where=where)
    lines = [json.loads(line) for line in target.read_text().splitlines()]
    return {
        line["path"]: sorted(each["label"] for each in line.get("annotations", [])) for line in lines if "path" in line
    }


def test_labels_of_what_a_query_finds(pets: Repository, tmp_path: Path) -> None:
    assert exported(pets, tmp_path / "1.jsonl", "label:cat") == {"a.png": ["cat", "dog"], "b.png": ["cat"]}
    strong = {"resource": "annotations", "filter": {"score": {"$gt": 0.5}}}
    assert exported(pets, tmp_path / "2.jsonl", strong) == {"a.png": ["cat"]}
    assert exported(pets, tmp_path / "3.jsonl", "metadata.n:1 -label:cat") == {"c.png": []}
    assert exported(pets, tmp_path / "4.jsonl", "name:none") == {}
    with pytest.raises(QueryError):
        pets.export_labels("jsonl", tmp_path / "5.jsonl", where="nothing:1")
    assert not (tmp_path / "5.jsonl").exists()


def test_whole_tables(pets: Repository, tmp_path: Path) -> None:
    report = pets.export_parquet(tmp_path / "tables", at="HEAD")
    assert report.rows == {"annotations": 3, "files": 3, "items": 3, "metadata": 2, **WITHOUT_ROWS}
    with duckdb.connect() as connection:
        for name in report.rows:
            rows = connection.execute(
                f"SELECT * EXCLUDE ({times(name)}) FROM '{tmp_path}/tables/{name}.parquet'"
                if times(name)
                else f"SELECT * FROM '{tmp_path}/tables/{name}.parquet'"
            ).fetchall()
            shown = f"SELECT * EXCLUDE ({times(name)}) FROM {name}" if times(name) else f"SELECT * FROM {name}"
            assert sorted(map(repr, rows)) == sorted(map(repr, pets.sql(shown).fetch_rows()))
    assert pyarrow.parquet.read_table(tmp_path / "tables" / "items.parquet").schema.field("created").type.tz == "UTC"
    with pytest.raises(AlreadyExists):
        pets.export_parquet(tmp_path / "tables")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pets", "tables"]


def test_tables_without_rows_are_there_with_their_columns(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "r", "a.png")
    repository.create_tag("v0")
    repository.annotate("a.png", Annotation(type="box", label="cat", box=(0, 0, 5, 5)))
    report = repository.export_parquet(tmp_path / "v0", at="v0")
    assert report.rows == {"files": 1, "items": 1, "annotations": 0, "metadata": 0, **WITHOUT_ROWS}
    later = repository.export_parquet(tmp_path / "now")
    assert later.rows == {**report.rows, "annotations": 1}
    for name, rows in report.rows.items():
        table = pyarrow.parquet.read_table(tmp_path / "v0" / f"{name}.parquet")
        assert table.num_rows == rows
        assert table.schema.equals(pyarrow.parquet.read_schema(tmp_path / "now" / f"{name}.parquet")), name
        assert table.column_names == list(repository.sql(f"SELECT * FROM {name}", at="v0").columns)


def times(table: str) -> str:
    return {"annotations": "created, updated", "items": "created", "metadata": "updated"}.get(table, "")


def test_tables_of_what_a_query_finds(pets: Repository, tmp_path: Path) -> None:
    report = pets.export_parquet(tmp_path / "cats", where="label:cat score>0.5")
    assert report.rows == {"annotations": 2, "files": 1, "items": 1, "metadata": 1, **WITHOUT_ROWS}
    report = pets.export_parquet(tmp_path / "boxes", where={"resource": "annotations", "filter": {"label": "cat"}})
    assert report.rows == {"annotations": 2, "files": 2, "items": 2, "metadata": 1, **WITHOUT_ROWS}


def test_by_the_command_line(pets: Repository, tmp_path: Path) -> None:
    oxide = Oxide(tmp_path / "pets", tmp_path / "home")
    oxide("export", "jsonl", "../cats.jsonl", "--where", "label:cat score<0.5")
    assert '"path":"b.png"' in (tmp_path / "cats.jsonl").read_text().replace(" ", "")
    said = oxide("export", "parquet", "../tables", "--where", '{"metadata.n": 1}', "--json").json
    assert said["rows"]["files"] == 2
