"""What people do with a repository, verb by verb, while every change of a file is recorded.

Each scenario runs in a process of its own (``python scenarios.py NAME FOLDER``) with ``OXIDE_RECORD`` set. After every
verb that returns it puts into the record what has been acknowledged.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from oxide import Repository
from oxide.settings import Settings
from oxide.workspace import read_state
from support import AUTHOR, clip, noise, oxide_command, picture


class World:
    """A folder, the repository in its subfolder ``tree``, and a user who works there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tree = folder / "tree"
        self.settings = Settings(None, dict(AUTHOR))
        self.repository: Repository
        self.commits: dict[str, dict[str, Any]] = {}
        self.operations: dict[int, str] = {}
        self.untracked: list[str] = []

    def save(self, path: str, content: bytes, *, executable: bool = False, untracked: bool = False) -> None:
        """The user saves a file: it is on the disk, whatever happens next. ``untracked``: and it is never added."""
        place = self.tree / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        place.chmod(0o755 if executable else 0o644)
        looks = place.stat()
        self._record("user", place, f"{looks.st_dev}:{looks.st_ino}", 0o755 if executable else 0o644, content)
        if untracked:
            self.untracked.append(path)

    def delete(self, path: str) -> None:
        """The user removes a file, for good."""
        (self.tree / path).unlink()
        self._record("user-removed", self.tree / path)

    def init(self) -> Repository:
        """Make the repository; its folder is made with it."""
        self.repository = Repository.init(self.tree, settings=self.settings)
        self.done("init")
        return self.repository

    def first_commit(self) -> Repository:
        """A repository with a few files of every kind in one commit."""
        repository = self.init()
        for number in range(3):
            self.save(f"images/{number}.png", picture(number))
        self.save("labels.csv", b"name,label\n" * 20)
        self.save("run.sh", b"#!/bin/sh\n", executable=True)
        repository.add(["."])
        self.done("add")
        repository.commit("first")
        self.done("commit")
        return repository

    def prepared(self) -> Repository:
        """:meth:`first_commit` as the beginning of something else: no cut is tried in it."""
        repository = self.first_commit()
        self.done(PREPARED)
        return repository

    def done(self, verb: str) -> None:
        """A verb has returned: what stands now was acknowledged."""
        repository = self.repository
        state = read_state(repository.store)
        for entry in repository.operations():
            self.operations[entry.number] = entry.id
        view = state.view
        heads = [*view["branches"].values(), *(tag["commit"] for tag in view["tags"].values())]
        heads += [stash["commit"] for stash in view["stashes"]]
        for commit in heads:
            self._remember(commit)
        config = self.tree / ".oxide" / "config"
        self._record("returned", verb, state.number, config.read_bytes() if config.exists() else b"")

    def _remember(self, commit: str) -> None:
        if commit in self.commits:
            return
        at = self.repository.at(commit)
        self.commits[commit] = {
            entry.path: [at.read(entry.path).hex(), entry.executable] for entry in at.ls(recursive=True)
        }
        for parent in self.repository.read_commit(commit).parents:
            self._remember(parent)

    def _record(self, name: str, *fields: object) -> None:
        raw = [name.encode(), *(field if isinstance(field, bytes) else os.fsencode(str(field)) for field in fields)]
        event = len(raw).to_bytes(4, "little") + b"".join(len(each).to_bytes(4, "little") + each for each in raw)
        with open(Path(os.environ["OXIDE_RECORD"]) / "record", "ab") as record:
            record.write(event)


QUERIES = (
    "SELECT path, size FROM files ORDER BY path",
    "SELECT id FROM commits ORDER BY id",
)

PREPARED = "prepared"
"""What has returned before this is tried in another scenario."""


# -- the scenarios -----------------------------------------------------------------------------------------------------
def first_commits(world: World) -> None:
    """init, add, commit; a second commit of a change, a removal and a new file."""
    repository = world.first_commit()
    world.save("images/1.png", picture("changed"))
    world.save("more/deep/4.png", picture(4))
    world.delete("images/2.png")
    repository.add(["."])
    world.done("add")
    repository.commit("second")
    world.done("commit")


