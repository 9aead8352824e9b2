"""The engines behave alike: each runs the same checks in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

CHECKS = """
import sys, threading, time
from brubeck import green
from brubeck.errors import ConfigError

name = sys.argv[1]
if name != "threads":
    assert green.patch(name) == name
    assert green.patch(name) == name  # once is enough
    try:
        green.patch({"eventlet": "gevent", "gevent": "eventlet"}[name])
    except ConfigError as reason:
        assert "already runs on" in str(reason)
    else:
        raise AssertionError("two engines in one process")
assert green.engine().name == name
import socket

# Spawned functions run beside each other, and what they raise is logged.
seen, done = [], green.Event()
green.spawn(lambda: 1 / 0)
green.spawn(seen.append, "spawned")
green.spawn(done.set)
assert done.wait(10)

# A pool runs only so many at once.
pool, most, running = green.Pool(3), [0], [0]
def work():
    running[0] += 1
    most[0] = max(most[0], running[0])
    green.sleep(0.02)
    running[0] -= 1
for _ in range(12):
    pool.spawn(work)
assert pool.join(10) and pool.running == 0 and most[0] == 3

# Queues and conditions of the standard library are cooperative.
queue = green.Queue(1)
green.spawn(lambda: [queue.put(n) for n in range(3)])
assert [queue.get(timeout=10) for _ in range(3)] == [0, 1, 2]

# Who has much to do lets others do something in between.
other = green.Event()
green.spawn(other.set)
until = time.monotonic() + 10
for _ in green.fairly(iter(int, 1)):
    if other.is_set() or time.monotonic() > until:
        break
assert other.is_set()

# However many have much to do at once, whoever comes waits for a few of them, not for all.
left, gaps = [150], []
def labour():
    for _ in range(8):
        green.take_turn()
        until = time.monotonic() + 0.002
        while time.monotonic() < until:
            pass
    left[0] -= 1
for _ in range(150):
    green.spawn(labour)
while left[0] > 0:
    begun = time.monotonic()
    green.sleep(0.001)  # no wait for anything: how long it really takes is what is measured
    gaps.append(time.monotonic() - begun)
assert name == "threads" or max(gaps) < 1.2, max(gaps)  # eight steps of each would be 2.4 s

# And all of them get on: no one keeps the others from their turns.
steps, first, ended = [0] * 4, [], green.Event()
def share(number):
    while steps[number] < 40:
        green.take_turn()
        until = time.monotonic() + 0.002
        while time.monotonic() < until:
            pass
        steps[number] += 1
    first.append(min(steps))
    if len(first) == 4:
        ended.set()
for number in range(4):
    green.spawn(share, number)
assert ended.wait(30)
assert first[0] > (0 if name == "threads" else 15), (name, first)  # of threads the system decides

# A time limit is kept, or at least told.
try:
    with green.timeout(0.05):
        green.sleep(0.2)
except TimeoutError:
    pass
else:
    raise AssertionError("no timeout")
with green.timeout(10):
    pass

# A stream carries more than any buffer, both ways, and can be cut from elsewhere.
listener = green.listen(green.Address("127.0.0.1", 0))
def serve():
    sock, _ = listener.accept()
    stream = green.stream(sock)
    while data := stream.recv(65536):
        stream.send(data)
    stream.close()
green.spawn(serve)
client = socket.create_connection(listener.getsockname())
sent = bytes(range(256)) * 20_000
def push():
    client.sendall(sent)
    client.shutdown(socket.SHUT_WR)
green.spawn(push)
got = b""
while data := client.recv(1 << 16):
    got += data
assert got == sent
client.close()

cut_at = []
def wait_for_cut():
    sock, _ = listener.accept()
    stream = green.stream(sock)
    green.spawn(lambda: (green.sleep(0.05), stream.cut()))
    cut_at.append(stream.recv(10))
    stream.close()
    done.set()
done.clear()
green.spawn(wait_for_cut)
client = socket.create_connection(listener.getsockname())
assert done.wait(10) and cut_at == [b""]
client.close()
listener.close()

# ZeroMQ waits without holding up anybody, and a closed socket says so.
pull = green.zmq_socket("PULL")
push = green.zmq_socket("PUSH")
push.connect(pull.bind("tcp://127.0.0.1:*"))
assert not pull.poll(0.01)
closed = green.Event()
def read():
    try:
        while True:
            seen.append(pull.recv())
    except green.Closed:
        closed.set()
green.spawn(read)
for number in range(5000):
    push.send(b"%d" % number)
until = time.monotonic() + 10
while len(seen) < 5001 and time.monotonic() < until:
    green.sleep(0.005)
assert seen[1:] == [b"%d" % n for n in range(5000)]
pull.close(); push.close()
assert closed.wait(10)
print("alike")
"""


@pytest.mark.parametrize("engine", ["threads", "eventlet", "gevent"])
def test_an_engine_does_what_the_others_do(engine: str) -> None:
    """Spawning, pools, queues, time limits, streams, ZeroMQ."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CHECKS, engine],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "alike\n"), done.stderr
    assert "ZeroDivisionError" in done.stderr


def test_an_unknown_engine_is_refused() -> None:
    """With the nearest right one."""
    code = "from brubeck import green; green.patch()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={"BRUBECK_GREEN": "eventlot"},
    )
    assert 'Did you mean "eventlet"' in done.stderr
