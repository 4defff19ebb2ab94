"""`python -m backends.legacy --store DIR --listen 127.0.0.1:0`"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from aiohttp import web

from backends.faults import Traits
from backends.legacy.app import make_app
from backends.running import run
from backends.store import Store

# What an incident turns round: JSON is under the name as its author wrote it.
TRAITS = Traits(spelling=lambda project: project.name, other_host="pypi.test", has_files=True)


def _app(store: Store) -> web.Application:
    return make_app(store, lambda: datetime.now(UTC))


if __name__ == "__main__":
    sys.exit(run("backends.legacy", _app, TRAITS))
