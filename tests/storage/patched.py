"""Run tests in a process whose standard library an engine has patched.

``python -m tests.storage.patched gevent tests/storage/test_sqlite.py``
"""

from __future__ import annotations

import sys

from brubeck import green

if __name__ == "__main__":
    green.patch(sys.argv[1])
    import pytest

    sys.exit(pytest.main(["-q", "-x", "-p", "no:cacheprovider", *sys.argv[2:]]))
