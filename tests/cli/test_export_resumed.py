"""``brubeck export --resume``: killed again and again, and whole in the end."""

from __future__ import annotations

import json
import random
import signal
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from brubeck.cli.resuming import LONGEST_LINE, LastItem, behind
from brubeck.errors import BrubeckError
from tests.servers import wait_until
from tests.servers.programs import brubeck, running

ITEMS = 20_000
FILL = f"notes.insert_many({{'id': f'n{{at}}', 'created_at': at // 3}} for at in range({ITEMS}))"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the URL of a store with many items, three of them at each time."""
    folder = tmp_path_factory.mktemp("resumed")
    url = f"sqlite:///{folder}/notes.db"
    done = brubeck(folder, "shell", "tests.cli.program:app", given=FILL, storage_default=url)
    assert done.returncode == 0, done.stderr
    return url


def lines(path: Path) -> list[str]:
    """Return the ids of an export."""
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


def test_it_is_whole_however_often_it_is_killed(store: str, tmp_path: Path) -> None:
    """And byte by byte the one that was not."""
    arguments = ("export", "tests.cli.program:app", "notes", "-o", "out.ndjson", "--resume")
    part, chance = tmp_path / "out.ndjson.part", random.Random(3)
    env = {"BRUBECK_STORAGE_DEFAULT": store}
    for _ in range(3):
        before = part.stat().st_size if part.exists() else 0
        command = (sys.executable, "-W", "error", "-m", "brubeck", *arguments)
        goal = before + chance.randrange(1, 300_000)
        with running(*command, env=env, cwd=tmp_path) as export:

            def goes_on(least: int = goal) -> bool:
                return export.process.poll() is not None or (
                    part.exists() and part.stat().st_size >= least
                )

            wait_until(goes_on, seconds=30)
            export.process.send_signal(signal.SIGKILL)
            export.process.wait()
    done = brubeck(tmp_path, *arguments, storage_default=store)
    assert done.returncode == 0, done.stderr
    brubeck(tmp_path, *arguments[:4], "all.ndjson", storage_default=store)
    assert len(lines(tmp_path / "out.ndjson")) == ITEMS
    assert (tmp_path / "out.ndjson").read_bytes() == (tmp_path / "all.ndjson").read_bytes()
    assert {each.name for each in tmp_path.iterdir()} == {"out.ndjson", "all.ndjson"}


def test_it_goes_on_from_a_server(base: str, tmp_path: Path) -> None:
    """Behind the last whole line; half of a line is none."""
    created = "".join(f'{{"id": "r{at}", "kind": "resumed"}}\n' for at in range(5))
    (tmp_path / "in.ndjson").write_text(created)
    brubeck(tmp_path, "import", "in.ndjson", base, "notes")
    arguments = ("export", base, "notes", "kind=resumed", "-o", "out.ndjson")
    assert brubeck(tmp_path, *arguments).returncode == 0
    whole = (tmp_path / "out.ndjson").read_bytes()
    (tmp_path / "out.ndjson").unlink()
    two = b"".join(whole.splitlines(keepends=True)[:2])
    (tmp_path / "out.ndjson.part").write_bytes(two + b'{"id":"half')
    names = {"target": base, "stream": "notes", "chosen": {"kind": "resumed"}}
    (tmp_path / "out.ndjson.part.json").write_text(json.dumps(names))
    done = brubeck(tmp_path, *arguments, "--resume", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["items"] == 3
    assert (tmp_path / "out.ndjson").read_bytes() == whole


@pytest.mark.parametrize(
    ("more", "part", "words"),
    [
        (("-o", "out.csv"), "", "for whole items in a file of NDJSON"),
        (("-o", "-"), "", "for whole items in a file of NDJSON"),
        (("-o", "out.ndjson", "order=newest"), "", "oldest first"),
        (("-o", "out.ndjson", "fields=id"), "", "for whole items"),
        (("-o", "out.ndjson"), "nonsense\n", "is of another export"),
    ],
)
def test_misuse_is_told(
    store: str, tmp_path: Path, more: tuple[str, ...], part: str, words: str
) -> None:
    """And what is there stays."""
    if part:
        (tmp_path / "out.ndjson.part").write_text(part)
    arguments = ("export", "tests.cli.program:app", "notes", *more, "--resume")
    done = brubeck(tmp_path, *arguments, storage_default=store)
    assert done.returncode == 2
    assert words in done.stderr
    assert [each.read_text() for each in tmp_path.iterdir()] == ([part] if part else [])


def _line(number: int) -> bytes:
    return b'{"id":"i%03d","created_at":%d,"text":"x"}\n' % (number, number)


def _chunks(text: bytes, size: int) -> Generator[bytes, None, None]:
    yield from (text[at : at + size] for at in range(0, len(text), size))


@pytest.mark.parametrize("size", [1, 7, 40, 41, 100, 100_000])
@pytest.mark.parametrize("last", [-1, 0, 5, 98, 99])
def test_the_lines_behind_a_place(size: int, last: int) -> None:
    """Wherever the chunks of the answer end."""
    text = b"".join(map(_line, range(100)))
    found = b"".join(behind(LastItem(last, f"i{last:03}"), _chunks(text, size)))
    assert found == b"".join(map(_line, range(last + 1, 100)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"nonsense\n", "no item"),
        (b"\n", "no item"),
        (b"7\n", "no item"),
        (b"{}\n", "no item"),
        (b'{"id":7,"created_at":0}\n', "no item"),
        (b'{"id":"a","created_at":"now"}\n', "no item"),
        (b"[" * 5000 + b"]" * 5000 + b"\n", "no item"),
        (b'{"id":"\xff","created_at":0}\n', "no item"),
        (_line(0) + _line(1)[:-1], "in the middle"),
        (b"x" * (LONGEST_LINE + 1), "more than"),
    ],
    ids=range(10),
)
def test_lines_that_no_stream_sends(text: bytes, words: str) -> None:
    """They were tracebacks, a file that looked whole, or a memory without a bound."""
    with pytest.raises(BrubeckError, match=words):
        list(behind(LastItem(5, "i005"), _chunks(text, 1 << 16)))
