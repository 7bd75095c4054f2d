"""Labels defined, renamed, merged, split and removed, with everything that carries them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labels.team import by_bob
from labels.workbench import make_repository
from oxide import Annotation, Keyframe, Label, Repository
from oxide.errors import AlreadyExists, InConflict, InUse, InvalidInput, NotFound, NothingToDo
from oxide.labels import ontology_editing as editing
from oxide.labels.ontology import Ontology
from oxide.labels.relabelling import _Editor
from support import Oxide

DOG = Label("dog", attributes={"breed": {"type": "select", "values": ["poodle", "pug"]}, "age": {"type": "number"}})


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return make_repository(tmp_path / "dataset", "a.png", "b.png")


@pytest.fixture
def oxide(repo: Repository, tmp_path: Path) -> Oxide:
    return Oxide(repo.root, tmp_path / "home")


def labels_of(repo: Repository, path: str) -> list[str | None]:
    return sorted((annotation.label for annotation in repo.annotations(path)), key=str)


def box(label: str, **more: Any) -> Annotation:
    return Annotation("box", label, (1, 2, 3, 4), **more)


# -- definitions -------------------------------------------------------------------------------------------------------
def test_labels_are_defined_and_versioned(repo: Repository) -> None:
    repo.add_labels(Label("animal"), Label("cat", parent="animal", color="#FF8800", tools=("box", "mask")), DOG)
    repo.commit("Labels")
    repo.edit_label("cat", {"color": "#00aa00", "description": "indoors too"})
    assert list(repo.ontology().labels) == ["animal", "cat", "dog"], "in the order in which they were added"
    cat = repo.ontology().labels["cat"]
    assert (cat.color, cat.parent, cat.tools, cat.description) == ("#00aa00", "animal", ("box", "mask"), "indoors too")
    assert repo.ontology("HEAD").labels["cat"].color == "#ff8800"
    assert repo.status().tables["ontology"] == (0, 1, 0)
    repo.undo()
    assert repo.ontology().labels["cat"].color == "#ff8800"


@pytest.mark.parametrize(
    "label",
    [
        Label(""),
        Label(" cat"),
        Label("cat\n"),
        Label("cat", color="red"),
        Label("cat", tools=("boxes",)),
        Label("cat", attributes={"pose": {"type": "colour"}}),
        Label("cat", attributes={"pose": "sitting"}),
        Label("cat", attributes={"pose": {"type": "select"}}),
        Label("cat", attributes={"age": {"type": "number", "values": [1]}}),
        Label("cat", attributes={"age": {"type": "number", "default": "old"}}),
        Label("cat", attributes={"pose": {"type": "select", "values": ["sitting"], "default": "lying"}}),
        Label("cat", skeleton={"points": ["nose", "nose"], "edges": []}),
        Label("cat", skeleton={"points": ["nose", "tail"], "edges": [[0, 2]]}),
        Label("cat", parent="cat"),
    ],
    ids=repr,
)
def test_malformed_labels_are_refused_and_nothing_is_kept(repo: Repository, label: Label) -> None:
    with pytest.raises(InvalidInput):
        repo.add_labels(Label("fine"), label)
    assert repo.ontology().labels == {}
    assert repo.status().clean


def test_a_label_is_below_one_that_is_there_and_never_below_itself(repo: Repository) -> None:
    with pytest.raises(NotFound, match="animal"):
        repo.add_labels(Label("cat", parent="animal"))
    repo.add_labels(Label("animal"), Label("cat", parent="animal"), Label("kitten", parent="cat"))
    with pytest.raises(InvalidInput, match="below itself"):
        repo.edit_label("animal", {"parent": "kitten"})
    with pytest.raises(AlreadyExists):
        repo.add_labels(Label("cat"))


def test_a_closed_ontology_takes_its_labels_only_and_lets_commits_pass(repo: Repository) -> None:
    repo.annotate("a.png", box("stray"))
    repo.add_labels(Label("cat"))
    repo.close_ontology()
    with pytest.raises(InvalidInput, match="closed"):
        repo.annotate("a.png", box("dgo"))
    repo.annotate("a.png", box("cat"))
    repo.commit("What carries another label already can be committed")
    (found,) = repo.check_labels("HEAD")
    assert (found.label, found.annotations, len(found.examples)) == ("stray", 1, 1)
    with pytest.raises(NothingToDo):
        repo.close_ontology()
    repo.close_ontology(False)
    repo.annotate("a.png", box("dgo"))


# -- rename ------------------------------------------------------------------------------------------------------------
def test_rename_changes_ontology_annotations_and_keyframes_as_one_operation(repo: Repository) -> None:
    repo.add_labels(Label("kitty"), Label("kitten", parent="kitty"), Label("dog"))
    track = Annotation("box", "kitty", (0, 0, 1, 1), track="1", frames=(0, 9), keyframes=(
        Keyframe(0, (0, 0, 1, 1), label="kitty"), Keyframe(9, (5, 5, 1, 1), label="dog")))  # fmt: skip
    repo.annotate("a.png", box("kitty", source="model", score=0.5), box("kitten"), track)
    repo.annotate("b.png", box("kitty"), box("dog"), Annotation("note", geometry={"messages": []}))
    repo.commit("Labelled")
    before = {each.id: each for path in ("a.png", "b.png") for each in repo.annotations(path)}
    operations = len(list(repo.operations()))

    report = repo.rename_label("kitty", "cat")

    assert len(list(repo.operations())) == operations + 1
    assert dict(report.labels) == {("kitty", "cat"): 3}
    assert (report.annotations, report.keyframes, report.items) == (3, 1, 2)
    assert dict(report.sources) == {"human": 2, "model": 1}
    assert (report.added, report.removed, report.changed) == (["cat"], ["kitty"], ["kitten"])
    assert repo.ontology().labels["kitten"].parent == "cat"
    assert labels_of(repo, "a.png") == ["cat", "cat", "kitten"]
    assert labels_of(repo, "b.png") == [None, "cat", "dog"]
    for path in ("a.png", "b.png"):
        for annotation in repo.annotations(path):
            old = before[annotation.id]
            assert annotation.box == old.box and annotation.author == old.author and annotation.created == old.created
            assert (annotation.updated != old.updated) == (old.label == "kitty")
    tracked = next(each for each in repo.annotations("a.png") if each.track)
    assert [keyframe.label for keyframe in tracked.keyframes] == ["cat", "dog"]
    assert repo.status().tables["annotations"] == (0, 3, 0)
    repo.undo()
    assert repo.status().clean


@pytest.mark.parametrize("verb", ["rename", "merge", "split"])
def test_who_changes_a_label_on_a_keyframe_alone_changed_the_annotation(repo: Repository, verb: str) -> None:
    frames = (Keyframe(0, (0, 0, 1, 1)), Keyframe(9, (5, 5, 1, 1), label="kitty", attributes={"pose": "lying"}))
    (track,) = repo.annotate("a.png", box("car", frames=(0, 9), keyframes=frames))
    repo.annotate("a.png", box("car", frames=(0, 9), keyframes=frames[:1]), box("kitty"))
    repo.annotate("b.png", box("kitty"))
    repo.commit("Labelled")
    before = {each.id: each for path in ("a.png", "b.png") for each in repo.annotations(path)}
    bob = by_bob(repo)
    if verb == "split":
        bob.split_label("kitty", "pose")
    else:
        bob.rename_label("kitty", "cat") if verb == "rename" else bob.merge_labels(["kitty"], "cat")
    for path in ("a.png", "b.png"):
        for each in repo.annotations(path):
            old = before[each.id]
            is_changed = each.id == track or (old.label == "kitty" and verb != "split")
            assert (each.updated != old.updated) == is_changed
            assert (each.updated_by or "").startswith("Bob" if is_changed else "Ada")
    assert next(each.label for each in repo.annotations("a.png") if each.id == track) == "car"


def test_an_annotation_that_was_read_and_changed_is_changed_now(repo: Repository) -> None:
    frames = (Keyframe(0, (0, 0, 1, 1)), Keyframe(9, (5, 5, 1, 1), label="kitty"))
    (track,) = repo.annotate("a.png", box("car", frames=(0, 9), keyframes=frames))
    (old,) = repo.annotations("a.png")
    by_bob(repo).annotate("a.png", replace(old, keyframes=(frames[0], replace(frames[1], label="cat"))))
    (new,) = repo.annotations("a.png")
    assert new.id == track and new.updated != old.updated and (new.updated_by or "").startswith("Bob")
    assert (new.created, new.author) == (old.created, old.author)


def test_only_rows_with_the_label_are_set_again_in_batches(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Editor, "ROWS", 3)
    repo.annotate("a.png", *[box("cat" if number % 2 else "dog", description=str(number)) for number in range(40)])
    repo.annotate("b.png", *[box("dog", description=str(number)) for number in range(7)])
    repo.commit("Labelled")
    report = repo.rename_label("dog", "hound")
    assert (report.annotations, report.items) == (27, 2)
    assert repo.status().tables["annotations"] == (0, 27, 0)
    described = {each.description: each.label for each in repo.annotations("a.png")}
    assert described == {str(number): "cat" if number % 2 else "hound" for number in range(40)}


def test_rename_refuses_what_would_be_a_merge(repo: Repository) -> None:
    repo.add_labels(Label("cat"))
    repo.annotate("a.png", box("kitty"), box("dog"))
    for taken in ("cat", "dog", "kitty"):
        with pytest.raises(AlreadyExists, match=taken):
            repo.rename_label("kitty", taken)
    with pytest.raises(NotFound, match="horse"):
        repo.rename_label("horse", "pony")
    repo.rename_label("kitty", "puss")
    assert labels_of(repo, "a.png") == ["dog", "puss"], "a label in use need not be defined"
    assert list(repo.ontology().labels) == ["cat"]


def test_a_label_renamed_on_one_branch_and_used_on_another_is_found_after_the_merge(repo: Repository) -> None:
    repo.add_labels(Label("kitty"))
    repo.annotate("a.png", box("kitty"))
    repo.commit("Labelled")
    repo.checkout("more", create=True)
    repo.annotate("b.png", box("kitty"))
    repo.commit("More")
    repo.checkout("main")
    repo.rename_label("kitty", "cat", message="One word for cats")
    repo.merge("more")
    assert labels_of(repo, "a.png") == ["cat"] and labels_of(repo, "b.png") == ["kitty"]
    (found,) = repo.check_labels()
    assert (found.label, found.annotations) == ("kitty", 1)
    repo.merge_labels(["kitty"], "cat")
    assert repo.check_labels() == []
    assert labels_of(repo, "b.png") == ["cat"]


# -- merge -------------------------------------------------------------------------------------------------------------
def test_merge_reports_what_does_not_fit_and_keeps_it(repo: Repository) -> None:
    repo.add_labels(DOG, Label("cat", attributes={"age": {"type": "number"}}, tools=("box",)))
    repo.annotate("a.png", box("dog", attributes={"breed": "pug", "age": 3}), box("puppy"))
    repo.annotate("b.png", Annotation("class", "dog"), box("cat"))
    report = repo.merge_labels(["dog", "puppy"], "cat")
    assert dict(report.labels) == {("dog", "cat"): 2, ("puppy", "cat"): 1}
    assert {(each.problem, each.annotations) for each in report.conflicts} == {
        ("'cat' does not know the attribute 'breed'", 1),
        ("the label 'cat' is not for a class", 1),
    }
    kept = [each.attributes for each in repo.annotations("a.png") if each.attributes]
    assert kept == [{"breed": "pug", "age": 3}]
    assert list(repo.ontology().labels) == ["cat"]
    (broken,) = repo.check_labels()
    assert broken.problem == "the label 'cat' is not for a class"


def test_merge_into_a_new_name_takes_the_first_definition(repo: Repository) -> None:
    repo.add_labels(Label("kitten", color="#112233"), Label("kitty", color="#445566"))
    repo.annotate("a.png", box("kitten"), box("kitty"))
    report = repo.merge_labels(["kitten", "kitty"], "cat")
    assert (report.added, report.removed) == (["cat"], ["kitten", "kitty"])
    assert repo.ontology().labels["cat"].color == "#112233"
    assert labels_of(repo, "a.png") == ["cat", "cat"]


def test_merge_needs_labels_that_are_there(repo: Repository) -> None:
    repo.add_labels(Label("cat"))
    repo.annotate("a.png", box("stray"))
    with pytest.raises(NotFound, match="kitten"):
        repo.merge_labels(["kitten"], "cat")
    with pytest.raises(InvalidInput):
        repo.merge_labels(["cat"], "cat")
    repo.close_ontology()
    with pytest.raises(InvalidInput, match="closed"):
        repo.merge_labels(["stray"], "tramp")
    assert labels_of(repo, "a.png") == ["stray"]


@given(
    parents=st.lists(st.integers(min_value=0, max_value=7), min_size=8, max_size=8),
    merged=st.lists(st.integers(min_value=0, max_value=7), min_size=1, max_size=4),
    into=st.integers(min_value=0, max_value=7),
)
@settings(max_examples=200, deadline=None)
def test_a_merge_of_labels_leaves_a_hierarchy(parents: list[int], merged: list[int], into: int) -> None:
    """Whatever is merged, every label is below one that is there, and none below itself."""
    labels = [Label(str(at), parent=str(parents[at]) if parents[at] < at else None) for at in range(8)]
    before = editing.with_labels(Ontology(), labels)
    for after in (
        editing.merged(before, map(str, merged), str(into)),
        editing.without(before, {str(each) for each in merged}),
    ):
        for name, label in after.labels.items():
            assert label.parent is None or label.parent in after.labels
            assert name not in editing.above(after, name)


# -- split -------------------------------------------------------------------------------------------------------------
def test_split_makes_a_label_of_each_value(repo: Repository) -> None:
    repo.add_labels(DOG)
    repo.annotate("a.png", box("dog", attributes={"breed": "pug", "age": 3}), box("dog", attributes={"age": 1}))
    repo.annotate("b.png", box("dog", attributes={"breed": "poodle"}), box("cat", attributes={"breed": "poodle"}))
    report = repo.split_label("dog", "breed", {"pug": "Pug"})
    assert dict(report.labels) == {("dog", "Pug"): 1, ("dog", "dog/poodle"): 1}
    assert (report.left, report.items, report.conflicts) == (1, 2, [])
    assert report.added == ["Pug", "dog/poodle"]
    by_label = {each.label: each.attributes for path in ("a.png", "b.png") for each in repo.annotations(path)}
    assert by_label == {"Pug": {"age": 3}, "dog": {"age": 1}, "dog/poodle": {}, "cat": {"breed": "poodle"}}
    labels = repo.ontology().labels
    assert {name: label.parent for name, label in labels.items()} == {"dog": None, "Pug": "dog", "dog/poodle": "dog"}
    assert all(list(label.attributes) == ["age"] for label in labels.values())
    assert [each.label for each in repo.check_labels()] == ["cat"], "which was never defined"
    assert [each.problem for each in repo.check_labels()] == ["the label 'cat' is not in the ontology"], "it is open"


def test_split_goes_by_what_keyframes_say(repo: Repository) -> None:
    frames = (
        Keyframe(0, (0, 0, 1, 1)),
        Keyframe(3, (0, 0, 1, 1), attributes={"pose": "lying"}),
        Keyframe(6, (0, 0, 1, 1), attributes={"seen": True}),
        Keyframe(9, (0, 0, 1, 1), label="cat"),
    )
    repo.annotate("a.png", box("cat", attributes={"pose": "sitting"}, frames=(0, 9), keyframes=frames))
    report = repo.split_label("cat", "pose")
    (annotation,) = repo.annotations("a.png")
    assert annotation.label == "cat/sitting" and annotation.attributes == {}
    assert [(each.frame, each.label, each.attributes) for each in annotation.keyframes] == [
        (0, None, None),
        (3, "cat/lying", None),
        (6, None, {"seen": True}),
        (9, "cat/sitting", None),
    ]
    assert report.keyframes == 2


def test_split_needs_the_attribute(repo: Repository) -> None:
    repo.annotate("a.png", box("dog", attributes={"age": 3, "toys": ["ball"]}))
    for name in ("breed", "toys"):
        with pytest.raises(NotFound, match=name):
            repo.split_label("dog", name)
    with pytest.raises(NotFound, match="cat"):
        repo.split_label("cat", "breed")
    repo.split_label("dog", "age")
    assert labels_of(repo, "a.png") == ["dog/3"]


# -- remove ------------------------------------------------------------------------------------------------------------
def test_a_label_in_use_is_removed_with_a_word_only(repo: Repository) -> None:
    repo.add_labels(Label("animal"), Label("cat", parent="animal"), Label("kitten", parent="cat"), Label("dog"))
    repo.annotate("a.png", box("cat"), box("cat"))
    with pytest.raises(InUse, match="2 annotations"):
        repo.remove_labels(["dog", "cat"])
    assert list(repo.ontology().labels) == ["animal", "cat", "kitten", "dog"]
    with pytest.raises(InUse):
        repo.remove_labels(["cat"], dry_run=True)
    report = repo.remove_labels(["dog", "cat"], force=True)
    assert (report.left, report.removed) == (2, ["cat", "dog"])
    assert repo.ontology().labels["kitten"].parent == "animal"
    assert labels_of(repo, "a.png") == ["cat", "cat"]
    repo.undo()
    repo.remove_labels("cat", into="dog")
    assert labels_of(repo, "a.png") == ["dog", "dog"]
    with pytest.raises(NotFound):
        repo.remove_labels("horse")


# -- pending, committed at once, only said -----------------------------------------------------------------------------
def test_a_change_with_a_message_is_one_commit_and_takes_nothing_else_along(repo: Repository) -> None:
    repo.annotate("a.png", box("kitty"))
    with pytest.raises(InvalidInput, match="other changes are pending"):
        repo.rename_label("kitty", "cat", message="One word")
    head = repo.commit("Labelled").id
    operations = len(list(repo.operations()))
    report = repo.rename_label("kitty", "cat", message="One word for cats")
    assert len(list(repo.operations())) == operations + 1
    (entry,) = repo.log(limit=1)
    assert (entry.commit.id, entry.commit.message, entry.commit.parents) == (
        report.commit,
        "One word for cats",
        (head,),
    )
    assert repo.status().clean
    assert repo.show("HEAD")[1].tables["annotations"] == (0, 1, 0)
    repo.undo()
    assert repo.read_commit("HEAD").id == head and labels_of(repo, "a.png") == ["kitty"]


@pytest.mark.parametrize(
    "change",
    [
        lambda repo, **how: repo.add_labels(Label("horse"), **how),
        lambda repo, **how: repo.edit_label("dog", {"color": "#123456"}, **how),
        lambda repo, **how: repo.rename_label("dog", "hound", **how),
        lambda repo, **how: repo.merge_labels(["dog"], "cat", **how),
        lambda repo, **how: repo.split_label("dog", "breed", **how),
        lambda repo, **how: repo.remove_labels(["dog"], force=True, **how),
        lambda repo, **how: repo.close_ontology(**how),
    ],
    ids=["add", "edit", "rename", "merge", "split", "remove", "close"],
)
def test_a_dry_run_says_the_same_and_does_nothing(repo: Repository, change: Any) -> None:
    repo.add_labels(DOG, Label("cat"))
    repo.annotate("a.png", box("dog", attributes={"breed": "pug"}), box("dog"))
    repo.commit("Labelled")
    operations = len(list(repo.operations()))
    said = change(repo, dry_run=True)
    assert len(list(repo.operations())) == operations
    assert said == change(repo)


def test_labels_are_not_changed_while_a_merge_is_undecided(repo: Repository) -> None:
    (made,) = repo.annotate("a.png", box("dog"))
    repo.commit("Labelled")
    repo.checkout("other", create=True)
    repo.annotate("a.png", box("cat", id=made))
    repo.commit("Cat")
    repo.checkout("main")
    repo.annotate("a.png", box("fox", id=made))
    repo.commit("Fox")
    assert repo.merge("other").conflicts
    with pytest.raises(InConflict):
        repo.rename_label("fox", "vixen")


# -- the command line --------------------------------------------------------------------------------------------------
def test_the_verbs_as_they_are_typed(oxide: Oxide) -> None:
    oxide("label", "add", "animal", "--color", "#8888FF")
    oxide("label", "add", "dog", "cat", "--parent", "animal", "--attribute", "breed=poodle,pug", "--attribute",
          "age:number", "--required", "breed", "--default", "age=1", "--tool", "box", "--points", "nose, tail",
          "--edge", "nose,tail")  # fmt: skip
    listed = oxide("label", "list", "--json").json
    assert listed["closed"] is False
    assert listed["labels"][1] == {
        "name": "dog",
        "parent": "animal",
        "color": None,
        "attributes": {
            "breed": {"type": "select", "values": ["poodle", "pug"], "required": True},
            "age": {"type": "number", "default": 1},
        },
        "tools": ["box"],
        "skeleton": {"points": ["nose", "tail"], "edges": [[0, 1]]},
        "description": None,
    }
    assert oxide("label", "list").out.splitlines() == [
        "animal  #8888ff  any",
        "  dog   -        box  age:number breed=poodle,pug*",
        "  cat   -        box  age:number breed=poodle,pug*",
        "open: other labels are taken too",
    ]
    oxide("annotate", "a.png", "--label", "dog", "--box", "1,2,3,4", "--attribute", "breed=pug")
    oxide("annotate", "a.png", "--label", "hund", "--box", "1,2,3,4")
    counted = oxide("label", "list", "--count", "--json").json
    assert [label["annotations"] for label in counted["labels"]] == [0, 1, 0]
    assert counted["unknown"] == [{"name": "hund", "annotations": 1}]
    checked = oxide("label", "check", "--json", code=1).json
    assert checked["ok"] is False and checked["conflicts"][0]["label"] == "hund"
    said = oxide("label", "merge", "hund", "dog", "--dry-run", "--json").json
    assert said["dry_run"] is True and said["labels"] == [{"old": "hund", "new": "dog", "annotations": 1}]
    assert said["conflicts"][0]["problem"] == "a 'dog' needs the attribute 'breed'"
    merged = oxide("label", "merge", "hund", "dog")
    assert merged.out.splitlines() == [
        "hund -> dog: 1 annotation",
        "1 annotation of 1 file relabelled (1 human)",
    ]
    assert "warning: a 'dog' needs the attribute 'breed': 1 annotation, such as " in merged.err
    oxide("label", "edit", "cat", "--no-parent", "--remove-attribute", "age")
    cat = oxide("label", "list", "--json").json["labels"][2]
    assert (cat["parent"], list(cat["attributes"])) == (None, ["breed"])
    assert oxide("label", "remove", "dog", "--json", code=1).error["code"] == "in_use"
    oxide("label", "close")
    assert oxide("annotate", "a.png", "--label", "hund", "--json", code=2).error["code"] == "invalid"
    oxide("label", "open")
    oxide("commit", "-m", "Labelled")
    renamed = oxide("label", "rename", "dog", "hound", "-m", "Hounds", "--json").json
    assert renamed["annotations"] == 2 and renamed["commit"] == oxide("log", "-n", "1", "--json").json[0]["id"]
    shown = oxide("show", "HEAD", "--json").json
    assert shown["tables"]["annotations"] == {"added": 0, "modified": 2, "removed": 0}


@pytest.mark.parametrize(
    "words",
    [
        ["add"],
        ["add", "cat", "--attribute", "=a,b"],
        ["add", "cat", "--required", "pose"],
        ["add", "cat", "--edge", "a,b"],
        ["add", "cat", "--points", "a,b", "--edge", "a,c"],
        ["merge", "cat"],
        ["edit", "cat"],
        ["split", "cat"],
        ["remove", "cat", "--force", "--into", "dog"],
        ["rename", "cat", " dog"],
    ],
    ids=" ".join,
)
def test_wrong_words_are_refused(oxide: Oxide, words: list[str]) -> None:
    oxide("annotate", "a.png", "--label", "cat")
    before = oxide("operations", "--json").json
    oxide("label", *words, code=2)
    assert oxide("operations", "--json").json == before
