"""One fetch for a key, and everybody who waits for it.

Laws of this module:
- who waits is told exactly once what the answer is for it: a copy, one that arrives, its own, or none;
- an answer that is not kept is given to nobody but to whose request it answers; the others ask for their own, all at
  once;
- a fetch goes on when all who waited have left, so that the next one finds a copy, as long as it is one to be kept;
- what is not kept any more, since it grew too large or the disk takes nothing, is held for its readers only: the
  backend waits for the slowest of them;
- of content that its rule verifies, neither all nor a part is given to its last octet before all is known to be right,
  and none is kept when it is not.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from edgeproxy.caching import storing, validation, vary
from edgeproxy.caching.keeping import copy_of
from edgeproxy.caching.keys import Key
from edgeproxy.caching.outcomes import NotStored, Outcome
from edgeproxy.caching.reuse import asks_not_to_store
from edgeproxy.caching.stored import Stored
from edgeproxy.caching.storing import Keep
from edgeproxy.http.framing import Length, NoBody
from edgeproxy.http.redirection import REDIRECTS
from edgeproxy.http.response import ResponseHead
from edgeproxy.proxy.asking import Asking, no_answer
from edgeproxy.proxy.cache.intake import Intake
from edgeproxy.proxy.cache.source import Own, Source, Waiter
from edgeproxy.telemetry.counters import BackendFailure
from edgeproxy.telemetry.stderr import tell

if TYPE_CHECKING:
    from edgeproxy.proxy.cache.cache_plan import CachePlan
    from edgeproxy.proxy.cache.keeper import Found, Keeper
    from edgeproxy.proxy.cache.requests import Request
    from edgeproxy.proxy.plan import Answer, Pass
    from edgeproxy.proxy.pool import Pool

# Reasons that are the request's, or the moment's, and say nothing of the next answer.
_OF_ONE: Final = frozenset((NotStored.AUTHORIZATION, NotStored.COOKIE, NotStored.METHOD))
_WINDOW: Final = 262_144  # octets of what is not kept that wait for readers
_NOT_MODIFIED: Final = 304
_BROKEN: Final = 500  # from here on an answer is the backend's failure


class Fill(Source, Asking):
    """`leader`: whose request began it; None: nobody's, it renews a copy that was given though it was stale."""

    __slots__ = (
        "_cache", "_intake", "_is_held", "_is_over", "_is_right", "_is_used", "_keeper", "_not_modified", "_request",
        "_requested", "_stale", "has_claim", "key", "leader", "since", "stored", "waiters",
    )  # fmt: skip

    def __init__(
        self, keeper: Keeper, pool: Pool, plan: Pass, cache: CachePlan, key: Key, request: Request, stale: Found | None
    ) -> None:
        """`stale`: the copy that is asked for anew."""
        Asking.__init__(self, pool, plan, plan.asked, True)
        self.stored: Stored | None = None
        self.waiters: list[Waiter] = []
        self.leader: Waiter | None = None
        self.key = key
        self.has_claim = False  # to fetch it, among all workers
        self.since = keeper.purges.seq
        self._keeper = keeper
        self._cache = cache
        self._request = request
        self._stale = stale
        self._requested = keeper.now()
        self._not_modified: ResponseHead | None = None  # until its end
        self._intake: Intake | None = None
        self._is_right = cache.verify is None  # the content, as far as its rule verifies it
        self._is_over = False
        self._is_used = False  # its content, by whoever keeps it
        self._is_held = False  # the backend

    @property
    def tags(self) -> tuple[str, ...]:
        return self._cache.tags if self.stored is None else self.stored.tags

    # -- as a source --------------------------------------------------------------------------------------------

    @property
    def available(self) -> int:
        return 0 if self._intake is None else self._intake.size

    @property
    def is_right(self) -> bool:
        return self._is_right

    @property
    def is_whole(self) -> bool:
        return self._is_over and self._is_right

    def read(self, offset: int, most: int) -> bytes:
        assert self._intake is not None, "its head is known"
        return self._intake.read(offset, most)

    def leave(self, waiter: Waiter) -> None:
        super().leave(waiter)
        if self.leader is waiter:
            self.leader = None
        if self.waiters:
            self.on_taken()
        self._end_unread()
        self._close_unused()

    def on_taken(self) -> None:
        intake = self._intake
        if intake is None or intake.why_not is None:
            return
        intake.forget_before(min([waiter.place for waiter in self.waiters], default=intake.size))
        wants_hold = intake.held > _WINDOW
        if wants_hold != self._is_held and self._connection is not None:
            self._is_held = wants_hold
            self._connection.hold(wants_hold)

    # -- asking -------------------------------------------------------------------------------------------------

    def _request_head(self) -> bytes:
        conditions = b"" if self._stale is None else validation.condition_lines(self._stale.stored)
        return b"%b%b%b\r\n%b" % (self._plan.start, conditions, self._request.lines, self._request.body)

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
        self._keeper.give_up(self)

    # -- the answer ---------------------------------------------------------------------------------------------

    def on_interim(self, head: ResponseHead) -> None:
        """It is for nobody who waits: what follows may be given to many."""

    def on_whole(self, head: ResponseHead, content: bytes) -> None:
        self._connection = None
        self._begin(head, content)

    def on_head(self, head: ResponseHead) -> None:
        self._begin(head, None)

    def on_content(self, content: bytes) -> None:
        intake = self._intake
        if intake is None:
            return  # of an answer that nobody is given
        was_in_memory = intake.spool is None
        intake.write(content)
        if intake.why_not is not None:
            self._keeper.give_up(self)
            self.on_taken()
        elif was_in_memory and intake.spool is not None and self.stored is not None:
            self._keeper.announce(self, self.stored, intake.spool)

    def on_pause(self) -> None:
        """PERF: what came in one read is told once."""
        if self._intake is not None:
            self._tell_growth()
            self._end_unread()

    def on_trailers(self, lines: list[bytes]) -> None:
        """A copy has none."""

    def on_end(self) -> None:
        self._connection = None
        if self._not_modified is not None:
            self._refresh(self._not_modified)
        elif self._intake is not None:
            self._finish(self._intake)
            self._tell_growth()

    def on_failure(self, failure: BackendFailure) -> None:
        connection, self._connection = self._connection, None
        if self._is_sent_again(connection, failure):
            return
        self._count(failure)
        if self._intake is None:
            self._fail(failure, no_answer(self._plan.backend.name, failure))
        else:
            self._break(NotStored.TRUNCATED)

    # -- steps --------------------------------------------------------------------------------------------------

    def _begin(self, head: ResponseHead, whole: bytes | None) -> None:
        """An answer's head is there; `whole`: its content, when all of it is."""
        if head.status < _BROKEN:
            self._keeper.note_answered(self.key, self._plan.backend.name)
        if head.status == _NOT_MODIFIED and self._stale is not None:
            self._not_modified = head
            if whole is not None:
                self.on_end()
        elif head.status == _NOT_MODIFIED:  # nobody asked whether anything was modified
            self.leave_backend()
            self._connection = None
            self._give_up(BackendFailure.BAD_ANSWER)
        elif self._is_failure(head):
            self.leave_backend()
            self._connection = None
        else:
            verdict = self._judge(head)
            if isinstance(verdict, NotStored):
                self._refuse(verdict, head, whole)
            else:
                self._take_in(verdict, head, whole)

    def _is_failure(self, head: ResponseHead) -> bool:
        """Whether this answer is as good as none, and was met: a redirect that leads back here, or an error of the
        backend in whose place everybody was given a stale copy.
        """
        if head.status in REDIRECTS:
            hops = self._keeper.guard.loop(self._plan, self._request.values, self._request.client, head)
            if hops is not None:
                self._count(BackendFailure.REDIRECT_LOOP)
                self._fail(BackendFailure.REDIRECT_LOOP, self._keeper.guard.refuse(self._plan, hops))
                return True
        if head.status < _BROKEN:
            for waiter in self.waiting():
                waiter.falls_back_from(head.status)  # who does leaves; the answer may be kept all the same
            return False
        if self._stale is not None:
            self._keeper.note_failing(self.key, self._plan.backend.name, self._requested)
        were_given = [waiter.stand_in() or waiter.falls_back_from(head.status) for waiter in self.waiting()]
        if self.waiters or (self._stale is None and not any(were_given)):
            return False
        self._keeper.give_up(self)
        return True

    def _judge(self, head: ResponseHead) -> Keep | NotStored:
        framing = head.framing
        if isinstance(framing, Length) and framing.octets > self._keeper.largest:
            return NotStored.TOO_LARGE
        return storing.judge(
            self._plan.method,
            self._request.values,
            head.status,
            lines_of(head),
            self._cache.policy,
            self._requested,
            self._keeper.now(),
            body_is_in_key=self._cache.needs_body,
            has_query="?" in self._plan.target,
        )

    def _refuse(self, why: NotStored, head: ResponseHead, whole: bytes | None) -> None:
        self._keeper.give_up(self)
        self._keeper.count_not_stored(why)
        if why not in _OF_ONE and not (why is NotStored.NO_STORE and asks_not_to_store(self._request.values)):
            self._keeper.note_uncacheable(self.key)
        waiters, self.waiters = self.waiting(), []
        leader, self.leader = self.leader, None
        if self._plan.method == "HEAD" and self._stale is not None:
            self._note_head(self._stale, head)
        connection, self._connection = self._connection, None
        if leader is not None:
            leader.on_own(Own(head, whole, connection, self.expires), why)
        elif connection is not None:
            connection.drop()
        for waiter in waiters:
            if waiter is not leader:
                waiter.on_alone(why)

    def _take_in(self, keep: Keep, head: ResponseHead, whole: bytes | None) -> None:
        cache, framing = self._cache, head.framing
        values, now = self._request.values, self._keeper.now()
        stored = copy_of(head.status, lines_of(head), keep, values, cache.policy, cache.tags, now)
        size = framing.octets if isinstance(framing, Length) else 0 if isinstance(framing, NoBody) else -1
        self.stored = replace(stored, size=size)
        self._intake = self._keeper.intake(None if cache.verify is None else cache.verify[0])
        for waiter in self.waiting():
            if not vary.matches(stored.selecting, waiter.values, cache.policy):
                self.leave(waiter)
                waiter.on_again()
        if whole is not None:
            self._intake.write(whole)
            self._finish(self._intake)
            return
        for waiter in self.waiting():
            waiter.on_arriving(self._outcome_for(waiter))

    def _finish(self, intake: Intake) -> None:
        """All of the content has come."""
        verify, stored = self._cache.verify, self.stored
        assert stored is not None, "its head is known"
        if verify is not None and not intake.has_digest(verify[1]):
            tell(
                f"rule {self._plan.rule}: what came for {self._plan.asked_for.path} has not the {verify[0]} of its path"
            )
            self._break(NotStored.DIGEST)
            return
        self._is_right = self._is_over = True
        self._keeper.drop(self)
        if intake.why_not is not None:
            self._keeper.give_up(self)
            self._keeper.count_not_stored(intake.why_not)
        else:
            self.stored = replace(stored, size=intake.size, digest=intake.digest)
            self._is_used = True
            copy = self._keeper.keep(self, self.stored, intake, self._on_kept)
            if copy is not None:
                for waiter in self.waiting():
                    waiter.on_found(copy, self._outcome_for(waiter))
                return
        for waiter in self.waiting():
            waiter.on_arriving(self._outcome_for(waiter))

    def _on_kept(self) -> None:
        """Or not; its content is needed for that no more."""
        self._is_used = False
        self._close_unused()

    def _refresh(self, head: ResponseHead) -> None:
        """A 304: the stale copy is right, or, when it is not meant, the answer is asked for without conditions."""
        stale, self._stale, self._not_modified = self._stale, None, None
        assert stale is not None, "nothing else is asked with conditions"
        refreshed = validation.refreshed(
            stale.stored,
            lines_of(head),
            self._cache.policy,
            self._request.values,
            self._requested,
            self._keeper.now(),
            has_query="?" in self._plan.target,
        )
        if refreshed is None:
            self._keeper.remove(stale)
            self._may_repeat = True
            self.start()
            return
        found = stale if refreshed is stale.stored else self._keeper.refresh(self, stale, refreshed)
        self._keeper.give_up(self)
        for waiter in self.waiting():
            self.waiters.remove(waiter)
            if not vary.matches(refreshed.selecting, waiter.values, self._cache.policy):
                waiter.on_again()  # it joined when nobody knew what the answer would depend on
            else:
                waiter.on_found(found, Outcome.REVALIDATED if waiter is self.leader else Outcome.COLLAPSED)

    def _note_head(self, stale: Found, head: ResponseHead) -> None:
        """RFC 9111 §4.3.5: what a HEAD's answer says of the copy of a GET's."""
        updated = validation.after_head(
            stale.stored,
            head.status,
            lines_of(head),
            self._cache.policy,
            self._request.values,
            self._requested,
            self._keeper.now(),
            has_query="?" in self._plan.target,
        )
        if updated is not stale.stored:
            self._keeper.refresh(self, stale, updated)

    def _fail(self, failure: BackendFailure, answer: Answer) -> None:
        self._keeper.give_up(self)
        if self._stale is not None:
            self._keeper.note_failing(self.key, self._plan.backend.name, self._requested)
        waiters, self.waiters = self.waiting(), []
        for waiter in waiters:
            if not (waiter.stand_in() or waiter.falls_back_after(failure)):
                waiter.on_failed(failure, answer)

    def _break(self, why: NotStored) -> None:
        """The content will not be whole, or is wrong: nobody takes what came of it for all."""
        self._is_over = True
        self._keeper.give_up(self)
        self._keeper.count_not_stored(why)
        waiters, self.waiters = self.waiting(), []
        for waiter in waiters:
            waiter.on_broken()
        self._close_unused()

    def _outcome_for(self, waiter: Waiter) -> Outcome:
        return Outcome.MISS if waiter is self.leader else Outcome.COLLAPSED

    def _tell_growth(self) -> None:
        for waiter in self.waiting():
            waiter.on_growth()

    def _end_unread(self) -> None:
        """Nobody reads what nobody keeps."""
        intake = self._intake
        if intake is not None and intake.why_not is not None and not self.waiters and not self._is_over:
            self._is_over = True
            self.leave_backend()
            self._close_unused()

    def _close_unused(self) -> None:
        if self._is_over and not self.waiters and not self._is_used and self._intake is not None:
            self._intake.close()


def lines_of(head: ResponseHead) -> bytes:
    """The field lines of a head."""
    return head.octets.partition(b"\r\n")[2]
