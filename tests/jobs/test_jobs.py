"""Jobs: sent, done, tried again, given up, and followed as a stream."""

from __future__ import annotations

from typing import Any

import pytest

from brubeck import Brubeck
from brubeck.auth import BadCredentials, Caller
from brubeck.errors import ConfigError
from brubeck.http import Problem
from brubeck.jobs import JobHandler, JobStream, OwnedJob
from brubeck.jobs.opening import open_queue
from brubeck.storage import open_storage
from brubeck.streams import AuthStreamHandler
from brubeck.streams.context import Context
from brubeck.testing import Client
from tests.jobs.conftest import SHARED, Backend, MakeApp, working
from tests.jobs.program import Additions, Jobs, state_of
from tests.servers import free_port, wait_until


def is_over(app: Brubeck, job_id: str, stream: type[JobStream] = Jobs) -> bool:
    """Tell whether nobody will do anything about a job any more."""
    return state_of(app, job_id, stream).get("state") in ("done", "failed")


def over(app: Brubeck, job_id: str) -> dict[str, Any]:
    """Wait until a job is done or never will be, and return it."""
    wait_until(lambda: is_over(app, job_id), what=f"{state_of(app, job_id)}")
    return state_of(app, job_id)


# Sending.


def test_who_asks_is_told_where_the_job_is(make_app: MakeApp) -> None:
    """202, and a place that can be looked at and followed."""
    app = make_app()
    client = Client(app)
    sent = client.post("/additions", json={"numbers": [1, 2]})
    assert sent.status == 202
    told = sent.json()["data"]
    assert (told["state"], told["attempt"], told["path"]) == ("queued", 0, "/add")
    assert sent.headers["Location"] == f"/jobs/{told['id']}"
    assert client.get(sent.headers["Location"]).json()["data"] == told
    follow = sent.headers["Link"].removeprefix("<").partition(">")[0]
    assert client.get(follow).json()["data"][0]["data"] == told

    with working(app):
        done = over(app, told["id"])
    assert done["result"] == {"sum": 3}
    assert (done["progress"], done["attempt"], done["created_at"]) == (1.0, 1, told["created_at"])
    changes = client.get(follow).json()["data"]
    assert [each["data"]["state"] for each in changes] == ["done"]


def test_progress_is_followed(make_app: MakeApp) -> None:
    """By whoever follows the stream, change by change."""
    app = make_app(concurrency=1)
    sent = app.jobs.send("/add", {"numbers": [1, 2, 3]})
    client = Client(app)
    follow = f"/jobs/changes?id={sent.id}"
    seen: list[tuple[str, Any]] = []
    with working(app):
        while not seen or seen[-1][0] != "done":
            found = client.get(f"{follow}&wait=10").json()
            seen += [
                (each["data"]["state"], each["data"].get("progress")) for each in found["data"]
            ]
            follow = found["paging"]["next"]
    assert seen[-1] == ("done", 1.0)
    shares = [share for _, share in seen if share is not None]
    assert shares == sorted(shares)


def test_a_key_is_one_job(make_app: MakeApp) -> None:
    """However often it is sent, before it is done and after."""
    app = make_app()
    client = Client(app)
    first = client.post("/additions", json={"numbers": [1]}, headers={"Idempotency-Key": "k"})
    again = client.post("/additions", json={"numbers": [1]}, headers={"Idempotency-Key": "k"})
    other = client.post("/additions", json={"numbers": [1]}, headers={"Idempotency-Key": "l"})
    assert again.headers["Location"] == first.headers["Location"] != other.headers["Location"]
    assert app.jobs.queue.depth().waiting == 2
    with working(app):
        over(app, first.json()["data"]["id"])
        late = client.post("/additions", json={"numbers": [1]}, headers={"Idempotency-Key": "k"})
    assert late.headers["Location"] == first.headers["Location"]
    assert late.json()["data"]["state"] == "done"


