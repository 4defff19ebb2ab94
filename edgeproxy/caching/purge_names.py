"""From what a purge names, URLs and tags, to purges.

Laws of this module:
- rather too much is purged than too little: where more than the URL decides which rule takes a request (a header, the
  method, the scheme), the purge is of what any of them would have kept;
- that no rule caches now is no reason to refuse: there may be copies from earlier rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from edgeproxy.caching.keys import address_digest, path_digest, tag_digest
from edgeproxy.caching.purging import Mode, Purge, What
from edgeproxy.http.target import BadTarget, Scheme, Target, parse_target
from edgeproxy.ruleset.arms import Cutover, Split
from edgeproxy.ruleset.leads import kept_query
from edgeproxy.ruleset.model import Files, Forward, Routed, Routing, Rule, Ruleset, UnknownHost
from edgeproxy.ruleset.modifiers import KeyPart
from edgeproxy.ruleset.origins import DirectoryBackend

_METHODS: Final = ("GET", "POST")  # whose answers may be kept


class UnknownHostNamed(ValueError):
    """The URL's host is none of the rules'; the message says so."""


def read_url(url: str) -> Target:
    """Raises BadTarget."""
    lowered = url.lower()
    for scheme in Scheme:
        if lowered.startswith(f"{scheme}://"):
            return parse_target(url, None, scheme)
    raise BadTarget("it is not a URL such as https://pypi.test/simple/")


def purges_of_target(target: Target, ruleset: Ruleset, mode: Mode, at: float) -> tuple[Purge, ...]:
    """Without a query: of all queries. Raises UnknownHostNamed."""
    rules = list(_rules_of(target, ruleset))
    host, path, query = target.host, target.path, target.query
    if query is None or any(not _is_told_apart_by_query(rule) for rule in rules):
        return (Purge(What.PATH, mode, path_digest(host, path), at),)
    queries = {query, *(kept_query(query, rule.modifiers.query) or "" for rule in rules)}
    return tuple(Purge(What.ADDRESS, mode, address_digest(host, path, each), at) for each in sorted(queries))


def purges_of_tags(tags: Iterable[str], mode: Mode, at: float) -> tuple[Purge, ...]:
    return tuple(Purge(What.TAG, mode, tag_digest(tag), at) for tag in dict.fromkeys(tags))


def _rules_of(target: Target, ruleset: Ruleset) -> Iterator[Rule]:
    """Those that may take a request for it."""
    for scheme in Scheme:
        for method in _METHODS:
            found = ruleset.candidates(method, scheme, target.host, target.path, target.query)
            routings: tuple[Routing, ...] = (*found, found.otherwise)
            for routing in routings:
                if isinstance(routing, UnknownHost):
                    raise UnknownHostNamed(f"no host of the rules has the name {target.host}")
                if isinstance(routing, Routed):
                    yield routing.rule


def _is_told_apart_by_query(rule: Rule) -> bool:
    if _has_files(rule):
        return False  # whatever the query, it is the same file
    cache = rule.modifiers.cache
    return cache is None or cache.key is None or KeyPart.QUERY in cache.key


def _has_files(rule: Rule) -> bool:
    """Whether any answer under it may come from a directory."""
    match rule.action:
        case Files():
            return True
        case Forward(to=Cutover() | Split() as to):
            split = to.resting if isinstance(to, Cutover) else to
            return any(isinstance(arm.backend, DirectoryBackend) for arm in split.arms)
        case Forward(to=to):
            return isinstance(to, DirectoryBackend)
        case _:
            return False
