"""One index for all rows, which only read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from surface_world import fill

from backends.store import Store


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Mapping[str, str]]]:
    with Store(tmp_path_factory.mktemp("surface") / "store") as store:
        yield store, fill(store)
