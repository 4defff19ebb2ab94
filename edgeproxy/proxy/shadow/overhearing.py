"""Exchanges, and fetches of the cache, whose answer is heard as it passes: what is done beside is nobody's business.

Law: the client comes first. Whatever is done for a shadow is done after the same octets went to the client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeproxy.caching.outcomes import NotStored, Outcome
from edgeproxy.http.framing import NO_BODY, has_body
from edgeproxy.http.request import RequestFields
from edgeproxy.http.response import ResponseHead
from edgeproxy.proxy.cache.fill import Fill
from edgeproxy.proxy.cache.passing import PassingBy
from edgeproxy.proxy.cache.question import Question
from edgeproxy.proxy.cache.requests import asked_by, wants_to_switch
from edgeproxy.proxy.exchange import Client, Passing
from edgeproxy.proxy.fallback import FallbackPlan
from edgeproxy.proxy.shadow.original import Original
from edgeproxy.proxy.shadow.shadow_plan import lines_for
from edgeproxy.telemetry.counters import BackendFailure, Drop, FallbackReason

if TYPE_CHECKING:
    from edgeproxy.proxy.cache.keeper import Found, Keeper
    from edgeproxy.proxy.plan import Pass
    from edgeproxy.proxy.pool import Pool


class _Overhearing(Passing):
    __slots__ = ()

    _original: Original

    def on_body(self, content: bytes) -> None:
        super().on_body(content)
        self._original.on_body(content)

    def on_body_end(self) -> None:
        self._original.on_body_end()  # first: the answer may be there already
        super().on_body_end()

    def on_whole(self, head: ResponseHead, content: bytes) -> None:
        super().on_whole(head, content)
        self._original.on_whole(head, content)

    def on_head(self, head: ResponseHead) -> None:
        super().on_head(head)
        self._original.on_head(head)

    def on_content(self, content: bytes) -> None:
        super().on_content(content)
        self._original.on_content(content)

    def on_end(self) -> None:
        super().on_end()
        self._original.on_end()

    def leave_backend(self) -> None:
        super().leave_backend()
        self._original.drop(Drop.CLIENT_GONE)

    def _count(self, failure: BackendFailure) -> None:
        super()._count(failure)
        self._original.drop(Drop.OLD_FAILED)

    def _fall_back(self, fallback: FallbackPlan, reason: FallbackReason) -> None:
        self._original.drop(Drop.OLD_FAILED)
        super()._fall_back(fallback, reason)


class OverheardPassing(_Overhearing):
    """One request that is passed on, and shadowed."""

    __slots__ = ("_original",)

    def __init__(self, client: Client, pool: Pool, plan: Pass, fields: RequestFields, original: Original) -> None:
        super().__init__(client, pool, plan, fields)
        self._original = original


class OverheardPassingBy(_Overhearing, PassingBy):
    """The same past the cache."""

    __slots__ = ("_original",)

    def __init__(
        self,
        client: Client,
        pool: Pool,
        plan: Pass,
        fields: RequestFields,
        keeper: Keeper,
        outcome: Outcome,
        why: NotStored | None,
        original: Original,
    ) -> None:
        PassingBy.__init__(self, client, pool, plan, fields, keeper, outcome, why)
        self._original = original


class OverheardFill(Fill):
    """A fetch of the cache. Where its answer is one client's own, what is heard of it goes on with that."""

    __slots__ = ("_original",)

    def __init__(
        self,
        keeper: Keeper,
        pool: Pool,
        question: Question,
        stale: Found | None,
        original: Original,
        *,
        has_claim: bool,
    ) -> None:
        super().__init__(keeper, pool, question, stale, has_claim=has_claim)
        self._original: Original | None = original

    def hand_over(self) -> Original | None:
        original, self._original = self._original, None
        return original

    def on_whole(self, head: ResponseHead, content: bytes) -> None:
        super().on_whole(head, content)
        if self._original is not None:
            self._original.on_whole(head, content)

    def on_head(self, head: ResponseHead) -> None:
        super().on_head(head)
        if self._original is not None:
            self._original.on_head(head)

    def on_content(self, content: bytes) -> None:
        super().on_content(content)
        if self._original is not None:
            self._original.on_content(content)

    def on_end(self) -> None:
        super().on_end()
        if self._original is not None:
            self._original.on_end()

    def leave_backend(self) -> None:
        super().leave_backend()
        self._drop(Drop.CLIENT_GONE)

    def _is_failure(self, head: ResponseHead) -> bool:
        is_failure = super()._is_failure(head)
        if is_failure:
            self._drop(Drop.OLD_FAILED)
        return is_failure

    def _refuse(self, why: NotStored, head: ResponseHead, whole: bytes | None) -> None:
        super()._refuse(why, head, whole)
        if whole is None:  # and nobody to go on with it
            self._drop(Drop.CLIENT_GONE)

    def _count(self, failure: BackendFailure) -> None:
        super()._count(failure)
        self._drop(Drop.OLD_FAILED)

    def _drop(self, why: Drop) -> None:
        if self._original is not None:
            self._original.drop(why)


# -- choosing -------------------------------------------------------------------------------------------------------


def passing(client: Client, pool: Pool, plan: Pass, fields: RequestFields) -> Passing:
    """The exchange of a request whose rule has a shadow, which this one may be the turn of."""
    original = original_of(client, plan, fields)
    if original is None:
        return Passing(client, pool, plan, fields)
    return OverheardPassing(client, pool, plan, fields, original)


def passing_by(
    client: Client,
    pool: Pool,
    plan: Pass,
    fields: RequestFields,
    keeper: Keeper,
    outcome: Outcome,
    why: NotStored | None,
    original: Original | None,
) -> PassingBy:
    """`original`: where it is shadowed."""
    if original is None:
        return PassingBy(client, pool, plan, fields, keeper, outcome, why)
    return OverheardPassingBy(client, pool, plan, fields, keeper, outcome, why, original)


def original_of(client: Client, plan: Pass, fields: RequestFields) -> Original | None:
    """Of a request that is passed on, where it is shadowed. What switches protocols has no answer to be compared."""
    if plan.shadow is None or wants_to_switch(plan, fields):
        return None
    shadower, framing = client.shadower, fields.framing
    values = asked_by(plan, fields)
    if not shadower.takes(plan, values):
        return None
    lines = lines_for(plan, fields, client.peer.lines(plan.asked_for.authority, client.minor))
    return shadower.begin(plan, values, lines, None if framing is NO_BODY else b"", awaits_body=has_body(framing))


def fill_of(
    client: Client, keeper: Keeper, pool: Pool, question: Question, stale: Found | None, *, has_claim: bool
) -> Fill:
    """The fetch of a question, shadowed where its rule says so."""
    plan, request = question.plan, question.request
    if plan.shadow is not None and client.shadower.takes(plan, request.values):
        body = None if question.cache.is_read and not request.body else request.body
        original = client.shadower.begin(plan, request.values, request.lines, body)
        if original is not None:
            return OverheardFill(keeper, pool, question, stale, original, has_claim=has_claim)
    return Fill(keeper, pool, question, stale, has_claim=has_claim)
