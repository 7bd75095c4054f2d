"""Collecting garbage: who holds which bytes, and that what nobody holds is given back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from oxide import Repository, errors
from oxide.types import GcResult
from support import AUTHOR, noise, picture, write

SIZE = 40_000
"""Bytes of one file: more than all records of a small repository together."""
MEGABYTES = int(os.environ.get("OXIDE_TEST_MEGABYTES", "30"))
"""What the deleted branch holds alone; 500 by hand."""


def commit_file(repo: Repository, path: str, seed: object, length: int = SIZE) -> str:
    write(repo.root, path, noise(seed, length))
    repo.add([path])
    return repo.commit(f"add {path}").id


def holders(result: GcResult) -> dict[tuple[str, str], int]:
    """Holders of at least one file, by kind and name."""
    return {(holder.kind, holder.name): holder.bytes for holder in result.holders if holder.bytes >= SIZE}


def on_disk(repo: Repository) -> int:
    """Bytes that the repository takes, by blocks."""
    return sum(
        os.lstat(os.path.join(folder, name)).st_blocks * 512
        for folder, _, names in os.walk(repo.control)
        for name in names
    )


@contextmanager
def another_process(repo: Repository, work: str) -> Iterator[int]:
    """A process that has begun some work on the repository and waits."""
    script = f"""
import sys
from oxide import Repository
from oxide.settings import Settings
repo = Repository.open(sys.argv[1], settings=Settings(None, {AUTHOR!r}))
{work}
print("ready", flush=True)
sys.stdin.read()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script, repo.root], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    try:
        yield process.pid
    finally:
        process.communicate()


@pytest.fixture
def repo(repo: Repository) -> Repository:
    """A repository with one committed file of noise."""
    commit_file(repo, "first", 1)
    return repo


def test_branches_and_tags_hold_what_they_need_first(repo: Repository) -> None:
    repo.checkout("side", create=True)
    commit_file(repo, "side", 2)
    repo.create_tag("v1")
    commit_file(repo, "later", 3)
    repo.checkout("main")
    report = repo.gc(dry_run=True)
    assert holders(report) == {
        ("branch", "main"): pytest.approx(SIZE, rel=0.2),
        ("branch", "side"): pytest.approx(2 * SIZE, rel=0.2),
    }
    assert report.live_bytes == sum(
        holder.bytes for holder in report.holders if holder.kind in ("branch", "repository")
    )
    repo.delete_branch("side")
    held = holders(repo.gc(dry_run=True))
    assert held["tag", "v1"] == pytest.approx(SIZE, rel=0.2)
    assert held["branch", "main"] == pytest.approx(SIZE, rel=0.2)


def test_a_workspace_holds_what_is_staged(repo: Repository) -> None:
    write(repo.root, "staged", noise(2, SIZE))
    repo.add(["staged"])
    report = repo.gc(keep=0, now=True)
    assert holders(report).keys() == {("branch", "main"), ("workspace", "default")}
    assert repo.commit("staged") and repo.at().read("staged") == noise(2, SIZE)


def test_a_stash_holds_what_it_shelved(repo: Repository) -> None:
    write(repo.root, "first", noise("changed", SIZE))
    repo.stash_push()
    report = repo.gc(keep=0, now=True)
    assert report.held == {"stash": holders(report)["stash", "stash@{0}"]}
    repo.stash_pop()
    assert (repo.root / "first").read_bytes() == noise("changed", SIZE)


def test_undo_holds_within_the_time_that_is_kept(repo: Repository) -> None:
    repo.checkout("side", create=True)
    commit_file(repo, "side", 2)
    repo.checkout("main")
    repo.delete_branch("side")
    report = repo.gc(dry_run=True)
    assert report.dead_bytes == report.freed_bytes == 0
    assert report.held["undo"] >= SIZE
    before = next(holder for holder in report.holders if holder.kind == "undo" and holder.bytes >= SIZE)
    deletion = next(iter(repo.operations()))
    assert int(before.name) == deletion.number - 1
    repo.gc()
    repo.undo()
    assert repo.at("side").read("side") == noise(2, SIZE)


