"""Every asynchronous test runs on uvloop, as the edge does; no property has a time limit of its own."""

from __future__ import annotations

import os
from asyncio import AbstractEventLoop
from collections.abc import Callable, Mapping

import uvloop
from hypothesis import HealthCheck, settings

# How fast an example runs says something of the machine and of what else is on it, and nothing of the edge. Examples are
# the same each time, so that what a commit is worth is not a matter of luck: `make properties` looks for others.
settings.register_profile("edge", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.register_profile("others", settings.get_profile("edge"), derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "edge"))


def pytest_asyncio_loop_factories(config: object, item: object) -> Mapping[str, Callable[[], AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}
