"""Both sites with faults, over one store."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from faulty_site import FaultySite, faulty_site, fill

from backends.faults import FaultyStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FaultyStore]:
    with FaultyStore(tmp_path / "store") as opened:
        fill(opened)
        yield opened


@pytest.fixture(autouse=True)
def nothing_unexpected(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A fault is nothing that a site complains about."""
    yield
    assert [record for record in caplog.get_records("call") if record.levelno >= logging.WARNING] == []


@pytest.fixture(params=["legacy", "modern"])
async def site(request: pytest.FixtureRequest, store: FaultyStore) -> AsyncIterator[FaultySite]:
    async with faulty_site(request.param, store) as running:
        yield running
