"""The settings of a program, as typed values; `brubeck.config` reads and describes them."""

from __future__ import annotations

import msgspec

from brubeck.config.values import Listen


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """Some settings; a traceback does not show them, since there are secrets among them."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class ServerSettings(Section, frozen=True, kw_only=True):
    """Serving requests; times in seconds, sizes in bytes."""

    listen: Listen
    workers: int
    certfile: str
    keyfile: str
    trusted_proxies: tuple[str, ...]
    trusted_headers: str | tuple[str, ...]
    access_log: bool
    request_ids: bool
    health: bool
    metrics: str
    tracing: bool
    blocked_after: float
    max_connections: int
    max_head: int
    max_body: int
    max_held: int
    max_spooled: int
    upload_dir: str
    spool: int
    head_timeout: float
    body_timeout: float
    idle_timeout: float
    grace: float


class AppSettings(Section, frozen=True, kw_only=True):
    """The program itself."""

    log_level: str
    log_format: str
    login_url: str
    logout_url: str
    cookie_secret: tuple[str, ...]
    api_base_url: str
    explorer_accent: str
    explorer_logo: str


class JobsSettings(Section, frozen=True, kw_only=True):
    """Jobs and their queue; times in seconds."""

    queue: str
    name: str
    workers: int
    concurrency: int
    attempts: int
    backoff: float
    lease: float


class Settings(Section, frozen=True, kw_only=True):
    """The settings of one program, each an attribute of its section.

    ``storage`` maps the names of stores to their URLs; ``stores_given`` are the configured ones.
    """

    server: ServerSettings
    app: AppSettings
    jobs: JobsSettings
    storage: dict[str, str]
    stores_given: frozenset[str]