def test_a_key_is_of_its_data(make_app: MakeApp) -> None:
    """The same data, however written, are the same job; with others nothing is sent."""
    app = make_app()
    first = app.jobs.send("/add", {"numbers": [1], "more": None}, key="k")
    assert app.jobs.send("/add", {"more": None, "numbers": [1]}, key="k").id == first.id
    for data in ({"numbers": [2], "more": None}, {"numbers": [1]}, None, [1]):
        with pytest.raises(ValueError, match="other data") as caught:
            app.jobs.send("/add", data, key="k")
        assert caught.value.status == 422  # type: ignore[attr-defined]  # it is a Problem, too
    assert app.jobs.queue.depth().waiting == 1


def test_a_key_is_of_its_path(make_app: MakeApp) -> None:
    """And says nothing about other jobs."""
    app = make_app()
    one, other = app.jobs.send("/add", key="k"), app.jobs.send("/fail", key="k")
    assert one.id != other.id


@pytest.mark.parametrize("path", ["/nowhere", "add", "", "/add\n", "/a d"])
def test_a_path_that_nobody_is_at(make_app: MakeApp, path: str) -> None:
    """Is refused when the job is sent, not when it is to be done."""
    app = make_app()
    with pytest.raises(LookupError):
        app.jobs.send(path)
    assert app.jobs.queue.depth().waiting == 0


@pytest.mark.parametrize(
    ("data", "error"),
    [(object(), TypeError), ("x" * (1 << 20), ValueError), ("\ud800", ValueError)],
)
def test_data_that_cannot_be_sent(make_app: MakeApp, data: object, error: type[Exception]) -> None:
    """Nothing is queued of it."""
    app = make_app()
    with pytest.raises(error):
        app.jobs.send("/add", data)
    assert app.jobs.queue.depth().waiting == 0


def test_a_queue_that_is_down(make_app: MakeApp) -> None:
    """Is a 503, and no secret of its URL is told."""
    app = make_app()
    app.configure(jobs={"queue": f"redis://:hunter2@127.0.0.1:{free_port()}/0"})
    reply = Client(app).post("/additions", json={"numbers": []})
    assert (reply.status, reply.headers["Retry-After"]) == (503, "5")
    assert "hunter2" not in reply.text
    with pytest.raises(Problem):
        app.jobs.send("/add")
    assert "hunter2" not in app.jobs.queue.shown


def test_jobs_are_only_written_by_the_program(make_app: MakeApp) -> None:
    """Over HTTP they are read."""
    app = make_app()
    sent = app.jobs.send("/add", {"numbers": []})
    client = Client(app)
    assert client.post("/jobs", json={"path": "/add"}).status == 405
    assert client.delete(sent.location).status == 405
    assert client.patch(sent.location, json={"state": "done"}).status == 405


# Doing.


def test_a_job_that_fails_is_tried_again(make_app: MakeApp) -> None:
    """Until it succeeds, and then nothing is left of the failures."""
    app = make_app()
    sent = app.jobs.send("/fail", {"until": 3})
    with working(app):
        done = over(app, sent.id)
    assert (done["state"], done["result"], done["attempt"]) == ("done", "attempt 3", 3)
    assert done.get("error") is None
    assert app.jobs.queue.depth().dead == 0


def test_a_job_that_always_fails_is_a_dead_letter(make_app: MakeApp) -> None:
    """With its traceback, which nobody else is shown."""
    app = make_app()
    sent = app.jobs.send("/fail", {"how": "error"})
    with working(app):
        failed = over(app, sent.id)
        wait_until(lambda: app.jobs.queue.depth().dead == 1)
    assert (failed["state"], failed["attempt"]) == ("failed", 3)
    assert "secret" not in str(failed)
    (letter,) = app.jobs.queue.dead()
    assert letter.job is not None
    assert (letter.job.id, letter.job.attempt) == (sent.id, 3)
    assert "RuntimeError: a secret of ours" in letter.reason
    assert "raise RuntimeError" in letter.traceback
    depth = app.jobs.queue.depth()
    assert (depth.waiting, depth.in_hand, depth.later) == (0, 0, 0)


