"""Which store an edge has, by where its state is said to be."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from edgeproxy.state.open import open_store
from edgeproxy.state.redis_store import RedisStore
from edgeproxy.state.sqlite import SqliteStore
from edgeproxy.state.store import CannotOpen


async def test_a_path_is_a_file_and_a_url_is_a_server(tmp_path: Path) -> None:
    for location, kind in ((str(tmp_path / "state.db"), SqliteStore), ("redis://127.0.0.1:1/0", RedisStore)):
        store = await open_store(location, "edge-1")
        assert isinstance(store, kind)
        await store.close()


async def test_redis_without_its_extra_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("redis.", "edgeproxy.state.redis"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(CannotOpen, match=r"pip install 'edgeproxy\[redis\]'"):
        await open_store("redis://127.0.0.1:1/0", "edge-1")
