"""What a plan comes to on a client's connection: an answer at once, or an exchange; and the exchange of a fallback in
the place of one whose backend failed.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Final

from edgeproxy.http.request import RequestFields
from edgeproxy.proxy.cache.cached import Cached, cached
from edgeproxy.proxy.cache.cached_file import CachedFile
from edgeproxy.proxy.cache.purging_call import Purging
from edgeproxy.proxy.clock import NEVER
from edgeproxy.proxy.exchange import Exchange, Passing
from edgeproxy.proxy.fallback import Fall
from edgeproxy.proxy.forcing import forced, side_of
from edgeproxy.proxy.kept import KeptStream
from edgeproxy.proxy.phase import Phase
from edgeproxy.proxy.plan import Answer, ByArm, Pass, Plan, PurgeCall, ServeFile, choose_arm
from edgeproxy.proxy.planner import Planned
from edgeproxy.proxy.recording import note_fall, note_plan
from edgeproxy.proxy.serving import Serving
from edgeproxy.proxy.shadow.overhearing import passing
from edgeproxy.telemetry.counters import Override, Refusal

_EXCHANGE: Final = Phase.EXCHANGE  # PERF: an enum's member by its class costs three times a global


class ActingStream(KeptStream):
    """A client's connection, as far as plans are carried out on it."""

    __slots__ = ()

    @abstractmethod
    def _take_turn(self) -> None:
        """Go on reading."""

    def _act(
        self,
        planned: Planned,
        plan: Plan,
        fields: RequestFields,
        arm: str | None = None,
        override: Override | None = None,
    ) -> Exchange | None:
        """The exchange that was started, if the answer is not given at once. `arm`, `override`: as they were chosen
        already, by the client's word.
        """
        edge, rule = self._edge, planned.plan.rule
        if isinstance(plan, ByArm):
            arm, chosen, override = choose_arm(plan, edge.moved, fields.values, self.peer.address)
            edge.counting.arms[plan.split.name, arm] += 1
            if override is not None:
                edge.counting.overrides[plan.split.name, override] += 1
            plan = chosen
            if self.tap is not None:
                self._note_choice(planned, plan, arm)
        if rule is not None:
            edge.counting.rules[rule] += 1
        if self.record is not None:
            note_plan(self.record, planned, plan, arm, override)
        if isinstance(plan, Answer):
            self.answer(plan)
            return None
        if isinstance(plan, PurgeCall):
            exchange: Passing | Serving | Cached | CachedFile | Purging = self._purging(plan, fields)
        elif plan.cache is not None and self._body is None and self._answer_kept(planned, plan, plan.cache, fields):
            return None
        else:
            exchange = self._asking(plan, fields)
        self._exchange = exchange
        if self._body is None:
            self._phase, self.deadline = _EXCHANGE, NEVER
        else:
            self._phase = Phase.BODY
            self._set_deadline()
        exchange.start()
        return self._exchange

    def _act_forced(self, planned: Planned, plan: Plan, said: str, fields: RequestFields) -> Exchange | None:
        """Likewise, for a client that says on which arm it is."""
        edge = self._edge
        assert edge.arm_token is not None, "the rules name its file"
        side = side_of(said, edge.arm_token.value)
        if isinstance(side, Answer):
            edge.counting.refusals[Refusal.ARM_TOKEN] += 1
            if self.tap is not None:
                self._recorded()
            return self._act(planned, side, fields)
        if not isinstance(plan, ByArm) or not plan.is_cutover:
            return self._act(planned, plan, fields)
        name = plan.split.name
        if self.tap is not None:
            self._recorded()
        arm, chosen = forced(plan, side)
        edge.counting.arms[name, arm] += 1
        edge.counting.overrides[name, Override.TOKEN] += 1
        return self._act(planned, chosen, fields, arm, Override.TOKEN)

    def fall_back(self, fall: Fall) -> Exchange | None:
        """Ask another backend; nothing of an answer was sent. The exchange that does, unless it is over already. Who
        falls back may do so as it is started, or later on: then a request that waits behind this one is not read
        before all of this one was handed on.
        """
        self._edge.note_fall(fall, self.peer.address)
        record = self._recorded()
        if record is not None:
            note_fall(record, fall)
        was_looping, self._is_looping = self._is_looping, True
        if self._is_blocked:
            self.block_body(False)  # by who is asked no more
        exchange = self._exchange = self._asking(fall.plan, fall.fields)
        if isinstance(exchange, Passing | Cached):
            exchange.expires = fall.expires
        exchange.start()
        if fall.held and self._exchange is not None:
            self._exchange.on_body(fall.held)
        if fall.is_whole and self._exchange is not None:
            self._exchange.on_body_end()
        instead = self._exchange
        if not was_looping:
            self._take_turn()
        return instead

    def _asking(self, plan: Pass | ServeFile, fields: RequestFields) -> Passing | Serving | Cached | CachedFile:
        edge = self._edge
        if isinstance(plan, ServeFile):
            if edge.keeper is None or plan.cache is None:
                return Serving(self, plan, fields)
            return CachedFile(self, edge.keeper, plan, plan.cache, fields)
        pool = edge.pools[plan.backend.name]
        if edge.keeper is None or (plan.cache is None and plan.is_safe):
            return Passing(self, pool, plan, fields) if plan.shadow is None else passing(self, pool, plan, fields)
        return cached(self, edge.keeper, pool, plan, fields)

    def _purging(self, plan: PurgeCall, fields: RequestFields) -> Purging:
        edge = self._edge
        assert edge.keeper is not None, "the rules keep answers"
        assert edge.purge_token is not None, "and name a token"
        return Purging(self, edge.keeper, edge.ruleset, edge.purge_token, plan, fields.values)
