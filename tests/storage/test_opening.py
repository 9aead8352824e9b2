"""Storages are opened by URL, and a wrong one is told in words without its secrets."""

from __future__ import annotations

import sqlite3
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from brubeck.errors import ConfigError
from brubeck.storage import RecordSchema, Unavailable, opening
from brubeck.storage.memory import MemoryStorage
from brubeck.storage.sqlite import SQLiteStorage


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("memroy://", 'Did you mean "memory://"?'),
        ("quakes.db", "is not the URL of a storage"),
        ("memory://host", "takes nothing more"),
        ("sqlite://", "names no file"),
        ("sqlite://quakes.db", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:///q.db?timeuot=2s", 'Did you mean "timeout"?'),
        ("sqlite:///q.db?timeout=soon", '"timeout" must be a time'),
        ("sqlite:///q.db?timeout=1s&timeout=2s", "twice"),
        ("sqlite:///q.db?sync=maybe", "must be full or normal"),
        ("redis://host/one", "number of a database"),
        ("redis://one,two/0", "one address"),
        ("redis://host:port/0", "Port"),
        ("redis://host/0?db=1", 'no option "db"'),
        ("redis://host/0?pool=0", '"pool" must be'),
        ("redis+sentinel://one:26379,two", "names the service"),
        ("redis+cluster://one,two/1", "no databases"),
        ("mongodb://host/a/b", "name of a database"),
        ("mongodb://host/b?readPreference=secondary", '"readPreference" may only be primary'),
        ("mongodb://host/b?timeout=never", '"timeout" must be a time'),
        ("mongodb://host/b?replicasat=rs0", 'Did you mean "replicaSet"?'),
        ("mongodb://host:x/b", "ort"),
    ],
)
def test_a_wrong_url_is_refused_with_what_may_be_meant(url: str, said: str) -> None:
    """Before anything is opened."""
    with pytest.raises(ConfigError, match=said.replace("?", r"\?")):
        opening.open_storage(url)


@pytest.mark.parametrize(
    "url", ["rediss://me:pa/ss@w?rd@host/0?x=1", "nothing://:secret@host?password=secret"]
)
def test_a_password_is_in_no_error(url: str) -> None:
    """Also one that holds what ought to have been escaped in a URL."""
    with pytest.raises(ConfigError) as caught:
        opening.open_storage(url.replace("rediss", "redjs"))
    said = str(caught.value)
    assert "secret" not in said
    assert "pa/ss" not in said
    assert "w?rd" not in said


def test_another_package_may_bring_a_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    """By an entry point that is named as its scheme; what is no storage is refused."""
    points = [
        EntryPoint("mine", "brubeck.storage.memory:MemoryStorage", opening.ENTRY_POINTS),
        EntryPoint("bad", "brubeck.storage:RecordSchema", opening.ENTRY_POINTS),
    ]
    monkeypatch.setattr(opening, "entry_points", lambda group: points if group else [])
    monkeypatch.setattr(MemoryStorage, "from_url", lambda url, *, clock: (url, clock))
    assert opening.open_storage("mine://x")[0] == "mine://x"  # type: ignore[index]
    with pytest.raises(ConfigError, match="is no Storage"):
        opening.open_storage("bad://")
    with pytest.raises(ConfigError, match='Did you mean "mine://"'):
        opening.open_storage("mime://")


def test_a_path_is_relative_or_absolute_and_may_be_escaped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three slashes, or four; options after a question mark."""
    monkeypatch.chdir(tmp_path)
    for url in ("sqlite:///a%20b.db", f"sqlite:///{tmp_path}/c.db?timeout=2s&sync=normal"):
        storage = opening.open_storage(url)
        assert storage.streams() == []  # merely looking makes no file
        storage.new_era()
        storage.close()
    assert {path.name for path in tmp_path.iterdir()} == {"a b.db", "c.db"}


def test_a_file_that_cannot_be_used_is_an_unavailable_storage(tmp_path: Path) -> None:
    """It may be there later; one of a newer program is not touched."""
    storage = SQLiteStorage(str(tmp_path / "missing" / "q.db"))
    stream = storage.records("quakes", RecordSchema())
    with pytest.raises(Unavailable, match="unable to open"):
        stream.head()
    (tmp_path / "missing").mkdir()
    assert stream.head().position == 0
    storage.close()

    for content in (b"no database" * 100, b""):
        (tmp_path / "bad.db").write_bytes(content)
        if not content:
            with sqlite3.connect(tmp_path / "bad.db") as db:
                db.execute("PRAGMA user_version = 99")
        storage = SQLiteStorage(str(tmp_path / "bad.db"))
        with pytest.raises(Unavailable, match=r"not a database|newer format"):
            storage.records("quakes", RecordSchema()).head()
        storage.close()
