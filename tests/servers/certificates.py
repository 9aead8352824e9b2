"""Certificates for tests: an authority, what it signed for 127.0.0.1, and for a client."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from tests.servers import require

PASSWORD = "s3cret key"


class Certificates:
    """The files of an authority that nobody but a test trusts."""

    def __init__(self, directory: Path, *, name: str = "DNS:localhost,IP:127.0.0.1") -> None:
        self._openssl = require("openssl", "openssl")
        self._directory = directory
        self.cafile = self._file("ca.pem")
        self.certfile, self.keyfile = self._file("cert.pem"), self._file("key.pem")
        self._run("req", "-x509", *_KEY, "-nodes", "-days", "2", "-subj", "/CN=an authority")
        self._sign("cert", "/CN=somebody", name)

    def protect(self) -> str:
        """Return the path of the key, encrypted by `PASSWORD`."""
        path = self._file("protected.pem")
        command = ("rsa", "-aes256", "-passout", f"pass:{PASSWORD}", "-in", self.keyfile)
        self._call(*command, "-out", path)
        return path

    def redis_options(self, port: int) -> list[str]:
        """Return the options of a Redis that speaks TLS alone, with who has a certificate."""
        options = ["--port", "0", "--tls-port", str(port), "--tls-replication", "yes"]
        options += ["--tls-ca-cert-file", self.cafile, "--tls-auth-clients", "yes"]
        return [*options, "--tls-cert-file", self.certfile, "--tls-key-file", self.keyfile]

    def redis_client(self) -> dict[str, Any]:
        """Return the options of the driver for such a Redis."""
        files = {"ssl_certfile": self.certfile, "ssl_keyfile": self.keyfile}
        return files | {
            "host": "127.0.0.1",
            "ssl": True,
            "ssl_ca_certs": self.cafile,
            "ssl_check_hostname": False,
        }

    @property
    def query(self) -> str:
        """The options of a storage's URL."""
        return f"cafile={self.cafile}&certfile={self.certfile}&keyfile={self.keyfile}"

    def _file(self, name: str) -> str:
        return str(self._directory / name)

    def _run(self, *command: str) -> None:
        self._call(*command, "-keyout", self._file("ca-key.pem"), "-out", self.cafile)

    def _sign(self, name: str, subject: str, alternative: str) -> None:
        request, extensions = self._file("request.pem"), self._file("extensions")
        Path(extensions).write_text(f"subjectAltName={alternative}\n")
        asks = ("req", *_KEY, "-nodes", "-subj", subject)
        self._call(*asks, "-keyout", self.keyfile, "-out", request)
        signs = ("x509", "-req", "-in", request, "-days", "2", "-extfile", extensions)
        by = ("-CA", self.cafile, "-CAkey", self._file("ca-key.pem"), "-CAcreateserial")
        self._call(*signs, *by, "-out", self._file(f"{name}.pem"))

    def _call(self, *command: str) -> None:
        subprocess.run([self._openssl, *command], check=True, capture_output=True)


_KEY = ("-newkey", "rsa:2048")
