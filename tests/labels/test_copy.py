"""Files copied with what belongs to them: in a repository, between its revisions, and to another one."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from labels.workbench import make_repository
from oxide import Annotation, Keyframe, Label, Repository
from oxide.errors import AlreadyExists, InvalidInput, NotARepository, NotFound, Unsupported, WouldOverwrite
from support import Oxide, link, noise, tree, write

TRACK = Annotation(
    "box",
    "cat",
    (0, 0, 4, 4),
    track="7",
    frames=(0, 9),
    source="model",
    model="m1",
    score=0.25,
    attributes={"pose": "lying"},
    keyframes=(Keyframe(0, (0, 0, 4, 4)), Keyframe(9, (8, 8, 4, 4), visible=False, label="dog")),
)


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """Two labelled pictures."""
    repository = make_repository(tmp_path / "dataset", "a.png", "images/b.png")
    repository.add_labels(Label("animal"), Label("cat", parent="animal", color="#ff0000"), Label("unused"))
    repository.annotate("a.png", TRACK, Annotation("class", "stray"))
    repository.set_metadata(["a.png"], {"foo": "bar", "nested.deep": [1, {"x": None}]})
    repository.annotate("images/b.png", Annotation("polygon", "cat", geometry={"polygons": [[[0, 0, 9, 0, 9, 9]]]}))
    repository.commit("Labelled")
    return repository


@pytest.fixture
def other(tmp_path: Path) -> Repository:
    """A repository to copy to."""
    return make_repository(tmp_path / "other", "own.png")


def bare(annotation: Annotation) -> Annotation:
    """An annotation without what a copy has of its own."""
    return replace(annotation, id=None, item_id=None)


def ids(repository: Repository, path: str) -> set[str | None]:
    return {annotation.id for annotation in repository.annotations(path)}


def item(repository: Repository, path: str) -> dict[str, object]:
    query = f"SELECT items.* FROM items JOIN files USING (item_id) WHERE path = '{path}'"
    result = repository.sql(query)
    return dict(zip(result.columns, result.fetch_rows(1)[0], strict=True))


@pytest.mark.parametrize("elsewhere", [False, True], ids=["within", "between"])
def test_a_copy_has_everything_but_ids(repo: Repository, other: Repository, elsewhere: bool) -> None:
    target = other if elsewhere else repo
    operations = len(list(target.operations()))
    made = repo.copy(["a.png", "images"], f"{other.folder}:sub" if elsewhere else "sub")
    assert made.copied == [("a.png", "sub/a.png"), ("images/b.png", "sub/images/b.png")]
    assert (made.annotations, made.metadata, made.replaced, made.failed) == (3, 1, [], [])
    assert len(list(target.operations())) == operations + 1
    for old, new in made.copied:
        assert list(map(bare, target.annotations(new))) == list(map(bare, repo.annotations(old)))
        assert not ids(target, new) & ids(repo, old)
        assert target.metadata(new) == repo.metadata(old)
        assert (target.root / new).read_bytes() == (repo.root / old).read_bytes()
        source, copy = item(repo, old), item(target, new)
        assert copy["source_item"] == source["item_id"] != copy["item_id"]
    assert target.status().staged.added == ["sub/a.png", "sub/images/b.png"]
    commit = target.commit("Copied")
    assert target.fsck(data=True).ok
    assert target.at(commit.id).read("sub/a.png") == (repo.root / "a.png").read_bytes()
    target.undo()
    target.undo()
    assert target.status().clean and not (target.root / "sub").exists()


def test_labels_in_use_come_along_with_those_above_them(repo: Repository, other: Repository) -> None:
    other.add_labels(Label("own"))
    made = repo.copy(["a.png"], f"{other.folder}:")
    assert made.labels == ["animal", "cat"]
    labels = other.ontology().labels
    assert list(labels) == ["own", "animal", "cat"]
    assert (labels["cat"].parent, labels["cat"].color) == ("animal", "#ff0000")
    assert repo.copy(["a.png"], f"{other.folder}:again").labels == []


def test_a_targets_ontology_is_kept_and_kept_to(repo: Repository, other: Repository) -> None:
    other.add_labels(Label("cat", color="#0000ff", tools=("box", "polygon")))
    repo.copy(["images/b.png"], other)
    assert other.ontology().labels["cat"].color == "#0000ff"
    before = list(other.operations())
    other.close_ontology()
    with pytest.raises(InvalidInput, match="the label 'stray' is not in the ontology"):
        repo.copy(["a.png"], other)
    other.undo()
    other.edit_label("cat", {"tools": ("mask",)})
    with pytest.raises(InvalidInput, match="not for a box"):
        repo.copy(["a.png"], other)
    other.undo()
    assert not (other.root / "a.png").exists()
    assert len(list(other.operations())) == len(before) + 4
    assert repo.copy(["a.png"], other, annotations=False).annotations == 0


def test_annotations_and_metadata_can_stay_behind(repo: Repository) -> None:
    repo.copy(["a.png"], "bare", annotations=False, metadata=False)
    repo.copy(["a.png"], "described", annotations=False)
    repo.copy(["a.png"], "labelled", metadata=False)
    assert [len(repo.annotations(f"{each}/a.png")) for each in ("bare", "described", "labelled")] == [0, 0, 2]
    assert [bool(repo.metadata(f"{each}/a.png")) for each in ("bare", "described", "labelled")] == [False, True, False]


def test_out_of_another_revision(repo: Repository) -> None:
    repo.checkout("other", create=True)
    write(repo.root, "a.png", "changed")
    repo.add(["a.png"])
    repo.annotate("a.png", Annotation("class", "later"))
    repo.commit("Later")
    repo.checkout("main")
    repo.copy(["a.png"], "from-other", revision="other")
    assert (repo.root / "from-other/a.png").read_text() == "changed"
    assert "later" in {each.label for each in repo.annotations("from-other/a.png")}
    repo.remove(["a.png"])
    repo.copy(["a.png"], ".", revision="main")
    assert len(repo.annotations("a.png")) == 2
    with pytest.raises(NotFound):
        repo.copy(["a.png"], "x", revision="nope")


def test_names_that_are_taken(repo: Repository, other: Repository) -> None:
    write(other.root, "a.png", "stored nowhere")
    with pytest.raises(WouldOverwrite):
        repo.copy(["a.png"], other)
    other.add(["a.png"])
    other.annotate("a.png", Annotation("class", "gone with the file"))
    with pytest.raises(AlreadyExists, match=r"'a\.png' is there already"):
        repo.copy(["images/b.png", "a.png"], other)
    assert tree(other.root).keys() == {"a.png", "own.png"}
    made = repo.copy(["a.png"], other, force=True)
    assert made.replaced == ["a.png"]
    assert sorted(str(each.label) for each in other.annotations("a.png")) == ["cat", "stray"]
    assert other.sql("SELECT count(*) FROM annotations").fetch_rows(1) == [(2,)]
    with pytest.raises(AlreadyExists, match=r"'own\.png' is a file"):
        repo.copy(["images"], f"{other.folder}:own.png", force=True)
    write(other.root, "a/images/b.png/c", "a folder")
    other.add(["a"])
    with pytest.raises(AlreadyExists, match="is a folder"):
        repo.copy(["images"], f"{other.folder}:a", force=True)


def test_two_files_of_one_name_are_refused(repo: Repository) -> None:
    write(repo.root, "images/a.png", "another")
    repo.add(["images"])
    with pytest.raises(InvalidInput, match="would both become"):
        repo.copy(["a.png", "images/a.png"], "x")


def test_one_file_may_be_copied_twice_at_once_and_below_its_own_folder(repo: Repository) -> None:
    made = repo.copy(["images", "images/b.png"], "images/x")
    assert made.copied == [("images/b.png", "images/x/b.png"), ("images/b.png", "images/x/images/b.png")]
    assert made.annotations == 2
    assert not ids(repo, "images/x/b.png") & ids(repo, "images/x/images/b.png")
    with pytest.raises(AlreadyExists):
        repo.copy(["images/b.png"], "images")


def test_links_large_files_and_odd_names(repo: Repository, other: Repository) -> None:
    big = noise("big", 9 << 20)
    write(repo.root, "odd/big.bin", big)
    write(repo.root, "odd/run.sh", "#!/bin/sh\n", executable=True)
    link(repo.root, "odd/link", "big.bin")
    with open(os.fsencode(repo.root / "odd") + b"/caf\xe9", "wb") as file:
        file.write(b"not UTF-8")
    repo.add(["odd"])
    repo.copy(["odd"], other)
    assert {path: node for path, node in tree(other.root).items() if path.startswith("odd/")} == {
        path: node for path, node in tree(repo.root).items() if path.startswith("odd/")
    }
    other.commit("Copied")
    assert other.fsck(data=True).ok


def test_references_stay_in_their_repository(repo: Repository, other: Repository, tmp_path: Path) -> None:
    outside = write(tmp_path, "outside.bin", "kept outside")
    repo.add([str(outside)], reference=True)
    repo.copy(["outside.bin"], "copies")
    assert os.readlink(repo.root / "copies/outside.bin") == str(outside)
    with pytest.raises(Unsupported, match="reference"):
        repo.copy(["outside.bin"], other)


def test_where_nothing_can_be_copied_to(repo: Repository, tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="another machine"):
        repo.copy(["a.png"], "https://hub.example.org/ada/cats")
    with pytest.raises(NotARepository, match="nowhere"):
        repo.copy(["a.png"], "../nowhere:images")
    (tmp_path / "plain").mkdir()
    with pytest.raises(NotARepository):
        repo.copy(["a.png"], f"{tmp_path / 'plain'}:")
    with pytest.raises(InvalidInput, match="outside"):
        repo.copy(["a.png"], "../elsewhere")
    with pytest.raises(NotFound):
        repo.copy(["missing.png"], "x")


def test_a_dry_run_changes_nothing(repo: Repository, other: Repository) -> None:
    before = tree(other.root), len(list(other.operations()))
    said = repo.copy(["."], f"{other.folder}:x", dry_run=True)
    assert (tree(other.root), len(list(other.operations()))) == before
    assert said == repo.copy(["."], f"{other.folder}:x")


def test_the_verb(repo: Repository, other: Repository, tmp_path: Path) -> None:
    oxide = Oxide(repo.root, tmp_path / "home")
    said = oxide("copy", "b.png", "../../other:x", "--json", cwd=repo.root / "images").json
    assert said["copied"] == [["images/b.png", "x/b.png"]]
    assert (said["annotations"], said["metadata"], said["labels"], said["dry_run"]) == (1, 0, ["animal", "cat"], False)
    assert oxide("copy", "a.png", "new/place", "--dry-run").out == "would copy a.png -> new/place/a.png\n"
    done = oxide("copy", "a.png", "new/place", "--from", "HEAD", "--without-annotations")
    assert done.out.splitlines() == [
        "a.png -> new/place/a.png",
        "1 file copied with 0 annotations and metadata of 1 file",
    ]
    assert oxide("copy", "a.png", "new/place", "--json", code=1).error["code"] == "already_exists"
    assert oxide("copy", "a.png", "https://hub.example.org/x", "--json", code=1).error["code"] == "unsupported"
    oxide("copy", "a.png", code=2)
