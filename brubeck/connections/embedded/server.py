"""The server: it accepts connections, looks after them once a second, and lets them finish."""

from __future__ import annotations

import logging
import socket
import ssl
from typing import Final

from brubeck import green
from brubeck.connections.embedded.connection import Connection, Respond
from brubeck.connections.embedded.holding import excess
from brubeck.connections.embedded.options import ServerOptions
from brubeck.errors import ConfigError
from brubeck.http.proxies import Client

log = logging.getLogger("brubeck.server")

_TICK: Final = 1.0
_LOOK: Final = 0.25
_PATIENCE: Final = 5.0  # seconds for a whole request while others find no place
_SILENCE: Final = 10.0  # seconds between two words on the same trouble


class EmbeddedServer:
    """Serves HTTP/1.1 on a listening socket; with a certificate, over TLS."""

    def __init__(self, listener: socket.socket, options: ServerOptions | None = None) -> None:
        self.options = options or ServerOptions()
        self.draining = False
        self._hurried = False
        self._silent_until = 0.0
        self.tick = 0.0
        self._listener = listener
        self._connections: set[Connection] = set()
        self._tls = _tls_context(self.options) if self.options.certfile else None

    def serve(self, respond: Respond) -> None:
        """Answer requests until `stop` is called, then finish the requests in hand."""
        self._listener.settimeout(_LOOK)
        green.spawn(self._sweep)
        while not self.draining:
            if len(self._connections) < self.options.max_connections:
                self._accept(respond)
            elif green.wait_readable(self._listener.fileno(), _LOOK):
                self._make_room()
                green.sleep(0.01)  # the kernel's backlog holds the others for us
        self._drain()

    def stop(self) -> None:
        """Stop taking connections; called again, at once. A signal handler may call it."""
        self._hurried = self.draining
        self.draining = True

    def _accept(self, respond: Respond) -> None:
        try:
            sock, address = self._listener.accept()
        except TimeoutError:
            return  # nobody came; time to see whether to stop
        except OSError as reason:
            if self.tick >= self._silent_until:
                log.warning("Cannot take a connection: %s", reason)
                self._silent_until = self.tick + _SILENCE
            green.sleep(0.1)
            return
        client = Client(_host(address), "https" if self._tls else "http")
        connection = Connection(self, respond, client)
        self._connections.add(connection)  # before it runs: the limit holds in a burst, too
        green.spawn(connection.run, sock, self._tls)

    def _make_room(self) -> None:
        """End the connection that has been idle longest, or whose request has taken longest.

        One that has only just come, or been answered, has a second to send something.
        """
        recent = self.tick + self.options.idle_timeout
        idle = [each for each in self._connections if each.idle and each.deadline < recent]
        if idle:
            min(idle, key=lambda each: each.deadline).cut()
            return
        since = self.tick - _PATIENCE
        slow = [each for each in self._connections if each.is_unfinished and each.began_at < since]
        if slow:
            min(slow, key=lambda each: each.began_at).cut()

    def _sweep(self) -> None:
        green.supervise(self._sweep_once, "The sweep of connections", every=_TICK)

    def _sweep_once(self) -> bool:
        """Look after every connection, and return whether there may be more to look after."""
        self.tick += _TICK
        for connection in [each for each in self._connections if each.deadline < self.tick]:
            try:
                connection.expire()
            except Exception:
                log.exception("A connection could not be ended in time.")
        busy = {each.fileno(): each for each in list(self._connections)}
        for fileno in green.hung_up(busy):
            busy[fileno].left()
        for connection in excess(green.fairly(list(self._connections)), self.options):
            connection.cut()
        return not self.draining or bool(self._connections)

    def _drain(self) -> None:
        self._listener.close()
        left = self.options.grace
        while left > 0 and not self._hurried and self._in_hand():
            green.sleep(0.05)
            left -= 0.05
        for connection in list(self._connections):
            connection.cut()

    def _in_hand(self) -> list[Connection]:
        # Each one is asked: a busy one must not keep the idle ones behind it.
        return [each for each in list(self._connections) if each.finish()]

    def forget(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        self._connections.discard(connection)


def _host(address: object) -> str:
    return str(address[0]) if isinstance(address, tuple) else ""


def _tls_context(options: ServerOptions) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(options.certfile, options.keyfile or None)
    except (OSError, ssl.SSLError) as reason:
        hint = "" if options.keyfile else " If its key is in a file of its own, set server.keyfile."
        raise ConfigError(
            f"The certificate {options.certfile} or its key cannot be used: {reason}.{hint}"
        ) from reason
    return context
