"""What is run with faults: a prepared repository, one command line, and how it ends when nothing fails.

Together they pass every place of the core that changes a file; ``test_faults.py`` fails when one is left out.
"""

from __future__ import annotations

import io
import os
import shutil
import struct
import zlib
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

from support import clip, link, noise, picture, write

CONFLICT = 6


class Place:
    """Where a repository is built: ``tree``, and ``outside`` for files that it refers to."""

    def __init__(self, folder: Path) -> None:
        self.tree, self.outside = folder / "tree", folder / "outside"
        self.control = self.tree / ".oxide"
        self.tree.mkdir()

    def oxide(self, *arguments: str, code: int = 0) -> None:
        """A command line in this process."""
        from oxide_cli import main

        out = io.StringIO()
        os.chdir(self.tree)
        with redirect_stdout(out), redirect_stderr(out):
            ended = main.run(list(arguments))
        if ended != code:
            raise RuntimeError(f"oxide {' '.join(arguments)} ended with {ended}: {out.getvalue()}")

    def write(self, path: str, content: bytes | str = b"", *, executable: bool = False) -> None:
        """A file of the working copy."""
        write(self.tree, path, content, executable=executable)

    def commit(self, message: str) -> None:
        """Stage everything and commit it."""
        self.oxide("add", ".")
        self.oxide("commit", "-m", message)


@dataclass(frozen=True)
class Scenario:
    """One verb in one situation."""

    name: str
    prepare: Callable[[Place], None]
    command: list[str]
    code: int = 0
    """What it ends with when nothing fails."""
    arrange: Callable[[Path], None] | None = None
    """Done to each copy of the prepared repository: what copying would not keep."""
    died: tuple[str, list[str]] | None = None
    """A fault that killed this command line before: what the verb finds half done."""
    rolls_forward: bool = True
    """Whether the next verb brings the working files to one of both states. Not where the verb must be run again: it
    publishes no operation, moves files before it does, or was told to overwrite."""
    otherwise: list[str] = field(default_factory=list)
    """What completes the work where the same command finds it half done."""
    damaged: bool = False
    """Whether the store is damaged before the verb has mended it."""
    repeatable: bool = False
    """Whether the verb can be run again after it has succeeded, and does nothing then."""


# -- repositories ------------------------------------------------------------------------------------------------------
def table(seed: int, rows: int = 12_000) -> str:
    """A CSV that is stored as chunks with a recipe."""
    return "".join(f"{row},{(row * 7919 + seed) % 10_007},text of {row}\n" for row in range(rows))


def files(place: Place) -> None:
    """A working copy with every kind of file."""
    for number in range(4):
        place.write(f"images/{number:03}.png", picture(number))
    place.write("notes.txt", "notes\n")
    place.write("work.txt", "work\n")
    place.write("run.sh", "#!/bin/sh\n", executable=True)
    place.write("folder/deep/a.txt", "a\n")
    place.write("place", "a file where a folder will be\n")
    place.write("table.csv", table(1))
    place.write("clip.mp4", clip("one", (1 << 20) + 17))
    link(place.tree, "shortcut", "images/000.png")


def started(place: Place) -> None:
    """One commit."""
    files(place)
    place.oxide("init")
    place.commit("one")
    place.oxide("tag", "v1")


def two_branches(place: Place) -> None:
    """`main` and `other`, which differ in every kind of file; and work that is in neither."""
    started(place)
    place.oxide("checkout", "-b", "other")
    place.write("images/000.png", picture("changed"))
    (place.tree / "images/001.png").unlink()
    shutil.rmtree(place.tree / "folder")
    place.write("more/b.txt", "b\n")
    (place.tree / "place").unlink()
    place.write("place/inside.txt", "inside\n")
    place.write("run.sh", "#!/bin/sh\n")
    place.write("more/tool.sh", "#!/bin/sh\n", executable=True)
    place.write("table.csv", table(1) + "one more\n")
    place.write("other.mp4", clip("two", (1 << 20) + 5))
    (place.tree / "shortcut").unlink()
    link(place.tree, "shortcut", "notes.txt")
    place.commit("two")
    place.oxide("checkout", "main")
    place.write("main.txt", "of main\n")
    place.commit("three")
    place.write("work.txt", "unsaved work\n")
    place.write("untracked.txt", "untracked\n")


def clean_branches(place: Place) -> None:
    """The same without unsaved work."""
    two_branches(place)
    place.write("work.txt", "work\n")


