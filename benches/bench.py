"""What every measurement works with, and in which order the tools take turns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from benches.process import CommandFailed
from benches.results import Results
from benches.sets import AnySet
from benches.tools.base import Tool
from benches.verify import WrongResult
from benches.workplace import Workplace


@dataclass
class Bench:
    """Tools, a place to work, and where the figures go."""

    workplace: Workplace
    tools: list[Tool]
    results: Results
    rounds: int
    patience: float
    """Seconds: a peer that has spent them on a set gets no further round there. Oxide gets all rounds."""
    versions: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.versions = {tool.name: tool.version() for tool in self.tools}

    @property
    def oxide(self) -> Tool | None:
        """Oxide, where it is among the tools."""
        return next((tool for tool in self.tools if tool.name == "oxide"), None)

    def take_turns(
        self,
        files: AnySet,
        one_round: Callable[[Tool], None],
        most: int | None = None,
        only: tuple[str, ...] | None = None,
    ) -> None:
        """All rounds, or `most`: each tool, or those of `only`, in turn, first to last and then last to first.

        Raises:
            CommandFailed: Oxide failed. A peer's failure is noted, and ends its rounds on this set.
            WrongResult: the same, for what it brought back.
        """
        tools = [tool for tool in self.tools if only is None or tool.name in only]
        self.results.begin(files, [tool.name for tool in tools])
        self.results.patience = self.patience
        out: set[str] = set()
        for number in range(min(self.rounds, most or self.rounds)):
            print(f"\n{files.title}: round {number + 1}")
            for tool in tools if number % 2 == 0 else reversed(tools):
                if tool.name in out or (tool.name != "oxide" and self.spent(files, tool) > self.patience):
                    continue
                try:
                    one_round(tool)
                except (CommandFailed, WrongResult) as error:
                    if tool.name == "oxide":
                        raise
                    print(f"  {tool.name} failed: {error}")
                    if isinstance(error, WrongResult):
                        self.results.drop(files.name, tool.name)
                    self.results.failures[f"{files.name}: {tool.name}"] = reason(error)
                    out.add(tool.name)

    def spent(self, files: AnySet, tool: Tool) -> float:
        """Seconds that a tool has had on a set."""
        return sum(
            sample["seconds"]
            for sample in self.results.samples
            if sample["set"] == files.name and sample["tool"] == tool.name
        )


def reason(error: Exception) -> str:
    """The last line that a failed command wrote."""
    return str(error).strip().splitlines()[-1]
