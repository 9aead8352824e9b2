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
_POLLED: Final = 500  # connections that are asked about together whether their clients are there
_SOME: Final = 32  # connections that are accepted or ended before others get a turn


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
        self._dispensable: list[Connection] | None = None
        self._tls = _tls_context(self.options) if self.options.certfile else None

    def serve(self, respond: Respond) -> None:
        """Answer requests until `stop` is called, then finish the requests in hand."""
        self._listener.settimeout(_LOOK)
        green.spawn(self._sweep)
        accepted = 0
        while not self.draining:
            if len(self._connections) < self.options.max_connections:
                self._accept(respond)
                # As long as clients are waiting, accepting them does not wait.
                accepted += 1
                _give_turn(accepted)
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

        One that has only just come, or been answered, has a second to send something. So all are
        looked at once in a tick, and not again for each client that waits.
        """
        if self._dispensable is None:
            self._dispensable = self._find_dispensable()
        while self._dispensable:
            connection = self._dispensable.pop()
            if connection in self._connections and self._is_dispensable(connection):
                connection.cut()
                return

    def _find_dispensable(self) -> list[Connection]:
        """Return the connections that may be ended to make room, the first one last."""
        everyone = green.fairly(list(self._connections))
        found = [each for each in everyone if self._is_dispensable(each)]
        found.sort(key=lambda each: (not each.idle, each.deadline if each.idle else each.began_at))
        return found[::-1]

    def _is_dispensable(self, connection: Connection) -> bool:
        if connection.idle:
            return connection.deadline < self.tick + self.options.idle_timeout
        return connection.is_unfinished and connection.began_at < self.tick - _PATIENCE

    def _sweep(self) -> None:
        green.supervise(self._sweep_once, "The sweep of connections", every=_TICK)

    def _sweep_once(self) -> bool:
        """Look after every connection, and return whether there may be more to look after."""
        self.tick += _TICK
        self._dispensable = None
        everyone = list(self._connections)
        self._end([each for each in green.fairly(everyone) if each.deadline < self.tick])
        for start in range(0, len(everyone), _POLLED):
            # No turn between the descriptor and its use: another connection may get the same one.
            busy = {each.fileno(): each for each in everyone[start : start + _POLLED]}
            for fileno in green.hung_up(busy):
                busy[fileno].left()
            green.take_turn()
        for number, connection in enumerate(excess(green.fairly(everyone), self.options)):
            connection.cut()
            _give_turn(number)
        return not self.draining or bool(self._connections)

    def _end(self, late: list[Connection]) -> None:
        for number, connection in enumerate(late):
            try:
                if connection.deadline < self.tick:
                    connection.expire()
            except Exception:
                log.exception("A connection could not be ended in time.")
            _give_turn(number)

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


def _give_turn(number: int) -> None:
    if number % _SOME == _SOME - 1:
        green.sleep(0)


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
