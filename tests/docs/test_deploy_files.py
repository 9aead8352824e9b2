"""The files of ``deploy/`` that no test of a proxy runs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from brubeck import Brubeck
from brubeck.config import SETTINGS
from brubeck.testing import Client
from tests.proxies.fronts import shipped

DEPLOY = Path(__file__).parents[2] / "deploy"
FILES = [path for path in sorted(DEPLOY.rglob("*")) if path.is_file()]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_page_on_deployment_links_to_a_file(path: Path) -> None:
    """So that nothing lies there unexplained."""
    text = (DEPLOY.parent / "docs" / "deployment.md").read_text()
    assert f"(../deploy/{path.relative_to(DEPLOY)})" in text


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_settings_in_a_file_are_settings_that_there_are(path: Path) -> None:
    """By the names of their environment variables."""
    for section, key in re.findall(r"\bBRUBECK_(SERVER|STORAGE|APP)_([A-Z_]+)", path.read_text()):
        known = SETTINGS.get(section.lower())
        assert section == "STORAGE" or (known and key.lower() in known), key


def test_the_probes_of_kubernetes_and_docker_are_answered() -> None:
    """At the paths that a program has by itself."""
    yaml = import_module("yaml")
    deployment = yaml.safe_load((DEPLOY / "kubernetes" / "deployment.yaml").read_text())
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    paths = [container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("readiness", "liveness")]
    paths += re.findall(r"6767(/-/\w+)", (DEPLOY / "Dockerfile").read_text())
    paths += re.findall(r"GET (/-/\w+)", (DEPLOY / "haproxy.cfg").read_text())
    client = Client(Brubeck(storage="memory://"))
    assert [client.get(path).status for path in paths] == [200] * 4
    service = yaml.safe_load((DEPLOY / "kubernetes" / "service.yaml").read_text())
    assert service["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"]
    assert service["spec"]["ports"][0]["targetPort"] == container["ports"][0]["name"]


DOCKERFILES = (DEPLOY / "Dockerfile", DEPLOY.parent / "brubeck/cli/project/Dockerfile.txt")


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_a_dockerfile_has_no_findings(path: Path) -> None:
    """By hadolint, which knows the rules that people follow."""
    command = [str(Path(sys.executable).with_name("hadolint")), "--no-color", "-"]
    text = path.read_text()
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", ["brubeck.service", "brubeck-worker.service"])
def test_systemd_takes_a_unit(name: str, tmp_path: Path) -> None:
    """With a program that is there in place of the virtual environment's."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd here")
    text = shipped(f"systemd/{name}", {"/srv/quakes/.venv/bin/brubeck": "/bin/true"})
    unit = tmp_path / name
    unit.write_text(text.replace("/srv/quakes", "/tmp"))
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert name not in done.stderr, done.stderr
