"""The actions on a subscription in the explorer: forms of its page."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urlencode

import pytest

from brubeck.testing import Client, Reply
from tests.webhooks.programs import Hooked

HTML = {"Accept": "text/html"}
FORM = HTML | {
    "Content-Type": "application/x-www-form-urlencoded",
    "Sec-Fetch-Site": "same-origin",
}


@pytest.fixture(scope="module")
def hooked() -> Hooked:
    """Return a program with webhooks."""
    return Hooked()


def act(
    hooked: Hooked, client: Client, hook: str, action: str, *, site: str = "", **fields: str
) -> Reply:
    """Send the form of an action."""
    pairs = {"action": action, "id": hook} | {f"item.{name}": fields[name] for name in fields}
    headers = FORM | ({"Sec-Fetch-Site": site} if site else {})
    return client.post(hooked.path, body=urlencode(pairs).encode(), headers=headers)


def results(answer: Reply) -> dict[str, str]:
    """Return what the page of an action shows."""
    found = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", answer.body.decode())
    return {name: unescape(value) for name, value in found}


def test_a_secret_is_shown_and_made_anew_by_forms(hooked: Hooked) -> None:
    """On a page that nothing keeps."""
    ella = hooked.user()
    hook = hooked.subscribe(ella, "http://127.0.0.1:9/hook")
    shown = act(hooked, ella, hook, "secret")
    assert (shown.status, shown.headers["Cache-Control"]) == (200, "no-store")
    former = hooked.secret(ella, hook)
    assert results(shown) == {"secret": former}

    made = results(act(hooked, ella, hook, "rotate"))
    assert made["secret"] == hooked.secret(ella, hook) != former


def test_a_test_and_a_repetition_are_asked_for_by_forms(hooked: Hooked) -> None:
    """A time that is none is said at its input, with what was typed."""
    ella = hooked.user()
    hook = hooked.subscribe(ella, "http://127.0.0.1:9/hook")
    assert hook in results(act(hooked, ella, hook, "test"))["webhook_id"]
    again = act(hooked, ella, hook, "redeliver", since="2026-01-01T00:00:00Z")
    assert results(again) == {"since": "2026-01-01T00:00:00Z"}

    for since in ("yesterday", "", "9000-01-01T00:00:00Z"):
        wrong = act(hooked, ella, hook, "redeliver", since=since)
        assert wrong.status == 422
        page = wrong.body.decode()
        assert f'value="{since}"' in page
        assert 'aria-invalid="true"' in page


def test_the_page_has_the_forms_for_those_who_may_send_them(hooked: Hooked) -> None:
    """Each posts to the stream, and names the action."""
    ella = hooked.user()
    hook = hooked.subscribe(ella, "http://127.0.0.1:9/hook")
    page = ella.get(f"{hooked.path}/{hook}", headers=HTML).body.decode()
    names = re.findall(r'name="action" value="(\w+)"', page)
    assert names == ["update", "secret", "rotate", "test", "redeliver", "delete"]


def test_no_form_of_another_does_anything(hooked: Hooked) -> None:
    """Of another site, of another user, without credentials, or without the right to write."""
    ella, joe, nobody = hooked.user(), hooked.user("joe"), Client(hooked.app)
    hook = hooked.subscribe(ella, "http://127.0.0.1:9/hook")
    former = hooked.secret(ella, hook)
    for action in ("secret", "rotate", "test", "redeliver"):
        assert act(hooked, ella, hook, action, site="cross-site").status == 403
        assert act(hooked, joe, hook, action, since="now").status == 404
        assert act(hooked, nobody, hook, action, since="now").status == 401
    assert act(hooked, ella, hook, "explode").status == 400
    assert act(hooked, ella, "../x", "secret").status == 404
    assert hooked.secret(ella, hook) == former
