"""What a fetch asks of a backend, and what an answer to it means: whether it is kept, and what it says of the copy that
was asked for anew. Decided here, carried out by who fetches.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from edgeproxy.caching import storing, validation
from edgeproxy.caching.keeping import copy_of
from edgeproxy.caching.keys import Key
from edgeproxy.caching.outcomes import NotStored
from edgeproxy.caching.reuse import asks_not_to_store
from edgeproxy.caching.stored import Stored
from edgeproxy.caching.storing import Keep
from edgeproxy.http.framing import Length, NoBody
from edgeproxy.http.response import ResponseHead
from edgeproxy.proxy.cache.cache_plan import CachePlan
from edgeproxy.proxy.cache.requests import Request
from edgeproxy.proxy.plan import Pass

# Reasons that are the request's, or the moment's, and say nothing of the next answer.
_OF_ONE: Final = frozenset((NotStored.AUTHORIZATION, NotStored.COOKIE, NotStored.METHOD))
BROKEN: Final = 500  # from here on an answer is the backend's failure


@dataclass(frozen=True, slots=True)
class Question:
    """`asked`: when, in POSIX seconds; `since`: the number of the log of purges then."""

    plan: Pass
    cache: CachePlan
    key: Key
    request: Request
    asked: float
    since: int

    @property
    def backend(self) -> str:
        return self.plan.backend.name

    def head(self, stale: Stored | None) -> bytes:
        """The request; `stale`: a copy that is asked for anew."""
        conditions = b"" if stale is None else validation.condition_lines(stale)
        return b"%b%b%b\r\n%b" % (self.plan.start, conditions, self.request.lines, self.request.body)

    def judge(self, head: ResponseHead, largest: int, now: float) -> Keep | NotStored:
        if isinstance(head.framing, Length) and head.framing.octets > largest:
            return NotStored.TOO_LARGE
        return storing.judge(
            self.plan.method,
            self.request.values,
            head.status,
            lines_of(head),
            self.cache.policy,
            self.asked,
            now,
            body_is_in_key=self.cache.needs_body,
            has_query=self._has_query,
        )

    def stored(self, keep: Keep, head: ResponseHead, now: float) -> Stored:
        """The head of a copy whose content comes; its size is -1 while that is not known."""
        framing, cache = head.framing, self.cache
        stored = copy_of(head.status, lines_of(head), keep, self.request.values, cache.policy, cache.tags, now)
        size = framing.octets if isinstance(framing, Length) else 0 if isinstance(framing, NoBody) else -1
        return replace(stored, size=size)

    def is_for_one(self, why: NotStored, head: ResponseHead) -> bool:
        """Whether the next answer may be for one client only, too. What this request's own fields or an error of the
        backend kept out says nothing of that.
        """
        if head.status >= BROKEN or why in _OF_ONE:
            return False
        return not (why is NotStored.NO_STORE and asks_not_to_store(self.request.values))

    def after_304(self, stale: Stored, head: ResponseHead, now: float) -> Stored | None:
        """As validation.refreshed has it."""
        return validation.refreshed(
            stale, lines_of(head), self.cache.policy, self.request.values, self.asked, now, has_query=self._has_query
        )

    def after_head(self, stale: Stored, head: ResponseHead, now: float) -> Stored:
        """RFC 9111 §4.3.5: what a HEAD's answer says of the copy of a GET's."""
        return validation.after_head(
            stale,
            head.status,
            lines_of(head),
            self.cache.policy,
            self.request.values,
            self.asked,
            now,
            has_query=self._has_query,
        )

    @property
    def _has_query(self) -> bool:
        return "?" in self.plan.target


def lines_of(head: ResponseHead) -> bytes:
    """The field lines of a head."""
    return head.octets.partition(b"\r\n")[2]
