"""The password of a URL is in no error, whatever it holds, and no two files are one."""

from __future__ import annotations

import traceback
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck.config.urls import redacted, split_url
from brubeck.errors import ConfigError
from brubeck.jobs.opening import open_queue
from brubeck.storage import open_storage
from brubeck.storage.opening import SCHEMES

_odd = st.text(st.sampled_from("#?/[]@:%&=,; \u2100\uff0f"), max_size=4)
_rests = st.sampled_from(
    ("host/0", "host:x/0", "one,two/q/0", "host/0?x=1", "host/0#x", "[::1/0", "")
)
_schemes = st.sampled_from((*SCHEMES, "redjs", "unix", "nothing"))
_after = st.sampled_from(("://", ":/", ":"))


@given(_schemes, _after, _odd, _odd, _rests)
def test_a_password_is_in_no_error(
    scheme: str, separator: str, before: str, within: str, rest: str
) -> None:
    """Of a store or a queue: not in its words, its form, or its traceback."""
    url = f"{scheme}{separator}me:{before}s3c{within}r3t@{rest}"
    assert not _secret(redacted(url))
    for opens in (lambda: open_storage(url), lambda: open_queue(url)):
        try:
            opens().close()
        except ConfigError as reason:
            said = f"{reason} {reason!r} {''.join(traceback.format_exception(reason))}"
            assert not _secret(said)


def _secret(said: str) -> bool:
    return "s3c" in said or "r3t" in said


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.sampled_from("@:/?#[]"))
def test_what_is_percent_encoded_comes_out(password: str, odd: str) -> None:
    """Any password can be written."""
    parts = split_url(f"redis://me:{quote(password + odd, safe='')}@host:1/0?pool=2")
    assert (parts.username, parts.password) == ("me", password + odd)
    assert (parts.hosts, parts.path, parts.query) == ("host:1", "/0", "pool=2")
    assert repr(parts) == "ServerURL('redis://***@host:1/0')"


def test_a_fragment_is_refused(tmp_path: Path) -> None:
    """Two files that differ behind a # would be one."""
    for scheme in ("sqlite:///team#1.db", "redis://host/0#1", "mongodb://host/b#1"):
        with pytest.raises(ConfigError, match="write %23 for #"):
            open_storage(scheme)
    for name in ("1", "2"):
        with closing(open_storage(f"sqlite:///{tmp_path}/team%23{name}.db")) as storage:
            storage.new_era()
    assert {each.name for each in tmp_path.iterdir()} == {"team#1.db", "team#2.db"}
