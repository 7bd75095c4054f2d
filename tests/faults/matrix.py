"""Every fault at every point of every scenario: undisturbed runs give the points, each fault has a process of its own.

``python tests/faults/matrix.py`` writes ``points.txt`` anew. ``OXIDE_FAULTS=all`` makes the test run every case instead
of a choice in which each point of each calling place meets each fault.
"""

from __future__ import annotations

import os
import queue
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from faults import scenarios, sources
from faults.forkserver import Server
from support import command_environment

EVERYTHING = "OXIDE_FAULTS"
"""The variable that says `all` for every case."""
FAULTS = ("kill", "enospc", "eio", "short")
POINTS = Path(__file__).with_name("points.txt")


class Passed(NamedTuple):
    """A fault point as it is reached: its name, and the function of the core that changes the file."""

    point: str
    caller: str


class Case(NamedTuple):
    """One fault in one scenario, at the ``nth`` pass of a point."""

    scenario: str
    passed: Passed
    fault: str
    nth: int

    @property
    def variable(self) -> str:
        """The value of ``OXIDE_FAULT``."""
        return f"{self.passed.point}:{self.fault}:{self.nth}"


class Outcome(NamedTuple):
    """What became of a case."""

    case: Case
    fired: bool
    passed: set[Passed]
    violations: list[str]


class Matrix:
    """The scenarios, prepared in a folder, and the servers that run them: one for each processor."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        home = folder / "home"
        home.mkdir()
        environment = command_environment(home)
        workers = range(os.cpu_count() or 1)
        self._servers = [Server(folder / f"server-{number}", environment) for number in workers]
        self.undisturbed: dict[str, Any] = dict(self._each(list(scenarios.BY_NAME), self._undisturbed))

    def __enter__(self) -> Matrix:
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.close()

    def _prepared(self, scenario: str) -> Path:
        return self.folder / scenario.replace(" ", "-")

    def _undisturbed(self, server: Server, scenario: str) -> tuple[str, Any]:
        prepared = self._prepared(scenario)
        server.ask("prepare", scenario, prepared)
        found = server.ask("undisturbed", scenario, prepared)
        return scenario, {**found, "passed": self._named(found["log"])}

    def _named(self, log: Iterable[Sequence[str]]) -> list[Passed]:
        return [Passed(point, sources.caller(site)) for point, site in log]

    def points(self) -> set[Passed]:
        """Every point that a scenario passes when nothing fails."""
        return {passed for found in self.undisturbed.values() for passed in found["passed"]}

    def all_cases(self) -> list[Case]:
        """Every point and calling place of every scenario, its first and its last pass, each fault that it can have."""
        cases = []
        for scenario, found in self.undisturbed.items():
            counted: dict[str, int] = {}
            first: dict[Passed, int] = {}
            last: dict[Passed, int] = {}
            for passed in found["passed"]:
                counted[passed.point] = last[passed] = counted.get(passed.point, 0) + 1
                first.setdefault(passed, counted[passed.point])
            for passed in first:
                for nth in sorted({first[passed], last[passed]}):
                    cases += [Case(scenario, passed, fault, nth) for fault in possible(passed.point)]
        return cases

    def chosen_cases(self) -> list[Case]:
        """For each fault at each point of each calling place one scenario, in turn; kills of first and last pass."""
        by_kind: dict[tuple[Passed, str], list[Case]] = {}
        for case in sorted(self.all_cases()):
            by_kind.setdefault((case.passed, case.fault), []).append(case)
        chosen = []
        for number, cases in enumerate(by_kind.values()):
            cheap = [case for case in cases if case.scenario not in COSTLY] or cases
            chosen.append(cheap[number * 7919 % len(cheap)])
        return chosen

    def run(self, cases: Iterable[Case]) -> list[Outcome]:
        """Run cases on all servers."""
        return list(self._each(list(cases), self._case))

    def _case(self, server: Server, case: Case) -> Outcome:
        expected = {key: self.undisturbed[case.scenario][key] for key in ("before", "after", "settled", "log")}
        found = server.ask(
            "fault", case.scenario, self._prepared(case.scenario), fault=case.variable, expected=expected
        )
        passes = sum(point == case.passed.point for point, _ in found["passed"])
        return Outcome(case, passes >= case.nth, set(self._named(found["passed"])), found["violations"])

    def _each(self, work: list[Any], do: Any) -> list[Any]:
        waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for item in work:
            waiting.put(item)
        results: list[Any] = []
        failures: list[BaseException] = []

        def serve(server: Server) -> None:
            while not failures:
                try:
                    item = waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    results.append(do(server, item))
                except BaseException as error:
                    failures.append(error)

        threads = [threading.Thread(target=serve, args=(server,)) for server in self._servers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        return results


@contextmanager
def folder(spare: Path) -> Iterator[Path]:
    """Where the copies lie: in memory where there is enough, as no flush has to be real here; else in ``spare``."""
    memory = Path("/dev/shm")
    if not (memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2 << 30):
        yield spare
        return
    with tempfile.TemporaryDirectory(prefix="oxide-faults-", dir=memory) as found:
        yield Path(found)


COSTLY = {"add of many clips", "cat"}
"""Scenarios that move so many bytes that others go first."""


def possible(point: str) -> Sequence[str]:
    """The faults that a point can have: only a write can be cut short."""
    return FAULTS if point.startswith("write.") else FAULTS[:-1]


def listing(undisturbed: set[Passed], after_a_fault: set[Passed]) -> str:
    """The checked-in list."""
    lines = [f"{passed.point} {passed.caller}" for passed in sorted(undisturbed)]
    lines += ["", "# only after a fault"]
    lines += [f"{passed.point} {passed.caller}" for passed in sorted(after_a_fault - undisturbed)]
    return "\n".join(lines) + "\n"


def listed() -> tuple[set[Passed], set[Passed]]:
    """The checked-in points: passed when nothing fails, and those that only a fault leads to."""
    text = POINTS.read_text() if POINTS.exists() else ""
    first, _, second = text.partition("\n# only after a fault\n")
    parts = [{Passed(*line.split(" ")) for line in part.splitlines() if line} for part in (first, second)]
    return parts[0], parts[1]


def main() -> None:
    """Run the cases, say what is wrong, and write the list."""
    with tempfile.TemporaryDirectory() as spare, folder(Path(spare)) as place, Matrix(place) as matrix:
        everything = os.environ.get(EVERYTHING) == "all"
        outcomes = matrix.run(matrix.all_cases() if everything else matrix.chosen_cases())
        points = matrix.points()
    for outcome in outcomes:
        for violation in outcome.violations:
            print(f"{outcome.case.scenario}, {outcome.case.variable} in {outcome.case.passed.caller}: {violation}")
    # What only a fault leads to depends on which case is run: what is known stays while its place exists.
    calls = {call.caller for call in sources.calls()}
    known = {passed for passed in listed()[1] if passed.caller in calls}
    POINTS.write_text(listing(points, known.union(*(outcome.passed for outcome in outcomes))))
    print(f"{len(outcomes)} cases, {sum(bool(outcome.violations) for outcome in outcomes)} with violations")


if __name__ == "__main__":
    main()
