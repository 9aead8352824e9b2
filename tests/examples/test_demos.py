"""0.4's demos, over the embedded server and behind Mongrel2: what they show, and mistakes."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread

import pytest

from tests.servers import Caller, free_port
from tests.servers.mongrel2 import running_mongrel2
from tests.servers.programs import ROOT, brubeck_run, running

Answer = tuple[int, str]
Serve = Callable[[str], int]

ELSEWHERE = {"demo_login", "demo_jobs"}
"""These take more than a request, and have tests of their own."""
DEMOS = sorted({path.stem for path in (ROOT / "examples").glob("demo_*.py")} - ELSEWHERE)
OF_0_4 = {
    *("minimal", "noclasses", "urlargs", "auth", "autoapi", "jinja2", "jinja2_noclasses"),
    *("tornado", "mako", "mustache", "multipart", "longpolling", "wsgi"),
}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
PARTS = {"Content-Type": "multipart/form-data; boundary=b"}


def part(size: int, name: str = "file", filename: str = "five.txt") -> bytes:
    """Return a form with one file."""
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n\r\n'
    return head.encode() + b"x" * size + b"\r\n--b--\r\n"


def ask(
    port: int,
    method: str,
    target: str,
    body: bytes | str | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """Ask, and return the status and the text."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        with suppress(BrokenPipeError):  # of a body that is refused while it is sent
            connection.request(method, target, body, headers or {})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


@pytest.fixture(params=["embedded", pytest.param("mongrel2", marks=pytest.mark.mongrel2)])
def serve(request: pytest.FixtureRequest) -> Iterator[Serve]:
    """Serve a demo, and return its port; nothing but the configuration differs."""
    with ExitStack() as afterwards:

        def embedded(name: str) -> int:
            program = brubeck_run(f"examples.{name}:app", server_max_body="1MB")
            return afterwards.enter_context(program).port

        def behind_mongrel2(name: str) -> int:
            front = afterwards.enter_context(running_mongrel2())
            program = brubeck_run(
                f"examples.{name}:app",
                listen=f"{front.send_spec},{front.recv_spec}",
                server_upload_dir=str(front.uploads),
                server_max_body="1MB",
            )
            afterwards.enter_context(program)
            return front.port

        yield {"embedded": embedded, "mongrel2": behind_mongrel2}[request.param]


def shown(name: str) -> list[tuple[str, str]]:
    """Return the commands of a demo's first lines, and what they are said to print."""
    text = (ROOT / "examples" / f"{name}.py").read_text().split('"""')[1]
    found = re.findall(r"^    \$ (.+)\n((?:    [^$\n].*\n)*)", text, re.MULTILINE)
    return [
        (command, re.sub(r"^    ", "", output, flags=re.MULTILINE)) for command, output in found
    ]


MISTAKES: dict[str, list[tuple[str, str, bytes | str | None, dict[str, str], int, str]]] = {
    "minimal": [
        ("POST", "/brubeck", "", FORM, 405, "GET, HEAD, OPTIONS"),
        ("GET", "/brubeck?name=%3Cb%3E", None, {}, 200, "Take five, &lt;b&gt;!"),
        ("GET", "/brubeck?name=%FF", None, {}, 400, "not UTF-8"),
        ("GET", "/nothing", None, {}, 404, "No resource exists at /nothing."),
    ],
    "noclasses": [
        ("DELETE", "/brubeck", None, {}, 405, "GET, HEAD, OPTIONS, POST"),
        ("POST", "/brubeck", "name=<b>", FORM, 200, "&lt;b&gt; takes five."),
    ],
    "urlargs": [
        ("GET", "/class", None, {}, 404, "No resource exists at /class."),
        ("GET", "/class/%3Cb%3E", None, {}, 404, "No resource exists at"),
        ("GET", "/fun/Paul/many", None, {}, 404, "No resource exists at"),
    ],
    "auth": [
        ("POST", "/brubeck", "username=dave&password=take+six", FORM, 401, "Log in first."),
        ("POST", "/brubeck", "username=paul&password=take+five", FORM, 401, "Log in first."),
        ("POST", "/brubeck", "username=dave", FORM, 401, "Log in first."),
        ("GET", "/brubeck", None, {}, 405, "OPTIONS"),
    ],
    "autoapi": [
        ("POST", "/todo", '{"title": ""}', JSON, 422, '"pointer":"/title"'),
        ("POST", "/todo", "{", JSON, 400, "not JSON"),
        ("GET", "/todo/coffee", None, {}, 404, "404"),
    ],
    "multipart": [
        ("POST", "/", part(2 << 20), PARTS, 413, "1048576 bytes"),
        ("POST", "/", part(0, filename=""), PARTS, 400, "Choose a file first."),
        ("POST", "/", part(5, name="other"), PARTS, 400, "Choose a file first."),
        ("POST", "/", part(5)[:-20], PARTS, 400, "The form cannot be read"),
        ("POST", "/", part(900_000), PARTS, 200, "five.txt: 900000 bytes"),
    ],
    "longpolling": [
        ("GET", "/messages?after=now", None, {}, 400, "after is the number"),
        ("GET", "/messages?after=-9", None, {}, 200, '{"messages":["Take five!"],"next":1}'),
        ("POST", "/messages", "", FORM, 422, "A message has a text."),
    ],
    "wsgi": [("PUT", "/brubeck", "", FORM, 405, "GET, HEAD, OPTIONS")],
}
_PAGES = ("jinja2", "tornado", "mako", "mustache")
MISTAKES |= {
    name: [("POST", "/brubeck", "", FORM, 405, "<h1>405 Method Not Allowed</h1>")]
    for name in (*_PAGES, "jinja2_noclasses")
}
MISTAKES["jinja2_noclasses"].append(("GET", "/%3Cb%3E", None, {}, 404, "exists at /&lt;b&gt;."))


