"""Four engines, one set of rules."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from brubeck import Brubeck, ConfigError, WebMessageHandler, templating
from brubeck.handlers import JSONMessageHandler
from brubeck.http import Problem, Response
from brubeck.templating import Jinja2Rendering, NoSuchTemplate, load_jinja2_env
from brubeck.testing import Client

SECRET = "what nobody is shown"
HOSTILE = "<script>\"'&"
SAFE = ("<script>", "\"'")


class Engine(NamedTuple):
    """How one engine says what all of them can."""

    name: str
    module: str
    variable: str
    raw: str
    include: str
    extension: str = ".html"

    @property
    def load(self) -> Callable[..., Callable[[], Any]]:
        found: Callable[..., Callable[[], Any]] = getattr(
            templating, f"load_{self.name.lower()}_env"
        )
        return found

    @property
    def mixin(self) -> Any:
        return getattr(templating, f"{self.name}Rendering")


ENGINES = [
    Engine("Jinja2", "jinja", "{{ %s }}", "{{ %s|safe }}", "{%% include '%s' %%}"),
    Engine("Tornado", "tornado", "{{ %s }}", "{%% raw %s %%}", "{%% include '%s' %%}"),
    Engine("Mako", "mako", "${%s}", "${%s|n}", "<%%include file='%s'/>"),
    Engine("Mustache", "mustache", "{{%s}}", "{{{%s}}}", "{{>%s}}", ".mustache"),
]


@pytest.fixture(params=ENGINES, ids=lambda engine: engine.name)
def engine(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.param
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an empty folder of templates, with a secret beside it."""
    made = tmp_path / "templates"
    made.mkdir()
    (tmp_path / "secret.html").write_text(SECRET)
    (tmp_path / "secret.mustache").write_text(SECRET)
    (tmp_path / "templates-too").mkdir()
    (tmp_path / "templates-too" / "secret.html").write_text(SECRET)
    return made


def served(engine: Engine, folder: Path, **errors: Any) -> Client:
    """Return a client of a page at ``/<name of a template>``."""

    class Page(engine.mixin):  # type: ignore[misc, name-defined]
        def get(self, name: str) -> Response:
            self.set_cookie("seen", "yes")
            if name == "failing":
                raise errors["raised"]
            shown = self.get_argument("shown", HOSTILE)
            page: Response = self.render_template(name, _status_code=201, shown=shown)
            return page

    return Client(
        Brubeck(
            handler_tuples=[(r"^/(?P<name>.+)$", Page)],
            template_loader=engine.load(folder),
            base_handler=engine.mixin,
        )
    )


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text)


def test_a_page_is_rendered_and_escaped(engine: Engine, folder: Path) -> None:
    """Unless the template itself says that it is HTML."""
    page = f"page{engine.extension}"
    write(folder, page, f"é[{engine.variable}][{engine.raw}]" % ("shown", "shown"))
    reply = served(engine, folder).get(f"/{page}")
    assert reply.status == 201
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "seen=yes" in reply.headers["Set-Cookie"]
    escaped, _, raw = reply.text.removeprefix("é[").partition("][")
    assert raw == f"{HOSTILE}]"
    assert not any(piece in escaped for piece in SAFE)


def test_a_changed_template_is_read_again(engine: Engine, folder: Path) -> None:
    """And one that it includes; even if the change is of the same second, or looks older."""
    page, part = f"page{engine.extension}", f"part{engine.extension}"
    write(folder, page, "one " + engine.include % part)
    write(folder, part, "two")
    client = served(engine, folder)
    assert client.get(f"/{page}").text == "one two"
    write(folder, part, "three")
    assert client.get(f"/{page}").text == "one three"
    write(folder, page, "four " + engine.include % part)
    os.utime(folder / page, (1, 1))
    assert client.get(f"/{page}").text == "four three"


@pytest.mark.parametrize(
    "name",
    [
        *("../secret.html", "../secret", "mail/../../secret.html", "/etc/passwd", "..", ".", ""),
        *("../templates-too/secret.html", "nope.html", "a/" * 500, "a" * 999, "mail", "\0"),
        *("..\\secret.html", "\ud800"),
    ],
)
def test_no_name_leaves_the_folder(engine: Engine, folder: Path, name: str) -> None:
    """Nor is a folder a template."""
    write(folder, "mail/page.html", "a page")
    app = served(engine, folder).application
    with pytest.raises(NoSuchTemplate):
        app.render_template(name)
    absolute = str(folder.parent / "secret.html")
    with pytest.raises(NoSuchTemplate):
        app.render_template(absolute)


@pytest.mark.parametrize("name", ["../secret.html", "../../secret.html", "/../secret.html"])
def test_no_included_name_leaves_the_folder(engine: Engine, folder: Path, name: str) -> None:
    """Whatever a template says, from wherever in the folder."""
    page = f"mail/page{engine.extension}"
    write(folder, page, "[" + engine.include % name + "]")
    reply = served(engine, folder).get(f"/{page}")
    assert SECRET not in reply.text
    assert reply.status == 500 or reply.text == "[]"


def test_a_template_may_be_below(engine: Engine, folder: Path) -> None:
    """In a folder of the folder, including its neighbours."""
    page = f"mail/page{engine.extension}"
    write(folder, page, "below " + engine.variable % "shown")
    assert served(engine, folder).get(f"/{page}?shown=five").text == "below five"


