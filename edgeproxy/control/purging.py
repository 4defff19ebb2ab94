"""Purging, by the supervisor: its log of purges, which all workers share, and the command that purges.

The log is one for the edge's life, upgrades included: a purge is seen by the workers that drain, too.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from edgeproxy.caching.purge_names import UnknownHostNamed, purges_of_tags, purges_of_target, read_url
from edgeproxy.caching.purging import Mode, Purge, What
from edgeproxy.control.aside import aside
from edgeproxy.control.control_socket import Refused, Words
from edgeproxy.control.sockets import Offer
from edgeproxy.http.target import BadTarget
from edgeproxy.proxy.cache.directory import Directory
from edgeproxy.proxy.cache.disk_purges import CannotPurge, catch_up
from edgeproxy.proxy.cache.purges import NotAPurgeLog, PurgeLog, carry_out
from edgeproxy.ruleset.model import Ruleset

MOST_NAMES: Final = 1_000  # in one command: a part of the log's places
_KEYS: Final = frozenset({"urls", "tags", "all", "hard"})


class Purging:
    """`rules`: those in use at the moment."""

    def __init__(self, offer: Offer | None, rules: Callable[[], Ruleset]) -> None:
        self._log = _log_of(offer)
        self._rules = rules
        self._turn = asyncio.Lock()

    @property
    def fd(self) -> int:
        """The log's, for workers and the next supervisor."""
        return self._log.fd

    def close(self) -> None:
        self._log.close()

    async def purge(self, words: Words) -> Words:
        """Done, and seen by every worker, when it returns. Raises Refused; then nothing was purged, or it is told."""
        ruleset = self._rules()
        purges = read_purges(words, ruleset, time.time())
        directory = ruleset.cache.directory
        disk = None if directory is None else _Disk(directory, self._log)
        try:
            async with self._turn:
                on_disk = await aside(lambda: carry_out(purges, self._log, disk))
        except CannotPurge as error:
            raise Refused(f"purge: {error}. In memory it is purged") from None
        return {"purged": True, "disk": on_disk}


class _Disk:
    """The directory that workers share. It is not opened as a Disk, which keeps, evicts and sweeps: workers do that."""

    def __init__(self, directory: Path, log: PurgeLog) -> None:
        self._directory = Directory(directory.absolute())
        self._log = log

    def catch_up(self) -> int:
        return catch_up(self._directory, self._log)


def read_purges(words: Words, ruleset: Ruleset, now: float) -> tuple[Purge, ...]:
    """What a command asks for. Raises Refused."""
    unknown = sorted(words.keys() - _KEYS)
    if unknown:
        raise Refused(f"purge: unknown key {unknown[0]!r}: there are {', '.join(sorted(_KEYS))}")
    urls, tags = _strings(words, "urls"), _strings(words, "tags")
    mode = Mode.HARD if _flag(words, "hard") else Mode.SOFT
    if _flag(words, "all"):
        if urls or tags:
            raise Refused("purge: `all` beside `urls` or `tags`: say one of both")
        return (Purge(What.ALL, mode, at=now),)
    if not urls and not tags:
        raise Refused("purge: nothing is named: say `urls`, `tags`, or `all`: true")
    if len(urls) + len(tags) > MOST_NAMES:
        raise Refused(f"purge: more than {MOST_NAMES} names in one line: say them in several")
    by_url = (purge for url in urls for purge in _of_url(url, ruleset, mode, now))
    return (*dict.fromkeys(by_url), *purges_of_tags(tags, mode, now))


def _of_url(url: str, ruleset: Ruleset, mode: Mode, now: float) -> tuple[Purge, ...]:
    try:
        return purges_of_target(read_url(url), ruleset, mode, now)
    except (BadTarget, UnknownHostNamed) as error:
        raise Refused(f"{url}: {error}: nothing is purged") from None


def _strings(words: Words, key: str) -> Sequence[str]:
    values = words.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) and value for value in values):
        raise Refused(f"purge: `{key}` is a list of strings")
    return values


def _flag(words: Words, key: str) -> bool:
    value = words.get(key, False)
    if not isinstance(value, bool):
        raise Refused(f"purge: `{key}` is true or false")
    return value


def _log_of(offer: Offer | None) -> PurgeLog:
    if offer is not None and offer.purges is not None:
        try:
            return PurgeLog.adopt(offer.purges)
        except NotAPurgeLog:  # of an edge whose log was different
            os.close(offer.purges)
    return PurgeLog.create()