@pytest.mark.parametrize("name", DEMOS)
def test_a_demo_does_what_it_shows(serve: Serve, name: str) -> None:
    """Its commands print what stands below them, and each mistake is told."""
    port = serve(name)
    commands = shown(name)
    assert commands
    for command, output in commands:
        line = command.replace("localhost:6767", f"127.0.0.1:{port}").replace("curl ", "curl -sg ")
        done = subprocess.run(
            ["bash", "-c", line], capture_output=True, text=True, check=True, cwd=ROOT, timeout=60
        )
        printed = re.sub(r'"timestamp":\d+', '"timestamp":…', done.stdout)
        assert printed.strip() == output.strip(), command
    for method, target, body, headers, status, words in MISTAKES[name.removeprefix("demo_")]:
        found, text = ask(port, method, target, body, headers)
        assert (found, words in text) == (status, True), (method, target, found, text)


def test_every_demo_of_0_4_is_there() -> None:
    """By its name, with the command that runs it, and in the list of the README."""
    assert {f"demo_{name}" for name in OF_0_4} == {*DEMOS}
    readme = (ROOT / "README.md").read_text()
    for name in DEMOS:
        text = (ROOT / "examples" / f"{name}.py").read_text()
        assert f"    brubeck run examples.{name}:app\n" in text
        assert f"examples/{name}.py" in readme


def test_who_waits_is_told_when_something_is_sent(serve: Serve) -> None:
    """All of them, each once; who asks again from there waits for what comes next."""
    port = serve("demo_longpolling")
    answers: list[Answer] = []

    def wait(after: int) -> None:
        answers.append(ask(port, "GET", f"/messages?after={after}"))

    for number, text in enumerate(("Take", "five"), 1):
        waiting = [Thread(target=wait, args=(number - 1,)) for _ in range(20)]
        for each in waiting:
            each.start()
        assert answers == []
        assert ask(port, "POST", "/messages", f"text={text}", FORM)[0] == 200
        for each in waiting:
            each.join(60)
        assert answers == [(200, f'{{"messages":["{text}"],"next":{number}}}')] * 20
        answers.clear()


def test_who_waits_holds_nobody_up_that_wants_to_stop() -> None:
    """A long poll is answered with what there is, and the program ends."""
    with (
        brubeck_run("examples.demo_longpolling:app") as program,
        Caller(program.port) as waiting,
    ):
        waiting.get("/messages?after=0")
        assert ask(program.port, "GET", "/messages?after=x")[0] == 400  # so it waits by now
        program.process.send_signal(signal.SIGTERM)
        assert waiting.response().read() == b'{"messages":[],"next":0}'
        waiting.close()  # the server waits a while for that
        assert program.process.wait(30) == 0


def test_any_wsgi_server_serves_the_demo() -> None:
    """By the command that stands there."""
    text = (ROOT / "examples" / "demo_wsgi.py").read_text()
    command = re.findall(r"^    (gunicorn .*)$", text, re.MULTILINE)[0]
    port = free_port()
    arguments = command.replace("localhost:6767", f"127.0.0.1:{port}").split()
    with running(sys.executable, "-m", *arguments, "--no-control-socket") as program:
        program.await_output("Booting worker")
        assert ask(port, "GET", "/brubeck?name=%3Cb%3E") == (200, "Take five, &lt;b&gt;!")
        assert ask(port, "PUT", "/brubeck")[0] == 405


def test_the_page_of_the_api_asks_for_what_is_there(serve: Serve) -> None:
    """And shows nothing but as text."""
    port = serve("demo_autoapi")
    status, page = ask(port, "GET", "/")
    assert (status, "innerHTML" in page) == (200, False)
    assert {*re.findall(r'call\("(\w+)"', page)} == {"GET", "POST", "PUT", "DELETE"}
    assert {*re.findall(r'["`](/\w+)', page)} == {"/todo"}
    assert ask(port, "GET", "/todo")[0] == 200
    assert ask(port, "POST", "/todo", '{"id": "a", "title": "<b>"}', JSON)[0] == 201
    assert ask(port, "PUT", "/todo/a", '{"title": "<b>", "completed": true}', JSON)[0] == 200


@pytest.mark.mongrel2
def test_the_configuration_for_mongrel2_is_what_the_commands_take(tmp_path: Path) -> None:
    """The one beside the demos, whatever a program says."""
    config = ROOT / "examples" / "mongrel2.toml"
    command = re.findall(r"^#     brubeck (mongrel2 .*) --start$", config.read_text(), re.MULTILINE)
    done = subprocess.run(
        [sys.executable, "-m", "brubeck", *command[0].split(), "--directory", str(tmp_path)],
        cwd=ROOT,
        env={"PATH": "/usr/bin", "BRUBECK_CONFIG": str(config)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "for tcp://127.0.0.1:9999 and tcp://127.0.0.1:9998." in done.stdout, done.stderr