def error_page(engine: Engine, folder: Path, text: str = "") -> None:
    shown = " ".join(engine.variable % name for name in ("error_code", "error_title", "error_msg"))
    write(folder, f"errors{engine.extension}", f"<p>{shown}{text}")


def test_errors_are_pages(engine: Engine, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Escaped, with the headers of the problem; what was raised is not shown."""
    error_page(engine, folder)
    raised = Problem(405, f"No {HOSTILE}", headers={"Allow": "GET"})
    reply = served(engine, folder, raised=raised).get("/failing")
    assert reply.status == 405
    assert reply.text.startswith("<p>405 Method Not Allowed No &lt;script&gt;")
    assert reply.headers["Allow"] == "GET"
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    assert reply.headers["Cache-Control"] == "no-store"
    assert "seen=yes" in reply.headers["Set-Cookie"]
    reply = served(engine, folder, raised=ValueError(SECRET)).get("/failing")
    assert (reply.status, SECRET in reply.text) == (500, False)
    assert "<p>500 Internal Server Error Server error, request " in reply.text
    assert SECRET in caplog.text
    reply = served(engine, folder).request("BREW", "/page")
    assert (reply.status, reply.text[:5]) == (405, "<p>40")
    reply = served(engine, folder).get("/")
    assert (reply.status, reply.text[:6]) == (404, "<p>404")


def test_a_failing_error_page_is_a_problem_document(
    engine: Engine, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As is one that is missing, which is nothing to log."""
    raised = Problem(409, "Twice.", headers={"Retry-After": "5"})

    def answered() -> None:
        reply = served(engine, folder, raised=raised).get("/failing")
        assert (reply.status, reply.json()["detail"]) == (409, "Twice.")
        assert reply.headers["Content-Type"] == "application/problem+json"
        assert reply.headers["Retry-After"] == "5"

    answered()
    assert not caplog.records
    (folder / f"errors{engine.extension}").write_bytes(b"\xff {{#open}} {% if %} ${")
    answered()
    assert "errors" in caplog.records[0].getMessage()


def test_a_missing_library_says_what_to_install(
    engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command; and only once the first template is asked for."""
    libraries = {"Jinja2": "jinja2", "Tornado": "tornado", "Mako": "mako", "Mustache": "mstache"}
    library = libraries[engine.name]
    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, f"brubeck.templating.{engine.module}", raising=False)
    app = Brubeck(template_loader=engine.load(folder))
    package = "jinja2" if engine.name == "Jinja2" else f"'brubeck[{engine.module}]'"
    with pytest.raises(ConfigError) as caught:
        app.render_template("page.html")
    assert str(caught.value).endswith(f"pip install {package}")


def test_a_missing_folder_is_told(engine: Engine, folder: Path) -> None:
    """And no templates at all."""
    with pytest.raises(ConfigError, match=r"no folder of templates at .*/nope"):
        _ = Brubeck(template_loader=engine.load(folder / "nope")).template_env
    with pytest.raises(ConfigError, match="template_loader="):
        Brubeck().render_template("page.html")


def test_what_is_missing_is_told_at_the_start(folder: Path) -> None:
    """Before the program serves anything."""
    program = (
        "from brubeck import Brubeck; from brubeck.templating import load_jinja2_env; "
        f"Brubeck('http://127.0.0.1:0', template_loader=load_jinja2_env({str(folder / 'nope')!r}))"
        ".run()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 2
    assert "no folder of templates" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_options_are_the_engine_s_own(folder: Path) -> None:
    """And its environment is at hand."""
    write(folder, "page.html", "<% shown %>{{ <% 5|twice %>")
    loader = load_jinja2_env(folder, variable_start_string="<%", variable_end_string="%>")
    app = Brubeck(template_loader=loader)
    app.template_env.filters["twice"] = lambda number: number * 2
    assert app.template_env is app.template_env
    assert app.render_template("page.html", shown="<") == "&lt;{{ 10"


def test_an_environment_of_one_s_own_will_do() -> None:
    """Whatever has templates that render."""

    class Template:
        def render(self, /, **context: str) -> str:
            return f"{context}"

    class Templates:
        def get_template(self, name: str) -> Template:
            return Template()

    app = Brubeck(template_loader=Templates)
    assert app.render_template("page", self="1", template_file="2") == (
        "{'self': '1', 'template_file': '2'}"
    )


def test_a_rendering_stands_anywhere_among_the_bases() -> None:
    """After the handler that it is made of, as in the first README, or before others."""

    class First(WebMessageHandler, Jinja2Rendering):  # type: ignore[metaclass, misc]
        pass

    class Mixin:
        pass

    class Own(WebMessageHandler):
        def render_problem(self, problem: Problem) -> Response:
            return Response(b"own")

    class Second(Own, Mixin, Jinja2Rendering):
        pass

    class Third(Jinja2Rendering, JSONMessageHandler):
        pass

    assert First.__mro__[1:3] == Jinja2Rendering.__mro__[:2]
    assert Second.render_problem is Own.render_problem
    assert Second.__mro__[1:4] == (Own, Mixin, Jinja2Rendering)
    assert Third.render is JSONMessageHandler.render
