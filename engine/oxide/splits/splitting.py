"""Making splits, listing them, holding them out and giving that up."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from oxide import clock
from oxide.errors import AlreadyExists, NotFound, NothingToDo
from oxide.formats.files import is_video
from oxide.labels.changes import Changes, publish_edit, refuse_undecided
from oxide.labels.metadata import with_value
from oxide.revisions import check_name
from oxide.splits.candidates import SPLIT, Item, candidates, items_of
from oxide.splits.choosing import Amount, Candidate, choose
from oxide.splits.freezing import Held, freeze, held
from oxide.transactions import Change, publish
from oxide.types import Split, SplitResult
from oxide.video.known import frames_of
from oxide.wording import count
from oxide.workspace import read_state, tables_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oxide._core import Record, Session
    from oxide.repository import Repository
    from oxide.workspace import State, Tables


def create(
    repository: Repository,
    name: str,
    amount: Amount,
    *,
    class_from: str,
    group_by: str | None,
    seed: int,
    frozen: bool,
    dry_run: bool,
) -> SplitResult:
    """Choose files for a new split; see :meth:`oxide.Repository.create_split`."""
    check_name(name, "split")
    store = repository.store
    with store.begin() as session:
        state = read_state(store)
        items = items_of(store, state.pending)
        if name in state.view["frozen"] or any(item.split == name for item in items):
            raise AlreadyExists(f"there is a split '{name}' already", hint="choose another name, or see `oxide split`")
        free = _free(items, held(store, state.view))
        found = candidates(store, state.pending, free, class_from, group_by)
        chosen = choose(_unbound(found, items, class_from, group_by, repository, state), amount, seed)
        if not chosen:
            if amount.by_class and found and all(each.label is None for each in found):
                raise NothingToDo(
                    "no file can be chosen: none has a class",
                    hint="label them as in `oxide annotate clip.mp4 --label run`, or give --class-from folder",
                )
            raise NothingToDo("no file can be chosen", hint="see `oxide split list` for files that are in splits")
        result = SplitResult(
            name,
            [each.path for each in chosen],
            dict(Counter(each.label if amount.by_class else None for each in chosen)),
            frozen,
        )
        if not dry_run:
            _publish(repository, session, state, name, chosen, {item.row["item_id"]: item for item in items}, frozen)
    return result


def _free(items: Sequence[Item], out: Held) -> list[Item]:
    """Items that are in no split and have nothing that is held out."""
    return [item for item in items if item.split is None and out.split_of(item) is None]


def _unbound(
    found: list[Candidate],
    items: Sequence[Item],
    class_from: str,
    group_by: str | None,
    repository: Repository,
    state: State,
) -> list[Candidate]:
    """Candidates that belong to nothing that is in a split already."""
    placed = [item for item in items if item.split is not None]
    if not placed:
        return found
    taken = candidates(repository.store, state.pending, placed, class_from, group_by)
    ties = {tie for each in taken for tie in (f"content {each.content}", *each.tied)}
    return [each for each in found if not ties & {f"content {each.content}", *each.tied}]


def _publish(
    repository: Repository,
    session: Session,
    state: State,
    name: str,
    chosen: Sequence[Candidate],
    items: dict[str, Item],
    frozen: bool,
) -> None:
    refuse_undecided(repository, state, [each.item for each in chosen])
    author, now = str(repository.settings.author()), clock.to_datetime(clock.now())
    changes = Changes(session)
    for each in chosen:
        value = with_value(items[each.item].metadata, SPLIT, name)
        changes.upsert("metadata", [{"item_id": each.item, "value": value, "updated": now, "updated_by": author}])
    what = f"split {name} of {count(len(chosen), 'file')}"
    if not frozen:
        publish_edit(repository, session, state, "split", what, changes.apply)
        return
    also = _freezing(session, name, _entries(repository, state, [items[each.item] for each in chosen]))
    publish_edit(repository, session, state, "split", f"{what}, frozen", changes.apply, also=also)


def _freezing(session: Session, name: str, entries: list[Record]) -> Change:
    def change(view: Record) -> None:
        if name in view["frozen"]:
            raise AlreadyExists(f"the split '{name}' is frozen already", hint="see `oxide split list`")
        freeze(session, view, name, entries)

    return change


def _entries(repository: Repository, state: State, members: Sequence[Item]) -> list[Record]:
    """What is held out with some items: their contents, and the frames of them that any branch has."""
    store, heads = repository.store, sorted({head for head in state.view["branches"].values() if head is not None})
    videos = [item.row["item_id"] for item in members if is_video(item.row["path"], item.row["media"])]
    frames: dict[str, set[str]] = defaultdict(set)
    if videos:
        for tables in (state.pending, *(tables_of(store, head) for head in heads)):
            for frame in frames_of(store, tables, videos):
                frames[frame.content].add(frame.row["content_id"])
    entries: list[Record] = []
    for item in members:
        taken = sorted(frames[item.row["content_id"]])
        also = {"frames": taken} if taken else {}
        entries.append({"item": item.row["item_id"], "contents": item.contents, **also})
    return entries


def splits(repository: Repository, tables: Tables, view: Record) -> list[Split]:
    """Every split, by name: those that files of a state are in, and the frozen ones."""
    sizes = Counter(item.split for item in items_of(repository.store, tables) if item.split is not None)
    names = sorted({*sizes, *view["frozen"]})
    return [Split(name, sizes[name], name in view["frozen"]) for name in names]


def paths_of(repository: Repository, tables: Tables, name: str, view: Record) -> list[str]:
    """The files of a split: of a frozen one there may be none in this state. Raises NotFound."""
    found = [item.row["path"] for item in items_of(repository.store, tables) if item.split == name]
    if not found and name not in view["frozen"]:
        raise NotFound(f"no file is in a split '{name}'", hint="see `oxide split list`")
    return found


def hold_out(repository: Repository, name: str) -> int:
    """Freeze a split that there is. Returns the number of its files. Raises NotFound, AlreadyExists."""
    store = repository.store
    with store.begin() as session:
        state = read_state(store)
        members = [item for item in items_of(store, state.pending) if item.split == name]
        if not members:
            raise NotFound(f"no file is in a split '{name}'", hint="see `oxide split list`")
        change = _freezing(session, name, _entries(repository, state, members))
        publish(repository, session, "split", f"freeze split {name}", change)
    return len(members)


def thaw(repository: Repository, name: str) -> None:
    """Hold a split out no longer; its files stay in it. Raises NotFound."""

    def change(view: Record) -> None:
        if name not in view["frozen"]:
            raise NotFound(f"the split '{name}' is not frozen", hint="see `oxide split list`")
        del view["frozen"][name]

    with repository.store.begin() as session:
        publish(repository, session, "split", f"thaw split {name}", change)
