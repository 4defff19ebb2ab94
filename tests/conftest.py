"""Every asynchronous test runs on uvloop, as the edge does; no property has a time limit of its own."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable, Mapping

import uvloop
from hypothesis import HealthCheck, settings

# How fast an example runs says something of the machine and of what else is on it, and nothing of the edge.
settings.register_profile("edge", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("edge")


def pytest_asyncio_loop_factories(config: object, item: object) -> Mapping[str, Callable[[], AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}
