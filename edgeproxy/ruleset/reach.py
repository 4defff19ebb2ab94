"""Rules that no request can reach, as far as one earlier rule plainly takes everything that they could take.

A rule is found dead when an earlier one has all its hosts, all its methods, and the same path template (but for the
names of captures) or one that takes every path.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from edgeproxy.ruleset.matching import PathRegex
from edgeproxy.ruleset.model import RedirectMap, Rule
from edgeproxy.ruleset.problems import Code, Problem, Related

_EVERY_PATH: Final = "every path"


def dead_rules(rules: Sequence[Rule]) -> Iterator[Problem]:
    """A problem for each dead rule, in file order.

    An earlier rule that covers a later one has its first host too: only those that share host and path are compared.
    """
    earlier: dict[tuple[str, object], list[Rule]] = {}
    for rule in rules:
        first_host, path = rule.match.hosts[0].name, rule.match.path
        if isinstance(path, PathRegex) or rule.off is not None:
            continue
        keys = (_EVERY_PATH,) if path.takes_every_path else (_EVERY_PATH, path.shape)
        candidates = [each for key in keys for each in earlier.get((first_host, key), ())]
        covering = next((each for each in candidates if _covers(each, rule)), None)
        if covering is not None:
            yield _dead(rule, covering)
            continue  # what it would cover, the other covers too
        if rule.match.where or rule.match.is_conditional or isinstance(rule.action, RedirectMap):
            continue  # it need not take every request of its hosts, schemes, methods and path
        for host in rule.match.hosts:
            earlier.setdefault((host.name, keys[-1]), []).append(rule)


def _covers(earlier: Rule, rule: Rule) -> bool:
    """For rules of which the earlier one takes every path of the later one."""
    wide, narrow = earlier.match, rule.match
    hosts = {host.name for host in wide.hosts} >= {host.name for host in narrow.hosts}
    schemes = not wide.schemes or (bool(narrow.schemes) and wide.schemes >= narrow.schemes)
    return hosts and schemes and (not wide.methods or (bool(narrow.methods) and wide.methods >= narrow.methods))


def _dead(rule: Rule, covering: Rule) -> Problem:
    return Problem(
        Code.DEAD_RULE,
        rule.place,
        f"the rule {rule.name!r} can never match",
        f"{covering.name!r} stands before it and takes every request that it could take.",
        "move it before that rule, or remove it.",
        Related(covering.place, "this rule takes them"),
    )
