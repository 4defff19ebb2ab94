"""What an upload changed is purged from the edges in front: softly, by the tags of the pages that show it.

Laws of this module:
- it is asked for when the upload is committed, and before its uploader is told, so that who then asks sees it;
- an edge that does not answer is asked again at once and a last time two seconds later, which nobody waits for;
- whatever becomes of it, the upload stands: what fails is told in one line.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import ClientError, ClientSession, ClientTimeout, hdrs, web

from backends.addresses import host_name, site_url
from backends.tally import note_writes
from backends.tokens import UnusableToken, read_token, token_file

DEFAULT_HOST: Final = "pypi.test"

MOST_TAGS: Final = 64  # in one request
AGAIN_AFTER: Final[tuple[float, ...]] = (0.0, 2.0)  # seconds
PATIENCE: Final = ClientTimeout(total=1.0)  # with an edge; as long as an uploader may be kept waiting
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Edges:
    """`urls`: where they are. `host`: one that they answer for. The token is read each time: it may be changed."""

    urls: tuple[str, ...]
    token_file: Path
    host: str = DEFAULT_HOST


class _NotPurged(Exception):
    pass


class Purger:
    def __init__(self, edges: Edges, session: ClientSession) -> None:
        self._edges = edges
        self._session = session
        self._again: set[asyncio.Task[None]] = set()

    async def purge(self, tags: Sequence[str]) -> None:
        asked = [" ".join(tags[first : first + MOST_TAGS]) for first in range(0, len(tags), MOST_TAGS)]
        note_writes(len(self._edges.urls) * len(asked))
        await asyncio.gather(*(self._begin(url, each) for url in self._edges.urls for each in asked))

    async def end(self) -> None:
        """What is to be asked again is not waited for: the copies out there have lifetimes of their own."""
        for task in self._again:
            task.cancel()
        await asyncio.gather(*self._again, return_exceptions=True)

    async def _begin(self, url: str, tags: str) -> None:
        try:
            await self._ask(url, tags)
        except _NotPurged:
            task = asyncio.create_task(self._ask_again(url, tags))
            self._again.add(task)
            task.add_done_callback(self._again.discard)

    async def _ask_again(self, url: str, tags: str) -> None:
        why = ""
        for seconds in AGAIN_AFTER:
            await asyncio.sleep(seconds)
            try:
                await self._ask(url, tags)
                return
            except _NotPurged as error:
                why = str(error)
        _LOG.error("%s is not purged at %s: %s; what is kept there lasts as long as its rule says", tags, url, why)

    async def _ask(self, url: str, tags: str) -> None:
        try:
            headers = {
                hdrs.HOST: self._edges.host,
                hdrs.AUTHORIZATION: f"Bearer {read_token(self._edges.token_file).value}",
                "Surrogate-Key": tags,
                "Purge-Mode": "soft",
            }
            async with self._session.request("PURGE", url, headers=headers, allow_redirects=False) as answer:
                if answer.status != 200:
                    raise _NotPurged(f"it answers {answer.status} {answer.reason}")
        except UnusableToken as error:
            raise _NotPurged(str(error)) from error
        except (ClientError, TimeoutError, OSError) as error:
            raise _NotPurged(str(error) or "it does not answer") from error


PURGER: Final = web.AppKey("purger", Purger)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options with which a site is told of edges."""
    parser.add_argument(
        "--purge", type=site_url, action="append", default=[], metavar="URL",
        help="an edge at which what changes is purged, such as http://127.0.0.1:8080; repeatable",
    )  # fmt: skip
    parser.add_argument("--purge-token-file", type=token_file, metavar="FILE", help="the one of the edge's purge_token")
    parser.add_argument(
        "--purge-host", type=host_name, default=DEFAULT_HOST, metavar="HOST",
        help=f"one that the edge answers for ({DEFAULT_HOST})",
    )  # fmt: skip


def edges_of(parser: argparse.ArgumentParser, given: argparse.Namespace) -> Edges | None:
    """None: no edge was named."""
    if bool(given.purge) != (given.purge_token_file is not None):
        parser.error("--purge and --purge-token-file go together: give both, or neither")
    return Edges(tuple(given.purge), given.purge_token_file, given.purge_host) if given.purge else None


def purge_at(app: web.Application, edges: Edges) -> None:
    """Have uploads of this site purged at these edges."""

    async def running(app: web.Application) -> AsyncIterator[None]:
        async with ClientSession(timeout=PATIENCE) as session:
            app[PURGER] = Purger(edges, session)
            yield
            await app[PURGER].end()

    app.cleanup_ctx.append(running)
