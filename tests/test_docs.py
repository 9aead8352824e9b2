"""What the documentation shows is so."""

from __future__ import annotations

import doctest
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from brubeck import WebMessageHandler
from brubeck.config import SETTINGS
from brubeck.http.forms import FormLimits
from brubeck.streams.context import Hooks
from brubeck.streams.declaration_checks import DECLARATIONS, OF_AUTH
from tests.servers import Caller, free_port, wait_until
from tests.servers.mongrel2 import running_mongrel2
from tests.servers.programs import Program, running

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(text: str, language: str) -> list[str]:
    """Return the code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def session(text: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a document's consoles with what it prints."""
    for block in blocks(text, "console"):
        for entry in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = entry.partition("\n")
            yield command, output


@pytest.fixture(scope="module")
def demo() -> Iterator[Program]:
    """Serve the whole week, as `make demo` does with no options."""
    command = (sys.executable, "-W", "error", "-m", "examples.earthquakes")
    with running(*command, "--listen", "http://127.0.0.1:0") as program:
        program.await_output("Ctrl-C stops it")
        found = re.search(r"Brubeck on http://127\.0\.0\.1:(\d+)", program.output)
        assert found is not None
        program.port = int(found[1])
        yield program


def comparable(text: str) -> Any:
    """Return an answer without its positions and era, which are new in each process."""
    bare = re.sub(r"\d{16}(~[0-9a-f]{8})?", "<place>", text).strip()
    return json.loads(bare.replace(":<place>", ":0")) if bare.startswith("{") else bare


FOLLOWING = (ROOT / "docs" / "following.md").read_text()
CURLS = [
    (command, output)
    for text in (README, FOLLOWING)
    for command, output in session(text)
    if command.startswith("curl")
]


@pytest.mark.parametrize(("command", "output"), CURLS, ids=range(len(CURLS)))
def test_a_console_shows_real_output(demo: Program, command: str, output: str) -> None:
    """Each curl line prints what stands below it."""
    arguments = shlex.split(command.replace(":6767", f":{demo.port}"))
    if "-N" in arguments:
        arguments += ["--max-time", "2"]
    done = subprocess.run([*arguments, "-sS"], capture_output=True, text=True, check=False)
    assert comparable(done.stdout) == comparable(output)


def test_the_demo_says_what_to_type_and_stops_cleanly(demo: Program) -> None:
    """Three lines, and no traceback at Ctrl-C."""
    typed = [line for line in demo.output.splitlines() if line.strip().startswith("curl ")]
    assert len(typed) == 3
    with running(
        sys.executable, "-m", "examples.earthquakes", "--listen", "http://127.0.0.1:0"
    ) as own:
        own.await_output("Ctrl-C stops it")
        assert own.stop(2) == 0
        assert "Traceback" not in own.output


def test_the_week_can_be_followed_as_it_is_played() -> None:
    """Reports appear when they were published, and the changes show them."""
    options = ("--listen", "http://127.0.0.1:0", "--replay", "100000")
    with running(sys.executable, "-m", "examples.earthquakes", *options) as program:
        program.await_output("The week is over")
        found = re.search(r"Brubeck on http://127\.0\.0\.1:(\d+)", program.output)
        assert found is not None
        with Caller(int(found[1])) as caller:
            caller.get("/quakes?total=true&limit=1")
            assert json.loads(caller.response().read())["paging"]["total"] == 1707


def test_the_first_snippet_answers_behind_a_real_mongrel2() -> None:
    """Word for word, on the addresses that it names."""
    snippet = next(block for block in blocks(README, "python") if "DemoHandler" in block)
    with running_mongrel2() as front:
        front.stop()
        front.send_spec, front.recv_spec = "ipc://127.0.0.1:9999", "ipc://127.0.0.1:9998"
        front.start()
        program = front.directory / "program.py"
        program.write_text(snippet)
        with running(sys.executable, "-W", "error", str(program), cwd=front.directory) as started:
            started.await_output("Ctrl-C stops it")

            def takes_five() -> bool:
                with Caller(front.port) as caller:
                    caller.get("/brubeck")
                    response = caller.response()
                    return (response.status, response.read()) == (200, b"Take five!")

            wait_until(takes_five, seconds=30)