def large_files(world: World) -> None:
    """Files of their own and chunked ones."""
    repository = world.init()
    world.done(PREPARED)
    world.save("videos/a.mp4", clip("a", 1_200_000))
    world.save("table.csv", noise("table", 1_100_000))
    repository.add(["videos"])
    world.done("add")
    repository.commit("a video")
    world.done("commit")
    world.save("videos/b.mp4", clip("b", 1_100_000))
    repository.commit("unchanged", allow_empty=True)
    world.done("commit")
    repository.add(["."])
    world.done("add")
    repository.commit("all")
    world.done("commit")


def switching(world: World) -> None:
    """Branches, and checkouts that change, bring and remove files."""
    repository = world.prepared()
    repository.checkout("other", create=True)
    world.done("checkout")
    world.save("images/0.png", picture("other"))
    world.save("other/new.png", picture("new"))
    world.delete("labels.csv")
    world.save("run.sh", b"#!/bin/sh\necho other\n")
    repository.add(["."])
    world.done("add")
    repository.commit("other")
    world.done("commit")
    world.save("notes.txt", b"not added", untracked=True)
    repository.checkout("main")
    world.done("checkout")
    repository.checkout("other")
    world.done("checkout")


def merging(world: World) -> None:
    """A merge that joins two sides, and one with a conflict that is resolved."""
    repository = world.prepared()
    repository.create_branch("side")
    world.done("branch")
    world.save("images/0.png", picture("ours"))
    repository.commit("ours", all=True)
    world.done("commit")
    repository.checkout("side")
    world.done("checkout")
    world.save("images/1.png", picture("theirs"))
    world.save("labels.csv", b"theirs\n")
    repository.commit("theirs", all=True)
    world.done("commit")
    repository.checkout("main")
    world.done("checkout")
    repository.merge("side")
    world.done("merge")
    world.save("labels.csv", b"ours\n")
    repository.commit("ours again", all=True)
    world.done("commit")
    repository.checkout("side")
    world.done("checkout")
    world.save("labels.csv", b"theirs again\n")
    repository.commit("theirs again", all=True)
    world.done("commit")
    repository.merge("main")
    world.done("merge with a conflict")
    repository.resolve(["labels.csv"], "theirs")
    world.done("resolve")
    repository.commit("merged")
    world.done("commit")


def restoring(world: World) -> None:
    """restore of files, of what is staged, and from another revision; move and remove."""
    repository = world.prepared()
    world.save("images/0.png", picture("spoiled"))
    world.delete("images/1.png")
    repository.restore(["images"], force=True)
    world.done("restore")
    repository.move(["images/2.png"], "pictures/two.png")
    world.done("move")
    repository.remove(["labels.csv"])
    world.done("remove")
    repository.restore(["labels.csv"], source="HEAD")
    world.done("restore")
    repository.commit("moved")
    world.done("commit")


def stashing(world: World) -> None:
    """Work is shelved, other work done, and the first brought back."""
    repository = world.prepared()
    world.save("images/0.png", picture("work"))
    world.save("images/new.png", picture("new work"))
    repository.add(["images/new.png"])
    world.done("add")
    repository.stash_push("work")
    world.done("stash")
    world.save("labels.csv", b"other work\n")
    repository.commit("other work", all=True)
    world.done("commit")
    repository.stash_pop()
    world.done("stash pop")
    repository.commit("work", all=True)
    world.done("commit")


def naming(world: World) -> None:
    """Tags, branches, settings, undo and redo."""
    repository = world.prepared()
    repository.create_tag("v1")
    world.done("tag")
    repository.create_branch("topic")
    world.done("branch")
    repository.settings.set("user.name", "Grace Tester")
    world.done("config")
    repository.delete_branch("topic")
    world.done("delete branch")
    world.save("images/0.png", picture("undone"))
    repository.commit("to be undone", all=True)
    world.done("commit")
    repository.undo()
    world.done("undo")
    repository.redo()
    world.done("redo")
    repository.delete_tag("v1")
    world.done("delete tag")


