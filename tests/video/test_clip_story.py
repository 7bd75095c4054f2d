"""The story of an action-recognition data set (V2, V3) by the installed command, on real clips where they are and on
made ones always: a hold-out, three branches of frames, labels and annotation files that follow, what is refused.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from support import Oxide, tree, write
from video.clips import DATA, make_clip

pytest.importorskip("av", reason="needs the extra `video`")

CLASSES = ("block", "pass", "run")
HELD_OUT, TRAINED = 2, 3


@pytest.fixture(params=["made", "real"])
def data(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Clips in class folders, with annotation files beside them."""
    root = tmp_path / "data"
    if request.param == "made":
        for at, name in enumerate(CLASSES):
            for number in range(7):
                make_clip(
                    root / "clips" / name / f"{name}_{number}.mp4", 12 + 7 * at + number, b_frames=2, uneven=number == 1
                )
    else:
        found = sorted(path for path in (DATA / "videos").rglob("*") if path.suffix in (".mp4", ".avi", ".mov", ".mkv"))
        sound = [path for path in found if path.stat().st_size < 400_000 and "corrupted" not in path.name][:21]
        if len(sound) < 21:
            pytest.skip(
                "no real clips: ../shared/data is not beside the checkout (OXIDE_TEST_DATA names another folder)"
            )
        for number, path in enumerate(sound):
            place = root / "clips" / CLASSES[number % 3] / f"{number:02}_{path.name}"
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
    names = sorted(path.relative_to(root).as_posix() for path in (root / "clips").rglob("*.*"))
    write(root, "annotations.json", json.dumps([{"clip": name, "label": name.split("/")[1]} for name in names]))
    write(root, "labels.json", json.dumps(CLASSES))
    return root


def sql(oxide: Oxide, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = oxide("sql", query, "--json").json
    return found


def test_hold_out_three_branches_and_back(data: Path, tmp_path: Path) -> None:
    oxide = Oxide(data, tmp_path / "home")
    oxide("init")
    oxide("add", ".")
    for name in CLASSES:
        for path in sorted((data / "clips" / name).iterdir()):
            oxide("annotate", path.relative_to(data).as_posix(), "--label", name)
    oxide("commit", "-m", "Clips with their classes")

    # V2: a test set that no later branch can train on, and a number a class for training.
    held = oxide("split", "create", "test", "--per-class", str(HELD_OUT), "--freeze", "--seed", "7", "--json").json
    train = oxide("split", "create", "train", "--per-class", str(TRAINED), "--json").json
    assert held["classes"] == dict.fromkeys(CLASSES, HELD_OUT) and train["classes"] == dict.fromkeys(CLASSES, TRAINED)
    assert not set(held["paths"]) & set(train["paths"])
    oxide("commit", "-m", "Hold two clips a class out")
    oxide("split", "check")
    main = tree(data)

    # V3: three branches of frames of what may be trained on; labels and annotation files follow.
    made = {}
    for branch, way in (("first", "--first"), ("three", "--first-middle-last"), ("every", "--all")):
        oxide("checkout", "main")
        oxide("checkout", "-b", f"experiment/{branch}")
        assert tree(data) == main
        said = oxide("frames", "clips", "--into", "frames", way, "--json").json
        assert said["held_out"] == held["paths"] and said["broken"] == [] and said["annotations"] == len(said["made"])
        oxide("commit", "-m", f"Frames: {branch}")
        made[branch] = set(said["made"])
        rows = sql(
            oxide,
            "SELECT f.path, v.path AS video, label, i.frame_index, m.value ->> '$.split' AS split FROM items i "
            "JOIN files f USING (item_id) JOIN files v ON v.item_id = i.source_item "
            "JOIN annotations a ON a.item_id = i.item_id LEFT JOIN metadata m ON m.item_id = i.item_id",
        )
        assert {row["path"] for row in rows} == made[branch]
        assert all(f"/{row['label']}/" in row["path"] and f"/{row['label']}/" in row["video"] for row in rows)
        assert all(row["split"] in ("train", None) for row in rows)
        assert (data / "annotations.json").read_bytes() == main["annotations.json"].content
    clips = 21 - 3 * HELD_OUT
    assert len(made["first"]) == clips and made["first"] < made["three"] < made["every"]
    assert len(made["three"]) == 3 * clips

    # What was decoded for one branch is not decoded again for the next.
    oxide("checkout", "main")
    oxide("checkout", "-b", "experiment/again")
    assert oxide("frames", "clips", "--into", "frames", "--first", "--json").json["reused"] == clips
    oxide("restore", "--staged", "--force", ".")
    shutil.rmtree(data / "frames", ignore_errors=True)

    # Going back restores the first state exactly; the folder that main does not have is gone.
    oxide("checkout", "main")
    assert tree(data) == main
    oxide("checkout", "experiment/three")
    assert {path.relative_to(data).as_posix() for path in (data / "frames").rglob("*.jpg")} == made["three"]

    # A held-out clip under another name, and its move into training, are refused on the branch.
    shutil.copyfile(data / held["paths"][0], data / "clips" / "sneaked.mp4")
    oxide("add", "clips/sneaked.mp4")
    assert "clips/sneaked.mp4" in oxide("commit", "-m", "Sneak", code=8).err
    oxide("undo")
    (data / "clips" / "sneaked.mp4").unlink(missing_ok=True)
    oxide("metadata", "set", held["paths"][0], "split=train")
    oxide("commit", "-m", "Move it", code=8)
    oxide("undo")

    # One of its frames, taken out before it was held out, does not come in by a merge either.
    oxide("split", "thaw", "test")
    oxide("checkout", "-b", "experiment/cheat")
    oxide("frames", held["paths"][0], "--into", "frames", "--first")
    oxide("commit", "-m", "A frame of a held-out clip")
    oxide("checkout", "main")
    oxide("split", "freeze", "test")
    before = tree(data)
    assert "frame of a held-out video" in oxide("merge", "experiment/cheat", code=8).err
    assert tree(data) == before

    # Each branch has its distribution, side by side.
    found = {each["revision"]: each["counts"] for each in oxide("stats", "--branches", "--json").json}
    assert sum(found["experiment/three"]["label"].values()) == 21 + 3 * clips
    assert found["main"]["split"] == {"test": 3 * HELD_OUT, "train": 3 * TRAINED}
    oxide("fsck", "--data")
