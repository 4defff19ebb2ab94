"""One fetch for a key: what is asked, who waits for it, and what they are told when no answer is for all of them.

Laws of this module:
- who waits is told exactly once what the answer is for it: a copy, one that arrives, its own, or none;
- an answer that is not kept is given to nobody but to whose request it answers; the others ask for their own, all at
  once;
- an error of the backend (5xx) may be one request's own doing: after the first of late the others look again, so that
  one of them asks for all; after another one the backend fails, and nobody waits for the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeproxy.caching.outcomes import NotStored, Outcome
from edgeproxy.caching.stored import Stored
from edgeproxy.http.redirection import REDIRECTS
from edgeproxy.http.response import ResponseHead
from edgeproxy.proxy.asking import Asking, no_answer
from edgeproxy.proxy.cache.question import BROKEN, Question
from edgeproxy.proxy.cache.source import Own, Source, Waiter
from edgeproxy.telemetry.counters import BackendFailure

if TYPE_CHECKING:
    from edgeproxy.proxy.cache.keeper import Found, Keeper
    from edgeproxy.proxy.plan import Answer
    from edgeproxy.proxy.pool import Pool
    from edgeproxy.proxy.shadow.original import Original


class Fetch(Source, Asking):
    """`leader`: whose request began it; None: nobody's, it renews a copy that was given though it was stale."""

    __slots__ = ("_keeper", "_question", "_stale", "has_claim", "key", "leader", "since", "stored", "waiters")

    def __init__(self, keeper: Keeper, pool: Pool, question: Question, stale: Found | None, *, has_claim: bool) -> None:
        """`stale`: the copy that is asked for anew. `has_claim`: to fetch it, among all workers."""
        Asking.__init__(self, pool, question.plan, question.plan.asked, True)
        self.stored: Stored | None = None
        self.waiters: list[Waiter] = []
        self.leader: Waiter | None = None
        self.key = question.key
        self.since = question.since
        self.has_claim = has_claim
        self._keeper = keeper
        self._question = question
        self._stale = stale

    @property
    def tags(self) -> tuple[str, ...]:
        return self._question.cache.tags if self.stored is None else self.stored.tags

    def _outcome_for(self, waiter: Waiter) -> Outcome:
        return Outcome.MISS if waiter is self.leader else Outcome.COLLAPSED

    def hand_over(self) -> Original | None:
        """What is heard of its answer, where that is shadowed: from now on by whoever goes on with it."""
        return None

    # -- asking -------------------------------------------------------------------------------------------------

    def _request_head(self) -> bytes:
        return self._question.head(None if self._stale is None else self._stale.stored)

    def _hold_body(self, held: bool) -> None:
        """It went out with the head."""

    def _give_up(self, failure: BackendFailure) -> None:
        self._count(failure)
        self._fail(failure, no_answer(self._plan.backend.name, failure))

    def on_endpoint_down(self) -> None:
        """Whoever may be given a stale copy need not wait. When nobody else does, the next fetch asks another endpoint,
        or hears that there is none.
        """
        were_given = [waiter.stand_in() for waiter in self.waiting()]
        if self.waiters or (self._stale is None and not any(were_given)):
            return
        self.leave_backend()
        self._connection = None
        if self._measured is not None:
            self._measured.on_failure(BackendFailure.NO_ENDPOINT, is_whole=True)
        self._keeper.fetches.give_up(self)

    def on_interim(self, head: ResponseHead) -> None:
        """It is for nobody who waits: what follows may be given to many."""

    def on_trailers(self, lines: list[bytes]) -> None:
        """A copy has none."""

    # -- no answer for all ---------------------------------------------------------------------------------

    def _is_failure(self, head: ResponseHead) -> bool:
        """Whether this answer is as good as none, and was met: a redirect that leads back here, or an error of the
        backend in whose place everybody was given a stale copy.
        """
        if head.status in REDIRECTS:
            request = self._question.request
            hops = self._keeper.guard.loop(self._plan, request.values, request.client, head)
            if hops is not None:
                self._count(BackendFailure.REDIRECT_LOOP)
                self._fail(BackendFailure.REDIRECT_LOOP, self._keeper.guard.refuse(self._plan, hops))
                return True
        if head.status < BROKEN:
            for waiter in self.waiting():
                waiter.falls_back_from(head.status)  # who does leaves; the answer may be kept all the same
            return False
        if self._measured is not None:
            self._measured.on_whole(head.status)
        if self._stale is not None:
            self._note_failing()
        were_given = [waiter.stand_in() or waiter.falls_back_from(head.status) for waiter in self.waiting()]
        if self.waiters or (self._stale is None and not any(were_given)):
            return False
        self._keeper.fetches.give_up(self)
        return True

    def _refuse(self, why: NotStored, head: ResponseHead, whole: bytes | None) -> None:
        keeper, question = self._keeper, self._question
        keeper.fetches.give_up(self)
        keeper.count_not_stored(why)
        if question.is_for_one(why, head):
            keeper.lately.note_hit_for_miss(self.key, keeper.now())
        is_first_error = head.status >= BROKEN and keeper.lately.note_error(self.key, question.asked, keeper.now())
        waiters, self.waiters = self.waiting(), []
        leader, self.leader = self.leader, None
        if self._plan.method == "HEAD" and self._stale is not None:
            self._note_head(self._stale, head)
        connection, self._connection = self._connection, None
        measured, self._measured = self._measured, None
        if leader is not None:
            leader.on_own(Own(head, whole, connection, self.expires, measured, self.hand_over()), why)
        else:
            if measured is not None:
                measured.on_whole(head.status)
            if connection is not None:
                connection.drop()
        for waiter in waiters:
            if waiter is leader:
                continue
            if is_first_error:
                waiter.on_again()
            else:
                waiter.on_alone(why)

    def _note_head(self, stale: Found, head: ResponseHead) -> None:
        updated = self._question.after_head(stale.stored, head, self._keeper.now())
        if updated is not stale.stored:
            self._keeper.refresh(self, stale, updated)

    def _fail(self, failure: BackendFailure, answer: Answer) -> None:
        self._keeper.fetches.give_up(self)
        if self._stale is not None:
            self._note_failing()
        waiters, self.waiters = self.waiting(), []
        for waiter in waiters:
            if not (waiter.stand_in() or waiter.falls_back_after(failure)):
                waiter.on_failed(failure, answer)

    def _note_failing(self) -> None:
        keeper, question = self._keeper, self._question
        keeper.lately.note_failing(self.key, question.backend, question.asked, keeper.now())