def assert_it_serves(started: Program) -> None:
    """Wait for the line of the start, and ask for the stream, which is empty."""
    started.await_output("Ctrl-C stops it")
    found = re.search(r"Brubeck on http://127\.0\.0\.1:(\d+)", started.output)
    assert found is not None
    with Caller(int(found[1])) as caller:
        caller.get("/quakes")
        assert json.loads(caller.response().read())["data"] == []


def test_the_stream_snippet_runs() -> None:
    """As it is, but for its port."""
    snippet = next(block for block in blocks(README, "python") if "StreamHandler" in block)
    code = snippet.replace(":6767", ":0")
    with running(sys.executable, "-W", "error", "-c", code) as started:
        assert_it_serves(started)


def test_the_command_runs_the_stream_snippet_as_it_stands(tmp_path: Path) -> None:
    """Without a change of the program."""
    snippet = next(block for block in blocks(README, "python") if "StreamHandler" in block)
    (tmp_path / "quakes.py").write_text(snippet)
    listen = ("--listen", "http://127.0.0.1:0")
    command = (sys.executable, "-m", "brubeck", "run", "quakes:app", *listen)
    with running(*command, cwd=tmp_path) as started:
        assert_it_serves(started)


def test_a_wsgi_server_runs_the_stream_snippet_as_it_stands(tmp_path: Path) -> None:
    """By the command that the README gives."""
    snippet = next(block for block in blocks(README, "python") if "StreamHandler" in block)
    (tmp_path / "quakes.py").write_text(snippet)
    (command,) = (text for text, _ in session(README) if text.startswith("gunicorn"))
    port = free_port()
    listen = ("-b", f"127.0.0.1:{port}", "--no-control-socket")
    with running(sys.executable, "-m", *command.split(), *listen, cwd=tmp_path) as started:
        started.await_output("Booting worker")
        with Caller(port) as caller:
            caller.get("/quakes")
            assert json.loads(caller.response().read())["data"] == []


SESSIONS = [page for page in DOCUMENTS if page.name != "client.md" and ">>> " in page.read_text()]
"""The pages with a session of Python; the client's has its server elsewhere."""


@pytest.mark.parametrize("page", SESSIONS, ids=lambda page: page.name)
def test_a_page_does_what_it_says(page: Path) -> None:
    """In order, with the results that stand there."""
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(verbose=False)
    told: list[str] = []
    text = page.read_text()
    runner.run(parser.get_doctest(text, {}, page.name, None, 0), out=told.append)
    assert not runner.failures, "".join(told)
    assert runner.tries == len(re.findall("^ *>>> [^#]", text, re.MULTILINE))


def test_the_page_on_streams_has_every_declaration() -> None:
    """In its table, and every hook in the other."""
    text = (ROOT / "docs" / "streams.md").read_text()
    named = re.findall(r"`(\w+)`", text.partition("## Pages")[0])
    declared = {*DECLARATIONS} - {*OF_AUTH}
    assert declared <= set(named)
    for hook in vars(Hooks):
        if hook.startswith(("before_", "after_")):
            assert f"| `{hook}(" in text


def test_the_page_on_handlers_has_every_limit() -> None:
    """And every hook."""
    text = (ROOT / "docs" / "handlers.md").read_text()
    for limit in FormLimits.__struct_fields__:
        assert f"| `FormLimits.{limit}`" in text
    for hook in ("initialize", "prepare", "error", "on_finish"):
        assert f"| `{hook}(" in text
        assert callable(getattr(WebMessageHandler, hook))


