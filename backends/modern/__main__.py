"""`python -m backends.modern --store DIR --listen 127.0.0.1:0`"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web
from cryptography.x509 import Certificate, load_pem_x509_certificates

from backends.addresses import base_url, host_name
from backends.faults import Traits
from backends.modern.app import make_app
from backends.modern.era import Era
from backends.modern.limiting import CALLS_AN_HOUR
from backends.modern.site import DEFAULT_FILES_URL, Site
from backends.purging import add_options, edges_of, purge_at
from backends.running import day, parser, serve
from backends.store import Store
from backends.store.content import ABANDONED_AFTER
from backends.tokens import read_token, token_file

PROGRAM = "backends.modern"

# What an incident turns round: JSON is under the normalised name.
TRAITS = Traits(spelling=lambda project: project.normalized, other_host="legacy.pypi.test", has_files=False)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options()
    given = options.parse_args(arguments)
    edges = edges_of(options, given)
    site = _site_of(given)
    traits = replace(TRAITS, spelling=lambda project: project.name) if site.era.answers_json_verbatim else TRAITS

    def app(store: Store) -> web.Application:
        store.sweep(before=datetime.now(UTC) - ABANDONED_AFTER)
        made = make_app(store, site, lambda: datetime.now(UTC))
        if edges is not None:
            purge_at(made, edges)
        return made

    return serve(PROGRAM, app, traits, given)


def _options() -> argparse.ArgumentParser:
    options = parser(PROGRAM)
    options.add_argument(
        "--files-url", type=_base_url, default=DEFAULT_FILES_URL, metavar="URL", help="where the files are"
    )
    options.add_argument(
        "--files-url-for", type=_host_and_url, action="append", default=[], metavar="PUBLICHOST=URL",
        help="where they are for those who ask this host (X-Forwarded-Host); repeatable",
    )  # fmt: skip
    token = options.add_mutually_exclusive_group()
    token.add_argument(
        "--upload-token", type=_upload_token, metavar="TOKEN",
        help="without one nobody may upload; who may list processes sees it here",
    )  # fmt: skip
    token.add_argument("--upload-token-file", type=_token_in, dest="upload_token", metavar="FILE", help="or from here")
    options.add_argument(
        "--calls-an-hour", type=_count, default=CALLS_AN_HOUR, metavar="N",
        help=f"XML-RPC calls that one client may make ({CALLS_AN_HOUR}); 0 for any number",
    )  # fmt: skip
    options.add_argument(
        "--new-projects-an-hour", type=_count, default=0, metavar="N",
        help="projects that one client may make; 0 for any number (0)",
    )  # fmt: skip
    options.add_argument(
        "--attestation-issuers", type=_certificates, default=(), metavar="FILE",
        help="certificates (PEM): only attestations by a certificate that one of these issued are taken",
    )  # fmt: skip
    options.add_argument("--era", type=day, metavar="DAY", help="the day that the site is of (today)")
    add_options(options)
    return options


def _site_of(given: argparse.Namespace) -> Site:
    return Site(
        *(given.files_url, dict(given.files_url_for), given.upload_token, Era(given.era)),
        calls_an_hour=given.calls_an_hour or None,
        attestation_issuers=given.attestation_issuers,
        new_projects_an_hour=given.new_projects_an_hour or None,
    )


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise argparse.ArgumentTypeError(f"{text!r} is no number: give one, or 0 for any number")
    return int(text)


def _base_url(text: str) -> str:
    return base_url(text, DEFAULT_FILES_URL)


def _certificates(text: str) -> tuple[Certificate, ...]:
    try:
        return tuple(load_pem_x509_certificates(Path(text).read_bytes()))
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{text}: it has no certificates that can be read ({error})") from None


def _upload_token(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("an empty token would let everybody upload: give one, or leave the option out")
    return text


def _token_in(text: str) -> str:
    return read_token(token_file(text)).value


def _host_and_url(text: str) -> tuple[str, str]:
    host, equals, url = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not HOST=URL: give one like pypi.test=http://files.pypihosted.test"
        )
    return host_name(host), _base_url(url)


if __name__ == "__main__":
    sys.exit(main())
