"""Who changed what of an annotation, and taking back what an import or an author did."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from labels.team import box, by_bob, changed, dangling, labels, start
from oxide import Repository, _core, errors
from oxide.labels import ids
from oxide.labels.annotation import Annotation
from support import Oxide, picture, write


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """Two pictures without labels."""
    return start(tmp_path / "tree")


def blamed(repo: Repository, identifier: str, revision: str = "HEAD") -> dict[str, str]:
    """Field to the message of the commit that gave its value."""
    return {each.field: each.commit.summary for each in repo.blame_annotation(identifier, revision).fields}


# -- blame -------------------------------------------------------------------------------------------------------------
def test_each_field_has_the_commit_that_changed_it_last(repo: Repository) -> None:
    bob = by_bob(repo)
    (cat,) = repo.annotate("a.png", box("cat", attributes={"color": "red", "size": 1}))
    repo.commit("made")
    changed(bob, "a.png", cat, label="lynx")
    bob.commit("label")
    changed(repo, "a.png", cat, attributes={"color": "grey", "size": 1}, score=0.5)
    repo.commit("attribute and score")
    bob.annotate("a.png", box("dog"))
    bob.commit("something else")
    repo.move(["a.png"], "z.png")
    repo.commit("renamed")
    found = repo.blame_annotation(cat)
    assert (found.path, found.made.summary, found.annotation.id) == ("z.png", "made", cat)
    assert blamed(repo, cat) == {
        "geometry": "made",
        "label": "label",
        "attributes.color": "attribute and score",
        "attributes.size": "made",
        "score": "attribute and score",
        "source": "made",
    }
    assert next(each.by for each in found.fields if each.field == "label") == "Bob Tester <bob@example.org>"
    assert blamed(repo, cat, "HEAD~3")["label"] == "label" and "score" not in blamed(repo, cat, "HEAD~3")


def test_through_merges_to_the_side_that_changed_it(repo: Repository) -> None:
    (cat,) = repo.annotate("a.png", box("cat"))
    repo.commit("made")
    repo.create_branch("other")
    changed(repo, "a.png", cat, label="lynx")
    repo.commit("label")
    repo.checkout("other")
    changed(repo, "a.png", cat, box=(2.0, 2.0, 5.0, 5.0))
    repo.commit("place")
    repo.checkout("main")
    repo.merge("other")
    assert blamed(repo, cat) == {"geometry": "place", "label": "label", "source": "made"}
    versions = repo.annotation_history(cat)
    assert {each.commit.summary for each in versions} == {"made", "label", "place", "Merge other into main"}
    assert versions[0].annotation == repo.annotations("a.png", "HEAD")[0]


def test_a_conflict_that_was_decided_by_hand_is_the_merge_itself(repo: Repository) -> None:
    (cat,) = repo.annotate("a.png", box("cat"))
    repo.commit("made")
    repo.create_branch("other")
    changed(repo, "a.png", cat, label="lynx")
    repo.commit("ours")
    repo.checkout("other")
    changed(repo, "a.png", cat, label="tiger")
    repo.commit("theirs")
    repo.checkout("main")
    repo.merge("other")
    changed(repo, "a.png", cat, label="puma")
    repo.merge_continue()
    assert blamed(repo, cat)["label"] == "Merge other into main"


def test_a_picture_that_both_added_is_followed_to_either_side(repo: Repository) -> None:
    """One of both items stays; labels that belonged to the other are found under that one's."""
    made = []
    repo.create_branch("other")
    for branch, label in (("main", "cat"), ("other", "dog")):
        repo.checkout(branch)
        write(repo.root, "new.png", picture("new"))
        repo.add(["."])
        made += repo.annotate("new.png", box(label))
        repo.commit(f"on {branch}")
    repo.checkout("main")
    repo.merge("other")
    assert [blamed(repo, each)["label"] for each in made] == ["on main", "on other"]
    assert [len(repo.annotation_history(each)) for each in made] == [1, 1]


