"""What of a request the cache goes by, and what a fetch asks in its place: the whole, for all of the same variant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from edgeproxy.caching.variants import accept_line
from edgeproxy.http.edits import FieldEdit, field_edit
from edgeproxy.http.fields import OVERRIDES, without_credentials
from edgeproxy.http.framing import NO_BODY
from edgeproxy.http.request import RequestFields
from edgeproxy.proxy.cache.cache_plan import CachePlan
from edgeproxy.proxy.peer import Peer
from edgeproxy.proxy.plan import Pass, ServeFile
from edgeproxy.ruleset.modifiers import KeyHeader, KeyPart

# Conditions and ranges are about one client's copy; they are judged by the edge's.
_ONE_CLIENTS: Final = ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Range")
_WISHES: Final = ("Cache-Control", "Pragma")


@dataclass(frozen=True, slots=True)
class Request:
    """What a fetch asks: `lines` go after the plan's start, and end the head; `body` follows, if there is one. `values`
    and `client` are of whose request began it.
    """

    lines: bytes
    values: Mapping[str, str]
    client: str
    body: bytes = b""


def asked_by(plan: Pass | ServeFile, fields: RequestFields) -> Mapping[str, str]:
    """What of a request can choose its answer: a backend of a content host sees no credentials."""
    return without_credentials(fields.values) if plan.to_content else fields.values


def wants_to_switch(plan: Pass | ServeFile, fields: RequestFields) -> bool:
    """Protocols, where the rule lets it (RFC 9110 §7.8)."""
    return isinstance(plan, Pass) and bool(plan.upgrade) and not plan.upgrade.isdisjoint(fields.upgrade)


def as_get(plan: Pass) -> Pass:
    """What a GET would ask where a HEAD did."""
    if plan.method != "HEAD":
        return plan
    start = b"GET" + plan.start.removeprefix(b"HEAD")
    shadow = None if plan.shadow is None else replace(plan.shadow, plan=as_get(plan.shadow.plan))
    return replace(plan, method="GET", start=start, asked=replace(plan.asked, to_head=False), shadow=shadow)


def request_of(
    plan: Pass,
    cache: CachePlan,
    fields: RequestFields,
    peer: Peer,
    minor: int,
    body: bytes,
    *,
    is_for_all: bool = False,
) -> Request:
    """`is_for_all`: this client waits for another answer, so no credentials of its own are sent."""
    is_anonymous = is_for_all or plan.to_content
    lines = fields.lines_without_credentials if is_anonymous else fields.lines
    policy = cache.policy
    lines = _general(policy.heed_clients, bool(policy.compress), policy.key or ()).apply(lines)
    variant = cache.variant(fields.values)
    if variant is not None:
        lines = _WITHOUT_ACCEPT.apply(lines) + accept_line(variant)
    if plan.edit is not None:
        lines = plan.edit.apply(lines)
    lines += peer.lines(plan.asked_for.authority, minor)
    if fields.framing is not NO_BODY:
        lines += b"Content-Length: %d\r\n" % len(body)
    values = without_credentials(fields.values) if is_anonymous else fields.values
    return Request(lines, values, peer.address, body)


@lru_cache(64)
def _general(heeds: bool, compresses: bool, key: tuple[KeyPart | KeyHeader, ...]) -> FieldEdit:
    """Under `compress` the edge makes the codings itself, from one copy. What the rule has in its key goes on."""
    told_apart = {part.name for part in key if isinstance(part, KeyHeader)}
    overrides = [name for name in OVERRIDES if name.lower() not in told_apart]
    names = (*_ONE_CLIENTS, *overrides, *(() if heeds else _WISHES), *(("Accept-Encoding",) if compresses else ()))
    return _taking_away(*names)


def _taking_away(*names: str) -> FieldEdit:
    edit = field_edit([(name, None) for name in names])
    assert edit is not None, "there are names"
    return edit


_WITHOUT_ACCEPT: Final = _taking_away("Accept")
