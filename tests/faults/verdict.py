"""What must hold after a fault, whatever it was. Everything here runs in a fork of its own, as the next process would.

A state is described so that two runs of the same verbs compare equal: commits by message, parents and files instead of
by their ids, which hold the time.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faults.forkserver import Ended, in_child
from support import AUTHOR, Node
from support import tree as nodes_of

if TYPE_CHECKING:
    from faults.scenarios import Scenario
    from oxide import Repository

TEMPORARY = ".oxide-tmp-"
CODES = {1, 2, 3, 5, 6, 7, 9}
"""What a failing command may end with: docs/exit-codes.md."""
SKIPPED = 9

Look = dict[str, Any]


def look(scratch: Path, tree: Path) -> Look:
    """What a repository and its working copy hold, by a process that only reads."""
    return _child(scratch, lambda: {"state": state(tree), "tree": _tree(tree), "exact": exact(tree)})


def settled(scratch: Path, tree: Path) -> dict[str, list[Any]]:
    """The working files once any verb has finished what was interrupted."""

    def finished() -> dict[str, list[Any]]:
        run(tree, "status")
        return _tree(tree)

    return _child(scratch, finished)


def judge(scratch: Path, tree: Path, scenario: Scenario, fault: str, ended: Ended, expected: Look) -> list[str]:
    """What is wrong after ``scenario`` met ``fault``; empty when every promise held."""
    return _child(scratch, lambda: list(Judge(tree, scenario, fault, ended, expected).violations()))


def _child(scratch: Path, work: Any) -> Any:
    """The result of ``work``, done in a fork."""
    result, err = scratch / "result", scratch / "result-err"

    def write() -> int:
        print(json.dumps(work()))
        return 0

    code = in_child(write, result, err)
    if code:
        raise RuntimeError(f"the check ended with {code}: {err.read_text()}")
    return json.loads(result.read_text())


# -- describing --------------------------------------------------------------------------------------------------------
def opened(tree: Path) -> Repository:
    """The repository, as if nobody had set anything."""
    from oxide import Repository
    from oxide.settings import Settings

    return Repository.open(tree, settings=Settings(None, dict(AUTHOR)))


def exists(tree: Path) -> bool:
    """Whether there is a repository with a first operation."""
    from oxide import _core

    if not (tree / ".oxide" / "repository").exists():
        return False
    return _core.Store.open(str(tree / ".oxide")).head() is not None


def _digest(value: object) -> str:
    return hashlib.blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=8).hexdigest()


def _files(repository: Repository, root: str) -> list[list[Any]]:
    rows = repository.store.file_rows(root)
    return [[row["path"], row["content_id"], row["type"], row["executable"]] for row in rows]


def state(tree: Path) -> Look:
    """Branches, tags, stashes, workspace and settings, comparable between runs."""
    if not exists(tree):
        return {"absent": True}
    repository = opened(tree)
    keys: dict[str, str] = {}

    def key(commit: str) -> str:
        if commit not in keys:
            record = repository.store.read_record("commit", commit)
            files = _files(repository, record["tables"]["files"]["root"])
            parents = [key(parent) for parent in record["parents"]]
            keys[commit] = f"{record['message'].splitlines()[0]} {_digest([record['message'], parents, files])}"
        return keys[commit]

    operation = repository.store.head()
    assert operation is not None
    view = repository.store.read_record("view", operation["view"])
    workspace = view["workspaces"]["default"]
    conflicts = repository.store.read_record("list", workspace["conflicts"])["items"] if workspace["conflicts"] else []
    merging = workspace["merging"]
    config = tree / ".oxide" / "config"
    return {
        "branches": {name: key(commit) for name, commit in view["branches"].items()},
        "tags": {name: key(tag["commit"]) for name, tag in view["tags"].items()},
        "stashes": [[key(entry["commit"]), entry["message"], entry["branch"]] for entry in view["stashes"]],
        "branch": workspace["branch"],
        "base": workspace["base"] and key(workspace["base"]),
        "staged": _digest(_files(repository, workspace["pending"]["files"]["root"])),
        "merging": merging and [[key(head) for head in merging["heads"]], merging["message"]],
        "conflicts": [[each["table"], each["name"], each["reason"]] for each in conflicts],
        "config": json.loads(config.read_text()) if config.exists() else {},
    }


def exact(tree: Path) -> Look:
    """What was acknowledged, by its very ids; and the SHA-256 of every content that something leads to."""
    if not exists(tree):
        return {"refs": {}, "commits": {}, "contents": []}
    repository = opened(tree)
    store = repository.store
    operation = store.head()
    assert operation is not None
    view = store.read_record("view", operation["view"])
    refs = {f"branch {name}": commit for name, commit in view["branches"].items()}
    refs |= {f"tag {name}": tag["commit"] for name, tag in view["tags"].items()}
    refs |= {f"stash {entry['commit']}": entry["commit"] for entry in view["stashes"]}
    commits: dict[str, Any] = {}
    waiting = [*refs.values(), *filter(None, [view["workspaces"]["default"]["base"]])]
    while waiting:
        commit = waiting.pop()
        if commit not in commits:
            record = store.read_record("commit", commit)
            commits[commit] = record["tables"]
            waiting += record["parents"]
    roots = {tables["files"]["root"] for tables in commits.values()}
    roots.add(view["workspaces"]["default"]["pending"]["files"]["root"])
    contents = {row["sha256"] for root in roots for row in store.file_rows(root)}
    return {"refs": refs, "commits": commits, "contents": sorted(contents)}


def _tree(tree: Path) -> dict[str, list[Any]]:
    return {path: _plain(node) for path, node in nodes_of(tree).items()} if tree.exists() else {}


def _plain(node: Node) -> list[Any]:
    # A link to what lies beside the tree leads to another place in every run.
    target = node.target.decode("latin-1").rpartition("/outside/")[2]
    return [node.kind, hashlib.sha256(node.content).hexdigest(), node.executable, target]


DERIVED = ("index", "cache")


# -- judging -----------------------------------------------------------------------------------------------------------
class Judge:
    """The promises, in the order in which a user would meet them."""

    def __init__(self, tree: Path, scenario: Scenario, fault: str, ended: Ended, expected: Look) -> None:
        self.tree, self.scenario, self.fault, self.ended = tree, scenario, fault, ended
        self.before, self.after, self.log = expected["before"], expected["after"], expected["log"]
        self.settled = expected["settled"]
        self.skipped = "warning: skipped " in ended.err

    def violations(self) -> Iterator[str]:
        """Each promise that does not hold, in a sentence."""
        yield from self.ending()
        if not self.scenario.damaged:
            yield from self.sound("right after the fault")
        yield from self.whole_files()
        found = state(self.tree)
        done = found == self.after["state"]
        if not done and found != self.before["state"]:
            yield f"the state is neither that before nor that after: {_difference(found, self.after['state'])}"
            return
        if self.ended.code == self.scenario.code and not done:
            yield f"success was reported, but the state is the old one: {_difference(found, self.after['state'])}"
        yield from self.acknowledged(self.after if done else self.before)
        yield from self.next_verb(done)
        yield from self.kept_contents("after the fault and the next verb")
        if not done or (self.scenario.repeatable and not self.skipped):
            yield from self.again()
        yield from self.skipped_paths()
        yield from self.finished()
        yield from self.collected()

    def ending(self) -> Iterator[str]:
        """A typed error with its exit code, or death, or a success that is durable."""
        code, err = self.ended.code, self.ended.err
        if self.ended.killed:
            if ":kill" not in self.fault:
                yield "the process died without being killed"
            return
        if code < 0 or any(word in err for word in ("Traceback", "panicked", "unexpected ")):
            yield f"no typed error, but exit code {code}: {err}"
        if code == self.scenario.code:
            yield from self.flushed()
            return
        if code not in CODES:
            yield f"exit code {code} means nothing: {err}"
        if code != SKIPPED and "error: " not in err:
            yield f"exit code {code} without a word: {err!r}"

    def flushed(self) -> Iterator[str]:
        """Success was said: no flush that the result needs may have failed. What follows the publishing is derived, or
        tidied another time."""
        point, _, rest = self.fault.partition(":")
        nth = int(rest.partition(":")[2] or 1)
        if not point.startswith("flush") or ":kill" in self.fault:
            return
        published = [place for place, (name, _) in enumerate(self.log) if name == "flush-folder.operations"]
        passes = [place for place, (name, _) in enumerate(self.log) if name == point]
        needed = not published or passes[nth - 1] <= published[0]
        if needed:
            yield "success was reported though a flush had failed"

    def sound(self, when: str) -> Iterator[str]:
        """``fsck --data`` finds nothing, but for what a scenario did to a derived file that no verb has needed yet."""
        if exists(self.tree):
            found = opened(self.tree).fsck(data=True).problems
            problems = [problem for problem in found if problem.kind not in DERIVED]
            if problems:
                yield f"fsck {when}: {problems}"

    def whole_files(self) -> Iterator[str]:
        """No file of the user is torn: each is as before or as after."""
        now, before, after = _tree(self.tree), self.before["tree"], self.after["tree"]
        for path in sorted({*now, *before, *after}):
            node = now.get(path)
            known = [before.get(path), after.get(path), self.settled.get(path)]
            if node not in known and (node or ["folder"])[0] != "folder":
                yield f"'{path}' is neither the old file nor the new one: {node}"

    def kept_contents(self, when: str) -> Iterator[str]:
        """Every content that the user had is on the disk or stored, but for what the undisturbed verb gives up too."""

        def held(tree: dict[str, list[Any]], stored: list[str]) -> set[str]:
            return {node[1] for node in tree.values() if node[0] == "file"} | set(stored)

        had = {node[1] for node in self.before["tree"].values() if node[0] == "file"}
        wanted = had & held(self.after["tree"], self.after["exact"]["contents"])
        lost = wanted - held(_tree(self.tree), exact(self.tree)["contents"])
        for path, node in self.before["tree"].items():
            if node[1] in lost:
                yield f"the content of '{path}' is lost {when}"

    def acknowledged(self, wanted: Look) -> Iterator[str]:
        """Every commit, branch, tag and stash that was there, and stays, has its very id and tables."""
        now, before = exact(self.tree), self.before["exact"]
        for kind in ("refs", "commits"):
            for name, value in before[kind].items():
                if wanted["exact"][kind].get(name) == value and now[kind].get(name) != value:
                    yield f"{name} was acknowledged and is {now[kind].get(name)}"

    def next_verb(self, done: bool) -> Iterator[str]:
        """Any verb brings the working files to where the chain says they are."""
        if not exists(self.tree):
            return
        code, _, err = run(self.tree, "status")
        if code:
            yield f"status ends with {code}: {err}"
        if self.skipped or not self.scenario.rolls_forward:
            return
        wanted = self.after["tree"] if done else self.settled
        if _tree(self.tree) != wanted:
            state_word = "new" if done else "old"
            yield f"the state is the {state_word} one, the files are not: {_difference(_tree(self.tree), wanted)}"

    def again(self) -> Iterator[str]:
        """The same command, run again, succeeds."""
        code, _, err = run(self.tree, *self.scenario.command)
        if code not in (0, self.scenario.code) and self.scenario.otherwise:
            code, _, err = run(self.tree, *self.scenario.otherwise)
        if code not in (0, self.scenario.code):
            yield f"the same command again ends with {code}: {err}"

    def skipped_paths(self) -> Iterator[str]:
        """Files that could not be replaced are named, and restored afterwards."""
        if not self.skipped:
            return
        now, wanted = _tree(self.tree), self.after["tree"]
        left = [path for path in sorted({*now, *wanted}) if now.get(path) != wanted.get(path)]
        for path in left:
            named = any(str(name) in self.ended.err for name in [Path(path), *Path(path).parents][:-1])
            if not named and self.before["tree"].get(path, ["folder"])[0] != "folder":
                yield f"'{path}' was skipped and is not named: {self.ended.err}"
            if path not in wanted:
                _remove(self.tree, path)
        back = [path for path in left if path in wanted]
        code, _, err = run(self.tree, "restore", "--force", *back) if back else (0, "", "")
        if code:
            yield f"restore ends with {code}: {err}"

    def finished(self) -> Iterator[str]:
        """State and files are those of the undisturbed run."""
        if (found := state(self.tree)) != self.after["state"]:
            yield f"afterwards the state differs: {_difference(found, self.after['state'])}"
        if (files := _tree(self.tree)) != self.after["tree"]:
            yield f"afterwards the files differ: {_difference(files, self.after['tree'])}"
        yield from self.acknowledged(self.after)

    def collected(self) -> Iterator[str]:
        """The collector leaves nothing behind that a dead process left, and nothing broken."""
        code, _, err = run(self.tree, "gc", "--keep", "0", "--now")
        if code:
            yield f"gc ends with {code}: {err}"
        control = self.tree / ".oxide"
        for folder, kept in (("tmp", set()), ("tombstones", set()), ("leases", {"consolidate.lock"})):
            left = set(os.listdir(control / folder)) - kept
            if left:
                yield f"left in {folder} after gc: {sorted(left)}"
        beside = [path for path in _tree(self.tree) if os.path.basename(path).startswith(TEMPORARY)]
        if beside:
            yield f"left beside the files: {beside}"
        yield from self.sound("after gc")
        yield from self.acknowledged(self.after)
        yield from self.kept_contents("after gc")


def _remove(tree: Path, path: str) -> None:
    """Remove by hand what a verb could not, with the folders that become empty."""
    place = tree / path
    place.rmdir() if place.is_dir() and not place.is_symlink() else place.unlink()
    for folder in place.parents:
        if folder == tree or any(folder.iterdir()):
            break
        folder.rmdir()


def run(tree: Path, *arguments: str) -> tuple[int, str, str]:
    """A command line in this process: (exit code, output, errors)."""
    from oxide_cli import main

    out, err = io.TextIOWrapper(io.BytesIO(), errors="replace"), io.StringIO()
    os.chdir(tree)
    with redirect_stdout(out), redirect_stderr(err):
        code = main.run(list(arguments))
    out.seek(0)
    return code, out.read(), err.getvalue()


def _difference(found: Look, wanted: Look) -> str:
    keys = [key for key in sorted({*found, *wanted}) if found.get(key) != wanted.get(key)]
    return "; ".join(f"{key}: {found.get(key)} instead of {wanted.get(key)}" for key in keys[:6])
