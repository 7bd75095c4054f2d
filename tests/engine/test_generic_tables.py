"""Tables of any schema on the one machinery: what labels, metadata and model outputs will be stored in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oxide import _core, errors
from support import counted

LONG = "long text " * 1000
"""Over 4 KiB: kept as a blob beside the row."""

FIELDS: list[dict[str, Any]] = [
    {"id": 1, "name": "item", "type": "text", "merge": "conflict"},
    {"id": 2, "name": "number", "type": "int", "merge": "conflict"},
    {"id": 3, "name": "data", "type": "json", "merge": "leaves"},
    {"id": 4, "name": "note", "type": "text", "merge": "conflict"},
    {"id": 5, "name": "updated", "type": "int", "merge": "maximum"},
    {"id": 6, "name": "author", "type": "text", "merge": {"follow": 5}},
    {"id": 7, "name": "score", "type": "float", "merge": "derived"},
]
RECORD = {"name": "probe", "fields": FIELDS, "key": [1, 2], "target_rows": 64}

ARROW = pa.schema(
    [
        ("item", pa.string()),
        ("number", pa.int64()),
        ("data", pa.string()),
        ("note", pa.string()),
        ("updated", pa.int64()),
        ("author", pa.string()),
        ("score", pa.float64()),
    ]
)


def row(item: str, number: int = 0, **cells: object) -> dict[str, object]:
    return {"item": item, "number": number, **cells}


def arrow(rows: list[dict[str, object]], schema: pa.Schema = ARROW) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=schema)


class Probe:
    """A store with one session and the test table's schema."""

    def __init__(self, folder: Path) -> None:
        self.store = _core.Store.create(str(folder / ".oxide"))
        self.session = self.store.begin()
        self.schema = self.session.write_schema(RECORD)

    def build(self, rows: list[dict[str, object]]) -> str:
        return self.session.build_table(self.schema, arrow(rows))

    def edit(self, root: str, upserts: list[dict[str, object]] = (), deletes: list[tuple[str, int]] = ()) -> str:
        keys = pa.table(
            {
                "item": pa.array([key[0] for key in deletes], pa.string()),
                "number": pa.array([key[1] for key in deletes], pa.int64()),
            }
        )
        return self.session.edit_table(
            self.schema, root, arrow(list(upserts)) if upserts else None, keys if deletes else None
        )

    def read(self, root: str, schema: str | None = None, columns: tuple[str, ...] = ()) -> pa.Table:
        self.session.flush()
        return pa.table(self.store.scan((schema or self.schema, root), columns))

    def rows(self, root: str, schema: str | None = None) -> list[dict[str, object]]:
        """Rows as dicts without nulls, JSON parsed."""
        found = []
        for cells in self.read(root, schema).to_pylist():
            cells = {name: value for name, value in cells.items() if value is not None}
            if "data" in cells:
                cells["data"] = json.loads(cells["data"])
            found.append(cells)
        return found


@pytest.fixture
def probe(tmp_path: Path) -> Probe:
    return Probe(tmp_path)


def some_rows(count: int) -> list[dict[str, object]]:
    return [
        row(f"item-{number:05}", number % 7, note=f"note {number}", updated=number, score=number / 3)
        for number in range(count)
    ]


# -- in and out --------------------------------------------------------------------------------------------------------
def test_rows_come_back_in_key_order_with_all_their_cells(probe: Probe) -> None:
    rows = [
        row("b", 2, data={"k": [1, {"deep": None}], "ü": "ü"}, note=LONG, updated=-5, author="ada", score=0.1),
        row("b", -2, note=""),
        row("a\0b", 7),
        row("a", 9, data=[], score=-0.0),
    ]
    root = probe.build(
        [{**cells, **({"data": json.dumps(cells["data"])} if "data" in cells else {})} for cells in rows]
    )
    assert probe.rows(root) == [rows[3], rows[2], rows[1], rows[0]]
    assert probe.store.count(root) == 4
    assert probe.read(root).schema.names[: len(FIELDS)] == [field["name"] for field in FIELDS]
    assert probe.read(root, columns=("item", "note")).schema.names == ["item", "note"]


def test_streams_of_several_batches_and_other_integer_widths_are_taken(probe: Probe) -> None:
    rows = some_rows(500)
    batches = arrow(rows).to_batches(max_chunksize=33)
    narrow = pa.Table.from_batches(batches).cast(ARROW.set(1, pa.field("number", pa.int32())))
    assert probe.session.build_table(probe.schema, narrow) == probe.session.build_table(
        probe.schema, pa.RecordBatchReader.from_batches(ARROW, batches)
    )


