"""An exchange that is passed on although its rule keeps answers, or that changes what is kept."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from edgeproxy.caching import cache_status, invalidation
from edgeproxy.caching.keeping import values_of
from edgeproxy.caching.keys import path_digest
from edgeproxy.caching.outcomes import NotStored, Outcome
from edgeproxy.caching.purging import Mode, Purge, What
from edgeproxy.http.request import RequestFields
from edgeproxy.http.response import ResponseHead
from edgeproxy.proxy.cache.fill import lines_of
from edgeproxy.proxy.cache.source import Own
from edgeproxy.proxy.exchange import Client, Passing
from edgeproxy.proxy.pool import Pool

if TYPE_CHECKING:
    from edgeproxy.proxy.cache.keeper import Keeper
    from edgeproxy.proxy.plan import Pass

_FOR_THE_EDGE: Final = re.compile(rb"(?im)^surrogate-(?:control|key):.*\n")


class PassingBy(Passing):
    """Past the cache: `outcome` and `why` are told to the client. An unsafe request's answer takes away what it may
    have made wrong (RFC 9111 §4.4).
    """

    __slots__ = ("_keeper", "_outcome", "_why")

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

    def adopt(self, own: Own) -> None:
        """The answer to this very request is on its way to somebody else: from now on it comes here."""
        self.expires = own.expires
        self._connection = own.connection
        self._may_repeat = False
        if own.connection is not None:
            own.connection.hand_over(self)

    def _edited(self, head: ResponseHead) -> ResponseHead:
        plan = self._plan
        if plan.is_unsafe and head.status < 400:
            target, values = plan.asked_for, values_of(lines_of(head))
            wrong = invalidation.targets(
                plan.method,
                head.status,
                target.host,
                target.path,
                values,
                authority=target.authority,
                scheme=target.scheme,
            )
            for host, path, _ in wrong:
                self._keeper.purge(Purge(What.PATH, Mode.HARD, path_digest(host, path), self._keeper.now()))
        if plan.cache is not None:
            head = replace(head, octets=_FOR_THE_EDGE.sub(b"", head.octets))
        return super()._edited(head)

    def _own_lines(self, head: ResponseHead) -> list[bytes]:
        lines = super()._own_lines(head)
        if self._plan.cache is not None:
            status = cache_status.line(self._outcome, not_stored=self._why, forwarded_status=head.status)
            lines.append(status.removesuffix(b"\r\n"))
        return lines
