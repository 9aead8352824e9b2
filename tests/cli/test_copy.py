"""``brubeck copy``: between every pair of storages, while the original is written to."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import pytest

from brubeck.documents.copying import Copier
from brubeck.storage import (
    Delete,
    FieldInfo,
    PageQuery,
    Put,
    Record,
    RecordSchema,
    RecordStream,
    Storage,
    open_storage,
)
from tests.servers.programs import brubeck

KINDS = ("memory", "sqlite", "redis", "mongodb")
SCHEMA = RecordSchema(
    {
        "text": FieldInfo("string", indexed=True, equality=True),
        "owner_id": FieldInfo("string", indexed=False, equality=False),
    },
    ("owner_id",),
)


@pytest.fixture
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Storage]]:
    """Open storages of a kind, each a new one, and close them at the end."""
    storages: list[Storage] = []

    def open_one(kind: str) -> Storage:
        name = uuid4().hex[:8]
        if kind == "memory":
            url = "memory://"
        elif kind == "sqlite":
            url = f"sqlite:///{tmp_path}/{name}.db"
        elif kind == "redis":
            url = request.getfixturevalue("redis_server").url
        else:
            url = f"mongodb://127.0.0.1:{request.getfixturevalue('mongo_server').port}/{name}"
        storages.append(open_storage(url))
        return storages[-1]

    yield open_one
    for each in storages:
        each.close()


def put(item: str, text: str, created_at: int, expected: int | None = None) -> Put:
    """Return the write of an item."""
    body = f'{{"id":"{item}","created_at":{created_at},"owner_id":"ann","text":"{text}"}}'
    return Put(
        id=item, created_at=created_at, body=body.encode(), token=uuid4().hex, expected=expected
    )


def content(records: RecordStream) -> list[tuple[str, int, bytes]]:
    """Return all items in their order, as the storage has them for their owner."""
    found, query = [], PageQuery(limit=500, descending=False, viewer="ann")
    while True:
        page = records.page(query)
        found += [(each.id, each.created_at, each.body) for each in page.records]
        if page.stopped is None:
            return found
        query = PageQuery(limit=500, descending=False, viewer="ann", start=page.stopped)


class Writer:
    """Writes to a stream in a thread: new items, new versions, deletions, and second lives."""

    def __init__(self, records: RecordStream, seed: int) -> None:
        self._records, self._chance = records, random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        for number in range(300):
            if self._stop.is_set():
                return
            self.step(number)

    def step(self, number: int) -> None:
        """Write once."""
        item = f"i{self._chance.randrange(400)}"
        (entry,) = self._records.get([item])
        if not isinstance(entry, Record):
            self._records.write([put(item, f"n{number}", number)])
        elif self._chance.random() < 0.4:
            self._records.write([Delete(id=item, token=uuid4().hex)])
        else:
            write = put(item, f"v{number}", entry.created_at, entry.position)
            self._records.write([write])


@pytest.mark.parametrize(("source", "target"), list(product(KINDS, KINDS)))
def test_a_copy_is_the_original_whatever_is_written_meanwhile(
    opened: Callable[[str], Storage], source: str, target: str
) -> None:
    """Between every pair of storages; also from a copy that was broken off."""
    original = opened(source).records(f"n{uuid4().hex[:8]}", SCHEMA)
    copy = opened(target).records(f"n{uuid4().hex[:8]}", SCHEMA)
    for first in range(0, 1200, 300):
        original.write([put(f"i{n}", f"t{n}", n) for n in range(first, first + 300)])
    # What an earlier copy has left: an old version, an item that is gone, another life.
    copy.write([put("i5", "old", 5), put("gone", "gone", 7), put("i9", "other life", 12)])
    with Writer(original, seed=len(source) + len(target)):
        Copier(original, copy).run()
    # The writer has ended: what it wrote last is copied, and nothing differs any more.
    state = Copier(original, copy).run()
    assert state.different == 0
    assert content(copy) == content(original)
    assert len(content(copy)) > 700


def test_a_copy_follows_until_it_is_told_to_stop(opened: Callable[[str], Storage]) -> None:
    """And then has everything that was written by then."""
    name = f"n{uuid4().hex[:8]}"
    original, copy = (opened("sqlite").records(name, SCHEMA) for _ in range(2))
    original.write([put("a", "1", 1)])
    rounds = 0

    def more() -> bool:
        nonlocal rounds
        rounds += 1
        if rounds < 6:
            original.write([put(f"n{rounds}", "later", rounds)])
        return rounds < 6

    state = Copier(original, copy).run(more)
    assert state.changes >= 4
    assert state.different == 0
    assert content(copy) == content(original)


class TestCommand:
    """The command itself."""

    @pytest.fixture
    def project(self, tmp_path: Path) -> Path:
        """Return a folder with a program over SQLite, and ten items in it."""
        (tmp_path / "app.py").write_text(
            "from brubeck import Brubeck\n"
            "from brubeck.dictshield.fields import StringField\n"
            "from brubeck.streams import StreamedDocument, StreamHandler\n"
            "class Note(StreamedDocument):\n    text = StringField()\n"
            "class Notes(StreamHandler):\n    model = Note\n    path = '/notes'\n"
            f"app = Brubeck(streams=[Notes], storage='sqlite:///{tmp_path}/one.db')\n"
            "if __name__ == '__main__':\n"
            "    app.stream(Notes).insert_many({'text': str(n)} for n in range(10))\n"
        )
        return tmp_path

    def test_streams_are_copied_and_compared(self, project: Path) -> None:
        """And the numbers said."""
        import subprocess
        import sys

        subprocess.run([sys.executable, "app.py"], cwd=project, check=True)
        done = brubeck(project, "copy", "app:app", f"sqlite:///{project}/two.db")
        assert done.returncode == 0, done.stderr
        assert [line.split() for line in done.stdout.splitlines()] == [
            ["STREAM", "ITEMS", "CHANGES", "DIFFERENT"],
            ["/notes", "10", "0", "0"],
        ]
        again = brubeck(project, "copy", "app:app", f"sqlite:///{project}/two.db", "--json")
        assert '"different": 0' in again.stdout

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (("nowhere://x",), "nowhere"),
            (("sqlite:///x.db", "--stream", "/nothing"), "There is no stream at /nothing"),
            (("sqlite:///x.db", "--from", "nowhere://x"), "nowhere"),
        ],
    )
    def test_a_mistake_is_one_sentence(
        self, project: Path, arguments: tuple[str, ...], sentence: str
    ) -> None:
        """With the status of a wrong configuration."""
        done: Any = brubeck(project, "copy", "app:app", *arguments)
        assert done.returncode == 2
        assert sentence in done.stderr
        assert len(done.stderr.splitlines()) == 1

    def test_a_copy_onto_itself_is_refused(self, project: Path) -> None:
        """Of a program's own store, or of the one that is named."""
        one, other = "sqlite:///one.db", "sqlite:///other.db"
        for target, more in ((one, ()), (other, ("--from", other))):
            done = brubeck(project, "copy", "app:app", target, *more, storage_default=one)
            assert done.returncode == 2
            assert done.stderr.endswith("is in that store; name another.\n")


def test_a_copy_that_would_be_lost_is_refused(tmp_path: Path) -> None:
    """The memory is that of the command, which ends."""
    (tmp_path / "mine.py").write_text("from brubeck import Brubeck\napp = Brubeck()\n")
    done = brubeck(tmp_path, "copy", "mine:app", "memory://")
    assert done.returncode == 2
    assert "in memory would end with this command" in done.stderr
