"""Views with names, in a versioned table: pending, committed and merged like labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from oxide import clock
from oxide.errors import InvalidInput, NotFound
from oxide.labels.changes import Changes, publish_edit
from oxide.labels.rows import moment
from oxide.query.envelopes import read_sort
from oxide.query.reading import Reader
from oxide.query.writing import filter_json
from oxide.views.steps import Among, Labels, Match, Sample, Slice, Sort, Step
from oxide.workspace import read_state

if TYPE_CHECKING:
    from datetime import datetime

    from oxide.repository import Repository
    from oxide.workspace import Tables

TABLE = "views"


class SavedView(NamedTuple):
    """A name and what it stands for."""

    name: str
    steps: tuple[Step, ...]
    description: str | None
    author: str | None
    created: datetime | None


def save(repository: Repository, name: str, steps: Sequence[Step], description: str | None) -> None:
    """Give steps a name, in place of what had it. Pending for the next commit."""
    if not isinstance(name, str) or not name or name != name.strip() or len(name) > 200:
        raise InvalidInput(f"{name!r} is no name of a view", hint="use a short text without blanks around it")
    row = {
        "name": name,
        "steps": [step_json(step) for step in steps],
        "description": description,
        "author": str(repository.settings.author()),
        "created": clock.to_datetime(clock.now()),
    }
    with repository.store.begin() as session:
        state = read_state(repository.store)
        changes = Changes(session)
        changes.upsert(TABLE, [row])
        publish_edit(repository, session, state, "view", f"save view {name}", changes.apply)


def remove(repository: Repository, name: str) -> None:
    """Forget a name. Raises NotFound."""
    with repository.store.begin() as session:
        state = read_state(repository.store)
        find(repository, state.pending, name)
        changes = Changes(session)
        changes.remove(TABLE, [(name,)])
        publish_edit(repository, session, state, "view", f"remove view {name}", changes.apply)


def listed(repository: Repository, tables: Tables) -> list[SavedView]:
    """All views of a state, by name."""
    if TABLE not in tables:
        return []
    import pyarrow

    stream = pyarrow.RecordBatchReader.from_stream(repository.store.scan(tables[TABLE], []))
    return [_saved(row) for row in stream.read_all().to_pylist()]


def find(repository: Repository, tables: Tables, name: str) -> SavedView:
    """A view of a state. Raises NotFound, with the closest name."""
    import difflib

    saved = {each.name: each for each in listed(repository, tables)}
    if name not in saved:
        close = difflib.get_close_matches(name, saved, 1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(sorted(saved)) or 'none'}"
        raise NotFound(f"there is no view '{name}'", hint=hint)
    return saved[name]


def _saved(row: dict[str, Any]) -> SavedView:
    import json

    steps = tuple(step_of(each) for each in json.loads(row["steps"]))
    return SavedView(row["name"], steps, row["description"], row["author"], moment(row["created"]))


def step_json(step: Step) -> dict[str, Any]:
    """A step as JSON."""
    if isinstance(step, Match):
        return {"match": filter_json(step.tree)}
    if isinstance(step, Labels):
        return {"labels": filter_json(step.tree)}
    if isinstance(step, Sort):
        return {"sort": [{each.field.title: "descending" if each.descending else "ascending"} for each in step.by]}
    if isinstance(step, Slice):
        return {"slice": [step.skip, step.take]}
    if isinstance(step, Sample):
        return {"sample": [step.number, step.seed]}
    return {"among": [step_json(each) for each in step.steps], "in": step.is_in}


def step_of(record: dict[str, Any]) -> Step:
    """The step that JSON stands for. Raises InvalidInput for one of a later version."""
    if "match" in record:
        return Match(Reader("items").filter(record["match"], "/match"))
    if "labels" in record:
        return Labels(Reader("annotations").filter(record["labels"], "/labels"))
    if "sort" in record:
        return Sort(read_sort(record["sort"], "items", "/sort"))
    if "slice" in record:
        return Slice(*record["slice"])
    if "sample" in record:
        return Sample(*record["sample"])
    if "among" in record:
        return Among(tuple(map(step_of, record["among"])), record["in"])
    raise InvalidInput(f"the view has a step that this version does not know: {sorted(record)}", hint="update Oxide")
