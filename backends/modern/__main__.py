"""`python -m backends.modern --store DIR --listen 127.0.0.1:0`"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from aiohttp import web

from backends.faults import Traits
from backends.modern.app import make_app
from backends.modern.site import DEFAULT_FILES_URL, Site
from backends.running import parser, serve
from backends.store import Store

PROGRAM = "backends.modern"

# What an incident turns round: JSON is under the normalised name.
TRAITS = Traits(spelling=lambda project: project.normalized, other_host="legacy.pypi.test", has_files=False)

_ABANDONED_AFTER = timedelta(days=1)  # no upload takes so long; what is older was left by a killed process


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser(PROGRAM)
    options.add_argument(
        "--files-url", type=_base_url, default=DEFAULT_FILES_URL, metavar="URL", help="where the files are"
    )
    options.add_argument(
        "--files-url-for", type=_host_and_url, action="append", default=[], metavar="PUBLICHOST=URL",
        help="where they are for those who ask this host (X-Forwarded-Host); repeatable",
    )  # fmt: skip
    options.add_argument("--upload-token", metavar="TOKEN", help="without one nobody may upload")
    given = options.parse_args(arguments)
    site = Site(given.files_url, dict(given.files_url_for), given.upload_token)

    def app(store: Store) -> web.Application:
        store.sweep(before=datetime.now(UTC) - _ABANDONED_AFTER)
        return make_app(store, site, lambda: datetime.now(UTC))

    return serve(PROGRAM, app, TRAITS, given)


def _base_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise argparse.ArgumentTypeError(f"{text!r} is no base URL: give one like {DEFAULT_FILES_URL}")
    return text.rstrip("/")


def _host_and_url(text: str) -> tuple[str, str]:
    host, equals, url = text.partition("=")
    if not host or not equals:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not HOST=URL: give one like pypi.test=http://files.pypihosted.test"
        )
    return host.lower(), _base_url(url)


if __name__ == "__main__":
    sys.exit(main())
