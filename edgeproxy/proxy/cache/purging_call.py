"""An exchange that purges (PURGE), and is answered when it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from edgeproxy.caching.purging import Purge
from edgeproxy.proxy.cache.keeper import Keeper
from edgeproxy.proxy.cache.purge_call import purge_of, purged
from edgeproxy.proxy.cache.purges import carry_out
from edgeproxy.proxy.plan import Answer, PurgeCall, say
from edgeproxy.proxy.token_file import TokenFile
from edgeproxy.ruleset.model import Ruleset


class Client(Protocol):
    """What it needs of the client's connection."""

    def answer(self, answer: Answer) -> None: ...


class Purging:
    """The disk is waited for by a thread; whoever is told that something is purged finds it purged everywhere."""

    __slots__ = ("_client", "_keeper", "_plan", "_ruleset", "_task", "_token", "_values")

    def __init__(
        self,
        client: Client,
        keeper: Keeper,
        ruleset: Ruleset,
        token: TokenFile,
        plan: PurgeCall,
        values: Mapping[str, str],
    ) -> None:
        self._client = client
        self._keeper = keeper
        self._ruleset = ruleset
        self._token = token
        self._plan = plan
        self._values = values
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        keeper = self._keeper
        asked = purge_of(self._values, self._plan.target, self._ruleset, self._token.value, keeper.now())
        if isinstance(asked, Answer):
            self._client.answer(asked)
        else:
            self._task = asyncio.get_running_loop().create_task(self._purge(asked))

    def on_body(self, content: bytes) -> None:
        """It means nothing here."""

    def on_body_end(self) -> None:
        """It means nothing here."""

    def on_client_blocked(self, blocked: bool) -> None:
        """The answer is short."""

    def on_client_gone(self) -> None:
        """What was asked for is done all the same."""
        self._client = _NOBODY

    async def _purge(self, purges: tuple[Purge, ...]) -> None:
        keeper = self._keeper
        try:
            on_disk = await asyncio.to_thread(carry_out, purges, keeper.purges, keeper.disk)
        except OSError as error:  # CannotPurge among them
            self._client.answer(say(500, f"Not all could be purged: {error}."))
            return
        self._client.answer(purged(on_disk if keeper.disk is not None else None))


class _Nobody:
    def answer(self, answer: Answer) -> None:
        """Nobody hears it."""


_NOBODY = _Nobody()