def test_a_repeated_key_or_a_missing_one_is_an_error(probe: Probe) -> None:
    with pytest.raises(errors.InvalidInput):
        probe.build([row("a"), row("a")])
    with pytest.raises(errors.InvalidInput):
        probe.session.build_table(probe.schema, pa.table({"item": ["a"]}))
    with pytest.raises(errors.InvalidInput):
        probe.build([{"item": None, "number": 1}])


def test_json_that_is_written_differently_is_the_same(probe: Probe) -> None:
    assert probe.build([row("a", data='{"b": 1,\n "a": [1.0]}')]) == probe.build([row("a", data='{"a":[1.0],"b":1}')])
    with pytest.raises(errors.InvalidInput):
        probe.build([row("a", data="{not json")])


def test_long_cells_are_stored_once_beside_the_rows(probe: Probe) -> None:
    root = probe.build([row(f"{number}", note=LONG, data=json.dumps({"text": LONG})) for number in range(300)])
    assert all(cells["note"] == LONG and cells["data"] == {"text": LONG} for cells in probe.rows(root))
    usage = probe.store.disk_usage()
    assert usage["total_bytes"] < 300 * len(LONG) / 10


def test_rows_by_key_and_as_parquet(probe: Probe, tmp_path: Path) -> None:
    import pyarrow.parquet as parquet

    root = probe.build(some_rows(300))
    probe.session.flush()
    table, folder = (probe.schema, root), str(tmp_path / "out")
    first = probe.store.export_parquet(table, folder)
    assert first["segments"] == first["opened"] > 1
    ((path, wanted),) = first["files"]
    assert wanted is None, "a bundle of all segments"
    exported = parquet.read_table(path)
    assert exported.column("note").to_pylist() == [cells["note"] for cells in some_rows(300)]
    assert set(exported.column("__segment").to_pylist()) == set(range(first["segments"]))
    modified = Path(path).stat().st_mtime_ns
    assert probe.store.export_parquet(table, folder) == first
    assert Path(path).stat().st_mtime_ns == modified, "segments that are there are not written again"
    Path(path).unlink()
    probe.store.restore_parquet(probe.schema, path)
    assert parquet.read_table(path).equals(exported), "a file that left the cache comes back as it was"


# -- identity ----------------------------------------------------------------------------------------------------------
KEYS = st.tuples(st.text(alphabet="abc\0é", max_size=3), st.integers(-2, 2))
CELLS = st.fixed_dictionaries(
    {},
    optional={
        "note": st.sampled_from(["", "x", LONG]),
        "updated": st.integers(-3, 3),
        "data": st.sampled_from(["{}", '{"a":1}', "[1,2]"]),
    },
)
TABLES = st.dictionaries(KEYS, CELLS, max_size=40)


def as_rows(table: dict[tuple[str, int], dict[str, object]]) -> list[dict[str, object]]:
    return [row(item, number, **cells) for (item, number), cells in table.items()]


@pytest.fixture(scope="module")
def common(tmp_path_factory: pytest.TempPathFactory) -> Probe:
    """One store for many examples."""
    return Probe(tmp_path_factory.mktemp("probe"))


PROPERTY = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


@PROPERTY
@given(table=TABLES, data=st.data())
def test_equal_content_has_an_equal_root_whatever_the_order(
    common: Probe, table: dict[Any, Any], data: st.DataObject
) -> None:
    expected = common.build(as_rows(table))
    shuffled = data.draw(st.permutations(list(table)))
    root = common.session.empty_table()
    step = data.draw(st.integers(1, 10))
    for start in range(0, len(shuffled), step):
        root = common.edit(root, as_rows({key: table[key] for key in shuffled[start : start + step]}))
    detour = data.draw(TABLES)
    root = common.edit(root, as_rows(detour))
    root = common.edit(
        root, as_rows({key: table[key] for key in detour if key in table}), [key for key in detour if key not in table]
    )
    assert root == expected


