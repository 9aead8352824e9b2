"""Templates and authentication as the first README writes them, behind a genuine Mongrel2."""

from __future__ import annotations

import sys

import pytest

from tests.servers import Caller
from tests.servers.mongrel2 import running_mongrel2
from tests.servers.programs import running

PROGRAM = """
from brubeck.auth import web_authenticated, UserHandlingMixin
from brubeck.request_handling import Brubeck, WebMessageHandler
from brubeck.templating import ENGINERendering, load_LOWER_env

class DemoHandler(WebMessageHandler, ENGINERendering):
    def get(self):
        context = {
            'name': '<J2 D2>',
        }
        return self.render_template('templates/success.html', **context)

class AuthHandler(WebMessageHandler, UserHandlingMixin):
    def get_current_user(self):
        return self.message.headers.get('X-User')

    @web_authenticated
    def get(self):
        self.set_body('Take five, %s!' % self.current_user)
        return self.render()

    @web_authenticated
    def post(self):
        return self.get()

handler_tuples = [(r'^/brubeck$', DemoHandler), (r'^/auth$', AuthHandler)]

app = Brubeck(SOCKETS, handler_tuples, template_loader=load_LOWER_env('.'), login_url='/login')
app.run()
"""


@pytest.mark.mongrel2
@pytest.mark.parametrize("engine", ["Jinja2", "Tornado"])
def test_it_works_as_it_did(engine: str) -> None:
    """The same imports, names, order of bases and calls, in a program of its own."""
    with running_mongrel2() as front:
        sockets = repr((front.send_spec, front.recv_spec))
        code = PROGRAM.replace("ENGINE", engine).replace("LOWER", engine.lower())
        (front.directory / "program.py").write_text(code.replace("SOCKETS", sockets))
        templates = front.directory / "templates"
        templates.mkdir()
        (templates / "success.html").write_text("<h1>{{ name }}</h1>")
        command = (sys.executable, "-W", "error", "program.py")
        with running(*command, cwd=front.directory) as program, Caller(front.port) as caller:
            program.await_output("Ctrl-C stops it")

            def asked(target: str, *lines: str, method: str = "GET") -> tuple[int, str, str | None]:
                caller.get(target, "Content-Length: 0", *lines, method=method)
                response = caller.response(method)
                return response.status, response.read().decode(), response.getheader("Location")

            assert asked("/brubeck") == (200, "<h1>&lt;J2 D2&gt;</h1>", None)
            assert asked("/auth?a=b") == (302, "", "/login?next=/auth%3Fa%3Db")
            assert asked("/auth", method="POST") == (303, "", "/login")
            assert asked("/auth", "X-User: Paul", method="POST") == (200, "Take five, Paul!", None)
