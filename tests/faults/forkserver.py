"""A process that has everything imported and forks for each command: a fault costs milliseconds, not an interpreter.

The core reads ``OXIDE_FAULT`` at its first change of a file, so the process itself never makes one: what it is asked to
do, it does in children. It reads one JSON request a line and answers with one JSON line.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from faults.scenarios import Scenario

HERE = Path(__file__).resolve().parent
FAULT, LOG = "OXIDE_FAULT", "OXIDE_FAULT_LOG"
UNEXPECTED = 120
"""Exit code of a child whose own code failed."""


class Ended(NamedTuple):
    """How a command ended: ``code`` is negative for a signal; ``passed`` are its (point, call site) in order."""

    code: int
    out: str
    err: str
    passed: list[tuple[str, str]]

    @property
    def killed(self) -> bool:
        """Whether the fault took the process."""
        return self.code == -signal.SIGKILL


def in_child(work: Callable[[], int], out: Path, err: Path) -> int:
    """Run ``work`` in a fork whose output goes to files. Returns its exit code, negative for a signal."""
    pid = os.fork()
    if pid == 0:
        code = UNEXPECTED
        try:
            for path, descriptor in ((out, 1), (err, 2)):
                file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
                os.dup2(file, descriptor)
                os.close(file)
            code = work()
            sys.stdout.flush()
            sys.stderr.flush()
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def command(scratch: Path, tree: Path, arguments: list[str], fault: str = "") -> Ended:
    """Run one command line in ``tree`` as the executable does, with a fault or without, noting the points it passes."""
    out, err, log = scratch / "out", scratch / "err", scratch / "log"
    log.unlink(missing_ok=True)

    def work() -> int:
        from oxide_cli import start

        os.environ[LOG] = str(log)
        if fault:
            os.environ[FAULT] = fault
        os.chdir(tree)
        sys.argv = ["oxide", *arguments]
        try:
            start.main()
        except SystemExit as ending:
            return ending.code if isinstance(ending.code, int) else 0 if ending.code is None else 1
        return 0

    code = in_child(work, out, err)
    lines = log.read_text().splitlines() if log.exists() else []
    passed = [(point, site) for point, _, site in (line.partition("\t") for line in lines)]
    return Ended(code, out.read_text(errors="replace"), err.read_text(errors="replace"), passed)


def answer(request: dict[str, Any]) -> Any:
    """What a request asks for: see :class:`Server`."""
    from faults import scenarios, verdict

    scratch, prepared = Path(request["scratch"]), Path(request["prepared"])
    scenario = scenarios.BY_NAME[request["scenario"]]
    scratch.mkdir(parents=True, exist_ok=True)
    if request["do"] == "prepare":
        return prepare(scenario, scratch, prepared)
    tree = arrange(scenario, scratch, prepared)
    if request["do"] == "undisturbed":
        before = verdict.look(scratch, tree)
        ended = command(scratch, tree, scenario.command)
        if ended.code != scenario.code:
            raise RuntimeError(f"{scenario.name} ended with {ended.code}: {ended.err}")
        after = verdict.look(scratch, tree)
        settled = verdict.settled(scratch, arrange(scenario, scratch, prepared)) if scenario.died else before["tree"]
        return {"before": before, "after": after, "settled": settled, "log": ended.passed}
    expected = request["expected"]
    if scenario.died:
        # What a command that died has made has another id in every copy.
        expected["before"] = verdict.look(scratch, tree)
    ended = command(scratch, tree, scenario.command, request["fault"])
    return {
        "passed": ended.passed,
        "violations": verdict.judge(scratch, tree, scenario, request["fault"], ended, expected),
    }


def arrange(scenario: Scenario, scratch: Path, prepared: Path) -> Path:
    """A fresh copy of a prepared repository, times as they are, with what happened before. Returns its tree."""
    work = scratch / "work"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(prepared, work, symlinks=True)
    tree = work / "tree"
    if scenario.died:
        fault, arguments = scenario.died
        if not command(scratch, tree, arguments, fault).killed:
            raise RuntimeError(f"{arguments} passes no {fault}")
    if scenario.arrange:
        scenario.arrange(tree)
    return tree


def prepare(scenario: Scenario, scratch: Path, prepared: Path) -> None:
    """Build a scenario's repository in ``prepared/tree``."""
    prepared.mkdir(parents=True)

    def work() -> int:
        from faults.scenarios import Place

        os.chdir(prepared)
        scenario.prepare(Place(prepared))
        return 0

    if in_child(work, scratch / "out", scratch / "err"):
        raise RuntimeError(f"{scenario.name} cannot be prepared: {(scratch / 'err').read_text()}")


def serve() -> None:
    """Answer requests until there are no more."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for package in ("oxide", "oxide_cli"):
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    for line in sys.stdin:
        try:
            reply = {"answer": answer(json.loads(line))}
        except Exception:
            reply = {"error": traceback.format_exc()}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


class Server:
    """A fork server as its user sees it. To be closed."""

    def __init__(self, scratch: Path, environment: Mapping[str, str]) -> None:
        self.scratch = scratch
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**environment, "PYTHONPATH": str(HERE.parent)},
        )

    def close(self) -> None:
        """Let it end."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def ask(self, do: str, scenario: str, prepared: Path, **more: object) -> Any:
        """``prepare``: build the repository. ``undisturbed``: run the command and describe before and after.
        ``fault``: run it with a fault and say what is wrong afterwards."""
        assert self._process.stdin is not None and self._process.stdout is not None
        request = {"do": do, "scenario": scenario, "prepared": str(prepared), "scratch": str(self.scratch), **more}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        reply = json.loads(self._process.stdout.readline())
        if "error" in reply:
            raise RuntimeError(reply["error"])
        return reply["answer"]


if __name__ == "__main__":
    # As a module of its package, so that classes are the same wherever they are imported from.
    from faults import forkserver

    forkserver.serve()
