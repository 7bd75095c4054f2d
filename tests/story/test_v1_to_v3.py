"""The story of a video data set (workflows V1 to V3) by the installed command: real clips where they are, made
ones always."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import Node, Oxide, clip, link, modified_times, noise, picture, tree, write

CLASSES = ["block", "pass", "run"]
MADE_A_CLASS = 8
HELD_OUT = 2
TRAINED = 4


def real_clips() -> list[Path]:
    """Clips beside the repository, where a machine has them."""
    folder = Path(
        os.environ.get("OXIDE_TEST_VIDEOS", Path(__file__).resolve().parents[3] / "shared" / "data" / "videos")
    )
    return (
        sorted(path for path in folder.rglob("*") if path.suffix in (".mp4", ".avi", ".mov", ".mkv"))
        if folder.is_dir()
        else []
    )


@pytest.fixture(params=["made", "real"])
def clips(request: pytest.FixtureRequest) -> dict[str, list[tuple[str, bytes]]]:
    """Clips by class: (file name, content)."""
    if request.param == "made":
        return {
            name: [(f"{name}_{number:03}.mp4", clip((name, number), 30_000)) for number in range(MADE_A_CLASS)]
            for name in CLASSES
        }
    found = real_clips()
    if not found:
        pytest.skip(
            "no real clips: ../shared/data/videos is not beside the checkout (OXIDE_TEST_VIDEOS names another folder)"
        )
    by_class: dict[str, list[tuple[str, bytes]]] = {name: [] for name in CLASSES}
    for number, path in enumerate(found):
        name = CLASSES[number % len(CLASSES)]
        by_class[name].append((f"{number:03}_{path.name}", path.read_bytes()))
    return by_class


class Dataset:
    """The working tree of the story, and the states that were committed."""

    def __init__(self, root: Path, home: Path, clips: dict[str, list[tuple[str, bytes]]]) -> None:
        self.root = root
        self.oxide = Oxide(root, home)
        self.clips = clips
        self.states: dict[str, dict[str, Node]] = {}

    def commit(self, message: str) -> str:
        """Commit what is staged and keep the tree as it was."""
        self.oxide("commit", "-m", message)
        commit = self.head()
        self.states[commit] = tree(self.root)
        return commit

    def head(self) -> str:
        return self.oxide("status", "--json").json["head"]

    def frames(self, which: list[str]) -> None:
        """Prepared pictures stand for the frames of each training clip; labels and annotations follow them."""
        labels, annotations = {}, []
        for path in sorted((self.root / "train").rglob("*")):
            if path.is_file():
                for name in which:
                    picture_path = f"frames/{path.parent.name}/{path.stem}/{name}.png"
                    write(self.root, picture_path, picture((path.name, name)))
                    labels[picture_path] = path.parent.name
                    annotations.append(
                        {
                            "image": picture_path,
                            "video": path.relative_to(self.root).as_posix(),
                            "label": path.parent.name,
                        }
                    )
        write(self.root, "labels.json", json.dumps(labels, indent=1, sort_keys=True))
        write(self.root, "annotations.json", json.dumps(annotations, indent=1))

    def assert_at(self, commit: str) -> None:
        """The tree is that commit, byte for byte, and nothing else is there."""
        assert tree(self.root) == self.states[commit]
        status = self.oxide("status", "--json").json
        assert status["head"] == commit
        assert not any(status[part] for part in ("modified", "removed", "untracked", "conflicts"))
        assert not any(status["staged"][part] for part in ("added", "modified", "removed", "renamed"))


@pytest.fixture
def dataset(tmp_path: Path, clips: dict[str, list[tuple[str, bytes]]]) -> Iterator[Dataset]:
    root, home = tmp_path / "basketball", tmp_path / "home"
    root.mkdir()
    home.mkdir()
    yield Dataset(root, home, clips)


def begin(dataset: Dataset) -> str:
    """V1: clips with arrays beside them, a script, a link; init, add, commit."""
    for name, members in dataset.clips.items():
        for file_name, content in members:
            write(dataset.root, f"videos/{name}/{file_name}", content)
            write(dataset.root, f"videos/{name}/{Path(file_name).stem}.npy", noise((file_name, "joints"), 2_000))
    write(dataset.root, "labels.json", json.dumps(dict(enumerate(CLASSES))))
    write(
        dataset.root,
        "annotations.json",
        json.dumps({file_name: name for name, members in dataset.clips.items() for file_name, _ in members}),
    )
    write(dataset.root, "tools/count classes.sh", "#!/bin/sh\nls videos | wc -l\n", executable=True)
    link(dataset.root, "latest", "videos/block")
    dataset.oxide("init", ".")
    status = dataset.oxide("status").out
    assert "Untracked" in status and "main" in status
    clips = sum(len(members) for members in dataset.clips.values())
    assert {"path": "videos/", "files": 2 * clips} in dataset.oxide("status", "--json").json["untracked"]
    assert f"videos/ with untracked {2 * clips} files" in status
    dataset.oxide("add", ".")
    return dataset.commit("All clips")


def hold_out(dataset: Dataset) -> str:
    """V2: some clips of each class move to a test set, some are taken for training."""
    for name, members in dataset.clips.items():
        chosen = [file_name for file_name, _ in members]
        for number, file_name in enumerate(chosen[: HELD_OUT + TRAINED]):
            part = "test" if number < HELD_OUT else "train"
            target = dataset.root / part / name / file_name
            target.parent.mkdir(parents=True, exist_ok=True)
            os.rename(dataset.root / "videos" / name / file_name, target)
    staged = dataset.oxide("add", ".")
    assert staged.code == 0
    renamed = dataset.oxide("status", "--json").json["staged"]["renamed"]
    assert all(old.startswith("videos/") and new.startswith(("test/", "train/")) for old, new in renamed)
    assert len(renamed) == sum(min(len(members), HELD_OUT + TRAINED) for members in dataset.clips.values())
    return dataset.commit("Hold out a test set")


def story(dataset: Dataset) -> dict[str, str]:
    """V1 to V3: four commits on three branches, by name of the branch (and ``first`` for the first)."""
    first = begin(dataset)
    main = hold_out(dataset)
    dataset.oxide("checkout", "-b", "experiment/first-middle-last-frame")
    dataset.frames(["first", "middle", "last"])
    dataset.oxide("add", "frames", "labels.json", "annotations.json")
    three = dataset.commit("First, middle and last frame")
    dataset.oxide("checkout", "main")
    dataset.assert_at(main)
    dataset.oxide("checkout", "-b", "experiment/all-frames")
    dataset.frames([f"{number:04}" for number in range(12)])
    (dataset.root / "tools" / "count classes.sh").chmod(0o644)
    (dataset.root / "latest").unlink()
    link(dataset.root, "latest", "train")
    dataset.oxide("add", ".")
    every = dataset.commit("All frames")
    return {"first": first, "main": main, "experiment/first-middle-last-frame": three, "experiment/all-frames": every}


def test_every_commit_comes_back_byte_for_byte(dataset: Dataset) -> None:
    commits = story(dataset)
    for name in ("main", "experiment/first-middle-last-frame", "experiment/all-frames", "main"):
        dataset.oxide("checkout", name)
        dataset.assert_at(commits[name])
    for commit in [*commits.values(), *reversed(commits.values())]:
        dataset.oxide("checkout", commit[:16])
        dataset.assert_at(commit)
    dataset.oxide("checkout", "main")
    assert not (dataset.root / "frames").exists(), "a folder that the commit does not have is gone"
    assert os.readlink(dataset.root / "latest") == "videos/block"
    assert os.access(dataset.root / "tools" / "count classes.sh", os.X_OK)
    assert dataset.oxide("fsck", "--data", "--json").json["ok"]


def test_the_branches_show_in_log_branch_and_diff(dataset: Dataset) -> None:
    commits = story(dataset)
    dataset.oxide("checkout", "main")
    log = dataset.oxide("log", "--json").json
    assert [entry["message"].strip() for entry in log] == ["Hold out a test set", "All clips"]
    assert [entry["id"] for entry in log] == [commits["main"], commits["first"]]
    heads = {entry["name"]: entry["head"] for entry in dataset.oxide("branch", "--json").json}
    assert heads == {name: commit for name, commit in commits.items() if name != "first"}
    files = dataset.oxide("diff", "main", "experiment/first-middle-last-frame", "--json").json["files"]
    assert files["modified"] == ["annotations.json", "labels.json"]
    assert files["removed"] == files["renamed"] == []
    assert files["added"] and all(path.startswith("frames/") for path in files["added"])


def test_modified_files_are_listed_one_by_one(dataset: Dataset) -> None:
    begin(dataset)
    write(dataset.root, "labels.json", "{}")
    write(dataset.root, "images/1.png", picture(1))
    write(dataset.root, "images/2.png", picture(2))
    shown = dataset.oxide("status").out
    head = dataset.head()
    assert f"On branch main -> {head[:16]}" in shown
    assert "modified:  labels.json" in shown
    assert "images/ with untracked 2 files" in shown
    assert "oxide add" in shown, "each section names the command that acts on it"


def test_unchanged_files_keep_their_mtime_and_a_hundred_switches_change_nothing(dataset: Dataset) -> None:
    commits = story(dataset)
    here, there = "main", "experiment/all-frames"
    dataset.oxide("checkout", here)
    before, stored = modified_times(dataset.root), durable_files(dataset.root)
    shared = {
        path for path, node in dataset.states[commits[here]].items() if dataset.states[commits[there]].get(path) == node
    }
    assert len(shared) > len(before) / 2
    log = dataset.oxide("log", "--json").json
    for turn in range(100):
        dataset.oxide("checkout", here if turn % 2 else there)
    assert {path: modified_times(dataset.root)[path] for path in shared} == {path: before[path] for path in shared}
    dataset.assert_at(commits[here])
    assert dataset.oxide("log", "--json").json == log
    assert durable_files(dataset.root) == stored, "switching stores no file and no table"
    assert dataset.oxide("fsck", "--data", "--json").json["ok"]


def durable_files(root: Path) -> dict[str, int]:
    """Contents in the store, by name and size: data packs and objects. Operations and views are of each switch."""
    control = root / ".oxide"
    return {
        path.relative_to(control).as_posix(): path.stat().st_size
        for pattern in ("packs/data-*.pack", "objects/*/*")
        for path in control.glob(pattern)
    }


def test_a_tree_that_was_lost_comes_back_from_its_commit(dataset: Dataset) -> None:
    commits = story(dataset)
    for entry in dataset.root.iterdir():
        if entry.name != ".oxide":
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    dataset.oxide("restore", ".")
    dataset.assert_at(commits["experiment/all-frames"])


def test_held_out_clips_stay_out_of_every_branch(dataset: Dataset) -> None:
    commits = story(dataset)
    held = {entry["content_id"] for entry in dataset.oxide("ls", commits["main"], "test", "-r", "--json").json}
    assert held
    for commit in commits.values():
        if commit != commits["first"]:
            trained = {entry["content_id"] for entry in dataset.oxide("ls", commit, "train", "-r", "--json").json}
            assert trained and not trained & held


def test_the_experiment_merges_into_main_and_undo_takes_it_back(dataset: Dataset) -> None:
    commits = story(dataset)
    dataset.oxide("checkout", "main")
    write(dataset.root, "README.txt", "about this data set\n")
    dataset.oxide("add", "README.txt")
    before = dataset.commit("Describe")
    dataset.oxide("merge", "experiment/first-middle-last-frame")
    expected = {
        **dataset.states[commits["experiment/first-middle-last-frame"]],
        "README.txt": dataset.states[before]["README.txt"],
    }
    assert tree(dataset.root) == expected
    dataset.oxide("undo")
    dataset.assert_at(before)
    dataset.oxide("redo")
    assert tree(dataset.root) == expected
