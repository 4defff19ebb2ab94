"""Which endpoint of a backend is asked next, and when one is left out. Decisions only: `now` is a parameter.

Laws of this module:
- the endpoint with the fewest outstanding requests for its weight is asked; equals take turns, each as often as its
  weight says (nginx's least_conn does so: without turns, a quiet backend would always ask its first endpoint);
- an endpoint that its health check found down is not asked; when all are down, none is;
- ejection never takes the last one out, ends by itself, lasts longer each time and forgets with good time;
- an endpoint that comes back gets a tenth of its share and grows to all of it (slow start).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Generic, TypeVar

from edgeproxy.ruleset.origins import Ejection, Endpoint, HealthCheck

LEAST_SHARE: Final = 0.1  # of its weight, at the beginning of a slow start
_ALWAYS: Final = float("-inf")


class EndpointState:
    """What is known of one endpoint."""

    __slots__ = (
        "contrary",
        "ejected_until",
        "ejections",
        "endpoint",
        "is_down",
        "outstanding",
        "since",
        "streak",
        "turn",
        "weight",
    )

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.weight = endpoint.weight
        self.outstanding = 0  # requests on the way
        self.streak = 0  # failures in a row
        self.ejected_until = _ALWAYS
        self.ejections = 0  # how often the period is doubled at the next one
        self.is_down = False  # up until proven down
        self.contrary = 0  # health checks in a row that speak against the verdict
        self.since = _ALWAYS  # when it came back
        self.turn = 0.0  # its place among equals: the smallest is next

    def is_fit(self, now: float) -> bool:
        """Neither down nor ejected."""
        return not self.is_down and self.ejected_until <= now

    def weight_at(self, now: float, slow_start: float) -> float:
        """Its weight, while it starts slowly a part of it: from a tenth, in a straight line, to all."""
        age = max(now - self.since, 0.0)  # below 0: it is ejected, and asked since there is no other
        if age >= slow_start:
            return self.weight
        return self.weight * (LEAST_SHARE + (1 - LEAST_SHARE) * age / slow_start)

    def check(self, is_well: bool, check: HealthCheck, now: float) -> bool:
        """Weigh the outcome of a health check. True: the verdict has changed."""
        if is_well != self.is_down:  # as was known
            self.contrary = 0
            return False
        self.contrary += 1
        if self.contrary < (check.healthy if is_well else check.unhealthy):
            return False
        self.contrary = 0
        self.is_down = not is_well
        if is_well:
            self.since = max(self.since, now)
        return True


E = TypeVar("E", bound=EndpointState)


class Balance(Generic[E]):
    """The endpoints of one backend. Who chooses counts `outstanding` up, and down again."""

    __slots__ = ("_ejection", "_slow_start", "_turn", "endpoints")

    def __init__(self, endpoints: Sequence[E], ejection: Ejection, slow_start: float) -> None:
        self.endpoints = tuple(endpoints)
        self._ejection = ejection
        self._slow_start = slow_start
        self._turn = 0.0  # of the one chosen last

    def choose(self, now: float, avoid: E | None = None) -> E | None:
        """The next one to ask; `avoid`: if there is another. None: all are down."""
        fit = [one for one in self.endpoints if not one.is_down and one.ejected_until <= now]
        if not fit:  # all ejected: better those than none
            fit = [one for one in self.endpoints if not one.is_down]
        if avoid is not None:
            fit = [one for one in fit if one is not avoid] or fit
        slow_start = self._slow_start
        best: E | None = None
        best_load = best_weight = 0.0
        for one in fit:
            weight = one.weight_at(now, slow_start) if slow_start else one.weight
            load = one.outstanding / weight
            if best is None or load < best_load or (load == best_load and one.turn < best.turn):
                best, best_load, best_weight = one, load, weight
        if best is not None:
            # Start-time fair queueing: who was away does not make up for the turns that it missed.
            self._turn = max(best.turn, self._turn)
            best.turn = self._turn + 1 / best_weight
        return best

    def has_other(self, than: E, now: float) -> bool:
        """Whether another one would be chosen in its place."""
        return any(one is not than and one.is_fit(now) for one in self.endpoints)

    def on_success(self, one: E) -> None:
        one.streak = 0

    def on_failure(self, one: E, now: float) -> float | None:
        """Count a failure. The end of its ejection, when this failure ejects it."""
        if one.ejected_until > now:  # of a request from before
            return None
        one.streak += 1
        if one.streak < self._ejection.failures or not self.has_other(one, now):
            return None
        return self._eject(one, now)

    def _eject(self, one: E, now: float) -> float:
        period, most = self._ejection.period, self._ejection.most
        if one.ejections:
            good_periods = (now - one.ejected_until) // period
            one.ejections = max(0, one.ejections - int(good_periods))
        lasts = min(period * 2**one.ejections, most)
        if lasts < most:
            one.ejections += 1
        one.streak = 0
        one.ejected_until = one.since = now + lasts
        return one.ejected_until