def collecting(world: World) -> None:
    """What nothing reaches any more goes: packs are rewritten, own files and old operations removed."""
    repository = world.prepared()
    repository.checkout("doomed", create=True)
    world.done("checkout")
    world.save("doomed.mp4", clip("doomed", 1_100_000))
    world.save("images/doomed.png", picture("doomed", 60, 60))
    repository.add(["."])
    world.done("add")
    repository.commit("doomed")
    world.done("commit")
    world.save("kept.png", picture("kept"))
    repository.checkout("main")
    world.done("checkout")
    repository.add(["kept.png"])
    world.done("add")
    repository.commit("kept")
    world.done("commit")
    repository.delete_branch("doomed")
    world.done("delete branch")
    repository.gc(keep=0, now=True)
    world.done("gc")
    repository.gc(keep=0, now=True)
    world.done("gc")
    world.save("images/doomed.png", picture("doomed", 60, 60))
    world.save("doomed.mp4", clip("doomed", 1_100_000))
    repository.add(["."])
    world.done("add")
    repository.commit("again")
    world.done("commit")


def folding(world: World) -> None:
    """So many small commits that packs are merged and operations folded into runs."""
    repository = world.init()
    for number in range(34):
        if number == 6:
            world.done(PREPARED)
        world.save("counter.txt", f"{number}\n".encode())
        repository.add(["counter.txt"])
        repository.commit(f"number {number}")
        repository.create_tag(f"tag-{number}")
        world.done("commit and tag")


def querying(world: World) -> None:
    """SQL over files and commits, which leaves Parquet files behind."""
    repository = world.prepared()
    for statement in QUERIES:
        repository.sql(statement).fetch_rows()
    world.done("sql")
    world.save("images/0.png", picture("changed"))
    repository.commit("second", all=True)
    world.done("commit")
    for statement in QUERIES:
        repository.sql(statement).fetch_rows()
    world.done("sql")


def relying(world: World) -> None:
    """A process dies before it has flushed the names of what it stored; another one finds that and relies on it."""
    repository = world.prepared()
    for path, content, place in (
        ("videos/a.mp4", clip("relied on", 1_100_000), "objects"),
        ("images/9.png", picture("relied on"), "packs"),
    ):
        world.save(path, content)
        died = subprocess.run(
            [*oxide_command(), "add", "."],
            cwd=world.tree,
            env={**os.environ, "OXIDE_FAULT": f"flush-folder.{place}:kill"},
            capture_output=True,
        )
        assert died.returncode == -signal.SIGKILL, died.stderr
        repository.add(["."])
        world.done("add")
        repository.commit(path)
        world.done("commit")


def repairing(world: World) -> None:
    """A damaged pack is repaired, and everything derived is made again."""
    repository = world.prepared()
    control = world.tree / ".oxide"
    pack = sorted((control / "packs").glob("data-*.pack"))[0]
    damaged = bytearray(pack.read_bytes())
    damaged[-3] ^= 0xFF  # the magic number at the end: every record is sound
    world.save(str(pack.relative_to(world.tree)), bytes(damaged))
    world.save(".oxide/index/stat", b"no index")
    repository.fsck(data=True, repair=True)
    world.done("repair")
    world.save("images/0.png", picture("later"))
    repository.commit("later", all=True)
    world.done("commit")


ASKED = {querying.__name__}
"""Scenarios after which the queries are asked too."""
SCENARIOS: dict[str, Callable[[World], None]] = {
    scenario.__name__: scenario
    for scenario in (
        first_commits,
        large_files,
        switching,
        merging,
        restoring,
        stashing,
        naming,
        collecting,
        folding,
        querying,
        relying,
        repairing,
    )
}


if __name__ == "__main__":
    world = World(Path(sys.argv[2]))
    SCENARIOS[sys.argv[1]](world)
    facts = {
        "commits": world.commits,
        "operations": world.operations,
        "untracked": world.untracked,
        "asked": sys.argv[1] in ASKED,
    }
    (Path(os.environ["OXIDE_RECORD"]) / "facts.json").write_text(json.dumps(facts))
