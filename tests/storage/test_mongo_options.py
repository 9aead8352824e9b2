"""The options of a MongoDB's URL: in any case, with a service's own string, and with reasons."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from brubeck.errors import ConfigError
from brubeck.storage import Put, RecordSchema, Written, open_storage
from brubeck.storage.mongo.options import FIXED, PASSED_ON, REPLACED
from tests.servers.certificates import Certificates
from tests.servers.mongo import MongoServer

CASES: tuple[Callable[[str], str], ...] = (str, str.lower, str.upper)
VALUES = {
    "authMechanism": "SCRAM-SHA-256",
    "authMechanismProperties": "CANONICALIZE_HOST_NAME:true",
    "compressors": "zlib",
    "heartbeatFrequencyMS": "20000",
    "maxIdleTimeMS": "120000",
    "minPoolSize": "1",
    "serverMonitoringMode": "poll",
    "srvMaxHosts": "0",
    "srvServiceName": "mongodb",
    "zlibCompressionLevel": "3",
    "tlsInsecure": "false",
    "loadBalanced": "false",
}
"""What an option takes that takes neither a name nor true."""
SECRET = "s3cret"


def value_of(name: str, folder: Path) -> str:
    """Return a value that an option takes."""
    if name.endswith("File"):
        return quote(str(folder / "file"))
    names = ("appName", "authSource", "replicaSet", "tlsCertificateKeyFilePassword")
    return "somebody" if name in names else VALUES.get(name, "true")


def beside(name: str, folder: Path) -> str:
    """Return what the driver asks for beside an option."""
    certificate = f"&tlsCertificateKeyFile={quote(str(folder / 'file'))}"
    found = "&tls=true" if name.startswith("tls") and name != "tls" else ""
    return found + (certificate if name == "tlsCertificateKeyFilePassword" else "")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a file of certificates and a key."""
    made = tmp_path_factory.mktemp("options")
    files = Certificates(made)
    text = Path(files.certfile).read_text() + Path(files.keyfile).read_text()
    (made / "file").write_text(text + Path(files.cafile).read_text())
    return made


@pytest.mark.parametrize("name", PASSED_ON)
@pytest.mark.parametrize("case", CASES)
def test_an_option_of_the_driver_is_taken_in_any_case(
    name: str, case: Callable[[str], str], folder: Path
) -> None:
    """As the driver itself takes it."""
    scheme = "mongodb+srv" if name.startswith("srv") else "mongodb"
    url = f"{scheme}://me:{SECRET}@host.example.org/b?{case(name)}={value_of(name, folder)}"
    open_storage(url + beside(name, folder)).close()


@pytest.mark.parametrize("name", [*FIXED, "j"])
@pytest.mark.parametrize("case", CASES)
def test_what_is_done_anyway_may_be_asked_for(name: str, case: Callable[[str], str]) -> None:
    """And nothing else may, for a reason that is given."""
    agreeing, reason = FIXED["journal" if name == "j" else name]
    for value in agreeing:
        open_storage(f"mongodb://host/b?{case(name)}={value}").close()
    for value in ("0", "1", "secondary", "local", "maybe", ""):
        with pytest.raises(ConfigError, match=reason):
            open_storage(f"mongodb://host/b?{case(name)}={value}")


@pytest.mark.parametrize("name", REPLACED)
@pytest.mark.parametrize("case", CASES)
def test_what_has_an_option_of_its_own_is_named_it(name: str, case: Callable[[str], str]) -> None:
    """A timeout is one over all, and the pool counts operations."""
    with pytest.raises(ConfigError, match=f'use the option "{REPLACED[name]}"'):
        open_storage(f"mongodb://host/b?{case(name)}=100")
    open_storage(f"mongodb://host/b?{case(REPLACED[name])}=100").close()


@pytest.mark.parametrize(
    ("address", "query"),
    [
        (
            "mongodb://me:s3c@a.mongodb.net:27017,b.mongodb.net:27017/x",
            "ssl=true&replicaSet=a-0&authSource=admin&retryWrites=true&w=majority&appName=Cluster0",
        ),
        ("mongodb+srv://me:s3c@c.abcde.mongodb.net/", "retryWrites=true&w=majority&appName=C"),
        (
            "mongodb+srv://me:s3c@db-1.ondigitalocean.com/x",
            "tls=true&authSource=admin&replicaSet=d",
        ),
        ("mongodb://me:s3c@host:10255/", "ssl=true&retrywrites=false&maxIdleTimeMS=120000"),
    ],
)
def test_the_string_of_a_service_is_taken_as_it_is(address: str, query: str) -> None:
    """Whatever it asks for that is done anyway; no server is asked for it."""
    open_storage(f"{address}?{query}").close()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("ssl=true&tls=false", 'has the option "tls" twice'),
        ("replicaset=a&replicaSet=b", 'has the option "replicaSet" twice'),
        ("TIMEOUT=1s&timeout=2s", "twice"),
        ("w=1", '"w" may only be majority'),
        ("retryWirtes=true", 'Did you mean "retryWrites"'),
    ],
)
def test_what_contradicts_is_refused(query: str, said: str) -> None:
    """Itself, or a promise."""
    with pytest.raises(ConfigError, match=said):
        open_storage(f"mongodb://host/b?{query}")


@pytest.mark.parametrize("name", ["tls", "ssl", "SSL"])
def test_a_server_is_entered_by_certificate_and_password(tmp_path: Path, name: str) -> None:
    """By a string as services give it, over TLS."""
    files = Certificates(tmp_path)
    both = tmp_path / "both.pem"
    both.write_text(Path(files.certfile).read_text() + Path(files.keyfile).read_text())
    server = MongoServer(tmp_path)
    server.command += ["--tlsMode", "allowTLS", "--tlsCertificateKeyFile", str(both)]
    server.command += ["--tlsCAFile", files.cafile, "--auth"]
    server.command += ["--tlsAllowConnectionsWithoutCertificates"]
    try:
        server.run()
        with server.client() as client:
            admin = {"role": "root", "db": "admin"}
            client.admin.command("createUser", "root", pwd=SECRET, roles=[admin])
        where = f"mongodb://root:{SECRET}@127.0.0.1:{server.port}/notes"
        asked = f"{name}=true&authsource=admin&retryWrites=true&w=majority&appName=x"
        with closing(open_storage(f"{where}?{asked}&TLScaFILE={files.cafile}")) as storage:
            put = Put(id="a", created_at=1, body=b'{"id":"a"}', token="t")
            (made,) = storage.records("notes", RecordSchema()).write([put])
            assert isinstance(made, Written)
    finally:
        server.kill()
