"""Mirrors: bandersnatch, which follows the serials of changes by XML-RPC and takes all files, and devpi, which keeps
pages.

Law: a document that is older than the change that was told of is wrong (`X-PyPI-Last-Serial`): that is what mirrors
stumbled over for years (facts/edge-history.md B).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any, Final

from packaging.utils import canonicalize_name

from loadtests.users import headers as say
from loadtests.users.calling import call
from loadtests.users.headers import conditional, filled
from loadtests.users.pages import json_of
from loadtests.users.steps import OK, OK_OR_SAME, Ask, Heard, Step, Walk, World, Wrong

_SEEN: Final = "bandersnatch"


def bandersnatch(world: World) -> Walk:
    """One run: all there is, if it has never been here; else what has changed since."""
    since = world.serials.get(_SEEN)
    if since is None:
        changed = yield from _all(world)
    else:
        changed = yield from _changed(world, since)
    for project, serial in changed.items():
        yield from _mirrored(world, canonicalize_name(project), serial)
    if changed or since is None:
        world.serials[_SEEN] = max(changed.values(), default=since or 0)


def devpi(world: World) -> Walk:
    """A project's page, by its ETag where it has been here."""
    url = f"{world.index}/simple/{world.project()}/"
    kept = world.known.get(url)
    headers = filled(say.DEVPI, url)
    if kept is not None:
        headers = conditional(headers, kept.headers.get("etag"))
    heard = yield Ask("devpi: page", url, headers, expects=OK_OR_SAME if kept else OK)
    assert heard is not None, "every question has an answer"
    if heard.status == 304:
        return
    if kept is not None:
        _must_not_be_older(heard, _serial_of(kept))
    world.keep(url, heard)


def _all(world: World) -> Generator[Step, Heard | None, dict[str, int]]:
    found = yield from call(world, say.BANDERSNATCH_CALL, "bandersnatch", "list_packages_with_serial")
    if not isinstance(found, dict) or not all(isinstance(serial, int) for serial in found.values()):
        raise Wrong("it is no list of projects with their serials")
    return found


def _changed(world: World, since: int) -> Generator[Step, Heard | None, dict[str, int]]:
    found = yield from call(world, say.BANDERSNATCH_CALL, "bandersnatch", "changelog_since_serial", since)
    try:
        return {name: serial for name, _, _, _, serial in found}
    except (TypeError, ValueError):
        raise Wrong("it is no list of changes") from None


def _mirrored(world: World, project: str, serial: int) -> Generator[Step, Heard | None, None]:
    url = f"{world.index}/pypi/{project}/json"
    heard = yield Ask("bandersnatch: json", url, filled(say.BANDERSNATCH, url))
    assert heard is not None, "every question has an answer"
    _must_not_be_older(heard, serial)
    for file, digest in _files_of(json_of(heard)):
        if file not in world.known:
            yield Ask("bandersnatch: file", file, filled(say.BANDERSNATCH, file), digest=digest)
            world.keep(file, Heard(200, {}, b"", file))


def _files_of(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    try:
        for files in document["releases"].values():
            for file in files:
                yield file["url"], file["digests"]["sha256"]
    except (KeyError, TypeError, AttributeError):
        raise Wrong("the document has no `releases` with files, URLs and digests") from None


def _must_not_be_older(heard: Heard, wanted: int) -> None:
    if _serial_of(heard) < wanted:
        raise Wrong(f"stale: its serial is {_serial_of(heard)}, and {wanted} was told")


def _serial_of(heard: Heard) -> int:
    """0: it does not say."""
    said = heard.headers.get("x-pypi-last-serial", "")
    return int(said) if said.isascii() and said.isdigit() else 0
