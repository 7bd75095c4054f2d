"""Splits: chosen by class, ratio, number; seeded; what belongs together stays together; held out on every branch."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labels.workbench import make_repository
from oxide import Annotation, Repository
from oxide.errors import AlreadyExists, HeldOut, InvalidInput, NotFound, NothingToDo
from oxide.splits.choosing import Amount, Candidate, choose
from support import Oxide, picture, tree, write

NAMES = [f"{kind}/{number}.png" for kind in ("cat", "dog", "owl") for number in range(6)]


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """Eighteen pictures in three classes."""
    repository = make_repository(tmp_path / "zoo", *NAMES)
    for kind in ("cat", "dog", "owl"):
        for number in range(6):
            repository.annotate(f"{kind}/{number}.png", Annotation("class", kind))
    repository.commit("Labels")
    return repository


def by_class(paths: list[str]) -> dict[str, int]:
    return dict(Counter(path.split("/")[0] for path in paths))


# -- choosing ----------------------------------------------------------------------------------------------------------
CANDIDATES = st.lists(
    st.tuples(st.integers(0, 60), st.sampled_from(["a", "b", "c", None]), st.sets(st.integers(0, 9), max_size=2)),
    min_size=1,
    max_size=60,
).map(
    lambda rows: [
        Candidate(str(at), f"{at:03}", f"c{content}", label, tuple(f"t{tie}" for tie in sorted(ties)))
        for at, (content, label, ties) in enumerate(rows)
    ]
)


@given(CANDIDATES, st.integers(1, 10), st.booleans(), st.integers(0, 3))
def test_what_belongs_together_stays_together(files: list[Candidate], number: int, stratify: bool, seed: int) -> None:
    usable = [each for each in files if each.label is not None or not stratify]
    amount = Amount(count=number, stratify=stratify)
    if number > len(usable):
        if usable:
            with pytest.raises(InvalidInput):
                choose(files, amount, seed)
        return
    chosen = choose(files, amount, seed)
    assert len(chosen) <= number and chosen == choose(list(reversed(files)), amount, seed)
    rest = [each for each in usable if each not in chosen]
    assert not {each.content for each in chosen} & {each.content for each in rest}
    assert not {tie for each in chosen for tie in each.tied} & {tie for each in rest for tie in each.tied}
    if not any(each.tied for each in usable) and len({each.content for each in usable}) == len(usable):
        assert len(chosen) == number


@given(st.integers(1, 400), st.integers(1, 400), st.integers(1, 400), st.floats(0.01, 1))
def test_stratified_shares_are_within_one(a: int, b: int, c: int, ratio: float) -> None:
    sizes = Counter[str | None]({"a": a, "b": b, "c": c})
    wanted = Amount(ratio=ratio, stratify=True).wanted(sizes)
    assert sum(wanted.values()) == round(ratio * (a + b + c))
    total = sum(wanted.values()) / (a + b + c)
    assert all(abs(wanted[label] - total * sizes[label]) < 1 and wanted[label] <= sizes[label] for label in sizes)


def test_added_files_do_not_shuffle_the_others() -> None:
    files = [Candidate(str(at), str(at), f"c{at}", "a", ()) for at in range(100)]
    first = {each.item for each in choose(files, Amount(count=30), 1)}
    more = [*files, *(Candidate(f"n{at}", f"n{at}", f"n{at}", "a", ()) for at in range(10))]
    second = {each.item for each in choose(more, Amount(count=30), 1)}
    assert len(first - second) <= 10
    assert first != {each.item for each in choose(files, Amount(count=30), 2)}


@pytest.mark.parametrize("wrong", [{}, {"count": 1, "ratio": 0.5}, {"ratio": 0.0}, {"ratio": 1.5}, {"per_class": 0}])
def test_sizes_that_cannot_be(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInput):
        Amount(**wrong)  # type: ignore[arg-type]


# -- in a repository ---------------------------------------------------------------------------------------------------
def test_per_class_then_the_rest(repo: Repository) -> None:
    test = repo.create_split("test", per_class=2)
    assert by_class(test.paths) == {"cat": 2, "dog": 2, "owl": 2} and test.classes == {"cat": 2, "dog": 2, "owl": 2}
    train = repo.create_split("train", per_class=3, class_from="folder")
    assert by_class(train.paths) == {"cat": 3, "dog": 3, "owl": 3} and not set(test.paths) & set(train.paths)
    assert repo.metadata(test.paths[0]) == {"split": "test"}
    with pytest.raises(InvalidInput, match="cat \\(1\\)"):
        repo.create_split("more", per_class=2)
    assert [(split.name, split.files) for split in repo.splits()] == [("test", 6), ("train", 9)]
    assert repo.splits("HEAD") == [] and repo.split("test") == test.paths
    rest = repo.create_split("val", ratio=1.0)
    assert len(rest.paths) == 3
    with pytest.raises(NothingToDo):
        repo.create_split("none", ratio=0.5)
    with pytest.raises(AlreadyExists):
        repo.create_split("val", count=1)
    with pytest.raises(NotFound):
        repo.split("nowhere")
    repo.commit("Splits")
    assert repo.status().clean


@pytest.mark.parametrize("system", ["text", {"video": "text"}, {"video": {"content": 1}}, {"video": None}])
def test_what_other_programs_keep_where_frames_say_their_video(repo: Repository, system: object) -> None:
    from oxide.splits.candidates import Item

    assert Item({}, {"system": system, "split": "a"}).source is None


def test_groups_and_classes_from_names(tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "g", *(f"x/Cat_{number}.png" for number in range(8)), "x/dog.1.png")
    for number in range(8):
        repo.set_metadata([f"x/Cat_{number}.png"], {"camera": {"id": number // 4}})
    result = repo.create_split("half", count=4, group_by="metadata.camera.id", class_from="filename")
    cameras = {repo.metadata(path)["camera"]["id"] for path in result.paths if "Cat" in path}
    assert len(result.paths) == 4 and len(cameras) <= 1
    classes = repo.create_split("each", per_class=1, class_from="filename", dry_run=True).classes
    assert classes.keys() <= {"cat", "dog"} and repo.split("half") == result.paths


def test_files_without_any_class(tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "plain", *NAMES)
    with pytest.raises(NothingToDo, match="none has a class") as caught:
        repo.create_split("test", per_class=2)
    assert "--class-from folder" in caught.value.hint


def test_equal_files_go_together_and_leaks_are_found(repo: Repository) -> None:
    repo.create_split("test", per_class=2)
    test = repo.split("test")
    shutil.copy(repo.root / test[0], repo.root / "copy.png")
    repo.add(["copy.png"])
    # What belongs to a split already is not chosen for another one.
    repo.create_split("train", ratio=1.0)
    assert "copy.png" not in repo.split("train") and repo.check_splits() == []
    repo.set_metadata(["copy.png"], {"split": "train"})
    (leak,) = repo.check_splits()
    assert leak.kind == "content" and leak.files == sorted([(test[0], "test"), ("copy.png", "train")])


def test_pictures_that_look_alike(repo: Repository, tmp_path: Path) -> None:
    from PIL import Image

    drawn = Image.effect_mandelbrot((64, 64), (-2, -1.5, 1, 1.5), 80).convert("RGB")
    drawn.save(repo.root / "a.jpg", quality=95)
    drawn.resize((96, 96)).save(repo.root / "b.jpg", quality=60)
    repo.add(["a.jpg", "b.jpg"])
    repo.set_metadata(["a.jpg"], {"split": "train"})
    repo.set_metadata(["b.jpg"], {"split": "test"})
    assert [(leak.kind, leak.files) for leak in repo.check_splits()] == [
        ("near", [("a.jpg", "train"), ("b.jpg", "test")])
    ]
    assert repo.check_splits(near=False) == []


def test_many_pictures_that_look_alike_are_one_leak(repo: Repository, tmp_path: Path) -> None:
    """They are not compared pair by pair: a camera that stands still gives thousands."""
    from PIL import Image

    drawn = Image.effect_mandelbrot((64, 64), (-2, -1.5, 1, 1.5), 80)
    for number in range(600):
        drawn.putpixel((0, 0), number % 256)
        drawn.putpixel((63, 63), number // 256)
        folder = "train" if number % 2 else "val"
        (repo.root / folder).mkdir(exist_ok=True)
        drawn.save(repo.root / f"{folder}/{number}.png")
    repo.add(["train", "val"])
    for split in ("train", "val"):
        repo.set_metadata([split], {"split": split})
    (leak,) = repo.check_splits()
    assert leak.kind == "near" and len(leak.files) == 600
    out = Oxide(repo.root, tmp_path / "home")("split", "check").out
    assert out.startswith("train/1.png (train) and val/0.png (val) and train/101.png (train) and ")
    assert " and 594 more look alike\n" in out


# -- held out ----------------------------------------------------------------------------------------------------------
def test_a_held_out_file_is_refused_elsewhere_on_every_branch(repo: Repository) -> None:
    held = repo.create_split("test", per_class=2, freeze=True).paths
    repo.commit("Hold out")
    assert [(split.name, split.frozen) for split in repo.splits()] == [("test", True)]
    repo.create_branch("experiment")
    repo.checkout("experiment")
    shutil.copy(repo.root / held[0], repo.root / "train.png")
    repo.add(["train.png"])
    with pytest.raises(HeldOut) as caught:
        repo.commit("Cheat")
    assert caught.value.paths == ["train.png"] and "content of a held-out file" in str(caught.value)
    repo.restore(["train.png"], staged=True)
    (repo.root / "train.png").unlink()

    repo.set_metadata([held[0]], {"split": "train"})
    with pytest.raises(HeldOut, match="may not move"):
        repo.commit("Move")
    repo.undo()

    # Where it is it may be renamed, labelled, and removed.
    repo.move([held[0]], "renamed.png")
    repo.annotate("renamed.png", Annotation("box", "ear", (0, 0, 2, 2)))
    repo.commit("Fine")
    repo.remove([held[1]])
    repo.commit("Also fine")

    # A label that is not an attempt to train on it.
    repo.checkout("main")
    repo.thaw_split("test")
    shutil.copy(repo.root / held[0], repo.root / "train.png")
    repo.add(["train.png"])
    repo.commit("Allowed now")
    repo.undo()
    repo.undo()
    repo.undo()
    assert [split.frozen for split in repo.splits()] == [True]


def test_a_merge_and_an_export_are_refused_too(repo: Repository, tmp_path: Path) -> None:
    repo.create_branch("early")
    held = repo.create_split("test", per_class=2).paths
    repo.commit("Splits")
    repo.checkout("early")
    shutil.copy(repo.root / held[0], repo.root / "early.png")
    repo.add(["early.png"])
    repo.commit("Before it was held out")
    repo.checkout("main")
    repo.freeze_split("test")
    before = tree(repo.root)
    with pytest.raises(HeldOut):
        repo.merge("early")
    assert tree(repo.root) == before and repo.status().clean
    repo.checkout("early")
    assert [leak.kind for leak in repo.check_splits()] == ["held-out"]
    with pytest.raises(HeldOut):
        repo.export_labels("coco", tmp_path / "out.json")
    assert not (tmp_path / "out.json").exists()
    write(repo.root, "new.png", picture("new"))
    repo.add(["new.png"])
    repo.commit("Rows that changed are looked at, and no others")


def test_a_new_name_for_a_commit_brings_nothing_and_a_detached_commit_is_refused(repo: Repository) -> None:
    held = repo.create_split("test", per_class=2).paths
    repo.commit("Splits")
    shutil.copy(repo.root / held[0], repo.root / "early.png")
    repo.add(["early.png"])
    early = repo.commit("Before it was held out")
    repo.freeze_split("test")
    repo.create_branch("again", early.id)
    repo.create_tag("early", early.id)
    repo.checkout(early.id)
    shutil.copy(repo.root / held[1], repo.root / "late.png")
    repo.add(["late.png"])
    with pytest.raises(HeldOut) as caught:
        repo.commit("On no branch")
    assert caught.value.paths == ["late.png"]


def test_what_is_frozen_survives_the_collector_and_a_check(repo: Repository) -> None:
    repo.create_split("test", per_class=2, freeze=True)
    repo.commit("Hold out")
    repo.gc(keep=0, now=True)
    assert repo.fsck(data=True).ok
    assert Repository.open(repo.root, settings=repo.settings).splits()[0].frozen


def test_frames_of_held_out_clips_are_left_out_and_refused(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="needs the extra `video`")
    from video.clips import make_clip

    repo = make_repository(tmp_path / "clips")
    for number in range(6):
        make_clip(repo.root / f"v/{'pass' if number % 2 else 'run'}/{number}.mp4", 10 + number)
    repo.add(["v"])
    repo.commit("Clips")
    repo.create_branch("early")
    repo.checkout("early")
    repo.frames("v", "f", "first")
    repo.commit("Frames before anything was held out")
    repo.checkout("main")
    held = repo.create_split("test", per_class=1, class_from="folder", freeze=True).paths
    repo.commit("Hold out")
    result = repo.frames("v", "f", "first-middle-last")
    assert result.held_out == held and len(result.made) == 12
    repo.commit("Frames")
    with pytest.raises(HeldOut, match="frame of a held-out video"):
        repo.merge("early")
    train = repo.create_split("train", ratio=1.0).paths
    assert len(train) == 4 + 12  # the frames of a video go with it
    assert repo.check_splits(near=False) == []
    repo.set_metadata(["f"], {"split": "val"})
    assert {leak.kind for leak in repo.check_splits(near=False)} == {"video"}


def test_copies_of_frames_of_held_out_clips_are_refused(tmp_path: Path) -> None:
    """Also those that do not say what they were taken from; a frame of another clip may look the same."""
    pytest.importorskip("av", reason="needs the extra `video`")
    from video.clips import make_clip

    repo = make_repository(tmp_path / "clips")
    for number in range(3):
        make_clip(repo.root / f"v/{number}.mp4", 10 + number)  # all begin with the same picture
    repo.add(["v"])
    repo.commit("Clips")
    repo.create_branch("early")
    repo.checkout("early")
    repo.frames("v", "f", "first-middle-last")
    repo.commit("Frames before anything was held out")
    repo.checkout("main")
    (held,) = repo.create_split("test", count=1, freeze=True).paths
    number = int(held[2])
    repo.commit("Hold out")
    assert len(repo.frames("v", "f", "first").made) == 2
    repo.commit("First frames of the others")
    repo.checkout("early")
    frame = f"f/{number}-{9 + number:06d}.jpg"
    shutil.copy(repo.root / frame, repo.root / "bare.jpg")
    repo.add(["bare.jpg"])
    with pytest.raises(HeldOut, match=r"bare\.jpg: it is a frame of a held-out video"):
        repo.commit("A copy")
    assert "bare.jpg" in [leak.files[0][0] for leak in repo.check_splits()]
    assert "bare.jpg" not in repo.create_split("train", ratio=1.0, dry_run=True).paths
    repo.undo()
    repo.copy([frame], "train", metadata=False)
    with pytest.raises(HeldOut):
        repo.commit("A copy without metadata")


def test_where_there_was_no_metadata_before_or_is_none_after(repo: Repository) -> None:
    repo.create_branch("early")
    held = repo.create_split("test", per_class=1, freeze=True).paths
    repo.commit("Hold out")
    repo.unset_metadata(held, ["split"])
    with pytest.raises(HeldOut, match="to no split"):
        repo.commit("The last metadata go")
    repo.undo()
    repo.checkout("early")
    repo.set_metadata([held[0]], {"split": "train"})
    with pytest.raises(HeldOut, match="may not move to train"):
        repo.commit("The first metadata come")
    repo.undo()
    repo.set_metadata([held[0]], {"split": "test"})
    repo.commit("As on the other branch")


def test_an_export_of_an_older_branch_is_refused(repo: Repository, tmp_path: Path) -> None:
    """YOLO puts what is in no split into training, and who reads an export knows nothing of the hold-out."""
    repo.create_branch("old")
    held = repo.create_split("test", per_class=1, freeze=True).paths
    repo.commit("Hold out")
    repo.export_labels("yolo", tmp_path / "now", images=True)
    names = {path.relative_to(tmp_path / "now/test").as_posix() for path in (tmp_path / "now/test").rglob("*.png")}
    assert names == set(held)
    repo.checkout("old")
    for export in (
        lambda: repo.export_labels("yolo", tmp_path / "old", images=True),
        lambda: repo.export_labels("jsonl", tmp_path / "old.jsonl"),
        lambda: repo.export_parquet(tmp_path / "old"),
    ):
        with pytest.raises(HeldOut, match="in no split here") as caught:
            export()
        assert sorted(caught.value.paths) == held
    assert not (tmp_path / "old").exists()
    (other,) = [path for path in NAMES if path not in held][:1]
    assert repo.export_labels("jsonl", tmp_path / "old.jsonl", paths=[repo.root / other]).annotations == 1
    repo.merge("main")
    repo.export_labels("yolo", tmp_path / "old", images=True)


def test_a_frozen_split_without_files_here_is_shown_as_that(repo: Repository, tmp_path: Path) -> None:
    oxide = Oxide(repo.root, tmp_path / "home")
    paths = oxide("split", "create", "val", "--count", "2", "--freeze", "--json").json["paths"]
    oxide("restore", "--staged", ".")
    oxide("restore", ".")
    if oxide("split", "list").out.startswith("val  2"):
        oxide("metadata", "unset", *paths, "split")
    assert oxide("split", "list").out == "val  0 files  frozen\n"
    shown = oxide("split", "show", "val")
    assert shown.out == "" and "val is frozen, and no file is in it here" in shown.err
    assert oxide("split", "show", "val", "--json").json == {"name": "val", "paths": []} and repo.split("val") == []
    oxide("split", "thaw", "val")
    assert oxide("split", "list").out == ""
    assert "no file is in a split" in oxide("split", "show", "val", code=1).err


def test_by_the_command_line(repo: Repository, tmp_path: Path) -> None:
    oxide = Oxide(repo.root, tmp_path / "home")
    said = oxide("split", "create", "test", "--per-class", "1", "--freeze", "--json").json
    assert said["classes"] == {"cat": 1, "dog": 1, "owl": 1} and said["frozen"] and not said["dry_run"]
    assert oxide("split", "create", "x", "--count", "2", "--dry-run").out.count("would choose") == 2
    oxide("commit", "-m", "Hold out")
    assert oxide("split", "list").out == "test  3 files  frozen\n"
    assert oxide("split", "show", "test", "--json").json == {"name": "test", "paths": said["paths"]}
    shutil.copy(repo.root / said["paths"][0], repo.root / "again.png")
    oxide("add", "again.png")
    refused = oxide("commit", "-m", "Again", code=8)
    assert "again.png" in refused.err and "oxide split thaw" in refused.err
    assert oxide("split", "check", "--json", code=1).json == [{"kind": "held-out", "files": [["again.png", None]]}]
    oxide("restore", "--staged", "again.png")
    assert oxide("split", "check").code == 0
    oxide("split", "thaw", "test")
    assert oxide("split", "list", "--json").json == [{"name": "test", "files": 3, "frozen": False}]
    oxide("split", "freeze", "test")
    assert oxide("split", "create", "y", code=2).code == 2
