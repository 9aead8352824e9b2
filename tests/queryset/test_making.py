"""Making querysets: where from, by what name, of what; and one's own."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from brubeck import Brubeck, StreamHandler
from brubeck.dictshield.document import Document
from brubeck.dictshield.fields import DateTimeField, ListField, StringField
from brubeck.errors import ConfigError
from brubeck.queryset import (
    AbstractQueryset,
    DictQueryset,
    MongoQueryset,
    Queryset,
    RedisQueryset,
    Result,
    SQLiteQueryset,
)
from brubeck.queryset.base import Id
from brubeck.storage import RecordSchema, Storage, Unavailable
from brubeck.storage.memory import MemoryStorage
from brubeck.streams import StreamedDocument
from brubeck.testing import Client
from tests.queryset.models import Dated, Todo
from tests.servers import wait_until
from tests.servers.mongo import MongoServer

NAMED: dict[str, Any] = {
    "sqlite": SQLiteQueryset,
    "redis": RedisQueryset,
    "mongodb": MongoQueryset,
}


class TestWhere:
    """A URL, or a storage that is open."""

    def test_each_has_its_own_name(self, url: str, name: str) -> None:
        """By which it opens its URL, when it is needed, and again after it was closed."""
        scheme = url.partition(":")[0]
        made = DictQueryset(name) if scheme == "memory" else NAMED[scheme](url, name)
        with made as queryset:
            assert queryset.create(Todo(id="a", title="one")).status == queryset.MSG_CREATED
        kept = queryset.MSG_FAILED if scheme == "memory" else queryset.MSG_OK
        assert queryset.read("a").status == kept
        queryset.close()

    def test_two_of_one_name_hold_the_same(self, storage: Storage, name: str) -> None:
        """And two of different names do not."""
        Queryset(storage, name).create(Todo(id="a", title="one"))
        assert Queryset(storage, name).read("a").status == "OK"
        assert Queryset(storage, f"{name}x").read("a").status == "Failed"

    def test_a_dictionary_is_a_world_of_its_own(self) -> None:
        """Whatever its name."""
        DictQueryset("todos").create(Todo(id="a", title="one"))
        assert list(DictQueryset("todos").read()) == []

    def test_who_comes_first_opens_the_only_storage(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Though several come at once."""
        queryset, barrier = DictQueryset(), Barrier(4, timeout=30)
        opened: list[Storage] = []

        def slowly(url: str, **_: Any) -> Storage:
            made = MemoryStorage()
            opened.append(made)
            barrier.wait()
            return made

        monkeypatch.setattr("brubeck.queryset.stored.open_storage", slowly)
        with ThreadPoolExecutor(4) as pool:
            found = set(pool.map(lambda _: queryset.storage, range(4)))
        assert len(found) == 1
        assert len(opened) == 4
        for storage in set(opened) - found:
            with pytest.raises(Unavailable):
                storage.records("x", RecordSchema())

    def test_closing_leaves_a_storage_that_was_given_open(self) -> None:
        """It belongs to whoever opened it."""
        storage = MemoryStorage()
        with Queryset(storage) as queryset:
            queryset.create(Todo(id="a", title="one"))
        assert queryset.read("a").status == queryset.MSG_OK

    def test_a_storage_that_is_down_says_so(self) -> None:
        """As it does to everyone."""
        storage = MemoryStorage()
        queryset = Queryset(storage)
        storage.close()
        for call in (queryset.read, queryset.destroy):
            with pytest.raises(Unavailable):
                call("a")

    @pytest.mark.parametrize(
        ("kind", "given", "said"),
        [
            (RedisQueryset, "mongodb://x", "RedisQueryset takes a URL of redis://, "),
            (MongoQueryset, "todos", "MongoQueryset takes a URL of mongodb://"),
            (SQLiteQueryset, object(), "object is neither"),
            (Queryset, None, "a Storage"),
        ],
    )
    def test_what_is_no_storage_is_refused_at_once(self, kind: Any, given: Any, said: str) -> None:
        """Where the mistake is, and not at the first call."""
        with pytest.raises(ConfigError, match=said):
            kind(given)

    def test_the_url_may_be_of_any_storage(self) -> None:
        """And one of none says so when it is opened, without its secrets."""
        assert Queryset("memory://").storage.shared is False
        with pytest.raises(ConfigError, match="is not the URL") as caught:
            Queryset("oracle://me:secret@host").storage  # noqa: B018
        assert "secret" not in str(caught.value)

    def test_making_one_opens_nothing(self, tmp_path: Path) -> None:
        """A program makes them while it is imported."""
        SQLiteQueryset(f"sqlite:///{tmp_path}/todos.db")
        RedisQueryset("redis://127.0.0.1:1")
        assert list(tmp_path.iterdir()) == []
        code = (
            "import sys; from brubeck.queryset import *;"
            "RedisQueryset('redis://x'); MongoQueryset('mongodb://x'); DictQueryset();"
            "print([name for name in ('redis', 'pymongo', 'bson') if name in sys.modules])"
        )
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == "[]"


