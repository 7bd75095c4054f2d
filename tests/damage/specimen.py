"""A small repository that holds every kind of object and file that Oxide writes: what the tests of damage break, and
where the seeds of the fuzz tests come from (``python tests/damage/specimen.py FOLDER``)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from oxide import Repository, _core
from oxide.settings import Settings
from support import AUTHOR, clip, link, noise, picture, write

PICTURES = 60
TAGS = 80
PACKS = 24
"""More than are looked into one by one, so that there is a merged index."""

PROBE: dict[str, Any] = {
    "name": "probe",
    "fields": [
        {"id": 1, "name": "key", "type": "text", "merge": "conflict"},
        {"id": 2, "name": "data", "type": "json", "merge": "leaves"},
        {"id": 3, "name": "note", "type": "text", "merge": "conflict"},
        {"id": 4, "name": "vector", "type": "vector", "merge": "conflict"},
        {"id": 5, "name": "score", "type": "float", "merge": "maximum"},
    ],
    "key": [1],
    "target_rows": 64,
}


def fill(root: Path, outside: Path) -> Repository:
    """A little of everything. ``outside``: a folder for the file that stays where it is."""
    repo = Repository.init(root, settings=Settings(None, dict(AUTHOR)))
    for number in range(PICTURES):
        write(root, f"images/{number:03}.png", picture(number, 6, 4))
    write(
        root, "table.csv", "".join(f"{number},{number * number}\n" for number in range(100_000))
    )  # a recipe and chunks
    write(root, "clip.mp4", clip(1, 1 << 20))  # a file of its own
    write(root, "other.mp4", clip(2, 1 << 20))
    write(root, ".oxideignore", "*.tmp\n!keep.tmp\n/build/\n")
    write(root, "notes.txt", "first\n")
    link(root, "shortcut", "images/000.png")
    repo.add(["."])
    write(outside, "elsewhere.bin", noise("elsewhere", 3_000))
    link(root, "reference.bin", str(outside / "elsewhere.bin"))
    repo.add(["reference.bin"], reference=True)
    repo.commit("First pictures")
    repo.create_tag("v1")
    for number in range(6):  # a chain of row deltas
        write(root, "images/005.png", picture(("again", number), 6, 4))
        repo.commit(f"Edit {number}", all=True)
    _conflict_and_return(repo)
    write(root, "notes.txt", "an idea\n")
    repo.stash_push("an idea")
    for number in range(TAGS):  # enough operations for a run
        repo.create_tag(f"step-{number}")
    repo.settings.set("sql.timeout", "50")
    write(root, "late.txt", "staged and not committed\n")
    repo.add(["late.txt"])
    repo.sql("SELECT count(*) FROM files, commits, operations").fetch_rows()
    _many_packs(repo)
    (root / ".oxide" / "leases" / "00064f0000000000-1-0badcafe").write_bytes(b"")  # of a process that died
    return repo


def _conflict_and_return(repo: Repository) -> None:
    """Conflicts are a list that the operations keep."""
    repo.checkout("aside", create=True)
    write(repo.root, "notes.txt", "theirs\n")
    repo.commit("Theirs", all=True)
    repo.checkout("main")
    write(repo.root, "notes.txt", "ours\n")
    repo.commit("Ours", all=True)
    repo.merge("aside")
    repo.merge_abort()


def _many_packs(repo: Repository) -> None:
    with repo.store.begin() as session:
        schema = session.write_schema(PROBE)
        session.build_table(schema, _probe_rows())
        session.flush()
    for number in range(PACKS):
        with repo.store.begin() as session:
            session.put_content(noise(("pack", number), 300), f"{number}.bin")
            session.write_record("list", {"items": [number]})
            session.flush()
    packs = sorted((repo.control / "packs").glob("data-*"))
    (repo.control / "tombstones" / packs[-1].name).touch()  # nothing needs it
    repo.fsck(repair=True)  # writes the merged index


def _probe_rows() -> Any:
    import pyarrow

    return pyarrow.table(
        {
            "key": [f"key {number:03}" for number in range(100)],
            "data": [f'{{"a":{{"b":{number}}}}}' for number in range(100)],
            "note": ["long text " * 600 if number % 50 == 0 else None for number in range(100)],
            "vector": [[number / 3, 1.0] for number in range(100)],
            "score": [number / 7 for number in range(100)],
        }
    )


def main() -> None:
    folder = Path(sys.argv[1])
    repo = fill(folder / "tree", folder / "outside")
    problems = repo.fsck(data=True).problems
    print(f"{repo.control}: {_core.VERSION}, {len(problems)} problems")


if __name__ == "__main__":
    main()
