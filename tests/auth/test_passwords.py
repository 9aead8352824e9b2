"""Passwords: lines that can be kept, and what checking them costs."""

from __future__ import annotations

import subprocess
import sys
import unicodedata

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck.auth import PasswordRefused, check_password, hash_password, needs_rehash, passwords
from brubeck.auth.verification_cache import VerificationCache
from brubeck.errors import ConfigError
from tests.passwords import CHEAP

OLD = "$2a$04$N.O5i2yjmi3tHqS0OZmkUuv4w/r3d3U6CGmgl35v.yVB1D51K0jWC"
"""The line of *so what*, as bcrypt writes it."""
NULL_LINES = ["", "x", "|||", "$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$x$y", "\ud800", "md5|||x"]


def test_a_line_is_made_and_checked() -> None:
    """It is argon2id, salted, and up to date."""
    line = hash_password("take five")
    assert line.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert check_password("take five", line)
    assert not check_password("take six", line)
    assert not needs_rehash(line)
    assert hash_password("take five") != line


def test_weaker_and_older_lines_want_to_be_made_anew() -> None:
    """And are good until then."""
    weak = CHEAP.hash("take five")
    assert check_password("take five", weak)
    assert needs_rehash(weak)
    assert needs_rehash("nonsense")


@pytest.mark.parametrize("line", [f"bcrypt|||{OLD}", f"bcrypt|||{OLD[:29]}|||{OLD}", OLD])
def test_lines_of_the_old_brubeck_are_still_good(line: str) -> None:
    """With the salt between, as 0.4 wrote them, or without."""
    assert check_password("so what", line)
    assert not check_password("so that", line)
    assert needs_rehash(line)


def test_bcrypt_never_read_more_than_72_bytes() -> None:
    """So a longer password is still right, and an old line of it too."""
    line = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    assert check_password("x" * 80, line)


@pytest.mark.parametrize("line", ["$2a$", "$2a$12$x", "bcrypt|||$2b$99$" + "x" * 53])
def test_a_broken_line_of_bcrypt_is_nobodys(line: str) -> None:
    """And no error."""
    assert not check_password("so what", line)


def test_without_bcrypt_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only where there is such a line."""
    monkeypatch.setitem(sys.modules, "bcrypt", None)
    with pytest.raises(ConfigError, match=r"pip install 'brubeck\[bcrypt\]'"):
        check_password("so what?", OLD)


@pytest.mark.parametrize("line", NULL_LINES)
def test_what_is_no_line_is_nobodys_and_costs_as_much(
    line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hash of another line is computed in its place, with the parameters of a new one."""
    hashed: list[str] = []
    real = passwords._verify

    def verify(hasher: object, line: str, password: bytes) -> bool | None:
        told = real(hasher, line, password)  # type: ignore[arg-type]  # it is handed through
        if told is not None:
            hashed.append(line)
        return told

    monkeypatch.setattr(passwords, "_verify", verify)
    assert not check_password("take five", line)
    assert len(hashed) == 1
    assert hashed[0].startswith("$argon2id$v=19$m=65536,t=3,p=4$")


@pytest.mark.parametrize("password", ["", "x" * 1025, "☃" * 400, "\ud800"])
def test_what_cannot_be_a_password_is_refused(password: str) -> None:
    """Before anything is computed."""
    with pytest.raises(PasswordRefused, match="1024"):
        hash_password(password)
    assert not check_password(password, CHEAP.hash(password.encode("utf-8", "replace")))


def test_a_password_is_the_same_however_its_letters_were_composed() -> None:
    """A keyboard decides that, not a person."""
    composed = "h\u00e9"
    assert check_password(unicodedata.normalize("NFD", composed), CHEAP.hash(composed))


def test_a_right_password_is_hashed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a wrong one each time."""
    calls: list[bytes] = []
    real = passwords._check

    def check(password: bytes, line: str) -> bool:
        calls.append(password)
        return real(password, line)

    monkeypatch.setattr(passwords, "_check", check)
    line = CHEAP.hash("take five")
    assert all(check_password("take five", line) for _ in range(3))
    assert not any(check_password("take six", line) for _ in range(3))
    assert calls == [b"take five", *3 * [b"take six"]]
    assert not check_password("take five", CHEAP.hash("blue rondo"))


class Hours:
    """A clock in seconds that is moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_was_verified_is_forgotten_in_time() -> None:
    """At the very second, and then it takes no room."""
    hours = Hours()
    recent = VerificationCache(10, 300, now=hours)
    recent.add(b"a", "line")
    hours.now = 299.9
    assert recent.knows(b"a", "line")
    hours.now = 300
    assert not recent.knows(b"a", "line")
    assert len(recent) == 0


def test_what_is_remembered_has_a_bound() -> None:
    """The oldest goes first."""
    recent = VerificationCache(2, 300)
    for password in (b"a", b"b", b"c"):
        recent.add(password, "line")
    assert [recent.knows(each, "line") for each in (b"a", b"b", b"c")] == [False, True, True]


@given(st.text(max_size=5), st.binary(max_size=5), st.text(max_size=5), st.binary(max_size=5))
def test_only_the_very_password_of_the_very_line_is_known(
    line: str, password: bytes, other_line: str, other: bytes
) -> None:
    """However both could be cut from one text."""
    recent = VerificationCache(10, 300)
    recent.add(password, line)
    assert recent.knows(other, other_line) == ((line, password) == (other_line, other))


def test_no_password_is_in_what_is_remembered() -> None:
    """Nor anything that another process would find the same."""
    one, other = VerificationCache(10, 300), VerificationCache(10, 300)
    for each in (one, other):
        each.add(b"take five", "line")
    assert b"take five" not in b"".join(one._until)
    assert one._until.keys().isdisjoint(other._until)
    assert repr(one) == "<RecentlyVerified 1>"


@pytest.mark.parametrize("engine", ["eventlet", "gevent"])
def test_hashing_holds_up_no_green_thread(engine: str) -> None:
    """Others run while it goes on."""
    code = (
        "from brubeck import green\n"
        f"green.patch({engine!r})\n"
        "from brubeck.auth import check_password, hash_password\n"
        "turns = []\n"
        "def turn():\n"
        "    while True:\n"
        "        turns.append(1); green.sleep(0)\n"
        "green.spawn(turn)\n"
        "line = hash_password('take five'); during = len(turns)\n"
        "print(during > 1, check_password('take five', line), check_password('six', line),\n"
        "      len(turns) > during + 1)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert (done.stdout.strip(), done.stderr) == ("True True False True", "")
