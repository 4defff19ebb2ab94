"""Locust's users. Those of one kind of client are for its closed loop: each goes its way, waits, and goes again.
`Arriving` and `Playing` carry an open loop: what becomes due is handed to whichever of them is free.
"""

from __future__ import annotations

from random import Random
from typing import Any, ClassVar

from locust import User, between, constant
from locust.exception import StopUser

from loadtests.users.carrying import CannotAsk, Process
from loadtests.users.kinds import Client, walk_of


class _Carrier(User):
    abstract = True
    process: ClassVar[Process]  # this one, once Locust has begun


class _Walking(_Carrier):
    abstract = True
    wait_time = between(0.5, 2)
    client: ClassVar[Client]

    def on_start(self) -> None:
        self._dice = Random()
        try:
            self.process.world(self.client, self._dice)
        except CannotAsk as error:
            self.environment.stats.log_error("GET", "index", str(error))
            raise StopUser from None

    def go(self) -> None:
        self.process.walk(walk_of(self.client)(self.process.world(self.client, self._dice)))

    tasks: ClassVar[list[Any]] = [go]


class PipUser(_Walking):
    weight = 45
    client = Client.PIP


class OldPipUser(_Walking):
    weight = 2
    client = Client.OLD_PIP


class UvUser(_Walking):
    weight = 35
    client = Client.UV


class BrowserUser(_Walking):
    weight = 10
    client = Client.BROWSER


class XmlRpcUser(_Walking):
    weight = 4
    client = Client.XMLRPC


class BandersnatchUser(_Walking):
    weight = 2
    client = Client.BANDERSNATCH


class DevpiUser(_Walking):
    weight = 2
    client = Client.DEVPI


class Arriving(_Carrier):
    """Takes clients of a profile, one after the other."""

    wait_time = constant(0)

    def take(self) -> None:
        loop = self.process.loop
        assert loop is not None, "it was begun with the run"
        arrival = loop.take()
        if arrival is not None:
            self.process.arrive(arrival)
            loop.progress.done += 1

    tasks: ClassVar[list[Any]] = [take]


class Playing(_Carrier):
    """Takes lanes of what was recorded, and sends what waits in each."""

    wait_time = constant(0)

    def take(self) -> None:
        loop, process = self.process.loop, self.process
        assert loop is not None, "it was begun with the run"
        due = loop.next()
        lane = None if due is None else process.lanes.take(due.planned, due.at)
        while lane is not None and lane.waiting:
            planned, at = lane.waiting.popleft()
            if loop.begin(at):
                seconds, octets, fault = process.sender.send(planned, lane.connections)
                process.reporter.on_request(planned.method, planned.label or planned.url, seconds, octets, fault)
                loop.corrected(at)
                loop.progress.done += 1
        if lane is not None:
            process.lanes.free(lane, loop.elapsed())

    tasks: ClassVar[list[Any]] = [take]


WALKING = (PipUser, OldPipUser, UvUser, BrowserUser, XmlRpcUser, BandersnatchUser, DevpiUser)
