"""What was seen of late of a key or a backend, and decides for a while how the next request for it is met.

Laws of this module:
- all of it is forgotten by itself, and none of it is needed: without it more is asked, and nothing wrong is given;
- what one odd request can provoke (an error of the backend, an answer for one) keeps nobody else from a copy.
"""

from __future__ import annotations

from typing import Final

from edgeproxy.caching.failing import Failing
from edgeproxy.caching.keys import Key

_HIT_FOR_MISS: Final = 10.0  # seconds
_UNSHARED: Final = 60.0
_REMEMBERED: Final = 8_192  # keys
_HANGS: Final = 1.0  # seconds after which a failure is not the key's but the backend's


class Lately:
    """`now` and `asked` are POSIX seconds; `asked` is when the fetch began of which something is noted."""

    __slots__ = ("_failing", "_hanging", "_hit_for_miss", "_unshared", "_with_errors")

    def __init__(self) -> None:
        self._hit_for_miss: dict[bytes, float] = {}  # by primary key: until when
        self._unshared: dict[bytes, float] = {}
        self._with_errors: Failing[bytes] = Failing()
        self._failing: Failing[bytes] = Failing()
        self._hanging: Failing[str] = Failing()  # by backend

    # -- answers for one client only ----------------------------------------------------------------------------

    def note_hit_for_miss(self, key: Key, now: float) -> None:
        """The answer was for its own client only, and so may be the next: what Varnish calls hit-for-miss. Nobody waits
        for another's fetch of it, and each answer may be kept all the same (hit-for-pass would rule that out).
        """
        _note(self._hit_for_miss, key, now + _HIT_FOR_MISS)

    def is_hit_for_miss(self, key: Key, now: float) -> bool:
        return now < self._hit_for_miss.get(key.primary, 0.0)

    def note_kept(self, key: Key) -> None:
        self._hit_for_miss.pop(key.primary, None)

    # -- fetches of other workers -------------------------------------------------------------------------------

    def note_unshared(self, key: Key, now: float) -> None:
        """Who fetches it in another worker lets everybody wait, cannot let them read along, or got nothing to keep.
        From now on this worker fetches it itself, once for all its clients, and keeps nobody else from it.
        """
        _note(self._unshared, key, now + _UNSHARED)

    def is_unshared(self, key: Key, now: float) -> bool:
        return now < self._unshared.get(key.primary, 0.0)

    # -- failures -----------------------------------------------------------------------------------------------

    def note_failing(self, key: Key, backend: str, asked: float, now: float) -> None:
        """There is a copy that may stand in. A backend that let this fetch wait lets others wait, too."""
        self._failing.note(key.primary, asked, now)
        if now - asked >= _HANGS:
            self._hanging.note(backend, asked, now)

    def note_answered(self, key: Key, backend: str) -> None:
        self._failing.end(key.primary)
        self._with_errors.end(key.primary)
        self._hanging.end(backend)

    def is_failing(self, key: Key, backend: str, now: float) -> bool:
        """Whether a copy may stand in for an answer that nobody waited for now."""
        return self._failing.is_known(key.primary, now) or self._hanging.is_known(backend, now)

    def may_renew(self, key: Key, now: float) -> bool:
        return self._failing.may_ask(key.primary, now)

    def note_still_asked(self, key: Key, now: float) -> None:
        self._failing.note_still_asked(key.primary, now)

    def note_error(self, key: Key, asked: float, now: float) -> bool:
        """The backend answered with an error (5xx) that is not kept. Whether it is the first of late, that may be the
        request's own doing.
        """
        is_first = not self._with_errors.is_known(key.primary, now)
        self._with_errors.note(key.primary, asked, now)
        return is_first


def _note(times: dict[bytes, float], key: Key, until: float) -> None:
    if len(times) >= _REMEMBERED:
        times.clear()
    times[key.primary] = until
