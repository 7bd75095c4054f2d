"""Verbs that keep a repository healthy: gc, fsck, doctor, check-ignore."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from oxide import clock
from oxide.transactions import finish_if_free
from oxide.types import FsckResult, GcResult, Holder, IgnoredPath, Problem, Progress
from oxide.workspace import read_state

if TYPE_CHECKING:
    from oxide.repository import Repository


def gc(repository: Repository, *, keep: float, now: bool, dry_run: bool, progress: Progress | None) -> GcResult:
    """Give back the space of what nothing reaches any more. ``keep``: seconds for which old operations keep theirs."""
    if not dry_run:
        # The operations that an interrupted command went through stay until it is finished.
        finish_if_free(repository, read_state(repository.store))
    report = repository.store.gc(int(keep), clock.now() // 1_000_000, now, dry_run, progress)
    held: dict[str, int] = {}
    for part in report["held"]:
        if not part["live"]:
            held[part["kind"]] = held.get(part["kind"], 0) + part["bytes"]
    return GcResult(
        report["live_bytes"],
        held,
        report["dead_bytes"],
        report["freed_bytes"],
        report["waiting_bytes"],
        report["objects"],
        report["packs"],
        [Holder(part["kind"], part["name"], part["about"], part["bytes"]) for part in report["held"]],
    )


def fsck(repository: Repository, *, data: bool, repair: bool, progress: Progress | None) -> FsckResult:
    """Check everything stored and the settings; with ``data`` hash every content; with ``repair`` rebuild what can be
    rebuilt."""
    report = repository.store.fsck(data, repair, progress)
    problems = [
        Problem(entry["object"], entry["kind"], entry["problem"], entry["remedy"], entry["repaired"])
        for entry in report["problems"]
    ]
    unreadable = repository.settings.problem()
    if unreadable is not None:
        config = str(repository.control / "config")
        problems.append(Problem(config, "config", str(unreadable), unreadable.hint, False))
    return FsckResult(all(problem.repaired for problem in problems), report["checked"], problems)


def check_ignore(repository: Repository, paths: Sequence[str]) -> list[IgnoredPath]:
    """Which paths are ignored, and by which rule."""
    found = repository.working_copy.check_ignore(paths)
    return [IgnoredPath(entry["path"], entry["source"], entry["line"], entry["pattern"]) for entry in found]


def doctor(repository: Repository) -> dict[str, object]:
    """What a bug report needs: versions, machine, file system, sizes, settings with their origin."""
    from oxide import _core

    state = read_state(repository.store)
    root = os.fspath(repository.root)
    space = os.statvfs(root)
    return {
        "oxide": _core.VERSION,
        "python": platform.python_version(),
        "executable": sys.executable,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processors": os.cpu_count(),
        "repository": root,
        "file_system": _file_system(root),
        "free_bytes": space.f_bavail * space.f_frsize,
        "reflink": _core.supports_reflink(os.fspath(repository.control)),
        "operations": state.number,
        "branch": state.branch,
        "head": state.base,
        "store": repository.store.disk_usage(),
        "settings": {
            setting.key: {"value": setting.value, "origin": setting.origin} for setting in repository.settings.all()
        },
    }


def _file_system(path: str) -> str:
    """Type of the file system that holds ``path``, or ``unknown`` where the system does not tell."""
    try:
        with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as mounts:
            points = [line.split()[1:3] for line in mounts]
    except OSError:
        return "unknown"
    real = os.path.realpath(path)
    holding = [(point, kind) for point, kind in points if real == point or real.startswith(point.rstrip("/") + "/")]
    return max(holding, key=lambda mount: len(mount[0]))[1] if holding else "unknown"
