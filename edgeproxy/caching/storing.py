"""Whether an answer may be kept by a shared cache, what of it, and for how long (RFC 9111 §3).

Laws of this module:
- a rule says how long, never whose: no rule makes an answer keepable that is no-store, private, or sets a cookie;
- an answer to a request with credentials (Authorization, Cookie) is kept only if it says that others may have it;
- an answer is kept only as long as it, or its rule, or its kind says so, or to be asked for anew by its validator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from edgeproxy.caching import freshness, vary
from edgeproxy.caching.directives import Directives, asked, delta_seconds, governing
from edgeproxy.caching.outcomes import NotStored
from edgeproxy.caching.stored import Terms
from edgeproxy.http.etags import EntityTag, parse_entity_tag
from edgeproxy.http.fields import HOP_BY_HOP, tokens_of
from edgeproxy.ruleset.modifiers import Cache

MOST_OCTETS: Final = 32 << 10  # of a head that is kept

# Written anew for each request, for the edge alone, or for one client (RFC 9111 §3.1, RFC 9211 §2).
NOT_KEPT: Final = HOP_BY_HOP | frozenset(
    (b"age", b"cache-status", b"content-length", b"set-cookie", b"set-cookie2", b"surrogate-control", b"surrogate-key")
)
# RFC 9110 §5.3: what has one value. Two would be read in two ways, by this edge and by who gets the copy.
_SINGLE: Final = frozenset((b"content-location", b"content-type", b"etag", b"last-modified", b"location"))

_DECIDING: Final = {
    name: name.decode()
    for name in (
        b"age cache-control cdn-cache-control connection content-location content-type date etag expires last-modified "
        b"location pragma set-cookie set-cookie2 surrogate-control surrogate-key vary"
    ).split()
}

# The final statuses of RFC 9110 §15, whose rules for caches are kept here: what must-understand asks for (§5.2.2.3).
_UNDERSTOOD: Final = (
    frozenset((200, 201, 202, 203, 204, 205, 300, 301, 302, 303, 305, 307, 308))
    | frozenset(range(400, 418))
    | frozenset((421, 422, 426))
    | frozenset(range(500, 506))
)

# RFC 6585 forbids to keep 428, 429, 431 and 511. The others, too, speak of how one client asked, by fields that are in
# no key, and not of what is there: kept, they were everybody's error page (CPDoS), or the 401 of those who have a name.
_OF_ONE_REQUEST: Final = frozenset((304, 400, 401, 407, 408, 411, 412, 413, 416, 417, 421, 425, 428, 429, 431, 511))


@dataclass(frozen=True, slots=True)
class Keep:
    """An answer that may be kept. `lines` are Stored's; `vary` names what of the request it depends on."""

    terms: Terms
    lines: bytes
    vary: tuple[str, ...]
    tags: tuple[str, ...]
    content_type: str = ""
    etag: EntityTag | None = None
    last_modified: int | None = None


def judge(
    method: str,
    values: Mapping[str, str],
    status: int,
    lines: bytes,
    policy: Cache,
    requested: float,
    received: float,
    *,
    body_is_in_key: bool,
    has_query: bool = False,
) -> Keep | NotStored:
    """`values` are the request's. `has_query`: of the target that the backend got, for §4.2.2."""
    refusal = _by_request(method, values, body_is_in_key=body_is_in_key) or _by_status(status)
    if refusal is not None:
        return refusal
    if len(lines) > MOST_OCTETS:
        return NotStored.UNSAFE_FIELDS
    head = _Head(lines)
    answer = freshness.arrival(status, head.values, requested, received)
    said = governing(answer.values)
    names = vary.names(answer.values.get("vary"))
    refusal = _by_answer(answer, said.directives) or _by_credentials(values, said.directives, names)
    if refusal is not None:
        return refusal
    if names is None:
        return NotStored.VARY
    if head.is_ambiguous:
        return NotStored.UNSAFE_FIELDS
    is_cacheable = method == "GET" and _is_cacheable(status, said.directives)
    fresh = freshness.fresh_for(answer, said, policy, may_guess=is_cacheable and not has_query)
    if fresh is None and not is_cacheable:
        return NotStored.NO_LIFETIME
    keep = _keep(answer, head, names, freshness.terms(answer, said, policy, fresh), policy)
    return keep if _is_of_use(keep, fresh, answer.age) else NotStored.NO_LIFETIME


def kept_lines(lines: bytes) -> bytes:
    """Field lines as Stored.lines has them."""
    return _Head(lines).lines


