"""The image of ``deploy/Dockerfile``: built and run where Docker is to be had."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.proxies.fronts import shipped
from tests.servers import free_port, wait_until
from tests.servers.programs import ROOT

BASE = "python:3.13-slim"
PROGRAM = """
from brubeck import Brubeck, StreamedDocument, StreamHandler

class Quakes(StreamHandler):
    model = StreamedDocument

app = Brubeck(streams=[Quakes])
"""


def docker(*arguments: str) -> str:
    """Run a command of Docker and return its output."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the Dockerfile, a program, and this version of Brubeck as a wheel.

    Skips where there is no Docker, or nowhere to get its images: then hadolint reads the file.
    """
    if shutil.which("docker") is None:
        pytest.skip("Docker is not installed: apt-get install docker.io")
    for needed in (("info",), ("pull", "--quiet", BASE)):
        done = subprocess.run(["docker", *needed], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"docker {needed[0]} fails: {done.stderr[:200]}")
    wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(tmp_path)]
    subprocess.run([*wheel, str(ROOT)], check=True)
    install = {
        'RUN pip install --no-cache-dir "brubeck>=1"': (
            "COPY *.whl /tmp/\nRUN pip install --no-cache-dir /tmp/*.whl"
        )
    }
    (tmp_path / "Dockerfile").write_text(shipped("Dockerfile", install))
    (tmp_path / "app.py").write_text(PROGRAM)
    (tmp_path / "brubeck.toml").touch()
    return tmp_path


@pytest.fixture
def port(folder: Path) -> Iterator[int]:
    """Build the image, run it, and return its port on this machine; remove both at the end."""
    port, tag = free_port(), f"brubeck-test-{free_port()}"
    docker("build", "--quiet", "--tag", tag, str(folder))
    container = docker("run", "--detach", "--publish", f"127.0.0.1:{port}:6767", tag)
    try:
        yield port
    finally:
        docker("rm", "--force", "--volumes", container)
        docker("rmi", "--force", tag)


def test_the_image_serves_a_program(port: int) -> None:
    """From its volume, and not as root."""

    def answers() -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=5) as reply:
                return bool(reply.status == 200)
        except (URLError, OSError):
            return False

    wait_until(answers, seconds=60)
    with urlopen(f"http://127.0.0.1:{port}/quakes", timeout=5) as reply:
        assert reply.status == 200
