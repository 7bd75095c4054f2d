"""A crowd of processes on one repository: writers that do random verbs, readers that check what they see.

Run as a program: it imports the engine once and forks, so that a process is cheap, and kills some of its children at
random moments. What a child was promised stands in a file beside the repository, a line a verb, so that it outlives it.
"""

from __future__ import annotations

import faulthandler
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from oxide import Repository, errors
from oxide.settings import Settings

AUTHOR = {"OXIDE_USER_NAME": "Ada Tester", "OXIDE_USER_EMAIL": "ada@example.org"}

REFUSALS = (
    errors.NothingToDo,  # another process has committed, popped or undone it already
    errors.RefMoved,
    errors.WouldOverwrite,  # files of another process are in the way
    errors.InConflict,
    errors.FileChanged,
)
"""What a verb may say to one of a crowd: each names what another process did. Everything else is a failure."""


def certified(path: str, number: int) -> bytes:
    """A content that says where it belongs and proves that it is whole."""
    body = f"{path}\n{number}\n".encode() + hashlib.shake_256(f"{path} {number}".encode()).digest(200 + number % 7000)
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def is_certified(path: str, content: bytes) -> bool:
    """Whether a content is one that was once written to this path, whole."""
    digest, _, body = content.partition(b"\n")
    return hashlib.sha256(body).hexdigest().encode() == digest and body.startswith(path.encode() + b"\n")


