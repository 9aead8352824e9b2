"""What mypy knows about a user's documents."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).with_name("typed_documents.py")


def test_mypy_sees_the_type_of_every_field() -> None:
    """Under strict mypy a field's value has its type, a mistake is seen, and nothing else is."""
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(PROGRAM)],
        capture_output=True,
        text=True,
        check=False,
        cwd=PROGRAM.parents[2],
    )
    said = [line for line in ran.stdout.splitlines() if not line.startswith("Success")]
    wanted = re.findall(r"reveal_type\(.*\)  # (.*)", PROGRAM.read_text(encoding="utf-8"))
    found = [match[1] for line in said if (match := re.search(r'Revealed type is "(.*)"', line))]
    assert [name.replace("builtins.", "") for name in found] == wanted
    assert len(said) == len(wanted)
