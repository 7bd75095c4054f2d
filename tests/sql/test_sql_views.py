"""Table views and snapshots over plain rows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from oxide import reading
from oxide.errors import InvalidInput, MissingExtra, NotFound
from oxide.snapshot import Snapshot
from oxide.sql.arrow import hex_text
from oxide.tables import TableView
from sql.plain_repository import PlainRepository, file_row


class ContentStore:
    """Contents by number, beside the plain rows."""

    def __init__(self, plain: Any, contents: dict[str, bytes]) -> None:
        self._plain = plain
        self._contents = contents

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain, name)

    def count(self, root: str) -> int:
        return len(self._plain.roots[root])

    def scan(self, table: tuple[str, str], columns: Sequence[str] = ()) -> pyarrow.RecordBatchReader:
        fields = [("path", pyarrow.string()), ("content_id", pyarrow.binary(32))]
        fields += [("size", pyarrow.int64()), ("item_id", pyarrow.binary(12))]
        schema = pyarrow.schema([field for field in fields if not columns or field[0] in columns])
        rows = [
            {name: bytes.fromhex(value) if name.endswith("_id") else value for name, value in row.items()}
            for row in self._plain.roots[table[1]]
        ]
        batches = [pyarrow.RecordBatch.from_pylist([row], schema=schema) for row in rows]
        return pyarrow.RecordBatchReader.from_batches(schema, batches)

    def has_folder(self, root: str, path: str) -> bool:
        return any(row["path"].startswith(path + "/") for row in self._plain.roots[root])

    def file_row(self, root: str, path: str) -> dict[str, Any] | None:
        row = self._plain.file_row(root, path)
        return None if row is None else {"type": "link" if path.startswith("link") else "file", **row}

    def file_rows(self, root: str, paths: Sequence[str] = ()) -> list[dict[str, Any]]:
        rows = self._plain.roots[root]
        return [row for row in rows if not paths or any(row["path"].startswith(path + "/") for path in paths)]

    def content(self, identity: str) -> bytes:
        return self._contents[identity]

    def copy_content(self, identity: str, descriptor: int) -> int:
        return os.write(descriptor, self._contents[identity])


@pytest.fixture
def shown(tmp_path: Path) -> Snapshot:
    """A snapshot with a file, one in a folder, and links to it, to nowhere, out of the tree and to itself."""
    repository = PlainRepository(tmp_path / "control")
    contents = {1: b"top", 2: b"deep" * 100, 3: b"dir/deep.png", 4: b"nowhere", 5: b"../../etc/passwd", 6: b"link-self"}
    names = ["top.png", "dir/deep.png", "link", "link-nowhere", "link-out", "link-self"]
    repository.add_commit("v1", [file_row(name, i + 1, len(contents[i + 1])) for i, name in enumerate(names)])
    repository.store = ContentStore(repository.store, {f"{i:064x}": data for i, data in contents.items()})  # type: ignore[assignment]
    return Snapshot(repository, repository.read_commit("v1"))  # type: ignore[arg-type]


def test_table_views(shown: Snapshot) -> None:
    view = shown.files
    assert (len(view), view.columns) == (6, ["path", "content_id", "size", "item_id"])
    assert view.schema.field("content_id").type == pyarrow.string()
    assert view.rows(1) == [{"path": "top.png", "content_id": f"{1:064x}", "size": 3, "item_id": f"{1:024x}"}]
    assert view.rows(0) == []
    assert len(view.rows()) == len(list(view)) == 6
    assert view.to_arrow(raw=True)["item_id"][0].as_py() == (1).to_bytes(12, "big")
    assert pyarrow.table(view).equals(view.to_arrow())
    assert view.select("size", "path").to_arrow().num_columns == 2
    with pytest.raises(InvalidInput, match="no column nope"):
        view.select("nope")
    assert "6 rows" in repr(view)
    assert "top.png" in view._repr_html_()


def test_table_views_hand_over(shown: Snapshot) -> None:
    pytest.importorskip("pandas")
    pytest.importorskip("polars")
    assert shown.files.to_polars()["size"].to_list() == shown.files.to_pandas()["size"].tolist()
    assert shown.files.sql("SELECT count(*), max(size) FROM self").fetch_rows() == [(6, 400)]
    assert shown.sql("SELECT count(*) FROM files").fetch_rows() == [(6,)]


def test_a_missing_package_is_named(shown: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "polars", None)
    with pytest.raises(MissingExtra) as caught:
        shown.files.to_polars()
    assert caught.value.hint == "pip install 'oxide-data[frames]'"


def test_hex_of_slices_and_nulls() -> None:
    column = pyarrow.array([b"\x00\xff", None, b"\x12\xab", b"zz"], pyarrow.binary(2))
    assert hex_text(column).to_pylist() == ["00ff", None, "12ab", "7a7a"]
    assert hex_text(column.slice(2, 1)).to_pylist() == ["12ab"]
    assert hex_text(column.slice(1, 2)).to_pylist() == [None, "12ab"]
    assert hex_text(column.slice(0, 0)).to_pylist() == []
    assert hex_text(pyarrow.array([], pyarrow.binary(2))).to_pylist() == []


def test_open_and_read(shown: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown.read("top.png") == shown.open("./top.png").read() == b"top"
    monkeypatch.setattr(reading, "_IN_MEMORY", 10)
    with shown.open("dir/deep.png") as stream:
        assert stream.read(4) == b"deep"
        assert stream.seek(0, 2) == 400
    assert shown.read("link") == b"dir/deep.png"


def test_what_cannot_be_opened(shown: Snapshot) -> None:
    with pytest.raises(NotFound, match="folder"):
        shown.open("dir")
    with pytest.raises(NotFound) as caught:
        shown.open("dir/dep.png")
    assert "dir/deep.png" in caught.value.hint
    assert [shown.read(name) for name in ("link-nowhere", "link-self")] == [b"nowhere", b"link-self"]
    for path in ("../top.png", "/etc/passwd", ".."):
        with pytest.raises(InvalidInput, match="out of the tree"):
            shown.open(path)
    with pytest.raises(NotFound) as caught:
        shown.table("fils")
    assert "files" in caught.value.hint


def test_notebook(shown: Snapshot) -> None:
    assert "files: 6 rows" in shown._repr_html_()
    assert isinstance(shown.items, TableView)
    assert repr(shown) == "Snapshot(v1: made v1)"
