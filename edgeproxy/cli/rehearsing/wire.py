"""The live backends, asked by the edge's own pools, connections and readers.

Laws of this module:
- only the places of the rules' backends are asked, and each request says of itself that it is a rehearsal
  (`Edge-Rehearsal: 1`); of a client's fields no more is sent than of any copy (`copies`), and nothing secret; a call
  whose body is not known is made without parameters;
- what a backend is asked is what the edge would ask it when it has nothing: by the plan, with the rule's edits and the
  cache's Accept, with what a backend is told of the client;
- so many a second, so many at once, so many in all, each for so long, and all until one moment; what is beyond is told;
- no question is asked twice. Of a body no more is read than its beginning: that it comes, and does not break off; and
  of the answer to a call whether it is a result.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from typing import Final

from edgeproxy.cli.explaining.request import Request
from edgeproxy.cli.rehearsing.calls import CALL_TYPE, holds_secret
from edgeproxy.cli.rehearsing.walk import Ask, Heard
from edgeproxy.http.addresses import read_address
from edgeproxy.http.forwarded import TrustedProxies
from edgeproxy.http.request import read_request_fields
from edgeproxy.http.response import ResponseHead
from edgeproxy.migration.comparing.bounds import Bounds as BodyBounds
from edgeproxy.migration.comparing.outcomes import outcome_of
from edgeproxy.migration.comparing.scrubbing import is_secret, scrubbed_text
from edgeproxy.migration.copies import is_gone
from edgeproxy.proxy.asking import Asking
from edgeproxy.proxy.cache.requests import as_get, request_of
from edgeproxy.proxy.clock import Clock
from edgeproxy.proxy.files import OpenFile
from edgeproxy.proxy.peer import Peer
from edgeproxy.proxy.plan import Pass, ServeFile
from edgeproxy.proxy.pool import Pool
from edgeproxy.proxy.resolve import Resolver
from edgeproxy.proxy.serving import open_for
from edgeproxy.proxy.tally import Tally
from edgeproxy.ruleset.limits import DEFAULT_LIMITS, Limits
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.ruleset.origins import Circuit, Ejection, HttpBackend
from edgeproxy.telemetry.counters import BackendFailure, Counters

_READ: Final = 1 << 20  # octets of a body
_OF_CALLS: Final = BodyBounds(tags=20_000)  # so much of a call's answer is read through: others wait meanwhile
_TICK: Final = 0.05  # seconds: how closely deadlines are kept
_NEVER_EJECTED: Final = Ejection(failures=1 << 30)
_AGENT: Final = "edgeproxy-rehearse"
_FIELD: Final = r"(?im)^%b:[ \t]*([^\r\n]*)"
_LOCATION, _TYPE, _CONTROL, _COOKIE, _CODING = (
    re.compile(_FIELD.encode() % name)
    for name in (b"location", b"content-type", b"cache-control", b"set-cookie", b"content-encoding")
)
_CALL: Final = b'<?xml version="1.0"?><methodCall><methodName>%b</methodName><params/></methodCall>'
_HERE: Final = "127.0.0.1"  # the client that backends are told of, where none is known
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_NAMES: Final = re.compile(r"[A-Za-z0-9_.:/]+")  # of XML-RPC methods


@dataclass(frozen=True, slots=True)
class Bounds:
    """`most`: requests; `rate`: of them in a second; `timeout`: seconds for one; `within`: seconds for all."""

    most: int = 2_000
    rate: float = 50.0
    at_once: int = 4
    timeout: float = 10.0
    within: float = 600.0


class Wire:
    """An asynchronous context manager."""

    def __init__(self, ruleset: Ruleset, bounds: Bounds, limits: Limits = DEFAULT_LIMITS) -> None:
        loop = asyncio.get_running_loop()
        self.sent = 0
        self._bounds = bounds
        self._limits = replace(limits, tick=_TICK)
        self._clock = Clock(loop, _TICK)
        self._resolver = Resolver()
        self._backends = {each.name: each for each in ruleset.backends if isinstance(each, HttpBackend)}
        self._pools: dict[str, Pool] = {}
        self._known: dict[tuple[str, bytes], asyncio.Task[Heard]] = {}
        self._turns = asyncio.Semaphore(bounds.at_once)
        self._next = loop.time()
        self._until = loop.time() + bounds.within

    async def __aenter__(self) -> Wire:
        self._clock.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        for task in self._known.values():
            task.cancel()
        for pool in self._pools.values():
            pool.close()
        self._clock.stop()
        await self._resolver.close()

    async def ask(self, ask: Ask) -> Heard:
        plan = ask.plan
        if isinstance(plan, ServeFile):
            return _file(plan)
        plan, octets = request_octets(ask, plan, self._limits)
        key = plan.backend.name, octets
        if key not in self._known:
            self._known[key] = asyncio.ensure_future(self._ask_in_turn(plan, octets, ask.request.call is not None))
        return await self._known[key]

    async def _ask_in_turn(self, plan: Pass, octets: bytes, is_call: bool) -> Heard:
        loop = asyncio.get_running_loop()
        async with self._turns:
            if self.sent >= self._bounds.most:
                return Heard(unasked=f"{self._bounds.most} requests were sent: that is the most (--most)")
            self.sent += 1
            turn = max(self._next, loop.time())
            self._next = turn + 1 / self._bounds.rate
            if turn >= self._until:
                self.sent -= 1
                return Heard(unasked=f"the {self._bounds.within:g} s of the rehearsal are over (--within)")
            await asyncio.sleep(turn - loop.time())
            pool = self._pool(plan.backend.name)
            exchange = _Exchange(pool, replace(plan, time=None), octets, is_call=is_call)
            exchange.start()
            try:
                return await exchange.heard
            finally:
                exchange.leave_backend()

    def _pool(self, name: str) -> Pool:
        """With the backend's own patience, if that is less than ours."""
        if name not in self._pools:
            backend, most = self._backends[name], self._bounds.timeout
            its = backend.timeouts
            timeouts = replace(
                its,
                connect=min(its.connect, most),
                head=min(its.head, most),
                between=min(its.between, most),
                total=min(its.total, 3 * most),
            )
            circuit = Circuit(self._bounds.at_once, self._bounds.most, 1)
            asked = replace(backend, timeouts=timeouts, health=None, ejection=_NEVER_EJECTED, circuit=circuit)
            self._pools[name] = Pool(asked, self._clock, self._limits, Counters(), self._resolver, Tally())
        return self._pools[name]


