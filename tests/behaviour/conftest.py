"""The connections of the behaviour suite, opened once a test process and closed at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.behaviour.connections import Answer, Ask, connections


@pytest.fixture(scope="session")
def asks() -> Iterator[dict[str, Ask]]:
    """Every connection, ready to be asked."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(opened) for name, opened in connections().items()}


Everywhere = Callable[..., Answer]


@pytest.fixture
def ask(asks: dict[str, Ask]) -> Everywhere:
    """Ask the same over every connection, and return the one answer that all of them give."""

    def everywhere(
        method: str,
        target: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        *,
        but: tuple[str, ...] = (),
    ) -> Answer:
        answers = {
            name: ask(method, target, body, headers)
            for name, ask in asks.items()
            if name not in but
        }
        first = answers["test client"]
        for name, answer in answers.items():
            assert (answer, answer.body) == (first, first.body), f"{name} answers differently"
        return first

    return everywhere
