"""How this meets Locust: listeners to its events, on masters, workers and local runners."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn

import gevent
from gevent.event import Event
from locust.runners import MasterRunner, WorkerRunner

from edgeproxy.ruleset.load import RuleFileError
from loadtests.users.arrivals import arrivals
from loadtests.users.carrying import TIMEOUT, CannotAsk, Process, names_at
from loadtests.users.chosen import Chosen, of_captures
from loadtests.users.classes import WALKING, Arriving, Playing, _Carrier
from loadtests.users.dealing import read_deal
from loadtests.users.kinds import Client
from loadtests.users.leading import DEAL, Leader, Storm
from loadtests.users.modelled import Wish, of_model
from loadtests.users.open_loop import Work
from loadtests.users.options import (
    A_MINUTE,
    PATIENCE,
    USERS,
    WrongUsage,
    add_options,
    chosen_of,
    control_of,
    loops_of,
    pace_of,
    profile_of,
    rate_of,
    seconds_of,
    speed_of,
)
from loadtests.users.profiles import Profile
from loadtests.users.reading import summary_of
from loadtests.users.shape import Carriers
from loadtests.users.wire import Place
from replay.capture.found import Unreadable

TOLD: Final = "edgeproxy"  # in workers' reports: their progress


class Serving:
    """Of one process."""

    def __init__(self) -> None:
        self._environment: Any = None
        self._is_there = Event()
        self._process: Process | None = None  # where users run
        self._leader: Leader | None = None
        self._chosen: Chosen | None = None

    def listen(self, events: Any) -> None:
        events.init_command_line_parser.add_listener(add_options)
        events.init.add_listener(self.on_init)
        events.test_start.add_listener(self.on_test_start)
        events.test_stop.add_listener(self.on_test_stop)
        events.spawning_complete.add_listener(self.on_spawning_complete)
        events.report_to_master.add_listener(self.on_report)
        events.worker_report.add_listener(self.on_worker_report)

    # -- events -----------------------------------------------------------------------------------------------------

    def on_init(self, environment: Any, runner: Any, **_: Any) -> None:
        self._environment = environment
        is_master, is_worker = isinstance(runner, MasterRunner), isinstance(runner, WorkerRunner)
        if not is_master:
            self._process = _Carrier.process = Process(environment, environment.parsed_options.index)
            runner.register_message(DEAL, self.on_deal)
        if not is_worker:
            try:
                self._lead(environment, runner)
            except (WrongUsage, CannotAsk, Unreadable, RuleFileError, ValueError, OSError) as error:
                _refuse(error)
        self._is_there.set()

    def on_test_start(self, **_: Any) -> None:
        """On a worker the master's options have come by now. One that comes to a run may be told to begin before Locust
        has said that there is one: then it waits, and with it all that the master says.
        """
        self._is_there.wait()
        if self._process is None:
            return
        options = self._environment.parsed_options
        chosen = chosen_of(options)
        if chosen in ("load", "arrivals"):
            profile = self._profile(options)
            self._process.begin(arrivals(profile), profile, profile.patience)
        elif chosen is not None:
            self._process.begin(self._played(options).due(), None, PATIENCE)

    def on_test_stop(self, **_: Any) -> None:
        if self._process is not None and self._process.loop is not None:
            self._process.end()
            if self._leader is None:
                print(f"this worker took {self._process.loop.progress.taken:,} arrivals", flush=True)
        if self._leader is not None:
            print("\n".join(self._leader.close()), flush=True)

    def on_spawning_complete(self, **_: Any) -> None:
        if self._leader is not None:
            self._leader.begin()

    def on_deal(self, msg: Any, **_: Any) -> None:
        """To who runs users."""
        assert self._process is not None, "it is registered where there is one"
        self._process.know(msg.data["names"])
        if self._process.loop is not None:
            deal, elapsed = read_deal(msg.data)
            self._process.loop.deal(deal, elapsed)
            if self._leader is None:
                print(f"now {deal.workers} workers take arrivals, this one those at place {deal.place}", flush=True)

    def on_report(self, data: dict[str, Any], **_: Any) -> None:
        if self._process is not None and self._process.loop is not None:
            data[TOLD] = self._process.told()

    def on_worker_report(self, client_id: str, data: dict[str, Any], **_: Any) -> None:
        if self._leader is not None and TOLD in data:
            self._leader.hear(client_id, data[TOLD])

    # -- steps --------------------------------------------------------------------------------------------------------

    def _lead(self, environment: Any, runner: Any) -> None:
        options = environment.parsed_options
        place = Place.of(environment.host or "")
        chosen = chosen_of(options)
        if chosen is None:
            environment.user_classes = [each for each in environment.user_classes if each in WALKING]
            return
        options.clients = _shares(environment.user_classes)  # which go to workers as all of Locust's options do
        users, seconds, storm = options.num_users or USERS, seconds_of(options), None
        names: Sequence[str] = ()
        schedule: Callable[[], Iterator[Work]]
        if chosen in ("load", "arrivals"):
            profile = self._profile(options)
            names = names_at(place, options.index, profile.projects)
            if profile.purges:
                storm = Storm(profile.purges, options.index, control_of(options, os.environ))
            users, seconds = profile.users, profile.seconds
            _say([summary_of(profile), f"{len(names):,} projects at {place.host}:{place.port}"])
            environment.user_classes, schedule = [Arriving], partial(arrivals, profile)
        else:
            played = self._played(options)
            _say(played.told)
            environment.user_classes, schedule = [Playing], played.due
        if not environment.stop_timeout:
            environment.stop_timeout = TIMEOUT  # who is under way when users are shared out anew comes to an end
        self._leader = Leader(runner, self._told, schedule, names, seconds, storm)
        environment.shape_class = Carriers(self._leader, users, options.run_time)
        environment.shape_class.runner = runner

    def _told(self) -> Any:
        """Of a local runner's users."""
        return None if self._process is None else self._process.told()

    def _profile(self, options: Any) -> Profile:
        return profile_of(options, {Client(name): share for name, share in options.clients.items()}, options.num_users)

    def _played(self, options: Any) -> Chosen:
        if self._chosen is None:
            self._chosen = _of_model(options) if options.model else _of_captures(options)
        return self._chosen


def _shares(classes: Sequence[Any]) -> dict[str, float]:
    """Of the kinds of clients whose users were named, or of all."""
    named = [each for each in classes if each in WALKING] or WALKING
    return {str(each.client): float(each.weight) for each in named}


def _of_captures(options: Any) -> Chosen:
    files = [Path(each) for each in options.capture]
    rules = Path(options.rules) if options.rules else None
    return of_captures(files, rules, pace_of(options), loops_of(options), seconds_of(options), lambda: gevent.sleep(0))


def _of_model(options: Any) -> Chosen:
    lasts = seconds_of(options) or A_MINUTE
    return of_model(Wish(Path(options.model), Path(options.names), rate_of(options), speed_of(options), lasts))


def _say(lines: Sequence[str]) -> None:
    print("\n".join(lines), file=sys.stderr, flush=True)


def _refuse(error: Exception) -> NoReturn:
    print(f"locustfile: {error}", file=sys.stderr, flush=True)
    sys.exit(2)
