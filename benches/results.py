"""All samples, in one JSON file that runs of parts add to: what is measured again replaces what was there."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict

from benches.process import Cost
from benches.sets import AnySet
from benches.yardsticks import Yardsticks


class Circumstances(TypedDict):
    """What every figure carries: when, how busy the machine was, and by which version."""

    date: str
    load: float
    version: str


class Sample(Circumstances):
    """One run of one operation, and the yardsticks measured beside it, in seconds and bytes."""

    set: str
    operation: str
    tool: str
    seconds: float
    durable: float
    """Seconds until it is on the disk: a flush is added for tools that do none."""
    processor: float
    memory: int
    written: int | None
    yardsticks: Yardsticks


class Fact(Circumstances):
    """What is counted, not timed."""

    set: str
    name: str
    tool: str
    value: float


class Results:
    """Samples, facts and instruction counts by what was measured."""

    def __init__(self, path: Path) -> None:
        self.path = path
        found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        self.machine: dict[str, object] = found.get("machine", {})
        self.sets: dict[str, dict[str, object]] = found.get("sets", {})
        self.samples: list[Sample] = found.get("samples", [])
        self.facts: list[Fact] = found.get("facts", [])
        self.failures: dict[str, str] = found.get("failures", {})
        self.patience: float = found.get("patience", 0.0)
        self.counts: dict[str, dict[str, int]] = found.get("counts", {})
        self.counted: dict[str, str] = found.get("counted", {})

    def begin(self, files: AnySet, tools: list[str]) -> None:
        """Drop what these tools measured on this set before; all of it when the set was another one."""
        shape: dict[str, object] = {"title": files.title, **asdict(files)}
        other = self.sets.get(files.name) != shape
        self.sets[files.name] = shape
        self.samples = [sample for sample in self.samples if keeps(sample, files.name, tools, other)]
        self.facts = [fact for fact in self.facts if keeps(fact, files.name, tools, other)]
        for tool in tools:
            self.failures.pop(f"{files.name}: {tool}", None)

    def drop(self, set_name: str, tool: str) -> None:
        """Forget what a tool measured on a set: it did something else than was asked."""
        self.samples = [sample for sample in self.samples if keeps(sample, set_name, [tool], False)]
        self.facts = [fact for fact in self.facts if keeps(fact, set_name, [tool], False)]

    def add(
        self,
        place: tuple[str, str, str],
        version: str,
        cost: Cost,
        yardsticks: Yardsticks,
        flush: float = 0.0,
    ) -> None:
        """One run at `place` (set, operation, tool); `flush`: what was left to write after it."""
        set_name, operation, tool = place
        sample: Sample = {
            "set": set_name,
            "operation": operation,
            "tool": tool,
            "seconds": round(cost.seconds, 5),
            "durable": round(cost.seconds + flush, 5),
            "processor": round(cost.processor, 4),
            "memory": cost.memory,
            "written": cost.written,
            "yardsticks": {name: round(seconds, 5) for name, seconds in yardsticks.items()},
            **circumstances(version),
        }
        self.samples.append(sample)
        beside = ", ".join(f"{name} {seconds:.3f}" for name, seconds in yardsticks.items())
        print(f"  {set_name:8} {operation:14} {tool:8} {cost.seconds:9.3f} s  ({beside})  {cost.memory / 1e6:.0f} MB")

    def fact(self, place: tuple[str, str, str], version: str, value: float) -> None:
        """One count at `place` (set, name, tool); what was there is replaced."""
        set_name, name, tool = place
        known = (set_name, name, tool)
        self.facts = [fact for fact in self.facts if (fact["set"], fact["name"], fact["tool"]) != known]
        fact: Fact = {"set": set_name, "name": name, "tool": tool, "value": value, **circumstances(version)}
        self.facts.append(fact)
        print(f"  {set_name:8} {name:34} {tool:8} {value:g}")

    def value(self, set_name: str, name: str, tool: str) -> float | None:
        """A fact."""
        known = (set_name, name, tool)
        return next((fact["value"] for fact in self.facts if (fact["set"], fact["name"], fact["tool"]) == known), None)

    def of(self, set_name: str, operation: str, tool: str) -> list[Sample]:
        """All samples of one operation by one tool."""
        known = (set_name, operation, tool)
        return [found for found in self.samples if (found["set"], found["operation"], found["tool"]) == known]

    def save(self) -> None:
        """Write the file, one sample a line."""
        self.machine = machine()
        parts = [
            f'"{name}": {json.dumps(getattr(self, name))}'
            for name in ("machine", "sets", "failures", "patience", "counts", "counted")
        ]
        for name in ("samples", "facts"):
            lines = ",\n".join(json.dumps(item) for item in getattr(self, name))
            parts.append(f'"{name}": [\n{lines}\n]')
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("{\n" + ",\n".join(parts) + "\n}\n")


def keeps(item: Sample | Fact, set_name: str, tools: list[str], other: bool) -> bool:
    """Whether a figure stays when `tools` are about to be measured on a set (`other`: on other files than before)."""
    return item["set"] != set_name or (not other and item["tool"] not in tools)


def circumstances(version: str) -> Circumstances:
    """Now."""
    return {"date": now(), "load": round(os.getloadavg()[0], 2), "version": version}


def now() -> str:
    """The time in UTC, to the minute."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ")


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": os.cpu_count(),
        "memory": memory,
        "system": f"{platform.system()} {platform.release().split('-')[0]}, {platform.machine()}",
        "python": platform.python_version(),
    }
