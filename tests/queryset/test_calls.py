"""The four calls, on every storage alike."""

from __future__ import annotations

from itertools import islice
from uuid import UUID

import pytest

from brubeck.canonical import MAX_BYTES
from brubeck.dictshield.base import ShieldException
from brubeck.dictshield.document import Document
from brubeck.dictshield.fields import (
    BaseField,
    DateTimeField,
    DictField,
    IntField,
    MD5Field,
    ObjectIdField,
    StringField,
)
from brubeck.documents import repository
from brubeck.errors import ConfigError
from brubeck.queryset import Queryset
from brubeck.storage import NotCanonical, Page, PageQuery, Storage
from brubeck.timekeeping import HeldClock
from tests.queryset.models import Dated, Todo


@pytest.fixture
def queryset(storage: Storage, name: str) -> Queryset:
    """Return an empty queryset on each storage."""
    return Queryset(storage, name)


def titles(queryset: Queryset) -> list[str]:
    """Return what there is, as it comes."""
    return [datum["title"] for _, datum in queryset.read()]


class TestOneOrMany:
    """What each call answers; the words are 0.4's."""

    def test_a_document_lives(self, queryset: Queryset) -> None:
        """Created, read, updated, destroyed, gone."""
        todo = Todo(id="a", title="So what")
        assert queryset.create(todo) == (queryset.MSG_CREATED, todo)
        assert queryset.read("a") == (queryset.MSG_OK, {"id": "a", "title": "So what"})
        todo.title = "All blues"
        assert queryset.update(todo) == (queryset.MSG_UPDATED, todo)
        assert queryset.destroy("a") == (queryset.MSG_UPDATED, {"id": "a", "title": "All blues"})
        assert queryset.read("a") == (queryset.MSG_FAILED, "a")
        assert queryset.destroy("a") == (queryset.MSG_NOTFOUND, "a")

    def test_the_document_given_is_the_one_answered(self, queryset: Queryset) -> None:
        """Itself, with the id that it was given."""
        todo = Todo(title="So what")
        assert queryset.create(todo).datum is todo
        assert queryset.update([todo])[0].datum is todo
        assert queryset.read(todo.id).datum["title"] == "So what"

    def test_creating_what_is_there_replaces_it(self, queryset: Queryset) -> None:
        """Whole: what the new one lacks is gone."""
        queryset.create(Todo(id="a", title="one", order=1))
        status, _ = queryset.create(Todo(id="a", title="two"))
        assert status == queryset.MSG_UPDATED
        assert queryset.read("a").datum == {"id": "a", "title": "two"}

    def test_updating_what_is_not_there_creates_it(self, queryset: Queryset) -> None:
        """And says so."""
        assert queryset.update(Todo(id="a", title="one")).status == queryset.MSG_CREATED
        assert queryset.update(Todo(id="a", title="two")).status == queryset.MSG_UPDATED

    def test_a_destroyed_document_can_be_created_again(self, queryset: Queryset) -> None:
        """As a new one."""
        queryset.create(Todo(id="a", title="one"))
        queryset.destroy("a")
        assert queryset.create(Todo(id="a", title="two")).status == queryset.MSG_CREATED
        assert titles(queryset) == ["two"]

    def test_each_of_several_fares_by_itself_and_keeps_its_place(self, queryset: Queryset) -> None:
        """One that is refused holds up no other."""
        queryset.create(Todo(id="b", title="old"))
        todos = [
            Todo(id="a", title="one"),
            Todo(id="b", title="two"),
            Todo(id="c"),
            Todo(id="d e", title="four"),
            Todo(id="f", title="five"),
        ]
        results = queryset.create(todos)
        assert [status for status, _ in results] == [
            *("Created", "Updated", "Failed", "Failed", "Created")
        ]
        assert all(datum is todo for (_, datum), todo in zip(results, todos, strict=True))
        found = queryset.read(["f", "none", "a", "f"])
        assert [status for status, _ in found] == ["OK", "Failed", "OK", "OK"]
        assert found[1].datum == "none"
        gone = queryset.destroy(("a", "none", "b", "a"))
        assert [status for status, _ in gone] == ["Updated", "Not Found", "Updated", "Not Found"]
        assert titles(queryset) == ["five"]

    def test_the_last_of_several_of_one_id_stays(self, queryset: Queryset) -> None:
        """They are done in their order."""
        results = queryset.update([Todo(id="a", title=f"{n}") for n in range(9)])
        assert [status for status, _ in results] == ["Created"] + 8 * ["Updated"]
        assert titles(queryset) == ["8"]

    def test_several_may_be_none_or_more_than_a_batch(
        self, queryset: Queryset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An empty list is a list, not everything."""
        monkeypatch.setattr(repository, "RECORDS_AT_ONCE", 3)
        monkeypatch.setattr(repository, "RECORDS_AT_ONCE", 3)
        todos = [Todo(id=f"i{n}", title=f"{n}") for n in range(10)]
        assert {status for status, _ in queryset.create(todos)} == {"Created"}
        assert queryset.create([]) == queryset.update([]) == queryset.destroy([]) == []
        assert queryset.read([]) == []
        read = queryset.read([f"i{n}" for n in range(10)])
        assert [datum["title"] for _, datum in read] == [f"{n}" for n in range(10)]
        assert sorted(titles(queryset)) == [f"{n}" for n in range(10)]
        destroyed = queryset.destroy([f"i{n}" for n in range(10)])
        assert [datum["title"] for _, datum in destroyed] == [f"{n}" for n in range(10)]

    def test_what_was_read_is_nobody_elses(self, queryset: Queryset) -> None:
        """Changing it changes nothing that is stored."""
        queryset.create(Todo(id="a", title="one"))
        queryset.read("a").datum["title"] = "two"
        assert queryset.read("a").datum["title"] == "one"


class TestEverything:
    """Reading without an id."""

    def test_the_newest_comes_first(self, storage: Storage, name: str) -> None:
        """By when each was made, and the id where that is the same."""
        clock = HeldClock(1_000)
        queryset = Queryset(storage, name, clock=clock)
        for each in "bca":
            queryset.create(Todo(id=each, title=each))
            clock.advance(1_000 * (each == "c"))
        assert titles(queryset) == ["a", "c", "b"]
        queryset.update(Todo(id="b", title="b, later"))
        assert titles(queryset) == ["a", "c", "b, later"]

    def test_it_is_read_page_by_page_and_again(
        self, queryset: Queryset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No more pages than are looked at; an empty text, as in a URL, means everything too."""
        monkeypatch.setattr(repository, "RECORDS_AT_ONCE", 2)
        queryset.create([Todo(id=f"i{n}", title=f"{n}") for n in range(7)])
        pages = []
        page = queryset.stream.page

        def watched(query: PageQuery) -> Page:
            pages.append(query)
            return page(query)

        monkeypatch.setattr(queryset.stream, "page", watched)
        everything = queryset.read("")
        assert not pages
        assert len(list(islice(everything, 3))) == 3
        assert len(pages) == 2
        assert len(list(everything)) == len(list(everything)) == 7

    def test_writing_meanwhile_loses_nothing_else(
        self, queryset: Queryset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is there throughout comes once."""
        monkeypatch.setattr(repository, "RECORDS_AT_ONCE", 2)
        queryset.create([Todo(id=f"i{n}", title="old") for n in range(8)])
        seen = []
        for _, datum in queryset.read():
            seen.append(datum["id"])
            queryset.destroy(seen[0])
            queryset.update(Todo(id=seen[-1], title="new") if len(seen) > 1 else Todo(title="x"))
        assert sorted(seen) == [f"i{n}" for n in range(8)]


class TestIds:
    """Ids are texts, whatever they were."""

    def test_an_id_of_any_type_stands_for_its_text(self, queryset: Queryset) -> None:
        """A UUID, a number, an ObjectId."""

        class Unique(Document):
            pass

        class Counted(Document):
            class Meta:
                id_field = IntField

        class Mongos(Document):
            class Meta:
                id_field = ObjectIdField

        uuid, object_id = "1b4bb755-f544-4b1b-ba25-c7a4fd99442c", "5f43a2b1c3d4e5f6a7b8c9d0"
        made = [Unique(id=UUID(uuid)), Counted(id=0), Mongos(id=object_id)]
        assert [status for status, _ in queryset.create(made)] == 3 * ["Created"]
        for given, text in zip(made, (uuid, "0", object_id), strict=True):
            assert queryset.read(given.id) == queryset.read(text) == queryset.read([given.id])[0]
            assert queryset.read(text).status == queryset.MSG_OK
            assert queryset.destroy(given.id).status == queryset.MSG_UPDATED
        assert queryset.read(UUID(uuid)) == queryset.read(uuid) == (queryset.MSG_FAILED, uuid)
        assert queryset.destroy(7) == (queryset.MSG_NOTFOUND, "7")

    @pytest.mark.parametrize("kind", [None, StringField, ObjectIdField])
    def test_a_new_document_is_given_an_id(self, queryset: Queryset, kind: object) -> None:
        """One that its field takes, and another for each."""

        class New(Document):
            class Meta:
                id_field = kind

        made = [New() for _ in range(50)]
        assert {status for status, _ in queryset.create(made)} == {"Created"}
        assert len({str(each.id) for each in made}) == 50
        assert all(each.validate() for each in made)

    def test_an_id_that_cannot_be_made_is_asked_for(self, queryset: Queryset) -> None:
        """And so is that of an update, which says nothing without."""

        class Hashed(Document):
            class Meta:
                id_field = MD5Field

        for result in (queryset.create(Hashed()), queryset.update(Todo(title="x"))):
            assert result.status == queryset.MSG_FAILED
            assert isinstance(result.error, ShieldException)
            assert result.error.errors == [("/id", "A document is stored by its id.")]

    @pytest.mark.parametrize(
        "bad", ["", "a b", "changes", "-a", "a/b", "é", "a" * 129, "a\0", "\ud800"]
    )
    def test_what_no_storage_has_to_take_is_no_id(self, queryset: Queryset, bad: str) -> None:
        """It cannot be stored, and so it is not there."""
        result = queryset.create(Todo(id=bad, title="x"))
        assert result.status == queryset.MSG_FAILED
        assert isinstance(result.error, ShieldException)
        assert result.error.pointer == "/id"
        assert queryset.read([bad]) == [(queryset.MSG_FAILED, bad)]
        assert queryset.destroy([bad]) == [(queryset.MSG_NOTFOUND, bad)]

    def test_another_field_may_be_the_id(self, storage: Storage, name: str) -> None:
        """Named when the queryset is made."""
        queryset = Queryset(storage, name, api_id="title")
        assert queryset.create(Todo(title="blue-rondo")).status == queryset.MSG_CREATED
        assert queryset.read("blue-rondo").datum == {"title": "blue-rondo"}
        with pytest.raises(ConfigError, match=r'no field "titel".*Did you mean "title"'):
            Queryset(storage, name, api_id="titel").create(Todo(title="x"))


class AnythingField(BaseField[object]):
    """A field of somebody's own that lets everything through."""

    def require_type(self, native: object) -> None:
        """Take it."""

    def accept(self, value: object, *_: object) -> object:
        """Take it."""
        return value


class TestRefusals:
    """What cannot be kept is refused, with the reason."""

    def test_a_document_that_is_not_valid_says_every_reason(self, queryset: Queryset) -> None:
        """As its own `validate` does."""
        result = queryset.create(Todo(id="a", order="first"))
        assert isinstance(result.error, ShieldException)
        assert {pointer for pointer, _ in result.error.errors} == {"/title", "/order"}
        assert queryset.read("a").status == queryset.MSG_FAILED

    def test_a_document_that_is_not_canonical_is_refused(self, queryset: Queryset) -> None:
        """Among others that are stored."""
        long = Todo(id="long", title="x" * MAX_BYTES)
        results = queryset.create([Todo(id="a", title="one"), long, Todo(id="b", title="two")])
        assert [status for status, _ in results] == ["Created", "Failed", "Created"]
        assert results[1].datum is long
        assert isinstance(results[1].error, NotCanonical)
        assert str(MAX_BYTES) in str(results[1].error)

    def test_a_field_that_takes_anything_takes_no_more_than_json(self, queryset: Queryset) -> None:
        """Whatever it makes of its values."""

        class Loose(Document):
            anything = AnythingField()

            class Meta:
                id_field = StringField

        for value in (object(), {"deep": "\0"}, 1 << 70):
            result = queryset.create(Loose(id="a", anything=value))
            assert result.status == queryset.MSG_FAILED
            assert isinstance(result.error, NotCanonical)

    def test_numbers_that_are_none_are_not_nulled(self, queryset: Queryset) -> None:
        """NaN is refused, not stored as something else."""

        class Loose(Document):
            data = DictField()

            class Meta:
                id_field = StringField

        result = queryset.create(Loose(id="a", data={"n": float("nan")}))
        assert result.status == queryset.MSG_FAILED

    def test_what_is_no_document_is_the_programs_mistake(self, queryset: Queryset) -> None:
        """Nothing is written, not even what came before it."""
        with pytest.raises(TypeError, match="dict"):
            queryset.create([Todo(id="a", title="one"), {"id": "b"}])
        assert titles(queryset) == []


class TestTime:
    """When a document was made."""

    def test_a_document_without_a_time_gets_the_present_one(
        self, storage: Storage, name: str
    ) -> None:
        """Once: it stays through updates, and a new life has its own."""
        clock = HeldClock(7_000)
        queryset = Queryset(storage, name, clock=clock)
        dated = Dated(id="a", title="one")
        queryset.create(dated)
        assert dated.created_at == 7
        clock.advance(5_000)
        again = Dated(id="a", title="two", created_at=99)
        queryset.update(again)
        assert again.created_at == queryset.read("a").datum["created_at"] == 7
        queryset.destroy("a")
        queryset.update(Dated(id="a"))
        assert queryset.read("a").datum["created_at"] == 12

    def test_a_time_of_another_kind_is_a_place_too(self, storage: Storage, name: str) -> None:
        """A date; what is none counts for nothing."""

        class Moment(Document):
            created_at = DateTimeField()

            class Meta:
                id_field = StringField

        class Note(Document):
            created_at = StringField()

            class Meta:
                id_field = StringField

        queryset = Queryset(storage, name, clock=HeldClock(3_000))
        queryset.create(Moment(id="m", created_at="1970-01-01T00:00:00.002Z"))
        queryset.create(Note(id="n", created_at="yesterday"))
        queryset.create(Moment(id="z", created_at="1970-01-01T00:00:00.004Z"))
        queryset.create(Moment(id="y"))
        assert [datum["id"] for _, datum in queryset.read()] == ["z", "y", "n", "m"]
        assert queryset.read("n").datum["created_at"] == "yesterday"