def test_versions_tell_of_a_removal_in_between(repo: Repository) -> None:
    (cat,) = repo.annotate("a.png", box("cat"))
    repo.commit("made")
    repo.remove_annotations([cat])
    repo.commit("gone")
    repo.revert("HEAD")
    versions = repo.annotation_history(cat)
    assert [each.annotation is None for each in versions] == [False, True, False]
    told = repo.sql(f"SELECT change FROM annotation_history('{cat}')").fetch_rows()
    assert told == [("added",), ("removed",), ("added",)]
    assert blamed(repo, cat)["label"].startswith("Revert")


def test_what_was_removed_has_a_history(repo: Repository) -> None:
    cat, dog = repo.annotate("a.png", box("cat"), box("dog"))
    repo.commit("made")
    changed(repo, "a.png", cat, label="lynx")
    repo.commit("label")
    repo.remove_annotations([cat])
    repo.commit("gone")
    repo.annotate("b.png", box("cat"))
    repo.commit("another")
    told = "SELECT change, message, label FROM annotation_history('{}')"
    assert repo.sql(told.format(cat)).fetch_rows() == [
        ("removed", "gone", None),
        ("modified", "label", "lynx"),
        ("added", "made", "cat"),
    ]
    repo.remove(["a.png"])
    repo.commit("no file")
    assert [(each.commit.summary, each.annotation is None) for each in repo.annotation_history(dog)] == [
        ("no file", True),
        ("made", False),
    ]
    assert len(repo.annotation_history(cat)) == 3
    for wrong, revision in (("0" * 24, "HEAD"), (dog, "HEAD~5")):
        with pytest.raises(errors.NotFound):
            repo.annotation_history(wrong, revision)


def test_what_is_not_there_is_refused(repo: Repository) -> None:
    with pytest.raises(errors.NotFound):
        repo.blame_annotation("0" * 24)
    with pytest.raises(errors.InvalidInput):
        repo.blame_annotation("cat")


def test_commits_that_change_no_labels_cost_no_reading(repo: Repository) -> None:
    (cat,) = repo.annotate("a.png", box("cat"))
    repo.commit("made")
    _core.reset_counters()
    by_bob(repo).blame_annotation(cat)
    few = _core.counters()["TABLE_OBJECTS_READ"]
    for number in range(10):
        write(repo.root, "b.png", picture(number))
        repo.commit(f"pixels {number}", all=True)
    _core.reset_counters()
    by_bob(repo).blame_annotation(cat)
    assert _core.counters()["TABLE_OBJECTS_READ"] <= few + 2


def test_blame_for_people_and_for_programs(repo: Repository, tmp_path: Path) -> None:
    (cat,) = repo.annotate("a.png", box("cat", 1, 2, 3, 4))
    first = repo.commit("made")
    oxide = Oxide(repo.root, tmp_path)
    lines = oxide("blame", "--annotation", cat).out.splitlines()
    assert lines[0] == f"a.png: box cat 1 2 3 4  {cat}"
    assert lines[1] == f"made by Ada Tester <ada@example.org>, in {first.id[:16]} made"
    assert [line.split()[0] for line in lines[2:]] == ["geometry", "label", "source"]
    found = oxide("blame", "--annotation", cat, "--json").json
    assert found["annotation"]["id"] == cat and found["made"]["id"] == first.id
    assert {each["field"]: each["commit"]["id"] for each in found["fields"]}["label"] == first.id
    assert found["fields"][0]["value"] == {"type": "box", "bbox": [1, 2, 3, 4], "geometry": None}
    oxide("blame", code=2)
    oxide("blame", "a.png", "--annotation", cat, code=2)


# -- taking back -------------------------------------------------------------------------------------------------------
def take_in(repo: Repository, *paths: str) -> tuple[str, list[str]]:
    """Labels that a run brought to pictures, committed: the run and the annotations."""
    run = next(ids.new_ids())
    made = [repo.annotate(path, replace(box("cat"), run_id=run, source="import"))[0] for path in paths]
    return run, made


