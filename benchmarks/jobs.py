"""Small jobs a second, from the first one sent to the last one done, by one worker process.

Each contestant has a Redis of its own, started anew for each round; each keeps what jobs return.
One process sends while the worker works; both share this machine's cores with the Redis.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import msgspec
import redis

JOBS = 4_000
ROUNDS = 5
PATIENCE = 120.0


class Contestant(msgspec.Struct, frozen=True):
    """A queue of jobs: its name, the module that has `send`, and the command of its worker."""

    name: str
    module: str
    worker: tuple[str, ...]


_CELERY = ("celery", "-A", "benchmarks.servers.celery_jobs", "worker", "--without-gossip")
CONTESTANTS = (
    Contestant(
        "Brubeck, ten threads",
        "benchmarks.servers.brubeck_jobs",
        ("brubeck", "work", "benchmarks.servers.brubeck_jobs:app"),
    ),
    Contestant(
        "Celery, ten threads", "benchmarks.servers.celery_jobs", (*_CELERY, "-P", "threads", "-c10")
    ),
    Contestant(
        "Celery, one process", "benchmarks.servers.celery_jobs", (*_CELERY, "-P", "prefork", "-c1")
    ),
    Contestant(
        "RQ, no process a job",
        "benchmarks.servers.rq_jobs",
        ("rq", "worker", "--worker-class", "rq.SimpleWorker", "--url", "JOBS_REDIS"),
    ),
    Contestant(
        "RQ, as it comes",
        "benchmarks.servers.rq_jobs",
        ("rq", "worker", "--url", "JOBS_REDIS"),
    ),
)
SLOW = {"RQ, as it comes": 10}
"""Who gets only one job in so many, so that a round ends."""

_SEND = """
import sys, time
from importlib import import_module
send = import_module(sys.argv[1]).send
start = time.perf_counter()
for number in range(int(sys.argv[2])):
    send(number)
print(time.perf_counter() - start)
"""


@contextmanager
def _redis() -> Iterator[str]:
    program = shutil.which("redis-server")
    if program is None:
        raise SystemExit("redis-server is not installed: apt-get install redis-server")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [program, "--port", f"{port}", "--bind", "127.0.0.1", "--save", ""]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(20)


def _await(client: redis.Redis, count: int) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            if int(client.get("done") or 0) >= count:
                return
        except redis.ConnectionError:
            pass  # it is starting
        if time.monotonic() > until:
            raise SystemExit(f"{client.get('done')!r} of {count} jobs were done.")
        time.sleep(0.005)


def race(contestant: Contestant) -> tuple[float, float]:
    """Return how many jobs a second were sent, and how many were done, in one round."""
    jobs = JOBS // SLOW.get(contestant.name, 1)
    with _redis() as url:
        environ = os.environ | {"JOBS_REDIS": url}
        words = [url if word == "JOBS_REDIS" else word for word in contestant.worker]
        worker = subprocess.Popen(
            [str(Path(sys.executable).with_name(words[0])), *words[1:]],
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        sender = [sys.executable, "-c", _SEND, contestant.module]
        client = redis.Redis.from_url(url)
        try:
            _await(client, 0)
            subprocess.run([*sender, "10"], env=environ, check=True, stdout=subprocess.DEVNULL)
            _await(client, 10)  # the worker is awake
            start = time.perf_counter()
            with subprocess.Popen(
                [*sender, f"{jobs}"], env=environ, stdout=subprocess.PIPE, text=True
            ) as sending:
                _await(client, 11)
                start = time.perf_counter()
                _await(client, jobs + 10)
                done = (jobs - 1) / (time.perf_counter() - start)
                assert sending.stdout is not None
                sent = jobs / float(sending.stdout.read())
        finally:
            worker.terminate()
            worker.wait(30)
            client.close()
    return sent, done


def table() -> str:
    """Return the table of jobs."""
    rounds = [[race(each) for each in CONTESTANTS] for _ in range(ROUNDS)]
    lines = [
        f"### {JOBS:,} small jobs, one worker process",
        "",
        "| | sent a second | done a second | Brubeck has |",
        "| --- | ---: | ---: | ---: |",
    ]
    for place, contestant in enumerate(CONTESTANTS):
        sent = median(each[place][0] for each in rounds)
        done = median(each[place][1] for each in rounds)
        ratio = median(each[0][1] / each[place][1] for each in rounds)
        told = "" if place == 0 else f"{ratio:.2f} x"
        lines.append(f"| {contestant.name} | {sent:,.0f} | {done:,.0f} | {told} |")
    return "\n".join([*lines, ""])
