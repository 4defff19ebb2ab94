"""An exchange under a rule that keeps answers: from a copy, from somebody's fetch, or from one of its own.

What can be answered from memory at once is, without an exchange (`give`); what the cache is not for goes past it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, assert_never

from edgeproxy.caching import reuse
from edgeproxy.caching.keys import Key
from edgeproxy.caching.outcomes import NotStored, Outcome
from edgeproxy.caching.reuse import Use
from edgeproxy.http.framing import has_body
from edgeproxy.http.request import RequestFields
from edgeproxy.proxy.cache.cache_plan import CachePlan
from edgeproxy.proxy.cache.copy_answer import Client, CopyAnswer
from edgeproxy.proxy.cache.fill import Fill
from edgeproxy.proxy.cache.giving import only_if_cached
from edgeproxy.proxy.cache.keeper import Found, Keeper
from edgeproxy.proxy.cache.passing import PassingBy
from edgeproxy.proxy.cache.question import Question
from edgeproxy.proxy.cache.requests import as_get, asked_by, request_of, wants_to_switch
from edgeproxy.proxy.cache.source import Own, Source
from edgeproxy.proxy.cache.streaming import Differs, Streaming
from edgeproxy.proxy.fallback import Fall, FallbackPlan
from edgeproxy.proxy.held_call import CONTINUE
from edgeproxy.proxy.plan import Answer, Pass, say
from edgeproxy.proxy.pool import Pool
from edgeproxy.proxy.shadow.original import Original
from edgeproxy.proxy.shadow.overhearing import fill_of, original_of, passing_by
from edgeproxy.telemetry.counters import BackendFailure, FallbackReason

_TRIES: Final = 3  # look-ups for one request: an answer may turn out to be for another variant


class Cached:
    """One request that a copy may answer. It waits for at most one source at a time."""

    __slots__ = (
        "_cache", "_client", "_fields", "_given", "_held", "_is_blocked", "_keeper", "_passed", "_plan", "_pool",
        "_source", "_stale", "_stream", "_tries", "expires", "values",
    )  # fmt: skip

    def __init__(
        self, client: Client, keeper: Keeper, pool: Pool, plan: Pass, cache: CachePlan, fields: RequestFields
    ) -> None:
        self._client = client
        self._keeper = keeper
        self._pool = pool
        self._plan = plan
        self._cache = cache
        self._fields = fields
        self.values: Mapping[str, str] = asked_by(plan, fields)
        self._held: bytearray | None = None  # the request's body, which is a part of the key
        self._stale: Found | None = None  # a copy that is not fresh
        self._source: Source | None = None
        self._stream: Streaming | None = None  # from the source, once the answer's head went out
        self._given: CopyAnswer | None = None
        self._passed: PassingBy | None = None  # the exchange that goes on in the place of this one
        self._is_blocked = False
        self._tries = 0
        self.expires = 0.0  # of the rule's time, in loop time; 0.0: it has none, or it begins now

    def start(self) -> None:
        if self._plan.time is not None and not self.expires:
            self.expires = self._pool.clock.now() + self._plan.time
        if has_body(self._fields.framing):
            if self._cache.is_read or not self._cache.needs_body:
                self._pass_by(Outcome.BYPASS, NotStored.CONTENT)
                return
            self._held = bytearray()
            if self._fields.expects_continue(self._client.minor):
                self._client.send(CONTINUE)
                self._fields = self._fields.without_expectation()
            return
        self._look_up()

    # -- from the client ----------------------------------------------------------------------------------------

    def on_body(self, content: bytes) -> None:
        if self._passed is not None:  # since octets that came in one read with these
            self._passed.on_body(content)
            return
        assert self._held is not None, "a body that is no part of the key is passed by"
        self._held += content
        if len(self._held) > self._keeper.longest_body:
            self._pass_by(Outcome.BYPASS, NotStored.CONTENT)

    def on_body_end(self) -> None:
        if self._passed is not None:
            self._passed.on_body_end()
        else:
            self._look_up()

    def on_client_blocked(self, blocked: bool) -> None:
        self._is_blocked = blocked
        if self._given is not None:
            self._given.on_client_blocked(blocked)
        elif self._stream is not None:
            self._stream.is_blocked = blocked
            if not blocked:
                self.on_growth()

    def on_client_gone(self) -> None:
        self._leave()
        if self._given is not None:
            self._given.cancel()

    # -- looking up ---------------------------------------------------------------------------------------------

    def _look_up(self) -> None:
        cache, keeper = self._cache, self._keeper
        self._tries += 1
        if not cache.is_read and not cache.needs_body:
            self._pass_by(Outcome.BYPASS, NotStored.METHOD)
            return
        if reuse.is_for_the_backend(self.values) or wants_to_switch(self._plan, self._fields):
            self._pass_by(Outcome.BYPASS, None)
            return
        key = self._key()
        found = keeper.find(key, self.values, cache.policy)
        if found is None or self._tries > _TRIES:
            self._ask_without_copy(key)
            return
        now, stored = keeper.now(), found.stored
        match reuse.decide(self.values, stored.terms, stored.purged, now, cache.policy):
            case Use.FRESH:
                self.on_found(found, Outcome.HIT)
            case Use.STALE:
                self._renew(key, found)
                self.on_found(found, Outcome.STALE)
            case Use.VALIDATE:
                self._stale = found
                if keeper.lately.is_failing(key, self._plan.backend.name, now) and self.stand_in():
                    self._renew(key, found)
                    return
                self._ask(key)
            case Use.UNAVAILABLE:
                self._answer(only_if_cached(), Outcome.ONLY_IF_CACHED)
            case never:
                assert_never(never)

    def _key(self) -> Key:
        return self._cache.key(self.values, None if self._held is None else bytes(self._held))

    def _ask_without_copy(self, key: Key) -> None:
        if reuse.wants_only_a_copy(self.values):
            self._answer(only_if_cached(), Outcome.ONLY_IF_CACHED)
        elif self._plan.method == "HEAD":
            self._pass_by(Outcome.UNCACHEABLE, NotStored.METHOD)
        elif self._tries > _TRIES:
            self._pass_by(Outcome.UNCACHEABLE, None)
        elif self._keeper.lately.is_hit_for_miss(key, self._keeper.now()):
            self._lead(self._new_fill(key, None, has_claim=False, is_for_one=True))
        else:
            self._ask(key)

    def _ask(self, key: Key) -> None:
        """Wait for an answer: somebody's who has asked already, or one's own."""
        fetches, policy = self._keeper.fetches, self._cache.policy
        fill = fetches.find(key, self.values, policy)
        if fill is not None:
            self._source = fill
            fill.join(self)
            if fill.stored is not None:
                self.on_arriving(Outcome.COLLAPSED)
            return
        is_alone = self._plan.method == "HEAD" or self._keeper.lately.is_unshared(key, self._keeper.now())
        has_claim = not is_alone and fetches.may_fetch(key)
        elsewhere = None if has_claim or is_alone else fetches.elsewhere(key, policy)
        if elsewhere is None:
            self._lead(self._new_fill(key, self._stale, has_claim=has_claim))
            return
        self._source = elsewhere
        elsewhere.join(self)
        elsewhere.start()

    def _lead(self, fill: Fill) -> None:
        self._source = fill
        fill.join(self)
        fill.leader = self
        fill.start()

    def _renew(self, key: Key, stale: Found) -> None:
        """Ask for another copy, while this one is given; by a GET, whoever is given it: a HEAD brings no content."""
        if self._keeper.fetches.may_renew(key, self.values, self._cache.policy):
            self._new_fill(key, stale, has_claim=True, is_for_all=True).start()

    def _new_fill(
        self, key: Key, stale: Found | None, *, has_claim: bool, is_for_all: bool = False, is_for_one: bool = False
    ) -> Fill:
        """`is_for_all`: this client waits for another answer. `is_for_one`: others do not wait for this one."""
        keeper, client, body = self._keeper, self._client, b"" if self._held is None else bytes(self._held)
        plan = as_get(self._plan) if is_for_all else self._plan
        request = request_of(plan, self._cache, self._fields, client.peer, client.minor, body, is_for_all=is_for_all)
        question = Question(plan, self._cache, key, request, keeper.now(), keeper.purges.seq)
        fill = fill_of(client, keeper, self._pool, question, stale, has_claim=has_claim)
        fill.expires = 0.0 if is_for_all else self.expires
        if not is_for_one and plan.method != "HEAD":  # its answer is nothing for a GET
            keeper.fetches.begin(fill)
        return fill

    # -- from the source ----------------------------------------------------------------------------------------

    @property
    def place(self) -> int:
        return 0 if self._stream is None else self._stream.place

    def on_found(self, found: Found, outcome: Outcome) -> None:
        if self._stream is not None:
            if self._source is None or self._source.stored is None:  # what a 304 speaks of is not what came
                self._break_off()
            else:
                self.on_growth()
            return
        if self.falls_back_from(found.stored.status):
            return
        self._leave_source()
        plan, cache = self._plan, self._cache
        self._given = CopyAnswer(self._client, self._keeper, plan, cache, self.values, self._on_missing)
        self._given.begin(found, outcome)

    def _on_missing(self) -> None:
        self._given = self._stale = None
        self._look_up()

    def on_arriving(self, outcome: Outcome) -> None:
        source, client = self._source, self._client
        if self._stream is None and source is not None and source.stored is not None:
            if self.falls_back_from(source.stored.status):
                return
            client.note_outcome(self._plan.rule, outcome)
            now = self._keeper.now()
            self._stream = Streaming(self, client, self._plan, self.values, source.stored, outcome, now)
            self._stream.is_blocked = self._is_blocked
        self.on_growth()

    def on_growth(self) -> None:
        source, stream = self._source, self._stream
        if source is None or stream is None:
            return
        try:
            is_all = stream.go_on(source)
        except (OSError, Differs):
            self._break_off()
            return
        if is_all:
            self._leave_source()
            self._stream = None
            self._client.on_answered(stream.keep_alive)

    def on_lost(self) -> None:
        source, stream = self._source, self._stream
        if source is None or stream is None:
            self._leave_source()
            self._look_up()
            return
        self._source = None
        stream.lose(source)
        self._go_on_elsewhere()

    def on_broken(self) -> None:
        self._source = None
        if self._stream is not None:
            self._break_off()
        elif not (self.stand_in() or self.falls_back_from(502)):
            self._answer(say(502, "The backend's answer is not what the path asks for."), Outcome.UNCACHEABLE)

    def on_again(self) -> None:
        self._source = None
        if self._stream is not None:
            self._go_on_elsewhere()
        else:
            self._look_up()

    def on_alone(self, why: NotStored) -> None:
        self._source = None
        if self._stream is not None:
            self._break_off()
        else:
            self._pass_by(Outcome.UNCACHEABLE, why)

    def on_own(self, own: Own, why: NotStored) -> None:
        self._source = None
        if self._stream is not None:
            own.drop()
            self._break_off()
            return
        passing = self._passing(Outcome.UNCACHEABLE, why, own.original)
        self._client.put_exchange(passing)
        passing.adopt(own)
        if own.content is not None:
            passing.on_whole(own.head, own.content)
            return
        passing.on_head(own.head)
        if self._is_blocked:
            passing.on_client_blocked(True)

    def stand_in(self) -> bool:
        stale, now = self._stale, self._keeper.now()
        if stale is None or self._stream is not None:
            return False
        if not reuse.may_stand_in(self.values, stale.stored.terms, stale.stored.purged, now, self._cache.policy):
            return False
        self.on_found(stale, Outcome.STALE_IF_ERROR)
        return True

    def on_failed(self, failure: BackendFailure, answer: Answer) -> None:
        self._source = None
        if self._stream is not None:
            self._break_off()
            return
        self._client.note_outcome(self._plan.rule, Outcome.UNCACHEABLE)
        self._client.answer(answer, failure)

    def falls_back_from(self, status: int) -> bool:
        fallback = self._plan.fallback
        if fallback is None or status not in fallback.statuses or self._stream is not None:
            return False
        self._fall_back(fallback, FallbackReason.STATUS)
        return True

    def falls_back_after(self, failure: BackendFailure) -> bool:
        fallback = self._plan.fallback
        reason = None if fallback is None else fallback.reason(failure)
        if fallback is None or reason is None or self._stream is not None:
            return False
        self._fall_back(fallback, reason)
        return True

    # -- steps --------------------------------------------------------------------------------------------------

    def _fall_back(self, fallback: FallbackPlan, reason: FallbackReason) -> None:
        """What the other backend answers is looked for, and kept, under a key of its own."""
        self._leave_source()
        is_whole = has_body(self._fields.framing)  # nothing is looked for before all of the body is there
        path, held = self._plan.asked_for.path, bytes(self._held or b"")
        self._client.fall_back(Fall(fallback, path, reason, self._fields, held, is_whole, self.expires))

    def _leave_source(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            source.leave(self)

    def _go_on_elsewhere(self) -> None:
        """With content that has begun to go out: from a fetch that has no conditions, and brings all of it."""
        self._tries += 1
        self._stale = None
        if self._tries > _TRIES:
            self._break_off()
        else:
            self._ask(self._key())

    def _break_off(self) -> None:
        """The client has a part of an answer, and is to see that it is one."""
        self._leave()
        self._client.abort()

    def _leave(self) -> None:
        self._leave_source()
        if self._stream is not None:
            self._stream.leave()

    def _answer(self, answer: Answer, outcome: Outcome) -> None:
        self._client.note_outcome(self._plan.rule, outcome)
        self._client.answer(answer)

    def _passing(self, outcome: Outcome, why: NotStored | None, original: Original | None) -> PassingBy:
        self._client.note_outcome(self._plan.rule, outcome)
        return passing_by(self._client, self._pool, self._plan, self._fields, self._keeper, outcome, why, original)

    def _pass_by(self, outcome: Outcome, why: NotStored | None) -> None:
        """Ask for this client alone. What was held of its body goes first."""
        held, is_whole = self._held, self._client.has_whole_request
        self._held = None
        original = original_of(self._client, self._plan, self._fields)
        passing = self._passed = self._passing(outcome, why, original)
        passing.expires = self.expires
        self._client.put_exchange(passing)
        passing.start()
        if held is None:
            return
        if held:
            passing.on_body(bytes(held))
        if is_whole:
            passing.on_body_end()


def cached(client: Client, keeper: Keeper, pool: Pool, plan: Pass, fields: RequestFields) -> Cached | PassingBy:
    """The exchange of a request that no copy in memory answers at once; not started."""
    if plan.cache is None:
        return PassingBy(client, pool, plan, fields, keeper, Outcome.BYPASS, NotStored.METHOD)
    return Cached(client, keeper, pool, plan, plan.cache, fields)
