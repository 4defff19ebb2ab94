"""Where the files of a simple page lie: the hosts and paths of their URLs, as a client resolves them (RFC 3986 §5).

Laws of this module:
- a host is the scheme, the name and the port of a URL, in one spelling; who is named in front of it (`user@`) is no
  part of it. What has no host is known by its scheme alone;
- only files that both pages list are looked at, each with its own URL on the other side: that two files have changed
  their hosts is told, too;
- where nobody knows the page's own URL, its host is one of its own, and of paths that lead from it nothing is said;
- it takes time in proportion to the URLs, and never raises.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

from edgeproxy.http.target import PORTS

Places = dict[str, tuple[str, ...]]  # of files by their names: as they are written, several where a page says several

_OWN: Final = "(the page's own)"
_NO_URL: Final = "(no URL)"
_ORIGIN: Final = re.compile("[A-Za-z][A-Za-z0-9+.-]*+://[^/?#]*+")
_LONGEST_ORIGIN: Final = 300  # that is remembered


class Sited(NamedTuple):
    """A page's files; `base`: what their URLs lead from."""

    base: str
    places: Places


class Moves(NamedTuple):
    """Of the files that both pages have. `hosts` are those of each side where they are not the same; `paths` those of
    files that lie on one host, and elsewhere on it.
    """

    hosts: tuple[str, str] | None
    paths: dict[str, tuple[str, str]]


def joined(base: str, url: str) -> str:
    try:
        return urljoin(base, url.strip())
    except ValueError:  # a host that is none
        return url


def places_of(links: Iterable[tuple[str, str]]) -> Places:
    """Of names and URLs."""
    listed = [(name, url.partition("#")[0]) for name, url in links]
    single = dict(listed)
    if len(single) == len(listed):
        return {name: (url,) for name, url in single.items()}
    several: dict[str, set[str]] = {}
    for name, url in listed:
        several.setdefault(name, set()).add(url)
    return {name: tuple(sorted(urls)) for name, urls in several.items()}


def moves(old: Sited, new: Sited, has_path: Callable[[str], bool]) -> Moves:
    """`has_path`: whether the path of the file of this name counts."""
    ours, theirs = set[str](), set[str]()
    paths: dict[str, tuple[str, str]] = {}
    for name, before in old.places.items():
        after = new.places.get(name)
        if after is None or (before == after and old.base == new.base):  # PERF: most are written alike
            continue
        olds, news = ({host_from(page.base, url) for url in urls} for page, urls in ((old, before), (new, after)))
        if olds != news:
            ours |= olds
            theirs |= news
        elif has_path(name):
            found = [{path_from(page.base, url) for url in urls} for page, urls in ((old, before), (new, after))]
            if found[0] != found[1] and all(path.startswith("/") for each in found for path in each):
                paths[name] = _written(found[0]), _written(found[1])
    return Moves((_written(ours), _written(theirs)) if ours or theirs else None, paths)


def host_from(base: str, url: str) -> str:
    """PERF: 1 µs; to resolve a URL takes 15 µs, and a page may have thousands."""
    url = url.strip()
    origin = _ORIGIN.match(url)
    if origin is not None:
        return _host_of(origin[0])
    return _host_of(base) if ":" not in url and not url.startswith("//") else _host_of(joined(base, url))


def _host_of(url: str) -> str:
    return _known_host(url) if len(url) <= _LONGEST_ORIGIN else _read_host(url)


@lru_cache(256)
def _known_host(url: str) -> str:
    return _read_host(url)


def _read_host(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return _NO_URL
    if not parts.netloc:
        return f"{parts.scheme}:" if parts.scheme else _OWN
    host = parts.netloc.rpartition("@")[2].lower()
    default = f":{PORTS[parts.scheme]}" if parts.scheme in PORTS else ""
    return f"{parts.scheme}://{host.removesuffix(default)}"


def path_from(base: str, url: str) -> str:
    """And query."""
    try:
        parts = urlsplit(joined(base, url))
    except ValueError:
        return url
    query = f"?{parts.query}" if parts.query else ""
    return f"{unquote(parts.path, errors='surrogateescape')}{query}"


def _written(values: Iterable[str]) -> str:
    return ", ".join(sorted(values))
