"""A worker's capture: whose exchanges are taken, and their way to the writer.

Laws of this module:
- a connection is taken whole or not at all, by dice, when it is made, or when the capture begins;
- what waits for the writer is bounded; what comes beyond is dropped, and counted;
- a capture that is off has no part in anything.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from edgeproxy.capture.content import ContentReader, Piece
from edgeproxy.capture.rows import Connection, RowMaker, RuleTold
from edgeproxy.capture.settings import Settings
from edgeproxy.proxy.capture.tap import Tap
from edgeproxy.proxy.capture.writing import End, Feed, Write, Writer
from edgeproxy.ruleset.model import Rule, Ruleset
from edgeproxy.ruleset.template import PathTemplate

if TYPE_CHECKING:
    from edgeproxy.proxy.client import ClientConnection

MOST_WAITING: Final = 1 << 23  # octets: of blocks, about, and of answers that are to be digested
_OF_ROW: Final = 64  # octets that it holds
_END_WITHIN: Final = 10.0  # seconds for what waits: beyond, the disk hangs


class Taking:
    """Begins when it is made. `dice` gives numbers from 0 to below 1."""

    def __init__(self, settings: Settings, ruleset: Ruleset, dice: Callable[[], float]) -> None:
        self.settings = settings
        self._dice = dice
        self._connections = 0
        self.rows = RowMaker(told_of(ruleset), self._hand_on)
        self._put = 0  # octets of all work that the writer got
        self._dropped = 0  # exchanges
        about = {"capture": settings.name, "share": settings.share, "worker": os.getpid(), "rules": ruleset.digest}
        self._writer = Writer(settings, os.getpid(), about)
        self._writer.start()

    # -- for the edge -------------------------------------------------------------------------------------------

    def meet(self, client: ClientConnection) -> None:
        """Take what this connection's exchanges are, or leave it alone."""
        if self._dice() < self.settings.share:
            self._connections += 1
            connection = Connection(b'"%d-%d"' % (os.getpid(), self._connections))
            client.listen_in(Tap(client.transport, connection, self))

    @property
    def problem(self) -> str | None:
        """Why nothing more can be written."""
        return self._writer.problem

    def tend(self) -> None:
        """Hand on what has come: what was captured is on disk soon, however little it is."""
        if len(self.rows.block):
            self._hand_on()

    async def end(self) -> None:
        """Write what waits. Nothing is taken any more."""
        self.tend()
        self._writer.put(End({"dropped": self._dropped}))
        await asyncio.get_running_loop().run_in_executor(None, self._writer.join, _END_WITHIN)

    def numbers(self) -> dict[str, int]:
        writer = self._writer
        return {
            "connections": self._connections,
            "written": writer.written,
            "dropped": self._dropped,
            "lost": writer.lost,
            "files": writer.files,
            "octets": writer.octets,
        }

    # -- for its taps -------------------------------------------------------------------------------------------

    def feed(self, reader: ContentReader, pieces: list[Piece], octets: int) -> bool:
        """Whether the pieces of an answer are digested: else there is too much."""
        if not self._has_room(octets):
            return False
        self._put += octets
        self._writer.put(Feed(reader, pieces, octets))
        return True

    def _hand_on(self) -> None:
        block = self.rows.block
        self.rows.begin()
        octets = block.columns.octets + _OF_ROW * len(block)
        if self._has_room(octets):
            self._put += octets
            self._writer.put(Write(block, octets))
        else:
            self._dropped += len(block)

    def _has_room(self, octets: int) -> bool:
        return self._put - self._writer.done + octets <= MOST_WAITING


def told_of(ruleset: Ruleset) -> dict[str, RuleTold]:
    return {rule.name: _told(rule) for rule in ruleset.rules}


def _told(rule: Rule) -> RuleTold:
    path = rule.match.path
    return RuleTold(rule.modifiers.safety, path if isinstance(path, PathTemplate) else None)
