"""`python -m backends.conveyor --endpoint URL --listen 127.0.0.1:0`"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from backends.addresses import base_url, host_name, site_url
from backends.conveyor.app import Settings, make_app
from backends.running import address_option, serve_app

PROGRAM = "backends.conveyor"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog=PROGRAM)
    address_option(parser)
    parser.add_argument(
        "--endpoint", type=site_url, required=True, metavar="URL", help="of the site whose JSON API is asked"
    )
    parser.add_argument("--host", type=host_name, default="pypi.test", metavar="HOST", help="as which (pypi.test)")
    parser.add_argument(
        "--host-for", type=_hosts, action="append", default=[], metavar="PUBLICHOST=HOST",
        help="as which for those who ask this host (X-Forwarded-Host); repeatable",
    )  # fmt: skip
    parser.add_argument("--docs", type=Path, metavar="DIR", help="a tree of uploaded documentation, by project")
    parser.add_argument(
        "--docs-host", type=host_name, default="pypihosted.test", metavar="HOST", help="of it (pypihosted.test)"
    )
    parser.add_argument(
        "--docs-moved", type=_moved, action="append", default=[], metavar="PROJECT=URL",
        help="where the documentation of a project is now; repeatable",
    )  # fmt: skip
    given = parser.parse_args(arguments)
    if given.docs is not None and not given.docs.is_dir():
        parser.error(f"{given.docs}: there is no such directory")
    settings = Settings(
        *(given.endpoint, given.host, dict(given.host_for)), *(given.docs, given.docs_host, dict(given.docs_moved))
    )
    return serve_app(PROGRAM, make_app(settings), given.listen)


def _hosts(text: str) -> tuple[str, str]:
    asked, equals, host = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST=HOST: give one like files.localhost=pypi.localhost")
    return host_name(asked), host_name(host)


def _moved(text: str) -> tuple[str, str]:
    project, equals, url = text.partition("=")
    if not project or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not PROJECT=URL: give one like flask=http://docs.test/flask")
    return project, base_url(url, "http://docs.test/flask")


if __name__ == "__main__":
    sys.exit(main())