def changed(place: Place) -> None:
    """Changes of every kind, not staged: a renamed file too."""
    started(place)
    place.write("notes.txt", "new notes\n")
    (place.tree / "images/000.png").rename(place.tree / "images/renamed.png")
    (place.tree / "images/001.png").unlink()
    place.write("new/c.txt", "c\n")
    place.write("table.csv", table(1) + "one more\n")
    place.write("other.mp4", clip("two", (1 << 20) + 5))
    place.write("run.sh", "#!/bin/sh\n")
    link(place.tree, "new/link", "c.txt")


def staged(place: Place) -> None:
    """The same, staged; one file changed again since."""
    changed(place)
    place.oxide("add", ".")
    place.write("notes.txt", "newer notes\n")


def changed_and_in_the_way(place: Place) -> None:
    """Work that a checkout by force gives up: a changed file, and a folder where a file comes."""
    two_branches(place)
    place.oxide("commit", "-am", "saved")
    place.write("notes.txt", "notes that go\n")
    place.write("other.mp4/inside/a.txt", "in the way\n")
    (place.tree / "table.csv").chmod(0o755)


def stands_behind(place: Place) -> None:
    """A branch that another one has only added to."""
    started(place)
    place.oxide("checkout", "-b", "other")
    place.write("more/b.txt", "b\n")
    place.write("notes.txt", "new notes\n")
    place.commit("two")
    place.oxide("checkout", "main")


def checked_out(place: Place) -> None:
    """On the other branch, a moment ago on this one."""
    clean_branches(place)
    place.oxide(*CHECKOUT)


def committed(place: Place) -> None:
    """A commit just made."""
    staged(place)
    place.oxide("commit", "-m", "next")


def undone(place: Place) -> None:
    """A checkout just taken back."""
    checked_out(place)
    place.oxide("undo")


def rival_branches(place: Place) -> None:
    """Branches with a conflict."""
    started(place)
    place.oxide("checkout", "-b", "other")
    place.write("notes.txt", "their notes\n")
    place.write("more.txt", "more\n")
    place.commit("theirs")
    place.oxide("checkout", "main")
    place.write("notes.txt", "our notes\n")
    place.commit("ours")


def in_conflict(place: Place) -> None:
    """A merge under way."""
    rival_branches(place)
    place.oxide("merge", "other", code=CONFLICT)


def resolved(place: Place) -> None:
    """A merge that waits for its commit."""
    in_conflict(place)
    place.oxide("resolve", "notes.txt", "--theirs")


def stashed(place: Place) -> None:
    """Changes on a shelf."""
    changed(place)
    place.oxide("stash")


def referring(place: Place) -> None:
    """A link to a file outside."""
    started(place)
    write(place.outside, "film.mp4", clip("film", 3_000))
    link(place.tree, "film.mp4", str(place.outside / "film.mp4"))


def films(place: Place) -> None:
    """A folder of films outside."""
    started(place)
    for number in range(2):
        write(place.outside, f"films/{number}.mp4", clip(number, 3_000))


def references(place: Place) -> None:
    """A branch with a reference, and one without."""
    referring(place)
    place.oxide("checkout", "-b", "film")
    place.oxide("add", "--reference", "film.mp4")
    place.oxide("commit", "-m", "film")
    place.oxide("checkout", "main")


def garbage(place: Place) -> None:
    """A deleted branch with a file of its own, half-dead packs, and what dead processes left behind."""
    two_branches(place)
    place.oxide("branch", "-d", "other")
    for name in ("data-0000000000000001-00000000.pack", "object-0000000000000001-00000000", "file-0000000000000001-0"):
        (place.control / "tmp" / name).write_bytes(b"left behind")
    left = place.control / "tmp" / "checkout-1-0000000000000001-00000000" / "0"
    left.mkdir(parents=True)
    (left / "0").write_bytes(b"left behind")
    (place.control / "leases" / "0000000000000001-1-00000000").touch()
    (place.control / "tombstones" / "data-0000000000000001-00000000.pack").touch()


def taken_away(place: Place) -> None:
    """A collector died with an own file in its hands."""
    garbage(place)
    [folder, *_] = sorted((place.control / "objects").iterdir())
    [stored, *_] = sorted(folder.iterdir())
    taken = place.control / "tmp" / f"dead-{folder.name}{stored.name}"
    stored.rename(taken)
    [other] = [path for path in (place.control / "objects").rglob("*") if path.is_file()]
    shutil.copyfile(other, taken.with_name(f"dead-{other.parent.name}{other.name}"))


