"""The conformance suite: the definition of a storage as tests, of which none may be left out.

The author of a storage subclasses it in a test module and gets every promise tested:

    class TestMine(StorageConformance):
        def make_storage(self, clock):
            return MyStorage('my://127.0.0.1', clock=clock)

        def another(self, storage, clock):
            return MyStorage('my://127.0.0.1', clock=clock)

`make_storage` returns an empty storage each time, and `another` opens it as a second process
would; they are closed after each test. The suite needs pytest and Hypothesis, and is imported by
tests alone.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from brubeck.storage.conformance.base import HISTORIES, START
from brubeck.storage.conformance.concurrency import Sharing
from brubeck.storage.conformance.machine import SCHEMA, StreamMachine
from brubeck.storage.conformance.orders import Orders
from brubeck.storage.conformance.values import Values
from brubeck.storage.conformance.visibility import Sights
from brubeck.storage.conformance.writing import Writing
from brubeck.storage.contract import Storage
from brubeck.timekeeping import HeldClock

__all__ = ["StorageConformance"]


class StorageConformance(Orders, Writing, Sights, Sharing, Values):
    """Every promise of a storage as a test."""

    histories = settings(
        deadline=None,
        max_examples=HISTORIES,
        stateful_step_count=40,
        suppress_health_check=list(HealthCheck),
    )
    """How many random histories are tried against the model, and how."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        replaced = [name for name in vars(cls) if name.startswith("test_")]
        if replaced:
            raise TypeError(f"{cls.__name__} may not replace {', '.join(replaced)}")

    def test_any_history_keeps_every_promise(self) -> None:
        """G1, G2, G3, G4, G6: they hold for any sequence of writes, walks, readers and purges."""
        storages: list[Storage] = []

        def machine() -> StreamMachine:
            clock = HeldClock(START)
            storages.append(self.make_storage(clock))
            return StreamMachine(storages[-1].records("quakes", SCHEMA), clock)

        try:
            run_state_machine_as_test(
                machine,  # type: ignore[arg-type]  # a factory does, says its documentation
                settings=self.histories,
            )
        finally:
            for storage in storages:
                storage.close()