def test_without_hurry_the_dead_wait_for_the_grace_period(repo: Repository) -> None:
    repo.checkout("side", create=True)
    commit_file(repo, "side", 2)
    repo.checkout("main")
    repo.delete_branch("side")
    foreseen = repo.gc(keep=0, dry_run=True)
    done = repo.gc(keep=0)
    for report in (foreseen, done):
        assert report.freed_bytes == 0
        assert report.held["grace"] >= SIZE
        assert report.waiting_bytes == report.dead_bytes == report.held["grace"] + report.held.get("repacking", 0)
    foreseen = repo.gc(keep=0, now=True, dry_run=True)
    done = repo.gc(keep=0, now=True)
    assert foreseen.freed_bytes == done.freed_bytes == foreseen.dead_bytes >= SIZE
    assert done.waiting_bytes == 0 and "grace" not in done.held


def test_a_little_in_a_large_pack_waits_for_more(repo: Repository) -> None:
    for number in range(20):
        write(repo.root, f"many/{number}", noise(number, SIZE))
    repo.add(["many"])
    repo.commit("many")
    write(repo.root, "many/3", b"small now")
    repo.add(["many"])
    repo.commit("amended", amend=True)
    report = repo.gc(keep=0, dry_run=True)
    assert report.held["repacking"] >= SIZE and report.freed_bytes == 0
    assert repo.gc(keep=0, now=True).freed_bytes >= SIZE


@pytest.mark.parametrize("work", ["held = repo.store.begin()", "held = repo.at()", "held = repo.at().files.batches()"])
def test_what_a_process_may_rely_on_waits_for_it(repo: Repository, work: str) -> None:
    repo.checkout("side", create=True)
    commit_file(repo, "side", 2)
    repo.checkout("main")
    with another_process(repo, work) as process:
        repo.delete_branch("side")
        for dry_run in (True, False):
            report = repo.gc(keep=0, now=True, dry_run=dry_run)
            assert report.freed_bytes == 0 and report.waiting_bytes >= SIZE
            assert holders(report)["session", str(process)] >= SIZE
    assert repo.gc(keep=0, now=True).freed_bytes >= SIZE


def test_a_snapshot_keeps_what_it_shows(repo: Repository) -> None:
    repo.checkout("side", create=True)
    commit_file(repo, "side", 2)
    repo.checkout("main")
    snapshot = repo.at("side")
    entries = repo.log("side")
    table = snapshot.files
    rows = repo.sql("SELECT path FROM files AT (VERSION => 'side') ORDER BY path")
    repo.delete_branch("side")
    repo.gc(keep=0, now=True)
    other = Repository.open(repo.root, settings=repo.settings)
    other.gc(keep=0, now=True)
    assert snapshot.read("side") == noise(2, SIZE)
    assert [row["path"] for row in table] == ["first", "side"]
    assert rows.fetch_rows() == [("first",), ("side",)]
    assert [entry.commit.summary for entry in entries] == ["add side", "add first"]
    commit = snapshot.commit.id
    del snapshot, table, rows, entries
    assert repo.gc(keep=0, now=True).freed_bytes >= SIZE
    with pytest.raises(errors.UnknownRevision):
        repo.at(commit)


def test_a_commit_that_is_being_collected_gets_no_new_name(repo: Repository) -> None:
    """What has a tombstone may go between the look at a commit and the moment that a branch names it."""
    repo.checkout("side", create=True)
    dead = commit_file(repo, "side", 2)
    repo.checkout("main")
    repo.delete_branch("side")
    repo.create_branch("again", dead)  # an operation that is kept still reaches it
    repo.delete_branch("again")
    for pack in Path(repo.control, "packs").iterdir():
        os.utime(pack, (0, 0))  # long ago: no writer can be about to publish what is in it
    assert repo.gc(keep=0).held["grace"] >= SIZE
    for name_it in (repo.create_branch, repo.create_tag):
        with pytest.raises(errors.UnknownRevision, match="collected"):
            name_it("rescued", dead)
    assert repo.create_branch("first", repo.resolve_revision("HEAD")).head
    commit_file(repo, "later", 3)
    assert repo.create_branch("parent", "HEAD~1").head