class _Exchange(Asking):
    """One question; `heard` is what came of it."""

    __slots__ = ("_came", "_content", "_head", "_is_call", "_octets", "heard")

    def __init__(self, pool: Pool, plan: Pass, octets: bytes, *, is_call: bool) -> None:
        super().__init__(pool, plan, plan.asked, is_whole=True)
        self._octets = octets
        self._head: ResponseHead | None = None
        self._is_call = is_call
        self._came = 0
        self._content = bytearray()  # of the answer to a call
        self.heard: asyncio.Future[Heard] = asyncio.get_running_loop().create_future()

    def on_interim(self, head: ResponseHead) -> None:
        """The answer is still to come."""

    def on_whole(self, head: ResponseHead, content: bytes) -> None:
        self._connection = None
        self._content += content if self._is_call else b""
        self._tell(self._whole(head))

    def on_head(self, head: ResponseHead) -> None:
        self._head = head

    def on_content(self, content: bytes) -> None:
        self._came += len(content)
        self._content += content if self._is_call else b""
        if self._came >= _READ and self._head is not None:
            self._tell(self._whole(self._head, is_cut=True))  # whoever waits for it leaves the backend then

    def on_pause(self) -> None:
        """More is to come."""

    def on_trailers(self, lines: list[bytes]) -> None:
        """They say nothing of redirects."""

    def on_end(self) -> None:
        self._connection = None
        assert self._head is not None, "an answer has a head"
        self._tell(self._whole(self._head))

    def on_failure(self, failure: BackendFailure) -> None:
        connection, self._connection = self._connection, None
        if self._head is not None:
            self._tell(replace(_heard(self._head), failure=failure))
        elif not self._is_sent_again(connection, failure):
            self._give_up(failure)

    def on_endpoint_down(self) -> None:
        """No health is checked here."""

    def _request_head(self) -> bytes:
        return self._octets

    def _hold_body(self, held: bool) -> None:
        """It is a part of the head's octets."""

    def _give_up(self, failure: BackendFailure) -> None:
        self._tell(Heard(failure=failure))

    def _whole(self, head: ResponseHead, *, is_cut: bool = False) -> Heard:
        heard = _heard(head)
        if not self._is_call or not 200 <= heard.status < 300 or self.heard.done():
            return heard
        coding = _value(_CODING, head) or ""
        outcome = outcome_of(bytes(self._content), heard.content_type or "", coding, is_cut=is_cut, bounds=_OF_CALLS)
        return replace(heard, outcome=outcome)

    def _tell(self, heard: Heard) -> None:
        if not self.heard.done():
            self.heard.set_result(heard)


