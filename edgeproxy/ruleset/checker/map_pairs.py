"""The pairs of a redirect map that may be a part of a chain: of a million, only these become passages.

PERF: a target in plain spelling is taken apart by one expression, and what could redirect it is looked up by host and
prefix. A pair that leads to a host where nothing redirects costs 1 us, any other some 6 us.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from edgeproxy.ruleset.checker.hops import Declared, Lead
from edgeproxy.ruleset.checker.targets import aim_of
from edgeproxy.ruleset.checker.territory import Territory
from edgeproxy.ruleset.conditions import fulfils
from edgeproxy.ruleset.model import RedirectMap
from edgeproxy.ruleset.template import PathTemplate

# In the spelling of normalised hosts and paths, so that nothing has to be resolved; dots may be dot segments.
_PLAIN: Final = re.compile(r"(?:https?://([a-z0-9.-]*[a-z0-9]))?(/[A-Za-z0-9_~!$&'()*+,;=:@/.-]*)")


class Redirected:
    """Which paths some lead redirects, by host: as far as host and path decide."""

    def __init__(self, leads: Iterable[tuple[Lead, Territory]]) -> None:
        self._words: dict[str, set[str]] = {}
        self._by_prefix: dict[str, dict[str, list[tuple[Lead, Territory]]]] = {}
        for lead, territory in leads:
            listed = None if isinstance(lead.rule.action, RedirectMap) else territory.words
            for host in (name for each in lead.rule.match.hosts for name in each.names):
                if listed is not None:
                    self._words.setdefault(host, set()).update(listed)
                else:
                    self._by_prefix.setdefault(host, {}).setdefault(territory.prefix, []).append((lead, territory))

    def has(self, host: str, path: str) -> bool:
        if path in self._words.get(host, ()):
            return True
        by_prefix = self._by_prefix.get(host)
        return by_prefix is not None and any(
            _declares(lead, path) and territory.takes(path)
            for prefix in _prefixes(path)
            for lead, territory in by_prefix.get(prefix, ())
        )


def _declares(lead: Lead, path: str) -> bool:
    """Whether a path that its rule takes may be redirected by a lead. A rewritten path is not looked at."""
    source = lead.source
    if not isinstance(source, Declared) or lead.rule.modifiers.rewrite.path is not None:
        return True
    captures = source.redirect.path.match(path)
    return captures is not None and fulfils(source.redirect.where, captures)


def pairs_that_go_on(lead: Lead, territory: Territory, redirected: Redirected) -> list[str]:
    """The paths of a map whose targets, or the one that the rule puts in their place, may be redirected again."""
    action, template = lead.rule.action, lead.rule.match.path
    assert isinstance(action, RedirectMap)
    own = [name for host in lead.rule.match.hosts for name in host.names]
    takes_all = not lead.rule.match.where and isinstance(template, PathTemplate) and template.takes_every_path
    if lead.fixed is not None and not _goes_on(lead.fixed, own, redirected):
        return []
    return [
        path
        for path, target in action.moves.pairs()
        if (lead.fixed is not None or _goes_on(target, own, redirected)) and (takes_all or territory.takes(path))
    ]


def _goes_on(target: str, own: list[str], redirected: Redirected) -> bool:
    plain = _PLAIN.fullmatch(target)
    if plain is not None and "/." not in target:
        host, path = plain.groups()
    else:
        aim = aim_of(target)
        if aim is None or aim.word is None:
            return aim is not None
        host, path = aim.host, aim.word
    return redirected.has(host, path) if host is not None else any(redirected.has(each, path) for each in own)


def _prefixes(path: str) -> Iterator[str]:
    at = path.find("/")
    while at >= 0:
        yield path[: at + 1]
        at = path.find("/", at + 1)
