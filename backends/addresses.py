"""URLs on the command line: what could not be used later is refused at once, with the reason."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from typing import Final

# RFC 3986, without what none of these may have: a user, a query, a fragment, an escape that is none.
_HOST = r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])"
_PATH = r"(?P<path>(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)*)"
_URL: Final = re.compile(rf"(?P<scheme>https?)://{_HOST}(?::(?P<port>[0-9]{{1,5}}))?{_PATH}", re.ASCII)
_AUTHORITY: Final = re.compile(rf"{_HOST}(?::(?P<port>[0-9]{{1,5}}))?", re.ASCII)


def base_url(text: str, example: str) -> str:
    """A URL to which paths are put: without the slash at its end."""
    matched = _URL.fullmatch(text)
    if matched is None or not _is_port(matched["port"]):
        raise ArgumentTypeError(f"{text!r} is no base URL: give one like {example}")
    return text.rstrip("/")


def site_url(text: str) -> str:
    """The address of a site, as a URL without a path."""
    matched = _URL.fullmatch(text.rstrip("/"))
    if matched is None or not _is_port(matched["port"]) or matched["path"] or matched["scheme"] != "http":
        raise ArgumentTypeError(f"{text!r} is no site's URL: give one like http://127.0.0.1:8082")
    return matched[0]


def host_name(text: str) -> str:
    """A host with or without its port."""
    matched = _AUTHORITY.fullmatch(text)
    if matched is None or not _is_port(matched["port"]):
        raise ArgumentTypeError(f"{text!r} is no host: give one like pypi.test")
    return text.lower()


def _is_port(text: str | None) -> bool:
    return text is None or 1 <= int(text) <= 65535
