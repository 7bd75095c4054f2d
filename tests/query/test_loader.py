"""Batches for training: every item once, in an order that others can repeat, and on from where it was left."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from labels.workbench import make_repository
from oxide import Repository
from oxide.errors import InvalidInput
from oxide.views.item import Item

NAMES = [f"{number:02}.txt" for number in range(23)]


def name_of(item: Item) -> str:
    return item.read().decode("latin-1") and item.path


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return make_repository(tmp_path_factory.mktemp("items"), *NAMES)


def values(loader: object) -> list[str]:
    return [sample.value for batch in loader for sample in batch]  # type: ignore[attr-defined]


def test_every_item_comes_once(items: Repository) -> None:
    loader = items.view().loader(batch=5, decode=name_of)
    batches = [[sample.value for sample in batch] for batch in loader]
    assert [len(batch) for batch in batches] == [5, 5, 5, 5, 3] and len(loader) == 5
    assert [value for batch in batches for value in batch] == NAMES


def test_the_order_depends_on_seed_and_epoch_alone(items: Repository) -> None:
    def order(seed: int, epoch: int) -> list[str]:
        return values(items.view().loader(batch=4, shuffle=True, seed=seed, epoch=epoch, workers=3, decode=name_of))

    assert order(1, 0) == order(1, 0) != NAMES
    assert sorted(order(1, 0)) == NAMES
    assert order(1, 1) != order(1, 0) != order(2, 0)
    loader = items.view().loader(batch=4, shuffle=True, seed=1, decode=name_of)
    assert values(loader) == order(1, 0) and values(loader) == order(1, 1), "each pass is an epoch"


def test_ranks_share_without_overlap(items: Repository) -> None:
    parts = [
        values(items.view().loader(batch=4, shuffle=True, rank=rank, world=3, decode=name_of)) for rank in range(3)
    ]
    assert sorted(value for part in parts for value in part) == NAMES
    even = [values(items.view().loader(rank=rank, world=3, even=True, decode=name_of)) for rank in range(3)]
    assert [len(part) for part in even] == [7, 7, 7]


def test_it_goes_on_where_it_was_left(items: Repository) -> None:
    whole = values(items.view().loader(batch=4, shuffle=True, seed=5, decode=name_of))
    first = items.view().loader(batch=4, shuffle=True, seed=5, decode=name_of)
    seen = []
    for at, batch in enumerate(first):
        seen += [sample.value for sample in batch]
        if at == 2:
            break
    state = json.loads(json.dumps(first.state()))
    second = items.view().loader(batch=4, shuffle=True, seed=5, decode=name_of).resume(state)
    assert seen + values(second) == whole
    with pytest.raises(InvalidInput, match="other items"):
        items.view().take(3).loader(batch=4, shuffle=True, seed=5).resume(state)
    with pytest.raises(InvalidInput):
        items.view().loader(batch=4, shuffle=True, seed=6).resume(state)
    fresh = items.view().loader(batch=4, shuffle=True, seed=5)
    for wrong in ({}, {**state, "seed": 6}, {name: value for name, value in state.items() if name != "done"}):
        with pytest.raises(InvalidInput):
            fresh.resume({"epoch": 3, **wrong})
    assert (fresh.epoch, fresh.done) == (0, 0)


def test_broken_pictures_raise_or_are_counted(tmp_path: Path) -> None:
    pytest.importorskip("PIL", reason="the extra `vision` is not installed")
    repository = make_repository(tmp_path / "r", "a.png", "c.png")
    (tmp_path / "r" / "b.png").write_text("no picture")
    repository.add(["."])
    with pytest.raises(InvalidInput, match=r"b\.png"):
        list(repository.view().loader(batch=2))
    loader = repository.view().loader(batch=2, skip_broken=True)
    assert [sample.item.path for batch in loader for sample in batch] == ["a.png", "c.png"]
    assert loader.skipped == 1
    with pytest.raises(InvalidInput):
        repository.view().loader(batch=0)