class Child:
    """What writers and readers share: the repository, a random generator, and the file of promises."""

    def __init__(self, root: Path, name: str, seed: str) -> None:
        self.root = root
        self.name = name
        self.random = random.Random(seed)
        self.repo = Repository.open(root, settings=Settings(None, dict(AUTHOR)))
        self.promises = os.open(log_folder(root) / f"{name}.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def note(self, verb: str, **what: Any) -> None:
        """Write one line; a kill cannot take back what was written."""
        os.write(self.promises, json.dumps({"verb": verb, "at": time.monotonic(), **what}).encode() + b"\n")


def log_folder(root: Path) -> Path:
    """Where the promises stand."""
    return root.parent / "promises"


def promises(root: Path) -> Iterator[dict[str, Any]]:
    """Everything that was noted so far, a line half written left out."""
    for file in sorted(log_folder(root).glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines(keepends=True):
            if line.endswith("\n"):
                yield {"who": file.stem, **json.loads(line)}


class Writer(Child):
    """Does one random verb a round."""

    def __init__(self, root: Path, name: str, seed: str, undoes: bool) -> None:
        super().__init__(root, name, seed)
        self.undoes = undoes
        verbs: dict[Callable[[], None], int] = {
            self.add_and_commit: 40,
            self.commit_all: 10,
            self.branch: 8,
            self.tag: 8,
            self.remove: 4,
            self.stash: 4,
            self.switch: 4,
            self.merge: 3,
            self.gc: 5,
            self.gc_now: 8,
            self.fsck: 2,
            self.command_line: 2,
        }
        if undoes:
            verbs[self.undo] = 6
        self.verbs, self.weights = list(verbs), list(verbs.values())

    def round(self, number: int) -> None:
        """One verb. A refusal is noted; any other error ends the process with its traceback."""
        verb = self.random.choices(self.verbs, self.weights)[0]
        try:
            verb()
        except errors.UnknownRevision as refusal:
            if not self.undoes:
                raise
            self.note("refused", what=verb.__name__, code=refusal.code)  # undo took away what it names
        except REFUSALS as refusal:
            self.note("refused", what=verb.__name__, code=refusal.code)
            if isinstance(refusal, errors.InConflict):
                self.decide()

    def decide(self) -> None:
        """Settle the conflicts that a merge or a stash of anybody left."""
        try:
            names = [conflict.name for conflict in self.repo.conflicts()]
            if names:
                self.repo.resolve(names, "ours")
            self.repo.commit(f"{self.name} concludes", allow_empty=True)
        except (*REFUSALS, errors.NotFound) as refusal:  # somebody else has decided
            self.note("refused", what="decide", code=refusal.code)

    def write(self) -> str:
        """Give one of this child's own files a new content, at once."""
        path = f"{self.name}/{self.random.randrange(6)}.bin"
        target = self.root / path
        target.parent.mkdir(exist_ok=True)
        beside = self.root.parent / f"{self.name}.new"
        beside.write_bytes(certified(path, self.random.randrange(10**6)))
        os.replace(beside, target)
        return path

    def add_and_commit(self) -> None:
        """The everyday pair."""
        path = self.write()
        try:
            self.repo.add([path])
        except errors.NotFound:  # another child's checkout took the new file away before it was added
            return
        self.note("commit", id=self.repo.commit(self.message(), allow_empty=True).id)

    def commit_all(self) -> None:
        """A commit of what is tracked."""
        self.write()
        self.note("commit", id=self.repo.commit(self.message(), all=True, allow_empty=True).id)

    def message(self) -> str:
        return f"{self.name} {self.random.randrange(10**9)}"

    def branch(self) -> None:
        """A new branch; now and then an own one goes."""
        name = f"{self.name}-{self.random.randrange(10**6)}"
        self.note("branch", name=name, head=self.repo.create_branch(name).head)

    def tag(self) -> None:
        name = f"tag-{self.name}-{self.random.randrange(10**6)}"
        self.note("tag", name=name, id=self.repo.create_tag(name).commit)

    def remove(self) -> None:
        """Untrack an own folder; its files stay on disk."""
        try:
            self.repo.remove([self.name], cached=True)
        except errors.NotFound:
            self.note("refused", what="remove", code="not_found")

    def stash(self) -> None:
        self.write()
        self.repo.stash_push()
        self.repo.stash_pop()

    def switch(self) -> None:
        """Go to another branch of anybody."""
        names = [branch.name for branch in self.repo.branches() if branch.head]
        if names:
            self.repo.checkout(self.random.choice(names))

    def merge(self) -> None:
        names = [branch.name for branch in self.repo.branches() if branch.head]
        if names:
            result = self.repo.merge(self.random.choice(names))
            if result.commit:
                self.note("commit", id=result.commit.id)

    def undo(self) -> None:
        """Undo is deliberate: what it took back is noted, and the attempt before it."""
        self.note("undoing")
        try:
            undone, _ = self.repo.undo()
            self.note("undone", number=undone.number, kind=undone.kind)
        except REFUSALS as refusal:
            self.note("undone", number=None, kind=refusal.code)
            raise

    def gc(self) -> None:
        self.repo.gc()

    def gc_now(self) -> None:
        self.repo.gc(keep=0, now=True)

    def fsck(self) -> None:
        """Nothing that another process does looks like damage."""
        report = self.repo.fsck()
        assert not report.problems, report.problems

    def command_line(self) -> None:
        """The same by the installed command."""
        path = self.write()
        oxide = Path(sys.executable).with_name("oxide")
        for arguments in (["add", path], ["commit", "-m", self.message(), "--allow-empty"], ["gc", "--keep", "0s"]):
            ran = subprocess.run([oxide, *arguments], cwd=self.root, capture_output=True, text=True)
            refused = ran.returncode == errors.RefMoved.exit_code
            gone = arguments[0] == "add" and not (self.root / path).exists()
            assert ran.returncode == 0 or refused or gone, (arguments, ran.returncode, ran.stderr)


class Reader(Child):
    """Looks at everything, and never has a reason to fail."""

    def __init__(self, root: Path, name: str, seed: str, undoes: bool) -> None:
        super().__init__(root, name, seed)
        self.undoes = undoes

    def round(self, number: int) -> None:
        """Everything that was promised before the look must be seen by it."""
        promised = {line["id"] for line in promises(self.root) if line["verb"] == "commit"}
        branches = [branch.name for branch in self.repo.branches() if branch.head]
        try:
            seen = {entry.commit.id for name in branches for entry in self.repo.log(name)}
            if branches:
                self.read(self.random.choice(branches))
        except errors.UnknownRevision:  # a branch that an undo took back
            if not self.undoes:
                raise
        else:
            assert self.undoes or promised <= seen, f"{self.name} misses {promised - seen}"
        self.repo.status()
        self.repo.diff()

    def read(self, branch: str) -> None:
        """A snapshot is one state, whatever becomes of its branch."""
        snapshot = self.repo.at(branch)
        entries = snapshot.ls(recursive=True)
        for entry in self.random.sample(entries, min(3, len(entries))):
            content = snapshot.read(entry.path)
            assert len(content) == entry.size
            assert is_certified(entry.path, content), entry.path
        rows = snapshot.sql("SELECT count(*), sum(size) FROM files").fetch_rows()
        assert rows == [(len(entries), sum(entry.size for entry in entries) or None)]
        parents = snapshot.commit.parents
        if parents:
            self.repo.diff(parents[0], snapshot.commit.id)


def run_child(child: Callable[[], Child], rounds: range, done: Path) -> None:
    """Rounds in a process of its own; each round that is over is a byte in ``done``."""
    worker = child()
    progress = os.open(done, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for number in rounds:
        worker.round(number)  # type: ignore[attr-defined]
        os.write(progress, b".")


def main(root: Path, writers: int, readers: int, rounds: int, kills: int, undoes: bool, seed: str) -> None:
    """Run the crowd until every writer has done its rounds; a reader ends with them."""
    faulthandler.register(signal.SIGUSR1)  # whoever waits too long for this crowd can ask where each child is
    log_folder(root).mkdir(exist_ok=True)
    chance = random.Random(seed)
    living: dict[int, str] = {}
    starts: Counter[str] = Counter()

    def progress(name: str) -> int:
        file = root.parent / f"{name}.done"
        return file.stat().st_size if file.exists() else 0

    def start(name: str) -> None:
        # A child killed after its verb and before the end of its round begins that again: not with the same names.
        starts[name] += 1
        sys.stdout.flush()
        process = os.fork()
        if process:
            living[process] = name
            return
        code = 1
        try:
            begun = progress(name)
            own = f"{seed} {name} {begun} {starts[name]}"
            if name.startswith("writer"):
                run_child(lambda: Writer(root, name, own, undoes), range(begun, rounds), root.parent / f"{name}.done")
            else:
                run_child(lambda: Reader(root, name, own, undoes), range(10**9), root.parent / f"{name}.done")
            code = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)

    killed = 0
    try:
        for number in range(writers):
            start(f"writer{number}")
        for number in range(readers):
            start(f"reader{number}")
        due = time.monotonic() + chance.uniform(0.05, 0.3)
        while any(name.startswith("writer") for name in living.values()):
            process, status = os.waitpid(-1, os.WNOHANG)
            if process:
                name = living.pop(process)
                if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
                    start(name)
                elif os.waitstatus_to_exitcode(status):
                    sys.exit(f"{name} failed")
                continue
            if killed < kills and time.monotonic() >= due:
                os.kill(chance.choice(sorted(living)), signal.SIGKILL)
                killed += 1
                due = time.monotonic() + chance.uniform(0.05, 0.3)
            time.sleep(0.002)
    finally:  # after a failure too: a reader alone would go on for ever, and hide what failed
        for process in living:
            os.kill(process, signal.SIGTERM)
    print(json.dumps({"killed": killed, "looks": sum(progress(f"reader{number}") for number in range(readers))}))


if __name__ == "__main__":
    main(
        Path(sys.argv[1]),
        *(int(argument) for argument in sys.argv[2:6]),
        undoes=sys.argv[6] == "undo",
        seed=sys.argv[7],
    )
