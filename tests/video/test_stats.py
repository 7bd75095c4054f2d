"""Distributions: every number is that of a plain count, kept while the tables stay; as text, JSON and a picture."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from labels.workbench import make_repository
from oxide import Annotation, Repository
from oxide.errors import AlreadyExists, InvalidInput
from oxide.stats import counting
from support import Oxide, picture, write


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """Pictures of two sizes with boxes of many, in two splits."""
    repository = make_repository(tmp_path / "data", "a.png", "b.png", "c.png")
    write(repository.root, "wide.png", picture("wide", 90, 30))
    write(repository.root, "notes.txt", "text")
    repository.add(["."])
    for at, name in enumerate(("a.png", "b.png", "wide.png")):
        boxes = [Annotation("box", ("cat", "dog")[n % 2], (0, 0, 5 * 2**n, 5 * 2**n)) for n in range(at + 1)]
        repository.annotate(name, *boxes, Annotation("class", "zoo"))
    repository.set_metadata(["a.png", "b.png"], {"split": "train"})
    repository.set_metadata(["wide.png"], {"split": "test"})
    repository.commit("Boxes")
    return repository


def test_numbers(repo: Repository) -> None:
    stats = repo.stats()
    assert stats.of("media") == {"image/png": 4, "other": 1} and stats.total("files") == 5
    assert stats.total("files", "bytes") == sum(path.stat().st_size for path in repo.root.glob("[a-z]*.*"))
    assert stats.of("label") == {"zoo": 3, "cat": 4, "dog": 2} and stats.of("type") == {"box": 6, "class": 3}
    assert stats.of("size") == {"24x16": 3, "90x30": 1} and stats.of("aspect") == {"1.5": 3, "2": 1}
    assert stats.of("area") == dict(Counter(["0", "0", "8", "0", "8", "16"]))
    assert stats.of("per file") == {"2": 1, "3": 2} and stats.total("labelled") == 3
    assert stats.of("split") == {"train": 2, "test": 1}
    assert stats.by_split == {
        "train": {"zoo": 2, "cat": 2, "dog": 1},
        "test": {"zoo": 1, "cat": 2, "dog": 1},
    }


def test_what_was_counted_is_kept_while_the_tables_stay(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    first = repo.stats()
    with monkeypatch.context() as patch:
        patch.setattr(counting, "_counted", lambda *arguments: pytest.fail("counted again"))
        assert repo.stats() == first
        assert repo.stats("HEAD").counts == first.counts
    counted = []
    real = counting._counted

    def watched(*arguments: object) -> object:
        counted.append(arguments[2])
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(counting, "_counted", watched)
    repo.set_metadata(["c.png"], {"split": "test"})
    assert repo.stats().of("split") == {"train": 2, "test": 2}
    assert counted == [("split",), ("split label",)]  # what reads other tables alone was not counted again
    for path in (repo.root / ".oxide/cache/stats").iterdir():
        path.write_bytes(b"damaged")
    assert repo.stats("HEAD").counts == first.counts


def test_an_empty_repository(tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "empty")
    assert repo.stats().counts["files"] == {"all": 0, "bytes": 0} and repo.stats().of("label") == {}


def test_a_picture(repo: Repository, tmp_path: Path) -> None:
    from PIL import Image

    repo.plot_stats(tmp_path / "stats.png")
    with Image.open(tmp_path / "stats.png") as drawn:
        colors = drawn.convert("RGB").getcolors(1 << 24)
        assert drawn.width > 1000 and colors is not None and len(colors) > 10
    with pytest.raises(AlreadyExists):
        repo.plot_stats(tmp_path / "stats.png")
    with pytest.raises(InvalidInput):
        repo.plot_stats(tmp_path / "stats.gif")


def test_by_the_command_line(repo: Repository, tmp_path: Path) -> None:
    oxide = Oxide(repo.root, tmp_path / "home")
    out = oxide("stats").out
    assert out.startswith("pending: 5 files, ") and "9 annotations on 3 files" in out
    assert "Annotations by label\n  cat  4  ██████████████████████████████\n" in out
    assert "Files by split\n  train  2" in out and "Annotations by label in test, train" in out
    said = oxide("stats", "HEAD", "--json", "--plot", os.fspath(tmp_path / "s.png")).json
    assert said["revision"] == "HEAD" and said["counts"]["label"] == {"cat": 4, "dog": 2, "zoo": 3}
    assert said["labels_by_split"]["test"]["cat"] == 2 and (tmp_path / "s.png").exists()
    repo.create_branch("other")
    repo.checkout("other")
    repo.annotate("c.png", Annotation("class", "zoo"))
    repo.commit("One more")
    both = oxide("stats", "--branches", "--json").json
    assert {each["revision"]: each["counts"]["label"]["zoo"] for each in both} == {"main": 3, "other": 4}
    assert "  zoo  3  4\n" in oxide("stats", "--branches").out
    assert [each["counts"].get("label", {}).get("zoo", 0) for each in oxide("stats", "--history", "--json").json] == [
        0,
        3,
        4,
    ]
    oxide("stats", "main", "--branches", code=2)
