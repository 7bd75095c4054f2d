"""What SQL sees of labels over time, and of splits."""

from __future__ import annotations

from pathlib import Path

import pytest
from labels.workbench import make_repository
from oxide import Annotation
from oxide.errors import NotFound, QueryError


def test_history_of_an_annotation(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "r", "a.png")
    (identity,) = repository.annotate("a.png", Annotation(type="box", label="cat", box=(0, 0, 5, 5)))
    repository.commit("made")
    moved = Annotation(id=identity, type="box", label="cat", box=(1, 0, 5, 5), attributes={"k": 1}, score=0.5)
    repository.annotate("a.png", moved)
    repository.commit("moved")
    repository.set_metadata(["a.png"], {"n": 1})
    repository.commit("something else")
    rows = repository.sql(
        f"SELECT change, label, x, score, attributes ->> '$.k', message FROM annotation_history('{identity}')"
    ).fetch_rows()
    assert rows == [("modified", "cat", 1.0, 0.5, "1", "moved"), ("added", "cat", 0.0, None, None, "made")]
    assert len(repository.sql(f"SELECT * FROM annotation_history('{identity}')", at="HEAD~2").fetch_rows()) == 1
    with pytest.raises(NotFound):
        repository.sql(f"SELECT * FROM annotation_history('{'0' * 24}')")
    with pytest.raises(QueryError, match="takes other arguments"):
        repository.sql("SELECT * FROM annotation_history('a', 'b')")


def test_splits(tmp_path: Path) -> None:
    names = [f"{kind}/{number}.png" for kind in ("cat", "dog") for number in range(4)]
    repository = make_repository(tmp_path / "r", *names)
    assert repository.sql("SELECT * FROM splits").fetch_rows() == []
    repository.create_split("test", per_class=1, class_from="folder", freeze=True)
    free = next(name for name in names if name not in repository.split("test"))
    repository.set_metadata([free], {"split": 5})
    rows = repository.sql("SELECT path, split, frozen FROM splits ORDER BY path").fetch_rows()
    frozen = [row for row in rows if row[1] == "test"]
    assert len(frozen) == 2 and all(row[2] for row in frozen)
    counted = repository.sql("SELECT s.split, count(*) FROM splits s JOIN files USING (item_id) GROUP BY ALL")
    assert dict(counted.fetch_rows())["test"] == 2
    assert repository.sql("SELECT count(*) FROM splits AT (VERSION => 'HEAD')").fetch_rows() == [(0,)]