def test_an_import_is_taken_back_and_later_edits_of_others_stay(repo: Repository) -> None:
    (own,) = repo.annotate("a.png", box("dog"))
    repo.commit("by hand")
    run, _ = take_in(repo, "a.png", "b.png")
    repo.set_metadata(["b.png"], {"imported": True})
    repo.commit("import")
    later, other = repo.annotate("b.png", box("hen"), box("pig", run_id=next(ids.new_ids())))
    changed(repo, "a.png", own, label="wolf")
    repo.commit("later")
    result = repo.revert_import(run)
    assert result.kind == "merged"
    assert labels(repo, "a.png", "HEAD") == {own: "wolf"}
    assert labels(repo, "b.png", "HEAD") == {later: "hen", other: "pig"}
    assert repo.metadata("b.png", "HEAD") == {}
    assert repo.status().clean and dangling(repo) == []
    with pytest.raises(errors.NothingToDo):
        repo.revert_import(run)


def test_what_an_import_replaced_comes_back(repo: Repository) -> None:
    (own,) = repo.annotate("a.png", box("dog"))
    (elsewhere,) = repo.annotate("b.png", box("dog"))
    repo.commit("by hand")
    repo.remove_annotations([own])
    repo.remove_annotations([elsewhere])
    run, _ = take_in(repo, "a.png")
    repo.commit("import --replace")
    repo.revert_import(run)
    assert labels(repo, "a.png", "HEAD") == {own: "dog"}
    assert labels(repo, "b.png", "HEAD") == {}  # no label of that run is in this file


def test_an_edit_of_an_imported_annotation_is_a_conflict(repo: Repository) -> None:
    run, (cat, lynx) = take_in(repo, "a.png", "b.png")
    repo.commit("import")
    changed(repo, "a.png", cat, label="puma")
    repo.commit("edit")
    (conflict,) = repo.revert_import(run).conflicts
    assert (conflict.annotation, conflict.path, conflict.theirs) == (cat, "a.png", None)
    assert labels(repo, "a.png") == {cat: "puma"} and lynx not in labels(repo, "b.png")
    repo.resolve([cat], "ours")
    repo.commit("decided")
    assert labels(repo, "a.png", "HEAD") == {cat: "puma"}


def test_an_import_into_files_that_are_gone(repo: Repository) -> None:
    run, (_, lynx) = take_in(repo, "a.png", "b.png")
    repo.commit("import")
    repo.remove(["a.png"])
    repo.move(["b.png"], "z.png")
    repo.commit("moved")
    repo.revert_import(run)
    assert labels(repo, "z.png", "HEAD") == {} and lynx
    assert dangling(repo) == []


def test_what_an_author_did_in_many_commits(repo: Repository) -> None:
    bob = by_bob(repo)
    mine, both = repo.annotate("a.png", box("cat"), box("dog"))
    repo.set_metadata(["."], {"weather": "sun"})
    repo.commit("mine")
    bob.remove_annotations([mine])
    changed(bob, "a.png", both, label="wolf")
    bob.set_metadata(["b.png"], {"weather": "rain", "lens": 35})
    bob.commit("bob's first")
    (new,) = bob.annotate("b.png", box("hen"))
    changed(bob, "a.png", both, label="fox")
    bob.commit("bob's second")
    changed(repo, "a.png", both, box=(9.0, 9.0, 5.0, 5.0))
    repo.set_metadata(["b.png"], {"place": "garden"})
    repo.commit("mine again")
    assert repo.revert_author("bob@example.org").kind == "merged"
    assert labels(repo, "a.png", "HEAD") == {mine: "cat", both: "dog"} and new not in labels(repo, "b.png")
    kept = next(each for each in repo.annotations("a.png") if each.id == both)
    assert kept.box == (9, 9, 5, 5)
    assert repo.metadata("b.png") == {"weather": "sun", "place": "garden"}
    assert dangling(repo) == []


def test_an_author_whose_changes_were_changed_again_is_a_conflict_once(repo: Repository) -> None:
    bob = by_bob(repo)
    (cat,) = repo.annotate("a.png", box("cat"))
    repo.commit("mine")
    for label in ("lynx", "tiger"):
        changed(bob, "a.png", cat, label=label)
        bob.commit(label)
    changed(repo, "a.png", cat, label="puma")
    repo.commit("mine again")
    (conflict,) = repo.revert_author("Bob Tester").conflicts
    assert conflict.ours is not None and conflict.theirs is not None
    assert (conflict.ours["label"], conflict.theirs["label"]) == ("puma", "cat")
    repo.resolve(["a.png"], "theirs")
    assert labels(repo, "a.png") == {cat: "cat"}