def _by_request(method: str, values: Mapping[str, str], *, body_is_in_key: bool) -> NotStored | None:
    if method != "GET" and not (method == "POST" and body_is_in_key):
        return NotStored.METHOD
    if not body_is_in_key and ("transfer-encoding" in values or values.get("content-length", "0").strip("0")):
        return NotStored.CONTENT  # RFC 9110 §9.3.1: content of a GET has no meaning, but a backend may give it one
    return NotStored.NO_STORE if "cache-control" in values and "no-store" in asked(values) else None


def _by_status(status: int) -> NotStored | None:
    if status == 206:
        return NotStored.PARTIAL
    return NotStored.STATUS if status < 200 or status in _OF_ONE_REQUEST else None


def _by_answer(answer: freshness.Arrival, directives: Directives) -> NotStored | None:
    if "must-understand" in directives and answer.status not in _UNDERSTOOD:
        return NotStored.STATUS
    if "no-store" in directives and "must-understand" not in directives:  # §5.2.2.3: understood, so it is passed over
        return NotStored.NO_STORE
    if "private" in directives:
        return NotStored.PRIVATE  # §5.2.2.7 lets the rest be kept where it names fields; no answer is cut here
    return NotStored.SET_COOKIE if "set-cookie" in answer.values or "set-cookie2" in answer.values else None


def _by_credentials(
    values: Mapping[str, str], directives: Directives, names: tuple[str, ...] | None
) -> NotStored | None:
    """§3.5, and the same for cookies: most sites name their users by them, and few answers say so."""
    if _is_for_others(directives):
        return None
    if "authorization" in values:
        return NotStored.AUTHORIZATION
    return NotStored.COOKIE if "cookie" in values and "cookie" not in (names or ()) else None


def _is_for_others(directives: Directives) -> bool:
    """A malformed directive permits nothing."""
    if "public" in directives or directives.get("must-revalidate", "") is None:
        return True
    return delta_seconds(directives.get("s-maxage") or "") is not None


def _is_cacheable(status: int, directives: Directives) -> bool:
    """Whether an answer may be kept though nothing says how long (§3, §4.2.2). Of a server's errors, which pass, none
    is, whatever else it says; 501 does not pass.
    """
    return status in freshness.HEURISTIC_STATUSES or ("public" in directives and status < 500)


def _keep(answer: freshness.Arrival, head: _Head, names: tuple[str, ...], terms: Terms, policy: Cache) -> Keep:
    if policy.accept and "accept" not in names:
        names = (*names, "accept")  # the edge asks for a variant, so the answer depends on it, even if it does not say
    etag = answer.values.get("etag")
    return Keep(
        terms=terms,
        lines=head.lines,
        vary=names,
        tags=tuple(dict.fromkeys(tag for tag in answer.values.get("surrogate-key", "").split(" ") if tag)),
        content_type=answer.values.get("content-type", ""),
        etag=None if etag is None else parse_entity_tag(etag),
        last_modified=freshness.date_of(answer.values.get("last-modified"), answer.received),
    )


def _is_of_use(keep: Keep, fresh: float | None, age: float) -> bool:
    """Whether it can ever be given, or asked for anew."""
    if keep.etag is not None or keep.last_modified is not None:
        return True
    terms = keep.terms
    if fresh is None or terms.no_cache:
        return False
    return fresh > age or (not terms.must_revalidate and max(terms.while_revalidate, terms.if_error) > 0)


class _Head:
    """An answer's field lines, read once. PERF: 13 lines take 5 µs; those that decide nothing are not decoded.

    `values`: those that decide, as values_by_name has them. `lines`: those that are kept. `is_ambiguous`: a field of
    one value comes twice.
    """

    __slots__ = ("is_ambiguous", "lines", "values")

    def __init__(self, octets: bytes) -> None:
        self.values: dict[str, str] = {}
        self.is_ambiguous = False
        kept: list[tuple[bytes, bytes]] = []
        for line in octets.split(b"\r\n"):
            name, _, value = line.partition(b":")
            name = name.lower()
            if name in _DECIDING:
                self._note(name, value)
            if name not in NOT_KEPT and line:
                kept.append((name, line))
        if "connection" in self.values:  # RFC 9110 §7.6.1: what it names is for one connection
            options = tokens_of(((b"connection", self.values["connection"].encode("latin-1")),), b"connection")
            kept = [(name, line) for name, line in kept if name not in options]
        self.lines = b"".join([line + b"\r\n" for _, line in kept])

    def _note(self, name: bytes, value: bytes) -> None:
        key, text = _DECIDING[name], value.strip(b" \t").decode("latin-1")
        if key in self.values:
            self.is_ambiguous = self.is_ambiguous or name in _SINGLE
            self.values[key] += (" " if key == "surrogate-key" else ", ") + text
        else:
            self.values[key] = text
