"""What SQL sees of labels over time, and of splits."""

from __future__ import annotations

from pathlib import Path

import pytest
from labels.workbench import make_repository
from oxide import Annotation, Keyframe, Label
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


def test_keyframes(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "r", "a.png")
    assert repository.sql("SELECT * FROM keyframes").fetch_rows() == []
    shown = (Keyframe(0, (0, 0, 5, 5)), Keyframe(7, (2, 1, 5, 5), visible=False, attributes={"wet": True}))
    track = Annotation("box", "ball", (0, 0, 5, 5), frames=(0, 9), track="1", keyframes=shown)
    (identity,) = repository.annotate("a.png", track)
    text = "SELECT ann_id, frame, visible, x, y, attributes ->> '$.wet' FROM keyframes ORDER BY frame"
    expected = [(identity, 0, True, 0.0, 0.0, None), (identity, 7, False, 2.0, 1.0, "true")]
    assert repository.sql(text).fetch_rows() == expected
    assert repository.sql(text, at="HEAD").fetch_rows() == []
    repository.commit("A track")
    joined = "SELECT f.path, a.label, count(*) FROM keyframes JOIN annotations a USING (item_id, ann_id) JOIN files f"
    assert repository.sql(f"{joined} USING (item_id) GROUP BY ALL", at="HEAD").fetch_rows() == [("a.png", "ball", 2)]


def test_the_ontology(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "r", "a.png")
    assert repository.sql("SELECT * FROM ontology").fetch_rows() == []
    repository.add_labels(Label("animal", color="#ff0000"), Label("cat", parent="animal"))
    text = "SELECT kind, name, parent, color FROM ontology WHERE kind = 'label' ORDER BY name"
    rows = [("label", "animal", None, "#ff0000"), ("label", "cat", "animal", None)]
    assert [(*row[:3], row[3] if row[1] == "animal" else None) for row in repository.sql(text).fetch_rows()] == rows
    assert repository.sql(text, at="HEAD").fetch_rows() == []
