"""The pairs of a redirect map that may be a part of a chain: of a million, only these become passages.

PERF: one look-up for each pair, by the text of its target. A pair that leads to another host, or to a path that
nothing redirects, is out of the way after 1 us.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Final

from edgeproxy.ruleset.checker.hops import Lead
from edgeproxy.ruleset.checker.targets import aim_of
from edgeproxy.ruleset.checker.territory import Territory
from edgeproxy.ruleset.model import RedirectMap

_AUTHORITY: Final = re.compile("https?://(?:[^/?#@]*@)?([^/?#:]*)")


def pairs_that_go_on(
    lead: Lead, territory: Territory, leads_on: Callable[[str], bool], hosts: Collection[str]
) -> list[str]:
    """The paths of a map whose targets may be redirected again."""
    action = lead.rule.action
    assert isinstance(action, RedirectMap)
    found: list[str] = []
    known: dict[str, bool] = {}
    template = lead.rule.match.path
    takes_all = not lead.rule.match.where and getattr(template, "takes_every_path", False)
    for path, target in action.moves.pairs():
        if not target.startswith("/"):
            authority = _AUTHORITY.match(target)
            if authority is not None and authority[1].lower().removesuffix(".") not in hosts:
                continue
        if target not in known:
            aim = aim_of(target)
            known[target] = aim is not None and (aim.word is None or leads_on(aim.word))
        if known[target] and (takes_all or territory.takes(path)):
            found.append(path)
    return found
