"""A ninth attack: holds of the hub by filters, and the time of a later request's head."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.attacks.measuring import measured
from tests.servers import Caller as Connection
from tests.servers.programs import Program, brubeck_run


@pytest.fixture(scope="module")
def holds() -> dict[str, dict[str, float]]:
    """Return the longest holds, as a program on green threads has measured them."""
    found: dict[str, dict[str, float]] = measured("held_by_reading", seconds=300)
    return found


@pytest.mark.parametrize("storage", ["memory", "sqlite"])
def test_a_filter_of_many_values_over_long_lists_lets_others_be_served(
    holds: dict[str, dict[str, float]], storage: str
) -> None:
    """Fifty values are compared with a hundred of each item, one by one, for 5,000 items."""
    assert {name: hold for name, hold in holds[storage].items() if hold > 0.3} == {}


PROGRAM = """
from brubeck import Brubeck, StreamedDocument, StreamHandler

class Notes(StreamHandler):
    model = StreamedDocument
    path = '/notes'

app = Brubeck(streams=[Notes], storage='memory://')
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Serve a stream with short times."""
    folder = tmp_path_factory.mktemp("ninth")
    (folder / "program.py").write_text(PROGRAM)
    times = {f"server_{name}_timeout": "1s" for name in ("head", "body", "idle")}
    with brubeck_run("program:app", cwd=folder, **times) as program:
        yield program


PAGE, EXPORT = (b"GET /notes%b HTTP/1.1\r\nHost: h\r\n\r\n" % each for each in (b"", b".csv"))


@pytest.mark.parametrize("before", [PAGE, EXPORT], ids=["page", "export"])
@pytest.mark.parametrize("cut", [0, 20], ids=["between requests", "within a request"])
def test_the_head_of_a_later_request_has_its_time(server: Program, before: bytes, cut: int) -> None:
    """Where it begins in the bytes that end the one before, nobody looked at the clock."""
    with Connection(server.port) as caller:
        caller.socket.settimeout(8)
        caller.send(PAGE + before[:cut])  # the answer says that these bytes were read by themselves
        caller.response().read()
        caller.send(before[cut:] + b"GET /")
        caller.response().read()
        assert b" 408 " in caller.rest()
