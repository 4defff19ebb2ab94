"""An exchange that is passed on although its rule keeps answers, or that changes what is kept."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from edgeproxy.caching import cache_status, invalidation
from edgeproxy.caching.keeping import values_of
from edgeproxy.caching.keys import path_digest
from edgeproxy.caching.outcomes import NotStored, Outcome
from edgeproxy.caching.purging import Mode, Purge, What
from edgeproxy.caching.variants import lines_as_text_html
from edgeproxy.http.request import RequestFields
from edgeproxy.http.response import ResponseHead
from edgeproxy.proxy.cache.disk_purges import CannotPurge
from edgeproxy.proxy.cache.purges import carry_out
from edgeproxy.proxy.cache.question import lines_of
from edgeproxy.proxy.cache.source import Own
from edgeproxy.proxy.exchange import Client, Passing
from edgeproxy.proxy.pool import Pool
from edgeproxy.telemetry.counters import BackendFailure
from edgeproxy.telemetry.stderr import tell

if TYPE_CHECKING:
    from edgeproxy.proxy.cache.keeper import Keeper
    from edgeproxy.proxy.plan import Pass

_FOR_THE_EDGE: Final = re.compile(rb"(?im)^surrogate-(?:control|key):.*\n")


class PassingBy(Passing):
    """Past the cache: `outcome` and `why` are told to the client. The answer to an unsafe request takes away what it
    may have made wrong (RFC 9111 §4.4), before it goes on: whoever hears that something is changed finds it changed.
    """

    __slots__ = ("_is_adopted", "_keeper", "_outcome", "_waiting", "_why")

    def __init__(
        self,
        client: Client,
        pool: Pool,
        plan: Pass,
        fields: RequestFields,
        keeper: Keeper,
        outcome: Outcome,
        why: NotStored | None,
    ) -> None:
        super().__init__(client, pool, plan, fields)
        self._is_plain = False
        self._keeper = keeper
        self._outcome = outcome
        self._why = why
        self._is_adopted = False  # the answer is to what the edge asked, not to the client's own words
        self._waiting: list[Callable[[], None]] | None = None  # what came while the disk is purged

    def adopt(self, own: Own) -> None:
        """The answer to this very request is on its way to somebody else: from now on it comes here."""
        self._is_adopted = True
        self.expires = own.expires
        self._measured = own.measured
        self._connection = own.connection
        self._may_repeat = False
        if own.connection is not None:
            own.connection.hand_over(self)

    # -- from the backend ---------------------------------------------------------------------------------------

    def on_whole(self, head: ResponseHead, content: bytes) -> None:
        self._connection = None
        self._take_away(head)
        self._go_on_with(partial(super().on_whole, head, content))

    def on_head(self, head: ResponseHead) -> None:
        self._take_away(head)
        self._go_on_with(partial(super().on_head, head))

    def on_content(self, content: bytes) -> None:
        self._go_on_with(partial(super().on_content, content))

    def on_pause(self) -> None:
        self._go_on_with(super().on_pause)

    def on_trailers(self, lines: list[bytes]) -> None:
        self._go_on_with(partial(super().on_trailers, lines))

    def on_end(self) -> None:
        self._connection = None  # at once: somebody else may have it before the disk is purged
        self._go_on_with(super().on_end)

    def on_failure(self, failure: BackendFailure) -> None:
        self._go_on_with(partial(super().on_failure, failure))

    def on_client_gone(self) -> None:
        self._waiting = None
        super().on_client_gone()

    # -- steps --------------------------------------------------------------------------------------------------

    def _go_on_with(self, step: Callable[[], None]) -> None:
        if self._waiting is None:
            step()
        else:
            self._waiting.append(step)

    def _take_away(self, head: ResponseHead) -> None:
        purges = self._wrong_now(head)
        if not purges:
            return
        if self._keeper.disk is None:
            for purge in purges:
                self._keeper.purges.append(purge)
            return
        self._waiting = []
        if self._connection is not None:
            self._connection.hold(True)
        purging = asyncio.get_running_loop().run_in_executor(
            None, carry_out, purges, self._keeper.purges, self._keeper.disk
        )
        purging.add_done_callback(self._on_taken_away)

    def _on_taken_away(self, done: asyncio.Future[int | None]) -> None:
        try:
            done.result()
        except CannotPurge as error:
            tell(str(error))
        waiting, self._waiting = self._waiting, None
        if waiting is None:  # the client has left
            return
        if self._connection is not None:
            self._connection.hold(False)
        for step in waiting:
            step()

    def _wrong_now(self, head: ResponseHead) -> tuple[Purge, ...]:
        plan, target = self._plan, self._plan.asked_for
        if not plan.is_unsafe or head.status >= 400:
            return ()
        targets = invalidation.targets(
            plan.method,
            head.status,
            target.host,
            target.path,
            values_of(lines_of(head)),
            authority=target.authority,
            scheme=target.scheme,
        )
        now = self._keeper.now()
        return tuple(Purge(What.PATH, Mode.HARD, path_digest(host, path), now) for host, path, _ in targets)

    def _edited(self, head: ResponseHead) -> ResponseHead:
        cache = self._plan.cache
        if cache is not None:
            octets = _FOR_THE_EDGE.sub(b"", head.octets)
            if self._is_adopted and cache.policy.accept and cache.wants_text_html(self._fields.values):
                octets = lines_as_text_html(octets)
            head = replace(head, octets=octets)
        return super()._edited(head)

    def _own_lines(self, head: ResponseHead) -> list[bytes]:
        lines = super()._own_lines(head)
        if self._plan.cache is not None:
            status = cache_status.line(self._outcome, not_stored=self._why, forwarded_status=head.status)
            lines.append(status.removesuffix(b"\r\n"))
        return lines
