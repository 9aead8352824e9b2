"""How far consumers and webhooks are behind: as metrics, and as ``brubeck stats`` has it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from brubeck import Brubeck, StreamedDocument, StreamHandler
from brubeck.auth import BasicAuth
from brubeck.consumers import ConsumedChange, Consumer, catch_up
from brubeck.monitoring.backlogs import BacklogCollector
from brubeck.monitoring.metrics import Metrics
from brubeck.storage import Unavailable
from brubeck.storage.memory import MemoryStorage
from brubeck.testing import Client
from brubeck.timekeeping import HeldClock
from brubeck.webhooks import Webhooks
from tests.auth.world import basic
from tests.servers.programs import brubeck

START = 1_780_000_000_000_000


class Notes(StreamHandler):
    """Notes."""

    model = StreamedDocument
    path = "/notes"


class Hooks(Webhooks):
    """Their webhooks."""

    sources = (Notes,)
    schemes = (BasicAuth(),)
    allow_private = True


class Mail(Consumer):
    """Takes all but one."""

    stream = Notes
    attempts = 1

    def changed(self, change: ConsumedChange) -> None:
        """Refuse the item called bad."""
        if change.id == "bad":
            raise OSError("no post today")


class Programs:
    """A program with a clock that stands still."""

    def __init__(self) -> None:
        self.clock = HeldClock(START)
        self.storage = MemoryStorage(clock=self.clock)
        self.app = Brubeck(
            streams=[Notes, Hooks],
            consumers=[Mail],
            storage={"default": self.storage},
            clock=self.clock,
        )
        self.app.accounts.users.create("ella", "pass it on")
        self.notes = self.app.stream(Notes)

    def write(self, item_id: str, seconds: int) -> None:
        """Create an item so many seconds after the last one."""
        self.clock.advance(seconds * 1_000_000)
        self.notes.insert({"id": item_id})

    def figures(self) -> dict[str, float]:
        """Return the metrics that have a label, by name and labels."""
        text = Metrics(self.app).text().decode()
        found = re.findall(r"^(\w+\{.*\}) (\S+)$", text, re.MULTILINE)
        return {name: float(value) for name, value in found}


@pytest.fixture
def program() -> Iterator[Programs]:
    """Return a program with a subscription, whose consumer has begun."""
    made = Programs()
    made.write("first", 0)
    client = Client(made.app, {"Authorization": basic("ella", "pass it on")})
    hook = {"url": "http://127.0.0.1:9/", "stream": "/notes"}
    for more in ({}, {"paused": True}):
        assert client.post("/webhooks", json=hook | more).status == 201
    catch_up(made.app)
    yield made
    made.storage.close()


def test_what_is_not_delivered_counts_from_the_last_that_was(program: Programs) -> None:
    """In seconds; and dead letters."""
    program.write("bad", 5)
    catch_up(program.app)
    program.write("good", 7)
    found = program.figures()
    assert found['brubeck_consumer_behind_seconds{consumer="Mail"}'] == 7
    assert found['brubeck_consumer_dead_letters{consumer="Mail"}'] == 1
    assert found['brubeck_webhook_behind_seconds{path="/webhooks"}'] == 12
    counts = {state: found[name(state)] for state in ("active", "paused", "failing")}
    assert counts == {"active": 1, "paused": 1, "failing": 0}

    catch_up(program.app)
    assert program.figures()['brubeck_consumer_behind_seconds{consumer="Mail"}'] == 0


def name(state: str) -> str:
    """Return the name of the number of subscriptions in a state."""
    return f'brubeck_webhook_subscriptions{{path="/webhooks",state="{state}"}}'


def test_a_store_that_is_down_leaves_the_other_figures(
    program: Programs, caplog: pytest.LogCaptureFixture
) -> None:
    """With a line in the log."""
    program.storage.close()
    assert not any("consumer" in each for each in program.figures())
    assert "The backlogs are not known" in caplog.text


def test_figures_are_given_again_for_a_while(program: Programs) -> None:
    """However often they are asked for; and none is made by the registration."""
    collector = BacklogCollector(program.app)
    assert list(collector.describe()) == []
    first = collector.collect()
    program.storage.close()
    with pytest.raises(Unavailable):
        program.notes.get("first")
    assert collector.collect() == first


def test_the_command_shows_webhooks(tmp_path: Path) -> None:
    """As a table and as JSON."""
    text = "from tests.monitoring.test_backlogs import Programs\napp = Programs().app\n"
    (tmp_path / "mine.py").write_text(text)
    done = brubeck(tmp_path, "stats", "mine:app")
    assert "WEBHOOKS" in done.stdout, done.stderr
    found = json.loads(brubeck(tmp_path, "stats", "mine:app", "--json").stdout)
    assert found["webhooks"] == [
        {"path": "/webhooks", "subscriptions": 0, "paused": 0, "failing": 0, "behind": 0.0}
    ]