def request_octets(ask: Ask, plan: Pass, limits: Limits) -> tuple[Pass, bytes]:
    """What is sent, and the plan of it: where the rule keeps answers, that of a fetch for all."""
    request = ask.request
    given = {name: value for name, value in request.headers.items() if _may_be_sent(name, value)}
    headers = {"user-agent": _AGENT, "accept": "*/*", **given, "edge-rehearsal": "1"}
    body = _body(request)
    if request.call is not None:
        headers.setdefault("content-type", CALL_TYPE)
        headers.pop("accept-encoding", None)  # its answer is read, and be it that only the beginning comes
    lines = [f"{plan.method} / HTTP/1.1", "host: here", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines.append(f"content-length: {len(body)}")
    head = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
    fields = read_request_fields(head, 1, limits.fields)
    address = request.client if read_address(request.client) is not None else _HERE
    peer = Peer(address, request.target.scheme, TrustedProxies(()))
    if plan.cache is not None and (plan.cache.is_read or body):
        plan = as_get(plan)
        assert plan.cache is not None
        asked = request_of(plan, plan.cache, fields, peer, 1, body, is_for_all=True)
        return plan, b"%b%b\r\n%b" % (plan.start, asked.lines, body)
    kept = fields.lines_without_credentials
    kept = kept if plan.edit is None else plan.edit.apply(kept)
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    own = peer.lines(plan.asked_for.authority, 1) + length.encode()
    return plan, b"%b%b%b\r\n%b" % (plan.start, kept, own, body)


def _body(request: Request) -> bytes:
    """A secret that came so far is not sent, whoever let it pass."""
    if request.body is not None and not holds_secret(request.body):
        return request.body.encode("utf-8", "replace")
    is_named = request.call is not None and _NAMES.fullmatch(request.call) is not None
    return _CALL % request.call.encode() if is_named and request.call is not None else b""


def _may_be_sent(name: str, value: str) -> bool:
    if _TOKEN.fullmatch(name) is None or not value.isprintable():
        return False
    is_kept_back = name == "host" or is_gone(name.encode()) or is_secret(name)
    return not is_kept_back and scrubbed_text(value) == value


def _heard(head: ResponseHead) -> Heard:
    location, content_type, control, cookie = (_value(each, head) for each in (_LOCATION, _TYPE, _CONTROL, _COOKIE))
    return Heard(head.status, location or None, content_type or None, control, cookie is not None)


def _value(field: re.Pattern[bytes], head: ResponseHead) -> str | None:
    found = field.search(head.octets)
    return None if found is None else found[1].decode("latin-1").strip()


def _file(plan: ServeFile) -> Heard:
    """What a directory has: by the edge's own eyes."""
    found = open_for(plan)
    if isinstance(found, OpenFile):
        content_type = found.content_type
        found.close()
        return Heard(200, content_type=content_type)
    return Heard(found.status, content_type="text/plain; charset=utf-8")
