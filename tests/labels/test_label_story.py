"""The stories D2 and D4 of a data platform on real pictures, by the command line and in Python: upload with metadata,
classify, search, and copy with and without what belongs to a picture.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from labels.workbench import make_repository, real_pictures
from oxide import Annotation, Repository
from support import Oxide

CAT_OR_BAR = """
    SELECT files.path FROM files
    WHERE item_id IN (SELECT item_id FROM annotations WHERE label = 'cat')
       OR item_id IN (SELECT item_id FROM metadata WHERE value ->> '$.foo' = 'bar')
    ORDER BY path
"""


def test_by_the_command_line(tmp_path: Path) -> None:
    pictures = real_pictures(2)
    dataset, third = tmp_path / "dataset", tmp_path / "third"
    for folder in (dataset, third):
        folder.mkdir()
    oxide = Oxide(dataset, tmp_path / "home")
    oxide("init")
    oxide("init", cwd=third)

    # D2: upload image1 with metadata foo=bar; classify it as cat; upload image2 with foo=bar2
    shutil.copy(pictures[0], dataset / "image1.jpg")
    oxide("add", "image1.jpg")
    oxide("metadata", "set", "image1.jpg", "foo=bar")
    first = oxide("annotate", "image1.jpg", "--label", "cat").out.strip()
    shutil.copy(pictures[1], dataset / "image2.jpg")
    oxide("add", "image2.jpg")
    oxide("metadata", "set", "image2.jpg", "foo=bar2")
    assert oxide("status", "--json").json["staged"]["tables"] == {
        "annotations": {"added": 1, "modified": 0, "removed": 0},
        "metadata": {"added": 2, "modified": 0, "removed": 0},
    }
    oxide("commit", "-m", "Two pictures")
    assert [each["id"] for each in oxide("annotations", "image1.jpg", "--json").json] == [first]
    assert oxide("metadata", "get", "image1.jpg", "--json").json == {"foo": "bar"}
    assert oxide("metadata", "get", "image2.jpg", "--json").json == {"foo": "bar2"}

    # D3 (what is searched for): foo == bar2 is exactly image2; classified as cat too, label cat gives two
    by_metadata = "SELECT path FROM files JOIN metadata USING (item_id) WHERE value ->> '$.foo' = 'bar2'"
    assert oxide("sql", by_metadata, "--json").json == [{"path": "image2.jpg"}]
    oxide("annotate", "image2.jpg", "--label", "cat")
    by_label = "SELECT count(DISTINCT item_id) AS found FROM annotations WHERE label = 'cat'"
    assert oxide("sql", by_label, "--json").json == [{"found": 2}]
    oxide("commit", "-m", "Two cats")

    # D4: image1 without annotations but with metadata, image2 with annotations but without metadata
    oxide("copy", "image1.jpg", "../third:", "--without-annotations")
    oxide("copy", "image2.jpg", "../third:", "--without-metadata")
    oxide("commit", "-m", "Copies", cwd=third)
    found = oxide("sql", CAT_OR_BAR, "--json", cwd=third).json
    assert len(found) == 2 and found == [{"path": "image1.jpg"}, {"path": "image2.jpg"}]
    assert oxide("annotations", "image1.jpg", "--json", cwd=third).json == []
    assert oxide("metadata", "get", "image1.jpg", "--json", cwd=third).json == {"foo": "bar"}
    assert [each["label"] for each in oxide("annotations", "image2.jpg", "--json", cwd=third).json] == ["cat"]
    assert oxide("metadata", "get", "image2.jpg", "--json", cwd=third).json == {}
    assert (third / "image2.jpg").read_bytes() == pictures[1].read_bytes()
    for folder in (dataset, third):
        assert oxide("fsck", "--data", "--json", cwd=folder).json["ok"]


def test_in_python(tmp_path: Path) -> None:
    pictures = real_pictures(2)
    dataset = make_repository(tmp_path / "dataset")
    for number, (source, foo) in enumerate(zip(pictures, ("bar", "bar2"), strict=True), 1):
        name = f"image{number}.jpg"
        shutil.copy(source, dataset.root / name)
        dataset.add([name])
        dataset.set_metadata([name], {"foo": foo})
    dataset.annotate("image1.jpg", Annotation("class", "cat"))
    dataset.commit("Two pictures")
    dataset.annotate("image2.jpg", Annotation("class", "cat"))
    dataset.commit("Two cats")

    at = dataset.at("HEAD")
    assert len(at.annotations) == 2 and len(at.metadata) == 2 and len(at.keyframes) == 0
    assert [each.label for each in at.annotations_of("image2.jpg")] == ["cat"]
    before = dataset.at("HEAD~1")
    assert before.annotations_of("image2.jpg") == []
    bar2 = "SELECT path FROM files JOIN metadata USING (item_id) WHERE value ->> '$.foo' = 'bar2'"
    assert dataset.sql(bar2).fetch_rows(9) == [("image2.jpg",)]

    third = make_repository(tmp_path / "third")
    dataset.copy(["image1.jpg"], third, annotations=False)
    dataset.copy(["image2.jpg"], third, metadata=False)
    found = third.sql(CAT_OR_BAR).fetch_rows(9)
    assert len(found) == 2 and found == [("image1.jpg",), ("image2.jpg",)]
    third.commit("Copies")
    assert third.at("HEAD").sql(CAT_OR_BAR).fetch_rows(9) == found


def test_tables_of_labels_are_there_before_the_first_label(tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "dataset", "a.png")
    tables = ["annotations", "keyframes", "metadata", "ontology", "runs"]
    for name in tables:
        assert repo.sql(f"SELECT count(*) FROM {name}").fetch_rows(1) == [(0,)]
        assert repo.sql(f"SELECT count(*) FROM {name}", at="HEAD").fetch_rows(1) == [(0,)]
        assert repo.sql(f"SELECT count(*) FROM diff('HEAD', 'HEAD', '{name}')").fetch_rows(1) == [(0,)]
        view = repo.at("HEAD").table(name)
        assert len(view) == 0 and view.to_arrow().num_rows == 0 and view.rows() == []
        assert view.sql("SELECT count(*) FROM self").fetch_rows(1) == [(0,)]
    empty = repo.at("HEAD")
    repo.annotate("a.png", Annotation("class", "cat"))
    repo.commit("Labelled")
    filled = repo.at("HEAD")
    assert empty.annotations.schema == filled.annotations.schema
    assert empty.annotations.select("label", "x").columns == ["label", "x"]
    joined = "SELECT path, label FROM files LEFT JOIN annotations a AT (VERSION => 'HEAD~1') USING (item_id)"
    assert repo.sql(joined).fetch_rows(9) == [("a.png", None)]


def test_a_table_whose_last_row_went_is_empty_in_sql(tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "dataset", "a.png")
    (made,) = repo.annotate("a.png", Annotation("class", "cat"))
    repo.commit("Labelled")
    repo.remove_annotations([made])
    assert repo.sql("SELECT count(*) FROM annotations").fetch_rows(1) == [(0,)]
    assert repo.sql("SELECT count(*) FROM annotations", at="HEAD").fetch_rows(1) == [(1,)]


@pytest.mark.parametrize("revision", ["HEAD", "main"])
def test_show_and_log_count_labels(tmp_path: Path, revision: str) -> None:
    repo: Repository = make_repository(tmp_path / "dataset", "a.png")
    repo.annotate("a.png", Annotation("class", "cat"), Annotation("box", "dog", (0, 0, 1, 1)))
    repo.set_metadata(["a.png"], {"foo": 1})
    repo.commit("Labelled")
    oxide = Oxide(repo.root, tmp_path / "home")
    assert oxide("show", revision, "--json").json["tables"] == {
        "annotations": {"added": 2, "modified": 0, "removed": 0},
        "metadata": {"added": 1, "modified": 0, "removed": 0},
    }
    assert "annotations: 2 added" in oxide("show", revision).out