@pytest.mark.parametrize("language", ["python", "js"])
def test_the_clients_of_the_page_on_following_are_those_that_are_tested(language: str) -> None:
    """Each block is a piece of a file in examples/clients."""
    name = {"python": "mirror.py", "js": "mirror.mjs"}[language]
    code = (ROOT / "examples" / "clients" / name).read_text()
    found = blocks(FOLLOWING, language)
    assert found
    for block in found:
        assert block in code


def test_every_setting_is_in_the_documentation() -> None:
    """Under its section, in the table's words."""
    text = (ROOT / "docs" / "configuration.md").read_text()
    for section, keys in SETTINGS.items():
        part = text.partition(f"## `[{section}]`")[2].partition("\n## ")[0]
        for key, setting in keys.items():
            row = next((line for line in part.splitlines() if line.startswith(f"| `{key}` ")), "")
            assert setting.help in row, f"{section}.{key}"


def test_a_mistake_in_the_configuration_reads_as_shown() -> None:
    """The command's own words."""
    from brubeck.config import load
    from brubeck.errors import ConfigError

    text = (ROOT / "docs" / "configuration.md").read_text()
    shown = next(output for command, output in session(text) if "WORKRS" in command)
    with pytest.raises(ConfigError) as caught:
        load(environ={"BRUBECK_SERVER_WORKRS": "2"})
    assert shown.strip() == f"brubeck: {caught.value}"


def table_after(text: str, heading: str) -> list[list[str]]:
    """Return the rows of the first table under a heading, without its head."""
    lines = text.partition(f"{heading}\n")[2].partition("\n|")[2].splitlines()
    rows = takewhile(lambda line: line.startswith("|"), (f"|{lines[0]}", *lines[1:]))
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows][2:]


STORAGE = (ROOT / "docs" / "storage.md").read_text()


def number(text: str) -> float:
    """Return a number that has commas between its thousands."""
    return float(text.replace(",", ""))


def worked_out(text: str) -> float:
    """Return what an example of arithmetic comes to."""
    signs = str.maketrans({",": "", "\N{MULTIPLICATION SIGN}": "*", "\N{DIVISION SIGN}": "/"})
    plain = text.translate(signs).replace("^", "**")
    assert re.fullmatch(r"[\d.+*/() ]+", plain), text
    return float(eval(plain))


def test_each_row_of_durability_names_tests_that_are_there() -> None:
    """Whatever is said in bold to be kept is shown by one of tests/fire."""
    files = {path.stem: path.read_text() for path in (ROOT / "tests" / "fire").glob("test_*.py")}
    rows = table_after(STORAGE, "## Durability")
    assert len(rows) > 9
    for row in rows:
        names = re.findall(r"`(test_\w+)`", row[-1])
        assert bool(names) == ("**" in "".join(row)), row
        for name in names:
            assert name in files or any(f"def {name}(" in text for text in files.values()), name


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    """Those to files of the project."""
    for target, place in re.findall(r"\]\(([^)#:]+)(?:#([^)]*))?\)", path.read_text()):
        assert (path.parent / target).exists(), f"{path.name} links to {target}"
        if place:
            heads = re.findall(r"^#+ (.*)$", (path.parent / target).read_text(), re.MULTILINE)
            known = {re.sub(r"[^\w -]", "", head).lower().replace(" ", "-") for head in heads}
            assert place in known, f"{path.name} links to {target}#{place}"


def test_the_map_names_every_room() -> None:
    """And no room that is not there."""
    text = (ROOT / "CONTRIBUTING.md").read_text().partition("## The map")[2]
    for path in (ROOT / "brubeck").iterdir():
        name = path.stem
        if not name.startswith("_") and path.suffix in ("", ".py") and name != "py":
            assert re.search(rf"`{name}/?`", text), f"the map lacks {name}"


def test_every_test_that_the_page_on_security_names_is_there() -> None:
    """A sentence without its test would be a promise that nobody keeps."""
    text = (ROOT / "docs" / "security.md").read_text()
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", text)
    assert len(named) > 20
    for path, function in named:
        source = (ROOT / path).read_text()
        assert not function or f"def {function}(" in source, f"{path}::{function}"
