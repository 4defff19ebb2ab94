"""Keeping: caches that keep what they should not, or nothing.

Laws of this module:
- what a rule does with requests that write, and with bodies, `repeats` tells; what a backend declares that it reads,
  `drift`;
- each rule is looked at by itself: which requests reach it does not matter here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from edgeproxy.http.fields import CREDENTIAL_NAMES
from edgeproxy.ruleset.checker.checking import Checking, Said
from edgeproxy.ruleset.checker.getting import Part, ways
from edgeproxy.ruleset.model import Rule
from edgeproxy.ruleset.modifiers import Cache, KeyHeader, KeyPart, Safety
from edgeproxy.ruleset.origins import HostKind, HttpBackend
from edgeproxy.ruleset.problems import Code, Problem
from edgeproxy.ruleset.safety import SAFE_METHODS

_OF_CREDENTIALS: Final = CREDENTIAL_NAMES | {"proxy-authorization"}


def keeping(checking: Checking) -> Said:
    rules = (territory.rule for territory in checking.ground.territories.values())
    return Said(tuple(problem for rule in rules for problem in _rule(rule)))


def _rule(rule: Rule) -> Iterator[Problem]:
    cache = rule.modifiers.cache
    if cache is not None:
        yield from _unkeyed(rule, cache)
        yield from _of_one_client(rule, cache)
        yield from _idle(rule, cache)
        yield from _coded_twice(rule, cache)


def _unkeyed(rule: Rule, cache: Cache) -> Iterator[Problem]:
    """A query that goes on and does not count. Of a backend that says which it reads, `drift` knows better."""
    if cache.key is None or KeyPart.QUERY in cache.key or rule.modifiers.query.keep == frozenset():
        return
    backends = [way.backend for way in ways(rule) if way.part is not Part.SHADOW]
    asked = [each for each in backends if isinstance(each, HttpBackend)]
    told = [each for each in asked if any(read.query for read in each.declares.reads)]
    if asked and not told:
        yield Problem(
            Code.UNKEYED_QUERY,
            cache.place,
            f"the rule {rule.name!r} passes the query on, and its cache does not tell answers apart by it",
            "if the backend looks at any of it, who asks first chooses what all others get.",
            "add `query: drop` to the rule, or `query` to the cache's `key`.",
        )


def _of_one_client(rule: Rule, cache: Cache) -> Iterator[Problem]:
    names = sorted({part.name for part in cache.key or () if isinstance(part, KeyHeader)} & _OF_CREDENTIALS)
    if names:
        yield Problem(
            Code.CREDENTIAL_KEY,
            cache.place,
            f"the cache of {rule.name!r} tells answers apart by {' and '.join(names)}: each is for one client",
            "what is meant for one client is kept where others' answers are, and there is hardly a hit.",
            f"write a rule above it, without a cache, for requests with `headers: {{{names[0].title()}: "
            "{present: true}}`; and leave it out of the key.",
        )


def _idle(rule: Rule, cache: Cache) -> Iterator[Problem]:
    methods, safety = rule.match.methods, rule.modifiers.safety
    if not methods or "GET" in methods or safety is Safety.UNSAFE:
        return
    if safety is Safety.SAFE and "POST" in methods:
        return
    if methods <= SAFE_METHODS or safety is Safety.SAFE:
        yield Problem(
            Code.IDLE_CACHE,
            cache.place,
            f"the cache of {rule.name!r} keeps nothing: no request of the rule is a GET",
            "kept is what a GET brings, or a POST that only reads; HEAD is answered from it.",
            "add GET to its `methods`, or remove the cache.",
        )


def _coded_twice(rule: Rule, cache: Cache) -> Iterator[Problem]:
    is_content = all(host.kind is HostKind.CONTENT for host in rule.match.hosts)
    if cache.compress and (is_content or cache.verify is not None):
        yield Problem(
            Code.IDLE_COMPRESS,
            cache.place,
            f"the rule {rule.name!r} compresses {'what users uploaded' if is_content else 'files with a digest'}",
            "archives are compressed already, and what is no archive is kept once more in each coding.",
            "remove `compress`, unless these are texts.",
        )