def many_operations(place: Place) -> None:
    """As many single operations as the next one folds, and eight runs that it merges."""
    place.oxide("init")
    folder = place.control / "operations"

    def singles() -> list[Path]:
        return sorted(path for path in folder.iterdir() if path.name.isdigit())

    number = 0
    while len(singles()) < 64:
        place.write("a.txt", f"{number}\n")
        place.oxide("add", ".")
        number += 1
    early = singles()
    for start in range(0, 64, 8):
        some = early[start : start + 8]
        run = b"OXRUN1\n" + b"".join(_counted(path.read_bytes()) for path in some)
        (folder / f"{some[0].name}-{some[-1].name}.run").write_bytes(run)
        for path in some:
            path.unlink()
    place.commit("one")
    while len(singles()) < 96:
        place.oxide("tag", f"t{number}")
        number += 1


def _counted(data: bytes) -> bytes:
    """A varint of the length, then the bytes: see docs/format.md."""
    length, prefix = len(data), b""
    while length >= 0x80:
        prefix += bytes([length & 0x7F | 0x80])
        length >>= 7
    return prefix + bytes([length]) + data


def small_packs(group: str) -> Callable[[Place], None]:
    """So many small packs of a group that the next one merges them."""

    def prepare(place: Place) -> None:
        place.oxide("init")
        number = 0
        while len(list((place.control / "packs").glob(f"{group}-*"))) < 7:
            place.write(f"{number}.png", picture(number))
            place.oxide("add", ".")
            number += 1
        place.write(f"{number}.png", picture(number))

    return prepare


def many_packs(place: Place) -> None:
    """Packs of so many sizes that a merged index is worth while, one short of it."""
    place.oxide("init")
    number = 0
    for size in (1, 4, 32):  # below 64 KiB, below 512 KiB, below 4 MiB
        for _ in range(7 if size > 1 else 2):
            for part in range(size):
                place.write(f"{number}-{part}.png", noise((number, part), 30_000 if size > 1 else 1_000))
            place.oxide("add", ".")
            number += 1
    place.write("last.png", noise("last", 1_000))


def many_packs_indexed(place: Place) -> None:
    """Packs with a merged index."""
    many_packs(place)
    place.oxide("add", ".")
    place.commit("one")


def many_files(place: Place) -> None:
    """More files than the journal of the stat index takes."""
    started(place)
    for number in range(300):
        place.write(f"many/{number:03}.txt", f"{number}\n")


def many_clips(place: Place) -> None:
    """More files of their own than are flushed one by one, and a pack longer than its buffer."""
    place.oxide("init")
    for number in range(34):
        place.write(f"{number:02}.mp4", noise(("clip", number), (1 << 20) + 1))
    for number in range(6):
        place.write(f"{number:02}.png", noise(("picture", number), 1_000_000))


def long_file(place: Place) -> None:
    """A file that is not read into memory."""
    place.oxide("init")
    place.write("long.bin", noise("long", 9 << 20))
    place.commit("one")


def query_cached(place: Place) -> None:
    """Parquet of an older state in the cache, with as many copies of the history as are kept."""
    started(place)
    place.oxide("sql", "SELECT count(*) FROM files")
    place.oxide("sql", "SELECT count(*) FROM commits")
    place.oxide("sql", "SELECT count(*) FROM operations")
    history = place.control / "cache" / "history"
    for kind in ("commits", "operations"):
        [copy] = history.glob(f"{kind}-*")
        for number in range(4):
            shutil.copyfile(copy, history / f"{kind}-{number}-{copy.stem[-8:]}.parquet")
    place.oxide("sql", "SELECT count(*) FROM items")
    place.write("notes.txt", "newer\n")
    place.commit("two")


def damaged_stat_index(tree: Path) -> None:
    """A stat index with a name that is another one."""
    with (tree / ".oxide" / "index" / "stat").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\xff")


def no_index_folder(tree: Path) -> None:
    """Neither stat index nor merged indexes of packs, nor their folder."""
    shutil.rmtree(tree / ".oxide" / "index")


def damaged_cache(tree: Path) -> None:
    """Cached Parquet files that are not what was written."""
    for path in (tree / ".oxide" / "cache").glob("*/*.parquet"):
        path.write_bytes(path.read_bytes()[:-1] + b"\xff")


def full_cache(tree: Path) -> None:
    """A cache over its size, with files that nobody has used for long."""
    folder = tree / ".oxide" / "cache" / "segments"
    for path in folder.iterdir():
        os.utime(path, (1, 1))
    with (folder / "old.parquet").open("wb") as file:
        file.truncate(3 << 30)
    os.utime(folder / "old.parquet", (1, 1))


