"""A request: its received data, decoded only when it is read.

Rules:

- Nothing is decoded before it is read, and nothing is decoded twice.
- Data that cannot be decoded is a `Problem` with status 400 at the moment it is read.
- The path is percent-decoded UTF-8; the query and the body stay raw beside their parsed forms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from io import SEEK_END, BytesIO
from typing import BinaryIO, cast
from urllib.parse import unquote_to_bytes
from uuid import uuid4

from brubeck.green.collecting import LONG
from brubeck.http.authority import is_authority, target_authority
from brubeck.http.cookies import parse_cookies
from brubeck.http.forms import Form, FormLimits, parse_multipart, parse_urlencoded
from brubeck.http.headers import IDENTITY, Headers, RequestHeaders, list_values
from brubeck.http.json_text import decode_json
from brubeck.http.media import media_type
from brubeck.http.problems import Problem
from brubeck.http.proxies import NO_PROXIES, Client, TrustedProxies

_CHUNK = 1 << 16
MAX_JSON = 1 << 20
"""How many bytes of JSON a handler decodes, unless it says otherwise."""
_NOBODY = Client()
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class Request:
    """One request, over whichever connection it came.

    ``target`` is the request target as sent; ``headers`` either `Headers` or a parser's raw pairs;
    ``body`` either the bytes or a binary file that stands at its beginning. ``client`` is the other
    end of the connection as the connection itself knows it, and ``connection`` whatever the
    connection wants to find again.
    """

    # What is worked out on demand begins as a default of the class, not of each request: most
    # requests are never asked most of it.
    trusted_proxies: TrustedProxies = NO_PROXIES
    form_limits: FormLimits | None = None
    sink: Callable[[], BinaryIO] = BytesIO
    """Opens a place for the files of a form, where the body is not in memory itself."""
    is_wanted: Callable[[], bool] = staticmethod(lambda: True)
    """Returns whether the client is still there and the server not about to stop."""
    may_wait: Callable[[], bool] = staticmethod(lambda: True)
    """Returns whether an answer may wait for something to happen: that it is wanted, and holds up
    no other. A long wait calls it now and then, and where it may not go on answers with what it
    has."""
    may_subscribe: bool = False
    """Whether the connection joins a `Subscription` that the answer's source yields."""
    mounted_at: str = ""
    """Where the connection itself has mounted the program: WSGI's ``SCRIPT_NAME``."""
    failure: BaseException | None = None
    """The unexpected exception of the handler, for a connection that reports it."""
    _file: BinaryIO | None = None
    _body: bytes | None = None
    _path: str | None = None
    _query: str | None = None
    _pairs: list[tuple[str, str]] | None = None
    _form: Form | None = None
    _place: BinaryIO | None = None
    _cookies: dict[str, str] | None = None
    _arguments: dict[str, list[str]] | None = None
    _origin: Client | None = None
    _id: str | None = None
    found_by: object | None = None
    """The scheme that has found the caller; None before, and where the program itself finds it."""
    identity: AbstractSet[str] = frozenset()
    """The names of the headers with credentials that were read so far, and ``*`` where something
    else identified the caller."""

    def __init__(
        self,
        method: str,
        target: str,
        headers: Headers | Sequence[tuple[bytes, bytes]] = (),
        body: bytes | BinaryIO = b"",
        *,
        version: str = "1.1",
        client: Client | None = None,
        connection: object = None,
        path: str | None = None,
    ) -> None:
        self.method = method
        self.target = target
        self.version = version
        self.connection = connection
        self._headers: Headers | Sequence[tuple[bytes, bytes]] = headers
        self._client = client
        if type(body) is bytes:
            self._body = body
        else:
            self._file = cast("BinaryIO", body)
        if path is not None:
            self._path = path

    def derived(self, method: str, path: str, headers: Headers, body: bytes) -> Request:
        """Return another request of the same caller, on the same connection, without a query."""
        made = Request(method, path, headers, body, client=self._client, connection=self.connection)
        made.mounted_at, made.trusted_proxies = self.mounted_at, self.trusted_proxies
        made.is_wanted, made.may_wait = self.is_wanted, self.may_wait
        return made

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.target}>"

    @property
    def id(self) -> str:
        """The id of this request, the same in the log and in the answer to the caller."""
        if self._id is None:
            self._id = uuid4().hex
        return self._id

    def assign_id(self, name: str) -> None:
        """Give this request the id that it has elsewhere."""
        self._id = name

    @property
    def comes_from_proxy(self) -> bool:
        """Whether a trusted proxy has sent it."""
        return self.trusted_proxies.trusts((self._client or _NOBODY).address)

    # What was asked for.

    @property
    def path(self) -> str:
        """The path, percent-decoded; 400 when it is not UTF-8 or holds control characters."""
        if self._path is None:
            self._path = decode_path(self._split_target())
        return self._path

    @property
    def query(self) -> str:
        """The raw query string, without its question mark."""
        if self._query is None:
            self._split_target()
        return self._query or ""

    @property
    def query_pairs(self) -> list[tuple[str, str]]:
        """The parameters of the query, decoded, in order and with repetitions."""
        if self._pairs is None:
            self._pairs = parse_urlencoded(self.query)
        return self._pairs

    def _split_target(self) -> str:
        """Set the query and return the raw path of any form of target (RFC 9112, section 3.2)."""
        path, _, self._query = self.target.partition("?")
        if "#" in self.target:
            raise Problem(400, "A request target has no fragment; encode # as %23.")
        if path.startswith("/"):
            return path
        if self.method == "CONNECT":
            raise Problem(501, "CONNECT is not supported: this server is not a proxy.")
        if path == "*" and self.method == "OPTIONS":
            return "*"
        authority = target_authority(path)
        if authority is None or not is_authority(authority):
            raise Problem(400, "The request target is neither a path nor an http URL.")
        return "/" + path.partition("://")[2].partition("/")[2]

    # Headers.

    @property
    def headers(self) -> Headers:
        """The header fields."""
        headers = self._headers
        if not isinstance(headers, RequestHeaders):
            if not isinstance(headers, Headers):
                headers = Headers.from_wire(headers)
            self.identity = read = set(self.identity)
            headers = self._headers = RequestHeaders.watch(headers, read)
        return headers

    def header(self, name: str) -> str | None:
        """Return one header's value, or None; without making all of them for its sake.

        ``name`` is in any case. Repeated values are joined by a comma.
        """
        headers = self._headers
        if not name.islower():
            name = name.lower()
        if name in IDENTITY:
            headers = self.headers  # which notes what is read
        if isinstance(headers, Headers):
            value: str | None = headers.get(name)
            return value
        wanted = name.encode("latin-1")
        found = [value for key, value in headers if key.lower() == wanted]
        return b", ".join(found).decode("latin-1") if found else None

    def note_identity(self, names: Iterable[str]) -> None:
        """Note that the response depends on the caller, and on headers of these names.

        It is kept out of shared caches, and its ``Vary`` names them; ``*`` stands for whatever is
        no header. Schemes name theirs in ``request_headers``, and need not call this.
        """
        if isinstance(self.identity, set):
            self.identity.update(names)  # its headers, which are watched, have it, too
        else:
            self.identity = {*self.identity, *names}

    @property
    def content_type(self) -> str:
        """The bare media type of the body, lower case; empty when none is given."""
        return media_type(self.header("content-type") or "")

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that the browser sent, unverified."""
        if self._cookies is None:
            self._cookies = parse_cookies("; ".join(self.headers.get_all("cookie")))
        return self._cookies

    # The client.

    @property
    def client(self) -> Client:
        """The client that sent the request, by the headers of trusted proxies if there are any."""
        if self._origin is None:
            direct, proxies = self._client or _NOBODY, self.trusted_proxies
            trusted = proxies.trusts(direct.address)  # else no header needs to be looked at
            self._origin = proxies.client(direct, self.headers) if trusted else direct
        return self._origin

    @property
    def remote_addr(self) -> str:
        """The address of the client."""
        return self.client.address

    @property
    def scheme(self) -> str:
        """``http`` or ``https``, as the caller sees it."""
        return self.client.scheme

    @property
    def host(self) -> str:
        """The host, with its port if any, as the caller sees it.

        That of a target in absolute form wins over the ``Host`` header (RFC 9112, section 3.2.2).
        """
        if self.client.host:
            return self.client.host
        named = None if self.target.startswith("/") else target_authority(self.target)
        return named or self.header("host") or ""

    @property
    def prefix(self) -> str:
        """The path under which the caller sees the program, without a slash at the end.

        Empty unless the program is mounted below a path, by a WSGI server or a trusted proxy. The
        request's own ``path`` is without it, and every link has it in front.
        """
        return self.client.prefix + self.mounted_at

    # The body.

    @property
    def is_long(self) -> bool:
        """Whether the body has 64 KiB or more; one that is in a file has."""
        return self._file is not None or len(self._body or b"") >= LONG

    @property
    def body(self) -> bytes:
        """The whole body as bytes."""
        if self._body is None:
            file = self.open_body()
            self._body = file.read()
        return self._body

    def open_body(self) -> BinaryIO:
        """Return the body as a binary file at its start; for bodies too large for memory."""
        if self._file is None:
            return BytesIO(self._body or b"")
        self._file.seek(0)
        return self._file

    def close(self) -> None:
        """Close the files that a large body, and a form's files, are in.

        For the connection, when all is answered or nobody reads the answer.
        """
        for file in (self._file, self._place):
            if file is not None:
                with suppress(OSError):  # it may have had no room for what it still holds
                    file.close()

    def json(self, *, max_bytes: int = MAX_JSON) -> object:
        """Return the body decoded from JSON: 400 when it is none, 413 when it is too long.

        A decoded value may take fifty times the memory of its text, so the limit comes first.
        """
        self.require_plain_body()
        self._check_size(max_bytes)
        return decode_json(self.body)

    def require_plain_body(self) -> None:
        """Raise a `Problem` (415) for a body with a content coding, such as ``gzip``.

        Nobody decodes it here, and it would be taken for what it is not (RFC 9110, 15.5.16).
        """
        codings = self.header("content-encoding")
        if codings and any(each.lower() != "identity" for each in list_values(codings)):
            detail = "A body with a Content-Encoding is not understood here; send it as it is."
            raise Problem(415, detail, headers={"Accept-Encoding": "identity"})

    @property
    def form(self) -> Form:
        """The body as a form, urlencoded or multipart; any other body is an empty form."""
        if self._form is None:
            self._form = self._read_form()
        return self._form

    def _check_size(self, most: int) -> None:
        """Raise a `Problem` (413) for a body of more bytes, without reading it."""
        size = len(self._body or b"") if self._file is None else self._file.seek(0, SEEK_END)
        if size > most:
            raise Problem(413, f"Such a body has at most {most} bytes; this one has {size}.")

    def _read_form(self) -> Form:
        if self.content_type in _FORMS:
            self.require_plain_body()
        if self.content_type == "application/x-www-form-urlencoded":
            self._check_size((self.form_limits or FormLimits()).urlencoded_size)
            return Form(fields=parse_urlencoded(self.body))
        if self.content_type == "multipart/form-data":
            chunks = _chunks(self.open_body())
            content_type = self.headers["content-type"]
            return parse_multipart(chunks, content_type, limits=self.form_limits, sink=self._open)
        return Form()

    def _open(self) -> BinaryIO:
        self._place = BytesIO() if self._file is None else self.sink()
        return self._place

    # Arguments: the query first, then the form, as in Brubeck 0.4.

    @property
    def arguments(self) -> dict[str, list[str]]:
        """Every argument's values by name: those of the query, then those of the form."""
        if self._arguments is None:
            arguments: dict[str, list[str]] = {}
            for name, value in (*self.query_pairs, *self.form.fields):
                arguments.setdefault(name, []).append(value)
            self._arguments = arguments
        return self._arguments

    def get_argument(
        self, name: str, default: str | None = None, *, strip: bool = True
    ) -> str | None:
        """Return the last value of an argument, or the default where there is none."""
        values = self.get_arguments(name, strip=strip)
        return values[-1] if values else default

    def get_arguments(self, name: str, *, strip: bool = True) -> list[str]:
        """Return every value of an argument."""
        values = self.arguments.get(name, [])
        return [value.strip() for value in values] if strip else list(values)


def decode_path(raw: str) -> str:
    """Return a percent-decoded path; a `Problem` when it is not UTF-8 or holds control characters.

    >>> decode_path('/caf%C3%A9')
    '/café'
    """
    path = raw
    if "%" in raw or not raw.isascii():
        try:
            path = unquote_to_bytes(raw.encode("latin-1")).decode()
        except UnicodeError:
            raise Problem(400, "The path is not UTF-8.") from None
    if not path.isprintable() and any(char < " " or char == "\x7f" for char in path):
        raise Problem(400, "The path contains control characters.")
    return path


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk
