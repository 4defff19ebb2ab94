"""What a plan says of keeping its answers: under which keys, by which policy. Pure, and remembered with the plan."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Final

from edgeproxy.caching.keys import Key, address_digest, digest_of, path_digest
from edgeproxy.caching.variants import choose, wants_text_html
from edgeproxy.http.target import Target
from edgeproxy.ruleset.modifiers import Cache, Digest, KeyHeader, KeyPart, Variant

_READS: Final = frozenset(("GET", "HEAD"))
_OF_A_BODY: Final = ("content-encoding", "content-language", "content-type")  # the same octets mean something else
_REMEMBERED: Final = 32  # keys of one plan: by variant, and by what headers in the key say
_LONGEST: Final = 256  # characters of what they say: 32 heads of 64 KiB for each of 8,192 plans were 16 GiB
DEFAULT_KEY: Final = (KeyPart.QUERY,)


class CachePlan:
    """The keys of one URL under one rule and backend. `tags` and `verify`: the rule's, with the captures filled in."""

    __slots__ = ("_address", "_base", "_format", "_headers", "_keys", "_path", "is_read", "policy", "tags", "verify")

    def __init__(
        self,
        policy: Cache,
        method: str,
        target: Target,
        asked: str,
        backend: str,
        tags: tuple[str, ...],
        verify: tuple[Digest, str] | None,
    ) -> None:
        """`asked`: the target that the backend gets."""
        parts = DEFAULT_KEY if policy.key is None else policy.key
        path, mark, query = asked.partition("?")
        kept = mark + query if KeyPart.QUERY in parts else ""  # an empty query is not none (RFC 3986 §6.2.3)
        self.policy = policy
        self.tags = tags
        self.verify = verify
        self.is_read = method in _READS
        self._headers = tuple(part.name for part in parts if isinstance(part, KeyHeader))
        self._format = _parameter(query, "format") if policy.accept else None
        self._path = path_digest(target.host, target.path)
        self._address = address_digest(target.host, target.path, query)
        self._base = digest_of(
            b"GET" if self.is_read else method.encode(),
            target.scheme.encode(),
            target.authority.encode("latin-1"),
            path.encode("latin-1"),
            kept.encode("latin-1"),
            b"" if policy.share_arms else backend.encode(),
        )
        self._keys: dict[tuple[str | None, ...], Key] = {}

    def apart(self, mark: str) -> CachePlan:
        """The same, with keys that no plan has without this mark: it gives others nothing, and takes nothing of theirs.
        What is purged by URL or tag is still the same.
        """
        plan = copy(self)
        plan._base, plan._keys = digest_of(self._base, mark.encode()), {}
        return plan

    @property
    def needs_body(self) -> bool:
        return self.policy.key is not None and KeyPart.BODY in self.policy.key

    def variant(self, values: Mapping[str, str]) -> Variant | None:
        """Of the rule's kinds of content, the one that a request is given."""
        return choose(values.get("accept"), self.policy.accept, self._format) if self.policy.accept else None

    def wants_text_html(self, values: Mapping[str, str]) -> bool:
        return wants_text_html(values.get("accept"), self._format)

    def key(self, values: Mapping[str, str], body: bytes | None) -> Key:
        """`values` are the request's fields; `body` is None where it is no part of the key."""
        told: tuple[str | None, ...] = (self.variant(values), *[values.get(name) for name in self._headers])
        if body is not None:
            return self._key((*told, *[values.get(name) for name in _OF_A_BODY]), body)
        key = self._keys.get(told)
        if key is not None:
            return key
        key = self._key(told, b"")
        if sum(len(each or "") for each in told) <= _LONGEST:
            if len(self._keys) >= _REMEMBERED:
                self._keys.clear()
            self._keys[told] = key
        return key

    def _key(self, told: tuple[str | None, ...], body: bytes) -> Key:
        parts = [b"-" if each is None else b"+" + each.encode("latin-1") for each in told]
        return Key(self._path, self._address, digest_of(self._base, body, *parts))


def _parameter(query: str, name: str) -> str | None:
    """The first value of a parameter, as it is written."""
    pairs = (each.partition("=") for each in query.split("&"))
    return next((value for its, _, value in pairs if its == name), None)