@PROPERTY
@given(before=TABLES, after=TABLES)
def test_applying_a_difference_gives_the_other_table(
    common: Probe, before: dict[Any, Any], after: dict[Any, Any]
) -> None:
    a, b = common.build(as_rows(before)), common.build(as_rows(after))
    common.session.flush()
    difference = pa.table(common.store.diff_stream(common.schema, a, b))
    removed = pc.equal(difference["change"], "removed")
    changed = common.session.edit_table(
        common.schema,
        a,
        difference.filter(pc.invert(removed)).drop_columns(["change"]),
        difference.filter(removed).select(["item", "number"]),
    )
    assert changed == b
    counts = common.store.diff_counts(a, b)
    kinds = difference["change"].to_pylist()
    assert counts == (kinds.count("added"), kinds.count("modified"), kinds.count("removed"))
    assert (a == b) == (not kinds)
    assert len(common.store.diff_rows(common.schema, a, b)) == len(kinds)


@PROPERTY
@given(base=TABLES, ours=TABLES, theirs=TABLES)
def test_merging_either_way_has_equal_roots_and_mirrored_conflicts(
    common: Probe, base: Any, ours: Any, theirs: Any
) -> None:
    b, o, t = (common.build(as_rows(table)) for table in (base, ours, theirs))
    one, one_conflicts = common.session.merge_table(common.schema, b, o, t)
    other, other_conflicts = common.session.merge_table(common.schema, b, t, o)
    assert one == other
    mirrored = [{**conflict, "ours": conflict["theirs"], "theirs": conflict["ours"]} for conflict in other_conflicts]
    assert one_conflicts == mirrored
    assert common.session.merge_table(common.schema, b, o, b) == (o, [])
    assert common.session.merge_table(common.schema, b, o, o) == (o, [])


def test_the_cost_of_an_edit_is_its_segment(probe: Probe) -> None:
    root = probe.build(some_rows(5000))
    probe.session.flush()
    step = counted(lambda: probe.edit(root, [row("item-02500", 2500 % 7, note="changed")]))
    assert step["segments_written"] + step["deltas_written"] == 1


# -- merge rules -------------------------------------------------------------------------------------------------------
def merged(
    probe: Probe, base: dict[str, object] | None, ours: dict[str, object] | None, theirs: dict[str, object] | None
) -> tuple[Any, Any]:
    """The merged row (without its key) of three versions of one row, and the conflict."""
    roots = [probe.build([row("a", **side)] if side is not None else []) for side in (base, ours, theirs)]
    root, conflicts = probe.session.merge_table(probe.schema, *roots)
    found = [
        {name: value for name, value in cells.items() if name not in ("item", "number")} for cells in probe.rows(root)
    ]
    return (found[0] if found else None), (conflicts[0] if conflicts else None)


def test_different_cells_of_one_row_merge(probe: Probe) -> None:
    assert merged(probe, {"note": "base"}, {"note": "ours"}, {"note": "base", "data": "[1]"}) == (
        {"note": "ours", "data": [1]},
        None,
    )


def test_the_same_cell_changed_differently_is_a_conflict_of_that_field(probe: Probe) -> None:
    found, conflict = merged(
        probe, {"note": "base", "data": "1"}, {"note": "ours", "data": "1"}, {"note": "theirs", "data": "1"}
    )
    assert found == {"note": "base", "data": 1}, "the base's row stands in for it"
    assert conflict["fields"] == ["note"]
    assert [conflict[side]["row"]["note"] for side in ("base", "ours", "theirs")] == ["base", "ours", "theirs"]


def test_a_conflict_is_settled_by_setting_the_chosen_row(probe: Probe) -> None:
    b, o, t = (probe.build([row("a", note=note)]) for note in ("base", "ours", "theirs"))
    root, [conflict] = probe.session.merge_table(probe.schema, b, o, t)
    assert probe.session.set_rows(probe.schema, root, [(conflict["key"], conflict["theirs"]["value"])]) == t
    assert probe.session.set_rows(probe.schema, root, [(conflict["key"], None)]) == probe.session.empty_table()


def test_json_merges_by_leaf_and_arrays_whole(probe: Probe) -> None:
    base = {"data": json.dumps({"a": {"x": 1, "y": 1}, "list": [1, 2], "gone": 1})}
    ours = {"data": json.dumps({"a": {"x": 2, "y": 1}, "list": [1, 2], "new": {"deep": True}})}
    theirs = {"data": json.dumps({"a": {"x": 1, "y": 3}, "list": [9], "gone": 1})}
    found, conflict = merged(probe, base, ours, theirs)
    assert conflict is None
    assert found == {"data": {"a": {"x": 2, "y": 3}, "list": [9], "new": {"deep": True}}}