def test_nobody_and_nothing_are_refused(repo: Repository) -> None:
    before = repo.read_commit("HEAD").id
    for call in (lambda: repo.revert_author("Nobody"), lambda: repo.revert_import("0" * 24)):
        with pytest.raises(errors.NotFound):
            call()
    with pytest.raises(errors.InvalidInput):
        repo.revert_author(" ")
    repo.annotate("a.png", Annotation("class", "pending"))
    with pytest.raises(errors.WouldOverwrite):
        repo.revert_author("Ada Tester")
    assert repo.read_commit("HEAD").id == before


def import_labels(repo: Repository, path: str, *shapes: str) -> str:
    """Import boxes of one file: the run."""
    lines = "".join(f'{{"type":"box","label":"{label}","box":[1,1,2,2]}},' for label in shapes).rstrip(",")
    source = repo.root.parent / f"{'-'.join(shapes)}.jsonl"
    source.write_text(f'{{"path":"{path}","annotations":[{lines}]}}\n', "utf-8")
    report = repo.import_labels("jsonl", source)
    assert report.run_id is not None
    return report.run_id


def test_a_run_goes_with_its_import(repo: Repository) -> None:
    run, other = import_labels(repo, "a.png", "cat"), import_labels(repo, "b.png", "dog")
    repo.commit("imports")
    assert [each.id for each in repo.runs()] == [run, other]
    repo.revert_import(run)
    assert [each.id for each in repo.runs()] == [other] and labels(repo, "a.png") == {}
    assert [each.id for each in repo.runs("HEAD~1")] == [run, other]
    repo.revert_author("Ada Tester")
    assert repo.runs() == [] and labels(repo, "b.png") == {}


def test_a_run_stays_while_something_is_left_of_its_import(repo: Repository) -> None:
    run = import_labels(repo, "a.png", "cat", "dog")
    repo.commit("import")
    (cat,) = [each for each in repo.annotations("a.png") if each.label == "cat"]
    changed(repo, "a.png", cat.id or "", label="puma")
    repo.commit("edit")
    assert len(repo.revert_import(run).conflicts) == 1
    assert [each.id for each in repo.runs()] == [run]
    repo.resolve(["."], "theirs")
    repo.commit("decided")
    assert repo.annotations("a.png") == []
    repo.revert_import(run)
    assert repo.runs() == []


# -- runs --------------------------------------------------------------------------------------------------------------
def test_runs_are_listed_shown_and_taken_back(repo: Repository, tmp_path: Path) -> None:
    from oxide import clock
    from oxide.labels.changes import Changes, publish_edit
    from oxide.workspace import read_state

    run, _ = take_in(repo, "a.png")
    row = {
        "run_id": run,
        "kind": "import",
        "name": "coco",
        "origin": "instances.json",
        "author": "Ada",
        "created": clock.to_datetime(clock.now()),
        "configuration": {"replace": True},
        "counts": {"annotations": 1},
    }
    with repo.store.begin() as session:
        changes = Changes(session)
        changes.upsert("runs", [row])
        publish_edit(repo, session, read_state(repo.store), "import", "import coco", changes.apply)
    repo.commit("import")
    (found,) = repo.runs()
    assert (found.id, found.name, found.counts, found.created) == (run, "coco", {"annotations": 1}, row["created"])
    oxide = Oxide(repo.root, tmp_path)
    assert oxide("runs", "list").out.split()[0] == run and "1 annotations" in oxide("runs", "list").out
    assert oxide("runs", "list", "--json").json[0]["origin"] == "instances.json"
    assert oxide("runs", "show", run[:8], "--json").json["configuration"] == {"replace": True}
    assert "coco" in oxide("runs", "show", run).out
    assert oxide("runs", "list", "--at", "HEAD~1").out == ""
    oxide("runs", "show", "ffff", code=1)
    oxide("runs", "revert", run[:8])
    assert labels(repo, "a.png", "HEAD") == {}
    repo.undo()
    oxide("revert", "--import", run)
    assert labels(repo, "a.png", "HEAD") == {}
    oxide("revert", "HEAD", "--import", run, code=2)
