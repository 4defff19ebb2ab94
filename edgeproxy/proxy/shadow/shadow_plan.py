"""Whether a request has a shadow, and what its backend is asked: pure, and a part of the request's plan.

Laws of this module:
- only what is safe has a shadow, and only another backend than the request's own is asked;
- no credential goes to a shadow: a request that has one is not shadowed at all, since the answer to it is one person's,
  and fields of credentials are taken away all the same. One is also what the value of any field or parameter holds
  (`User-Agent: tool (token=…)`, a URL in a query);
- of a client's fields no more is sent than of any copy (`copies`): no conditions, and nothing that makes a write of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from edgeproxy.http.fields import fields_of
from edgeproxy.http.forwarded import UNIX, forwarding_lines
from edgeproxy.http.request import RequestFields
from edgeproxy.migration.comparing.scrubbing import holds_secret, is_secret
from edgeproxy.migration.copies import is_gone, names_secret
from edgeproxy.ruleset.matching import Facts
from edgeproxy.ruleset.modifiers import Comparison, Shadow

if TYPE_CHECKING:
    from edgeproxy.proxy.plan import Pass

Headers = tuple[tuple[str, str | None], ...]

LONGEST_URL: Final = 2_048  # characters of a query, or of a redirect's target. PERF: 8 KiB took 5 ms
_LONGEST: Final = 30.0  # seconds for an answer, whatever time the rule gives its clients
_LONGEST_BLOCK: Final = 2_048  # octets of field lines that are remembered
_LONGEST_NAME: Final = 64  # of a field, that is remembered
_LONGEST_VALUE: Final = 512
_MOST_VALUES: Final = 4_096  # characters of a request's fields. PERF: 28 KiB of them took 15 ms
_OF_ONE_HOP: Final = frozenset(
    ("accept-encoding", "forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto")
)


@dataclass(frozen=True, slots=True)
class ShadowPlan:
    """`share`: of requests, in thousandths of a percent; `plan`: what the other backend is asked. `edited`: names of
    fields, in lower case, that the rule sets or takes away, so that the client's own are not sent. `is_anonymous`:
    neither the query, which is short, nor what the rule sets holds a secret.
    """

    share: int
    compare: Comparison
    plan: Pass
    edited: frozenset[str]
    is_anonymous: bool

    def may_be_asked(self, values: Mapping[str, str]) -> bool:
        """Whether a request with these fields names no credential. `values`: by names in lower case."""
        return self.is_anonymous and not any(map(_is_secret, values.keys() - self.edited))

    def holds_secret(self, values: Mapping[str, str]) -> bool:
        """Whether one of these fields has a secret in its value, or so much that nobody looks through it."""
        others = [value for name, value in values.items() if name not in self.edited]
        return sum(map(len, others)) > _MOST_VALUES or any(map(_has_secret, others))


def shadow_plan(shadow: Shadow, plan: Pass, headers: Headers) -> ShadowPlan:
    """`plan`: as the other backend would be asked in the first one's place; `headers`: what the rule makes of them."""
    query = plan.target.partition("?")[2]
    is_anonymous = (
        len(query) <= LONGEST_URL
        and not names_secret(query)
        and not holds_secret(query)
        and not any(is_secret(name) for name, value in headers if value is not None)
    )
    edited = frozenset(name.lower() for name, _ in headers)
    time = _LONGEST if plan.time is None else min(plan.time, _LONGEST)
    asked = replace(plan, time=time, upgrade=frozenset())
    return ShadowPlan(shadow.share, shadow.compare, asked, edited, is_anonymous)


def lines_for(plan: Pass, fields: RequestFields, forwarded: bytes) -> bytes:
    """What the backend of a request that is passed on is told; `forwarded`: what the edge says of the client."""
    lines = fields.lines_without_credentials
    return (lines if plan.edit is None else plan.edit.apply(lines)) + forwarded


def shadow_lines(lines: bytes, body: bytes | None) -> bytes:
    """What a shadow says where the request says `lines`, each with its CRLF. `body`: None where it has none."""
    kept = _kept(lines) if len(lines) <= _LONGEST_BLOCK else _without_gone(lines)
    if body is None:
        return kept + b"Edge-Shadow: 1\r\n"
    return b"%bEdge-Shadow: 1\r\nContent-Length: %d\r\n" % (kept, len(body))


def hop_lines(lines: bytes, edited: frozenset[str], plan: Pass, *, has_body: bool) -> bytes:
    """What is said to the next hop of a redirect where the shadow said `lines`, each with its CRLF. `edited`: names of
    fields that are the first rule's doing, and no client's. Content codings are not asked for: what is at the end is
    hashed as it comes.
    """
    kept, chain = [], ""
    for line in lines.split(b"\r\n")[:-1]:
        name, _, value = line.partition(b":")
        if (known := name.lower().decode("latin-1")) == "x-forwarded-for":
            chain = value.strip().decode("latin-1")
        elif known not in _OF_ONE_HOP and known not in edited and (has_body or known != "content-length"):
            kept.append(line + b"\r\n")
    earlier, _, client = chain.rpartition(",")
    asked = plan.asked_for
    told = forwarding_lines(earlier, client.strip() or UNIX, asked.authority, asked.scheme, 1)
    said = b"".join(kept)
    return (said if plan.edit is None else plan.edit.apply(said)) + told


def facts_of(lines: bytes, now: float) -> Facts:
    """Of the client whose request a shadow repeats by these lines."""
    values: dict[str, str] = {}
    for name, value in fields_of(lines):
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        values[key] = f"{values[key]}, {text}" if key in values else text
    return Facts(headers=values, client=values.get("x-forwarded-for", "").rpartition(",")[2].strip(), now=now)


@lru_cache(256)
def _kept(lines: bytes) -> bytes:
    """PERF: clients repeat their header; 4 µs for pip's."""
    return _without_gone(lines)


def _without_gone(lines: bytes) -> bytes:
    return b"\r\n".join([line for line in lines.split(b"\r\n") if not is_gone(line.partition(b":")[0])])


def _is_secret(name: str) -> bool:
    return _is_short_secret(name) if len(name) <= _LONGEST_NAME else is_secret(name)


def _has_secret(value: str) -> bool:
    return _has_short_secret(value) if len(value) <= _LONGEST_VALUE else holds_secret(value)


@lru_cache(512)
def _is_short_secret(name: str) -> bool:
    """PERF: asked for each field of each request that is shadowed."""
    return is_secret(name)


@lru_cache(512)
def _has_short_secret(value: str) -> bool:
    """PERF: likewise; most values are those of the request before. One that is new takes 10 µs, pip's name 100 µs."""
    return holds_secret(value)