def test_one_leaf_or_one_array_changed_differently_is_a_conflict(probe: Probe) -> None:
    for base, ours, theirs in (
        ({"a": 1}, {"a": 2}, {"a": 3}),
        ({"a": [1]}, {"a": [1, 2]}, {"a": [0, 1]}),
        ({"a": {"b": 1}}, {"a": 5}, {"a": {"b": 2}}),
    ):
        _, conflict = merged(probe, *({"data": json.dumps(side)} for side in (base, ours, theirs)))
        assert conflict["fields"] == ["data"]


def test_long_json_merges_by_leaf_too(probe: Probe) -> None:
    sides = [{"x": 1, "y": 1, "pad": LONG}, {"x": 2, "y": 1, "pad": LONG}, {"x": 1, "y": 2, "pad": LONG}]
    found, conflict = merged(probe, *({"data": json.dumps(side)} for side in sides))
    assert conflict is None and found == {"data": {"x": 2, "y": 2, "pad": LONG}}


def test_the_larger_value_wins_and_its_author_follows(probe: Probe) -> None:
    found, conflict = merged(
        probe,
        {"updated": 1, "author": "base", "score": 0.5},
        {"updated": 7, "author": "ours", "score": 0.6},
        {"updated": 5, "author": "theirs", "score": 0.7},
    )
    assert conflict is None
    assert (found["updated"], found["author"]) == (7, "ours")
    assert found["score"] in (0.6, 0.7), "derived values are never a conflict"


def test_a_row_removed_on_one_side_and_changed_on_the_other_is_a_conflict(probe: Probe) -> None:
    found, conflict = merged(probe, {"note": "base"}, None, {"note": "theirs"})
    assert found == {"note": "base"}
    assert (conflict["ours"], conflict["fields"]) == (None, [])
    assert merged(probe, {"note": "base"}, None, {"note": "base"}) == (None, None)


# -- evolution ---------------------------------------------------------------------------------------------------------
def test_a_new_column_changes_no_stored_segment(probe: Probe) -> None:
    root = probe.build(some_rows(2000))
    wider = {**RECORD, "fields": [*FIELDS, {"id": 8, "name": "colour", "type": "text", "merge": "conflict"}]}
    schema = probe.session.write_schema(wider)
    assert schema != probe.schema
    found = probe.read(root, schema)
    assert found.column("colour").null_count == 2000, "old rows read with the new column empty"
    with_colour = arrow(
        [row("item-00999", 999 % 7, note="seen", colour="red")], ARROW.append(pa.field("colour", pa.string()))
    )
    edited: list[str] = []
    step = counted(lambda: edited.append(probe.session.edit_table(schema, root, with_colour, None)))
    assert step["segments_written"] + step["deltas_written"] == 1
    assert [cells["colour"] for cells in probe.rows(edited[0], schema) if "colour" in cells] == ["red"]


def test_a_renamed_column_keeps_its_values_by_field_id(probe: Probe) -> None:
    root = probe.build([row("a", note="kept")])
    renamed = {
        **RECORD,
        "fields": [{**field, "name": "remark"} if field["name"] == "note" else field for field in FIELDS],
    }
    assert probe.rows(root, probe.session.write_schema(renamed)) == [row("a", remark="kept")]


def test_a_dropped_column_is_not_shown_and_its_rows_stay(probe: Probe) -> None:
    root = probe.build([row("a", note="hidden", updated=1)])
    dropped = {**RECORD, "fields": [field for field in FIELDS if field["name"] != "note"]}
    assert probe.rows(root, probe.session.write_schema(dropped)) == [row("a", updated=1)]


@pytest.mark.parametrize(
    "change",
    [
        {"fields": [FIELDS[0], FIELDS[0]]},
        {"key": []},
        {"key": [99]},
        {"fields": [{**FIELDS[0], "type": "complex"}]},
        {"target_rows": 0},
        {"name": ""},
        {"fields": [*FIELDS[:5], {**FIELDS[5], "merge": {"follow": 99}}]},
    ],
)
def test_a_schema_that_makes_no_sense_is_refused(probe: Probe, change: dict[str, object]) -> None:
    with pytest.raises(errors.InvalidInput):
        probe.session.write_schema({**RECORD, **change})
