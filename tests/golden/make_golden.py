"""Makes ``NAME.tar.gz`` and ``NAME.json``: a small repository of this format, and what later versions must find in it.

Run it once for a version that writes something new (``python tests/golden/make_golden.py``) and check both files in.
They are never made again under the same name: that old bytes stay readable is what ``test_golden.py`` shows. ``v1`` is
of the first version, ``v1-facts`` of the one that began to read facts of media.
"""

from __future__ import annotations

import gzip
import io
import json
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from oxide import Repository
from oxide.settings import Settings
from support import AUTHOR, bytes_of, clip, link, picture, write

HERE = Path(__file__).resolve().parent
NAME = "v1-facts"


ANIMATION = (
    b"GIF89a\x03\0\x02\0\0\0\0"
    + b"".join(b"!\xf9\x04\0" + delay + b"\0\0\0," + bytes(8) + b"\0\x02\x01\0\0" for delay in (b"\x05", b"\x07"))
    + b";"
)
"""Two pictures of 3 x 2 that stand for 0.05 and 0.07 seconds."""


def fill(root: Path) -> Repository:
    """A little of everything that the format can hold."""
    repo = Repository.init(root, settings=Settings(None, dict(AUTHOR)))
    for number in range(20):
        write(root, f"images/{number:03}.png", picture(number))
    write(root, "ünïcode name.txt", "text with a newline\n")
    write(root, "empty")
    write(root, "run.sh", "#!/bin/sh\necho golden\n", executable=True)
    write(
        root, "table.csv", "".join(f"{number},{number * number}\n" for number in range(20_000))
    )  # chunks and a recipe
    write(root, "clip.mp4", clip("golden clip", (1 << 20) + 17))  # a file of its own, without an index
    write(root, "cut.png", picture("cut")[:-20])
    write(root, "animation.gif", ANIMATION)
    (root / "latin").mkdir()
    with open(bytes(root / "latin") + b"/caf\xe9", "wb") as file:
        file.write(b"a name that is no UTF-8")
    link(root, "shortcut", "images/000.png")
    repo.add(["."])
    repo.commit("First pictures\n\nWith a body.")
    repo.create_tag("v1")
    repo.checkout("experiment/more", create=True)
    for number in range(20, 400):
        write(root, f"images/{number:03}.png", picture(number, 4, 4))
    repo.add(["."])
    repo.commit("More pictures")
    for number in range(10):  # a chain of row deltas
        write(root, "images/005.png", picture(("again", number)))
        repo.commit(f"Edit {number}", all=True)
    repo.checkout("main")
    repo.move(["table.csv"], "renamed.csv")
    (root / "empty").unlink()
    repo.add(["."])
    repo.commit("Rename and remove")
    repo.merge("experiment/more")
    write(root, "run.sh", "#!/bin/sh\necho shelved\n", executable=True)
    repo.stash_push("an idea")
    repo.create_tag("undone")
    repo.undo()
    write(root, "staged.txt", "staged and not committed")
    repo.add(["staged.txt"])
    return repo


def describe(repo: Repository) -> dict[str, Any]:
    """What must be found again: the manifest."""
    commits = {entry.commit.id: entry.commit for branch in repo.branches() for entry in repo.log(branch.name)}
    return {
        "branches": {branch.name: branch.head for branch in repo.branches()},
        "tags": {tag.name: tag.commit for tag in repo.tags()},
        "log": [entry.commit.id for entry in repo.log()],
        "commits": {
            commit.id: {
                "parents": list(commit.parents),
                "author": str(commit.author),
                "time": commit.time.isoformat(),
                "message": commit.message,
                "generation": commit.generation,
                "tables": {name: list(ids) for name, ids in sorted(commit.tables.items())},
                "files": {
                    entry.path: [
                        entry.type,
                        entry.size,
                        entry.executable,
                        entry.content_id,
                        entry.sha256,
                        entry.item_id,
                    ]
                    for entry in repo.ls(commit.id, recursive=True)
                },
            }
            for commit in commits.values()
        },
        "facts": {entry.path: list(entry[7:]) for entry in repo.ls(recursive=True) if entry.media is not None},
        "operations": [
            [operation.number, operation.id, operation.kind, operation.description] for operation in repo.operations()
        ],
        "stashes": [[stash.commit, stash.branch, stash.message] for stash in repo.stash_list()],
        "staged": {name: list(paths) for name, paths in repo.status().staged._asdict().items()},
        "names": {entry.path: bytes_of(entry.path).hex() for entry in repo.ls(recursive=True)},
    }


def pack(root: Path, target: Path) -> None:
    """The repository's durable part as an archive without times and owners. What is derived is left out: it must
    be rebuilt."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted((root / ".oxide").rglob("*")):
            relative = path.relative_to(root)
            if relative.parts[1] in ("index", "cache", "tmp", "leases"):
                continue
            member = archive.gettarinfo(str(path), arcname=str(relative))
            member.mtime, member.uid, member.gid, member.uname, member.gname = 0, 0, 0, "", ""
            if path.is_file():
                with path.open("rb") as content:
                    archive.addfile(member, content)
            else:
                archive.addfile(member)
    target.write_bytes(gzip.compress(raw.getvalue(), 9, mtime=0))


def main() -> None:
    archive, manifest = HERE / f"{NAME}.tar.gz", HERE / f"{NAME}.json"
    if archive.exists():
        sys.exit(f"{archive} exists: golden files are kept. What is new gets a new name.")
    with tempfile.TemporaryDirectory() as folder:
        repo = fill(Path(folder))
        manifest.write_text(json.dumps(describe(repo), indent=1, sort_keys=True) + "\n")
        pack(Path(folder), archive)
    print(f"{archive}: {archive.stat().st_size} bytes")


if __name__ == "__main__":
    main()