@pytest.mark.parametrize(
    ("how", "told"),
    [("give up", "Nothing can be done."), ("problem", "The picture is none.")],
)
def test_a_job_may_give_up(make_app: MakeApp, how: str, told: str) -> None:
    """Then it is tried no more, and who waits is told why."""
    app = make_app()
    sent = app.jobs.send("/fail", {"how": how})
    with working(app):
        failed = over(app, sent.id)
        wait_until(lambda: app.jobs.queue.depth().dead == 1)
    assert (failed["state"], failed["attempt"], failed["error"]) == ("failed", 1, told)


def test_a_problem_of_the_other_side_is_tried_again(make_app: MakeApp) -> None:
    """As any failure is that may pass."""
    app = make_app()
    sent = app.jobs.send("/fail", {"how": "later", "until": 2})
    with working(app):
        assert over(app, sent.id)["state"] == "done"


def test_a_dead_letter_gets_another_chance(make_app: MakeApp) -> None:
    """Once, however many ask for it."""
    app = make_app()
    sent = app.jobs.send("/odd")
    with working(app):
        assert over(app, sent.id)["state"] == "failed"
        wait_until(lambda: app.jobs.queue.depth().dead == 1)
        (letter,) = app.jobs.queue.dead()
        assert app.jobs.queue.revive(letter)
        assert not app.jobs.queue.revive(letter)
        wait_until(lambda: [each.letter for each in app.jobs.queue.dead()] != [letter.letter])


def test_a_result_that_cannot_be_written_is_a_failure(make_app: MakeApp) -> None:
    """Not a job that is done without one."""
    app = make_app()
    sent = app.jobs.send("/odd")
    with working(app):
        assert over(app, sent.id)["state"] == "failed"
        wait_until(lambda: app.jobs.queue.depth().dead == 1)


def test_a_handler_of_0_4_does_jobs(make_app: MakeApp) -> None:
    """Its payload is the result."""
    app = make_app()
    sent = app.jobs.send("/classic", {"a": 1})
    with working(app):
        result = over(app, sent.id)["result"]
    assert (result["heard"], result["status_code"]) == ({"a": 1}, 0)


def test_what_is_no_job_is_a_dead_letter(make_app: MakeApp, backend: Backend) -> None:
    """And others go on."""
    app = make_app()
    for raw in (b"\x00 no JSON", b"", b'{"path": 7}'):
        backend.put(app.jobs.queue, raw)
    sent = app.jobs.send("/add", {"numbers": [1]})
    with working(app):
        assert over(app, sent.id)["state"] == "done"
        wait_until(lambda: app.jobs.queue.depth().dead == 3)
    assert {each.raw for each in app.jobs.queue.dead()} == {b"\x00 no JSON", b"", b'{"path": 7}'}


@SHARED
def test_a_path_that_an_older_worker_does_not_know(make_app: MakeApp) -> None:
    """Is tried again: a newer one may be on its way."""
    app = make_app()
    sent = app.jobs.send("/add", {"numbers": [1, 1]})
    older = make_app(type("Older", (JobStream,), {}))
    with working(older):
        wait_until(lambda: app.jobs.queue.depth().later == 1)
    with working(app):
        assert over(app, sent.id)["result"] == {"sum": 2}


def test_a_worker_that_lost_its_job_tells_nothing(make_app: MakeApp) -> None:
    """What it wrote down would be older than what another has."""
    app = make_app()
    sent = app.jobs.send("/classic", {})
    queue = app.jobs.queue
    (first,) = queue.take("first", 1, 1)
    wait_until(lambda: bool(queue.claim("second", 0.001, 1, [])[0]))
    assert not queue.later("first", first, 0.01)
    assert not queue.archive("first", first, "late", "")
    queue.renew("first", 30, [first])
    assert first.lost
    assert queue.depth() == type(queue.depth())(waiting=0, in_hand=1, later=0, dead=0)
    assert state_of(app, sent.id)["state"] == "queued"


# Whose jobs.


