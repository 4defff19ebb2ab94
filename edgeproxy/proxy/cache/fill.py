"""A fetch whose answer is kept, and given to everybody who waits while it comes.

Laws of this module:
- a fetch goes on when all who waited have left, so that the next one finds a copy, as long as it is one to be kept;
- what is not kept any more, since it grew too large or the disk takes nothing, is held for its readers only: the
  backend waits for the slowest of them;
- of content that its rule verifies, neither all nor a part is given to its last octet before all is known to be right,
  and none is kept when it is not.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from edgeproxy.caching import vary
from edgeproxy.caching.outcomes import NotStored, Outcome
from edgeproxy.caching.storing import Keep
from edgeproxy.http.response import ResponseHead
from edgeproxy.proxy.asking import no_answer
from edgeproxy.proxy.cache.fetch import Fetch
from edgeproxy.proxy.cache.intake import Intake
from edgeproxy.proxy.cache.question import BROKEN, Question
from edgeproxy.proxy.cache.source import Waiter
from edgeproxy.telemetry.counters import BackendFailure
from edgeproxy.telemetry.stderr import tell

if TYPE_CHECKING:
    from edgeproxy.proxy.cache.keeper import Found, Keeper
    from edgeproxy.proxy.pool import Pool

_WINDOW: Final = 262_144  # octets of what is not kept that wait for readers
_NOT_MODIFIED: Final = 304


class Fill(Fetch):
    __slots__ = ("_intake", "_is_held", "_is_over", "_is_right", "_is_used", "_not_modified")

    def __init__(self, keeper: Keeper, pool: Pool, question: Question, stale: Found | None, *, has_claim: bool) -> None:
        super().__init__(keeper, pool, question, stale, has_claim=has_claim)
        self._not_modified: ResponseHead | None = None  # until its end
        self._intake: Intake | None = None
        self._is_right = question.cache.verify is None  # the content, as far as its rule verifies it
        self._is_over = False
        self._is_used = False  # its content, by whoever keeps it
        self._is_held = False  # the backend

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

    # -- the answer ---------------------------------------------------------------------------------------------

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
            self._keeper.fetches.give_up(self)
            self.on_taken()
        elif was_in_memory and intake.spool is not None and self.stored is not None:
            self._keeper.fetches.announce(self, self.stored, intake.spool)

    def on_pause(self) -> None:
        """PERF: what came in one read is told once."""
        if self._intake is not None:
            self._tell_growth()
            self._end_unread()

    def on_end(self) -> None:
        self._connection = None
        if self._measured is not None:
            self._measured.on_end()
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
        if head.status < BROKEN:
            self._keeper.lately.note_answered(self.key, self._question.backend)
        if head.status == _NOT_MODIFIED and self._stale is not None:
            self._not_modified = head
            if self._measured is not None:
                self._measured.on_head(head.status)
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
            verdict = self._question.judge(head, self._keeper.largest, self._keeper.now())
            if isinstance(verdict, NotStored):
                self._refuse(verdict, head, whole)
            else:
                self._take_in(verdict, head, whole)

    def _take_in(self, keep: Keep, head: ResponseHead, whole: bytes | None) -> None:
        if self._measured is not None:
            self._measured.on_head(head.status)
        cache = self._question.cache
        self.stored = stored = self._question.stored(keep, head, self._keeper.now())
        self._intake = self._keeper.intake(None if cache.verify is None else cache.verify[0])
        for waiter in self.waiting():
            if not vary.matches(stored.selecting, waiter.values, cache.policy):
                self.leave(waiter)
                waiter.on_again()
        if whole is not None:
            if self._measured is not None:
                self._measured.on_end()
            self._intake.write(whole)
            self._finish(self._intake)
            return
        for waiter in self.waiting():
            waiter.on_arriving(self._outcome_for(waiter))

    def _finish(self, intake: Intake) -> None:
        """All of the content has come."""
        verify, stored = self._question.cache.verify, self.stored
        assert stored is not None, "its head is known"
        if verify is not None and not intake.has_digest(verify[1]):
            tell(
                f"rule {self._plan.rule}: what came for {self._plan.asked_for.path} has not the {verify[0]} of its path"
            )
            self._break(NotStored.DIGEST)
            return
        self._is_right = self._is_over = True
        if intake.why_not is not None:
            self._keeper.fetches.give_up(self)
            self._keeper.count_not_stored(intake.why_not)
        else:
            intake.finish()
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
        refreshed = self._question.after_304(stale.stored, head, self._keeper.now())
        if refreshed is None:
            self._keeper.remove(stale)
            self._may_repeat = True
            self.start()
            return
        if refreshed is stale.stored:
            found = stale
            self._keeper.fetches.give_up(self)
        else:
            found = self._keeper.refresh(self, stale, refreshed)
        for waiter in self.waiting():
            self.waiters.remove(waiter)
            if not vary.matches(refreshed.selecting, waiter.values, self._question.cache.policy):
                waiter.on_again()  # it joined when nobody knew what the answer would depend on
            else:
                waiter.on_found(found, Outcome.REVALIDATED if waiter is self.leader else Outcome.COLLAPSED)

    def _break(self, why: NotStored) -> None:
        """The content will not be whole, or is wrong: nobody takes what came of it for all."""
        self._is_over = True
        self._keeper.fetches.give_up(self)
        self._keeper.count_not_stored(why)
        waiters, self.waiters = self.waiting(), []
        for waiter in waiters:
            waiter.on_broken()
        self._close_unused()

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
