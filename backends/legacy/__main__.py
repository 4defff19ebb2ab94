"""`python -m backends.legacy --store DIR --listen 127.0.0.1:0`"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from aiohttp import web

from backends.faults import Traits
from backends.legacy.app import Settings, make_app
from backends.legacy.era import LAST_DAY, Era
from backends.purging import add_options, edges_of, purge_at
from backends.running import day, parser, serve
from backends.store import Store
from backends.store.content import ABANDONED_AFTER

PROGRAM = "backends.legacy"

# What an incident turns round: JSON is under the name as its author wrote it.
TRAITS = Traits(spelling=lambda project: project.name, other_host="pypi.test", has_files=True)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser(PROGRAM)
    options.add_argument(
        "--era", type=day, default=LAST_DAY, metavar="DAY", help=f"the day that the site is of ({LAST_DAY})"
    )
    options.add_argument(
        "--require-tls", action="store_true", help="refuse what programs use to who asked the edge without TLS"
    )
    options.add_argument(
        "--calls-at-once", type=_count, metavar="N", help="XML-RPC calls that one client may have open (any number)"
    )
    add_options(options)
    given = options.parse_args(arguments)
    edges = edges_of(options, given)
    settings = Settings(Era(given.era), given.require_tls, given.calls_at_once)

    def app(store: Store) -> web.Application:
        if settings.era.takes_uploads:
            store.sweep(before=datetime.now(UTC) - ABANDONED_AFTER)
        made = make_app(store, lambda: datetime.now(UTC), settings)
        if edges is not None:
            purge_at(made, edges)
        return made

    return serve(PROGRAM, app, TRAITS, given)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of calls: give 1 or more")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