class Mine(JobStream, AuthStreamHandler):
    """Everybody's own jobs."""

    model = OwnedJob
    path = "/mine"
    owned = True
    handlers = Jobs.handlers

    def get_current_user(self, context: Context) -> Caller | None:
        """Return the caller that the header names."""
        name = context.request.header("x-name")
        if name == "mallory":
            raise BadCredentials("No.")
        return Caller(name, name.title()) if name else None


def test_everybody_sees_their_own_jobs(make_app: MakeApp) -> None:
    """From the first moment to the last."""
    app = make_app(Mine)
    ann, bob = Caller("ann", "Ann"), Caller("bob", "Bob")
    hers, his = (app.jobs.send("/add", {"numbers": [1]}, owner=who) for who in (ann, bob))
    client = Client(app)

    def seen(name: str) -> list[str]:
        return [each["id"] for each in client.get("/mine", headers={"X-Name": name}).json()["data"]]

    assert (seen("ann"), seen("bob")) == ([hers.id], [his.id])
    with working(app):
        wait_until(lambda: is_over(app, hers.id, Mine) and is_over(app, his.id, Mine))
    assert (seen("ann"), seen("bob")) == ([hers.id], [his.id])
    assert client.get(hers.location, headers={"X-Name": "bob"}).status == 404
    assert client.get(hers.location).status == 401
    feed = client.get(f"/mine/changes?id={hers.id}", headers={"X-Name": "bob"}).json()
    assert feed["data"] == []
    with pytest.raises(TypeError, match="owner"):
        app.jobs.send("/add")


def test_keys_are_everybodys_own(make_app: MakeApp) -> None:
    """Nobody learns by a key what others have had done."""
    app = make_app(Mine)
    one, other = (app.jobs.send("/add", key="k", owner=Caller(who)) for who in ("ann", "bob"))
    assert one.id != other.id


# Declarations and settings.


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ({"handlers": [("/add", 7)]}, "does no jobs"),
        ({"handlers": [("/add", JobHandler.__new__(JobHandler))]}, "does no jobs"),
        ({"handlers": [("/add", Additions)]}, "does no jobs"),
        ({"handlers": ["/add"]}, "pairs"),
        ({"handlers": [("(", JobHandler)]}, "not a pattern"),
        ({"path": "/users/<owner>/jobs"}, "takes no argument"),
        ({"read_only": False}, "read only"),
    ],
)
def test_a_declaration_that_cannot_be(declared: dict[str, Any], told: str) -> None:
    """Is refused when the class is made."""
    with pytest.raises(ConfigError, match=told):
        type("Wrong", (JobStream,), declared)


def test_workers_share_no_memory(make_app: MakeApp) -> None:
    """What one would write there no other process could read."""
    with pytest.raises(ConfigError, match="memory of one process"):
        make_app(storage="memory://").jobs.connection()


def test_a_program_without_jobs_has_no_workers(emptied: str) -> None:
    """It says what is missing."""
    with pytest.raises(ConfigError, match="no jobs"):
        Brubeck(storage=emptied).jobs.connection()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mongodb://127.0.0.1/x", "Jobs wait in one of memory://, sqlite://, redis://"),
        ("sqlite://", "names no file"),
        ("sqlite:///jobs.db?timeout=never", "timeout"),
        ("memory://here", "takes nothing more"),
        ("redis+cluster://127.0.0.1/3", "a cluster has no databases"),
        ("redis://127.0.0.1/0?pool=none", "pool"),
        ("unix://", "a path leads to the socket"),
        ("redis://127.0.0.1:port/0", "The queue"),
    ],
)
def test_a_queue_that_is_none(url: str, told: str) -> None:
    """Its URL is refused when it is first needed."""
    with pytest.raises(ConfigError, match=told):
        open_queue(url)


def test_a_store_that_is_no_queue_needs_one() -> None:
    """And the error says which setting."""
    url = "mongodb://127.0.0.1/x"
    for storage in (url, open_storage(url)):
        app = Brubeck(streams=[Jobs], storage=storage)
        with pytest.raises(ConfigError, match=r"jobs\.queue"):
            app.jobs.send("/add")
        app.close()
