"""The listening sockets of all workers, bound once by the supervisor and kept while workers come and go.

A connection that the kernel has queued on a socket is lost with the socket, not with the worker that would have
accepted it. So the sockets outlive their workers, survive a reload that still wants them, and go on to the next
supervisor in an upgrade.
"""

from __future__ import annotations

import json
import os
import socket
from collections import Counter
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from edgeproxy.proxy.listening import address_of, close_sockets, open_more, open_sockets
from edgeproxy.ruleset.listeners import Address, Listener

_OFFER: Final = "EDGEPROXY_OFFER"  # in the environment of the next supervisor

_Key = tuple[str, int]  # an address as the rules say it, and how many of the same stand before it (port 0 may be twice)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a supervisor hands on: a descriptor to write to when all is ready, its listening sockets, its tables of
    rate limits by their slots, its log of purges, the settings of the capture that runs, and the rollbacks that no
    store has taken yet: of which cutover, by whom and why.
    """

    ready: int
    sockets: Mapping[_Key, tuple[int, ...]]
    rates: Mapping[int, int] = field(default_factory=dict)
    purges: int | None = None
    capture: Mapping[str, Any] | None = None
    ways_back: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        sockets = [[address, nth, fds] for (address, nth), fds in self.sockets.items()]
        rates = list(self.rates.items())
        handed = {"ready": self.ready, "sockets": sockets, "rates": rates, "purges": self.purges}
        handed |= {} if self.capture is None else {"capture": dict(self.capture)}
        handed |= {"ways_back": dict(self.ways_back)} if self.ways_back else {}
        return {_OFFER: json.dumps(handed)}

    @property
    def fds(self) -> tuple[int, ...]:
        sockets = (fd for fds in self.sockets.values() for fd in fds)
        purges = () if self.purges is None else (self.purges,)
        return (self.ready, *sockets, *self.rates.values(), *purges)

    def accept(self) -> None:
        os.write(self.ready, b"ready")
        os.close(self.ready)

    @classmethod
    def take(cls, environment: MutableMapping[str, str]) -> Self | None:
        """The offer made to this process, if it was started by an upgrade."""
        text = environment.pop(_OFFER, None)
        if text is None:
            return None
        offer = json.loads(text)
        sockets = {(address, nth): tuple(fds) for address, nth, fds in offer["sockets"]}
        # older supervisors have neither rates nor purges nor captures nor ways back
        rates = dict(offer.get("rates", ()))
        ways_back = {name: (who, why) for name, (who, why) in offer.get("ways_back", {}).items()}
        return cls(offer["ready"], sockets, rates, offer.get("purges"), offer.get("capture"), ways_back)


class Sockets:
    """By address: one socket for each worker, or one for all where the address is a path. A supervisor before, with
    more workers, leaves more; the kernel queues connections on each, so each has a worker that accepts there.
    """

    def __init__(self, workers: int, offer: Offer | None = None) -> None:
        self._workers = workers
        self._opened: dict[_Key, list[socket.socket]] = {}
        self._is_lent = offer is not None  # there is another supervisor, whose they are
        if offer is not None:
            for key, fds in offer.sockets.items():
                self._opened[key] = [socket.socket(fileno=fd) for fd in fds]

    def open(self, listeners: Iterable[Listener]) -> None:
        """Bind what is not there yet. Raises CannotListen; then nothing has changed."""
        added: dict[_Key, list[socket.socket]] = {}
        try:
            for key, address in _keys(listeners).items():
                there = self._opened.get(key)
                if there is None:
                    added[key] = open_sockets(address, self._workers)
                elif there[0].family != socket.AF_UNIX:
                    added[key] = open_more(there[0], self._workers - len(there))
        except BaseException:
            for sockets in added.values():
                close_sockets(sockets)
            raise
        for key, sockets in added.items():
            self._opened.setdefault(key, []).extend(sockets)

    def keep_only(self, listeners: Iterable[Listener]) -> None:
        kept = _keys(listeners)
        for key in [key for key in self._opened if key not in kept]:
            sockets = self._opened.pop(key)
            if self._is_lent:
                for sock in sockets:
                    sock.close()
            else:
                close_sockets(sockets)

    def of_worker(self, listeners: Iterable[Listener], number: int) -> tuple[tuple[int, ...], ...]:
        """The descriptors of a worker, one or more for each listener. Nobody else has that of a port."""
        found = [self._opened[key] for key in _keys(listeners)]
        mine = [sockets[number :: self._workers] or sockets for sockets in found]
        return tuple(tuple(sock.fileno() for sock in sockets) for sockets in mine)

    def addresses(self, listeners: Iterable[Listener]) -> tuple[Address, ...]:
        """With the ports that the system gave."""
        return tuple(address_of(self._opened[key][0]) for key in _keys(listeners))

    def take(self) -> None:
        """The supervisor before leaves them to this one."""
        self._is_lent = False

    def give(self) -> None:
        """The next supervisor has taken them."""
        self._is_lent = True

    def offer(self, ready: int) -> Offer:
        return Offer(ready, {key: tuple(sock.fileno() for sock in socks) for key, socks in self._opened.items()})

    def close(self) -> None:
        self.keep_only(())


def _keys(listeners: Iterable[Listener]) -> dict[_Key, Address]:
    seen: Counter[str] = Counter()
    keys: dict[_Key, Address] = {}
    for listener in listeners:
        text = str(listener.address)
        keys[text, seen[text]] = listener.address
        seen[text] += 1
    return keys
