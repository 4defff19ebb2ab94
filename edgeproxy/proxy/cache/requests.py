"""What a fetch asks in the place of the request that began it: for the whole, and for everybody of the same variant."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from edgeproxy.caching.variants import accept_line
from edgeproxy.http.edits import FieldEdit, field_edit
from edgeproxy.http.fields import CREDENTIAL_NAMES
from edgeproxy.http.framing import NO_BODY
from edgeproxy.http.request import RequestFields
from edgeproxy.proxy.cache.cache_plan import CachePlan
from edgeproxy.proxy.cache.fill import Request
from edgeproxy.proxy.peer import Peer
from edgeproxy.proxy.plan import Pass

# Conditions and ranges are about one client's copy; they are judged by the edge's.
_ONE_CLIENTS: Final = ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Range")
_WISHES: Final = ("Cache-Control", "Pragma")


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
    lines = _general(heeds=cache.policy.heed_clients, compresses=bool(cache.policy.compress)).apply(lines)
    variant = cache.variant(fields.values)
    if variant is not None:
        lines = _WITHOUT_ACCEPT.apply(lines) + accept_line(variant)
    if plan.edit is not None:
        lines = plan.edit.apply(lines)
    lines += peer.lines(plan.asked_for.authority, minor)
    if fields.framing is not NO_BODY:
        lines += b"Content-Length: %d\r\n" % len(body)
    values = fields.values
    if is_anonymous:
        values = {name: value for name, value in values.items() if name not in CREDENTIAL_NAMES}
    return Request(lines, values, peer.address, body)


@lru_cache(4)
def _general(*, heeds: bool, compresses: bool) -> FieldEdit:
    """Under `compress` the edge makes the codings itself, from one copy."""
    names = (*_ONE_CLIENTS, *(() if heeds else _WISHES), *(("Accept-Encoding",) if compresses else ()))
    return _taking_away(*names)


def _taking_away(*names: str) -> FieldEdit:
    edit = field_edit([(name, None) for name in names])
    assert edit is not None, "there are names"
    return edit


_WITHOUT_ACCEPT: Final = _taking_away("Accept")
