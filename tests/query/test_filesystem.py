"""The files of a revision through fsspec."""

from __future__ import annotations

from pathlib import Path

import pytest
from labels.workbench import make_repository
from oxide import Repository
from oxide.errors import NotFound, Unsupported

fsspec = pytest.importorskip("fsspec", reason="the extra `frames` is not installed")


@pytest.fixture
def tables(tmp_path: Path) -> Repository:
    repository = make_repository(tmp_path / "r")
    (tmp_path / "r" / "in" / "deep").mkdir(parents=True)
    (tmp_path / "r" / "in" / "a.csv").write_text("n,m\n1,2\n3,4\n")
    (tmp_path / "r" / "in" / "deep" / "b.txt").write_bytes(bytes(range(256)) * 40_000)
    repository.add(["."])
    repository.commit("tables")
    repository.create_branch("with/slash")
    (tmp_path / "r" / "in" / "a.csv").write_text("n,m\n5,6\n")
    repository.add(["."])
    return repository


def test_listing_and_reading(tables: Repository) -> None:
    system = fsspec.filesystem("oxide", repository=tables.folder, revision="HEAD")
    assert system.ls("", detail=False) == ["in"]
    assert system.ls("in", detail=False) == ["in/a.csv", "in/deep"]
    assert [entry["type"] for entry in system.ls("in")] == ["file", "directory"]
    assert system.find("") == ["in/a.csv", "in/deep/b.txt"]
    assert system.glob("in/**/*.txt") == ["in/deep/b.txt"]
    assert system.cat("in/a.csv") == b"n,m\n1,2\n3,4\n"
    assert system.cat_file("in/deep/b.txt", 300, 310) == bytes(range(44, 54))
    with system.open("in/deep/b.txt") as stream:
        stream.seek(-2, 2)
        assert stream.read() == b"\xfe\xff"
    assert system.exists("in/deep") and not system.exists("in/none") and system.isdir("")
    assert system.info("in/a.csv")["size"] == 12


def test_urls(tables: Repository) -> None:
    def read(revision: str) -> bytes:
        with fsspec.open(f"oxide://{tables.folder}{revision}/in/a.csv") as stream:
            return bytes(stream.read())

    assert read("@main") == read("@with%2Fslash") == b"n,m\n1,2\n3,4\n"
    assert read("") == b"n,m\n5,6\n", "what is pending"
    with pytest.raises(NotFound):
        read("@nowhere")
    with pytest.raises(NotFound, match="no repository"):
        fsspec.open("oxide:///nowhere/at/all").open()


def test_nothing_is_written(tables: Repository) -> None:
    system = fsspec.filesystem("oxide", repository=tables)
    with pytest.raises(Unsupported):
        system.open("in/a.csv", "wb")
    with pytest.raises(FileNotFoundError):
        system.open("in/none.csv")
    with pytest.raises(FileNotFoundError):
        system.ls("none")


def test_frames_read_from_it(tables: Repository) -> None:
    pandas = pytest.importorskip("pandas", reason="the extra `frames` is not installed")
    frame = pandas.read_csv(f"oxide://{tables.folder}@HEAD/in/a.csv")
    assert frame["m"].tolist() == [2, 4]
