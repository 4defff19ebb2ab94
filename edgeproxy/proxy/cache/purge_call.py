"""PURGE by a client: what a request asks to be purged, or the answer that it gets instead.

    PURGE /simple/flask/ HTTP/1.1           the URL; without a query: whatever the query
    Authorization: Bearer TOKEN             the first line of `cache: {purge_token: FILE}`
    Surrogate-Key: project/flask            these tags instead of the URL
    Purge-Mode: hard                        gone, and not only stale

Law: who does not know the token learns nothing else: not whether the rest of the request could be understood.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping
from typing import Final

from edgeproxy.caching.purge_names import UnknownHostNamed, purges_of_tags, purges_of_target
from edgeproxy.caching.purging import Mode, Purge
from edgeproxy.http.target import Target
from edgeproxy.proxy.plan import Answer, answer, say
from edgeproxy.ruleset.model import Ruleset

PURGE: Final = b"PURGE"
_BEARER: Final = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)  # RFC 6750 §2.1
_CHALLENGE: Final = ("WWW-Authenticate", 'Bearer realm="purge"')
_MODES: Final[Mapping[str, Mode]] = {"": Mode.SOFT, "soft": Mode.SOFT, "hard": Mode.HARD}
_MOST_TAGS: Final = 256  # in one request: a small part of the log


def purge_of(
    values: Mapping[str, str], target: Target, ruleset: Ruleset, token: bytes | None, now: float
) -> tuple[Purge, ...] | Answer:
    """`values`: the request's fields by their names in lower case. `token`: None while its file cannot be used.

    For an edge whose rules name a token's file; without one, PURGE is a method as any other.
    """
    refusal = _refuse_stranger(values.get("authorization", ""), token)
    if refusal is not None:
        return refusal
    mode = _MODES.get(values.get("purge-mode", "").lower())
    if mode is None:
        return say(400, "Purge-Mode is neither soft nor hard.")
    if "surrogate-key" in values:
        return _of_tags(values["surrogate-key"].split(), mode, now)
    try:
        return purges_of_target(target, ruleset, mode, now)
    except UnknownHostNamed:
        return say(421, f"This edge does not answer for the host {target.host}.")


def purged(on_disk: int | None) -> Answer:
    """When it is done. `on_disk`: copies that were there; None: there is no disk."""
    body = json.dumps({"purged": True, "disk": on_disk}).encode() + b"\n"
    return answer(200, (("Content-Type", "application/json"), ("Cache-Control", "no-store")), body)


def _refuse_stranger(authorization: str, token: bytes | None) -> Answer | None:
    if token is None:
        return say(503, "Nothing can be purged by PURGE now: the edge cannot use its token's file.")
    given = _BEARER.fullmatch(authorization)
    if given is None:
        return say(401, "PURGE needs the token of this edge: Authorization: Bearer TOKEN.", _CHALLENGE)
    if not hmac.compare_digest(given[1].encode("ascii"), token):
        return say(403, "This is not the token of this edge.")
    return None


def _of_tags(tags: list[str], mode: Mode, now: float) -> tuple[Purge, ...] | Answer:
    if not tags:
        return say(400, "Surrogate-Key names no tag.")
    if len(tags) > _MOST_TAGS:
        return say(400, f"Surrogate-Key names more than {_MOST_TAGS} tags: ask in several requests.")
    return purges_of_tags(tags, mode, now)
