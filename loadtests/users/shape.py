"""As many users as may be under way at once, from beginning to end: arrivals are the load, users only carry it."""

from __future__ import annotations

from typing import Any, Final

from locust import LoadTestShape

_MOST_A_SECOND: Final = 100.0  # of users that are begun, a worker: Locust warns beyond


class Carriers(LoadTestShape):
    abstract = True  # not to be found in a locustfile: `serving` puts it in where it is wanted

    use_common_options = True  # --users and --run-time count

    def __init__(self, leader: Any, users: int, longest: float | None) -> None:
        """`longest`: seconds, as --run-time says."""
        super().__init__()
        self._leader = leader
        self._users = users
        self._longest = longest

    def reset_time(self) -> None:
        """A run begins."""
        super().reset_time()
        self._leader.reset()

    def tick(self) -> tuple[int, float] | None:
        if self._leader.is_over or (self._longest and self._leader.elapsed() > self._longest):
            return None
        workers = getattr(self.runner, "worker_count", 1) or 1
        return self._users, min(self._users, _MOST_A_SECOND * workers)