class TestModel:
    """With the class of its documents, a queryset gives them back as such."""

    def test_what_is_read_is_documents(self, storage: Storage, name: str) -> None:
        """With the values that went in."""
        queryset = Queryset(storage, name, model=Dated)
        due = datetime(2026, 3, 1, 12, 30)  # noqa: DTZ001, dictshield's are UTC without saying so
        made = Dated(id="a", title="one", due=due, created_at=1)
        queryset.create(made)
        assert queryset.read("a") == (queryset.MSG_OK, made)
        assert isinstance(queryset.read("a").datum, Dated)
        assert list(queryset.read()) == queryset.read(["a"]) == [("OK", made)]
        assert queryset.destroy("a") == (queryset.MSG_UPDATED, made)

    def test_its_name_is_the_models(self) -> None:
        """Unless it has one of its own."""
        assert Queryset("memory://", model=Todo).name == "todo"
        assert Queryset("memory://", "mine", model=Todo).name == "mine"
        assert Queryset("memory://").name == "documents"

    def test_its_id_has_to_be_there(self) -> None:
        """Said where the queryset is made."""
        with pytest.raises(ConfigError, match=r"Todo has no field \"slug\""):
            DictQueryset(model=Todo, api_id="slug")

    def test_mongodb_shows_dates_as_dates(self, mongo_server: MongoServer, name: str) -> None:
        """It knows from the model which they are."""

        class Meeting(Document):
            due = DateTimeField()
            moved_from = ListField(DateTimeField())

            class Meta:
                id_field = StringField

        url = f"mongodb://127.0.0.1:{mongo_server.port}/{name}"
        due = datetime(2026, 3, 1, 12, 30)  # noqa: DTZ001
        with MongoQueryset(url, model=Meeting) as queryset:
            queryset.create(Meeting(id="a", due=due, moved_from=[due]))
        with mongo_server.client() as client:
            (collection,) = (
                each
                for each in client[name].list_collection_names()
                if each.endswith("meeting") and not each.startswith("brubeck.")
            )
            found = client[name][collection].find_one("a")
            assert found is not None
            assert (found["due"], found["moved_from"]) == (due, [due])


def test_a_stream_shows_what_a_queryset_keeps(storage: Storage, name: str) -> None:
    """And the other way round, with the times that both need."""

    class Note(StreamedDocument):
        text = StringField()

    class Notes(StreamHandler):
        model = Note
        path = f"/{name}"

    client = Client(Brubeck(streams=[Notes], storage={"default": storage}))
    queryset = Queryset(storage, name, model=Note)
    note = Note(id="a", text="one")
    queryset.create(note)
    (shown,) = client.get(f"/{name}").json()["data"]
    assert shown == {"id": "a", "text": "one", "created_at": note.created_at}
    changed = client.patch(f"/{name}/a", json={"text": "two"})
    assert changed.status == 200
    found = queryset.read("a").datum
    assert (found.text, found.created_at) == ("two", note.created_at)
    assert queryset.update(Note(id="a", text="three", created_at=5)).status == "Updated"
    (shown,) = client.get(f"/{name}").json()["data"]
    assert (shown["text"], shown["created_at"]) == ("three", note.created_at)


def test_a_stream_filters_what_a_queryset_keeps(url: str, storage: Storage, name: str) -> None:
    """What was there before it, and what is written later by one who knows of no filters."""

    class Note(StreamedDocument):
        text = StringField()

    class Notes(StreamHandler):
        model = Note
        path = f"/{name}"
        filters = ("text",)

    with Queryset(url if storage.shared else storage, name) as queryset:
        queryset.create([Note(id="a", text="one"), Note(id="b", text="two")])
        client = Client(Brubeck(streams=[Notes], storage={"default": storage}))

        def found() -> list[str]:
            return [each["id"] for each in client.get(f"/{name}?text=one").json()["data"]]

        wait_until(lambda: client.get(f"/{name}?text=one").status == 200)
        assert found() == ["a"]
        queryset.create(Note(id="c", text="one"))
        queryset.update(Note(id="b", text="one"))
        queryset.update(Note(id="a", text="two"))
        assert sorted(found()) == ["b", "c"]


class Repository(AbstractQueryset):
    """A queryset of one's own, as 0.4's programs wrote them."""

    def __init__(self) -> None:
        super().__init__(db_conn={}, api_id="id")

    def create_one(self, shield: Document) -> Result:
        """Keep it."""
        self.db_conn[str(getattr(shield, self.api_id))] = shield
        return Result(self.MSG_CREATED, shield)

    def update_one(self, shield: Document) -> Result:
        """Keep it."""
        return Result(self.MSG_UPDATED, self.create_one(shield).datum)

    def read_one(self, iid: Id) -> Result:
        """Return it."""
        return Result(self.MSG_OK, self.db_conn[str(iid)])

    def read_all(self) -> list[Result]:
        """Return them."""
        return [self.read_one(iid) for iid in self.db_conn]

    def destroy_one(self, iid: Id) -> Result:
        """Forget it."""
        return Result(self.MSG_UPDATED, self.db_conn.pop(str(iid)))


class TestOnesOwn:
    """What a subclass of `AbstractQueryset` has to bring."""

    def test_five_methods_are_a_queryset(self) -> None:
        """The rest comes down to them."""
        repository, todos = Repository(), [Todo(id="a", title="one"), Todo(id="b", title="two")]
        assert repository.create(todos) == [("Created", each) for each in todos]
        assert repository.create(todos[0]) == ("Created", todos[0])
        assert repository.update(todos) == [("Updated", each) for each in todos]
        assert repository.update(todos[0]) == ("Updated", todos[0])
        assert repository.read() == repository.read(["a", "b"]) == [("OK", each) for each in todos]
        assert repository.read("b") == ("OK", todos[1])
        assert repository.destroy("a") == ("Updated", todos[0])
        assert repository.destroy(["b"]) == [("Updated", todos[1])]
        assert repository.read() == []

    def test_what_it_does_not_bring_it_cannot_do(self) -> None:
        """And says so."""
        bare = AbstractQueryset()
        todo = Todo(id="a", title="one")
        for call in (
            lambda: bare.create(todo),
            bare.read,
            lambda: bare.read("a"),
            lambda: bare.update(todo),
            lambda: bare.destroy("a"),
        ):
            with pytest.raises(NotImplementedError):
                call()
