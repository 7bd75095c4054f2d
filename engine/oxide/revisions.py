"""Revisions as users type them: branch, tag, short id, ``HEAD~2``, ``main@{yesterday}``, ``remote/branch``."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from oxide import clock
from oxide.errors import AmbiguousRevision, InvalidInput, UnknownRevision
from oxide.workspace import State, head_commit

if TYPE_CHECKING:
    from oxide._core import Record, Store

_SUFFIX = re.compile(r"(~\d*|\^\d*|@\{[^}]*\})$")
_HEX = re.compile(r"[0-9a-f]{4,64}$")
_AGO = re.compile(r"(\d+)\s*(second|minute|hour|day|week|month|year)s?(\s+ago)?$")
_DAYS = {"second": 1 / 86400, "minute": 1 / 1440, "hour": 1 / 24, "day": 1, "week": 7, "month": 30, "year": 365}
_NAME = re.compile(r"(?!.*(//|\.\.|@\{|\.lock$|/\.|\.$|/$))[^\x00-\x20~^:?*\[\\\x7f/.-][^\x00-\x20~^:?*\[\\\x7f]*$")


def check_name(name: str, what: str) -> str:
    """A name that a branch or tag may have (git's rules). Raises :class:`InvalidInput`."""
    if not _NAME.match(name) or name in ("HEAD", "@", "stash"):
        raise InvalidInput(
            f"{name!r} cannot be the name of a {what}",
            hint="use letters, digits, '-', '_', '.' and '/', such as experiment/first-frame",
        )
    return name


def resolve(store: Store, state: State, revision: str) -> str:
    """The commit id that a revision names. Raises UnknownRevision (with a suggestion) or AmbiguousRevision."""
    match = _SUFFIX.search(revision)
    if match is None:
        return _resolve_name(store, state, revision)
    rest, suffix = revision[: match.start()], match.group()
    if suffix.startswith("@{"):
        return _resolve_past(store, state, rest or (state.branch or "HEAD"), suffix[2:-1])
    commit = resolve(store, state, rest or "HEAD")
    count = int(suffix[1:] or 1)
    if suffix[0] == "^":
        return commit if count == 0 else _parent(store, commit, count, revision)
    for _ in range(count):
        commit = _parent(store, commit, 1, revision)
    return commit


def _parent(store: Store, commit: str, number: int, revision: str) -> str:
    parents: list[str] = store.read_record("commit", commit)["parents"]
    if number > len(parents):
        raise UnknownRevision(
            f"'{revision}' goes past the first commit: {commit[:16]} has {len(parents)} parents", hint="see `oxide log`"
        )
    return parents[number - 1]


def _resolve_name(store: Store, state: State, name: str) -> str:
    if name in ("HEAD", "@"):
        return head_commit(state)
    found = named_commit(state.view, name)
    if found is not None:
        return found
    if _HEX.match(name):
        candidates = store.find("commit", name, 3)
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            shown = ", ".join(candidate[:16] for candidate in candidates)
            raise AmbiguousRevision(f"the short id '{name}' fits several commits: {shown}", hint="give more digits")
    if state.base is None:
        raise UnknownRevision(
            f"there is no revision '{name}': nothing is committed yet", hint="make a first commit: oxide commit -m TEXT"
        )
    raise UnknownRevision(f"there is no branch, tag or commit '{name}'", hint=_suggestion(state.view, name))


def named_commit(view: Record, name: str) -> str | None:
    """The commit of a branch, tag, ``remote/branch`` or the newest stash."""
    if name in view["branches"]:
        branch: str = view["branches"][name]
        return branch
    if name in view["tags"]:
        tag: str = view["tags"][name]["commit"]
        return tag
    remote, _, branch_name = name.partition("/")
    remote_commit: str | None = view["remotes"].get(remote, {}).get(branch_name)
    if remote_commit is None and name == "stash" and view["stashes"]:
        stashed: str = view["stashes"][0]["commit"]
        return stashed
    return remote_commit


def _suggestion(view: Record, name: str) -> str:
    import difflib

    names = [*view["branches"], *view["tags"]]
    names += [f"{remote}/{branch}" for remote, branches in view["remotes"].items() for branch in branches]
    close = difflib.get_close_matches(name, names, n=1)
    return f"did you mean '{close[0]}'?" if close else "see `oxide branch`, `oxide tag` and `oxide log`"


def _resolve_past(store: Store, state: State, name: str, when: str) -> str:
    """``name@{n}``: its n-th earlier value; ``name@{time}``: its value then, from the operations that are kept."""
    if name == "stash" and when.isdigit():
        stashes = state.view["stashes"]
        if int(when) >= len(stashes):
            raise UnknownRevision(
                f"there is no stash@{{{when}}}: {len(stashes)} are kept", hint="see `oxide stash list`"
            )
        stashed: str = stashes[int(when)]["commit"]
        return stashed
    if when.isdigit():
        return _earlier_value(store, state, name, int(when))
    moment = clock.to_microseconds(parse_time(when))
    low, high = store.oldest_operation(), state.number
    if store.operation(low)["time"] > moment:
        raise UnknownRevision(
            f"'{name}@{{{when}}}' is before the oldest operation that is kept", hint="see `oxide operations`"
        )
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if store.operation(middle)["time"] <= moment else (low, middle - 1)
    value = _value_at(store, low, name)
    if value is None:
        raise UnknownRevision(f"'{name}' did not exist at {when}", hint="see `oxide operations`")
    return value


def _earlier_value(store: Store, state: State, name: str, steps: int) -> str:
    values: list[str] = []
    for number in range(state.number, store.oldest_operation() - 1, -1):
        value = _value_at(store, number, name)
        if value is not None and (not values or values[-1] != value):
            values.append(value)
            if len(values) > steps:
                return value
    raise UnknownRevision(
        f"'{name}' has {len(values)} recorded values, so no '{name}@{{{steps}}}'", hint="see `oxide operations`"
    )


def _value_at(store: Store, number: int, name: str) -> str | None:
    operation = store.operation(number)
    past = State(number, operation, store.read_record("view", operation["view"]))
    return past.base if name == "HEAD" else named_commit(past.view, name)


def parse_time(text: str) -> datetime:
    """``yesterday``, ``2 hours ago``, ``2026-11-20``, ``2026-11-20T10:00:00+01:00``. Without a zone: local time."""
    words = text.strip().lower().replace(".", " ")
    present = clock.to_datetime(clock.now(), clock.zone())
    if words in ("now", "today"):
        return present
    if words == "yesterday":
        return present - timedelta(days=1)
    ago = _AGO.match(words)
    if ago:
        return present - timedelta(days=int(ago.group(1)) * _DAYS[ago.group(2)])
    try:
        moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        raise InvalidInput(
            f"'{text}' is no time", hint="use yesterday, '2 hours ago', 2026-11-20 or 2026-11-20T10:00:00+01:00"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone(timedelta(minutes=clock.zone())))
