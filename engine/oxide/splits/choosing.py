"""Choosing files for a split: what belongs together stays together, the same seed chooses the same files."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from oxide.errors import InvalidInput


class Candidate(NamedTuple):
    """A file that can be chosen. ``tied``: names of what it belongs to; files that share one go together."""

    item: str
    path: str
    content: str
    label: str | None
    tied: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Amount:
    """How many: exactly one of the three; ``stratify``: of each class in proportion.

    Raises:
        InvalidInput: none or several are given, or one is out of range.
    """

    per_class: int | None = None
    ratio: float | None = None
    count: int | None = None
    stratify: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        given = [each for each in (self.per_class, self.ratio, self.count) if each is not None]
        if len(given) != 1:
            raise InvalidInput("a split has one size", hint="give one of --per-class, --ratio and --count")
        if self.ratio is not None and not 0 < self.ratio <= 1:
            raise InvalidInput(f"a ratio is more than 0 and at most 1, not {self.ratio}", hint="as in 0.2")
        if given[0] <= 0:
            raise InvalidInput(f"a split has at least one file, not {given[0]}", hint="give a positive number")
        if self.stratify and self.per_class is not None:
            raise InvalidInput("a number per class is stratified already", hint="leave --stratify out")

    @property
    def by_class(self) -> bool:
        """Whether the classes matter."""
        return self.per_class is not None or self.stratify

    def wanted(self, sizes: Counter[str | None]) -> dict[str | None, int]:
        """How many of each class, out of so many. Shares are rounded by the largest remainders, equal ones by name.

        Raises:
            InvalidInput: a class has too few.
        """
        if self.per_class is not None:
            short = {label: size for label, size in sizes.items() if size < self.per_class}
            if short:
                listed = ", ".join(f"{label} ({size})" for label, size in sorted(short.items(), key=str))
                raise InvalidInput(
                    f"classes with fewer than {self.per_class} files that are in no split: {listed}",
                    hint="choose fewer per class",
                )
            return dict.fromkeys(sizes, self.per_class)
        total = sum(sizes.values())
        number = self.count if self.count is not None else round((self.ratio or 0) * total)
        if number > total:
            raise InvalidInput(f"there are {total} files that are in no split, not {number}", hint="choose fewer")
        exact = {label: number * size / total for label, size in sizes.items()}
        wanted = {label: int(share) for label, share in exact.items()}
        order = sorted(exact, key=lambda label: (wanted[label] - exact[label], str(label)))
        for label in order[: number - sum(wanted.values())]:
            wanted[label] += 1
        return wanted


def choose(candidates: Sequence[Candidate], amount: Amount, seed: int) -> list[Candidate]:
    """The files of a split, by path.

    Groups of files that belong together come in an order that follows from the seed and their contents alone, so that
    files that are added or renamed do not shuffle the others. A group is taken when the classes that it has files of
    have room for it; where groups have several files a class may therefore get fewer than wanted, never more.

    Raises:
        InvalidInput: there are not enough files.
    """
    if amount.by_class:
        candidates = [each for each in candidates if each.label is not None]
    label_of = (lambda each: each.label) if amount.by_class else (lambda each: None)
    room = Counter(amount.wanted(Counter(map(label_of, candidates)))) if candidates else Counter()
    chosen: list[Candidate] = []
    for group in sorted(groups(candidates), key=lambda group: _rank(group, seed)):
        sizes = Counter(map(label_of, group))
        if all(size <= room[label] for label, size in sizes.items()):
            room.subtract(sizes)
            chosen += group
    return sorted(chosen, key=lambda each: each.path)


def groups(candidates: Iterable[Candidate]) -> list[list[Candidate]]:
    """The files that belong together, directly or by others: equal content, or a tie in common."""
    leader: dict[str, str] = {}

    def find(name: str) -> str:
        while leader.setdefault(name, name) != name:
            leader[name] = leader[leader[name]]
            name = leader[name]
        return name

    everything = list(candidates)
    for each in everything:
        own = find(f"content {each.content}")
        for tie in each.tied:
            leader[find(tie)] = own
    found: dict[str, list[Candidate]] = defaultdict(list)
    for each in everything:
        found[find(f"content {each.content}")].append(each)
    return list(found.values())


def _rank(group: list[Candidate], seed: int) -> bytes:
    content = min(each.content for each in group)
    return hashlib.sha256(f"{seed} {content}".encode()).digest()
