"""What tests under fire share: the nursery that starts their programs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fire.nursery import Nursery, nursery


@pytest.fixture(scope="session")
def crib(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """Yield the nursery of this process."""
    with nursery(tmp_path_factory.mktemp("nursery")) as found:
        yield found
