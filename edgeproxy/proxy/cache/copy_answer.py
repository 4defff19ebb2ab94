"""One client's answer from a copy: from memory, in the coding that it takes, or from a file of the disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from edgeproxy.caching.outcomes import Outcome
from edgeproxy.caching.stored import Stored
from edgeproxy.proxy.cache.checking import KeptFile
from edgeproxy.proxy.cache.giving import Known, end_lines, give, head_of_file
from edgeproxy.proxy.cache.memory import Copy
from edgeproxy.proxy.exchange import Client as PassingClient
from edgeproxy.proxy.exchange import Exchange
from edgeproxy.proxy.file_answer import Client as FileClient
from edgeproxy.proxy.file_answer import FileAnswer

if TYPE_CHECKING:
    from edgeproxy.proxy.cache.cache_plan import CachePlan
    from edgeproxy.proxy.cache.index import DiskCopy
    from edgeproxy.proxy.cache.keeper import Found, Keeper
    from edgeproxy.proxy.plan import Pass


class Client(PassingClient, FileClient, Protocol):
    """What an exchange of the cache needs of the client's connection."""

    @property
    def has_whole_request(self) -> bool: ...
    def put_exchange(self, exchange: Exchange) -> None:
        """Another one goes on in the place of the one that runs."""

    def note_outcome(self, rule: str, outcome: Outcome) -> None: ...


class CopyAnswer:
    __slots__ = ("_cache", "_client", "_is_gone", "_keeper", "_on_missing", "_plan", "_sending", "_values")

    def __init__(
        self,
        client: Client,
        keeper: Keeper,
        plan: Pass,
        cache: CachePlan,
        values: Mapping[str, str],
        on_missing: Callable[[], None],
    ) -> None:
        """`on_missing`: the disk does not have what it said, or it is not right."""
        self._client = client
        self._keeper = keeper
        self._plan = plan
        self._cache = cache
        self._values = values
        self._on_missing = on_missing
        self._sending: FileAnswer | None = None
        self._is_gone = False

    def begin(self, found: Found, outcome: Outcome) -> None:
        if isinstance(found, Copy):
            self._give(found, outcome)
        else:
            self._keeper.read(found, lambda content: self._on_read(found, content, outcome))

    def on_client_blocked(self, blocked: bool) -> None:
        if self._sending is not None:
            self._sending.on_client_blocked(blocked)

    def cancel(self) -> None:
        """The client has gone."""
        self._is_gone = True
        if self._sending is not None:
            self._sending.cancel()

    def _on_read(self, found: DiskCopy, content: Copy | KeptFile | None, outcome: Outcome) -> None:
        if self._is_gone:
            if isinstance(content, KeptFile):
                content.close()
        elif content is None:
            self._on_missing()
        elif isinstance(content, Copy):
            self._give(content, outcome)
        else:
            self._send_file(found.stored, content, outcome)

    def _give(self, copy: Copy, outcome: Outcome) -> None:
        coding = self._keeper.coding_for(copy, self._cache.policy, self._values)
        if coding is None:
            self._give_as_is(copy, outcome)
        else:
            self._keeper.code(copy, coding, lambda coded: self._on_coded(coded, outcome))

    def _on_coded(self, copy: Copy, outcome: Outcome) -> None:
        if not self._is_gone:
            self._give_as_is(copy, outcome)

    def _give_as_is(self, copy: Copy, outcome: Outcome) -> None:
        self._client.note_outcome(self._plan.rule, outcome)
        now = self._keeper.now()
        give(self._client, Known(copy, self._plan, self._values, now), now, outcome)

    def _send_file(self, stored: Stored, file: KeptFile, outcome: Outcome) -> None:
        client, now = self._client, self._keeper.now()
        client.note_outcome(self._plan.rule, outcome)
        keep_alive = client.may_keep_alive()
        end = end_lines(keep_alive, client.minor)
        status, head, parts = head_of_file(self._plan, self._values, stored, now, outcome, end)
        self._sending = FileAnswer(client, keep_alive)
        self._sending.begin(status, file, head, parts)
