"""The client in programs on eventlet or gevent, and in several threads."""

from __future__ import annotations

import subprocess
import sys
from threading import Thread
from typing import Any

import pytest

from brubeck.client import Stream
from tests.servers.programs import Program

CODE = """
import sys
from brubeck import green
green.patch(sys.argv[1])
import threading
from brubeck.client import Stream

with Stream(sys.argv[2]) as notes:
    notes.replace('green', {})
    feed = notes.follow(after='0')
    next(feed)
    reader = threading.Thread(target=list, args=(feed,))
    reader.start()
    with notes.mirror() as mirror:
        position = int(notes.replace('green', {'kind': 'x'}).etag.strip('"'))
        print(mirror.wait(lambda copy: copy.position >= position, 20), mirror['green']['kind'])
    feed.close()
    reader.join(10)  # the next checkpoint would come after 15 seconds
    print(reader.is_alive())
"""


@pytest.mark.parametrize("engine", ["eventlet", "gevent"])
def test_it_runs_on_green_threads(engine: str, memory_server: Program) -> None:
    """Reading, a mirror, and closing a feed in which another green thread waits."""
    if engine == "gevent":
        pytest.importorskip("gevent")
    url = f"http://127.0.0.1:{memory_server.port}/notes"
    command = (sys.executable, "-c", CODE, engine, url)
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.stdout == "True x\nFalse\n", done.stderr


def test_one_stream_serves_several_threads(memory_server: Program) -> None:
    """Each call has the answer to its own request."""
    found: list[Any] = []

    def work(name: str) -> None:
        for number in range(20):
            item_id = f"thread-{name}-{number}"
            made = notes.create({"id": item_id, "text": name})
            found.append((notes.get(item_id) == made, made["text"] == name))
            notes.delete(item_id, if_match=made.etag)

    with Stream(f"http://127.0.0.1:{memory_server.port}/notes") as notes:
        threads = [Thread(target=work, args=(name,)) for name in "abcdef"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert found == [(True, True)] * 120