def without_cache(place: Place) -> None:
    """A repository whose derived folders are gone."""
    started(place)
    shutil.rmtree(place.control / "cache")
    shutil.rmtree(place.control / "index")


def damaged(place: Place) -> None:
    """A pack whose footer is wrong and whose records are whole, a merged index that misleads, an old operation that is
    no operation any more, and a derived folder that is gone."""
    many_packs_indexed(place)
    packs = sorted((place.control / "packs").glob("data-*"), key=lambda path: path.stat().st_size)
    with packs[0].open("r+b") as file:
        file.seek(-16, os.SEEK_END)
        file.write(b"\xff" * 4)  # the checksum of the entries
    index = place.control / "index" / "packs-data"
    data = bytearray(index.read_bytes())
    data[-4:] = struct.pack("<I", (struct.unpack("<I", data[-4:])[0] + 1) % 10)  # the last record's pack
    data[8:12] = struct.pack("<I", zlib.crc32(data[12:]))
    index.write_bytes(data)
    (place.control / "operations" / f"{2:016}").write_bytes(b"no operation")
    shutil.rmtree(place.control / "cache")


CHECKOUT = ["checkout", "other"]
QUERY = ["sql", "SELECT (SELECT count(*) FROM files), (SELECT count(*) FROM items), count(*) FROM commits, operations"]
ALL = [
    Scenario("init", files, ["init"]),
    Scenario("init again", files, ["init"], died=("link.operations:kill", ["init"])),
    Scenario("add", changed, ["add", "."], repeatable=True),
    Scenario("add of many files", many_files, ["add", "."], repeatable=True),
    Scenario("add of many clips", many_clips, ["add", "."], repeatable=True),
    Scenario("add by reference", referring, ["add", "--reference", "film.mp4"], repeatable=True),
    Scenario("add by reference from outside", films, ["add", "--reference", "../outside/films"], rolls_forward=False),
    Scenario(
        "add by reference without index folder",
        films,
        ["add", "--reference", "../outside/films"],
        rolls_forward=False,
        arrange=no_index_folder,
    ),
    Scenario("add with a damaged stat index", changed, ["add", "."], repeatable=True, arrange=damaged_stat_index),
    Scenario("add, which merges data packs", small_packs("data"), ["add", "."], repeatable=True),
    Scenario("add, which merges meta packs", small_packs("meta"), ["add", "."], repeatable=True),
    Scenario("add, which indexes packs", many_packs, ["add", "."], repeatable=True),
    Scenario("add without derived folders", without_cache, ["add", "."], repeatable=True),
    Scenario(
        "mv", staged, ["mv", "images/renamed.png", "images/moved.png"], rolls_forward=False, otherwise=["add", "images"]
    ),
    Scenario(
        "mv of a folder",
        changed,
        ["mv", "folder", "images/moved"],
        rolls_forward=False,
        otherwise=["add", "folder", "images/moved"],
    ),
    Scenario("rm", started, ["rm", "folder", "clip.mp4"]),
    Scenario("rm from the next commit", started, ["rm", "--cached", "notes.txt"]),
    Scenario("commit", staged, ["commit", "-m", "next"]),
    Scenario("commit of what changed", changed, ["commit", "-am", "next"]),
    Scenario("amend", staged, ["commit", "--amend", "-m", "again"]),
    Scenario("checkout", two_branches, CHECKOUT, repeatable=True),
    Scenario(
        "checkout by force",
        changed_and_in_the_way,
        ["checkout", "--force", "other"],
        rolls_forward=False,
        repeatable=True,
    ),
    Scenario("checkout of a new branch", staged, ["checkout", "-b", "topic"]),
    Scenario("checkout of a reference", references, ["checkout", "film"], repeatable=True),
    Scenario("switch", clean_branches, ["switch", "other"], repeatable=True),
    Scenario("restore", changed, ["restore", "--force", "."], rolls_forward=False, repeatable=True),
    Scenario(
        "restore without index folder",
        changed,
        ["restore", "--force", "."],
        rolls_forward=False,
        repeatable=True,
        arrange=no_index_folder,
    ),
    Scenario("restore from a branch", clean_branches, ["restore", "--source", "other", "."], repeatable=True),
    Scenario("restore what is staged", staged, ["restore", "--staged", "."], repeatable=True),
    Scenario("merge", clean_branches, ["merge", "other"], repeatable=True),
    Scenario(
        "merge without index folder", clean_branches, ["merge", "other"], repeatable=True, arrange=no_index_folder
    ),
    Scenario("merge by moving on", stands_behind, ["merge", "other"], repeatable=True),
    Scenario("merge with conflicts", rival_branches, ["merge", "other"], code=CONFLICT),
    Scenario("merge, given up", in_conflict, ["merge", "--abort"]),
    Scenario("merge, gone on with", resolved, ["merge", "--continue"]),
    Scenario("resolve", in_conflict, ["resolve", "notes.txt", "--theirs"]),
    Scenario("revert", clean_branches, ["revert", "HEAD"]),
    Scenario("cherry-pick", clean_branches, ["cherry-pick", "other"]),
    Scenario("stash", changed, ["stash"]),
    Scenario("stash pop", stashed, ["stash", "pop"]),
    Scenario("stash drop", stashed, ["stash", "drop"]),
    Scenario("undo of a checkout", checked_out, ["undo"]),
    Scenario("undo of a commit", committed, ["undo"]),
    Scenario("undo of a stash", stashed, ["undo"]),
    Scenario("redo", undone, ["redo"]),
    Scenario("tag", started, ["tag", "v2"]),
    Scenario("tag, deleted", started, ["tag", "-d", "v1"]),
    Scenario("branch", started, ["branch", "topic"]),
    Scenario("branch, deleted", clean_branches, ["branch", "-d", "other"]),
    Scenario("config", started, ["config", "user.name", "Grace Tester"], repeatable=True),
    Scenario("gc", garbage, ["gc", "--keep", "0", "--now"], repeatable=True),
    Scenario("gc after one that died", taken_away, ["gc", "--keep", "0", "--now"], damaged=True, repeatable=True),
    Scenario(
        "fsck without index folder", many_packs_indexed, ["fsck", "--repair"], repeatable=True, arrange=no_index_folder
    ),
    Scenario("fsck of a damaged cache", query_cached, ["fsck", "--repair"], repeatable=True, arrange=damaged_cache),
    Scenario("fsck after a gc that died", taken_away, ["fsck", "--repair"], damaged=True, repeatable=True),
    Scenario("gc of operations", many_operations, ["gc", "--keep", "0", "--now"], repeatable=True),
    Scenario("tag, which folds operations", many_operations, ["tag", "last"]),
    Scenario("fsck", damaged, ["fsck", "--data", "--repair"], damaged=True, repeatable=True),
    Scenario("sql", query_cached, QUERY, repeatable=True, arrange=full_cache),
    Scenario("sql without derived folders", without_cache, QUERY, repeatable=True),
    Scenario("cat", long_file, ["cat", "long.bin"], repeatable=True),
    Scenario("doctor", started, ["doctor"], repeatable=True),
    Scenario("status", without_cache, ["status"], repeatable=True),
    *(
        Scenario(
            f"{' '.join(verb)} after a checkout died",
            two_branches,
            verb,
            died=(fault, CHECKOUT),
            repeatable=verb[0] != "commit",
        )
        for verb, fault in (
            (["status"], "rename.tree:kill:4"),
            (["add", "."], "rename.tree:kill:1"),
            (["commit", "-am", "next"], "unlink.tree:kill:1"),
            (["checkout", "main"], "rename.tree:kill:6"),
            (["gc", "--keep", "0", "--now"], "rename.tree:kill:3"),
        )
    ),
    *(
        Scenario(f"{' '.join(verb)} after a stash died", changed, verb, died=(fault, ["stash"]), repeatable=again)
        for verb, fault, again in (
            (["status"], "rename.tree:kill:2", True),
            (["stash", "pop"], "rename.tree:kill:1", False),
            (["undo"], "rename.tree:kill:3", False),
        )
    ),
    Scenario("stash after a checkout died", two_branches, ["stash"], died=("rename.tree:kill:2", CHECKOUT)),
    Scenario("undo without derived folders", without_cache, ["undo"]),
    Scenario(
        "gc after an undo of a stash died",
        stashed,
        ["gc", "--keep", "0", "--now"],
        died=("rename.tree:kill:2", ["undo"]),
        repeatable=True,
    ),
    Scenario(
        "status after an undo of a stash died",
        stashed,
        ["status"],
        died=("rename.tree:kill:2", ["undo"]),
        repeatable=True,
    ),
]
BY_NAME = {scenario.name: scenario for scenario in ALL}
