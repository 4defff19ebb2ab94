"""`locust -f loadtests/locustfile.py --host http://127.0.0.1:8080`: clients of an index as load. See README.md."""

from __future__ import annotations

from locust import events

from loadtests.users.classes import (
    Arriving,
    BandersnatchUser,
    BrowserUser,
    DevpiUser,
    OldPipUser,
    PipUser,
    Playing,
    UvUser,
    XmlRpcUser,
)
from loadtests.users.serving import Serving

__all__ = [
    "Arriving",
    "BandersnatchUser",
    "BrowserUser",
    "DevpiUser",
    "OldPipUser",
    "PipUser",
    "Playing",
    "UvUser",
    "XmlRpcUser",
]

Serving().listen(events)