def test_undo_has_a_session_before_it_looks(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """A collection between the look at the older view and its publishing must not take away what undo brings back."""
    repo.checkout("side", create=True)
    commit_file(repo, "side", 2)
    repo.checkout("main")
    repo.delete_branch("side")
    from oxide import undoing

    def publish_late(*arguments: object, **options: object) -> object:
        Repository.open(repo.root, settings=repo.settings).gc(keep=0, now=True)
        return original(*arguments, **options)

    original = undoing.publish
    monkeypatch.setattr(undoing, "publish", publish_late)
    repo.undo()
    assert repo.at("side").read("side") == noise(2, SIZE)
    repo.gc(keep=0, now=True)
    assert repo.fsck(data=True).problems == []


def test_undo_takes_back_nothing_that_came_in_between(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.create_tag("v1")
    from oxide import undoing

    def publish_late(*arguments: object, **options: object) -> object:
        monkeypatch.undo()
        Repository.open(repo.root, settings=repo.settings).create_tag("v2")
        return original(*arguments, **options)

    original = undoing.publish
    monkeypatch.setattr(undoing, "publish", publish_late)
    with pytest.raises(errors.RefMoved):
        repo.undo()
    assert [tag.name for tag in repo.tags()] == ["v1", "v2"]


def test_an_interrupted_checkout_is_finished_after_a_collection(repo: Repository) -> None:
    """The files on disk are still those of a state that nothing else needs any more."""
    first = repo.resolve_revision("HEAD")
    repo.checkout("side", create=True)
    commit_file(repo, "first", "second version")
    script = "import sys; from oxide import Repository; Repository.open(sys.argv[1]).checkout(sys.argv[2])"
    killed = subprocess.run(
        [sys.executable, "-c", script, repo.root, first], env={**os.environ, "OXIDE_FAULT": "rename.tree"}
    )
    assert killed.returncode == -9
    assert (repo.root / "first").read_bytes() == noise("second version", SIZE)
    repo.delete_branch("side")
    repo.gc(keep=0, now=True)
    assert repo.fsck(data=True).problems == []
    assert repo.status().clean
    assert (repo.root / "first").read_bytes() == noise(1, SIZE)


def test_a_damaged_pack_stops_the_collector_with_a_remedy(repo: Repository) -> None:
    repo.checkout("side", create=True)
    commit_file(repo, "side", 2)
    repo.checkout("main")
    repo.delete_branch("side")
    packs = sorted(Path(repo.control, "packs").iterdir())
    before = [pack.name for pack in packs]
    damaged = next(pack for pack in packs if noise(2, SIZE)[:64] in pack.read_bytes())
    damaged.write_bytes(damaged.read_bytes()[:-30])
    with pytest.raises(errors.IntegrityError) as raised:
        Repository.open(repo.root, settings=repo.settings).gc(keep=0, now=True)
    assert damaged.name in str(raised.value)
    assert raised.value.hint is not None and "oxide fsck --repair" in raised.value.hint
    assert sorted(pack.name for pack in Path(repo.control, "packs").iterdir()) == before
    repo = Repository.open(repo.root, settings=repo.settings)
    repo.fsck(repair=True)
    assert repo.gc(keep=0, now=True).freed_bytes >= SIZE


def test_a_deleted_branch_gives_its_space_back(repo: Repository) -> None:
    """Each pack is half needed: kept files and files of the branch were written together."""
    count, length = MEGABYTES * 10, 100_000
    kept = {f"kept/{number}": ("kept", number) for number in range(count)}
    repo.checkout("side", create=True)
    for number in range(count):
        write(repo.root, f"kept/{number}", noise(("kept", number), length))
        write(repo.root, f"gone/{number}", noise(("gone", number), length))
    write(repo.root, "gone/own.png", picture("own") + noise("own", 2 << 20))
    write(repo.root, "gone/chunks.csv", b"".join(b"%d,%d\n" % (number, number * 7) for number in range(200_000)))
    repo.add(["."])
    repo.commit("both")
    repo.checkout("main")
    for path, seed in kept.items():
        write(repo.root, path, noise(seed, length))
    repo.add(["kept"])
    repo.commit("kept")
    full = on_disk(repo)
    repo.delete_branch("side")
    report = repo.gc(keep=0, now=True)
    assert report.freed_bytes >= count * length + (2 << 20)
    assert full - on_disk(repo) >= 0.99 * report.freed_bytes
    assert on_disk(repo) <= 1.05 * report.live_bytes + (1 << 20)
    assert all(repo.at().read(path) == noise(seed, length) for path, seed in list(kept.items())[:20])
    assert repo.fsck(data=True).problems == []
