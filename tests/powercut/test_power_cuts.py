"""The power goes at any moment: whatever the disk kept of what was not flushed, the repository is whole.

``OXIDE_POWERCUT_SAMPLES`` is the number of outcomes tried for each cut that has more (default 8);
``OXIDE_POWERCUT_SEED`` another choice of them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from powercut import disk, scenarios
from powercut.inspection import Facts, Promise, inspect
from support import command_environment

SAMPLES = int(os.environ.get("OXIDE_POWERCUT_SAMPLES", "8"))
SEED = os.environ.get("OXIDE_POWERCUT_SEED", "oxide")
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""A folder in memory where there is one: flushes are recorded, and nothing here outlives the test."""
_DECIDING = {"flush", "flush-folder", "flush-all", "link", "rename", "exchange", "returned"}
"""Changes before and after which a cut is of interest."""


class Recorded(NamedTuple):
    """A scenario that has run."""

    name: str
    world: Path
    events: list[disk.Event]
    facts: Facts


@pytest.fixture(scope="module", params=[*scenarios.SCENARIOS])
def recorded(request: pytest.FixtureRequest) -> Iterator[Recorded]:
    """One scenario, run in a process of its own."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        yield _record(request.param, Path(folder))


def _record(name: str, folder: Path) -> Recorded:
    world, record = folder / "world", folder / "record"
    world.mkdir()
    record.mkdir()
    done = subprocess.run(
        [sys.executable, str(Path(scenarios.__file__)), name, str(world)],
        env=command_environment(folder, {"OXIDE_RECORD": str(record)}),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    stored = json.loads((record / "facts.json").read_text())
    commits = {
        commit: {path: (bytes.fromhex(content), executable) for path, (content, executable) in files.items()}
        for commit, files in stored["commits"].items()
    }
    operations = {int(number): identity for number, identity in stored["operations"].items()}
    return Recorded(
        name,
        world,
        disk.read_record(record / "record"),
        Facts(commits, operations, stored["untracked"], stored["asked"]),
    )


def test_the_record_is_complete(recorded: Recorded) -> None:
    """Replayed without a cut, the record makes exactly what the scenario left: names, permissions, contents."""
    replayed = disk.Disk(recorded.world)
    for event in recorded.events:
        replayed.apply(event)
    assert replayed.everything() == disk.real(recorded.world)


def test_no_power_cut_loses_what_was_acknowledged(recorded: Recorded) -> None:
    """Every cut before and after a flush or a change of names; see :meth:`disk.Disk.cuts` for what is tried at each."""
    with ProcessPoolExecutor(2) as pool:
        halves = [pool.submit(_try_cuts, recorded, part) for part in range(2)]
        tried = [half.result() for half in halves]
    assert sum(tried) > len(recorded.events) / 10


def _try_cuts(recorded: Recorded, part: int) -> int:
    """Try every second cut. Returns how many different outcomes were opened."""
    random = Random(f"{SEED} {recorded.name} {part}")
    seen: set[int] = set()
    with tempfile.TemporaryDirectory(dir=MEMORY) as scratch:
        for step, (state, promise) in enumerate(_cuts(recorded)):
            if step % 2 != part:
                continue
            for number, outcome in enumerate(state.cuts(SAMPLES, random)):
                if (key := hash((promise.operation, promise.damaged, outcome.key()))) in seen:
                    continue
                seen.add(key)
                _try(recorded, Path(scratch), outcome, promise, f"cut {step}, outcome {number}")
    return len(seen)


def _cuts(recorded: Recorded) -> Iterator[tuple[disk.Disk, Promise]]:
    """Every cut worth trying. Passed over are verbs that change the same places by the same calls as an earlier one,
    what only prepares a scenario, and all but queries in the scenario about these.
    """
    state = disk.Disk(recorded.world)
    acknowledged = returned = 0
    saved: dict[str, bytes] = {}
    seen: set[frozenset[tuple[str, str]]] = set()
    ends = [position for position, event in enumerate(recorded.events) if event.name == "returned"]
    labels = [os.fsdecode(recorded.events[end].fields[0]) for end in ends]
    first = ends[labels.index(scenarios.PREPARED)] if scenarios.PREPARED in labels else -1
    repeated = damaged = False
    for position, event in enumerate(recorded.events):
        if position == 0 or recorded.events[position - 1].name == "returned":
            end = next(end for end in ends if end >= position)
            verb = frozenset((each.name, _place(each)) for each in recorded.events[position : end + 1])
            repeated = verb in seen or (recorded.facts.asked and labels[ends.index(end)] != "sql")
            seen.add(verb)
        state.apply(event)
        if event.name == "returned":
            acknowledged, damaged, returned = int(event.fields[1]), False, position
        elif event.name == "user":
            path = os.fsdecode(os.path.relpath(event.fields[0], os.fsencode(recorded.world / "tree")))
            damaged |= path.startswith(".oxide/")
            if path in recorded.facts.untracked:
                saved[path] = event.fields[-1]
        following = recorded.events[position + 1].name if position + 1 < len(recorded.events) else "returned"
        if position > first and not repeated and (event.name in _DECIDING or following in _DECIDING):
            configs = {recorded.events[each].fields[2] for each in ends if returned <= each <= end}
            yield state, Promise(acknowledged, configs, dict(saved), damaged)


def _place(event: disk.Event) -> str:
    """Where a change was made, without what differs from run to run."""
    paths = [os.fsdecode(field) for field in event.fields if field.startswith(b"/")]
    return re.sub(r"[0-9a-f]{6,}|[0-9]+", "#", " ".join(paths))


def _try(recorded: Recorded, scratch: Path, outcome: disk.Outcome, promise: Promise, label: str) -> None:
    place = scratch / "world"
    place.mkdir()
    outcome.write(place)
    try:
        inspect(place / "tree", recorded.facts, promise)
    except Exception as failure:
        kept = Path(tempfile.mkdtemp(prefix="oxide-power-cut-"))
        shutil.rmtree(place)
        place = kept / "world"
        place.mkdir()
        outcome.write(place)
        raise AssertionError(f"{recorded.name}, {label}: {failure!r}; the outcome is kept in {place}") from failure
    shutil.rmtree(scratch / "world")
