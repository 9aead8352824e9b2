"""Any sequence of calls does to a storage what it does to a dictionary."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brubeck.queryset import Queryset, Result
from brubeck.storage import Storage
from brubeck.timekeeping import HeldClock
from tests.queryset.models import Dated

NOW = 5

ids = st.sampled_from(["a", "b", "c", "not an id"])
documents = st.builds(
    Dated,
    id=ids,
    title=st.sampled_from(["one", "two", "nul \0"]),
    created_at=st.none() | st.integers(-2, 9),
)
calls = st.one_of(
    st.tuples(st.sampled_from(["create", "update"]), documents | st.lists(documents, max_size=5)),
    st.tuples(st.sampled_from(["read", "destroy"]), ids | st.lists(ids, max_size=5)),
    st.just(("read", None)),
)


class Model:
    """What a queryset is to be: a dictionary of what JSON says, and when each life began."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}
        self.began: dict[str, int] = {}

    def answer(self, call: str, given: Any) -> Any:
        if given is None:
            newest = sorted(self.kept, key=lambda each: (self.began[each], each), reverse=True)
            return [("OK", self.kept[each]) for each in newest]
        known: dict[str, Any] = {"read": self.read, "destroy": self.destroy}
        one = known.get(call, self.save)
        return [one(each) for each in given] if isinstance(given, list) else one(given)

    def save(self, shield: Dated) -> tuple[str, Any]:
        title: str = shield["title"]
        if shield.id == "not an id" or "\0" in title:
            return "Failed", shield
        there = shield.id in self.kept
        if not there:
            given = shield["created_at"]
            self.began[shield.id] = NOW if given is None else given
        began = self.began[shield.id]
        self.kept[shield.id] = {"id": shield.id, "title": title, "created_at": began}
        return "Updated" if there else "Created", shield

    def read(self, iid: str) -> tuple[str, Any]:
        return ("OK", self.kept[iid]) if iid in self.kept else ("Failed", iid)

    def destroy(self, iid: str) -> tuple[str, Any]:
        return ("Updated", self.kept.pop(iid)) if iid in self.kept else ("Not Found", iid)


@given(history=st.lists(calls, max_size=12))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_history_ends_as_it_would_with_a_dictionary(
    storage: Storage, history: list[tuple[str, Any]]
) -> None:
    """Every answer on the way, and everything at the end."""
    queryset = Queryset(storage, f"h{uuid4().hex}", clock=HeldClock(NOW * 1000))
    model = Model()
    for call, argument in [*history, ("read", None)]:
        expected = model.answer(call, argument)
        found: Any = getattr(queryset, call)(argument)
        one = isinstance(found, Result)
        assert (found if one else list(found)) == expected
        # What was refused says why, and nothing else does.
        for result in [found] if one else found:
            refused = result.status == "Failed" and isinstance(result.datum, Dated)
            assert (result.error is not None) == refused
