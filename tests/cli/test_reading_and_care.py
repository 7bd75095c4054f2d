"""Reading a revision and looking after the store: ls, cat, du, sql, gc, fsck."""

from __future__ import annotations

from installed import Place

# -- reading and care --------------------------------------------------------------------------------------------------


def test_ls_and_cat(place: Place) -> None:
    assert place("ls").out == "14 B  folder  images/\n 5 B  file    notes.txt\n"
    assert place("ls", "images").out == (
        "3 B  file    images/cat.jpg\n3 B  file    images/dog.jpg\n8 B  folder  images/labels/\n"
    )
    entries = place("ls", "-r", "--json").json
    assert [entry["path"] for entry in entries] == [
        "images/cat.jpg",
        "images/dog.jpg",
        "images/labels/labels.txt",
        "notes.txt",
    ]
    assert {"path", "type", "size", "executable", "content_id", "sha256"} <= set(entries[0])
    assert place("ls", "HEAD", "images/labels", "--json").json[0]["size"] == 8
    content = bytes(range(256)) * 9000
    place.write("raw.bin", content)
    place.commit("Raw")
    assert place("cat", "HEAD:raw.bin").raw == content
    place("cat", "HEAD~1:raw.bin", code=1)


def test_du_doctor_version_config(place: Place) -> None:
    usage = place("du", "--json").json
    assert (usage["files"], usage["logical"]) == (4, 19)
    assert place("du").text.startswith("Revision <id>: 4 files\n")
    assert isinstance(place("doctor", "--json").json, dict)
    assert place("doctor").out
    assert place("version").out == place("--version").out
    assert place("version", "--json").json["version"] == place("version").out.split()[1]
    place("config", "user.name", "Grace")
    assert place("config", "user.name", OXIDE_USER_NAME="").out.strip() == "Grace"
    assert any(entry["key"] == "user.name" for entry in place("config", "--json").json)
    assert "user.name = " in place("config", "--show-origin").out
    said = place("config", "user.nme", "x", code=2)
    assert "user.name" in said.err


def test_sql(place: Place) -> None:
    query = "SELECT path, size FROM files ORDER BY path LIMIT 2"
    assert place("sql", query).out == (
        "path            size\n──────────────  ────\nimages/cat.jpg     3\nimages/dog.jpg     3\n(2 rows)\n"
    )
    assert place("sql", query, "--json").json == [
        {"path": "images/cat.jpg", "size": 3},
        {"path": "images/dog.jpg", "size": 3},
    ]
    assert place("sql", query, "--csv").out == "path,size\nimages/cat.jpg,3\nimages/dog.jpg,3\n"
    for name in ("rows.csv", "rows.json", "rows.parquet"):
        place("sql", query, f"--{name.split('.')[1]}", "-o", name)
        assert (place.root / name).stat().st_size > 0
    place("sql", "DROP TABLE files", code=2)
    assert place("sql", "SELECT nothing FROM files", "--json", code=2).error["code"] == "query"


def test_gc_and_fsck(place: Place) -> None:
    place.write("notes.txt", "lost")
    place.commit("Lost")
    place("undo", "--force")
    said = place("gc", "--dry-run")
    assert said.out.endswith("nothing was changed\n")
    foreseen = place("gc", "--dry-run", "--json").json
    assert foreseen["dry_run"] is True and foreseen["freed_bytes"] == 0
    assert {"live_bytes", "dead_bytes", "waiting_bytes", "objects", "packs"} < set(foreseen)
    holders = {(holder["kind"], holder["name"]): holder["bytes"] for holder in foreseen["holders"]}
    assert holders["branch", "main"] > 0
    assert foreseen["held"]["undo"] == sum(size for (kind, _), size in holders.items() if kind == "undo") > 0
    place("gc", "--json")
    place("gc", "--keep", "0s", "--now")
    assert place("fsck", "--data").out.endswith("everything is intact\n")
    checked = place("fsck", "--json").json
    assert checked["ok"] is True
    assert checked["problems"] == []


def test_fsck_tells_damage_with_a_remedy(place: Place) -> None:
    packs = [file for file in (place.root / ".oxide").rglob("*") if file.is_file() and "pack" in file.name]
    packs = packs or [
        file for file in (place.root / ".oxide").rglob("*") if file.is_file() and "pack" in str(file.parent)
    ]
    assert packs
    for pack in packs:
        content = bytearray(pack.read_bytes())
        content[len(content) // 3] ^= 0xFF
        pack.chmod(0o644)
        pack.write_bytes(bytes(content))
    said = place("fsck", "--data", code=7)
    assert said.out or said.err
